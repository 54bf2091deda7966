#include "own.h"

#include <string.h>

struct own_inputs {
  arena *memory;
  const train_rnn_options *o;
  int rank;
  int64_t updates;
  real *x;       // (T,B,Z+A)  the chunk's inputs, some of them M's own
  real *drawn;   // (T,B,Z)    what M would have said next
  float *chance; // (T,B)      uniform: below the share, the input is M's own
};

own_inputs *own_inputs_open(const train_rnn_options *o, int rank, int lanes, int64_t updates) {
  arena *memory = arena_open();
  own_inputs *s = ARENA_NEW(memory, own_inputs, 1);
  size_t rows = (size_t)o->steps * (size_t)lanes;

  *s = (own_inputs){.memory = memory, .o = o, .rank = rank, .updates = updates};
  s->x = ARENA_NEW(memory, real, rows * (size_t)(o->shape.Z + o->shape.A));
  s->drawn = ARENA_NEW(memory, real, rows * (size_t)o->shape.Z);
  s->chance = ARENA_NEW(memory, float, rows);
  return s;
}

void own_inputs_close(own_inputs *s) {
  if (s) arena_close(s->memory);
}

// From own_from on the share rises in a straight line, and is whole halfway to the end.
static double own_share(const own_inputs *s, int64_t update) {
  double first = s->o->own_from * (double)s->updates, whole = (first + (double)s->updates) / 2;
  double risen = whole > first ? ((double)update - first) / (whole - first) : 1;
  if (risen <= 0) return 0;
  return s->o->own_samples * (risen < 1 ? risen : 1);
}

// An episode's first latent is nobody's sample, and a chunk's first row has none before it.
static void own_rows_put(own_inputs *s, const rnn_chunk *k, double share) {
  int Z = s->o->shape.Z, I = Z + s->o->shape.A;
  for (int row = k->B; row < k->T * k->B; row++) {
    if (k->keep[row] == 0 || (double)s->chance[row] >= share) continue;
    memcpy(s->x + (size_t)row * I, s->drawn + (size_t)(row - k->B) * Z, Z * sizeof(real));
  }
}

void own_inputs_mix(own_inputs *s, rnn_chunk *k, rnn_net *net, const learner *l, const real *h, const real *c) {
  double share = own_share(s, l->step);
  int rows = k->T * k->B, I = s->o->shape.Z + s->o->shape.A;
  if (share <= 0) return;

  rng luck = rng_episode(rng_stream(s->o->seed, "own inputs"), (uint32_t)l->step, (uint32_t)s->rank);
  rng_uniforms(s->chance, rows, luck, 0, 0);
  memcpy(s->x, k->x, (size_t)rows * I * sizeof(real));
  k->x = s->x;

  // The same rows in each pass, and the same luck: what changes is what M had seen when it drew.
  rng sampled = rng_episode(rng_stream(s->o->seed, "own samples"), (uint32_t)l->step, (uint32_t)s->rank);
  for (int pass = 0; pass < s->o->own_passes; pass++) {
    rnn_net_draw(net, s->drawn, l->w, k, h, c, (real)s->o->log_sigma_floor, sampled);
    own_rows_put(s, k, share);
  }
}

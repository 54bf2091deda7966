// M is to tell its controller what is ahead. Beside the head on the new h, which says what follows a step, a second one
// stands on [z | h] before the action, the controller's very features: linear in them, and of second order in the
// action, it says whether the episode ends within some steps if the action is kept. So h comes to hold what a linear
// controller needs, and the head's slope in the action is itself such a controller: it steers to where no end is.

#include <string.h>

#include "ahead.h"

struct ahead_net {
  world_shape s;
  nn_table t;
  real *x, *dx;          // (rows, Z+H)
  real *part, *dpart;    // (rows, 1+2A)
  real *logit, *dlogit;  // (rows)
};

// An action's square, less its mean over actions drawn evenly.
static real ahead_square(real a) { return a * a - (real)1 / 3; }

static int ahead_inputs(const world_shape *s) { return s->Z + s->H; }
static int ahead_parts(const world_shape *s) { return 1 + 2 * s->A; }

ahead_net *ahead_net_open(arena *memory, const world_shape *s, int rows) {
  ahead_net *n = ARENA_NEW(memory, ahead_net, 1);
  size_t I = (size_t)ahead_inputs(s), Q = (size_t)ahead_parts(s), count = (size_t)rows;

  *n = (ahead_net){.s = *s,
                   .t = world_ahead_table(s),
                   .x = ARENA_NEW(memory, real, count * I),
                   .dx = ARENA_NEW(memory, real, count * I),
                   .part = ARENA_NEW(memory, real, count * Q),
                   .dpart = ARENA_NEW(memory, real, count * Q),
                   .logit = ARENA_NEW(memory, real, count),
                   .dlogit = ARENA_NEW(memory, real, count)};
  return n;
}

static const real *ahead_action(const ahead_net *n, const rnn_chunk *k, int row) {
  return k->x + (size_t)row * (n->s.Z + n->s.A) + n->s.Z;
}

// [z | h] as a controller sees it at a row: the latent, and the memory of what was before.
static void ahead_features(ahead_net *n, const rnn_chunk *k, const real *before, const real *h) {
  int Z = n->s.Z, H = n->s.H, I = Z + H;
  for (int row = 0; row < k->T * k->B; row++) {
    const real *was = row < k->B ? before + (size_t)row * H : h + (size_t)(row - k->B) * H;
    real *x = n->x + (size_t)row * I;

    memcpy(x, k->x + (size_t)row * (Z + n->s.A), Z * sizeof *x);
    for (int i = 0; i < H; i++) x[Z + i] = k->keep[row] * was[i];
  }
}

static void ahead_logits(ahead_net *n, const rnn_chunk *k) {
  for (int row = 0; row < k->T * k->B; row++) {
    const real *a = ahead_action(n, k, row), *part = n->part + (size_t)row * ahead_parts(&n->s);
    n->logit[row] = part[0];
    for (int i = 0; i < n->s.A; i++) n->logit[row] += part[1 + 2 * i] * a[i] + part[2 + 2 * i] * ahead_square(a[i]);
  }
}

static void ahead_logits_back(ahead_net *n, const rnn_chunk *k) {
  for (int row = 0; row < k->T * k->B; row++) {
    const real *a = ahead_action(n, k, row);
    real *dpart = n->dpart + (size_t)row * ahead_parts(&n->s);

    dpart[0] = n->dlogit[row];
    for (int i = 0; i < n->s.A; i++) {
      dpart[1 + 2 * i] = n->dlogit[row] * a[i];
      dpart[2 + 2 * i] = n->dlogit[row] * ahead_square(a[i]);
    }
  }
}

// To the memories that were seen: each is the h of the row before. What was before the chunk gets none.
static void ahead_features_back(const ahead_net *n, real *dh, const rnn_chunk *k) {
  int Z = n->s.Z, H = n->s.H;
  for (int row = k->B; row < k->T * k->B; row++) {
    const real *dx = n->dx + (size_t)row * (Z + H) + Z;
    real *to = dh + (size_t)(row - k->B) * H;
    for (int i = 0; i < H; i++) to[i] += k->keep[row] * dx[i];
  }
}

double ahead_net_learn(ahead_net *n, real *g, real *dh, const real *w, const rnn_chunk *k, const real *before,
                       const real *h, real scale) {
  int rows = k->T * k->B, I = ahead_inputs(&n->s), Q = ahead_parts(&n->s);
  size_t weight = n->t.tensor[AHEAD].at, bias = n->t.tensor[AHEAD_B].at;

  ahead_features(n, k, before, h);
  nn_dense(n->part, n->x, w + weight, w + bias, rows, I, Q);
  ahead_logits(n, k);
  double loss = nn_bce_loss(n->dlogit, n->logit, 1, k->soon, k->sure, rows, 1, scale);
  if (!g) return loss;

  ahead_logits_back(n, k);
  nn_dense_back(n->dx, g + weight, g + bias, n->dpart, n->x, w + weight, rows, I, Q);
  ahead_features_back(n, dh, k);
  return loss;
}

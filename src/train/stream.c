// Episodes laid end to end on lanes, cut into chunks for truncated back-propagation: a lane that reaches an episode's
// end takes the next one, with its memory cleared (keep = 0), so no target crosses a boundary and nothing is padded.
// World Models' code concatenates episodes and predicts across deaths; the boundary carries no information, so here
// it is no target.

#include <string.h>

#include "stream.h"

static rng stream_frame_luck(const stream *s, uint32_t episode) { return rng_episode(s->luck, s->epoch, episode); }

// z of a frame is drawn anew each epoch from (mu, logvar), the same for input and target.
static void stream_draw(const stream *s, real *z, uint32_t episode, int frame) {
  const latent_episode *e = latents_episode(s->l, (int)episode);
  const float *mu = e->mu + (size_t)frame * s->Z, *logvar = e->logvar + (size_t)frame * s->Z;
  float sample[WORLD_LATENT_MAX];
  world_latent_sample(sample, mu, logvar, s->Z, stream_frame_luck(s, episode), (uint32_t)frame);
  for (int i = 0; i < s->Z; i++) z[i] = (real)sample[i];
}

static void stream_lane_begin(stream *s, stream_lane *lane) {
  lane->episode = s->order[s->next++ % s->count];
  lane->t = 0;
  stream_draw(s, lane->z, lane->episode, 0);
}

stream *stream_open(const latents *l, int Z, int A, int lanes, int steps, int most, int ahead) {
  arena *memory = arena_open();
  stream *s = ARENA_NEW(memory, stream, 1);
  size_t rows = (size_t)lanes * steps;

  *s = (stream){.memory = memory, .l = l, .Z = Z, .A = A, .lanes = lanes, .steps = steps, .ahead = ahead};

  s->order = ARENA_NEW(memory, uint32_t, most);
  s->lane = ARENA_NEW(memory, stream_lane, lanes);
  for (int i = 0; i < lanes; i++) s->lane[i].z = ARENA_NEW(memory, real, Z);

  // A chunk, time-major: see rnn_chunk.
  s->x = ARENA_NEW(memory, real, rows * (Z + A));
  s->keep = ARENA_NEW(memory, real, rows);
  s->target = ARENA_NEW(memory, real, rows * Z);
  s->reward = ARENA_NEW(memory, real, rows);
  s->done = ARENA_NEW(memory, real, rows);
  s->soon = ARENA_NEW(memory, real, rows);
  s->sure = ARENA_NEW(memory, real, rows);

  return s;
}

void stream_close(stream *s) {
  if (s) arena_close(s->memory);
}

void stream_begin(stream *s, const episode_list *episodes, const train_team *team, rng luck, uint32_t epoch,
                  bool shuffle) {
  s->count = (uint32_t)episode_list_of_rank(s->order, episodes, team->rank, team->size);
  s->next = 0;
  s->luck = luck;
  s->epoch = epoch;

  if (shuffle) rng_shuffle(s->order, s->count, rng_episode(luck, epoch, UINT32_MAX), (uint32_t)team->rank);
  for (int b = 0; s->count && b < s->lanes; b++) stream_lane_begin(s, &s->lane[b]);
}

// Whether an end is ahead, and whether what was done says so: the action was kept until then, and no cap came before.
static void stream_ahead_fill(stream *s, int row, const latent_episode *e, int t) {
  int left = e->steps - t, look = int_min(left, s->ahead), kept = 1;
  const float *action = e->actions + (size_t)t * s->A;
  while (kept < look && memcmp(action + (size_t)kept * s->A, action, s->A * sizeof *action) == 0) kept++;

  bool ends = e->terminated[e->steps - 1];
  s->soon[row] = ends && left <= s->ahead;
  s->sure[row] = kept == look && (ends || left >= s->ahead);
}

static void stream_row_fill(stream *s, int row, stream_lane *lane) {
  const latent_episode *e = latents_episode(s->l, (int)lane->episode);
  real *x = s->x + (size_t)row * (s->Z + s->A), *target = s->target + (size_t)row * s->Z;

  // What M is shown, and what it is to say.
  memcpy(x, lane->z, s->Z * sizeof *x);
  for (int i = 0; i < s->A; i++) x[s->Z + i] = (real)e->actions[(size_t)lane->t * s->A + i];
  s->keep[row] = lane->t > 0;
  s->reward[row] = (real)e->rewards[lane->t];
  s->done[row] = e->terminated[lane->t];
  if (s->ahead) stream_ahead_fill(s, row, e, lane->t);

  // The target of this step is the latent of the next: drawn once.
  stream_draw(s, target, lane->episode, lane->t + 1);
  memcpy(lane->z, target, s->Z * sizeof *target);

  lane->t++;
  if (lane->t == e->steps) stream_lane_begin(s, lane);
}

rnn_chunk stream_chunk(stream *s) {
  for (int t = 0; t < s->steps; t++)
    for (int b = 0; b < s->lanes; b++) stream_row_fill(s, t * s->lanes + b, &s->lane[b]);

  return (rnn_chunk){.x = s->x,
                     .keep = s->keep,
                     .target = s->target,
                     .reward = s->reward,
                     .done = s->done,
                     .soon = s->ahead ? s->soon : NULL,
                     .sure = s->sure,
                     .T = s->steps,
                     .B = s->lanes};
}

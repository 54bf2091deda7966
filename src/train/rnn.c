// Training M, a mixture density network on an LSTM, on lanes of episodes. World Models' code clips each element of the
// gradient and lets the rate decay by a fixed factor per step, tuned to its 24,400 steps; here the same exponential
// reaches learning_rate_end at the last step, however many there are.

#include <math.h>
#include <string.h>

#include "loop.h"
#include "own.h"
#include "stream.h"

const char *const train_rnn_parts[TRAIN_PARTS] = {"latent", "done", "reward", ""};
const char *const train_rnn_ahead_parts[TRAIN_PARTS] = {"latent", "done", "reward", "ahead"};

enum { LOSS_Z, LOSS_DONE, LOSS_REWARD, LOSS_AHEAD, LOSSES };

typedef struct rnn_run {
  const train_rnn_options *o;
  const dataset *d;
  const train_team *team;
  lesson lesson;
  latents *latent;
  stream *episodes;
  rnn_net *net;
  real *h, *c;             // (share, H)
  own_inputs *own;         // or NULL: M is shown what was real
  episode_list learnt, held;
  int share;
  int64_t held_chunks;
  float *offset, *scale;   // (Z)
} rnn_run;

static rnn_rules rnn_rules_of(const train_rnn_options *o) {
  return (rnn_rules){.log_sigma_floor = (real)o->log_sigma_floor,
                     .done_factor = (real)o->done_weight,
                     .reward_weight = (real)o->reward_weight};
}

// Chunks that every rank can fill from these episodes without seeing one more often than it stands there; at least 1.
static int64_t rnn_chunks(const rnn_run *r, const episode_list *episodes) {
  int64_t chunks = INT64_MAX;
  for (int rank = 0; rank < r->team->size; rank++) {
    train_team other = {.rank = rank, .size = r->team->size};
    int64_t steps = 0, rows = (int64_t)share_of(r->o->batch, &other) * r->o->steps;
    for (int i = 0; i < episodes->count; i++)
      if ((int)episodes->of[i] % r->team->size == rank) steps += data_steps(r->d, (int)episodes->of[i]);

    // A rank without a lane holds nobody up.
    if (rows && steps / rows < chunks) chunks = steps / rows;
  }

  return chunks > 1 ? chunks : 1;
}

static void rnn_memory_clear(rnn_run *r) {
  size_t n = (size_t)r->share * r->o->shape.H;
  memset(r->h, 0, n * sizeof *r->h);
  memset(r->c, 0, n * sizeof *r->c);
}

// --- what the loop asks for ------------------------------------------------------------------------------------------

// The lanes' memories live only within an epoch, so its end is where a checkpoint is whole: `first` is 0.
static status rnn_seek(void *self, int epoch, int64_t first) {
  rnn_run *r = self;
  rng luck = rng_stream(r->o->seed, "rnn latents");
  CHECK(first == 0, "chunk %lld of an epoch", (long long)first);
  stream_begin(r->episodes, &r->learnt, r->team, luck, (uint32_t)epoch, true);
  rnn_memory_clear(r);
  return OK;
}

static status rnn_batch(void *self, float *g, float *parts) {
  rnn_run *r = self;
  rnn_chunk k = stream_chunk(r->episodes);
  if (r->own) own_inputs_mix(r->own, &k, r->net, &r->lesson.l, r->h, r->c);

  real scale = (real)(1 / r->lesson.samples);
  rnn_loss loss = rnn_net_learn(r->net, g, r->lesson.l.w, &k, r->h, r->c, rnn_rules_of(r->o), scale);

  parts[LOSS_Z] = (float)loss.z;
  parts[LOSS_DONE] = (float)loss.done;
  parts[LOSS_REWARD] = (float)loss.reward;
  parts[LOSS_AHEAD] = (float)loss.ahead;
  return OK;
}

static double rnn_loss_of(const void *self, const double *means) {
  const rnn_run *r = self;
  return means[LOSS_Z] + means[LOSS_DONE] + r->o->reward_weight * means[LOSS_REWARD] + means[LOSS_AHEAD];
}

static void rnn_held_out(void *self, train_row *row) {
  rnn_run *r = self;
  const train_watch *watch = r->lesson.watch;
  double sums[LOSSES + 1] = {0};
  rng luck = rng_stream(r->o->seed, "rnn held-out");
  stream_begin(r->episodes, &r->held, r->team, luck, 0, false);
  rnn_memory_clear(r);

  // As many chunks as every rank can fill; one that holds no such episodes adds nothing.
  for (int64_t i = 0; r->episodes->count && i < r->held_chunks; i++) {
    if (watch->alive) watch->alive(watch->self);
    rnn_chunk k = stream_chunk(r->episodes);
    rnn_loss loss = rnn_net_learn(r->net, NULL, r->lesson.l.w, &k, r->h, r->c, rnn_rules_of(r->o), 0);
    sums[LOSS_Z] += loss.z;
    sums[LOSS_DONE] += loss.done;
    sums[LOSS_REWARD] += loss.reward;
    sums[LOSS_AHEAD] += loss.ahead;
    sums[LOSSES] += (double)k.T * k.B;
  }

  r->team->sum_double(r->team->self, sums, LOSSES + 1);
  for (int i = 0; i < LOSSES; i++) row->held_out_part[i] = sums[i] / sums[LOSSES];
  row->held_out = rnn_loss_of(r, row->held_out_part);
}

// --- the whole -------------------------------------------------------------------------------------------------------

// Where the observation is the latent: zero mean and unit deviation over the learnt-from frames of all ranks, as often
// as they are shown.
static void rnn_standardise(rnn_run *r) {
  int Z = r->o->shape.Z;
  double *sums = mem_take((size_t)2 * Z + 1, sizeof *sums);
  // Sums, sums of squares and the count: this rank's, then all ranks'.
  for (int e = 0; e < r->learnt.count; e++) {
    const latent_episode *l = latents_episode(r->latent, (int)r->learnt.of[e]);
    if (!l) continue;
    for (int i = 0; i < (l->steps + 1) * Z; i++) {
      sums[i % Z] += (double)l->mu[i];
      sums[Z + i % Z] += (double)l->mu[i] * (double)l->mu[i];
    }
    sums[2 * Z] += l->steps + 1;
  }

  r->team->sum_double(r->team->self, sums, (size_t)2 * Z + 1);

  // What never moves would be divided by nothing: it keeps its size.
  for (int i = 0; i < Z; i++) {
    double mean = sums[i] / sums[2 * Z], variance = sums[Z + i] / sums[2 * Z] - mean * mean;
    r->offset[i] = (float)mean;
    r->scale[i] = (float)(1 / sqrt(variance > 1e-12 ? variance : 1));
  }

  latents_standardise(r->latent, r->offset, r->scale);
  mem_free(sums);
}

enum { ORIGINS_MAX = 1000, MOMENTS = 4096 };

// M goes on only with the scale that it was begun with.
static status rnn_scale(rnn_run *r) {
  if (!r->o->from) {
    rnn_standardise(r);
    return OK;
  }
  TRY(r->team->agree(r->team->self, world_scale_read(r->offset, r->scale, r->o->from, r->o->shape.Z)));
  latents_standardise(r->latent, r->offset, r->scale);
  return OK;
}

// Dreams begin where real episodes began: (mu, logvar) of first frames, all ranks'.  first (2, count, Z)
static void rnn_origins(const rnn_run *r, float *first, int count) {
  int Z = r->o->shape.Z;
  size_t n = (size_t)count * Z;

  // Each rank knows its own episodes alone.
  for (int e = 0; e < count; e++) {
    const latent_episode *l = latents_episode(r->latent, e);
    if (!l) continue;
    memcpy(first + (size_t)e * Z, l->mu, Z * sizeof *first);
    memcpy(first + n + (size_t)e * Z, l->logvar, Z * sizeof *first);
  }

  r->team->sum(r->team->self, first, 2 * n);  // others' rows are zero: the sum is exact
}

// Or in the midst of them: moments drawn from the rows of one more pass over the newest that was learnt from, as M, now
// that it knows, remembers them.  moment (MOMENTS, Z + 2H), this rank's share at its place among the others'
static void rnn_moments(rnn_run *r, float *moment) {
  int belief = r->o->shape.Z + 2 * r->o->shape.H, rows = r->share * r->o->steps;
  int own = share_of(MOMENTS, r->team);
  episode_list newest = split_newest(r->d, r->o->held_out, r->team->size);
  int chunks = (int)rnn_chunks(r, &newest);
  uint32_t *word = mem_take((size_t)2 * own, sizeof *word);
  int *row = mem_take((size_t)own, sizeof *row);
  float *to = moment;
  for (int i = 0; i < r->team->rank; i++)
    to += (size_t)share_of(MOMENTS, &(train_team){.rank = i, .size = r->team->size}) * belief;

  rng luck = rng_stream(r->o->moments_seed, "moments");
  rng_words(word, 2 * own, rng_episode(luck, 0, (uint32_t)r->team->rank), 0, 0);
  stream_begin(r->episodes, &newest, r->team, luck, 0, true);
  rnn_memory_clear(r);

  for (int chunk = 0; r->share && chunk < chunks; chunk++) {
    int count = 0;
    for (int i = 0; i < own; i++)
      if (word[2 * i] % (uint32_t)chunks == (uint32_t)chunk) row[count++] = (int)(word[2 * i + 1] % (uint32_t)rows);

    rnn_chunk k = stream_chunk(r->episodes);
    rnn_net_beliefs(r->net, to, r->lesson.l.w, &k, r->h, r->c, row, count);
    to += (size_t)count * belief;
    if (r->lesson.watch->alive) r->lesson.watch->alive(r->lesson.watch->self);
  }

  r->team->sum(r->team->self, moment, (size_t)MOMENTS * belief);
  episode_list_free(&newest);
  mem_free(word);
  mem_free(row);
}

static status rnn_write(rnn_run *r) {
  const train_rnn_options *o = r->o;
  int Z = o->shape.Z, count = int_min(latents_count(r->latent), ORIGINS_MAX);
  float *first = mem_take((size_t)2 * count * Z, sizeof *first);
  float *moment = mem_take((size_t)MOMENTS * (Z + 2 * o->shape.H), sizeof *moment);
  rnn_origins(r, first, count);
  rnn_moments(r, moment);
  const real *ahead = r->lesson.l.w + world_rnn_table(&o->shape).size;

  const world_origins origins = {.count = count,
                                 .mu = first,
                                 .logvar = first + (size_t)count * Z,
                                 .moments = MOMENTS,
                                 .moment = moment,
                                 .offset = r->offset,
                                 .scale = r->scale,
                                 .ahead = o->ahead ? ahead : NULL,
                                 .log_sigma_floor = (float)o->log_sigma_floor,
                                 .done_weight = (float)o->done_weight};

  status s = OK;
  if (r->team->rank == 0) s = world_rnn_write(o->result, &o->shape, r->lesson.l.w, &origins, o->vae_hash);
  if (r->team->rank == 0 && s == OK) s = file_remove(o->checkpoint);

  mem_free(first);
  mem_free(moment);
  return r->team->agree(r->team->self, s);
}

static status rnn_shapes_check(const rnn_run *r) {
  int size = r->team->size, actions = data_spec_of(r->d)->actions;
  if (r->o->batch < size) FAIL(BAD_CONFIG, "rnn.batch is %d, fewer than the %d ranks", r->o->batch, size);
  if (actions != r->o->shape.A)
    FAIL(MISMATCH, "the dataset has %d actions, the environment %d; run collect again", actions, r->o->shape.A);
  if (r->learnt.count < size)
    FAIL(BAD_CONFIG, "%d episodes to learn from are fewer than the %d ranks", r->learnt.count, size);
  return OK;
}

static status rnn_prepare(rnn_run *r) {
  const train_rnn_options *o = r->o;
  const world_shape *s = &o->shape;
  learner *l = &r->lesson.l;
  r->learnt = split_learnt(r->d, o->held_out, o->newest);
  r->held = split_held(r->d, o->held_out);
  TRY(rnn_shapes_check(r));
  TRY(latents_open(&r->latent, o->latents, r->d, o->vae_hash, s->Z, r->team));

  // Chunks per epoch are the same for all ranks, so that all sum as often.
  r->share = share_of(o->batch, r->team);
  r->lesson.batches = rnn_chunks(r, &r->learnt);
  r->held_chunks = rnn_chunks(r, &r->held);
  int most = int_max(r->learnt.count, r->held.count);
  r->episodes = stream_open(r->latent, s->Z, s->A, r->share, o->steps, most, o->ahead);
  r->net = rnn_net_open(s, o->steps, r->share);
  if (o->own_samples > 0) r->own = own_inputs_open(o, r->team->rank, r->share, r->lesson.batches * o->epochs);

  nn_table table = world_rnn_table(s), ahead = world_ahead_table(s);
  lesson_open(&r->lesson, table.size + (o->ahead ? ahead.size : 0));
  r->h = ARENA_NEW(l->memory, real, r->share * s->H);
  r->c = ARENA_NEW(l->memory, real, r->share * s->H);
  r->offset = ARENA_NEW(l->memory, float, s->Z);
  r->scale = ARENA_NEW(l->memory, float, s->Z);
  for (int i = 0; i < s->Z; i++) r->scale[i] = 1;
  // Random weights or those of before, and over them the checkpoint's, where there is one.
  if (o->from) TRY(world_weights_read(l->w, o->from, &table));
  else rnn_net_init(l->w, s, o->seed);
  if (o->from && o->ahead) TRY(world_weights_read(l->w + table.size, o->from, &ahead));
  return lesson_resume(&r->lesson);
}

static status rnn_learn(rnn_run *r) {
  TRY(r->team->agree(r->team->self, rnn_prepare(r)));
  if (!r->o->shape.pixels) TRY(rnn_scale(r));
  TRY(lesson_learn(&r->lesson));
  return rnn_write(r);
}

status train_rnn(const train_rnn_options *o, const dataset *d, const train_team *team, const train_watch *watch) {
  rnn_run r = {.o = o, .d = d, .team = team};
  r.lesson = (lesson){.name = "M",
                      .self = &r,
                      .team = team,
                      .watch = watch,
                      .checkpoint = o->checkpoint,
                      .identity = o->identity,
                      .anew = o->anew,
                      .epochs = o->epochs,
                      .samples = (double)o->batch * o->steps,
                      .rows_per_epoch = 1,
                      .learning_rate = o->learning_rate,
                      .learning_rate_end = o->learning_rate_end,
                      .clip = o->clip,
                      .seek = rnn_seek,
                      .batch = rnn_batch,
                      .loss = rnn_loss_of,
                      .held_out = rnn_held_out};

  status s = rnn_learn(&r);

  // Each takes what was never opened, too.
  own_inputs_close(r.own);
  rnn_net_close(r.net);
  stream_close(r.episodes);
  latents_close(r.latent);
  episode_list_free(&r.learnt);
  episode_list_free(&r.held);
  lesson_close(&r.lesson);
  return s;
}

// Training M over all ranks, as V is trained: shares of a batch of lanes, gradients summed in rank order.
// World Models' code clips each element of the gradient and lets the rate decay by a fixed factor a step, tuned to its
// 24,400 steps; here the same exponential reaches learning_rate_end at the last step, however many there are.

#include <math.h>
#include <string.h>

#include "stream.h"

#define CHECKPOINT_SECONDS 60.0

const char *const train_rnn_parts[TRAIN_PARTS] = {"latent", "done", "reward", ""};

enum { LOSS_Z, LOSS_DONE, LOSS_REWARD, WORD_STOP, WORDS };  // what travels behind the gradient

typedef struct rnn_run {
  const train_rnn_options *o;
  const dataset *d;
  const train_team *team;
  const train_watch *watch;
  learner l;
  latents *latent;
  stream *episodes;
  rnn_net *net;
  real *h, *c;             // (share, H)
  int share, held_from;
  int64_t chunks, held_chunks;  // an epoch
  float *offset, *scale;   // (Z)
  double started, saved;
} rnn_run;

static rnn_rules rules_of(const train_rnn_options *o) {
  return (rnn_rules){(real)o->log_sigma_floor, (real)o->done_weight, (real)o->reward_weight};
}

static double loss_of(const train_rnn_options *o, const double *part) {
  return part[LOSS_Z] + part[LOSS_DONE] + o->reward_weight * part[LOSS_REWARD];
}

// Chunks that every rank can fill from episodes [from, to) without seeing one twice; at least `least`.
static int64_t chunks_in(const rnn_run *r, int from, int to, int64_t least) {
  int64_t chunks = INT64_MAX;
  for (int rank = 0; rank < r->team->size; rank++) {
    train_team other = {.rank = rank, .size = r->team->size};
    int64_t steps = 0, rows = (int64_t)share_of(r->o->batch, &other) * r->o->steps;
    for (int e = from; e < to; e++)
      if (e % r->team->size == rank) steps += data_steps(r->d, e);
    if (rows && steps / rows < chunks) chunks = steps / rows;
  }
  return chunks > least ? chunks : least;
}

static void memory_clear(rnn_run *r) {
  size_t n = (size_t)r->share * r->o->shape.H;
  memset(r->h, 0, n * sizeof *r->h);
  memset(r->c, 0, n * sizeof *r->c);
}

static void learn_chunk(rnn_run *r, int64_t all) {
  const train_rnn_options *o = r->o;
  learner *l = &r->l;
  rnn_chunk k = stream_chunk(r->episodes);
  double rows = (double)o->batch * o->steps;
  memset(l->g, 0, (l->size + WORDS) * sizeof *l->g);
  rnn_loss loss = rnn_net_learn(r->net, l->g, l->w, &k, r->h, r->c, rules_of(o), (real)(1 / rows));
  float *words = l->g + l->size;
  words[LOSS_Z] = (float)loss.z;
  words[LOSS_DONE] = (float)loss.done;
  words[LOSS_REWARD] = (float)loss.reward;
  words[WORD_STOP] = r->watch->stop && r->watch->stop(r->watch->self) ? 1.0f : 0.0f;
  r->team->sum(r->team->self, l->g, l->size + WORDS);
  nn_clip_elements(l->g, l->size, (real)o->clip);
  nn_adam adam = {learning_rate_at(o->learning_rate, o->learning_rate_end, l->step, all), 0.9, 0.999, 1e-8};
  l->step++;
  nn_adam_step(l->w, l->m, l->v, l->g, l->size, adam, l->step);
  for (int i = 0; i < 3; i++) r->l.since_row.part[i] += (double)words[i];
  r->l.since_row.count += rows;
}

static void held_out(rnn_run *r, train_row *row) {
  double sums[4] = {0};
  stream_begin(r->episodes, r->held_from, data_count(r->d), r->team, rng_stream(r->o->seed, "rnn held-out"), 0, false);
  memory_clear(r);
  for (int64_t i = 0; r->episodes->count && i < r->held_chunks; i++) {
    if (r->watch->alive) r->watch->alive(r->watch->self);
    rnn_chunk k = stream_chunk(r->episodes);
    rnn_loss loss = rnn_net_learn(r->net, NULL, r->l.w, &k, r->h, r->c, rules_of(r->o), 0);
    sums[0] += loss.z, sums[1] += loss.done, sums[2] += loss.reward, sums[3] += (double)k.T * k.B;
  }
  r->team->sum_double(r->team->self, sums, 4);
  for (int i = 0; i < 3; i++) row->held_out_part[i] = sums[i] / sums[3];
  row->held_out = loss_of(r->o, row->held_out_part);
}

static void write_row(rnn_run *r, int epoch) {
  train_row row = {.epoch = epoch + 1, .step = r->l.step};
  for (int i = 0; i < 3; i++) row.part[i] = tally_mean(&r->l.since_row, i);
  row.loss = loss_of(r->o, row.part);
  held_out(r, &row);
  row.seconds = time_now() - r->started;
  learner_row(&r->l, &row, r->team, r->watch);
}

// The lanes' memories live only within an epoch, so its end is where a checkpoint is whole.
static status epoch_end(rnn_run *r, int epoch, bool stop) {
  double save = r->team->rank == 0 && time_now() - r->saved > CHECKPOINT_SECONDS;
  write_row(r, epoch);
  r->team->sum_double(r->team->self, &save, 1);
  if (save > 0 || stop) {
    status s = r->team->rank == 0 ? learner_save(&r->l, r->o->checkpoint, r->o->identity, r->team->size) : OK;
    r->saved = time_now();
    TRY(r->team->agree(r->team->self, s));
  }
  if (stop) FAIL(INTERRUPTED, "training M was stopped after epoch %d; its checkpoint is %s", epoch + 1, r->o->checkpoint);
  return OK;
}

static status learn_epoch(rnn_run *r, int epoch) {
  int64_t all = r->chunks * r->o->epochs;
  bool stop = false;
  stream_begin(r->episodes, 0, r->held_from, r->team, rng_stream(r->o->seed, "rnn latents"), (uint32_t)epoch, true);
  memory_clear(r);
  for (int64_t i = 0; i < r->chunks; i++) {
    learn_chunk(r, all);
    const float *words = r->l.g + r->l.size;
    stop |= words[WORD_STOP] > 0;
    double part[3] = {(double)words[0], (double)words[1], (double)words[2]};
    if (r->team->rank == 0)
      r->watch->progress(r->watch->self, (double)r->l.step, (double)all, loss_of(r->o, part) / ((double)r->o->batch * r->o->steps));
  }
  return epoch_end(r, epoch, stop);
}

// Where the observation is the latent: zero mean and unit deviation over the learnt-from frames of all ranks.
static void standardise(rnn_run *r) {
  int Z = r->o->shape.Z;
  double *sums = mem_take((size_t)2 * Z + 1, sizeof *sums);
  for (int e = 0; e < r->held_from; e++) {
    const latent_episode *l = latents_episode(r->latent, e);
    if (!l) continue;
    for (int i = 0; i < (l->steps + 1) * Z; i++) {
      sums[i % Z] += (double)l->mu[i];
      sums[Z + i % Z] += (double)l->mu[i] * (double)l->mu[i];
    }
    sums[2 * Z] += l->steps + 1;
  }
  r->team->sum_double(r->team->self, sums, (size_t)2 * Z + 1);
  for (int i = 0; i < Z; i++) {
    double mean = sums[i] / sums[2 * Z], variance = sums[Z + i] / sums[2 * Z] - mean * mean;
    r->offset[i] = (float)mean;
    r->scale[i] = (float)(1 / sqrt(variance > 1e-12 ? variance : 1));
  }
  latents_standardise(r->latent, r->offset, r->scale);
  mem_free(sums);
}

// Dreams begin where real episodes began.
static status write_world(rnn_run *r) {
  enum { ORIGINS_MAX = 1000 };
  int Z = r->o->shape.Z, count = latents_count(r->latent) < ORIGINS_MAX ? latents_count(r->latent) : ORIGINS_MAX;
  size_t n = (size_t)count * Z;
  float *first = mem_take(2 * n, sizeof *first);
  for (int e = 0; e < count; e++) {
    const latent_episode *l = latents_episode(r->latent, e);
    if (!l) continue;
    memcpy(first + (size_t)e * Z, l->mu, Z * sizeof *first);
    memcpy(first + n + (size_t)e * Z, l->logvar, Z * sizeof *first);
  }
  r->team->sum(r->team->self, first, 2 * n);  // others' rows are zero: the sum is exact
  const world_origins o = {.count = count, .mu = first, .logvar = first + n, .offset = r->offset, .scale = r->scale,
                           .log_sigma_floor = (float)r->o->log_sigma_floor};
  status s = OK;
  if (r->team->rank == 0) s = world_rnn_write(r->o->result, &r->o->shape, r->l.w, &o, r->o->vae_hash);
  if (r->team->rank == 0 && s == OK) s = file_remove(r->o->checkpoint);
  mem_free(first);
  return r->team->agree(r->team->self, s);
}

static status prepare(rnn_run *r) {
  const train_rnn_options *o = r->o;
  const world_shape *s = &o->shape;
  if (o->batch < r->team->size) FAIL(BAD_CONFIG, "rnn.batch is %d, fewer than the %d ranks", o->batch, r->team->size);
  if (data_spec_of(r->d)->actions != s->A)
    FAIL(MISMATCH, "the dataset has %d actions, the environment %d; run collect again", data_spec_of(r->d)->actions,
         s->A);
  TRY(latents_open(&r->latent, o->latents, r->d, o->vae_hash, s->Z, r->team));
  r->l = learner_open(world_rnn_table(s).size, WORDS);
  r->share = share_of(o->batch, r->team);
  r->held_from = split_held_from(data_count(r->d), o->held_out);
  if (r->held_from < r->team->size) FAIL(BAD_CONFIG, "%d episodes to learn from are fewer than the %d ranks", r->held_from, r->team->size);
  r->chunks = chunks_in(r, 0, r->held_from, 1);
  r->held_chunks = chunks_in(r, r->held_from, data_count(r->d), 1);
  r->episodes = stream_open(r->latent, s->Z, s->A, r->share, o->steps);
  r->net = rnn_net_open(s, o->steps, r->share);
  r->h = ARENA_NEW(r->l.memory, real, r->share * s->H);
  r->c = ARENA_NEW(r->l.memory, real, r->share * s->H);
  r->offset = ARENA_NEW(r->l.memory, float, s->Z);
  r->scale = ARENA_NEW(r->l.memory, float, s->Z);
  for (int i = 0; i < s->Z; i++) r->scale[i] = 1;
  rnn_net_init(r->l.w, s, o->seed);
  int64_t most = r->chunks * o->epochs;
  return o->anew ? OK : learner_load(&r->l, o->checkpoint, o->identity, r->team->size, most);
}

static status learn(rnn_run *r) {
  TRY(r->team->agree(r->team->self, prepare(r)));
  TRY(learner_begin(&r->l, r->team, r->watch));
  r->started -= learner_seconds(&r->l);
  if (!r->o->shape.pixels) standardise(r);
  for (int epoch = (int)(r->l.step / r->chunks); epoch < r->o->epochs; epoch++) TRY(learn_epoch(r, epoch));
  return write_world(r);
}

status train_rnn(const train_rnn_options *o, const dataset *d, const train_team *team, const train_watch *watch) {
  double now = time_now();
  rnn_run r = {.o = o, .d = d, .team = team, .watch = watch, .started = now, .saved = now};
  status s = learn(&r);
  rnn_net_close(r.net);
  stream_close(r.episodes);
  latents_close(r.latent);
  learner_close(&r.l);
  return s;
}

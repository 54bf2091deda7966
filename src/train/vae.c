// Training V over all ranks: each takes its share of a batch, gradients are summed in rank order, and all make the same
// Adam step. World Models' article trains one epoch, its code ten; the loss is the code's (sum of squares, KL floored a sample).

#include <math.h>
#include <string.h>

#include "parts.h"

#define ROWS_AN_EPOCH 10
#define HELD_OUT_FRAMES 400      // over all ranks, each time a row is written
#define CHECKPOINT_SECONDS 60.0

const char *const train_vae_parts[TRAIN_PARTS] = {"reconstruction", "kl", "", ""};

// What travels behind the gradient.
enum { LOSS_RECONSTRUCTION, LOSS_KL, LOSS_TOTAL, WORD_STOP, WORD_SAVE, WORD_UNREAD, WORDS };

typedef struct vae_run {
  const train_vae_options *o;
  const train_team *team;
  const train_watch *watch;
  learner l;
  vae_net *net;
  frame_stream *f;
  int share;             // of a batch
  real *images, *noise;  // (share, ...)
  real *held;            // (held_count, pixels)
  int held_count;
  int64_t batches;       // an epoch
  double started, saved;
} vae_run;

static real kl_floor(const train_vae_options *o) { return (real)(o->kl_tolerance * o->shape.Z); }

static void noise_of_step(vae_run *r) {
  rng luck = rng_episode(rng_stream(r->o->seed, "vae noise"), (uint32_t)r->team->rank, 0);
  int n = r->share * r->o->shape.Z;
  rng_normals(r->noise, n, luck, (uint32_t)r->l.step, 0);
}

static void add_words(vae_run *r, vae_loss loss) {
  float *words = r->l.g + r->l.size;
  words[LOSS_RECONSTRUCTION] = (float)loss.reconstruction;
  words[LOSS_KL] = (float)loss.kl;
  words[LOSS_TOTAL] = (float)(loss.reconstruction + loss.kl_floored);
  words[WORD_STOP] = r->watch->stop && r->watch->stop(r->watch->self) ? 1.0f : 0.0f;
  words[WORD_SAVE] = r->team->rank == 0 && time_now() - r->saved > CHECKPOINT_SECONDS ? 1.0f : 0.0f;
}

// Where a rank could not read its frames what is learnt here is nothing worth: all hear of it behind the gradient, and
// leave.
static void learn_batch(vae_run *r, bool unread) {
  learner *l = &r->l;
  memset(l->g, 0, (l->size + WORDS) * sizeof *l->g);
  l->g[l->size + WORD_UNREAD] = unread ? 1.0f : 0.0f;
  noise_of_step(r);
  vae_loss loss = vae_net_learn(r->net, l->g, l->w, r->images, r->noise, r->share, kl_floor(r->o), 1.0f / (float)r->o->batch);
  add_words(r, loss);
  r->team->sum(r->team->self, l->g, l->size + WORDS);
  nn_adam adam = {learning_rate_at(r->o->learning_rate, r->o->learning_rate_end, l->step, r->batches * r->o->epochs), 0.9, 0.999, 1e-8};
  l->step++;
  nn_adam_step(l->w, l->m, l->v, l->g, l->size, adam, l->step);
  for (int i = 0; i < 3; i++) r->l.since_row.part[i] += (double)l->g[l->size + i];
  r->l.since_row.count += r->o->batch;
}

static void held_out(vae_run *r, train_row *row) {
  double sums[4] = {0};
  int Z = r->o->shape.Z;
  for (int from = 0; from < r->held_count; from += r->share) {
    int n = r->held_count - from < r->share ? r->held_count - from : r->share;
    rng_normals(r->noise, n * Z, rng_stream(r->o->seed, "vae held-out noise"), (uint32_t)from, 0);
    vae_loss loss = vae_net_learn(r->net, NULL, r->l.w, r->held + (size_t)from * WORLD_PIXELS, r->noise, n, kl_floor(r->o), 0);
    sums[0] += loss.reconstruction, sums[1] += loss.kl, sums[2] += loss.reconstruction + loss.kl_floored, sums[3] += n;
  }
  r->team->sum_double(r->team->self, sums, 4);
  row->held_out = sums[2] / sums[3];
  row->held_out_part[0] = sums[0] / sums[3];
  row->held_out_part[1] = sums[1] / sums[3];
}

static void write_row(vae_run *r, int epoch) {
  train_row row = {.epoch = epoch + 1, .step = r->l.step, .loss = tally_mean(&r->l.since_row, LOSS_TOTAL)};
  row.part[0] = tally_mean(&r->l.since_row, LOSS_RECONSTRUCTION);
  row.part[1] = tally_mean(&r->l.since_row, LOSS_KL);
  held_out(r, &row);
  row.seconds = time_now() - r->started;
  learner_row(&r->l, &row, r->team, r->watch);
}

static status save(vae_run *r) {
  status s = r->team->rank == 0 ? learner_save(&r->l, r->o->checkpoint, r->o->identity, r->team->size) : OK;
  r->saved = time_now();
  return r->team->agree(r->team->self, s);
}

static status learn_epoch(vae_run *r, int epoch) {
  int64_t first = r->l.step - epoch * r->batches, every = r->batches / ROWS_AN_EPOCH + 1;
  TRY(r->team->agree(r->team->self, frames_seek(r->f, epoch, first * r->share)));
  for (int64_t b = first; b < r->batches; b++) {
    status read = frames_next(r->f, r->images, r->share);
    learn_batch(r, read != OK);
    const float *words = r->l.g + r->l.size;
    if (words[WORD_UNREAD] > 0) return r->team->agree(r->team->self, read);
    if (r->team->rank == 0)
      r->watch->progress(r->watch->self, (double)r->l.step, (double)(r->batches * r->o->epochs),
                         (double)words[LOSS_TOTAL] / r->o->batch);
    if ((b + 1) % every == 0 || b + 1 == r->batches) write_row(r, epoch);
    if (words[WORD_SAVE] > 0 || words[WORD_STOP] > 0) TRY(save(r));
    if (words[WORD_STOP] > 0) FAIL(INTERRUPTED, "training V was stopped at step %lld; its checkpoint is %s", (long long)r->l.step, r->o->checkpoint);
  }
  return OK;
}

static status prepare(vae_run *r, dataset *d) {
  const train_vae_options *o = r->o;
  TRY(train_pictures_check(d));
  r->l = learner_open(world_vae_table(&o->shape).size, WORDS);
  vae_net_init(r->l.w, &o->shape, o->seed);
  r->share = share_of(o->batch, r->team);
  r->f = frames_open(d, split_held_from(data_count(d), o->held_out), r->team, o->seed);
  r->batches = frames_batches(r->f, o->batch);
  if (o->frames && r->batches > o->frames / o->batch) r->batches = o->frames / o->batch;
  if (o->batch < r->team->size) FAIL(BAD_CONFIG, "vae.batch is %d, fewer than the %d ranks", o->batch, r->team->size);
  if (r->batches < 1) FAIL(BAD_CONFIG, "the dataset has too few frames for one batch of %d over %d ranks", o->batch, r->team->size);
  r->net = vae_net_open(&o->shape, r->share);
  r->images = mem_take((size_t)r->share * WORLD_PIXELS, sizeof(real));
  r->noise = mem_take((size_t)r->share * o->shape.Z, sizeof(real));
  int held = HELD_OUT_FRAMES / r->team->size + 1;
  r->held = mem_take((size_t)held * WORLD_PIXELS, sizeof(real));
  TRY(frames_held_out(r->f, r->held, held, &r->held_count));
  int64_t most = r->batches * o->epochs;
  return o->anew ? OK : learner_load(&r->l, o->checkpoint, o->identity, r->team->size, most);
}

static status learn(vae_run *r, dataset *d) {
  TRY(r->team->agree(r->team->self, prepare(r, d)));
  TRY(learner_begin(&r->l, r->team, r->watch));
  r->started -= learner_seconds(&r->l);
  for (int epoch = (int)(r->l.step / r->batches); epoch < r->o->epochs; epoch++) TRY(learn_epoch(r, epoch));
  status s = OK;
  if (r->team->rank == 0) {
    s = world_vae_write(r->o->result, &r->o->shape, r->l.w, data_hash(d).hex);
    if (s == OK) s = file_remove(r->o->checkpoint);
  }
  return r->team->agree(r->team->self, s);
}

status train_vae(const train_vae_options *o, dataset *d, const train_team *team, const train_watch *watch) {
  double now = time_now();
  vae_run r = {.o = o, .team = team, .watch = watch, .started = now, .saved = now};
  status s = learn(&r, d);
  learner_close(&r.l);
  vae_net_close(r.net);
  frames_close(r.f);
  mem_free(r.images);
  mem_free(r.noise);
  mem_free(r.held);
  return s;
}

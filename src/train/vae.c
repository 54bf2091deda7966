// Training V, a variational autoencoder of frames. World Models' article trains one epoch, its code ten; the loss is
// the code's: the sum of squared pixel errors, and a KL floored per sample.

#include <math.h>
#include <string.h>

#include "loop.h"

#define ROWS_PER_EPOCH 10
#define HELD_OUT_FRAMES 400  // over all ranks, each time a row is written

const char *const train_vae_parts[TRAIN_PARTS] = {"reconstruction", "kl", "", ""};

enum { LOSS_RECONSTRUCTION, LOSS_KL, LOSS_TOTAL };

typedef struct vae_run {
  const train_vae_options *o;
  const train_team *team;
  lesson lesson;
  vae_net *net;
  frame_stream *f;
  int share;             // of a batch
  real *images, *noise;  // (share, ...)
  moving moving;         // only with weight_moving, as `weight` (share, pixels)
  real *weight;
  episode_list learnt, held_episodes;
  real *held;            // (held_count, pixels)
  int held_count;
} vae_run;

static real vae_kl_floor(const train_vae_options *o) { return (real)(o->kl_tolerance * o->shape.Z); }

// --- what the loop asks for ------------------------------------------------------------------------------------------

static status vae_seek(void *self, int epoch, int64_t first) {
  vae_run *r = self;
  return frames_seek(r->f, epoch, first * r->share);
}

// The weight of each pixel of n images; NULL where all count alike.
static const real *vae_weigh(vae_run *r, const real *images, int n) {
  if (r->weight) moving_weigh(&r->moving, r->weight, images, n, (real)r->o->weight_moving);
  return r->weight;
}

static status vae_batch(void *self, float *g, float *parts) {
  vae_run *r = self;
  const learner *l = &r->lesson.l;
  rng luck = rng_episode(rng_stream(r->o->seed, "vae noise"), (uint32_t)r->team->rank, 0);
  // Noise is a function of rank and step: a run that was picked up draws the same.
  TRY(frames_next(r->f, r->images, r->share));
  rng_normals(r->noise, r->share * r->o->shape.Z, luck, (uint32_t)l->step, 0);

  real scale = 1.0f / (float)r->o->batch;
  const real *weight = vae_weigh(r, r->images, r->share);
  vae_loss loss = vae_net_learn(r->net, g, l->w, r->images, weight, r->noise, r->share, vae_kl_floor(r->o), scale);
  parts[LOSS_RECONSTRUCTION] = (float)loss.reconstruction;
  parts[LOSS_KL] = (float)loss.kl;
  parts[LOSS_TOTAL] = (float)(loss.reconstruction + loss.kl_floored);
  return OK;
}

static double vae_loss_of(const void *self, const double *means) {
  (void)self;
  return means[LOSS_TOTAL];
}

static void vae_held_out(void *self, train_row *row) {
  vae_run *r = self;
  const real *w = r->lesson.l.w;
  double sums[4] = {0};
  int Z = r->o->shape.Z;
  // The same frames with the same noise each time, so that rows can be compared.
  for (int from = 0; from < r->held_count; from += r->share) {
    int n = r->held_count - from < r->share ? r->held_count - from : r->share;
    const real *images = r->held + (size_t)from * WORLD_PIXELS;
    rng_normals(r->noise, n * Z, rng_stream(r->o->seed, "vae held-out noise"), (uint32_t)from, 0);
    const real *weight = vae_weigh(r, images, n);
    vae_loss loss = vae_net_learn(r->net, NULL, w, images, weight, r->noise, n, vae_kl_floor(r->o), 0);
    sums[LOSS_RECONSTRUCTION] += loss.reconstruction;
    sums[LOSS_KL] += loss.kl;
    sums[LOSS_TOTAL] += loss.reconstruction + loss.kl_floored;
    sums[3] += n;
  }

  r->team->sum_double(r->team->self, sums, 4);
  row->held_out = sums[LOSS_TOTAL] / sums[3];
  row->held_out_part[0] = sums[LOSS_RECONSTRUCTION] / sums[3];
  row->held_out_part[1] = sums[LOSS_KL] / sums[3];
}

// --- the whole -------------------------------------------------------------------------------------------------------

static int64_t vae_batches(const vae_run *r) {
  int64_t batches = frames_batches(r->f, r->o->batch), most = r->o->frames / r->o->batch;
  return r->o->frames && batches > most ? most : batches;
}

static void vae_moving_measure(vae_run *r) {
  r->moving.mean = mem_take(WORLD_PIXELS, sizeof(real));
  r->weight = mem_take((size_t)r->share * WORLD_PIXELS, sizeof(real));
  moving_measure(&r->moving, r->held, r->held_count, r->team);
}

static status vae_prepare(vae_run *r, dataset *d) {
  const train_vae_options *o = r->o;
  TRY(train_pictures_check(d));
  if (o->batch < r->team->size) FAIL(BAD_CONFIG, "vae.batch is %d, fewer than the %d ranks", o->batch, r->team->size);

  r->share = share_of(o->batch, r->team);
  r->learnt = split_learnt(d, o->held_out, o->newest);
  r->held_episodes = split_held(d, o->held_out);
  r->f = frames_open(d, &r->learnt, &r->held_episodes, r->team, o->seed);
  r->lesson.batches = vae_batches(r);
  if (r->lesson.batches < 1)
    FAIL(BAD_CONFIG, "the dataset has too few frames for one batch of %d over %d ranks", o->batch, r->team->size);

  int held = HELD_OUT_FRAMES / r->team->size + 1;
  r->net = vae_net_open(&o->shape, r->share);
  r->images = mem_take((size_t)r->share * WORLD_PIXELS, sizeof(real));
  r->noise = mem_take((size_t)r->share * o->shape.Z, sizeof(real));
  r->held = mem_take((size_t)held * WORLD_PIXELS, sizeof(real));
  // Read once: a sample that fits memory.
  TRY(frames_held_out(r->f, r->held, held, &r->held_count));
  if (o->weight_moving > 0 && r->held_episodes.count == 0)
    FAIL(BAD_CONFIG, "vae.weight_moving is measured on held-out frames, but collect.held_out leaves none");

  nn_table table = world_vae_table(&o->shape);
  lesson_open(&r->lesson, table.size);
  // Random weights or those of before, and over them the checkpoint's, where there is one.
  if (o->from) TRY(world_weights_read(r->lesson.l.w, o->from, &table));
  else vae_net_init(r->lesson.l.w, &o->shape, o->seed);
  return lesson_resume(&r->lesson);
}

static status vae_learn(vae_run *r, dataset *d) {
  TRY(r->team->agree(r->team->self, vae_prepare(r, d)));
  if (r->o->weight_moving > 0) vae_moving_measure(r);
  TRY(lesson_learn(&r->lesson));

  status s = OK;
  if (r->team->rank == 0) s = world_vae_write(r->o->result, &r->o->shape, r->lesson.l.w, data_hash(d).hex);
  if (r->team->rank == 0 && s == OK) s = file_remove(r->o->checkpoint);
  return r->team->agree(r->team->self, s);
}

status train_vae(const train_vae_options *o, dataset *d, const train_team *team, const train_watch *watch) {
  vae_run r = {.o = o, .team = team};
  r.lesson = (lesson){.name = "V",
                      .self = &r,
                      .team = team,
                      .watch = watch,
                      .checkpoint = o->checkpoint,
                      .identity = o->identity,
                      .anew = o->anew,
                      .epochs = o->epochs,
                      .samples = o->batch,
                      .rows_per_epoch = ROWS_PER_EPOCH,
                      .whole_within = true,
                      .learning_rate = o->learning_rate,
                      .learning_rate_end = o->learning_rate_end,
                      .seek = vae_seek,
                      .batch = vae_batch,
                      .loss = vae_loss_of,
                      .held_out = vae_held_out};

  status s = vae_learn(&r, d);

  // Each takes what was never opened, too.
  lesson_close(&r.lesson);
  vae_net_close(r.net);
  frames_close(r.f);
  episode_list_free(&r.learnt);
  episode_list_free(&r.held_episodes);
  mem_free(r.images);
  mem_free(r.noise);
  mem_free(r.held);
  mem_free(r.moving.mean);
  mem_free(r.weight);
  return s;
}

// V, the latents, and M: settings become options, ranks become a team, rows become CSV.

#include <math.h>
#include <string.h>

#include "app.h"
#include "train.h"

// --- the ranks as a team ---------------------------------------------------------------------------------------------------

static void team_sum(void *self, float *x, size_t n) { farm_sum(self, x, n); }
static void team_sum_double(void *self, double *x, size_t n) { farm_sum_double(self, x, n); }
static status team_agree(void *self, status mine) {
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);  // the others may still be at work
  return farm_agree(self, mine);
}

static train_team team_of(app *a) {
  return (train_team){.rank = farm_rank(a->f), .size = farm_size(a->f), .self = a->f, .sum = team_sum, .sum_double = team_sum_double, .agree = team_agree};
}

static world_shape shape_of(const app *a) {
  const settings *s = &a->s;
  world_shape shape = {.pixels = a->environment->pixels, .Z = s->vae.latent, .A = a->environment->actions, .H = s->rnn.hidden, .K = s->rnn.mixtures};
  memcpy(shape.channels, s->vae.channels, sizeof shape.channels);
  if (!shape.pixels) shape.Z = a->environment->shape[0];
  return shape;
}

world_features features_expected(const app *a) {
  world_features f;
  world_shape s = shape_of(a);
  CHECK(world_mdn_features(&f, &s, features_word(a)), "%s", features_word(a));
  return f;
}

status world_random(const app *a, world **w) {
  world_shape s = shape_of(a);
  return train_random_world(w, &s, (uint64_t)a->s.run.seed);
}

// --- rows and progress -----------------------------------------------------------------------------------------------------

typedef struct training_log {
  const app *a;
  stage which;
  const char *const *parts;  // NULL: no rows
  file_path csv, checkpoint;
  stage_work work;           // on rank 0
  double loss;
} training_log;

// The mark first: from here on what is written belongs to these settings.
static status log_begin(void *self) {
  training_log *l = self;
  TRY(stage_begin(&l->a->run, l->which));
  if (!l->parts) return OK;
  if (l->a->run.fresh) TRY(file_remove(l->checkpoint.text));

  text_buffer t = {0};
  text_add(&t, "epoch,step,loss,held_out");
  for (int i = 0; i < TRAIN_PARTS && l->parts[i][0]; i++) text_add(&t, ",%s,held_out_%s", l->parts[i], l->parts[i]);
  text_add(&t, ",seconds\n");
  status s = file_write(l->csv.text, t.bytes, t.size);
  text_free(&t);
  return s;
}

static void log_row(void *self, const train_row *row) {
  training_log *l = self;
  text_buffer t = {0};
  text_add(&t, "%d,%lld,%.9g,%.9g", row->epoch, (long long)row->step, row->loss, row->held_out);
  for (int i = 0; i < TRAIN_PARTS && l->parts[i][0]; i++) text_add(&t, ",%.9g,%.9g", row->part[i], row->held_out_part[i]);
  text_add(&t, ",%.3f\n", row->seconds);
  if (file_append(l->csv.text, &t) != OK) log_here("%s", status_message());
  text_free(&t);
  l->loss = row->held_out;
}

static void log_progress(void *self, double done, double total, double loss) {
  training_log *l = self;
  char note[64] = "";
  if (isfinite(loss)) snprintf(note, sizeof note, "loss %.4g", loss);
  l->work.line.total = total;
  work_show(&l->work, done, note);
}

// Only rank 0 is asked; the others have signals.
static bool log_stop(void *self) {
  training_log *l = self;
  return farm_rank(l->a->f) == 0 ? !work_going(&l->work) : signals_asked();
}

static void log_alive(void *self) { log_stop(self); }

static train_watch watch_of(training_log *l) {
  return (train_watch){.self = l, .begin = log_begin, .row = log_row, .progress = log_progress, .alive = log_alive,
                       .stop = log_stop};
}

static status finish(app *a, training_log *l, status s) {
  char note[64] = "";
  if (s == OK && farm_rank(a->f) == 0) s = stage_done(&a->run, l->which);
  s = farm_agree(a->f, s);
  if (isfinite(l->loss) && l->loss != 0) snprintf(note, sizeof note, "held-out loss %.4g", l->loss);
  if (s == OK && farm_rank(a->f) == 0) work_close(&l->work, l->work.line.total, note);
  return s;
}

static status episodes_open(app *a, dataset **d) {
  status s = data_open(d, run_path(&a->run, "episodes").text);
  if (s == OK && strcmp(data_provenance_of(*d)->environment, a->environment->name) != 0)
    s = status_fail(MISMATCH, "%s holds episodes of %s, but environment.name is %s", run_path(&a->run, "episodes").text,
                    data_provenance_of(*d)->environment, a->environment->name);
  return farm_agree(a->f, s);
}

// --- the verbs ---------------------------------------------------------------------------------------------------------------

static hash identity_of(app *a, stage s) {
  hash h = stage_identity(&a->run, s);
  farm_share(a->f, &h, sizeof h);
  return h;
}

status vae_make(app *a) {
  dataset *d;
  TRY(episodes_open(a, &d));
  file_path result = run_path(&a->run, "vae.safetensors"), checkpoint = run_path(&a->run, "vae.checkpoint.safetensors");
  const settings *s = &a->s;
  train_vae_options o = {.shape = shape_of(a), .epochs = s->vae.epochs, .batch = s->vae.batch, .frames = s->vae.frames, .learning_rate = s->vae.learning_rate, .learning_rate_end = s->vae.learning_rate_end,
                         .kl_tolerance = s->vae.kl_tolerance, .held_out = s->collect.held_out, .seed = (uint64_t)s->run.seed,
                         .result = result.text, .checkpoint = checkpoint.text, .anew = a->run.fresh, .identity = identity_of(a, STAGE_VAE)};
  training_log l = {.a = a, .which = STAGE_VAE, .parts = train_vae_parts, .csv = run_path(&a->run, "train_vae.csv"),
                    .checkpoint = checkpoint, .work = work_open(&a->run, STAGE_VAE, "train V", "batches", 1)};
  train_team team = team_of(a);
  train_watch watch = watch_of(&l);
  status done = finish(a, &l, train_vae(&o, d, &team, &watch));
  data_close(d);
  return done;
}

status encode_make(app *a) {
  dataset *d;
  TRY(episodes_open(a, &d));
  file_path vae = run_path(&a->run, "vae.safetensors"), directory = run_path(&a->run, "latents");
  training_log l = {.a = a, .which = STAGE_ENCODE, .work = work_open(&a->run, STAGE_ENCODE, "encode", "files", 1)};
  train_team team = team_of(a);
  train_watch watch = watch_of(&l);
  status done = finish(a, &l, train_encode(a->environment->pixels ? vae.text : NULL, d, directory.text, &team, &watch));
  data_close(d);
  return done;
}

status rnn_make(app *a) {
  dataset *d;
  TRY(episodes_open(a, &d));
  file_path result = run_path(&a->run, "rnn.safetensors"), checkpoint = run_path(&a->run, "rnn.checkpoint.safetensors"), latents = run_path(&a->run, "latents");
  const settings *s = &a->s;
  train_rnn_options o = {.shape = shape_of(a), .epochs = s->rnn.epochs, .batch = s->rnn.batch, .steps = s->rnn.steps,
                         .learning_rate = s->rnn.learning_rate, .learning_rate_end = s->rnn.learning_rate_end, .clip = s->rnn.clip,
                         .log_sigma_floor = s->rnn.log_sigma_floor, .done_weight = s->rnn.done_weight, .reward_weight = s->rnn.reward_weight,
                         .held_out = s->collect.held_out, .seed = (uint64_t)s->run.seed, .latents = latents.text,
                         .result = result.text, .checkpoint = checkpoint.text, .anew = a->run.fresh, .vae_hash = "none", .identity = identity_of(a, STAGE_RNN)};
  status found = OK;
  if (a->environment->pixels) {
    hash vae;
    found = hash_file(&vae, run_path(&a->run, "vae.safetensors").text);
    if (found == OK) memcpy(o.vae_hash, vae.hex, sizeof o.vae_hash);
  }
  TRY(farm_agree(a->f, found));
  training_log l = {.a = a, .which = STAGE_RNN, .parts = train_rnn_parts, .csv = run_path(&a->run, "train_rnn.csv"),
                    .checkpoint = checkpoint, .work = work_open(&a->run, STAGE_RNN, "train M", "chunks", 1)};
  train_team team = team_of(a);
  train_watch watch = watch_of(&l);
  status done = finish(a, &l, train_rnn(&o, d, &team, &watch));
  data_close(d);
  return done;
}

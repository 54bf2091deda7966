// V, the latents, and M: settings become options, ranks become a team, rows become CSV.

#include <math.h>
#include <string.h>

#include "app.h"
#include "train.h"

// --- the ranks as a team --------------------------------------------------------------------------------------------

static void train_sum(void *self, float *x, size_t n) { farm_sum(self, x, n); }

static void train_sum_double(void *self, double *x, size_t n) { farm_sum_double(self, x, n); }

static status train_agree(void *self, status mine) {
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);  // the others may still be at work
  return farm_agree(self, mine);
}

static train_team train_team_of(app *a) {
  return (train_team){.rank = farm_rank(a->f),
                      .size = farm_size(a->f),
                      .self = a->f,
                      .sum = train_sum,
                      .sum_double = train_sum_double,
                      .agree = train_agree};
}

// --- the world that these settings make -----------------------------------------------------------------------------

static world_shape train_shape(const app *a) {
  const settings *s = &a->s;
  world_shape shape = {.pixels = a->environment->pixels,
                       .joint = s->rnn.mixture == CONFIG_MIXTURE_JOINT,
                       .change = s->rnn.predicts == CONFIG_PREDICTS_CHANGE,
                       .Z = s->vae.latent,
                       .A = a->environment->actions,
                       .H = s->rnn.hidden,
                       .K = s->rnn.mixtures};
  memcpy(shape.channels, s->vae.channels, sizeof shape.channels);
  if (!shape.pixels) shape.Z = a->environment->shape[0];
  return shape;
}

// Where nothing is learnt, what there is to be seen of the world that there is.
static world_features train_plain_features(const app *a) {
  world *w;
  world_features f;
  CHECK(app_world_read(a, &w) == OK, "%s", status_message());
  CHECK(world_features_of(&f, w, app_features_word(a)) == OK, "%s", status_message());
  world_close(w);
  return f;
}

world_features app_features_expected(const app *a) {
  world_features f;
  if (!settings_learn(&a->s)) return train_plain_features(a);
  world_shape s = train_shape(a);
  CHECK(world_mdn_features(&f, &s, app_features_word(a)), "%s", app_features_word(a));
  return f;
}

status app_world_random(const app *a, world **w) {
  if (!settings_learn(&a->s)) return app_world_read(a, w);
  world_shape s = train_shape(a);
  return train_random_world(w, &s, (uint64_t)a->s.run.seed);
}

// --- rows and progress ----------------------------------------------------------------------------------------------

typedef struct train_log {
  const app *a;
  stage which;
  const char *const *parts;  // NULL: no rows
  file_path csv, checkpoint;
  stage_work work;           // on rank 0
  bool part;                 // of the stage: more is to come before it is complete
  double loss;
} train_log;

// Then the mark: from here on what is there and what is written belongs to these settings.
static status train_log_begin(void *self) {
  train_log *l = self;
  if (l->parts && l->a->run.fresh) TRY(file_remove(l->checkpoint.text));
  TRY(stage_begin(&l->a->run, l->which));
  if (!l->parts) return OK;

  text_buffer t = {0};
  text_add(&t, "epoch,step,loss,held_out");
  for (int i = 0; i < TRAIN_PARTS && l->parts[i][0]; i++) text_add(&t, ",%s,held_out_%s", l->parts[i], l->parts[i]);
  text_add(&t, ",seconds\n");
  status s = file_write(l->csv.text, t.bytes, t.size);
  text_free(&t);
  return s;
}

static void train_log_row(void *self, const train_row *r) {
  train_log *l = self;
  text_buffer t = {0};
  text_add(&t, "%d,%lld,%.9g,%.9g", r->epoch, (long long)r->step, r->loss, r->held_out);
  for (int i = 0; i < TRAIN_PARTS && l->parts[i][0]; i++) text_add(&t, ",%.9g,%.9g", r->part[i], r->held_out_part[i]);
  text_add(&t, ",%.3f\n", r->seconds);

  // A training whose rows are lost still learns.
  if (file_append(l->csv.text, &t) != OK) log_here("%s", status_message());
  text_free(&t);
  l->loss = r->held_out;
}

static void train_log_progress(void *self, double done, double total, double loss) {
  train_log *l = self;
  char note[64] = "";
  if (isfinite(loss)) snprintf(note, sizeof note, "loss %.4g", loss);
  l->work.line.total = total;
  work_show(&l->work, done, note);
}

// Only rank 0 is asked; the others have signals.
static bool train_log_stop(void *self) {
  train_log *l = self;
  return farm_rank(l->a->f) == 0 ? !work_going(&l->work) : signals_asked();
}

static void train_log_alive(void *self) { train_log_stop(self); }

static train_watch train_watch_of(train_log *l) {
  return (train_watch){.self = l,
                       .begin = train_log_begin,
                       .row = train_log_row,
                       .progress = train_log_progress,
                       .alive = train_log_alive,
                       .stop = train_log_stop};
}

// --- the verbs ------------------------------------------------------------------------------------------------------

// All that was collected so far: the episodes of the rounds before, then this one's.
static status train_dataset_open(const run_home *last, dataset **d) {
  file_path *paths = mem_take((size_t)last->round, sizeof *paths);
  const char **folders = mem_take((size_t)last->round, sizeof *folders);
  int i = last->round;
  for (const run_home *h = last; h; h = h->before) {
    paths[--i] = run_path(h, RUN_EPISODES);
    folders[i] = paths[i].text;
  }

  status s = data_open_all(d, folders, last->round);
  mem_free(paths);
  mem_free(folders);
  return s;
}

static status train_episodes_open(app *a, dataset **d) {
  file_path episodes = run_path(&a->run, RUN_EPISODES);
  status s = train_dataset_open(&a->run, d);
  const char *of = s == OK ? data_provenance_of(*d)->environment : "";
  if (s == OK && strcmp(of, a->environment->name) != 0)
    s = status_fail(MISMATCH, "%s holds episodes of %s, but environment.name is %s", episodes.text, of,
                    a->environment->name);
  return farm_agree(a->f, s);
}

static hash train_identity(app *a, stage s) {
  hash h = stage_identity(&a->run, s);
  farm_share(a->f, &h, sizeof h);
  return h;
}

// Collective: the stage is complete when all ranks say so, and rank 0 has written it down.
static status train_finish(app *a, train_log *l, status s) {
  bool master = farm_rank(a->f) == 0;
  if (s == OK && master && !l->part) s = stage_done(&a->run, l->which);
  s = farm_agree(a->f, s);

  char note[64] = "";
  if (isfinite(l->loss) && l->loss != 0) snprintf(note, sizeof note, "held-out loss %.4g", l->loss);
  if (s == OK && master) work_close(&l->work, l->work.line.total, note);
  return s;
}

// What the round before left under this name.
static file_path train_before(const app *a, const char *name) {
  return a->run.before ? run_path(a->run.before, name) : (file_path){{0}};
}

// V as the round before left it.
static status train_vae_keep(app *a, train_log *l) {
  char *bytes;
  size_t size;
  TRY(train_log_begin(l));
  TRY(file_read(&bytes, &size, train_before(a, RUN_VAE).text));
  status s = file_write(run_path(&a->run, RUN_VAE).text, bytes, size);
  mem_free(bytes);
  return s;
}

// Trained, or kept.
static status train_vae_make(app *a, train_log *l, const train_vae_options *o, dataset *d) {
  train_team team = train_team_of(a);
  train_watch watch = train_watch_of(l);
  bool stays = a->run.before && a->s.vae.frames == 0;
  if (!stays) return train_vae(o, d, &team, &watch);
  return farm_agree(a->f, farm_rank(a->f) == 0 ? train_vae_keep(a, l) : OK);
}

status app_vae_make(app *a) {
  dataset *d;
  TRY(train_episodes_open(a, &d));

  const settings *s = &a->s;
  file_path result = run_path(&a->run, RUN_VAE), checkpoint = run_path(&a->run, RUN_VAE_CHECKPOINT);
  file_path before = train_before(a, RUN_VAE);
  train_vae_options o = {.shape = train_shape(a),
                         .epochs = s->vae.epochs,
                         .batch = s->vae.batch,
                         .frames = s->vae.frames,
                         .learning_rate = s->vae.learning_rate,
                         .learning_rate_end = s->vae.learning_rate_end,
                         .kl_tolerance = s->vae.kl_tolerance,
                         .weight_moving = s->vae.weight_moving,
                         .from = a->run.before ? before.text : NULL,
                         .held_out = s->collect.held_out,
                         .newest = s->round.newest,
                         .seed = (uint64_t)s->run.seed,
                         .result = result.text,
                         .checkpoint = checkpoint.text,
                         .anew = a->run.fresh,
                         .identity = train_identity(a, STAGE_VAE)};
  train_log l = {.a = a,
                 .which = STAGE_VAE,
                 .parts = train_vae_parts,
                 .csv = run_path(&a->run, RUN_VAE_ROWS),
                 .checkpoint = checkpoint,
                 .work = work_open(&a->run, STAGE_VAE, "train V", "batches", 1)};

  status done = train_finish(a, &l, train_vae_make(a, &l, &o, d));
  data_close(d);
  return done;
}

status app_encode_make(app *a) {
  dataset *d;
  TRY(train_episodes_open(a, &d));

  file_path vae = run_path(&a->run, RUN_VAE), latents = run_path(&a->run, RUN_LATENTS);
  const char *v = a->environment->pixels ? vae.text : NULL;
  train_log l = {.a = a,
                 .which = STAGE_ENCODE,
                 .work = work_open(&a->run, STAGE_ENCODE, "encode", "files", 1)};

  train_team team = train_team_of(a);
  train_watch watch = train_watch_of(&l);
  status done = train_finish(a, &l, train_encode(v, d, latents.text, &team, &watch));
  data_close(d);
  return done;
}

// Collective: which V the latents are of.
static status train_vae_hash(app *a, char hex[33]) {
  hash vae;
  snprintf(hex, 33, "none");
  if (!a->environment->pixels) return OK;
  status s = hash_file(&vae, run_path(&a->run, RUN_VAE).text);
  if (s == OK) memcpy(hex, vae.hex, sizeof vae.hex);
  return farm_agree(a->f, s);
}

// --- M, or several members ------------------------------------------------------------------------------------------

// A killed stage goes on with the member it was at: the others have a line each, with the identity that they were made
// with and the hash of what they left.
static status train_member_note(const app *a, hash identity, const char *result) {
  hash left;
  text_buffer t = {0};
  TRY(hash_file(&left, result));
  text_add(&t, "%s %s\n", identity.hex, left.hex);
  status s = file_append(run_path(&a->run, RUN_RNN_MEMBERS).text, &t);
  text_free(&t);
  return s;
}

static bool train_member_stands(const app *a, const char *line, hash identity, int member) {
  hash left;
  file_path result = path_numbered(run_path(&a->run, RUN_RNN).text, member);
  if (strncmp(line, identity.hex, 32) != 0 || !file_exists(result.text)) return false;
  return hash_file(&left, result.text) == OK && strncmp(line + 33, left.hex, 32) == 0;
}

// How many are there already, on rank 0.
static int train_members_made(const app *a, hash identity) {
  file_path path = run_path(&a->run, RUN_RNN_MEMBERS);
  char *bytes;
  size_t size, line = 66;  // bytes
  int made = 0;
  if (a->run.fresh || !file_exists(path.text) || file_read_own(&bytes, &size, path.text) != OK) return 0;
  while ((size_t)(made + 1) * line <= size && train_member_stands(a, bytes + (size_t)made * line, identity, made + 1))
    made++;
  mem_free(bytes);
  return made;
}

// Collective: from which member on there is something to do. What is noted beyond, or with other settings, is void.
static status train_members_begin(app *a, hash identity, int *first) {
  bool master = farm_rank(a->f) == 0;
  int made = master ? train_members_made(a, identity) : 0;
  farm_share(a->f, &made, sizeof made);
  *first = int_min(made + 1, a->s.rnn.members);
  return farm_agree(a->f, master && made == 0 ? file_remove(run_path(&a->run, RUN_RNN_MEMBERS).text) : OK);
}

// The first has the run's seed.
static uint64_t train_member_seed(const app *a, int member) {
  return (uint64_t)a->s.run.seed + 0x9E3779B97F4A7C15u * (uint64_t)(member - 1);
}

static const char *train_member_words(char *words, size_t room, int member, int members) {
  snprintf(words, room, members > 1 ? "train M %d of %d" : "train M", member, members);
  return words;
}

// Member `member`, from 1, of those that `o` describes.
static status train_member_make(app *a, train_rnn_options o, dataset *d, int member) {
  const settings *s = &a->s;
  char words[32];
  file_path result = path_numbered(run_path(&a->run, RUN_RNN).text, member);
  file_path checkpoint = path_numbered(run_path(&a->run, RUN_RNN_CHECKPOINT).text, member);
  file_path before = path_numbered(train_before(a, RUN_RNN).text, member);
  o.seed = train_member_seed(a, member);
  o.from = a->run.before && s->round.warm ? before.text : NULL;
  o.result = result.text;
  o.checkpoint = checkpoint.text;
  train_member_words(words, sizeof words, member, s->rnn.members);
  train_log l = {.a = a,
                 .which = STAGE_RNN,
                 .parts = a->s.rnn.ahead ? train_rnn_ahead_parts : train_rnn_parts,
                 .csv = path_numbered(run_path(&a->run, RUN_RNN_ROWS).text, member),
                 .checkpoint = checkpoint,
                 .work = work_open(&a->run, STAGE_RNN, words, "chunks", 1),
                 .part = member < s->rnn.members};

  train_team team = train_team_of(a);
  train_watch watch = train_watch_of(&l);
  status done = train_rnn(&o, d, &team, &watch);
  if (done == OK && l.part) done = farm_rank(a->f) == 0 ? train_member_note(a, o.identity, o.result) : OK;
  return train_finish(a, &l, done);
}

static status train_members_make(app *a, const train_rnn_options *o, dataset *d) {
  int first;
  TRY(train_members_begin(a, o->identity, &first));
  for (int member = first; member <= a->s.rnn.members; member++) TRY(train_member_make(a, *o, d, member));
  return farm_agree(a->f, farm_rank(a->f) == 0 ? file_remove(run_path(&a->run, RUN_RNN_MEMBERS).text) : OK);
}

status app_rnn_make(app *a) {
  const settings *s = &a->s;
  file_path latents = run_path(&a->run, RUN_LATENTS);
  train_rnn_options o = {.shape = train_shape(a),
                         .epochs = s->rnn.epochs,
                         .batch = s->rnn.batch,
                         .steps = s->rnn.steps,
                         .learning_rate = s->rnn.learning_rate,
                         .learning_rate_end = s->rnn.learning_rate_end,
                         .clip = s->rnn.clip,
                         .log_sigma_floor = s->rnn.log_sigma_floor,
                         .done_weight = s->rnn.done_weight,
                         .reward_weight = s->rnn.reward_weight,
                         .own_samples = s->rnn.own_samples,
                         .own_passes = s->rnn.own_passes,
                         .own_from = s->rnn.own_from,
                         .ahead = s->rnn.ahead,
                         .held_out = s->collect.held_out,
                         .newest = s->round.newest,
                         .moments_seed = (uint64_t)s->run.seed,
                         .latents = latents.text,
                         .anew = a->run.fresh,
                         .identity = train_identity(a, STAGE_RNN)};
  TRY(train_vae_hash(a, o.vae_hash));

  dataset *d;
  TRY(train_episodes_open(a, &d));
  status done = train_members_make(a, &o, d);
  data_close(d);
  return done;
}

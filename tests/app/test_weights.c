// docs/weights.md names every tensor and every key that worlds are written with. With RUN OUT.safetensors it plays a
// few steps of that run, in the real environment and in the dream, and writes what went in and what came out, so that
// another program (read_weights.py) can be held against ours.

#include "small_world.h"

#include <math.h>

#include "config.h"
#include "rollout.h"

#define STEPS 40
#define TEMPERATURE 1e-4f  // so cold that the likeliest component is the one that is drawn, yet its sigma still shows

// --- what a run says ------------------------------------------------------------------------------------------------

typedef struct run {
  settings s;
  env_spec environment;
  world *w;
  controller_shape shape;
  float *parameters;  // the mean's
} run;

static status controller_read(run *r, const char *path) {
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  const data_tensor *mean = data_tensors_find(f, "mean");
  int n = controller_size(&r->shape);
  bool fits = mean && mean->type == DATA_F32 && mean->dim[0] == n;
  r->parameters = mem_take((size_t)n, sizeof(float));
  if (fits) memcpy(r->parameters, mean->bytes, (size_t)n * sizeof(float));
  data_tensors_close(f);
  if (!fits) FAIL(BAD_FILE, "%s: its mean does not have %d numbers", path, n);
  return OK;
}

static status run_read(run *r, const char *directory) {
  settings_default(&r->s);
  TRY(settings_load(&r->s, path_join(directory, "config.yaml").text));
  TRY(env_describe(&r->environment, r->s.environment.name, NULL));
  file_path vae = path_join(directory, "vae.safetensors");
  TRY(world_open(&r->w, r->environment.pixels ? vae.text : NULL, path_join(directory, "rnn.safetensors").text));
  static const char *const words[] = {"z", "zh", "zhc"};
  world_features f;
  TRY(world_features_of(&f, r->w, words[r->s.controller.features]));
  r->shape = controller_for(&f, r->environment.actions, r->s.controller.hidden, r->s.controller.bias);
  return controller_read(r, path_join(directory, "controller.safetensors").text);
}

static void run_act(const run *r, float *action, const mind *m) {
  controller_act(&r->shape, action, r->parameters, mind_features(m, 0));
}

// --- what went in and came out --------------------------------------------------------------------------------------

typedef struct record {
  data_tensor tensors[24];
  int count;
} record;

static void *record_add(record *r, const char *name, data_type type, int rows, int columns) {
  data_tensor *t = &r->tensors[r->count++];
  void *bytes = mem_take((size_t)rows * columns, type == DATA_U8 ? 1 : sizeof(float));
  *t = (data_tensor){.type = type, .rank = 2, .dim = {rows, columns}, .bytes = bytes};
  snprintf(t->name, sizeof t->name, "%s", name);
  return bytes;
}

// A real episode: observations, as V sees them (or standardised), and what is imagined of that.
static void real_record(record *out, const run *r) {
  int Z = world_shape_of(r->w)->Z, size = (int)env_observation_size(&r->environment);
  bool pixels = r->environment.pixels;
  char *seen = record_add(out, "observation", pixels ? DATA_U8 : DATA_F32, STEPS, size);
  float *mu = record_add(out, "mu", DATA_F32, STEPS, Z), *logvar = record_add(out, "logvar", DATA_F32, STEPS, Z);
  float *imagined = record_add(out, "imagined", DATA_F32, STEPS, size);
  env *e;
  CHECK(env_open(&e, r->environment.name, NULL, 1) == OK, "%s", status_message());
  mind *m = mind_open(r->w, 1);
  world_eye *eye = world_eye_open(r->w, STEPS);
  float *action = mem_take((size_t)r->shape.A, sizeof *action);
  env_reset(e, 0, rng_stream(1, "weights real"));
  mind_begin(m, 0, rng_stream(1, "weights eye"));

  size_t bytes = env_observation_bytes(&r->environment);
  for (int t = 0; t < STEPS; t++) {
    env_observe(e, seen + (size_t)t * bytes, 1);
    world_eye_look(eye, mu + (size_t)t * Z, logvar + (size_t)t * Z, seen + (size_t)t * bytes, 1);
    mind_see(m, seen + (size_t)t * bytes, 1);
    run_act(r, action, m);
    env_outcome o;
    env_step(e, action, &o, 1);
    if (o.terminated) env_reset(e, 0, rng_stream((uint64_t)t, "weights real"));
    mind_act(m, action, 1);
  }
  world_imagine(r->w, imagined, mu, STEPS);
  world_eye_close(eye);
  mind_close(m);
  env_close(e);
  mem_free(action);
}

// A dream, step by step: (z, h, c) and the action on it; h and c after it; the z, reward and end that M says come next.
static void dream_record(record *out, const run *r) {
  int Z = world_shape_of(r->w)->Z, H = world_shape_of(r->w)->H, A = r->shape.A;
  float *z = record_add(out, "z", DATA_F32, STEPS + 1, Z), *h = record_add(out, "h", DATA_F32, STEPS + 1, H);
  float *c = record_add(out, "c", DATA_F32, STEPS + 1, H), *action = record_add(out, "action", DATA_F32, STEPS, A);
  float *noise = record_add(out, "noise", DATA_F32, STEPS, Z), *reward = record_add(out, "reward", DATA_F32, STEPS, 1);
  uint8_t *done = record_add(out, "done", DATA_U8, STEPS, 1);
  const dream_rules rules = {.temperature = TEMPERATURE, .cap = STEPS + 1, .reward_head = true};
  rng luck = rng_stream(1, "weights dream");
  mind *m = mind_open(r->w, 1);
  mind_dream(m, 0, &rules, luck);

  for (int t = 0;; t++) {
    const float *belief = mind_features(m, 0);  // [z | h | c]
    memcpy(z + (size_t)t * Z, belief, (size_t)Z * sizeof(float));
    memcpy(h + (size_t)t * H, belief + Z, (size_t)H * sizeof(float));
    memcpy(c + (size_t)t * H, belief + Z + H, (size_t)H * sizeof(float));
    if (t == STEPS) break;
    run_act(r, action + (size_t)t * A, m);
    dream_outcome o;
    mind_imagine(m, action + (size_t)t * A, &o, 1);
    reward[t] = o.reward;
    done[t] = o.terminated;
    rng_normals(noise + (size_t)t * Z, Z, luck, (uint32_t)t + 1,
                (uint32_t)(Z + 3) / 4);  // as src/world/mdn_head.c draws them
  }
  mind_close(m);
}

static int run_record(const char *directory, const char *path) {
  run r = {0};
  record out = {0};
  char temperature[32];
  snprintf(temperature, sizeof temperature, "%.9g", (double)TEMPERATURE);
  const char *const metadata[] = {"temperature", temperature};
  num_open();
  status s = run_read(&r, directory);
  if (s == OK) {
    real_record(&out, &r);
    dream_record(&out, &r);
    s = data_tensors_write(path, out.tensors, out.count, metadata, 1);
  }
  if (s != OK) fprintf(stderr, "%s\n", status_message());
  for (int i = 0; i < out.count; i++) mem_free((void *)out.tensors[i].bytes);
  mem_free(r.parameters);
  world_close(r.w);
  return s;
}

// --- the document ---------------------------------------------------------------------------------------------------

static char *document;

static void document_names(const char *name) {
  char quoted[64];
  snprintf(quoted, sizeof quoted, "`%s`", name);
  if (!strstr(document, quoted)) fail_msg("docs/weights.md does not say what %s is", quoted);
}

static void test_every_tensor_is_documented(void **state) {
  (void)state;
  const world_shape s = {.pixels = true, .channels = {4, 4, 8, 8}, .Z = 3, .A = 1, .H = 5, .K = 2};
  const nn_table tables[2] = {world_vae_table(&s), world_rnn_table(&s)};
  for (int t = 0; t < 2; t++)
    for (int i = 0; i < tables[t].count; i++) document_names(tables[t].tensor[i].name);
}

static void file_documented(const char *path) {
  static const char *const keys[] = {"format",    "dataset",   "vae",     "latent", "channels1", "channels2",
                                     "channels3", "channels4", "actions", "hidden", "mixtures",  "log_sigma_floor",
                                     "mixture",   "predicts"};
  data_tensors *f;
  assert_int_equal(data_tensors_read(&f, path), OK);
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (data_tensors_metadata(f, keys[i])) document_names(keys[i]);
  document_names(data_tensors_metadata(f, "format"));
  data_tensors_close(f);
}

static void test_every_key_is_documented(void **state) {
  (void)state;
  static const char *const others[] = {"origins.mu", "origins.logvar", "latent.offset", "latent.scale", "mean", "best",
                                       "es",         "checksum"};
  small_world s = small_world_write(true, 1);
  file_documented(s.vae.text);
  file_documented(s.rnn.text);
  small_world_remove(&s);
  s = small_world_joint(true, 3, 1);
  file_documented(s.rnn.text);
  small_world_remove(&s);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) document_names(others[i]);
}

int main(int count, char **words) {
  if (count == 3) return run_record(words[1], words[2]);
  size_t size;
  if (file_read(&document, &size, "docs/weights.md") != OK) return fprintf(stderr, "%s\n", status_message()), 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_tensor_is_documented),
      cmocka_unit_test(test_every_key_is_documented),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  mem_free(document);
  return failed;
}

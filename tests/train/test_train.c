// Tests for src/train: V and M learn from a small dataset, and a run that is stopped and taken up again ends with the
// same bytes.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "train.h"

// --- a dataset of one moving bar ------------------------------------------------------------------------------------

enum { EPISODES = 12, STEPS = 30 };
static char directory[] = "/tmp/dreamfarm-train-XXXXXX";

static void episode_draw(data_episode *e, int id) {
  uint8_t *frame = e->observations;
  e->id = id, e->steps = STEPS - id, e->seed = 1;
  for (int t = 0; t <= e->steps; t++, frame += WORLD_PIXELS) {
    int column = (id * 7 + t * 2) % 60;
    for (int y = 0; y < 64; y++)
      for (int x = 0; x < 64; x++)
        for (int c = 0; c < 3; c++)
          frame[(y * 64 + x) * 3 + c] = x >= column && x < column + 5 ? 220 : (uint8_t)(20 + y);
    if (t == e->steps) break;
    e->actions[t] = (float)(t % 3) - 1;
    e->rewards[t] = 1;
    e->terminated[t] = t == e->steps - 1;
    e->truncated[t] = 0;
  }
}

static dataset *dataset_make(const char *where) {
  const data_spec spec = {.pixels = true, .shape = {64, 64, 3}, .actions = 1};
  const data_provenance p = {.environment = "bar", .version = "1", .policy = "test", .seed = 1};
  data_episode e[EPISODES];
  assert_int_equal(dir_make(where), OK);
  for (int i = 0; i < EPISODES; i++) {
    e[i].observations = mem_take(STEPS + 1, WORLD_PIXELS);
    e[i].actions = mem_take(STEPS, sizeof(float));
    e[i].rewards = mem_take(STEPS, sizeof(double));
    e[i].terminated = mem_take(STEPS, 1);
    e[i].truncated = mem_take(STEPS, 1);
    episode_draw(&e[i], i);
  }
  assert_int_equal(data_shard_write(where, 0, &spec, &p, e, 7), OK);
  assert_int_equal(data_shard_write(where, 1, &spec, &p, e + 7, EPISODES - 7), OK);
  assert_int_equal(data_finish(where, 2, &spec, &p), OK);
  for (int i = 0; i < EPISODES; i++) {
    mem_free(e[i].observations);
    mem_free(e[i].actions);
    mem_free(e[i].rewards);
    mem_free(e[i].terminated);
    mem_free(e[i].truncated);
  }
  dataset *d;
  if (data_open(&d, where) != OK) fail_msg("%s", status_message());
  return d;
}

// --- a team of one, and a watch that stops it -----------------------------------------------------------------------

static void sum_alone(void *self, float *x, size_t n) { (void)self, (void)x, (void)n; }
static void sum_double_alone(void *self, double *x, size_t n) { (void)self, (void)x, (void)n; }
static status agree_alone(void *self, status mine) { return (void)self, mine; }
static const train_team alone = {0, 1, NULL, sum_alone, sum_double_alone, agree_alone};

typedef struct watcher {
  int rows, stop_after;  // asks to stop once `looks` reaches stop_after
  int looks;
  double first, last;    // held-out loss
  double losses[1000];   // (rows) of the training data
} watcher;

// What was told before is void: a checkpoint's rows are told again.
static status see_begin(void *self) {
  ((watcher *)self)->rows = 0;
  return OK;
}

static void see_row(void *self, const train_row *row) {
  watcher *w = self;
  w->losses[w->rows] = row->loss;
  if (w->rows++ == 0) w->first = row->held_out;
  w->last = row->held_out;
  assert_true(isfinite(row->loss) && isfinite(row->held_out));
}
static void see_progress(void *self, double done, double total, double loss) {
  (void)self, (void)done, (void)total, (void)loss;
}
static bool see_stop(void *self) {
  watcher *w = self;
  return w->stop_after && ++w->looks >= w->stop_after;
}
static train_watch watch_of(watcher *w) {
  return (train_watch){.self = w, .begin = see_begin, .row = see_row, .progress = see_progress, .stop = see_stop};
}

static void same_bytes(const char *a, const char *b) {
  hash x, y;
  assert_int_equal(hash_file(&x, a), OK);
  assert_int_equal(hash_file(&y, b), OK);
  assert_string_equal(x.hex, y.hex);
}

// --- V --------------------------------------------------------------------------------------------------------------

static train_vae_options vae_options(const file_path *result, const file_path *checkpoint) {
  return (train_vae_options){.shape = {.pixels = true, .channels = {8, 8, 8, 16}, .Z = 4},
                             .epochs = 6,
                             .batch = 20,
                             .learning_rate = 2e-3,
                             .learning_rate_end = 2e-3,
                             .kl_tolerance = 0.5,
                             .held_out = 0.2,
                             .seed = 3,
                             .result = result->text,
                             .checkpoint = checkpoint->text,
                             .identity = hash_bytes("v", 1)};
}

static void test_vae_learns_and_resumes(void **state) {
  dataset *d = *state;
  file_path whole = path_join(directory, "vae.safetensors"), parts = path_join(directory, "vae2.safetensors"),
            checkpoint = path_join(directory, "vae.checkpoint");
  train_vae_options o = vae_options(&whole, &checkpoint);
  watcher w = {0};
  train_watch watch = watch_of(&w);
  if (train_vae(&o, d, &alone, &watch) != OK) fail_msg("%s", status_message());
  assert_true(w.last < 0.7 * w.first);
  assert_false(file_exists(checkpoint.text));

  o.result = parts.text;
  int stops = 0;
  watcher undisturbed = w;
  for (status s = INTERRUPTED; s == INTERRUPTED; stops++) {  // stopped in the middle of epochs, again and again
    w = (watcher){.stop_after = 17};
    s = train_vae(&o, d, &alone, &watch);
    assert_true(s == OK || s == INTERRUPTED);
  }
  assert_true(stops > 2);
  same_bytes(whole.text, parts.text);
  assert_int_equal(w.rows, undisturbed.rows);
  assert_memory_equal(w.losses, undisturbed.losses, (size_t)w.rows * sizeof *w.losses);
}

static void test_another_checkpoint_is_refused(void **state) {
  dataset *d = *state;
  file_path result = path_join(directory, "other.safetensors"), checkpoint = path_join(directory, "other.checkpoint");
  train_vae_options o = vae_options(&result, &checkpoint);
  watcher w = {.stop_after = 3};
  train_watch watch = watch_of(&w);
  assert_int_equal(train_vae(&o, d, &alone, &watch), INTERRUPTED);
  o.identity = hash_bytes("w", 1);
  w = (watcher){0};
  assert_int_equal(train_vae(&o, d, &alone, &watch), MISMATCH);
  assert_non_null(strstr(status_message(), "other.checkpoint"));
  o.identity = hash_bytes("v", 1);
  char *bytes;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, checkpoint.text), OK);
  bytes[size / 2] ^= 1;
  assert_int_equal(file_write(checkpoint.text, bytes, size), OK);
  mem_free(bytes);
  assert_int_equal(train_vae(&o, d, &alone, &watch), BAD_FILE);
  assert_non_null(strstr(status_message(), "other.checkpoint"));
}

// The checkpoint with another number in one of its tensors, or another step; its checksum is right.
static void checkpoint_change(const char *path, int tensor, float value, const char *step) {
  static const char *const names[3] = {"weights", "adam.m", "adam.v"};
  data_tensors *f;
  data_tensor tensors[3];
  assert_int_equal(data_tensors_read(&f, path), OK);
  for (int i = 0; i < 3; i++) tensors[i] = *data_tensors_find(f, names[i]);
  size_t size = data_tensor_bytes(&tensors[tensor]);
  float *changed = memcpy(mem_take(size, 1), tensors[tensor].bytes, size);
  changed[5] = value;
  tensors[tensor].bytes = changed;

  const char *const pairs[] = {"format",   data_tensors_metadata(f, "format"),
                               "identity", data_tensors_metadata(f, "identity"),
                               "ranks",    "1",
                               "step",     step};
  assert_int_equal(data_tensors_write(path, tensors, 3, pairs, 4), OK);
  mem_free(changed);
  data_tensors_close(f);
}

static void test_a_checkpoint_is_judged(void **state) {
  dataset *d = *state;
  file_path result = path_join(directory, "judged.safetensors"), checkpoint = path_join(directory, "judged.checkpoint");
  train_vae_options o = vae_options(&result, &checkpoint);
  watcher w = {.stop_after = 3};
  train_watch watch = watch_of(&w);
  assert_int_equal(train_vae(&o, d, &alone, &watch), INTERRUPTED);

  static const struct wrong { int tensor; float value; const char *step, *words; } wrong[] = {
               {0, INFINITY, "3", "'weights' has an infinity at place 5"},
               {1, NAN, "3", "'adam.m' has a NaN at place 5"},
               {2, -INFINITY, "3", "'adam.v' has an infinity at place 5"},
               {0, 0, "-1", "'step' is '-1'"},
               {0, 0, "3x", "'step' is '3x'"},
               {0, 0, "9223372036854775807", "'step' is '9223372036854775807'; 0 to "},
               {0, 0, "3", "'since_row' is missing; restore it, or start anew with --fresh"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    checkpoint_change(checkpoint.text, wrong[i].tensor, wrong[i].value, wrong[i].step);
    assert_int_equal(train_vae(&o, d, &alone, &watch), BAD_FILE);
    if (!strstr(status_message(), wrong[i].words)) fail_msg("%s", status_message());
    assert_non_null(strstr(status_message(), "judged.checkpoint"));
    checkpoint_change(checkpoint.text, wrong[i].tensor, 0, "3");
  }
}

// A shard's damage is found when it is first read, which may be in the middle of learning.
static void test_a_shard_found_damaged_is_named(void **state) {
  (void)state;
  file_path where = path_join(directory, "damaged"), shard = path_join(where.text, "shard-00000.hdf5");
  file_path result = path_join(directory, "none.safetensors"), checkpoint = path_join(directory, "none.checkpoint");
  dataset *d = dataset_make(where.text);
  train_vae_options o = vae_options(&result, &checkpoint);
  watcher w = {0};
  train_watch watch = watch_of(&w);
  char *bytes;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, shard.text), OK);
  bytes[size / 2] ^= 1;
  assert_int_equal(file_write(shard.text, bytes, size), OK);
  mem_free(bytes);

  assert_int_equal(train_vae(&o, d, &alone, &watch), BAD_FILE);
  assert_non_null(strstr(status_message(), "shard-00000.hdf5: is damaged"));
  assert_false(file_exists(result.text));
  data_close(d);
}

// An environment's name does not say how large its pictures are.
static void test_other_pictures_are_refused(void **state) {
  (void)state;
  file_path where = path_join(directory, "other"), result = path_join(directory, "none.safetensors");
  const data_spec spec = {.pixels = true, .shape = {32, 32, 3}, .actions = 1};
  const data_provenance p = {.environment = "bar", .version = "1", .policy = "test", .seed = 1};
  static uint8_t pixels[3 * 32 * 32 * 3], ends[2] = {0, 1}, none[2];
  static float actions[2];
  static double rewards[2];
  const data_episode e = {.steps = 2,
                          .observations = pixels,
                          .actions = actions,
                          .rewards = rewards,
                          .terminated = ends,
                          .truncated = none};
  dataset *d;
  assert_int_equal(dir_make(where.text), OK);
  assert_int_equal(data_shard_write(where.text, 0, &spec, &p, &e, 1), OK);
  assert_int_equal(data_finish(where.text, 1, &spec, &p), OK);
  assert_int_equal(data_open(&d, where.text), OK);

  train_vae_options o = vae_options(&result, &result);
  watcher w = {0};
  train_watch watch = watch_of(&w);
  assert_int_equal(train_vae(&o, d, &alone, &watch), MISMATCH);
  assert_non_null(strstr(status_message(), "pictures of 32 x 32 x 3; V looks at pictures of 64 x 64 x 3"));
  file_path vae = path_join(directory, "vae.safetensors");
  assert_int_equal(train_encode(vae.text, d, where.text, &alone, &watch), MISMATCH);
  assert_int_equal(train_encode(NULL, d, where.text, &alone, &watch), MISMATCH);
  data_close(d);
}

// --- latents and M --------------------------------------------------------------------------------------------------

static void test_rnn_learns_and_resumes(void **state) {
  dataset *d = *state;
  file_path vae = path_join(directory, "vae.safetensors"), latents = path_join(directory, "latents");
  file_path whole = path_join(directory, "rnn.safetensors"), parts = path_join(directory, "rnn2.safetensors"),
            checkpoint = path_join(directory, "rnn.checkpoint");
  watcher w = {0};
  train_watch watch = watch_of(&w);
  if (train_encode(vae.text, d, latents.text, &alone, &watch) != OK) fail_msg("%s", status_message());
  hash v;
  assert_int_equal(hash_file(&v, vae.text), OK);
  train_rnn_options o = {.shape = {.pixels = true, .Z = 4, .A = 1, .H = 24, .K = 2},
                         .epochs = 12,
                         .batch = 4,
                         .steps = 10,
                         .learning_rate = 1e-2,
                         .learning_rate_end = 1e-3,
                         .clip = 1,
                         .log_sigma_floor = -7,
                         .done_weight = 10,
                         .reward_weight = 1,
                         .held_out = 0.2,
                         .seed = 3,
                         .latents = latents.text,
                         .result = whole.text,
                         .checkpoint = checkpoint.text,
                         .identity = hash_bytes("m", 1)};
  memcpy(o.vae_hash, v.hex, sizeof o.vae_hash);
  if (train_rnn(&o, d, &alone, &watch) != OK) fail_msg("%s", status_message());
  assert_true(w.last < w.first - 0.2);  // nats

  o.result = parts.text;
  int stops = 0;
  for (status s = INTERRUPTED; s == INTERRUPTED; stops++) {
    w = (watcher){.stop_after = 9};
    s = train_rnn(&o, d, &alone, &watch);
    assert_true(s == OK || s == INTERRUPTED);
  }
  assert_true(stops > 2);
  same_bytes(whole.text, parts.text);

  world *opened;
  if (world_open(&opened, vae.text, whole.text) != OK) fail_msg("%s", status_message());
  world_close(opened);
  o.shape.A = 2;
  assert_int_equal(train_rnn(&o, d, &alone, &watch), MISMATCH);
  assert_non_null(strstr(status_message(), "1 actions, the environment 2"));
  o.shape.A = 1;
  snprintf(o.vae_hash, sizeof o.vae_hash, "another V");
  w = (watcher){0};
  assert_int_equal(train_rnn(&o, d, &alone, &watch), MISMATCH);
  file_path block = path_join(latents.text, "latents-00000.safetensors");
  assert_int_equal(file_remove(block.text), OK);
  assert_int_equal(train_rnn(&o, d, &alone, &watch), BAD_FILE);
  assert_non_null(strstr(status_message(), "latents-00000.safetensors: is missing; run encode again"));
}

static int begin(void **state) {
  num_open();
  if (!mkdtemp(directory)) return -1;
  file_path episodes = path_join(directory, "episodes");
  *state = dataset_make(episodes.text);
  return 0;
}

static int end(void **state) {
  data_close(*state);
  text_buffer command = {0};
  text_add(&command, "rm -rf '%s'", directory);
  int code = system(command.bytes);
  text_free(&command);
  return code;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vae_learns_and_resumes),
      cmocka_unit_test(test_another_checkpoint_is_refused),
      cmocka_unit_test(test_a_checkpoint_is_judged),
      cmocka_unit_test(test_a_shard_found_damaged_is_named),
      cmocka_unit_test(test_other_pictures_are_refused),
      cmocka_unit_test(test_rnn_learns_and_resumes),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

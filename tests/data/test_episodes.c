// Tests for src/data/shard.c and dataset.c: round trips, and datasets that are damaged, incomplete or another's. With a
// directory as argument it leaves a dataset and a tensors file there, for test_python.sh.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data.h"

enum { EPISODES = 5, SHARD = 2, SHARDS = 3, STEPS = 40, ACTIONS = 2 };
static const data_spec pixels = {.pixels = true, .shape = {8, 6, 3}, .actions = ACTIONS}, states = {.pixels = false, .shape = {4, 1, 1}, .actions = ACTIONS};
static const data_provenance from = {.environment = "test", .version = "1", .policy = "none:3", .seed = 9};

static int steps_of(int id) { return STEPS - 7 * id; }

static data_episode episode_make(const data_spec *s, int id) {
  size_t n = (size_t)steps_of(id), bytes = data_observation_bytes(s);
  data_episode e = {.id = id, .steps = (int)n, .seed = 9, .observations = mem_take(n + 1, bytes), .actions = mem_take(n * ACTIONS, sizeof(float)),
                    .rewards = mem_take(n, sizeof(double)), .terminated = mem_take(n, 1), .truncated = mem_take(n, 1)};
  for (size_t i = 0; i < (n + 1) * (bytes / (s->pixels ? 1 : 4)); i++) {
    if (s->pixels) ((uint8_t *)e.observations)[i] = (uint8_t)(i * 31 + (size_t)id);
    else ((float *)e.observations)[i] = (float)i * 0.5f + (float)id;
  }
  for (size_t i = 0; i < n * ACTIONS; i++) e.actions[i] = (float)i / 100.0f;
  for (size_t i = 0; i < n; i++) e.rewards[i] = (double)i + 0.25;
  e.terminated[n - 1] = id % 2 == 0, e.truncated[n - 1] = id % 2 == 1;
  return e;
}

static void episode_free(data_episode *e) {
  mem_free(e->observations);
  mem_free(e->actions);
  mem_free(e->rewards);
  mem_free(e->terminated);
  mem_free(e->truncated);
}

static void shard_make(const char *directory, const data_spec *s, int shard) {
  int first = shard * SHARD, count = first + SHARD <= EPISODES ? SHARD : EPISODES - first;
  data_episode e[SHARD];
  for (int i = 0; i < count; i++) e[i] = episode_make(s, first + i);
  if (data_shard_write(directory, shard, s, &from, e, count) != OK) fail_msg("%s", status_message());
  assert_true(data_shard_good(directory, shard, first, count, &from));
  for (int i = 0; i < count; i++) episode_free(&e[i]);
}

static void dataset_make(const char *directory, const data_spec *s) {
  assert_int_equal(dir_make(directory), OK);
  for (int i = 0; i < SHARDS; i++) shard_make(directory, s, i);
  if (data_finish(directory, SHARDS, s, &from) != OK) fail_msg("%s", status_message());
}

static char *fresh_directory(void) {
  static char directory[64];
  snprintf(directory, sizeof directory, "/tmp/dreamfarm-episodes-XXXXXX");
  assert_non_null(mkdtemp(directory));
  return directory;
}

static void directory_remove(const char *directory) {
  text_buffer t = {0};
  text_add(&t, "rm -rf '%s'", directory);
  assert_int_equal(system(t.bytes), 0);
  text_free(&t);
}

static void round_trip(const data_spec *s) {
  char *directory = fresh_directory();
  dataset_make(directory, s);
  dataset *d;
  if (data_open(&d, directory) != OK) fail_msg("%s", status_message());
  assert_int_equal(data_count(d), EPISODES);
  assert_string_equal(data_provenance_of(d)->policy, "none:3");
  assert_memory_equal(data_spec_of(d), s, sizeof *s);
  for (int id = EPISODES - 1; id >= 0; id--) {
    data_episode wanted = episode_make(s, id), e;
    size_t n = (size_t)wanted.steps;
    assert_int_equal(data_steps(d, id), n);
    if (data_read(d, id, &e) != OK) fail_msg("%s", status_message());
    assert_memory_equal(e.observations, wanted.observations, (n + 1) * data_observation_bytes(s));
    assert_memory_equal(e.actions, wanted.actions, n * ACTIONS * sizeof(float));
    assert_memory_equal(e.rewards, wanted.rewards, n * sizeof(double));
    assert_memory_equal(e.terminated, wanted.terminated, n);
    assert_memory_equal(e.truncated, wanted.truncated, n);
    episode_free(&wanted);
  }
  data_close(d);
  directory_remove(directory);
}

static void test_pixels(void **state) {
  (void)state;
  round_trip(&pixels);
}
static void test_states(void **state) {
  (void)state;
  round_trip(&states);
}

static void test_same_data_same_bytes(void **state) {
  (void)state;
  char one[64];
  hash a, b;
  snprintf(one, sizeof one, "%s", fresh_directory());
  dataset_make(one, &pixels);
  assert_int_equal(hash_file(&a, path_join(one, "shard-00001.hdf5").text), OK);
  shard_make(one, &pixels, 1);
  assert_int_equal(hash_file(&b, path_join(one, "shard-00001.hdf5").text), OK);
  assert_string_equal(a.hex, b.hex);
  directory_remove(one);
}

static void test_another_shard_is_not_good(void **state) {
  (void)state;
  char *directory = fresh_directory();
  dataset_make(directory, &pixels);
  data_provenance other = from;
  other.seed = 10;
  assert_false(data_shard_good(directory, 0, 0, SHARD, &other));
  assert_false(data_shard_good(directory, 0, 2, SHARD, &from));
  assert_false(data_shard_good(directory, 0, 0, SHARD + 1, &from));
  assert_false(data_shard_good(directory, SHARDS, 6, SHARD, &from));
  directory_remove(directory);
}

// What happens to a dataset when one of its files is damaged: refused by name, at open or at the first read.
static void damage(const char *directory, const char *name, const char *bytes, size_t size) {
  file_path p = path_join(directory, "%s", name);
  assert_int_equal(file_write(p.text, bytes, size), OK);
  dataset *d;
  status s = data_open(&d, directory);
  if (s == OK) {
    data_episode e;
    for (int id = 0; id < EPISODES && s == OK; id++) s = data_read(d, id, &e);
    data_close(d);
  }
  assert_int_equal(s, BAD_FILE);
  assert_non_null(strstr(status_message(), name));
}

static void test_damaged_files_are_refused(void **state) {
  (void)state;
  static const char *const names[] = {"shard-00001.hdf5", "index.safetensors"};
  char *directory = fresh_directory();
  dataset_make(directory, &pixels);
  for (int f = 0; f < 2; f++) {
    char *bytes;
    size_t size;
    assert_int_equal(file_read(&bytes, &size, path_join(directory, "%s", names[f]).text), OK);
    for (size_t cut = 0; cut < size; cut += size / 9 + 1) damage(directory, names[f], bytes, cut);
    for (size_t at = f ? size - 40 : 0; at < size; at += f ? 3 : size / 61 + 1) {
      bytes[at] ^= 0x04;
      damage(directory, names[f], bytes, size);
      if (f == 0) assert_false(data_shard_good(directory, 1, 2, SHARD, &from));
      bytes[at] ^= 0x04;
    }
    assert_int_equal(file_write(path_join(directory, "%s", names[f]).text, bytes, size), OK);
    mem_free(bytes);
  }
  dataset *d;
  assert_int_equal(data_open(&d, directory), OK);
  data_close(d);
  directory_remove(directory);
}

static void test_incomplete(void **state) {
  (void)state;
  char *directory = fresh_directory();
  dataset *d;
  shard_make(directory, &pixels, 0);
  assert_int_equal(data_open(&d, directory), BAD_FILE);
  assert_non_null(strstr(status_message(), "run collect again"));
  assert_int_equal(data_finish(directory, 2, &pixels, &from), BAD_FILE);
  assert_non_null(strstr(status_message(), "shard-00001"));
  file_path below = path_join(directory, "shard-00000.hdf5");
  data_episode e = episode_make(&pixels, 0);
  assert_int_equal(data_shard_write(below.text, 0, &pixels, &from, &e, 1), NO_IO);  // a directory that is a file
  episode_free(&e);
  directory_remove(directory);
}

int main(int count, char **words) {
  if (count > 1) {
    dataset_make(words[1], &pixels);
    const float x[3] = {1, 2, 3};
    const data_tensor t = {.name = "x", .type = DATA_F32, .rank = 1, .dim = {3}, .bytes = x};
    const char *const pairs[] = {"format", "test"};
    return data_tensors_write(path_join(words[1], "x.safetensors").text, &t, 1, pairs, 1);
  }
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pixels),
      cmocka_unit_test(test_states),
      cmocka_unit_test(test_same_data_same_bytes),
      cmocka_unit_test(test_another_shard_is_not_good),
      cmocka_unit_test(test_damaged_files_are_refused),
      cmocka_unit_test(test_incomplete),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

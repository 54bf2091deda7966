// Tests for src/data/shard.c and dataset.c: round trips, and datasets that are damaged, incomplete or another's. With a
// directory as argument it leaves datasets and a tensors file there, for test_python.sh.

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
static const data_spec pixels = {.pixels = true, .shape = {8, 6, 3}, .actions = ACTIONS},
                       states = {.pixels = false, .shape = {4}, .actions = ACTIONS};
static const data_provenance from = {.environment = "test", .version = "1", .policy = "none:3", .seed = UINT64_MAX - 1};

static int steps_of(int id) { return STEPS - 7 * id; }

static data_episode episode_make(const data_spec *s, int id) {
  size_t n = (size_t)steps_of(id), bytes = data_observation_bytes(s);
  data_episode e;
  data_episode_take(&e, s, (int)n);
  e.id = id;
  e.steps = (int)n;
  e.seed = UINT64_MAX - (uint64_t)id;
  for (size_t i = 0; i < (n + 1) * (bytes / (s->pixels ? 1 : 4)); i++) {
    if (s->pixels) ((uint8_t *)e.observations)[i] = (uint8_t)(i * 31 + (size_t)id);
    else ((float *)e.observations)[i] = (float)i * 0.5f + (float)id;
  }
  for (size_t i = 0; i < n * ACTIONS; i++) e.actions[i] = (float)i / 100.0f;
  for (size_t i = 0; i < n; i++) e.rewards[i] = (double)i + 0.25;
  e.terminated[n - 1] = id % 2 == 0, e.truncated[n - 1] = id % 2 == 1;
  return e;
}

static void shard_make(const char *directory, const data_spec *s, int shard) {
  int first = shard * SHARD, count = first + SHARD <= EPISODES ? SHARD : EPISODES - first;
  data_episode e[SHARD] = {{0}};
  for (int i = 0; i < count; i++) e[i] = episode_make(s, first + i);
  if (data_shard_write(directory, shard, s, &from, e, count) != OK) fail_msg("%s", status_message());
  assert_true(data_shard_good(directory, shard, first, count, &from));
  for (int i = 0; i < count; i++) data_episode_free(&e[i]);
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
  assert_int_equal(data_provenance_of(d)->seed, from.seed);
  assert_memory_equal(data_spec_of(d), s, sizeof *s);
  for (int id = EPISODES - 1; id >= 0; id--) {
    data_episode wanted = episode_make(s, id), e;
    size_t n = (size_t)wanted.steps;
    assert_int_equal(data_steps(d, id), n);
    if (data_read(d, id, &e) != OK) fail_msg("%s", status_message());
    assert_true(e.id == id && e.seed == wanted.seed && e.steps == wanted.steps);
    assert_memory_equal(e.observations, wanted.observations, (n + 1) * data_observation_bytes(s));
    assert_memory_equal(e.actions, wanted.actions, n * ACTIONS * sizeof(float));
    assert_memory_equal(e.rewards, wanted.rewards, n * sizeof(double));
    assert_memory_equal(e.terminated, wanted.terminated, n);
    assert_memory_equal(e.truncated, wanted.truncated, n);
    data_episode_free(&wanted);
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
  static const char *const names[] = {"shard-00001.hdf5", "main_data.hdf5", "index.safetensors", "metadata.json"};
  char *directory = fresh_directory();
  hash before[4], after;
  dataset_make(directory, &pixels);
  for (int i = 0; i < 4; i++) assert_int_equal(hash_file(&before[i], path_join(directory, "%s", names[i]).text), OK);
  sleep(1);  // HDF5 would write the time, in seconds
  dataset_make(directory, &pixels);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(hash_file(&after, path_join(directory, "%s", names[i]).text), OK);
    if (!hash_equal(before[i], after)) fail_msg("%s came out different", names[i]);
  }
  directory_remove(directory);
}

static void test_memory_is_reused(void **state) {
  (void)state;
  char *directory = fresh_directory();
  dataset *d;
  data_episode e;
  dataset_make(directory, &pixels);
  assert_int_equal(data_open(&d, directory), OK);
  for (int id = 0; id < EPISODES; id++) assert_int_equal(data_read(d, id, &e), OK);
  uint64_t before = mem_count();
  for (int id = EPISODES - 1; id >= 0; id--) assert_int_equal(data_read(d, id, &e), OK);
  assert_int_equal(mem_count(), before);
  data_close(d);
  directory_remove(directory);
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

// Not file_write, whose fsync takes its time.
static void overwrite(const char *path, const char *bytes, size_t size) {
  FILE *f = fopen(path, "wb");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, size, f), size);
  assert_int_equal(fclose(f), 0);
}

static status read_all(const char *directory) {
  dataset *d;
  data_episode e;
  status s = data_open(&d, directory);
  if (s != OK) return s;
  for (int id = 0; id < EPISODES && s == OK; id++) s = data_read(d, id, &e);
  data_close(d);
  return s;
}

// A dataset with a damaged file is refused by name, at open or at the first read.
static void damaged(const char *directory, const char *name, const char *bytes, size_t size) {
  overwrite(path_join(directory, "%s", name).text, bytes, size);
  assert_int_equal(read_all(directory), BAD_FILE);
  assert_non_null(strstr(status_message(), name));
}

static bool shard_1_good(const char *directory) { return data_shard_good(directory, 1, SHARD, SHARD, &from); }

// Every byte, one bit each, and every length.
static void test_a_damaged_shard_is_refused(void **state) {
  (void)state;
  char *directory = fresh_directory(), *bytes;
  size_t size;
  dataset_make(directory, &pixels);
  file_path p = path_join(directory, "shard-00001.hdf5");
  assert_int_equal(file_read(&bytes, &size, p.text), OK);
  for (size_t i = 0; i < size; i += i < 4096 ? 1 : 7) {
    bytes[i] ^= (char)(1 << i % 8);
    overwrite(p.text, bytes, size);
    bytes[i] ^= (char)(1 << i % 8);
    assert_false(shard_1_good(directory));
  }
  for (size_t i = 0; i < size; i += size / 20 + 1) {
    bytes[i] ^= 4;
    damaged(directory, "shard-00001.hdf5", bytes, size);
    bytes[i] ^= 4;
    damaged(directory, "shard-00001.hdf5", bytes, i);
    assert_false(shard_1_good(directory));
  }
  overwrite(p.text, bytes, size);
  assert_true(shard_1_good(directory));
  assert_int_equal(read_all(directory), OK);
  assert_int_equal(file_remove(p.text), OK);
  assert_false(shard_1_good(directory));
  assert_int_equal(read_all(directory), BAD_FILE);
  mem_free(bytes);
  directory_remove(directory);
}

// The index is a tensors file, whose flips test_tensors.c tries one and all: here, that open asks for it and heeds it.
static void test_a_damaged_index_is_refused(void **state) {
  (void)state;
  char *directory = fresh_directory(), *bytes;
  size_t size;
  dataset_make(directory, &pixels);
  file_path p = path_join(directory, "index.safetensors");
  assert_int_equal(file_read(&bytes, &size, p.text), OK);
  const char *word = memmem(bytes, size, "checksum", 8);
  for (size_t i = 0; i < size; i++) {
    bytes[i] ^= 2;
    overwrite(p.text, bytes, size);
    dataset *d;
    if (data_open(&d, directory) == OK) {
      assert_in_range(bytes + i, word, word + 7);  // its own name: then it is not checked, but nothing else is hit
      data_close(d);
    } else {
      assert_non_null(strstr(status_message(), "index.safetensors"));
    }
    bytes[i] ^= 2;
    damaged(directory, "index.safetensors", bytes, i);
  }
  mem_free(bytes);
  directory_remove(directory);
}

static void test_a_damaged_sidecar_is_not_good(void **state) {
  (void)state;
  char *directory = fresh_directory(), *bytes;
  size_t size;
  dataset_make(directory, &pixels);
  file_path p = path_join(directory, "shard-00001.hash");
  assert_int_equal(file_read(&bytes, &size, p.text), OK);
  for (size_t bit = 0; bit < 8 * size; bit++) {
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    overwrite(p.text, bytes, size);
    assert_false(shard_1_good(directory));
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    overwrite(p.text, bytes, bit / 8);
    assert_false(shard_1_good(directory));
  }
  assert_int_equal(data_finish(directory, SHARDS, &pixels, &from), BAD_FILE);
  assert_non_null(strstr(status_message(), "shard-00001.hash"));
  mem_free(bytes);
  directory_remove(directory);
}

// Collecting again, with other settings, and killed in the middle: the old index does not fit the new shard.
static void test_a_newer_shard_is_refused(void **state) {
  (void)state;
  char *directory = fresh_directory();
  dataset_make(directory, &pixels);
  data_episode e[SHARD] = {episode_make(&pixels, 2), episode_make(&pixels, 3)};
  e[0].rewards[0] = 77;
  assert_int_equal(data_shard_write(directory, 1, &pixels, &from, e, SHARD), OK);
  assert_int_equal(read_all(directory), BAD_FILE);
  assert_non_null(strstr(status_message(), "shard-00001.hdf5: is newer"));
  assert_int_equal(data_finish(directory, SHARDS, &pixels, &from), OK);
  assert_int_equal(read_all(directory), OK);
  for (int i = 0; i < SHARD; i++) data_episode_free(&e[i]);
  directory_remove(directory);
}

static void finish_refused(const char *directory, const data_spec *s, const data_provenance *p, const char *words) {
  assert_int_equal(data_finish(directory, SHARDS, s, p), BAD_FILE);
  if (!strstr(status_message(), words)) fail_msg("\"%s\" does not say \"%s\"", status_message(), words);
}

static void test_shards_of_something_else_are_refused(void **state) {
  (void)state;
  char *directory = fresh_directory();
  dataset_make(directory, &pixels);
  data_spec turned = pixels, more = pixels;
  turned.shape[0] = pixels.shape[1], turned.shape[1] = pixels.shape[0];
  more.actions = 3;
  data_provenance other = from;
  other.version[0] = '2';
  finish_refused(directory, &turned, &from,
                 "shard-00000.hdf5: episode_0/observations is 41x8x6x3, but 41x6x8x3 is wanted");
  finish_refused(directory, &states, &from, "shard-00000.hdf5: episode_0/observations is 41x8x6x3, but 41x4 is wanted");
  finish_refused(directory, &more, &from, "shard-00000.hdf5: episode_0/actions is 40x2, but 40x3 is wanted");
  finish_refused(directory, &pixels, &other, "shard-00000.hash");
  assert_int_equal(read_all(directory), OK);  // what was finished before is still whole
  directory_remove(directory);
}

static void test_unwritable(void **state) {
  (void)state;
  char *directory = fresh_directory();
  shard_make(directory, &pixels, 0);
  file_path below = path_join(directory, "shard-00000.hdf5");
  data_episode e = episode_make(&pixels, 0);
  assert_int_equal(data_shard_write(below.text, 0, &pixels, &from, &e, 1), NO_IO);  // a directory that is a file
  assert_non_null(strstr(status_message(), "shard-00000.hdf5/shard-00000.hdf5"));
  assert_int_equal(data_shard_write("/nowhere", 0, &pixels, &from, &e, 1), NO_IO);
  assert_false(data_shard_good("/nowhere", 0, 0, 1, &from));
  assert_int_equal(data_finish("/nowhere", 1, &pixels, &from), BAD_FILE);
  file_path taken = path_join(directory, "shard-00001.hdf5");
  assert_int_equal(dir_make(taken.text), OK);
  assert_int_equal(data_shard_write(directory, 1, &pixels, &from, &e, 1), NO_IO);  // cannot be renamed
  text_buffer t = {0};
  text_add(&t, "test -z \"$(ls '%s' | grep tmp)\"", directory);
  assert_int_equal(system(t.bytes), 0);  // and nothing half-written is left
  text_free(&t);
  data_episode_free(&e);
  directory_remove(directory);
}

static void test_incomplete(void **state) {
  (void)state;
  char *directory = fresh_directory();
  dataset *d;
  shard_make(directory, &pixels, 0);
  assert_int_equal(data_open(&d, directory), BAD_FILE);
  assert_non_null(
      strstr(status_message(), "index.safetensors: is missing: the dataset is incomplete; run collect again"));
  assert_int_equal(data_finish(directory, 2, &pixels, &from), BAD_FILE);
  assert_non_null(strstr(status_message(), "shard-00001"));
  assert_int_equal(data_open(&d, "/nowhere"), BAD_FILE);
  assert_non_null(strstr(status_message(), "/nowhere/index.safetensors: is missing"));
  directory_remove(directory);
}

// An argument: a directory to leave things in, for test_python.sh.
static int leave(const char *directory) {
  dataset_make(path_join(directory, "pixels").text, &pixels);
  dataset_make(path_join(directory, "states").text, &states);
  const float x[3] = {1, 2, 3};
  const data_tensor t = {.name = "x", .type = DATA_F32, .rank = 1, .dim = {3}, .bytes = x};
  const char *const pairs[] = {"format", "test"};
  return data_tensors_write(path_join(directory, "x.safetensors").text, &t, 1, pairs, 1);
}

int main(int count, char **words) {
  if (count > 1) return leave(words[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pixels),
      cmocka_unit_test(test_states),
      cmocka_unit_test(test_same_data_same_bytes),
      cmocka_unit_test(test_another_shard_is_not_good),
      cmocka_unit_test(test_memory_is_reused),
      cmocka_unit_test(test_a_damaged_shard_is_refused),
      cmocka_unit_test(test_a_damaged_index_is_refused),
      cmocka_unit_test(test_a_damaged_sidecar_is_not_good),
      cmocka_unit_test(test_a_newer_shard_is_refused),
      cmocka_unit_test(test_shards_of_something_else_are_refused),
      cmocka_unit_test(test_unwritable),
      cmocka_unit_test(test_incomplete),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

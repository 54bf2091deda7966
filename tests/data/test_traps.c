// Tests for src/data: shards that somebody has made with care. Their hashes are right; what is inside leads into other
// files, wants other programs, or claims to be larger than any memory.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/data/shard.h"

enum { STEPS = 40, ACTIONS = 2 };
static const data_spec spec = {.pixels = true, .shape = {8, 6, 3}, .actions = ACTIONS};
static const data_provenance from = {.environment = "test", .version = "1", .policy = "none", .seed = 1};
static char directory[] = "/tmp/dreamfarm-traps-XXXXXX";
static file_path shard, secret;

// --- a dataset of one shard, and another shard in its place ---------------------------------------------------------

static void dataset_make(void) {
  static uint8_t pixels[(STEPS + 1) * 8 * 6 * 3], no[STEPS], yes[STEPS];
  static float actions[STEPS * ACTIONS];
  static double rewards[STEPS];
  const data_episode e[2] = {{.id = 0,
                              .steps = STEPS,
                              .observations = pixels,
                              .actions = actions,
                              .rewards = rewards,
                              .terminated = yes,
                              .truncated = no},
                             {.id = 1,
                              .steps = STEPS,
                              .observations = pixels,
                              .actions = actions,
                              .rewards = rewards,
                              .terminated = yes,
                              .truncated = no}};
  for (size_t i = 0; i < sizeof pixels; i++) pixels[i] = (uint8_t)(i * 31);
  if (data_shard_write(directory, 0, &spec, &from, e, 2) != OK) fail_msg("%s", status_message());
  if (data_finish(directory, 1, &spec, &from) != OK) fail_msg("%s", status_message());
}

// The index and the sidecar say what the shard's bytes are.
static void hashes_set_right(void) {
  file_path index = path_join(directory, "index.safetensors"), sidecar = path_join(directory, "shard-00000.hash");
  hash now;
  char *bytes;
  size_t size;
  assert_int_equal(hash_file(&now, shard.text), OK);
  assert_int_equal(file_read(&bytes, &size, sidecar.text), OK);
  memcpy(bytes, now.hex, 32);
  assert_int_equal(file_write(sidecar.text, bytes, size), OK);
  mem_free(bytes);

  static const char *const keys[] = {"format", "environment", "version",  "policy",  "pixels",
                                     "rows",   "columns",     "channels", "actions", "seed"};
  static const char *const names[] = {"steps", "shard", "hashes"};
  const char *pairs[20];
  data_tensor tensors[3];
  data_tensors *f;
  assert_int_equal(data_tensors_read(&f, index.text), OK);
  for (int i = 0; i < 10; i++) {
    pairs[2 * i] = keys[i];
    pairs[2 * i + 1] = data_tensors_metadata(f, keys[i]);
  }
  for (int i = 0; i < 3; i++) tensors[i] = *data_tensors_find(f, names[i]);
  tensors[2].bytes = &now;
  assert_int_equal(data_tensors_write(index.text, tensors, 3, pairs, 10), OK);
  data_tensors_close(f);
}

// Episode 0 through the index.
static status episode_read(void) {
  dataset *d;
  data_episode e;
  TRY(data_open(&d, directory));
  status s = data_read(d, 0, &e);
  data_close(d);
  return s;
}

static void says(const char *words) {
  if (!strstr(status_message(), words) || !strstr(status_message(), "shard-00000.hdf5"))
    fail_msg("\"%s\" does not say \"%s\"", status_message(), words);
}

// Refused where it is read, and where it would become part of a dataset.
static void refused(const char *words) {
  hashes_set_right();
  assert_int_equal(episode_read(), BAD_FILE);
  says(words);
  assert_int_equal(data_finish(directory, 1, &spec, &from), BAD_FILE);
  says(words);
}

static hid_t shard_change(const char *without) {
  dataset_make();
  hid_t file = H5Fopen(shard.text, H5F_ACC_RDWR, H5P_DEFAULT);
  assert_true(file >= 0);
  if (without) assert_true(H5Ldelete(file, without, H5P_DEFAULT) >= 0);
  return file;
}

static void array_make(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dim, hid_t layout) {
  hid_t space = H5Screate_simple(rank, dim, NULL),
        set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  assert_true(set >= 0);
  H5Dclose(set);
  H5Sclose(space);
}

static const hsize_t steps[1] = {STEPS}, frames[4] = {STEPS + 1, 8, 6, 3};

// --- other files ----------------------------------------------------------------------------------------------------

static void test_storage_in_another_file(void **state) {
  (void)state;
  hid_t file = shard_change("episode_0/rewards"), layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(layout, secret.text, 0, STEPS * sizeof(double));
  array_make(file, "episode_0/rewards", H5T_NATIVE_DOUBLE, 1, steps, layout);
  H5Pclose(layout);
  H5Fclose(file);
  refused("episode_0/rewards is stored in other files, which are not read");
}

static void test_links(void **state) {
  (void)state;
  hid_t file = shard_change("episode_0/rewards");
  H5Lcreate_soft("/episode_1/rewards", file, "episode_0/rewards", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  refused("episode_0/rewards is a soft link, which is not followed");

  file = shard_change("episode_0/rewards");
  H5Lcreate_external(secret.text, "episode_1/rewards", file, "episode_0/rewards", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  refused("episode_0/rewards is a link into another file, which is not followed");

  file = shard_change("episode_0");
  H5Lcreate_external(secret.text, "episode_1", file, "episode_0", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  refused("is a link into another file, which is not followed");
}

static void test_arrays_made_of_other_arrays(void **state) {
  (void)state;
  hid_t file = shard_change("episode_0/rewards"), layout = H5Pcreate(H5P_DATASET_CREATE),
        space = H5Screate_simple(1, steps, NULL);
  H5Pset_virtual(layout, space, secret.text, "episode_1/rewards", space);
  array_make(file, "episode_0/rewards", H5T_NATIVE_DOUBLE, 1, steps, layout);
  H5Sclose(space);
  H5Pclose(layout);
  H5Fclose(file);
  refused("episode_0/rewards is made of arrays in other files, which are not read");
}

// --- other programs -------------------------------------------------------------------------------------------------

static void test_filters(void **state) {
  (void)state;
  hid_t file = shard_change("episode_0/observations"), layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(layout, 4, frames);
  H5Pset_nbit(layout);
  array_make(file, "episode_0/observations", H5T_NATIVE_UINT8, 4, frames, layout);
  H5Pclose(layout);
  H5Fclose(file);
  refused("episode_0/observations wants a filter that is none of gzip, shuffle and fletcher32");
}

// --- sizes ----------------------------------------------------------------------------------------------------------

static void test_what_is_not_stored(void **state) {
  (void)state;
  hid_t file = shard_change("episode_0/observations"), layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(layout, 4, frames);
  H5Pset_deflate(layout, 1);
  array_make(file, "episode_0/observations", H5T_NATIVE_UINT8, 4, frames, layout);
  H5Pclose(layout);
  H5Fclose(file);
  refused("episode_0/observations claims more than the file has");
}

// A chunk of nothing but zeros, 64 MB of them, where 6 kB belong.
static void test_a_chunk_that_would_burst(void **state) {
  (void)state;
#if H5_VERSION_GE(1, 10, 3)
  hid_t file = shard_change("episode_0/observations"), layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(layout, 4, frames);
  H5Pset_deflate(layout, 1);
  array_make(file, "episode_0/observations", H5T_NATIVE_UINT8, 4, frames, layout);
  hid_t set = H5Dopen2(file, "episode_0/observations", H5P_DEFAULT);
  const hsize_t at[4] = {0};
  size_t size = (size_t)64 << 10;
  char *bytes = mem_take(size, 1);
  assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, 0, at, size, bytes) >= 0);
  mem_free(bytes);
  H5Dclose(set);
  H5Pclose(layout);
  H5Fclose(file);
  refused("episode_0/observations stores more in a chunk than it has room for");
#else
  skip();
#endif
}

static void test_texts_for_numbers(void **state) {
  (void)state;
  hid_t file = shard_change("episode_0/rewards"), type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, 1 << 24);
  array_make(file, "episode_0/rewards", type, 1, steps, H5P_DEFAULT);
  H5Tclose(type);
  H5Fclose(file);
  refused("episode_0/rewards is not of numbers");

  file = shard_change(NULL);
  hid_t group = H5Gopen2(file, "episode_0", H5P_DEFAULT);
  H5Adelete(group, "seed");
  assert_int_equal(h5_attribute_text(group, "seed", "not a number"), OK);
  H5Gclose(group);
  H5Fclose(file);
  hashes_set_right();
  assert_int_equal(episode_read(), BAD_FILE);
  says("episode_0: seed is missing, damaged or has another size");
}

// The index claims what no shard of that size can hold.
static void test_an_index_that_claims_much(void **state) {
  (void)state;
  const int32_t many[1] = {1 << 30}, first[1] = {0};
  dataset_make();
  hash now;
  assert_int_equal(hash_file(&now, shard.text), OK);
  const char *const pairs[] = {"format",   INDEX_FORMAT, "environment", "test", "version", "1",       "policy",
                               "none",     "pixels",     "1",           "rows", "8",       "columns", "6",
                               "channels", "3",          "actions",     "2",    "seed",    "1"};
  const data_tensor tensors[] = {{.name = "steps", .type = DATA_I32, .rank = 1, .dim = {1}, .bytes = many},
                                 {.name = "shard", .type = DATA_I32, .rank = 1, .dim = {1}, .bytes = first},
                                 {.name = "hashes", .type = DATA_U8, .rank = 2, .dim = {1, sizeof now}, .bytes = &now}};
  assert_int_equal(data_tensors_write(path_join(directory, "index.safetensors").text, tensors, 3, pairs, 10), OK);
  assert_int_equal(episode_read(), BAD_FILE);
  says("too few for the 1073741824 steps that index.safetensors lists");
}

// --- no files at all ------------------------------------------------------------------------------------------------

static void test_pipes_and_directories(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    dataset_make();
    assert_int_equal(unlink(shard.text), 0);
    assert_int_equal(i ? mkdir(shard.text, 0777) : mkfifo(shard.text, 0666), 0);
    assert_int_equal(episode_read(), BAD_FILE);
    says("is not a regular file");
    assert_int_not_equal(data_finish(directory, 1, &spec, &from), OK);
    says("is not a regular file");
    assert_true(h5_file_open(shard.text) < 0);
    assert_false(data_shard_good(directory, 0, 0, 2, &from));
    assert_int_equal(i ? rmdir(shard.text) : unlink(shard.text), 0);
  }
}

// A link where a shard's temporary file will be is not written through.
static void test_a_link_for_the_temporary_file(void **state) {
  (void)state;
  file_path temporary = temporary_path(shard.text);
  hash before, after;
  assert_int_equal(hash_file(&before, secret.text), OK);
  assert_int_equal(symlink(secret.text, temporary.text), 0);
  dataset_make();
  assert_int_equal(hash_file(&after, secret.text), OK);
  assert_true(hash_equal(before, after));
  assert_int_equal(episode_read(), OK);
}

// --- mutations ------------------------------------------------------------------------------------------------------

// Bytes of the file's own structure, whose hashes are set right: read or refused, never more. What HDF5 takes for it
// stays small, of which the sanitizer's and the system's limits tell.
static void test_mutations(void **state) {
  (void)state;
  char *bytes;
  size_t size;
  int refusals = 0;
  uint32_t luck = 1;
  dataset_make();
  assert_int_equal(file_read(&bytes, &size, shard.text), OK);
  for (int i = 0; i < 100; i++) {
    char *changed = memcpy(mem_take(size, 1), bytes, size);
    for (int j = 0; j < 3; j++) {
      luck = luck * 1664525u + 1013904223u;
      changed[(luck >> 8) % size] = (char)(luck >> 3);
    }
    FILE *f = fopen(shard.text, "wb");  // not file_write, whose fsync takes its time
    assert_non_null(f);
    assert_int_equal(fwrite(changed, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
    mem_free(changed);
    hashes_set_right();
    status s = episode_read();
    assert_true(s == OK || s == BAD_FILE);
    if (s == BAD_FILE) says("");
    refusals += s != OK;
  }
  assert_in_range(refusals, 5, 99);
  mem_free(bytes);
}

// HDF5 forgets some of its own memory where a file turns out to be damaged.
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) { return "leak:libhdf5"; }

static int begin(void **state) {
  (void)state;
  if (!mkdtemp(directory)) return -1;
  shard = path_join(directory, "shard-00000.hdf5");
  secret = path_join(directory, "secret");
  dataset_make();
  return rename(shard.text, secret.text);  // an HDF5 file with everything a trap may want
}

static int end(void **state) {
  (void)state;
  text_buffer command = {0};
  text_add(&command, "rm -rf '%s'", directory);
  int code = system(command.bytes);
  text_free(&command);
  return code;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_storage_in_another_file),
      cmocka_unit_test(test_links),
      cmocka_unit_test(test_arrays_made_of_other_arrays),
      cmocka_unit_test(test_filters),
      cmocka_unit_test(test_what_is_not_stored),
      cmocka_unit_test(test_a_chunk_that_would_burst),
      cmocka_unit_test(test_texts_for_numbers),
      cmocka_unit_test(test_an_index_that_claims_much),
      cmocka_unit_test(test_pipes_and_directories),
      cmocka_unit_test(test_a_link_for_the_temporary_file),
      cmocka_unit_test(test_mutations),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

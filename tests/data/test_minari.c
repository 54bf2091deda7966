// Tests for src/data/minari*.c and the size of pictures: folders in Minari's layout that are written here, as others
// might, and as nobody should.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/data/minari.h"

enum { STEPS = 5 };
static char directory[] = "/tmp/dreamfarm-minari-XXXXXX";

// --- a folder that is made for the test -----------------------------------------------------------------------------

static hid_t file_make(void) {
  h5_quiet();
  hid_t file = h5_file_create(path_join(directory, "main_data.hdf5").text);
  assert_true(file >= 0);
  return file;
}

static void metadata_make(const char *json) {
  assert_int_equal(file_write(path_join(directory, "metadata.json").text, json, strlen(json)), OK);
}

static void array_put(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dim, const void *values) {
  h5_extent e = {.rank = rank};
  for (int i = 0; i < rank; i++) e.dim[i] = dim[i];
  assert_int_equal(h5_values_write(group, name, type, e, rank > 1, values), OK);
}

static void numbers_put(hid_t group, const char *name, int count, int each, double first) {
  double values[256];
  for (int i = 0; i < count * each; i++) values[i] = first + i;
  array_put(group, name, H5T_NATIVE_DOUBLE, 2, (hsize_t[]){(hsize_t)count, (hsize_t)each}, values);
}

static void list_put(hid_t group, const char *name, int count, double first) {
  double values[64];
  for (int i = 0; i < count; i++) values[i] = first + i;
  array_put(group, name, H5T_NATIVE_DOUBLE, 1, (hsize_t[]){(hsize_t)count}, values);
}

// What each must have: states of three numbers, actions of one, rewards that begin with `first`.
static hid_t episode_put(hid_t file, const char *name, double first) {
  hid_t group = h5_group_create(file, name);
  numbers_put(group, "observations", STEPS + 1, 3, first);
  numbers_put(group, "actions", STEPS, 1, -0.5);
  list_put(group, "rewards", STEPS, first);
  return group;
}

static void plain_make(const char *const *names, int count) {
  hid_t file = file_make();
  for (int i = 0; i < count; i++) H5Gclose(episode_put(file, names[i], 10 * i));
  H5Fclose(file);
}

static void refused(const char *keys, const char *words) {
  dataset *d;
  data_episode e;
  status s = data_open_any(&d, directory, keys);
  if (s == OK) {
    s = data_read(d, 0, &e);
    data_close(d);
  }
  if (s != BAD_FILE || !strstr(status_message(), words)) fail_msg("%d: %s; wanted: %s", s, status_message(), words);
}

static dataset *opened(const char *keys) {
  dataset *d;
  if (data_open_any(&d, directory, keys) != OK) fail_msg("%s", status_message());
  return d;
}

static int folder_empty(void **state) {
  (void)state;
  unlink(path_join(directory, "main_data.hdf5").text);
  unlink(path_join(directory, "metadata.json").text);
  return 0;
}

// --- what is read ---------------------------------------------------------------------------------------------------

// No metadata, no flags, no attributes, any names: in the order of the numbers in them.
static void test_what_may_be_missing(void **state) {
  static const char *const names[] = {"demo_10", "demo_9", "demo_009b", "2"};
  static const double first[] = {30, 10, 20, 0};
  (void)state;
  plain_make(names, 4);
  dataset *d = opened("");
  assert_int_equal(data_count(d), 4);
  for (int i = 0; i < 4; i++) {
    data_episode e;
    assert_int_equal(data_read(d, i, &e), OK);
    assert_int_equal(e.steps, STEPS);
    assert_int_equal(e.id, i);
    assert_int_equal(e.seed, 0);
    assert_true(e.rewards[0] == first[i]);
    assert_true(((float *)e.observations)[3 * STEPS + 2] == (float)first[i] + 3 * STEPS + 2);
    assert_true(e.actions[0] == -0.5f);  // no bounds are known: as they stand
    assert_true(e.truncated[STEPS - 1] && !e.truncated[0] && !e.terminated[STEPS - 1]);
  }
  data_origin o;
  data_origin_of(&o, d);
  assert_false(o.ours);
  assert_string_equal(o.observations, "3 numbers");
  assert_string_equal(data_provenance_of(d)->environment, "unknown");
  data_close(d);
}

static void test_bounds_and_ends(void **state) {
  (void)state;
  static const uint8_t last[STEPS] = {0, 0, 0, 0, 1};
  hid_t file = file_make(), group = episode_put(file, "episode_0", 0);
  array_put(group, "terminations", H5T_NATIVE_UINT8, 1, (hsize_t[]){STEPS}, last);
  const uint64_t seed = 99;
  assert_int_equal(h5_attribute_write(group, "seed", H5T_NATIVE_UINT64, &seed), OK);
  H5Gclose(group);
  H5Fclose(file);
  metadata_make("{\"action_space\": \"{\\\"type\\\": \\\"Box\\\", \\\"low\\\": [-0.5], \\\"high\\\": [7.5], "
                "\\\"shape\\\": [1], \\\"dtype\\\": \\\"float32\\\"}\", \"dataset_id\": \"a/b\\u0007-v0\", "
                "\"observation_space\": \"{\\\"type\\\": \\\"Box\\\", \\\"low\\\": [-Infinity, -1, NaN], "
                "\\\"high\\\": [Infinity, 1, 2], \\\"shape\\\": [3], \\\"dtype\\\": \\\"float32\\\"}\"}");
  dataset *d = opened("");
  data_episode e;
  assert_int_equal(data_read(d, 0, &e), OK);
  assert_true(e.actions[0] == -1 && e.actions[4] == 0);
  assert_true(e.terminated[STEPS - 1] && !e.truncated[STEPS - 1]);
  assert_int_equal(e.seed, 99);
  data_origin o;
  data_origin_of(&o, d);
  assert_string_equal(o.name, "a/b?-v0");
  assert_string_equal(o.actions, "Box(1) float32 in [-0.5, 7.5]");
  data_close(d);
}

// Whole numbers without a space: as many choices as the largest says.
static void test_choices_without_a_space(void **state) {
  (void)state;
  static const int64_t taken[STEPS] = {0, 3, 1, 0, 2};
  hid_t file = file_make(), group = h5_group_create(file, "episode_0");
  numbers_put(group, "observations", STEPS + 1, 3, 0);
  array_put(group, "actions", H5T_NATIVE_INT64, 1, (hsize_t[]){STEPS}, taken);
  list_put(group, "rewards", STEPS, 0);
  H5Gclose(group);
  H5Fclose(file);
  dataset *d = opened("");
  data_episode e;
  assert_int_equal(data_spec_of(d)->actions, 4);
  assert_int_equal(data_read(d, 0, &e), OK);
  for (int k = 0; k < STEPS; k++)
    for (int i = 0; i < 4; i++) assert_true(e.actions[4 * k + i] == (i == taken[k] ? 1 : -1));
  data_close(d);
}

// In data/ below, too, where minari has it.
static void test_where_it_is(void **state) {
  static const char *const names[] = {"episode_0"};
  file_path below = path_join(directory, "data"), from = path_join(directory, "main_data.hdf5"),
            to = path_join(below.text, "main_data.hdf5");
  hash before, after;
  (void)state;
  plain_make(names, 1);
  assert_int_equal(data_fingerprint(&before, directory), OK);
  assert_int_equal(mkdir(below.text, 0777), 0);
  assert_int_equal(rename(from.text, to.text), 0);
  data_close(opened(""));
  assert_int_equal(data_fingerprint(&after, directory), OK);
  assert_true(hash_equal(before, after));
  assert_int_equal(rename(to.text, from.text), 0);
  assert_int_equal(rmdir(below.text), 0);
  metadata_make("{}");
  assert_int_equal(data_fingerprint(&after, directory), OK);
  assert_false(hash_equal(before, after));
}

// --- what is refused ------------------------------------------------------------------------------------------------

static void test_numbers_that_are_none(void **state) {
  static const char *const arrays[] = {"observations", "actions", "rewards"};
  (void)state;
  for (int i = 0; i < 3; i++) {
    char words[96];
    double bad[(STEPS + 1) * 3] = {0};
    int each = i == 0 ? 3 : 1, count = i == 0 ? STEPS + 1 : STEPS;
    hid_t file = file_make(), group = episode_put(file, "episode_0", 0);
    bad[2 * each] = i == 1 ? INFINITY : NAN;
    assert_true(H5Ldelete(group, arrays[i], H5P_DEFAULT) >= 0);
    array_put(group, arrays[i], H5T_NATIVE_DOUBLE, 2, (hsize_t[]){(hsize_t)count, (hsize_t)each}, bad);
    H5Gclose(group);
    H5Fclose(file);
    snprintf(words, sizeof words, "main_data.hdf5: episode_0/%s: step 2 has a number that is not finite", arrays[i]);
    refused("", words);
  }
}

static void test_lengths_that_differ(void **state) {
  (void)state;
  hid_t file = file_make(), group = h5_group_create(file, "episode_0");
  numbers_put(group, "observations", STEPS, 3, 0);
  numbers_put(group, "actions", STEPS, 1, 0);
  list_put(group, "rewards", STEPS, 0);
  H5Gclose(group);
  H5Fclose(file);
  refused("", "episode_0/observations has 5 entries, but 6 are wanted, by the length of its rewards");
}

static void test_episodes_that_differ(void **state) {
  (void)state;
  hid_t file = file_make();
  H5Gclose(episode_put(file, "episode_0", 0));
  hid_t group = episode_put(file, "episode_1", 0);
  assert_true(H5Ldelete(group, "observations", H5P_DEFAULT) >= 0);
  numbers_put(group, "observations", STEPS + 1, 4, 0);
  H5Gclose(group);
  H5Fclose(file);
  dataset *d = opened("");
  data_episode e;
  assert_int_equal(data_read(d, 0, &e), OK);
  assert_int_equal(data_read(d, 1, &e), BAD_FILE);
  assert_non_null(strstr(status_message(), "episode_1/observations has another shape than in the first episode"));
  data_close(d);
}

static void test_what_is_no_data_set(void **state) {
  static const char *const names[] = {"episode_0"};
  (void)state;
  refused("", "holds no data set");
  H5Fclose(file_make());
  refused("", "holds no episodes");
  assert_int_equal(file_write(path_join(directory, "main_data.hdf5").text, "no HDF5", 7), OK);
  refused("", "cannot be opened as HDF5");
  plain_make(names, 1);
  metadata_make("{\"dataset_id\": ");
  refused("", "metadata.json:1: is not JSON");
  metadata_make("{\"data_format\": \"arrow\"}");
  refused("", "data_format is arrow, but only hdf5 is read");
  metadata_make("[1, 2]");
  data_close(opened(""));
}

static void test_links_are_not_followed(void **state) {
  (void)state;
  hid_t file = file_make();
  assert_true(H5Lcreate_external("/etc/passwd", "/", file, "episode_0", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Fclose(file);
  refused("", "its 1 episodes are links into other files");

  file = file_make();
  hid_t group = episode_put(file, "episode_0", 0);
  assert_true(H5Ldelete(group, "observations", H5P_DEFAULT) >= 0);
  assert_true(H5Lcreate_soft("/episode_0/actions", group, "observations", H5P_DEFAULT, H5P_DEFAULT) >= 0);
  H5Gclose(group);
  H5Fclose(file);
  refused("", "episode_0/observations is a soft link");
}

static void test_choices_outside(void **state) {
  (void)state;
  static const int64_t taken[STEPS] = {0, 1, 7, 0, 1};
  hid_t file = file_make(), group = h5_group_create(file, "episode_0");
  numbers_put(group, "observations", STEPS + 1, 3, 0);
  array_put(group, "actions", H5T_NATIVE_INT64, 1, (hsize_t[]){STEPS}, taken);
  list_put(group, "rewards", STEPS, 0);
  H5Gclose(group);
  H5Fclose(file);
  metadata_make("{\"action_space\": {\"type\": \"Discrete\", \"n\": 2}}");
  refused("", "episode_0/actions: step 2 is 7, outside of Discrete(2)");
  metadata_make("{\"action_space\": {\"type\": \"Discrete\", \"n\": 1000000}}");
  refused("", "its actions have 1000000 numbers; 1 to 1024 are allowed");
  metadata_make("{\"action_space\": {\"type\": \"MultiDiscrete\", \"nvec\": [2]}}");
  refused("", "its actions are MultiDiscrete()");
  refused("state", "its observations have no keys, but collect.keys is state");
}

// --- pictures in other sizes ----------------------------------------------------------------------------------------

static void test_pictures_keep_their_mean(void **state) {
  enum { ROWS = 37, COLUMNS = 91 };
  static uint8_t from[ROWS * COLUMNS * 3], to[64 * 64 * 3];
  (void)state;
  for (size_t i = 0; i < sizeof from; i++) from[i] = (uint8_t)(i * 2654435761u >> 13);
  double mean[2][3] = {{0}};
  data_picture_fit(to, 64, 64, from, ROWS, COLUMNS);
  for (int i = 0; i < ROWS * COLUMNS * 3; i++) mean[0][i % 3] += (double)from[i] / (ROWS * COLUMNS);
  for (int i = 0; i < 64 * 64 * 3; i++) mean[1][i % 3] += (double)to[i] / (64 * 64);
  for (int k = 0; k < 3; k++) assert_true(fabs(mean[0][k] - mean[1][k]) < 0.1);

  // one size to the same, to a whole part, and a single colour
  data_picture_fit(to, ROWS, COLUMNS, from, ROWS, COLUMNS);
  assert_memory_equal(to, from, ROWS * COLUMNS * 3);
  const uint8_t four[4 * 3] = {10, 0, 255, 20, 0, 255, 30, 0, 255, 41, 1, 255};
  data_picture_fit(to, 1, 1, four, 2, 2);
  assert_true(to[0] == 25 && to[1] == 0 && to[2] == 255);
  data_picture_fit(to, 4, 4, four, 2, 2);
  assert_true(to[0] == 10 && to[3 * 5] == 10 && to[3 * 15] == 41);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(test_what_may_be_missing, folder_empty),
      cmocka_unit_test_setup(test_bounds_and_ends, folder_empty),
      cmocka_unit_test_setup(test_choices_without_a_space, folder_empty),
      cmocka_unit_test_setup(test_where_it_is, folder_empty),
      cmocka_unit_test_setup(test_numbers_that_are_none, folder_empty),
      cmocka_unit_test_setup(test_lengths_that_differ, folder_empty),
      cmocka_unit_test_setup(test_episodes_that_differ, folder_empty),
      cmocka_unit_test_setup(test_what_is_no_data_set, folder_empty),
      cmocka_unit_test_setup(test_links_are_not_followed, folder_empty),
      cmocka_unit_test_setup(test_choices_outside, folder_empty),
      cmocka_unit_test(test_pictures_keep_their_mean)};
  assert_non_null(mkdtemp(directory));
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  folder_empty(NULL);
  rmdir(directory);
  return failed;
}

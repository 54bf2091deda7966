// Tests for src/data/finish.c: a shard of another program's making, whose arrays have more dimensions than any of ours.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/data/h5.h"

static void array_write(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dim) {
  const double zeros[3] = {0};
  hid_t space = H5Screate_simple(rank, dim, NULL),
        set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  assert_true(set >= 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros) >= 0);
  H5Dclose(set);
  H5Sclose(space);
}

static void shard_make(const char *path, int rank) {
  const hsize_t steps[1] = {2}, dim[32] = {3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                           1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  hid_t file = h5_file_create(path), group = h5_group_create(file, "episode_0");
  assert_true(file >= 0 && group >= 0);
  array_write(group, "rewards", H5T_NATIVE_DOUBLE, 1, steps);
  array_write(group, "observations", H5T_NATIVE_UINT8, rank, dim);
  H5Gclose(group);
  assert_true(H5Fclose(file) >= 0);
}

// Ranks that no extent has room for; 32 is the most that HDF5 allows.
static void test_too_many_dimensions_are_refused(void **state) {
  (void)state;
  char directory[] = "/tmp/dreamfarm-finish-XXXXXX";
  const data_spec s = {.pixels = true, .shape = {8, 6, 3}, .actions = 2};
  const data_provenance p = {.environment = "test", .version = "1", .policy = "none", .seed = 1};
  assert_non_null(mkdtemp(directory));
  file_path path = path_join(directory, "shard-00000.hdf5");
  for (int rank = 5; rank <= 32; rank += 9) {
    shard_make(path.text, rank);
    h5_extent e;
    hid_t file = h5_file_open(path.text);
    assert_false(h5_extent_read(&e, file, "episode_0/observations"));
    assert_int_equal(e.rank, 0);
    H5Fclose(file);
    assert_int_equal(data_finish(directory, 1, &s, &p), BAD_FILE);
    assert_non_null(strstr(status_message(), "shard-00000.hdf5: episode_0/observations has more than four dimensions"));
  }
  assert_int_equal(file_remove(path.text), OK);
  assert_int_equal(rmdir(directory), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_too_many_dimensions_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

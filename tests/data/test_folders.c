// Tests for src/data/dataset.c: several folders as one dataset.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data.h"

enum { FOLDERS = 3, ACTIONS = 2 };
static const data_spec states = {.shape = {4}, .actions = ACTIONS};
static const int counts[FOLDERS] = {3, 1, 4};  // episodes, two to a shard

static char place[64];

static void place_make(void) {
  snprintf(place, sizeof place, "/tmp/dreamfarm-folders-XXXXXX");
  assert_non_null(mkdtemp(place));
}

static void place_remove(void) {
  text_buffer t = {0};
  text_add(&t, "rm -rf '%s'", place);
  assert_int_equal(system(t.bytes), 0);
  text_free(&t);
}

static int steps_of(int folder, int id) { return 3 + 10 * folder + id; }
static float number_of(int folder, int id) { return (float)(100 * folder + id); }

static data_episode episode_make(const data_spec *s, int folder, int id) {
  data_episode e;
  data_episode_take(&e, s, steps_of(folder, id));
  e.id = id;
  e.steps = steps_of(folder, id);
  e.seed = (uint64_t)folder;
  if (!s->pixels) ((float *)e.observations)[0] = number_of(folder, id);
  e.rewards[0] = (double)number_of(folder, id);
  e.terminated[e.steps - 1] = 1;
  return e;
}

static void folder_make(const char *directory, const data_spec *s, const data_provenance *p, int folder, int count) {
  int shards = (count + 1) / 2;
  assert_int_equal(dir_make(directory), OK);
  for (int k = 0; k < shards; k++) {
    int size = count - 2 * k < 2 ? 1 : 2;
    data_episode e[2] = {{0}};
    for (int i = 0; i < size; i++) e[i] = episode_make(s, folder, 2 * k + i);
    if (data_shard_write(directory, k, s, p, e, size) != OK) fail_msg("%s", status_message());
    for (int i = 0; i < size; i++) data_episode_free(&e[i]);
  }
  if (data_finish(directory, shards, s, p) != OK) fail_msg("%s", status_message());
}

static data_provenance provenance_of(const char *environment, int folder) {
  data_provenance p = {.version = "1", .seed = (uint64_t)folder};
  snprintf(p.environment, sizeof p.environment, "%s", environment);
  snprintf(p.policy, sizeof p.policy, "policy-%d", folder);
  return p;
}

static file_path folder_path(int i) { return path_join(place, "round-%d", i + 1); }

static void folders_make(void) {
  place_make();
  for (int i = 0; i < FOLDERS; i++) {
    data_provenance p = provenance_of("test", i);
    folder_make(folder_path(i).text, &states, &p, i, counts[i]);
  }
}

static dataset *folders_open(const int *which, int count) {
  file_path paths[FOLDERS];
  const char *names[FOLDERS];
  dataset *d;
  for (int i = 0; i < count; i++) {
    paths[i] = folder_path(which[i]);
    names[i] = paths[i].text;
  }
  if (data_open_all(&d, names, count) != OK) fail_msg("%s", status_message());
  return d;
}

// --- several as one --------------------------------------------------------------------------------------------------

static void episode_check(dataset *d, int episode, int folder, int id) {
  data_episode e;
  assert_int_equal(data_steps(d, episode), steps_of(folder, id));
  if (data_read(d, episode, &e) != OK) fail_msg("%s", status_message());
  assert_int_equal(e.id, episode);
  assert_int_equal(e.steps, steps_of(folder, id));
  assert_int_equal(e.seed, folder);
  assert_true(((const float *)e.observations)[0] == number_of(folder, id));
  assert_true(e.rewards[0] == (double)number_of(folder, id));
}

static void test_episodes_are_numbered_through(void **state) {
  (void)state;
  const int order[FOLDERS] = {2, 0, 1};
  folders_make();
  dataset *d = folders_open(order, FOLDERS);
  assert_int_equal(data_count(d), counts[0] + counts[1] + counts[2]);
  assert_int_equal(data_folders(d), FOLDERS);
  assert_string_equal(data_provenance_of(d)->policy, "policy-2");

  int episode = 0;
  for (int i = 0; i < FOLDERS; i++) {
    data_folder f = data_folder_at(d, i);
    assert_string_equal(f.directory, folder_path(order[i]).text);
    assert_int_equal(f.first, episode);
    assert_int_equal(f.count, counts[order[i]]);
    assert_int_equal(f.provenance->seed, order[i]);
    for (int id = 0; id < f.count; id++) episode_check(d, episode++, order[i], id);
  }

  // Back and forth between folders whose shards have the same numbers.
  for (int k = 0; k < 3; k++) {
    episode_check(d, 0, 2, 0);
    episode_check(d, counts[2], 0, 0);
    episode_check(d, counts[2] + counts[0], 1, 0);
  }
  data_close(d);
  place_remove();
}

static hash hash_of(const int *which, int count) {
  dataset *d = folders_open(which, count);
  hash h = data_hash(d);
  data_close(d);
  return h;
}

static void test_the_hash_is_of_all_in_order(void **state) {
  (void)state;
  folders_make();
  dataset *d;
  assert_int_equal(data_open(&d, folder_path(0).text), OK);
  hash alone = data_hash(d), there = hash_of((int[]){0, 1}, 2);
  assert_true(hash_equal(alone, hash_of((int[]){0}, 1)));
  assert_true(hash_equal(there, hash_of((int[]){0, 1}, 2)));
  assert_false(hash_equal(there, hash_of((int[]){1, 0}, 2)));
  assert_false(hash_equal(there, alone));
  data_close(d);
  place_remove();
}

// --- what does not belong together -----------------------------------------------------------------------------------

static void pair_refused(const char *other, status code, const char *words) {
  dataset *d;
  file_path first = folder_path(0), second = path_join(place, "%s", other);
  const char *const names[] = {first.text, second.text};
  assert_int_equal(data_open_all(&d, names, 2), code);
  if (!strstr(status_message(), words)) fail_msg("%s: no \"%s\"", status_message(), words);
  assert_non_null(strstr(status_message(), second.text));
  if (code == MISMATCH) assert_non_null(strstr(status_message(), first.text));
}

static void test_other_shapes_are_refused(void **state) {
  (void)state;
  const data_spec wider = {.shape = {5}, .actions = ACTIONS}, fewer = {.shape = {4}, .actions = 1};
  const data_spec frames = {.pixels = true, .shape = {4, 2, 3}, .actions = ACTIONS};
  data_provenance p = provenance_of("test", 1), elsewhere = provenance_of("another", 1);
  folders_make();
  folder_make(path_join(place, "wider").text, &wider, &p, 1, 1);
  folder_make(path_join(place, "fewer").text, &fewer, &p, 1, 1);
  folder_make(path_join(place, "frames").text, &frames, &p, 1, 1);
  folder_make(path_join(place, "elsewhere").text, &states, &elsewhere, 1, 1);

  pair_refused("wider", MISMATCH, "episodes of test, states of 5, actions of 2, but");
  pair_refused("fewer", MISMATCH, "episodes of test, states of 4, actions of 1, but");
  pair_refused("frames", MISMATCH, "episodes of test, frames of 4 x 2 x 3, actions of 2, but");
  pair_refused("elsewhere", MISMATCH, "episodes of another, states of 4, actions of 2, but");
  pair_refused("nowhere", BAD_FILE, "has no directory either");
  place_remove();
}

// The second folder's shard is damaged: it is named, and the first one's are read all the same.
static void test_a_damaged_folder_is_named(void **state) {
  (void)state;
  data_episode e;
  folders_make();
  file_path shard = path_join(folder_path(1).text, "shard-00000.hdf5");
  dataset *d = folders_open((int[]){0, 1}, 2);
  char *bytes;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, shard.text), OK);
  bytes[size / 2] ^= 1;
  assert_int_equal(file_write(shard.text, bytes, size), OK);
  mem_free(bytes);

  assert_int_equal(data_read(d, counts[0], &e), BAD_FILE);
  assert_non_null(strstr(status_message(), shard.text));
  episode_check(d, 0, 0, 0);
  data_close(d);
  place_remove();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_episodes_are_numbered_through),
      cmocka_unit_test(test_the_hash_is_of_all_in_order),
      cmocka_unit_test(test_other_shapes_are_refused),
      cmocka_unit_test(test_a_damaged_folder_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

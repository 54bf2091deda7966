// Who learns from what: counted over lists, over a data set of several folders.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/train/stream.h"

enum { FOLDERS = 3, EPISODES = 35, STEPS = 4 };
static const int counts[FOLDERS] = {20, 10, 5};  // of episodes, in one shard each
static const data_spec states = {.shape = {2}, .actions = 1};
static char place[] = "/tmp/dreamfarm-split-XXXXXX";

static file_path folder_path(int folder) { return path_join(place, "%d", folder); }

// All are of the same length, so that shares of steps are shares of episodes.
static void folder_make(int folder) {
  const data_provenance p = {.environment = "x", .version = "1", .policy = "y", .seed = (uint64_t)folder};
  data_episode e[20];
  int first = 0;
  for (int i = 0; i < folder; i++) first += counts[i];
  file_path path = folder_path(folder);
  assert_int_equal(dir_make(path.text), OK);
  for (int i = 0; i < counts[folder]; i++) {
    data_episode_take(&e[i], &states, STEPS);
    e[i].id = i;
    e[i].steps = STEPS;
    e[i].terminated[STEPS - 1] = 1;
    for (int k = 0; k <= STEPS; k++) ((float *)e[i].observations)[2 * k] = (float)(first + i);
  }
  if (data_shard_write(path.text, 0, &states, &p, e, counts[folder]) != OK) fail_msg("%s", status_message());
  if (data_finish(path.text, 1, &states, &p) != OK) fail_msg("%s", status_message());
  for (int i = 0; i < counts[folder]; i++) data_episode_free(&e[i]);
}

static dataset *dataset_of(int folders) {
  dataset *d;
  file_path paths[FOLDERS];
  const char *names[FOLDERS];
  for (int i = 0; i < folders; i++) paths[i] = folder_path(i);
  for (int i = 0; i < folders; i++) names[i] = paths[i].text;
  if (data_open_all(&d, names, folders) != OK) fail_msg("%s", status_message());
  return d;
}

// How often each episode stands in a list.
static void count_times(int *times, const uint32_t *of, int count) {
  memset(times, 0, EPISODES * sizeof *times);
  for (int i = 0; i < count; i++) {
    assert_true(of[i] < EPISODES);
    times[of[i]]++;
  }
}

static void the_newest_are_seen_more_often(void **state) {
  (void)state;
  int times[EPISODES];
  dataset *d = dataset_of(FOLDERS);
  episode_list learnt = split_learnt(d, 0, 4);
  count_times(times, learnt.of, learnt.count);
  for (int e = 0; e < EPISODES; e++) assert_int_equal(times[e], e < 30 ? 1 : 4);

  // ranks share them: each counts its own as often, and none is lost
  for (int size = 1; size <= 3; size++) {
    int sum[EPISODES] = {0};
    for (int rank = 0; rank < size; rank++) {
      uint32_t *own = mem_take((size_t)learnt.count, sizeof *own);
      count_times(times, own, episode_list_of_rank(own, &learnt, rank, size));
      for (int e = 0; e < EPISODES; e++) assert_true(times[e] == 0 || e % size == rank);
      for (int e = 0; e < EPISODES; e++) sum[e] += times[e];
      mem_free(own);
    }
    for (int e = 0; e < EPISODES; e++) assert_int_equal(sum[e], e < 30 ? 1 : 4);
  }
  episode_list_free(&learnt);
  data_close(d);
}

// Of one folder all are the newest.
static void one_folder_is_as_it_was(void **state) {
  (void)state;
  dataset *d = dataset_of(1);
  episode_list learnt = split_learnt(d, 0.2, 4), held = split_held(d, 0.2);
  assert_int_equal(learnt.count, 16);
  assert_int_equal(held.count, 4);
  for (int i = 0; i < 16; i++) assert_int_equal(learnt.of[i], i);
  for (int i = 0; i < 4; i++) assert_int_equal(held.of[i], 16 + i);
  episode_list_free(&learnt);
  episode_list_free(&held);
  data_close(d);
}

static void learnt_and_held_out_are_all(void **state) {
  (void)state;
  int times[EPISODES], also[EPISODES];
  dataset *d = dataset_of(FOLDERS);
  episode_list learnt = split_learnt(d, 0.2, 1), held = split_held(d, 0.2);
  count_times(times, learnt.of, learnt.count);
  count_times(also, held.of, held.count);
  for (int e = 0; e < EPISODES; e++) assert_int_equal(times[e] + also[e], 1);

  // of 20, 10 and 5: the last fifth of each
  static const uint32_t wanted[] = {16, 17, 18, 19, 28, 29, 34};
  assert_int_equal(held.count, 7);
  for (int i = 0; i < 7; i++) assert_int_equal(held.of[i], wanted[i]);
  episode_list_free(&learnt);
  episode_list_free(&held);
  data_close(d);
}

// Where dreams begin: once each, whatever their weight; with too few of them some before them, too.
static void the_newest_alone(void **state) {
  (void)state;
  dataset *d = dataset_of(FOLDERS);
  episode_list few = split_newest(d, 0, 2), more = split_newest(d, 0, 8);
  assert_int_equal(few.count, 5);
  for (int i = 0; i < 5; i++) assert_int_equal(few.of[i], 30 + i);
  assert_int_equal(more.count, 8);
  for (int i = 0; i < 8; i++) assert_int_equal(more.of[i], 27 + i);
  episode_list_free(&few);
  episode_list_free(&more);
  data_close(d);
}

// --- what M is shown in an epoch ------------------------------------------------------------------------------------

static void sum(void *self, float *x, size_t n) { (void)self, (void)x, (void)n; }
static void sum_double(void *self, double *x, size_t n) { (void)self, (void)x, (void)n; }
static status agree(void *self, status mine) { return (void)self, mine; }
static void progress_made(void *self, double done, double total, double loss) {
  (void)self, (void)done, (void)total, (void)loss;
}
static bool go_on(void *self) { return (void)self, false; }

// An episode a chunk: its first number says which it is.
static void an_epoch_shows_the_newest_so_often(void **state) {
  (void)state;
  const train_team alone = {.size = 1, .sum = sum, .sum_double = sum_double, .agree = agree};
  const train_watch watch = {.progress = progress_made, .stop = go_on};
  file_path latent = path_join(place, "latents");
  latents *l;
  dataset *d = dataset_of(FOLDERS);
  if (train_encode(NULL, d, latent.text, &alone, &watch) != OK) fail_msg("%s", status_message());
  if (latents_open(&l, latent.text, d, "none", 2, &alone) != OK) fail_msg("%s", status_message());

  episode_list learnt = split_learnt(d, 0, 3);
  stream *s = stream_open(l, 2, 1, 1, STEPS, learnt.count, 0);
  for (uint32_t epoch = 0; epoch < 2; epoch++) {
    uint32_t seen[EPISODES * 3];
    int times[EPISODES];
    stream_begin(s, &learnt, &alone, rng_stream(7, "latents"), epoch, true);
    for (int i = 0; i < learnt.count; i++) seen[i] = (uint32_t)stream_chunk(s).x[0];
    count_times(times, seen, learnt.count);
    for (int e = 0; e < EPISODES; e++) assert_int_equal(times[e], e < 30 ? 1 : 3);
  }

  stream_close(s);
  latents_close(l);
  episode_list_free(&learnt);
  data_close(d);
}

static int folders_make(void **state) {
  (void)state;
  if (!mkdtemp(place)) return -1;
  for (int i = 0; i < FOLDERS; i++) folder_make(i);
  return 0;
}

static int folders_remove(void **state) {
  (void)state;
  text_buffer t = {0};
  text_add(&t, "rm -rf '%s'", place);
  int code = system(t.bytes);
  text_free(&t);
  return code;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_newest_are_seen_more_often),
      cmocka_unit_test(one_folder_is_as_it_was),
      cmocka_unit_test(learnt_and_held_out_are_all),
      cmocka_unit_test(the_newest_alone),
      cmocka_unit_test(an_epoch_shows_the_newest_so_often),
  };
  return cmocka_run_group_tests(tests, folders_make, folders_remove);
}

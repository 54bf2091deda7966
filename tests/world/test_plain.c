// A world that nobody learnt: its minds are what the environment shows, lane by lane.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

enum { N = 3, A = 2, LANES = 4 };
static const float observations[LANES][N] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {10, 11, 12}};

static void test_what_is_seen_of_it(void **state) {
  (void)state;
  world *w = world_open_plain(N, A);
  world_senses s = world_senses_of(w);
  world_features f;
  assert_false(s.pixels);
  assert_int_equal(s.observation, N);
  assert_int_equal(s.actions, A);
  assert_int_equal(world_features_of(&f, w, WORLD_OBSERVATION), OK);
  assert_int_equal(f.F, N);
  assert_int_equal(f.parts, 1);
  assert_int_equal(world_features_of(&f, w, "z"), BAD_CONFIG);
  assert_non_null(strstr(status_message(), "there are: observation"));
  world_close(w);
}

// Equal ones are the same world on every rank, others are not.
static void test_hash(void **state) {
  (void)state;
  world *w[] = {world_open_plain(N, A), world_open_plain(N, A), world_open_plain(N + 1, A), world_open_plain(N, A + 1)};
  assert_true(hash_equal(world_hash(w[0]), world_hash(w[1])));
  assert_false(hash_equal(world_hash(w[0]), world_hash(w[2])));
  assert_false(hash_equal(world_hash(w[0]), world_hash(w[3])));
  for (int i = 0; i < 4; i++) world_close(w[i]);
}

static void assert_features(const mind *m, int lane, int which) {
  assert_memory_equal(mind_features(m, lane), observations[which], sizeof observations[which]);
}

static void test_minds_see_and_move(void **state) {
  (void)state;
  world *w = world_open_plain(N, A);
  mind *m = mind_open(w, LANES);
  for (int i = 0; i < LANES; i++) mind_begin(m, i, rng_episode(rng_stream(1, "plain"), 0, (uint32_t)i));
  mind_see(m, observations, LANES);
  mind_act(m, (const float[LANES * A]){0}, LANES);
  for (int i = 0; i < LANES; i++) assert_features(m, i, i);

  // compaction, and a beginning that remembers nothing
  mind_move(m, 1, 3);
  assert_features(m, 1, 3);
  mind_begin(m, 0, rng_stream(1, "plain"));
  for (int i = 0; i < N; i++) assert_true(mind_features(m, 0)[i] == 0);

  // what is seen is what is thought, also in another mind
  float picture[N];
  void *kept = mem_take(1, mind_state_bytes(w));
  mind *other = mind_open(w, 1);
  mind_picture(m, 2, picture);
  assert_memory_equal(picture, observations[2], sizeof picture);
  mind_save(m, 2, kept);
  mind_load(other, 0, NULL, rng_stream(1, "plain"), kept);
  assert_features(other, 0, 2);

  mem_free(kept);
  mind_close(other);
  mind_close(m);
  world_close(w);
}

static void test_reconstruction_is_the_observation(void **state) {
  (void)state;
  float pictures[LANES][N];
  world *w = world_open_plain(N, A);
  world_reconstruct(w, &pictures[0][0], observations, LANES);
  assert_memory_equal(pictures, observations, sizeof pictures);
  world_close(w);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_seen_of_it),
      cmocka_unit_test(test_hash),
      cmocka_unit_test(test_minds_see_and_move),
      cmocka_unit_test(test_reconstruction_is_the_observation),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// The door of minds: what is seen of one, where it may go, and that nobody else reaches it.

#include "small_world.h"

#include <math.h>

#include "env.h"

static const dream_rules rules = {.temperature = 1.2f, .cap = 1000};

// --- what is seen of a mind -----------------------------------------------------------------------------------------
static void test_features_are_prefixes(void **state) {
  (void)state;
  static const char *const words[3] = {"z", "zh", "zhc"};
  small_world s = small_world_write(true, 1);
  world *w = small_world_open(&s);
  for (int i = 0; i < 3; i++) {
    world_features f;
    assert_int_equal(world_features_of(&f, w, words[i]), OK);
    assert_int_equal(f.parts, i + 1);
    assert_int_equal(f.F, s.shape.Z + i * s.shape.H);
    int sum = 0;
    for (int p = 0; p < f.parts; p++) {
      assert_int_equal(f.part[p].name[0], "zhc"[p]);
      assert_true(strlen(f.part[p].words) > 3);
      sum += f.part[p].size;
    }
    assert_int_equal(sum, f.F);
  }
  world_close(w);
  small_world_remove(&s);
}

static void test_other_words_are_refused(void **state) {
  (void)state;
  static const char *const words[] = {"", "h", "hz", "zc", "zhcz", "Z"};
  small_world s = small_world_write(false, 1);
  world *w = small_world_open(&s);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    world_features f;
    assert_int_equal(world_features_of(&f, w, words[i]), BAD_CONFIG);
    assert_non_null(strstr(status_message(), "there are: z, zh, zhc"));
  }
  world_close(w);
  small_world_remove(&s);
}

static void test_senses(void **state) {
  (void)state;
  for (int pixels = 0; pixels < 2; pixels++) {
    small_world s = small_world_write(pixels, 1);
    world *w = small_world_open(&s);
    world_senses senses = world_senses_of(w);
    assert_int_equal(senses.pixels, pixels);
    assert_int_equal(senses.observation, pixels ? 64 * 64 * 3 : 5);
    assert_int_equal(senses.actions, 1);
    world_close(w);
    small_world_remove(&s);
  }
}

// A mind's picture is what its latent stands for; a reconstruction is that without luck.
static void test_pictures(void **state) {
  (void)state;
  for (int pixels = 0; pixels < 2; pixels++) {
    small_world s = small_world_write(pixels, 2);
    world *w = small_world_open(&s);
    size_t size = (size_t)world_senses_of(w).observation;
    float *picture = mem_take(3 * size, sizeof *picture), *wanted = picture + size, *other = wanted + size;
    mind *m = mind_open(w, 3);
    for (int i = 0; i < 3; i++) mind_dream(m, i, &rules, rng_episode(rng_stream(3, "pictures"), 0, (uint32_t)i));
    mind_picture(m, 2, picture);
    world_imagine(w, wanted, mind_features(m, 2), 1);
    mind_picture(m, 1, other);
    assert_memory_equal(picture, wanted, size * sizeof *picture);
    assert_memory_not_equal(picture, other, size * sizeof *picture);

    uint8_t image[WORLD_PIXELS];
    float numbers[5] = {1, -2, 3, 0.5f, 0}, mu[8], logvar[8];
    for (int i = 0; i < WORLD_PIXELS; i++) image[i] = (uint8_t)(i * 31);
    const void *seen = pixels ? (const void *)image : numbers;
    world_eye *eye = world_eye_open(w, 1);
    world_eye_look(eye, mu, logvar, seen, 1);
    world_imagine(w, wanted, mu, 1);
    world_reconstruct(w, picture, seen, 1);
    assert_memory_equal(picture, wanted, size * sizeof *picture);
    world_eye_close(eye);
    mind_close(m);
    mem_free(picture);
    world_close(w);
    small_world_remove(&s);
  }
}

// --- where it may go ------------------------------------------------------------------------------------------------
enum { STEPS = 30, SEEN = WORLD_PIXELS };

static float act_by_step(int t) { return (float)(t % 3 - 1); }

// What episode `episode` is shown at step t.  (observation)
static void shown(const world *w, void *seen, uint32_t episode, int t) {
  world_senses senses = world_senses_of(w);
  rng luck = rng_episode(rng_stream(11, "shown"), 0, episode);
  if (!senses.pixels) {
    rng_normals(seen, senses.observation, luck, (uint32_t)t, 0);
    return;
  }
  float level = (float)rng_uniform(luck, (uint32_t)t, 0);
  uint8_t *image = seen;
  for (int i = 0; i < senses.observation; i++) image[i] = (uint8_t)((float)(i % 256) * level);
}

static rng luck_of(uint32_t episode) { return rng_episode(rng_stream(12, "awake"), 3, episode); }

// The beliefs of an episode alone, seen and not yet acted on.  (STEPS, 64)
typedef struct trace {
  float belief[STEPS][64];
} trace;

static size_t belief_bytes(const small_world *s) { return (size_t)(s->shape.Z + 2 * s->shape.H) * sizeof(float); }

static trace awake_alone(const small_world *s, const world *w, uint32_t episode) {
  trace r = {0};
  uint8_t *seen = mem_take(1, SEEN);
  mind *m = mind_open(w, 1);
  mind_begin(m, 0, luck_of(episode));
  for (int t = 0; t < STEPS; t++) {
    float action = act_by_step(t);
    shown(w, seen, episode, t);
    mind_see(m, seen, 1);
    memcpy(r.belief[t], mind_features(m, 0), belief_bytes(s));
    mind_act(m, &action, 1);
  }
  mind_close(m);
  mem_free(seen);
  return r;
}

typedef struct lane {
  uint32_t episode;
  int t;
} lane;

// Lanes of different ages; the first goes, the last takes its place, a new one begins, all the time.
static void awake_among_others(bool pixels) {
  enum { LANES = 5, EPISODES = 9 };
  small_world s = small_world_write(pixels, 4);
  world *w = small_world_open(&s);
  trace alone[EPISODES];
  for (uint32_t e = 0; e < EPISODES; e++) alone[e] = awake_alone(&s, w, e);
  size_t size = pixels ? SEEN : (size_t)s.shape.Z * sizeof(float);
  uint8_t *seen = mem_take(LANES, SEEN);
  mind *m = mind_open(w, LANES);
  lane lanes[LANES];
  int alive = 0;
  uint32_t begun = 0;
  for (int turn = 0; alive || begun < EPISODES; turn++) {
    if (turn % 7 == 0 && alive < LANES && begun < EPISODES) {
      mind_begin(m, alive, luck_of(begun));
      lanes[alive++] = (lane){.episode = begun++};
    }
    float actions[LANES];
    for (int i = 0; i < alive; i++) shown(w, seen + (size_t)i * size, lanes[i].episode, lanes[i].t);
    mind_see(m, seen, alive);
    for (int i = 0; i < alive; i++) {
      assert_memory_equal(mind_features(m, i), alone[lanes[i].episode].belief[lanes[i].t], belief_bytes(&s));
      actions[i] = act_by_step(lanes[i].t++);
    }
    mind_act(m, actions, alive);
    for (int i = alive - 1; i >= 0; i--) {
      if (lanes[i].t < STEPS) continue;
      alive--;
      mind_move(m, i, alive);
      lanes[i] = lanes[alive];
    }
  }
  mind_close(m);
  mem_free(seen);
  world_close(w);
  small_world_remove(&s);
}

static void test_awake_lanes_do_not_know_each_other(void **state) {
  (void)state;
  awake_among_others(true);
  awake_among_others(false);
}

// An awake lane is saved at every step and goes on in another mind.
static void test_an_awake_lane_goes_on_elsewhere(void **state) {
  (void)state;
  small_world s = small_world_write(false, 5);
  world *w = small_world_open(&s);
  trace alone = awake_alone(&s, w, 2);
  void *saved = mem_take(1, mind_state_bytes(w));
  mind *m[2] = {mind_open(w, 1), mind_open(w, 1)};
  mind_begin(m[0], 0, luck_of(2));
  for (int t = 0; t < STEPS; t++) {
    float seen[8], action = act_by_step(t);
    shown(w, seen, 2, t);
    mind_see(m[t % 2], seen, 1);
    assert_memory_equal(mind_features(m[t % 2], 0), alone.belief[t], belief_bytes(&s));
    mind_act(m[t % 2], &action, 1);
    mind_save(m[t % 2], 0, saved);
    mind_load(m[!(t % 2)], 0, NULL, luck_of(2), saved);
  }
  for (int i = 0; i < 2; i++) mind_close(m[i]);
  mem_free(saved);
  world_close(w);
  small_world_remove(&s);
}

// A planner's way: what was seen is saved once and dreamt on from in many lanes. With the same luck and actions they
// agree, with other actions or luck they part; what is saved does not change by it.
static void test_one_belief_dreams_on_in_many_lanes(void **state) {
  (void)state;
  enum { LANES = 4 };
  small_world s = small_world_write(true, 6);
  world *w = small_world_open(&s);
  uint8_t *seen = mem_take(1, SEEN);
  void *saved = mem_take(1, mind_state_bytes(w));
  mind *awake = mind_open(w, 1), *m = mind_open(w, LANES);
  mind_begin(awake, 0, luck_of(0));
  shown(w, seen, 0, 0);
  mind_see(awake, seen, 1);
  mind_save(awake, 0, saved);
  for (int i = 0; i < LANES; i++) {
    mind_load(m, i, &rules, luck_of(i == 3), saved);
    assert_memory_equal(mind_features(m, i), mind_features(awake, 0), belief_bytes(&s));
  }
  for (int t = 0; t < 3; t++) {
    dream_outcome out[LANES];
    mind_imagine(m, (const float[]){0.5f, 0.5f, -0.5f, 0.5f}, out, LANES);
  }
  assert_memory_equal(mind_features(m, 0), mind_features(m, 1), belief_bytes(&s));
  assert_memory_not_equal(mind_features(m, 0), mind_features(m, 2), belief_bytes(&s));
  assert_memory_not_equal(mind_features(m, 0), mind_features(m, 3), belief_bytes(&s));
  mind_close(awake);
  mind_close(m);
  mem_free(saved);
  mem_free(seen);
  world_close(w);
  small_world_remove(&s);
}

// --- frozen ---------------------------------------------------------------------------------------------------------
// Hashes of beliefs, step by step, that two earlier doors (a dream; an eye and a memory side by side) gave.

typedef struct frozen {
  float step[60][64];
} frozen;

static frozen frozen_dream(const small_world *s, const world *w) {
  frozen all = {0};
  mind *m = mind_open(w, 2);
  for (int i = 0; i < 2; i++) mind_dream(m, i, &rules, rng_episode(rng_stream(9, "golden"), 1, (uint32_t)i));
  for (int t = 0; t < 60; t++) {
    dream_outcome out[2];
    memcpy(all.step[t], mind_features(m, 1), belief_bytes(s));
    mind_imagine(m, (const float[]){act_by_step(t), act_by_step(t)}, out, 2);
    all.step[t][62] = out[1].reward;
    all.step[t][63] = out[1].terminated;
  }
  mind_close(m);
  return all;
}

static frozen frozen_awake(const small_world *s, const world *w, const char *environment) {
  frozen all = {0};
  mind *m = mind_open(w, 2);
  env *e;
  assert_int_equal(env_open(&e, environment, NULL, 2), OK);
  size_t bytes = env_observation_bytes(env_spec_of(e));
  char *seen = mem_take(2, bytes);
  for (int i = 0; i < 2; i++) {
    mind_begin(m, i, rng_episode(rng_stream(9, "golden eye"), 1, (uint32_t)i));
    env_reset(e, i, rng_episode(rng_stream(9, "golden real"), 1, (uint32_t)i));
  }
  for (int t = 0; t < 60; t++) {
    const float actions[2] = {act_by_step(t), act_by_step(t)};
    env_outcome out[2];
    env_observe(e, seen, 2);
    mind_see(m, seen, 2);
    memcpy(all.step[t], mind_features(m, 1), belief_bytes(s));
    env_step(e, actions, out, 2);
    mind_act(m, actions, 2);
  }
  mind_close(m);
  env_close(e);
  mem_free(seen);
  return all;
}

static void test_frozen_beliefs(void **state) {
  (void)state;
  static const char *const environment[2] = {"cartpole_swingup", "takecover"};
  static const char *const dreamt[2] = {"b4bebd47d1c5a2d884e57222679a1e37", "a400aaf76e1bc6890916c090bc29cb29"};
  static const char *const awake[2] = {"eafb77d465522fcef4f3b7b1885ca3df", "7695fcb72b143053f62dfb2f8e91b210"};
  for (int pixels = 0; pixels < 2; pixels++) {
    small_world s = small_world_write(pixels, 22);
    world *w = small_world_open(&s);
    frozen a = frozen_dream(&s, w), b = frozen_awake(&s, w, environment[pixels]);
    assert_string_equal(hash_bytes(&a, sizeof a).hex, dreamt[pixels]);
    assert_string_equal(hash_bytes(&b, sizeof b).hex, awake[pixels]);
    world_close(w);
    small_world_remove(&s);
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_features_are_prefixes),
      cmocka_unit_test(test_other_words_are_refused),
      cmocka_unit_test(test_senses),
      cmocka_unit_test(test_pictures),
      cmocka_unit_test(test_awake_lanes_do_not_know_each_other),
      cmocka_unit_test(test_an_awake_lane_goes_on_elsewhere),
      cmocka_unit_test(test_one_belief_dreams_on_in_many_lanes),
      cmocka_unit_test(test_frozen_beliefs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

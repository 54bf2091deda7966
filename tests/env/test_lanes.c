// What every environment owes: episodes that are a function of their luck alone, lanes that do not know each other,
// states that can be copied, and policies that fit or are refused with a sentence.

#include "play.h"

#include <stdlib.h>

static int open_all(void **unused) {
  (void)unused;
  num_open();
  return 0;
}

// Runs a check on every environment of the table.
static void for_each_environment(void (*check)(const env_kind *)) {
  int count;
  const char *const *names = env_names(&count);
  for (int i = 0; i < count; i++) check(env_find(names[i]));
}

typedef struct trace {
  int steps;
  hash hash;  // of every observation, reward and ending
} trace;

typedef struct moment {
  float reward;
  int32_t terminated, truncated;
  hash seen;
} moment;

static moment moment_of(env *e, int lane, env_outcome out) {
  size_t bytes = env_observation_bytes(env_of(e));
  void *observation = mem_take(1, bytes);
  env_observe(e, lane, observation);
  moment m = {out.reward, out.terminated, out.truncated, hash_bytes(observation, bytes)};
  mem_free(observation);
  return m;
}

static hash hash_of_step(env *e, int lane, hash so_far, env_outcome out) {
  moment m = moment_of(e, lane, out);
  hash parts[] = {so_far, hash_bytes(&m.reward, sizeof m.reward), hash_bytes(&m.terminated, 2 * sizeof(int32_t)), m.seen};
  return hash_join(parts, 4);
}

// A few hundred steps with actions from a formula.
enum { STEPS = 150 };
static env_outcome act(env *e, int lane, int step) {
  float action[8];
  for (int i = 0; i < env_of(e)->actions; i++) action[i] = (float)((step / 9 * 5 + i) % 7) / 3 - 1;
  return env_step(e, lane, action);
}

static trace run_from(env *e, int lane, trace t) {
  for (env_outcome out = {0}; t.steps < STEPS && !out.terminated && !out.truncated; t.steps++) {
    out = act(e, lane, t.steps);
    t.hash = hash_of_step(e, lane, t.hash, out);
  }
  return t;
}

static trace run(env *e, int lane, uint32_t episode) {
  env_reset(e, lane, rng_episode(rng_stream(9, "lanes"), 0, episode));
  trace t = {0, hash_of_step(e, lane, (hash){"start"}, (env_outcome){0})};
  return run_from(e, lane, t);
}

static void assert_same(trace a, trace b) {
  assert_int_equal(a.steps, b.steps);
  assert_string_equal(a.hash.hex, b.hash.hex);
}

// --- purity -----------------------------------------------------------------------------------------------------------
static void check_pure(const env_kind *k) {
  env *e = env_open(k, 2);
  trace first = run(e, 0, 4), other = run(e, 0, 5), again = run(e, 0, 4), elsewhere = run(e, 1, 4);
  assert_same(first, again);
  assert_same(first, elsewhere);
  assert_string_not_equal(first.hash.hex, other.hash.hex);
  env_close(e);
}
static void test_episode_is_a_function_of_its_luck(void **unused) { (void)unused, for_each_environment(check_pure); }

static void check_dirty_memory(const env_kind *k) {
  env *e = env_open(k, 1);
  trace clean = run(e, 0, 4);
  memset(env_state(e, 0), 0xA5, k->state_bytes);
  assert_same(clean, run(e, 0, 4));
  env_close(e);
}
static void test_reset_forgets_everything(void **unused) { (void)unused, for_each_environment(check_dirty_memory); }

// Five lanes in lockstep, started at different times, give what each gives alone.
static void check_lockstep(const env_kind *k) {
  enum { LANES = 5 };
  env *alone = env_open(k, 1), *e = env_open(k, LANES);
  trace t[LANES];
  bool ended[LANES] = {false};
  for (int time = 0; time < STEPS + 10 * LANES; time++)
    for (int lane = LANES - 1; lane >= 0; lane--) {
      if (time == 10 * lane) {
        env_reset(e, lane, rng_episode(rng_stream(9, "lanes"), 0, (uint32_t)lane));
        t[lane] = (trace){0, hash_of_step(e, lane, (hash){"start"}, (env_outcome){0})};
      }
      if (time < 10 * lane || ended[lane] || t[lane].steps == STEPS) continue;
      env_outcome out = act(e, lane, t[lane].steps++);
      t[lane].hash = hash_of_step(e, lane, t[lane].hash, out);
      ended[lane] = out.terminated || out.truncated;
    }
  for (int lane = 0; lane < LANES; lane++) assert_same(run(alone, 0, (uint32_t)lane), t[lane]);
  env_close(alone);
  env_close(e);
}
static void test_lanes_are_independent(void **unused) { (void)unused, for_each_environment(check_lockstep); }

static void check_copy(const env_kind *k) {
  env *e = env_open(k, 3);
  env_reset(e, 0, rng_episode(rng_stream(9, "lanes"), 0, 4));
  trace half = {0, {"half"}};
  for (; half.steps < 40; half.steps++) act(e, 0, half.steps);
  memcpy(env_state(e, 2), env_state(e, 0), k->state_bytes);
  assert_same(run_from(e, 0, half), run_from(e, 2, half));
  env_close(e);
}
static void test_copied_state_goes_on_alike(void **unused) { (void)unused, for_each_environment(check_copy); }

static void check_quiet_observation(const env_kind *k) {
  env *e = env_open(k, 1);
  env_reset(e, 0, rng_stream(9, "lanes"));
  hash before = hash_bytes(env_state(e, 0), k->state_bytes);
  moment_of(e, 0, (env_outcome){0});
  assert_true(hash_equal(before, hash_bytes(env_state(e, 0), k->state_bytes)));
  env_close(e);
}
static void test_observing_changes_nothing(void **unused) { (void)unused, for_each_environment(check_quiet_observation); }

// --- the table --------------------------------------------------------------------------------------------------------
static void test_table(void **unused) {
  (void)unused;
  int count;
  const char *const *names = env_names(&count);
  assert_int_equal(count, 2);
  assert_string_equal(names[0], "takecover");
  assert_string_equal(names[1], "cartpole_swingup");
  assert_null(env_find("takecove"));
  assert_null(env_find(""));
  assert_int_equal(env_observation_size(env_find("takecover")), 64 * 64 * 3);
  assert_int_equal(env_observation_bytes(env_find("takecover")), 64 * 64 * 3);
  assert_int_equal(env_observation_size(env_find("cartpole_swingup")), 5);
  assert_int_equal(env_observation_bytes(env_find("cartpole_swingup")), 20);
}

static void test_loop_allocates_nothing(void **unused) {
  (void)unused;
  const env_kind *k = env_find("takecover");
  env *e = env_open(k, 1);
  env_policy p = policy_of("hold-random", k);
  uint64_t before = mem_count();
  play_episode(e, 0, &p, 1, 0);
  assert_int_equal(mem_count(), before);
  env_close(e);
}

// --- policies ---------------------------------------------------------------------------------------------------------
static void assert_refused(const char *text, const char *environment, const char *says) {
  env_policy p;
  assert_int_equal(env_policy_parse(&p, text, env_find(environment)), BAD_CONFIG);
  if (!strstr(status_message(), says)) fail_msg("\"%s\" does not say \"%s\"", status_message(), says);
}

static void test_refusals(void **unused) {
  (void)unused;
  assert_refused("wise", "takecover", "random, hold-random, wander:LONGEST_HOLD, still, sweep:HALF_PERIOD, lookahead");
  assert_refused("", "takecover", "not known");
  assert_refused("sweep", "takecover", "whole number");
  assert_refused("sweep:", "takecover", "whole number");
  assert_refused("sweep:0", "takecover", "from 1 to");
  assert_refused("sweep:-5", "takecover", "from 1 to");
  assert_refused("sweep:2.5", "takecover", "whole number");
  assert_refused("sweep:1e9", "takecover", "from 1 to");
  assert_refused("sweep:nan", "takecover", "whole number");
  assert_refused("sweep:10x", "takecover", "whole number");
  assert_refused("still:3", "takecover", "no number");
  assert_refused("sweep:100", "cartpole_swingup", "cannot act in cartpole_swingup");
  assert_refused("lookahead", "cartpole_swingup", "cannot act in cartpole_swingup");
  assert_refused("sweep:00000000000000000000000000000000000000100", "takecover", "too long");
}

static void check_baselines(const env_kind *k) {
  int count;
  const char *const *names = env_baselines(k, &count);
  assert_true(count >= 2);
  for (int i = 0; i < count; i++) assert_string_equal(policy_of(names[i], k).text, names[i]);
}
static void test_baselines_fit(void **unused) { (void)unused, for_each_environment(check_baselines); }

static void actions_of(float *actions, int steps, const char *policy, uint32_t episode) {
  const env_kind *k = env_find("takecover");
  env_policy p = policy_of(policy, k);
  uint64_t memory[ENV_POLICY_MEMORY / 8] = {0};
  rng luck = rng_episode(rng_stream(6, "policy"), 0, episode);
  for (int t = 0; t < steps; t++) p.act(&p, k, NULL, t, luck, memory, &actions[t]);
}

static void test_still_and_sweep(void **unused) {
  (void)unused;
  float a[12];
  actions_of(a, 12, "still", 0);
  for (int t = 0; t < 12; t++) assert_true(a[t] == 0);
  actions_of(a, 12, "sweep:3", 0);
  for (int t = 0; t < 12; t++) assert_true(a[t] == (t / 3 % 2 ? 1 : -1));
}

static void test_random_is_uniform(void **unused) {
  (void)unused;
  enum { N = 30000 };
  static float a[N];
  actions_of(a, N, "random", 0);
  int third[3] = {0}, repeated = 0;
  for (int t = 0; t < N; t++) {
    assert_true(a[t] > -1 && a[t] < 1);
    third[a[t] < -1.0f / 3 ? 0 : a[t] > 1.0f / 3 ? 2 : 1]++;
    repeated += t > 0 && a[t] == a[t - 1];
  }
  for (int i = 0; i < 3; i++) assert_in_range(third[i], 9650, 10350);
  assert_in_range(repeated, 0, 5);
}

// Drawn anew where the step number is a multiple of the repeat in force: a hold of 1 step is the commonest (any repeat
// may be due at once), 10 the longest, and a hold's end divides by a number up to 10.
static void test_hold_random_holds(void **unused) {
  (void)unused;
  enum { N = 30000 };
  static float a[N];
  actions_of(a, N, "hold-random", 1);
  int held = 1, longest = 0, lengths[11] = {0}, holds = 0;
  for (int t = 1; t < N; t++, held++) {
    if (a[t] == a[t - 1]) continue;
    assert_true(held <= 10);
    lengths[held]++;
    holds++;
    if (held > longest) longest = held;
    held = 0;
  }
  assert_int_equal(longest, 10);
  for (int i = 2; i <= 10; i++) assert_true(lengths[1] > lengths[i]);
  assert_true((double)N / holds > 2.5 && (double)N / holds < 4.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_episode_is_a_function_of_its_luck),
      cmocka_unit_test(test_reset_forgets_everything),
      cmocka_unit_test(test_lanes_are_independent),
      cmocka_unit_test(test_copied_state_goes_on_alike),
      cmocka_unit_test(test_observing_changes_nothing),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_loop_allocates_nothing),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_baselines_fit),
      cmocka_unit_test(test_still_and_sweep),
      cmocka_unit_test(test_random_is_uniform),
      cmocka_unit_test(test_hold_random_holds),
  };
  return cmocka_run_group_tests(tests, open_all, NULL);
}

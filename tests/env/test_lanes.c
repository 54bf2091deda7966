// What every environment owes: episodes that are a function of their luck alone, lanes that do not know each other and
// may move, and policies that fit or are refused with a sentence.

#include "play.h"

#include <stdlib.h>

static int open_all(void **unused) {
  (void)unused;
  num_open();
  return 0;
}

// Runs a check on every environment of the table.
static void for_each_environment(void (*check)(const char *name)) {
  int count;
  const char *const *names = env_names(&count);
  for (int i = 0; i < count; i++) check(names[i]);
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

static trace trace_begin(const env *e, const void *observation) {
  moment m = {.seen = hash_bytes(observation, env_observation_bytes(env_spec_of(e)))};
  hash parts[] = {{"start"}, hash_bytes(&m.reward, sizeof m.reward), hash_bytes(&m.terminated, 8), m.seen};
  return (trace){0, hash_join(parts, 4)};
}

static void trace_step(trace *t, const env *e, env_outcome out, const void *observation) {
  moment m = {out.reward, out.terminated, out.truncated,
              hash_bytes(observation, env_observation_bytes(env_spec_of(e)))};
  hash parts[] = {t->hash, hash_bytes(&m.reward, sizeof m.reward), hash_bytes(&m.terminated, 8), m.seen};
  assert_false(out.broken);
  t->hash = hash_join(parts, 4);
  t->steps++;
}

// A few hundred steps with actions from a formula.
enum { STEPS = 150, ACTIONS_MAX = 8 };
static void act(float *action, const env *e, int step) {
  for (int i = 0; i < env_spec_of(e)->actions; i++) action[i] = (float)((step / 9 * 5 + i) % 7) / 3 - 1;
}

static rng luck_of(uint32_t episode) { return rng_episode(rng_stream(9, "lanes"), 0, episode); }

static trace run(env *e, uint32_t episode) {
  void *seen = mem_take(1, env_observation_bytes(env_spec_of(e)));
  env_reset(e, 0, luck_of(episode));
  env_observe(e, seen, 1);
  trace t = trace_begin(e, seen);
  for (env_outcome out = {0}; t.steps < STEPS && !out.terminated && !out.truncated;) {
    float action[ACTIONS_MAX];
    act(action, e, t.steps);
    env_step(e, action, &out, 1);
    env_observe(e, seen, 1);
    trace_step(&t, e, out, seen);
  }
  mem_free(seen);
  return t;
}

static void assert_same(trace a, trace b) {
  assert_int_equal(a.steps, b.steps);
  assert_string_equal(a.hash.hex, b.hash.hex);
}

// --- purity ---------------------------------------------------------------------------------------------------------
static void check_pure(const char *name) {
  env *e = opened(name, 2), *elsewhere = opened(name, 1);
  trace first = run(e, 4), other = run(e, 5), again = run(e, 4);
  assert_true(env_spec_of(e)->pure);
  assert_same(first, again);
  assert_same(first, run(elsewhere, 4));
  assert_string_not_equal(first.hash.hex, other.hash.hex);
  env_close(e);
  env_close(elsewhere);
}
static void test_episode_is_a_function_of_its_luck(void **unused) { (void)unused, for_each_environment(check_pure); }

static void check_dirty_memory(const char *name) {
  env *e = opened(name, 1);
  trace clean = run(e, 4);
  memset(env_state(e, 0), 0xA5, env_kind_find(name)->state_bytes);
  assert_same(clean, run(e, 4));
  env_close(e);
}
static void test_reset_forgets_everything(void **unused) { (void)unused, for_each_environment(check_dirty_memory); }

// Lanes that are stepped at once, begin at different times, and leave their places to the last: what each gives alone.
typedef struct lane {
  uint32_t episode;
  trace so_far;
  bool over;
} lane;

enum { LANES = 5, EPISODES = 11 };

static void lanes_step(env *e, lane *lanes, uint8_t *seen, int n) {
  float actions[LANES * ACTIONS_MAX];
  env_outcome out[LANES];
  size_t bytes = env_observation_bytes(env_spec_of(e));
  int A = env_spec_of(e)->actions;
  for (int i = 0; i < n; i++) act(actions + i * A, e, lanes[i].so_far.steps);
  env_step(e, actions, out, n);
  env_observe(e, seen, n);
  for (int i = 0; i < n; i++) {
    trace_step(&lanes[i].so_far, e, out[i], seen + (size_t)i * bytes);
    lanes[i].over = out[i].terminated || out[i].truncated || lanes[i].so_far.steps == STEPS;
  }
}

static int lanes_compact(env *e, env *alone, lane *lanes, int n) {
  for (int i = n - 1; i >= 0; i--) {
    if (!lanes[i].over) continue;
    assert_same(run(alone, lanes[i].episode), lanes[i].so_far);
    n--;
    env_move(e, i, n);
    lanes[i] = lanes[n];
  }
  return n;
}

static void check_lockstep(const char *name) {
  env *alone = opened(name, 1), *e = opened(name, LANES);
  size_t bytes = env_observation_bytes(env_spec_of(e));
  uint8_t *seen = mem_take(LANES, bytes);
  lane lanes[LANES];
  int n = 0;
  uint32_t begun = 0;
  for (int time = 0; n || begun < EPISODES; time++) {
    if (time % 10 == 0 && n < LANES && begun < EPISODES) {
      env_reset(e, n, luck_of(begun));
      env_observe(e, seen, n + 1);
      lanes[n] = (lane){.episode = begun++, .so_far = trace_begin(e, seen + (size_t)n * bytes)};
      n++;
    }
    lanes_step(e, lanes, seen, n);
    n = lanes_compact(e, alone, lanes, n);
  }
  mem_free(seen);
  env_close(alone);
  env_close(e);
}
static void test_lanes_are_independent(void **unused) { (void)unused, for_each_environment(check_lockstep); }

// An episode that goes on twice, in two environments, is the same twice; and other actions lead elsewhere.
static void check_copied(const char *name) {
  enum { FORK = 40, LANE = 2 };
  env *e = opened(name, 1), *other = opened(name, LANE + 1);
  size_t bytes = env_kind_find(name)->state_bytes;
  float action[ACTIONS_MAX];
  assert_true(env_spec_of(e)->copies);

  env_reset(e, 0, luck_of(3));
  for (int t = 0; t < FORK; t++) {
    act(action, e, t);
    step_one(e, action);
  }

  for (int i = 0; i <= LANE; i++) env_copy(other, i, e, 0);
  for (int t = FORK; t < 2 * FORK; t++) {
    float actions[(LANE + 1) * ACTIONS_MAX] = {0};
    env_outcome out[LANE + 1];
    int A = env_spec_of(e)->actions;
    act(action, e, t);
    memcpy(actions + LANE * A, action, (size_t)A * sizeof *action);
    actions[0] = -1;
    step_one(e, action);
    env_step(other, actions, out, LANE + 1);
  }
  assert_memory_equal(env_state(e, 0), env_state(other, LANE), bytes);
  assert_memory_not_equal(env_state(e, 0), env_state(other, 0), bytes);
  env_close(e);
  env_close(other);
}
static void test_an_episode_goes_on_twice(void **unused) { (void)unused, for_each_environment(check_copied); }

static void check_quiet_observation(const char *name) {
  env *e = opened(name, 1);
  size_t bytes = env_kind_find(name)->state_bytes;
  void *seen = mem_take(1, env_observation_bytes(env_spec_of(e)));
  env_reset(e, 0, rng_stream(9, "lanes"));
  hash before = hash_bytes(env_state(e, 0), bytes);
  env_observe(e, seen, 1);
  assert_true(hash_equal(before, hash_bytes(env_state(e, 0), bytes)));
  mem_free(seen);
  env_close(e);
}
static void test_observing_changes_nothing(void **unused) {
  (void)unused, for_each_environment(check_quiet_observation);
}

// --- what fails by itself -------------------------------------------------------------------------------------------
typedef struct glass {
  int steps, whole;  // steps it will have
} glass;

static void glass_reset(void *state, rng luck) { *(glass *)state = (glass){0, (int)luck.episode}; }
static env_outcome glass_step(void *state, const float *action) {
  glass *g = state;
  g->steps++;
  return (env_outcome){.reward = *action, .broken = g->steps > g->whole};
}
static void glass_observe(const void *state, void *observation) {
  *(float *)observation = (float)((const glass *)state)->steps;
}

static const env_baseline no_baselines[] = {{.name = NULL}};
static const env_kind glass_kind = {.spec = {.name = "glass", .version = "1", .shape = {1, 1, 1}, .actions = 1,
                                             .cap = 10, .baselines = no_baselines},
                                    .state_bytes = sizeof(glass),
                                    .reset = glass_reset,
                                    .step = glass_step,
                                    .observe = glass_observe};

static void test_a_broken_lane_is_said_and_others_go_on(void **unused) {
  (void)unused;
  env_kind_lend(&glass_kind);
  env *e = opened("glass", 3);
  assert_false(env_spec_of(e)->pure);
  for (int i = 0; i < 3; i++) env_reset(e, i, rng_episode(rng_stream(1, "glass"), 0, i == 1 ? 2 : 9));
  for (int t = 1; t <= 3; t++) {
    env_outcome out[3];
    float seen[3];
    env_step(e, (const float[]){0.25f, 0.5f, 0.75f}, out, 3);
    env_observe(e, seen, 3);
    for (int i = 0; i < 3; i++) {
      assert_int_equal(out[i].broken, i == 1 && t == 3);
      assert_true(out[i].reward == 0.25f * (float)(i + 1) && seen[i] == (float)t);
    }
  }
  env_close(e);
  env_kind_lend(NULL);
  assert_int_equal(env_open(&e, "glass", NULL, 1), BAD_CONFIG);
}

// --- the table ------------------------------------------------------------------------------------------------------
static void test_table(void **unused) {
  (void)unused;
  int count;
  const char *const *names = env_names(&count);
  assert_int_equal(count, 7);
  assert_string_equal(names[0], "takecover");
  assert_string_equal(names[1], "cartpole_swingup");
  env_spec takecover = described("takecover"), cartpole = described("cartpole_swingup");
  assert_int_equal(env_observation_size(&takecover), 64 * 64 * 3);
  assert_int_equal(env_observation_bytes(&takecover), 64 * 64 * 3);
  assert_int_equal(env_observation_size(&cartpole), 5);
  assert_int_equal(env_observation_bytes(&cartpole), 20);
}

static void test_unknown_names_are_refused(void **unused) {
  (void)unused;
  static const char *const names[] = {"takecove", "", "TAKECOVER", "takecover:1"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    env *e;
    env_spec s;
    assert_int_equal(env_open(&e, names[i], NULL, 1), BAD_CONFIG);
    assert_non_null(strstr(status_message(), names[i]));
    assert_non_null(strstr(status_message(), "known are: takecover, cartpole_swingup"));
    assert_int_equal(env_describe(&s, names[i], NULL), BAD_CONFIG);
  }
}

static void test_what_it_cannot_hear_is_refused(void **unused) {
  (void)unused;
  static const env_options nothing = {.frame_skip = 1, .reward_scale = 1};
  const struct { env_options o; const char *knob; } said[] = {
      {{.python = "python3.11"}, "environment.python"},
      {{.arguments = "{}"}, "environment.options"},
      {{.wrappers = "a:B"}, "environment.wrappers"},
      {{.observation = "screen"}, "environment.observation"},
      {{.cap = 100}, "environment.cap"},
      {{.reward_scale = 0.1}, "environment.reward_scale"},
      {{.crop = {0, 0, 0, 1}}, "environment.crop"},
      {{.grey = true}, "environment.grey"},
      {{.memory = 100}, "environment.memory"},
      {{.actions = ENV_ACTIONS_THRESHOLDS}, "environment.actions"},
  };

  env *e;
  for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
    assert_int_equal(env_open(&e, "takecover", &said[i].o, 1), BAD_CONFIG);
    assert_non_null(strstr(status_message(), said[i].knob));
  }

  // what says nothing is no trouble, and is known again
  assert_int_equal(env_open(&e, "takecover", &nothing, 1), OK);
  assert_string_equal(env_spec_of(e)->opened, "takecover");
  assert_int_equal(env_spec_of(e)->options.frame_skip, 1);
  env_spec s = *env_spec_of(e);
  env_close(e);
  assert_int_equal(env_open_again(&e, &s, 3), OK);
  env_close(e);
}

static hash seen_hash(env *e) {
  size_t bytes = env_observation_bytes(env_spec_of(e));
  void *seen = mem_take(1, bytes);
  env_observe(e, seen, 1);
  hash h = hash_bytes(seen, bytes);
  mem_free(seen);
  return h;
}

// An action held for three steps is the same action three times, whose rewards are added up, until the end.
static void check_held(const char *name) {
  enum { SKIP = 3 };
  static const env_options held = {.frame_skip = SKIP};
  env *a = opened(name, 1), *b;
  assert_int_equal(env_open(&b, name, &held, 1), OK);
  const int cap = env_spec_of(a)->cap;
  assert_int_equal(env_spec_of(b)->cap, (cap + SKIP - 1) / SKIP);
  assert_false(env_spec_of(b)->pays_steps);

  env_reset(a, 0, luck_of(4));
  env_reset(b, 0, luck_of(4));
  env_outcome one = {0}, three = {0};
  for (int step = 0; !three.terminated && !three.truncated; step++) {
    float action[ACTIONS_MAX], sum = 0;
    act(action, a, step);
    for (int i = 0; i < SKIP && !one.terminated && !one.truncated; i++) {
      env_step(a, action, &one, 1);
      sum += one.reward;
    }
    env_step(b, action, &three, 1);
    assert_true(three.reward == sum);
    assert_true(three.terminated == one.terminated && three.truncated == one.truncated);
    assert_string_equal(seen_hash(a).hex, seen_hash(b).hex);
  }
  env_close(a);
  env_close(b);
}

static void test_an_action_may_be_held(void **unused) {
  (void)unused;
  for_each_environment(check_held);
}

static void test_loop_allocates_nothing(void **unused) {
  (void)unused;
  env *e = opened("takecover", 1);
  env_policy p = policy_of("hold-random", env_spec_of(e));
  uint64_t before = mem_count();
  play_episode(e, &p, 1, 0);
  assert_int_equal(mem_count(), before);
  env_close(e);
}

// --- policies -------------------------------------------------------------------------------------------------------
static void assert_refused(const char *text, const char *environment, const char *says) {
  env_policy p;
  env_spec s = described(environment);
  assert_int_equal(env_policy_parse(&p, text, &s), BAD_CONFIG);
  if (!strstr(status_message(), says)) fail_msg("\"%s\" does not say \"%s\"", status_message(), says);
}

static void test_refusals(void **unused) {
  (void)unused;
  assert_refused("wise", "takecover", "random, hold-random, wander:LONGEST_HOLD, still, sweep:HALF_PERIOD, lookahead");
  assert_refused("wise", "cartpole_swingup", "there are: random, hold-random, wander:LONGEST_HOLD, still");
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

// Reported ones stand for themselves, and those that every environment has are there.
static void check_baselines(const char *name) {
  static const char *const everywhere[] = {"random", "hold-random", "wander:5", "still"};
  env_spec s = described(name);
  int reported = 0;
  for (const env_baseline *b = s.baselines; b->name; b++) {
    if (!b->reported) continue;
    assert_string_equal(policy_of(b->reported, &s).text, b->reported);
    assert_ptr_equal(policy_of(b->reported, &s).baseline, b);
    reported++;
  }
  assert_true(reported >= 2);
  for (int i = 0; i < 4; i++) policy_of(everywhere[i], &s);
}
static void test_baselines_fit(void **unused) { (void)unused, for_each_environment(check_baselines); }

// Only lookahead is shown the state.
static void test_privileges(void **unused) {
  (void)unused;
  env_spec s = described("takecover");
  for (const env_baseline *b = s.baselines; b->name; b++)
    assert_int_equal(b->privileged, strcmp(b->name, "lookahead") == 0);
}

static void actions_of(float *actions, int steps, const char *policy, uint32_t episode) {
  env *e = opened("takecover", 1);
  env_policy p = policy_of(policy, env_spec_of(e));
  uint64_t memory[ENV_POLICY_MEMORY / 8] = {0};
  rng luck = rng_episode(rng_stream(6, "policy"), 0, episode);
  for (int t = 0; t < steps; t++) env_policy_act(&p, e, 0, t, luck, memory, &actions[t]);
  env_close(e);
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
      cmocka_unit_test(test_an_episode_goes_on_twice),
      cmocka_unit_test(test_observing_changes_nothing),
      cmocka_unit_test(test_a_broken_lane_is_said_and_others_go_on),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_unknown_names_are_refused),
      cmocka_unit_test(test_what_it_cannot_hear_is_refused),
      cmocka_unit_test(test_an_action_may_be_held),
      cmocka_unit_test(test_loop_allocates_nothing),
      cmocka_unit_test(test_refusals),
      cmocka_unit_test(test_baselines_fit),
      cmocka_unit_test(test_privileges),
      cmocka_unit_test(test_still_and_sweep),
      cmocka_unit_test(test_random_is_uniform),
      cmocka_unit_test(test_hold_random_holds),
  };
  return cmocka_run_group_tests(tests, open_all, NULL);
}

// ranks: 1 2
// The whole measure: a world whose hazard is known shows that hazard everywhere, a world without wits is caught, and a
// dream that is reality itself is as long as reality and ranks as it does.

#include <math.h>

#include "fidelity.h"
#include "search.h"
#include "small_world.h"

#define HAZARD 0.02
#define DONE_WEIGHT 10

enum { EPISODES = 40, LONGEST = 400, SHARD = 20 };

static farm *f;
static settings set;
static env_spec environment;
static run_home home;

// --- data and a world, both of the same hazard ----------------------------------------------------------------------

static data_episode episode_make(const data_spec *s, int id) {
  rng luck = rng_episode(rng_stream(11, "data"), 0, (uint32_t)id);
  data_episode e;
  int steps = 1;
  while (steps < LONGEST && rng_uniform(luck, (uint32_t)steps, 0) >= HAZARD) steps++;
  data_episode_take(&e, s, steps);
  e.id = id;
  e.steps = steps;
  rng_normals(e.observations, (steps + 1) * s->shape[0], luck, UINT32_MAX, 0);
  if (steps < LONGEST) e.terminated[steps - 1] = 1;
  return e;
}

static void episodes_write(const char *directory) {
  const data_spec s = {.shape = {5}, .actions = 1};
  const data_provenance p = {.environment = "cartpole_swingup", .version = "1", .policy = "random"};
  assert_int_equal(dir_make(directory), OK);
  for (int k = 0; k < EPISODES / SHARD; k++) {
    data_episode e[SHARD];
    for (int i = 0; i < SHARD; i++) e[i] = episode_make(&s, k * SHARD + i);
    if (data_shard_write(directory, k, &s, &p, e, SHARD) != OK) fail_msg("%s", status_message());
    for (int i = 0; i < SHARD; i++) data_episode_free(&e[i]);
  }
  if (data_finish(directory, EPISODES / SHARD, &s, &p) != OK) fail_msg("%s", status_message());
}

// Whatever its memory holds, an end has the same chance.
static void world_settle(small_world *s, double hazard) {
  static const float zeros[8] = {0}, ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  nn_table t = world_rnn_table(&s->shape);
  int head = world_head_size(&s->shape), done = world_head_done(&s->shape);
  for (int h = 0; h < s->shape.H; h++) s->m[t.tensor[RNN_HEAD].at + (size_t)(h * head + done)] = 0;
  s->m[t.tensor[RNN_HEAD_B].at + (size_t)done] = (real)(log(hazard / (1 - hazard)) + log(DONE_WEIGHT));
  const world_origins o = {.count = 1,
                           .mu = zeros,
                           .logvar = zeros,
                           .offset = zeros,
                           .scale = ones,
                           .log_sigma_floor = -7,
                           .done_weight = DONE_WEIGHT};
  small_world_rewrite(s, &o);
}

static fidelity_result measured(double hazard, bool dream_is_reality) {
  fidelity_result *r = mem_take(1, sizeof *r);
  world_features features;
  small_world s = small_world_write(false, 7);
  world_settle(&s, hazard);
  world *w = small_world_open(&s);
  assert_int_equal(world_features_of(&features, w, "z"), OK);
  fidelity_job j = {.s = &set,
                    .home = &home,
                    .f = f,
                    .environment = &environment,
                    .w = w,
                    .controller = controller_for(&features, 1, 0, false),
                    .sigma = 0.5,
                    .dream = dream_is_reality ? ROLLOUT_REAL : ROLLOUT_DREAM,
                    .dream_blind = dream_is_reality ? ROLLOUT_BASELINE : ROLLOUT_DREAM_BASELINE};
  const float parameters[5] = {0.3f, -0.2f, 0.5f, 0.4f, -0.3f};
  j.parameters = parameters;
  if (fidelity_measure(&j, r) != OK) fail_msg("%s", status_message());
  fidelity_result result = *r;
  mem_free(r);
  world_close(w);
  small_world_remove(&s);
  return result;
}

// --- what is measured -----------------------------------------------------------------------------------------------

static bool all_as_known(const fidelity_hazard *h, double hazard, bool exact) {
  for (int i = 0; i < FIDELITY_LAGS; i++) {
    fidelity_rate r = fidelity_rate_of(h->deaths[i], h->steps[i]);
    double apart = exact ? 1e-5 : 4 * sqrt(hazard * (1 - hazard) / h->steps[i]);
    if (h->steps[i] > 0 && fabs(r.mean - hazard) > apart) return false;
  }
  return h->steps[0] > 0;
}

static void a_known_hazard_is_measured_everywhere(void **state) {
  (void)state;
  fidelity_result r = measured(HAZARD, false);
  if (farm_rank(f) != 0) return;

  // A world gives chances, which need no luck to be read.
  assert_true(all_as_known(&r.watch.taught, HAZARD, true));
  assert_true(all_as_known(&r.watch.open, HAZARD, true));
  assert_true(all_as_known(&r.watch.real, HAZARD, false));
  assert_true(all_as_known(&r.dreamt, HAZARD, false));

  // Dreams last 1 / hazard, whoever acts.
  for (int i = 0; i < r.count; i++)
    assert_true(fabs(r.policies[i].dream.mean - 1 / HAZARD) < 4 * r.policies[i].dream.se);
  assert_int_equal(r.watched, EPISODES);
  assert_true(r.watch.deaths > 30 && r.watch.told == 0 && r.watch.alarms == 0);
}

static void what_never_dies_is_caught(void **state) {
  (void)state;
  char words[400];
  fidelity_result r = measured(1e-4, false);
  if (farm_rank(f) != 0) return;
  fidelity_warning(&r, words, sizeof words);
  assert_non_null(strstr(words, "not to be trusted"));
}

// A chance above that of the threshold is an alarm, at every step here.
static void alarms_are_weighed(void **state) {
  (void)state;
  fidelity_result r = measured(0.2, false);
  if (farm_rank(f) != 0) return;
  const fidelity_watch *w = &r.watch;
  assert_true(w->told == w->deaths && w->alarms == w->steps && w->alarms_right == w->deaths);
  assert_true(w->alarms_near > 2 * w->deaths && w->alarms_near <= 3 * w->deaths);
}

static void reality_itself_is_to_be_trusted(void **state) {
  (void)state;
  char words[400];
  fidelity_result r = measured(HAZARD, true);
  if (farm_rank(f) != 0) return;
  for (int i = 0; i < r.count; i++) assert_true(fabs(r.policies[i].ratio - 1) <= 4 * r.policies[i].ratio_se);
  assert_true(r.correlation.value > 0.7);
  assert_true(r.choices.matter > 0 && r.choices.wrong.mean == 0 && r.choices.order.mean == 1);
  fidelity_warning(&r, words, sizeof words);
  assert_string_equal(words, "");
}

// --- by all ranks ---------------------------------------------------------------------------------------------------

static void all_make(char *directory) {
  settings_default(&set);
  set.run.seed = 2;
  set.fidelity.episodes = EPISODES;
  set.rnn.steps = 32;
  set.rnn.done_weight = DONE_WEIGHT;
  set.evolve.episodes = 4;
  set.dream.lanes = 16;
  set.dream.temperature = 1;
  assert_int_equal(env_describe(&environment, "cartpole_swingup", NULL), OK);
  if (farm_rank(f) == 0) assert_non_null(mkdtemp(directory));
  farm_share(f, directory, 64);
  snprintf(set.run.directory, sizeof set.run.directory, "%s", directory);
  home = (run_home){.s = &set, .round = 1};
  if (farm_rank(f) == 0) episodes_write(run_path(&home, RUN_EPISODES).text);
  farm_barrier(f);
}

int main(int count, char **words) {
  char directory[64] = "/tmp/dreamfarm-fidelity-XXXXXX";
  num_open();
  if (farm_open(&f, &count, &words) != OK) return 1;
  log_open(farm_rank(f), farm_size(f), true);
  all_make(directory);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_known_hazard_is_measured_everywhere),
      cmocka_unit_test(what_never_dies_is_caught),
      cmocka_unit_test(alarms_are_weighed),
      cmocka_unit_test(reality_itself_is_to_be_trusted),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  farm_barrier(f);
  if (farm_rank(f) == 0) {
    text_buffer t = {0};
    text_add(&t, "rm -rf '%s'", directory);
    failed += system(t.bytes) != 0;
    text_free(&t);
  }
  farm_close(f, failed);
  return failed;
}

// ranks: 1 2 3
// Choices at real moments: what is counted of probes, and the whole of it in an environment where one of two ways is
// deadly: a world that knows which chooses rightly, one that has it the wrong way round wrongly, and one that knows
// nothing by chance.

#include <math.h>

#include "../../src/env/parts.h"
#include "../../src/fidelity/parts.h"
#include "small_world.h"

static farm *f;
static settings set;
static env_spec environment;
static run_home home;

static bool near(double x, double y) { return fabs(x - y) <= 1e-9; }

// --- what is counted ------------------------------------------------------------------------------------------------

static fidelity_choice counted(const fidelity_probe *p, int n) {
  fidelity_choice c = {0};
  fidelity_choice_count(&c, p, n);
  return c;
}

static void only_what_can_be_chosen_matters(void **state) {
  (void)state;
  const fidelity_probe alike[] = {{.real = 30}, {.real = 30}}, paid[] = {{.real = 30}, {.real = 31}};
  const fidelity_probe one[] = {{.real = 7, .died = true}, {.real = 30}};
  const fidelity_probe both[] = {{.real = 7, .died = true}, {.real = 9, .died = true}};
  assert_false(fidelity_probes_matter(alike, 2));
  assert_true(fidelity_probes_matter(paid, 2));
  assert_true(fidelity_probes_matter(one, 2));
  assert_false(fidelity_probes_matter(both, 2));
}

static void a_favourite_that_dies_is_wrong(void **state) {
  (void)state;
  const fidelity_probe p[] = {
      {.real = 10, .dream = 3, .died = true}, {.real = 30, .dream = 2}, {.real = 30, .dream = 1}};
  fidelity_choice c = counted(p, 3);
  assert_true(c.matter == 1 && c.wrong == 1 && near(c.by_chance, 1.0 / 3));
  assert_true(c.wrong_always[0] == 1 && c.wrong_always[1] == 0 && c.wrong_always[2] == 0);
  assert_true(near(c.lost, 20) && near(c.lost_by_chance, 20.0 / 3));
  assert_true(c.pairs == 2 && c.pairs_right == 0);
}

// Who lives less long, or is paid less, is wrong, and pairs say how far.
static void who_is_paid_less_is_wrong(void **state) {
  (void)state;
  const fidelity_probe p[] = {{.real = 1, .dream = 1}, {.real = 4, .dream = 3}, {.real = 5, .dream = 2}};
  fidelity_choice c = counted(p, 3);
  assert_true(c.wrong == 1 && c.pairs == 3 && c.pairs_right == 2 && near(c.by_chance, 2.0 / 3));
  assert_true(near(c.lost, 1) && near(c.lost_by_chance, 5 - 10.0 / 3));
}

static void equal_favourites_are_chosen_among_by_chance(void **state) {
  (void)state;
  const fidelity_probe p[] = {
      {.real = 10, .dream = 8, .died = true}, {.real = 30, .dream = 8}, {.real = 30, .dream = 8}};
  fidelity_choice c = counted(p, 3);
  assert_true(near(c.wrong, c.by_chance) && near(c.lost, c.lost_by_chance) && c.pairs_right == 1);
}

static void errors_are_those_of_episodes(void **state) {
  (void)state;
  // the ratio is 6 / 20; the residuals are 1, -2 and 1
  const fidelity_choice c[] = {{.matter = 10, .wrong = 4, .wrong_always = {5, 9}, .moments = 40},
                               {.matter = 10 - 20.0 / 3, .wrong = -1, .wrong_always = {5, 0}},
                               {.matter = 20.0 / 3, .wrong = 3, .wrong_always = {5, 0}}};
  fidelity_choices all = fidelity_choices_of(c, 3, 2);
  assert_true(near(all.wrong.mean, 0.3) && near(all.wrong.se, sqrt(6.0 * 3 / 2) / 20));
  assert_true(all.moments == 40 && near(all.matter, 20));

  // of constant ones the best in all episodes, not in each
  assert_true(near(all.blind.mean, 9.0 / 20) && near(all.gain.mean, 3.0 / 20));
  assert_true(isnan(all.regret.mean) && isnan(fidelity_choices_of(c, 0, 2).wrong.mean));
}

// --- a fork: one of two ways is deadly, the same as long as the episode lasts ----------------------------------------

enum { FORK_CAP = 300 };
typedef struct fork_state { float deadly; int32_t steps; } fork_state;

static void fork_reset(void *state, rng luck) {
  *(fork_state *)state = (fork_state){.deadly = rng_below(luck, 0, 0, 2) ? 1.0f : -1.0f};
}

static env_outcome fork_step(void *state, const float *action) {
  fork_state *s = state;
  bool died = action[0] * s->deadly > 0.5f;
  s->steps++;
  return (env_outcome){.reward = 1, .terminated = died, .truncated = !died && s->steps >= FORK_CAP};
}

static void fork_observe(const void *state, void *observation) {
  *(float *)observation = ((const fork_state *)state)->deadly;
}

// The same by the second of two numbers.
static env_outcome fork_wide_step(void *state, const float *action) { return fork_step(state, action + 1); }

static env_kind fork_kind = {.spec = {.name = "fork",
                                            .words = "a test's",
                                            .version = "1",
                                            .shape = {1, 1, 1},
                                            .actions = 1,
                                            .cap = FORK_CAP,
                                            .pays_steps = true,
                                            .pure = true,
                                            .baselines = env_baselines_blind},
                                   .state_bytes = sizeof(fork_state),
                                   .reset = fork_reset,
                                   .step = fork_step,
                                   .observe = fork_observe};

// --- worlds of it ---------------------------------------------------------------------------------------------------

enum { GATE_I, GATE_J, GATE_F, GATE_O };  // the order within the LSTM's columns; its rows are z, the action, h

static void gate_set(small_world *s, int gate, int unit, real by_z, real by_a, real bias) {
  nn_table t = world_rnn_table(&s->shape);
  int H = s->shape.H, column = gate * H + unit;
  s->m[t.tensor[RNN_LSTM].at + (size_t)column] = by_z;
  s->m[t.tensor[RNN_LSTM].at + (size_t)(s->shape.A * 4 * H + column)] = by_a;
  s->m[t.tensor[RNN_LSTM_B].at + (size_t)column] = bias;
}

// Takes in tanh(3 z) where its gate is open, and forgets at once what was before.
static void unit_set(small_world *s, int unit, real by_a, real bias) {
  gate_set(s, GATE_I, unit, 0, by_a, bias);
  gate_set(s, GATE_J, unit, 3, 0, 0);
  gate_set(s, GATE_F, unit, 0, 0, -30);
  gate_set(s, GATE_O, unit, 0, 0, 30);
}

static void head_set(small_world *s, int unit, int column, real value) {
  nn_table t = world_rnn_table(&s->shape);
  s->m[t.tensor[RNN_HEAD].at + (size_t)(unit * world_head_size(&s->shape) + column)] = value;
}

// The fork itself, by hand: units keep z, and know z where the action is 1, and where it is -1; an end is as likely as
// `knows` of them say.  1: the truth, -1: the other way round, 0: nothing
static void world_settle(small_world *s, double knows) {
  nn_table t = world_rnn_table(&s->shape);
  int done = world_head_done(&s->shape), second = world_head_component(&s->shape, 0, 1, 0);
  memset(s->m, 0, t.size * sizeof *s->m);
  unit_set(s, 0, 0, 30);
  unit_set(s, 1, 40, -20);
  unit_set(s, 2, -40, -20);

  const double kept = tanh(tanh(3));
  head_set(s, 0, world_head_component(&s->shape, 0, 0, 0), (real)(1 / kept));
  head_set(s, 1, done, (real)(20 * knows));
  head_set(s, 2, done, (real)(-20 * knows));
  s->m[t.tensor[RNN_HEAD_B].at + (size_t)second] = -7;
  s->m[t.tensor[RNN_HEAD_B].at + (size_t)done] = -8;
  small_world_rewrite(s, NULL);
}

enum { WITLESS = 2, EPISODES = 20 };

static world_shape fork_shape(int knows) {
  world_shape shape = small_world_shape(false, knows == WITLESS ? 2 : 1);
  shape.Z = 1;
  shape.A = environment.actions;
  return shape;
}

// knows: as above, or WITLESS: random weights.
static fidelity_choices measured(int knows, int lanes, text_buffer *json) {
  fidelity_result *r = mem_take(1, sizeof *r);
  world_features features;
  small_world s = small_world_shaped(fork_shape(knows), 7);
  if (knows != WITLESS) world_settle(&s, knows);
  world *w = small_world_open(&s);
  assert_int_equal(world_features_of(&features, w, "z"), OK);
  set.dream.lanes = lanes;

  // a controller that stands still: what happens is by actions that take over
  const float parameters[2] = {0};
  const fidelity_job j = {.s = &set,
                          .home = &home,
                          .f = f,
                          .environment = &environment,
                          .w = w,
                          .controller = controller_for(&features, environment.actions, 0, false),
                          .parameters = parameters};
  fidelity_pace pace = {.work = work_open(farm_rank(f) == 0 ? &home : NULL, STAGE_FIDELITY, "test", "episodes", 1)};
  if (fidelity_choose(&j, r, &pace) != OK) fail_msg("%s", status_message());
  fidelity_choices c = r->choices;
  if (json) fidelity_json(r, json);
  mem_free(r);
  world_close(w);
  small_world_remove(&s);
  return c;
}

static void what_knows_chooses_rightly(void **state) {
  (void)state;
  fidelity_choices c = measured(1, 16, NULL);
  if (farm_rank(f) != 0) return;
  assert_true(c.moments > 10 * EPISODES / 2 && c.matter == c.moments && c.broken == 0 && !c.hindered);
  assert_true(c.wrong.mean == 0 && c.wrong.se == 0 && near(c.regret.mean, 0) && c.order.mean == 1);
  assert_true(near(c.by_chance.mean, 1.0 / 3) && c.blind.mean == 0);
}

static void fork_describe(int actions) {
  fork_kind.spec.actions = actions;
  fork_kind.step = actions == 2 ? fork_wide_step : fork_step;
  env_kind_lend(&fork_kind);
  assert_int_equal(env_describe(&environment, "fork", NULL), OK);
}

// Nine probes, of which three are deadly.
static void two_numbers_are_told_apart(void **state) {
  (void)state;
  fork_describe(2);
  fidelity_choices right = measured(1, 16, NULL), wrong = measured(-1, 16, NULL);
  fork_describe(1);
  if (farm_rank(f) != 0) return;
  assert_true(right.matter > 0 && right.wrong.mean == 0 && right.order.mean == 1);
  assert_true(near(right.by_chance.mean, 1.0 / 3) && right.blind.mean == 0);
  assert_true(wrong.wrong.mean == 1 && wrong.order.mean == 0);
}

// Of 30 steps only one is lived through; by chance a third of that is lost.
static void what_has_it_the_wrong_way_round_chooses_wrongly(void **state) {
  (void)state;
  fidelity_choices c = measured(-1, 16, NULL);
  if (farm_rank(f) != 0) return;
  assert_true(c.wrong.mean == 1 && near(c.regret.mean, 3) && c.order.mean == 0);
}

static void what_knows_nothing_chooses_by_chance(void **state) {
  (void)state;
  fidelity_choices c = measured(0, 16, NULL);
  if (farm_rank(f) != 0) return;
  assert_true(near(c.wrong.mean, 1.0 / 3) && near(c.wrong.mean, c.by_chance.mean));
  assert_true(near(c.regret.mean, 1) && near(c.order.mean, 0.5));
}

static void lanes_change_nothing(void **state) {
  (void)state;
  fidelity_choices many = measured(WITLESS, 16, NULL), one = measured(WITLESS, 1, NULL);
  if (farm_rank(f) != 0) return;
  assert_true(many.wrong.mean > 0 && many.wrong.mean < 1 && many.order.mean > 0 && many.order.mean < 1);
  assert_memory_equal(&many, &one, sizeof many);
}

static void it_is_told(void **state) {
  (void)state;
  text_buffer json = {0};
  measured(1, 16, &json);
  if (farm_rank(f) == 0) {
    const char *at = strstr(json.bytes, "\"choices\": {\"moments\": ");
    static const char *const keys[] = {"matter", "broken", "wrong", "by_chance", "blind", "gain", "regret", "order"};
    assert_non_null(at);
    for (int i = 0; i < 8; i++) {
      char key[32];
      snprintf(key, sizeof key, "\"%s\": ", keys[i]);
      at = strstr(at, key);
      assert_non_null(at);
    }
  }
  text_free(&json);
}

// --- where it cannot be ---------------------------------------------------------------------------------------------

static void what_cannot_be_copied_is_not_measured(void **state) {
  (void)state;
  text_buffer json = {0};
  environment.copies = false;
  fidelity_choices c = measured(1, 16, &json);
  environment.copies = true;
  assert_non_null(strstr(c.hindered, "cannot copy"));
  assert_non_null(strstr(json.bytes, "\"choices\": {\"not_measured\": \"the environment cannot copy"));
  text_free(&json);

  environment.actions = 3;
  assert_non_null(strstr(fidelity_choose_hinders(&environment), "more than 2 numbers"));
  environment.actions = 1;
  assert_null(fidelity_choose_hinders(&environment));
}

// --- by all ranks ---------------------------------------------------------------------------------------------------

static void all_make(char *directory) {
  settings_default(&set);
  set.run.seed = 2;
  set.fidelity.episodes = EPISODES;
  set.dream.temperature = 1;
  fork_describe(1);
  if (farm_rank(f) == 0) assert_non_null(mkdtemp(directory));
  farm_share(f, directory, 64);
  snprintf(set.run.directory, sizeof set.run.directory, "%s", directory);
  home = (run_home){.s = &set, .round = 1};
}

int main(int count, char **words) {
  char directory[64] = "/tmp/dreamfarm-choices-XXXXXX";
  num_open();
  if (farm_open(&f, &count, &words) != OK) return 1;
  log_open(farm_rank(f), farm_size(f), true);
  all_make(directory);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(only_what_can_be_chosen_matters),
      cmocka_unit_test(a_favourite_that_dies_is_wrong),
      cmocka_unit_test(who_is_paid_less_is_wrong),
      cmocka_unit_test(equal_favourites_are_chosen_among_by_chance),
      cmocka_unit_test(errors_are_those_of_episodes),
      cmocka_unit_test(what_knows_chooses_rightly),
      cmocka_unit_test(two_numbers_are_told_apart),
      cmocka_unit_test(what_has_it_the_wrong_way_round_chooses_wrongly),
      cmocka_unit_test(what_knows_nothing_chooses_by_chance),
      cmocka_unit_test(lanes_change_nothing),
      cmocka_unit_test(it_is_told),
      cmocka_unit_test(what_cannot_be_copied_is_not_measured),
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

// Pendulum, mountain car, acrobot and cart-pole's hard start: episodes as Gymnasium itself plays them, how they begin
// and end, and their pictures.

#include "play.h"

#include "../../src/env/cartpole.h"
#include "../../src/env/classics.h"
#include "../golden/env.h"

enum { GOLDENS = sizeof golden_env / sizeof *golden_env, SEEN_MAX = 6 };

static int open_all(void **unused) {
  (void)unused;
  num_open();
  return 0;
}

// --- beside Gymnasium -----------------------------------------------------------------------------------------------
// The speed that is pumped at, of the numbers that a state begins with.
static int speed_at(const char *name) { return strcmp(name, "acrobot") == 0 ? 3 : 1; }

static float formula(int step, int number) { return (float)((step * 37 + number * 13) % 101) / 50.0f - 1.0f; }

// Gymnasium keeps mountain car's state in float. An acrobot doubles an error some times, as all that swings freely
// does.
static double tolerance(const char *name) { return strncmp(name, "mountaincar", 11) == 0 ? 2e-5 : 1e-5; }

static void assert_seen(env *e, const struct golden_env *g, int step) {
  float seen[SEEN_MAX];
  const double *there = g->seen[step / GOLDEN_ENV_EVERY - 1];
  env_observe(e, seen, 1);
  for (int i = 0; i < env_spec_of(e)->shape[0]; i++)
    if (!(fabs((double)seen[i] - there[i]) <= tolerance(g->name)))
      fail_msg("%s %d, step %d: %.9g instead of %.9g", g->name, g->number, step, (double)seen[i], there[i]);
}

static void check_golden(const struct golden_env *g) {
  env *e = opened(g->name, 1);
  env_reset(e, 0, rng_stream(1, "golden"));
  double *state = env_state(e, 0), total = 0;
  memcpy(state, g->state, (strcmp(g->name, "acrobot") == 0 ? 4 : 2) * sizeof *state);

  env_outcome out = {0};
  int step = 0;
  while (!out.terminated && !out.truncated) {
    float action = g->pumps ? (state[speed_at(g->name)] >= 0 ? 1.0f : -1.0f) : formula(step, g->number);
    out = step_one(e, &action);
    total += (double)out.reward;
    step++;
    if (step % GOLDEN_ENV_EVERY == 0 && step / GOLDEN_ENV_EVERY <= g->rows) assert_seen(e, g, step);
  }

  assert_int_equal(step, g->steps);
  assert_int_equal(out.terminated, g->terminated);
  if (!(fabs(total - g->total) < 1e-4 * fmax(1, fabs(g->total))))
    fail_msg("%s %d: %.9g instead of %.9g", g->name, g->number, total, g->total);
  env_close(e);
}

static void test_gymnasium(void **unused) {
  (void)unused;
  int ended = 0;
  for (int i = 0; i < GOLDENS; i++) {
    check_golden(&golden_env[i]);
    ended += golden_env[i].terminated;
  }
  assert_true(ended >= 5);  // the flag, and the line above the hinge, are reached, too
}

// --- actions --------------------------------------------------------------------------------------------------------
static void place_after(double *state, const char *name, float action, int numbers) {
  env *e = opened(name, 1);
  env_reset(e, 0, rng_stream(2, "actions"));
  for (int i = 0; i < 5; i++) step_one(e, &action);
  memcpy(state, env_state(e, 0), (size_t)numbers * sizeof *state);
  env_close(e);
}

static void assert_alike(bool alike, const char *name, float a, float b) {
  double one[4], other[4];
  int numbers = strcmp(name, "acrobot") == 0 ? 4 : 2;
  place_after(one, name, a, numbers);
  place_after(other, name, b, numbers);
  assert_int_equal(memcmp(one, other, (size_t)numbers * sizeof *one) == 0, alike);
}

static void test_actions(void **unused) {
  (void)unused;
  static const char *const continuous[] = {"pendulum", "mountaincar", "cartpole_swingup_hard"};
  static const char *const buttons[] = {"mountaincar_discrete", "acrobot"};
  for (int i = 0; i < 3; i++) {
    assert_alike(true, continuous[i], 1, 50);
    assert_alike(true, continuous[i], -1, -50);
    assert_alike(false, continuous[i], 0.5f, 0.6f);
  }
  for (int i = 0; i < 2; i++) {
    assert_alike(true, buttons[i], 0.3f, -0.3f);
    assert_alike(true, buttons[i], 0.34f, 1);
    assert_alike(false, buttons[i], 0.34f, -1);
    assert_alike(false, buttons[i], 0.34f, 0.33f);
  }
}

// --- starts ---------------------------------------------------------------------------------------------------------
// Each of a state's numbers is drawn evenly: it stays within its bounds, has their mean, and a twelfth of their
// distance's square as variance.
static void assert_even(const char *name, int number, double low, double high) {
  enum { N = 4000 };
  env *e = opened(name, 1);
  double sum = 0, squares = 0, middle = (low + high) / 2, wide = high - low;
  for (uint32_t i = 0; i < N; i++) {
    env_reset(e, 0, rng_episode(rng_stream(4, "starts"), 0, i));
    double x = ((const double *)env_state(e, 0))[number];
    assert_true(x >= low && x <= high);
    sum += x - middle;
    squares += (x - middle) * (x - middle);
  }
  assert_true(fabs(sum / N) < 0.02 * wide);
  assert_true(fabs(sqrt(squares / N) - wide / sqrt(12)) < 0.02 * wide);
  env_close(e);
}

static void test_starts(void **unused) {
  (void)unused;
  assert_even("pendulum", 0, -ENV_PI, ENV_PI);
  assert_even("pendulum", 1, -1, 1);
  assert_even("mountaincar", 0, -0.6, -0.4);
  assert_even("mountaincar_discrete", 0, -0.6, -0.4);
  for (int i = 0; i < 4; i++) assert_even("acrobot", i, -0.1, 0.1);
}

static void test_hard_start(void **unused) {
  (void)unused;
  assert_even("cartpole_swingup_hard", 0, -2.4, 2.4);
  assert_even("cartpole_swingup_hard", 1, -10, 10);
  assert_even("cartpole_swingup_hard", 2, ENV_PI / 2, 3 * ENV_PI / 2);
  assert_even("cartpole_swingup_hard", 3, -10, 10);
}

// From the same state on, the hard task is the easy one.
static void test_hard_moves_alike(void **unused) {
  (void)unused;
  env *easy = opened("cartpole_swingup", 1), *hard = opened("cartpole_swingup_hard", 1);
  env_reset(easy, 0, rng_stream(1, "alike"));
  env_reset(hard, 0, rng_stream(1, "alike"));
  assert_memory_not_equal(env_state(easy, 0), env_state(hard, 0), sizeof(cartpole));
  memcpy(env_state(hard, 0), env_state(easy, 0), sizeof(cartpole));
  for (int i = 0; i < 100; i++) {
    float action = formula(i, 0);
    assert_true(step_one(easy, &action).reward == step_one(hard, &action).reward);
  }
  assert_memory_equal(env_state(easy, 0), env_state(hard, 0), sizeof(cartpole));
  env_close(easy);
  env_close(hard);
}

// --- angles ---------------------------------------------------------------------------------------------------------
static void test_angles(void **unused) {
  (void)unused;
  for (int i = -20000; i <= 20000; i++) {
    double x = i * 0.01, wrapped = env_angle_wrapped(x);
    assert_true(wrapped >= -ENV_PI && wrapped < ENV_PI);
    assert_true(fabs(sin(wrapped) - sin(x)) < 1e-12 && fabs(cos(wrapped) - cos(x)) < 1e-12);
  }
}

// --- scores and pictures --------------------------------------------------------------------------------------------
// Without skill: what a controller must beat.
static void test_baselines_are_poor(void **unused) {
  (void)unused;
  assert_in_range((int)-score_of("random", "pendulum", 100, 1).mean, 1000, 1500);
  assert_true(score_of("random", "mountaincar", 100, 1).mean < 0);
  assert_true(score_of("random", "mountaincar_discrete", 100, 1).mean == -200);
  assert_true(score_of("still", "acrobot", 100, 1).mean == -500);
  assert_true(score_of("random", "cartpole_swingup_hard", 100, 1).mean < 100);
}

enum { ROWS = 60, COLUMNS = 80 };
static uint8_t picture[ROWS][COLUMNS][3];

// Mean row of the orange pixels: rod, flag or second rod.
static double orange_row(const env_spec *s, const float *observation) {
  double sum = 0;
  int count = 0;
  s->picture(&picture[0][0][0], ROWS, COLUMNS, observation);
  for (int r = 0; r < ROWS; r++)
    for (int c = 0; c < COLUMNS; c++) {
      if (picture[r][c][0] < picture[r][c][2] + 100) continue;
      sum += r;
      count++;
    }
  assert_true(count > 5);
  return sum / count;
}

static void test_pictures(void **unused) {
  (void)unused;
  env_spec rod = described("pendulum"), rods = described("acrobot"), car = described("mountaincar");
  assert_true(orange_row(&rod, (const float[]){1, 0, 0}) < ROWS / 2 - 5);
  assert_true(orange_row(&rod, (const float[]){-1, 0, 0}) > ROWS / 2 + 5);
  assert_true(orange_row(&rods, (const float[]){1, 0, 1, 0, 0, 0}) > ROWS / 2 + 10);
  assert_true(orange_row(&rods, (const float[]){-1, 0, 1, 0, 0, 0}) < ROWS / 2 - 10);
  assert_true(orange_row(&car, (const float[]){-0.5f, 0}) < ROWS / 2);  // the flag is up on the hill

  // a dream's state may be anything
  const float odd[] = {0, -3, 1e30f, -INFINITY, NAN};
  for (int i = 0; i < 125; i++) {
    const float seen[SEEN_MAX] = {odd[i % 5], odd[i / 5 % 5], odd[i / 25], odd[i % 5], odd[(i + 1) % 5], odd[i / 25]};
    rod.picture(&picture[0][0][0], 10, 10, seen);
    rods.picture(&picture[0][0][0], 10, 10, seen);
    car.picture(&picture[0][0][0], 10, 10, seen);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_gymnasium),
      cmocka_unit_test(test_actions),
      cmocka_unit_test(test_starts),
      cmocka_unit_test(test_hard_start),
      cmocka_unit_test(test_hard_moves_alike),
      cmocka_unit_test(test_angles),
      cmocka_unit_test(test_baselines_are_poor),
      cmocka_unit_test(test_pictures),
  };
  return cmocka_run_group_tests(tests, open_all, NULL);
}

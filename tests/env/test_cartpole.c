// Cart-pole swing-up: its sine and cosine, the physics (Lagrange's equations, energy, equilibria, signs), reward, and
// when an episode ends.

#include "play.h"

#include "../../src/env/cartpole.h"

#define PI 3.14159265358979323846

static const env_spec *spec;
static env *one;

static int open_all(void **unused) {
  (void)unused;
  num_open();
  one = opened("cartpole_swingup", 1);
  spec = env_spec_of(one);
  return 0;
}

static int close_all(void **unused) {
  (void)unused;
  env_close(one);
  return 0;
}

static cartpole *start_at(cartpole from) {
  env_reset(one, 0, rng_stream(1, "test"));
  cartpole *s = env_state(one, 0);
  *s = from;
  return s;
}

static env_outcome step_once(float action) { return step_one(one, &action); }

// --- sine and cosine -----------------------------------------------------------------------------------------------
static double sincos_error(double x) {
  double s, c;
  env_sincos(&s, &c, x);
  return fmax(fabs(s - sin(x)), fabs(c - cos(x)));
}

static void test_sincos(void **unused) {
  (void)unused;
  for (int i = -100000; i <= 100000; i++) {
    assert_true(sincos_error(i * 1e-4) < 5e-16);
    assert_true(sincos_error(i * 5e-3) < 1e-13);
  }
  for (int i = -8; i <= 8; i++) assert_true(sincos_error(i * PI / 4) < 5e-16);
}

// --- physics --------------------------------------------------------------------------------------------------------
// The accelerations satisfy Lagrange's equations of a cart and a uniform rod, written down another way:
//   (M) x'' - (m l/2) c theta'' + (m l/2) s theta'^2 = u,   (m l^2/3) theta'' - (m l/2) c x'' = (m g l/2) s
static void test_lagrange(void **unused) {
  (void)unused;
  const double m = 0.5, both = 1.0, l = 0.6, g = 9.82;
  for (uint32_t i = 0; i < 1000; i++) {
    double n[4], x2, t2;
    rng_normals_double(n, 4, rng_stream(2, "states"), i, 0);
    cartpole s = {n[0], 2 * n[1], 4 * n[2], 5 * n[3], 0};
    double force = 10 * sin(i), net = force - 0.1 * s.x_dot, sine = sin(s.theta), cosine = cos(s.theta);
    cartpole_accelerations(&x2, &t2, &s, force, 0.1);
    double along = both * x2 - m * l / 2 * (cosine * t2 - sine * s.theta_dot * s.theta_dot);
    double about = m * l * l / 3 * t2 - m * l / 2 * cosine * x2;
    assert_true(fabs(along - net) < 1e-10);
    assert_true(fabs(about - m * g * l / 2 * sine) < 1e-10);
  }
}

static double drift(double dt) {
  cartpole s = {0, 0.3, 2, -1, 0};
  double before = cartpole_energy(&s);
  for (int i = 0; i < (int)(2 / dt + 0.5); i++) cartpole_move(&s, 0, 0, dt);
  return fabs(cartpole_energy(&s) - before);
}

// Euler's method of first order: a tenth of the step, a tenth of the drift, so the limit conserves it.
static void test_energy_is_conserved(void **unused) {
  (void)unused;
  double coarse = drift(1e-4), fine = drift(1e-5);
  assert_true(coarse < 2e-2);
  assert_true(fine < coarse / 8 && fine > coarse / 12);
}

static void test_friction_takes_energy(void **unused) {
  (void)unused;
  cartpole s = {0, 0.3, 2, -1, 0};
  double before = cartpole_energy(&s);
  for (int i = 0; i < 200000; i++) cartpole_move(&s, 0, 0.1, 1e-5);
  assert_true(cartpole_energy(&s) < before - 0.01);
}

static void test_equilibria(void **unused) {
  (void)unused;
  cartpole up = {0}, down = {.theta = PI}, leaning = {.theta = 0.01}, hanging = {.theta = PI + 0.01};
  double x2, t2;
  cartpole_accelerations(&x2, &t2, &up, 0, 0.1);
  assert_true(x2 == 0 && t2 == 0);
  cartpole_accelerations(&x2, &t2, &down, 0, 0.1);
  assert_true(fabs(x2) < 1e-14 && fabs(t2) < 1e-14);
  cartpole_accelerations(&x2, &t2, &leaning, 0, 0.1);
  assert_true(t2 > 0);  // falls further
  cartpole_accelerations(&x2, &t2, &hanging, 0, 0.1);
  assert_true(t2 < 0);  // swings back
}

static void test_force_pushes_the_cart(void **unused) {
  (void)unused;
  for (int side = -1; side <= 1; side += 2) {
    cartpole *s = start_at((cartpole){.theta = PI});
    for (int i = 0; i < 10; i++) step_once((float)side);
    assert_true(side * s->x > 0.03 && side * s->x_dot > 0.5);
    double x2, t2;
    cartpole up = {0};
    cartpole_accelerations(&x2, &t2, &up, 10 * side, 0);
    assert_true(side * t2 > 0);  // theta grows against the push: the pole stays behind
  }
}

static void test_actions_are_clamped(void **unused) {
  (void)unused;
  cartpole *s = start_at((cartpole){.theta = PI});
  step_once(50);
  double speed = s->x_dot;
  start_at((cartpole){.theta = PI});
  step_once(1);
  assert_true(speed == s->x_dot);
}

// --- the episode ----------------------------------------------------------------------------------------------------
static void test_starts_hanging(void **unused) {
  (void)unused;
  double sum = 0, squares = 0;
  for (uint32_t i = 0; i < 4000; i++) {
    env_reset(one, 0, rng_episode(rng_stream(4, "starts"), 0, i));
    const cartpole *s = env_state(one, 0);
    double four[] = {s->x, s->x_dot, s->theta - PI, s->theta_dot};
    for (int j = 0; j < 4; j++) sum += four[j], squares += four[j] * four[j];
  }
  assert_true(fabs(sum / 16000) < 0.006);
  assert_true(fabs(sqrt(squares / 16000) - 0.2) < 0.004);
}

static void test_observation(void **unused) {
  (void)unused;
  start_at((cartpole){0.5, -1.5, 2, 3, 0});
  float o[5];
  assert_int_equal(env_observation_bytes(spec), sizeof o);
  env_observe(one, o, 1);
  const double exact[] = {0.5, -1.5, cos(2), sin(2), 3};
  for (int i = 0; i < 5; i++) assert_true(fabs((double)o[i] - exact[i]) < 1e-7);
}

static void test_reward(void **unused) {
  (void)unused;
  start_at((cartpole){0});
  assert_true(fabs(step_once(0).reward - 1) < 1e-6);  // upright in the middle
  start_at((cartpole){.theta = PI});
  assert_true(fabs(step_once(0).reward) < 1e-6);  // hanging
  start_at((cartpole){.theta = PI / 2, .x = 1.2});
  assert_true(fabs(step_once(0).reward - 0.5 * cos(PI / 4)) < 1e-3);  // level, half-way out
}

static void test_end_of_the_track_terminates(void **unused) {
  (void)unused;
  start_at((cartpole){.x = 2.39, .x_dot = 2, .theta = PI});
  env_outcome out = step_once(0);
  assert_true(out.terminated && !out.truncated);
  start_at((cartpole){.x = -2.39, .x_dot = -2, .theta = PI});
  assert_true(step_once(0).terminated);
}

static void test_cap_truncates(void **unused) {
  (void)unused;
  start_at((cartpole){.theta = PI});
  env_outcome out = {0};
  int steps = 0;
  for (; !out.truncated; steps++) {
    out = step_once(0);
    assert_false(out.terminated);
  }
  assert_int_equal(steps, spec->cap);
  assert_int_equal(spec->cap, 1000);
}

// Without skill there is little to win: what a controller must beat.
static void test_baselines_are_poor(void **unused) {
  (void)unused;
  assert_true(score_of("still", "cartpole_swingup", 200, 1).mean < 60);
  assert_true(score_of("random", "cartpole_swingup", 200, 1).mean < 150);
}

// The bits of an episode: forces from a formula, so that nothing but the motion is pinned.
static void test_golden(void **unused) {
  (void)unused;
  cartpole *s = start_at((cartpole){0.1, -0.2, 3.3, 0.4, 0});
  float rewards = 0;
  for (int i = 0; i < 400; i++) rewards += step_once((float)(i * 37 % 101) / 50 - 1).reward;
  double numbers[] = {s->x, s->x_dot, s->theta, s->theta_dot, (double)rewards};
  assert_string_equal(hash_bytes(numbers, sizeof numbers).hex, "f924ceb49fef173db0450f7950c496f1");
}

// --- its picture ----------------------------------------------------------------------------------------------------
enum { PICTURE_ROWS = 100, PICTURE_COLUMNS = 150 };
static uint8_t picture[PICTURE_ROWS][PICTURE_COLUMNS][3];

typedef struct spot { double row, column; int count; } spot;

// Where the pole's orange pixels are, or (red false) the cart's blue ones, in the mean.
static spot spot_of(bool red) {
  spot s = {0};
  for (int r = 0; r < PICTURE_ROWS; r++)
    for (int c = 0; c < PICTURE_COLUMNS; c++) {
      int less = picture[r][c][red ? 2 : 0], more = picture[r][c][red ? 0 : 2];
      if (more < less + 100) continue;
      s.row += r;
      s.column += c;
      s.count++;
    }
  s.row /= s.count;
  s.column /= s.count;
  return s;
}

static void picture_of(double x, double theta) {
  const float observation[5] = {(float)x, 0, (float)cos(theta), (float)sin(theta), 0};
  spec->picture(&picture[0][0][0], PICTURE_ROWS, PICTURE_COLUMNS, observation);
}

static void test_picture(void **unused) {
  (void)unused;
  for (double x = -2.4; x < 2.5; x += 1.2) {
    picture_of(x, 0);
    spot cart = spot_of(false), pole = spot_of(true);
    assert_true(cart.count > 30 && pole.count > 20);
    assert_true(fabs(cart.column - (74.5 + x * PICTURE_COLUMNS / 5.5)) < 1);
    assert_true(pole.row < cart.row - 8 && fabs(pole.column - cart.column) < 1);  // upright
    picture_of(x, PI);
    assert_true(spot_of(true).row > cart.row + 8);
    if (x < -2) continue;   // it would lean out of the picture
    picture_of(x, PI / 2);  // positive leans towards -x
    assert_true(spot_of(true).column < cart.column - 8);
  }
}

static void test_picture_of_anything(void **unused) {
  (void)unused;
  const float odd[] = {0, -3, 1e30f, -INFINITY, NAN};
  for (int i = 0; i < 5 * 5 * 5; i++) {
    const float observation[5] = {odd[i % 5], odd[i / 5 % 5], odd[i / 25], odd[i % 5], odd[(i + 1) % 5]};
    spec->picture(&picture[0][0][0], 10, 10, observation);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_sincos),
      cmocka_unit_test(test_lagrange),
      cmocka_unit_test(test_energy_is_conserved),
      cmocka_unit_test(test_friction_takes_energy),
      cmocka_unit_test(test_equilibria),
      cmocka_unit_test(test_force_pushes_the_cart),
      cmocka_unit_test(test_actions_are_clamped),
      cmocka_unit_test(test_starts_hanging),
      cmocka_unit_test(test_observation),
      cmocka_unit_test(test_reward),
      cmocka_unit_test(test_end_of_the_track_terminates),
      cmocka_unit_test(test_cap_truncates),
      cmocka_unit_test(test_baselines_are_poor),
      cmocka_unit_test(test_golden),
      cmocka_unit_test(test_picture),
      cmocka_unit_test(test_picture_of_anything),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}

// Tests for src/fidelity: lags in bins, hazards found again, ranks, ratios, small bright things, and the words.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/fidelity/parts.h"

static bool near(double x, double y, double apart) { return fabs(x - y) <= apart; }

// --- lags -----------------------------------------------------------------------------------------------------------

static void every_lag_has_its_bin(void **state) {
  (void)state;
  static const char *const names[FIDELITY_LAGS] = {"0",     "1-2",   "3-5",   "6-9",   "10-14",
                                                   "15-19", "20-25", "26-31", "32-63", "64-127"};
  for (int lag = 0; lag < FIDELITY_LAG_MAX; lag++) {
    int bin = fidelity_lag_bin(lag), first, last;
    assert_string_equal(fidelity_lag_name(bin), names[bin]);
    if (sscanf(names[bin], "%d-%d", &first, &last) == 1) last = first;
    assert_true(first <= lag && lag <= last && fidelity_lag_first(bin) == first);
  }
}

static void steps_at_risk_and_deaths_are_counted_where_they_were(void **state) {
  (void)state;
  fidelity_hazard h = {0};
  fidelity_hazard_add(&h, 5, FIDELITY_LAG_MAX);
  fidelity_hazard_add(&h, FIDELITY_LAG_MAX, FIDELITY_LAG_MAX);
  fidelity_hazard_add(&h, FIDELITY_LAG_MAX + 1, FIDELITY_LAG_MAX);

  static const double steps[FIDELITY_LAGS] = {3, 6, 8, 8, 10, 10, 12, 12, 64, 128};
  for (int i = 0; i < FIDELITY_LAGS; i++) {
    assert_true(h.steps[i] == steps[i]);
    // At the fifth step, which is lag 4; at the very last; and not by the one that was cut.
    assert_true(h.deaths[i] == (i == 2 || i == FIDELITY_LAGS - 1));
  }
}

static void a_known_hazard_is_found_again(void **state) {
  (void)state;
  const double hazard = 0.02;
  fidelity_hazard h = {0};
  for (uint32_t i = 0; i < 4000; i++) {
    rng luck = rng_episode(rng_stream(3, "lives"), 0, i);
    int steps = 1;
    while (steps <= FIDELITY_LAG_MAX && rng_uniform(luck, (uint32_t)steps, 0) >= hazard) steps++;
    fidelity_hazard_add(&h, steps, FIDELITY_LAG_MAX);
  }
  for (int i = 0; i < FIDELITY_LAGS; i++) {
    fidelity_rate r = fidelity_rate_of(h.deaths[i], h.steps[i]);
    assert_true(fabs(r.mean - hazard) < 4 * r.se && r.se < 0.004);
  }
  assert_true(isnan(fidelity_rate_of(0, 0).mean));
}

// --- ranks and ratios -----------------------------------------------------------------------------------------------

static void ranks_are_correlated(void **state) {
  (void)state;
  const double x[] = {1, 2, 3, 4, 5}, curved[] = {-8, 1, 2, 300, 4000}, down[] = {5, 4, 3, 2, 1};
  const double tied[] = {5, 6, 7, 8, 7}, same[] = {2, 2, 2, 2, 2};
  assert_true(near(fidelity_correlate(x, curved, 5).value, 1, 1e-12));
  assert_true(near(fidelity_correlate(x, down, 5).value, -1, 1e-12));
  // scipy.stats.spearmanr
  assert_true(near(fidelity_correlate(x, tied, 5).value, 0.8207826816681233, 1e-12));
  assert_true(isnan(fidelity_correlate(x, same, 5).value));
}

// Of two columns that know nothing of each other the interval holds 0 about 95 times in 100.
static void the_interval_of_a_correlation_holds(void **state) {
  (void)state;
  enum { TIMES = 400, N = 32 };
  int held = 0;
  for (uint32_t i = 0; i < TIMES; i++) {
    double x[2 * N];
    rng_normals_double(x, 2 * N, rng_episode(rng_stream(5, "columns"), 0, i), 0, 0);
    fidelity_correlation c = fidelity_correlate(x, x + N, N);
    held += c.low <= 0 && 0 <= c.high;
  }
  assert_in_range(held, TIMES * 91 / 100, TIMES * 98 / 100);
}

// Columns of a true order and as much noise as order, which halves have twice.
static void what_is_measured_again_is_foretold_from_halves(void **state) {
  (void)state;
  enum { N = 4000 };
  static double x[5 * N], half[2][N], whole[2][N];
  rng_normals_double(x, 5 * N, rng_stream(9, "halves"), 0, 0);
  for (int i = 0; i < N; i++) {
    for (int k = 0; k < 2; k++) half[k][i] = x[i] + x[(k + 1) * N + i];
    whole[0][i] = (half[0][i] + half[1][i]) / 2;
    whole[1][i] = x[i] + (x[3 * N + i] + x[4 * N + i]) / 2;
  }
  double foretold = fidelity_reliability(half[0], half[1], N), again = fidelity_correlate(whole[0], whole[1], N).value;
  assert_true(near(foretold, again, 0.04) && near(again, 2.0 / 3, 0.04));

  for (int i = 0; i < N; i++) half[1][i] = -half[0][i];
  assert_true(fidelity_reliability(half[0], half[1], N) == 0);
}

static void a_ratio_has_its_error(void **state) {
  (void)state;
  const rollout_result dream[] = {{.steps = 30, .total = -1}, {.steps = 50}, {.steps = 9, .broken = 1}};
  const rollout_result outside[] = {{.steps = 15}, {.steps = 25}};
  fidelity_pair p;
  fidelity_pair_compare(&p, dream, outside, 3, 2);
  assert_true(near(p.dream.mean, 40, 1e-12));
  assert_int_equal(p.dream.broken, 1);
  assert_true(near(p.ratio, 2, 1e-12));
  // The relative errors are 10 / 40 and 5 / 20.
  assert_true(near(p.ratio_se, 2 * hypot(0.25, 0.25), 1e-12));
}

// --- small bright things --------------------------------------------------------------------------------------------

enum { SIDE = WORLD_IMAGE };
static fidelity_ground ground;
static float one[WORLD_PIXELS], other[WORLD_PIXELS];
static uint8_t things[SIDE * SIDE];

static void paint(float *picture, int row, int column, int radius, float value) {
  for (int y = row - radius; y <= row + radius; y++)
    for (int x = column - radius; x <= column + radius; x++)
      for (int c = 0; c < 3; c++) picture[(y * SIDE + x) * 3 + c] = value;
}

static void plain(float *picture, float value) {
  for (int i = 0; i < WORLD_PIXELS; i++) picture[i] = value;
}

static int ground_make(void **state) {
  (void)state;
  ground = fidelity_ground_open(true, WORLD_PIXELS);
  for (int i = 0; i < WORLD_PIXELS; i++) {
    ground.mean[i] = 0.2f;
    ground.per_variance[i] = 100;
  }
  return 0;
}

static int ground_drop(void **state) {
  (void)state;
  fidelity_ground_close(&ground);
  return 0;
}

static void small_bright_things_are_found_and_others_are_not(void **state) {
  (void)state;
  plain(one, 0.2f);
  assert_int_equal(fidelity_blobs(&ground, one, things), 0);
  paint(one, 10, 10, 1, 0.9f);
  paint(one, 30, 40, 2, 0.8f);
  paint(one, 50, 20, 2, 0);     // dark
  paint(one, 50, 50, 6, 0.9f);  // large
  paint(one, 20, 50, 2, 0.3f);  // hardly brighter
  assert_int_equal(fidelity_blobs(&ground, one, things), 2);
  assert_int_equal(things[10 * SIDE + 10], 1);
  assert_int_equal(things[30 * SIDE + 42], 2);
  assert_int_equal(things[50 * SIDE + 50], 0);
}

static void what_is_kept_of_them_is_counted(void **state) {
  (void)state;
  plain(one, 0.2f);
  paint(one, 10, 10, 1, 0.9f);
  paint(one, 30, 40, 2, 0.8f);
  int count = fidelity_blobs(&ground, one, things);
  assert_int_equal(fidelity_blobs_kept(&ground, one, things, count, one, 0), 2);

  // One is fainter and a little elsewhere; the other is too faint.
  plain(other, 0.2f);
  paint(other, 11, 12, 1, 0.7f);
  paint(other, 30, 40, 2, 0.4f);
  assert_int_equal(fidelity_blobs_kept(&ground, one, things, count, other, 2), 1);
  assert_int_equal(fidelity_blobs_kept(&ground, one, things, count, other, 0), 0);

  // Brightness everywhere is no thing.
  plain(other, 0.9f);
  assert_int_equal(fidelity_blobs_kept(&ground, one, things, count, other, 3), 0);
}

static void an_error_of_1_is_that_of_the_ground(void **state) {
  (void)state;
  double scale;
  plain(one, 0.2f);
  paint(one, 30, 40, 3, 0.8f);
  plain(other, 0.2f);
  assert_true(fidelity_error(&ground, one, one, &scale) == 0 && scale > 0);
  double error = fidelity_error(&ground, one, other, &scale);
  assert_true(near(error / scale, 1, 1e-6));
}

// --- words ----------------------------------------------------------------------------------------------------------

static const char *words_of(double ratio, double correlation) {
  static char words[400];
  fidelity_result r = {.count = 1, .policies = {{.ratio = ratio}}, .correlation = {.value = correlation}};
  fidelity_warning(&r, words, sizeof words);
  return words;
}

static void only_a_dream_that_misleads_is_warned_of(void **state) {
  (void)state;
  assert_string_equal(words_of(1.3, 0.5), "");
  assert_string_equal(words_of(0.75, 0.9), "");
  assert_non_null(strstr(words_of(1.31, 0.9), "survives 1.31 times"));
  assert_non_null(strstr(words_of(0.7, 0.9), "survives 0.70 times"));
  assert_non_null(strstr(words_of(1, 0.49), "correlation 0.49"));
  assert_non_null(strstr(words_of(1, (double)NAN), "ranks candidates unlike"));
  assert_non_null(strstr(words_of(2, 0.1), "outside, and it ranks"));
}

// With enough moments that matter, and not only by luck.
static void a_dream_that_chooses_blindly_is_warned_of(void **state) {
  (void)state;
  char words[600];
  fidelity_result r = {.count = 1,
                       .policies = {{.ratio = 1}},
                       .correlation = {.value = 0.9},
                       .choices = {.matter = 100, .wrong = {0.2, 0.02}, .blind = {0.25, 0.02}, .gain = {0.05, 0.03}}};
  fidelity_warning(&r, words, sizeof words);
  assert_non_null(strstr(words, "trusted: it chooses no better than who does not look (wrong at 20 % of 100 moments"));
  assert_non_null(strstr(words, "rnn.own_samples"));

  r.choices.gain.se = 0.02;
  fidelity_warning(&r, words, sizeof words);
  assert_string_equal(words, "");
  r.choices = (fidelity_choices){.matter = 10, .wrong = {1, 0}, .blind = {0, 0}, .gain = {-1, 0}};
  fidelity_warning(&r, words, sizeof words);
  assert_string_equal(words, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_lag_has_its_bin),
      cmocka_unit_test(steps_at_risk_and_deaths_are_counted_where_they_were),
      cmocka_unit_test(a_known_hazard_is_found_again),
      cmocka_unit_test(ranks_are_correlated),
      cmocka_unit_test(the_interval_of_a_correlation_holds),
      cmocka_unit_test(what_is_measured_again_is_foretold_from_halves),
      cmocka_unit_test(a_ratio_has_its_error),
      cmocka_unit_test(small_bright_things_are_found_and_others_are_not),
      cmocka_unit_test(what_is_kept_of_them_is_counted),
      cmocka_unit_test(an_error_of_1_is_that_of_the_ground),
      cmocka_unit_test(only_a_dream_that_misleads_is_warned_of),
      cmocka_unit_test(a_dream_that_chooses_blindly_is_warned_of),
  };
  return cmocka_run_group_tests(tests, ground_make, ground_drop);
}

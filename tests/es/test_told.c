// Tests for what a search is told: infinite fitness ranks, what is not a number is refused with a sentence and changes
// nothing, points from far away and fitness without end leave numbers that can be computed with. For every strategy.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/parts.h"
#include "search.h"

enum { POPSIZE = 12 };

static const double worst = INFINITY;
static const double lower[N] = {-2, -2, 0.5, -2, -2, -2, -INFINITY, -2};
static const double upper[N] = {2, 2, 2, INFINITY, 1e-3, 2, 2, 2};
static const double inside[N] = {1, 1, 1, 1, 0, 1, 1, 1};

static const es_limits no_limits = {.ftarget = -INFINITY};

static es *begin(es_kind kind, bool bounded, es_restarts restarts) {
  es_limits limits = es_limits_pycma(N, POPSIZE);
  const es_options o = {.kind = kind,
                        .n = N,
                        .popsize = POPSIZE,
                        .sigma0 = 0.5,
                        .x0 = inside,
                        .seed = 3,
                        .active = true,
                        .lower = bounded ? lower : NULL,
                        .upper = bounded ? upper : NULL,
                        .limits = &limits,
                        .restarts = restarts,
                        .most_effort = 4};
  return open_or_fail(&o);
}

static es *unlimited(es_kind kind) {
  const es_options o = {.kind = kind, .n = N, .popsize = POPSIZE, .sigma0 = 0.5, .x0 = inside, .seed = 3,
                        .active = true, .limits = &no_limits};
  return open_or_fail(&o);
}

static void told(es *e, const double *x, const double *fitness) {
  if (es_tell(e, x, fitness) != OK) fail_msg("%s", status_message());
}

static void assert_finite(es *e) {
  const double *x = es_ask(e);
  for (int i = 0; i < N * es_popsize(e); i++)
    if (!isfinite(x[i])) fail_msg("%s: a candidate is %g in generation %d", e->strategy->name, x[i], es_generation(e));
  for (int i = 0; i < N; i++) assert_true(isfinite(es_mean(e)[i]) && isfinite(es_best(e, NULL)[i]));
  assert_true(isfinite(es_sigma(e)) && es_sigma(e) > 0 && isfinite(es_noise(e)) && es_condition(e) >= 1);
  es_close(copy_of(e));  // what is not finite would not be loaded
}

static bool is_inside(const double *x) {
  for (int i = 0; i < N; i++)
    if (!(x[i] >= lower[i] && x[i] <= upper[i])) return false;
  return true;
}

// --- infinite fitness ----------------------------------------------------------------------------------------------

// A candidate is worth nothing where its first coordinate is above 1, and every seventh.
static double constrained(const double *x, int k, double nothing) {
  return x[0] > 1 || k % 7 == 6 ? nothing : ellipsoid(x, N);
}

static void generation_constrained(es *e, double nothing, bool twice) {
  double fitness[MOST_CANDIDATES], again[MOST_CANDIDATES];
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = constrained(x + k * N, k, nothing);
  for (int k = 0; k < es_reevaluations(e); k++) again[k] = constrained(x + k * N, k + es_generation(e), nothing);
  assert_int_equal(twice ? es_tell_twice(e, x, fitness, again) : es_tell(e, x, fitness), OK);
}

static void test_infinity_ranks_as_any_number_that_is_larger_than_all(void **state) {
  (void)state;
  EACH_KIND(kind)
    for (int how = 0; how < 4; how++) {
      es *infinite = begin(kind, how & 1, ES_ONCE), *large = begin(kind, how & 1, ES_ONCE);
      for (int g = 0; g < 60; g++) {
        generation_constrained(infinite, worst, how & 2);
        generation_constrained(large, 1e300, how & 2);
        assert_memory_equal(es_mean(infinite), es_mean(large), N * sizeof(double));
        assert_true(es_sigma(infinite) == es_sigma(large) && es_condition(infinite) == es_condition(large));
        assert_true(es_noise(infinite) == es_noise(large) && es_effort(infinite) == es_effort(large));
        assert_finite(infinite);
      }
      double best;
      es_best(infinite, &best);
      assert_true(isfinite(best));
      es_close(infinite);
      es_close(large);
    }
}

static void test_a_search_among_solutions_that_are_worth_nothing(void **state) {
  (void)state;
  double fitness[MOST_CANDIDATES], best;
  for (int k = 0; k < MOST_CANDIDATES; k++) fitness[k] = worst;
  EACH_KIND(kind)
    for (int bounded = 0; bounded < 2; bounded++) {
      es *e = begin(kind, bounded, ES_ONCE);
      for (int g = 0; g < 30; g++) {
        if (g % 2) assert_int_equal(es_tell_twice(e, NULL, fitness, fitness), OK);
        else told(e, NULL, fitness);
        assert_finite(e);
        assert_true(!bounded || (is_inside(es_mean(e)) && is_inside(es_best(e, NULL))));
      }
      assert_memory_equal(es_best(e, &best), inside, sizeof inside);
      assert_true(best == worst);
      assert_non_null(es_done(e));
      assert_memory_equal(es_done(e), "tol", 3);  // they are all equal

      // one that is worth something is the best from then on
      fitness[3] = 7;
      told(e, NULL, fitness);
      fitness[3] = worst;
      assert_true(es_best(e, &best) && best == 7);
      es_close(e);
    }
}

static void test_before_the_first_tell_the_best_is_x0(void **state) {
  (void)state;
  EACH_KIND(kind)
    for (es_restarts restarts = ES_ONCE; restarts <= ES_BIPOP; restarts++) {
      double best;
      es *e = begin(kind, true, restarts);
      assert_memory_equal(es_best(e, &best), inside, sizeof inside);
      assert_true(best == worst);
      es_close(e);
    }
}

static void test_what_cannot_be_less_ends_a_search(void **state) {
  (void)state;
  EACH_KIND(kind)
    for (es_restarts restarts = ES_ONCE; restarts <= ES_IPOP; restarts++) {
      double fitness[MOST_CANDIDATES], best, x[N];
      es *e = begin(kind, true, restarts);
      for (int k = 0; k < POPSIZE; k++) fitness[k] = k % 2 ? worst : k;
      fitness[4] = -worst;
      es_candidate(e, 4, x);
      told(e, NULL, fitness);
      assert_memory_equal(es_best(e, &best), x, sizeof x);
      assert_true(best == -worst);
      assert_non_null(strstr(es_done(e), "ftarget: a fitness of -inf was reached"));

      // who does not look may go on
      for (int g = 0; g < 20; g++) {
        for (int k = 0; k < es_popsize(e); k++) fitness[k] = k % 3 ? worst : -worst;
        told(e, NULL, fitness);
        assert_finite(e->descent ? e->descent : e);
      }
      es_close(e);
    }
}

static void test_descents_that_find_nothing_end(void **state) {
  (void)state;
  static double fitness[POPSIZE << 10];
  for (size_t k = 0; k < sizeof fitness / sizeof *fitness; k++) fitness[k] = worst;
  for (es_restarts restarts = ES_IPOP; restarts <= ES_BIPOP; restarts++) {
    es *e = begin(ES_CMA, true, restarts);
    for (int g = 0; g < 60; g++) {
      told(e, NULL, fitness);
      assert_true(is_inside(es_mean(e)) && is_inside(es_best(e, NULL)));
    }
    assert_true(es_descents(e) > 3);
    e = reloaded(e);
    es_close(e);
  }
}

// --- what is refused -----------------------------------------------------------------------------------------------

static void assert_says(const char *words) {
  const char *said = status_message();
  if (!strstr(said, words) || !strstr(said, "allowed")) fail_msg("%s: %s", words, said);
}

static void test_what_is_not_a_number_is_refused_and_changes_nothing(void **state) {
  (void)state;
  EACH_KIND(kind)
    for (es_restarts restarts = ES_ONCE; restarts <= ES_IPOP; restarts++) {
      es *e = begin(kind, true, restarts), *other = begin(kind, true, restarts);
      for (int g = 0; g < 5; g++) {
        double fitness[MOST_CANDIDATES], again[MOST_CANDIDATES], x[MOST_CANDIDATES * N];
        memcpy(x, es_ask(e), sizeof(double) * N * POPSIZE);
        for (int k = 0; k < POPSIZE; k++) fitness[k] = again[k] = ellipsoid(x + k * N, N);

        fitness[5] = (double)NAN;
        assert_int_equal(es_tell(e, x, fitness), BAD_CONFIG);
        assert_says("fitness of candidate 5 is nan");
        assert_int_equal(es_tell_twice(e, x, fitness, again), BAD_CONFIG);
        fitness[5] = ellipsoid(x + 5 * N, N);

        again[1] = (double)NAN;
        assert_int_equal(es_tell_twice(e, x, fitness, again), BAD_CONFIG);
        assert_says("second fitness of candidate 1 is nan");

        const double wrong[] = {(double)NAN, worst, -worst};
        for (int i = 0; i < 3; i++) {
          double right = x[7 * N + 2];
          x[7 * N + 2] = wrong[i];
          assert_int_equal(es_tell(e, x, fitness), BAD_CONFIG);
          assert_says("x[2] of candidate 7 is ");
          x[7 * N + 2] = right;
        }
        assert_same_state(e, other);

        told(e, x, fitness);
        told(other, x, fitness);
        assert_same_state(e, other);
      }
      es_close(e);
      es_close(other);
    }
}

// --- numbers at the end of their range -----------------------------------------------------------------------------

static void test_told_points_may_be_anywhere(void **state) {
  (void)state;
  static const double far[] = {1e300, -1e308, 1e25, 1e-300, -1e12, 0};
  EACH_KIND(kind)
    for (int bounded = 0; bounded < 2; bounded++) {
      es *e = begin(kind, bounded, ES_ONCE);
      for (int g = 0; g < 60; g++) {
        double x[MOST_CANDIDATES * N], fitness[MOST_CANDIDATES];
        memcpy(x, es_ask(e), sizeof(double) * N * POPSIZE);
        for (int k = 0; k < POPSIZE; k++) fitness[k] = k;
        for (int i = 0; i < N; i++) x[(g * 5 % POPSIZE) * N + i] = far[(g + i / 3) % 6];
        if (es_tell(e, x, fitness) != OK) {
          assert_non_null(strstr(status_message(), "range: "));
          break;
        }
        assert_finite(e);
        assert_true(!bounded || (is_inside(es_mean(e)) && is_inside(es_best(e, NULL))));
      }
      es_close(e);
    }
}

static double downhill(const double *x) { return -x[0]; }
static double saddle(const double *x) { return x[1] * x[1] - x[0] * x[0]; }
static double needle(const double *x) { return pow(sphere(x, N), 1e-3); }
static double hill(const double *x) { return -sphere(x, N); }
static double luck(const double *x) { return fmod(fabs(x[0]) * 1e6, 1); }
static double plain(const double *x) { return 0 * x[0]; }

// Whoever switches all limits off and never asks whether the search is done is told in the end that it cannot go on.
static void test_without_limits_and_without_end(void **state) {
  (void)state;
  static double (*const functions[])(const double *) = {downhill, saddle, needle, hill, luck, plain};
  int ended = 0;
  EACH_KIND(kind)
    for (size_t f = 0; f < sizeof functions / sizeof *functions; f++) {
      es *e = unlimited(kind);
      for (int g = 0; g < 1500; g++) {
        double fitness[MOST_CANDIDATES];
        const double *x = es_ask(e);
        for (int k = 0; k < POPSIZE; k++) fitness[k] = functions[f](x + k * N);
        if (g % 50 == 0) assert_finite(e);
        if (es_tell(e, x, fitness) == OK) continue;

        ended++;
        assert_non_null(strstr(status_message(), "cannot be told any more: range: "));
        assert_memory_equal(es_done(e), "range: ", 7);
        assert_finite(e);
        break;
      }
      es_close(e);
    }
  assert_true(ended >= 6);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_infinity_ranks_as_any_number_that_is_larger_than_all),
      cmocka_unit_test(test_a_search_among_solutions_that_are_worth_nothing),
      cmocka_unit_test(test_before_the_first_tell_the_best_is_x0),
      cmocka_unit_test(test_what_cannot_be_less_ends_a_search),
      cmocka_unit_test(test_descents_that_find_nothing_end),
      cmocka_unit_test(test_what_is_not_a_number_is_refused_and_changes_nothing),
      cmocka_unit_test(test_told_points_may_be_anywhere),
      cmocka_unit_test(test_without_limits_and_without_end),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

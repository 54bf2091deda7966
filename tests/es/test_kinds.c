// Tests for src/es: what holds for every strategy. A search sees the order of fitness alone, does not care where the
// origin is or how long a metre is, goes on bit for bit after being saved, and its candidates are functions of its state.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "kinds.h"

static const double ones[N] = {1, 1, 1, 1, 1, 1, 1, 1};

static es *begin(es_kind kind, const double *x0, double sigma0) {
  const es_options o = {.kind = kind, .n = N, .popsize = 12, .sigma0 = sigma0, .x0 = x0, .seed = 3, .active = true};
  return open_or_fail(&o);
}

static double cubed_log(double f) { return pow(log(f + 1e-300), 3); }

static void test_order_is_all_that_counts(void **state) {
  (void)state;
  EACH_KIND(kind) {
    es *a = begin(kind, ones, 0.7), *b = begin(kind, ones, 0.7);
    for (int g = 0; g < 60; g++) {
      play(a, ellipsoid, 0, 1, NULL);
      play(b, ellipsoid, 0, 1, cubed_log);
      assert_memory_equal(es_mean(a), es_mean(b), N * sizeof(double));
      assert_true(es_sigma(a) == es_sigma(b) && es_condition(a) == es_condition(b));
    }
    es_close(a);
    es_close(b);
  }
}

static void test_scale(void **state) {  // a power of two scales every number exactly
  (void)state;
  const double fours[N] = {4, 4, 4, 4, 4, 4, 4, 4};
  EACH_KIND(kind) {
    es *a = begin(kind, ones, 0.5), *b = begin(kind, fours, 2);
    for (int g = 0; g < 60; g++) {
      play(a, rosenbrock, 0, 1, NULL);
      play(b, rosenbrock, 0, 0.25, NULL);
      for (int i = 0; i < N; i++) assert_true(4 * es_mean(a)[i] == es_mean(b)[i]);
      assert_true(4 * es_sigma(a) == es_sigma(b));
    }
    es_close(a);
    es_close(b);
  }
}

static void test_translation(void **state) {
  (void)state;
  const double moved[N] = {17, 17, 17, 17, 17, 17, 17, 17};
  EACH_KIND(kind) {
    es *a = begin(kind, ones, 0.5), *b = begin(kind, moved, 0.5);
    for (int g = 0; g < 30; g++) {
      play(a, ellipsoid, 0, 1, NULL);
      play(b, ellipsoid, 16, 1, NULL);
    }
    for (int i = 0; i < N; i++) assert_true(fabs(es_mean(a)[i] + 16 - es_mean(b)[i]) < 1e-9);
    assert_true(fabs(es_sigma(a) / es_sigma(b) - 1) < 1e-9);
    es_close(a);
    es_close(b);
  }
}

static void test_a_loaded_search_goes_on_bit_for_bit(void **state) {
  (void)state;
  const double lower[N] = {-2, -2, -2, -2, 0.5, -2, -INFINITY, -2}, upper[N] = {2, 2, 2, INFINITY, 2, 2, 2, 2};
  es_limits limits = es_limits_pycma(N, 12);
  EACH_KIND(kind) {
    const es_options o = {.kind = kind, .n = N, .popsize = 12, .sigma0 = 0.7, .x0 = ones, .seed = 3, .active = true,
                          .lower = lower, .upper = upper, .limits = &limits};
    es *whole = open_or_fail(&o), *part = open_or_fail(&o);
    for (int g = 0; g < 40; g++) {
      if (g % 3 == 0) {
        if (g % 2) es_ask(part);
        es *loaded = copy_of(part);
        es_close(part);
        part = loaded;
      }
      play(whole, rosenbrock, 0, 1, NULL);
      play(part, rosenbrock, 0, 1, NULL);
      assert_same_state(whole, part);
      assert_true(es_generation(part) == g + 1 && es_evaluations(part) == 12 * (g + 1));
    }
    es_close(whole);
    es_close(part);
  }
}

static void test_a_candidate_is_a_function_of_state_and_index(void **state) {
  (void)state;
  EACH_KIND(kind) {
    es *e = begin(kind, ones, 0.5);
    for (int g = 0; g < 12; g++) {
      es *elsewhere = copy_of(e);
      double x[N];
      for (int k = es_popsize(e) - 1; k >= 0; k--) {
        es_candidate(elsewhere, k, x);
        assert_memory_equal(x, es_ask(e) + k * N, sizeof x);
        es_candidate(e, k, x);
        assert_memory_equal(x, es_ask(e) + k * N, sizeof x);
      }
      play(e, ellipsoid, 0, 1, NULL);
      es_close(elsewhere);
    }
    es_close(e);
  }
}

// Who does not want to hold all candidates need not: they are made again one by one.
static void test_what_was_asked_need_not_be_told(void **state) {
  (void)state;
  EACH_KIND(kind) {
    es *a = begin(kind, ones, 0.5), *b = begin(kind, ones, 0.5);
    for (int g = 0; g < 30; g++) {
      double fitness[MOST_CANDIDATES], x[N];
      for (int k = 0; k < es_popsize(b); k++) {
        es_candidate(b, k, x);
        fitness[k] = ellipsoid(x, N);
      }
      es_tell(b, NULL, fitness);
      play(a, ellipsoid, 0, 1, NULL);
      assert_same_state(a, b);
    }
    es_close(a);
    es_close(b);
  }
}

static void test_they_get_there(void **state) {
  (void)state;
  static const struct { int generations; double left; } wanted[ES_KINDS] = {
      [ES_CMA] = {200, 1e-10}, [ES_SEP_CMA] = {200, 1e-10}, [ES_LRA_CMA] = {400, 1e-8}, [ES_LM_MA] = {200, 1e-10}, [ES_OPENAI] = {200, 0.1}, [ES_PGPE] = {200, 0.1},
      [ES_ONE_PLUS_ONE] = {200, 1e-8}, [ES_RANDOM] = {200, 3}};
  EACH_KIND(kind) {
    assert_true(wanted[kind].generations > 0);  // a kind that is not in the table is not tested
    es *e = begin(kind, ones, 0.5);
    for (int g = 0; g < wanted[kind].generations; g++) play(e, sphere, 0, 1, NULL);
    double left = sphere(es_mean(e), N), best;
    printf("%-14s sphere 8 -> %.3g in %d generations of 12\n", es_kind_name(kind), left, es_generation(e));
    if (!(left < wanted[kind].left)) fail_msg("%s: %g", es_kind_name(kind), left);
    assert_true(sphere(es_best(e, &best), N) == best && best < 3);
    es_close(e);
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order_is_all_that_counts),
      cmocka_unit_test(test_scale),
      cmocka_unit_test(test_translation),
      cmocka_unit_test(test_a_loaded_search_goes_on_bit_for_bit),
      cmocka_unit_test(test_a_candidate_is_a_function_of_state_and_index),
      cmocka_unit_test(test_what_was_asked_need_not_be_told),
      cmocka_unit_test(test_they_get_there),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

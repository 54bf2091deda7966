// Tests for src/es: what holds for every strategy. A search sees the order of fitness alone, does not care where the
// origin is or how long a metre is (some: nor where north is), goes on bit for bit after being saved, and its
// candidates are functions of its state.

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "search.h"

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
      search_step(a, ellipsoid);
      search_step_seen(b, ellipsoid, NULL, 1, cubed_log);
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
      search_step(a, rosenbrock);
      search_step_seen(b, rosenbrock, NULL, 0.25, as_is);
      for (int i = 0; i < N; i++) assert_true(4 * es_mean(a)[i] == es_mean(b)[i]);
      assert_true(4 * es_sigma(a) == es_sigma(b));
    }
    es_close(a);
    es_close(b);
  }
}

static void test_translation(void **state) {
  (void)state;
  const double moved[N] = {17, 17, 17, 17, 17, 17, 17, 17}, sixteens[N] = {16, 16, 16, 16, 16, 16, 16, 16};
  EACH_KIND(kind) {
    es *a = begin(kind, ones, 0.5), *b = begin(kind, moved, 0.5);
    for (int g = 0; g < 30; g++) {
      search_step(a, ellipsoid);
      search_step_seen(b, ellipsoid, sixteens, 1, as_is);
    }
    for (int i = 0; i < N; i++) assert_true(fabs(es_mean(a)[i] + 16 - es_mean(b)[i]) < 1e-9);
    assert_true(fabs(es_sigma(a) / es_sigma(b) - 1) < 1e-9);
    es_close(a);
    es_close(b);
  }
}

// Told the same points in a turned world, a search is where the other is, turned: so do those that know no coordinates.
static void test_rotation(void **state) {
  (void)state;
  static const es_kind blind[] = {ES_CMA, ES_LRA_CMA, ES_LM_MA, ES_ONE_PLUS_ONE, ES_RANDOM};
  double q[N * N], turned_ones[N], turned[12 * N], mean[N], fitness[12];
  rotation_make(q, N);
  rotate(turned_ones, q, ones, N, false);
  for (size_t i = 0; i < sizeof blind / sizeof *blind; i++) {
    es *a = begin(blind[i], ones, 0.5), *b = begin(blind[i], turned_ones, 0.5);
    for (int g = 0; g < 40; g++) {
      const double *x = es_ask(a);
      for (int k = 0; k < 12; k++) {
        fitness[k] = ellipsoid(x + k * N, N);
        rotate(turned + k * N, q, x + k * N, N, false);
      }
      es_tell(a, x, fitness);
      es_tell(b, turned, fitness);
      rotate(mean, q, es_mean(a), N, false);
      for (int j = 0; j < N; j++) assert_true(fabs(mean[j] - es_mean(b)[j]) < 1e-9);
      assert_true(fabs(es_sigma(a) / es_sigma(b) - 1) < 1e-7 && fabs(es_condition(a) / es_condition(b) - 1) < 1e-6);
    }
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
        part = reloaded(part);
      }
      search_step(whole, rosenbrock);
      search_step(part, rosenbrock);
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
      search_step(e, ellipsoid);
      es_close(elsewhere);
    }
    es_close(e);
  }
}

static void assert_cannot_be_told(es *e) {
  double fitness[MOST_CANDIDATES] = {0};
  assert_int_equal(es_tell(e, NULL, fitness), BROKEN);
  assert_non_null(strstr(status_message(), "made to sample, it cannot be told"));
}

// A worker needs less than the state; what it gets makes the same candidates, but cannot be told.
static void test_a_sample_makes_the_candidates(void **state) {
  (void)state;
  const double lower[N] = {-2, -2, -2, -2, 0.5, -2, -INFINITY, -2}, upper[N] = {2, 2, 2, INFINITY, 2, 2, 2, 2};
  es_limits limits = es_limits_pycma(N, 12);
  EACH_KIND(kind)
    for (int bounded = 0; bounded < 2; bounded++)
      for (es_restarts restarts = ES_ONCE; restarts <= ES_IPOP; restarts++) {
        const es_options o = {.kind = kind,
                              .n = N,
                              .popsize = 12,
                              .sigma0 = 0.7,
                              .x0 = ones,
                              .seed = 3,
                              .active = true,
                              .limits = &limits,
                              .restarts = restarts,
                              .lower = bounded ? lower : NULL,
                              .upper = bounded ? upper : NULL};
        es *e = open_or_fail(&o), *worker, *none = NULL;
        for (int g = 0; g < 20; g++) search_step(e, rosenbrock);
        size_t size = es_sample_size(e);
        assert_true(size < es_state_size(e));
        bool alone = kind != ES_CMA && kind != ES_LRA_CMA;  // makes one candidate without the others
        assert_int_equal(es_sample_size_of(&o), alone ? size : 0);
        unsigned char *bytes = malloc(size), *whole = saved(e);
        es_sample_save(e, bytes);
        assert_int_equal(es_sample_load(&worker, bytes, size), OK);
        for (int k = es_popsize(e) - 1; k >= 0; k--) {
          double x[N];
          es_candidate(worker, k, x);
          assert_memory_equal(x, es_ask(e) + k * N, sizeof x);
        }
        assert_cannot_be_told(worker);
        assert_int_equal(es_load(&none, bytes, size), BAD_FILE);
        assert_int_equal(es_sample_load(&none, whole, es_state_size(e)), BAD_FILE);
        for (size_t at = 0; at < size; at++) {
          bytes[at] ^= 2;
          assert_int_equal(es_sample_load(&none, bytes, size), BAD_FILE);
          bytes[at] ^= 2;
          assert_int_equal(es_sample_load(&none, bytes, at), BAD_FILE);
        }
        assert_null(none);
        free(bytes);
        free(whole);
        es_close(worker);
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
      search_step(a, ellipsoid);
      assert_same_state(a, b);
    }
    es_close(a);
    es_close(b);
  }
}

// What a caller that narrows to float evaluates is what was asked, and what is told whether it tells it or not.
static void test_single_candidates_are_floats(void **state) {
  (void)state;
  EACH_KIND(kind) {
    const es_options o = {
        .kind = kind, .n = N, .popsize = 12, .sigma0 = 0.5, .x0 = ones, .seed = 3, .active = true, .single = true};
    es *told = open_or_fail(&o), *asked = open_or_fail(&o);
    for (int g = 0; g < 20; g++) {
      double fitness[MOST_CANDIDATES], one[N];
      const double *x = es_ask(told);
      for (int k = 0; k < es_popsize(told); k++) {
        es_candidate(asked, k, one);
        assert_memory_equal(x + k * N, one, sizeof one);
        for (int i = 0; i < N; i++) assert_true((double)(float)one[i] == one[i]);
        fitness[k] = rosenbrock(one, N);
      }
      es_tell(told, x, fitness);
      es_tell(asked, NULL, fitness);
      assert_same_state(told, asked);
      asked = reloaded(asked);
    }
    es_close(told);
    es_close(asked);
  }
}

static void test_they_get_there(void **state) {
  (void)state;
  static const struct { int generations; double left; } wanted[ES_KINDS] = {
      [ES_CMA] = {200, 1e-10}, [ES_SEP_CMA] = {200, 1e-10}, [ES_LRA_CMA] = {400, 1e-8},
      [ES_LM_MA] = {200, 1e-10}, [ES_OPENAI] = {200, 0.1}, [ES_PGPE] = {200, 0.1},
      [ES_ONE_PLUS_ONE] = {200, 1e-8}, [ES_RANDOM] = {200, 3}};
  EACH_KIND(kind) {
    assert_true(wanted[kind].generations > 0);  // a kind that is not in the table is not tested
    es *e = begin(kind, ones, 0.5);
    for (int g = 0; g < wanted[kind].generations; g++) search_step(e, sphere);
    double left = sphere(es_mean(e), N), best;
    printf("%-14s sphere 8 -> %.3g in %d generations of 12\n", es_kind_name(kind), left, es_generation(e));
    if (!(left < wanted[kind].left)) fail_msg("%s: %g", es_kind_name(kind), left);
    assert_true(sphere(es_best(e, &best), N) == best && best < 3);
    es_close(e);
  }
}

// Equal children count as successes, and the first of them replaces the parent.
static void test_one_fifth_rule(void **state) {
  (void)state;
  static const struct { double fitness[5]; int successes, parent; } t[] = {
      {{1, 2, 3, 4, 5}, 0, 0}, {{3, 2, 3, 1, 5}, 3, 3}, {{1, 1, 2, 2, 2}, 1, 1}, {{9, 1, 2, 3, 4}, 4, 1}};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    const es_options o = {.kind = ES_ONE_PLUS_ONE, .n = N, .popsize = 5, .sigma0 = 1, .x0 = ones, .seed = 3};
    es *e = open_or_fail(&o);
    double x[N];
    es_candidate(e, t[i].parent, x);
    es_tell(e, NULL, t[i].fitness);
    assert_memory_equal(es_mean(e), x, sizeof x);
    assert_true(fabs(es_sigma(e) - exp((t[i].successes / 4.0 - 0.2) / 3)) < 1e-12);  // 3 = sqrt(n + 1)
    es_close(e);
  }
}

static void test_small_and_odd_sizes(void **state) {
  (void)state;
  static const int sizes[][2] = {{1, 0}, {1, 4}, {2, 4}, {3, 0}, {3, 200}, {5, 64}};
  static double fitness[200];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    EACH_KIND(kind) {
      const double x0[5] = {1, 1, 1, 1, 1};
      const es_options o = {
          .kind = kind, .n = sizes[s][0], .popsize = sizes[s][1], .sigma0 = 0.5, .x0 = x0, .seed = 1, .active = true};
      es *e = open_or_fail(&o);
      for (int g = 0; g < 100 && !es_done(e); g++) {
        const double *x = es_ask(e);
        for (int k = 0; k < es_popsize(e); k++) fitness[k] = sphere(x + k * o.n, o.n);
        es_tell(e, x, fitness);
      }
      double left = sphere(es_mean(e), o.n);
      // its rates are not made for that
      double most = kind == ES_LM_MA && o.n <= es_popsize(e) ? (double)INFINITY : o.n;
      if (!(left < most) || !isfinite(es_sigma(e)) || !(es_condition(e) >= 1))
        fail_msg("%s n %d popsize %d: %g", es_kind_name(kind), o.n, o.popsize, left);
      es_close(e);
    }
}

static void test_wrong_options_are_refused(void **state) {
  (void)state;
  EACH_KIND(kind) {
    const es_options wrong[] = {{.n = 0, .sigma0 = 1}, {.n = 2, .sigma0 = -1}, {.n = 2, .sigma0 = 1, .popsize = -2},
                                {.n = (1 << 24) + 1, .sigma0 = 1}, {.n = 2, .sigma0 = 1, .learning_rate = -1},
                                {.n = 2, .sigma0 = 1, .most_effort = 0.5},
                                {.n = 2, .sigma0 = 1, .most_effort = (double)NAN},
                                {.n = 2, .sigma0 = 1, .most_effort = INFINITY},
                                {.n = 2, .sigma0 = 1, .learning_rate = (double)NAN},
                                {.n = 2, .sigma0 = 1, .learning_rate = 1e200},
                                {.n = 2, .sigma0 = 1e200},
                                {.n = 2, .sigma0 = 1e-200},
                                {.n = 2, .sigma0 = (double)NAN},
                                {.n = 2, .sigma0 = INFINITY},
                                {.n = 2, .sigma0 = 0},
                                {.n = -3, .sigma0 = 1},
                                {.n = 2, .sigma0 = 1, .popsize = (1 << 20) + 2},
                                {.n = 2, .sigma0 = 1, .popsize = INT_MIN},
                                {.n = 2, .sigma0 = 1, .restarts = (es_restarts)3},
                                {.n = 2, .sigma0 = 1, .restarts = ES_IPOP, .most_doublings = 21},
                                {.n = 2, .sigma0 = 1, .restarts = ES_IPOP, .most_doublings = -1},
                                {.n = 2, .sigma0 = 1, .dialect = (es_dialect)2},
                                {.n = 2, .sigma0 = 1, .factored_from = -1},
                                {0}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      es *e = NULL;
      es_options o = wrong[i];
      o.kind = kind;
      assert_int_equal(es_open(&e, &o), BAD_CONFIG);
      assert_null(e);
      if (!strstr(status_message(), es_kind_name(kind)) || !strstr(status_message(), "allowed"))
        fail_msg("%s", status_message());
      assert_int_equal(es_sample_size_of(&o), 0);
    }
  }
  es *e;
  const es_options none = {.kind = ES_KINDS, .n = 2, .sigma0 = 1};
  assert_int_equal(es_open(&e, &none), BAD_CONFIG);
  assert_int_equal(es_sample_size_of(&none), 0);
  assert_string_equal(es_kind_name(ES_KINDS), "no strategy");
}

// As in es_options, a popsize of 0 is the default.
static void test_limits_of_the_default_popsize(void **state) {
  (void)state;
  static const int sizes[] = {INT_MIN, -1, 0, 1, 10, INT_MAX};
  const es_limits asked = es_limits_pycma(10, 0), wanted = es_limits_pycma(10, 10);
  assert_memory_equal(&asked, &wanted, sizeof asked);
  for (int n = 0; n < 6; n++)
    for (int popsize = 0; popsize < 6; popsize++) {
      const es_limits l = es_limits_pycma(sizes[n], sizes[popsize]);
      assert_true(l.maxiter >= 100 && l.tolstagnation >= 2 && l.tolstagnation % 2 == 0);
    }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_order_is_all_that_counts),
      cmocka_unit_test(test_scale),
      cmocka_unit_test(test_translation),
      cmocka_unit_test(test_rotation),
      cmocka_unit_test(test_a_loaded_search_goes_on_bit_for_bit),
      cmocka_unit_test(test_a_candidate_is_a_function_of_state_and_index),
      cmocka_unit_test(test_a_sample_makes_the_candidates),
      cmocka_unit_test(test_what_was_asked_need_not_be_told),
      cmocka_unit_test(test_single_candidates_are_floats),
      cmocka_unit_test(test_they_get_there),
      cmocka_unit_test(test_one_fifth_rule),
      cmocka_unit_test(test_small_and_odd_sizes),
      cmocka_unit_test(test_wrong_options_are_refused),
      cmocka_unit_test(test_limits_of_the_default_popsize),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// Tests for src/es/bounds.c and for injection: candidates stay inside, a minimum beyond a bound is found on it, the
// transformation is undone exactly enough; a solution from elsewhere moves the search, but not by more than its share.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/cma.h"
#include "search.h"

static const double lower[N] = {-1, 0.5, -INFINITY, -3, -0.5, 2, -5, 1e6}, upper[N] = {1, 4, 2, INFINITY, 0.5, 2.5, INFINITY, 1e6 + 1};
static const double inside[N] = {0, 1, 0, -3, 0.5, 2.2, 7, 1e6};

static es *boxed(es_kind kind, uint64_t seed) {
  const es_options o = {.kind = kind, .n = N, .popsize = 12, .sigma0 = 1, .x0 = inside, .seed = seed, .active = true,
                        .lower = lower, .upper = upper};
  return open_or_fail(&o);
}

static bool is_inside(const double *x) {
  for (int i = 0; i < N; i++)
    if (!(x[i] >= lower[i] && x[i] <= upper[i])) return false;
  return true;
}

static void test_genotypes_and_back(void **state) {
  (void)state;
  es *e = boxed(ES_CMA, 1);
  int edges = 0;
  for (int s = 0; s < 20000; s++) {
    double x[N], once[N], again[N];
    for (int i = 0; i < N; i++) x[i] = inside[i] + 20 * (rng_uniform(rng_stream(1, "bounds"), (uint32_t)s, (uint32_t)i) - 0.5);
    memcpy(once, x, sizeof x);
    es_bound(e, once);
    if (!is_inside(once)) fail_msg("sample %d is outside", s);
    memcpy(again, once, sizeof x);
    es_unbound(e, again);
    es_bound(e, again);
    for (int i = 0; i < N; i++) {
      assert_true(fabs(again[i] - once[i]) <= 1e-9 * fmax(1, fabs(once[i])));
      if (x[i] == once[i]) continue;
      edges++;
    }
  }
  assert_true(edges > 20000);
  es_close(e);
}

// The identity in the interior, continuous at its edges, symmetric about the end of its parabola.
static void test_shape(void **state) {
  (void)state;
  const double low = 0, high = 10;
  const es_options o = {.n = 1, .sigma0 = 1, .x0 = &(double){5}, .lower = &low, .upper = &high};
  es *e = open_or_fail(&o);
  const struct { double genotype, x; } t[] = {
      {5, 5}, {0.05, 0.05}, {9.45, 9.45},   // widths are (1 + 0) / 20 and (1 + 10) / 20
      {0, 0.0125}, {-0.05, 0}, {-0.1, 0.0125}, {-0.15, 0.05}, {-5, 4.9},
      {10, 9.8625}, {10.55, 10}, {11.1, 9.8625},
      {5 + 21.2, 5}, {5 - 21.2 * 3, 5},     // the period is 2 (10 + 0.05 + 0.55)
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    double x = t[i].genotype;
    es_bound(e, &x);
    if (fabs(x - t[i].x) > 1e-12) fail_msg("genotype %g: %.15g, wanted %.15g", t[i].genotype, x, t[i].x);
  }
  es_close(e);
}

static double far_corner(const double *x, int n) {  // every coordinate wants to the left, two cannot be stopped before 0
  double sum = 0;
  for (int i = 0; i < n; i++) sum += i == 2 || i == 6 ? x[i] * x[i] : (x[i] + 10) * (x[i] + 10) * (i == 7 ? 1e-12 : 1);
  return sum;
}

static void test_a_minimum_on_the_bounds_is_found(void **state) {
  (void)state;
  EACH_KIND(kind) {
    es *e = boxed(kind, 2);
    for (int g = 0; g < 400; g++) {
      const double *x = es_ask(e);
      for (int k = 0; k < es_popsize(e); k++) assert_true(is_inside(x + k * N));
      search_step(e, far_corner);
      assert_true(is_inside(es_mean(e)) && is_inside(es_best(e, NULL)));
    }
    if (kind == ES_CMA || kind == ES_SEP_CMA)
      for (int i = 0; i < 6; i++) assert_true(fabs(es_mean(e)[i] - (i == 2 ? 0 : lower[i])) < 1e-4);
    es_close(e);
  }
}

static void test_far_bounds_change_nothing(void **state) {
  (void)state;
  double low[N], high[N];
  for (int i = 0; i < N; i++) low[i] = -1e9, high[i] = 1e9;
  EACH_KIND(kind) {
    es_options o = {.kind = kind, .n = N, .popsize = 12, .sigma0 = 1, .seed = 5, .active = true};
    es *free = open_or_fail(&o);
    o.lower = low, o.upper = high;
    es *bounded = open_or_fail(&o);
    for (int g = 0; g < 40; g++) {
      search_step(free, rosenbrock);
      search_step(bounded, rosenbrock);
      assert_memory_equal(es_mean(free), es_mean(bounded), N * sizeof(double));
    }
    es_close(free);
    es_close(bounded);
  }
}

// Candidates narrowed to float, as workers may get them, are still those that were asked; beyond a bound is on it.
static void test_rounding_is_forgiven(void **state) {
  (void)state;
  es *exact = boxed(ES_CMA, 7), *rounded = boxed(ES_CMA, 7);
  for (int g = 0; g < 100; g++) {
    double told[MOST_CANDIDATES * N], fitness[MOST_CANDIDATES];
    const double *x = es_ask(rounded);
    for (int k = 0; k < es_popsize(rounded); k++) fitness[k] = far_corner(x + k * N, N);
    for (int i = 0; i < es_popsize(rounded) * N; i++) told[i] = (double)(float)x[i];
    es_tell(rounded, told, fitness);
    search_step(exact, far_corner);
    assert_memory_equal(es_mean(exact), es_mean(rounded), N * sizeof(double));
  }
  double told[MOST_CANDIDATES * N], fitness[MOST_CANDIDATES] = {0};
  for (int i = 0; i < es_popsize(exact) * N; i++) told[i] = -1e9;
  es_tell(exact, told, fitness);
  for (int i = 0; i < N; i++) assert_true(isfinite(es_mean(exact)[i]));
  es_close(exact);
  es_close(rounded);
}

static void test_wrong_bounds_are_refused(void **state) {
  (void)state;
  const double low[2] = {0, 1}, high[2] = {1, 1}, one[2] = {1, 1}, nan_[2] = {(double)NAN, 1};
  const struct { es_options o; const char *words; } wrong[] = {
      {{.n = 2, .sigma0 = 1, .lower = low, .upper = high, .x0 = one}, "bounds of x[1]"},
      {{.n = 2, .sigma0 = 1, .lower = low}, "x0[1] is 0"},
      {{.n = 1, .sigma0 = 1, .upper = nan_}, "bounds of x[0]"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    es *e;
    assert_int_equal(es_open(&e, &wrong[i].o), BAD_CONFIG);
    if (!strstr(status_message(), wrong[i].words) || !strstr(status_message(), "allowed")) fail_msg("%s", status_message());
  }
}

// --- injection ----------------------------------------------------------------------------------------------------------

static double beyond(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += (x[i] - 1000) * (x[i] - 1000);
  return sum;
}

// Generations until the search is near a minimum far away, whose place is injected or not.
static int generations_to_reach(es_kind kind, bool inject) {
  const double there[N] = {1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000};
  const es_options o = {.kind = kind, .n = N, .sigma0 = 1, .seed = 6, .active = true};
  es *e = open_or_fail(&o);
  int g = 0;
  for (; g < 1000 && beyond(es_mean(e), N) > 1; g++) {
    if (inject) es_inject(e, g % es_popsize(e), there);
    search_step(e, beyond);
    assert_true(isfinite(es_sigma(e)));
  }
  es_close(e);
  return g;
}

static void test_an_injected_solution_shows_the_way(void **state) {
  (void)state;
  for (es_kind kind = ES_CMA; kind <= ES_SEP_CMA; kind++) {
    int with = generations_to_reach(kind, true), without = generations_to_reach(kind, false);
    printf("%s: %d generations with the solution injected, %d without\n", es_kind_name(kind), with, without);
    assert_true(with < 0.7 * without);
  }
}

static void test_an_injected_step_is_shortened(void **state) {
  (void)state;
  const double far[N] = {0, 0, 0, 1e6, 0, 0, 0, 0};
  const es_options o = {.n = N, .sigma0 = 1, .seed = 6, .active = true};
  es *e = open_or_fail(&o);
  double fitness[MOST_CANDIDATES], x[N];
  es_inject(e, 4, far);
  es_candidate(e, 4, x);
  assert_memory_equal(x, far, sizeof far);
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = k != 4;
  es_tell(e, NULL, fitness);
  const double *y = cma_of(e)->paths.y;  // of the best
  assert_true(fabs(sqrt(es_squares(y, N)) - (sqrt(N) + 2.0 * N / (N + 2))) < 1e-12 && y[3] > 0);
  assert_true(es_best(e, NULL)[3] == 1e6);  // the best is what was evaluated
  es_close(e);
}

static void test_luck_alone_does_not_carry_sigma_away(void **state) {
  (void)state;
  const double low[N] = {-5, -5, -5, -5, -5, -5, -5, -5}, high[N] = {5, 5, 5, 5, 5, 5, 5, INFINITY};
  for (es_kind kind = ES_CMA; kind <= ES_SEP_CMA; kind++) {
    const es_options o = {.kind = kind, .n = N, .sigma0 = 2, .seed = 5, .active = true, .lower = low, .upper = high};
    es *e = open_or_fail(&o);
    double fitness[MOST_CANDIDATES], largest = 0;
    for (int g = 0; g < 1000; g++) {
      for (int k = 0; k < es_popsize(e); k++) fitness[k] = rng_uniform(rng_episode(rng_stream(4, "luck"), (uint32_t)g, (uint32_t)k), 0, 0);
      es_tell(e, NULL, fitness);
      for (int i = 0; i < N - 1; i++) largest = fmax(largest, e->now.sigma * e->strategy->deviation(e, i) * e->units[i]);
    }
    assert_true(largest > 3 && largest < 1.2 * 10 / 3);  // C changes once more after sigma
    es_close(e);
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_genotypes_and_back),
      cmocka_unit_test(test_shape),
      cmocka_unit_test(test_a_minimum_on_the_bounds_is_found),
      cmocka_unit_test(test_far_bounds_change_nothing),
      cmocka_unit_test(test_rounding_is_forgiven),
      cmocka_unit_test(test_wrong_bounds_are_refused),
      cmocka_unit_test(test_an_injected_solution_shows_the_way),
      cmocka_unit_test(test_an_injected_step_is_shortened),
      cmocka_unit_test(test_luck_alone_does_not_carry_sigma_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

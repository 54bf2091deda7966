// Tests for src/es/cma.c: what it must survive, and that luck leads nowhere. Invariances: test_kinds.c.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/cma.h"
#include "search.h"

// --- order and luck -------------------------------------------------------------------------------------------------

static void test_equal_fitness_is_ranked_by_index(void **state) {
  (void)state;
  es *a = search_begin(ones, 0.7, 3), *b = search_begin(ones, 0.7, 3);
  double flat[MOST_CANDIDATES] = {0}, rising[MOST_CANDIDATES];
  for (int k = 0; k < MOST_CANDIDATES; k++) rising[k] = k;
  for (int g = 0; g < 20; g++) {
    es_tell(a, es_ask(a), flat);
    es_tell(b, es_ask(b), rising);
    assert_true(search_equal(a, b));
  }
  es_close(a);
  es_close(b);
}

static void test_seed_and_generation_and_candidate_make_the_luck(void **state) {
  (void)state;
  es *a = search_begin(NULL, 1, 1), *b = search_begin(NULL, 1, 2);
  double first[N];
  memcpy(first, es_ask(a), sizeof first);
  assert_memory_not_equal(first, es_ask(a) + N, sizeof first);
  assert_memory_not_equal(first, es_ask(b), sizeof first);
  search_step(a, sphere);
  assert_memory_not_equal(first, es_ask(a), sizeof first);
  es_close(a);
  es_close(b);
}

static void test_asking_twice_gives_the_same(void **state) {
  (void)state;
  es *e = search_begin(ones, 1, 6);
  double once[MOST_CANDIDATES * N];
  for (int g = 0; g < 5; g++) {
    size_t size = sizeof(double) * N * (size_t)es_popsize(e);
    memcpy(once, es_ask(e), size);
    assert_memory_equal(once, es_ask(e), size);
    search_step(e, sphere);
  }
  es_close(e);
}

// --- random fitness: no drift ---------------------------------------------------------------------------------------

typedef struct drift { double log_sigma, square, trace, off; } drift;

// ln sigma is counted from generation 30 on: the path of sigma begins at 0, which makes sigma shrink a little at first.
static void wander(drift *d, int n, uint64_t seed, bool active, bool factored) {
  es *e;
  const es_options o = {.n = n, .sigma0 = 1, .seed = seed, .active = active, .factored_from = factored ? 1 : 0};
  assert_int_equal(es_open(&e, &o), OK);
  double fitness[MOST_CANDIDATES], start = 0;
  for (uint32_t g = 0; g < 90; g++) {
    if (g == 30) start = log(es_sigma(e));
    const double *x = es_ask(e);
    for (int k = 0; k < es_popsize(e); k++)
      fitness[k] = rng_uniform(rng_episode(rng_stream(seed, "luck"), g, (uint32_t)k), 0, 0);
    es_tell(e, x, fitness);
  }
  double moved = log(es_sigma(e)) - start;
  d->log_sigma += moved, d->square += moved * moved;
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) *(i == j ? &d->trace : &d->off) += cma_of(e)->C[i * n + j];
  es_close(e);
}

static void test_random_fitness_leads_nowhere(void **state) {
  (void)state;
  enum { SEEDS = 250, DIMENSIONS = 20 };
  for (int how = 0; how < 3; how++) {
    bool active = how > 0, factored = how > 1;
    drift d = {0, 0, 0, 0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) wander(&d, DIMENSIONS, seed, active, factored);
    double mean = d.log_sigma / SEEDS, se = sqrt((d.square / SEEDS - mean * mean) / SEEDS);
    double trace = d.trace / SEEDS / DIMENSIONS, off = d.off / SEEDS / (DIMENSIONS * (DIMENSIONS - 1));
    printf("%s: ln sigma moves by %.4f +- %.4f, trace C / n %.4f, C off the diagonal %.5f\n",
           factored ? "factored" : active ? "active" : "not active", mean, se, trace, off);
    assert_true(se < 0.04 && fabs(mean) < 4 * se);
    assert_true(fabs(trace - 1) < 0.03);
    assert_true(fabs(off) < 0.005);
  }
}

// --- what is told ---------------------------------------------------------------------------------------------------

static void test_told_points_may_be_rounded(void **state) {
  (void)state;
  es *e = search_begin(NULL, 0.3, 9), *exact = search_begin(NULL, 0.3, 9);
  for (int g = 0; g < 250; g++) {
    double fitness[MOST_CANDIDATES], told[MOST_CANDIDATES * N];
    const double *x = es_ask(e);
    for (int i = 0; i < es_popsize(e) * N; i++) told[i] = (double)(float)x[i];
    for (int k = 0; k < es_popsize(e); k++) fitness[k] = rosenbrock(told + k * N, N);
    es_tell(e, told, fitness);
    search_step(exact, rosenbrock);
    if (g == 10) {  // it is what was told that moves the mean, and no more than rounding apart
      assert_false(search_equal(e, exact));
      assert_true(fabs(es_mean(e)[0] - es_mean(exact)[0]) < 1e-5);
    }
  }
  assert_true(rosenbrock(es_mean(e), N) < 1);
  es_close(e);
  es_close(exact);
}

static void test_told_points_move_the_mean(void **state) {  // (42), by hand
  (void)state;
  es *e = search_begin(ones, 0.5, 10);
  double told[MOST_CANDIDATES * N], fitness[MOST_CANDIDATES], wanted[N] = {0}, w[MOST_CANDIDATES];
  es_constants c = es_constants_make(N, 0, true, ES_PYCMA, w);
  const double *x = es_ask(e);
  for (int i = 0; i < c.popsize * N; i++) told[i] = x[i] + 0.01 * (i % 3);
  for (int k = 0; k < c.popsize; k++) fitness[k] = -k;  // the last is the best
  for (int k = 0; k < c.mu; k++)
    for (int i = 0; i < N; i++) wanted[i] += w[k] * told[(c.popsize - 1 - k) * N + i];
  es_tell(e, told, fitness);
  for (int i = 0; i < N; i++) assert_true(fabs(es_mean(e)[i] - wanted[i]) < 1e-12);
  es_close(e);
}

static void test_the_mean_itself_may_be_told(void **state) {  // a step of no length has no direction to unlearn
  (void)state;
  es *e = search_begin(ones, 0.5, 11);
  for (int g = 0; g < 30; g++) {
    double told[MOST_CANDIDATES * N], fitness[MOST_CANDIDATES];
    int last = es_popsize(e) - 1;
    memcpy(told, es_ask(e), sizeof(double) * N * (size_t)es_popsize(e));
    memcpy(told + last * N, es_mean(e), N * sizeof(double));
    for (int k = 0; k <= last; k++) fitness[k] = k == last ? 1e9 : sphere(told + k * N, N);
    es_tell(e, told, fitness);
    assert_true(isfinite(es_sigma(e)) && isfinite(es_condition(e)));
  }
  es_close(e);
}

static void test_far_points_grow_sigma_by_a_factor_of_e(void **state) {
  (void)state;
  es *e = search_begin(ones, 0.5, 12);
  double told[MOST_CANDIDATES * N], fitness[MOST_CANDIDATES] = {0};
  for (int i = 0; i < es_popsize(e) * N; i++) told[i] = 1e6;
  es_ask(e);
  es_tell(e, told, fitness);
  assert_true(fabs(es_sigma(e) - 0.5 * exp(1)) < 1e-12);
  es_close(e);
}

// All candidates told at one place: the mean steps there, and the path of sigma is as long as the step times
// sqrt(mueff), whatever cs. Does pc follow?
static bool path_follows(es_dialect dialect, double length) {
  es *e;
  const es_options o = {.n = N, .sigma0 = 1, .active = true, .dialect = dialect};
  assert_int_equal(es_open(&e, &o), OK);
  double told[MOST_CANDIDATES * N] = {0}, fitness[MOST_CANDIDATES] = {0};
  for (int k = 0; k < es_popsize(e); k++) told[k * N + 2] = length / sqrt(cma_of(e)->paths.constants.mueff);
  es_tell(e, told, fitness);
  bool follows = cma_of(e)->paths.pc[2] != 0;
  es_close(e);
  return follows;
}

static void test_h_sigma_stalls_the_path_of_c(void **state) {
  (void)state;
  double pycma = sqrt(N * (2 + 4 / (N + 1.0)));
  double tutorial = (1.4 + 2 / (N + 1.0)) * es_constants_make(N, 0, true, ES_TUTORIAL, NULL).chi_n;
  assert_true(path_follows(ES_PYCMA, pycma * 0.99999) && !path_follows(ES_PYCMA, pycma * 1.00001));
  assert_true(path_follows(ES_TUTORIAL, tutorial * 0.99999) && !path_follows(ES_TUTORIAL, tutorial * 1.00001));
}

// --- sizes, options -------------------------------------------------------------------------------------------------

static void test_small_and_odd_sizes(void **state) {
  (void)state;
  static const int sizes[][2] = {{1, 0}, {1, 3}, {2, 3}, {2, 4}, {3, 5}, {3, 200}, {4, 1000}};
  static double fitness[1000];
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (int kind = 0; kind < 4; kind++) {
      es *e;
      const es_options o = {.n = sizes[s][0], .popsize = sizes[s][1], .sigma0 = 1, .seed = 1, .active = kind & 1,
                            .dialect = (es_dialect)(kind >> 1)};
      assert_int_equal(es_open(&e, &o), OK);
      for (int g = 0; g < 400 && !es_done(e); g++) {
        const double *x = es_ask(e);
        for (int k = 0; k < es_popsize(e); k++) fitness[k] = sphere(x + k * o.n, o.n);
        es_tell(e, x, fitness);
      }
      double left = sphere(es_mean(e), o.n);
      if (left > 1e-9) fail_msg("n %d popsize %d kind %d: %g", o.n, o.popsize, kind, left);
      es_close(e);
    }
}

static void test_wrong_options_are_refused(void **state) {
  (void)state;
  const double bad_x0[2] = {0, (double)NAN};
  const struct { es_options o; const char *words; } wrong[] = {
      {{.n = 0, .sigma0 = 1}, "0 parameters"},
      {{.n = 32001, .sigma0 = 1}, "32001 parameters"},
      {{.n = 2, .sigma0 = 0}, "sigma0 is 0"},
      {{.n = 2, .sigma0 = -1}, "sigma0 is -1"},
      {{.n = 2, .sigma0 = (double)NAN}, "sigma0 is"},
      {{.n = 2, .sigma0 = (double)INFINITY}, "sigma0 is inf"},
      {{.n = 2, .sigma0 = 1, .popsize = 2}, "popsize is 2"},
      {{.n = 2, .sigma0 = 1, .popsize = -4}, "popsize is -4"},
      {{.n = 2, .sigma0 = 1, .dialect = (es_dialect)2}, "dialect is 2"},
      {{.n = 2, .sigma0 = 1, .x0 = bad_x0}, "x0[1]"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    es *e;
    assert_int_equal(es_open(&e, &wrong[i].o), BAD_CONFIG);
    if (!strstr(status_message(), wrong[i].words)) fail_msg("%s: %s", wrong[i].words, status_message());
    assert_non_null(strstr(status_message(), "allowed"));
  }
}

static void test_c_is_decomposed_once_a_gap(void **state) {
  (void)state;
  enum { MANY = 100, GENERATIONS = 24 };
  es *e;
  const es_options o = {.n = MANY, .popsize = 4, .sigma0 = 1, .seed = 5, .active = true};
  assert_int_equal(es_open(&e, &o), OK);
  int gap = cma_of(e)->paths.constants.eigen_gap;
  assert_true(gap > 2 && gap < GENERATIONS / 2);
  for (int g = 1; g <= GENERATIONS; g++) {
    double fitness[4], before = es_condition(e);
    const double *x = es_ask(e);
    for (int k = 0; k < 4; k++) fitness[k] = ellipsoid(x + k * MANY, MANY);
    es_tell(e, x, fitness);
    assert_int_equal(es_condition(e) != before, g % gap == 0);
  }
  es_close(e);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_equal_fitness_is_ranked_by_index),
      cmocka_unit_test(test_seed_and_generation_and_candidate_make_the_luck),
      cmocka_unit_test(test_asking_twice_gives_the_same),
      cmocka_unit_test(test_random_fitness_leads_nowhere),
      cmocka_unit_test(test_told_points_may_be_rounded),
      cmocka_unit_test(test_told_points_move_the_mean),
      cmocka_unit_test(test_the_mean_itself_may_be_told),
      cmocka_unit_test(test_far_points_grow_sigma_by_a_factor_of_e),
      cmocka_unit_test(test_h_sigma_stalls_the_path_of_c),
      cmocka_unit_test(test_small_and_odd_sizes),
      cmocka_unit_test(test_wrong_options_are_refused),
      cmocka_unit_test(test_c_is_decomposed_once_a_gap),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

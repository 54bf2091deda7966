// Tests for src/es: constants, invariances, exact state, refusals.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "es.h"
#include "functions.h"

// --- constants ------------------------------------------------------------------------------------------------------------

static void close_to(double found, double wanted, double digits) {
  if (fabs(found - wanted) > 0.51 * pow(10, -digits)) fail_msg("found %.12g, wanted %.12g", found, wanted);
}

static void test_constants(void **state) {
  (void)state;
  static const struct { int n, popsize, mu; double mueff, minus, c1, cmu, cc, cs5, damps, negative, chi_n; int gap; } t[] = {
      {5, 8, 4, 2.6001788, 3.2070718, 0.0472923, 0.0478590, 0.4501996, 0.3650884, 1.3650884, -1.9881580, 2.1285238, 1},
      {10, 10, 5, 3.1672993, 3.989115, 0.0152838, 0.0235518, 0.2949904, 0.2844286, 1.2844286, -1.6489457, 3.0847266, 1},
      {20, 12, 6, 3.7294589, 4.7745951, 0.0043724, 0.0092166, 0.1717672, 0.1994280, 1.1994280, -1.4744019, 4.4167667, 1},
      {40, 15, 7, 4.5409152, 5.8890513, 0.0011694, 0.0034052, 0.0930092, 0.1320306, 1.1320306, -1.3434236, 6.2852151, 1},
      {100, 17, 8, 5.0961889, 6.6859607, 0.0001948, 0.0006806, 0.0389134, 0.0644544, 1.0644544, -1.2862063, 9.9750476, 1},
      {867, 64, 32, 17.6216524, 25.3487194, 0.0000027, 0.0000422, 0.0046155, 0.0220562, 1.0220562, -1.0628822, 29.4363751, 2},
      {1088, 64, 32, 17.6216524, 25.3487194, 0.0000017, 0.0000268, 0.0036777, 0.0176673, 1.0176673, -1.0628617, 32.9772671, 3},
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    es_constants p = es_constants_make(t[i].n, t[i].popsize, true, ES_PYCMA, NULL);
    es_constants u = es_constants_make(t[i].n, t[i].popsize, true, ES_TUTORIAL, NULL);
    assert_int_equal(p.mu, t[i].mu);
    close_to(p.mueff, t[i].mueff, 7);
    close_to(p.mueff_minus, t[i].minus, 6);
    close_to(p.c1, t[i].c1, 7);
    close_to(p.cmu, t[i].cmu, 7);
    close_to(p.cc, t[i].cc, 7);
    close_to(u.cs, t[i].cs5, 7);
    close_to(u.damps, t[i].damps, 7);
    close_to(p.negative_sum, t[i].negative, 7);
    close_to(p.chi_n, t[i].chi_n, 6);
    assert_int_equal(p.eigen_gap, t[i].gap);
  }
  assert_int_equal(es_constants_make(1088, 0, true, ES_PYCMA, NULL).popsize, 24);
  close_to(es_constants_make(10, 10, true, ES_PYCMA, NULL).cs, 0.3196142529, 10);
  close_to(es_constants_make(1088, 64, true, ES_PYCMA, NULL).c1, 1.6854991537e-6, 16);
  assert_true(es_constants_make(10, 10, true, ES_TUTORIAL, NULL).cmu < es_constants_make(10, 10, true, ES_PYCMA, NULL).cmu);
}

static void test_weights(void **state) {
  (void)state;
  static const double wanted[12] = {0.4024029428,  0.2533890840,  0.1662215646,  0.1043752252,  0.0564034776,  0.0172077058,
                                    -0.0501871364, -0.1406167894, -0.2203813964, -0.2917332687, -0.3562788884, -0.4152044226};
  double w[12];
  es_constants_make(20, 12, true, ES_PYCMA, w);
  for (int i = 0; i < 12; i++) close_to(w[i], wanted[i], 9);
  es_constants_make(20, 12, false, ES_PYCMA, w);
  for (int i = 6; i < 12; i++) assert_true(w[i] == 0);
}

// --- runs -----------------------------------------------------------------------------------------------------------------

#define N 8

typedef double view(double f);  // an order-preserving look at a fitness
static double as_is(double f) { return f; }
static double cubed_log(double f) { return pow(log(f + 1e-300), 3); }

static es *begin(const double *x0, double sigma0, uint64_t seed) {
  es *e;
  const es_options o = {.n = N, .sigma0 = sigma0, .x0 = x0, .seed = seed, .active = true};
  if (es_open(&e, &o) != OK) fail_msg("%s", status_message());
  return e;
}

static void generation(es *e, function *f, const double *shift, double scale, view *look) {
  double fitness[64], y[N];
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e); k++) {
    for (int i = 0; i < N; i++) y[i] = (x[k * N + i] - (shift ? shift[i] : 0)) * scale;
    fitness[k] = look(f(y, N));
  }
  es_tell(e, x, fitness);
}

static void test_order_is_all_that_counts(void **state) {
  (void)state;
  const double x0[N] = {1, 1, 1, 1, 1, 1, 1, 1};
  es *a = begin(x0, 0.7, 3), *b = begin(x0, 0.7, 3);
  for (int g = 0; g < 120; g++) {
    generation(a, ellipsoid, NULL, 1, as_is);
    generation(b, ellipsoid, NULL, 1, cubed_log);
    assert_memory_equal(es_mean(a), es_mean(b), N * sizeof(double));
    assert_true(es_sigma(a) == es_sigma(b));
  }
  es_close(a);
  es_close(b);
}

static void test_scale(void **state) {  // a power of two scales every number exactly
  (void)state;
  const double x0[N] = {1, 1, 1, 1, 1, 1, 1, 1}, x4[N] = {4, 4, 4, 4, 4, 4, 4, 4};
  es *a = begin(x0, 0.5, 4), *b = begin(x4, 2, 4);
  for (int g = 0; g < 120; g++) {
    generation(a, rosenbrock, NULL, 1, as_is);
    generation(b, rosenbrock, NULL, 0.25, as_is);
    for (int i = 0; i < N; i++) assert_true(4 * es_mean(a)[i] == es_mean(b)[i]);
    assert_true(4 * es_sigma(a) == es_sigma(b));
  }
  es_close(a);
  es_close(b);
}

static void test_translation(void **state) {
  (void)state;
  const double x0[N] = {1, 1, 1, 1, 1, 1, 1, 1}, shift[N] = {-8, 16, 4, 2, -1, 0.5, 32, -64};
  double moved[N];
  for (int i = 0; i < N; i++) moved[i] = x0[i] + shift[i];
  es *a = begin(x0, 0.5, 5), *b = begin(moved, 0.5, 5);
  for (int g = 0; g < 40; g++) {
    generation(a, sphere, NULL, 1, as_is);
    generation(b, sphere, shift, 1, as_is);
  }
  for (int i = 0; i < N; i++) assert_true(fabs(es_mean(a)[i] + shift[i] - es_mean(b)[i]) < 1e-9);
  assert_true(fabs(es_sigma(a) / es_sigma(b) - 1) < 1e-9);
  es_close(a);
  es_close(b);
}

// Random fitness: sigma neither grows nor shrinks and C stays near I, over many seeds.
static void test_random_fitness_leads_nowhere(void **state) {
  (void)state;
  enum { SEEDS = 40, GENERATIONS = 60 };
  double drift = 0, squares = 0, condition = 0;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    es *e = begin(NULL, 1, seed);
    for (int g = 0; g < GENERATIONS; g++) {
      double fitness[64];
      const double *x = es_ask(e);
      for (int k = 0; k < es_popsize(e); k++) fitness[k] = rng_uniform(rng_episode(rng_stream(seed, "luck"), (uint32_t)g, (uint32_t)k), 0, 0);
      es_tell(e, x, fitness);
    }
    double d = log(es_sigma(e));
    drift += d, squares += d * d, condition += log(es_condition(e));
    es_close(e);
  }
  double mean = drift / SEEDS, se = sqrt((squares / SEEDS - mean * mean) / SEEDS);
  assert_true(fabs(mean) < 4 * se + 0.15);
  assert_true(condition / SEEDS < log(30));
}

static void test_told_points_may_be_rounded(void **state) {
  (void)state;
  es *e = begin(NULL, 0.3, 9);
  double best = 1e9;
  for (int g = 0; g < 250; g++) {
    double fitness[64], told[64 * N];
    const double *x = es_ask(e);
    for (int i = 0; i < es_popsize(e) * N; i++) told[i] = (double)(float)x[i];
    for (int k = 0; k < es_popsize(e); k++) best = fmin(best, fitness[k] = rosenbrock(told + k * N, N));
    es_tell(e, told, fitness);
  }
  assert_true(best < 1);
  es_close(e);
}

// --- state ----------------------------------------------------------------------------------------------------------------

static void test_a_loaded_search_goes_on_bit_for_bit(void **state) {
  (void)state;
  es *whole = begin(NULL, 0.5, 11), *part = begin(NULL, 0.5, 11);
  for (int g = 0; g < 100; g++) {
    generation(whole, rosenbrock, NULL, 1, as_is);
    generation(part, rosenbrock, NULL, 1, as_is);
    if (g % 7) continue;
    size_t size = es_state_size(part);
    void *bytes = malloc(size);
    es_save(part, bytes);
    es_close(part);
    if (es_load(&part, bytes, size) != OK) fail_msg("%s", status_message());
    free(bytes);
    assert_memory_equal(es_ask(whole), es_ask(part), sizeof(double) * N * (size_t)es_popsize(part));
  }
  void *a = malloc(es_state_size(whole)), *b = malloc(es_state_size(part));
  es_save(whole, a);
  es_save(part, b);
  assert_memory_equal(a, b, es_state_size(whole));
  free(a);
  free(b);
  es_close(whole);
  es_close(part);
}

static void test_damaged_state_is_refused(void **state) {
  (void)state;
  es *e = begin(NULL, 0.5, 12), *loaded;
  generation(e, sphere, NULL, 1, as_is);
  size_t size = es_state_size(e);
  unsigned char *bytes = malloc(size);
  es_save(e, bytes);
  for (size_t cut = 0; cut < size; cut += 13) assert_int_equal(es_load(&loaded, bytes, cut), BAD_FILE);
  for (size_t bit = 0; bit < 8 * size; bit += 3) {
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    assert_int_equal(es_load(&loaded, bytes, size), BAD_FILE);
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  free(bytes);
  es_close(e);
}

static void test_wrong_options_are_refused(void **state) {
  (void)state;
  const double bad_x0[2] = {0, NAN};
  const es_options wrong[] = {{.n = 0, .sigma0 = 1}, {.n = 2, .sigma0 = 0}, {.n = 2, .sigma0 = NAN}, {.n = 2, .sigma0 = 1, .popsize = 2}, {.n = 2, .sigma0 = 1, .x0 = bad_x0}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    es *e;
    assert_int_equal(es_open(&e, &wrong[i]), BAD_CONFIG);
    assert_non_null(strstr(status_message(), "CMA-ES"));
  }
}

static void test_it_says_why_it_is_done(void **state) {
  (void)state;
  const double x0[N] = {1, 1, 1, 1, 1, 1, 1, 1};
  es *e = begin(x0, 0.5, 13);
  int g = 0;
  for (; g < 5000 && !es_done(e); g++) generation(e, sphere, NULL, 1, as_is);
  assert_true(g > 100 && g < 5000);
  assert_non_null(strstr(es_done(e), "tolfun"));
  es_close(e);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_constants),
      cmocka_unit_test(test_weights),
      cmocka_unit_test(test_order_is_all_that_counts),
      cmocka_unit_test(test_scale),
      cmocka_unit_test(test_translation),
      cmocka_unit_test(test_random_fitness_leads_nowhere),
      cmocka_unit_test(test_told_points_may_be_rounded),
      cmocka_unit_test(test_a_loaded_search_goes_on_bit_for_bit),
      cmocka_unit_test(test_damaged_state_is_refused),
      cmocka_unit_test(test_wrong_options_are_refused),
      cmocka_unit_test(test_it_says_why_it_is_done),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

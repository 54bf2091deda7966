// Tests for src/es/lra.c: told the same points, it is in the same state as cmaes' LRA-CMA-ES
// (tests/golden/make_lra.py); with a popsize of 10 it goes where CMA-ES does not: to the minimum of Rastrigin's
// function, and on through noise.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/lra.h"
#include "golden/golden.h"
#include "golden/lra.h"
#include "search.h"

enum { GENERATIONS = 120, LUCK = 30, MOST = 128 };

static void tell_generation(es *e, int g) {
  int n = es_size(e), popsize = es_popsize(e);
  float u[MOST], luck[MOST];
  double x[MOST], fitness[MOST];
  golden_numbers(u, (size_t)(popsize * n), (uint32_t)(100 + g), -1.2, 1.2);
  golden_numbers(luck, (size_t)popsize, (uint32_t)(500 + g), 0, 1);
  for (int i = 0; i < popsize * n; i++) x[i] = es_mean(e)[i % n] + es_sigma(e) * (double)u[i];
  for (int k = 0; k < popsize; k++)
    fitness[k] = g < LUCK ? (double)luck[k] : (double)u[k * n] + 0.1 * (double)u[k * n + 1];
  es_tell(e, x, fitness);
}

static void compare(int n, int popsize, const double *golden, size_t count) {
  double x0[MOST];
  for (int i = 0; i < n; i++) x0[i] = 0.25;
  const es_options o = {
      .kind = ES_LRA_CMA, .n = n, .popsize = popsize, .sigma0 = 0.5, .x0 = x0, .active = true, .dialect = ES_TUTORIAL};
  es *e = open_or_fail(&o);
  const double *next = golden;
  for (int g = 0; g < GENERATIONS; g++) {
    tell_generation(e, g);
    if (g != 0 && g != LUCK - 1 && g != GENERATIONS - 1) continue;
    next = close_to(e->mean, next, n, "mean", g);
    next = close_to(&e->now.sigma, next, 1, "sigma", g);
    next = close_to(lra_of(e)->eta_mean, next, 1, "eta_mean", g);
    next = close_to(lra_of(e)->eta_sigma, next, 1, "eta_sigma", g);
    next = close_to(lra_of(e)->base.C, next, n * n, "C", g);
  }
  assert_int_equal(next - golden, count);
  es_close(e);
}

static void test_as_cmaes(void **state) {
  (void)state;
  compare(5, 8, golden_lra_5, sizeof golden_lra_5 / sizeof *golden_lra_5);
  compare(7, 12, golden_lra_7, sizeof golden_lra_7 / sizeof *golden_lra_7);
}

enum { DIMENSIONS = 10, SEEDS = 3 };

// |mean|^2 at the end of a search of `most` evaluations, on f plus noise of a standard deviation.
static double left_over(es_kind kind, function *f, double noise, uint64_t seed, int64_t most) {
  double x0[DIMENSIONS], fitness[MOST_CANDIDATES], best = INFINITY;
  for (int i = 0; i < DIMENSIONS; i++) x0[i] = 3;
  const es_options o = {.kind = kind, .n = DIMENSIONS, .sigma0 = 2, .x0 = x0, .seed = seed, .active = true};
  es *e = open_or_fail(&o);
  while (es_evaluations(e) < most && best > 1e-8) {
    const double *x = es_ask(e);
    for (int k = 0; k < es_popsize(e); k++) {
      double luck;
      rng_normals_double(&luck, 1, rng_episode(rng_stream(seed, "noise"), (uint32_t)es_generation(e), (uint32_t)k), 0,
                         0);
      fitness[k] = f(x + k * DIMENSIONS, DIMENSIONS) + noise * luck;
      if (noise == 0) best = fmin(best, fitness[k]);
    }
    es_tell(e, x, fitness);
  }
  double left = sphere(es_mean(e), DIMENSIONS);
  es_close(e);
  return left;
}

static void test_where_the_small_popsize_of_cma_is_not_enough(void **state) {
  (void)state;
  static const struct { const char *name; function *f; double noise; int64_t most; } t[] = {
      {"Rastrigin", rastrigin, 0, 300000}, {"noisy sphere", sphere, 1, 60000}};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++)
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
      double left = left_over(ES_LRA_CMA, t[i].f, t[i].noise, seed, t[i].most),
             plain = left_over(ES_CMA, t[i].f, t[i].noise, seed, t[i].most);
      printf("%s 10, popsize 10, seed %d: |mean|^2 is %.3g, by CMA-ES %.3g\n", t[i].name, (int)seed, left, plain);
      assert_true(left < 0.1 * plain);
    }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_as_cmaes),
      cmocka_unit_test(test_where_the_small_popsize_of_cma_is_not_enough),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

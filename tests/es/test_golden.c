// Tests for src/es/cma.c and sep.c: told the same points, the search is in the same state as pycma's
// (tests/golden/make_es.py).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/es/cma.h"
#include "../../src/es/sep.h"
#include "golden/es.h"
#include "golden/golden.h"
#include "search.h"

enum { GENERATIONS = 24, MOST = 128 };

static double push(int g) { return g >= 4 && g < 8 ? 2 : g == 12 ? -0.5 : 0; }

static double push_diagonal(int g) { return g >= 4 && g < 6 ? 0.8 : 0; }

static void tell_generation(es *e, es_kind kind, int g) {
  int n = es_size(e), popsize = es_popsize(e);
  float u[MOST], rank[MOST];
  double x[MOST], fitness[MOST];
  golden_numbers(u, (size_t)(popsize * n), (uint32_t)(100 + g), -1.7, 1.7);
  golden_numbers(rank, (size_t)popsize, (uint32_t)(500 + g), 0, 1);
  for (int i = 0; i < popsize * n; i++)
    x[i] = es_mean(e)[i % n] + es_sigma(e) * ((double)u[i] + (kind == ES_CMA ? push(g) : push_diagonal(g)));
  for (int k = 0; k < popsize; k++) fitness[k] = (double)rank[k];
  es_ask(e);
  es_tell(e, x, fitness);
}

// pycma adds 1e-9 to the length of a bad step before it divides by it, and generations magnify that.
static void compare(es_kind kind, int n, int popsize, bool active, const double *golden, size_t count) {
  double x0[MOST];
  for (int i = 0; i < n; i++) x0[i] = 0.25;
  es *e;
  const es_options o = {
      .kind = kind, .n = n, .popsize = popsize, .sigma0 = 0.5, .x0 = x0, .active = active, .dialect = ES_PYCMA};
  assert_int_equal(es_open(&e, &o), OK);
  const double *next = golden;
  for (int g = 0; g < GENERATIONS; g++) {
    tell_generation(e, kind, g);
    if (g != 0 && g != 6 && g != GENERATIONS - 1) continue;
    next = close_to(e->mean, next, n, "mean", g);
    next = close_to(&e->now.sigma, next, 1, "sigma", g);
    const csa *paths = kind == ES_CMA ? &cma_of(e)->paths : &sep_of(e)->paths;
    next = close_to(paths->ps, next, n, "ps", g);
    next = close_to(paths->pc, next, n, "pc", g);
    next = kind == ES_CMA ? close_to(cma_of(e)->C, next, n * n, "C", g) : close_to(sep_of(e)->d, next, n, "d", g);
  }
  assert_int_equal(next - golden, count);
  es_close(e);
}

#define COMPARE(kind, n, popsize, active, golden) \
  compare(kind, n, popsize, active, golden, sizeof(golden) / sizeof *(golden))

static void test_negative_weights(void **state) { (void)state, COMPARE(ES_CMA, 5, 8, true, golden_pycma); }
static void test_positive_weights_only(void **state) {
  (void)state, COMPARE(ES_CMA, 5, 8, false, golden_pycma_positive);
}
static void test_diagonal(void **state) { (void)state, COMPARE(ES_SEP_CMA, 5, 8, true, golden_pycma_sep); }
static void test_odd_popsize(void **state) { (void)state, COMPARE(ES_CMA, 7, 15, true, golden_pycma_many); }

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_negative_weights),
      cmocka_unit_test(test_positive_weights_only),
      cmocka_unit_test(test_odd_popsize),
      cmocka_unit_test(test_diagonal),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// Tests for src/es: evaluations until a target is reached, median over 25 seeds, within 10 % of the counts of pycma 4.4.0
// (default, active; and with negative weights off) under the same protocol.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "es.h"
#include "functions.h"

#define SEEDS 25

typedef struct reference {
  const char *name;
  function *f;
  double x0, sigma0, target;
  int n;
  bool active;
  int evaluations;  // median
} reference;

static const reference table[] = {
    {"sphere", sphere, 1, 1, 1e-9, 5, true, 704},
    {"ellipsoid", ellipsoid, 1, 1, 1e-9, 5, true, 1448},
    {"Rosenbrock", rosenbrock, 0, 0.1, 1e-9, 5, true, 1736},
    {"sphere", sphere, 1, 1, 1e-9, 10, true, 1480},
    {"ellipsoid", ellipsoid, 1, 1, 1e-9, 10, true, 4090},
    {"cigar", cigar, 1, 1, 1e-9, 10, true, 3990},
    {"tablet", tablet, 1, 1, 1e-9, 10, true, 3110},
    {"Rosenbrock", rosenbrock, 0, 0.1, 1e-9, 10, true, 5080},
    {"different powers", different_powers, 1, 1, 1e-14, 10, true, 3230},
    {"sphere", sphere, 1, 1, 1e-9, 20, true, 2796},
    {"ellipsoid", ellipsoid, 1, 1, 1e-9, 20, true, 13008},
    {"cigar", cigar, 1, 1, 1e-9, 20, true, 8208},
    {"tablet", tablet, 1, 1, 1e-9, 20, true, 7668},
    {"Rosenbrock", rosenbrock, 0, 0.1, 1e-9, 20, true, 16476},
    {"different powers", different_powers, 1, 1, 1e-14, 20, true, 10188},
    {"sphere", sphere, 1, 1, 1e-9, 40, true, 5295},
    {"sphere", sphere, 1, 1, 1e-9, 10, false, 1480},
    {"ellipsoid", ellipsoid, 1, 1, 1e-9, 10, false, 5680},
    {"Rosenbrock", rosenbrock, 0, 0.1, 1e-9, 10, false, 5920},
    {"sphere", sphere, 1, 1, 1e-9, 20, false, 2772},
    {"ellipsoid", ellipsoid, 1, 1, 1e-9, 20, false, 17904},
    {"Rosenbrock", rosenbrock, 0, 0.1, 1e-9, 20, false, 20040},
};

// Counts whole generations, as the reference does; a run that does not get there counts the limit.
static int evaluations(const reference *r, uint64_t seed) {
  double x0[64], fitness[64];
  for (int i = 0; i < r->n; i++) x0[i] = r->x0;
  es *e;
  const es_options o = {.n = r->n, .sigma0 = r->sigma0, .x0 = x0, .seed = seed, .active = r->active};
  assert_int_equal(es_open(&e, &o), OK);
  int popsize = es_popsize(e), count = 0;
  for (double best = INFINITY; best > r->target && count < 10 * r->evaluations;) {
    const double *x = es_ask(e);
    for (int k = 0; k < popsize; k++) best = fmin(best, fitness[k] = r->f(x + (size_t)k * r->n, r->n));
    count += popsize;
    es_tell(e, x, fitness);
  }
  es_close(e);
  return count;
}

static int ascending(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static int median_evaluations(const reference *r) {
  int counts[SEEDS];
  for (int s = 0; s < SEEDS; s++) counts[s] = evaluations(r, (uint64_t)s + 1);
  qsort(counts, SEEDS, sizeof *counts, ascending);
  return counts[SEEDS / 2];
}

static void test_counts(void **state) {
  (void)state;
  int off = 0;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const reference *r = &table[i];
    int median = median_evaluations(r);
    double ratio = (double)median / r->evaluations;
    printf("%-16s n = %2d %s  %6d evaluations, reference %6d, ratio %.3f\n", r->name, r->n, r->active ? "active    " : "not active", median, r->evaluations, ratio);
    off += ratio < 0.9 || ratio > 1.1;
  }
  assert_int_equal(off, 0);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

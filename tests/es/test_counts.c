// Tests for src/es: evaluations of whole generations until the best of one reaches the target, medians over 25 seeds,
// are within 10 % of pycma 4.4.0's (es_classic_reference), with and without negative weights and with a diagonal C.
// What is rotated costs what it cost before. The same where C is factored (src/es/factor.c), a generation late.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "search.h"

enum { SEEDS = 25, MOST_N = 40 };
typedef struct variant { es_kind kind; bool active; int factored_from; } variant;  // factored_from: as in es_options

// A run that does not get there counts ten times the reference.
static int evaluations(const es_classic *c, int n, const variant *v, uint64_t seed, int reference) {
  double x0[MOST_N], scratch[MOST_N], fitness[MOST_CANDIDATES];
  es_classic_start(c, x0, n, seed);
  const es_options o = {.kind = v->kind, .n = n, .sigma0 = c->sigma0, .x0 = x0, .seed = seed, .active = v->active,
                        .factored_from = v->factored_from};
  es *e = open_or_fail(&o);
  int popsize = es_popsize(e), count = 0;
  for (double best = INFINITY; best > c->target && count < 10 * reference; count += popsize) {
    const double *x = es_ask(e);
    for (int k = 0; k < popsize; k++)
      best = fmin(best, fitness[k] = es_classic_value(c, x + (size_t)k * n, n, scratch));
    es_tell(e, x, fitness);
  }
  es_close(e);
  return count;
}

static int by_count(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static bool close_to_reference(const es_classic *c, int n, const variant *v) {
  int reference = es_classic_reference(c, n, v->kind, v->active), counts[SEEDS];
  if (!reference) return true;
  for (int s = 0; s < SEEDS; s++) counts[s] = evaluations(c, n, v, (uint64_t)s + 1, reference);
  qsort(counts, SEEDS, sizeof *counts, by_count);
  double ratio = (double)counts[SEEDS / 2] / reference;
  bool good = ratio >= 0.9 && ratio <= 1.1;
  printf("%-17s n = %2d %6d evaluations, reference %6d, ratio %.3f%s\n", c->name, n, counts[SEEDS / 2], reference,
         ratio, good ? "" : "   OFF");
  return good;
}

// Large n only where that is quick; not 5 for the factored C, which is a generation late and, at that n, up to 12 %
// quicker.
static bool compared(const es_classic *c, int n, const variant *v) {
  return n >= (v->factored_from ? 10 : 5) &&
         n <= (c->rotated ? 10 : v->kind == ES_SEP_CMA || c->f == es_sphere ? 40 : 20);
}

static void compare(variant v) {
  static const int sizes[] = {5, 10, 20, 40};
  int count, off = 0;
  const es_classic *classics = es_classics(&count);
  for (int i = 0; i < count; i++)
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      if (compared(&classics[i], sizes[s], &v)) off += !close_to_reference(&classics[i], sizes[s], &v);
  assert_int_equal(off, 0);
}

static void test_counts(void **state) {
  (void)state;
  compare((variant){ES_CMA, true, 0});
}

static void test_counts_without_negative_weights(void **state) {
  (void)state;
  compare((variant){ES_CMA, false, 0});
}

static void test_counts_factored(void **state) {
  (void)state;
  compare((variant){ES_CMA, true, 1});
}

static void test_counts_separable(void **state) {
  (void)state;
  compare((variant){ES_SEP_CMA, true, 0});
}

static void test_rates_separable(void **state) {  // pycma's doctest, which cuts digits off
  (void)state;
  es_constants c = es_constants_separable(20, 12, true, ES_PYCMA, NULL);
  assert_true(fabs(c.cc - 0.2525945) < 5e-7 && fabs(c.c1 - 0.03432795) < 5e-8 && fabs(c.cmu - 0.05653855) < 5e-8);
}

static void test_a_rotation_keeps_the_start_and_its_value(void **state) {
  (void)state;
  enum { SIZE = 10 };
  int count;
  const es_classic *classics = es_classics(&count);
  for (int i = 0; i < count; i++) {
    if (!classics[i].rotated) continue;
    es_classic plain = classics[i];
    plain.rotated = false;
    double x[SIZE], turned[SIZE], scratch[SIZE];
    es_classic_start(&plain, x, SIZE, 3);
    es_classic_start(&classics[i], turned, SIZE, 3);
    double value = es_classic_value(&plain, x, SIZE, scratch);
    assert_true(fabs(es_classic_value(&classics[i], turned, SIZE, scratch) / value - 1) < 1e-12);
    assert_true(fabs(es_sphere(turned, SIZE) / es_sphere(x, SIZE) - 1) < 1e-12);
    for (int k = 0; k < SIZE; k++) assert_true(fabs(turned[k] - x[k]) > 1e-6);
  }
}

static void test_the_least_value_is_zero(void **state) {
  (void)state;
  enum { SIZE = 7 };
  int count;
  const es_classic *classics = es_classics(&count);
  double zeros[SIZE] = {0}, scratch[SIZE], best[SIZE] = {1, 1, 1, 1, 1, 1, 1};
  for (int i = 0; i < count; i++)
    assert_true(fabs(es_classic_value(&classics[i], classics[i].f == es_rosenbrock ? best : zeros, SIZE, scratch)) <
                1e-14);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_counts),
      cmocka_unit_test(test_counts_without_negative_weights),
      cmocka_unit_test(test_counts_factored),
      cmocka_unit_test(test_counts_separable),
      cmocka_unit_test(test_rates_separable),
      cmocka_unit_test(test_a_rotation_keeps_the_start_and_its_value),
      cmocka_unit_test(test_the_least_value_is_zero),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

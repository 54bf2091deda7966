// Tests for src/es/sep.c: evaluation counts of the separable CMA-ES within 10 % of pycma 4.4.0's (CMA_diagonal=True;
// medians over 51 seeds at n = 5 and 10, 25 at n = 20, 11 at n = 40), and its rates.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counts.h"

static const reference table[] = {
    {&SPHERE, 5, 608},   {&ELLIPSOID, 5, 1080},  {&CIGAR, 5, 1216},  {&TABLET, 5, 1024},
    {&SPHERE, 10, 1200}, {&ELLIPSOID, 10, 2250}, {&CIGAR, 10, 2450}, {&TABLET, 10, 1910}, {&POWERS, 10, 1590},
    {&SPHERE, 20, 2400}, {&ELLIPSOID, 20, 4668}, {&CIGAR, 20, 4848}, {&TABLET, 20, 3516}, {&POWERS, 20, 3372},
    {&SPHERE, 40, 4725}, {&ELLIPSOID, 40, 9810}, {&CIGAR, 40, 9435},
};

static void test_counts(void **state) {
  (void)state;
  counts_compare(table, sizeof table / sizeof *table, ES_SEP_CMA, true);
}

static void test_rates(void **state) {  // pycma's doctest, which cuts digits off
  (void)state;
  es_constants c = es_constants_separable(20, 12, true, ES_PYCMA, NULL);
  assert_true(fabs(c.cc - 0.2525945) < 5e-7 && fabs(c.c1 - 0.03432795) < 5e-8 && fabs(c.cmu - 0.05653855) < 5e-8);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts), cmocka_unit_test(test_rates)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

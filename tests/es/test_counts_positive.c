// Tests for src/es: without negative weights, evaluation counts within 10 % of pycma 4.4.0's (CMA_active=False; medians
// over 51 seeds at n = 5 and 10, 25 at n = 20, 11 at n = 40).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counts.h"

static const reference table[] = {
    {&SPHERE, 5, 728},      {&ELLIPSOID, 5, 2024},   {&CIGAR, 5, 2008},       {&TABLET, 5, 2064},
    {&ROSENBROCK, 5, 1984}, {&POWERS, 5, 2152},      {&SPHERE, 10, 1480},     {&ELLIPSOID, 10, 5680},
    {&CIGAR, 10, 4310},     {&TABLET, 10, 5390},     {&ROSENBROCK, 10, 5920}, {&POWERS, 10, 6300},
    {&SPHERE, 20, 2772},    {&ELLIPSOID, 20, 17904}, {&CIGAR, 20, 8316},      {&ROSENBROCK, 20, 20040},
    {&SPHERE, 40, 5295},
};

static void test_counts(void **state) {
  (void)state;
  counts_compare(table, sizeof table / sizeof *table, ES_CMA, false);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

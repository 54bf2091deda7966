// Tests for src/es: with negative weights, evaluation counts within 10 % of pycma 4.4.0's (default settings; medians
// over 51 seeds at n = 5 and 10, 25 at n = 20, 11 at n = 40). The rotated ellipsoid must cost what the ellipsoid does.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "counts.h"

static const problem ROTATED = {"rotated ellipsoid", ellipsoid, 1, 1, 1e-9, true};

static const reference table[] = {
    {&SPHERE, 5, 704},      {&ELLIPSOID, 5, 1448},   {&CIGAR, 5, 1704},      {&TABLET, 5, 1312},
    {&ROSENBROCK, 5, 1736}, {&POWERS, 5, 1160},      {&SPHERE, 10, 1480},    {&ELLIPSOID, 10, 4090},
    {&ROTATED, 10, 4090},   {&CIGAR, 10, 3990},      {&TABLET, 10, 3110},    {&ROSENBROCK, 10, 5080},
    {&POWERS, 10, 3230},    {&SPHERE, 20, 2796},     {&ELLIPSOID, 20, 13008}, {&CIGAR, 20, 8208},
    {&TABLET, 20, 7668},    {&ROSENBROCK, 20, 16476}, {&POWERS, 20, 10188},  {&SPHERE, 40, 5295},
};

static void test_counts(void **state) {
  (void)state;
  counts_compare(table, sizeof table / sizeof *table, ES_CMA, true);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

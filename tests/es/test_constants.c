// Tests for src/es/constants.c. The numbers were taken from pycma 4.5.0: from its strategy parameters, and for the
// tutorial's c1, cmu, cc and cs from its module purecma.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "es.h"

static void digits10(double found, double wanted) {  // what ten significant digits can tell apart
  if (fabs(found - wanted) > 1e-9 * fabs(wanted)) fail_msg("found %.12g, wanted %.12g", found, wanted);
}
static void decimals(double found, double wanted, int places) {
  if (fabs(found - wanted) > 0.51 * pow(10, -places)) fail_msg("found %.12g, wanted %.12g", found, wanted);
}

static void test_pycma(void **state) {
  (void)state;
  static const struct { int n, popsize; double mueff, minus, c1, cmu, cc, cs, damps, negative; } t[] = {
      {2, 6, 2.028611465, 2.431918959,
       0.1548153999, 0.08559277943, 0.624554539, 0.5, 1.5, -2.207323655},
      {5, 8, 2.600178826, 3.207071751,
       0.04729230416, 0.0478590496, 0.450199558, 0.4339718133, 1.433971813, -1.98815803},
      {10, 10, 3.167299281, 3.989115019,
       0.01528382452, 0.02355177665, 0.294990383, 0.3196142529, 1.319614253, -1.648945714},
      {20, 12, 3.729458934, 4.774595099,
       0.004372354435, 0.009216561776, 0.1717672113, 0.214349978, 1.214349978, -1.474401902},
      {40, 15, 4.540915209, 5.889051309,
       0.001169432725, 0.003405219644, 0.09300921663, 0.1375849661, 1.137584966, -1.343423581},
      {100, 17, 5.096188879, 6.685960651,
       0.000194802927, 0.000680638142, 0.03891342006, 0.0656469849, 1.065646985, -1.286206304},
      {867, 64, 17.62165241, 25.34871942,
       2.652651782e-06, 4.218445893e-05, 0.004615542179, 0.022105874, 1.022105874, -1.062882205},
      {1088, 64, 17.62165241, 25.34871942,
       1.685499154e-06, 2.681283483e-05, 0.00367772641, 0.01769914232, 1.017699142, -1.062861654},
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    es_constants c = es_constants_make(t[i].n, t[i].popsize, true, ES_PYCMA, NULL);
    digits10(c.mueff, t[i].mueff);
    digits10(c.mueff_minus, t[i].minus);
    digits10(c.c1, t[i].c1);
    digits10(c.cmu, t[i].cmu);
    digits10(c.cc, t[i].cc);
    digits10(c.cs, t[i].cs);
    digits10(c.damps, t[i].damps);
    digits10(c.negative_sum, t[i].negative);
  }
}

static void test_pycma_slows_c1_of_small_populations(void **state) {
  (void)state;
  digits10(es_constants_make(3, 4, true, ES_PYCMA, NULL).c1, 0.06683445494);
  digits10(es_constants_make(3, 4, true, ES_TUTORIAL, NULL).c1, 0.1002516824);
}

static void test_tutorial(void **state) {
  (void)state;
  static const struct { int n, popsize; double c1, cmu, cc, cs; } t[] = {
      {2, 6, 0.1548153999, 0.05785908507, 0.624554539, 0.4462049874},
      {5, 8, 0.04729230416, 0.0381691607, 0.450199558, 0.3650883761},
      {10, 10, 0.01528382452, 0.02015428276, 0.294990383, 0.2844285879},
      {20, 12, 0.004372354435, 0.008191403277, 0.1717672113, 0.1994280139},
      {40, 15, 0.001169432725, 0.003122500711, 0.09300921663, 0.1320305687},
      {100, 17, 0.000194802927, 0.0006326032318, 0.03891342006, 0.06445444616},
      {867, 64, 2.652651782e-06, 4.152236391e-05, 0.004615542179, 0.02205617675},
      {1088, 64, 1.685499154e-06, 2.639200108e-05, 0.00367772641, 0.01766726983},
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    es_constants c = es_constants_make(t[i].n, t[i].popsize, true, ES_TUTORIAL, NULL);
    digits10(c.c1, t[i].c1);
    digits10(c.cmu, t[i].cmu);
    digits10(c.cc, t[i].cc);
    digits10(c.cs, t[i].cs);
    digits10(c.damps, 1 + t[i].cs);  // while mueff < n + 2
  }
  digits10(es_constants_make(3, 200, false, ES_TUTORIAL, NULL).damps,
           1 + 2 * (sqrt(51.60152859 / 4) - 1) + 0.9009925964);
}

static void test_what_does_not_depend_on_the_dialect(void **state) {
  (void)state;
  static const struct { int n, popsize, mu, gap; double chi_n; } t[] = {
      {2, 6, 3, 1, 1.2542727},      {5, 8, 4, 1, 2.1285238},       {10, 10, 5, 1, 3.0847266},
      {20, 12, 6, 1, 4.4167667},    {40, 15, 7, 1, 6.2852151},     {100, 17, 8, 1, 9.9750476},
      {867, 64, 32, 2, 29.4363751}, {1088, 64, 32, 3, 32.9772671},
  };
  for (size_t i = 0; i < sizeof t / sizeof *t; i++)
    for (int dialect = 0; dialect < 2; dialect++) {
      es_constants c = es_constants_make(t[i].n, t[i].popsize, true, (es_dialect)dialect, NULL);
      assert_int_equal(c.mu, t[i].mu);
      assert_int_equal(c.eigen_gap, t[i].gap);
      decimals(c.chi_n, t[i].chi_n, 7);
    }
}

static void test_popsize_by_n(void **state) {
  (void)state;
  static const int wanted[][2] = {{1, 4}, {2, 6}, {5, 8}, {10, 10}, {20, 12}, {40, 15}, {100, 17}, {1088, 24}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    assert_int_equal(es_constants_make(wanted[i][0], 0, true, ES_PYCMA, NULL).popsize, wanted[i][1]);
}

static void test_weights(void **state) {
  (void)state;
  static const double wanted[12] = {0.4024029428,  0.2533890840,  0.1662215646,  0.1043752252,
                                    0.0564034776,  0.0172077058,  -0.0501871364, -0.1406167894,
                                    -0.2203813964, -0.2917332687, -0.3562788884, -0.4152044226};
  double w[12];
  es_constants_make(20, 12, true, ES_PYCMA, w);
  for (int i = 0; i < 12; i++) decimals(w[i], wanted[i], 10);
  es_constants_make(20, 12, false, ES_PYCMA, w);
  for (int i = 0; i < 6; i++) decimals(w[i], wanted[i], 10);
  for (int i = 6; i < 12; i++) assert_true(w[i] == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_pycma),
      cmocka_unit_test(test_pycma_slows_c1_of_small_populations),
      cmocka_unit_test(test_tutorial),
      cmocka_unit_test(test_what_does_not_depend_on_the_dialect),
      cmocka_unit_test(test_popsize_by_n),
      cmocka_unit_test(test_weights),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// The product of matrices, bit for bit one chain over k: on every instruction set, transposed or not, across every edge
// of a block. double_gemm.c is this file with real = double, where the chain is not fused.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "num/isas.h"

enum { LARGEST = 520 * 620 };
static real a[LARGEST], b[LARGEST], c[LARGEST], before[LARGEST];
static _Alignas(64) real panels[LARGEST];

static void random_reals(real *x, uint32_t which) {
  static float some[LARGEST];
  rng_normals(some, LARGEST, rng_stream(1, "gemm"), which, 0);
  for (int i = 0; i < LARGEST; i++) x[i] = (real)some[i];
}

static double not_fused(double x, double y, double sum) { return x * y + sum; }
#define FUSED(x, y, sum) _Generic((sum), float: fmaf, double: not_fused)((x), (y), (sum))

typedef struct shape { int M, N, K; bool ta, tb, add; } shape;
static int lda_of(shape s) { return (s.ta ? s.M : s.K) + 2; }
static int ldb_of(shape s) { return (s.tb ? s.K : s.N) + 1; }
static int ldc_of(shape s) { return s.N + 3; }

static void is_a_chain(shape s) {
  int lda = lda_of(s), ldb = ldb_of(s), ldc = ldc_of(s);
  for (int m = 0; m < s.M; m++) {
    for (int n = 0; n < s.N; n++) {
      real sum = s.add ? before[m * ldc + n] : 0;
      for (int k = 0; k < s.K; k++)
        sum = FUSED(s.ta ? a[k * lda + m] : a[m * lda + k], s.tb ? b[n * ldb + k] : b[k * ldb + n], sum);
      assert_true(c[m * ldc + n] == sum);
    }
    // between N and ldc nothing is written
    assert_memory_equal(c + m * ldc + s.N, before + m * ldc + s.N, 3 * sizeof *c);
  }
}

static void multiply(shape s) {
  memcpy(c, before, sizeof c);
  if (!s.add) c[0] = NAN;  // what was there is not looked at
  num_gemm(s.ta, s.tb, s.M, s.N, s.K, a, lda_of(s), b, ldb_of(s), s.add, c, ldc_of(s));
  is_a_chain(s);
}

static void gemm(void **state) {
  (void)state;
  static const int sizes[][3] = {{1, 1, 1},     {2, 3, 5},     {17, 13, 23},   {9, 16, 4},  {8, 48, 7},
                                 {50, 108, 32}, {7, 200, 300}, {200, 33, 520}, {387, 5, 12}};
  FOR_EACH_ISA(isa)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      for (int flags = 0; flags < 8; flags++)
        multiply((shape){sizes[i][0], sizes[i][1], sizes[i][2], flags & 1, flags & 2, flags & 4});
}

static void gemm_with_a_factor(void **state) {
  (void)state;
  const shape s = {.M = 21, .N = 70, .K = 300, .tb = true};
  num_factor f = num_factor_make(panels, s.tb, b, ldb_of(s), s.K, s.N);
  assert_true(num_factor_size(s.K, s.N) <= LARGEST);
  memcpy(c, before, sizeof c);
  num_gemm_factor(s.ta, s.M, a, lda_of(s), &f, s.add, c, ldc_of(s));
  is_a_chain(s);
}

static void gemm_in_slabs(void **state) {  // b does not go into the panels at once
  (void)state;
  enum { M = 2, N = 3000, K = 400 };
  static real wide[K * N], y[M * N];
  for (int i = 0; i < K * N; i++) wide[i] = b[i % 9973];
  num_gemm(false, false, M, N, K, a, K, wide, N, false, y, N);
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) {
      real sum = 0;
      for (int k = 0; k < K; k++) sum = FUSED(a[m * K + k], wide[k * N + n], sum);
      assert_true(y[m * N + n] == sum);
    }
}

static void gemm_of_nothing(void **state) {
  (void)state;
  real y[6] = {1, 2, 3, 4, 5, 6};
  num_gemm(false, false, 2, 3, 0, y, 0, y, 3, true, y, 3);
  assert_true(y[5] == 6);
  num_gemm(false, false, 0, 3, 2, y, 2, y, 3, false, y, 3);
  assert_true(y[0] == 1);
  num_gemm(false, false, 2, 3, 0, y, 0, y, 3, false, y, 3);
  assert_true(y[0] == 0 && y[5] == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(gemm), cmocka_unit_test(gemm_with_a_factor),
                                     cmocka_unit_test(gemm_in_slabs), cmocka_unit_test(gemm_of_nothing)};
  num_open();
  random_reals(a, 1);
  random_reals(b, 2);
  random_reals(before, 3);
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// The products in double against three loops, the eigendecomposition against its definition.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num.h"

enum { LARGEST = 40 * 40 };

static void random_doubles(double *a, int n, uint32_t which) {
  rng_normals_double(a, n, rng_stream(1, "blas"), which, 0);
}

static void dgemm_and_dsyrk(void **state) {
  (void)state;
  enum { N = 11, K = 7, LD = 13 };
  double a[K * LD], c[N * LD], g[N * LD], before[N * LD];
  random_doubles(a, K * LD, 1000);
  random_doubles(c, N * LD, 1001);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < i; j++) c[i * LD + j] = c[j * LD + i];
  memcpy(g, c, sizeof c);
  memcpy(before, c, sizeof c);
  num_dgemm(true, false, N, N, K, 0.5, a, LD, a, LD, 2, g, LD);
  num_dsyrk(N, K, 0.5, a, LD, 2, c, LD);
  for (int i = 0; i < N; i++)
    for (int j = 0; j < N; j++) {
      double expected = 2 * before[i * LD + j];
      for (int k = 0; k < K; k++) expected += 0.5 * a[k * LD + i] * a[k * LD + j];
      assert_true(fabs(g[i * LD + j] - expected) < 1e-13);
      assert_true(fabs(c[i * LD + j] - expected) < 1e-13);
      assert_true(c[i * LD + j] == c[j * LD + i]);
    }
}

// a B = B diag(d), B^T B = 1, d ascending.
static void decompose(int n, uint32_t which) {
  double a[LARGEST], B[LARGEST], d[40];
  random_doubles(B, n * n, which);
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) a[i * n + j] = B[i * n + j] + B[j * n + i];
  memcpy(B, a, sizeof *a * (size_t)(n * n));
  assert_int_equal(num_dsyev(B, d, n), OK);
  for (int i = 0; i < n; i++) {
    assert_true(i == 0 || d[i] >= d[i - 1]);
    for (int j = 0; j < n; j++) {
      double residual = -B[i * n + j] * d[j], dot = i == j ? -1 : 0;
      for (int k = 0; k < n; k++) {
        residual += a[i * n + k] * B[k * n + j];
        dot += B[k * n + i] * B[k * n + j];
      }
      assert_true(fabs(residual) < 1e-12 && fabs(dot) < 1e-13);
    }
  }
}

static void dsyev(void **state) {
  (void)state;
  for (int n = 1; n <= 40; n += 3) decompose(n, 2000 + (uint32_t)n);
}

static void dsyev_refuses(void **state) {
  (void)state;
  double a[] = {1, NAN, NAN, 2}, d[2];
  assert_int_equal(num_dsyev(a, d, 2), BROKEN);
  assert_non_null(strstr(status_message(), "not finite"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(dgemm_and_dsyrk), cmocka_unit_test(dsyev),
                                     cmocka_unit_test(dsyev_refuses)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

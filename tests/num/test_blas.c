// The products in double against three loops, the eigendecomposition against its definition.
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
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

// --- factors --------------------------------------------------------------------------------------------------------

enum { F = 21 };

static void positive_definite(double *a, int n, uint32_t which) {
  double *b = mem_take((size_t)(n * n), sizeof *b);
  random_doubles(b, n * n, which);
  for (int i = 0; i < n * n; i++) a[i] = 0;
  num_dsyrk(n, n, 1, b, n, 0, a, n);
  for (int i = 0; i < n; i++) a[i * n + i] += 1;
  mem_free(b);
}

// l l^T = a, on and below the diagonal; x l^T and then x l^-T give x again, whatever the number of rows.
static void triangles(void **state) {
  (void)state;
  double a[F * F], l[F * F], x[3 * F], y[3 * F];
  positive_definite(a, F, 3000);
  memcpy(l, a, sizeof a);
  for (int i = 0; i < F; i++)
    for (int j = i + 1; j < F; j++) l[i * F + j] = NAN;
  assert_true(num_dpotrf(l, F));
  for (int i = 0; i < F; i++)
    for (int j = 0; j < F; j++) {
      double product = 0;
      for (int k = 0; k <= (i < j ? i : j); k++) product += l[i * F + k] * l[j * F + k];
      assert_true(fabs(product - a[i * F + j]) < 1e-12 && (j <= i || isnan(l[i * F + j])));
    }
  random_doubles(x, 3 * F, 3001);
  memcpy(y, x, sizeof x);
  num_dtrmm(3, F, 2, l, y);
  for (int r = 0; r < 3; r++)
    for (int i = 0; i < F; i++) {
      double expected = 0;
      for (int k = 0; k <= i; k++) expected += 2 * l[i * F + k] * x[r * F + k];
      assert_true(fabs(y[r * F + i] - expected) < 1e-12);
    }
  num_dtrsm(2, F, l, y);
  num_dtrsm(1, F, l, y + 2 * F);
  for (int i = 0; i < 3 * F; i++) assert_true(fabs(y[i] - 2 * x[i]) < 1e-12);
  l[0] = -1;
  assert_false(num_dpotrf(l, F));
  l[0] = NAN;
  assert_false(num_dpotrf(l, F));
}

static void eigenvalues_alone(void **state) {
  (void)state;
  double a[F * F], b[F * F], d[F], e[F], *work = mem_take(num_dsyev_values_work(F), sizeof *work);
  positive_definite(a, F, 3002);
  memcpy(b, a, sizeof a);
  for (int i = 0; i < F; i++)
    for (int j = i + 1; j < F; j++) b[i * F + j] = NAN;
  assert_true(num_dsyev_values(b, e, F, work));
  assert_int_equal(num_dsyev(a, d, F), OK);
  for (int i = 0; i < F; i++) assert_true(fabs(d[i] - e[i]) < 1e-11);
  b[0] = NAN;
  assert_false(num_dsyev_values(b, e, F, work));
  mem_free(work);
}

// --- two threads at once --------------------------------------------------------------------------------------------

enum { T = 300, ROUNDS = 12 };
typedef struct bits { double l[T * T], d[T], c[T * T]; } bits;

// What a search does with one C, and what its helper does with another.
static void *work_on(void *self) {
  bits *b = self;
  double *a = mem_take((size_t)T * T, sizeof *a), *work = mem_take(num_dsyev_values_work(T), sizeof *work);
  positive_definite(b->l, T, 4000);
  memcpy(a, b->l, sizeof b->l);
  memcpy(b->c, b->l, sizeof b->l);
  CHECK(num_dsyev_values(a, b->d, T, work) && num_dpotrf(b->l, T), "not positive definite");
  random_doubles(a, 64 * T, 4001);
  num_dtrmm(64, T, 0.5, b->l, a);
  num_dsyrk_upper(T, 33, 0.1, a, T, 0.9, b->c, T);
  num_dtrsm(32, T, b->l, a);
  num_dsyrk_upper(T, 32, -1e-6, a, T, 1, b->c, T);
  num_dgemm(false, true, 64, T, T, 1, a, T, b->l, T, 1, b->c, T);
  mem_free(work);
  mem_free(a);
  return NULL;
}

static void two_threads_get_the_bits_of_one(void **state) {
  (void)state;
  static bits alone, here, there;
  if (!num_blas_in_threads()) skip();
  work_on(&alone);
  for (int r = 0; r < ROUNDS; r++) {
    pthread_t other;
    memset(&here, 0, sizeof here);
    memset(&there, 0, sizeof there);
    assert_int_equal(pthread_create(&other, NULL, work_on, &there), 0);
    work_on(&here);
    assert_int_equal(pthread_join(other, NULL), 0);
    assert_memory_equal(&here, &alone, sizeof alone);
    assert_memory_equal(&there, &alone, sizeof alone);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(dgemm_and_dsyrk),   cmocka_unit_test(dsyev),
      cmocka_unit_test(dsyev_refuses),     cmocka_unit_test(triangles),
      cmocka_unit_test(eigenvalues_alone), cmocka_unit_test(two_threads_get_the_bits_of_one)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

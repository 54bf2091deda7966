// Linear algebra in double by OpenBLAS and its LAPACK, in row-major words. Knows no search.

#include <cblas.h>
#include <math.h>

#include "kernels.h"

void num_open(void) {
  openblas_set_num_threads(1);  // ranks are the parallelism
  num_kernels_now();
}

int num_blas_threads(void) { return openblas_get_num_threads(); }

// Only builds with threads lock what their calls share.
bool num_blas_in_threads(void) { return openblas_get_parallel() != 0; }

const char *num_blas_kernels(void) { return openblas_get_corename(); }

const char *num_blas_common(void) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
  return NULL;
}

// BLAS wants a leading dimension of at least one, even of an empty matrix.
static int blas_ld(int n) { return n > 0 ? n : 1; }
static CBLAS_TRANSPOSE blas_op(bool transposed) { return transposed ? CblasTrans : CblasNoTrans; }

void num_dgemm(bool ta, bool tb, int M, int N, int K, double alpha, const double *a, int lda, const double *b, int ldb,
               double beta, double *c, int ldc) {
  if (M <= 0 || N <= 0) return;
  cblas_dgemm(CblasRowMajor, blas_op(ta), blas_op(tb), M, N, K, alpha, a, blas_ld(lda), b, blas_ld(ldb), beta, c, ldc);
}

void num_dsyrk_upper(int n, int k, double alpha, const double *a, int lda, double beta, double *c, int ldc) {
  if (n <= 0) return;
  cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, n, k, alpha, a, blas_ld(lda), beta, c, ldc);
}

// Eight rows are read side by side, and a cache line is written at a time.
void num_mirror(double *c, int n, int ldc) {
  enum { ROWS = 8 };
  for (int first = 0; first < n; first += ROWS)
    for (int i = first + 1; i < n; i++)
      for (int j = first; j < first + ROWS && j < i; j++)
        c[(size_t)i * (size_t)ldc + j] = c[(size_t)j * (size_t)ldc + i];
}

void num_dsyrk(int n, int k, double alpha, const double *a, int lda, double beta, double *c, int ldc) {
  num_dsyrk_upper(n, k, alpha, a, lda, beta, c, ldc);
  num_mirror(c, n, ldc);
}

void num_dtrmm(int M, int n, double alpha, const double *l, double *x) {
  if (M <= 0 || n <= 0) return;
  cblas_dtrmm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, M, n, alpha, l, n, x, n);
}

void num_dtrsm(int M, int n, const double *l, double *x) {
  if (M <= 0 || n <= 0) return;
  if (M == 1) cblas_dtrsv(CblasRowMajor, CblasLower, CblasNoTrans, CblasNonUnit, n, l, n, x, 1);
  else cblas_dtrsm(CblasRowMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, M, n, 1, l, n, x, n);
}

// Our lower triangle is Fortran's upper one. A NaN may get past dpotrf, but not out of the diagonal that it reaches.
extern void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info, size_t);

bool num_dpotrf(double *a, int n) {
  int info = 0;
  dpotrf_("U", &n, a, &n, &info, 1);
  for (int i = 0; info == 0 && i < n; i++)
    if (!isfinite(a[(size_t)i * (size_t)n + (size_t)i])) return false;
  return info == 0;
}

// Divide and conquer (LAPACK Users' Guide, 3rd ed., 1999). The last two arguments are the lengths of the strings, as
// Fortran compilers pass them.
extern void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
                    double *work, const int *lwork, int *iwork, const int *liwork, int *info, size_t, size_t);

static int blas_dsyevd(double *a, double *d, int n) {
  int lwork = 1 + 6 * n + 2 * n * n, liwork = 3 + 5 * n, info = 0;
  double *work = mem_take((size_t)lwork, sizeof *work);
  int *iwork = mem_take((size_t)liwork, sizeof *iwork);

  // no query for workspace: these are the least sizes that the manual page promises to be enough
  dsyevd_("V", "L", &n, a, &n, d, work, &lwork, iwork, &liwork, &info, 1, 1);

  mem_free(iwork);
  mem_free(work);
  return info;
}

enum { BLOCK_SIZE = 64 };  // at least what LAPACK would like for its reduction to a tridiagonal matrix

size_t num_dsyev_values_work(int n) { return (size_t)(2 + BLOCK_SIZE) * (size_t)n + 1; }

bool num_dsyev_values(double *a, double *d, int n, double *work) {
  int lwork = (int)num_dsyev_values_work(n), liwork = 1, iwork = 0, info = 0;
  dsyevd_("N", "U", &n, a, &n, d, work, &lwork, &iwork, &liwork, &info, 1, 1);
  for (int i = 0; info == 0 && i < n; i++)
    if (!isfinite(d[i])) return false;
  return info == 0;
}

static bool blas_finite(const double *a, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(a[i])) return false;
  return true;
}

static void blas_transpose(double *a, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < i; j++) {
      double *p = a + (size_t)i * (size_t)n + j;
      double *q = a + (size_t)j * (size_t)n + i;
      double t = *p;
      *p = *q;
      *q = t;
    }
}

status num_dsyev(double *a, double *d, int n) {
  enum { LARGEST = 32000 };  // LAPACK counts its workspace, 2 n^2, in an int
  CHECK(n >= 1 && n <= LARGEST, "n %d", n);
  size_t count = (size_t)n * (size_t)n;

  // Asked before and after: on numbers that are not finite LAPACK may not come to an end, or give such ones.
  if (!blas_finite(a, count)) FAIL(BROKEN, "eigendecomposition: a number of the %d x %d matrix is not finite", n, n);
  int info = blas_dsyevd(a, d, n);
  if (info != 0) FAIL(BROKEN, "eigendecomposition: dsyevd did not converge on a %d x %d matrix (info %d)", n, n, info);
  if (!blas_finite(d, (size_t)n) || !blas_finite(a, count))
    FAIL(BROKEN, "eigendecomposition: dsyevd returned a number that is not finite for a %d x %d matrix", n, n);

  blas_transpose(a, n);  // Fortran's columns are our rows
  return OK;
}

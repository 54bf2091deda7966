// The product of two matrices. Knows how they are cut into blocks that fit the caches, and where the edges are; the
// arithmetic is the kernels'. Blocks and panels: Goto and van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication", TOMS 2008.

#include <string.h>

#include "kernels.h"

enum {
  ROWS = 192,      // of a block of a: ROWS x DEPTH numbers stay in the second-level cache
  DEPTH = 384,     // k between two looks at c
  SLAB = 1 << 20,  // numbers of b that num_gemm lays out at once
  NEAR = 1 << 16,  // as many where a is one block of rows: used once, they stay in the second-level cache until then
  LOW = 64,        // rows of c up to which its transpose is made instead
};

static int gemm_columns_padded(int N) { return panels_of(N) * PANEL; }

// --- b in panels: (K, PANEL) each -----------------------------------------------------------------------------------

size_t num_factor_size(int K, int N) {
  CHECK(K >= 0 && N > 0, "K %d, N %d", K, N);
  return (size_t)K * (size_t)gemm_columns_padded(N);
}

static void gemm_panel_fill(real *panel, bool transposed, const real *b, size_t ldb, int K, int n) {
  // Columns that are not there are zeros.
  for (int k = 0; k < K; k++) {
    real *row = panel + (size_t)k * PANEL;
    if (!transposed) memcpy(row, b + (size_t)k * ldb, (size_t)n * sizeof *row);
    for (int i = n; i < PANEL; i++) row[i] = 0;
  }
  if (!transposed) return;

  // Long runs of b; the rows that are written stay in the first-level cache.
  for (int from = 0; from < K; from += DEPTH)
    for (int i = 0; i < n; i++)
      for (int k = from; k < int_min(K, from + DEPTH); k++)
        panel[(size_t)k * PANEL + (size_t)i] = b[(size_t)i * ldb + (size_t)k];
}

num_factor num_factor_make(real *panels, bool transposed, const real *b, int ldb, int K, int N) {
  for (int n = 0; n < N; n += PANEL)
    gemm_panel_fill(panels + (size_t)n * (size_t)K, transposed, b + (size_t)n * (transposed ? (size_t)ldb : 1),
                    (size_t)ldb, K, int_min(N - n, PANEL));
  return (num_factor){.K = K, .N = N, .panels = panels};
}

// --- panels ---------------------------------------------------------------------------------------------------------

typedef struct gemm_block {  // of op(a)
  const real *at;
  size_t row, step;  // element (m, k) is at[m*row + k*step]
  int M, K;
} gemm_block;

static void gemm_panels_float(float *c, size_t ldc, bool add, const float *panels, int count, size_t apart,
                              const float *a, size_t row, size_t step, int M, int K) {
  num_kernels_now()->product(c, ldc, add, panels, count, apart, K, a, row, step, M);
}

// Gradients are checked in double, where speed does not matter.
static void gemm_panels_double(double *c, size_t ldc, bool add, const double *panels, int count, size_t apart,
                               const double *a, size_t row, size_t step, int M, int K) {
  for (int m = 0; m < M; m++, c += ldc)
    for (int n = 0; n < count * PANEL; n++) {
      const double *column = panels + (size_t)(n / PANEL) * apart + (size_t)(n % PANEL);

      // in the order of k: what a textbook would add
      double sum = add ? c[n] : 0;
      for (int k = 0; k < K; k++) sum += a[(size_t)m * row + (size_t)k * step] * column[(size_t)k * PANEL];

      c[n] = sum;
    }
}

static void gemm_panels_apply(real *c, size_t ldc, bool add, const real *panels, int count, size_t apart,
                              gemm_block a) {
  _Generic(c, float *: gemm_panels_float, double *: gemm_panels_double)
  (c, ldc, add, panels, count, apart, a.at, a.row, a.step, a.M, a.K);
}

// The first n columns of the last panel: by way of a small square that has room for all of them.
static void gemm_panel_edge(real *c, size_t ldc, bool add, const real *panel, int n, gemm_block a) {
  enum { EDGE = 48 };  // rows: a multiple of most kernels' tiles
  static real square[EDGE * PANEL];
  int M = a.M;

  for (int m = 0; m < M; m += EDGE) {
    a.M = int_min(EDGE, M - m);
    for (int r = 0; add && r < a.M; r++) memcpy(square + r * PANEL, c + (size_t)(m + r) * ldc, (size_t)n * sizeof *c);

    // the kernels write whole panels: into the square, of which c takes its n columns
    gemm_panels_apply(square, PANEL, add, panel, 1, 0, a);
    for (int r = 0; r < a.M; r++) memcpy(c + (size_t)(m + r) * ldc, square + r * PANEL, (size_t)n * sizeof *c);
    a.at += EDGE * a.row;
  }
}

// --- all of it ------------------------------------------------------------------------------------------------------

// op(a) from (m, k) on. A transposed one is copied row by row: its rows lie far apart, in few sets of the caches.
static gemm_block gemm_block_of(bool transposed, const real *a, size_t lda, int m, int k, int M, int K) {
  static real rows[ROWS * DEPTH];
  if (!transposed) return (gemm_block){.at = a + (size_t)m * lda + (size_t)k, .row = lda, .step = 1, .M = M, .K = K};

  for (int i = 0; i < K; i++)
    memcpy(rows + (size_t)i * (size_t)M, a + (size_t)(k + i) * lda + (size_t)m, (size_t)M * sizeof *a);
  return (gemm_block){.at = rows, .row = 1, .step = (size_t)M, .M = M, .K = K};
}

static void gemm_block_apply(real *c, size_t ldc, bool add, const num_factor *b, int k, gemm_block a) {
  size_t apart = (size_t)b->K * PANEL;
  int whole = b->N / PANEL;
  const real *panels = b->panels + (size_t)k * PANEL;
  if (whole > 0) gemm_panels_apply(c, ldc, add, panels, whole, apart, a);
  if (b->N % PANEL) gemm_panel_edge(c + whole * PANEL, ldc, add, panels + (size_t)whole * apart, b->N % PANEL, a);
}

void num_gemm_factor(bool ta, int M, const real *a, int lda, const num_factor *b, bool add, real *c, int ldc) {
  for (int m = 0; m < M; m += ROWS)
    for (int k = 0; k < b->K; k += DEPTH) {
      gemm_block part = gemm_block_of(ta, a, (size_t)lda, m, k, int_min(ROWS, M - m), int_min(DEPTH, b->K - k));
      gemm_block_apply(c + (size_t)m * (size_t)ldc, (size_t)ldc, add || k > 0, b, k, part);
    }
}

// b goes through in slabs of as many rows as are laid out at once: whole DEPTHs, so that c is looked at no oftener.
static void gemm_slabs_apply(bool ta, bool tb, int M, int N, int K, const real *a, int lda, const real *b, int ldb,
                             bool add, real *c, int ldc) {
  static _Alignas(64) real panels[SLAB];
  CHECK(N <= SLAB / PANEL, "%d columns", N);

  // as many rows as fit, but no half DEPTH at the end of a slab
  int depth = SLAB / gemm_columns_padded(N);
  if (depth > DEPTH) depth = depth / DEPTH * DEPTH;

  for (int k = 0; k < K; k += depth) {
    const real *rows = b + (size_t)k * (tb ? 1 : (size_t)ldb);
    num_factor slab = num_factor_make(panels, tb, rows, ldb, int_min(depth, K - k), N);
    num_gemm_factor(ta, M, a + (size_t)k * (ta ? (size_t)lda : 1), lda, &slab, add || k > 0, c, ldc);
  }
}

static void gemm_transpose(real *to, size_t ldt, const real *from, size_t ldf, int rows, int columns) {
  for (int i = 0; i < rows; i++)
    for (int j = 0; j < columns; j++) to[(size_t)j * ldt + (size_t)i] = from[(size_t)i * ldf + (size_t)j];
}

// c^T = op(b)^T op(a)^T: where c is low and wide, laying out a costs much less than laying out b.
static void gemm_low_apply(bool ta, bool tb, int M, int N, int K, const real *a, int lda, const real *b, int ldb,
                           bool add, real *c, int ldc) {
  enum { STRIP = 1024 };
  static _Alignas(64) real strip[STRIP * LOW];

  for (int n = 0; n < N; n += STRIP) {
    int columns = int_min(STRIP, N - n);
    real *part = c + n;
    // the strip stands on its side: what c holds goes in, what comes of it goes back
    if (add) gemm_transpose(strip, LOW, part, (size_t)ldc, M, columns);
    gemm_slabs_apply(!tb, !ta, columns, M, K, b + (size_t)n * (tb ? (size_t)ldb : 1), ldb, a, lda, add, strip, LOW);
    gemm_transpose(part, (size_t)ldc, strip, LOW, columns, M);
  }
}

// Where a is one block of rows, b is laid out as it is used, few columns at a time.
static void gemm_columns_apply(bool ta, bool tb, int M, int N, int K, const real *a, int lda, const real *b, int ldb,
                               bool add, real *c, int ldc) {
  int columns = M > ROWS || K >= NEAR ? N : (NEAR / K + PANEL - 1) / PANEL * PANEL;
  for (int n = 0; n < N; n += columns)
    gemm_slabs_apply(ta, tb, M, int_min(columns, N - n), K, a, lda, b + (size_t)n * (tb ? (size_t)ldb : 1), ldb, add,
                     c + n, ldc);
}

void num_gemm(bool ta, bool tb, int M, int N, int K, const real *a, int lda, const real *b, int ldb, bool add, real *c,
              int ldc) {
  if (M <= 0 || N <= 0) return;

  // A sum of nothing is zero.
  for (int m = 0; m < M && K == 0 && !add; m++) memset(c + (size_t)m * (size_t)ldc, 0, (size_t)N * sizeof *c);
  if (K <= 0) return;

  if (M <= (tb ? LOW : LOW / 4) && M < N) gemm_low_apply(ta, tb, M, N, K, a, lda, b, ldb, add, c, ldc);
  else gemm_columns_apply(ta, tb, M, N, K, a, lda, b, ldb, add, c, ldc);
}

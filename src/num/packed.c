// Few rows times fixed weights. Knows how columns are laid into panels and where the edges are; the arithmetic is the
// kernels'. The panel idea: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", TOMS 2008.

#include <string.h>

#include "kernels.h"

// Rows between two passes over the weights: as many as keep their part of x in the second-level cache.
enum { ROWS = 240 };

static int columns_padded(int N) { return (N + PANEL_STEP - 1) / PANEL_STEP * PANEL_STEP; }

static int panel_width(int N, int from) {
  int left = columns_padded(N) - from;
  return left < PANEL ? left : PANEL;
}

static const float *panel_at(const packed *p, int from) { return p->panels + ((size_t)p->K + 1) * (size_t)from; }

size_t packed_size(int K, int N) {
  CHECK(K >= 0 && N > 0, "K %d, N %d", K, N);
  return ((size_t)K + 1) * (size_t)columns_padded(N);
}

static void row_copy(float *out, const float *row, int n, int width) {
  if (row) memcpy(out, row, sizeof *row * (size_t)n);
  else memset(out, 0, sizeof *out * (size_t)n);
  memset(out + n, 0, sizeof *out * (size_t)(width - n));
}

packed packed_make(float *panels, const float *w, const float *bias, int K, int N) {
  CHECK(K >= 0 && N > 0, "K %d, N %d", K, N);
  float *out = panels;
  for (int from = 0; from < N; from += PANEL) {
    int width = panel_width(N, from), n = N - from < width ? N - from : width;
    row_copy(out, bias ? bias + from : NULL, n, width);
    out += width;
    for (int k = 0; k < K; k++, out += width) row_copy(out, w + (size_t)k * (size_t)N + from, n, width);
  }
  return (packed){.K = K, .N = N, .panels = panels};
}

// Columns [from, to) of a panel, by way of whole steps in a small square that is then copied out.
static void panel_edge(const float *panel, int K, int width, float *y, int ldy, const float *x, int ldx, int M,
                       int from, int to) {
  enum { EDGE = 24 };  // rows: a multiple of every kernel's tile
  float square[EDGE * PANEL];
  for (int m = 0; m < M; m += EDGE) {
    int rows = M - m < EDGE ? M - m : EDGE;
    num_kernels_now()->panel(panel, K, width, square, PANEL, x + (size_t)m * (size_t)ldx, ldx, rows);
    for (int r = 0; r < rows; r++)
      memcpy(y + (size_t)(m + r) * (size_t)ldy + from, square + r * PANEL + from, sizeof(float) * (size_t)(to - from));
  }
}

static void rows_apply(const packed *p, float *y, int ldy, const float *x, int ldx, int M, int from, int to) {
  for (int start = from - from % PANEL; start < to; start += PANEL) {
    int width = panel_width(p->N, start);
    int first = from > start ? from - start : 0, last = to - start < width ? to - start : width;
    const float *panel = panel_at(p, start);
    if (first == 0 && last == width) num_kernels_now()->panel(panel, p->K, width, y + start, ldy, x, ldx, M);
    else panel_edge(panel, p->K, width, y + start, ldy, x, ldx, M, first, last);
  }
}

void packed_apply_columns(const packed *p, float *y, int ldy, const float *x, int ldx, int M, int from, int to) {
  CHECK(0 <= from && from <= to && to <= p->N, "columns %d to %d of %d", from, to, p->N);
  CHECK(M <= 1 || (ldy >= to && ldx >= p->K), "ldy %d, ldx %d, N %d, K %d", ldy, ldx, p->N, p->K);
  for (int m = 0; m < M; m += ROWS)
    rows_apply(p, y + (size_t)m * (size_t)ldy, ldy, x + (size_t)m * (size_t)ldx, ldx, M - m < ROWS ? M - m : ROWS,
               from, to);
}

void packed_apply(const packed *p, float *y, int ldy, const float *x, int ldx, int M) {
  packed_apply_columns(p, y, ldy, x, ldx, M, 0, p->N);
}

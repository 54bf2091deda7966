// Few rows times fixed weights. Knows how columns are laid into panels and where the edges are; the arithmetic is the
// kernels'. The panel idea: Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication", TOMS 2008.

#include <string.h>

#include "kernels.h"

// Rows between two passes over the weights: as many as keep their part of x in a second-level cache of 512 KB, beside
// the panels that come and go; a multiple of most kernels' tiles.
static int packed_rows_at_once(int words) {
  enum { FLOATS = 1 << 16, STEP = 24, MOST = 240 };
  int steps = FLOATS / (words + 1) / STEP;
  return steps < 1 ? STEP : steps * STEP < MOST ? steps * STEP : MOST;
}

// Words of 4 bytes in K numbers: bf16 stand two in one.
static int packed_words(num_precision precision, int K) { return precision == NUM_BF16 ? (K + 1) / 2 : K; }

// The panel with column `from`, a multiple of PANEL.
static const float *packed_panel_at(const packed *p, int from) {
  return p->panels + ((size_t)packed_words(p->precision, p->K) + 1) * (size_t)from;
}

size_t packed_size_in(num_precision precision, int K, int N) {
  CHECK(K >= 0 && N >= 0, "K %d, N %d", K, N);
  return ((size_t)packed_words(precision, K) + 1) * (size_t)(panels_of(N) * PANEL);
}

size_t packed_size(int K, int N) { return packed_size_in(NUM_FP32, K, N); }

static void packed_row_copy(float *out, const float *row, int n) {
  memset(out, 0, PANEL * sizeof *out);
  if (row) memcpy(out, row, sizeof *row * (size_t)n);
}

// Two rows, the second perhaps missing, as pairs: even k in the low halves.
static void packed_pairs_copy(float *out, const float *even, const float *odd, int n) {
  uint16_t halves[2][PANEL] = {{0}};
  vec_bf16(halves[0], even, n);
  if (odd) vec_bf16(halves[1], odd, n);
  for (int i = 0; i < PANEL; i++) {
    uint32_t word = halves[0][i] | (uint32_t)halves[1][i] << 16;
    memcpy(out + i, &word, sizeof word);
  }
}

packed packed_make_in(num_precision precision, float *panels, const float *w, const float *bias, int K, int N) {
  CHECK(K >= 0 && N >= 0, "K %d, N %d", K, N);
  float *out = panels;
  int step = precision == NUM_BF16 ? 2 : 1;

  for (int from = 0; from < N; from += PANEL) {
    int n = int_min(N - from, PANEL);
    packed_row_copy(out, bias ? bias + from : NULL, n);
    out += PANEL;

    // Its weights, row by row of w, or two rows at a time.
    for (int k = 0; k < K; k += step, out += PANEL) {
      const float *row = w + (size_t)k * (size_t)N + from;
      if (precision == NUM_BF16) packed_pairs_copy(out, row, k + 1 < K ? row + N : NULL, n);
      else packed_row_copy(out, row, n);
    }
  }
  return (packed){.K = K, .N = N, .precision = precision, .panels = panels};
}

packed packed_make(float *panels, const float *w, const float *bias, int K, int N) {
  return packed_make_in(NUM_FP32, panels, w, bias, K, N);
}

// Row m of x, whose rows are ldx words apart.
static const void *packed_row_at(const void *x, int ldx, int m) {
  return (const char *)x + 4 * (size_t)m * (size_t)ldx;
}

static void packed_panels_apply(const packed *p, float *y, int ldy, const void *x, int ldx, int M, int from,
                                int count) {
  num_kernels_now()->panels[p->precision](packed_panel_at(p, from), count, packed_words(p->precision, p->K), y, ldy, x,
                                          ldx, M);
}

// The first n columns of a panel, by way of a small square that has the room for all of them.
static void packed_panel_edge(const packed *p, float *y, int ldy, const void *x, int ldx, int M, int from, int n) {
  enum { EDGE = 24 };  // rows: a multiple of every kernel's tile
  float square[EDGE * PANEL];

  for (int m = 0; m < M; m += EDGE) {
    int rows = int_min(M - m, EDGE);
    // a whole panel is computed; y has room for its n columns alone
    packed_panels_apply(p, square, PANEL, packed_row_at(x, ldx, m), ldx, rows, from, 1);
    for (int r = 0; r < rows; r++)
      memcpy(y + (size_t)(m + r) * (size_t)ldy, square + r * PANEL, sizeof(float) * (size_t)n);
  }
}

static void packed_rows_apply(const packed *p, float *y, int ldy, const void *x, int ldx, int M) {
  int rest = p->N % PANEL, whole = p->N - rest;
  if (whole) packed_panels_apply(p, y, ldy, x, ldx, M, 0, whole / PANEL);
  if (rest) packed_panel_edge(p, y + whole, ldy, x, ldx, M, whole, rest);
}

static int packed_words_between(const packed *p, int ldx) {
  CHECK(p->precision == NUM_FP32 || ldx % 2 == 0, "rows of bf16 stand an even number apart, not %d", ldx);
  return p->precision == NUM_BF16 ? ldx / 2 : ldx;
}

void packed_apply(const packed *p, float *y, int ldy, const void *x, int ldx, int M) {
  CHECK(M <= 1 || (ldy >= p->N && ldx >= p->K), "ldy %d, ldx %d, N %d, K %d", ldy, ldx, p->N, p->K);
  int ld = packed_words_between(p, ldx);
  int rows = packed_rows_at_once(packed_words(p->precision, p->K));
  for (int m = 0; m < M; m += rows)
    packed_rows_apply(p, y + (size_t)m * (size_t)ldy, ldy, packed_row_at(x, ld, m), ld, int_min(M - m, rows));
}

// --- picking: an item is a panel, its first in one half and its second in the other ---------------------------------

enum { PICK_LEAST = 6 };  // rows from which picking is quicker than computing everything

int packed_pick_columns(int items) {
  CHECK(items > 0, "%d items", items);
  return items * PANEL;
}

int packed_pick_column(int item, int second, int choice) {
  return item * PANEL + second * PACKED_CHOICES_MAX + choice;
}

size_t packed_pick_work(const packed *p, int items) {
  size_t picked = (size_t)PICK_ROWS * (size_t)(packed_words(p->precision, p->K) + 3 * items);
  size_t all = (size_t)PICK_LEAST * (size_t)p->N;
  return picked > all ? picked : all;
}

// out (columns, ldo) = in (rows, ldi) transposed; words of 4 bytes, whatever they mean.
static void packed_transpose(void *out, int ldo, const void *in, int ldi, int rows, int columns) {
  num_kernels_now()->transpose(out, ldo, in, ldi, rows, columns);
}

static void packed_rows_pick(const packed *p, float *y, const void *x, int ldx, const int32_t *choice, int items,
                             int choices, int M, float *work) {
  int words = packed_words(p->precision, p->K);
  float *across = work, *picked = across + (size_t)words * PICK_ROWS;  // x, and what comes of it, by columns
  int32_t *chosen = (int32_t *)(void *)(picked + (size_t)2 * items * PICK_ROWS);

  // Rows side by side. Those that are not there look up, too, so they need a choice that exists.
  for (int m = 0; m < M; m += PICK_BLOCK)
    packed_transpose(across + (size_t)m * words, PICK_BLOCK, packed_row_at(x, ldx, m), ldx,
                     int_min(M - m, PICK_BLOCK), words);
  if (M < PICK_ROWS) memset(chosen, 0, sizeof *chosen * (size_t)items * PICK_ROWS);
  packed_transpose(chosen, PICK_ROWS, choice, items, M, items);

  num_kernels_now()->pick[p->precision](p->panels, items, choices, words, picked, picked + (size_t)items * PICK_ROWS,
                                        across, chosen, M);
  packed_transpose(y, 2 * items, picked, PICK_ROWS, 2 * items, M);
}

// Of few rows everything is computed, and what was not wanted is left.
static void packed_rows_choose(const packed *p, float *y, const void *x, int ldx, const int32_t *choice, int items,
                               int M, float *all) {
  packed_rows_apply(p, all, p->N, x, ldx, M);
  for (int m = 0; m < M; m++)
    for (int s = 0; s < 2; s++)
      for (int i = 0; i < items; i++)
        y[(m * 2 + s) * items + i] = all[m * p->N + packed_pick_column(i, s, choice[m * items + i])];
}

void packed_pick(const packed *p, float *y, const void *x, int ldx, const int32_t *choice, int items, int choices,
                 int M, float *work) {
  CHECK(p->N == packed_pick_columns(items) && choices >= 1 && choices <= PACKED_CHOICES_MAX,
        "%d columns, %d items of %d choices", p->N, items, choices);
  int ld = packed_words_between(p, ldx);

  for (int m = 0; m < M; m += PICK_ROWS) {
    int rows = int_min(M - m, PICK_ROWS);
    const int32_t *chosen = choice + (size_t)m * items;

    // transposing costs more than it saves where rows are few
    if (rows < PICK_LEAST)
      packed_rows_choose(p, y + (size_t)m * 2 * items, packed_row_at(x, ld, m), ld, chosen, items, rows, work);
    else
      packed_rows_pick(p, y + (size_t)m * 2 * items, packed_row_at(x, ld, m), ld, chosen, items, choices, rows, work);
  }
}

// Loops over the rows of a matrix: a bias to every row, and the sum of all rows.

#include <string.h>

#include "parts.h"

#define PATTERN 1024  // elements that are repeated at once; they stay in the first cache
#define TILE 64       // columns summed at once
#define RUN 64        // rows summed in `real` before they go to a double sum

void nn_rows_fill(real *y, const real *b, size_t rows, int N) {
  size_t size = rows * (size_t)N, ready = (size_t)N < size ? (size_t)N : size;
  memcpy(y, b, ready * sizeof *y);

  // Doubles what is ready; from PATTERN on, repeats whole rows of about that size.
  while (ready < size) {
    size_t copied = ready < PATTERN ? ready : (PATTERN + (size_t)N - 1) / (size_t)N * (size_t)N;
    if (copied > size - ready) copied = size - ready;
    memcpy(y + ready, y, copied * sizeof *y);
    ready += copied;
  }
}

// sum (TILE) += the rows of y (rows,TILE), which stand ld apart.
NN_CLONES static void rows_tile_add(double *restrict sum, const real *restrict y, size_t rows, int ld) {
  for (size_t from = 0; from < rows; from += RUN) {
    real part[TILE] = {0};
    size_t to = from + RUN < rows ? from + RUN : rows;
    for (size_t r = from; r < to; r++)
      for (int i = 0; i < TILE; i++) part[i] += y[r * (size_t)ld + i];
    for (int i = 0; i < TILE; i++) sum[i] += (double)part[i];
  }
}

// The same of `width` columns, TILE at most.
static void rows_strip_add(double *sum, const real *y, size_t rows, int ld, int width) {
  for (size_t from = 0; from < rows; from += RUN) {
    real part[TILE] = {0};
    size_t to = from + RUN < rows ? from + RUN : rows;
    for (size_t r = from; r < to; r++)
      for (int i = 0; i < width; i++) part[i] += y[r * (size_t)ld + i];
    for (int i = 0; i < width; i++) sum[i] += (double)part[i];
  }
}

static void rows_wide_add(real *sum, const real *y, size_t rows, int N) {
  for (int from = 0; from < N; from += TILE) {
    int width = int_min(TILE, N - from);
    double total[TILE] = {0};
    if (width == TILE) rows_tile_add(total, y + from, rows, N);
    else rows_strip_add(total, y + from, rows, N, width);
    for (int i = 0; i < width; i++) sum[from + i] += (real)total[i];
  }
}

// N rows of TILE elements hold TILE rows of N: summed as if they were that wide, then folded.
static void rows_narrow_add(real *sum, const real *y, size_t rows, int N) {
  size_t folds = rows / TILE;
  double total[TILE] = {0};

  for (int part = 0; part < N; part++) {
    double wide[TILE] = {0};
    rows_tile_add(wide, y + part * TILE, folds, N * TILE);
    for (int i = 0; i < TILE; i++) total[(part * TILE + i) % N] += wide[i];
  }

  // The rows that are left, fewer than TILE.
  rows_strip_add(total, y + folds * TILE * (size_t)N, rows - folds * TILE, N, N);
  for (int i = 0; i < N; i++) sum[i] += (real)total[i];
}

void nn_rows_add(real *sum, const real *y, size_t rows, int N) {
  if (N < TILE) rows_narrow_add(sum, y, rows, N);
  else rows_wide_add(sum, y, rows, N);
}

// The dense layer: y = x w + b.

#include "parts.h"

void nn_dense(real *y, const real *x, const real *w, const real *b, int B, int I, int O) {
  nn_rows_fill(y, b, (size_t)B, O);
  num_gemm(false, false, B, O, I, 1, x, I, w, O, 1, y, O);
}

void nn_dense_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int B, int I, int O) {
  if (dx) num_gemm(false, true, B, I, O, 1, dy, O, w, O, 0, dx, I);  // dx  = dy w^T
  num_gemm(true, false, I, O, B, 1, x, I, dy, O, 1, dw, O);          // dw += x^T dy
  nn_rows_add(db, dy, (size_t)B, O);
}

// The dense layer: y = x w + b.

#include "parts.h"

void nn_dense(real *y, const real *x, const real *w, const real *b, int B, int I, int O) {
  nn_rows_fill(y, b, (size_t)B, O);
  num_gemm(false, false, B, O, I, x, I, w, O, true, y, O);
}

void nn_dense_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int B, int I, int O) {
  if (dx) num_gemm(false, true, B, I, O, dy, O, w, O, false, dx, I);  // dx  = dy w^T
  num_gemm(true, false, I, O, B, x, I, dy, O, true, dw, O);           // dw += x^T dy
  nn_rows_add(db, dy, (size_t)B, O);
}

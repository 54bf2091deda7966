// The classic functions by their short names.
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <math.h>
#include <stdbool.h>

#include "num.h"

#include "es.h"

typedef es_function function;

#define sphere es_sphere
#define ellipsoid es_ellipsoid
#define cigar es_cigar
#define tablet es_tablet
#define rosenbrock es_rosenbrock
#define different_powers es_different_powers
#define rastrigin es_rastrigin

// --- turned worlds --------------------------------------------------------------------------------------------------

// An orthogonal matrix, rows (n, n): Gram-Schmidt on normal numbers.
static inline void rotation_make(double *q, int n) {
  rng_normals_double(q, n * n, rng_stream(1, "rotation"), 0, 0);
  for (int i = 0; i < n; i++) {
    double *row = q + i * n, length = 0;
    for (int j = 0; j < i; j++) {
      double dot = 0;
      for (int k = 0; k < n; k++) dot += row[k] * q[j * n + k];
      for (int k = 0; k < n; k++) row[k] -= dot * q[j * n + k];
    }
    for (int k = 0; k < n; k++) length += row[k] * row[k];
    for (int k = 0; k < n; k++) row[k] /= sqrt(length);
  }
}

// y = q x, or q^T x
static inline void rotate(double *y, const double *q, const double *x, int n, bool back) {
  for (int i = 0; i < n; i++) {
    y[i] = 0;
    for (int j = 0; j < n; j++) y[i] += (back ? q[j * n + i] : q[i * n + j]) * x[j];
  }
}

#endif

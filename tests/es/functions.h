// The classic functions that evolution strategies are compared on.
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <math.h>
#include <stdbool.h>

#include "num.h"

typedef double function(const double *x, int n);

static inline double sphere(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}
static inline double ellipsoid(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += pow(1e6, (double)i / (n - 1)) * x[i] * x[i];
  return sum;
}
static inline double cigar(const double *x, int n) {
  double sum = x[0] * x[0];
  for (int i = 1; i < n; i++) sum += 1e6 * x[i] * x[i];
  return sum;
}
static inline double tablet(const double *x, int n) {
  double sum = 1e6 * x[0] * x[0];
  for (int i = 1; i < n; i++) sum += x[i] * x[i];
  return sum;
}
static inline double rosenbrock(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i + 1 < n; i++) sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
  return sum;
}
static inline double different_powers(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += pow(fabs(x[i]), 2 + 10.0 * i / (n - 1));
  return sum;
}
static inline double rastrigin(const double *x, int n) {
  double sum = 10.0 * n;
  for (int i = 0; i < n; i++) sum += x[i] * x[i] - 10 * cos(2 * acos(-1) * x[i]);
  return sum;
}

// --- turned worlds ------------------------------------------------------------------------------------------------------

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

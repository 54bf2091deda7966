// What tests against golden numbers share: inputs by formula (the same one as `numbers` in make_nn.py) and the
// comparison.
#ifndef GOLDEN_H
#define GOLDEN_H

#include <math.h>
#include <stdint.h>

#include "num.h"

// x[i] in [low, high): a hash of (i, salt), rounded to float whatever `real` is.
static inline void golden_numbers(real *x, size_t n, uint32_t salt, double low, double high) {
  for (size_t i = 0; i < n; i++) {
    uint32_t h = ((uint32_t)i + 1) * 2654435761u + salt * 40503u;
    h = (h ^ h >> 15) * 2246822519u;
    h = (h ^ h >> 15) * 3266489917u;
    h ^= h >> 13;
    x[i] = (real)(float)(low + (high - low) * ((double)(h >> 8) / 16777216.0));
  }
}

// The worst difference, as a fraction of the largest golden number; NaN anywhere is infinitely wrong.
static inline double golden_error(const real *x, const double *golden, size_t n) {
  double worst = 0, top = 0;
  for (size_t i = 0; i < n; i++) {
    double error = fabs((double)x[i] - golden[i]);
    if (!(error <= worst)) worst = isnan(error) ? (double)INFINITY : error;
    top = fmax(top, fabs(golden[i]));
  }
  return worst / top;
}

// The golden numbers are written with 10 digits; float keeps 7 of its own.
#define GOLDEN_TOLERANCE (sizeof(real) == sizeof(double) ? 1e-9 : 1e-6)
#define assert_golden(x, golden) assert_golden_within(x, golden, GOLDEN_TOLERANCE)
#define assert_golden_within(x, golden, tolerance)                                           \
  do {                                                                                       \
    double golden_error_ = golden_error((x), (golden), sizeof(golden) / sizeof *(golden));   \
    if (!(golden_error_ <= (tolerance))) fail_msg("%s is off by %.3g", #golden, golden_error_); \
  } while (0)

#endif

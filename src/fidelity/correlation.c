// Spearman's correlation: how far two columns order the same things alike.

#include <math.h>
#include <stdlib.h>

#include "fidelity.h"

// The rank of each number among them all, from 1; equal ones share the mean of theirs.
static void ranks_of(double *ranks, const double *x, int n) {
  for (int i = 0; i < n; i++) {
    int below = 0, same = 0;
    for (int k = 0; k < n; k++) {
      below += x[k] < x[i];
      same += x[k] == x[i];
    }

    ranks[i] = below + (same + 1) / 2.0;
  }
}

// Pearson's, of numbers whose mean is known.
static double product_moment(const double *a, const double *b, int n, double mean) {
  double ab = 0, aa = 0, bb = 0;
  for (int i = 0; i < n; i++) {
    double x = a[i] - mean, y = b[i] - mean;
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }

  // no correlation where one column is constant
  return aa > 0 && bb > 0 ? ab / sqrt(aa * bb) : (double)NAN;
}

fidelity_correlation fidelity_correlate(const double *a, const double *b, int n) {
  double *ranks = mem_take(2 * (size_t)n + 1, sizeof *ranks);
  ranks_of(ranks, a, n);
  ranks_of(ranks + n, b, n);
  fidelity_correlation c = {.value = product_moment(ranks, ranks + n, n, (n + 1) / 2.0)};
  mem_free(ranks);

  // Fieller, Hartley and Pearson (1957): the variance of Fisher's z is 1.06 / (n - 3) for ranks.
  double se = n > 3 ? sqrt(1.06 / (n - 3)) : (double)NAN, z = atanh(c.value);
  c.low = tanh(z - 1.96 * se);
  c.high = tanh(z + 1.96 * se);
  return c;
}

double fidelity_reliability(const double *half, const double *other, int n) {
  double r = fidelity_correlate(half, other, n).value;
  return isnan(r) ? r : fmax(2 * r / (1 + fmax(r, 0)), 0);
}

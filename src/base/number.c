// Numbers in order, and the middle one of many.

#include <stdlib.h>

#include "base.h"

int double_ascending(const void *a, const void *b) {
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

double double_median(double *values, int count) {
  CHECK(count >= 1, "the median of %d numbers", count);
  qsort(values, (size_t)count, sizeof *values, double_ascending);
  return 0.5 * (values[(count - 1) / 2] + values[count / 2]);
}

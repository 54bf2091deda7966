// Box constraints by a transformation of coordinates, as pycma's BoundTransform does it: the identity in the interior,
// a parabola that touches the bound near it, mirror images beyond. Chosen over the penalty (BoundPenalty), because it
// keeps no state, never changes a fitness, and so leaves the search invariant under order-preserving transforms.
// The search moves among genotypes, without bounds, in which a minimum on a bound is a smooth one; candidates' genotypes
// are kept until they are told (es.c), others are found by going back into the parabola or the interior.

#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct edge { double low, high, at_low, at_high; } edge;  // the bounds, and half the widths of their parabolas

static edge edge_of(const es *e, int i) {
  double low = e->lower[i], high = e->upper[i], half = (high - low) / 2;
  return (edge){low, high, fmin(half, (1 + fabs(low)) / 20), fmin(half, (1 + fabs(high)) / 20)};
}

// Into [low - at_low, high + at_high], by whole periods and mirrors at its ends.
static double folded(const edge *b, double y) {
  double from = b->low - b->at_low, to = b->high + b->at_high;
  if (isfinite(from) && isfinite(to)) {
    double period = 2 * (to - from), start = from - (to - from) / 2;
    if (y < start || y >= start + period) y -= period * floor((y - start) / period);
  }
  if (y < from) y = from + (from - y);
  if (y > to) y = to - (y - to);
  return fmin(fmax(y, from), to);  // rounding, where y is huge
}

static double bounded(const edge *b, double genotype) {
  double y = folded(b, genotype);
  if (y < b->low + b->at_low) {
    double way = y - (b->low - b->at_low);
    return fmin(b->low + way * way / 4 / b->at_low, b->high);
  }
  if (y > b->high - b->at_high) {
    double way = y - (b->high + b->at_high);
    return fmax(b->high - way * way / 4 / b->at_high, b->low);
  }
  return y;
}

static double unbounded(const edge *b, double outside) {
  double x = fmin(fmax(outside, b->low), b->high);
  if (x < b->low + b->at_low) return b->low - b->at_low + 2 * sqrt(b->at_low * (x - b->low));
  if (x > b->high - b->at_high) return b->high + b->at_high - 2 * sqrt(b->at_high * (b->high - x));
  return x;
}

#define EACH(function)                     \
  for (int i = 0; e->now.bounded && i < e->now.n; i++) { \
    edge b = edge_of(e, i);                \
    x[i] = function(&b, x[i]);             \
  }
void es_bound(const es *e, double *x) { EACH(bounded) }
void es_unbound(const es *e, double *x) { EACH(unbounded) }
#undef EACH

// The sigma at which a coordinate's deviation is a third of the room between its bounds, pycma's limit (for each coordinate
// there, for all together here). With a larger one candidates are mirror images of mirror images, among which sigma finds
// no slope back.
double es_widest(const es *e) {
  double widest = INFINITY;
  for (int i = 0; i < e->now.n; i++)
    widest = fmin(widest, (e->upper[i] - e->lower[i]) / 3 / (e->strategy->deviation ? e->strategy->deviation(e, i) : 1));
  return widest;
}

status es_bounds_check(const es_options *o) {
  for (int i = 0; i < o->n; i++) {
    double low = o->lower ? o->lower[i] : -INFINITY, high = o->upper ? o->upper[i] : INFINITY, x0 = o->x0 ? o->x0[i] : 0;
    if (!(low < high)) FAIL(BAD_CONFIG, "bounds of x[%d] are %g and %g; a lower one below the upper one is allowed", i, low, high);
    if (!(x0 >= low && x0 <= high)) FAIL(BAD_CONFIG, "x0[%d] is %g; %g to %g, its bounds, are allowed", i, x0, low, high);
  }
  return OK;
}

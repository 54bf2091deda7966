// Box constraints by a transformation of coordinates, as pycma's BoundTransform does it: the identity in the interior,
// a parabola that touches the bound near it, mirror images beyond. Chosen over the penalty (BoundPenalty), because it
// keeps no state, never changes a fitness, and so leaves the search invariant under order-preserving transforms.
// The search moves among genotypes, without bounds, in which a minimum on a bound is a smooth one; candidates'
// genotypes are kept until they are told (search.c), others are found by going back into the parabola or the interior.

#include <float.h>
#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct edge { double low, high, at_low, at_high; } edge;  // the bounds, and half the widths of their parabolas

static edge bounds_edge(const es *e, int i) {
  double low = e->lower[i], high = e->upper[i], half = (high - low) / 2;
  return (edge){low, high, fmin(half, (1 + fabs(low)) / 20), fmin(half, (1 + fabs(high)) / 20)};
}

// Into [low - at_low, high + at_high], by whole periods and mirrors at its ends.
static double bounds_folded(const edge *b, double y) {
  // the parabolas reach half their width beyond the bounds
  double from = b->low - b->at_low, to = b->high + b->at_high;
  if (isfinite(from) && isfinite(to)) {
    double period = 2 * (to - from), start = from - (to - from) / 2;
    if (y < start || y >= start + period) y -= period * floor((y - start) / period);
  }

  if (y < from) y = from + (from - y);
  if (y > to) y = to - (y - to);

  return fmin(fmax(y, from), to);  // rounding, where y is huge
}

static double bounds_bounded(const edge *b, double genotype) {
  double y = bounds_folded(b, genotype);

  // a parabola that is low at low - at_low, and meets the identity, slope for slope, at low + at_low
  if (y < b->low + b->at_low) {
    double way = y - (b->low - b->at_low);
    return fmin(b->low + way * way / 4 / b->at_low, b->high);
  }

  // the same, upside down
  if (y > b->high - b->at_high) {
    double way = y - (b->high + b->at_high);
    return fmax(b->high - way * way / 4 / b->at_high, b->low);
  }
  return y;
}

static double bounds_unbounded(const edge *b, double outside) {
  double x = fmin(fmax(outside, b->low), b->high);
  if (x < b->low + b->at_low) return b->low - b->at_low + 2 * sqrt(b->at_low * (x - b->low));
  if (x > b->high - b->at_high) return b->high + b->at_high - 2 * sqrt(b->at_high * (b->high - x));
  return x;
}

// --- units ---------------------------------------------------------------------------------------------------------
// A deviation of more than a third of the room between the bounds (pycma's limit) is of no use: candidates are then
// mirror images of mirror images, among which sigma finds no slope back. That is a matter of each coordinate: one sigma
// for all would let the narrowest box hold up the others. So each coordinate's genotypes have a unit of their own. It
// shrinks where a deviation would be too long, as pycma's scaling does; but no farther than to where the box is as many
// units wide as the widest is. Small units are counted from the lower bound, not from 0, so that a genotype in a narrow
// box far from 0 still has all its digits.

static double bounds_origin(const es *e, int i) { return e->units[i] < 1 ? e->lower[i] : 0; }

static double bounds_measured(const es *e, int i, double y) { return (y - bounds_origin(e, i)) / e->units[i]; }

static double bounds_placed(const es *e, int i, double genotype) {
  return genotype * e->units[i] + bounds_origin(e, i);
}

void es_bound(const es *e, double *x) {
  for (int i = 0; e->now.bounded && i < e->now.n; i++) {
    edge b = bounds_edge(e, i);
    x[i] = bounds_bounded(&b, bounds_placed(e, i, x[i]));
  }
}

void es_unbound(const es *e, double *x) {
  for (int i = 0; e->now.bounded && i < e->now.n; i++) {
    edge b = bounds_edge(e, i);
    x[i] = bounds_measured(e, i, bounds_unbounded(&b, x[i]));
  }
}

static double bounds_third(const es *e, int i) { return (e->upper[i] - e->lower[i]) / 3; }

static double bounds_first_unit(const es *e, int i) { return fmin(1, bounds_third(e, i) / e->now.sigma0); }

void es_units_begin(es *e) {
  for (int i = 0; e->now.bounded && i < e->now.n; i++) e->units[i] = bounds_first_unit(e, i);
}

double es_unit_shrunk(const es *e, int i) { return e->now.bounded ? e->units[i] / bounds_first_unit(e, i) : 1; }

// The longest deviation that is of use, in units.
static double bounds_room(const es *e, int i) { return bounds_third(e, i) / e->units[i]; }

static double bounds_deviation(const es *e, int i) { return e->strategy->deviation ? e->strategy->deviation(e, i) : 1; }

// The mean stays where it is.
static void bounds_shrink_unit(es *e, int i, double share) {
  double y = bounds_placed(e, i, e->mean[i]);
  e->units[i] *= share;
  e->mean[i] = bounds_measured(e, i, y);
}

static double bounds_widest(const es *e) {
  double widest = 0;
  for (int i = 0; i < e->now.n; i++) widest = fmax(widest, bounds_room(e, i));
  return widest;
}

double es_most_sigma(const es *e) {
  double longest = 0;
  if (!e->now.bounded) return INFINITY;
  for (int i = 0; i < e->now.n; i++) longest = fmax(longest, bounds_deviation(e, i));
  return bounds_widest(e) / longest;
}

// What is too long for the widest box, too, is sigma's fault, not the unit's; what rounding makes of equal boxes is
// nobody's.
void es_units_fit(es *e) {
  if (!e->now.bounded) return;
  double widest = bounds_widest(e);
  for (int i = 0; i < e->now.n; i++) {
    double share = bounds_room(e, i) / fmin(e->now.sigma * bounds_deviation(e, i), widest);
    if (share < 1 - 1e-9) bounds_shrink_unit(e, i, share);
  }
}

// --- what is inside ------------------------------------------------------------------------------------------------

// The nearest float, but none beyond a bound; bounds_check saw that there is one.
static double bounds_single(double x, double low, double high) {
  float near = (float)fmin(fmax(x, (double)-FLT_MAX), (double)FLT_MAX);
  if ((double)near < low) near = nextafterf(near, INFINITY);
  if ((double)near > high) near = nextafterf(near, -INFINITY);
  return (double)near;
}

void es_round(const es *e, double *x) {
  for (int i = 0; e->now.single && i < e->now.n; i++)
    x[i] = bounds_single(x[i], e->now.bounded ? e->lower[i] : -INFINITY, e->now.bounded ? e->upper[i] : INFINITY);
}

void es_admit(const es *e, double *x) {
  for (int i = 0; e->now.bounded && i < e->now.n; i++) x[i] = fmin(fmax(x[i], e->lower[i]), e->upper[i]);
  es_round(e, x);
}

void es_show(const es *e, double *x) {
  es_bound(e, x);
  es_round(e, x);
}

const double *es_mean_shown(const es *e) {
  if (!e->now.bounded) return e->mean;
  memcpy(e->shown, e->mean, (size_t)e->now.n * sizeof *e->shown);
  es_show(e, e->shown);
  return e->shown;
}

// --- checks --------------------------------------------------------------------------------------------------------

bool es_bounds_fit(double low, double high) { return low < high && high - low >= ES_LEAST_ROOM; }

static bool bounds_hold_a_float(double low, double high) {
  double first = bounds_single(low, low, INFINITY);
  return first <= (double)FLT_MAX && first <= high;
}

static status bounds_check_one(const es_options *o, int i) {
  double low = o->lower ? o->lower[i] : -INFINITY, high = o->upper ? o->upper[i] : INFINITY, x0 = o->x0 ? o->x0[i] : 0;

  // a box with room in it, and a start inside
  if (!es_bounds_fit(low, high))
    FAIL(BAD_CONFIG, "bounds of x[%d] are %.15g and %.15g; a lower one below the upper one, by %g or more, is allowed",
         i, low, high, ES_LEAST_ROOM);

  if (!(x0 >= low && x0 <= high))
    FAIL(BAD_CONFIG, "x0[%d] is %.15g; %.15g to %.15g, its bounds, are allowed", i, x0, low, high);

  // candidates that are rounded to float must not leave it
  if (o->single && !bounds_hold_a_float(low, high))
    FAIL(BAD_CONFIG, "no float lies between the bounds of x[%d], %.15g and %.15g; wider ones, or candidates in double "
         "(single: false), are allowed", i, low, high);
  return OK;
}

status es_bounds_check(const es_options *o) {
  for (int i = 0; (o->lower || o->upper) && i < o->n; i++) TRY(bounds_check_one(o, i));
  return OK;
}

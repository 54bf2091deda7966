// What strategies stand on: pieces of the state, normal numbers, and candidates as they were told. Knows one search.

#include <math.h>
#include <string.h>

#include "parts.h"

bool es_all_positive(const double *x, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!(x[i] > 0)) return false;
  return true;
}

double *es_take(double **from, size_t count) {
  double *piece = *from;
  *from += count;
  return piece;
}

// For qsort.
int es_ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

void es_normals(const es *e, int draw, double *z) { es_normals_piece(e, draw, 0, e->now.n, z); }

void es_normals_piece(const es *e, int draw, int first, int count, double *z) {
  rng stream = rng_stream(e->now.seed, "es");
  rng_normals_double(z, count, rng_episode(stream, (uint32_t)e->now.generation, (uint32_t)draw), 0,
                     (uint32_t)first / 2);
}

double es_squares(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

// --- told -----------------------------------------------------------------------------------------------------------

// What candidate k was when it was evaluated, as its evaluator saw it.
const double *es_told_row(es *e, int k) {
  if (e->told) return e->told + (size_t)k * e->now.n;
  if (e->asked) return e->x + (size_t)k * e->now.n;
  e->strategy->candidate(e, k, e->row);
  es_show(e, e->row);
  return e->row;
}

// Within bounds, what was told is what was asked if they differ by no more than rounding to float does: the way back
// from x to a genotype magnifies rounding where the transformation is flat.
static bool points_same(double told, double asked) { return fabs(told - asked) <= 0x1p-23 * fabs(asked); }

static const double *points_genotype_row(es *e, int k) {
  size_t n = (size_t)e->now.n, at = (size_t)k * n;
  if (!e->asked) {
    e->strategy->candidate(e, k, e->row);
    return e->row;
  }

  // told as asked: the genotype that was drawn is still there
  if (!e->told) return e->genotypes + at;

  memcpy(e->row, e->told + at, n * sizeof *e->row);
  es_unbound(e, e->row);
  for (size_t i = 0; i < n; i++)
    if (points_same(e->told[at + i], e->x[at + i])) e->row[i] = e->genotypes[at + i];
  return e->row;
}

#define FAR 1e30  // sigma: a step that is longer counts as one of so many, lest its square be infinite

static bool points_is_far(const es *e, const double *x, int i) {
  return !(fabs(x[i] - e->mean[i]) <= FAR * e->now.sigma);
}

static const double *points_nearer(es *e, const double *x) {
  int first = 0, n = e->now.n;
  while (first < n && !points_is_far(e, x, first)) first++;
  if (first == n) return x;

  for (int i = 0; i < n; i++)
    e->row[i] = points_is_far(e, x, i) ? e->mean[i] + copysign(FAR * e->now.sigma, x[i] - e->mean[i]) : x[i];
  return e->row;
}

const double *es_row(es *e, int k) {
  return points_nearer(e, e->now.bounded ? points_genotype_row(e, k) : es_told_row(e, k));
}

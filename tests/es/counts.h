// The protocol of the evaluation counts: evaluations of whole generations until the best of one reaches the target,
// median over 25 seeds, beside the median that pycma 4.4.0 needs from the same start to the same target.
#ifndef COUNTS_H
#define COUNTS_H

#include <stdio.h>
#include <stdlib.h>

#include "es.h"
#include "functions.h"

#define SEEDS 25
#define MOST_N 64

typedef struct problem {
  const char *name;
  function *f;
  double x0, sigma0, target;
  bool rotated;
} problem;

static const problem SPHERE = {"sphere", sphere, 1, 1, 1e-9, false};
static const problem ELLIPSOID = {"ellipsoid", ellipsoid, 1, 1, 1e-9, false};
static const problem CIGAR = {"cigar", cigar, 1, 1, 1e-9, false};
static const problem TABLET = {"tablet", tablet, 1, 1, 1e-9, false};
static const problem ROSENBROCK = {"Rosenbrock", rosenbrock, 0, 0.1, 1e-9, false};
static const problem POWERS = {"different powers", different_powers, 1, 1, 1e-14, false};

typedef struct reference {
  const problem *problem;
  int n, evaluations;  // pycma's median
} reference;

static inline double problem_value(const problem *p, const double *q, const double *x, int n) {
  double y[MOST_N];
  if (!p->rotated) return p->f(x, n);
  rotate(y, q, x, n, true);
  return p->f(y, n);
}

static int factored_from;  // 0: as es_options has it

static inline es *problem_begin(const problem *p, const double *q, int n, es_kind kind, bool active, uint64_t seed) {
  double x0[MOST_N], turned[MOST_N];
  for (int i = 0; i < n; i++) x0[i] = p->x0;
  if (p->rotated) rotate(turned, q, x0, n, false);
  es *e;
  const es_options o = {.kind = kind, .n = n, .sigma0 = p->sigma0, .x0 = p->rotated ? turned : x0, .seed = seed, .active = active,
                        .factored_from = factored_from};
  assert_int_equal(es_open(&e, &o), OK);
  return e;
}

// A run that does not get there counts ten times the reference.
static inline int evaluations(const reference *r, const double *q, es_kind kind, bool active, uint64_t seed) {
  es *e = problem_begin(r->problem, q, r->n, kind, active, seed);
  double fitness[MOST_N];
  int popsize = es_popsize(e), count = 0;
  for (double best = INFINITY; best > r->problem->target && count < 10 * r->evaluations; count += popsize) {
    const double *x = es_ask(e);
    for (int k = 0; k < popsize; k++)
      best = fmin(best, fitness[k] = problem_value(r->problem, q, x + (size_t)k * r->n, r->n));
    es_tell(e, x, fitness);
  }
  es_close(e);
  return count;
}

static inline int by_count(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static inline void counts_compare(const reference *table, size_t rows, es_kind kind, bool active) {
  int off = 0;
  for (const reference *r = table; r < table + rows; r++) {
    double q[MOST_N * MOST_N];
    int counts[SEEDS];
    rotation_make(q, r->n);
    for (int s = 0; s < SEEDS; s++) counts[s] = evaluations(r, q, kind, active, (uint64_t)s + 1);
    qsort(counts, SEEDS, sizeof *counts, by_count);
    double ratio = (double)counts[SEEDS / 2] / r->evaluations;
    bool good = ratio >= 0.9 && ratio <= 1.1;
    printf("%-17s n = %2d %6d evaluations, reference %6d, ratio %.3f%s\n", r->problem->name, r->n, counts[SEEDS / 2],
           r->evaluations, ratio, good ? "" : "   OFF");
    off += !good;
  }
  assert_int_equal(off, 0);
}

#endif

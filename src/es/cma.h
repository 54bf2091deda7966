// CMA-ES with a full C: its own part of a search.
#ifndef ES_CMA_H
#define ES_CMA_H

#include "csa.h"
#include "factor.h"

typedef struct cma {
  csa paths;
  double *C;         // (n, n)       state; if large, what is below the diagonal belongs to the snapshot
  double *B, *D;     // (n, n), (n)  state; C = B diag(D^2) B^T as of the last decomposition
  double *L;         // (n, n)       state, instead of B, if large: C = L L^T as of the snapshot before the last
  double *diagonal;  // (n)          state, if large: the snapshot's
  factoring *next;      // if large: L and D to come
  double *z;       // (popsize, n)
  double *part;    // (popsize, n)  weighted rows for the rank-mu update
  double *white;   // (n)           C^-1/2 step
  double *across;  // (n)
} cma;

// For strategies whose own part begins with a cma.
size_t cma_doubles(const es_numbers *now);
size_t cma_sampling(const es_numbers *now);
void cma_room(cma *c, es *e, double **state);
void cma_begin(es *e);
void cma_candidates(es *e, double *x);
// mean, C and sigma from what was told, but not B and D
void cma_update(es *e);
void cma_whiten(const es *e, double *out, const double *y, int rows);  // (rows, n) D^-1 B^T y: as long as C^-1/2 y
double cma_condition(const es *e);
double cma_deviation(const es *e, int i);
double cma_path(const es *e, int i);
double cma_longest(const es *e);
void cma_axis(const es *e, int i, double *axis);
bool cma_sound(const es *e);

static inline cma *cma_of(const es *e) { return e->own; }

#endif

// CMA-ES with a full C: its own part of a search.
#ifndef ES_CMA_H
#define ES_CMA_H

#include "csa.h"

typedef struct cma {
  csa paths;
  double *C;       // (n, n)        state
  double *B, *D;   // (n, n), (n)   state; C = B diag(D^2) B^T as of the last decomposition
  double *z;       // (popsize, n)
  double *part;    // (popsize, n)  weighted rows for the rank-mu update
  double *white;   // (n)           C^-1/2 step
  double *across;  // (n)
} cma;

static inline cma *cma_of(const es *e) { return e->own; }

#endif

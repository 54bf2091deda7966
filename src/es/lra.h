// LRA-CMA-ES: its own part of a search.
#ifndef ES_LRA_H
#define ES_LRA_H

#include "cma.h"

typedef struct lra {
  cma base;
  double *step_mean;             // (n)     moving average of the mean's steps; state
  double *step_sigma;            // (n, n)  and of Sigma's, both in the coordinates of Sigma^-1/2; state
  double *eta_mean, *eta_sigma;  // (1)     the shares; state
  double *v_mean, *v_sigma;      // (1)     moving averages of the steps' squares; state
  double *mean;                  // (n)     before the step
  double *C;                     // (n, n)  before the step
  double *root;                  // (n, n)  C^-1/2 before the step
  double *change, *half;         // (n, n)
} lra;

static inline lra *lra_of(const es *e) { return e->own; }

#endif

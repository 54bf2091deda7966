// What CMA-ES with a full and with a diagonal C share: recombination, the evolution paths, the step size.
#ifndef ES_CSA_H
#define ES_CSA_H

#include "parts.h"

typedef struct csa {
  es_constants constants;
  double *weights;   // (popsize)     <- popsize, active
  double *ps, *pc;   // (n)           evolution paths of sigma and C; state
  double *y;         // (popsize, n)  ranked steps (x - mean) / sigma
  double *step;      // (n)           weighted mean of the better steps
} csa;

void csa_room(csa *c, es *e, double **state);           // takes 2n of the state; the constants are the caller's to make
// |C^-1/2 y| of a step
typedef double csa_length(es *e, const double *y);
void csa_steps(csa *c, es *e, csa_length *length);      // fills y and step from what was told
void csa_sigma_path(csa *c, const es *e, const double *white);  // white: C^-1/2 step, (n)
bool csa_path_is_short(const csa *c, const es *e);      // h_sigma
void csa_covariance_path(csa *c, const es *e, const double *step, bool h);
void csa_mean(const csa *c, es *e);
void csa_step_size(const csa *c, es *e);

#endif

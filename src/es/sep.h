// CMA-ES with a diagonal C: its own part of a search.
#ifndef ES_SEP_H
#define ES_SEP_H

#include "csa.h"

typedef struct sep {
  csa paths;
  double *d;      // (n)  deviations over sigma; state
  double *white;  // (n)  step over d
} sep;

static inline sep *sep_of(const es *e) { return e->own; }

#endif

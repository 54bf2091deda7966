// The Cholesky factor of a large C, made from a snapshot of C while candidates are evaluated.
#ifndef ES_FACTOR_H
#define ES_FACTOR_H

#include <pthread.h>

#include "base.h"

typedef struct factoring {
  int n;
  const double *C, *diagonal;  // (n, n), (n)  the snapshot: what C has below its diagonal, and the diagonal; not owned
  double *L;                   // (n, n)       C = L L^T, on and below the diagonal
  double *D;                   // (n)          square roots of C's eigenvalues, ascending; if asked for
  double *work;
  bool spectrum;               // are eigenvalues asked for?
  bool failed;
  enum { FACTOR_NONE, FACTOR_RUNS, FACTOR_MADE } stage;
  pthread_t thread;
} factoring;

// parameters: below, the factor takes less than a thread's beginning and end may
enum { FACTOR_THREAD_FROM = 512 };

factoring *factor_room(arena *memory, int n, const double *C, const double *diagonal);
// in a thread of its own, if that is worth it and there is none yet; else does nothing
void factor_start(factoring *f, bool spectrum);
// waits for it, or makes it here; L and D are there until factor_reset
void factor_finish(factoring *f, bool spectrum);
void factor_reset(factoring *f);                  // waits if it must, and forgets: the snapshot changes, or goes

#endif

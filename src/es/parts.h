// What the files of this room share: the whole state of a search.
#ifndef ES_PARTS_H
#define ES_PARTS_H

#include "es.h"

// Everything that a checkpoint must hold besides the vectors; plain memory, written as it stands.
typedef struct es_numbers {
  int32_t n, popsize, active, dialect;
  uint64_t seed;
  int32_t generation, decomposed_at;  // tells so far; generation of the last eigendecomposition
  int32_t history_size, history_count;
  double sigma, sigma0;
} es_numbers;

typedef struct ranked { double fitness; int candidate; } ranked;

struct es {
  arena *memory;
  es_numbers now;
  es_constants constants;
  double *weights;    // (popsize)   <- popsize, active
  // --- the state, one block of `state_doubles`: this is what save and load copy
  size_t state_doubles;
  double *state;
  double *mean;       // (n)
  double *ps, *pc;    // (n)         evolution paths of sigma and C
  double *C;          // (n, n)
  double *B, *D;      // (n, n), (n)  C = B diag(D^2) B^T as of the last decomposition
  double *history;    // (history_size)  best fitness of the last generations, a ring
  double *spread;     // (1)         range of the last generation's fitness
  // --- scratch
  bool asked;
  double *x;          // (popsize, n)  what ask gave
  double *z, *y;      // (popsize, n)  ranked steps (x - mean) / sigma
  double *part;       // (popsize, n)  weighted rows for the rank-mu update
  double *step;       // (n)           weighted mean of the better steps
  double *white;      // (n)           C^-1/2 step
  double *across;     // (n)
  ranked *order;      // (popsize)     candidates from best to worst
  char *reason;       // (ES_REASON)   of es_done
};
#define ES_REASON 160

void es_room_take(es *e);  // allocates everything for now.n and now.popsize, and fills the constants
status es_options_check(const es_options *o);

#endif

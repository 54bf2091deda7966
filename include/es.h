// Ask and tell: evolution strategies. Looks at base and num; knows nothing of worlds, ranks or files of settings.
// Everything is double. The strategies MINIMISE. A non-finite fitness is a programming error (CHECK): the caller
// decides what a broken candidate is worth.
#ifndef ES_H
#define ES_H

#include "base.h"
#include "num.h"

typedef struct es es;

// Two sets of strategy constants are in honest use; they differ as src/es/constants.c says. 0 is the default.
typedef enum es_dialect { ES_PYCMA, ES_TUTORIAL } es_dialect;

typedef struct es_options {
  int n;             // number of parameters, >= 1
  int popsize;       // candidates a generation; 0: 4 + floor(3 ln n)
  double sigma0;     // initial step size, > 0
  const double *x0;  // (n) initial mean, NULL: zeros; copied
  uint64_t seed;
  bool active;       // negative weights (active CMA-ES)
  es_dialect dialect;
} es_options;

// The strategy constants of CMA-ES (Hansen's tutorial, arXiv:1604.00772), for tables and tests.
typedef struct es_constants {
  int n, popsize, mu;
  double mueff, mueff_minus;      // <- weights
  double c1, cmu, cc, cs, damps;  // <- n, mueff, dialect
  double chi_n;                   // <- n
  double negative_sum;            // sum of the negative weights
  int eigen_gap;                  // generations between eigendecompositions
} es_constants;
// weights (popsize) may be NULL.
es_constants es_constants_make(int n, int popsize, bool active, es_dialect dialect, double *weights);

status es_open(es **e, const es_options *options);  // BAD_CONFIG on a wrong option
void es_close(es *e);                               // NULL is allowed

// A generation's candidates, (popsize, n), borrowed until tell. Asking again without telling gives the same numbers.
const double *es_ask(es *e);
// What was evaluated and what came of it. x (popsize, n) is what really was evaluated (an asked candidate rounded to
// float, say); fitness (popsize), smaller is better; all finite. Equal fitness is ranked by index.
void es_tell(es *e, const double *x, const double *fitness);
// NULL, or a sentence why going on is useless (borrowed until the next tell).
const char *es_done(const es *e);

int es_generation(const es *e);  // tells so far
int es_popsize(const es *e);
int es_size(const es *e);             // n
const double *es_mean(const es *e);   // (n) borrowed until the next tell
double es_sigma(const es *e);
double es_condition(const es *e);     // of C, from the last eigendecomposition; >= 1

// The whole state, exactly: a loaded es continues bit for bit. es_load refuses another size, version or strategy.
size_t es_state_size(const es *e);
void es_save(const es *e, void *bytes);                       // es_state_size bytes
status es_load(es **e, const void *bytes, size_t size);       // BAD_FILE

#endif

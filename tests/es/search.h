// What the tests of searches share: begin one, play a generation on a function.
#ifndef SEARCH_H
#define SEARCH_H

#include <string.h>

#include "es.h"
#include "functions.h"

#define N 8
#define MOST_CANDIDATES 64

static const double ones[N] = {1, 1, 1, 1, 1, 1, 1, 1};

typedef double view(double f);  // an order-preserving look at a fitness
static inline double as_is(double f) { return f; }

static inline es *search_begin(const double *x0, double sigma0, uint64_t seed) {
  es *e;
  const es_options o = {.n = N, .sigma0 = sigma0, .x0 = x0, .seed = seed, .active = true};
  if (es_open(&e, &o) != OK) fail_msg("%s", status_message());
  return e;
}

// One generation on look(f((x - shift) scale)).
static inline void search_step_seen(es *e, function *f, const double *shift, double scale, view *look) {
  double fitness[MOST_CANDIDATES], y[N];
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e); k++) {
    for (int i = 0; i < N; i++) y[i] = (x[k * N + i] - (shift ? shift[i] : 0)) * scale;
    fitness[k] = look(f(y, N));
  }
  es_tell(e, x, fitness);
}

static inline void search_step(es *e, function *f) { search_step_seen(e, f, NULL, 1, as_is); }

static inline bool search_equal(const es *a, const es *b) {
  return memcmp(es_mean(a), es_mean(b), N * sizeof(double)) == 0 && es_sigma(a) == es_sigma(b) &&
         es_condition(a) == es_condition(b);
}

#endif

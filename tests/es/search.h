// What the tests of searches share: begin one, play a generation on a function, save, load, compare.
#ifndef SEARCH_H
#define SEARCH_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "es.h"
#include "functions.h"

#define N 8
#define MOST_CANDIDATES 64

static const double ones[N] = {1, 1, 1, 1, 1, 1, 1, 1};

typedef double view(double f);  // an order-preserving look at a fitness
static inline double as_is(double f) { return f; }

#define EACH_KIND(kind) for (es_kind kind = 0; kind < ES_KINDS; kind++)

static inline es *open_or_fail(const es_options *o) {
  es *e;
  if (es_open(&e, o) != OK) fail_msg("%s: %s", es_kind_name(o->kind), status_message());
  return e;
}

static inline es *search_begin(const double *x0, double sigma0, uint64_t seed) {
  const es_options o = {.n = N, .sigma0 = sigma0, .x0 = x0, .seed = seed, .active = true};
  return open_or_fail(&o);
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

// The whole state, to be freed.
static inline unsigned char *saved(const es *e) {
  unsigned char *bytes = malloc(es_state_size(e));
  assert_non_null(bytes);
  es_save(e, bytes);
  return bytes;
}

static inline es *copy_of(const es *e) {
  unsigned char *bytes = saved(e);
  es *copy;
  if (es_load(&copy, bytes, es_state_size(e)) != OK) fail_msg("%s", status_message());
  free(bytes);
  return copy;
}

static inline es *reloaded(es *e) {
  es *copy = copy_of(e);
  es_close(e);
  return copy;
}

static inline void assert_same_state(const es *a, const es *b) {
  unsigned char *p = saved(a), *q = saved(b);
  assert_int_equal(es_state_size(a), es_state_size(b));
  assert_memory_equal(p, q, es_state_size(a));
  free(p);
  free(q);
}

// Numbers of a state beside another implementation's after generation g. Returns the golden numbers that follow.
static inline const double *close_to(const double *found, const double *golden, int count, const char *what, int g) {
  for (int i = 0; i < count; i++)
    if (!(fabs(found[i] - golden[i]) <= 1e-6 * fmax(1, fabs(golden[i]))))
      fail_msg("%s[%d] after generation %d: %.10g, golden %.10g", what, i, g + 1, found[i], golden[i]);
  return golden + count;
}

#endif

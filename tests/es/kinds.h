// What the tests of every strategy share.
#ifndef KINDS_H
#define KINDS_H

#include <stdlib.h>
#include <string.h>

#include "es.h"
#include "functions.h"

#define N 8
#define MOST_CANDIDATES 64
#define EACH_KIND(kind) for (es_kind kind = 0; kind < ES_KINDS; kind++)

static inline es *open_or_fail(const es_options *o) {
  es *e;
  if (es_open(&e, o) != OK) fail_msg("%s: %s", es_kind_name(o->kind), status_message());
  return e;
}

// One generation on f((x - shift) scale), seen through look.
static inline void play(es *e, function *f, double shift, double scale, double look(double)) {
  double fitness[MOST_CANDIDATES], y[N];
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e); k++) {
    for (int i = 0; i < N; i++) y[i] = (x[k * N + i] - shift) * scale;
    fitness[k] = look ? look(f(y, N)) : f(y, N);
  }
  es_tell(e, x, fitness);
}

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

static inline void assert_same_state(const es *a, const es *b) {
  unsigned char *p = saved(a), *q = saved(b);
  assert_int_equal(es_state_size(a), es_state_size(b));
  assert_memory_equal(p, q, es_state_size(a));
  free(p);
  free(q);
}

#endif

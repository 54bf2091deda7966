// Random search: normal samples around x0, of which the best ever told is kept as the mean. Learns nothing else.

#include <string.h>

#include "parts.h"

static size_t random_doubles(const es_numbers *now) { return (size_t)now->n; }
static void random_room(es *e, double *state) { e->own = state; }  // (n) x0
static void random_begin(es *e) { memcpy(e->own, e->mean, (size_t)e->now.n * sizeof *e->mean); }

static void random_candidate(es *e, int k, double *x) {
  const double *x0 = e->own;
  es_normals(e, k, x);
  for (int i = 0; i < e->now.n; i++) x[i] = x0[i] + e->now.sigma * x[i];
}

static void random_tell(es *e) {
  memcpy(e->mean, e->best, (size_t)e->now.n * sizeof *e->mean);
  es_unbound(e, e->mean);
}

const es_strategy es_random = {.name = "random search",
                               .most_parameters = 1 << 24,
                               .popsize_multiple = 1,
                               .least_popsize = 1,
                               .popsize = es_popsize_by_n,
                               .doubles = random_doubles,
                               .sampling = random_doubles,
                               .room = random_room,
                               .begin = random_begin,
                               .candidate = random_candidate,
                               .tell = random_tell};

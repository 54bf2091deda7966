// CMA-ES at the paper's size: milliseconds of ask and tell together at n = 1088, popsize 64, eigendecompositions included.

#include "bench.h"
#include "es.h"

static void generation(void *self) {
  es *e = self;
  double fitness[64];
  const double *x = es_ask(e);
  for (int k = 0; k < 64; k++) {
    fitness[k] = 0;
    for (int i = 0; i < es_size(e); i++) fitness[k] += x[(size_t)k * es_size(e) + i] * x[(size_t)k * es_size(e) + i];
  }
  es_tell(e, x, fitness);
}

static void three_generations(void *self) {  // one eigendecomposition every third
  for (int i = 0; i < 3; i++) generation(self);
}

int main(void) {
  num_open();
  es *e;
  const es_options o = {.n = 1088, .popsize = 64, .sigma0 = 0.1, .seed = 1, .active = true};
  CHECK(es_open(&e, &o) == OK, "%s", status_message());
  // At first C is I and a few outer products, which dsyevd decomposes faster than the full matrix of a long search.
  for (int g = 0; g < 60; g++) generation(e);
  bench_say("es_ask_tell_n1088_popsize64", 1e3 / 3 * bench_seconds(three_generations, e, 0.5), "ms");
  es_close(e);
  return 0;
}

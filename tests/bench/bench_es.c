// Milliseconds of ask and tell together: CMA-ES at the paper's size, n = 1088, popsize 64, eigendecompositions included; and
// every strategy that scales so far, at popsize 64 from n = 10 to a thousand and at popsize 8, candidate by candidate, beyond.

#include "bench.h"
#include "es.h"

#define POPSIZE 64
#define MANY_POPSIZE 8

static double squares(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

static void generation(void *self) {
  es *e = self;
  double fitness[POPSIZE];
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = squares(x + (size_t)k * es_size(e), es_size(e));
  es_tell(e, x, fitness);
}

static void three_generations(void *self) {  // at n = 1088 one eigendecomposition every third
  for (int i = 0; i < 3; i++) generation(self);
}

static es *begin(es_kind kind, int n, int popsize) {
  es *e;
  const es_options o = {.kind = kind, .n = n, .popsize = popsize, .sigma0 = 0.1, .seed = 1, .active = true};
  CHECK(es_open(&e, &o) == OK, "%s", status_message());
  return e;
}

static void paper_size(void) {
  es *e = begin(ES_CMA, 1088, POPSIZE);
  // At first C is I and a few outer products, which dsyevd decomposes faster than the full matrix of a long search.
  for (int g = 0; g < 60; g++) generation(e);
  bench_say("es_ask_tell_n1088_popsize64", 1e3 / 3 * bench_seconds(three_generations, e, 0.5), "ms");
  es_close(e);
}

static const struct { es_kind kind; const char *name; int most; } strategies[] = {
    {ES_CMA, "cma", 1000}, {ES_SEP_CMA, "sep_cma", 1000}, {ES_LRA_CMA, "lra_cma", 100},
    {ES_LM_MA, "lm_ma", 100000}, {ES_OPENAI, "openai", 1000000}, {ES_PGPE, "pgpe", 1000000}};

static void all_at_once(es_kind kind, const char *name, int n) {
  char words[64];
  es *e = begin(kind, n, POPSIZE);
  for (int g = 0; g < 20; g++) generation(e);
  snprintf(words, sizeof words, "es_%s_n%d_popsize%d", name, n, POPSIZE);
  bench_say(words, 1e3 / 3 * bench_seconds(three_generations, e, 0.02), "ms");
  es_close(e);
}

// One generation: what a worker does to make each candidate, and what the master does in a tell without them.
static void one_by_one(es_kind kind, const char *name, int n) {
  char words[64];
  double fitness[MANY_POPSIZE], *x = mem_take((size_t)n, sizeof *x), made = 0, told = 0;
  es *e = begin(kind, n, MANY_POPSIZE);
  enum { GENERATIONS = 3 };
  for (int g = 0; kind == ES_LM_MA && g < 40; g++) {  // until all its directions are known
    for (int k = 0; k < MANY_POPSIZE; k++) fitness[k] = k;
    es_tell(e, NULL, fitness);
  }
  for (int g = 0; g < GENERATIONS; g++) {
    double start = time_now();
    for (int k = 0; k < MANY_POPSIZE; k++) {
      es_candidate(e, k, x);
      fitness[k] = squares(x, n);
    }
    double between = time_now();
    es_tell(e, NULL, fitness);
    made += between - start, told += time_now() - between;
  }
  snprintf(words, sizeof words, "es_%s_n%d_candidate", name, n);
  bench_say(words, 1e3 * made / GENERATIONS / MANY_POPSIZE, "ms");
  snprintf(words, sizeof words, "es_%s_n%d_popsize%d_tell", name, n, MANY_POPSIZE);
  bench_say(words, 1e3 * told / GENERATIONS, "ms");
  es_close(e);
  mem_free(x);
}

int main(void) {
  num_open();
  paper_size();
  for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++)
    for (int n = 10; n <= strategies[i].most; n *= 10) {
      if (n <= 1000) all_at_once(strategies[i].kind, strategies[i].name, n);
      else one_by_one(strategies[i].kind, strategies[i].name, n);
    }
  return 0;
}

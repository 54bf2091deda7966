// Milliseconds of ask and tell together, evaluation not counted: CMA-ES at the paper's size, n = 1088, popsize 64, with
// all its factors and eigenvalues, and what of that is left on the master's way while workers evaluate; and every
// strategy from n = 10 on as far as it goes, at popsize 64 up to a thousand and at popsize 8, candidate by candidate,
// beyond.

#include <unistd.h>

#include "bench.h"
#include "es.h"

#define POPSIZE 64
#define MANY_POPSIZE 8

static double squares(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

static es *begin(es_kind kind, int n, int popsize, bool thread) {
  es *e;
  const es_options o = {.kind = kind, .n = n, .popsize = popsize, .sigma0 = 0.1, .seed = 1, .active = true};
  CHECK(es_open(&e, &o) == OK, "%s", status_message());
  es_use_thread(e, thread);
  return e;
}

// Seconds of ask and tell of one generation; evaluation takes another `pause` microseconds, elsewhere.
static double generation(es *e, unsigned pause) {
  double fitness[POPSIZE], start = time_now();
  const double *x = es_ask(e);
  double asked = time_now() - start;
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = squares(x + (size_t)k * es_size(e), es_size(e));
  if (pause) usleep(pause);
  start = time_now();
  es_tell(e, x, fitness);
  return asked + time_now() - start;
}

// Mean milliseconds of `count` generations and more, for 0.1 s.
static double milliseconds(es *e, int count, unsigned pause) {
  double sum = 0;
  int g = 0;
  for (; g < count || sum < 0.1; g++) sum += generation(e, pause);
  return 1e3 * sum / g;
}

// C's factor is made anew every third generation, its eigenvalues every 96th.
static void paper_size(const char *name, bool thread, unsigned pause) {
  es *e = begin(ES_CMA, 1088, POPSIZE, thread);
  for (int g = 0; g < 60; g++) generation(e, 0);
  bench_say(name, milliseconds(e, 2 * 96, pause), "ms");
  es_close(e);
}

// A factor every 12th generation; the first has the eigenvalues in it that only every 384th has.
static void thousands(void) {
  double worst = 0;
  es *e = begin(ES_CMA, 4096, POPSIZE, false);
  for (int g = 0; g < 24; g++) {
    double seconds = generation(e, 0);
    if (seconds > worst) worst = seconds;
  }
  bench_say("es_cma_n4096_popsize64", milliseconds(e, 24, 0), "ms");
  bench_say("es_cma_n4096_popsize64_with_eigenvalues", 1e3 * worst, "ms");
  es_close(e);
}

static const struct { es_kind kind; const char *name; int most; } strategies[] = {
    {ES_CMA, "cma", 1000}, {ES_LRA_CMA, "lra_cma", 1000}, {ES_SEP_CMA, "sep_cma", 1000000},
    {ES_LM_MA, "lm_ma", 1000000}, {ES_OPENAI, "openai", 1000000}, {ES_PGPE, "pgpe", 1000000}};

static void all_at_once(es_kind kind, const char *name, int n) {
  char words[64];
  bool slow = kind == ES_LRA_CMA && n >= 1000;
  es *e = begin(kind, n, POPSIZE, false);
  for (int g = 0; g < (slow ? 1 : 20); g++) generation(e, 0);
  snprintf(words, sizeof words, "es_%s_n%d_popsize%d", name, n, POPSIZE);
  bench_say(words, milliseconds(e, slow ? 2 : 96, 0), "ms");
  es_close(e);
}

// One generation: what a worker does to make each candidate, and what the master does in a tell without them.
static void one_by_one(es_kind kind, const char *name, int n) {
  char words[64];
  double fitness[MANY_POPSIZE], *x = mem_take((size_t)n, sizeof *x), made = 0, told = 0;
  es *e = begin(kind, n, MANY_POPSIZE, false);
  enum { GENERATIONS = 3 };
  for (int g = 0; kind == ES_LM_MA && g < 46; g++) {  // until all its directions are known
    for (int k = 0; k < MANY_POPSIZE; k++) fitness[k] = k;
    es_tell(e, NULL, fitness);
  }
  for (int g = 0; g < GENERATIONS; g++) {
    for (int k = 0; k < MANY_POPSIZE; k++) {
      double start = time_now();
      es_candidate(e, k, x);
      made += time_now() - start;
      fitness[k] = squares(x, n);
    }
    double start = time_now();
    es_tell(e, NULL, fitness);
    told += time_now() - start;
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
  paper_size("es_ask_tell_n1088_popsize64", false, 0);
  paper_size("es_ask_tell_n1088_popsize64_while_workers_evaluate", true, 25000);
  thousands();
  for (size_t i = 0; i < sizeof strategies / sizeof *strategies; i++)
    for (int n = 10; n <= strategies[i].most; n *= 10) {
      if (n <= 1000) all_at_once(strategies[i].kind, strategies[i].name, n);
      else one_by_one(strategies[i].kind, strategies[i].name, n);
    }
  return 0;
}

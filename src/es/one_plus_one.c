// The (1+1)-ES with the one-fifth success rule, and with more children (1+c): sigma grows while more than a fifth of
// them are better than their parent (N. Hansen, D. Arnold and A. Auger, "Evolution Strategies", 2015). The parent is
// candidate 0 of every generation.

#include <math.h>
#include <string.h>

#include "parts.h"

#define TARGET 0.2  // share of children that are better than their parent

static int popsize_by_n(int n) { return (void)n, 2; }
static size_t doubles(const es_numbers *now) { return (void)now, 0; }
static void room(es *e, double *state) { (void)e, (void)state; }
static void begin(es *e) { (void)e; }

static void candidate(es *e, int k, double *x) {
  if (k > 0) es_normals(e, k, x);
  for (int i = 0; i < e->now.n; i++) x[i] = e->mean[i] + (k > 0 ? e->now.sigma * x[i] : 0);
}

// Candidates that rank before the parent; an equal child is a success too, which lets the search cross plains.
static int successes(const es *e) {
  double parent = 0;
  int count = 0;
  for (int k = 0; k < e->now.popsize; k++)
    if (e->order[k].candidate == 0) parent = e->order[k].fitness;
  for (int k = 0; k < e->now.popsize; k++) count += e->order[k].candidate != 0 && e->order[k].fitness <= parent;
  return count;
}

static double damping(const es_numbers *now) { return sqrt(now->n + 1.0); }

// sigma <- sigma exp((share of successes - 1/5) / sqrt(n + 1))
static void tell(es *e) {
  int count = successes(e), best = e->order[0].candidate ? 0 : 1;
  if (count > 0) memcpy(e->mean, es_row(e, e->order[best].candidate), (size_t)e->now.n * sizeof *e->mean);
  e->now.sigma *= exp(((double)count / (e->now.popsize - 1) - TARGET) / damping(&e->now));
}

void es_list_one_plus_one(es_listing *l, const es_numbers *now) {
  es_list(l, "target", TARGET, "", "the one-fifth rule (Rechenberg 1973)");
  es_list(l, "damping", damping(now), "sqrt(n + 1)", "Hansen, Arnold and Auger 2015");
}

const es_strategy es_one_plus_one = {.name = "(1+1)-ES",
                                     .most_parameters = 1 << 24,
                                     .popsize_multiple = 1,
                                     .least_popsize = 2,
                                     .popsize = popsize_by_n,
                                     .doubles = doubles,
                                     .room = room,
                                     .begin = begin,
                                     .candidate = candidate,
                                     .tell = tell};

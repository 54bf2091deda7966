// Restarts: a descent that is done is followed by another. IPOP doubles the popsize (A. Auger and N. Hansen, "A Restart
// CMA Evolution Strategy With Increasing Population Size", CEC 2005); BIPOP puts short descents in between (N. Hansen,
// "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function Testbed", GECCO 2009), with pycma's accounts. Knows only
// the door: any strategy may descend.

#include <limits.h>
#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct plan { int popsize; double sigma_factor, most_evaluations; } plan;  // 0: as many as it likes

static rng luck_of(const es *e, const char *name) {
  return rng_episode(rng_stream(e->now.seed, name), (uint32_t)e->now.ledger.descents, 0);
}

// The first descent is the search that would be without restarts.
static uint64_t seed_of(const es *e) {
  uint32_t words[2];
  rng_words(words, 2, luck_of(e, "es descent"), 0, 0);
  return e->now.ledger.descents == 0 ? e->now.seed : (uint64_t)words[0] << 32 | words[1];
}

static int doublings(const es_ledger *l) { return l->descents - l->small_descents; }

static plan plan_large(const es *e) { return (plan){e->now.popsize << doublings(&e->now.ledger), 1, 0}; }

// popsize <- popsize0 (last multiple)^(u^2), sigma <- sigma0 / 100^v, at most half of what the large ones cost
static plan plan_small(const es *e) {
  const es_ledger *l = &e->now.ledger;
  double u = rng_uniform(luck_of(e, "es bipop"), 0, 0), v = rng_uniform(luck_of(e, "es bipop"), 0, 1);
  double multiple = pow(2, doublings(l)), size = e->now.popsize * pow(multiple, u * u);
  int step = e->strategy->popsize_multiple;
  return (plan){(int)(size / step) * step, pow(0.01, v), 0.5 * (double)l->large_cost};
}

static double uniform(rng luck, int i, double low, double high) {
  return fmin(low + (high - low) * rng_uniform(luck, 1, (uint32_t)i), high);
}

// (n) where the next descent begins: uniformly within bounds where there are two, else x0 + sigma0 N(0,1).
static void place(const es *e, double *x) {
  rng luck = luck_of(e, "es place");
  rng_normals_double(x, e->now.n, luck, 0, 0);
  for (int i = 0; i < e->now.n; i++) {
    double low = e->now.bounded ? e->lower[i] : -INFINITY, high = e->now.bounded ? e->upper[i] : INFINITY;
    bool boxed = isfinite(high - low);
    double there = boxed ? uniform(luck, i, low, high) : fmin(fmax(e->mean[i] + e->now.sigma0 * x[i], low), high);
    x[i] = fmin(fmax(there, -ES_MOST_X0), ES_MOST_X0);
  }
}

static void begin(es *e, plan p) {
  const es_numbers *now = &e->now;
  es_limits limits = es_limits_pycma(now->n, p.popsize);
  limits.ftarget = now->limits.ftarget;
  if (p.most_evaluations > 0) limits.maxiter = (int64_t)fmax(1, fmin((double)limits.maxiter, p.most_evaluations / p.popsize));
  if (now->ledger.descents == 0) memcpy(e->row, e->mean, (size_t)now->n * sizeof *e->row);
  else place(e, e->row);
  const es_options o = {.kind = (es_kind)now->kind, .n = now->n, .popsize = p.popsize, .x0 = e->row,
                        .sigma0 = fmax(now->sigma0 * p.sigma_factor, ES_LEAST_SIGMA0),
                        .seed = seed_of(e), .active = now->active, .dialect = (es_dialect)now->dialect, .lower = e->lower,
                        .upper = e->upper, .limits = &limits, .learning_rate = now->learning_rate,
                        .most_effort = now->most_effort, .factored_from = now->factored ? 1 : INT_MAX, .single = now->single};
  es_close(e->descent);
  CHECK(es_open(&e->descent, &o) == OK, "%s", status_message());
  e->descent->alone = e->alone;
  e->now.ledger.descents++;
}

void es_first_descent(es *e) {
  e->now.ledger.small = true;
  begin(e, (plan){e->now.popsize, 1, 0});
}

void es_next_descent(es *e) {
  es_ledger *l = &e->now.ledger;
  const char *why = es_done(e->descent);
  snprintf(e->ended, ES_REASON, "%s", why ? why : "");
  if (!why || l->over) return;
  memcpy(e->last, es_mean(e->descent), (size_t)e->now.n * sizeof *e->last);
  if (es_done(e)) return;
  *(l->small ? &l->small_cost : &l->large_cost) += es_evaluations(e->descent);
  l->small = l->policy == ES_BIPOP && l->small_cost < l->large_cost;
  l->over = !l->small && doublings(l) > l->most_doublings;
  if (l->over) return;
  l->small_descents += l->small;
  begin(e, l->small ? plan_small(e) : plan_large(e));
}

// Restarts: a descent that is done is followed by another. IPOP doubles the popsize (A. Auger and N. Hansen, "A Restart
// CMA Evolution Strategy With Increasing Population Size", CEC 2005); BIPOP puts short descents in between (N. Hansen,
// "Benchmarking a BI-Population CMA-ES on the BBOB-2009 Function Testbed", GECCO 2009), with pycma's accounts. Knows
// only searches (search.c): any strategy may descend.

#include <limits.h>
#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct plan { int popsize; double sigma_factor, most_evaluations; } plan;  // 0: as many as it likes

static rng restarts_luck(const es *e, const char *name) {
  return rng_episode(rng_stream(e->now.seed, name), (uint32_t)e->now.ledger.descents, 0);
}

// The first descent is the search that would be without restarts.
static uint64_t restarts_seed(const es *e) {
  uint32_t words[2];
  rng_words(words, 2, restarts_luck(e, "es descent"), 0, 0);
  return e->now.ledger.descents == 0 ? e->now.seed : (uint64_t)words[0] << 32 | words[1];
}

static int restarts_doublings(const es_ledger *l) { return l->descents - l->small_descents; }

static plan restarts_plan_large(const es *e) {
  return (plan){.popsize = e->now.popsize << restarts_doublings(&e->now.ledger), .sigma_factor = 1};
}

// popsize <- popsize0 (last multiple)^(u^2), sigma <- sigma0 / 100^v, at most half of what the large ones cost
static plan restarts_plan_small(const es *e) {
  const es_ledger *l = &e->now.ledger;
  double u = rng_uniform(restarts_luck(e, "es bipop"), 0, 0), v = rng_uniform(restarts_luck(e, "es bipop"), 0, 1);
  double multiple = pow(2, restarts_doublings(l)), size = e->now.popsize * pow(multiple, u * u);
  int step = e->strategy->popsize_multiple;
  return (plan){.popsize = (int)(size / step) * step,
                .sigma_factor = pow(0.01, v),
                .most_evaluations = 0.5 * (double)l->large_cost};
}

static double restarts_uniform(rng luck, int i, double low, double high) {
  return fmin(low + (high - low) * rng_uniform(luck, 1, (uint32_t)i), high);
}

// (n) where the next descent begins: uniformly within bounds where there are two, else x0 + sigma0 N(0,1).
static void restarts_place(const es *e, double *x) {
  rng luck = restarts_luck(e, "es place");
  rng_normals_double(x, e->now.n, luck, 0, 0);
  for (int i = 0; i < e->now.n; i++) {
    double low = e->now.bounded ? e->lower[i] : -INFINITY, high = e->now.bounded ? e->upper[i] : INFINITY;
    bool boxed = isfinite(high - low);
    // a box that is open on one side is no place to draw from: near x0 then, and inside
    double there = boxed ? restarts_uniform(luck, i, low, high)
                         : fmin(fmax(e->mean[i] + e->now.sigma0 * x[i], low), high);

    x[i] = fmin(fmax(there, -ES_MOST_X0), ES_MOST_X0);
  }
}

static void restarts_begin(es *e, plan p) {
  const es_numbers *now = &e->now;
  es_limits limits = es_limits_pycma(now->n, p.popsize);
  limits.ftarget = now->limits.ftarget;
  if (p.most_evaluations > 0)
    limits.maxiter = (int64_t)fmax(1, fmin((double)limits.maxiter, p.most_evaluations / p.popsize));

  // the first begins where it was asked to
  if (now->ledger.descents == 0) memcpy(e->row, e->mean, (size_t)now->n * sizeof *e->row);
  else restarts_place(e, e->row);

  const es_options o = {.kind = (es_kind)now->kind,
                        .n = now->n,
                        .popsize = p.popsize,
                        .x0 = e->row,
                        .sigma0 = fmax(now->sigma0 * p.sigma_factor, ES_LEAST_SIGMA0),
                        .seed = restarts_seed(e),
                        .active = now->active,
                        .dialect = (es_dialect)now->dialect,
                        .lower = e->lower,
                        .upper = e->upper,
                        .limits = &limits,
                        .learning_rate = now->learning_rate,
                        .most_effort = now->most_effort,
                        .factored_from = now->factored ? 1 : INT_MAX,
                        .single = now->single};
  es_search_close(e->descent);
  CHECK(es_options_check(&o) == OK, "%s", status_message());
  e->descent = es_search_open(&o);
  e->descent->alone = e->alone;
  e->now.ledger.descents++;
}

void es_first_descent(es *e) {
  e->now.ledger.small = true;
  restarts_begin(e, (plan){.popsize = e->now.popsize, .sigma_factor = 1});
}

// After a tell: if the present descent is done, the next one begins, or none will any more.
static void restarts_next(es *e) {
  es_ledger *l = &e->now.ledger;
  const char *why = es_search_done(e->descent);
  snprintf(e->ended, ES_REASON, "%s", why ? why : "");
  if (!why || l->over) return;

  // the descent is over; its mean is for those who ask
  memcpy(e->last, es_mean_shown(e->descent), (size_t)e->now.n * sizeof *e->last);
  if (es_enough(e)) return;

  // BIPOP: small descents follow until they cost what the large ones did; the first is booked as a small one
  *(l->small ? &l->small_cost : &l->large_cost) += e->descent->now.evaluations;
  l->small = l->policy == ES_BIPOP && l->small_cost < l->large_cost;
  l->over = !l->small && restarts_doublings(l) > l->most_doublings;
  if (l->over) return;

  l->small_descents += l->small;
  restarts_begin(e, l->small ? restarts_plan_small(e) : restarts_plan_large(e));
}

status es_descent_tell(es *e, const double *x, const double *fitness, const double *again) {
  int64_t before = e->descent->now.evaluations;
  TRY(es_search_tell(e->descent, x, fitness, again));

  // the outer search counts for all its descents
  es_best_keep(e, e->descent->best, e->descent->now.best);
  e->now.generation++;
  e->now.evaluations += e->descent->now.evaluations - before;
  restarts_next(e);
  return OK;
}

const char *es_descents_done(const es *e) {
  if (e->now.generation == 0) return NULL;
  if (es_enough(e)) return e->reason;
  if (!e->now.ledger.over) return NULL;

  snprintf(e->reason, ES_REASON, "restarts: the last of %d descents ended by %s", e->now.ledger.descents,
           es_search_done(e->descent));
  return e->reason;
}

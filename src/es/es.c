// The door: what all strategies share. Checks, ranks, bounds, counts; the strategy itself stands in a file of its own.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

static const es_strategy *const strategies[ES_KINDS] = {
    [ES_CMA] = &es_cma, [ES_SEP_CMA] = &es_sep_cma, [ES_LRA_CMA] = &es_lra_cma, [ES_LM_MA] = &es_lm_ma,
    [ES_OPENAI] = &es_openai, [ES_PGPE] = &es_pgpe, [ES_ONE_PLUS_ONE] = &es_one_plus_one, [ES_RANDOM] = &es_random};

const es_strategy *es_strategy_of(int kind) { return kind >= 0 && kind < ES_KINDS ? strategies[kind] : NULL; }
const char *es_kind_name(es_kind kind) { return es_strategy_of((int)kind) ? strategies[kind]->name : "no strategy"; }

// --- life ---------------------------------------------------------------------------------------------------------------

bool es_all_positive(const double *x, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!(x[i] > 0)) return false;
  return true;
}

double *es_take(double **from, size_t count) {
  double *piece = *from;
  *from += count;
  return piece;
}

static size_t common_doubles(const es_numbers *now) {
  size_t n = (size_t)now->n;
  return 2 * n + (now->bounded ? 3 * n : 0) + (size_t)now->history_size + 2 * (size_t)now->limits.tolstagnation;
}

size_t es_doubles(const es_numbers *now) {
  return common_doubles(now) + (now->ledger.policy == ES_ONCE ? strategies[now->kind]->doubles(now) : 0);
}

static void state_place(es *e) {
  size_t n = (size_t)e->now.n, stagnation = (size_t)e->now.limits.tolstagnation;
  double *next = e->state = ARENA_NEW(e->memory, double, e->state_doubles);
  e->mean = es_take(&next, n), e->best = es_take(&next, n);
  if (e->now.bounded) {
    e->lower = es_take(&next, n);
    e->upper = es_take(&next, n);
    e->units = es_take(&next, n);
  }
  e->history = es_take(&next, (size_t)e->now.history_size);
  if (stagnation) e->bests = es_take(&next, stagnation), e->medians = es_take(&next, stagnation);
  if (e->now.ledger.policy == ES_ONCE) e->strategy->room(e, next);
}

es *es_room(const es_numbers *now) {
  arena *memory = arena_open();
  es *e = ARENA_NEW(memory, es, 1);
  e->memory = memory;
  e->now = *now;
  e->strategy = strategies[now->kind];
  e->state_doubles = es_doubles(now);
  state_place(e);
  e->row = ARENA_NEW(memory, double, now->n);
  if (now->bounded) e->shown = ARENA_NEW(memory, double, now->n);
  if (now->limits.tolstagnation) e->sorting = ARENA_NEW(memory, double, now->limits.tolstagnation);
  e->injected = ARENA_NEW(memory, bool, now->popsize);
  e->order = ARENA_NEW(memory, ranked, now->popsize);
  e->ranks = ARENA_NEW(memory, double, 2 * (size_t)now->popsize);
  e->reason = ARENA_NEW(memory, char, ES_REASON);
  if (now->ledger.policy != ES_ONCE) e->ended = ARENA_NEW(memory, char, ES_REASON), e->last = ARENA_NEW(memory, double, now->n);
  return e;
}

static int popsize_of(const es_options *o) { return o->popsize ? o->popsize : strategies[o->kind]->popsize(o->n); }

static status sizes_check(const es_options *o, const es_strategy *s) {
  if (o->n < 1 || o->n > s->most_parameters)
    FAIL(BAD_CONFIG, "%s: %d parameters; 1 to %d are allowed", s->name, o->n, s->most_parameters);
  if (o->popsize != 0 && (o->popsize < s->least_popsize || o->popsize > 1 << 20 || o->popsize % s->popsize_multiple))
    FAIL(BAD_CONFIG, "%s: popsize is %d; 0 (by n) or %d to 1048576%s are allowed", s->name, o->popsize, s->least_popsize,
         s->popsize_multiple == 2 ? ", even," : "");
  if (o->factored_from < 0)
    FAIL(BAD_CONFIG, "%s: factored_from is %d; 0 (128) or a number above it is allowed", s->name, o->factored_from);
  return OK;
}

static status steps_check(const es_options *o, const char *name) {
  if (!(o->sigma0 > 0) || !isfinite(o->sigma0))
    FAIL(BAD_CONFIG, "%s: sigma0 is %g; a number above 0 is allowed", name, o->sigma0);
  if (o->sigma0 < ES_LEAST_SIGMA0 || o->sigma0 > ES_MOST_SIGMA0)
    FAIL(BAD_CONFIG, "%s: sigma0 is %g; %g to %g are allowed", name, o->sigma0, ES_LEAST_SIGMA0, ES_MOST_SIGMA0);
  if (!(o->learning_rate >= 0 && o->learning_rate <= ES_MOST_SIGMA0))
    FAIL(BAD_CONFIG, "%s: learning_rate is %g; 0 (by sigma0) or a number above it, up to %g, is allowed", name,
         o->learning_rate, ES_MOST_SIGMA0);
  if (!(o->most_effort == 0 || o->most_effort >= 1) || !isfinite(o->most_effort))
    FAIL(BAD_CONFIG, "%s: most_effort is %g; 0 (1) or a number from 1 on is allowed", name, o->most_effort);
  for (int i = 0; o->x0 && i < o->n; i++)
    if (!(fabs(o->x0[i]) <= ES_MOST_X0))
      FAIL(BAD_CONFIG, "%s: x0[%d] is %g; finite numbers are allowed, up to %g in size", name, i, o->x0[i],
           ES_MOST_X0);
  return OK;
}

static status restarts_check(const es_options *o, const char *name) {
  if ((int)o->restarts < ES_ONCE || (int)o->restarts > ES_BIPOP || o->most_doublings < 0 || o->most_doublings > 20)
    FAIL(BAD_CONFIG,
         "%s: restarts are %d with %d doublings; %d (once), %d (IPOP), %d (BIPOP) and 0 (9) to 20 doublings are "
         "allowed", name, (int)o->restarts, o->most_doublings, ES_ONCE, ES_IPOP, ES_BIPOP);
  int largest = (1 << 20) >> (o->restarts == ES_ONCE ? 0 : o->most_doublings ? o->most_doublings : 9);
  if (popsize_of(o) > largest)
    FAIL(BAD_CONFIG,
         "%s: restarts would double a popsize of %d beyond 1048576; one up to %d, or fewer doublings, are allowed",
         name, popsize_of(o), largest);
  return OK;
}

status es_options_check(const es_options *o) {
  const es_strategy *s = es_strategy_of((int)o->kind);
  if (!s) FAIL(BAD_CONFIG, "evolution strategy: kind is %d; 0 to %d are allowed", (int)o->kind, ES_KINDS - 1);
  TRY(sizes_check(o, s));
  TRY(steps_check(o, s->name));
  if (o->dialect != ES_PYCMA && o->dialect != ES_TUTORIAL)
    FAIL(BAD_CONFIG, "%s: dialect is %d; %d (pycma) and %d (tutorial) are allowed", s->name, (int)o->dialect, ES_PYCMA,
         ES_TUTORIAL);
  TRY(restarts_check(o, s->name));
  TRY(es_limits_check(o->limits));
  return es_bounds_check(o);
}

static void bounds_set(es *e, const es_options *o) {
  for (int i = 0; e->now.bounded && i < o->n; i++) {
    e->lower[i] = o->lower ? o->lower[i] : -INFINITY;
    e->upper[i] = o->upper ? o->upper[i] : INFINITY;
  }
  es_units_begin(e);
}

es_numbers es_numbers_first(const es_options *o) {
  bool once = o->restarts == ES_ONCE;
  int popsize = popsize_of(o);
  es_numbers now = {.kind = (int32_t)o->kind, .n = o->n, .popsize = popsize, .active = o->active, .dialect = (int32_t)o->dialect,
                    .bounded = o->lower || o->upper, .single = o->single, .seed = o->seed, .history_size = once ? es_history_size(o->n, popsize) : 0,
                    .sigma = o->sigma0, .sigma0 = o->sigma0, .learning_rate = o->learning_rate, .best = INFINITY,
                    .factored = o->kind == ES_CMA && o->n >= (o->factored_from ? o->factored_from : 128), .effort = 1, .most_effort = o->most_effort > 0 ? o->most_effort : 1,
                    .limits = o->limits ? *o->limits : es_limits_default(),
                    .ledger = {.policy = (int32_t)o->restarts, .most_doublings = o->most_doublings ? o->most_doublings : 9}};
  if (!once) now.limits.tolstagnation = 0;
  return now;
}

status es_open(es **out, const es_options *o) {
  TRY(es_options_check(o));
  es_numbers now = es_numbers_first(o);
  es *e = es_room(&now);
  bounds_set(e, o);
  if (o->x0) memcpy(e->mean, o->x0, (size_t)o->n * sizeof *e->mean);
  memcpy(e->best, e->mean, (size_t)o->n * sizeof *e->best);
  if (now.bounded) es_admit(e, e->best);
  if (o->restarts != ES_ONCE) es_first_descent(e);
  else es_unbound(e, e->mean), e->strategy->begin(e);
  *out = e;
  return OK;
}

void es_close(es *e) {
  if (!e) return;
  es_close(e->descent);
  if (e->own && e->strategy->close) e->strategy->close(e);
  arena_close(e->memory);
}

void es_use_thread(es *e, bool wanted) {
  e->alone = !wanted;
  if (e->descent) es_use_thread(e->descent, wanted);
}

static const es *at_work(const es *e) { return e->descent ? e->descent : e; }

int es_generation(const es *e) { return e->now.generation; }
int64_t es_evaluations(const es *e) { return e->now.evaluations; }
int es_descents(const es *e) { return e->descent ? e->now.ledger.descents : 1; }
int es_popsize(const es *e) { return at_work(e)->now.popsize; }
int es_size(const es *e) { return e->now.n; }
double es_sigma(const es *e) { return at_work(e)->now.sigma; }
double es_noise(const es *e) { return at_work(e)->now.noise; }
double es_condition(const es *e) { return at_work(e)->strategy->condition ? at_work(e)->strategy->condition(at_work(e)) : 1; }

const char *es_ended(const es *e, const double **mean) {
  if (!e->descent || !*e->ended) return NULL;
  if (mean) *mean = e->last;
  return e->ended;
}

const double *es_mean(const es *e) {
  if (e->descent) return es_mean(e->descent);
  if (!e->now.bounded) return e->mean;
  memcpy(e->shown, e->mean, (size_t)e->now.n * sizeof *e->shown);
  es_bound(e, e->shown);
  es_round(e, e->shown);
  return e->shown;
}

const double *es_best(const es *e, double *fitness) {
  if (fitness) *fitness = e->now.best;
  return e->best;
}

// --- ask ----------------------------------------------------------------------------------------------------------------

void es_normals(const es *e, int draw, double *z) { es_normals_piece(e, draw, 0, e->now.n, z); }

void es_normals_piece(const es *e, int draw, int first, int count, double *z) {
  rng stream = rng_stream(e->now.seed, "es");
  rng_normals_double(z, count, rng_episode(stream, (uint32_t)e->now.generation, (uint32_t)draw), 0, (uint32_t)first / 2);
}

double es_squares(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

// A genotype becomes what the caller sees.
static void finish(const es *e, double *x) {
  es_bound(e, x);
  es_round(e, x);
}

const double *es_ask(es *e) {
  if (e->descent) return es_ask(e->descent);
  if (e->asked) return e->x;
  size_t n = (size_t)e->now.n, popsize = (size_t)e->now.popsize;
  if (!e->x) e->x = ARENA_NEW(e->memory, double, popsize * n);
  if (e->now.bounded && !e->genotypes) e->genotypes = ARENA_NEW(e->memory, double, popsize * n);
  if (e->strategy->candidates) e->strategy->candidates(e, e->x);
  else
    for (size_t k = 0; k < popsize; k++) e->strategy->candidate(e, (int)k, e->x + k * n);
  if (e->now.bounded) memcpy(e->genotypes, e->x, popsize * n * sizeof *e->x);
  for (size_t k = 0; k < popsize; k++) finish(e, e->x + k * n);
  e->asked = true;
  return e->x;
}

void es_candidate(es *e, int index, double *x) {
  if (e->descent) return es_candidate(e->descent, index, x);
  CHECK(index >= 0 && index < e->now.popsize, "candidate %d of %d", index, e->now.popsize);
  if (e->asked || !e->strategy->candidate) {
    memcpy(x, es_ask(e) + (size_t)index * e->now.n, (size_t)e->now.n * sizeof *x);
    return;
  }
  e->strategy->candidate(e, index, x);
  finish(e, x);
}

status es_inject(es *e, int index, const double *x) {
  if (e->descent) return es_inject(e->descent, index, x);
  if (index < 0 || index >= e->now.popsize)
    FAIL(BAD_CONFIG, "candidate %d is injected; 0 to %d are allowed", index, e->now.popsize - 1);
  for (int i = 0; i < e->now.n; i++)
    if (!isfinite(x[i])) FAIL(BAD_CONFIG, "x[%d] of an injected solution is %g; finite numbers are allowed", i, x[i]);
  es_ask(e);

  size_t n = (size_t)e->now.n, at = (size_t)index * n;
  memcpy(e->x + at, x, n * sizeof *x);
  es_admit(e, e->x + at);
  if (e->now.bounded) es_unbound(e, memcpy(e->genotypes + at, e->x + at, n * sizeof *x));
  e->injected[index] = true;
  return OK;
}

// --- tell ---------------------------------------------------------------------------------------------------------------

static status fitness_check(const double *fitness, int count, const char *which) {
  for (int k = 0; k < count; k++)
    if (isnan(fitness[k]))
      FAIL(BAD_CONFIG, "%sfitness of candidate %d is nan; numbers are allowed, and inf for one that is worth nothing",
           which, k);
  return OK;
}

static status told_check(const es *e, const double *x) {
  for (int k = 0; x && k < e->now.popsize; k++)
    for (int i = 0; i < e->now.n; i++) {
      double value = x[(size_t)k * (size_t)e->now.n + (size_t)i];
      if (!isfinite(value)) FAIL(BAD_CONFIG, "x[%d] of candidate %d is %g; finite numbers are allowed", i, k, value);
    }
  return OK;
}

static int by_fitness(const void *a, const void *b) {
  const ranked *p = a, *q = b;
  if (p->fitness != q->fitness) return p->fitness < q->fitness ? -1 : 1;
  return p->candidate - q->candidate;
}

static void rank(es *e, const double *fitness) {
  for (int k = 0; k < e->now.popsize; k++) e->order[k] = (ranked){fitness[k], k};
  qsort(e->order, (size_t)e->now.popsize, sizeof *e->order, by_fitness);
}

// What candidate k was when it was evaluated, as its evaluator saw it.
static const double *told_row(es *e, int k) {
  if (e->told) return e->told + (size_t)k * e->now.n;
  if (e->asked) return e->x + (size_t)k * e->now.n;
  es_candidate(e, k, e->row);
  return e->row;
}

// Within bounds, what was told is what was asked if they differ by no more than rounding to float does: the way back
// from x to a genotype magnifies rounding where the transformation is flat.
static bool is_asked(double told, double asked) { return fabs(told - asked) <= 0x1p-23 * fabs(asked); }

static const double *genotype_row(es *e, int k) {
  size_t n = (size_t)e->now.n, at = (size_t)k * n;
  if (!e->asked) return e->strategy->candidate(e, k, e->row), e->row;
  if (!e->told) return e->genotypes + at;
  memcpy(e->row, e->told + at, n * sizeof *e->row);
  es_unbound(e, e->row);
  for (size_t i = 0; i < n; i++)
    if (is_asked(e->told[at + i], e->x[at + i])) e->row[i] = e->genotypes[at + i];
  return e->row;
}

#define FAR 1e30  // sigma: a step that is longer counts as one of so many, lest its square be infinite

static bool is_far(const es *e, const double *x, int i) { return !(fabs(x[i] - e->mean[i]) <= FAR * e->now.sigma); }

static const double *nearer(es *e, const double *x) {
  int first = 0, n = e->now.n;
  while (first < n && !is_far(e, x, first)) first++;
  if (first == n) return x;

  for (int i = 0; i < n; i++)
    e->row[i] = is_far(e, x, i) ? e->mean[i] + copysign(FAR * e->now.sigma, x[i] - e->mean[i]) : x[i];
  return e->row;
}

const double *es_row(es *e, int k) { return nearer(e, e->now.bounded ? genotype_row(e, k) : told_row(e, k)); }

static void best_keep(es *e, const double *x, double fitness) {
  if (!(fitness < e->now.best)) return;
  e->now.best = fitness;
  e->now.improved_at = e->now.generation;
  memcpy(e->best, x, (size_t)e->now.n * sizeof *e->best);
  if (e->now.bounded) es_admit(e, e->best);
}

// `again`: NULL, or what the candidates to be evaluated twice were worth the second time
static status tell(es *e, const double *x, const double *fitness, const double *again);

static status tell_descent(es *e, const double *x, const double *fitness, const double *again) {
  int64_t before = e->descent->now.evaluations;
  TRY(tell(e->descent, x, fitness, again));
  best_keep(e, e->descent->best, e->descent->now.best);
  e->now.generation++;
  e->now.evaluations += e->descent->now.evaluations - before;
  es_next_descent(e);
  return OK;
}

static void tell_search(es *e, const double *x, const double *fitness) {
  rank(e, fitness);
  if (x ? e->now.bounded : !e->strategy->candidate) es_ask(e);
  e->told = x;
  best_keep(e, told_row(e, e->order[0].candidate), e->order[0].fitness);
  e->strategy->tell(e);
  e->now.generation++;
  e->now.evaluations += e->now.popsize;
  es_remember(e);
  e->told = NULL;
  e->asked = false;
  memset(e->injected, 0, (size_t)e->now.popsize * sizeof *e->injected);
}

static status tell(es *e, const double *x, const double *fitness, const double *again) {
  if (e->descent) return tell_descent(e, x, fitness, again);
  int count = again ? es_reevaluations(e) : 0;

  // Nothing is changed before all is known to be good.
  if (e->only_samples) FAIL(BROKEN, "%s: made to sample, it cannot be told", e->strategy->name);
  if (es_spent(e)) FAIL(BROKEN, "%s: it cannot be told any more: %s", e->strategy->name, e->reason);
  TRY(fitness_check(fitness, e->now.popsize, ""));
  TRY(fitness_check(again, count, "second "));
  TRY(told_check(e, x));

  double changes = again ? es_rank_changes(fitness, again, count, e->now.popsize, e->ranks) : 0;
  tell_search(e, x, fitness);
  if (again) es_treat(e, changes);
  e->now.evaluations += count;
  return OK;
}

status es_tell(es *e, const double *x, const double *fitness) { return tell(e, x, fitness, NULL); }

status es_tell_twice(es *e, const double *x, const double *fitness, const double *again) {
  return tell(e, x, fitness, again);
}

// One search, of one descent: its life, ask and tell. What all strategies share stands here, the strategy itself in a
// file of its own; what follows when a search is done (restarts.c) is not its business.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

// --- life -----------------------------------------------------------------------------------------------------------

static size_t search_common_doubles(const es_numbers *now) {
  size_t n = (size_t)now->n;
  return 2 * n + (now->bounded ? 3 * n : 0) + (size_t)now->history_size + 2 * (size_t)now->limits.tolstagnation;
}

size_t es_doubles(const es_numbers *now) {
  return search_common_doubles(now) + (now->ledger.policy == ES_ONCE ? es_strategy_of(now->kind)->doubles(now) : 0);
}

static void search_state_place(es *e) {
  size_t n = (size_t)e->now.n, stagnation = (size_t)e->now.limits.tolstagnation;
  double *next = e->state = ARENA_NEW(e->memory, double, e->state_doubles);
  e->mean = es_take(&next, n);
  e->best = es_take(&next, n);

  if (e->now.bounded) {
    e->lower = es_take(&next, n);
    e->upper = es_take(&next, n);
    e->units = es_take(&next, n);
  }

  // histories, and last the strategy's own: a sample is cut from the end (state.c)
  e->history = es_take(&next, (size_t)e->now.history_size);
  if (stagnation) {
    e->bests = es_take(&next, stagnation);
    e->medians = es_take(&next, stagnation);
  }
  if (e->now.ledger.policy == ES_ONCE) e->strategy->room(e, next);
}

es *es_room(const es_numbers *now) {
  arena *memory = arena_open();
  es *e = ARENA_NEW(memory, es, 1);
  e->memory = memory;
  e->now = *now;
  e->strategy = es_strategy_of(now->kind);

  // the state, then scratch
  e->state_doubles = es_doubles(now);
  search_state_place(e);

  e->row = ARENA_NEW(memory, double, now->n);
  if (now->bounded) e->shown = ARENA_NEW(memory, double, now->n);
  if (now->limits.tolstagnation) e->sorting = ARENA_NEW(memory, double, now->limits.tolstagnation);
  e->injected = ARENA_NEW(memory, bool, now->popsize);
  e->order = ARENA_NEW(memory, ranked, now->popsize);
  e->ranks = ARENA_NEW(memory, double, 2 * (size_t)now->popsize);
  e->reason = ARENA_NEW(memory, char, ES_REASON);
  if (now->ledger.policy != ES_ONCE) {
    e->ended = ARENA_NEW(memory, char, ES_REASON);
    e->last = ARENA_NEW(memory, double, now->n);
  }
  return e;
}

static void search_bounds(es *e, const es_options *o) {
  for (int i = 0; e->now.bounded && i < o->n; i++) {
    e->lower[i] = o->lower ? o->lower[i] : -INFINITY;
    e->upper[i] = o->upper ? o->upper[i] : INFINITY;
  }
  es_units_begin(e);
}

es *es_search_open(const es_options *o) {
  es_numbers now = es_numbers_first(o);
  es *e = es_room(&now);
  search_bounds(e, o);

  // before any tell, the start is the best that is known
  if (o->x0) memcpy(e->mean, o->x0, (size_t)o->n * sizeof *e->mean);
  memcpy(e->best, e->mean, (size_t)o->n * sizeof *e->best);
  if (now.bounded) es_admit(e, e->best);
  if (o->restarts != ES_ONCE) return e;

  // the caller's x0 is a point of the box; the search moves among genotypes
  es_unbound(e, e->mean);
  e->strategy->begin(e);
  return e;
}

void es_search_close(es *e) {
  if (!e) return;
  es_search_close(e->descent);
  if (e->own && e->strategy->close) e->strategy->close(e);
  arena_close(e->memory);
}

// --- ask ------------------------------------------------------------------------------------------------------------

const double *es_search_ask(es *e) {
  if (e->asked) return e->x;

  size_t n = (size_t)e->now.n, popsize = (size_t)e->now.popsize;
  if (!e->x) e->x = ARENA_NEW(e->memory, double, popsize * n);
  if (e->now.bounded && !e->genotypes) e->genotypes = ARENA_NEW(e->memory, double, popsize * n);

  if (e->strategy->candidates) e->strategy->candidates(e, e->x);
  else
    for (size_t k = 0; k < popsize; k++) e->strategy->candidate(e, (int)k, e->x + k * n);

  // the way back from what the caller sees would lose digits
  if (e->now.bounded) memcpy(e->genotypes, e->x, popsize * n * sizeof *e->x);
  for (size_t k = 0; k < popsize; k++) es_show(e, e->x + k * n);
  e->asked = true;
  return e->x;
}

void es_search_candidate(es *e, int index, double *x) {
  CHECK(index >= 0 && index < e->now.popsize, "candidate %d of %d", index, e->now.popsize);

  // strategies that draw a matrix at once have no candidate alone
  if (e->asked || !e->strategy->candidate) {
    memcpy(x, es_search_ask(e) + (size_t)index * e->now.n, (size_t)e->now.n * sizeof *x);
    return;
  }

  // any process makes any candidate, from its number alone
  e->strategy->candidate(e, index, x);
  es_show(e, x);
}

status es_search_inject(es *e, int index, const double *x) {
  if (index < 0 || index >= e->now.popsize)
    FAIL(BAD_CONFIG, "candidate %d is injected; 0 to %d are allowed", index, e->now.popsize - 1);
  for (int i = 0; i < e->now.n; i++)
    if (!isfinite(x[i])) FAIL(BAD_CONFIG, "x[%d] of an injected solution is %g; finite numbers are allowed", i, x[i]);
  es_search_ask(e);

  // within bounds, as a drawn one: what is seen and its genotype
  size_t n = (size_t)e->now.n, at = (size_t)index * n;
  memcpy(e->x + at, x, n * sizeof *x);
  es_admit(e, e->x + at);
  if (e->now.bounded) es_unbound(e, memcpy(e->genotypes + at, e->x + at, n * sizeof *x));
  e->injected[index] = true;
  return OK;
}

// --- tell -----------------------------------------------------------------------------------------------------------

static status search_fitness_check(const double *fitness, int count, const char *which) {
  for (int k = 0; k < count; k++)
    if (isnan(fitness[k]))
      FAIL(BAD_CONFIG, "%sfitness of candidate %d is nan; numbers are allowed, and inf for one that is worth nothing",
           which, k);
  return OK;
}

static status search_told_check(const es *e, const double *x) {
  for (int k = 0; x && k < e->now.popsize; k++)
    for (int i = 0; i < e->now.n; i++) {
      double value = x[(size_t)k * (size_t)e->now.n + (size_t)i];
      if (!isfinite(value)) FAIL(BAD_CONFIG, "x[%d] of candidate %d is %g; finite numbers are allowed", i, k, value);
    }
  return OK;
}

static int search_by_fitness(const void *a, const void *b) {
  const ranked *p = a, *q = b;
  if (p->fitness != q->fitness) return p->fitness < q->fitness ? -1 : 1;
  return p->candidate - q->candidate;
}

static void search_rank(es *e, const double *fitness) {
  for (int k = 0; k < e->now.popsize; k++) e->order[k] = (ranked){fitness[k], k};
  qsort(e->order, (size_t)e->now.popsize, sizeof *e->order, search_by_fitness);
}

void es_best_keep(es *e, const double *x, double fitness) {
  if (!(fitness < e->now.best)) return;
  e->now.best = fitness;
  e->now.improved_at = e->now.generation;
  memcpy(e->best, x, (size_t)e->now.n * sizeof *e->best);
  if (e->now.bounded) es_admit(e, e->best);
}

static void search_take(es *e, const double *x, const double *fitness) {
  search_rank(e, fitness);
  if (x ? e->now.bounded : !e->strategy->candidate) es_search_ask(e);

  // the best of all is kept before the strategy moves
  e->told = x;
  es_best_keep(e, es_told_row(e, e->order[0].candidate), e->order[0].fitness);
  e->strategy->tell(e);

  e->now.generation++;
  e->now.evaluations += e->now.popsize;
  es_remember(e);

  e->told = NULL;
  e->asked = false;
  memset(e->injected, 0, (size_t)e->now.popsize * sizeof *e->injected);
}

status es_search_tell(es *e, const double *x, const double *fitness, const double *again) {
  int count = again ? es_twice_count(e) : 0;

  // Nothing is changed before all is known to be good.
  if (e->only_samples) FAIL(BROKEN, "%s: made to sample, it cannot be told", e->strategy->name);
  if (es_spent(e)) FAIL(BROKEN, "%s: it cannot be told any more: %s", e->strategy->name, e->reason);
  TRY(search_fitness_check(fitness, e->now.popsize, ""));
  TRY(search_fitness_check(again, count, "second "));
  TRY(search_told_check(e, x));

  double changes = again ? es_rank_changes(fitness, again, count, e->now.popsize, e->ranks) : 0;
  search_take(e, x, fitness);
  if (again) es_treat(e, changes);
  e->now.evaluations += count;
  return OK;
}

// The door: a search with or without restarts. Whoever comes in is led to the search at work; what ends a descent and
// begins the next is said in restarts.c.

#include <string.h>

#include "parts.h"

_Static_assert(ES_OK == (int)OK && ES_BROKEN == (int)BROKEN && ES_BAD_CONFIG == (int)BAD_CONFIG &&
                   ES_BAD_FILE == (int)BAD_FILE, "a status of the library is one of the program");

const char *es_message(void) { return status_message(); }

// Who searches: the present descent, or without restarts the search itself.
static es *at_work(es *e) { return e->descent ? e->descent : e; }

static const es *looked_at(const es *e) { return e->descent ? e->descent : e; }

// --- life -----------------------------------------------------------------------------------------------------------

es_status es_open(es **out, const es_options *o) {
  TRY(es_options_check(o));
  es *e = es_search_open(o);
  if (o->restarts != ES_ONCE) es_first_descent(e);
  *out = e;
  return OK;
}

void es_close(es *e) { es_search_close(e); }

void es_use_thread(es *e, bool wanted) {
  e->alone = !wanted;
  at_work(e)->alone = !wanted;
}

// --- ask and tell ---------------------------------------------------------------------------------------------------

const double *es_ask(es *e) { return es_search_ask(at_work(e)); }

void es_candidate(es *e, int index, double *x) { es_search_candidate(at_work(e), index, x); }

es_status es_inject(es *e, int index, const double *x) { return es_search_inject(at_work(e), index, x); }

static status door_tell(es *e, const double *x, const double *fitness, const double *again) {
  return e->descent ? es_descent_tell(e, x, fitness, again) : es_search_tell(e, x, fitness, again);
}

es_status es_tell(es *e, const double *x, const double *fitness) { return door_tell(e, x, fitness, NULL); }

es_status es_tell_twice(es *e, const double *x, const double *fitness, const double *again) {
  return door_tell(e, x, fitness, again);
}

int es_reevaluations(const es *e) { return es_twice_count(looked_at(e)); }

const char *es_done(const es *e) { return e->descent ? es_descents_done(e) : es_search_done(e); }

// --- looks ----------------------------------------------------------------------------------------------------------

int es_generation(const es *e) { return e->now.generation; }
int64_t es_evaluations(const es *e) { return e->now.evaluations; }
int es_descents(const es *e) { return e->descent ? e->now.ledger.descents : 1; }
int es_popsize(const es *e) { return looked_at(e)->now.popsize; }
int es_size(const es *e) { return e->now.n; }
double es_sigma(const es *e) { return looked_at(e)->now.sigma; }
double es_noise(const es *e) { return looked_at(e)->now.noise; }
double es_effort(const es *e) { return looked_at(e)->now.effort; }
double es_condition(const es *e) { return es_condition_of(looked_at(e)); }
const double *es_mean(const es *e) { return es_mean_shown(looked_at(e)); }

const char *es_ended(const es *e, const double **mean) {
  if (!e->descent || !*e->ended) return NULL;
  if (mean) *mean = e->last;
  return e->ended;
}

const double *es_best(const es *e, double *fitness) {
  if (fitness) *fitness = e->now.best;
  return e->best;
}

// --- states ---------------------------------------------------------------------------------------------------------

size_t es_sample_size(const es *e) { return es_search_sample_size(looked_at(e)); }

void es_sample_save(const es *e, void *bytes) { es_search_sample_save(looked_at(e), bytes); }

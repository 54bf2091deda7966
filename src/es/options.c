// A search's options: what is allowed, and the numbers that a search of such options begins with.

#include <math.h>

#include "parts.h"

static int options_popsize(const es_options *o) {
  return o->popsize ? o->popsize : es_strategy_of((int)o->kind)->popsize(o->n);
}

static status options_sizes_check(const es_options *o, const es_strategy *s) {
  if (o->n < 1 || o->n > s->most_parameters)
    FAIL(BAD_CONFIG, "%s: %d parameters; 1 to %d are allowed", s->name, o->n, s->most_parameters);

  // mirrored strategies want pairs
  if (o->popsize != 0 && (o->popsize < s->least_popsize || o->popsize > 1 << 20 || o->popsize % s->popsize_multiple))
    FAIL(BAD_CONFIG, "%s: popsize is %d; 0 (by n) or %d to 1048576%s are allowed", s->name, o->popsize,
         s->least_popsize,
         s->popsize_multiple == 2 ? ", even," : "");

  if (o->factored_from < 0)
    FAIL(BAD_CONFIG, "%s: factored_from is %d; 0 (128) or a number above it is allowed", s->name, o->factored_from);
  return OK;
}

static status options_steps_check(const es_options *o, const char *name) {
  if (!(o->sigma0 > 0) || !isfinite(o->sigma0))
    FAIL(BAD_CONFIG, "%s: sigma0 is %g; a number above 0 is allowed", name, o->sigma0);

  // what a search may grow to from here still has a square
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

static status options_restarts_check(const es_options *o, const char *name) {
  if ((int)o->restarts < ES_ONCE || (int)o->restarts > ES_BIPOP || o->most_doublings < 0 || o->most_doublings > 20)
    FAIL(BAD_CONFIG,
         "%s: restarts are %d with %d doublings; %d (once), %d (IPOP), %d (BIPOP) and 0 (9) to 20 doublings are "
         "allowed", name, (int)o->restarts, o->most_doublings, ES_ONCE, ES_IPOP, ES_BIPOP);

  // the last descent is 2^doublings times as large as the first
  int largest = (1 << 20) >> (o->restarts == ES_ONCE ? 0 : o->most_doublings ? o->most_doublings : 9);
  if (options_popsize(o) > largest)
    FAIL(BAD_CONFIG,
         "%s: restarts would double a popsize of %d beyond 1048576; one up to %d, or fewer doublings, are allowed",
         name, options_popsize(o), largest);
  return OK;
}

status es_options_check(const es_options *o) {
  const es_strategy *s = es_strategy_of((int)o->kind);
  if (!s) FAIL(BAD_CONFIG, "evolution strategy: kind is %d; 0 to %d are allowed", (int)o->kind, ES_KINDS - 1);

  // each check relies on those before
  TRY(options_sizes_check(o, s));
  TRY(options_steps_check(o, s->name));

  if (o->dialect != ES_PYCMA && o->dialect != ES_TUTORIAL)
    FAIL(BAD_CONFIG, "%s: dialect is %d; %d (pycma) and %d (tutorial) are allowed", s->name, (int)o->dialect, ES_PYCMA,
         ES_TUTORIAL);

  TRY(options_restarts_check(o, s->name));
  TRY(es_limits_check(o->limits));
  return es_bounds_check(o);
}

es_numbers es_numbers_first(const es_options *o) {
  bool once = o->restarts == ES_ONCE;
  int popsize = options_popsize(o);
  int factored_from = o->factored_from ? o->factored_from : 128;

  // what is not named is zero: counts, accounts
  es_numbers now = {
      .kind = (int32_t)o->kind,
      .n = o->n,
      .popsize = popsize,
      .active = o->active,
      .dialect = (int32_t)o->dialect,
      .bounded = o->lower || o->upper,
      .single = o->single,
      .seed = o->seed,
      .factored = o->kind == ES_CMA && o->n >= factored_from,
      .history_size = once ? es_history_size(o->n, popsize) : 0,
      .sigma = o->sigma0,
      .sigma0 = o->sigma0,
      .learning_rate = o->learning_rate,
      .best = INFINITY,
      .effort = 1,
      .most_effort = o->most_effort > 0 ? o->most_effort : 1,
      .limits = o->limits ? *o->limits : es_limits_default(),
      .ledger = {.policy = (int32_t)o->restarts, .most_doublings = o->most_doublings ? o->most_doublings : 9}};

  // a search that restarts keeps no history: its descents do
  if (!once) now.limits.tolstagnation = 0;
  return now;
}

// What a search goes by, as a list with formulas and sources. Computes nothing: every value comes from where the search
// has it.

#include "parts.h"

static const char *explain_popsize(const es_options *o, const es_strategy *s) {
  if (o->popsize) return "";
  return s->popsize_formula ? s->popsize_formula : "4 + floor(3 ln(n))";
}

es_status es_explain(es_constant *list, int *count, const es_options *o) {
  es_listing l = {.list = list};
  TRY(es_options_check(o));
  const es_strategy *s = es_strategy_of((int)o->kind);
  es_numbers now = es_numbers_first(o);

  // what was asked for, or follows from n
  es_list(&l, "n", now.n, "", "the options: number of parameters");
  es_list(&l, "popsize", now.popsize, explain_popsize(o, s), o->popsize ? "the options" : "Hansen 2016 (48)");
  es_list(&l, "sigma0", now.sigma0, "", "the options");

  // then what is the strategy's own, and what ends it
  if (s->list) s->list(&l, &now);
  if (now.most_effort > 1) es_list_uncertainty(&l, &now);
  es_list_limits(&l, &now);

  *count = l.count;
  return OK;
}

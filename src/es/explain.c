// What a search goes by, as a list with formulas and sources. Computes nothing: every value comes from where the search has it.

#include "parts.h"

static void (*const lists[ES_KINDS])(es_listing *l, const es_numbers *now) = {
    [ES_CMA] = es_list_cma,     [ES_SEP_CMA] = es_list_sep_cma, [ES_LRA_CMA] = es_list_lra_cma, [ES_LM_MA] = es_list_lm_ma,
    [ES_OPENAI] = es_list_openai, [ES_PGPE] = es_list_pgpe,     [ES_ONE_PLUS_ONE] = es_list_one_plus_one};

void es_list(es_listing *l, const char *name, double value, const char *formula, const char *source) {
  CHECK(l->count < ES_CONSTANTS_MAX, "%s: more than %d constants", name, ES_CONSTANTS_MAX);
  l->list[l->count++] = (es_constant){name, value, formula, source};
}

static const char *popsize_formula(const es_options *o) {
  if (o->popsize) return "";
  if (o->kind == ES_ONE_PLUS_ONE) return "2";
  return o->kind == ES_OPENAI || o->kind == ES_PGPE ? "2 ceil((4 + floor(3 ln(n))) / 2)" : "4 + floor(3 ln(n))";
}

status es_explain(es_constant *list, int *count, const es_options *o) {
  es_listing l = {.list = list};
  TRY(es_options_check(o));
  es_numbers now = es_numbers_first(o);
  es_list(&l, "n", now.n, "", "the options: number of parameters");
  es_list(&l, "popsize", now.popsize, popsize_formula(o), o->popsize ? "the options" : "Hansen 2016 (48)");
  es_list(&l, "sigma0", now.sigma0, "", "the options");
  if (lists[o->kind]) lists[o->kind](&l, &now);
  if (now.most_effort > 1) es_list_uncertainty(&l, &now);
  es_list_limits(&l, &now);
  *count = l.count;
  return OK;
}

// Tests for src/es/explain.c: the listed values are those of the search, and each formula, read as it is printed and
// put together from the values listed before it, gives its value.

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base.h"
#include "es.h"

static const double ones[1000] = {1};

static const es_constant *find(const es_constant *list, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(list[i].name, name) == 0) return &list[i];
  return NULL;
}

static double value_of(const es_constant *list, int count, const char *name) {
  const es_constant *c = find(list, count, name);
  if (!c) fail_msg("%s is not listed", name);
  return c->value;
}

// --- formulas: + - * / ^, functions, names; what stands side by side is multiplied ----------------------------------

typedef struct formula { const char *at; const es_constant *list; int known; } formula;

static double sum(formula *f);

static char next(formula *f) {
  while (*f->at == ' ') f->at++;
  return *f->at;
}

static bool takes(formula *f, char c) { return next(f) == c && f->at++; }

static double call(formula *f, const char *name) {
  double a = sum(f), b;
  while (takes(f, ',')) {
    b = sum(f);
    a = strcmp(name, "min") == 0 ? fmin(a, b) : fmax(a, b);
  }
  assert_true(takes(f, ')'));
  if (strcmp(name, "sqrt") == 0) return sqrt(a);
  if (strcmp(name, "ln") == 0) return log(a);
  if (strcmp(name, "floor") == 0) return floor(a);
  if (strcmp(name, "ceil") == 0) return ceil(a);
  if (strcmp(name, "min") != 0 && strcmp(name, "max") != 0) fail_msg("unknown function %s", name);
  return a;
}

static double name_or_call(formula *f) {
  char name[32];
  size_t size = 0;
  while (isalnum((unsigned char)*f->at) || *f->at == '_') name[size++] = *f->at++;
  name[size] = 0;
  const es_constant *c = find(f->list, f->known, name);
  if (c) return c->value;
  if (*f->at++ != '(') fail_msg("%s is not listed before it is used", name);
  return call(f, name);
}

static double piece(formula *f) {
  char c = next(f);
  double x;
  if (takes(f, '-')) return -piece(f);
  if (takes(f, '(')) {
    x = sum(f);
    assert_true(takes(f, ')'));
  } else if (isdigit((unsigned char)c)) {
    char *end;
    x = strtod(f->at, &end);
    f->at = end;
  } else {
    x = name_or_call(f);
  }
  return takes(f, '^') ? pow(x, piece(f)) : x;
}

static double product(formula *f) {
  double x = piece(f);
  for (;;) {
    char c = next(f);
    if (takes(f, '/')) x /= piece(f);
    else if (c == '(' || isalnum((unsigned char)c)) x *= piece(f);
    else return x;
  }
}

static double sum(formula *f) {
  double x = product(f);
  for (;;) {
    if (takes(f, '+')) x += product(f);
    else if (takes(f, '-')) x -= product(f);
    else return x;
  }
}

static double evaluate(const es_constant *list, int known, const char *text) {
  formula f = {text, list, known};
  double x = sum(&f);
  if (next(&f)) fail_msg("\"%s\" is not understood from \"%s\" on", text, f.at);
  return x;
}

// The two that are sums over weights, w_i = ln((popsize + 1) / 2) - ln(i).
static double mass(int from, int to, int popsize) {
  double plain = 0, square = 0;
  for (int i = from; i <= to; i++) {
    double w = log((popsize + 1) / 2.0) - log(i);
    plain += w, square += w * w;
  }
  return plain * plain / square;
}

static void assert_formula(const es_constant *list, int i, es_kind kind) {
  const es_constant *c = &list[i];
  int popsize = (int)value_of(list, 2, "popsize");
  double wanted = strstr(c->formula, "..") == NULL ? evaluate(list, i, c->formula)
                  : strcmp(c->name, "mueff") == 0  ? mass(1, popsize / 2, popsize)
                                                   : mass(popsize / 2 + 1, popsize, popsize);
  if (!(fabs(wanted - c->value) <= 1e-12 * fabs(wanted)))
    fail_msg("%s: %s is %.15g, but %s gives %.15g", es_kind_name(kind), c->name, c->value, c->formula, wanted);
}

static void each_way(void each(const es_options *o)) {
  static const int sizes[][2] = {{1, 0}, {2, 6}, {10, 0}, {40, 4}, {867, 64}, {1000, 512}, {20, 400}};
  for (es_kind kind = 0; kind < ES_KINDS; kind++)
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
      for (int way = 0; way < 16; way++) {
        const es_options o = {.kind = kind,
                              .n = sizes[i][0],
                              .popsize = sizes[i][1],
                              .sigma0 = 0.3,
                              .active = way & 1,
                              .dialect = way & 2 ? ES_TUTORIAL : ES_PYCMA,
                              .most_effort = way & 4 ? 20 : 0,
                              .restarts = way & 8 ? ES_IPOP : ES_ONCE};
        each(&o);
      }
}

static void formulas_of(const es_options *o) {
  es_constant list[ES_CONSTANTS_MAX];
  int count;
  assert_int_equal(es_explain(list, &count, o), OK);
  for (int i = 0; i < count; i++) {
    assert_true(list[i].source[0] != 0);
    assert_null(find(list, i, list[i].name));
    if (list[i].formula[0]) assert_formula(list, i, o->kind);
  }
}

static void test_formulas_give_their_values(void **state) {
  (void)state;
  each_way(formulas_of);
}

// --- values ---------------------------------------------------------------------------------------------------------

static void values_of(const es_options *o) {
  es_constant list[ES_CONSTANTS_MAX];
  int count;
  es *e;
  if (o->most_effort > 1 || o->restarts) return;
  assert_int_equal(es_explain(list, &count, o), OK);
  assert_int_equal(es_open(&e, o), OK);
  assert_true(value_of(list, count, "n") == es_size(e) && value_of(list, count, "popsize") == es_popsize(e) &&
              value_of(list, count, "sigma0") == es_sigma(e));
  es_close(e);
  if (o->kind > ES_LRA_CMA) return;
  es_constants c = (o->kind == ES_SEP_CMA ? es_constants_separable : es_constants_make)(o->n, o->popsize, o->active,
                                                                                        o->dialect, NULL);
  const struct { const char *name; double value; } wanted[] = {{"mu", c.mu},       {"mueff", c.mueff}, {"cs", c.cs},
                {"damps", c.damps}, {"cc", c.cc},       {"c1", c.c1},
                {"cmu", c.cmu},     {"chi_n", c.chi_n}, {"negative_sum", c.negative_sum}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    assert_true(value_of(list, count, wanted[i].name) == wanted[i].value);
  if (o->kind != ES_SEP_CMA) assert_true(value_of(list, count, "eigen_gap") == c.eigen_gap);
}

static void test_values_are_the_search_s(void **state) {
  (void)state;
  each_way(values_of);
}

// What a search does shows the constants of the strategies that have no table of them.
static es *after_one(es_options o) {
  es *e;
  double *fitness = calloc((size_t)o.popsize, sizeof *fitness);
  assert_int_equal(es_open(&e, &o), OK);
  const double *x = es_ask(e);
  for (int k = 0; k < o.popsize; k++) fitness[k] = x[(size_t)k * o.n];
  es_tell(e, NULL, fitness);
  free(fitness);
  return e;
}

static double moved(const es *e) {
  double square = 0;
  for (int i = 0; i < es_size(e); i++) square += es_mean(e)[i] * es_mean(e)[i];
  return sqrt(square);
}

static double listed(const es_options *o, const char *name) {
  es_constant list[ES_CONSTANTS_MAX];
  int count;
  assert_int_equal(es_explain(list, &count, o), OK);
  return value_of(list, count, name);
}

static void test_steps_show_the_rates(void **state) {
  (void)state;
  es_options o = {.kind = ES_OPENAI, .n = 9, .popsize = 10, .sigma0 = 0.3};
  es *e = after_one(o);  // Adam's first step is the rate, along each axis
  assert_true(fabs(moved(e) / (3 * listed(&o, "learning_rate")) - 1) < 1e-6);
  es_close(e);
  o.kind = ES_PGPE;      // ClipUp's is a step's length
  e = after_one(o);
  assert_true(fabs(moved(e) / listed(&o, "learning_rate") - 1) < 1e-12);
  es_close(e);
  o.kind = ES_ONE_PLUS_ONE, o.popsize = 2;
  e = after_one(o);
  double rise = es_mean(e)[0] < 0 ? 1 - listed(&o, "target") : -listed(&o, "target");
  assert_true(fabs(log(es_sigma(e) / o.sigma0) - rise / listed(&o, "damping")) < 1e-12);
  es_close(e);
}

static void test_what_is_off_is_not_listed(void **state) {
  (void)state;
  es_constant list[ES_CONSTANTS_MAX];
  int count;
  const es_limits limits = {.ftarget = -INFINITY, .tolx = 0.5};
  es_options o = {.n = 3, .sigma0 = 1, .limits = &limits, .x0 = ones};
  assert_int_equal(es_explain(list, &count, &o), OK);
  assert_true(value_of(list, count, "tolx") == 0.5);
  assert_null(find(list, count, "tolfun"));
  assert_null(find(list, count, "theta"));
  o.sigma0 = -1;
  assert_int_equal(es_explain(list, &count, &o), BAD_CONFIG);
  assert_string_equal(status_message(), "CMA-ES: sigma0 is -1; a number above 0 is allowed");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_formulas_give_their_values),
      cmocka_unit_test(test_values_are_the_search_s),
      cmocka_unit_test(test_steps_show_the_rates),
      cmocka_unit_test(test_what_is_off_is_not_listed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

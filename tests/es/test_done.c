// Tests for src/es/done.c: each limit met by a real search, and just kept and just passed by hand.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/cma.h"
#include "search.h"

static es *limited(const double *x0, double sigma0, const es_limits *limits) {
  es *e;
  const es_options o = {.n = N, .sigma0 = sigma0, .x0 = x0, .seed = 13, .active = true, .limits = limits};
  if (es_open(&e, &o) != OK) fail_msg("%s", status_message());
  return e;
}

static es_limits none(void) { return (es_limits){.ftarget = -INFINITY}; }

static bool says(const es *e, const char *limit) {
  size_t size = strlen(limit);
  return es_done(e) && strncmp(es_done(e), limit, size) == 0 && es_done(e)[size] == ':';
}

// --- by real searches -----------------------------------------------------------------------------------------------

static double slope(const double *x, int n) { return x[0] + 0 * n; }
static double needle(const double *x, int n) { return x[0] * x[0] + 1e-17 * sphere(x + 1, n - 1); }
static double far_bowl(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += fabs(x[i] - 1e13 / 3);
  return sum;
}
static double plain(const double *x, int n) { return 0 * x[0] + n; }
static double only_the_order(double f) { return log(f + 1e-300) * 1e30; }

// Plays until the search says why not to go on, which must be for this reason. Returns the generations.
static int expect_reason(const es_limits *limits, function *f, double at, double sigma0, view *look,
                         const char *limit) {
  double x0[N];
  for (int i = 0; i < N; i++) x0[i] = at;
  es *e = limited(x0, sigma0, limits);
  assert_null(es_done(e));
  int g = 0;
  for (; g < 20000 && !es_done(e); g++) search_step_seen(e, f, NULL, 1, look);
  if (!says(e, limit)) fail_msg("%s: %s after %d generations", limit, es_done(e), g);
  es_close(e);
  return g;
}

static void test_it_says_why_it_is_done(void **state) {
  (void)state;
  assert_true(expect_reason(NULL, sphere, 1, 0.5, as_is, "tolfun") > 20);
  assert_true(expect_reason(NULL, sphere, 1, 0.5, only_the_order, "tolx") > 20);
  assert_true(expect_reason(NULL, needle, 1, 1, only_the_order, "tolconditioncov") > 20);
  assert_true(expect_reason(NULL, slope, 0, 1e-3, as_is, "tolfacupx") > 20);
  assert_true(expect_reason(NULL, far_bowl, 1e13 / 3, 1e8, only_the_order, "noeffectaxis") > 20);
}

static void test_limits_of_pycma(void **state) {
  (void)state;
  es_limits l = es_limits_pycma(N, 10);
  assert_int_equal(l.maxiter, 100 + (int)(150 * 11 * 11 / sqrt(10)));
  assert_int_equal(l.tolstagnation, 2 * (int)((100 + 100 * pow(8, 1.5) / 10) / 2));
  assert_true(expect_reason(&l, sphere, 1, 0.5, as_is, "tolfun") > 20);
  assert_int_equal(expect_reason(&l, plain, 1, 0.5, as_is, "tolflatfitness"), 2);
  assert_true(expect_reason(&l, slope, 0, 1e-3, as_is, "tolfacupx") < 100);
}

static void test_enough(void **state) {
  (void)state;
  es_limits l = none();
  l.maxiter = 7;
  assert_int_equal(expect_reason(&l, sphere, 1, 0.5, as_is, "maxiter"), 7);
  l = none(), l.maxfevals = 101;  // whole generations of 10
  assert_int_equal(expect_reason(&l, sphere, 1, 0.5, as_is, "maxfevals"), 11);
  l = none(), l.ftarget = 1e-6;
  int g = expect_reason(&l, sphere, 1, 0.5, as_is, "ftarget");
  assert_true(g > 50 && g < 200);
}

// Fitness that is luck alone: the medians of later generations are no better.
static void test_stagnation(void **state) {
  (void)state;
  es_limits l = none();
  l.tolstagnation = 200;
  es *e = limited(ones, 1, &l);
  double fitness[MOST_CANDIDATES];
  int g = 0;
  for (; g < 5000 && !es_done(e); g++) {
    for (int k = 0; k < es_popsize(e); k++)
      fitness[k] = rng_uniform(rng_episode(rng_stream(4, "luck"), (uint32_t)g, (uint32_t)k), 0, 0);
    es_tell(e, es_ask(e), fitness);
  }
  assert_true(g > 500 && says(e, "tolstagnation"));
  es_close(e);
  l.ftarget = 1e-20;  // what gets better all the time does not stagnate
  assert_true(expect_reason(&l, sphere, 1e9, 1, as_is, "ftarget") > 200);
}

// --- by hand --------------------------------------------------------------------------------------------------------

static es *healthy(const es_limits *limits) {
  es *e = limited(ones, 1, limits);
  search_step(e, sphere);
  cma *c = cma_of(e);
  memset(c->C, 0, sizeof(double) * N * N);
  memset(c->B, 0, sizeof(double) * N * N);
  for (int i = 0; i < N; i++) c->C[i * N + i] = c->B[i * N + i] = c->D[i] = 1, c->paths.pc[i] = 0;
  e->now.sigma = 1;
  assert_null(es_done(e));
  return e;
}

static void test_fitness_limits(void **state) {
  (void)state;
  es *e = healthy(NULL);
  for (int i = 0; i < e->now.history_size; i++) e->history[i] = 7;
  e->now.spread = 0;
  e->now.history_count = e->now.history_size - 1;
  assert_null(es_done(e));  // the history is not full yet
  e->now.history_count++;
  assert_true(says(e, "tolfun"));
  e->now.spread = 1;
  assert_null(es_done(e));
  e->now.limits.tolfunhist = 1e-12;
  assert_true(says(e, "tolfunhist"));
  e->history[3] += 1e-11;
  assert_null(es_done(e));
  e->history[3] = 7, e->now.history_count = 9;
  assert_null(es_done(e));
  e->now.limits.tolflatfitness = 3, e->now.flat = 3;
  assert_null(es_done(e));
  e->now.flat = 4;
  assert_true(says(e, "tolflatfitness"));
  es_close(e);
}

static void test_stagnation_by_hand(void **state) {
  (void)state;
  es_limits l = none();
  l.tolstagnation = 10;
  es *e = healthy(&l);
  e->now.generation = e->now.history_count = 1003;  // the ring begins at 3
  e->now.improved_at = 996;                         // told at generation 996, 6 before the last
  for (int i = 0; i < 10; i++) e->bests[i] = e->medians[i] = 1;
  assert_true(says(e, "tolstagnation"));
  e->now.improved_at = 997;  // in the later half
  assert_null(es_done(e));
  e->now.improved_at = 996;
  for (int i = 0; i < 3; i++) e->bests[(8 + i) % 10] = 0.9;  // generations 998 to 1000, the majority of the later half
  assert_null(es_done(e));
  e->bests[8] = 1;
  assert_true(says(e, "tolstagnation"));
  for (int i = 0; i < 3; i++) e->medians[(8 + i) % 10] = 0.9;
  assert_null(es_done(e));
  for (int i = 0; i < 3; i++) e->medians[3 + i] = 0.9;  // the earlier half was as good
  assert_true(says(e, "tolstagnation"));
  e->now.generation = 500, e->now.improved_at = 490;  // the start is exempt
  assert_null(es_done(e));
  e->now.generation = 501;
  assert_true(says(e, "tolstagnation"));
  es_close(e);
}

static void test_flat_generations_are_counted(void **state) {
  (void)state;
  es *e = limited(ones, 1, NULL);
  int popsize = es_popsize(e);  // 10: the first eight decide
  double fitness[MOST_CANDIDATES] = {0};
  for (int g = 1; g <= 3; g++) {
    for (int k = 0; k < popsize; k++) fitness[k] = k >= 8;
    es_tell(e, NULL, fitness);
    assert_int_equal(e->now.flat, g);
  }
  fitness[7] = 1;
  es_tell(e, NULL, fitness);
  assert_int_equal(e->now.flat, 0);
  es_close(e);
}

static void test_shape_limits(void **state) {
  (void)state;
  es *e = healthy(NULL);
  cma *c = cma_of(e);
  c->D[N - 1] = 0.99e7;
  assert_null(es_done(e));
  c->D[N - 1] = 1.01e7;
  assert_true(says(e, "tolconditioncov"));
  c->D[N - 1] = 1;
  e->now.sigma = 0.99e-12;
  assert_true(says(e, "tolx"));
  c->paths.pc[3] = -1e4;  // a long path may still carry it on, whichever way it goes
  assert_null(es_done(e));
  c->paths.pc[3] = 0, c->C[2 * N + 2] = 4;
  assert_null(es_done(e));
  c->C[2 * N + 2] = 1, e->now.sigma = 0.99e20;
  assert_null(es_done(e));
  c->C[0] = 1.03;
  assert_true(says(e, "tolfacupx"));
  c->C[0] = 1, e->now.sigma = 1e10;
  for (int i = 0; i < N; i++) c->D[i] = 1.01e-10;
  assert_null(es_done(e));
  for (int i = 0; i < N; i++) c->D[i] = 0.99e-10;
  assert_true(says(e, "tolupsigma"));
  es_close(e);
}

static void test_steps_that_rounding_swallows(void **state) {
  (void)state;
  es *e = healthy(NULL);
  cma *c = cma_of(e);
  e->mean[0] = 1e17;  // its neighbours are 16 apart
  assert_true(says(e, "noeffectcoord"));
  e->now.limits.noeffectcoord = 0;
  assert_null(es_done(e));
  for (int i = 0; i < N; i++) e->mean[i] = i == 1 ? 1e17 : 1;
  e->now.generation = N + 1;  // axis 1 is looked at
  assert_true(says(e, "noeffectaxis"));
  e->now.generation = N + 2;
  assert_null(es_done(e));
  e->now.generation = N + 1, c->B[2 * N + 1] = 0.01;  // axis 1 moves another coordinate too
  assert_null(es_done(e));
  es_close(e);
}

static void test_each_limit_can_be_switched_off(void **state) {
  (void)state;
  es_limits l = none();
  es *e = healthy(&l);
  for (int i = 0; i < e->now.history_size; i++) e->history[i] = 7;
  e->now.spread = 0, e->now.history_count = 1000, e->now.flat = 1000, e->now.generation = 1000,
  e->now.evaluations = 10000;
  cma_of(e)->D[0] = 1e-30, e->mean[0] = 1e140, e->now.sigma = 1e100;
  assert_null(es_done(e));
  e->now.sigma = 1e-100;
  assert_null(es_done(e));
  es_close(e);
}

static void test_wrong_limits_are_refused(void **state) {
  (void)state;
  struct { es_limits l; const char *words; } wrong[] = {{{.ftarget = (double)NAN}, "ftarget"},
               {{.tolfun = -1}, "tolfun"},
               {{.tolx = (double)NAN}, "tolx"},
               {{.maxiter = -3}, "maxiter is -3"},
               {{.tolstagnation = 7}, "tolstagnation is 7"},
               {{.tolflatfitness = -1}, "tolflatfitness"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    es *e;
    const es_options o = {.n = 2, .sigma0 = 1, .limits = &wrong[i].l};
    assert_int_equal(es_open(&e, &o), BAD_CONFIG);
    if (!strstr(status_message(), wrong[i].words) || !strstr(status_message(), "allowed"))
      fail_msg("%s: %s", wrong[i].words, status_message());
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_it_says_why_it_is_done),
      cmocka_unit_test(test_limits_of_pycma),
      cmocka_unit_test(test_enough),
      cmocka_unit_test(test_stagnation),
      cmocka_unit_test(test_fitness_limits),
      cmocka_unit_test(test_stagnation_by_hand),
      cmocka_unit_test(test_flat_generations_are_counted),
      cmocka_unit_test(test_shape_limits),
      cmocka_unit_test(test_steps_that_rounding_swallows),
      cmocka_unit_test(test_each_limit_can_be_switched_off),
      cmocka_unit_test(test_wrong_limits_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

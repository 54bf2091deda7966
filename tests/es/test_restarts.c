// Tests for src/es/restarts.c: on Rastrigin's function a single descent succeeds from a popsize between 100 and 400 on
// (pycma 4.4.0: 1, 9, 14 of 15 at 100, 200, 400), restarts find that by themselves; the schedule is that of the papers,
// deterministic, and goes on bit for bit after being saved.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/parts.h"
#include "search.h"

#define DIMENSIONS 10
#define MOST_POPSIZE 8192
static double fitness[MOST_POPSIZE];

static void generation(es *e, function *f) {
  const double *x = es_ask(e);
  assert_true(es_popsize(e) <= MOST_POPSIZE);
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = f(x + (size_t)k * es_size(e), es_size(e));
  es_tell(e, x, fitness);
}

static es *on_rastrigin(es_restarts restarts, int popsize, uint64_t seed, int64_t most) {
  double x0[DIMENSIONS];
  for (int i = 0; i < DIMENSIONS; i++) x0[i] = 10 * rng_uniform(rng_stream(seed, "x0"), 0, (uint32_t)i) - 5;
  es_limits limits = es_limits_pycma(DIMENSIONS, popsize ? popsize : 10);
  limits.ftarget = 1e-8, limits.maxfevals = most;
  if (restarts != ES_ONCE) limits.maxiter = 0;
  const es_options o = {.n = DIMENSIONS,
                        .popsize = popsize,
                        .sigma0 = 2,
                        .x0 = x0,
                        .seed = seed,
                        .active = true,
                        .limits = &limits,
                        .restarts = restarts};
  return open_or_fail(&o);
}

static bool solves(es_restarts restarts, int popsize, uint64_t seed, int64_t *evaluations) {
  es *e = on_rastrigin(restarts, popsize, seed, 1000000);
  while (!es_done(e)) generation(e, rastrigin);
  bool solved = strncmp(es_done(e), "ftarget", 7) == 0;
  double best, there = rastrigin(es_best(e, &best), DIMENSIONS);
  assert_true(there == best && (best <= 1e-8) == solved);
  *evaluations = es_evaluations(e);
  es_close(e);
  return solved;
}

static void test_a_larger_popsize_sees_the_whole(void **state) {
  (void)state;
  enum { SEEDS = 15 };
  static const struct { int popsize, least, most; } t[] = {{50, 0, 5}, {100, 0, 7}, {200, 4, 14}, {400, 11, 15}};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    int solved = 0;
    int64_t evaluations;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) solved += solves(ES_ONCE, t[i].popsize, seed, &evaluations);
    printf("Rastrigin 10, popsize %3d: %2d of %d\n", t[i].popsize, solved, SEEDS);
    assert_in_range(solved, t[i].least, t[i].most);
  }
}

static void test_restarts_solve_rastrigin(void **state) {
  (void)state;
  for (es_restarts policy = ES_IPOP; policy <= ES_BIPOP; policy++)
    for (uint64_t seed = 1; seed <= 4; seed++) {
      int64_t evaluations;
      bool solved = solves(policy, 0, seed, &evaluations);
      printf("Rastrigin 10, %s, seed %d: %s after %lld evaluations\n", policy == ES_IPOP ? "IPOP" : "BIPOP", (int)seed,
             solved ? "solved" : "not solved", (long long)evaluations);
      assert_true(solved);
    }
}

// --- the schedule ---------------------------------------------------------------------------------------------------

static double plain(const double *x, int n) { return 0 * x[0] + n; }  // every descent ends after 2 generations

static es *on_plain(es_restarts restarts, int doublings) {
  const es_options o = {
      .n = N, .popsize = 10, .sigma0 = 1, .seed = 3, .active = true, .restarts = restarts, .most_doublings = doublings};
  return open_or_fail(&o);
}

static void test_ipop_doubles(void **state) {
  (void)state;
  es *e = on_plain(ES_IPOP, 4);
  for (int descent = 0; descent < 5; descent++)
    for (int g = 0; g < 2; g++) {
      assert_null(es_done(e));
      assert_int_equal(es_ended(e, NULL) != NULL, descent > 0 && g == 0);
      assert_int_equal(es_descents(e), descent + 1);
      assert_int_equal(es_popsize(e), 10 << descent);
      generation(e, plain);
    }
  assert_true(es_done(e) && strstr(es_done(e), "restarts: the last of 5 descents ended by tolflatfitness"));
  assert_int_equal(es_evaluations(e), 2 * (10 + 20 + 40 + 80 + 160));
  es_close(e);
}

static void test_a_descent_says_why_it_ended(void **state) {
  (void)state;
  es *e = on_rastrigin(ES_IPOP, 0, 2, 100000), *alone = on_rastrigin(ES_ONCE, 0, 2, 100000);
  const double *mean;
  for (; es_descents(e) == 1; generation(e, rastrigin)) assert_null(es_ended(e, &mean));
  while (!es_done(alone)) generation(alone, rastrigin);  // the first descent is the same search
  assert_string_equal(es_ended(e, &mean), es_done(alone));
  assert_memory_equal(mean, es_mean(alone), DIMENSIONS * sizeof *mean);
  generation(e, rastrigin);
  assert_null(es_ended(e, NULL));
  es_close(e);
  es_close(alone);
}

static void test_bipop_keeps_its_accounts(void **state) {
  (void)state;
  es *e = on_plain(ES_BIPOP, 5);
  int64_t small = 0, large = 0;
  int doublings = 0, short_ones = 0, short_steps = 0;
  for (int descent = 0; !es_done(e); descent++) {
    int popsize = es_popsize(e), at = es_descents(e);
    double sigma = es_sigma(e);
    if (descent == 0) assert_true(popsize == 10 && sigma == 1);
    else if (small < large) {  // the small ones' turn
      assert_in_range(popsize, 10, 10 << doublings);
      assert_true(sigma >= 0.01 && sigma < 1);
      short_ones++;
      short_steps += sigma < 0.1;
    } else {
      assert_int_equal(popsize, 10 << ++doublings);
      assert_true(sigma == 1);
    }
    int64_t *account = descent > 0 && small >= large ? &large : &small;
    while (es_descents(e) == at && !es_done(e)) {
      generation(e, plain);
      *account += popsize;
    }
  }
  assert_int_equal(doublings, 5);
  assert_int_equal(es_evaluations(e), small + large);
  assert_true(short_ones >= 5 && short_steps > 0 && small >= large);
  es_close(e);
}

static void test_the_first_descent_is_the_search_without_restarts(void **state) {
  (void)state;
  const double x0[N] = {1, 0.3, 1, 0.1, 1, 0.7, 1, 0}, low[N] = {0, 0, 0, 0, 0, 0, 0, 0},
               high[N] = {2, 2, 2, 2, 2, 2, 2, 2};
  es_options o = {.n = N, .sigma0 = 1, .x0 = x0, .seed = 3, .active = true, .lower = low, .upper = high};
  es *once = open_or_fail(&o);
  o.restarts = ES_IPOP;
  es *again = open_or_fail(&o);
  for (int g = 0; g < 30; g++) {
    generation(once, rosenbrock);
    generation(again, rosenbrock);
    assert_memory_equal(es_mean(once), es_mean(again), N * sizeof(double));
  }
  es_close(once);
  es_close(again);
}

static void test_descents_have_luck_and_places_of_their_own(void **state) {
  (void)state;
  es *e = on_plain(ES_IPOP, 4);
  double first[N], second[N], mean[N];
  memcpy(first, es_ask(e), sizeof first);
  while (es_descents(e) < 2) generation(e, plain);
  memcpy(mean, es_mean(e), sizeof mean);
  memcpy(second, es_ask(e), sizeof second);
  for (int i = 0; i < N; i++)
    assert_true(mean[i] != 0 && fabs(mean[i]) < 5 && fabs(second[i] - mean[i] - first[i]) > 1e-9);
  es_close(e);
}

static void test_a_loaded_search_goes_on_bit_for_bit(void **state) {
  (void)state;
  for (es_restarts policy = ES_IPOP; policy <= ES_BIPOP; policy++) {
    es *whole = on_rastrigin(policy, 4, 7, 9000), *part = on_rastrigin(policy, 4, 7, 9000);
    while (!es_done(whole)) {
      assert_null(es_done(part));
      generation(whole, rastrigin);
      generation(part, rastrigin);
      assert_same_state(whole, part);
      part = reloaded(part);
    }
    assert_true(es_descents(whole) > 2);
    assert_string_equal(es_done(whole), es_done(part));
    es_close(whole);
    es_close(part);
  }
}

static void test_a_damaged_descent_is_seen(void **state) {
  (void)state;
  es *e = on_plain(ES_BIPOP, 3), *loaded = NULL;
  size_t size = es_state_size(e);
  unsigned char *bytes = saved(e);
  for (size_t at = 0; at < size; at++) {
    bytes[at] ^= 4;
    assert_int_equal(es_load(&loaded, bytes, size), BAD_FILE);
    bytes[at] ^= 4;
    assert_int_equal(es_load(&loaded, bytes, at), BAD_FILE);
  }
  assert_null(loaded);
  free(bytes);
  es_close(e);
}

static void test_wrong_restarts_are_refused(void **state) {
  (void)state;
  const es_options wrong[] = {{.n = 2, .sigma0 = 1, .restarts = (es_restarts)3},
                              {.n = 2, .sigma0 = 1, .restarts = ES_IPOP, .most_doublings = 21},
                              {.n = 2, .sigma0 = 1, .restarts = ES_IPOP, .popsize = 4096}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    es *e;
    assert_int_equal(es_open(&e, &wrong[i]), BAD_CONFIG);
    assert_non_null(strstr(status_message(), "allowed"));
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_larger_popsize_sees_the_whole),
      cmocka_unit_test(test_restarts_solve_rastrigin),
      cmocka_unit_test(test_ipop_doubles),
      cmocka_unit_test(test_a_descent_says_why_it_ended),
      cmocka_unit_test(test_bipop_keeps_its_accounts),
      cmocka_unit_test(test_the_first_descent_is_the_search_without_restarts),
      cmocka_unit_test(test_descents_have_luck_and_places_of_their_own),
      cmocka_unit_test(test_a_loaded_search_goes_on_bit_for_bit),
      cmocka_unit_test(test_a_damaged_descent_is_seen),
      cmocka_unit_test(test_wrong_restarts_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

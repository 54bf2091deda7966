// Tests for src/es/uncertainty.c: the measure of rank changes is pycma's (tests/golden/make_uh.py); without noise
// nothing changes, with it effort and sigma grow, and the search comes nearer for as many evaluations.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/parts.h"
#include "golden/golden.h"
#include "golden/uh.h"
#include "search.h"

static void test_as_pycma(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof golden_uh / sizeof *golden_uh; i++) {
    const struct golden_uh *g = &golden_uh[i];
    float numbers[64], luck[64];
    double fitness[64], again[64], sorting[128];
    golden_numbers(numbers, (size_t)g->popsize, (uint32_t)(700 + i), 0, 1);
    golden_numbers(luck, (size_t)g->count, (uint32_t)(800 + i), -1, 1);
    for (int k = 0; k < g->popsize; k++) fitness[k] = (double)numbers[k];
    for (int k = 0; k < g->count; k++) again[k] = fitness[k] + g->noise * (double)luck[k];
    double found = es_rank_changes(fitness, again, g->count, g->popsize, sorting);
    if (fabs(found - g->changes) > 1e-9) fail_msg("case %zu: %.10g, pycma %.10g", i, found, g->changes);
  }
}

enum { DIMENSIONS = 10 };

static es *begin(double most_effort, uint64_t seed) {
  double x0[DIMENSIONS];
  for (int i = 0; i < DIMENSIONS; i++) x0[i] = 1;
  const es_options o = {
      .n = DIMENSIONS, .sigma0 = 1, .x0 = x0, .seed = seed, .active = true, .most_effort = most_effort};
  return open_or_fail(&o);
}

// A sphere seen through normal noise, averaged over `effort` looks; `time` names the evaluation.
static double look(const double *x, double noise, int effort, uint64_t seed, const es *e, int time) {
  double luck[256], sum = 0;
  rng_normals_double(luck, effort, rng_episode(rng_stream(seed, "noise"), (uint32_t)es_generation(e), (uint32_t)time),
                     0, 0);
  for (int i = 0; i < effort; i++) sum += luck[i];
  return sphere(x, DIMENSIONS) + noise * sum / effort;
}

// Returns the looks it took.
static int generation(es *e, double noise, uint64_t seed, bool twice) {
  double fitness[MOST_CANDIDATES], again[MOST_CANDIDATES];
  int effort = (int)es_effort(e), count = es_reevaluations(e), popsize = es_popsize(e);
  const double *x = es_ask(e);
  for (int k = 0; k < popsize; k++) fitness[k] = look(x + k * DIMENSIONS, noise, effort, seed, e, k);
  for (int k = 0; twice && k < count; k++) again[k] = look(x + k * DIMENSIONS, noise, effort, seed, e, popsize + k);
  if (twice) es_tell_twice(e, x, fitness, again);
  else es_tell(e, x, fitness);
  return effort * (popsize + (twice ? count : 0));
}

static void test_treatment(void **state) {  // (n = 10: a tenth more)
  (void)state;
  es *e = begin(1.15, 1);
  e->now.sigma = 2;
  es_treat(e, 5);
  assert_true(fabs(e->now.noise - 1.5) < 1e-12 && fabs(es_sigma(e) - 2.2) < 1e-12 && fabs(es_effort(e) - 1.1) < 1e-12);
  es_treat(e, -2);  // 1.5 - 0.3 * 3.5 is still above 0
  assert_true(fabs(e->now.noise - 0.45) < 1e-12 && fabs(es_sigma(e) - 2.42) < 1e-12 && es_effort(e) == 1.15);
  es_treat(e, -2);
  assert_true(e->now.noise < 0 && fabs(es_sigma(e) - 2.42) < 1e-12 &&
              fabs(es_effort(e) - 1.15 * pow(1.1, -0.25)) < 1e-12);
  es_close(e);
}

static void test_without_noise_nothing_changes(void **state) {
  (void)state;
  es *once = begin(100, 1), *twice = begin(100, 1);
  int64_t count = 0;
  for (int g = 0; g < 150; g++) {
    count += es_popsize(twice) + es_reevaluations(twice);
    generation(once, 0, 1, false);
    generation(twice, 0, 1, true);
    assert_true(es_sigma(once) == es_sigma(twice) && es_effort(twice) == 1);
    assert_memory_equal(es_mean(once), es_mean(twice), DIMENSIONS * sizeof(double));
  }
  assert_int_equal(es_evaluations(twice), count);
  es_close(once);
  es_close(twice);
}

static void test_luck_alone_makes_effort_and_sigma_grow(void **state) {
  (void)state;
  es *e = begin(50, 2);
  for (int g = 0; g < 120; g++) generation(e, 1e6, 2, true);
  assert_true(es_effort(e) == 50 && es_sigma(e) > 100);
  while (es_effort(e) > 1 && es_generation(e) < 1000) generation(e, 0, 2, true);
  assert_true(es_effort(e) == 1);  // the noise went away
  es_close(e);
}

static double left_over(bool twice, uint64_t seed) {
  es *e = begin(200, seed);
  for (int looks = 0; looks < 60000;) looks += generation(e, 1, seed, twice);
  double left = sphere(es_mean(e), DIMENSIONS);
  es_close(e);
  return left;
}

static void test_it_helps(void **state) {
  (void)state;
  enum { SEEDS = 5 };
  double product = 1;
  for (uint64_t seed = 1; seed <= SEEDS; seed++) {
    double with = left_over(true, seed), without = left_over(false, seed);
    printf("sphere 10 with noise 1, 60000 looks, seed %d: |mean|^2 %.3g with uncertainty handling, %.3g without\n",
           (int)seed, with, without);
    product *= with / without;
  }
  assert_true(pow(product, 1.0 / SEEDS) < 0.4);
}

static void test_how_many_are_looked_at_twice(void **state) {
  (void)state;
  es *e = begin(1, 3);  // popsize 10: 2 + 10 / 20 on average
  int sum = 0;
  for (int g = 0; g < 200; g++) {
    assert_in_range(es_reevaluations(e), 2, 3);
    sum += es_reevaluations(e);
    generation(e, 1, 3, true);
  }
  assert_in_range(sum, 460, 540);
  es_close(e);
}

static void test_it_is_part_of_the_state(void **state) {
  (void)state;
  for (es_restarts restarts = ES_ONCE; restarts <= ES_IPOP; restarts++) {
    const es_options o = {
        .n = DIMENSIONS, .sigma0 = 1, .seed = 4, .active = true, .most_effort = 20, .restarts = restarts};
    es *whole = open_or_fail(&o), *part = open_or_fail(&o);
    for (int g = 0; g < 60; g++) {
      generation(whole, 10, 4, true);
      generation(part, 10, 4, true);
      assert_same_state(whole, part);
      part = reloaded(part);
    }
    assert_true(es_effort(whole) > 1);
    es_close(whole);
    es_close(part);
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_as_pycma),
      cmocka_unit_test(test_treatment),
      cmocka_unit_test(test_without_noise_nothing_changes),
      cmocka_unit_test(test_luck_alone_makes_effort_and_sigma_grow),
      cmocka_unit_test(test_it_helps),
      cmocka_unit_test(test_how_many_are_looked_at_twice),
      cmocka_unit_test(test_it_is_part_of_the_state),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

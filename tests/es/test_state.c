// Tests for src/es/state.c: a loaded search goes on bit for bit; a damaged or foreign state is refused by name, and so
// is one that no search can have come to.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../src/es/parts.h"
#include "search.h"

static void test_a_loaded_search_goes_on_bit_for_bit(void **state) {
  (void)state;
  es *whole = search_begin(NULL, 0.5, 11), *part = search_begin(NULL, 0.5, 11);
  for (int g = 0; g < 100; g++) {
    if (g % 7 == 0) part = reloaded(part);
    search_step(whole, rosenbrock);
    search_step(part, rosenbrock);
    assert_same_state(whole, part);
  }
  assert_int_equal(es_generation(part), 100);
  es_close(whole);
  es_close(part);
}

// Where an eigendecomposition is still some generations away, B and D must not be made anew by loading.
static void test_between_two_eigendecompositions(void **state) {
  (void)state;
  enum { MANY = 100 };
  es *whole, *part;
  const es_options o = {.n = MANY, .popsize = 4, .sigma0 = 1, .seed = 5, .active = true};
  assert_true(es_constants_make(MANY, 4, true, ES_PYCMA, NULL).eigen_gap > 2);
  assert_int_equal(es_open(&whole, &o), OK);
  assert_int_equal(es_open(&part, &o), OK);
  for (int g = 0; g < 30; g++) {
    es *both[2] = {whole, part};
    for (int i = 0; i < 2; i++) {
      double fitness[4];
      const double *x = es_ask(both[i]);
      for (int k = 0; k < 4; k++) fitness[k] = ellipsoid(x + k * MANY, MANY);
      es_tell(both[i], x, fitness);
    }
    part = reloaded(part);
    assert_same_state(whole, part);
  }
  es_close(whole);
  es_close(part);
}

static void test_saved_between_ask_and_tell(void **state) {
  (void)state;
  es *whole = search_begin(ones, 0.5, 14), *part = search_begin(ones, 0.5, 14);
  for (int g = 0; g < 20; g++) {
    es_ask(part);
    part = reloaded(part);
    assert_memory_equal(es_ask(whole), es_ask(part), sizeof(double) * N * (size_t)es_popsize(part));
    search_step(whole, ellipsoid);
    search_step(part, ellipsoid);
  }
  assert_same_state(whole, part);
  es_close(whole);
  es_close(part);
}

static void test_reasons_survive(void **state) {  // what es_done needs is part of the state
  (void)state;
  es *whole = search_begin(ones, 0.5, 15), *part = search_begin(ones, 0.5, 15);
  int g = 0;
  for (; g < 2000 && !es_done(whole); g++) {
    assert_null(es_done(part));
    search_step(whole, sphere);
    search_step(part, sphere);
    part = reloaded(part);
  }
  assert_true(g < 2000);
  assert_string_equal(es_done(part), es_done(whole));
  es_close(whole);
  es_close(part);
}

static void refused(const void *bytes, size_t size, const char *words) {
  es *e = NULL;
  assert_int_equal(es_load(&e, bytes, size), BAD_FILE);
  assert_null(e);
  if (!strstr(status_message(), words)) fail_msg("%s: %s", words, status_message());
}

static void test_truncated_state_is_refused(void **state) {
  (void)state;
  es *e = search_begin(NULL, 0.5, 12);
  search_step(e, sphere);
  size_t size = es_state_size(e);
  unsigned char *bytes = realloc(saved(e), size + 8);
  memset(bytes + size, 0, 8);
  for (size_t cut = 0; cut < size; cut++) refused(bytes, cut, "damaged");
  refused(bytes, size + 8, "damaged");
  free(bytes);
  es_close(e);
}

static void test_every_flipped_bit_is_seen(void **state) {
  (void)state;
  es *e = search_begin(NULL, 0.5, 12);
  search_step(e, sphere);
  size_t size = es_state_size(e);
  unsigned char *bytes = saved(e);
  for (size_t bit = 0; bit < 8 * size; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    refused(bytes, size, "evolution strategy");
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  free(bytes);
  es_close(e);
}

static void test_another_kind_or_version_is_refused(void **state) {
  (void)state;
  es *e = search_begin(NULL, 0.5, 12);
  size_t size = es_state_size(e);
  unsigned char *bytes = saved(e);
  bytes[0] = 'D';
  refused(bytes, size, "not the state of an evolution strategy");
  es_save(e, bytes);
  bytes[16] += 2;  // the version follows 16 bytes of magic
  refused(bytes, size, "of version 5; this program reads version 3");
  refused(bytes, 20, "of version 5; this program reads version 3");  // another version's may be shorter than ours
  bytes[16]--;                                                      // that of searches within bounds
  refused(bytes, size, "of version 4; this program reads version 3");
  memcpy(bytes, "dreamfarm-cma\0\0\0\1\0\0\0", 20);                // the first version, as it began
  refused(bytes, size, "of version 1; this program reads version 3");
  free(bytes);
  es_close(e);
}

static void test_without_units_bounds_are_another_version_s(void **state) {
  (void)state;
  const double lower[N] = {-1, -1, -1, -1, -1, -1, -1, -1};
  const es_options o = {.n = N, .sigma0 = 1, .lower = lower};
  es *e = open_or_fail(&o);
  unsigned char *bytes = saved(e);
  bytes[16]--;
  refused(bytes, es_state_size(e), "of version 3; this program reads version 4 of those with bounds");
  free(bytes);
  es_close(e);
}

// --- numbers that no search can have, under a checksum that fits ---------------------------------------------------

static es *bounded(es_kind kind, es_restarts restarts, int factored_from) {
  const double lower[N] = {-2, -2, -2, -2, -2, -2, -2, -2}, upper[N] = {2, 2, 2, 2, 2, 2, 2, INFINITY};
  es_limits limits = es_limits_pycma(N, 12);
  const es_options o = {.kind = kind, .n = N, .popsize = 12, .sigma0 = 0.5, .x0 = ones, .seed = 3, .active = true,
                        .lower = lower, .upper = upper, .limits = &limits, .restarts = restarts,
                        .factored_from = factored_from};
  es *e = open_or_fail(&o);
  for (int g = 0; g < 5; g++) search_step(e, ellipsoid);
  return e;
}

static void refused_as_changed(const es *e) {
  unsigned char *bytes = saved(e);
  refused(bytes, es_state_size(e), "make no sense");
  free(bytes);
}

// Every double of the state in turn, but those of the histories, which an infinite fitness may stand in.
static void test_vectors_that_are_not_finite_are_refused(void **state) {
  (void)state;
  const double wrong[] = {(double)NAN, INFINITY, -INFINITY};
  EACH_KIND(kind)
    for (int factored = 0; factored < (kind == ES_CMA ? 2 : 1); factored++) {
      es *e = bounded(kind, ES_ONCE, factored);
      const double *rings = e->history, *own = e->state + e->state_doubles;
      own -= e->strategy->doubles(&e->now);
      for (double *at = e->state; at < e->state + e->state_doubles; at++)
        for (int i = 0; i < 3; i++) {
          double right = *at;
          bool ring = at >= rings && at < own, box = at >= e->lower && at < e->units;
          bool allowed = (ring && i > 0) || (box && i == (at < e->upper ? 2 : 1));  // no bound on that side
          if (allowed) continue;
          *at = wrong[i];
          refused_as_changed(e);
          *at = right;
        }
      e = reloaded(e);
      es_close(e);
    }
}

static void test_numbers_that_make_no_sense_are_refused(void **state) {
  (void)state;
  const double nan_ = (double)NAN, inf = INFINITY;
  for (es_restarts restarts = ES_ONCE; restarts <= ES_BIPOP; restarts++) {
    es *e = bounded(ES_CMA, restarts, 0);
    const es_numbers right = e->now;
    es_numbers wrong[15];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) wrong[i] = right;
    wrong[0].sigma = nan_;
    wrong[1].sigma = inf;
    wrong[2].sigma0 = nan_;
    wrong[3].learning_rate = inf;
    wrong[4].best = nan_;
    wrong[5].spread = nan_;
    wrong[6].noise = nan_;
    wrong[7].effort = nan_;
    wrong[8].most_effort = inf;
    wrong[9].limits.tolx = nan_;
    wrong[10].generation = INT32_MAX;
    wrong[11].single = 7;
    wrong[12].zero = 1;
    wrong[13].evaluations = INT64_MAX;
    wrong[14].history_count--;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
      e->now = wrong[i];
      refused_as_changed(e);
    }
    e->now = right;
    if (restarts != ES_ONCE) {
      e->now.ledger.descents = 1000;  // doublings of the popsize
      refused_as_changed(e);
      e->now.ledger.descents = 0;
      refused_as_changed(e);
    }
    e->now = right;
    e = reloaded(e);
    es_close(e);
  }
}

// What a strategy divides by, or takes the root of.
static void test_strategies_know_what_is_sound(void **state) {
  (void)state;
  EACH_KIND(kind)
    for (int factored = 0; factored < (kind == ES_CMA ? 2 : 1); factored++) {
      es *e = bounded(kind, ES_ONCE, factored);
      double *own = e->state + e->state_doubles - e->strategy->doubles(&e->now);
      int refusals = 0;
      for (double *at = own; at < e->state + e->state_doubles; at++) {
        double right = *at;
        es *copy = NULL;
        *at = -1e100;
        unsigned char *bytes = saved(e);
        if (es_load(&copy, bytes, es_state_size(e)) == OK) {
          for (int g = 0; g < 6; g++) {
            double fitness[12] = {3, 1, 2};
            es_ask(copy);
            if (es_tell(copy, NULL, fitness) != OK) assert_non_null(strstr(status_message(), "range: "));
          }
          es_close(copy);
        } else {
          refusals++;
        }
        free(bytes);
        *at = right;
      }
      assert_true((refusals > 0) == (e->strategy->sound != NULL));
      es_close(e);
    }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_loaded_search_goes_on_bit_for_bit),
      cmocka_unit_test(test_between_two_eigendecompositions),
      cmocka_unit_test(test_saved_between_ask_and_tell),
      cmocka_unit_test(test_reasons_survive),
      cmocka_unit_test(test_truncated_state_is_refused),
      cmocka_unit_test(test_every_flipped_bit_is_seen),
      cmocka_unit_test(test_another_kind_or_version_is_refused),
      cmocka_unit_test(test_without_units_bounds_are_another_version_s),
      cmocka_unit_test(test_vectors_that_are_not_finite_are_refused),
      cmocka_unit_test(test_numbers_that_make_no_sense_are_refused),
      cmocka_unit_test(test_strategies_know_what_is_sound),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

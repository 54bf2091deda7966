// Tests for src/es/factor.c: the factor of a large C is that of the snapshot whose turn it is, whoever made it, also
// after a resume; the search by it keeps the invariances, survives a C that rounding broke, and knows its condition.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "../../src/es/cma.h"
#include "search.h"

enum { MANY = FACTOR_THREAD_FROM, POPSIZE = 20 };

static es *begin_many(void) {
  const es_options o = {.n = MANY, .popsize = POPSIZE, .sigma0 = 1, .seed = 5, .active = true};
  es *e = open_or_fail(&o);
  assert_true(e->now.factored && cma_of(e)->paths.constants.eigen_gap > 1);
  return e;
}

static void generation(es *e) {
  double fitness[POPSIZE];
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = ellipsoid(x + (size_t)k * es_size(e), es_size(e));
  es_tell(e, x, fitness);
}

static void test_a_thread_changes_no_bit(void **state) {
  (void)state;
  es *with = begin_many(), *without = begin_many(), *now_and_then = begin_many(), *loaded = begin_many();
  es_use_thread(without, false);
  int gap = cma_of(with)->paths.constants.eigen_gap;
  for (int g = 0; g < 5 * gap; g++) {
    es_use_thread(now_and_then, g % 3 == 0);
    es *all[] = {with, without, now_and_then, loaded};
    for (int i = 0; i < 4; i++) generation(all[i]);
    assert_true(num_blas_in_threads() == false || cma_of(without)->next->stage == FACTOR_NONE);
    assert_same_state(with, without);
    assert_same_state(with, now_and_then);
    assert_same_state(with, loaded);
    if (g % 2) es_ask(loaded);  // saved and closed while the thread runs
    loaded = reloaded(loaded);
  }
  assert_true(with->now.snapshots == 5);
  es *all[] = {with, without, now_and_then, loaded};
  for (int i = 0; i < 4; i++) es_close(all[i]);
}

static void test_the_thread_begins_with_ask(void **state) {
  (void)state;
  es *e = begin_many();
  int gap = cma_of(e)->paths.constants.eigen_gap;
  for (int g = 0; g < gap; g++) generation(e);
  assert_int_equal(cma_of(e)->next->stage, FACTOR_NONE);
  es_ask(e);
  assert_int_equal(cma_of(e)->next->stage, num_blas_in_threads() ? FACTOR_RUNS : FACTOR_NONE);
  es_close(e);
}

static es *begin_small(const double *x0, double sigma0) {
  const es_options o = {
      .n = N, .popsize = 12, .sigma0 = sigma0, .x0 = x0, .seed = 3, .active = true, .factored_from = N};
  return open_or_fail(&o);
}

// L L^T is what C was at the last snapshot but one.
static void test_the_factor_is_that_of_its_snapshot(void **state) {
  (void)state;
  es *e = begin_small(ones, 0.5);
  double C[N * N], before[N * N] = {0};
  for (int i = 0; i < N; i++) before[i * N + i] = 1;
  for (int g = 0; g < 60; g++) {
    search_step(e, ellipsoid);
    const cma *c = cma_of(e);
    assert_int_equal(e->now.snapshots, g + 1);
    for (int i = 0; i < N; i++)
      for (int j = i; j < N; j++) C[i * N + j] = C[j * N + i] = c->C[i * N + j];
    for (int i = 0; i < N; i++)
      for (int j = 0; j < N; j++) {
        double product = 0;
        for (int k = 0; k <= (i < j ? i : j); k++) product += c->L[i * N + k] * c->L[j * N + k];
        assert_true(fabs(product - before[i * N + j]) < 1e-12 * sqrt(before[i * N + i] * before[j * N + j]));
      }
    memcpy(before, C, sizeof before);
  }
  es_close(e);
}

// One snapshot in 32 has its eigenvalues taken, the first among them; they take effect a gap later.
static void test_its_condition(void **state) {
  (void)state;
  es *e = begin_small(ones, 0.5);
  double B[N * N], D[N];
  for (int g = 1; g <= 100; g++) {
    double before = es_condition(e);
    search_step(e, ellipsoid);
    if (g % 32 == 1) {
      for (int i = 0; i < N; i++)
        for (int j = i; j < N; j++) B[i * N + j] = B[j * N + i] = cma_of(e)->C[i * N + j];
      assert_int_equal(num_dsyev(B, D, N), OK);
    }
    if (g % 32 == 2) assert_true(fabs(es_condition(e) / (D[N - 1] / D[0]) - 1) < 1e-9 && es_condition(e) != before);
    else assert_true(es_condition(e) == before);
  }
  assert_true(es_condition(e) > 10);
  es_close(e);
}

static double cubed_log(double f) { return pow(log(f + 1e-300), 3); }

static void test_order_scale_and_place_make_no_difference(void **state) {
  (void)state;
  const double fours[N] = {4, 4, 4, 4, 4, 4, 4, 4}, moved[N] = {17, 17, 17, 17, 17, 17, 17, 17},
               sixteens[N] = {16, 16, 16, 16, 16, 16, 16, 16};
  es *plain = begin_small(ones, 0.5), *ordered = begin_small(ones, 0.5), *large = begin_small(fours, 2),
     *far = begin_small(moved, 0.5);
  for (int g = 0; g < 60; g++) {
    search_step(plain, ellipsoid);
    search_step_seen(ordered, ellipsoid, NULL, 1, cubed_log);
    search_step_seen(large, ellipsoid, NULL, 0.25, as_is);
    if (g < 30) search_step_seen(far, ellipsoid, sixteens, 1, as_is);
    if (g == 29)
      assert_true(fabs(es_mean(plain)[3] + 16 - es_mean(far)[3]) < 1e-9 &&
                  fabs(es_sigma(plain) / es_sigma(far) - 1) < 1e-9);
    assert_true(search_equal(plain, ordered));
    for (int i = 0; i < N; i++) assert_true(4 * es_mean(plain)[i] == es_mean(large)[i]);
  }
  es *all[] = {plain, ordered, large, far};
  for (int i = 0; i < 4; i++) es_close(all[i]);
}

static void test_a_broken_c_is_mended(void **state) {
  (void)state;
  double C[4] = {1, 0, 1, 0}, diagonal[2] = {1, 1 - 1e-15};  // below the diagonal stands 1: one eigenvalue is negative
  arena *memory = arena_open();
  factoring *f = factor_room(memory, 2, C, diagonal);
  factor_finish(f, true);
  assert_true(f->L[0] >= 1 && f->L[0] < 1 + 1e-12 && fabs(f->L[2] - 1) < 1e-12 && f->L[3] > 0 && f->L[3] < 1e-5);
  assert_true(f->D[0] > 0 && fabs(f->D[1] - sqrt(2)) < 1e-12);
  arena_close(memory);
}

// With restarts, every descent is factored, and goes on bit for bit.
static void test_restarts(void **state) {
  (void)state;
  const es_options o = {
      .n = N, .popsize = 6, .sigma0 = 1, .seed = 3, .active = true, .restarts = ES_BIPOP, .factored_from = 1};
  es *whole = open_or_fail(&o), *part = open_or_fail(&o);
  while (es_descents(whole) < 4) {
    assert_true(whole->descent->now.factored);
    search_step(whole, sphere);
    search_step(part, sphere);
    part = reloaded(part);
    assert_same_state(whole, part);
  }
  es_close(whole);
  es_close(part);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_thread_changes_no_bit),
      cmocka_unit_test(test_the_thread_begins_with_ask),
      cmocka_unit_test(test_the_factor_is_that_of_its_snapshot),
      cmocka_unit_test(test_its_condition),
      cmocka_unit_test(test_order_scale_and_place_make_no_difference),
      cmocka_unit_test(test_a_broken_c_is_mended),
      cmocka_unit_test(test_restarts),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

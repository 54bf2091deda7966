// Tests for src/es/state.c: a loaded search goes on bit for bit; a damaged or foreign state is refused by name.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

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
  bytes[16]++;  // the version follows 16 bytes of magic
  refused(bytes, size, "version 4");
  free(bytes);
  es_close(e);
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
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

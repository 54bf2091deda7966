// What may be asked of a running search: read, refused with the exact sentence, and printed.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "config.h"

static status read_text(control *c, const char *text, int made) {
  return control_read(c, "c.yaml", text, strlen(text), made);
}

static bool same(const control *c, bool stop, int generations, bool state) {
  return c->stop == stop && c->generations == generations && c->state == state;
}

static void each_key(void **state) {
  (void)state;
  control c = {.stop = true, .generations = 5};
  assert_int_equal(read_text(&c, "state: true\n", 0), OK);
  assert_true(same(&c, false, 0, true));  // what is not named is not asked
  assert_int_equal(read_text(&c, "# longer\ngenerations: 11\nstop: false", 10), OK);
  assert_true(same(&c, false, 11, false));
  assert_int_equal(read_text(&c, "{stop: true, state: true}", 10), OK);
  assert_true(same(&c, true, 0, true));
}

static void asks_for_nothing(void **state) {
  (void)state;
  control c;
  assert_int_equal(read_text(&c, "{stop: false}", 0), OK);
  assert_true(control_empty(&c));
  assert_int_equal(read_text(&c, "generations: 1", 0), OK);
  assert_false(control_empty(&c));
}

static void refused(void **state) {
  (void)state;
  static const struct { const char *given, *message; } wrong[] = {
      {"stopp: true", "c.yaml:1:1: unknown key \"stopp\"; nearest known: stop"},
      {"evolve:\n  generations: 9", "c.yaml:1:1: unknown key \"evolve\"; known keys: stop, generations, state"},
      {"state: true\nstop: 1", "c.yaml:2:7: stop: found \"1\", wanted true or false"},
      {"stop:", "c.yaml:1:6: stop: found nothing, wanted true or false"},
      {"generations: 7", "c.yaml:1:14: generations: found \"7\", wanted a whole number from 8 to 1000000"},
      {"generations: 1e3", "c.yaml:1:14: generations: found \"1e3\", wanted a whole number from 8 to 1000000"},
      {"generations: [9]", "c.yaml:1:14: generations: found a list, wanted a whole number from 8 to 1000000"},
      {"stop: true\nstop: true", "c.yaml:2:1: stop stands here again; first on line 1"},
      {"stop", "c.yaml:1:1: found \"stop\", wanted keys and values"},
      {"# stop: true", "c.yaml: holds no settings"},
      {"stop: true\n---\nstop: true", "c.yaml:2:1: found a second document, wanted one"},
      {"stop: \"true\"", "c.yaml:1:7: stop: found \"true\" in quotes, wanted true or false"},
      {"stop: \xFF", "c.yaml:1:7: found byte 0xff, wanted UTF-8 text"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    control c = {.generations = 3};
    assert_int_equal(read_text(&c, wrong[i].given, 7), BAD_CONFIG);
    assert_string_equal(status_message(), wrong[i].message);
    assert_true(same(&c, false, 3, false));
  }
}

static void set_and_printed(void **state) {
  (void)state;
  control c = {0}, back;
  text_buffer t = {0};
  assert_int_equal(control_set(&c, "stop=true"), OK);
  assert_int_equal(control_set(&c, "generations: 400"), OK);
  control_print(&c, &t);
  assert_string_equal(t.bytes, "stop: true\ngenerations: 400\n");
  assert_int_equal(control_read(&back, "printed", t.bytes, t.size, 0), OK);
  assert_true(same(&back, true, 400, false));
  text_free(&t);
  assert_int_equal(control_set(&c, "generations=0"), BAD_CONFIG);
  assert_string_equal(status_message(),
                      "--set generations=0: generations: found \"0\", wanted a whole number from 1 to 1000000");
  assert_int_equal(control_set(&c, "stop"), BAD_CONFIG);
  assert_string_equal(status_message(), "--set stop: wanted key=value, such as stop=true");
  assert_true(same(&c, true, 400, false));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_key),
      cmocka_unit_test(asks_for_nothing),
      cmocka_unit_test(refused),
      cmocka_unit_test(set_and_printed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

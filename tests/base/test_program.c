// Other programs: words arrive as they are, and what cannot be started says why.

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base.h"

#define WORD(text) ((char *)(uintptr_t)(text))

static void words_arrive_as_they_are(void **state) {
  (void)state;
  char *const words[] = {WORD("printf"), WORD("%s|"), WORD("o'neil"), WORD("a b"), WORD("$(id);`id`"), WORD("*"), NULL};
  text_buffer said = {0};
  int code;
  assert_int_equal(program_read(&said, &code, words), OK);
  assert_int_equal(code, 0);
  assert_string_equal(said.bytes, "o'neil|a b|$(id);`id`|*|");
  text_free(&said);
}

static void what_is_not_there_says_so(void **state) {
  (void)state;
  char *const words[] = {WORD("no-such-program-anywhere"), NULL};
  int code = -1;
  const program_order p = {.words = words, .in = PROGRAM_NOWHERE, .out = PROGRAM_NOWHERE, .err = PROGRAM_NOWHERE};
  assert_int_equal(program_run(&code, &p), NO_IO);
  assert_string_equal(status_message(), "no-such-program-anywhere cannot be started: No such file or directory");
  assert_int_equal(code, -1);
}

static void codes_and_signals_come_back(void **state) {
  (void)state;
  char *const seven[] = {WORD("sh"), WORD("-c"), WORD("exit 7"), NULL};
  char *const killed[] = {WORD("sh"), WORD("-c"), WORD("kill -9 $$"), NULL};
  text_buffer said = {0};
  int code;
  assert_int_equal(program_read(&said, &code, seven), OK);
  assert_int_equal(code, 7);
  assert_int_equal(program_read(&said, &code, killed), OK);
  assert_int_equal(code, 128 + SIGKILL);
  text_free(&said);
}

static void it_works_where_and_with_what_it_is_told(void **state) {
  (void)state;
  int ends[2], code;
  char found[64] = "";
  char *const words[] = {WORD("sh"), WORD("-c"), WORD("pwd; echo $WORD; echo $WORD >&2"), NULL};
  char *const environment[] = {WORD("WORD=two words"), NULL};
  assert_int_equal(pipe(ends), 0);
  const program_order p = {.words = words, .directory = "/usr", .environment = environment,
                           .in = PROGRAM_NOWHERE, .out = ends[1], .err = PROGRAM_NOWHERE};
  assert_int_equal(program_run(&code, &p), OK);
  assert_int_equal(code, 0);
  assert_true(read(ends[0], found, sizeof found - 1) > 0);
  assert_string_equal(found, "/usr\ntwo words\n");
  close(ends[0]);
  close(ends[1]);
}

// Beside the three streams there may be one more.
static void a_fourth_descriptor_is_kept(void **state) {
  (void)state;
  int ends[2], code;
  char found[64] = "";
  char *const words[] = {WORD("sh"), WORD("-c"), WORD("echo heard >&3"), NULL};
  assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
  const program_order p = {.words = words, .in = PROGRAM_NOWHERE, .out = PROGRAM_NOWHERE, .err = PROGRAM_NOWHERE,
                           .extra = ends[1]};
  assert_int_equal(program_run(&code, &p), OK);
  assert_int_equal(code, 0);
  assert_true(read(ends[0], found, sizeof found - 1) > 0);
  assert_memory_equal(found, "heard\n", 6);
  close(ends[0]);
  close(ends[1]);

  // and where the program is not there, that is still said
  char *const nobody[] = {WORD("no-such-program-anywhere"), NULL};
  const program_order q = {.words = nobody, .in = PROGRAM_NOWHERE, .out = PROGRAM_NOWHERE, .err = PROGRAM_NOWHERE,
                           .extra = STDOUT_FILENO};
  assert_int_equal(program_run(&code, &q), NO_IO);
}

// nohup: who is told to ignore a hang-up must not find its children ended by one.
static void what_is_ignored_stays_ignored(void **state) {
  (void)state;
  char *const words[] = {WORD("sh"), WORD("-c"), WORD("kill -HUP $$; kill -TERM $$; exit 3"), NULL};
  text_buffer said = {0};
  int code;
  signal(SIGHUP, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  assert_int_equal(program_read(&said, &code, words), OK);
  assert_int_equal(code, 128 + SIGTERM);
  signal(SIGHUP, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  text_free(&said);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(words_arrive_as_they_are),
      cmocka_unit_test(what_is_not_there_says_so),
      cmocka_unit_test(codes_and_signals_come_back),
      cmocka_unit_test(it_works_where_and_with_what_it_is_told),
      cmocka_unit_test(a_fourth_descriptor_is_kept),
      cmocka_unit_test(what_is_ignored_stays_ignored),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

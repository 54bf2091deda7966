// The words every room speaks: status, check, log, memory, text, JSON, nearest words.

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

// --- what a process says ------------------------------------------------------------------------------------------

typedef struct heard {
  int code;           // wait status
  char said[1024];    // on stderr
} heard;

static heard listen_to(void (*speak)(void)) {
  heard h = {0};
  int ends[2];
  assert_int_equal(pipe(ends), 0);
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    speak();
    _exit(0);
  }
  close(ends[1]);
  size_t used = 0;
  for (ssize_t got; used < sizeof h.said - 1; used += (size_t)got)
    if ((got = read(ends[0], h.said + used, sizeof h.said - 1 - used)) <= 0) break;
  close(ends[0]);
  waitpid(child, &h.code, 0);
  return h;
}

static void assert_aborts(void (*speak)(void), const char *said) {
  heard h = listen_to(speak);
  assert_true(WIFSIGNALED(h.code));
  assert_int_equal(WTERMSIG(h.code), SIGABRT);
  if (!strstr(h.said, said)) fail_msg("heard: %s", h.said);
}

// --- status -------------------------------------------------------------------------------------------------------

static status fail_here(int value) { FAIL(BAD_FILE, "value %d of %s", value, "the file"); }

static status forward(int value, int *reached) {
  TRY(OK);
  ++*reached;
  TRY(fail_here(value));
  ++*reached;
  return OK;
}

static void status_is_forwarded(void **state) {
  (void)state;
  int reached = 0;
  assert_int_equal(forward(7, &reached), BAD_FILE);
  assert_int_equal(reached, 1);
  assert_string_equal(status_message(), "value 7 of the file");
}

static status wrap(void) { FAIL(MISMATCH, "while reading: %s (%s)", status_message(), status_words(BAD_FILE)); }

static void status_may_quote_the_old_message(void **state) {
  (void)state;
  assert_int_equal(fail_here(3), BAD_FILE);
  assert_int_equal(wrap(), MISMATCH);
  assert_string_equal(status_message(),
                      "while reading: value 3 of the file (a file is damaged or not what it should be)");
}

static void status_cuts_long_messages(void **state) {
  (void)state;
  char *longer = mem_take(10001, 1);
  memset(longer, 'a', 10000);
  assert_int_equal(status_fail(NO_IO, "%s", longer), NO_IO);
  size_t size = strlen(status_message());
  assert_true(size > 1000 && size < 10000);
  assert_int_equal(strspn(status_message(), "a"), size);
  mem_free(longer);
}

static void status_numbers_are_the_exit_codes(void **state) {
  (void)state;
  static const int codes[] = {0, 1, 2, 3, 4, 5, 6, 7, 85};
  static const status names[] = {OK, BROKEN, USAGE, BAD_CONFIG, BAD_FILE, MISMATCH, NO_IO, INTERRUPTED, RESUME_ME};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    assert_int_equal(names[i], codes[i]);
    assert_string_not_equal(status_words(names[i]), "an unknown status");
  }
  assert_string_equal(status_words((status)84), "an unknown status");
}

// --- check --------------------------------------------------------------------------------------------------------

static void check_false(void) { CHECK(1 + 1 == 3, "two is %d", 2); }
static void say_peers(void) { fprintf(stderr, "peers told\n"); }
static void check_false_with_peers(void) {
  check_on_failure(say_peers);
  check_false();
}

static void check_ends_the_job_with_place_and_values(void **state) {
  (void)state;
  CHECK(1 + 1 == 2, "never said");
  assert_aborts(check_false, "test_base.c:");
  assert_aborts(check_false, "check failed: 1 + 1 == 3: two is 2\n");
  assert_aborts(check_false_with_peers, "two is 2\npeers told\n");
}

// --- log ----------------------------------------------------------------------------------------------------------

static void speak_as_first(void) {
  log_open(0, 3, false);
  log_all("all %d", 1);
  log_here("here %d", 2);
}
static void speak_as_third(void) {
  log_open(2, 3, false);
  log_all("all %d", 1);
  log_here("here %d", 2);
}
static void speak_quietly(void) {
  log_open(0, 1, true);
  log_all("all %d", 1);
  log_here("here %d", 2);
  progress p = progress_open("work", "steps", 10);
  progress_show(&p, 5, NULL);
  progress_close(&p, 10, NULL);
}
static void speak_of_progress(void) {
  log_open(0, 1, false);
  progress p = progress_open("work", "steps", 10);
  progress_show(&p, 5, NULL);  // too early for a line where there is no terminal
  progress_close(&p, 10, "done");
}


// A terminal whose other end hears everything: what the pipe gets is what a terminal would.
static void terminal_of(const char *columns, const char *kind) {
  setenv("TERM", kind, 1);
  setenv(TERMINAL_VARIABLE, columns, 1);
  unsetenv("COLUMNS");
}
static void progress_twice(const char *note, const char *shorter) {
  progress p = progress_open("work", "steps", 10);
  p.last = -1;  // long ago
  progress_show(&p, 5, note);
  p.last = -1;
  progress_show(&p, 5, shorter);
}
static void speak_on_a_narrow_terminal(void) {
  terminal_of("20", "xterm");
  progress_twice("something long", "");
  log_all("said");
  log_all("again");
}
static void speak_in_umlauts(void) {
  terminal_of("20", "xterm");
  progress p = progress_open("\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4",
                             "\u00f6\u00f6\u00f6\u00f6\u00f6\u00f6", 10);
  p.last = -1;
  progress_show(&p, 5, NULL);
}
static void speak_on_a_dumb_terminal(void) {
  terminal_of("20", "dumb");
  progress_twice("note", NULL);
  log_all("said");
}
static void speak_as_third_on_a_terminal(void) {
  terminal_of("20", "xterm");
  log_open(2, 3, false);
  log_here("here");
}
static void fail_over_progress(void) {
  terminal_of("80", "xterm");
  progress_twice("", "");
  check_false();
}

static void progress_on_a_terminal_stands_on_one_line(void **state) {
  (void)state;
  const char *umlauts = "\r\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4 5/10 \u00f6\u00f6\u00f6";
  assert_string_equal(listen_to(speak_on_a_narrow_terminal).said,
                      "\rwork       5/10 ste\rwork       5/10 ste\rsaid               \nagain\n");
  assert_string_equal(listen_to(speak_in_umlauts).said, umlauts);
  assert_string_equal(listen_to(speak_as_third_on_a_terminal).said, "\r[rank 2] here      \n");
  assert_aborts(fail_over_progress, "\rtests/base");  // the next words begin where the line began
}

static void progress_on_a_dumb_terminal_is_plain_lines(void **state) {
  (void)state;
  heard h = listen_to(speak_on_a_dumb_terminal);
  assert_null(strchr(h.said, '\r'));
  assert_null(strchr(h.said, '\033'));
  assert_non_null(strstr(h.said, "\nsaid\n"));
}

static void log_is_said_once_for_the_job(void **state) {
  (void)state;
  assert_string_equal(listen_to(speak_as_first).said, "all 1\n[rank 0] here 2\n");
  assert_string_equal(listen_to(speak_as_third).said, "[rank 2] here 2\n");
  assert_string_equal(listen_to(speak_quietly).said, "here 2\n");
}

static void progress_off_a_terminal_is_plain_lines(void **state) {
  (void)state;
  heard h = listen_to(speak_of_progress);
  assert_int_equal(strncmp(h.said, "work       10/10 steps", 22), 0);
  assert_null(strpbrk(h.said, "\r\033"));
  assert_ptr_equal(strchr(h.said, '\n'), h.said + strlen(h.said) - 1);
  assert_non_null(strstr(h.said, "done\n"));
}

// --- memory -------------------------------------------------------------------------------------------------------

static void assert_zeroed(const void *memory, size_t size) {
  for (size_t i = 0; i < size; i++) assert_int_equal(((const char *)memory)[i], 0);
}

static void arena_gives_zeroed_aligned_pieces(void **state) {
  (void)state;
  static const size_t sizes[] = {1, 63, 64, 65, 0, 1000, 4096, 1000000, 3 << 20, 8};
  for (int round = 0; round < 2; round++) {  // the second round meets memory that was dirtied
    arena *a = arena_open();
    char *last = NULL;
    for (size_t i = 0; i < 4 * sizeof sizes / sizeof *sizes; i++) {
      size_t size = sizes[i % (sizeof sizes / sizeof *sizes)];
      char *piece = arena_take(a, size, 1);
      assert_int_equal((uintptr_t)piece % 64, 0);
      assert_zeroed(piece, size);
      memset(piece, 0xA5, size);
      if (size > 0) {
        assert_ptr_not_equal(piece, last);
        last = piece;
      }
    }
    arena_close(a);
  }
  arena_close(NULL);
}

static void arena_pieces_do_not_overlap(void **state) {
  (void)state;
  enum { PIECES = 300, SIZE = 7001 };
  arena *a = arena_open();
  unsigned char *pieces[PIECES];
  for (int i = 0; i < PIECES; i++) {
    pieces[i] = ARENA_NEW(a, unsigned char, SIZE);
    memset(pieces[i], i, SIZE);
  }
  for (int i = 0; i < PIECES; i++) {
    assert_int_equal(pieces[i][0], (unsigned char)i);
    assert_int_equal(pieces[i][SIZE - 1], (unsigned char)i);
  }
  arena_close(a);
}

static void memory_is_counted(void **state) {
  (void)state;
  uint64_t before = mem_count();
  void *a = mem_take(10, 4), *b = mem_take(0, 4);
  assert_int_equal(mem_count() - before, 2);
  assert_int_equal((uintptr_t)a % 64, 0);
  assert_non_null(b);
  assert_zeroed(a, 40);
  mem_free(a);
  mem_free(b);
  mem_free(NULL);
  assert_int_equal(mem_count() - before, 2);
}

static void take_too_much(void) { mem_take(SIZE_MAX / 4, 8); }
static void arena_take_too_much(void) { arena_take(arena_open(), SIZE_MAX / 4, 8); }

static void a_size_that_overflows_ends_the_job(void **state) {
  (void)state;
  assert_aborts(take_too_much, "pieces of 8 bytes");
  assert_aborts(arena_take_too_much, "pieces of 8 bytes");
}

// --- text and JSON ------------------------------------------------------------------------------------------------

static void text_grows(void **state) {
  (void)state;
  text_buffer t = {0};
  for (int i = 0; i < 5000; i++) text_add(&t, "%d,", i % 10);
  assert_int_equal(t.size, 10000);
  assert_int_equal(strlen(t.bytes), 10000);
  for (int i = 0; i < 5000; i++) assert_int_equal(t.bytes[2 * i], '0' + i % 10);
  text_add(&t, "%s", "");
  assert_int_equal(t.size, 10000);
  text_free(&t);
  assert_null(t.bytes);
  assert_int_equal(t.size, 0);
}

static void json_has_commas_and_brackets(void **state) {
  (void)state;
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_number(&t, "a", 1);
  json_open(&t, "b", '[');
  json_number(&t, NULL, 1.5);
  json_open(&t, NULL, '{');
  json_close(&t, '}');
  json_bool(&t, NULL, true);
  json_close(&t, ']');
  json_text(&t, "c", "d");
  json_bool(&t, "e", false);
  json_number(&t, "f", NAN);
  json_number(&t, "g", -INFINITY);
  json_close(&t, '}');
  assert_string_equal(t.bytes,
                      "{\"a\": 1, \"b\": [1.5, {}, true], \"c\": \"d\", \"e\": false, \"f\": null, \"g\": null}");
  text_free(&t);
}

static void json_escapes(void **state) {
  (void)state;
  text_buffer t = {0};
  json_text(&t, NULL, "a\"b\\c\n\t\x01\x7F/\xC3\xA9\xF0\x9F\x98\x80");
  assert_string_equal(t.bytes, "\"a\\\"b\\\\c\\u000a\\u0009\\u0001\x7F/\xC3\xA9\xF0\x9F\x98\x80\"");
  text_free(&t);
  json_text(&t, NULL, "\xFFz\xC3(\xED\xA0\x80\xC0\x80");  // not UTF-8: stray, cut short, surrogate, overlong
  assert_string_equal(t.bytes, "\"\\ufffdz\\ufffd(\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd\"");
  text_free(&t);
}

// Any bytes give JSON that another program's parser takes, and whole UTF-8 comes back as it was.
static void json_is_read_by_jansson(void **state) {
  (void)state;
  uint32_t luck = 1;
  for (int round = 0; round < 2000; round++) {
    char word[12] = {0};
    for (int i = 0; i < 11; i++) {
      luck = luck * 1664525u + 1013904223u;
      word[i] = (char)(round % 2 ? luck >> 24 : luck >> 25);  // odd rounds: any bytes, even ones: ASCII
    }
    text_buffer t = {0};
    json_open(&t, NULL, '{');
    json_text(&t, word, word);
    json_close(&t, '}');
    json_t *read = json_loads(t.bytes, 0, NULL);
    assert_non_null(read);
    if (round % 2 == 0) assert_string_equal(json_string_value(json_object_get(read, word)), word);
    json_decref(read);
    text_free(&t);
  }
}

static const char *number_text(double x, char out[64]) {
  text_buffer t = {0};
  json_number(&t, NULL, x);
  snprintf(out, 64, "%s", t.bytes);
  text_free(&t);
  return out;
}

static void numbers_are_shortest(void **state) {
  (void)state;
  static const struct { double value; const char *text; } known[] = {
      {0, "0"}, {-0.0, "-0"}, {10, "10"}, {-2100, "-2100"}, {1e6, "1000000"}, {0.1, "0.1"}, {1e-5, "1e-05"},
      {1.15, "1.15"}, {9007199254740991, "9007199254740991"}, {1e300, "1e+300"}, {5e-324, "5e-324"},
      {DBL_MAX, "1.7976931348623157e+308"}, {1.0 / 3, "0.3333333333333333"}, {0.1 + 0.2, "0.30000000000000004"}};
  char out[64];
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    assert_string_equal(number_text(known[i].value, out), known[i].text);
}

static void numbers_read_back_equal(void **state) {
  (void)state;
  uint64_t luck = 1;
  for (int i = 0; i < 20000; i++) {
    luck = luck * 6364136223846793005u + 1442695040888963407u;
    double x, back;
    memcpy(&x, &luck, sizeof x);
    if (!isfinite(x)) continue;
    char out[64], shorter[400];
    back = strtod(number_text(x, out), NULL);
    assert_memory_equal(&back, &x, sizeof x);
    size_t digits = strspn(out, "-0.") - (out[0] == '-' && 0), count = 0;
    for (const char *p = out + digits; *p && *p != 'e'; p++) count += *p != '.';
    if (count < 2 || !strchr(out, 'e')) continue;
    snprintf(shorter, sizeof shorter, "%.*g", (int)count - 1, x);  // one digit fewer is another number
    assert_true(strtod(shorter, NULL) != x);
  }
}

static void rates_are_for_people(void **state) {
  (void)state;
  static const struct { double rate; const char *words; } all[] = {
      {14430.2, "14,430"}, {1234567, "1,234,567"}, {999.4, "999"},  {999.6, "1,000"}, {100, "100"}, {14.43, "14.4"},
      {1.443, "1.44"},     {0.1443, "0.144"},      {0, "0.000"},    {1e12, "1,000,000,000,000"},
      {INFINITY, "?"},     {(double)NAN, "?"},     {1e300, "?"},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char words[32];
    text_rate(words, all[i].rate);
    assert_string_equal(words, all[i].words);
  }
}

static void text_character_knows_utf8(void **state) {
  (void)state;
  static const struct { const char *bytes; size_t size, length; uint32_t code; } known[] = {
      {"a", 1, 1, 'a'}, {"\0", 1, 1, 0}, {"", 0, 0, 0}, {"\xC3\xA9", 2, 2, 0xE9}, {"\xC3\xA9", 1, 0, 0},
      {"\xE2\x82\xAC", 3, 3, 0x20AC}, {"\xF0\x9F\x98\x80", 4, 4, 0x1F600}, {"\xF4\x8F\xBF\xBF", 4, 4, 0x10FFFF},
      {"\xF4\x90\x80\x80", 4, 0, 0}, {"\xED\x9F\xBF", 3, 3, 0xD7FF}, {"\xED\xA0\x80", 3, 0, 0},
      {"\xC0\x80", 2, 0, 0}, {"\xC1\xBF", 2, 0, 0}, {"\xE0\x9F\xBF", 3, 0, 0}, {"\xE0\xA0\x80", 3, 3, 0x800},
      {"\xF0\x8F\xBF\xBF", 4, 0, 0}, {"\xF5\x80\x80\x80", 4, 0, 0}, {"\x80", 1, 0, 0}, {"\xE2(\xAC", 3, 0, 0}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
    uint32_t code = 0;
    assert_int_equal(text_character(known[i].bytes, known[i].size, &code), known[i].length);
    if (known[i].length) assert_int_equal(code, known[i].code);
  }
}

static void the_nearest_word_is_found(void **state) {
  (void)state;
  static const char *const words[] = {"rnn.hidden", "rnn.mixtures", "evolve.popsize", "z"};
  assert_string_equal(text_nearest("rnn.hiden", words, 4), "rnn.hidden");
  assert_string_equal(text_nearest("rnn.hidden", words, 4), "rnn.hidden");
  assert_string_equal(text_nearest("evolve.popsise", words, 4), "evolve.popsize");
  assert_string_equal(text_nearest("rnn.mixture", words, 4), "rnn.mixtures");
  assert_string_equal(text_nearest("z", words, 4), "z");
  assert_null(text_nearest("colour", words, 4));
  assert_null(text_nearest("q", words, 4));
  assert_null(text_nearest("", words, 4));
  assert_null(text_nearest("rnn.hidden", words, 0));
}

static void a_long_word_is_near_to_nothing(void **state) {
  (void)state;
  static const char *const words[] = {"rnn.hidden"};
  char word[1001] = {0};
  memset(word, 'a', 1000);
  assert_null(text_nearest(word, words, 1));
}

static void sentences_are_cut_between_characters(void **state) {
  (void)state;
  static const char words[] = "a\u00e9\u20ac\U0001F600z";  // 1, 2, 3, 4 and 1 bytes
  static const int whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11};
  for (int most = 0; most < 13; most++) assert_int_equal(text_whole(words, most), whole[most]);
  for (size_t room = 1; room < 13; room++) {
    char cut[16];
    text_print(cut, room, "%s", words);
    assert_int_equal(strlen(cut), whole[room - 1]);
    assert_int_equal(strncmp(cut, words, strlen(cut)), 0);
  }

  // Bytes that are no characters are nothing to be careful with.
  assert_int_equal(text_whole("\x80\x80\x80\x80\x80", 4), 4);
  assert_int_equal(text_whole("\xff\xff\xff", 2), 1);

  // The sentence of a failure.
  char *umlauts = mem_take(1, 4002);
  for (int i = 0; i < 2000; i++) memcpy(umlauts + 2 * i, "\u00fc", 2);
  for (int shift = 0; shift < 2; shift++) {
    status_fail(BROKEN, "%s%s", shift ? "x" : "", umlauts);
    uint32_t code;
    const char *at = status_message();
    for (size_t length; *at; at += length) assert_true((length = text_character(at, strlen(at), &code)) > 0);
  }
  mem_free(umlauts);
}

// --- cores --------------------------------------------------------------------------------------------------------

static file_path groups_home;

static void group_write(const char *folder, const char *name, const char *words) {
  file_path path = path_join(groups_home.text, "%s", folder);
  assert_int_equal(dir_make(path.text), OK);
  path = path_join(path.text, "%s", name);
  assert_int_equal(file_write(path.text, words, strlen(words)), OK);
}

static void assert_quota(double cores, const char *groups) {
  group_write(".", "groups", groups);
  double found = cores_quota(path_join(groups_home.text, "groups").text, groups_home.text);
  if (found != cores) fail_msg("%g cores of %s", found, groups);
}

static void a_quota_is_that_of_the_narrowest_group(void **state) {
  (void)state;
  char home[] = "/tmp/dreamfarm-groups-XXXXXX";
  assert_non_null(mkdtemp(home));
  groups_home = path_join(home, ".");

  // The second version, one hierarchy: the container's group and one below it.
  group_write("outer/inner", "cpu.max", "max 100000\n");
  assert_quota(INFINITY, "0::/outer/inner\n");
  group_write("outer", "cpu.max", "150000 100000\n");
  assert_quota(1.5, "0::/outer/inner\n");
  assert_quota(1.5, "0::/outer\n");
  assert_quota(INFINITY, "0::/\n");
  group_write(".", "cpu.max", "50000 100000\n");
  assert_quota(0.5, "0::/outer/inner\n");
  assert_quota(0.5, "0::/not/seen/from/here\n");
  group_write(".", "cpu.max", "max 100000\n");

  // The first: a hierarchy a controller, or a few in one.
  group_write("cpu,cpuacct/job", "cpu.cfs_quota_us", "300000\n");
  group_write("cpu,cpuacct/job", "cpu.cfs_period_us", "100000\n");
  assert_quota(3, "5:memory:/job\n4:cpu,cpuacct:/job\n0::/\n");
  assert_quota(INFINITY, "4:cpuset:/job\n");
  group_write("cpu,cpuacct/job", "cpu.cfs_quota_us", "-1\n");
  assert_quota(INFINITY, "4:cpu,cpuacct:/job\n");

  // Nothing there, or nothing that can be read.
  assert_quota(INFINITY, "");
  assert_quota(INFINITY, "nonsense\n:\n::\n0:\n");
  assert_true(cores_quota("/nowhere/groups", home) == (double)INFINITY);
  assert_true(cores_usable() >= 1);

  char words[64];
  snprintf(words, sizeof words, "rm -rf %s", home);
  assert_int_equal(system(words), 0);
}

static void numbers_stand_in_order(void **state) {
  (void)state;
  double odd[] = {3, -1, INFINITY, 2, -INFINITY}, even[] = {4, 1, 3, 2}, one[] = {7};
  assert_true(double_median(odd, 5) == 2);
  assert_true(odd[0] == -(double)INFINITY && odd[1] == -1 && odd[2] == 2 && odd[3] == 3 && odd[4] == (double)INFINITY);
  assert_true(double_median(even, 4) == 2.5);
  assert_true(double_median(one, 1) == 7);
  assert_int_equal(double_ascending(&even[0], &even[0]), 0);
  assert_true(int_min(2, -3) == -3 && int_max(2, -3) == 2);
}

static void time_runs_forward(void **state) {
  (void)state;
  double last = time_now();
  for (int i = 0; i < 1000; i++) {
    double now = time_now();
    assert_true(now >= last);
    last = now;
  }
}

static void a_stop_is_no_waiting(void **state) {
  (void)state;
  stopwatch p = stopwatch_begin(100);
  assert_true(stopwatch_spent(&p, 100.25) == 0.25);
  assert_true(stopwatch_spent(&p, 101) == 1);
  assert_true(stopwatch_spent(&p, 50000) == 2);  // stopped over night
  assert_true(stopwatch_spent(&p, 50000.5) == 2.5);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(status_is_forwarded),
      cmocka_unit_test(status_may_quote_the_old_message),
      cmocka_unit_test(status_cuts_long_messages),
      cmocka_unit_test(status_numbers_are_the_exit_codes),
      cmocka_unit_test(check_ends_the_job_with_place_and_values),
      cmocka_unit_test(log_is_said_once_for_the_job),
      cmocka_unit_test(progress_off_a_terminal_is_plain_lines),
      cmocka_unit_test(progress_on_a_terminal_stands_on_one_line),
      cmocka_unit_test(progress_on_a_dumb_terminal_is_plain_lines),
      cmocka_unit_test(arena_gives_zeroed_aligned_pieces),
      cmocka_unit_test(arena_pieces_do_not_overlap),
      cmocka_unit_test(memory_is_counted),
      cmocka_unit_test(a_size_that_overflows_ends_the_job),
      cmocka_unit_test(text_grows),
      cmocka_unit_test(json_has_commas_and_brackets),
      cmocka_unit_test(json_escapes),
      cmocka_unit_test(json_is_read_by_jansson),
      cmocka_unit_test(numbers_are_shortest),
      cmocka_unit_test(numbers_read_back_equal),
      cmocka_unit_test(rates_are_for_people),
      cmocka_unit_test(text_character_knows_utf8),
      cmocka_unit_test(sentences_are_cut_between_characters),
      cmocka_unit_test(the_nearest_word_is_found),
      cmocka_unit_test(a_long_word_is_near_to_nothing),
      cmocka_unit_test(a_quota_is_that_of_the_narrowest_group),
      cmocka_unit_test(numbers_stand_in_order),
      cmocka_unit_test(time_runs_forward),
      cmocka_unit_test(a_stop_is_no_waiting),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

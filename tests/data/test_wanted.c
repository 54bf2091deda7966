// Tests for src/data/wanted.c: what a file holds is taken, and everything else is refused with a sentence that says
// which file, what was found, what is wanted and what to do.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data.h"

#define REMEDY "make it again"

static char directory[] = "/tmp/dreamfarm-wanted-XXXXXX";
static file_path at;

static const float values[6] = {1, -2, 3.5f, 0, 1e-20f, 7};
static const float logs[2] = {0.5f, -INFINITY};
static const float broken[2] = {NAN, 1};
static const double wide[3] = {1, INFINITY, -1e300};
static const int32_t counts[2] = {-5, 1 << 30};
static const uint8_t bytes[4] = {1, 2, 3, 255};
static const data_tensor held[] = {{.name = "values", .type = DATA_F32, .rank = 2, .dim = {2, 3}, .bytes = values},
                                   {.name = "logs", .type = DATA_F32, .rank = 1, .dim = {2}, .bytes = logs},
                                   {.name = "broken", .type = DATA_F32, .rank = 1, .dim = {2}, .bytes = broken},
                                   {.name = "wide", .type = DATA_F64, .rank = 1, .dim = {3}, .bytes = wide},
                                   {.name = "counts", .type = DATA_I32, .rank = 1, .dim = {2}, .bytes = counts},
                                   {.name = "bytes", .type = DATA_U8, .rank = 2, .dim = {2, 2}, .bytes = bytes},
                                   {.name = "nothing", .type = DATA_U8, .rank = 1, .dim = {0}, .bytes = bytes}};
#define HELD ((int)(sizeof held / sizeof *held))

static const char *const pairs[] = {"format", "test-1",
                                    "best", "-inf",
                                    "half", "0.5",
                                    "words", "a b",
                                    "empty", "",
                                    "seed", "18446744073709551615",
                                    "more", "18446744073709551616",
                                    "three", "3",
                                    "minus", "-1",
                                    "spaced", " 3",
                                    "tail", "3x",
                                    "identity", "0123456789abcdef0123456789abcdef",
                                    "short", "0123456789abcdef",
                                    "letters", "0123456789abcdef0123456789abcdeg"};
#define PAIRS ((int)(sizeof pairs / sizeof *pairs / 2))

static data_source from;

static void refused(status s, const char *words) {
  assert_int_equal(s, BAD_FILE);
  if (!strstr(status_message(), words)) fail_msg("\"%s\" does not say \"%s\"", status_message(), words);
  if (!strstr(status_message(), at.text)) fail_msg("\"%s\" does not name the file", status_message());
}

static void test_what_is_there_is_taken(void **state) {
  (void)state;
  const float *f32, *log;
  const double *f64;
  const int32_t *i32;
  const uint8_t *u8;
  const data_tensor *t;
  assert_int_equal(data_f32_wanted(&f32, &from, "values", data_matrix(2, 3)), OK);
  assert_int_equal(data_logs_wanted(&log, &from, "logs", data_vector(2)), OK);
  assert_int_equal(data_f64_wanted(&f64, &from, "wide", data_vector(3)), OK);
  assert_int_equal(data_i32_wanted(&i32, &from, "counts", data_vector(DATA_ANY)), OK);
  assert_int_equal(data_u8_wanted(&u8, &from, "bytes", data_matrix(DATA_ANY, 2)), OK);
  assert_memory_equal(f32, values, sizeof values);
  assert_memory_equal(log, logs, sizeof logs);
  assert_memory_equal(f64, wide, sizeof wide);
  assert_memory_equal(i32, counts, sizeof counts);
  assert_memory_equal(u8, bytes, sizeof bytes);

  assert_int_equal(data_tensor_wanted(&t, &from, "nothing", DATA_U8, data_vector(DATA_ANY)), OK);
  assert_int_equal(t->dim[0], 0);
}

static void test_other_tensors_are_refused(void **state) {
  (void)state;
  const float *f32;
  const double *f64;
  const int32_t *i32;
  const uint8_t *u8;
  refused(data_f32_wanted(&f32, &from, "absent", data_vector(2)), "tensor 'absent' is missing; " REMEDY);
  refused(data_f32_wanted(&f32, &from, "values", data_matrix(2, 4)),
          "tensor 'values' is F32 (2, 3), but F32 (2, 4) is wanted; " REMEDY);
  refused(data_f32_wanted(&f32, &from, "values", data_vector(6)), "F32 (6) is wanted");
  refused(data_f32_wanted(&f32, &from, "wide", data_vector(3)), "tensor 'wide' is F64 (3), but F32 (3) is wanted");
  refused(data_f64_wanted(&f64, &from, "values", data_matrix(2, 3)), "F64 (2, 3) is wanted");
  refused(data_i32_wanted(&i32, &from, "counts", data_matrix(DATA_ANY, 2)), "I32 (n, 2) is wanted");
  refused(data_u8_wanted(&u8, &from, "counts", data_vector(DATA_ANY)), "U8 (n) is wanted");
}

// Minus infinity is the logarithm of no variance, and nothing else.
static void test_broken_numbers_are_refused(void **state) {
  (void)state;
  const float *f32;
  refused(data_f32_wanted(&f32, &from, "logs", data_vector(2)), "tensor 'logs' has an infinity at place 1");
  refused(data_f32_wanted(&f32, &from, "broken", data_vector(2)), "tensor 'broken' has a NaN at place 0");
  refused(data_logs_wanted(&f32, &from, "broken", data_vector(2)), "tensor 'broken' has a NaN at place 0");
}

static void test_metadata(void **state) {
  (void)state;
  const char *word;
  double number;
  uint64_t whole;
  hash h;
  assert_int_equal(data_text_wanted(&word, &from, "words"), OK);
  assert_string_equal(word, "a b");
  assert_int_equal(data_format_wanted(&from, "test-1"), OK);
  assert_int_equal(data_number_wanted(&number, &from, "best"), OK);
  assert_true(number == -(double)INFINITY);
  assert_int_equal(data_whole_wanted(&whole, &from, "seed", 0, UINT64_MAX), OK);
  assert_true(whole == UINT64_MAX);
  assert_int_equal(data_whole_wanted(&whole, &from, "three", 3, 3), OK);
  assert_int_equal(data_hash_wanted(&h, &from, "identity"), OK);
  assert_string_equal(h.hex, "0123456789abcdef0123456789abcdef");
}

static void test_other_metadata_is_refused(void **state) {
  (void)state;
  static const char *const no_whole[] = {"best", "half", "words", "empty", "more", "minus", "spaced", "tail"};
  const char *word;
  double number;
  uint64_t whole;
  hash h;
  refused(data_text_wanted(&word, &from, "absent"), "metadata 'absent' is missing; " REMEDY);
  refused(data_format_wanted(&from, "test-2"), "its format is 'test-1', 'test-2' is wanted; " REMEDY);
  refused(data_number_wanted(&number, &from, "absent"), "metadata 'absent' is missing; " REMEDY);
  refused(data_number_wanted(&number, &from, "words"), "metadata 'words' is 'a b', not a number; " REMEDY);
  refused(data_number_wanted(&number, &from, "empty"), "metadata 'empty' is '', not a number; " REMEDY);
  refused(data_number_wanted(&number, &from, "tail"), "metadata 'tail' is '3x', not a number; " REMEDY);

  for (size_t i = 0; i < sizeof no_whole / sizeof *no_whole; i++)
    refused(data_whole_wanted(&whole, &from, no_whole[i], 0, UINT64_MAX), "0 to 18446744073709551615 are allowed");
  refused(data_whole_wanted(&whole, &from, "three", 4, 9), "'three' is '3'; 4 to 9 are allowed; " REMEDY);
  refused(data_whole_wanted(&whole, &from, "three", 0, 2), "'three' is '3'; 0 to 2 are allowed");

  refused(data_hash_wanted(&h, &from, "absent"), "metadata 'absent' is missing; " REMEDY);
  refused(data_hash_wanted(&h, &from, "short"), "metadata 'short' is '0123456789abcdef', not a hash; " REMEDY);
  refused(data_hash_wanted(&h, &from, "letters"), "not a hash");
}

static int begin(void **state) {
  (void)state;
  data_tensors *f;
  if (!mkdtemp(directory)) return -1;
  at = path_join(directory, "x.safetensors");
  if (data_tensors_write(at.text, held, HELD, pairs, PAIRS) != OK) return -1;
  if (data_tensors_read(&f, at.text) != OK) return -1;
  from = (data_source){.file = f, .path = at.text, .remedy = REMEDY};
  return 0;
}

static int end(void **state) {
  (void)state;
  data_tensors_close((data_tensors *)from.file);
  file_remove(at.text);
  return rmdir(directory);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_is_there_is_taken),    cmocka_unit_test(test_other_tensors_are_refused),
      cmocka_unit_test(test_broken_numbers_are_refused), cmocka_unit_test(test_metadata),
      cmocka_unit_test(test_other_metadata_is_refused),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

// Tests for src/data/tensors.c and picture.c: round trips, and files that are not what they should be.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "../../src/data/tensors.h"

static char directory[] = "/tmp/dreamfarm-tensors-XXXXXX";
static file_path at;

static const float values[6] = {1, -2, 3.5f, 0, 1e-20f, 7};
static const int64_t numbers[2] = {-5, 1LL << 40};

static const uint8_t odd[3] = {1, 2, 3};
static const data_tensor small[] = {{.name = "a.weight", .type = DATA_F32, .rank = 2, .dim = {2, 3}, .bytes = values},
                                    {.name = "empty", .type = DATA_F64, .rank = 1, .dim = {0}, .bytes = values},
                                    {.name = "odd", .type = DATA_U8, .rank = 1, .dim = {3}, .bytes = odd},
                                    {.name = "b", .type = DATA_I64, .rank = 1, .dim = {2}, .bytes = numbers}};
enum { SMALL = 4, PAIRS = 2 };
static const char *const pairs[2 * PAIRS] = {"format", "test", "quote", "a \"b\" \\ c"};

static void write_small(void) {
  if (data_tensors_write(at.text, small, SMALL, pairs, PAIRS) != OK) fail_msg("%s", status_message());
}

static bool same_tensor(const data_tensor *a, const data_tensor *b) {
  return a && a->type == b->type && a->rank == b->rank && memcmp(a->dim, b->dim, sizeof a->dim) == 0 &&
         memcmp(a->bytes, b->bytes, data_tensor_bytes(b)) == 0;
}

static bool same_as_small(const data_tensors *f) {
  for (int i = 0; i < SMALL; i++)
    if (!same_tensor(data_tensors_find(f, small[i].name), &small[i])) return false;
  for (int i = 0; i < PAIRS; i++) {
    const char *word = data_tensors_metadata(f, pairs[2 * i]);
    if (!word || strcmp(word, pairs[2 * i + 1]) != 0) return false;
  }
  return true;
}

static status parse(data_tensors **f, const char *bytes, size_t size) {
  char *copy = mem_take(size + 1, 1);  // as file_read gives it
  memcpy(copy, bytes, size);
  return tensors_parse(f, at.text, copy, size);
}

static void test_round_trip(void **state) {
  (void)state;
  write_small();
  data_tensors *f;
  if (data_tensors_read(&f, at.text) != OK) fail_msg("%s", status_message());
  assert_true(same_as_small(f));
  assert_null(data_tensors_find(f, "c"));
  assert_null(data_tensors_metadata(f, "absent"));
  for (int i = 0; i < SMALL; i++) {
    const data_tensor *t = data_tensors_find(f, small[i].name);
    size_t element = t->type == DATA_U8 ? 1 : t->type == DATA_F32 ? 4 : 8;
    assert_int_equal((uintptr_t)t->bytes % element, 0);  // although "b" stands after 27 bytes
  }
  data_tensors_close(f);
}

static void refused(const char *words) {
  data_tensors *f;
  assert_int_equal(data_tensors_read(&f, at.text), BAD_FILE);
  assert_non_null(strstr(status_message(), at.text));
  if (words && !strstr(status_message(), words)) fail_msg("\"%s\" does not say \"%s\"", status_message(), words);
}

static void test_every_cut_and_every_flip_is_refused_or_harmless(void **state) {
  (void)state;
  size_t size;
  char *bytes = tensors_format(&size, small, SMALL, pairs, PAIRS);
  data_tensors *f;
  for (size_t cut = 0; cut < size; cut++) {
    assert_int_equal(parse(&f, bytes, cut), BAD_FILE);
    assert_non_null(strstr(status_message(), at.text));
  }
  int harmless = 0;
  for (size_t bit = 0; bit < 8 * size; bit++) {
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    status s = parse(&f, bytes, size);
    if (s == OK) {  // the word "checksum" itself is hit: then it is not checked, but nothing else is hit
      assert_true(same_as_small(f));
      data_tensors_close(f);
      harmless++;
    } else {
      assert_int_equal(s, BAD_FILE);
    }
    bytes[bit / 8] ^= (char)(1 << bit % 8);
  }
  assert_in_range(harmless, 1, 8 * strlen("checksum"));
  mem_free(bytes);
}

static void test_a_damaged_file_is_refused_by_name(void **state) {
  (void)state;
  char *bytes;
  size_t size;
  write_small();
  assert_int_equal(file_read(&bytes, &size, at.text), OK);
  bytes[size - 1] ^= 1;
  assert_int_equal(file_write(at.text, bytes, size), OK);
  refused("damaged");
  assert_int_equal(file_write(at.text, bytes, size - 1), OK);
  refused("damaged");
  mem_free(bytes);
}

static void write_header(const char *json, size_t payload) {
  char file[2048] = {0};
  size_t length = strlen(json);
  file[0] = (char)(length & 0xff), file[1] = (char)(length >> 8);
  memcpy(file + 8, json, length);
  assert_int_equal(file_write(at.text, file, 8 + length + payload), OK);
}

// No padding, no checksum, any order, an empty tensor between.
static void test_what_others_write_is_read(void **state) {
  (void)state;
  write_header("{\"b\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[8,10]},"
               "\"c\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
               "\"n\":{\"dtype\":\"F64\",\"shape\":[2,0],\"data_offsets\":[8,8]}} ",
               10);
  data_tensors *f;
  if (data_tensors_read(&f, at.text) != OK) fail_msg("%s", status_message());
  const data_tensor *c = data_tensors_find(f, "c");
  assert_int_equal(c->rank, 0);
  assert_int_equal(*(const int64_t *)c->bytes, 0);
  assert_int_equal(data_tensor_bytes(data_tensors_find(f, "b")), 2);
  assert_int_equal(data_tensor_bytes(data_tensors_find(f, "n")), 0);
  data_tensors_close(f);
}

static void test_wrong_headers_are_refused(void **state) {
  (void)state;
  static const struct { const char *json; size_t payload; const char *words; } wrong[] = {
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
       "\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}",
       12, "overlaps"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "hole"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "belong to none"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}", 8, "needs"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 8, "needs"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9007199254740992,9007199254740992],\"data_offsets\":[0,4]}}", 4,
       "more than the file"},
      {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "F31"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
       "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}",
       4, "damaged"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "described"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0,9223372036854775807],\"data_offsets\":[0,0]}}", 0, "whole numbers"},
      {"{\"__metadata__\":{\"a\":3}}", 0, "not a text"},
      {"{\"__metadata__\":[]}", 0, "not a map"},
      {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "damaged"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "up to 4"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,0]}}", 4, "stands at"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}", 4, "stands at"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "whole numbers"},
      {"{} x", 0, "damaged"},
      {"[]", 0, "'{'"},
      {"{", 0, "damaged"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    write_header(wrong[i].json, wrong[i].payload);
    refused(wrong[i].words);
  }
  assert_int_equal(file_write(at.text, "\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), OK);
  refused("claims");
}

static void write_long_header(char filling, size_t length, size_t file_size) {
  char *file = mem_take(8 + length, 1);
  for (int i = 0; i < 8; i++) file[i] = (char)((uint64_t)length >> 8 * i);
  memset(file + 8, filling, length);
  file[8] = '{';
  file[7 + length] = '}';
  assert_int_equal(file_write(at.text, file, file_size), OK);
  mem_free(file);
}

// Whole, and longer than is read; cut, and no more is said than that.
static void test_a_header_beyond_the_limit(void **state) {
  (void)state;
  size_t length = (size_t)70 << 20;
  write_long_header(' ', length, 8 + length);
  refused("its header has 73400320 bytes; at most 67108864 are read");
  write_long_header(' ', length, length);
  refused("truncated");
}

// Brackets, of which the parser would make fifty times their size in memory.
static void test_a_header_of_brackets(void **state) {
  (void)state;
  size_t length = (size_t)4 << 20;
  write_long_header('[', length, 8 + length);
  refused("at most 1048576 are read");
}

static void test_missing_and_unwritable(void **state) {
  (void)state;
  data_tensors *f;
  assert_int_equal(data_tensors_read(&f, "/nowhere/x.safetensors"), NO_IO);
  const data_tensor t = {.name = "a", .type = DATA_U8, .rank = 1, .dim = {1}, .bytes = "x"};
  assert_int_equal(file_write(at.text, "x", 1), OK);
  file_path below = path_join(at.text, "x.safetensors");
  assert_int_equal(data_tensors_write(below.text, &t, 1, NULL, 0), NO_IO);
  assert_non_null(strstr(status_message(), below.text));
}

static void test_picture(void **state) {
  (void)state;
  uint8_t rgb[2 * 5 * 3], back[2 * 5 * 3];
  for (int i = 0; i < 30; i++) rgb[i] = (uint8_t)(i * 8);
  file_path p = path_join(directory, "x.png");
  assert_int_equal(data_png_write(p.text, rgb, 2, 5), OK);
  png_image image = {.version = PNG_IMAGE_VERSION};
  assert_true(png_image_begin_read_from_file(&image, p.text));
  image.format = PNG_FORMAT_RGB;
  assert_int_equal(image.width, 5);
  assert_int_equal(image.height, 2);
  assert_true(png_image_finish_read(&image, NULL, back, 0, NULL));
  assert_memory_equal(rgb, back, sizeof rgb);
  file_remove(p.text);
  assert_int_equal(data_png_write("/nowhere/x.png", rgb, 2, 5), NO_IO);
  assert_non_null(strstr(status_message(), "/nowhere/x.png"));
}

static int begin(void **state) {
  (void)state;
  if (!mkdtemp(directory)) return -1;
  at = path_join(directory, "x.safetensors");
  return 0;
}

static int end(void **state) {
  (void)state;
  file_remove(at.text);
  return rmdir(directory);
}

// What test_python.sh had Python write.
static int read_pythons(const char *path) {
  data_tensors *f;
  if (data_tensors_read(&f, path) != OK) return fprintf(stderr, "%s\n", status_message()), 1;
  const data_tensor *x = data_tensors_find(f, "x"), *h = data_tensors_find(f, "h"), *n = data_tensors_find(f, "n");
  bool good =
      x && h && n && x->type == DATA_F32 && x->rank == 2 && x->dim[1] == 3 && h->type == DATA_F16 && n->rank == 0;
  float wide[3];
  if (good) data_float_from_half(wide, h->bytes, 3);
  good = good && memcmp(x->bytes, values, sizeof values) == 0 && *(const int64_t *)n->bytes == numbers[1];
  good = good && wide[0] == 1 && wide[1] == -0.5f && wide[2] == 65504;
  const char *word = data_tensors_metadata(f, "quote");
  good = good && word && strcmp(word, pairs[3]) == 0;
  data_tensors_close(f);
  return !good;
}

// An argument: a file to read, for test_python.sh.
int main(int count, char **words) {
  if (count > 1) return read_pythons(words[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_every_cut_and_every_flip_is_refused_or_harmless),
      cmocka_unit_test(test_a_damaged_file_is_refused_by_name),
      cmocka_unit_test(test_what_others_write_is_read),
      cmocka_unit_test(test_wrong_headers_are_refused),
      cmocka_unit_test(test_a_header_beyond_the_limit),
      cmocka_unit_test(test_a_header_of_brackets),
      cmocka_unit_test(test_missing_and_unwritable),
      cmocka_unit_test(test_picture),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

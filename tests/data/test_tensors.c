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

#include "data.h"

static char directory[] = "/tmp/dreamfarm-tensors-XXXXXX";
static file_path at;

static const float values[6] = {1, -2, 3.5f, 0, 1e-20f, 7};
static const int64_t numbers[2] = {-5, 1LL << 40};

static void write_small(void) {
  const data_tensor tensors[] = {{.name = "a.weight", .type = DATA_F32, .rank = 2, .dim = {2, 3}, .bytes = values},
                                 {.name = "empty", .type = DATA_F64, .rank = 1, .dim = {0}, .bytes = values},
                                 {.name = "b", .type = DATA_I64, .rank = 1, .dim = {2}, .bytes = numbers}};
  const char *const pairs[] = {"format", "test", "quote", "a \"b\" \\ c"};
  if (data_tensors_write(at.text, tensors, 3, pairs, 2) != OK) fail_msg("%s", status_message());
}

static void test_round_trip(void **state) {
  (void)state;
  write_small();
  data_tensors *f;
  if (data_tensors_read(&f, at.text) != OK) fail_msg("%s", status_message());
  const data_tensor *a = data_tensors_find(f, "a.weight"), *b = data_tensors_find(f, "b"), *empty = data_tensors_find(f, "empty");
  assert_true(a && b && empty && !data_tensors_find(f, "c"));
  assert_int_equal(a->rank, 2);
  assert_int_equal(a->dim[1], 3);
  assert_memory_equal(a->bytes, values, sizeof values);
  assert_memory_equal(b->bytes, numbers, sizeof numbers);
  assert_int_equal(data_tensor_bytes(empty), 0);
  assert_string_equal(data_tensors_metadata(f, "quote"), "a \"b\" \\ c");
  assert_null(data_tensors_metadata(f, "absent"));
  data_tensors_close(f);
}

static void refused(const char *words) {
  data_tensors *f;
  assert_int_equal(data_tensors_read(&f, at.text), BAD_FILE);
  assert_non_null(strstr(status_message(), at.text));
  if (words && !strstr(status_message(), words)) fail_msg("\"%s\" does not say \"%s\"", status_message(), words);
}

static void test_every_cut_and_every_flip_is_refused(void **state) {
  (void)state;
  write_small();
  char *bytes;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, at.text), OK);
  for (size_t cut = 0; cut < size; cut++) {
    assert_int_equal(file_write(at.text, bytes, cut), OK);
    refused(NULL);
  }
  int harmless = 0;
  for (size_t bit = 0; bit < 8 * size; bit++) {
    bytes[bit / 8] ^= (char)(1 << bit % 8);
    assert_int_equal(file_write(at.text, bytes, size), OK);
    data_tensors *f;
    status s = data_tensors_read(&f, at.text);
    if (s == OK) {  // a name, or a word of the metadata, may become another one; numbers may not
      const data_tensor *a = data_tensors_find(f, "a.weight");
      if (a && a->rank == 2) assert_memory_equal(a->bytes, values, sizeof values);
      data_tensors_close(f);
      harmless++;
    } else {
      assert_int_equal(s, BAD_FILE);
    }
    bytes[bit / 8] ^= (char)(1 << bit % 8);
  }
  assert_true(harmless < (int)size * 8 / 2);
  mem_free(bytes);
}

static void write_header(const char *json, size_t payload) {
  char file[2048] = {0};
  size_t length = strlen(json);
  file[0] = (char)(length & 0xff), file[1] = (char)(length >> 8);
  memcpy(file + 8, json, length);
  assert_int_equal(file_write(at.text, file, 8 + length + payload), OK);
}

static void test_wrong_headers_are_refused(void **state) {
  (void)state;
  static const struct { const char *json; size_t payload; const char *words; } wrong[] = {
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},\"b\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[4,12]}}", 12, "overlaps"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "hole"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "belong to none"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,12]}}", 8, "needs"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 8, "needs"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "whole numbers"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775807,9223372036854775807],\"data_offsets\":[0,4]}}", 4, "more than the file"},
      {"{\"a\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "F31"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}", 4, "damaged"},
      {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "described"},
      {"{\"__metadata__\":{\"a\":3}}", 0, "not a text"},
      {"{\"__metadata__\":[]}", 0, "not a map"},
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_round_trip),
      cmocka_unit_test(test_every_cut_and_every_flip_is_refused),
      cmocka_unit_test(test_wrong_headers_are_refused),
      cmocka_unit_test(test_missing_and_unwritable),
      cmocka_unit_test(test_picture),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

// Tests for src/data/half.c: every half, and around every boundary between two of them. With a file as argument it
// leaves numbers there, for test_python.sh to compare with numpy's.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data.h"

static float widened(uint32_t half) {
  uint16_t h = (uint16_t)half;
  float x;
  data_float_from_half(&x, &h, 1);
  return x;
}

static uint32_t narrowed(float x) {
  uint16_t half;
  data_half_from_float(&half, &x, 1);
  return half;
}

static void is(float x, uint32_t half) {
  if (narrowed(x) != half) fail_msg("%a becomes %04x, not %04x", (double)x, narrowed(x), half);
  if (narrowed(-x) != (half | 0x8000)) fail_msg("%a becomes %04x, not %04x", (double)-x, narrowed(-x), half | 0x8000);
}

// IEEE 754-2008, 3.4: what the bits of a binary16 mean.
static double meaning(uint32_t half) {
  int exponent = (int)(half >> 10 & 31), fraction = (int)(half & 1023);
  double magnitude = exponent == 31 ? INFINITY
                     : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                    : ldexp(fraction, -24);
  return half & 0x8000 ? -magnitude : magnitude;
}

static void test_every_half_means_what_it_should(void **state) {
  (void)state;
  for (uint32_t half = 0; half < 65536; half++) {
    float x = widened(half);
    bool nan = (half & 0x7c00) == 0x7c00 && half & 1023;
    if (nan ? !isnan(x) : (double)x != meaning(half)) fail_msg("%04x becomes %a", half, (double)x);
    assert_true(signbit(x) ? half & 0x8000 : !(half & 0x8000));
  }
}

static void test_every_half_comes_back(void **state) {
  (void)state;
  uint16_t all[65536], back[65536];
  static float wide[65536];
  for (int i = 0; i < 65536; i++) all[i] = (uint16_t)i;
  data_float_from_half(wide, all, 65536);
  data_half_from_float(back, wide, 65536);
  assert_memory_equal(all, back, sizeof all);
}

// Between two halves: the middle goes to the even one, a hair beside it to the nearer one. The next after the largest
// is 2^16, as if the exponent went on, and becomes infinity.
static void test_nearest_ties_to_even(void **state) {
  (void)state;
  for (uint32_t half = 0; half < 0x7c00; half++) {
    float below = widened(half), above = half == 0x7bff ? 65536 : widened(half + 1), middle = (below + above) / 2;
    is(middle, half % 2 ? half + 1 : half);
    is(nextafterf(middle, -1), half);
    is(nextafterf(middle, INFINITY), half + 1);
    is(nextafterf(below, INFINITY), half);
  }
}

static void test_ends(void **state) {
  (void)state;
  is(0, 0);
  is(1e-30f, 0);
  is(0x1p-149f, 0);
  is(65504, 0x7bff);
  is(1e30f, 0x7c00);
  is(3.40282347e38f, 0x7c00);
  is(INFINITY, 0x7c00);
  assert_int_equal(narrowed(NAN) & 0x7e00, 0x7e00);
  const uint32_t least = 0x7f800001;  // a NaN whose payload is lost
  float x;
  memcpy(&x, &least, sizeof x);
  assert_true(isnan(widened(narrowed(x))));
}

static int leave(const char *path) {
  enum { ALL = 65536 };
  static uint16_t all[ALL], narrow[ALL];
  static float wide[ALL], any[ALL];
  for (uint32_t i = 0; i < ALL; i++) {
    uint32_t bits = i * 65521u;
    all[i] = (uint16_t)i;
    memcpy(&any[i], &bits, sizeof bits);
  }
  data_float_from_half(wide, all, ALL);
  data_half_from_float(narrow, any, ALL);
  const data_tensor tensors[] = {{.name = "all", .type = DATA_F16, .rank = 1, .dim = {ALL}, .bytes = all},
                                 {.name = "wide", .type = DATA_F32, .rank = 1, .dim = {ALL}, .bytes = wide},
                                 {.name = "any", .type = DATA_F32, .rank = 1, .dim = {ALL}, .bytes = any},
                                 {.name = "narrow", .type = DATA_F16, .rank = 1, .dim = {ALL}, .bytes = narrow}};
  return data_tensors_write(path, tensors, 4, NULL, 0);
}

int main(int count, char **words) {
  if (count > 1) return leave(words[1]);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_half_means_what_it_should),
      cmocka_unit_test(test_every_half_comes_back),
      cmocka_unit_test(test_nearest_ties_to_even),
      cmocka_unit_test(test_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

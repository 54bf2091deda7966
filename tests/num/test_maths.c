// exp, tanh, sigmoid over the whole range of float: the stated bounds, the special values, the same bits on every
// instruction set, for every n, in every place.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "isas.h"

enum { CHUNK = 4096 };
static const uint32_t stride = 2503;  // prime, so that all low bits occur; 1.7 million of the 4.3 thousand million

typedef struct function {
  const char *name;
  void (*apply)(float *y, const float *x, int n);
  double (*exact)(double x);
  double ulps;         // the bound stated beside the definition
  const char *digest;  // of the whole strided range without NaN
} function;

static double sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

static const function functions[] = {
    {"exp", vec_exp, exp, 2, "7ab69aa6ec3a3cb86757b43163d98a8e"},
    {"tanh", vec_tanh, tanh, 3, "478879a21d7f2abfb42c2106d4948652"},
    {"sigmoid", vec_sigmoid, sigmoid, 3, "312f0867ea1cb01076689c575798dbb9"},
};
#define FOR_EACH_FUNCTION(f) \
  for (const function *f = functions; f < functions + sizeof functions / sizeof *functions; f++)

// The next CHUNK bit patterns; false when the range is through.
static bool next_floats(float *x, uint64_t *bits) {
  if (*bits > UINT32_MAX) return false;
  for (int i = 0; i < CHUNK; i++, *bits += stride) {
    uint32_t b = *bits > UINT32_MAX ? 0 : (uint32_t)*bits;
    memcpy(x + i, &b, sizeof b);
  }
  return true;
}

static double ulp_of(double exact) {
  int exponent;
  frexp(exact, &exponent);
  return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static void bounds(void **state) {
  (void)state;
  float x[CHUNK], y[CHUNK];
  FOR_EACH_FUNCTION(f) {
    for (uint64_t bits = 0; next_floats(x, &bits);) {
      f->apply(y, x, CHUNK);
      for (int i = 0; i < CHUNK; i++) {
        double exact = f->exact((double)x[i]);
        if (isnan(x[i])) assert_true(isnan(y[i]));
        else if (exact > 0x1.ffffffp127) assert_true(isinf(y[i]));
        else if (!(fabs((double)y[i] - exact) <= f->ulps * ulp_of(exact)))
          fail_msg("%s(%a) = %a, not %a", f->name, (double)x[i], (double)y[i], exact);
      }
    }
  }
}

static void special_values(void **state) {
  (void)state;
  static const float x[] = {0.0f, -0.0f, INFINITY, -INFINITY, 0x1p-149f, -0x1p-149f, 1e30f, -1e30f, 88.7f, -88.7f};
  enum { N = sizeof x / sizeof *x };
  static const float tanhs[N] = {0.0f, -0.0f, 1, -1, 0x1p-149f, -0x1p-149f, 1, -1, 1, -1};
  static const float exps[] = {1, 1, INFINITY, 0, 1, 1, INFINITY, 0};
  static const float sigmoids[] = {0.5f, 0.5f, 1, 0, 0.5f, 0.5f, 1, 0, 1};
  FOR_EACH_ISA(isa) {
    float y[N];
    vec_tanh(y, x, N);
    assert_memory_equal(y, tanhs, sizeof tanhs);
    vec_exp(y, x, N);
    assert_memory_equal(y, exps, sizeof exps);
    assert_true(isfinite(y[8]) && y[9] > 0);
    vec_sigmoid(y, x, N);
    assert_memory_equal(y, sigmoids, sizeof sigmoids);
    assert_true(y[9] > 0 && y[9] < 0x1p-126f);  // subnormal, not cut off
  }
}

// A NaN is a NaN; its payload is the processor's business.
static void payloads_forget(float *y, int n) {
  for (int i = 0; i < n; i++)
    if (isnan(y[i])) y[i] = NAN;
}

static void same_bits_everywhere(void **state) {
  (void)state;
  float x[CHUNK], plain[CHUNK], y[CHUNK];
  FOR_EACH_FUNCTION(f) {
    for (uint64_t bits = 0; next_floats(x, &bits);) {
      num_isa_use(NUM_PLAIN);
      f->apply(plain, x, CHUNK);
      payloads_forget(plain, CHUNK);
      FOR_EACH_ISA(isa) {
        f->apply(y, x, CHUNK);
        payloads_forget(y, CHUNK);
        assert_memory_equal(y, plain, sizeof y);
      }
    }
  }
}

// And on every machine: these were computed once; a change of the recipe changes all dreams, so it must be meant.
static void same_bits_as_ever(void **state) {
  (void)state;
  float x[CHUNK];
  FOR_EACH_FUNCTION(f) {
    hash all = {{0}};
    for (uint64_t bits = 0; next_floats(x, &bits);) {
      f->apply(x, x, CHUNK);
      for (int i = 0; i < CHUNK; i++)
        if (isnan(x[i])) x[i] = 0;
      all = hash_join((hash[2]){all, hash_bytes(x, sizeof x)}, 2);
    }
    if (strcmp(all.hex, f->digest) != 0) fail_msg("%s: %s, not %s", f->name, all.hex, f->digest);
  }
}

static void every_length_and_place(void **state) {
  (void)state;
  float x[CHUNK], whole[CHUNK];
  rng_normals(x, CHUNK, rng_stream(1, "maths"), 0, 0);
  FOR_EACH_FUNCTION(f) {
    f->apply(whole, x, CHUNK);
    FOR_EACH_ISA(isa) {
      for (int n = 0; n <= 70; n++) {
        float y[71];
        y[n] = 12345;
        f->apply(y, x + 3 * n, n);
        assert_true(y[n] == 12345);  // nothing beyond n
        assert_memory_equal(y, whole + 3 * n, sizeof *y * (size_t)n);
        memcpy(y, x + 3 * n, sizeof *y * (size_t)n);
        f->apply(y, y, n);  // in place
        assert_memory_equal(y, whole + 3 * n, sizeof *y * (size_t)n);
      }
    }
  }
}

static void instruction_sets(void **state) {
  (void)state;
  assert_true(num_isa_use(NUM_PLAIN));
  assert_int_equal(num_isa_now(), NUM_PLAIN);
  assert_string_equal(num_isa_name(NUM_PLAIN), "plain");
  assert_true(num_isa_use(num_isa_best()));
  assert_int_equal(num_isa_now(), num_isa_best());
  bool x86 = num_isa_use(NUM_AVX2), arm = num_isa_use(NUM_NEON);
  assert_false(x86 && arm);
  num_isa_use(num_isa_best());
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(bounds),
      cmocka_unit_test(special_values),
      cmocka_unit_test(same_bits_everywhere),
      cmocka_unit_test(same_bits_as_ever),
      cmocka_unit_test(every_length_and_place),
      cmocka_unit_test(instruction_sets)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

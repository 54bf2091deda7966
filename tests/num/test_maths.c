// exp, tanh, sigmoid over the whole range of float: the stated bounds, the special values, the same bits on every
// instruction set, for every n, in every place. And what is made of them: the LSTM's cell, a draw among choices; a dot
// product.
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

// --- the same arithmetic, one element at a time ---------------------------------------------------------------------

enum { MOST = 70 };

static void dot_is_sixteen_sums(void **state) {
  (void)state;
  float a[8 * MOST], b[8 * MOST];
  rng_normals(a, 8 * MOST, rng_stream(2, "a"), 0, 0);
  rng_normals(b, 8 * MOST, rng_stream(2, "b"), 0, 0);
  for (int n = 0; n <= 8 * MOST; n++) {
    float part[16] = {0};
    for (int i = 0; i < n; i++) {
      volatile float product = a[i] * b[i];
      part[i % 16] += product;
    }
    for (int half = 8; half; half /= 2)
      for (int i = 0; i < half; i++) part[i] += part[i + half];
    FOR_EACH_ISA(isa) assert_true(vec_dot(a, b, n) == part[0]);
  }
}

static double sigmoid_of(double x) { return 1 / (1 + exp(-x)); }

// Gates of all sizes, and such as no network has.
static void cell_is_its_formula(void **state) {
  (void)state;
  const float odd[8] = {0, -0.0f, 1e-30f, 28, -28, 1e30f, -INFINITY, INFINITY};
  for (int turn = 0; turn < 20 * MOST; turn++) {
    int H = 1 + turn % MOST;
    float gates[4 * MOST], c[MOST + 1], next[MOST + 1], h[MOST + 1], same_c[MOST], same_h[MOST],
        size = 0.5f + (float)(turn % 16);
    rng_normals(gates, 4 * H, rng_stream(3, "gates"), (uint32_t)turn, 0);
    rng_normals(c, H, rng_stream(3, "cell"), (uint32_t)turn, 0);
    for (int g = 0; g < 4 * H; g++) gates[g] = g % 11 ? gates[g] * size : odd[g / 11 % 8];
    num_isa_use(NUM_PLAIN);
    memcpy(same_c, c, sizeof same_c);
    vec_lstm_cell(same_c, same_h, gates, H);
    for (int u = 0; u < H; u++) {
      double cell = (double)c[u] * sigmoid_of((double)gates[2 * H + u]) +
                    sigmoid_of((double)gates[u]) * tanh((double)gates[H + u]);
      assert_true(fabs((double)same_c[u] - cell) < 3e-7 * (1 + fabs((double)c[u])));
      assert_true(fabs((double)same_h[u] - tanh(cell) * sigmoid_of((double)gates[3 * H + u])) <
                  3e-7 * (1 + fabs((double)c[u])));
    }
    FOR_EACH_ISA(isa) {
      memcpy(next, c, sizeof c);
      next[H] = h[H] = 12345;
      vec_lstm_cell(next, h, gates, H);
      assert_memory_equal(next, same_c, sizeof *next * (size_t)H);
      assert_memory_equal(h, same_h, sizeof *h * (size_t)H);
      assert_true(next[H] == 12345 && h[H] == 12345);
    }
  }
}

// Whichever of a unit's numbers is none, and whatever its payload: the hidden state is none, too.
static void cell_of_no_number_is_none(void **state) {
  (void)state;
  enum { H = 5 };
  const uint32_t payload[3] = {0x7FC00000, 0xFFC00000, 0x7FC001FF};
  FOR_EACH_ISA(isa) {
    for (int which = 0; which < 15; which++) {
      float gates[4 * H] = {0}, c[H] = {0}, h[H];
      memcpy(which % 5 < 4 ? &gates[which % 5 * H + 2] : &c[2], &payload[which / 5], 4);
      vec_lstm_cell(c, h, gates, H);
      for (int u = 0; u < H; u++) assert_true((isnan(h[u]) != 0) == (u == 2));
    }
  }
}

// The one of n whose share of the cumulated weights holds u; also gives the weights. logits[0] is 0.
static int drawn_of(float *weights, const float *logits, float u, int choices, float temperature) {
  float top = logits[0], sum = 0;
  const float cold = 1 / temperature;
  for (int k = 1; k < choices; k++) top = logits[k] > top ? logits[k] : top;
  for (int k = 0; k < choices; k++) weights[k] = (logits[k] - top) * cold;
  vec_exp(weights, weights, choices);
  for (int k = 0; k < choices; k++) sum += weights[k];
  volatile float rest = u * sum;
  for (int k = 0; k < choices - 1; k++) {
    rest -= weights[k];
    if (rest < 0) return k;
  }
  return choices - 1;
}

static void draw_is_its_formula(void **state) {
  (void)state;
  enum { CHOICES = 9 };
  for (int n = 1; n <= MOST; n++) {
    int choices = 1 + n % CHOICES;
    float logits[CHOICES * MOST], weights[CHOICES * MOST], u[MOST], temperature = 0.5f + (float)(n % 4) / 3;
    int32_t drawn[MOST + 1];
    rng_normals(logits, choices * n, rng_stream(4, "logits"), (uint32_t)n, 0);
    rng_uniforms(u, n, rng_stream(4, "luck"), (uint32_t)n, 0);
    for (int i = 0; i < choices * n; i += 11) logits[i] *= 40;  // shares that underflow
    memset(logits, 0, sizeof *logits * (size_t)n);              // of choice 0, which vec_draw does not ask for
    u[n / 2] = n % 2 ? 0x1p-24f : 1 - 0x1p-24f;
    FOR_EACH_ISA(isa) {
      drawn[n] = 12345;
      vec_draw(drawn, weights, logits + n, u, n, choices, temperature);
      assert_int_equal(drawn[n], 12345);
      for (int i = 0; i < n; i++) {
        float own[CHOICES], expected[CHOICES];
        for (int k = 0; k < choices; k++) own[k] = logits[k * n + i];
        assert_int_equal(drawn[i], drawn_of(expected, own, u[i], choices, temperature));
        for (int k = 0; k < choices; k++) assert_true(weights[k * n + i] == expected[k]);
      }
    }
  }
}

static void draws_of_broken_numbers_are_choices(void **state) {
  (void)state;
  const float logits[2 * 4] = {NAN, NAN, INFINITY, -INFINITY, NAN, 1, -INFINITY, -INFINITY},
              u[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  FOR_EACH_ISA(isa) {
    float weights[12];
    int32_t drawn[4];
    vec_draw(drawn, weights, logits, u, 4, 3, 1);
    for (int i = 0; i < 4; i++) assert_true(0 <= drawn[i] && drawn[i] < 3);
    assert_int_equal(drawn[0], 2);
    assert_int_equal(drawn[1], 2);
    assert_int_equal(drawn[3], 0);
  }
}

static void gauss_is_its_formula(void **state) {
  (void)state;
  for (int n = 1; n <= MOST; n++) {
    float numbers[3][MOST], sigma[MOST], z[MOST + 1];
    for (int i = 0; i < 3; i++) rng_normals(numbers[i], n, rng_stream(5, "gauss"), (uint32_t)n, (uint32_t)i * MOST);
    numbers[1][n / 2] = NAN, numbers[1][n / 3] = -90;  // as little as the least
    for (int i = 0; i < n; i++) sigma[i] = numbers[1][i] > -0.5f ? numbers[1][i] : -0.5f;
    vec_exp(sigma, sigma, n);
    FOR_EACH_ISA(isa) {
      z[n] = 12345;
      assert_true(vec_gauss(z, numbers[0], numbers[1], numbers[2], n, -0.5f, 1.25f));
      assert_true(z[n] == 12345);
      for (int i = 0; i < n; i++) {
        volatile float spread = sigma[i] * numbers[2][i] * 1.25f;
        assert_true(z[i] == numbers[0][i] + spread);
      }
      const float none[4] = {NAN, INFINITY, -INFINITY, 3e38f};
      for (int i = 0; i < 4; i++) {
        float kept = numbers[0][n - 1];
        numbers[0][n - 1] = none[i];
        assert_true(vec_gauss(z, numbers[0], numbers[1], numbers[2], n, -0.5f, 1.25f) == (i == 3));
        numbers[0][n - 1] = kept;
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
      cmocka_unit_test(dot_is_sixteen_sums),
      cmocka_unit_test(cell_is_its_formula),
      cmocka_unit_test(cell_of_no_number_is_none),
      cmocka_unit_test(draw_is_its_formula),
      cmocka_unit_test(draws_of_broken_numbers_are_choices),
      cmocka_unit_test(gauss_is_its_formula),
      cmocka_unit_test(instruction_sets)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

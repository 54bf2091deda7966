// The packed products: every output is one chain over k, bit for bit, on every instruction set, whatever the shape, in
// fp32 and in bf16; a row knows nothing of the others; and what is picked is what would have been computed.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "isas.h"

typedef struct product {
  int M, K, N, ldx, ldy;
  float *x, *w, *bias, *y, *expected;
  uint16_t *narrow;  // x in bf16, or NULL: the product is one in fp32
  packed p;
} product;

static const float untouched = 12345;
static uint32_t draws;

static float *random_floats(size_t count) {
  float *a = mem_take(count + 1, sizeof *a);
  rng_normals(a, (int)count, rng_episode(rng_stream(1, "packed"), 0, draws++), 0, 0);
  return a;
}

// --- the laws, said once more, one output at a time -----------------------------------------------------------------

static float fp32_chain(const product *g, int m, int n) {
  float sum = g->bias ? g->bias[n] : 0;
  for (int k = 0; k < g->K; k++) sum = fmaf(g->x[m * g->ldx + k], g->w[k * g->N + n], sum);
  return sum;
}

static float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// To nearest by comparing with both neighbours, in double; ties to the even one.
static uint16_t rounded(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint16_t down = (uint16_t)(bits >> 16), up = (uint16_t)(down + 1);
  if (isnan(x)) return down | 0x40;
  if (fabsf(x) < 0x1p-126f) return down & 0x8000;
  if (isinf(x)) return down;
  double above = (up & 0x7F80) == 0x7F80 ? copysign(0x1p128, (double)x) : (double)widened(up);
  double to_down = fabs((double)x - (double)widened(down)), to_up = fabs(above - (double)x);
  return to_up < to_down || (to_up == to_down && up % 2 == 0) ? up : down;
}

// One rounding; subnormal sums are zeros, by what they are before the exponent's limit rounds them (x87 and others hold
// the sum exactly where it is that small).
static float flushed_fma(float a, float b, float c) {
  if (fabsf(c) < 0x1p-126f) c = copysignf(0, c);
  float sum = fmaf(a, b, c);
  return fabsl((long double)a * b + c) < 0x1p-126L - 0x1p-151L ? copysignf(0, sum) : sum;
}

static float bf16_chain(const product *g, int m, int n) {
  float sum = g->bias ? g->bias[n] : 0;
  for (int pair = 0; pair < g->K; pair += 2)
    for (int k = pair + 1; k >= pair; k--) {
      bool there = k < g->K;
      float a = there ? widened(rounded(g->x[m * g->ldx + k])) : 0,
            b = there ? widened(rounded(g->w[k * g->N + n])) : 0;
      sum = flushed_fma(a, b, sum);
    }
  return sum;
}

static void expect(product *g) {
  for (int i = 0; i < g->M * g->ldy; i++) g->expected[i] = untouched;
  for (int m = 0; m < g->M; m++)
    for (int n = 0; n < g->N; n++) g->expected[m * g->ldy + n] = g->narrow ? bf16_chain(g, m, n) : fp32_chain(g, m, n);
}

// --- products -------------------------------------------------------------------------------------------------------

static void product_pack(product *g) {
  num_precision precision = g->narrow ? NUM_BF16 : NUM_FP32;
  mem_free((void *)g->p.panels);
  g->p = packed_make_in(precision, mem_take(packed_size_in(precision, g->K, g->N), sizeof(float)), g->w, g->bias, g->K,
                        g->N);
  for (int m = 0; m < g->M && g->narrow; m++) {
    vec_bf16(g->narrow + m * g->ldx, g->x + m * g->ldx, g->K);
    g->narrow[m * g->ldx + g->K] = 0x3F80;  // after an odd number: some finite number
  }
  expect(g);
}

static product product_open_in(num_precision precision, int M, int K, int N, bool biased) {
  product g = {.M = M, .K = K, .N = N, .ldx = K + 1 + K % 3, .ldy = N + N % 4};
  if (precision == NUM_BF16) g.ldx = (K + 2) / 2 * 2;
  size_t rows = (size_t)M, size = rows * (size_t)g.ldy;
  g.x = random_floats(rows * (size_t)g.ldx);
  g.w = random_floats((size_t)K * (size_t)N);
  g.bias = biased ? random_floats((size_t)N) : NULL;
  g.y = mem_take(size, sizeof(float));
  g.expected = mem_take(size, sizeof(float));
  if (precision == NUM_BF16) g.narrow = mem_take(rows * (size_t)g.ldx, sizeof *g.narrow);
  product_pack(&g);
  return g;
}

static product product_open(int M, int K, int N, bool biased) { return product_open_in(NUM_FP32, M, K, N, biased); }

static const void *input(const product *g, int m) {
  return g->narrow ? (const void *)(g->narrow + m * g->ldx) : (const void *)(g->x + m * g->ldx);
}

static void product_close(product *g) {
  mem_free(g->x);
  mem_free(g->w);
  mem_free(g->bias);
  mem_free(g->y);
  mem_free(g->expected);
  mem_free(g->narrow);
  mem_free((void *)g->p.panels);
}

static void clear(product *g) {
  for (int i = 0; i < g->M * g->ldy; i++) g->y[i] = untouched;
}

static void whole_batch(product *g) {
  clear(g);
  packed_apply(&g->p, g->y, g->ldy, input(g, 0), g->ldx, g->M);
  assert_memory_equal(g->y, g->expected, sizeof(float) * (size_t)(g->M * g->ldy));
}

static void rows_alone(product *g) {
  clear(g);
  for (int m = g->M - 1; m >= 0; m--)
    packed_apply(&g->p, g->y + m * g->ldy, g->ldy, input(g, m), g->ldx, 1);
  assert_memory_equal(g->y, g->expected, sizeof(float) * (size_t)(g->M * g->ldy));
}

static int below(uint32_t draw, int bound) {
  return (int)rng_below(rng_stream(2, "shapes"), 0, draw, (uint32_t)bound);
}

static void random_shapes(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 150; i++) {
    product g = product_open_in(i % 3 ? NUM_FP32 : NUM_BF16, 1 + below(6 * i, 70), below(6 * i + 1, 130),
                                1 + below(6 * i + 2, 200), i % 4 != 0);
    FOR_EACH_ISA(isa) {
      whole_batch(&g);
      rows_alone(&g);
    }
    product_close(&g);
  }
}

static void every_row_count(void **state) {
  (void)state;
  for (int M = 1; M <= 70; M++) {
    product g = product_open_in(M % 2 ? NUM_FP32 : NUM_BF16, M, 19, 96 + M, true);
    FOR_EACH_ISA(isa) {
      whole_batch(&g);
      rows_alone(&g);
    }
    product_close(&g);
  }
}

// As the model and its convolutions use it: three outputs, thousands of rows, the LSTM's own size.
static void large_shapes(void **state) {
  (void)state;
  static const int shapes[][3] = {{1100, 40, 3},  {600, 30, 48},  {300, 300, 112},
                                  {9, 578, 2048}, {17, 512, 962}, {9, 577, 2048}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    product g = product_open_in(i < 5 ? NUM_FP32 : NUM_BF16, shapes[i][0], shapes[i][1], shapes[i][2], true);
    FOR_EACH_ISA(isa) whole_batch(&g);
    product_close(&g);
  }
}

// A lane that has exploded must not leak into its neighbours.
static void broken_rows_stay_alone(void **state) {
  (void)state;
  product g = product_open(21, 50, 70, true);
  for (int k = 0; k < g.K; k++) g.x[10 * g.ldx + k] = k % 2 ? NAN : INFINITY;
  FOR_EACH_ISA(isa) {
    packed_apply(&g.p, g.y, g.ldy, g.x, g.ldx, g.M);
    for (int m = 0; m < g.M; m++)
      for (int n = 0; n < g.N; n++) {
        int i = m * g.ldy + n;
        assert_true(m == 10 ? isnan(g.y[i]) : g.y[i] == g.expected[i]);
      }
  }
  product_close(&g);
}

// 2^-exponent, times 1, 1.5, 1.25 or a long fraction, of either sign.
static float near(int exponent, uint32_t draw) {
  static const double fractions[] = {1, 1, 1.5, 1.0078125, 1.25, 1.6328125};
  return (float)((below(draw, 2) ? -1 : 1) * ldexp(fractions[below(draw + 1, 6)], -exponent));
}

// Sums that begin around the least normal float, or below it, and products from far below a rounding error to as large:
// here a bf16 product must flush exactly where the hardware does. Up to three steps, so that they do not grow away from
// there.
static void bf16_near_nothing(void **state) {
  (void)state;
  uint32_t draw = 5000;
  for (int i = 0; i < 60; i++) {
    product g = product_open_in(NUM_BF16, 8, 1 + i % 3, 50, true);
    for (int j = 0; j < g.M * g.ldx; j++, draw += 3) g.x[j] = near(60 + below(draw + 2, 18), draw);
    for (int j = 0; j < g.K * g.N; j++, draw += 3) g.w[j] = near(64 + below(draw + 2, 14), draw);
    for (int j = 0; j < g.N; j++, draw += 2)
      g.bias[j] = (below(draw, 2) ? -1 : 1) * ldexpf((float)(0x7FFFFD + below(draw + 1, 6)), -149);
    product_pack(&g);
    FOR_EACH_ISA(isa) whole_batch(&g);
    product_close(&g);
  }
}

static void bf16_rounds_to_nearest(void **state) {
  (void)state;
  enum { N = 4099 };
  float x[N];
  uint16_t y[N + 1];
  for (uint64_t bits = 0; bits <= UINT32_MAX; bits += 4999ull * N)
    FOR_EACH_ISA(isa) {
      for (uint32_t i = 0; i < N; i++) {
        uint32_t b = (uint32_t)bits + 4999 * i;
        if (i % 4 == 1) b = (b & 0xFFFF0000) | 0x8000;        // ties
        if (i % 4 == 2) b = (b & 0xFFFF0000) | 0x8001;
        memcpy(x + i, &b, sizeof b);
      }
      y[N] = 12345;
      vec_bf16(y, x, N);
      assert_int_equal(y[N], 12345);
      for (int i = 0; i < N; i++)
        if (y[i] != rounded(x[i])) fail_msg("bf16(%a) = %04x, not %04x", (double)x[i], y[i], rounded(x[i]));
    }
}

// --- picking --------------------------------------------------------------------------------------------------------

static void pick(num_precision precision, int M, int K, int items, int choices, uint32_t luck) {
  product g = product_open_in(precision, M, K, packed_pick_columns(items), true);
  int32_t *choice = mem_take((size_t)(M * items), sizeof *choice);
  float *y = mem_take((size_t)(2 * M * items) + 1, sizeof *y),
        *work = mem_take(packed_pick_work(&g.p, items), sizeof *work);
  for (int i = 0; i < M * items; i++)
    choice[i] = (int)rng_below(rng_stream(3, "choices"), luck, (uint32_t)i, (uint32_t)choices);
  FOR_EACH_ISA(isa) {
    for (int i = 0; i <= 2 * M * items; i++) y[i] = untouched;
    memset(work, 0x5A, packed_pick_work(&g.p, items) * sizeof *work);  // nothing that would do as a choice
    packed_pick(&g.p, y, input(&g, 0), g.ldx, choice, items, choices, M, work);
    assert_true(y[2 * M * items] == untouched);
    for (int m = 0; m < M; m++)
      for (int second = 0; second < 2; second++)
        for (int i = 0; i < items; i++) {
          int column = packed_pick_column(i, second, choice[m * items + i]);
          assert_memory_equal(&y[(m * 2 + second) * items + i], &g.expected[m * g.ldy + column], sizeof *y);
        }
  }
  mem_free(choice);
  mem_free(y);
  mem_free(work);
  product_close(&g);
}

static void picked_is_computed(void **state) {
  (void)state;
  for (int choices = 1; choices <= PACKED_CHOICES_MAX; choices++)
    for (uint32_t i = 0; i < 6; i++) {
      uint32_t draw = 700 + 100 * (uint32_t)choices + 4 * i;
      pick(i % 2 ? NUM_BF16 : NUM_FP32, 1 + below(draw, i == 5 ? 140 : 20), below(draw + 1, 50),
           1 + below(draw + 2, 30), choices, draw);
    }
  pick(NUM_FP32, 70, 512, 64, 5, 1);
  pick(NUM_BF16, 70, 512, 64, 5, 2);
}

static void columns_of_pairs_are_apart(void **state) {
  (void)state;
  for (int choices = 1; choices <= PACKED_CHOICES_MAX; choices++) {
    enum { ITEMS = 30 };
    unsigned char taken[ITEMS * 2 * PACKED_CHOICES_MAX * 2] = {0};
    int columns = packed_pick_columns(ITEMS);
    assert_true(columns <= (int)sizeof taken);
    for (int i = 0; i < ITEMS; i++)
      for (int second = 0; second < 2; second++)
        for (int k = 0; k < choices; k++) {
          int column = packed_pick_column(i, second, k);
          assert_true(0 <= column && column < columns && !taken[column]);
          taken[column] = 1;
        }
  }
}

static void no_rows(void **state) {
  (void)state;
  product g = product_open(1, 5, 7, false);
  packed_apply(&g.p, NULL, 0, NULL, 0, 0);
  product_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_shapes), cmocka_unit_test(every_row_count),
                                     cmocka_unit_test(large_shapes), cmocka_unit_test(broken_rows_stay_alone),
                                     cmocka_unit_test(bf16_near_nothing), cmocka_unit_test(bf16_rounds_to_nearest),
                                     cmocka_unit_test(picked_is_computed), cmocka_unit_test(columns_of_pairs_are_apart),
                                     cmocka_unit_test(no_rows)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

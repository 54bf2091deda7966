// The packed product: every output is one chain of fmaf over k, bit for bit, on every instruction set, whatever the
// shape; a row knows nothing of the others.
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
  packed p;
} product;

static const float untouched = 12345;
static uint32_t draws;

static float *random_floats(size_t count) {
  float *a = mem_take(count + 1, sizeof *a);
  rng_normals(a, (int)count, rng_episode(rng_stream(1, "packed"), 0, draws++), 0, 0);
  return a;
}

static void chain(const product *g, float *y, int m, int n) {
  float sum = g->bias ? g->bias[n] : 0;
  for (int k = 0; k < g->K; k++) sum = fmaf(g->x[m * g->ldx + k], g->w[k * g->N + n], sum);
  y[m * g->ldy + n] = sum;
}

static product product_open(int M, int K, int N, bool biased) {
  product g = {.M = M, .K = K, .N = N, .ldx = K + 1 + K % 3, .ldy = N + N % 4};
  size_t rows = (size_t)M, size = rows * (size_t)g.ldy;
  g.x = random_floats(rows * (size_t)g.ldx);
  g.w = random_floats((size_t)K * (size_t)N);
  g.bias = biased ? random_floats((size_t)N) : NULL;
  g.y = mem_take(size, sizeof(float));
  g.expected = mem_take(size, sizeof(float));
  g.p = packed_make(mem_take(packed_size(K, N), sizeof(float)), g.w, g.bias, K, N);
  for (size_t i = 0; i < size; i++) g.expected[i] = untouched;
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) chain(&g, g.expected, m, n);
  return g;
}

static void product_close(product *g) {
  mem_free(g->x);
  mem_free(g->w);
  mem_free(g->bias);
  mem_free(g->y);
  mem_free(g->expected);
  mem_free((void *)g->p.panels);
}

static void clear(product *g) {
  for (int i = 0; i < g->M * g->ldy; i++) g->y[i] = untouched;
}

static void whole_batch(product *g) {
  clear(g);
  packed_apply(&g->p, g->y, g->ldy, g->x, g->ldx, g->M);
  assert_memory_equal(g->y, g->expected, sizeof(float) * (size_t)(g->M * g->ldy));
}

static void rows_alone(product *g) {
  clear(g);
  for (int m = g->M - 1; m >= 0; m--)
    packed_apply(&g->p, g->y + m * g->ldy, g->ldy, g->x + m * g->ldx, g->ldx, 1);
  assert_memory_equal(g->y, g->expected, sizeof(float) * (size_t)(g->M * g->ldy));
}

// Three pieces, one of them perhaps empty, make the whole; between them nothing else is written.
static void columns(product *g, int from, int to) {
  clear(g);
  packed_apply_columns(&g->p, g->y, g->ldy, g->x, g->ldx, g->M, from, to);
  for (int m = 0; m < g->M; m++)
    for (int n = 0; n < g->ldy; n++) {
      int i = m * g->ldy + n;
      assert_true(g->y[i] == (from <= n && n < to ? g->expected[i] : untouched));
    }
  packed_apply_columns(&g->p, g->y, g->ldy, g->x, g->ldx, g->M, 0, from);
  packed_apply_columns(&g->p, g->y, g->ldy, g->x, g->ldx, g->M, to, g->N);
  assert_memory_equal(g->y, g->expected, sizeof(float) * (size_t)(g->M * g->ldy));
}

static int below(uint32_t draw, int bound) {
  return (int)rng_below(rng_stream(2, "shapes"), 0, draw, (uint32_t)bound);
}

static void random_shapes(void **state) {
  (void)state;
  for (uint32_t i = 0; i < 150; i++) {
    product g = product_open(1 + below(6 * i, 70), below(6 * i + 1, 130), 1 + below(6 * i + 2, 200), i % 4 != 0);
    int from = below(6 * i + 3, g.N + 1), to = from + below(6 * i + 4, g.N - from + 1);
    FOR_EACH_ISA(isa) {
      whole_batch(&g);
      rows_alone(&g);
      columns(&g, from, to);
    }
    product_close(&g);
  }
}

static void every_row_count(void **state) {
  (void)state;
  for (int M = 1; M <= 70; M++) {
    product g = product_open(M, 19, 96 + M, true);
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
  static const int shapes[][3] = {{1100, 40, 3}, {600, 30, 48}, {300, 300, 112}, {9, 578, 2048}, {17, 512, 962}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    product g = product_open(shapes[i][0], shapes[i][1], shapes[i][2], true);
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

static void no_rows(void **state) {
  (void)state;
  product g = product_open(1, 5, 7, false);
  packed_apply(&g.p, NULL, 0, NULL, 0, 0);
  product_close(&g);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(random_shapes), cmocka_unit_test(every_row_count),
                                     cmocka_unit_test(large_shapes), cmocka_unit_test(broken_rows_stay_alone),
                                     cmocka_unit_test(no_rows)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

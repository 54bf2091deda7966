// Tests for src/nn: the layers against loops as one would write them on paper, the table, and what broken numbers do.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "nn.h"

static arena *memory;
static int setup(void **state) { return (void)state, memory = arena_open(), 0; }
static int teardown(void **state) { return (void)state, arena_close(memory), 0; }

static real *zeros(size_t n) { return ARENA_NEW(memory, real, n); }
static real *normals(size_t n, double scale) {
  static uint32_t draw;
  float *d = ARENA_NEW(memory, float, n);
  rng_normals(d, (int)n, rng_stream(5, "layers"), draw++, 0);
  real *x = zeros(n);
  for (size_t i = 0; i < n; i++) x[i] = (real)(scale * (double)d[i]);
  return x;
}

static double worst_difference(const real *a, const double *b, size_t n) {
  double worst = 0;
  for (size_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)a[i] - b[i]));
  return worst;
}

// --- parameters -----------------------------------------------------------------------------------------------------

static void test_table(void **state) {
  (void)state;
  nn_table t = {0};
  assert_int_equal(nn_table_add(&t, "a.weight", 4, (int[]){2, 3, 4, 5}), 0);
  assert_int_equal(nn_table_add(&t, "a.bias", 1, (int[]){7}), 120);
  assert_int_equal(nn_table_add(&t, "b", 2, (int[]){2, 2}), 127);
  assert_int_equal(t.size, 131);
  assert_int_equal(t.count, 3);
  const nn_tensor *p = nn_table_find(&t, "a.bias");
  assert_true(p == &t.tensor[1] && p->rank == 1 && p->dim[0] == 7 && p->at == 120 && p->size == 7);
  assert_null(nn_table_find(&t, "a"));
  assert_null(nn_table_find(&t, "a.weight "));
}

static void test_glorot(void **state) {
  (void)state;
  enum { N = 10007 };
  rng r = rng_stream(3, "w");
  real *a = zeros(N), *b = zeros(N), *c = zeros(N);
  nn_init_glorot(a, N, 20, 10, r);
  nn_init_glorot(b, 1500, 20, 10, r);
  nn_init_glorot(c, N, 20, 10, rng_episode(r, 0, 1));
  double limit = sqrt(6.0 / 30), mean = 0, square = 0;
  for (int i = 0; i < N; i++) {
    assert_true(fabs((double)a[i]) <= limit);
    mean += (double)a[i] / N;
    square += (double)(a[i] * a[i]) / N;
  }
  assert_memory_equal(a, b, 1500 * sizeof *a);  // a weight does not depend on how many there are
  assert_memory_not_equal(a, c, 1500 * sizeof *a);
  // nor does the luck come round again
  for (int i = 1; i + 4 <= N; i++) assert_memory_not_equal(a, a + i, 4 * sizeof *a);
  assert_true(fabs(mean) < 5 * limit / sqrt(3.0 * N));
  // variance of u^2 over its mean squared: 4/5
  assert_true(fabs(square / (limit * limit / 3) - 1) < 5 * sqrt(0.8 / N));
}

// --- dense and activations ------------------------------------------------------------------------------------------

static void test_dense(void **state) {
  (void)state;
  enum { B = 5, I = 7, O = 66 };
  real *x = normals(B * I, 1), *w = normals(I * O, 1), *b = normals(O, 1), *y = zeros(B * O);
  double *want = ARENA_NEW(memory, double, B * O);
  for (int r = 0; r < B; r++)
    for (int o = 0; o < O; o++) {
      want[r * O + o] = (double)b[o];
      for (int i = 0; i < I; i++) want[r * O + o] += (double)x[r * I + i] * (double)w[i * O + o];
    }
  memset(y, 0xff, B * O * sizeof *y);  // NaN: what was there must not matter
  nn_dense(y, x, w, b, B, I, O);
  assert_true(worst_difference(y, want, B * O) < 1e-5);
}

static void test_activations(void **state) {
  (void)state;
  real x[] = {-2, -0.0f, 0, 0.5f, 3, NAN, INFINITY, -INFINITY}, y[8];
  real dy[] = {1, 2, 3, 4, 5, 6, 7, 8};
  nn_relu(y, x, 8);
  assert_true(y[0] == 0 && y[1] == 0 && y[2] == 0 && y[3] == 0.5f && y[4] == 3 && isnan(y[5]) && isinf(y[6]) &&
              y[7] == 0);
  nn_relu_back(dy, dy, y, 5);  // in place
  assert_true(dy[0] == 0 && dy[1] == 0 && dy[2] == 0 && dy[3] == 4 && dy[4] == 5);
  nn_sigmoid(y, x, 8);
  for (int i = 0; i < 5; i++) assert_true(fabs((double)y[i] - 1 / (1 + exp(-(double)x[i]))) < 1e-6);
  assert_true(isnan(y[5]) && y[6] == 1 && y[7] == 0);
}

// --- convolutions ---------------------------------------------------------------------------------------------------

static void naive_conv(double *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B) {
  int out = (s.S - s.k) / 2 + 1;
  for (int n = 0; n < B; n++)
    for (int i = 0; i < out; i++)
      for (int j = 0; j < out; j++)
        for (int f = 0; f < s.F; f++) {
          double sum = (double)b[f];
          for (int u = 0; u < s.k; u++)
            for (int v = 0; v < s.k; v++)
              for (int c = 0; c < s.C; c++)
                sum += (double)x[((n * s.S + 2 * i + u) * s.S + 2 * j + v) * s.C + c] *
                       (double)w[((u * s.k + v) * s.C + c) * s.F + f];
          y[((n * out + i) * out + j) * s.F + f] = sum;
        }
}

static void naive_deconv(double *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B) {
  int out = (s.S - 1) * 2 + s.k;
  for (int i = 0; i < B * out * out; i++)
    for (int f = 0; f < s.F; f++) y[i * s.F + f] = (double)b[f];
  for (int n = 0; n < B; n++)
    for (int i = 0; i < s.S; i++)
      for (int j = 0; j < s.S; j++)
        for (int c = 0; c < s.C; c++)
          for (int u = 0; u < s.k; u++)
            for (int v = 0; v < s.k; v++)
              for (int f = 0; f < s.F; f++)
                y[((n * out + 2 * i + u) * out + 2 * j + v) * s.F + f] +=
                    (double)x[((n * s.S + i) * s.S + j) * s.C + c] * (double)w[((c * s.k + u) * s.k + v) * s.F + f];
}

static void check_conv(bool transposed, nn_conv_shape s, int B) {
  int side = transposed ? nn_deconv_out(s) : nn_conv_out(s);
  size_t out = (size_t)B * side * side * s.F, work = transposed ? nn_deconv_work(s, B) : nn_conv_work(s, B);
  real *x = normals((size_t)B * s.S * s.S * s.C, 1), *w = normals((size_t)s.k * s.k * s.C * s.F, 0.3),
       *b = normals(s.F, 1);
  real *y = zeros(out), *room = zeros(work);
  double *want = ARENA_NEW(memory, double, out);
  memset(y, 0xff, out * sizeof *y);
  memset(room, 0xff, work * sizeof *room);
  (transposed ? naive_deconv : naive_conv)(want, x, w, b, s, B);
  (transposed ? nn_deconv : nn_conv)(y, x, w, b, s, B, room);
  assert_true(worst_difference(y, want, out) < 2e-5);
}

static void test_conv(void **state) {
  (void)state;
  // kernels beyond the stride, at it and below it; sides that do and do not come out even
  for (int k = 1; k <= 7; k++) {
    check_conv(false, (nn_conv_shape){k + 4, 3, k, 5}, 3);
    check_conv(false, (nn_conv_shape){k + 5, 4, k, 2}, 2);
    check_conv(false, (nn_conv_shape){k, 2, k, 1}, 1);
    check_conv(true, (nn_conv_shape){3, 3, k, 5}, 3);
    check_conv(true, (nn_conv_shape){1, 4, k, 70}, 2);
  }
  check_conv(false, (nn_conv_shape){64, 3, 4, 4}, 13);  // several slices
  check_conv(true, (nn_conv_shape){30, 4, 6, 3}, 7);
}

static void test_sizes(void **state) {
  (void)state;
  const int side[] = {64, 31, 14, 6, 2}, up[] = {1, 5, 13, 30, 64}, kernel[] = {5, 5, 6, 6};  // World Models' V
  for (int i = 0; i < 4; i++) {
    assert_int_equal(nn_conv_out((nn_conv_shape){side[i], 1, 4, 1}), side[i + 1]);
    assert_int_equal(nn_deconv_out((nn_conv_shape){up[i], 1, kernel[i], 1}), up[i + 1]);
  }
  nn_conv_shape large = {64, 3, 4, 32};
  assert_true(nn_conv_work(large, 1000) <= (size_t)1 << 20);  // however large the batch
  assert_int_equal(nn_conv_work(large, 2), 2 * 31 * 31 * 48 + num_factor_size(48, 32));
}

static void test_im2col(void **state) {
  (void)state;
  nn_conv_shape s = {7, 2, 3, 1};
  int out = nn_conv_out(s), K = s.k * s.k * s.C;
  real *x = normals((size_t)2 * 7 * 7 * 2, 1), *cols = zeros((size_t)2 * out * out * K);
  nn_im2col(cols, x, s, 2);
  for (int n = 0; n < 2; n++)
    for (int i = 0; i < out; i++)
      for (int j = 0; j < out; j++)
        for (int at = 0; at < K; at++) {
          int u = at / (s.k * s.C), v = at / s.C % s.k, c = at % s.C;
          assert_true(cols[((n * out + i) * out + j) * K + at] == x[((n * 7 + 2 * i + u) * 7 + 2 * j + v) * 2 + c]);
        }
}

// --- losses ---------------------------------------------------------------------------------------------------------

static double naive_mdn(const real *row, const real *target, int Z, int K, double floor) {
  double sum = 0;
  for (int z = 0; z < Z; z++) {
    double norm = 0, p = 0;
    for (int k = 0; k < K; k++) norm += exp((double)row[z * K + k]);
    for (int k = 0; k < K; k++) {
      double mu = (double)row[(Z + z) * K + k], s = fmax(floor, (double)row[(2 * Z + z) * K + k]);
      double u = ((double)target[z] - mu) / exp(s);
      p += exp((double)row[z * K + k]) / norm * exp(-0.5 * u * u - s) / sqrt(2 * 3.14159265358979323846);
    }
    sum -= log(p);
  }
  return sum / Z;
}

static void check_mdn(int B, int Z, int K, int ld) {
  real *out = normals((size_t)B * ld, 0.8), *target = normals((size_t)B * Z, 1), *weight = zeros(B),
       *dout = zeros((size_t)B * ld);
  double want = 0;
  for (int b = 0; b < B; b++) {
    weight[b] = (real)(b % 3);
    want += b % 3 * naive_mdn(out + (size_t)b * ld, target + (size_t)b * Z, Z, K, -1);
  }
  if (B > 3) out[(size_t)3 * ld] = NAN, target[3 * Z] = NAN;  // a row of weight 0 may hold anything
  double got = nn_mdn_loss(dout, out, ld, target, weight, B, Z, K, -1, 1);
  assert_true(fabs(got - want) < 2e-6 * (fabs(want) + B));
  for (int b = 0; b < B; b++) {
    double logits = 0;
    for (int i = 0; i < ld; i++) {
      assert_true(b % 3 ? isfinite(dout[(size_t)b * ld + i]) : dout[(size_t)b * ld + i] == 0);
      if (i < Z * K) logits += (double)dout[(size_t)b * ld + i];
    }
    assert_true(fabs(logits) < 1e-5);  // probabilities keep their sum
  }
}

static void test_mdn(void **state) {
  (void)state;
  check_mdn(7, 4, 5, 62);
  check_mdn(1000, 2, 3, 18);
  check_mdn(5, 300, 7, 6301);
  check_mdn(4, 2, 64, 400);
}

// Logits of any size, targets far outside every component, widths at and far below the floor.
static void test_mdn_far_out(void **state) {
  (void)state;
  enum { Z = 4, K = 2, LD = 3 * Z * K };
  real out[LD] = {-1e4f, 1e4f,  3e8f, 3e8f, 0,     0,     0,  0,  0,  0,  0,  0,
                  5,     5.01f, 0,    50,   -1000, -1000, 80, 80, -7, -7, -2, -2};
  real dout[LD], target[Z] = {1e5f, -3e5f, 5, 50};
  double loss = nn_mdn_loss(dout, out, LD, target, NULL, 1, Z, K, -7, 1);
  double u = 1e5 * exp(7), first = 0.5 * u * u - 7;  // of the component that has all the weight
  double rest = 0;
  for (int z = 2; z < Z; z++)
    rest += naive_mdn((real[]){0, 0, out[2 * z + 8], out[2 * z + 9], out[2 * z + 16], out[2 * z + 17]}, target + z, 1,
                      K, -7);
  double want = (first + 80 + 2 * 0.91893853320467274 + rest) / Z;
  assert_true(fabs(loss - want) < 1e-5 * want);
  for (int i = 0; i < LD; i++) assert_true(isfinite(dout[i]));
  assert_true(dout[2 * Z * K] == 0 && dout[2 * Z * K + 4] != 0);  // below the floor, and at it
  double near = nn_mdn_loss(dout, (real[]){0, 0, 0, 50, -2, -2}, 6, target + 3, NULL, 1, 1, K, -7, 1);
  assert_true(fabs(near - (log(2) - 2 + 0.91893853320467274)) < 1e-6);  // the first component is e^-68000 of the second
  assert_true(dout[2] == 0 && fabs((double)dout[0] - 0.5) < 1e-6 && fabs((double)dout[5] - 1) < 1e-6);
}

static void test_row_losses(void **state) {
  (void)state;
  real x[] = {-200, -1, 0, 2, 200, 0.5f}, t[] = {1, 0, 1, 1, 0, 0.25f}, g[6], weight[] = {1, 1, 2, 1, 1, 0};
  double got = nn_bce_loss(g, x, 1, t, NULL, 6, 10, 0.5f);
  double want = 10 * 200 + log1p(exp(-1.0)) + 10 * log(2) + 10 * log1p(exp(-2.0)) + 200 +
                10 * 0.25 * log1p(exp(-0.5)) + 0.75 * log1p(exp(0.5));
  assert_true(fabs(got - want) < 1e-10 * want);
  assert_true(g[0] == -5 && g[4] == 0.5f && g[2] == -2.5f);
  assert_true(fabs(nn_bce_loss(g, x, 1, t, weight, 6, 1, 1) -
                   (200 + log1p(exp(-1.0)) + 2 * log(2) + log1p(exp(-2.0)) + 200)) < 1e-9);
  assert_true(g[5] == 0 && g[2] == -1);
  x[5] = NAN;
  assert_true(isfinite(nn_bce_loss(g, x, 1, t, weight, 6, 1, 1)) && g[5] == 0);
  assert_true(isfinite(nn_square_loss(g, x, 1, t, weight, 6, 1)) && g[5] == 0);
  real y[] = {1, 99, 4, 99}, target[] = {3, 4.5f};
  assert_true(nn_square_loss(g, y, 2, target, NULL, 2, 2) == 2 + 0.125);
  assert_true(g[0] == -4 && g[2] == -1);
}

// --- Adam -----------------------------------------------------------------------------------------------------------

static void test_adam(void **state) {
  (void)state;
  enum { N = 37 };
  nn_adam a = {.lr = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-3};
  real *w = normals(N, 1), *m = zeros(N), *v = zeros(N);
  double want[N], dm[N] = {0}, dv[N] = {0};
  for (int i = 0; i < N; i++) want[i] = (double)w[i];
  for (int t = 1; t <= 20; t++) {
    real *g = normals(N, 0.01);
    nn_adam_step(w, m, v, g, N, a, t);
    for (int i = 0; i < N; i++) {  // algorithm 1 as it is printed
      dm[i] = 0.9 * dm[i] + 0.1 * (double)g[i];
      dv[i] = 0.999 * dv[i] + 0.001 * (double)(g[i] * g[i]);
      want[i] -= 0.01 * (dm[i] / (1 - pow(0.9, t))) / (sqrt(dv[i] / (1 - pow(0.999, t))) + 1e-3);
    }
  }
  assert_true(worst_difference(w, want, N) < 2e-6);
}

static void test_clip_and_norm(void **state) {
  (void)state;
  real g[] = {-3, -1, 0.5f, 1, 7, NAN, INFINITY, -INFINITY};
  nn_clip_elements(g, 8, 1);
  assert_true(g[0] == -1 && g[1] == -1 && g[2] == 0.5f && g[3] == 1 && g[4] == 1 && isnan(g[5]) && g[6] == 1 &&
              g[7] == -1);
  enum { N = 1003 };
  real *x = normals(N, 1);
  double sum = 0;
  for (int i = 0; i < N; i++) sum += (double)x[i] * (double)x[i];
  assert_true(fabs(nn_norm(x, N) - sqrt(sum)) < 1e-12 * sqrt(sum));
  x[0] = (real)1e30;  // whose square no float holds
  assert_true(fabs(nn_norm(x, N) - (double)x[0]) < 1e20);
  assert_true(nn_norm(x, 0) == 0);
  x[N - 1] = NAN;
  assert_true(isnan(nn_norm(x, N)));
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),       cmocka_unit_test(test_glorot),      cmocka_unit_test(test_dense),
      cmocka_unit_test(test_activations), cmocka_unit_test(test_conv),        cmocka_unit_test(test_sizes),
      cmocka_unit_test(test_im2col),      cmocka_unit_test(test_mdn),         cmocka_unit_test(test_mdn_far_out),
      cmocka_unit_test(test_row_losses),  cmocka_unit_test(test_adam),        cmocka_unit_test(test_clip_and_norm),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}

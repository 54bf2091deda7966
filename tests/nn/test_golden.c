// Tests for src/nn against PyTorch's numbers (golden/nn.h): layers, a sequence, losses, and whole steps of V and of M
// with gradients and Adam. Runs in float here and once more in double (double_golden.c).

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "golden/golden.h"
#include "golden/nn.h"
#include "nn.h"
#include "train.h"

static arena *memory;
static int setup(void **state) { return (void)state, memory = arena_open(), 0; }
static int teardown(void **state) { return (void)state, arena_close(memory), 0; }
static real *zeros(size_t n) { return ARENA_NEW(memory, real, n); }
static real *numbers(uint32_t salt, size_t n, double low, double high) {
  real *x = zeros(n);
  golden_numbers(x, n, salt, low, high);
  return x;
}

// --- layers ---------------------------------------------------------------------------------------------------------

typedef struct gradients {
  real *dx, *dw, *db;
} gradients;
static gradients gradients_of(size_t x, size_t w, size_t b) { return (gradients){zeros(x), zeros(w), zeros(b)}; }

static void test_dense(void **state) {
  (void)state;
  real *x = numbers(1, 12, -1, 1), *w = numbers(2, 20, -1, 1), *b = numbers(3, 5, -1, 1), *y = zeros(15),
       *dy = numbers(4, 15, -1, 1);
  gradients g = gradients_of(12, 20, 5);
  nn_dense(y, x, w, b, 3, 4, 5);
  nn_dense_back(g.dx, g.dw, g.db, dy, x, w, 3, 4, 5);
  assert_golden(y, golden_dense_y);
  assert_golden(g.dx, golden_dense_dx);
  assert_golden(g.dw, golden_dense_dw);
  assert_golden(g.db, golden_dense_db);
}

static void test_conv(void **state) {
  (void)state;
  enum { B = 2, X = B * 7 * 7 * 3, W = 4 * 4 * 3 * 5, Y = B * 2 * 2 * 5 };
  nn_conv_shape s = {7, 3, 4, 5};
  real *x = numbers(5, X, -1, 1), *w = numbers(6, W, -1, 1), *b = numbers(7, 5, -1, 1), *y = zeros(Y),
       *dy = numbers(8, Y, -1, 1);
  real *work = zeros(nn_conv_work(s, B));
  gradients g = gradients_of(X, W, 5);
  nn_conv(y, x, w, b, s, B, work);
  nn_conv_back(g.dx, g.dw, g.db, dy, x, w, s, B, work);
  assert_golden(y, golden_conv_y);
  assert_golden(g.dx, golden_conv_dx);
  assert_golden(g.dw, golden_conv_dw);
  assert_golden(g.db, golden_conv_db);
}

static gradients deconv(real *y, nn_conv_shape s, int B, uint32_t salt) {
  size_t x_size = (size_t)B * s.S * s.S * s.C, w_size = (size_t)s.C * s.k * s.k * s.F, side = nn_deconv_out(s);
  real *x = numbers(salt, x_size, -1, 1), *w = numbers(salt + 1, w_size, -1, 1), *b = numbers(salt + 2, s.F, -1, 1);
  real *dy = numbers(salt + 3, B * side * side * s.F, -1, 1), *work = zeros(nn_deconv_work(s, B));
  gradients g = gradients_of(x_size, w_size, s.F);
  nn_deconv(y, x, w, b, s, B, work);
  nn_deconv_back(g.dx, g.dw, g.db, dy, x, w, s, B, work);
  return g;
}

static void test_deconv(void **state) {
  (void)state;
  real *y = zeros(2 * 9 * 9 * 3);
  gradients g = deconv(y, (nn_conv_shape){3, 4, 5, 3}, 2, 9);
  assert_golden(y, golden_deconv_y);
  assert_golden(g.dx, golden_deconv_dx);
  assert_golden(g.dw, golden_deconv_dw);
  assert_golden(g.db, golden_deconv_db);
  g = deconv(y, (nn_conv_shape){2, 3, 6, 2}, 2, 13);
  assert_golden(y, golden_deconv6_y);
  assert_golden(g.dx, golden_deconv6_dx);
  assert_golden(g.dw, golden_deconv6_dw);
  assert_golden(g.db, golden_deconv6_db);
}

static const real keep[6 * 3] = {1, 1, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1};

static void test_lstm(void **state) {
  (void)state;
  enum { T = 6, B = 3, I = 5, H = 4, X = T * B * I, S = T * B * H, W = (I + H) * 4 * H };
  real *x = numbers(20, X, -2, 2), *w = numbers(21, W, -1, 1), *b = numbers(22, 4 * H, -1, 1);
  real *h0 = numbers(23, B * H, -1, 1), *c0 = numbers(24, B * H, -1, 1), *dh = numbers(25, S, -1, 1);
  nn_lstm_tape tape = {zeros(4 * S), zeros(S), zeros(S), zeros(S)};
  gradients g = gradients_of(X, W, 4 * H);
  real *work = zeros(nn_lstm_work(T, B, I, H));
  nn_lstm(tape, x, keep, h0, c0, w, b, T, B, I, H, work);
  nn_lstm_back(g.dx, g.dw, g.db, dh, tape, x, keep, h0, c0, w, T, B, I, H, work);
  assert_golden(tape.h, golden_lstm_h);
  assert_golden(tape.c + (T - 1) * B * H, golden_lstm_c_last);
  assert_golden(g.dx, golden_lstm_dx);
  assert_golden(g.dw, golden_lstm_dw);
  assert_golden(g.db, golden_lstm_db);
}

static void test_losses(void **state) {
  (void)state;
  enum { B = 5, Z = 3, K = 4, LD = 3 * Z * K + 2 };
  const real weight[B] = {1, 0, 2, 1, (real)0.5}, done[B] = {0, 1, 1, 0, 1}, scale = (real)0.3;
  real *out = numbers(30, B * LD, -2, 2), *target = numbers(31, B * Z, -2, 2), *reward = numbers(32, B, -1, 1),
       *dout = zeros(B * LD);
  double got[3] = {nn_mdn_loss(dout, out, LD, target, weight, B, Z, K, (real)-1.5, scale),
                   nn_bce_loss(dout + LD - 1, out + LD - 1, LD, done, weight, B, 10, scale),
                   nn_square_loss(dout + LD - 2, out + LD - 2, LD, reward, weight, B, scale)};
  for (int i = 0; i < 3; i++) assert_true(fabs(got[i] / golden_losses[i] - 1) < GOLDEN_TOLERANCE);
  assert_golden(dout, golden_losses_dout);
}

static void test_joint_loss(void **state) {
  (void)state;
  enum { B = 5, Z = 3, K = 4, LD = K + 2 * K * Z + 2 };
  const real weight[B] = {1, 0, 2, 1, (real)0.5};
  real *out = numbers(33, B * LD, -2, 2), *target = numbers(34, B * Z, -2, 2), *dout = zeros(B * LD);
  double got = nn_mdn_joint_loss(dout, out, LD, target, weight, B, Z, K, (real)-1.5, (real)0.3);
  assert_true(fabs(got / golden_joint_loss[0] - 1) < GOLDEN_TOLERANCE);
  assert_golden(dout, golden_joint_dout);
}

// --- whole steps ----------------------------------------------------------------------------------------------------

// A step of Adam is the gradient's sign where the gradient is small, so a float's error may become a fraction of it.
#define AFTER_TOLERANCE (sizeof(real) == sizeof(double) ? 1e-9 : 1e-5)

// Tensor by tensor: a layer with small gradients must not hide behind one with large ones.
static void check_gradient(const real *g, const double *golden, nn_table t) {
  for (int i = 0; i < t.count; i++) {
    const nn_tensor *p = &t.tensor[i];
    double error = golden_error(g + p->at, golden + p->at, p->size);
    if (!(error < 3 * GOLDEN_TOLERANCE)) fail_msg("the gradient of %s is off by %.3g", p->name, error);
  }
}

static void test_vae_step(void **state) {
  (void)state;
  enum { B = 3, Z = 4, IMAGE = 64 * 64 * 3 };
  const world_shape s = {.pixels = true, .channels = {4, 4, 4, 6}, .Z = Z};
  size_t n = world_vae_table(&s).size;
  assert_int_equal(n, sizeof golden_vae_gradient / sizeof(double));
  real *w = numbers(40, n, -0.4, 0.4), *images = numbers(41, B * IMAGE, 0, 1), *noise = numbers(42, B * Z, -1.7, 1.7),
       *g = zeros(n);
  const real brightness[B] = {1, (real)0.25, (real)0.5};
  for (int i = 0; i < B * IMAGE; i++) images[i] *= brightness[i / IMAGE];
  vae_net *net = vae_net_open(&s, B);
  vae_loss loss = vae_net_learn(net, g, w, images, NULL, noise, B, (real)0.25, (real)0.25);
  vae_net_close(net);
  const double got[3] = {loss.reconstruction, loss.kl, loss.kl_floored};
  for (int i = 0; i < 3; i++) assert_true(fabs(got[i] / golden_vae_losses[i] - 1) < GOLDEN_TOLERANCE);
  check_gradient(g, golden_vae_gradient, world_vae_table(&s));
  nn_adam_step(w, zeros(n), zeros(n), g, n, (nn_adam){1e-3, 0.9, 0.999, 1e-8}, 1);
  assert_golden_within(w, golden_vae_after, AFTER_TOLERANCE);
}

static void test_rnn_steps(void **state) {
  (void)state;
  enum { T = 6, B = 3, Z = 3, A = 2, H = 5, K = 3, ROWS = T * B };
  const world_shape s = {.Z = Z, .A = A, .H = H, .K = K};
  size_t n = world_rnn_table(&s).size;
  assert_int_equal(n, sizeof golden_rnn_gradient / sizeof(double));
  real *w = numbers(50, n, -1, 1), *m = zeros(n), *v = zeros(n), *done = zeros(ROWS), *h = NULL, *c = NULL;
  done[4] = done[8] = done[17] = 1;
  rnn_chunk chunk = {.x = numbers(51, ROWS * (Z + A), -2, 2), .keep = keep, .target = numbers(52, ROWS * Z, -2, 2),
                     .reward = numbers(53, ROWS, -1, 1), .done = done, .T = T, .B = B};
  rnn_net *net = rnn_net_open(&s, T, B);
  for (int step = 1; step <= 3; step++) {
    real *g = zeros(n);
    h = numbers(54, B * H, -1, 1), c = numbers(55, B * H, -1, 1);
    rnn_loss loss = rnn_net_learn(net, g, w, &chunk, h, c, (rnn_rules){(real)-0.8, 10, (real)0.7}, (real)(1 / 18.0));
    if (step == 1) {
      const double got[3] = {loss.z, loss.done, loss.reward};
      for (int i = 0; i < 3; i++) assert_true(fabs(got[i] / golden_rnn_losses[i] - 1) < GOLDEN_TOLERANCE);
      assert_golden(h, golden_rnn_h_last);
      assert_golden(c, golden_rnn_c_last);
      check_gradient(g, golden_rnn_gradient, world_rnn_table(&s));
    }
    nn_adam_step(w, m, v, g, n, (nn_adam){1e-2, 0.9, 0.999, 1e-8}, step);
  }
  rnn_net_close(net);
  assert_golden_within(w, golden_rnn_after, AFTER_TOLERANCE);
}

// The comparison itself must see a small difference, and NaN.
static void test_the_comparison(void **state) {
  (void)state;
  enum { N = sizeof golden_conv_y / sizeof(double) };
  real x[N];
  for (int i = 0; i < N; i++) x[i] = (real)golden_conv_y[i];
  assert_true(golden_error(x, golden_conv_y, N) < 1e-7);
  x[N / 2] += (real)1e-4;
  assert_true(golden_error(x, golden_conv_y, N) > GOLDEN_TOLERANCE);
  x[N / 2] = NAN;
  assert_true(golden_error(x, golden_conv_y, N) > GOLDEN_TOLERANCE);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dense),    cmocka_unit_test(test_conv),      cmocka_unit_test(test_deconv),
      cmocka_unit_test(test_lstm),     cmocka_unit_test(test_losses),    cmocka_unit_test(test_vae_step),
      cmocka_unit_test(test_rnn_steps), cmocka_unit_test(test_joint_loss), cmocka_unit_test(test_the_comparison),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}

// Tests for src/train/vae_net.c and rnn_net.c, compiled in double: the gradient of a whole step of V and of M against
// central differences.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "train.h"

#define PROBES 60

typedef double loss_of(const real *w, real *g, void *self);

// Random coordinates of w: (loss(w + h) - loss(w - h)) / 2h against g. Returns the worst error relative to |g| + 1e-3
// max|g|.
static double worst_error(loss_of *loss, void *self, real *w, const real *g, size_t n) {
  double worst = 0, top = 0;
  for (size_t i = 0; i < n; i++) top = fmax(top, fabs((double)g[i]));
  assert_true(top > 0);
  for (uint32_t p = 0; p < PROBES; p++) {
    size_t i = rng_below(rng_stream(1, "probe"), 0, p, (uint32_t)n);
    real kept = w[i], h = (real)1e-6;
    w[i] = kept + h;
    double up = loss(w, NULL, self);
    w[i] = kept - h;
    double down = loss(w, NULL, self);
    w[i] = kept;
    worst = fmax(worst, fabs((up - down) / (2 * (double)h) - (double)g[i]) / (fabs((double)g[i]) + 1e-3 * top));
  }
  return worst;
}

static void random_reals(real *x, size_t n, const char *name, double scale) {
  double *d = mem_take(n, sizeof *d);
  rng_normals_double(d, (int)n, rng_stream(7, name), 0, 0);
  for (size_t i = 0; i < n; i++) x[i] = (real)(scale * d[i]);
  mem_free(d);
}

static void check_gradient(loss_of *loss, void *self, real *w, size_t n) {
  real *g = mem_take(n, sizeof *g);
  loss(w, g, self);
  assert_true(worst_error(loss, self, w, g, n) < 1e-4);
  for (size_t i = 0; i < n; i++) g[i] *= (real)1.01;  // and the check can fail
  assert_true(worst_error(loss, self, w, g, n) > 1e-3);
  mem_free(g);
}

// --- V --------------------------------------------------------------------------------------------------------------

typedef struct vae_case {
  vae_net *net;
  real *images, *noise;
  real *weight;  // of pixels; NULL: 1
  real kl_floor;
} vae_case;
enum { VAE_B = 3 };

static double vae_loss_of(const real *w, real *g, void *self) {
  vae_case *c = self;
  vae_loss l = vae_net_learn(c->net, g, w, c->images, c->weight, c->noise, VAE_B, c->kl_floor, (real)0.5);
  return 0.5 * (l.reconstruction + l.kl_floored);
}

static void check_vae(double kl_floor, bool weighted) {
  world_shape s = {.pixels = true, .channels = {3, 4, 5, 6}, .Z = 4};
  size_t n = world_vae_table(&s).size;
  real *w = mem_take(n, sizeof *w);
  vae_net_init(w, &s, 3);
  vae_case c = {.net = vae_net_open(&s, VAE_B),
                .images = mem_take(VAE_B * WORLD_PIXELS, sizeof(real)),
                .noise = mem_take(VAE_B * 4, sizeof(real)),
                .kl_floor = (real)kl_floor};
  random_reals(c.images, VAE_B * WORLD_PIXELS, "images", 0.3);
  random_reals(c.noise, VAE_B * 4, "noise", 1);
  c.weight = weighted ? mem_take(VAE_B * WORLD_PIXELS, sizeof(real)) : NULL;
  for (int i = 0; weighted && i < VAE_B * WORLD_PIXELS; i++) c.weight[i] = (real)(1 + i % 11);
  check_gradient(vae_loss_of, &c, w, n);
  vae_net_close(c.net);
  mem_free(c.images);
  mem_free(c.noise);
  mem_free(c.weight);
  mem_free(w);
}

static void test_vae_above_the_kl_floor(void **state) {
  (void)state;
  check_vae(0, false);
}
static void test_vae_with_weighted_pixels(void **state) {
  (void)state;
  check_vae(0, true);
}
static void test_vae_below_the_kl_floor(void **state) {
  (void)state;
  check_vae(1e6, false);
}

// --- M --------------------------------------------------------------------------------------------------------------

enum { T = 6, B = 3, Z = 3, A = 2, H = 5, K = 2 };
typedef struct rnn_case {
  rnn_net *net;
  rnn_chunk chunk;
  real h[B * H], c[B * H];
} rnn_case;

static const rnn_rules rules = {-7, 10, (real)0.7};

static double rnn_loss_of(const real *w, real *g, void *self) {
  rnn_case *k = self;
  real h[B * H], c[B * H];  // the state before the chunk stays what it was
  memcpy(h, k->h, sizeof h);
  memcpy(c, k->c, sizeof c);
  rnn_loss l = rnn_net_learn(k->net, g, w, &k->chunk, h, c, rules, (real)0.1);
  return 0.1 * (l.z + l.done + (double)rules.reward_weight * l.reward + l.ahead);
}

static void check_rnn(bool joint, bool change, bool ahead) {
  world_shape s = {.joint = joint, .change = change, .Z = Z, .A = A, .H = H, .K = K};
  size_t n = world_rnn_table(&s).size + (ahead ? world_ahead_table(&s).size : 0);
  real *w = mem_take(n, sizeof *w);
  real x[T * B * (Z + A)], keep[T * B], target[T * B * Z], reward[T * B], done[T * B] = {0};
  real soon[T * B], sure[T * B];
  random_reals(w, n, "weights", 0.3);
  random_reals(x, sizeof x / sizeof *x, "x", 1);
  random_reals(target, sizeof target / sizeof *target, "target", 1);
  random_reals(reward, sizeof reward / sizeof *reward, "reward", 1);
  for (int i = 0; i < T * B; i++) keep[i] = i != 7 && i != 11;
  done[4] = done[8] = 1;
  for (int i = 0; i < T * B; i++) soon[i] = i % 3 == 0, sure[i] = i % 4 != 1;
  rnn_case k = {.net = rnn_net_open(&s, T, B),
                .chunk = {x, keep, target, reward, done, ahead ? soon : NULL, sure, T, B}};
  random_reals(k.h, B * H, "h", 0.5);
  random_reals(k.c, B * H, "c", 0.5);
  check_gradient(rnn_loss_of, &k, w, n);
  rnn_net_close(k.net);
  mem_free(w);
}

static void test_rnn(void **state) {
  (void)state;
  check_rnn(false, false, false);
}

static void test_rnn_with_a_joint_mixture(void **state) {
  (void)state;
  check_rnn(true, false, false);
}

static void test_rnn_that_says_how_far_it_moves(void **state) {
  (void)state;
  check_rnn(false, true, false);
  check_rnn(true, true, false);
}

static void test_rnn_that_looks_ahead(void **state) {
  (void)state;
  check_rnn(false, false, true);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_vae_above_the_kl_floor),
      cmocka_unit_test(test_vae_with_weighted_pixels),
      cmocka_unit_test(test_vae_below_the_kl_floor),
      cmocka_unit_test(test_rnn),
      cmocka_unit_test(test_rnn_with_a_joint_mixture),
      cmocka_unit_test(test_rnn_that_says_how_far_it_moves),
      cmocka_unit_test(test_rnn_that_looks_ahead),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

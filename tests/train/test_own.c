// M on its own samples: what it draws is what its head says, and the right inputs are replaced at the right time. And
// which pixels weigh more in V's loss.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/train/own.h"

enum { T = 40, B = 50, Z = 2, A = 1, H = 4, K = 2, I = Z + A };

static const world_shape shape = {.Z = Z, .A = A, .H = H, .K = K};

// An M that says the same at every step: logits, means and log sigmas (Z,K) in its head's bias.
static real *constant_weights(const real logits[Z * K], const real mu[Z * K], const real log_sigma[Z * K]) {
  nn_table t = world_rnn_table(&shape);
  real *w = mem_take(t.size, sizeof *w), *bias = w + t.tensor[RNN_HEAD_B].at;
  for (int i = 0; i < Z * K; i++) {
    bias[i] = logits[i];
    bias[Z * K + i] = mu[i];
    bias[2 * Z * K + i] = log_sigma[i];
  }
  return w;
}

typedef struct small_chunk {
  real x[T * B * I], keep[T * B], target[T * B * Z], reward[T * B], done[T * B], h[B * H], c[B * H];
  rnn_chunk k;
} small_chunk;

static small_chunk *chunk_make(void) {
  small_chunk *s = mem_take(1, sizeof *s);
  for (int i = 0; i < T * B * I; i++) s->x[i] = (real)(100 + i);
  for (int i = 0; i < T * B; i++) s->keep[i] = i % 7 != 3;
  s->k = (rnn_chunk){.x = s->x, .keep = s->keep, .target = s->target, .reward = s->reward, .done = s->done, .T = T,
                     .B = B};
  return s;
}

// Mean and variance of a mixture, over all rows.
static void test_draws_follow_the_head(void **state) {
  (void)state;
  const real logits[Z * K] = {0, (real)log(3), (real)-20, 0}, mu[Z * K] = {-1, 2, 5, 0.5},
             log_sigma[Z * K] = {0, -1, 0, -9};
  const double floors = -2;
  real *w = constant_weights(logits, mu, log_sigma), *own = mem_take(T * B * Z, sizeof *own);
  small_chunk *s = chunk_make();
  rnn_net *n = rnn_net_open(&shape, T, B);
  rnn_net_draw(n, own, w, &s->k, s->h, s->c, (real)floors, rng_stream(3, "draws"));

  // Dimension 0: a quarter N(-1, 1), three quarters N(2, e^-2). Dimension 1: N(0.5, e^-4), its sigma at the floor.
  const double wanted[Z] = {0.25 * -1 + 0.75 * 2, 0.5};
  const double second[Z] = {0.25 * (1 + 1) + 0.75 * (4 + exp(-2)), 0.25 + exp(2 * floors)};
  for (int z = 0; z < Z; z++) {
    double sum = 0, squares = 0, rows = T * B;
    for (int i = 0; i < T * B; i++) sum += (double)own[i * Z + z], squares += pow((double)own[i * Z + z], 2);
    double variance = second[z] - wanted[z] * wanted[z];
    assert_true(fabs(sum / rows - wanted[z]) < 4 * sqrt(variance / rows));
    assert_true(fabs(squares / rows - pow(sum / rows, 2) - variance) < 0.1 * variance);
  }
  rnn_net_close(n);
  mem_free(w);
  mem_free(own);
  mem_free(s);
}

// One draw for both dimensions: a quarter (-1, 4), three quarters (2, -3), each with sigma at the floor.
static void test_joint_draws_are_one(void **state) {
  (void)state;
  world_shape s = shape;
  s.joint = true;
  const double mu[K][Z] = {{-1, 4}, {2, -3}};
  nn_table t = world_rnn_table(&s);
  real *w = mem_take(t.size, sizeof *w), *bias = w + t.tensor[RNN_HEAD_B].at, *own = mem_take(T * B * Z, sizeof *own);
  bias[1] = (real)log(3);
  for (int k = 0; k < K; k++)
    for (int z = 0; z < Z; z++) {
      bias[world_head_component(&s, z, 0, k)] = (real)mu[k][z];
      bias[world_head_component(&s, z, 1, k)] = -9;
    }

  small_chunk *c = chunk_make();
  rnn_net *n = rnn_net_open(&s, T, B);
  rnn_net_draw(n, own, w, &c->k, c->h, c->c, (real)-3, rng_stream(3, "draws"));
  double second = 0, rows = T * B, squares = 0;
  for (int i = 0; i < T * B; i++) {
    int k = own[i * Z] > (real)0.5;
    second += k;
    for (int z = 0; z < Z; z++) {
      double off = (double)own[i * Z + z] - mu[k][z];
      assert_true(fabs(off) < 6 * exp(-3));
      squares += off * off;
    }
  }
  assert_true(fabs(second / rows - 0.75) < 4 * sqrt(0.75 * 0.25 / rows));
  assert_true(fabs(squares / (rows * Z) / exp(-6) - 1) < 0.1);
  rnn_net_close(n);
  mem_free(w);
  mem_free(own);
  mem_free(c);
}

// Of the inputs that may be: the share that M's own samples have taken at an update. Nothing else has changed.
static double share_at(const train_rnn_options *o, int64_t update, int64_t updates) {
  const real nothing[Z * K] = {0};
  real *w = constant_weights(nothing, nothing, nothing);
  small_chunk *s = chunk_make();
  learner l = {.w = w, .step = update};
  rnn_net *n = rnn_net_open(&shape, T, B);
  own_inputs *own = own_inputs_open(o, 0, B, updates);
  own_inputs_mix(own, &s->k, n, &l, s->h, s->c);

  int could = 0, did = 0;
  for (int row = 0; row < T * B; row++) {
    bool may = row >= B && s->keep[row] != 0, other = s->k.x[row * I] != s->x[row * I];
    could += may;
    did += other;
    assert_true(may || !other);
    assert_true(s->k.x[row * I + Z] == s->x[row * I + Z]);  // actions stay
  }
  own_inputs_close(own);
  rnn_net_close(n);
  mem_free(w);
  mem_free(s);
  return (double)did / could;
}

static void test_the_share_rises(void **state) {
  (void)state;
  const train_rnn_options o = {.shape = shape,
                               .steps = T,
                               .log_sigma_floor = -7,
                               .own_samples = 0.5,
                               .own_passes = 2,
                               .own_from = 0.5,
                               .seed = 1};
  assert_true(share_at(&o, 0, 1000) == 0);
  assert_true(share_at(&o, 500, 1000) == 0);
  assert_true(fabs(share_at(&o, 625, 1000) - 0.25) < 0.05);
  assert_true(fabs(share_at(&o, 750, 1000) - 0.5) < 0.05);
  assert_true(fabs(share_at(&o, 999, 1000) - 0.5) < 0.05);
}

// --- which pixels move -----------------------------------------------------------------------------------------------

static void sum_alone(void *self, float *x, size_t n) { (void)self, (void)x, (void)n; }
static void sum_double_alone(void *self, double *x, size_t n) { (void)self, (void)x, (void)n; }
static status agree_alone(void *self, status mine) { return (void)self, mine; }

static void test_what_moves_weighs_more(void **state) {
  (void)state;
  enum { FRAMES = 4, MOVES = 17 };
  const train_team team = {.size = 1, .sum = sum_alone, .sum_double = sum_double_alone, .agree = agree_alone};
  real *images = mem_take(FRAMES * WORLD_PIXELS, sizeof *images),
       *weight = mem_take(FRAMES * WORLD_PIXELS, sizeof *weight);
  for (int i = 0; i < FRAMES * WORLD_PIXELS; i++) images[i] = (real)0.25;
  images[MOVES] = (real)0.75;  // in the first frame alone

  moving m = {.mean = mem_take(WORLD_PIXELS, sizeof(real))};
  moving_measure(&m, images, FRAMES, &team);
  moving_weigh(&m, weight, images, FRAMES, (real)0.2);

  // Far from the mean by more than 50 times the mean square: 1 + 0.2 * 50. All that stands still counts once.
  assert_true(fabs((double)weight[MOVES] - 11) < 1e-4);
  for (int i = 0; i < FRAMES * WORLD_PIXELS; i++)
    if (i % WORLD_PIXELS != MOVES) assert_true(weight[i] == 1);

  // Frames of which none differs: nothing weighs more.
  for (int i = 0; i < FRAMES * WORLD_PIXELS; i++) images[i] = (real)0.5;
  moving_measure(&m, images, FRAMES, &team);
  moving_weigh(&m, weight, images, FRAMES, (real)0.2);
  for (int i = 0; i < FRAMES * WORLD_PIXELS; i++) assert_true(weight[i] == 1);

  mem_free(m.mean);
  mem_free(images);
  mem_free(weight);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_draws_follow_the_head),
      cmocka_unit_test(test_joint_draws_are_one),
      cmocka_unit_test(test_the_share_rises),
      cmocka_unit_test(test_what_moves_weighs_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// Two latents that only ever move together, learnt by both kinds of mixture, and dreamt: one mixture for each dimension
// cannot know that they belong together, a joint one does.

#include "../small_world.h"

#include <math.h>

enum { T = 8, B = 32, Z = 2, A = 1, H = 4, K = 2, ROWS = T * B, UPDATES = 400 };
#define NOISE 0.1

// Both are near 1 or both are near -1, by a coin at every step.
typedef struct coins {
  real x[ROWS * (Z + A)], keep[ROWS], target[ROWS * Z], reward[ROWS], done[ROWS], h[B * H], c[B * H];
} coins;

static rnn_chunk coins_toss(coins *d, uint32_t update) {
  rng luck = rng_episode(rng_stream(5, "coins"), update, 0);
  float coin[ROWS], noise[ROWS * Z];
  rng_uniforms(coin, ROWS, luck, 0, 0);
  rng_normals(noise, ROWS * Z, luck, 1, 0);
  for (int i = 0; i < ROWS * Z; i++) d->target[i] = (real)(coin[i / Z] < 0.5f ? -1 : 1) + (real)NOISE * (real)noise[i];
  for (int i = 0; i < ROWS; i++) d->keep[i] = 1;
  for (int i = B; i < ROWS; i++) memcpy(d->x + i * (Z + A), d->target + (i - B) * Z, Z * sizeof(real));
  return (rnn_chunk){d->x, d->keep, d->target, d->reward, d->done, NULL, NULL, T, B};
}

// With means on both sides of 0, in both kinds: else it is by luck whether a mixture of two finds two modes.
static void weights_begin(real *w, const world_shape *s) {
  real *bias = w + world_rnn_table(s).tensor[RNN_HEAD_B].at;
  rnn_net_init(w, s, 1);
  for (int z = 0; z < Z; z++)
    for (int k = 0; k < K; k++) bias[world_head_component(s, z, 0, k)] = (real)(k - 0.5);
}

// w (world_rnn_table); returns nats per dimension at the end.
static double coins_learn(real *w, const world_shape *s) {
  size_t n = world_rnn_table(s).size;
  real *g = mem_take(n, sizeof *g), *m = mem_take(n, sizeof *m), *v = mem_take(n, sizeof *v);
  rnn_net *net = rnn_net_open(s, T, B);
  rnn_loss loss = {0};
  weights_begin(w, s);
  for (uint32_t update = 1; update <= UPDATES; update++) {
    coins *d = mem_take(1, sizeof *d);
    rnn_chunk k = coins_toss(d, update);
    memset(g, 0, n * sizeof *g);
    loss = rnn_net_learn(net, g, w, &k, d->h, d->c, (rnn_rules){-7, 1, 1}, (real)1 / ROWS);
    nn_adam_step(w, m, v, g, n, (nn_adam){0.02, 0.9, 0.999, 1e-8}, update);
    mem_free(d);
  }

  rnn_net_close(net);
  mem_free(g);
  mem_free(m);
  mem_free(v);
  return loss.z / ROWS;
}

// Of the steps of a dream: how often both are on the same side, and how often that is the upper one.
typedef struct sides {
  double same, upper;
} sides;

static sides coins_dream(const world *w) {
  enum { STEPS = 4000 };
  const dream_rules rules = {.temperature = 1, .cap = STEPS + 1};
  mind *m = mind_open(w, 1);
  sides found = {0};
  mind_dream(m, 0, &rules, rng_stream(6, "dream"));
  for (int t = 0; t < STEPS; t++) {
    dream_outcome out;
    mind_imagine(m, &(float){0}, &out, 1);
    const float *z = mind_features(m, 0);
    found.same += (z[0] > 0) == (z[1] > 0);
    found.upper += z[0] > 0;
    for (int i = 0; i < Z; i++) assert_true(fabsf(fabsf(z[i]) - 1) < 8 * (float)NOISE);  // no ghosts between the two
  }
  mind_close(m);
  return (sides){found.same / STEPS, found.upper / STEPS};
}

static double coins_known(bool joint, sides *found) {
  world_shape shape = {.channels = {4, 4, 4, 4}, .joint = joint, .Z = Z, .A = A, .H = H, .K = K};
  small_world s = small_world_shaped(shape, 1);
  double nats = coins_learn(s.m, &s.shape);
  small_world_rewrite(&s, NULL);
  world *w = small_world_open(&s);
  *found = coins_dream(w);
  world_close(w);
  small_world_remove(&s);
  return nats;
}

static void test_only_a_joint_mixture_knows_what_belongs_together(void **state) {
  (void)state;
  sides each, joint;
  double nats_each = coins_known(false, &each), nats_joint = coins_known(true, &joint);
  assert_true(joint.same > 0.999);
  assert_true(fabs(each.same - 0.5) < 0.05);
  assert_true(fabs(joint.upper - 0.5) < 0.1 && fabs(each.upper - 0.5) < 0.1);

  // The coin is told once instead of twice: half of ln 2 per dimension.
  double gaussian = log(NOISE) + 0.5 * log(2 * 3.14159265358979) + 0.5;
  assert_true(fabs(nats_joint - (gaussian + log(2) / 2)) < 0.1);
  assert_true(fabs(nats_each - (gaussian + log(2))) < 0.1);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_only_a_joint_mixture_knows_what_belongs_together)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

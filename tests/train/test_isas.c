// The gradients of V and M have the same bits on every instruction set that this processor has.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "num/isas.h"
#include "train.h"

static real *zeros(size_t n) { return mem_take(n, sizeof(real)); }

static real *numbers(size_t n, uint32_t which) {  // in (0,1)
  real *x = zeros(n);
  rng_uniforms(x, (int)n, rng_stream(1, "isas"), which, 0);
  return x;
}

static void same_everywhere(void (*gradient)(real *g), size_t size) {
  real *first = zeros(size), *g = zeros(size);
  num_isa_use(NUM_PLAIN);
  gradient(first);
  FOR_EACH_ISA(isa) {
    memset(g, 0, size * sizeof *g);
    gradient(g);
    assert_memory_equal(g, first, size * sizeof *g);
  }
  mem_free(first);
  mem_free(g);
}

static const world_shape vae_shape = {.pixels = true, .channels = {4, 6, 20, 10}, .Z = 7};
static void vae_gradient(real *g) {
  enum { B = 3 };
  real *w = zeros(world_vae_table(&vae_shape).size), *images = numbers((size_t)B * WORLD_PIXELS, 1),
       *noise = numbers(B * 7, 2);
  vae_net *n = vae_net_open(&vae_shape, B);
  vae_net_init(w, &vae_shape, 1);
  vae_net_learn(n, g, w, images, NULL, noise, B, 0, (real)1 / B);
  vae_net_close(n);
  mem_free(w);
  mem_free(images);
  mem_free(noise);
}

static const world_shape rnn_shape = {.Z = 5, .A = 1, .H = 40, .K = 3};
static const world_shape joint_shape = {.joint = true, .Z = 37, .A = 1, .H = 40, .K = 3};
static void gradient_of(real *g, const world_shape *s) {
  enum { T = 9, B = 13 };
  real *w = zeros(world_rnn_table(s).size), *h = zeros((size_t)B * s->H), *c = zeros((size_t)B * s->H);
  real *x = numbers((size_t)T * B * (s->Z + 1), 3), *keep = numbers(T * B, 4);
  real *target = numbers((size_t)T * B * s->Z, 5), *reward = numbers(T * B, 6);
  rnn_net *n = rnn_net_open(s, T, B);
  rnn_net_init(w, s, 1);
  const rnn_chunk k = {x, keep, target, reward, keep, NULL, NULL, T, B};
  rnn_net_learn(n, g, w, &k, h, c, (rnn_rules){-7, 10, 1}, (real)0.01);
  rnn_net_close(n);
  real *all[] = {w, h, c, x, keep, target, reward};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

static void rnn_gradient(real *g) { gradient_of(g, &rnn_shape); }
static void joint_gradient(real *g) { gradient_of(g, &joint_shape); }

static void test_vae(void **state) { (void)state, same_everywhere(vae_gradient, world_vae_table(&vae_shape).size); }
static void test_rnn(void **state) { (void)state, same_everywhere(rnn_gradient, world_rnn_table(&rnn_shape).size); }
static void test_joint(void **state) {
  (void)state;
  same_everywhere(joint_gradient, world_rnn_table(&joint_shape).size);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_vae), cmocka_unit_test(test_rnn),
                                     cmocka_unit_test(test_joint)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

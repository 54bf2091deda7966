// A small world with random weights, written to files and opened: enough to test everything but its wits.
#ifndef SMALL_WORLD_H
#define SMALL_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "train.h"
#include "world.h"

typedef struct small_world {
  char directory[64];
  file_path vae, rnn;
  world_shape shape;
  real *v, *m;  // parameters as written
} small_world;

// Both files from what is in *s. o may be NULL: one origin of zeros.
static inline void small_world_rewrite(const small_world *s, const world_origins *o) {
  static const float zeros[8] = {0}, ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  const world_origins one = {
      .count = 1, .mu = zeros, .logvar = zeros, .offset = zeros, .scale = ones, .log_sigma_floor = -7};
  hash vae = {"none"};
  if (s->shape.pixels) {
    assert_int_equal(world_vae_write(s->vae.text, &s->shape, (const float *)s->v, "a test"), OK);
    assert_int_equal(hash_file(&vae, s->vae.text), OK);
  }
  assert_int_equal(world_rnn_write(s->rnn.text, &s->shape, (const float *)s->m, o ? o : &one, vae.hex), OK);
}

static inline small_world small_world_shaped(world_shape shape, uint64_t seed) {
  small_world s = {.directory = "/tmp/dreamfarm-test-XXXXXX", .shape = shape};
  assert_non_null(mkdtemp(s.directory));
  s.vae = path_join(s.directory, "vae.safetensors");
  s.rnn = path_join(s.directory, "rnn.safetensors");
  s.v = mem_take(world_vae_table(&s.shape).size, sizeof(real));
  s.m = mem_take(world_rnn_table(&s.shape).size, sizeof(real));
  vae_net_init(s.v, &s.shape, seed);
  rnn_net_init(s.m, &s.shape, seed);
  nn_table t = world_rnn_table(&s.shape);  // dreams of many lengths: the end's logit swings wide
  int head = world_head_size(&s.shape), done = world_head_done(&s.shape);
  for (int h = 0; h < s.shape.H; h++) s.m[t.tensor[RNN_HEAD].at + (size_t)(h * head + done)] *= (real)12;
  s.m[t.tensor[RNN_HEAD_B].at + (size_t)done] = (real)-1.2;
  enum { ORIGINS = 9 };
  float mu[ORIGINS * 8], logvar[ORIGINS * 8], offset[8] = {0}, scale[8];
  rng_normals(mu, ORIGINS * 8, rng_stream(seed, "origins"), 0, 0);
  for (int i = 0; i < ORIGINS * 8; i++) logvar[i] = -1.0f;
  for (int i = 0; i < 8; i++) scale[i] = 1.0f;
  const world_origins o = {
      .count = ORIGINS, .mu = mu, .logvar = logvar, .offset = offset, .scale = scale, .log_sigma_floor = -7};
  small_world_rewrite(&s, &o);
  return s;
}

static inline world_shape small_world_shape(bool pixels, int mixtures) {
  int Z = pixels ? 7 : 5;
  return (world_shape){.pixels = pixels, .channels = {4, 6, 8, 10}, .Z = Z, .A = 1, .H = 24, .K = mixtures};
}

static inline small_world small_world_of(bool pixels, int mixtures, uint64_t seed) {
  return small_world_shaped(small_world_shape(pixels, mixtures), seed);
}

static inline small_world small_world_joint(bool pixels, int mixtures, uint64_t seed) {
  world_shape shape = small_world_shape(pixels, mixtures);
  shape.joint = true;
  return small_world_shaped(shape, seed);
}

// The same weights, but they say how far the latent moves.
static inline small_world small_world_moving(bool pixels, int mixtures, uint64_t seed) {
  world_shape shape = small_world_shape(pixels, mixtures);
  shape.change = true;
  return small_world_shaped(shape, seed);
}

static inline small_world small_world_write(bool pixels, uint64_t seed) { return small_world_of(pixels, 3, seed); }

static inline world *small_world_open(const small_world *s) {
  world *w;
  status opened = world_open(&w, s->shape.pixels ? s->vae.text : NULL, s->rnn.text);
  if (opened != OK) fail_msg("%s", status_message());
  return w;
}

static inline void small_world_remove(small_world *s) {
  file_remove(s->vae.text);
  file_remove(s->rnn.text);
  rmdir(s->directory);
  mem_free(s->v);
  mem_free(s->m);
}

#endif

// The one source of randomness: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC'11).
// A number is a function of its name; nothing here has a state. Many numbers are the vector kernels' work, single ones
// come from Random123's own Philox.

#include <Random123/philox.h>

#include "kernels.h"

// FNV-1a, 64 bits: only where a name becomes a number.
static uint64_t rng_fnv1a(const char *text) {
  uint64_t h = 0xCBF29CE484222325;
  for (; *text; text++) h = (h ^ (unsigned char)*text) * 0x100000001B3;
  return h;
}

static philox4x32_ctr_t rng_philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1) {
  philox4x32_ctr_t counter = {{c0, c1, c2, c3}};
  philox4x32_key_t key = {{k0, k1}};
  return philox4x32(counter, key);
}

// Philox itself mixes seed and name into a key, so that neighbouring seeds share nothing visible.
rng rng_stream(uint64_t seed, const char *name) {
  uint64_t h = rng_fnv1a(name);
  philox4x32_ctr_t mixed = rng_philox((uint32_t)h, (uint32_t)(h >> 32), 0, 0, (uint32_t)seed, (uint32_t)(seed >> 32));
  return (rng){.key = {mixed.v[0], mixed.v[1]}};
}

rng rng_episode(rng stream, uint32_t generation, uint32_t episode) {
  stream.generation = generation;
  stream.episode = episode;
  return stream;
}

static philox4x32_ctr_t rng_block(rng r, uint32_t step, uint32_t draw) {
  return rng_philox(draw, step, r.episode, r.generation, r.key[0], r.key[1]);
}

#define COUNTER(r, step, first) ((const uint32_t[4]){(first), (step), (r).episode, (r).generation})

void rng_words(uint32_t *out, int n, rng r, uint32_t step, uint32_t first_block) {
  num_kernels_now()->words(out, n, COUNTER(r, step, first_block), r.key);
}

void rng_uniforms(float *out, int n, rng r, uint32_t step, uint32_t first_block) {
  num_kernels_now()->uniforms(out, n, COUNTER(r, step, first_block), r.key);
}

void rng_normals(float *out, int n, rng r, uint32_t step, uint32_t first_block) {
  num_kernels_now()->normals(out, n, COUNTER(r, step, first_block), r.key);
}

void rng_normals_double(double *out, int n, rng r, uint32_t step, uint32_t first_block) {
  num_kernels_now()->normals_double(out, n, COUNTER(r, step, first_block), r.key);
}

double rng_uniform(rng r, uint32_t step, uint32_t draw) { return (rng_block(r, step, draw).v[0] + 0.5) * 0x1p-32; }

// The upper 32 of 96 bits: 64 random bits times the bound. No value is favoured by more than bound / 2^64.
uint32_t rng_below(rng r, uint32_t step, uint32_t draw, uint32_t bound) {
  CHECK(bound >= 1, "bound %u", bound);
  philox4x32_ctr_t w = rng_block(r, step, draw);
  uint64_t low = (uint64_t)w.v[1] * bound, high = (uint64_t)w.v[0] * bound;
  return (uint32_t)((high + (low >> 32)) >> 32);
}

void rng_shuffle(uint32_t *items, uint32_t n, rng r, uint32_t step) {
  for (uint32_t i = n; i > 1; i--) {
    uint32_t j = rng_below(r, step, i, i);
    uint32_t t = items[i - 1];
    items[i - 1] = items[j];
    items[j] = t;
  }
}

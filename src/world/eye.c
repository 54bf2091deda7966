// V at work: the encoder on batches of observations, the decoder for pictures. Packed weights, so that a row's bits
// do not depend on the batch it is in.

#include <math.h>
#include <string.h>

#include "parts.h"

#define IMAGES_AT_ONCE 4  // a convolution's patches for these fit the second-level cache

struct world_eye {
  arena *memory;
  const world *w;
  int batch;
  float *patches, *layer[2];  // IMAGES_AT_ONCE images
  float *code;                // (batch, code)
  float *latent;              // (batch, 2Z)
};

static size_t layer_floats(nn_conv_shape c) { return (size_t)nn_conv_out(c) * nn_conv_out(c) * c.F; }

world_eye *world_eye_open(const world *w, int batch) {
  arena *memory = arena_open();
  world_eye *e = ARENA_NEW(memory, world_eye, 1);
  *e = (world_eye){.memory = memory, .w = w, .batch = batch};
  const world_shape *s = &w->shape;
  if (!s->pixels) return e;

  // room for the widest layer: two buffers that the layers fill in turn
  size_t patches = 0, floats = WORLD_PIXELS;
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(s, i);
    size_t rows = (size_t)nn_conv_out(c) * nn_conv_out(c);
    if (rows * c.k * c.k * c.C > patches) patches = rows * c.k * c.k * c.C;
    if (layer_floats(c) > floats) floats = layer_floats(c);
  }

  e->patches = ARENA_NEW(memory, float, patches * IMAGES_AT_ONCE);
  for (int i = 0; i < 2; i++) e->layer[i] = ARENA_NEW(memory, float, floats * IMAGES_AT_ONCE);
  e->code = ARENA_NEW(memory, float, (size_t)batch * world_vae_code(s));
  e->latent = ARENA_NEW(memory, float, (size_t)batch * 2 * s->Z);
  return e;
}

void world_eye_close(world_eye *e) {
  if (e) arena_close(e->memory);
}

static void pixels_to_floats(float *x, const uint8_t *pixels, size_t n) {
  for (size_t i = 0; i < n; i++) x[i] = (float)pixels[i] * (1.0f / 255.0f);
}

// code (n, code) of n <= IMAGES_AT_ONCE images
static void encode_images(world_eye *e, float *code, const uint8_t *images, int n) {
  const float *x = e->layer[0];
  pixels_to_floats(e->layer[0], images, (size_t)n * WORLD_PIXELS);

  // V's encoder: four convolutions (Ha and Schmidhuber 2018, appendix A.1), each a product of patches and kernels
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(&e->w->shape, i);
    int rows = n * nn_conv_out(c) * nn_conv_out(c), K = c.k * c.k * c.C;
    float *y = i == 3 ? code : e->layer[(i + 1) % 2];
    nn_im2col(e->patches, x, c, n);
    packed_apply(&e->w->conv[i], y, c.F, e->patches, K, rows);
    nn_relu(y, y, (size_t)rows * c.F);
    x = y;
  }
}

static void look_at_images(world_eye *e, float *mu, float *logvar, const uint8_t *images, int n) {
  int Z = e->w->shape.Z, code = world_vae_code(&e->w->shape);

  // images in pieces that stay in the cache; their codes then go through one product
  for (int i = 0; i < n; i += IMAGES_AT_ONCE) {
    int some = n - i < IMAGES_AT_ONCE ? n - i : IMAGES_AT_ONCE;
    encode_images(e, e->code + (size_t)i * code, images + (size_t)i * WORLD_PIXELS, some);
  }

  // mean and logarithm of the variance stand side by side in the head
  packed_apply(&e->w->latent, e->latent, 2 * Z, e->code, code, n);
  for (int i = 0; i < n; i++) {
    memcpy(mu + (size_t)i * Z, e->latent + (size_t)i * 2 * Z, Z * sizeof(float));
    memcpy(logvar + (size_t)i * Z, e->latent + (size_t)i * 2 * Z + Z, Z * sizeof(float));
  }
}

void world_eye_look(world_eye *e, float *mu, float *logvar, const void *observations, int n) {
  CHECK(n <= e->batch, "%d observations, room for %d", n, e->batch);
  if (e->w->shape.pixels) {
    look_at_images(e, mu, logvar, observations, n);
    return;
  }

  // a state is its own latent, in the data's units (offset, scale), and without doubt
  const world_origins *o = &e->w->origins;
  const float *x = observations;
  int Z = e->w->shape.Z;
  for (int i = 0; i < n * Z; i++) {
    mu[i] = (x[i] - o->offset[i % Z]) * o->scale[i % Z];
    logvar[i] = -INFINITY;
  }
}

void world_latent_sample(float *z, const float *mu, const float *logvar, int Z, rng luck, uint32_t step) {
  float half[256], noise[256];

  // z = mu + exp(logvar / 2) N(0, I)
  for (int from = 0; from < Z; from += 256) {  // 64 blocks of 4 draws each
    int n = Z - from < 256 ? Z - from : 256;
    for (int i = 0; i < n; i++) half[i] = 0.5f * logvar[from + i];
    vec_exp(half, half, n);
    rng_normals(noise, n, luck, step, (uint32_t)from / 4);
    for (int i = 0; i < n; i++) z[from + i] = mu[from + i] + half[i] * noise[i];
  }
}

// z is the standardised observation; a scale of 0 stands for a number that never changed.
static void states_imagine(const world *w, float *states, const float *z, int n) {
  const world_origins *o = &w->origins;
  int Z = w->shape.Z;
  for (int i = 0; i < n * Z; i++) {
    float scale = o->scale[i % Z];
    states[i] = (scale != 0 ? z[i] / scale : 0) + o->offset[i % Z];
  }
}

void world_imagine(const world *w, float *images, const float *z, int n) {
  const world_shape *s = &w->shape;
  if (!s->pixels) {
    states_imagine(w, images, z, n);
    return;
  }

  // V's decoder: a dense layer, then four transposed convolutions, of which the last ends in a sigmoid
  const nn_table *t = &w->vae_table;
  const real *v = w->decoder;
  size_t widest = WORLD_PIXELS, work = 0;
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_deconv(s, i);
    size_t floats = (size_t)nn_deconv_out(c) * nn_deconv_out(c) * c.F;
    if (floats > widest) widest = floats;
    if (nn_deconv_work(c, 1) > work) work = nn_deconv_work(c, 1);
  }
  real *layer[2] = {mem_take(widest, sizeof(real)), mem_take(widest, sizeof(real))},
       *space = mem_take(work, sizeof(real));

  // image by image: no dream and no controller waits for these
  for (int b = 0; b < n; b++) {
    nn_dense(layer[0], z + (size_t)b * s->Z, v + t->tensor[VAE_FC].at, v + t->tensor[VAE_FC_B].at, 1, s->Z,
             world_vae_code(s));
    for (int i = 0; i < 4; i++) {
      nn_conv_shape c = world_vae_deconv(s, i);
      size_t floats = (size_t)nn_deconv_out(c) * nn_deconv_out(c) * c.F;
      real *y = layer[(i + 1) % 2];
      nn_deconv(y, layer[i % 2], v + t->tensor[VAE_DECONV1 + 2 * i].at, v + t->tensor[VAE_DECONV1_B + 2 * i].at, c, 1,
                space);
      if (i < 3) nn_relu(y, y, floats);
      else nn_sigmoid(images + (size_t)b * WORLD_PIXELS, y, floats);
    }
  }

  mem_free(layer[0]);
  mem_free(layer[1]);
  mem_free(space);
}

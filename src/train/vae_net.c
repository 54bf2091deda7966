// One step of V, forward and back (Kingma & Welling 2014; World Models' layers and KL tolerance). Knows no data, no
// optimiser.

#include <math.h>
#include <string.h>

#include "train.h"

// A slice, at most: enough to pay for laying the weights out, few enough for the caches; gradients add up.
#define IMAGES_AT_ONCE 50

struct vae_net {
  arena *memory;
  world_shape s;
  nn_table t;
  int slice;
  real *conv[4];        // (B, out, out, F)  after ReLU
  real *mu, *logvar;    // (B, Z)
  real *z, *deviation;  // (B, Z)            z = mu + deviation, deviation = sigma * noise
  real *code;           // (B, code)         decoder's first layer
  real *deconv[4];      // (B, out, out, F)  after ReLU; the last after the sigmoid
  real *d[2];           // gradients of activations, widest layer
  real *dmu, *dlogvar, *dz;
  real *work;
};

static size_t vae_conv_floats(nn_conv_shape c) { return (size_t)nn_conv_out(c) * nn_conv_out(c) * c.F; }
static size_t vae_deconv_floats(nn_conv_shape c) { return (size_t)nn_deconv_out(c) * nn_deconv_out(c) * c.F; }
static size_t vae_larger(size_t a, size_t b) { return a > b ? a : b; }

static int vae_slice_of(int batch) {  // slices of one size
  int slices = (batch + IMAGES_AT_ONCE - 1) / IMAGES_AT_ONCE;
  return (batch + slices - 1) / slices;
}

vae_net *vae_net_open(const world_shape *s, int batch) {
  arena *memory = arena_open();
  vae_net *n = ARENA_NEW(memory, vae_net, 1);
  *n = (vae_net){.memory = memory, .s = *s, .t = world_vae_table(s), .slice = vae_slice_of(batch)};
  size_t B = (size_t)n->slice, widest = 0, work = 0, latent = B * (size_t)s->Z;

  // Activations stay until the way back; gradients and work only as long as one layer is at it.
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(s, i), e = world_vae_deconv(s, i);
    n->conv[i] = ARENA_NEW(memory, real, B * vae_conv_floats(c));
    n->deconv[i] = ARENA_NEW(memory, real, B * vae_deconv_floats(e));
    widest = vae_larger(widest, vae_larger(vae_conv_floats(c), vae_deconv_floats(e)));
    work = vae_larger(work, vae_larger(nn_conv_work(c, n->slice), nn_deconv_work(e, n->slice)));
  }

  real **latents[] = {&n->mu, &n->logvar, &n->z, &n->deviation, &n->dmu, &n->dlogvar, &n->dz};
  for (size_t i = 0; i < sizeof latents / sizeof *latents; i++) *latents[i] = ARENA_NEW(memory, real, latent);

  n->code = ARENA_NEW(memory, real, B * world_vae_code(s));
  for (int i = 0; i < 2; i++) n->d[i] = ARENA_NEW(memory, real, B * widest);
  n->work = ARENA_NEW(memory, real, work);

  return n;
}

void vae_net_close(vae_net *n) {
  if (n) arena_close(n->memory);
}

static const real *vae_at(const vae_net *n, const real *w, int tensor) { return w + n->t.tensor[tensor].at; }
static real *vae_grad(const vae_net *n, real *g, int tensor) { return g + n->t.tensor[tensor].at; }

static void vae_encode(vae_net *n, const real *w, const real *images, int B) {
  int code = world_vae_code(&n->s), Z = n->s.Z;
  const real *x = images;

  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(&n->s, i);
    nn_conv(n->conv[i], x, vae_at(n, w, VAE_CONV1 + 2 * i), vae_at(n, w, VAE_CONV1_B + 2 * i), c, B, n->work);
    nn_relu(n->conv[i], n->conv[i], B * vae_conv_floats(c));
    x = n->conv[i];
  }

  // Two heads on the same code.
  nn_dense(n->mu, x, vae_at(n, w, VAE_MU), vae_at(n, w, VAE_MU_B), B, code, Z);
  nn_dense(n->logvar, x, vae_at(n, w, VAE_LOGVAR), vae_at(n, w, VAE_LOGVAR_B), B, code, Z);
}

static void vae_decode(vae_net *n, const real *w, int B) {
  nn_dense(n->code, n->z, vae_at(n, w, VAE_FC), vae_at(n, w, VAE_FC_B), B, n->s.Z, world_vae_code(&n->s));

  const real *x = n->code;
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_deconv(&n->s, i);
    nn_deconv(n->deconv[i], x, vae_at(n, w, VAE_DECONV1 + 2 * i), vae_at(n, w, VAE_DECONV1_B + 2 * i), c, B, n->work);
    // The last layer's outputs are pixels, from 0 to 1.
    if (i < 3) nn_relu(n->deconv[i], n->deconv[i], B * vae_deconv_floats(c));
    else nn_sigmoid(n->deconv[i], n->deconv[i], B * vae_deconv_floats(c));
    x = n->deconv[i];
  }
}

// KL of N(mu, e^logvar) from N(0,1), a sample's sum over Z; where it is above the floor its gradient counts.
static void vae_kl(vae_net *n, vae_loss *loss, int B, real floor_nats, real scale) {
  int Z = n->s.Z;
  for (int b = 0; b < B; b++) {
    const real *mu = n->mu + (size_t)b * Z, *logvar = n->logvar + (size_t)b * Z;
    real *dmu = n->dmu + (size_t)b * Z, *dlogvar = n->dlogvar + (size_t)b * Z;
    // KL = 1/2 sum (mu^2 + sigma^2 - 1 - log sigma^2) (Kingma & Welling 2014, appendix B), and its derivatives.
    double sum = 0;
    for (int i = 0; i < Z; i++) {
      real variance = (real)exp((double)logvar[i]);
      sum += 0.5 * (double)(mu[i] * mu[i] + variance - 1 - logvar[i]);
      dmu[i] = scale * mu[i];
      dlogvar[i] = scale * (real)0.5 * (variance - 1);
    }

    bool counts = sum > (double)floor_nats;
    loss->kl += sum;
    loss->kl_floored += counts ? sum : (double)floor_nats;

    if (counts) continue;
    memset(dmu, 0, Z * sizeof *dmu);
    memset(dlogvar, 0, Z * sizeof *dlogvar);
  }
}

// d(scale * weight * (x - y)^2)/dy, and the sum of weighted squares
static double vae_reconstruction(real *dy, const real *y, const real *x, const real *weight, size_t count, real scale) {
  double sum = 0;
  for (size_t from = 0; from < count; from += 64) {  // short float sums, added in double
    real part = 0;
    size_t to = from + 64 < count ? from + 64 : count;
    for (size_t i = from; i < to; i++) {
      real error = y[i] - x[i], counted = weight ? weight[i] * error : error;
      part += counted * error;
      dy[i] = 2 * scale * counted;
    }
    sum += (double)part;
  }

  return sum;
}

// n->d[0] holds the gradient of the decoder's output on entry; dz on return
static void vae_decode_back(vae_net *n, real *g, const real *w, int B) {
  real *dy = n->d[0], *dx = n->d[1];
  nn_sigmoid_back(dy, dy, n->deconv[3], (size_t)B * WORLD_PIXELS);

  for (int i = 3; i >= 0; i--) {
    nn_conv_shape c = world_vae_deconv(&n->s, i);
    const real *x = i ? n->deconv[i - 1] : n->code;
    nn_deconv_back(dx, vae_grad(n, g, VAE_DECONV1 + 2 * i), vae_grad(n, g, VAE_DECONV1_B + 2 * i), dy, x,
                   vae_at(n, w, VAE_DECONV1 + 2 * i), c, B, n->work);
    if (i) nn_relu_back(dx, dx, x, (size_t)B * c.S * c.S * c.C);

    // Two buffers, in turns: what came out of this layer goes into the one before it.
    real *swap = dx;
    dx = dy;
    dy = swap;
  }

  nn_dense_back(n->dz, vae_grad(n, g, VAE_FC), vae_grad(n, g, VAE_FC_B), dy, n->z, vae_at(n, w, VAE_FC), B, n->s.Z,
                world_vae_code(&n->s));
}

// z = mu + exp(logvar/2) noise:  dmu += dz,  dlogvar += dz * deviation / 2
static void vae_sample_back(vae_net *n, int B) {
  for (int i = 0; i < B * n->s.Z; i++) {
    n->dmu[i] += n->dz[i];
    n->dlogvar[i] += n->dz[i] * n->deviation[i] * (real)0.5;
  }
}

static void vae_encode_back(vae_net *n, real *g, const real *w, const real *images, int B) {
  int code = world_vae_code(&n->s), Z = n->s.Z;
  real *dy = n->d[0], *dx = n->d[1];
  const real *x = n->conv[3];
  nn_dense_back(dy, vae_grad(n, g, VAE_MU), vae_grad(n, g, VAE_MU_B), n->dmu, x, vae_at(n, w, VAE_MU), B, code, Z);
  nn_dense_back(dx, vae_grad(n, g, VAE_LOGVAR), vae_grad(n, g, VAE_LOGVAR_B), n->dlogvar, x, vae_at(n, w, VAE_LOGVAR),
                B, code, Z);

  // Both heads look at the same code: their gradients add up.
  for (int i = 0; i < B * code; i++) dy[i] += dx[i];

  for (int i = 3; i >= 0; i--) {
    nn_conv_shape c = world_vae_conv(&n->s, i);
    nn_relu_back(dy, dy, n->conv[i], B * vae_conv_floats(c));
    nn_conv_back(i ? dx : NULL, vae_grad(n, g, VAE_CONV1 + 2 * i), vae_grad(n, g, VAE_CONV1_B + 2 * i), dy,
                 i ? n->conv[i - 1] : images, vae_at(n, w, VAE_CONV1 + 2 * i), c, B, n->work);

    real *swap = dx;
    dx = dy;
    dy = swap;
  }
}

static void vae_slice_learn(vae_net *n, vae_loss *loss, real *g, const real *w, const real *images,
                            const real *weight, const real *noise, int B, real kl_floor, real scale) {
  vae_encode(n, w, images, B);

  // z = mu + sigma * noise: the noise is given, so the gradient flows through mu and sigma.
  for (int i = 0; i < B * n->s.Z; i++) {
    n->deviation[i] = (real)exp((double)n->logvar[i] * 0.5) * noise[i];
    n->z[i] = n->mu[i] + n->deviation[i];
  }

  vae_decode(n, w, B);
  vae_kl(n, loss, B, kl_floor, scale);
  loss->reconstruction += vae_reconstruction(n->d[0], n->deconv[3], images, weight, (size_t)B * WORLD_PIXELS, scale);

  if (!g) return;
  vae_decode_back(n, g, w, B);
  vae_sample_back(n, B);
  vae_encode_back(n, g, w, images, B);
}

vae_loss vae_net_learn(vae_net *n, real *g, const real *w, const real *images, const real *weight, const real *noise,
                       int B, real kl_floor, real scale) {
  vae_loss loss = {0};
  for (int from = 0; from < B; from += n->slice) {
    size_t at = (size_t)from * WORLD_PIXELS;
    vae_slice_learn(n, &loss, g, w, images + at, weight ? weight + at : NULL, noise + (size_t)from * n->s.Z,
                    int_min(B - from, n->slice), kl_floor, scale);
  }
  return loss;
}

void vae_net_init(real *w, const world_shape *s, uint64_t seed) {
  nn_table t = world_vae_table(s);
  for (int i = 0; i < t.count; i++) {
    const nn_tensor *p = &t.tensor[i];
    if (p->rank == 1) {
      memset(w + p->at, 0, p->size * sizeof *w);
      continue;
    }
    // A kernel's fan is its window times the channels on that side; a transposed kernel stands the other way round.
    int window = p->rank == 4 ? (i < VAE_MU ? p->dim[0] * p->dim[1] : p->dim[1] * p->dim[2]) : 1;
    int in = p->rank == 4 ? (i < VAE_MU ? p->dim[2] : p->dim[0]) : p->dim[0];

    nn_init_glorot(w + p->at, p->size, window * in, window * p->dim[p->rank - 1],
                   rng_episode(rng_stream(seed, "vae weights"), 0, (uint32_t)i));
  }
}

// The inside of the family of worlds that World Models (Ha & Schmidhuber 2018) describes, for those who make and train
// them. V: a VAE (Kingma & Welling 2014), M: an MDN-RNN. Letters: Z latent, A action, H hidden, K mixtures.
#ifndef WORLD_MDN_H
#define WORLD_MDN_H

#include "data.h"
#include "nn.h"
#include "world.h"

typedef struct world_shape {
  bool pixels;      // false: the observation, standardised, is the latent, and there is no V
  bool joint;       // one mixture over all latents together; false: one for each of them
  bool change;      // what M says is how far the latent moves; false: the next latent itself
  int channels[4];  // of the encoder's convolutions; the decoder mirrors them
  int Z, A, H, K;
} world_shape;
const world_shape *world_shape_of(const world *w);  // of V alone: H and K are 0

// --- the networks' parameters: tables in a fixed order; training and inference read the same ------------------------
enum world_vae_tensor {  // weight, then bias, layer by layer
  VAE_CONV1, VAE_CONV1_B, VAE_CONV2, VAE_CONV2_B, VAE_CONV3, VAE_CONV3_B, VAE_CONV4, VAE_CONV4_B,
  VAE_MU, VAE_MU_B, VAE_LOGVAR, VAE_LOGVAR_B, VAE_FC, VAE_FC_B,
  VAE_DECONV1, VAE_DECONV1_B, VAE_DECONV2, VAE_DECONV2_B, VAE_DECONV3, VAE_DECONV3_B, VAE_DECONV4, VAE_DECONV4_B
};
nn_table world_vae_table(const world_shape *s);
nn_conv_shape world_vae_conv(const world_shape *s, int layer);    // layer 0..3
nn_conv_shape world_vae_deconv(const world_shape *s, int layer);  // layer 0..3
int world_vae_code(const world_shape *s);  // units between the convolutions and mu: 4 * channels[3]

enum { WORLD_LATENT_MAX = 1024, WORLD_MIXTURES_MAX = 64 };  // Z and K at most
enum world_rnn_tensor { RNN_LSTM, RNN_LSTM_B, RNN_HEAD, RNN_HEAD_B };
// Beside M, where it learnt what is ahead: [z | h] before an action (Z+H) by [q0 | q, r of each action] (1+2A), biases.
// The logit of an end ahead is q0 + sum of q a + r (a^2 - 1/3).
nn_table world_ahead_table(const world_shape *s);
enum world_ahead_tensor { AHEAD, AHEAD_B };
nn_table world_rnn_table(const world_shape *s);
// The head's columns: [logits (Z,K) | mu (Z,K) | logsigma (Z,K) | reward | done], or, joint, a component in one piece:
// [logits (K) | of each of K: mu (Z) | logsigma (Z) | reward | done].
static inline int world_draws(const world_shape *s) { return s->joint ? 1 : s->Z; }  // of a component, at each step
int world_head_size(const world_shape *s);
static inline int world_head_reward(const world_shape *s) { return world_head_size(s) - 2; }
static inline int world_head_done(const world_shape *s) { return world_head_size(s) - 1; }
// The mean (second = 0) or log sigma (1) of latent z in component k.
int world_head_component(const world_shape *s, int z, int second, int k);

// --- files: vae.safetensors and rnn.safetensors ---------------------------------------------------------------------
typedef struct world_origins {  // where dreams begin, and how the latent is scaled
  int count;
  const float *mu, *logvar;     // (count, Z)  of real first frames
  const float *offset, *scale;  // (Z)         latent = (observation - offset) * scale; 0 and 1 where there is a V
  int moments;                  // 0: dreams begin with first frames alone
  const float *moment;          // (moments, Z + 2H) beliefs [z | h | c] in the midst of real episodes
  float log_sigma_floor;
  const float *ahead;           // as world_ahead_table says, or NULL
  float done_weight;            // of ends in M's loss: by its logarithm the logit of an end is too high. 0: not learnt
} world_origins;
status world_vae_write(const char *path, const world_shape *s, const float *values, const char *dataset_hash);
// vae_hash: of the V file whose latents M was trained on, "none" where there is no V.
status world_rnn_write(const char *path, const world_shape *s, const float *values, const world_origins *o,
                       const char *vae_hash);

// values (table->size): parameters of a file of V's or M's, as its table lays them out. NO_IO; BAD_FILE where it holds
// others, or of other sizes.
status world_weights_read(float *values, const char *path, const nn_table *table);

// And the scale of the latents of an M.  offset, scale (Z)
status world_scale_read(float *offset, float *scale, const char *path, int Z);

// --- looking: V's encoder on a batch of observations ----------------------------------------------------------------
// Row-invariant: a row's bits do not depend on the batch.
typedef struct world_eye world_eye;
world_eye *world_eye_open(const world *w, int batch);
void world_eye_close(world_eye *e);
// observations (n, observation) uint8 images, or float states; mu, logvar (n, Z); n <= batch.
// Without V: mu = standardised observation, logvar = -infinity, so that sampling gives mu.
void world_eye_look(world_eye *e, float *mu, float *logvar, const void *observations, int n);
// z = mu + exp(logvar / 2) * N(0,1), the lane's luck at this step.  (Z)
void world_latent_sample(float *z, const float *mu, const float *logvar, int Z, rng luck, uint32_t step);
// The decoder, for pictures. z (n, Z), images (n, 64, 64, 3) in [0, 1]; without V: the observations (n, Z) z stand for.
void world_imagine(const world *w, float *images, const float *z, int n);

// --- a mind's features are [z | h | c]: the latent (Z), M's output and its cell (H each) ----------------------------
// world_features_of, of a world that is yet to be made; false: there is no such word.
bool world_mdn_features(world_features *f, const world_shape *s, const char *which);

#endif

// The learned world (weights, const once loaded) and a dream in it (every mutable number of a rollout).
// Looks at base, num, nn, data. V: a VAE (Kingma & Welling 2014), M: an MDN-RNN, both as in World Models (Ha &
// Schmidhuber 2018). Letters: Z latent, A action, H hidden, K mixtures.
#ifndef WORLD_H
#define WORLD_H

#include "base.h"
#include "data.h"
#include "nn.h"
#include "num.h"

typedef struct world_shape {
  bool pixels;      // false: the observation, standardised, is the latent, and there is no V
  int channels[4];  // of the encoder's convolutions; the decoder mirrors them
  int Z, A, H, K;
} world_shape;

#define WORLD_IMAGE 64
#define WORLD_PIXELS (WORLD_IMAGE * WORLD_IMAGE * 3)

// --- the networks' parameters: tables in a fixed order; training and inference read the same ----------------------------
enum world_vae_tensor {  // weight, then bias, layer by layer
  VAE_CONV1, VAE_CONV1_B, VAE_CONV2, VAE_CONV2_B, VAE_CONV3, VAE_CONV3_B, VAE_CONV4, VAE_CONV4_B,
  VAE_MU, VAE_MU_B, VAE_LOGVAR, VAE_LOGVAR_B, VAE_FC, VAE_FC_B,
  VAE_DECONV1, VAE_DECONV1_B, VAE_DECONV2, VAE_DECONV2_B, VAE_DECONV3, VAE_DECONV3_B, VAE_DECONV4, VAE_DECONV4_B
};
nn_table world_vae_table(const world_shape *s);
nn_conv_shape world_vae_conv(const world_shape *s, int layer);    // layer 0..3
nn_conv_shape world_vae_deconv(const world_shape *s, int layer);  // layer 0..3
int world_vae_code(const world_shape *s);                         // units between the convolutions and mu: 4 * channels[3]

enum world_rnn_tensor { RNN_LSTM, RNN_LSTM_B, RNN_HEAD, RNN_HEAD_B };
nn_table world_rnn_table(const world_shape *s);
// The head's columns: [logits (Z,K) | mu (Z,K) | logsigma (Z,K) | reward | done]
int world_head_size(const world_shape *s);
static inline int world_head_reward(const world_shape *s) { return 3 * s->Z * s->K; }
static inline int world_head_done(const world_shape *s) { return 3 * s->Z * s->K + 1; }

// --- files: vae.safetensors and rnn.safetensors --------------------------------------------------------------------------
typedef struct world_origins {  // where dreams begin, and how the latent is scaled
  int count;
  const float *mu, *logvar;     // (count, Z)  of real first frames
  const float *offset, *scale;  // (Z)         latent = (observation - offset) * scale; 0 and 1 where there is a V
  float log_sigma_floor;
} world_origins;
status world_vae_write(const char *path, const world_shape *s, const float *values, const char *dataset_hash);
// vae_hash: of the V file whose latents M was trained on, "none" where there is no V.
status world_rnn_write(const char *path, const world_shape *s, const float *values, const world_origins *o,
                       const char *vae_hash);

typedef struct world world;
// vae_path is ignored (may be NULL) where the observation is the latent. Weights are packed once. BAD_FILE, NO_IO,
// MISMATCH when V and M do not belong together.
status world_open(world **w, const char *vae_path, const char *rnn_path);
// V alone, for encoding a dataset before M exists; H and K are 0.
status world_open_eye(world **w, const char *vae_path);
void world_close(world *w);
const world_shape *world_shape_of(const world *w);
hash world_hash(const world *w);
// Another world of the same files, with a hash of its own. Neither pointer is kept.
typedef struct world_options {
  num_precision precision;         // NUM_BF16: M's weights, and what they are multiplied with, rounded to bf16
  const uint64_t *untrained_seed;  // or NULL: M has fresh random weights instead of the learned ones, the ablation
} world_options;
status world_open_as(world **w, const char *vae_path, const char *rnn_path, const world_options *o);

// The packed weights in one file, of which the ranks of a node share one copy. Its hash is verified when it is mapped.
status world_share(const world *w, const char *path);  // NO_IO
status world_map(world **w, const char *path);         // NO_IO, BAD_FILE; every number is in the mapping, none is copied

// --- looking: V's encoder on a batch of observations ----------------------------------------------------------------------
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

// --- remembering: M's LSTM on lanes -----------------------------------------------------------------------------------
typedef struct world_memory world_memory;
world_memory *world_memory_open(const world *w, int lanes);
void world_memory_close(world_memory *m);
void world_memory_clear(world_memory *m, int lane);
void world_memory_move(world_memory *m, int to, int from);
size_t world_memory_bytes(const world *w);               // of a lane's z, h and c
void world_memory_save(const world_memory *m, int lane, void *bytes);
void world_memory_load(world_memory *m, int lane, const void *bytes);
float *world_memory_z(world_memory *m, int lane);        // (Z) the lane's input of the next step, to be written
float *world_memory_action(world_memory *m, int lane);   // (A) likewise
const float *world_memory_h(const world_memory *m, int lane);  // (H)
const float *world_memory_c(const world_memory *m, int lane);  // (H)
void world_memory_step(world_memory *m, int n);          // lanes 0 .. n-1: (z, action, h, c) -> h, c

// --- dreaming ---------------------------------------------------------------------------------------------------------
typedef struct dream_rules {
  float temperature;   // tau: mixture logits / tau, noise * sqrt(tau)
  int cap;             // steps until truncation
  bool reward_head;    // reward from M's head instead of 1 a step
} dream_rules;
typedef struct dream_outcome {
  float reward;
  bool terminated, truncated;
  bool broken;         // a number stopped being finite; the lane must not be stepped again
} dream_outcome;

typedef struct dream dream;
dream *dream_open(const world *w, int lanes);
void dream_close(dream *d);
// Starts an episode: z from a real first frame, empty memory. Everything that happens is a function of (world, rules,
// luck, actions).
void dream_reset(dream *d, int lane, const dream_rules *rules, rng luck);
void dream_move(dream *d, int to, int from);  // compaction
// A lane between two steps, to be continued in any dream of the same world: the rules and the luck are not in it.
size_t dream_state_bytes(const world *w);
void dream_save(const dream *d, int lane, void *state);
void dream_load(dream *d, int lane, const dream_rules *rules, rng luck, const void *state);
world_memory *dream_memory(dream *d);         // z, h, c to be read, action to be written, before each step
// Steps lanes 0 .. n-1. outcomes (n).
void dream_step(dream *d, dream_outcome *outcomes, int n);

#endif

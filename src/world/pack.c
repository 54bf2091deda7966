// Weights as trained, laid out once as a mind multiplies with them.

#include <string.h>

#include "parts.h"

static packed pack_layer(world *w, num_precision precision, const float *weight, const float *bias, int K, int N) {
  return packed_make_in(precision, ARENA_NEW(w->memory, float, packed_size_in(precision, K, N)), weight, bias, K, N);
}

void world_pack_encoder(world *w, const float *v) {
  const world_shape *s = &w->shape;
  const nn_table *t = &w->vae_table;
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(s, i);
    const float *weight = v + t->tensor[VAE_CONV1 + 2 * i].at, *bias = v + t->tensor[VAE_CONV1_B + 2 * i].at;
    w->conv[i] = pack_layer(w, NUM_FP32, weight, bias, c.k * c.k * c.C, c.F);
  }

  // mu and logvar come from the same code: beside each other they are one product.
  int code = world_vae_code(s), Z = s->Z;
  float *joint = mem_take((size_t)(code + 1) * 2 * Z, sizeof *joint);
  for (int r = 0; r <= code; r++) {
    const float *mu = r < code ? v + t->tensor[VAE_MU].at + (size_t)r * Z : v + t->tensor[VAE_MU_B].at;
    const float *logvar = r < code ? v + t->tensor[VAE_LOGVAR].at + (size_t)r * Z : v + t->tensor[VAE_LOGVAR_B].at;
    memcpy(joint + (size_t)r * 2 * Z, mu, Z * sizeof(float));
    memcpy(joint + (size_t)r * 2 * Z + Z, logvar, Z * sizeof(float));
  }
  w->latent = pack_layer(w, NUM_FP32, joint, joint + (size_t)code * 2 * Z, code, 2 * Z);
  mem_free(joint);
}

// Row by row (the weights', then the bias), the columns of `from` that `column` names, in the order of their own, less
// those that `less` names, if it is there. A negative one is 0.
static packed pack_columns(world *w, const float *from, const float *bias, const int *column, const int *less, int N) {
  int H = w->shape.H, size = world_head_size(&w->shape);
  float *joint = mem_take((size_t)(H + 1) * N, sizeof *joint);
  for (int r = 0; r <= H; r++) {
    const float *row = r < H ? from + (size_t)r * size : bias;
    float *to = joint + (size_t)r * N;
    for (int n = 0; n < N; n++) to[n] = column[n] < 0 ? 0 : row[column[n]] - (less ? row[less[n]] : 0);
  }

  // packed once, when the world is read
  packed p = pack_layer(w, w->precision, joint, joint + (size_t)H * N, H, N);
  mem_free(joint);
  return p;
}

// The head in the order that a dream computes it: all logits, then of each item what was drawn. Component 0's logits
// are taken off the others' here, once, instead of being computed at every step.
static packed pack_logits(world *w, const float *weight, const float *bias) {
  const world_shape *s = &w->shape;
  int draws = world_draws(s), K = s->K, logits = world_logits(s);
  int *column = mem_take(2 * (size_t)logits + 1, sizeof *column), *first = column + logits;

  // Component by component: what is drawn side by side.
  for (int i = 0; i < draws; i++)
    for (int k = 1; k < K; k++) {
      column[(k - 1) * draws + i] = i * K + k;
      first[(k - 1) * draws + i] = i * K;
    }

  packed p = pack_columns(w, weight, bias, column, first, logits);
  mem_free(column);
  return p;
}

static packed pack_components(world *w, const float *weight, const float *bias) {
  const world_shape *s = &w->shape;
  int Z = s->Z, K = s->K, rest = world_component_columns(s);
  int *column = mem_take((size_t)rest, sizeof *column);
  for (int n = 0; n < rest; n++) column[n] = -1;  // nobody's

  // The reward and the end are an item of their own.
  for (int second = 0; second < 2; second++)
    for (int z = 0; z < Z; z++)
      for (int k = 0; k < K; k++)
        column[world_component_column(s, z, second, k)] = world_head_component(s, z, second, k);
  column[world_component_column(s, Z, 0, 0)] = world_head_reward(s);
  column[world_component_column(s, Z, 1, 0)] = world_head_done(s);

  packed p = pack_columns(w, weight, bias, column, NULL, rest);
  mem_free(column);
  return p;
}

void world_pack_rnn(world *w, world_member *m, float *v) {
  const world_shape *s = &w->shape;
  nn_table t = world_rnn_table(s);
  float *bias = v + t.tensor[RNN_LSTM_B].at;

  // The forget gate's customary + 1, folded in once.
  for (int i = 2 * s->H; i < 3 * s->H; i++) bias[i] += 1.0f;

  m->lstm = pack_layer(w, w->precision, v + t.tensor[RNN_LSTM].at, bias, s->Z + s->A + s->H, 4 * s->H);
  m->logits = pack_logits(w, v + t.tensor[RNN_HEAD].at, v + t.tensor[RNN_HEAD_B].at);
  m->components = pack_components(w, v + t.tensor[RNN_HEAD].at, v + t.tensor[RNN_HEAD_B].at);
}

// The networks' parameters by name and shape (World Models' V and M). Knows no numbers, only where they stand.

#include "parts.h"

#define KERNEL 4                                     // of every convolution
static const int deconv_kernel[4] = {5, 5, 6, 6};    // 1 -> 5 -> 13 -> 30 -> 64
static const int deconv_side[4] = {1, 5, 13, 30};

// The configuration's bounds of the same numbers, and for actions and states more than any environment has.
enum { A_MAX = 1024, CHANNELS_MAX = 1024, H_MAX = 65536 };

static status shape_number_check(int value, int most, const char *what, const char *path) {
  if (value < 1 || value > most)
    FAIL(BAD_FILE, "%s: its world has %s %d; 1 to %d are allowed; restore it, or make it again", path, what, value,
         most);
  return OK;
}

status world_shape_check(const world_shape *s, bool memory, const char *path) {
  TRY(shape_number_check(s->Z, WORLD_LATENT_MAX, "latents:", path));
  for (int i = 0; s->pixels && i < 4; i++) TRY(shape_number_check(s->channels[i], CHANNELS_MAX, "channels:", path));
  if (!memory) return OK;
  TRY(shape_number_check(s->A, A_MAX, "actions:", path));
  TRY(shape_number_check(s->H, H_MAX, "hidden units:", path));
  return shape_number_check(s->K, WORLD_MIXTURES_MAX, "mixtures:", path);
}

nn_conv_shape world_vae_conv(const world_shape *s, int layer) {
  nn_conv_shape c = {.S = WORLD_IMAGE, .C = 3, .k = KERNEL, .F = s->channels[0]};
  for (int i = 0; i < layer; i++) c = (nn_conv_shape){nn_conv_out(c), c.F, KERNEL, s->channels[i + 1]};
  return c;
}

nn_conv_shape world_vae_deconv(const world_shape *s, int layer) {
  const int channels[5] = {world_vae_code(s), s->channels[2], s->channels[1], s->channels[0], 3};
  return (nn_conv_shape){deconv_side[layer], channels[layer], deconv_kernel[layer], channels[layer + 1]};
}

int world_vae_code(const world_shape *s) {
  nn_conv_shape last = world_vae_conv(s, 3);
  return nn_conv_out(last) * nn_conv_out(last) * last.F;
}

static void add_dense(nn_table *t, const char *weight, const char *bias, int I, int O) {
  nn_table_add(t, weight, 2, (int[]){I, O});
  nn_table_add(t, bias, 1, (int[]){O});
}

nn_table world_vae_table(const world_shape *s) {
  static const char *const names[8][2] = {
      {"encoder.conv1.weight", "encoder.conv1.bias"},     {"encoder.conv2.weight", "encoder.conv2.bias"},
      {"encoder.conv3.weight", "encoder.conv3.bias"},     {"encoder.conv4.weight", "encoder.conv4.bias"},
      {"decoder.deconv1.weight", "decoder.deconv1.bias"}, {"decoder.deconv2.weight", "decoder.deconv2.bias"},
      {"decoder.deconv3.weight", "decoder.deconv3.bias"}, {"decoder.deconv4.weight", "decoder.deconv4.bias"}};
  nn_table t = {0};

  // encoder, its two heads, decoder: the order of the file, and of the optimiser's vector
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(s, i);
    nn_table_add(&t, names[i][0], 4, (int[]){c.k, c.k, c.C, c.F});
    nn_table_add(&t, names[i][1], 1, (int[]){c.F});
  }
  int code = world_vae_code(s);
  add_dense(&t, "encoder.mu.weight", "encoder.mu.bias", code, s->Z);
  add_dense(&t, "encoder.logvar.weight", "encoder.logvar.bias", code, s->Z);
  add_dense(&t, "decoder.fc.weight", "decoder.fc.bias", s->Z, code);
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_deconv(s, i);
    nn_table_add(&t, names[4 + i][0], 4, (int[]){c.C, c.k, c.k, c.F});
    nn_table_add(&t, names[4 + i][1], 1, (int[]){c.F});
  }
  return t;
}

bool world_picks(const world_shape *s) { return s->K <= PACKED_CHOICES_MAX; }

int world_component_columns(const world_shape *s) {
  return world_picks(s) ? packed_pick_columns(world_items(s)) : 2 * world_items(s) * s->K;
}

int world_component_column(const world_shape *s, int z, int second, int k) {
  return world_picks(s) ? packed_pick_column(z, second, k) : (2 * z + second) * s->K + k;
}

int world_head_size(const world_shape *s) { return (world_draws(s) + 2 * s->Z) * s->K + 2; }

int world_head_component(const world_shape *s, int z, int second, int k) {
  int logits = world_draws(s) * s->K;
  return logits + (s->joint ? (2 * k + second) * s->Z + z : (second * s->Z + z) * s->K + k);
}

nn_table world_rnn_table(const world_shape *s) {
  nn_table t = {0};
  add_dense(&t, "lstm.weight", "lstm.bias", s->Z + s->A + s->H, 4 * s->H);
  add_dense(&t, "head.weight", "head.bias", s->H, world_head_size(s));
  return t;
}

nn_table world_ahead_table(const world_shape *s) {
  nn_table t = {0};
  add_dense(&t, "ahead.weight", "ahead.bias", s->Z + s->H, 1 + 2 * s->A);
  return t;
}

// Training throughput of V (the paper's layers, Z 64, batch 100) and M (Doom size, batch 100, chunks of 100 steps) in
// GFLOP/s, counting three times the forward pass, against OpenBLAS's best sgemm rate on this core.

#include "bench.h"
#include "train.h"

typedef struct vae_bench {
  vae_net *net;
  real *w, *g, *images, *noise;
  int B;
} vae_bench;

static void vae_call(void *self) {
  vae_bench *b = self;
  vae_net_learn(b->net, b->g, b->w, b->images, b->noise, b->B, 0, (real)0.01);
}

// Multiply-adds of a frame's forward pass, two FLOP each.
static double vae_mflop(const world_shape *s) {
  double mac = 3.0 * world_vae_code(s) * s->Z;
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(s, i), d = world_vae_deconv(s, i);
    mac += (double)nn_conv_out(c) * nn_conv_out(c) * c.k * c.k * c.C * c.F + (double)d.S * d.S * d.k * d.k * d.C * d.F;
  }
  return 2e-6 * mac;
}

static double vae_gflops(void) {
  const world_shape s = {.pixels = true, .channels = {32, 64, 128, 256}, .Z = 64};
  size_t n = world_vae_table(&s).size;
  vae_bench b = {.B = 100, .net = vae_net_open(&s, 100), .w = mem_take(n, sizeof(real)), .g = mem_take(n, sizeof(real))};
  b.images = mem_take((size_t)b.B * WORLD_PIXELS, sizeof(real));
  b.noise = mem_take((size_t)b.B * s.Z, sizeof(real));
  vae_net_init(b.w, &s, 1);
  double rate = 3e-3 * vae_mflop(&s) * b.B / bench_seconds(vae_call, &b, 0.2);
  vae_net_close(b.net);
  mem_free(b.w);
  mem_free(b.g);
  mem_free(b.images);
  mem_free(b.noise);
  return rate;
}

typedef struct rnn_bench {
  rnn_net *net;
  real *w, *g, *h, *c;
  rnn_chunk chunk;
} rnn_bench;

static void rnn_call(void *self) {
  rnn_bench *b = self;
  rnn_net_learn(b->net, b->g, b->w, &b->chunk, b->h, b->c, (rnn_rules){-7, 10, 1}, (real)1e-4);
}

static real *zeros(size_t n) { return mem_take(n, sizeof(real)); }

static double rnn_gflops(void) {
  const world_shape s = {.Z = 64, .A = 1, .H = 512, .K = 5};
  enum { T = 100, B = 100 };
  size_t n = world_rnn_table(&s).size, rows = T * B;
  rnn_bench b = {.net = rnn_net_open(&s, T, B), .w = zeros(n), .g = zeros(n), .h = zeros((size_t)B * s.H), .c = zeros((size_t)B * s.H)};
  rnn_net_init(b.w, &s, 1);
  b.chunk = (rnn_chunk){zeros(rows * (s.Z + s.A)), zeros(rows), zeros(rows * s.Z), zeros(rows), zeros(rows), T, B};
  double mflop = 2e-6 * ((double)(s.Z + s.A + s.H) * 4 * s.H + (double)s.H * world_head_size(&s));
  return 3e-3 * mflop * (double)rows / bench_seconds(rnn_call, &b, 0.2);  // the process ends here: nothing is freed
}

int main(void) {
  num_open();
  double sgemm = bench_best_sgemm(), vae = vae_gflops(), rnn = rnn_gflops();
  bench_say("vae_training_gflops", vae, "GFLOP/s");
  bench_say("vae_training_over_sgemm", vae / sgemm, "ratio");
  bench_say("rnn_training_gflops", rnn, "GFLOP/s");
  bench_say("rnn_training_over_sgemm", rnn / sgemm, "ratio");
  return 0;
}

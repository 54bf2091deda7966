// Whole training steps of V (the paper's layers, Z 64, batch 100) and of M (Doom size, batch 100, chunks of 500 steps):
// forward, back, and Adam. In milliseconds, and in GFLOP/s, counting three times the forward pass, against OpenBLAS's
// best sgemm rate on this core.

#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "train.h"

enum { B = 100, T = 500 };

typedef struct trainee {
  size_t size;
  real *w, *m, *v, *g;
  int64_t step;
} trainee;

static real *zeros(size_t n) { return mem_take(n, sizeof(real)); }

static real *noise(size_t n) {
  float *x = mem_take(n, sizeof *x);
  rng_normals(x, (int)n, rng_stream(1, "bench"), 0, 0);
  return x;
}

static trainee trainee_of(size_t n) {
  return (trainee){.size = n, .w = zeros(n), .m = zeros(n), .v = zeros(n), .g = zeros(n)};
}

static void trainee_adam(trainee *t) {
  t->step++;
  nn_adam_step(t->w, t->m, t->v, t->g, t->size, (nn_adam){1e-4, 0.9, 0.999, 1e-8}, t->step);
}

static void report(const char *name, double mflop, double seconds, double sgemm) {
  char words[64];
  double rate = 3e-3 * mflop / seconds;
  snprintf(words, sizeof words, "%s_training_step_ms", name);
  bench_say(words, 1e3 * seconds, "ms");
  snprintf(words, sizeof words, "%s_training_gflops", name);
  bench_say(words, rate, "GFLOP/s");
  snprintf(words, sizeof words, "%s_training_over_sgemm", name);
  bench_say(words, rate / sgemm, "ratio");
}

// --- V --------------------------------------------------------------------------------------------------------------

typedef struct vae_bench {
  trainee t;
  vae_net *net;
  real *images, *noise;
} vae_bench;

static void vae_step(void *self) {
  vae_bench *b = self;
  memset(b->t.g, 0, b->t.size * sizeof *b->t.g);
  vae_net_learn(b->net, b->t.g, b->t.w, b->images, NULL, b->noise, B, 32, (real)1 / B);
  trainee_adam(&b->t);
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

static void vae_report(double sgemm) {
  const world_shape s = {.pixels = true, .channels = {32, 64, 128, 256}, .Z = 64};
  vae_bench b = {.t = trainee_of(world_vae_table(&s).size),
                 .net = vae_net_open(&s, B),
                 .images = noise((size_t)B * WORLD_PIXELS),
                 .noise = noise((size_t)B * s.Z)};
  nn_sigmoid(b.images, b.images, (size_t)B * WORLD_PIXELS);
  vae_net_init(b.t.w, &s, 1);
  report("vae", B * vae_mflop(&s), bench_seconds(vae_step, &b, 0.2), sgemm);
  vae_net_close(b.net);
}

// --- M --------------------------------------------------------------------------------------------------------------

typedef struct rnn_bench {
  trainee t;
  rnn_net *net;
  real *h, *c;
  rnn_chunk chunk;
} rnn_bench;

static void rnn_step(void *self) {
  rnn_bench *b = self;
  memset(b->t.g, 0, b->t.size * sizeof *b->t.g);
  rnn_net_learn(b->net, b->t.g, b->t.w, &b->chunk, b->h, b->c, (rnn_rules){-7, 10, 1}, (real)1 / (T * B));
  nn_clip_elements(b->t.g, b->t.size, 1);
  trainee_adam(&b->t);
}

static void rnn_report(double sgemm) {
  const world_shape s = {.Z = 64, .A = 1, .H = 512, .K = 5};
  size_t rows = (size_t)T * B, state = (size_t)B * s.H;
  rnn_bench b = {
      .t = trainee_of(world_rnn_table(&s).size), .net = rnn_net_open(&s, T, B), .h = zeros(state), .c = zeros(state)};
  rnn_net_init(b.t.w, &s, 1);
  b.chunk = (rnn_chunk){.x = noise(rows * (s.Z + s.A)),
                        .keep = zeros(rows),
                        .target = noise(rows * s.Z),
                        .reward = noise(rows),
                        .done = zeros(rows),
                        .T = T,
                        .B = B};
  for (size_t i = 0; i < rows; i++) ((real *)b.chunk.keep)[i] = 1, ((real *)b.chunk.done)[i] = i % 100 == 0;
  double mflop = 2e-6 * ((double)(s.Z + s.A + s.H) * 4 * s.H + (double)s.H * world_head_size(&s));
  report("rnn", mflop * (double)rows, bench_seconds(rnn_step, &b, 0.2), sgemm);
  rnn_net_close(b.net);
}

// --- V at work ------------------------------------------------------------------------------------------------------

typedef struct eye_bench {
  world_eye *eye;
  float *mu, *logvar;
  uint8_t *images;
  int n;
} eye_bench;

static void eye_look(void *self) {
  eye_bench *b = self;
  world_eye_look(b->eye, b->mu, b->logvar, b->images, b->n);
}

static void encoder_report(double sgemm) {
  enum { BATCH = 64 };
  const world_shape s = {.pixels = true, .channels = {32, 64, 128, 256}, .Z = 64};
  char path[] = "/tmp/dreamfarm-bench-XXXXXX";
  CHECK(close(mkstemp(path)) == 0, "no temporary file");
  real *w = zeros(world_vae_table(&s).size);
  vae_net_init(w, &s, 1);
  world *v;
  CHECK(world_vae_write(path, &s, w, "none") == OK && world_open_eye(&v, path) == OK, "%s", status_message());
  file_remove(path);
  eye_bench b = {world_eye_open(v, BATCH), zeros(BATCH * s.Z), zeros(BATCH * s.Z), mem_take(BATCH, WORLD_PIXELS),
                 BATCH};
  rng_words((uint32_t *)b.images, BATCH * WORLD_PIXELS / 4, rng_stream(1, "bench"), 0, 0);
  double mac = 2.0 * world_vae_code(&s) * s.Z, seconds = bench_seconds(eye_look, &b, 0.2);
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(&s, i);
    mac += (double)nn_conv_out(c) * nn_conv_out(c) * c.k * c.k * c.C * c.F;
  }
  bench_say("encoder_batch64_ms", 1e3 * seconds, "ms");
  bench_say("encoder_batch64_gflops", 2e-9 * BATCH * mac / seconds, "GFLOP/s");
  bench_say("encoder_batch64_over_sgemm", 2e-9 * BATCH * mac / seconds / sgemm, "ratio");
}

// the word vae, encoder or rnn: that alone. The process ends here: what the benchmarks hold is not given back
int main(int argc, char **argv) {
  num_open();
  double sgemm = bench_best_sgemm();
  if (argc < 2 || strcmp(argv[1], "vae") == 0) vae_report(sgemm);
  if (argc < 2 || strcmp(argv[1], "encoder") == 0) encoder_report(sgemm);
  if (argc < 2 || strcmp(argv[1], "rnn") == 0) rnn_report(sgemm);
  return 0;
}

// How near the layers come to the rate of a big sgemm in the same run: V's convolutions and M's LSTM, forward and back,
// at the sizes of World Models and at small ones. Prints lines `name value unit`; a fraction is of that sgemm.

#include <string.h>

#include "bench.h"
#include "nn.h"

#define SECONDS 0.05  // the least a timing lasts

static arena *memory;
static double sgemm_rate;  // GFLOP/s

static real *noise(size_t n) {
  real *x = ARENA_NEW(memory, real, n);
  nn_init_glorot(x, n, 300, 300, rng_stream(1, "bench"));
  return x;
}

static void say(const char *name, double flops, double spent) {
  char text[96];
  bench_say(name, flops / spent * 1e-9, "GFLOP/s");
  snprintf(text, sizeof text, "%s_of_sgemm", name);
  bench_say(text, flops / spent * 1e-9 / sgemm_rate, "fraction");
}

// --- V's convolutions -----------------------------------------------------------------------------------------------
typedef struct layer {
  nn_conv_shape shape;
  bool transposed, first;  // the first layer needs no input gradient
  int B;
  size_t in, out, weights;
  real *x, *y, *dx, *dy, *w, *dw, *b, *db, *work;
  double flops;
} layer;

static layer layer_of(nn_conv_shape s, bool transposed, bool first, int B) {
  size_t side = (size_t)(transposed ? nn_deconv_out(s) : nn_conv_out(s));
  layer l = {.shape = s, .transposed = transposed, .first = first, .B = B};
  l.in = (size_t)B * s.S * s.S * s.C, l.out = (size_t)B * side * side * s.F, l.weights = (size_t)s.k * s.k * s.C * s.F;
  l.x = noise(l.in), l.dx = noise(l.in), l.y = noise(l.out), l.dy = noise(l.out);
  l.w = noise(l.weights), l.dw = noise(l.weights), l.b = noise(s.F), l.db = noise(s.F);
  l.work = noise(transposed ? nn_deconv_work(s, B) : nn_conv_work(s, B));
  size_t places = transposed ? (size_t)s.S * s.S : side * side;
  l.flops = 2.0 * B * (double)places * (double)l.weights * (first ? 2 : 3);
  return l;
}

static void layer_learn(void *about) {
  layer *l = about;
  (l->transposed ? nn_deconv : nn_conv)(l->y, l->x, l->w, l->b, l->shape, l->B, l->work);
  nn_relu(l->y, l->y, l->out);
  nn_relu_back(l->dy, l->dy, l->y, l->out);
  (l->transposed ? nn_deconv_back : nn_conv_back)(l->first ? NULL : l->dx, l->dw, l->db, l->dy, l->x, l->w, l->shape,
                                                  l->B, l->work);
}

static void bench_vae(int B) {
  static const nn_conv_shape convs[4] = {{64, 3, 4, 32}, {31, 32, 4, 64}, {14, 64, 4, 128}, {6, 128, 4, 256}};
  static const nn_conv_shape deconvs[4] = {{1, 1024, 5, 128}, {5, 128, 5, 64}, {13, 64, 6, 32}, {30, 32, 6, 3}};
  double flops = 0, spent = 0;
  char name[64];
  for (int i = 0; i < 8; i++) {
    arena *outer = memory;
    memory = arena_open();
    layer l = layer_of(i < 4 ? convs[i] : deconvs[i - 4], i >= 4, i == 0, B);
    double once = bench_seconds(layer_learn, &l, SECONDS);
    snprintf(name, sizeof name, "nn_%s%d_batch%d", i < 4 ? "conv" : "deconv", i % 4 + 1, B);
    say(name, l.flops, once);
    flops += l.flops, spent += once;
    arena_close(memory);
    memory = outer;
  }
  snprintf(name, sizeof name, "nn_vae_batch%d", B);
  say(name, flops, spent);
  snprintf(name, sizeof name, "nn_vae_batch%d_images", B);
  bench_say(name, B / spent, "images/s");
}

// --- M --------------------------------------------------------------------------------------------------------------
typedef struct sequence {
  int T, B, I, H;
  nn_lstm_tape tape;
  real *x, *keep, *state, *w, *b, *dw, *db, *dh, *work;
} sequence;

static void sequence_learn(void *about) {
  sequence *s = about;
  nn_lstm(s->tape, s->x, s->keep, s->state, s->state, s->w, s->b, s->T, s->B, s->I, s->H, s->work);
  memcpy(s->dh, s->tape.h, (size_t)s->T * s->B * s->H * sizeof *s->dh);
  nn_lstm_back(NULL, s->dw, s->db, s->dh, s->tape, s->x, s->keep, s->state, s->state, s->w, s->T, s->B, s->I, s->H,
               s->work);
}

static void bench_lstm(int T, int B, int I, int H) {
  arena *outer = memory;
  memory = arena_open();
  size_t rows = (size_t)T * B, h = (size_t)H, weights = (size_t)(I + H) * 4 * h;
  sequence s = {.T = T, .B = B, .I = I, .H = H};
  s.tape = (nn_lstm_tape){noise(rows * 4 * h), noise(rows * h), noise(rows * h), noise(rows * h)};
  s.x = noise(rows * I), s.keep = noise(rows), s.state = noise((size_t)B * h), s.w = noise(weights), s.b = noise(4 * h);
  s.dw = noise(weights), s.db = noise(4 * h), s.dh = noise(rows * h), s.work = noise(nn_lstm_work(T, B, I, H));
  for (size_t i = 0; i < rows; i++) s.keep[i] = 1;
  // forward, weight gradient, and the gradient of h; that of the input is not wanted
  double flops = 2.0 * (double)rows * 4 * H * (2.0 * (I + H) + H), spent = bench_seconds(sequence_learn, &s, SECONDS);
  char name[64];
  snprintf(name, sizeof name, "nn_lstm_T%d_B%d_H%d", T, B, H);
  say(name, flops, spent);
  arena_close(memory);
  memory = outer;
}

typedef struct mixture {
  int B, Z, K;
  real *out, *dout, *target;
} mixture;
static void mixture_learn(void *about) {
  mixture *m = about;
  nn_mdn_loss(m->dout, m->out, 3 * m->Z * m->K, m->target, NULL, m->B, m->Z, m->K, -7, 1);
}
static void bench_mdn(int B, int Z, int K) {
  size_t size = (size_t)B * 3 * Z * K;
  mixture m = {B, Z, K, noise(size), noise(size), noise((size_t)B * Z)};
  double spent = bench_seconds(mixture_learn, &m, SECONDS);
  char name[64];
  snprintf(name, sizeof name, "nn_mdn_Z%d_K%d", Z, K);
  bench_say(name, spent / ((double)B * Z * K) * 1e9, "ns/component");
}

typedef struct weights {
  size_t n;
  real *w, *m, *v, *g;
} weights;
static void weights_step(void *about) {
  weights *a = about;
  nn_adam_step(a->w, a->m, a->v, a->g, a->n, (nn_adam){1e-4, 0.9, 0.999, 1e-8}, 1);
}
static void bench_adam(size_t n) {
  weights a = {n, noise(n), noise(n), ARENA_NEW(memory, real, n), noise(n)};
  bench_say("nn_adam", bench_seconds(weights_step, &a, SECONDS) / (double)n * 1e9, "ns/weight");
}

int main(void) {
  num_open();
  memory = arena_open();
  sgemm_rate = bench_best_sgemm();
  bench_say("nn_sgemm", sgemm_rate, "GFLOP/s");
  bench_vae(32);
  bench_vae(10);
  bench_lstm(100, 100, 65, 512);
  bench_lstm(64, 32, 33, 128);
  bench_lstm(32, 16, 17, 64);
  bench_lstm(128, 64, 33, 256);
  bench_mdn(2000, 64, 5);
  bench_mdn(1024, 16, 5);
  bench_adam(4446915);
  arena_close(memory);
  return 0;
}

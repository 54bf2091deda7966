// Speeds of the room `num` as lines "name value unit": the packed product beside the best rate that OpenBLAS's sgemm
// reaches on this core in the same run, vector maths, random numbers. Each figure is the best of several tries, since
// whatever else runs on the machine can only slow one down.

#include <cblas.h>
#include <stdio.h>

#include "num.h"

enum { TRIES = 12 };
static rng luck;

static float *random_floats(size_t count) {
  float *a = mem_take(count, sizeof *a);
  rng_normals(a, (int)count, luck, luck.episode++, 0);
  return a;
}

typedef struct product {
  int M, K, N;
  float *x, *w, *y;
  packed p;
} product;

static void sgemm_once(void *data) {
  product *g = data;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, g->M, g->N, g->K, 1, g->x, g->K, g->w, g->N, 0, g->y, g->N);
}

typedef struct gemm { bool ta, tb; product p; } gemm;
static void gemm_once(void *data) {
  gemm *g = data;
  const product *p = &g->p;
  num_gemm(g->ta, g->tb, p->M, p->N, p->K, p->x, g->ta ? p->M : p->K, p->w, g->tb ? p->K : p->N, false, p->y, p->N);
}

static void packed_once(void *data) {
  product *g = data;
  packed_apply(&g->p, g->y, g->N, g->x, g->K, g->M);
}

// Seconds of one call: the shortest of TRIES batches of about 10 ms.
static double shortest(void (*once)(void *), void *data) {
  double start = time_now(), best = 1e30;
  once(data);
  int repeats = (int)(0.01 / (time_now() - start + 1e-9)) + 1;
  for (int t = 0; t < TRIES; t++) {
    start = time_now();
    for (int i = 0; i < repeats; i++) once(data);
    double seconds = (time_now() - start) / repeats;
    if (seconds < best) best = seconds;
  }
  return best;
}

static double gflops(const product *g, double seconds) { return 2e-9 * g->M * g->N * g->K / seconds; }

static product product_open(int M, int K, int N) {
  product g = {.M = M, .K = K, .N = N};
  g.x = random_floats((size_t)M * (size_t)K);
  g.w = random_floats((size_t)K * (size_t)N);
  g.y = random_floats((size_t)M * (size_t)N);
  g.p = packed_make(mem_take(packed_size(K, N), sizeof(float)), g.w, NULL, K, N);
  return g;
}

static void product_close(product *g) {
  mem_free(g->x);
  mem_free(g->w);
  mem_free(g->y);
  mem_free((void *)g->p.panels);
}

static double sgemm_best(void) {
  static const int shapes[][3] = {{1024, 1024, 1024}, {768, 768, 768}, {2048, 1024, 2048}, {512, 2048, 2048}};
  double best = 0;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    product g = product_open(shapes[i][0], shapes[i][1], shapes[i][2]);
    double rate = gflops(&g, shortest(sgemm_once, &g));
    product_close(&g);
    if (rate > best) best = rate;
  }
  return best;
}

static void packed_report(double sgemm, int M, int K, int N) {
  product g = product_open(M, K, N);
  double rate = gflops(&g, shortest(packed_once, &g)), same = gflops(&g, shortest(sgemm_once, &g));
  product_close(&g);
  printf("packed_%dx%dx%d %.1f GFLOP/s\n", M, K, N, rate);
  printf("packed_%dx%dx%d_of_best_sgemm %.3f ratio\n", M, K, N, rate / sgemm);
  printf("packed_%dx%dx%d_of_same_sgemm %.3f ratio\n", M, K, N, rate / same);
}

typedef struct picking {
  product of;
  int32_t *choice;  // (M, items)
  float *work;
  int items;
} picking;

enum { CHOICES = 5 };
static void pick_once(void *data) {
  picking *g = data;
  packed_pick(&g->of.p, g->of.y, g->of.x, g->of.K, g->choice, g->items, CHOICES, g->of.M, g->work);
}

// Two columns an item, of the rows' own choice: what counts is what is made of them.
static void pick_report(int M, int K, int items) {
  picking g = {.of = product_open(M, K, packed_pick_columns(items)), .items = items};
  g.choice = mem_take((size_t)(M * items), sizeof *g.choice);
  g.work = mem_take(packed_pick_work(&g.of.p, items), sizeof *g.work);
  for (int i = 0; i < M * items; i++) g.choice[i] = (int32_t)rng_below(luck, 0, (uint32_t)i, CHOICES);
  double seconds = shortest(pick_once, &g);
  printf("pick_%dx%dx%d %.1f GFLOP/s\n", M, K, items, 4e-9 * M * K * items / seconds);
  printf("pick_%dx%dx%d_a_row %.3f us\n", M, K, items, 1e6 * seconds / M);
  product_close(&g.of);
  mem_free(g.choice);
  mem_free(g.work);
}

// num_gemm as a layer calls it: forward, the gradient of the input, that of the weights.
static void gemm_report(double sgemm, bool ta, bool tb, int M, int K, int N) {
  gemm g = {ta, tb, product_open(M, K, N)};
  double rate = gflops(&g.p, shortest(gemm_once, &g));
  product_close(&g.p);
  printf("gemm_%s%s_%dx%dx%d %.1f GFLOP/s\n", ta ? "t" : "n", tb ? "t" : "n", M, K, N, rate);
  printf("gemm_%s%s_%dx%dx%d_of_best_sgemm %.3f ratio\n", ta ? "t" : "n", tb ? "t" : "n", M, K, N, rate / sgemm);
}

enum { COUNT = 4096, DRAWS = 64 };
static float in[COUNT], out[COUNT];
static double out_double[COUNT];

static void exp_once(void *unused) { (void)unused, vec_exp(out, in, COUNT); }
static void tanh_once(void *unused) { (void)unused, vec_tanh(out, in, COUNT); }
static void sigmoid_once(void *unused) { (void)unused, vec_sigmoid(out, in, COUNT); }
// 64 numbers a call, as a lane of a dream draws them in a step
static void normals_once(void *unused) {
  (void)unused;
  for (uint32_t i = 0; i < COUNT / DRAWS; i++) rng_normals(out + i * DRAWS, DRAWS, luck, i, 0);
}
static void uniforms_once(void *unused) {
  (void)unused;
  for (uint32_t i = 0; i < COUNT / DRAWS; i++) rng_uniforms(out + i * DRAWS, DRAWS, luck, i, 0);
}
static void doubles_once(void *unused) { (void)unused, rng_normals_double(out_double, COUNT, luck, 0, 0); }

static void elements_report(const char *name, void (*once)(void *)) {
  printf("%s %.1f M/s\n", name, 1e-6 * COUNT / shortest(once, NULL));
}

int main(void) {
  static const int rows[] = {1, 4, 16, 48, 64, 256};
  num_open();
  luck = rng_stream(1, "bench");
  printf("# instruction set: %s\n", num_isa_name(num_isa_now()));
  double sgemm = sgemm_best();
  printf("sgemm_best %.1f GFLOP/s\n", sgemm);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    packed_report(sgemm, rows[i], 577, 2048);  // M's gates at Doom's size,
    packed_report(sgemm, rows[i], 512, 256);   // its mixture logits,
    pick_report(rows[i], 512, 65);             // and the rest of its head
  }
  packed_report(sgemm, 4096, 1152, 3);
  packed_report(sgemm, 4096, 512, 64);
  gemm_report(sgemm, false, false, 1024, 1024, 1024);
  gemm_report(sgemm, false, false, 100, 512, 2048);   // M: a step, forward
  gemm_report(sgemm, false, true, 100, 2048, 512);    // and back
  gemm_report(sgemm, true, false, 577, 1000, 2048);   // its weights
  gemm_report(sgemm, false, false, 980, 512, 64);     // V's second convolution: patches
  gemm_report(sgemm, false, true, 980, 64, 512);
  gemm_report(sgemm, true, false, 512, 980, 64);
  gemm_report(sgemm, false, false, 50, 1024, 3200);
  gemm_report(sgemm, false, true, 50, 3200, 1024);
  gemm_report(sgemm, false, false, 32, 1024, 3200);   // the first transposed one
  gemm_report(sgemm, true, false, 1024, 32, 3200);
  gemm_report(sgemm, false, true, 32, 3200, 1024);
  rng_normals(in, COUNT, luck, 0, 0);
  elements_report("exp", exp_once);
  elements_report("tanh", tanh_once);
  elements_report("sigmoid", sigmoid_once);
  elements_report("normals", normals_once);
  elements_report("uniforms", uniforms_once);
  elements_report("normals_double", doubles_once);
  return 0;
}

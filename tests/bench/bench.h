// What benchmarks share: the median of repeated timings, and the core's best sgemm rate as the measure of all.
// Output: one line a figure, `name value unit`.
#ifndef BENCH_H
#define BENCH_H

#include <cblas.h>
#undef I  // of complex.h: the headers of layers have an argument of that name
#include <stdio.h>
#include <stdlib.h>

#include "base.h"
#include "num.h"

#define BENCH_REPEATS 7

static int bench_ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Median seconds of a call, each timing at least `least` seconds long.
static inline double bench_seconds(void (*call)(void *self), void *self, double least) {
  double times[BENCH_REPEATS];
  int calls = 1;
  call(self);
  for (int i = 0; i < BENCH_REPEATS;) {
    double start = time_now();
    for (int c = 0; c < calls; c++) call(self);
    double took = time_now() - start;
    if (took < least) {
      calls = took > 0 ? (int)(calls * least / took * 1.2) + 1 : calls * 2;
      continue;
    }
    times[i++] = took / calls;
  }
  qsort(times, BENCH_REPEATS, sizeof *times, bench_ascending);
  return times[BENCH_REPEATS / 2];
}

typedef struct bench_gemm {
  int M, N, K;
  float *a, *b, *c;
} bench_gemm;

static void bench_gemm_call(void *self) {
  bench_gemm *g = self;
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, g->M, g->N, g->K, 1, g->a, g->K, g->b, g->N, 0, g->c, g->N);
}

static inline bench_gemm bench_gemm_open(int M, int N, int K) {
  return (bench_gemm){M,
                      N,
                      K,
                      mem_take((size_t)M * K, sizeof(float)),
                      mem_take((size_t)K * N, sizeof(float)),
                      mem_take((size_t)M * N, sizeof(float))};
}

static inline void bench_gemm_close(bench_gemm *g) {
  mem_free(g->a);
  mem_free(g->b);
  mem_free(g->c);
}

static inline double bench_gemm_gflop(const bench_gemm *g) { return 2e-9 * g->M * g->N * g->K; }

// OpenBLAS's sgemm at the best of several shapes, and its GFLOP/s.
static inline bench_gemm bench_best_gemm(double *best) {
  static const int shapes[][3] = {
      {512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 512}, {256, 2048, 578}, {1024, 2048, 578}};
  size_t found = 0;
  *best = 0;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    bench_gemm g = bench_gemm_open(shapes[i][0], shapes[i][1], shapes[i][2]);
    double rate = bench_gemm_gflop(&g) / bench_seconds(bench_gemm_call, &g, 0.05);
    if (rate > *best) *best = rate, found = i;
    bench_gemm_close(&g);
  }
  return bench_gemm_open(shapes[found][0], shapes[found][1], shapes[found][2]);
}

static inline double bench_best_sgemm(void) {
  double best;
  bench_gemm g = bench_best_gemm(&best);
  bench_gemm_close(&g);
  return best;
}

static inline double bench_median(double *values, int n) {
  qsort(values, (size_t)n, sizeof *values, bench_ascending);
  return values[n / 2];
}

static inline void bench_say(const char *name, double value, const char *unit) {
  printf("%-44s %12.5g %s\n", name, value, unit);
  fflush(stdout);
}

#endif

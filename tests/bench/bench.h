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

// GFLOP/s of OpenBLAS's sgemm at the best of several shapes.
static inline double bench_best_sgemm(void) {
  static const int shapes[][3] = {{512, 512, 512}, {1024, 1024, 1024}, {2048, 2048, 512}, {256, 2048, 578}, {1024, 2048, 578}};
  double best = 0;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    bench_gemm g = {shapes[i][0], shapes[i][1], shapes[i][2], NULL, NULL, NULL};
    g.a = mem_take((size_t)g.M * g.K, sizeof(float));
    g.b = mem_take((size_t)g.K * g.N, sizeof(float));
    g.c = mem_take((size_t)g.M * g.N, sizeof(float));
    double rate = 2e-9 * g.M * g.N * g.K / bench_seconds(bench_gemm_call, &g, 0.05);
    if (rate > best) best = rate;
    mem_free(g.a);
    mem_free(g.b);
    mem_free(g.c);
  }
  return best;
}

static inline void bench_say(const char *name, double value, const char *unit) {
  printf("%-44s %12.5g %s\n", name, value, unit);
  fflush(stdout);
}

#endif

// What the files of this room share: elementwise maths in `real`, loops over rows, and how hot loops are compiled.
#ifndef NN_PARTS_H
#define NN_PARTS_H

#include <math.h>

#include "nn.h"

// One binary runs on any x86-64, so a hot loop is compiled for several instruction sets and the loader chooses. The
// bits are the same: nothing is contracted or reassociated. Sanitizers are not ready yet when the loader asks, other
// libraries than glibc have no such loader. For static functions only: some compilers rename an exported one.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define NN_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer) || \
    __has_feature(undefined_behavior_sanitizer)
#define NN_SANITIZED 1
#endif
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(NN_SANITIZED)
#if __has_attribute(target_clones)
#define NN_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef NN_CLONES
#define NN_CLONES
#endif

// The vector functions of num are float; where the gradients are checked in double, libm stands in.
static inline void parts_exp(double *y, const double *x, int n) {
  for (int i = 0; i < n; i++) y[i] = exp(x[i]);
}

static inline void parts_tanh(double *y, const double *x, int n) {
  for (int i = 0; i < n; i++) y[i] = tanh(x[i]);
}

static inline void parts_sigmoid(double *y, const double *x, int n) {
  for (int i = 0; i < n; i++) y[i] = 1 / (1 + exp(-x[i]));
}

#define REAL_EXP(y, x, n) _Generic((y), float *: vec_exp, double *: parts_exp)((y), (x), (n))
#define REAL_TANH(y, x, n) _Generic((y), float *: vec_tanh, double *: parts_tanh)((y), (x), (n))
#define REAL_SIGMOID(y, x, n) _Generic((y), float *: vec_sigmoid, double *: parts_sigmoid)((y), (x), (n))
#define REAL_SQRT(x) _Generic((x), float: sqrtf, double: sqrt)(x)

// Every row of y (rows,N) = b (N): a gemm that adds to it needs no second pass for the bias.
void nn_rows_fill(real *y, const real *b, size_t rows, int N);
// sum (N) += the rows of y (rows,N): the gradient of a bias.
void nn_rows_add(real *sum, const real *y, size_t rows, int N);

// How much row b counts in a loss.
static inline double loss_weight(const real *weight, int b) { return weight ? (double)weight[b] : 1; }

#endif

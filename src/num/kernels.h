// What an instruction set provides. The doors of num.h check, cut and pad; the kernels behind this table compute.
#ifndef NUM_KERNELS_H
#define NUM_KERNELS_H

#include <stdint.h>

#include "num.h"

// Columns of a packed panel. 48 floats are three AVX-512 vectors (eight rows of them fill 24 of 32 registers) and
// three pairs of AVX2 vectors; the last panel of a matrix is cut to a multiple of 16, one cache line.
enum { PANEL = 48, PANEL_STEP = 16 };

typedef struct num_kernels {
  num_isa isa;
  void (*exp)(float *y, const float *x, int n);
  void (*tanh)(float *y, const float *x, int n);
  void (*sigmoid)(float *y, const float *x, int n);
  // Words of the Philox blocks counter, counter + 1, ...; only counter[0] counts.
  void (*words)(uint32_t *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  void (*uniforms)(float *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  void (*normals)(float *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  void (*normals_double)(double *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  // y (M,width) = bias + x (M,K) w; panel is (1 + K, width) with the bias first, width a multiple of PANEL_STEP.
  void (*panel)(const float *panel, int K, int width, float *y, int ldy, const float *x, int ldx, int M);
} num_kernels;

// NULL where the compiler was not told, or does not know, that instruction set.
const num_kernels *num_kernels_plain(void);
const num_kernels *num_kernels_avx2(void);
const num_kernels *num_kernels_avx512(void);
const num_kernels *num_kernels_neon(void);

const num_kernels *num_kernels_now(void);  // the best that this processor has, unless num_isa_use said otherwise

#endif

// What an instruction set provides. The doors of num.h check, cut and pad; the kernels behind this table compute.
#ifndef NUM_KERNELS_H
#define NUM_KERNELS_H

#include <stdint.h>

#include "num.h"

// Columns of a panel: one cache line of floats, so that a panel streams past without gaps. A kernel with the registers
// for it takes several panels side by side.
#define PANEL 16
static inline int panels_of(int N) { return (N + PANEL - 1) / PANEL; }

// Rows that packed_pick takes at once. They stand in blocks of PICK_BLOCK, side by side.
enum { PICK_ROWS = 48, PICK_BLOCK = 16 };

typedef struct num_kernels {
  num_isa isa;
  void (*exp)(float *y, const float *x, int n);
  void (*tanh)(float *y, const float *x, int n);
  void (*sigmoid)(float *y, const float *x, int n);
  float (*dot)(const float *a, const float *b, int n);
  void (*bf16)(uint16_t *y, const float *x, int n);
  void (*lstm_cell)(float *c, float *h, const float *gates, int H);
  void (*draw)(int32_t *drawn, float *weights, const float *logits, const float *uniforms, int n, int choices,
               float temperature);
  bool (*gauss)(float *z, const float *mean, const float *log_sigma, const float *normals, int n, float least,
                float noise);

  // Words of the Philox blocks counter, counter + 1, ...; only counter[0] counts.
  void (*words)(uint32_t *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  void (*uniforms)(float *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  void (*normals)(float *out, int n, const uint32_t counter[4], const uint32_t key[2]);
  void (*normals_double)(double *out, int n, const uint32_t counter[4], const uint32_t key[2]);

  // Products, by num_precision; a word of x and of a panel is a float, or two bf16 that are next to each other in x.
  // y (M,count*PANEL) = bias + x w, x (M,words); each of `count` panels is (1 + words, PANEL) with the bias first.
  void (*panels[2])(const float *panels, int count, int words, float *y, int ldy, const void *x, int ldx, int M);

  // Of panels that are an item each: first, second (items,PICK_ROWS) for the choice (items,PICK_ROWS), below choices,
  // of each of M rows; x (PICK_ROWS/PICK_BLOCK, words, PICK_BLOCK). Rows beyond M in the last vector are written too,
  // with whatever stands in x; they need a choice.
  void (*pick[2])(const float *panels, int items, int choices, int words, float *first, float *second, const void *x,
                  const int32_t *choice, int M);

  // out (columns,rows), in rows of ldo, = in (rows,columns), in rows of ldi; of words that need not be floats.
  void (*transpose)(float *out, int ldo, const float *in, int ldi, int rows, int columns);

  // c (M,count*PANEL), in rows of ldc, = [c +] a b: element (m, k) of a is a[m*row + k*step], b is `count` panels
  // (K,PANEL) that stand `apart` floats from each other.
  void (*product)(float *c, size_t ldc, bool add, const float *panels, int count, size_t apart, int K, const float *a,
                  size_t row, size_t step, int M);
} num_kernels;

// NULL where the compiler was not told, or does not know, that instruction set.
const num_kernels *num_kernels_plain(void);
const num_kernels *num_kernels_avx2(void);
const num_kernels *num_kernels_avx512(void);
const num_kernels *num_kernels_avx512bf16(void);
const num_kernels *num_kernels_neon(void);

const num_kernels *num_kernels_now(void);  // the best that this processor has, unless num_isa_use said otherwise

#endif

// The kernels in plain C: any processor, and the yardstick for the others. fmaf is one rounding by the C standard,
// in hardware or not, so the bits are those of the vector instruction sets.

#include <math.h>

#include "kernels.h"

#define V_ISA NUM_PLAIN
#define V_WIDTH 4
#define TILE_ROWS 2
#define TILE_VECTORS 4
#define PICK_ITEMS 2
#define PICK_VECTORS 1
#define V_FMA(a, b, c) v_map_fma(a, b, c)
#define V_SQRT(a) v_map_sqrt(a)
#define V_MUL32(a, b) v_map_mul32(a, b)
#define V_INTERLEAVE(low, high, a, b) v_map_interleave(&(low), &(high), a, b)
#define V_SQRT_DOUBLE(a) v_map_sqrt_double(a)
#define V_INTERLEAVE_DOUBLE(low, high, a, b) v_map_interleave_double(&(low), &(high), a, b)

#include "vector_simd.h"

static inline vf v_map_fma(vf a, vf b, vf c) {
  for (int i = 0; i < V_WIDTH; i++) c[i] = fmaf(a[i], b[i], c[i]);
  return c;
}

static inline vf v_map_sqrt(vf a) {
  for (int i = 0; i < V_WIDTH; i++) a[i] = sqrtf(a[i]);
  return a;
}

static inline vl v_map_mul32(vl a, vl b) {
  for (int i = 0; i < V_WIDTH / 2; i++) a[i] = (a[i] & UINT32_MAX) * (b[i] & UINT32_MAX);
  return a;
}

static inline void v_map_interleave(vf *low, vf *high, vf a, vf b) {
  for (int i = 0; i < V_WIDTH / 2; i++) {
    (*low)[2 * i] = a[i];
    (*low)[2 * i + 1] = b[i];
    (*high)[2 * i] = a[i + V_WIDTH / 2];
    (*high)[2 * i + 1] = b[i + V_WIDTH / 2];
  }
}

static inline vd v_map_sqrt_double(vd a) {
  for (int i = 0; i < V_WIDTH / 2; i++) a[i] = sqrt(a[i]);
  return a;
}

static inline void v_map_interleave_double(vd *low, vd *high, vd a, vd b) {
  *low = (vd){a[0], b[0]};
  *high = (vd){a[1], b[1]};
}

#include "kernels_simd.h"

const num_kernels *num_kernels_plain(void) { return &kernels; }

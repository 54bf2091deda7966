// The kernels for arm64, where NEON and its fused multiply-add are part of every processor.

#include "kernels.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define V_ISA NUM_NEON
#define V_WIDTH 4
#define TILE_ROWS 6  // 6 x 4 sums, 4 weights and a broadcast fill 29 of 32 registers
#define TILE_VECTORS 4
#define PICK_ITEMS 4
#define PICK_VECTORS 1
#define V_FMA(a, b, c) ((vf)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define V_SQRT(a) ((vf)vsqrtq_f32((float32x4_t)(a)))
#define V_MUL32(a, b) ((vl)vmull_u32(vmovn_u64((uint64x2_t)(a)), vmovn_u64((uint64x2_t)(b))))
#define V_INTERLEAVE(low, high, a, b)                               \
  ((low) = (vf)vzip1q_f32((float32x4_t)(a), (float32x4_t)(b)),      \
   (high) = (vf)vzip2q_f32((float32x4_t)(a), (float32x4_t)(b)))
#define V_SQRT_DOUBLE(a) ((vd)vsqrtq_f64((float64x2_t)(a)))
#define V_INTERLEAVE_DOUBLE(low, high, a, b)                            \
  ((low) = (vd)vzip1q_f64((float64x2_t)(a), (float64x2_t)(b)),          \
   (high) = (vd)vzip2q_f64((float64x2_t)(a), (float64x2_t)(b)))

#include "vector_simd.h"
#include "kernels_simd.h"

const num_kernels *num_kernels_neon(void) { return &kernels; }
#else
const num_kernels *num_kernels_neon(void) { return NULL; }
#endif

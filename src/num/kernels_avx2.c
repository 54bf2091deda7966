// The kernels for AVX2 and FMA. This file alone is compiled for that instruction set; nothing in it may run before
// the processor has been asked.

#include "kernels.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#define V_ISA NUM_AVX2
#define V_WIDTH 8
#define TILE_ROWS 6  // 6 x 2 sums, 2 weights and a broadcast fill 15 of 16 registers
#define TILE_VECTORS 2
#define PICK_ITEMS 2  // 2 x 2 x 2 sums, 2 x 2 choices, 2 vectors of x, a table and what was looked up
#define PICK_VECTORS 2
#define V_FMA(a, b, c) ((vf)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define V_SQRT(a) ((vf)_mm256_sqrt_ps((__m256)(a)))
#define V_MIN(a, b) ((vf)_mm256_min_ps((__m256)(a), (__m256)(b)))
#define V_MAX(a, b) ((vf)_mm256_max_ps((__m256)(a), (__m256)(b)))
#define V_MUL32(a, b) ((vl)_mm256_mul_epu32((__m256i)(a), (__m256i)(b)))
#define V_INTERLEAVE(low, high, a, b) v_interleave(&(low), &(high), a, b)
#define V_LOOKUP(p, index) ((vf)_mm256_permutevar8x32_ps(_mm256_loadu_ps(p), (__m256i)(index)))
// Of five, in fewer and cheaper instructions: bits 0 and 1 of an index choose among the first four, its sign the fifth.
#define V_FEW 5
#define V_INDEX_FEW(index) ((vi)((vu)(index) | (vu)(index) << 29))
#define V_FIRST_FOUR(p) _mm256_broadcast_ps((const __m128 *)(const void *)(p))
#define V_LOOKUP_FEW(p, index)                                                   \
  ((vf)_mm256_blendv_ps(_mm256_permutevar_ps(V_FIRST_FOUR(p), (__m256i)(index)), \
                        _mm256_broadcast_ss((p) + 4), (__m256)(index)))
#define V_FLUSH_IS_A_MODE
#define V_SQRT_DOUBLE(a) ((vd)_mm256_sqrt_pd((__m256d)(a)))
#define V_INTERLEAVE_DOUBLE(low, high, a, b) v_interleave_double(&(low), &(high), (__m256d)(a), (__m256d)(b))

#include "vector_simd.h"

static inline void v_interleave(vf *low, vf *high, vf a, vf b) {
  __m256 even = _mm256_unpacklo_ps((__m256)a, (__m256)b);  // within the two halves
  __m256 odd = _mm256_unpackhi_ps((__m256)a, (__m256)b);
  *low = (vf)_mm256_permute2f128_ps(even, odd, 0x20);
  *high = (vf)_mm256_permute2f128_ps(even, odd, 0x31);
}

static inline void v_interleave_double(void *low, void *high, __m256d a, __m256d b) {
  __m256d even = _mm256_unpacklo_pd(a, b), odd = _mm256_unpackhi_pd(a, b);
  _mm256_storeu_pd(low, _mm256_permute2f128_pd(even, odd, 0x20));
  _mm256_storeu_pd(high, _mm256_permute2f128_pd(even, odd, 0x31));
}

#include "kernels_simd.h"

const num_kernels *num_kernels_avx2(void) { return &kernels; }
#else
const num_kernels *num_kernels_avx2(void) { return NULL; }
#endif

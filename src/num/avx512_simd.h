// What vectors are in AVX-512 (F, BW, DQ, VL), for the two files that know it.

#include <immintrin.h>

#define V_WIDTH 16
#define TILE_ROWS 8  // 8 x 3 sums, 3 weights and broadcasts from memory fill 28 of 32 registers
#define TILE_VECTORS 3
#define PICK_ITEMS 2  // 2 x 3 x 2 sums and as many indices, 3 vectors of x, an item, and what was looked up
#define PICK_VECTORS 3
#define V_FMA(a, b, c) ((vf)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define V_SQRT(a) ((vf)_mm512_sqrt_ps((__m512)(a)))
#define V_MIN(a, b) ((vf)_mm512_min_ps((__m512)(a), (__m512)(b)))
#define V_MAX(a, b) ((vf)_mm512_max_ps((__m512)(a), (__m512)(b)))
#define V_WHERE_LESS(a, b, yes, no) \
  ((vf)_mm512_mask_blend_ps(_mm512_cmp_ps_mask((__m512)(a), (__m512)(b), _CMP_LT_OQ), (__m512)(no), (__m512)(yes)))
#define V_SCALE(p, n, k) ((void)(k), (vf)_mm512_scalef_ps((__m512)(p), (__m512)(n)))
#define V_MUL32(a, b) ((vl)_mm512_mul_epu32((__m512i)(a), (__m512i)(b)))
#define V_INTERLEAVE(low, high, a, b) v_interleave(&(low), &(high), a, b)
#define V_LOOKUP(p, index) ((vf)_mm512_permutexvar_ps((__m512i)(index), _mm512_loadu_ps(p)))
#define V_SQRT_DOUBLE(a) ((vd)_mm512_sqrt_pd((__m512d)(a)))
#define V_INTERLEAVE_DOUBLE(low, high, a, b) v_interleave_double(&(low), &(high), a, b)

#include "vector_simd.h"

static inline void v_interleave(vf *low, vf *high, vf a, vf b) {
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
  *low = (vf)_mm512_permutex2var_ps((__m512)a, first, (__m512)b);
  *high = (vf)_mm512_permutex2var_ps((__m512)a, second, (__m512)b);
}

static inline void v_interleave_double(vd *low, vd *high, vd a, vd b) {
  const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const __m512i second = _mm512_setr_epi64(4, 12, 5, 13, 6, 14, 7, 15);
  *low = (vd)_mm512_permutex2var_pd((__m512d)a, first, (__m512d)b);
  *high = (vd)_mm512_permutex2var_pd((__m512d)a, second, (__m512d)b);
}

#include "kernels_simd.h"

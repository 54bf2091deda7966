// The kernels for AVX-512 with BF16, which has the pair chain as one instruction. This file alone is compiled for that
// instruction set; nothing in it may run before the processor has been asked.

#include "kernels.h"

#if defined(__AVX512BF16__) && defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && \
    defined(__AVX512VL__)
#define V_ISA NUM_AVX512_BF16
#define V_PAIR_FMA(a, b, c) ((vf)_mm512_dpbf16_ps((__m512)(c), (__m512bh)(a), (__m512bh)(b)))
#include "avx512_simd.h"

const num_kernels *num_kernels_avx512bf16(void) { return &kernels; }
#else
const num_kernels *num_kernels_avx512bf16(void) { return NULL; }
#endif

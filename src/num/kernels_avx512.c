// The kernels for AVX-512 (F, BW, DQ, VL). This file alone is compiled for that instruction set; nothing in it may run
// before the processor has been asked.

#include "kernels.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) && defined(__AVX512VL__)
#define V_ISA NUM_AVX512
#define V_FLUSH_IS_A_MODE
#include "avx512_simd.h"

const num_kernels *num_kernels_avx512(void) { return &kernels; }
#else
const num_kernels *num_kernels_avx512(void) { return NULL; }
#endif

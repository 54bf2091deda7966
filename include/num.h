// Linear algebra, vector maths, and the one source of randomness. Looks at base. Foreign libraries at this door:
// OpenBLAS (cblas, LAPACK), Random123.
#ifndef NUM_H
#define NUM_H

#include <stddef.h>
#include <stdint.h>

#include "base.h"

// Layers and training are written in `real`; the tests compile the same source in double to check gradients.
#ifndef REAL
#define REAL float
#endif
typedef REAL real;

// One BLAS thread a process (ranks are the parallelism), instruction set chosen. Call once at start.
void num_open(void);
int num_blas_threads(void);
const char *num_blas_kernels(void);  // the processor OpenBLAS takes this one for: "Haswell", ...; OPENBLAS_CORETYPE says otherwise

// The instruction sets that the bit-exact kernels exist for. All give the same bits.
typedef enum num_isa { NUM_PLAIN, NUM_AVX2, NUM_AVX512, NUM_NEON } num_isa;
num_isa num_isa_best(void);          // what this processor can
num_isa num_isa_now(void);           // what is used
bool num_isa_use(num_isa isa);       // false if this processor cannot; for tests and benchmarks
const char *num_isa_name(num_isa isa);

// --- randomness ---------------------------------------------------------------------------------------------------
// Philox4x32-10 (Salmon et al., SC'11). A random number is a function of (seed, stream name, generation, episode,
// step, draw); no generator state exists. An rng is a value that names the luck of one episode. A block gives 4 words,
// 4 uniforms, 4 normals or 2 normals in double; out[i] does not depend on n.
typedef struct rng {
  uint32_t key[2];               // <- seed, stream name
  uint32_t generation, episode;
} rng;
rng rng_stream(uint64_t seed, const char *name);                          // generation 0, episode 0
rng rng_episode(rng stream, uint32_t generation, uint32_t episode);
void rng_words(uint32_t *out, int n, rng r, uint32_t step, uint32_t first_block);  // 4 words a block
void rng_uniforms(float *out, int n, rng r, uint32_t step, uint32_t first_block);  // in (0,1), never 0 or 1
void rng_normals(float *out, int n, rng r, uint32_t step, uint32_t first_block);   // N(0,1), same bits on every path
void rng_normals_double(double *out, int n, rng r, uint32_t step, uint32_t first_block);
double rng_uniform(rng r, uint32_t step, uint32_t draw);                  // in (0,1); draw d = block d, first word
uint32_t rng_below(rng r, uint32_t step, uint32_t draw, uint32_t bound);  // 0 .. bound-1; bound >= 1
void rng_shuffle(uint32_t *items, uint32_t n, rng r, uint32_t step);      // Fisher-Yates

// --- vector maths ---------------------------------------------------------------------------------------------------
// Elementwise, in place allowed (y == x), same bits on every instruction set, in every position. Error bounds
// (2 to 3 ulp) stand at the definitions, src/num/maths_simd.h, and are tested over the whole range. NaN in, NaN out.
void vec_exp(float *y, const float *x, int n);
void vec_tanh(float *y, const float *x, int n);
void vec_sigmoid(float *y, const float *x, int n);

// --- few rows x fixed weights -----------------------------------------------------------------------------------------
// y = x w + bias, weights packed once. Every output is bias + one chain of fused multiply-adds over k in order, so a
// row's bits depend on nothing but that row: not on M, its place, the instruction set. (A NaN is a NaN on each of
// them, but which payload it carries is the processor's business.)
typedef struct packed {
  int K, N;
  const float *panels;  // packed_size(K, N) floats, 64-byte aligned, not owned (may be a shared mapping)
} packed;
size_t packed_size(int K, int N);                                                   // floats, bias included
packed packed_make(float *panels, const float *w, const float *bias, int K, int N); // w (K,N) row-major; bias (N) or NULL = 0
void packed_apply(const packed *p, float *y, int ldy, const float *x, int ldx, int M);  // y (M,N) x (M,K)
// Only the columns [from, to) of y; the same bits as packed_apply gives there.
void packed_apply_columns(const packed *p, float *y, int ldy, const float *x, int ldx, int M, int from, int to);

// --- products of matrices in `real`, row-major -------------------------------------------------------------------------
// c (M,N) = op(a) op(b), or c + op(a) op(b) with `add`; op is transposition where ta or tb is true. Every element is one chain of fused
// multiply-adds over k in order, so its bits depend on its row, its column and what stood there: not on M and N, not on the
// instruction set, and not on whether the chain is made by one call or by several that add. For one thread at a time.
void num_gemm(bool ta, bool tb, int M, int N, int K, const real *a, int lda, const real *b, int ldb, bool add, real *c, int ldc);
// The same with op(b) (K,N) laid out once, for many products.
typedef struct num_factor {
  int K, N;
  const real *panels;  // num_factor_size(K, N) numbers, 64-byte aligned, not owned
} num_factor;
size_t num_factor_size(int K, int N);
num_factor num_factor_make(real *panels, bool tb, const real *b, int ldb, int K, int N);
void num_gemm_factor(bool ta, int M, const real *a, int lda, const num_factor *b, bool add, real *c, int ldc);

// --- BLAS and LAPACK, in double -----------------------------------------------------------------------------------
// c (M,N) = alpha op(a) op(b) + beta c
void num_dgemm(bool ta, bool tb, int M, int N, int K, double alpha, const double *a, int lda, const double *b, int ldb,
               double beta, double *c, int ldc);
// c (n,n), symmetric, both triangles written: c = alpha a^T a + beta c, a (k,n).
void num_dsyrk(int n, int k, double alpha, const double *a, int lda, double beta, double *c, int ldc);
// Symmetric eigendecomposition a = B diag(d) B^T. a (n,n) is overwritten by B (columns are eigenvectors), d (n)
// ascending. Returns BROKEN if LAPACK does not converge or a number is not finite.
status num_dsyev(double *a, double *d, int n);

#endif

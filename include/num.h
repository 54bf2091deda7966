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

// One BLAS thread per process (ranks are the parallelism), instruction set chosen. Call once at start.
void num_open(void);
int num_blas_threads(void);
// May several threads of ours be in BLAS and LAPACK at once? Not with a serial OpenBLAS.
bool num_blas_in_threads(void);
// The processor OpenBLAS takes this one for: "Haswell", ...; OPENBLAS_CORETYPE says otherwise. Borrowed, static.
const char *num_blas_kernels(void);
// The kernels that every x86-64 processor with AVX2 and FMA can run, so that all of them round alike; NULL on others.
const char *num_blas_common(void);

// The instruction sets that the bit-exact kernels exist for. All give the same bits.
typedef enum num_isa { NUM_PLAIN, NUM_AVX2, NUM_AVX512, NUM_AVX512_BF16, NUM_NEON } num_isa;
num_isa num_isa_best(void);             // what this processor can
num_isa num_isa_now(void);              // what is used
bool num_isa_use(num_isa isa);          // false if this processor cannot; for tests and benchmarks
const char *num_isa_name(num_isa isa);  // borrowed, static

// --- randomness ---------------------------------------------------------------------------------------------------
// Philox4x32-10 (Salmon et al., SC'11). A random number is a function of (seed, stream name, generation, episode,
// step, draw); no generator state exists. An rng is a value that names the luck of one episode. A block gives 4 words,
// 4 uniforms, 4 normals or 2 normals in double; out[i] does not depend on n.
typedef struct rng {
  uint32_t key[2];               // <- seed, stream name
  uint32_t generation, episode;
} rng;
rng rng_stream(uint64_t seed, const char *name);  // generation 0, episode 0
rng rng_episode(rng stream, uint32_t generation, uint32_t episode);

// out (n), from block `first_block` on. Normals are N(0,1), the same bits on every path; in float their error stands at
// pair_normals, src/num/philox_simd.h.
void rng_words(uint32_t *out, int n, rng r, uint32_t step, uint32_t first_block);  // 4 words per block
void rng_uniforms(float *out, int n, rng r, uint32_t step, uint32_t first_block);  // in (0,1), never 0 or 1
void rng_normals(float *out, int n, rng r, uint32_t step, uint32_t first_block);
void rng_normals_double(double *out, int n, rng r, uint32_t step, uint32_t first_block);

double rng_uniform(rng r, uint32_t step, uint32_t draw);                  // in (0,1); draw d = block d, first word
uint32_t rng_below(rng r, uint32_t step, uint32_t draw, uint32_t bound);  // 0 .. bound-1; bound >= 1
void rng_shuffle(uint32_t *items, uint32_t n, rng r, uint32_t step);      // Fisher-Yates

// --- vector maths -------------------------------------------------------------------------------------------------
// Elementwise, in place allowed (y == x), same bits on every instruction set, in every position. Error bounds
// (2 to 3 ulp) stand at the definitions, src/num/maths_simd.h, and are tested over the whole range. NaN in, a NaN out.
void vec_exp(float *y, const float *x, int n);
void vec_tanh(float *y, const float *x, int n);
void vec_sigmoid(float *y, const float *x, int n);

// a . b: sixteen interleaved sums of rounded products, folded in halves. Same bits likewise.
float vec_dot(const float *a, const float *b, int n);
// To bf16, the upper half of a float: to nearest, ties to even; subnormals become zeros.
void vec_bf16(uint16_t *y, const float *x, int n);

// c' = c sigmoid(f) + sigmoid(i) tanh(j); h = tanh(c') sigmoid(o).  c, h (H), gates (4H) = [i | j | f | o]. Within
// 3e-7 (1 + |c|), for |c| < 1e14.
void vec_lstm_cell(float *c, float *h, const float *gates, int H);

// Draws one of `choices` for each of n: with probability softmax(logits / temperature), by uniforms (n) in (0,1).
// logits (choices - 1, n) are those of choices 1, 2, ..., less that of choice 0; weights (choices, n); drawn (n).
// weights becomes exp((logits - largest) / temperature). The last where a logit is not a number.
void vec_draw(int32_t *drawn, float *weights, const float *logits, const float *uniforms, int n, int choices,
              float temperature);
// z = mean + exp(log_sigma, but at least `least`) normals noise, all (n); false if one of z is not finite.
bool vec_gauss(float *z, const float *mean, const float *log_sigma, const float *normals, int n, float least,
               float noise);

// --- few rows x fixed weights -------------------------------------------------------------------------------------
// y = x w + bias, weights packed once. Every output is bias + one chain of fused multiply-adds over k in order, so a
// row's bits depend on nothing but that row: not on M, its place, the instruction set. (A NaN is a NaN on each of
// them, but which payload it carries is the processor's business.)
// In bf16 both w and x are rounded to bf16 and the sum stays float: the chain goes pair by pair, k = 1, 0, 3, 2, 5, 4,
// ..., a missing partner is zero, and subnormal sums become zeros (src/num/pairs_simd.h has the law exactly).
typedef enum num_precision { NUM_FP32, NUM_BF16 } num_precision;
typedef struct packed {
  int K, N;
  num_precision precision;
  const float *panels;  // packed_size(K, N) floats, 64-byte aligned, not owned (may be a shared mapping)
} packed;
// w (K,N) row-major; bias (N), or NULL for none; panels (packed_size) are the caller's, and must outlive what is made.
size_t packed_size(int K, int N);  // floats, bias included
packed packed_make(float *panels, const float *w, const float *bias, int K, int N);
size_t packed_size_in(num_precision precision, int K, int N);
packed packed_make_in(num_precision precision, float *panels, const float *w, const float *bias, int K, int N);
// y (M,N) x (M,K). x is float; or uint16_t as vec_bf16 gives it, ldx even, and where K is odd a finite number after
// each row.
void packed_apply(const packed *p, float *y, int ldy, const void *x, int ldx, int M);

// Of a matrix whose columns are, for every item, `choices` pairs [first | second], PACKED_CHOICES_MAX at most, each row
// wants one pair per item, of its own choice. y (M, 2, items), choice (M, items); the same bits as packed_apply gives
// in those columns, in a fraction of the time. work: packed_pick_work floats, 64-byte aligned.
#define PACKED_CHOICES_MAX 8
int packed_pick_columns(int items);  // N of such a matrix; columns of choices that do not exist are unused
int packed_pick_column(int item, int second, int choice);  // where it is
size_t packed_pick_work(const packed *p, int items);
void packed_pick(const packed *p, float *y, const void *x, int ldx, const int32_t *choice, int items, int choices,
                 int M, float *work);

// --- products of matrices in `real`, row-major --------------------------------------------------------------------
// c (M,N) = op(a) op(b), or c + op(a) op(b) with `add`; op is transposition where ta or tb is true. Every element is
// one chain of fused multiply-adds over k in order, so its bits depend on its row, its column and what stood there: not
// on M and N, not on the instruction set, and not on whether the chain is made by one call or by several that add. For
// one thread at a time.
void num_gemm(bool ta, bool tb, int M, int N, int K, const real *a, int lda, const real *b, int ldb, bool add, real *c,
              int ldc);
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
// The upper triangle alone; and the lower one as its mirror image.
void num_dsyrk_upper(int n, int k, double alpha, const double *a, int lda, double beta, double *c, int ldc);
void num_mirror(double *c, int n, int ldc);

// Cholesky: a (n,n) symmetric = l l^T, in place, on and below the diagonal; what is above is neither read nor written.
// False if a is not positive definite. Allocates nothing.
bool num_dpotrf(double *a, int n);
// x (M,n) = alpha x l^T, and x = x l^-T, in place: each row is multiplied by l, or by its inverse. l (n,n), its lower
// triangle.
void num_dtrmm(int M, int n, double alpha, const double *l, double *x);
void num_dtrsm(int M, int n, const double *l, double *x);

// Symmetric eigendecomposition a = B diag(d) B^T. a (n,n) is overwritten by B (columns are eigenvectors), d (n)
// ascending. Returns BROKEN if LAPACK does not converge or a number is not finite.
status num_dsyev(double *a, double *d, int n);
// Its d alone, a third of the work: the lower triangle of a is read, and destroyed. work: num_dsyev_values_work(n)
// doubles. False if LAPACK does not converge or a number is not finite. Allocates nothing.
bool num_dsyev_values(double *a, double *d, int n, double *work);
size_t num_dsyev_values_work(int n);

#endif

// Vectors of V_WIDTH floats in the compiler's own vector types, where + - * / & | ^ << >> < work on every element.
// Included by each kernels_*.c once it has said its width, and which operations it has instructions for.

#include <math.h>
#include <stdint.h>
#include <string.h>

// For what has constants among its arguments, or must not cost a call.
#define V_INLINE static inline __attribute__((always_inline))

#define V_BYTES (4 * V_WIDTH)
typedef float vf __attribute__((vector_size(V_BYTES)));
typedef int32_t vi __attribute__((vector_size(V_BYTES)));
typedef uint32_t vu __attribute__((vector_size(V_BYTES)));
typedef uint64_t vl __attribute__((vector_size(V_BYTES)));  // V_WIDTH / 2 of them, and of the next two
typedef int64_t vll __attribute__((vector_size(V_BYTES)));
typedef double vd __attribute__((vector_size(V_BYTES)));

static inline vf vf_load(const float *p) {
  vf v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void vf_store(float *p, vf v) { memcpy(p, &v, sizeof v); }
static inline vf vf_all(float a) { return a - (vf){0}; }
static inline vi vi_all(int32_t a) { return a - (vi){0}; }
static inline vu vu_all(uint32_t a) { return a - (vu){0}; }
static inline vl vl_all(uint64_t a) { return a - (vl){0}; }

// Only the first n <= V_WIDTH floats at p; what is loaded beyond them is zero.
static inline vf vf_load_some(const float *p, int n) {
  vf v = {0};
  memcpy(&v, p, sizeof *p * (size_t)n);
  return v;
}
static inline void vf_store_some(float *p, vf v, int n) { memcpy(p, &v, sizeof *p * (size_t)n); }

// mask is all ones or all zeros in each element, as a comparison gives it.
static inline vf vf_select(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
static inline vf vf_from_int(vi a) { return __builtin_convertvector(a, vf); }

// a < b ? a : b and a > b ? a : b, so that the second operand is what a NaN gives: as x86's instructions have it.
#ifndef V_MIN
#define V_MIN(a, b) v_min(a, b)
#define V_MAX(a, b) v_max(a, b)
static inline vf v_min(vf a, vf b) { return vf_select(a < b, a, b); }
static inline vf v_max(vf a, vf b) { return vf_select(a > b, a, b); }
#endif

#ifndef V_WHERE_LESS
#define V_WHERE_LESS(a, b, yes, no) vf_select((a) < (b), yes, no)
#endif

// p 2^k, rounded once, for 1/2 <= p < 2 and -152 <= k <= 128; n is k as floats.
#ifndef V_SCALE
#define V_SCALE(p, n, k) ((void)(n), v_scale(p, k))
static inline vf v_scale(vf p, vi k) {
  vi half = k >> 1;  // in two steps: beyond the range of a float's exponent it must still overflow or fade
  return p * (vf)((vu)(half + 127) << 23) * (vf)((vu)(k - half + 127) << 23);
}
#endif

// p[index] element by element; indices are below 8, or where V_WIDTH is 16 below 16, and all so many may be read.
#ifndef V_LOOKUP
#define V_LOOKUP(p, index) v_lookup(p, index)
static inline vf v_lookup(const float *p, vi index) {
  vu v;
  for (int i = 0; i < V_WIDTH; i++) {
    uint32_t word;
    memcpy(&word, p + index[i], sizeof word);
    v[i] = word;
  }
  return (vf)v;
}
#endif

// The same where indices are below V_FEW and have been through V_INDEX_FEW, if that is quicker.
#ifndef V_LOOKUP_FEW
#define V_FEW 0
#define V_INDEX_FEW(index) (index)
#define V_LOOKUP_FEW(p, index) V_LOOKUP(p, index)
#endif

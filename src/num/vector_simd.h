// Vectors of V_WIDTH floats in the compiler's own vector types, where + - * / & | ^ << >> < work on every element.
// Included by each kernels_*.c once it has said its width.

#include <stdint.h>
#include <string.h>

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

// mask is all ones or all zeros in each element, as a comparison gives it.
static inline vf vf_select(vi mask, vf yes, vf no) { return (vf)((mask & (vi)yes) | (~mask & (vi)no)); }
static inline vf vf_from_int(vi a) { return __builtin_convertvector(a, vf); }

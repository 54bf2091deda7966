// The step of a bf16 product's chain. A word holds two bf16 that are neighbours in k, the even one in its low half. The
// law is what AVX512-BF16's VDPBF16PS does: sum = fma(odd, odd, sum), then sum = fma(even, even, sum), each rounded
// once to nearest, where subnormal operands count as zeros and subnormal results become zeros of their sign, whatever
// the thread's mode (so Intel's manual; the order, and the rest too, was found to be so on Zen 5, on random and on
// adversarial words). A result is subnormal if it would be below 2^-126 rounded to 24 bits with no limit to the
// exponent.

// bf16 of floats: to nearest, ties to even; subnormals become zeros, NaNs quiet.  In the low halves.
static inline vu v_bf16(vf x) {
  vu bits = (vu)x, sign = bits >> 16 & 0x8000, size = bits & 0x7FFFFFFF;
  vu rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16, quiet = bits >> 16 | 0x40;
  vu is_nan = (vu)((vi)size > 0x7F800000), is_tiny = (vu)((vi)size < 0x00800000);

  rounded = (is_nan & quiet) | (~is_nan & rounded);
  return (is_tiny & sign) | (~is_tiny & rounded);
}

V_INLINE void pairs_bf16_some(uint16_t *y, const float *x, int some) {
  typedef uint16_t halves __attribute__((vector_size(2 * V_WIDTH)));
  halves h = __builtin_convertvector(v_bf16(vf_load_some(x, some)), halves);
  memcpy(y, &h, sizeof *y * (size_t)some);
}

static void each_bf16(uint16_t *y, const float *x, int n) {
  int i = 0;
  for (; i + V_WIDTH <= n; i += V_WIDTH) pairs_bf16_some(y + i, x + i, V_WIDTH);
  if (i < n) pairs_bf16_some(y + i, x + i, n - i);
}

#ifndef V_PAIR_FMA
#define V_PAIR_FMA(a, b, c) v_pair_fma((vu)(a), (vu)(b), c)

#ifdef V_FLUSH_IS_A_MODE
#define V_FMA_FLUSHED(a, b, c) V_FMA(a, b, c)
#else
#define V_FMA_FLUSHED(a, b, c) v_fma_flushed(a, b, c)

static inline float pairs_fma_flushed(float a, float b, float c) {
  if (fabsf(c) < 0x1p-126f) c = copysignf(0, c);
  float rounded = fmaf(a, b, c);
  double product = (double)a * (double)b;  // exact; and so is the sum wherever it is near the limit
  return fabs(product + (double)c) < 0x1p-126 - 0x1p-151 ? copysignf(0, rounded) : rounded;
}

// Nearly always nothing is near the limit, so one look at all elements is enough.
static inline vf v_fma_flushed(vf a, vf b, vf c) {
  vf sum = V_FMA(a, b, c);
  vu small = (vu)((vi)((vu)sum & 0x7FFFFFFF) <= 0x00800000) | (vu)((vi)((vu)c & 0x7FFFFFFF) < 0x00800000);
  uint32_t any = 0;
  for (int i = 0; i < V_WIDTH; i++) any |= small[i];
  if (any)
    for (int i = 0; i < V_WIDTH; i++) sum[i] = pairs_fma_flushed(a[i], b[i], c[i]);
  return sum;
}
#endif

static inline vf v_pair_fma(vu a, vu b, vf c) {
  c = V_FMA_FLUSHED((vf)(a & 0xFFFF0000), (vf)(b & 0xFFFF0000), c);
  return V_FMA_FLUSHED((vf)(a << 16), (vf)(b << 16), c);
}
#endif

// The processor's own flushing, where the chain is made of ordinary fused multiply-adds. What is computed stands in
// functions that are not inlined here, so nothing can move across the change of mode.
#ifdef V_FLUSH_IS_A_MODE
static inline unsigned pairs_flush_begin(void) {
  unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x6000u) | 0x8040);
  return before;
}
static inline void pairs_flush_end(unsigned before) { _mm_setcsr(before); }
#else
static inline unsigned pairs_flush_begin(void) { return 0; }
static inline void pairs_flush_end(unsigned before) { (void)before; }
#endif

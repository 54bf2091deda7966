// exp, tanh, sigmoid for every float, log and sin/cos for what normals need. Polynomials are Taylor's, cut where the
// rest is below a rounding error of float on the reduced range, so every coefficient can be checked by eye.

// e^r - 1 for |r| <= ln(2)/2: the rest of the series is below r^8/8! < 6e-9 of 1, 2e-8 of the result.
static inline vf v_expm1_near_zero(vf r) {
  vf q = vf_all(1.0f / 5040);
  q = V_FMA(q, r, vf_all(1.0f / 720));
  q = V_FMA(q, r, vf_all(1.0f / 120));
  q = V_FMA(q, r, vf_all(1.0f / 24));
  q = V_FMA(q, r, vf_all(1.0f / 6));
  q = V_FMA(q, r, vf_all(0.5f));
  return V_FMA(q, r * r, r);
}

// x = k ln 2 + r with |r| <= ln(2)/2; n is k as floats. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low
// bits.
static inline vf v_reduce_ln2(vf x, vf *n, vi *k) {
  const vf shift = vf_all(0x1.8p23f);
  vf shifted = V_FMA(x, vf_all(0x1.715476p+0f), shift);  // log2(e)
  *n = shifted - shift;
  *k = (vi)shifted - (vi)shift;
  vf r = V_FMA(*n, vf_all(-0x1.62e430p-1f), x);   // ln 2, rounded to float,
  return V_FMA(*n, vf_all(0x1.05c610p-29f), r);   // and what the rounding added
}

// Within 2 units in the last place (1.04 ulp measured), also where the result is subnormal; +inf from 88.73, 0 from
// -103.98. A NaN is the second operand of both comparisons, so it stays.
static inline vf v_exp(vf x) {
  vi k;
  vf n, c = V_MAX(vf_all(-104.0f), V_MIN(vf_all(89.0f), x));
  vf p = v_expm1_near_zero(v_reduce_ln2(c, &n, &k)) + 1.0f;
  return V_SCALE(p, n, k);
}

// Within 3 ulp (2.5 measured). tanh|x| = -E / (E + 2), E = e^(-2|x|) - 1: no overflow, and small x keep their digits.
static inline vf v_tanh(vf x) {
  vi k, sign = (vi)x & INT32_MIN;
  vf n, a = V_MIN(vf_all(10.0f), (vf)((vi)x ^ sign));  // 1 - tanh(10) is below half an ulp of 1
  vf p = v_expm1_near_zero(v_reduce_ln2(a * -2.0f, &n, &k));
  vf s = V_SCALE(vf_all(1.0f), n, k);
  vf E = V_FMA(s, p, s - 1.0f);
  vf t = E / (E + 2.0f);
  return (vf)(((vi)t & INT32_MAX) | sign);
}

// Within 3 ulp (2.41 measured), also where the result is subnormal. With e = e^-|x|: 1 / (1 + e), and
// e / (1 + e) for negative x.
static inline vf v_sigmoid(vf x) {
  vf e = v_exp((vf)((vi)x | INT32_MIN));
  return V_WHERE_LESS(x, vf_all(0.0f), e, vf_all(1.0f)) / (e + 1.0f);
}

// ln u within 3 ulp for normal positive floats: u = 2^k m, sqrt(1/2) <= m < sqrt(2), s = (m - 1)/(m + 1),
// ln m = 2 (s + s^3/3 + s^5/5 + ...); |s| < 0.1716, so the rest after s^9 is below 4e-9 of the result.
static inline vf v_log(vf u) {
  const int32_t root_half = 0x3F3504F3;
  vi k = ((vi)u - root_half) >> 23;
  vf f = (vf)((vu)u - ((vu)k << 23)) - 1.0f;
  vf s = f / (f + 2.0f), t = s * s;

  // s + s^3/3 + ... + s^9/9
  vf q = vf_all(1.0f / 9);
  q = V_FMA(q, t, vf_all(1.0f / 7));
  q = V_FMA(q, t, vf_all(1.0f / 5));
  q = V_FMA(q, t, vf_all(1.0f / 3));
  q = V_FMA(q * t, s, s);

  return V_FMA(vf_from_int(k), vf_all(0x1.62e430p-1f), q + q);
}

// sin and cos of turn / 2^32 whole turns, within 2 ulp of 1. Quarter turns are taken off in integers, exactly; on
// |x| <= pi/4 the rests of the series are below x^11/11! and x^10/10!: 2e-9 and 3e-8.
static inline void v_sin_cos_turn(vf *sine, vf *cosine, vu turn) {
  vu quarter = (turn + (1u << 29)) >> 30;
  vf x = vf_from_int((vi)(turn - (quarter << 30))) * 0x1.921fb6p-30f;  // 2 pi / 2^32
  vf t = x * x;

  // Sine and cosine of what is less than an eighth of a turn.
  vf s = vf_all(1.0f / 362880);
  s = V_FMA(s, t, vf_all(-1.0f / 5040));
  s = V_FMA(s, t, vf_all(1.0f / 120));
  s = V_FMA(s, t, vf_all(-1.0f / 6));
  s = V_FMA(s * t, x, x);
  vf c = vf_all(1.0f / 40320);
  c = V_FMA(c, t, vf_all(-1.0f / 720));
  c = V_FMA(c, t, vf_all(1.0f / 24));
  c = V_FMA(c, t, vf_all(-0.5f));
  c = V_FMA(c, t, vf_all(1.0f));

  // A quarter turn exchanges the two, and changes a sign.
  vi odd = -(vi)(quarter & 1);
  vu sine_sign = (quarter & 2) << 30, cosine_sign = ((quarter + 1) & 2) << 30;
  *sine = (vf)((vu)vf_select(odd, c, s) ^ sine_sign);
  *cosine = (vf)((vu)vf_select(odd, s, c) ^ cosine_sign);
}

// Whole vectors, then the tail through a padded one: an element's arithmetic knows neither n nor its place.
#define EACH(name)                                                \
  static void each_##name(float *y, const float *x, int n) {      \
    int i = 0;                                                    \
    for (; i + V_WIDTH <= n; i += V_WIDTH) vf_store(y + i, v_##name(vf_load(x + i))); \
    if (i < n) vf_store_some(y + i, v_##name(vf_load_some(x + i, n - i)), n - i); \
  }
EACH(exp)
EACH(tanh)
EACH(sigmoid)
#undef EACH

// Sixteen interleaved partial sums, each product rounded before it is added; then the sums are folded in halves.
static float maths_dot(const float *a, const float *b, int n) {
  enum { SUMS = 16, VECTORS = SUMS / V_WIDTH };
  vf part[VECTORS] = {{0}};

  int i = 0;
  for (; i + SUMS <= n; i += SUMS)
    for (int v = 0; v < VECTORS; v++) part[v] += vf_load(a + i + v * V_WIDTH) * vf_load(b + i + v * V_WIDTH);
  for (int v = 0; i < n; v++, i += V_WIDTH) {
    int some = n - i < V_WIDTH ? n - i : V_WIDTH;
    part[v] += vf_load_some(a + i, some) * vf_load_some(b + i, some);
  }

  float sum[SUMS];
  memcpy(sum, part, sizeof sum);
  for (int width = SUMS / 2; width; width /= 2)
    for (int s = 0; s < width; s++) sum[s] += sum[s + width];
  return sum[0];
}

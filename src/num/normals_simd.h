// Normals in double, for the optimisers: Box and Muller (1958) from 53-bit uniforms, two per Philox block. log, sin and
// cos are our own, because libm's may take another path, with other last bits, on another processor. Taylor series
// whose rest is below 1e-17, in plain +, * and / (no fma: what was searched with these bits goes on with them).

static inline vd vd_all(double a) { return a - (vd){0}; }
static inline vd vd_from_long(vll a) { return __builtin_convertvector(a, vd); }
static inline vd vd_select(vll mask, vd yes, vd no) { return (vd)((mask & (vll)yes) | (~mask & (vll)no)); }

// ln u for normal positive u: u = 2^k m, sqrt(1/2) <= m < sqrt(2), ln m = 2 (s + s^3/3 + ...), s = (m - 1)/(m + 1).
static inline vd vd_log(vd u) {
  enum { TERMS = 11 };  // |s| < 0.1716: the next term is below s^23/23 < 1e-18
  const int64_t root_half = 0x3FE6A09E667F3BCD;
  vll bits = (vll)u, k = (bits - root_half) >> 52;
  vd m = (vd)(bits - (vll)((vl)k << 52)), s = (m - 1) / (m + 1), t = s * s, q = {0};
  for (int i = TERMS - 1; i >= 1; i--) q = (q + 1.0 / (2 * i + 1)) * t;
  return vd_from_long(k) * 0x1.62e42fefa39efp-1 + 2 * (s + s * q);
}

// sin and cos on |x| <= pi/4, from the innermost factor outwards: 1 - x^2/(a (a+1)) (1 - x^2/((a+2)(a+3)) (...)).
static inline vd vd_alternating(vd t, int first, int last) {
  vd q = vd_all(1);
  for (int a = last; a >= first; a -= 2) q = 1 - q * t * (1.0 / (a * (a + 1)));
  return q;
}

// turn / 2^64 whole turns; quarters are taken off in integers, exactly.
static inline void vd_sin_cos_turn(vd *sine, vd *cosine, vl turn) {
  vl quarter = (turn + ((uint64_t)1 << 61)) >> 62;
  vd x = vd_from_long((vll)(turn - (quarter << 62))) * 0x1.921fb54442d18p-62;  // 2 pi / 2^64
  vd s = x * vd_alternating(x * x, 2, 18), c = vd_alternating(x * x, 1, 17);

  // A quarter turn exchanges the two, and changes a sign.
  vll odd = -(vll)(quarter & 1);
  vll sign_of_sine = (vll)(quarter >> 1 << 63);
  vll sign_of_cosine = (vll)((quarter ^ quarter >> 1) << 63);
  *sine = (vd)((vll)vd_select(odd, c, s) ^ sign_of_sine);
  *cosine = (vd)((vll)vd_select(odd, s, c) ^ sign_of_cosine);
}

// The even words of a block are the upper halves: of the radius' number, and of the angle.
static inline void pair_normals_double(vd out[2], philox_pair p) {
  const vl low = vl_all(UINT32_MAX);
  vl even = (vl)p.even, odd = (vl)p.odd, a = even << 32 | (odd & low), turn = (even & ~low) | odd >> 32;
  vd sine, cosine, u = (vd_from_long((vll)(a >> 11)) + 0.5) * 0x1p-53;
  vd radius = V_SQRT_DOUBLE(vd_log(u) * -2);
  vd_sin_cos_turn(&sine, &cosine, turn);
  V_INTERLEAVE_DOUBLE(out[0], out[1], radius * cosine, radius * sine);
}

// V_WIDTH numbers per turn; the last turn through a padded copy.
static void philox_normals_double(double *out, int n, const uint32_t counter[4], const uint32_t key[2]) {
  uint32_t c[4];
  vd pair[2];
  memcpy(c, counter, sizeof c);

  for (int i = 0; i < n; i += V_WIDTH, c[0] += V_WIDTH / 2) {
    pair_normals_double(pair, philox_blocks(c, key));
    int left = n - i;
    if (left >= V_WIDTH) memcpy(out + i, pair, sizeof pair);
    else memcpy(out + i, pair, sizeof *out * (size_t)left);
  }
}

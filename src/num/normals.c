// Normals in double, for the optimisers: Box and Muller (1958) from 53-bit uniforms, two a block. log, sin and cos are
// our own, because libm's may take another path, with other last bits, on another processor. Taylor series whose rest
// is below 1e-17, in plain +, * and / (no fma: this file must not care whether one exists).

#include <math.h>
#include <string.h>

#include "num.h"

// ln u for normal positive u: u = 2^k m, sqrt(1/2) <= m < sqrt(2), ln m = 2 (s + s^3/3 + ...), s = (m - 1)/(m + 1).
static double log_own(double u) {
  enum { TERMS = 11 };  // |s| < 0.1716: the next term is below s^23/23 < 1e-18
  int64_t bits, root_half = 0x3FE6A09E667F3BCD;
  memcpy(&bits, &u, sizeof bits);
  int64_t k = (bits - root_half) >> 52;
  bits -= k * ((int64_t)1 << 52);
  double m, q = 0;
  memcpy(&m, &bits, sizeof m);
  double s = (m - 1) / (m + 1), t = s * s;
  for (int i = TERMS - 1; i >= 1; i--) q = (q + 1.0 / (2 * i + 1)) * t;
  return (double)k * 0x1.62e42fefa39efp-1 + 2 * (s + s * q);
}

// sin and cos on |x| <= pi/4, from the innermost factor outwards: 1 - x^2/(a (a+1)) (1 - x^2/((a+2)(a+3)) (...)).
static double alternating(double t, int first, int last) {
  double q = 1;
  for (int a = last; a >= first; a -= 2) q = 1 - q * t * (1.0 / (a * (a + 1)));
  return q;
}

// turn / 2^64 whole turns; quarters are taken off in integers, exactly.
static void sin_cos_turn(double *sine, double *cosine, uint64_t turn) {
  uint64_t quarter = (turn + ((uint64_t)1 << 61)) >> 62;
  double x = (double)(int64_t)(turn - (quarter << 62)) * 0x1.921fb54442d18p-62;  // 2 pi / 2^64
  double s = x * alternating(x * x, 2, 18), c = alternating(x * x, 1, 17);
  double sines[] = {s, c, -s, -c};
  *sine = sines[quarter & 3];
  *cosine = sines[(quarter + 1) & 3];
}

static void block_normals(double out[2], const uint32_t w[4]) {
  uint64_t a = (uint64_t)w[0] << 32 | w[1], turn = (uint64_t)w[2] << 32 | w[3];
  double sine, cosine, u = ((double)(a >> 11) + 0.5) * 0x1p-53;
  double radius = sqrt(-2 * log_own(u));
  sin_cos_turn(&sine, &cosine, turn);
  out[0] = radius * cosine;
  out[1] = radius * sine;
}

void rng_normals_double(double *out, int n, rng r, uint32_t step, uint32_t first_block) {
  enum { BLOCKS = 64 };
  uint32_t words[4 * BLOCKS];
  for (int i = 0; i < n; i += 2 * BLOCKS, first_block += BLOCKS) {
    int left = n - i < 2 * BLOCKS ? n - i : 2 * BLOCKS;
    rng_words(words, 2 * (left + left % 2), r, step, first_block);
    for (int j = 0; j < left; j += 2) {
      double pair[2];
      block_normals(pair, words + 2 * j);
      out[i + j] = pair[0];
      if (j + 1 < left) out[i + j + 1] = pair[1];
    }
  }
}

// Angles, and numbers drawn evenly: what environments that are made of equations share.

#include "parts.h"

double env_between(double low, double high, rng luck, uint32_t draw) {
  return low + (high - low) * rng_uniform(luck, 0, draw);
}

double env_limited(double x, double low, double high) { return x > low ? x < high ? x : high : low; }

int env_third(float action) {
  const float third = 1.0f / 3;
  return action > third ? 1 : action < -third ? -1 : 0;
}

// Down by the turns that it holds too many of, or up.
double env_angle_wrapped(double x) {
  double turns = (x + ENV_PI) / (2 * ENV_PI);
  double whole = (double)(int64_t)turns;
  if (whole > turns) whole -= 1;
  return x - whole * (2 * ENV_PI);
}

// Our own, from + - * alone, so that an episode has the same bits wherever it runs: Taylor's series on [-pi/4, pi/4],
// the rest by symmetry. Errors stay below 3e-16 there, and below 1e-13 for the few hundred that a pole can turn.
static double sine_near_0(double x) {
  double q = x * x;
  return x * (1 + q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q * (1.0 / 362880 + q * (-1.0 / 39916800 +
         q * (1.0 / 6227020800 + q * (-1.0 / 1307674368000))))))));
}

static double cosine_near_0(double x) {
  double q = x * x;
  return 1 + q * (-1.0 / 2 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 + q * (-1.0 / 3628800 +
         q * (1.0 / 479001600 + q * (-1.0 / 87178291200 + q * (1.0 / 20922789888000))))))));
}

void env_sincos(double *sine, double *cosine, double x) {
  double turns = x * (2 / ENV_PI);
  double quarter = turns < 0 ? -(double)(int64_t)(0.5 - turns) : (double)(int64_t)(0.5 + turns);
  // pi/2 in two parts, the first short enough that its product with a small integer is exact.
  double r = x - quarter * 1.5707963267341256 - quarter * 6.077100506506192e-11;

  // A quarter turn swaps sine and cosine, with a sign.
  double s = sine_near_0(r), c = cosine_near_0(r);
  switch ((int64_t)quarter & 3) {
    case 0:
      *sine = s;
      *cosine = c;
      break;
    case 1:
      *sine = c;
      *cosine = -s;
      break;
    case 2:
      *sine = -s;
      *cosine = -c;
      break;
    default:
      *sine = -c;
      *cosine = s;
      break;
  }
}

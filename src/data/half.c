// IEEE 754 binary16 to and from binary32, in whole numbers: exact, ties to even, the same on every machine and
// compiler.

#include <string.h>

#include "data.h"

#define FLOAT_INFINITY 0x7f800000u
#define HALF_OVERFLOW 0x47800000u  // 2^16: from here on there is no finite half, even after rounding down
#define HALF_NORMAL 0x38800000u    // 2^-14, the smallest normal half
#define BIAS_APART ((127u - 15u) << 23)

static uint32_t float_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

static float bits_float(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static uint32_t nan_of(uint32_t magnitude) {
  uint32_t payload = magnitude >> 13 & 0x3ff;
  return 0x7c00 | (payload ? payload : 0x200);  // a payload that does not fit must not become infinity
}

// Below 2^-14 a half counts in steps of 2^-24, as a float does between 1/2 and 1: adding 1/2 rounds to such a step.
static uint32_t subnormal_of(uint32_t magnitude) { return float_bits(bits_float(magnitude) + 0.5f) - float_bits(0.5f); }

// Half a step less one bit, and one more if the last kept bit is odd. A carry moves into the exponent, and at the top
// into infinity, as it should.
static uint32_t normal_of(uint32_t magnitude) { return (magnitude - BIAS_APART + 0xfff + (magnitude >> 13 & 1)) >> 13; }

static uint16_t half_of(float x) {
  uint32_t bits = float_bits(x), magnitude = bits & 0x7fffffff, half;
  if (magnitude > FLOAT_INFINITY) half = nan_of(magnitude);
  else if (magnitude >= HALF_OVERFLOW) half = 0x7c00;
  else half = magnitude < HALF_NORMAL ? subnormal_of(magnitude) : normal_of(magnitude);
  return (uint16_t)(bits >> 16 & 0x8000) | (uint16_t)half;
}

static float float_of(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
  if (magnitude >= 0x7c00) return bits_float(sign | FLOAT_INFINITY | (magnitude & 0x3ff) << 13);
  if (magnitude >= 0x0400) return bits_float(sign | ((magnitude << 13) + BIAS_APART));
  return bits_float(sign | float_bits((float)magnitude * 0x1p-24f));
}

void data_half_from_float(uint16_t *half, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) half[i] = half_of(x[i]);
}

void data_float_from_half(float *x, const uint16_t *half, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = float_of(half[i]);
}

// Which instruction set the kernels use, chosen once by asking the processor; and the doors to the vector maths.

#include "kernels.h"

static const num_kernels *isa_kernels;

static const num_kernels *isa_kernels_of(num_isa isa) {
  switch (isa) {
    case NUM_PLAIN: return num_kernels_plain();
#if defined(__x86_64__)
    case NUM_AVX2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? num_kernels_avx2() : NULL;
    // the four parts that every processor with AVX-512 for servers has
    case NUM_AVX512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                     __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                 ? num_kernels_avx512()
                 : NULL;
    case NUM_AVX512_BF16:
      return __builtin_cpu_supports("avx512bf16") && isa_kernels_of(NUM_AVX512) ? num_kernels_avx512bf16() : NULL;
#endif
    case NUM_NEON: return num_kernels_neon();
    default: return NULL;
  }
}

num_isa num_isa_best(void) {
  static const num_isa by_speed[] = {NUM_AVX512_BF16, NUM_AVX512, NUM_AVX2, NUM_NEON};
  for (size_t i = 0; i < sizeof by_speed / sizeof *by_speed; i++)
    if (isa_kernels_of(by_speed[i])) return by_speed[i];
  return NUM_PLAIN;
}

const num_kernels *num_kernels_now(void) {
  if (!isa_kernels) isa_kernels = isa_kernels_of(num_isa_best());
  return isa_kernels;
}

num_isa num_isa_now(void) { return num_kernels_now()->isa; }

bool num_isa_use(num_isa isa) {
  const num_kernels *k = isa_kernels_of(isa);
  if (k) isa_kernels = k;
  return k != NULL;
}

const char *num_isa_name(num_isa isa) {
  static const char *const names[] = {"plain", "avx2", "avx512", "avx512bf16", "neon"};
  CHECK(isa <= NUM_NEON, "isa %d", (int)isa);
  return names[isa];
}

void vec_exp(float *y, const float *x, int n) { num_kernels_now()->exp(y, x, n); }
void vec_tanh(float *y, const float *x, int n) { num_kernels_now()->tanh(y, x, n); }
void vec_sigmoid(float *y, const float *x, int n) { num_kernels_now()->sigmoid(y, x, n); }
float vec_dot(const float *a, const float *b, int n) { return num_kernels_now()->dot(a, b, n); }
void vec_bf16(uint16_t *y, const float *x, int n) { num_kernels_now()->bf16(y, x, n); }
void vec_lstm_cell(float *c, float *h, const float *gates, int H) { num_kernels_now()->lstm_cell(c, h, gates, H); }

void vec_draw(int32_t *drawn, float *weights, const float *logits, const float *uniforms, int n, int choices,
              float temperature) {
  CHECK(choices >= 1 && temperature > 0, "%d choices, temperature %g", choices, (double)temperature);
  num_kernels_now()->draw(drawn, weights, logits, uniforms, n, choices, temperature);
}

bool vec_gauss(float *z, const float *mean, const float *log_sigma, const float *normals, int n, float least,
               float noise) {
  return num_kernels_now()->gauss(z, mean, log_sigma, normals, n, least, noise);
}

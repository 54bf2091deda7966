// Adam (Kingma & Ba 2015, algorithm 1), and what is done to a gradient before it.

#include "parts.h"

// The two bias corrections are folded into the step and into epsilon (section 2, end), so that an element costs one
// square root and one division:  lr m^ / (sqrt(v^) + epsilon)  =  step m / (sqrt(v) + epsilon sqrt(1 - beta2^t)).
NN_CLONES static void adam_update(real *restrict w, real *restrict m, real *restrict v, const real *restrict g,
                                  size_t n, real beta1, real rest1, real beta2, real rest2, real step, real epsilon) {
  for (size_t i = 0; i < n; i++) {
    m[i] = beta1 * m[i] + rest1 * g[i];
    v[i] = beta2 * v[i] + rest2 * (g[i] * g[i]);
    w[i] -= step * m[i] / (REAL_SQRT(v[i]) + epsilon);
  }
}

void nn_adam_step(real *w, real *m, real *v, const real *g, size_t n, nn_adam a, int64_t t) {
  CHECK(t >= 1, "step %lld; the first is 1", (long long)t);
  double correction1 = 1 - pow(a.beta1, (double)t);
  double correction2 = sqrt(1 - pow(a.beta2, (double)t));
  adam_update(w, m, v, g, n, (real)a.beta1, (real)(1 - a.beta1), (real)a.beta2, (real)(1 - a.beta2),
         (real)(a.lr * correction2 / correction1), (real)(a.epsilon * correction2));
}

NN_CLONES static void adam_clip(real *g, size_t n, real limit) {
  for (size_t i = 0; i < n; i++) {  // NaN stays NaN: it must be seen, not clipped
    real x = g[i] > limit ? limit : g[i];
    g[i] = x < -limit ? -limit : x;
  }
}

// Sixteen sums in a fixed order, whatever the vector width.
NN_CLONES static double adam_square_sum(const real *g, size_t n) {
  enum { LANES = 16 };
  double part[LANES] = {0};
  size_t whole = n / LANES * LANES;

  // in double: squares of floats neither overflow nor lose digits to a long sum
  for (size_t i = 0; i < whole; i += LANES)
    for (int j = 0; j < LANES; j++) part[j] += (double)g[i + j] * (double)g[i + j];
  for (size_t i = whole; i < n; i++) part[i - whole] += (double)g[i] * (double)g[i];

  // lanes in order: every machine rounds alike
  double sum = 0;
  for (int j = 0; j < LANES; j++) sum += part[j];
  return sum;
}

void nn_clip_elements(real *g, size_t n, real limit) { adam_clip(g, n, limit); }
double nn_norm(const real *g, size_t n) { return sqrt(adam_square_sum(g, n)); }

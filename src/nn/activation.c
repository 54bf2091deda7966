// Activations by element. Their derivatives are written with the output, so that the input need not be kept. In place
// is allowed everywhere.

#include "parts.h"

#define AT_ONCE ((size_t)1 << 20)  // the vector functions of num count in int

NN_CLONES static void activation_relu(real *y, const real *x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = x[i] < 0 ? 0 : x[i];  // written so that NaN stays NaN
}

NN_CLONES static void activation_relu_back(real *dx, const real *dy, const real *y, size_t n) {
  for (size_t i = 0; i < n; i++) dx[i] = y[i] > 0 ? dy[i] : 0;
}

NN_CLONES static void activation_sigmoid_back(real *dx, const real *dy, const real *y, size_t n) {
  for (size_t i = 0; i < n; i++) dx[i] = dy[i] * (y[i] * (1 - y[i]));  // s' = s (1 - s)
}

void nn_relu(real *y, const real *x, size_t n) { activation_relu(y, x, n); }
void nn_relu_back(real *dx, const real *dy, const real *y, size_t n) { activation_relu_back(dx, dy, y, n); }
void nn_sigmoid_back(real *dx, const real *dy, const real *y, size_t n) { activation_sigmoid_back(dx, dy, y, n); }

void nn_sigmoid(real *y, const real *x, size_t n) {
  for (size_t from = 0; from < n; from += AT_ONCE)
    REAL_SIGMOID(y + from, x + from, (int)(n - from < AT_ONCE ? n - from : AT_ONCE));
}

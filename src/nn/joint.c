// What M's latents lose under one mixture for all of them: -log p(t) = -log sum_k softmax(logit)_k prod_d N(t_d; mu_kd,
// e^s_kd).  With u = (t - mu) e^-s and e_k = logit_k - sum_d (u^2/2 + s) this is logsumexp(logit) - logsumexp(e) +
// Z log(2 pi)/2, and with the responsibilities r = softmax(e):
//   d/dlogit = softmax(logit) - r     d/dmu = -r u e^-s     d/ds = r (1 - u^2)
// A component's dimensions stand beside each other, so all loops run over them.

#include <string.h>

#include "parts.h"

#define PIECE 1024      // dimensions at once
#define COMPONENTS_MAX 64
#define HALF_LOG_2PI 0.91893853320467274178
#define SUMS 16         // side by side, in an order that no instruction set changes

typedef struct joint_row {
  int Z, K;
  real floor;
  const real *out, *target;          // (K + 2KZ), (Z)
  real *dout;                        // (K + 2KZ)  or NULL
  real logit[COMPONENTS_MAX], e[COMPONENTS_MAX];
  real inverse[PIECE], cost[PIECE];  // e^-s; u^2/2 + s
} joint_row;

NN_CLONES static void joint_minus_floored(real *restrict y, const real *restrict s, int n, real floor) {
  for (int i = 0; i < n; i++) y[i] = s[i] < floor ? -floor : -s[i];
}

NN_CLONES static void joint_costs(real *restrict cost, const real *restrict mu, const real *restrict s,
                                  const real *restrict inverse, const real *restrict target, int n, real floor) {
  for (int i = 0; i < n; i++) {
    real u = (target[i] - mu[i]) * inverse[i];
    cost[i] = (real)0.5 * (u * u) + (s[i] < floor ? floor : s[i]);
  }
}

NN_CLONES static real joint_sum(const real *restrict x, int n) {
  real sums[SUMS] = {0}, sum = 0;
  int whole = n / SUMS * SUMS;
  for (int from = 0; from < whole; from += SUMS)
    for (int i = 0; i < SUMS; i++) sums[i] += x[from + i];

  for (int i = 0; i < SUMS; i++) sum += sums[i];
  for (int i = whole; i < n; i++) sum += x[i];
  return sum;
}

// The gradients above but for the responsibility; where s is below its floor it has no influence.
NN_CLONES static void joint_slopes(real *restrict dmu, real *restrict ds, const real *restrict mu,
                                   const real *restrict s, const real *restrict inverse, const real *restrict target,
                                   int n, real floor) {
  for (int i = 0; i < n; i++) {
    real u = (target[i] - mu[i]) * inverse[i];
    dmu[i] = -(u * inverse[i]);
    ds[i] = s[i] < floor ? 0 : 1 - u * u;
  }
}

NN_CLONES static void joint_scale(real *restrict x, int n, real factor) {
  for (int i = 0; i < n; i++) x[i] *= factor;
}

// What component k costs at the target; on the way, where it is wanted, its part of the gradient.
static real joint_component(joint_row *p, int k) {
  const real *mu = p->out + p->K + (size_t)2 * k * p->Z, *s = mu + p->Z;
  real *dmu = p->dout ? p->dout + (mu - p->out) : NULL;
  real cost = 0;

  for (int z = 0; z < p->Z; z += PIECE) {
    int n = int_min(PIECE, p->Z - z);
    joint_minus_floored(p->inverse, s + z, n, p->floor);
    REAL_EXP(p->inverse, p->inverse, n);
    joint_costs(p->cost, mu + z, s + z, p->inverse, p->target + z, n, p->floor);
    cost += joint_sum(p->cost, n);
    if (dmu) joint_slopes(dmu + z, dmu + p->Z + z, mu + z, s + z, p->inverse, p->target + z, n, p->floor);
  }

  return cost;
}

// x becomes exp(x - top) / sum of these, the softmax; returns the logarithm of the sum of all exp(x).
static double joint_softmax(real *x, int K) {
  real top = x[0];
  double sum = 0;
  for (int k = 1; k < K; k++) top = top < x[k] ? x[k] : top;
  for (int k = 0; k < K; k++) x[k] -= top;

  REAL_EXP(x, x, K);
  for (int k = 0; k < K; k++) sum += (double)x[k];
  for (int k = 0; k < K; k++) x[k] = (real)((double)x[k] / sum);
  return (double)top + log(sum);
}

static void joint_gradients(joint_row *p, real scale) {
  for (int k = 0; k < p->K; k++) {
    p->dout[k] = scale * (p->logit[k] - p->e[k]);
    joint_scale(p->dout + p->K + (size_t)2 * k * p->Z, 2 * p->Z, scale * p->e[k]);
  }
}

// -log p of a row; the gradient of scale times that.
static double joint_learn(joint_row *p, real scale) {
  memcpy(p->logit, p->out, p->K * sizeof(real));
  for (int k = 0; k < p->K; k++) p->e[k] = p->logit[k] - joint_component(p, k);

  double loss = joint_softmax(p->logit, p->K) - joint_softmax(p->e, p->K) + p->Z * HALF_LOG_2PI;
  if (p->dout) joint_gradients(p, scale);
  return loss;
}

double nn_mdn_joint_loss(real *dout, const real *out, int ld, const real *target, const real *weight, int B, int Z,
                         int K, real floor, real scale) {
  int size = K + 2 * K * Z;
  CHECK(K >= 1 && K <= COMPONENTS_MAX && Z >= 1 && ld >= size && dout != out, "K %d, Z %d, ld %d", K, Z, ld);
  joint_row p = {.Z = Z, .K = K, .floor = floor};
  double sum = 0;

  for (int row = 0; row < B; row++) {
    double w = loss_weight(weight, row);
    p.out = out + (size_t)row * ld;
    p.target = target + (size_t)row * Z;
    p.dout = dout ? dout + (size_t)row * ld : NULL;

    // A row that does not count may hold anything, even NaN.
    if (w != 0) sum += w * joint_learn(&p, (real)((double)scale * w / Z));
    else if (dout) memset(p.dout, 0, size * sizeof *dout);
  }

  return sum / Z;
}

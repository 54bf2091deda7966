// What is minimised: mixture density (Bishop 1994, as World Models uses it: one mixture per dimension), binary
// cross-entropy on a logit, half squared error. Sums in double; no exponential is of a number above 0, bar the
// mixture's 1/sigma.

#include <string.h>

#include "parts.h"

// --- mixture density ------------------------------------------------------------------------------------------------
// -log p(t) = -log sum_k softmax(logit)_k N(t; mu_k, e^s_k).  With u = (t - mu) e^-s and e = logit - u^2/2 - s this is
// logsumexp(logit) - logsumexp(e) + log(2 pi)/2, and with the responsibilities r = softmax(e):
//   d/dlogit = softmax(logit) - r     d/dmu = -r u e^-s     d/ds = r (1 - u^2)
// A piece is some dimensions of some rows, one lane each, with the components apart (k, lane): so all loops run over
// lanes.

#define PIECE 1024      // lanes x components
#define COMPONENTS_MAX 64
#define HALF_LOG_2PI 0.91893853320467274178

typedef struct mdn_piece {
  int row, rows, z, dims;  // rows [row, row+rows), dimensions [z, z+dims) of each
  int lanes, K;
  real logit[PIECE], mu[PIECE], s[PIECE];  // (K,lanes)  become the gradients
  real e[PIECE], inverse[PIECE];           // (K,lanes)  e^-s
  real target[PIECE], scale[PIECE];        // (lanes)
  real top_logit[PIECE], top_e[PIECE], sum_logit[PIECE], sum_e[PIECE];  // (lanes)
} mdn_piece;

// One of the three blocks of a row's output, components apart; and back.
static inline void mdn_split(real *restrict apart, const real *restrict row, int lanes, int dims, int K) {
  for (int z = 0; z < dims; z++)
    for (int k = 0; k < K; k++) apart[k * lanes + z] = row[z * K + k];
}

static inline void mdn_join(real *restrict row, const real *restrict apart, int lanes, int dims, int K) {
  for (int z = 0; z < dims; z++)
    for (int k = 0; k < K; k++) row[z * K + k] = apart[k * lanes + z];
}

static void mdn_read(mdn_piece *p, const real *out, int ld, const real *target, const real *weight, int Z,
                     double scale) {
  for (int r = 0; r < p->rows; r++) {
    int row = p->row + r;
    int first = r * p->dims;  // lane

    // Columns of a row: logits | means | logarithms of sigma, (Z,K) each.
    const real *logit = out + (size_t)row * ld + (size_t)p->z * p->K;
    mdn_split(p->logit + first, logit, p->lanes, p->dims, p->K);
    mdn_split(p->mu + first, logit + (size_t)Z * p->K, p->lanes, p->dims, p->K);
    mdn_split(p->s + first, logit + (size_t)2 * Z * p->K, p->lanes, p->dims, p->K);
    memcpy(p->target + first, target + (size_t)row * Z + p->z, p->dims * sizeof *target);

    real each = (real)(scale * loss_weight(weight, row) / Z);
    for (int i = 0; i < p->dims; i++) p->scale[first + i] = each;
  }
}

NN_CLONES static void mdn_minus_floored(real *restrict y, const real *restrict s, int n, real floor) {
  for (int i = 0; i < n; i++) y[i] = s[i] < floor ? -floor : -s[i];
}

// u into the place of mu; e; and the largest logit and e of each lane, by which the exponentials are kept below 1.
NN_CLONES static void mdn_exponents(mdn_piece *p, real floor) {
  int lanes = p->lanes;
  for (int k = 0; k < p->K; k++) {
    real *restrict e = p->e + k * lanes, *restrict u = p->mu + k * lanes, *restrict logit = p->logit + k * lanes;
    const real *restrict s = p->s + k * lanes, *restrict inverse = p->inverse + k * lanes;
    real *restrict top_logit = p->top_logit, *restrict top_e = p->top_e, *restrict target = p->target;

    for (int i = 0; i < lanes; i++) {
      u[i] = (target[i] - u[i]) * inverse[i];
      e[i] = logit[i] - (real)0.5 * (u[i] * u[i]) - (s[i] < floor ? floor : s[i]);

      // The first component begins them.
      real a = k ? top_logit[i] : logit[i], c = k ? top_e[i] : e[i];
      top_logit[i] = a < logit[i] ? logit[i] : a;
      top_e[i] = c < e[i] ? e[i] : c;
    }
  }
}

NN_CLONES static void mdn_below_top(real *restrict e, const real *restrict top, int lanes, int K) {
  for (int k = 0; k < K; k++)
    for (int i = 0; i < lanes; i++) e[k * lanes + i] -= top[i];
}

NN_CLONES static void mdn_component_sum(real *restrict sum, const real *restrict e, int lanes, int K) {
  for (int i = 0; i < lanes; i++) sum[i] = e[i];
  for (int k = 1; k < K; k++)
    for (int i = 0; i < lanes; i++) sum[i] += e[k * lanes + i];
}

// logit, mu and s become the gradients above; where s is below its floor it has no influence.
NN_CLONES static void mdn_gradients(mdn_piece *p, real floor) {
  int lanes = p->lanes;
  for (int k = 0; k < p->K; k++) {
    real *restrict logit = p->logit + k * lanes, *restrict mu = p->mu + k * lanes, *restrict s = p->s + k * lanes;
    const real *restrict e = p->e + k * lanes, *restrict inverse = p->inverse + k * lanes;
    const real *restrict sum_logit = p->sum_logit, *restrict sum_e = p->sum_e, *restrict scale = p->scale;

    // r is the component's share of the density given the target (Bishop 1994), u the error in deviations
    for (int i = 0; i < lanes; i++) {
      real r = e[i] / sum_e[i], u = mu[i], g = scale[i];
      logit[i] = g * (logit[i] / sum_logit[i] - r);
      mu[i] = -(g * r * u * inverse[i]);
      s[i] = s[i] < floor ? 0 : g * r * (1 - u * u);
    }
  }
}

// Sum of -log p over a row's lanes. Up to 8 ratios of sums, each within [1/64, 64], share one logarithm.
static double mdn_row_sum(const mdn_piece *p, int first) {
  double sum = 0;

  for (int from = 0; from < p->dims; from += 8) {
    double ratio = 1;
    // log of a product for a sum of logs: one in eight is computed
    int to = int_min(p->dims, from + 8);
    for (int i = first + from; i < first + to; i++) {
      sum += (double)(p->top_logit[i] - p->top_e[i]);
      ratio *= (double)p->sum_logit[i] / (double)p->sum_e[i];
    }
    sum += log(ratio);
  }

  return sum + p->dims * HALF_LOG_2PI;
}

static double mdn_sum(const mdn_piece *p, const real *weight) {
  double sum = 0;
  for (int r = 0; r < p->rows; r++) {
    double w = loss_weight(weight, p->row + r);
    if (w != 0) sum += w * mdn_row_sum(p, r * p->dims);  // a row that does not count may hold anything, even NaN
  }
  return sum;
}

static void mdn_write(const mdn_piece *p, real *dout, int ld, const real *weight, int Z) {
  for (int r = 0; r < p->rows; r++) {
    int row = p->row + r;
    int first = r * p->dims;
    real *dlogit = dout + (size_t)row * ld + (size_t)p->z * p->K;
    real *const part[3] = {dlogit, dlogit + (size_t)Z * p->K, dlogit + (size_t)2 * Z * p->K};
    const real *const from[3] = {p->logit + first, p->mu + first, p->s + first};

    // Not times 0: what a row without weight holds may be NaN.
    bool counts = loss_weight(weight, row) != 0;
    for (int i = 0; i < 3; i++) {
      if (counts) mdn_join(part[i], from[i], p->lanes, p->dims, p->K);
      else memset(part[i], 0, (size_t)p->dims * p->K * sizeof *dout);
    }
  }
}

static void mdn_solve(mdn_piece *p, real floor) {
  int all = p->lanes * p->K;

  // e^-s, then u and e.
  mdn_minus_floored(p->inverse, p->s, all, floor);
  REAL_EXP(p->inverse, p->inverse, all);
  mdn_exponents(p, floor);

  // Both softmaxes, but for the division by their sums.
  mdn_below_top(p->logit, p->top_logit, p->lanes, p->K);
  mdn_below_top(p->e, p->top_e, p->lanes, p->K);
  REAL_EXP(p->logit, p->logit, all);
  REAL_EXP(p->e, p->e, all);
  mdn_component_sum(p->sum_logit, p->logit, p->lanes, p->K);
  mdn_component_sum(p->sum_e, p->e, p->lanes, p->K);
}

double nn_mdn_loss(real *dout, const real *out, int ld, const real *target, const real *weight, int B, int Z, int K,
                   real floor, real scale) {
  CHECK(K >= 1 && K <= COMPONENTS_MAX && Z >= 1 && ld >= 3 * Z * K, "K %d, Z %d, ld %d", K, Z, ld);
  mdn_piece p;
  double sum = 0;

  // As many rows as fill a piece; where one row is too much, as many of its dimensions.
  int dims = int_min(Z, PIECE / K);
  int rows = int_max(1, PIECE / (Z * K));
  for (int row = 0; row < B; row += rows)
    for (int z = 0; z < Z; z += dims) {
      p.row = row;
      p.rows = int_min(rows, B - row);
      p.z = z;
      p.dims = int_min(dims, Z - z);
      p.lanes = p.rows * p.dims;
      p.K = K;

      mdn_read(&p, out, ld, target, weight, Z, (double)scale);
      mdn_solve(&p, floor);
      sum += mdn_sum(&p, weight);
      if (!dout) continue;

      mdn_gradients(&p, floor);
      mdn_write(&p, dout, ld, weight, Z);
    }

  return sum / Z;
}

// --- one number per row ---------------------------------------------------------------------------------------------

static double loss_softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }  // log(1 + e^x)
static double loss_logistic(double x) { return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x)); }

// factor t softplus(-x) + (1 - t) softplus(x)
double nn_bce_loss(real *dlogit, const real *logit, int ld, const real *target, const real *weight, int B, real factor,
                   real scale) {
  double sum = 0;

  for (int b = 0; b < B; b++) {
    double w = loss_weight(weight, b), x = (double)logit[(size_t)b * ld], t = (double)target[b];
    double on = (double)factor * t, off = 1 - t;
    double gradient = off * loss_logistic(x) - on * loss_logistic(-x);

    // A row without weight may hold NaN.
    if (w != 0) sum += w * (on * loss_softplus(-x) + off * loss_softplus(x));
    if (dlogit) dlogit[(size_t)b * ld] = w != 0 ? (real)((double)scale * w * gradient) : 0;
  }

  return sum;
}

double nn_square_loss(real *dy, const real *y, int ld, const real *target, const real *weight, int B, real scale) {
  double sum = 0;
  for (int b = 0; b < B; b++) {
    double w = loss_weight(weight, b);
    double error = (double)y[(size_t)b * ld] - (double)target[b];

    // a weight of 0 hides even a target that is not finite
    if (w != 0) sum += w * 0.5 * error * error;
    if (dy) dy[(size_t)b * ld] = w != 0 ? (real)((double)scale * w * error) : 0;
  }
  return sum;
}

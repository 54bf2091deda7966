// CMA-ES with learning rate adaptation (M. Nomura, Y. Akimoto and I. Ono, "CMA-ES with Learning Rate Adaptation: Can
// CMA-ES with Default Population Size Solve Multimodal and Noisy Problems?", GECCO 2023, arXiv:2304.03473). Each
// generation makes the step of CMA-ES, then takes only a part of it: of the mean's a share eta_m, of Sigma = sigma^2
// C's a share eta_S. The shares are steered so that the signal-to-noise ratio of the steps stays at alpha eta.

#include "lra.h"

#include <math.h>
#include <string.h>

#define ALPHA 1.4
#define BETA_MEAN 0.1
#define BETA_SIGMA 0.03
#define GAMMA 0.1


static size_t lra_doubles(const es_numbers *now) {
  return cma_doubles(now) + (size_t)now->n * (1 + (size_t)now->n) + 4;
}

static void lra_room(es *e, double *state) {
  size_t n = (size_t)e->now.n;
  lra *l = e->own = ARENA_NEW(e->memory, lra, 1);
  cma_room(&l->base, e, &state);

  // moving averages E of both steps, V of their squared lengths, and the two shares
  l->step_mean = es_take(&state, n);
  l->step_sigma = es_take(&state, n * n);
  double **numbers[] = {&l->eta_mean, &l->eta_sigma, &l->v_mean, &l->v_sigma};
  for (int i = 0; i < 4; i++) *numbers[i] = es_take(&state, 1);

  // scratch: what there was before the step
  l->mean = ARENA_NEW(e->memory, double, n);
  double **matrices[] = {&l->C, &l->root, &l->change, &l->half};
  for (int i = 0; i < 4; i++) *matrices[i] = ARENA_NEW(e->memory, double, n * n);
}

static void lra_begin(es *e) {
  cma_begin(e);
  *lra_of(e)->eta_mean = *lra_of(e)->eta_sigma = 1;
}

// root = B D^-1 B^T
static void lra_root(lra *l, int n) {
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) l->half[(size_t)i * n + j] = l->base.B[(size_t)i * n + j] / l->base.D[j];
  num_dgemm(false, true, n, n, n, 1, l->half, n, l->base.B, n, 0, l->root, n);
}

// average <- (1 - beta) average + beta step, the square of its length likewise. Returns the signal-to-noise ratio.
static double lra_signal(double *average, double *square, const double *step, size_t count, double beta) {
  double step2 = 0, average2 = 0;

  // E <- (1 - beta) E + beta step
  for (size_t i = 0; i < count; i++) {
    average[i] = (1 - beta) * average[i] + beta * step[i];
    average2 += average[i] * average[i];
    step2 += step[i] * step[i];
  }

  // V likewise; |E|^2 of pure noise is beta / (2 - beta) V, which is not signal
  *square = (1 - beta) * *square + beta * step2;
  double noise = *square - average2;
  return noise > 0 ? (average2 - beta / (2 - beta) * *square) / noise : 0;
}

// eta <- eta exp(min(gamma eta, beta) clip(snr / (alpha eta) - 1, -1, 1)), at most 1
static void lra_steer(double *eta, double snr, double beta) {
  double wanted = fmin(1, fmax(-1, snr / (ALPHA * *eta) - 1));
  *eta = fmin(1, *eta * exp(fmin(GAMMA * *eta, beta) * wanted));
}

// The mean's step as seen from Sigma^-1/2: short where Sigma is long.
static void lra_weigh_mean(es *e, double sigma) {
  lra *l = lra_of(e);
  int n = e->now.n;
  for (int i = 0; i < n; i++) l->half[i] = (e->mean[i] - l->mean[i]) / sigma;
  num_dgemm(false, false, 1, n, n, 1, l->half, n, l->root, n, 0, l->change, n);
  lra_steer(l->eta_mean, lra_signal(l->step_mean, l->v_mean, l->change, (size_t)n, BETA_MEAN), BETA_MEAN);
}

// The same for Sigma: Sigma^-1/2 (new - old) Sigma^-1/2 / sqrt(2). Leaves new - old in change.
static void lra_weigh_sigma(es *e, double sigma) {
  lra *l = lra_of(e);
  int n = e->now.n;
  size_t count = (size_t)n * n;

  // C is kept in units of the old sigma^2, in which Sigma's step is a difference of matrices
  double grown = e->now.sigma / sigma * (e->now.sigma / sigma);
  for (size_t i = 0; i < count; i++) l->change[i] = grown * l->base.C[i] - l->C[i];

  // from both sides; sqrt(1/2) makes its Frobenius norm the length in the metric of normal distributions
  num_dgemm(false, false, n, n, n, 1, l->root, n, l->change, n, 0, l->half, n);
  num_dgemm(false, false, n, n, n, sqrt(0.5), l->half, n, l->root, n, 0, l->base.B, n);  // B is made anew below
  lra_steer(l->eta_sigma, lra_signal(l->step_sigma, l->v_sigma, l->base.B, count, BETA_SIGMA), BETA_SIGMA);
}

// sigma^2 C <- old + eta_S (new - old); C gets determinant 1, and sigma the rest.
static void lra_take_share(es *e, double sigma) {
  lra *l = lra_of(e);
  cma *c = &l->base;
  size_t n = (size_t)e->now.n;
  double logs = 0;

  // m and Sigma go their shares of the way
  for (size_t i = 0; i < n; i++) e->mean[i] = l->mean[i] + *l->eta_mean * (e->mean[i] - l->mean[i]);
  for (size_t i = 0; i < n * n; i++) c->B[i] = c->C[i] = l->C[i] + *l->eta_sigma * l->change[i];

  // determinant 1: C is divided by the geometric mean of its eigenvalues
  CHECK(num_dsyev(c->B, c->D, e->now.n) == OK, "%s", status_message());
  double least = 1e-30 * c->D[n - 1];
  for (size_t i = 0; i < n; i++) {
    c->D[i] = sqrt(fmax(c->D[i], least));
    logs += log(c->D[i]);
  }

  double scale = exp(logs / (double)n);
  for (size_t i = 0; i < n; i++) c->D[i] /= scale;
  for (size_t i = 0; i < n * n; i++) c->C[i] /= scale * scale;
  e->now.sigma = sigma * scale;
}

static void lra_tell(es *e) {
  lra *l = lra_of(e);
  size_t n = (size_t)e->now.n;
  double sigma = e->now.sigma, eta = *l->eta_mean;

  // what it was before the whole step
  memcpy(l->mean, e->mean, n * sizeof *l->mean);
  memcpy(l->C, l->base.C, n * n * sizeof *l->C);
  lra_root(l, e->now.n);

  cma_update(e);
  lra_weigh_mean(e, sigma);
  lra_weigh_sigma(e, sigma);
  lra_take_share(e, sigma);
  e->now.sigma *= eta / *l->eta_mean;  // the best step size grows as the mean's share shrinks
  es_units_fit(e);
}

static void lra_list(es_listing *l, const es_numbers *now) {
  static const char paper[] = "Nomura, Akimoto and Ono 2023";
  es_list_cma(l, now);
  es_list(l, "alpha", ALPHA, "", "Nomura, Akimoto and Ono 2023: signal to noise over a share that is held");
  es_list(l, "beta_mean", BETA_MEAN, "", paper);
  es_list(l, "beta_sigma", BETA_SIGMA, "", paper);
  es_list(l, "gamma", GAMMA, "", paper);
}

static bool lra_sound(const es *e) {
  const lra *l = lra_of(e);
  bool shares = *l->eta_mean > 0 && *l->eta_mean <= 1 && *l->eta_sigma > 0 && *l->eta_sigma <= 1;
  return shares && *l->v_mean >= 0 && *l->v_sigma >= 0 && cma_sound(e);
}

const es_strategy es_lra_cma = {.name = "LRA-CMA-ES",
                                .most_parameters = 32000,
                                .popsize_multiple = 1,
                                .least_popsize = 3,
                                .popsize = es_popsize_by_n,
                                .doubles = lra_doubles,
                                .sampling = cma_sampling,
                                .room = lra_room,
                                .begin = lra_begin,
                                .candidates = cma_candidates,
                                .tell = lra_tell,
                                .list = lra_list,
                                .condition = cma_condition,
                                .deviation = cma_deviation,
                                .path = cma_path,
                                .longest = cma_longest,
                                .axis = cma_axis,
                                .sound = lra_sound};

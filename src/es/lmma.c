// LM-MA-ES (I. Loshchilov, T. Glasmachers and H.-G. Beyer, "Large Scale Black-Box Optimization by Limited-Memory Matrix
// Adaptation", arXiv:1705.06693). Instead of C it keeps m = 4 + floor(3 ln n) directions that the mean took, faded at
// rates from fast to slow; a sample is stretched along them one after the other:
//   d = M z,  M = M_last .. M_1 M_0,  M_j = (1 - cd_j) I + cd_j v_j v_j^T
// O(m n) memory and time per candidate, where CMA-ES needs n^2: for parameters by the ten thousand and more that depend
// on each other along few directions. Its rates are made for popsize < n / 4; below, they are capped, and CMA-ES is
// better anyway. What is told need not be what was drawn: each M_j is undone in O(n).

#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct lmma {
  int m;            // directions
  double *weights;  // (mu)    positive, sum 1
  double mueff;     // <- weights
  double cs, chi_n; // <- popsize, n
  double *ps;       // (n)     evolution path of sigma; state
  double *v;        // (m, n)  directions, the fast ones first; state
  double *d, *z;    // (n)     weighted means of the better steps and of what was drawn for them
} lmma;

static lmma *lmma_of(const es *e) { return e->own; }

static int lmma_directions(int n) { return 4 + (int)(3 * log(n)); }
static size_t lmma_doubles(const es_numbers *now) { return (size_t)now->n * (1 + (size_t)lmma_directions(now->n)); }
static size_t lmma_sampling(const es_numbers *now) { return (size_t)now->n * (size_t)lmma_directions(now->n); }  // v

static double lmma_rate_s(const es_numbers *now) { return fmin(0.5, 2.0 * now->popsize / now->n); }
static double lmma_rate_d(const es_numbers *now, int j) { return fmin(0.5, 1 / (pow(1.5, j) * now->n)); }
static double lmma_rate_c(const es_numbers *now, int j) { return fmin(1, now->popsize / (pow(4, j) * now->n)); }

static void lmma_room(es *e, double *state) {
  size_t n = (size_t)e->now.n;
  lmma *l = e->own = ARENA_NEW(e->memory, lmma, 1);
  l->m = lmma_directions(e->now.n);

  // Hansen's positive weights; the rates are the article's
  l->weights = ARENA_NEW(e->memory, double, e->now.popsize);
  es_constants c = es_constants_make(e->now.n, e->now.popsize, false, ES_PYCMA, l->weights);
  l->mueff = c.mueff;
  l->chi_n = c.chi_n;
  l->cs = lmma_rate_s(&e->now);

  // the directions come first: they are all that sampling needs
  l->v = es_take(&state, n * (size_t)l->m);
  l->ps = es_take(&state, n);
  l->d = ARENA_NEW(e->memory, double, n);
  l->z = ARENA_NEW(e->memory, double, n);
}

static void lmma_begin(es *e) { (void)e; }

// Directions that have been told of so far: one more a generation.
static int lmma_known(const es *e) { return e->now.generation < lmma_of(e)->m ? e->now.generation : lmma_of(e)->m; }

// Eight sums side by side, in this order on every machine: one alone would wait for each addition.
static double lmma_dot(const double *a, const double *b, int n) {
  enum { SUMS = 8 };
  double sum[SUMS] = {0};

  int i = 0;
  for (; i + SUMS <= n; i += SUMS)
    for (int j = 0; j < SUMS; j++) sum[j] += a[i + j] * b[i + j];
  for (; i < n; i++) sum[0] += a[i] * b[i];
  return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

// x <- M_j x
static void lmma_stretch(const es *e, int j, double *x) {
  int n = e->now.n;
  const double *v = lmma_of(e)->v + (size_t)j * n;
  double c = lmma_rate_d(&e->now, j), along = c * lmma_dot(v, x, n);
  for (int i = 0; i < n; i++) x[i] = (1 - c) * x[i] + along * v[i];
}

// x <- M_j^-1 x, by Sherman and Morrison's formula
static void lmma_unstretch(const es *e, int j, double *x) {
  int n = e->now.n;
  const double *v = lmma_of(e)->v + (size_t)j * n;
  double c = lmma_rate_d(&e->now, j), along = c * lmma_dot(v, x, n) / (1 - c + c * lmma_dot(v, v, n));
  for (int i = 0; i < n; i++) x[i] = (x[i] - along * v[i]) / (1 - c);
}

static void lmma_candidate(es *e, int k, double *x) {
  es_normals(e, k, x);
  for (int j = 0; j < lmma_known(e); j++) lmma_stretch(e, j, x);
  for (int i = 0; i < e->now.n; i++) x[i] = e->mean[i] + e->now.sigma * x[i];
}

// Each direction stretches by the square of its length, one after the other: told points far from all that was drawn
// must not make them so long that a candidate is infinite.
static void lmma_shorten(double *z, int n) {
  double most = 1e3 * sqrt(n), found = sqrt(es_squares(z, n));
  for (int i = 0; found > most && i < n; i++) z[i] *= most / found;
}

static void lmma_means(es *e) {
  lmma *l = lmma_of(e);
  int n = e->now.n;
  memset(l->d, 0, (size_t)n * sizeof *l->d);
  for (int k = 0; k < e->now.popsize / 2; k++) {
    const double *x = es_row(e, e->order[k].candidate);
    for (int i = 0; i < n; i++) l->d[i] += l->weights[k] * (x[i] - e->mean[i]) / e->now.sigma;
  }

  memcpy(l->z, l->d, (size_t)n * sizeof *l->z);
  // M is linear: the mean of z is M^-1 of the mean of d
  for (int j = lmma_known(e) - 1; j >= 0; j--) lmma_unstretch(e, j, l->z);
  lmma_shorten(l->z, n);
}

static void lmma_fade(double *path, double rate, double mueff, const double *z, int n) {
  double gain = sqrt(mueff * rate * (2 - rate));
  for (int i = 0; i < n; i++) path[i] = (1 - rate) * path[i] + gain * z[i];
}

static void lmma_tell(es *e) {
  lmma *l = lmma_of(e);
  int n = e->now.n;

  // recombination: d in the space of x, z in that of what was drawn
  lmma_means(e);
  for (int i = 0; i < n; i++) e->mean[i] += e->now.sigma * l->d[i];

  // the path of sigma, and each direction at its own rate, are fed the same mean of z
  lmma_fade(l->ps, l->cs, l->mueff, l->z, n);
  for (int j = 0; j < l->m; j++) lmma_fade(l->v + (size_t)j * n, lmma_rate_c(&e->now, j), l->mueff, l->z, n);
  e->now.sigma *= exp(fmin(1, l->cs * (sqrt(es_squares(l->ps, n)) / l->chi_n - 1)));
}

static void lmma_list(es_listing *l, const es_numbers *now) {
  static const char paper[] = "Loshchilov, Glasmachers and Beyer 2017; capped for n below 4 popsize";
  int m = lmma_directions(now->n);
  es_constants c = es_constants_make(now->n, now->popsize, false, ES_PYCMA, NULL);

  // rates go from fast to slow: the first and the last of m are listed
  es_list_recombination(l, &c);
  es_list(l, "m", m, "4 + floor(3 ln(n))", "Loshchilov, Glasmachers and Beyer 2017: directions kept");
  es_list(l, "cs", lmma_rate_s(now), "min(1/2, 2 popsize / n)", paper);
  es_list(l, "chi_n", c.chi_n, "sqrt(n) (1 - 1 / (4 n) + 1 / (21 n^2))",
          "Hansen 2016: the mean of |N(0, I)|, approximately");
  es_list(l, "cd_first", lmma_rate_d(now, 0), "min(1/2, 1 / n)", paper);
  es_list(l, "cd_last", lmma_rate_d(now, m - 1), "min(1/2, 1 / (1.5^(m - 1) n))", paper);
  es_list(l, "cc_first", lmma_rate_c(now, 0), "min(1, popsize / n)", paper);
  es_list(l, "cc_last", lmma_rate_c(now, m - 1), "min(1, popsize / (4^(m - 1) n))", paper);
}

const es_strategy es_lm_ma = {.name = "LM-MA-ES",
                              .most_parameters = 1 << 24,
                              .popsize_multiple = 1,
                              .least_popsize = 4,
                              .popsize = es_popsize_by_n,
                              .doubles = lmma_doubles,
                              .sampling = lmma_sampling,
                              .room = lmma_room,
                              .begin = lmma_begin,
                              .candidate = lmma_candidate,
                              .tell = lmma_tell,
                              .list = lmma_list};

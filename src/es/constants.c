// Weights and strategy constants of CMA-ES. Equation numbers are those of Hansen's tutorial (arXiv:1604.00772).
// The dialects differ in four places:
//   ES_TUTORIAL  cmu without an offset, cs over n + mueff + 5, c1 as it stands
//   ES_PYCMA     cmu with the rank-mu offset 1/4, cs over n + mueff + 3 and at most 1/2, c1 times min(1, popsize / 6);
//                and h_sigma's threshold (cma.c). The default, because pycma is what users compare with: its counts of
//                evaluations are the tested reference.

#include <math.h>

#include "parts.h"

static double constants_larger(double a, double b) { return a > b ? a : b; }
static double constants_smaller(double a, double b) { return a < b ? a : b; }

typedef struct sums { double plain, square; } sums;

static double constants_mass(sums s) { return s.square > 0 ? s.plain * s.plain / s.square : 0; }

// w'_i = ln((popsize+1)/2) - ln i                                                                             (49)
static void constants_raw_weights(const es_constants *c, double *weights, sums *positive, sums *negative) {
  for (int i = 0; i < c->popsize; i++) {
    double w = log((c->popsize + 1) / 2.0) - log(i + 1.0);
    sums *s = i < c->mu ? positive : negative;
    s->plain += w;
    s->square += w * w;
    if (weights) weights[i] = w;
  }
}

static void constants_rates_of_c(es_constants *c, es_dialect dialect) {
  double n = c->n, mueff = c->mueff, offset = dialect == ES_PYCMA ? 0.25 : 0;
  c->cc = (4 + mueff / n) / (n + 4 + 2 * mueff / n);                                                          // (56)
  c->c1 = 2 / ((n + 1.3) * (n + 1.3) + mueff);                                                                // (57)
  if (dialect == ES_PYCMA) c->c1 *= constants_smaller(1, c->popsize / 6.0);
  c->cmu = constants_smaller(1 - c->c1, 2 * (offset + mueff + 1 / mueff - 2) / ((n + 2) * (n + 2) + mueff));  // (58)
}

// A diagonal has n numbers to learn instead of n (n + 1) / 2: the rates are larger by about n / 2 (pycma).
static void constants_rates_of_diagonal(es_constants *c) {
  double n = c->n, mueff = c->mueff;
  c->cc = (1 + 1 / n + mueff / n) / (sqrt(n) + 1 / n + 2 * mueff / n);
  c->c1 = 1 / (n + 2 * sqrt(n) + mueff / n);
  c->cmu = constants_smaller(1 - c->c1, (0.25 + mueff + 1 / mueff - 2) / (n + 4 * sqrt(n) + mueff / 2));
}

static void constants_rates_of_sigma(es_constants *c, es_dialect dialect) {
  double n = c->n, mueff = c->mueff;
  c->cs = (mueff + 2) / (n + mueff + (dialect == ES_PYCMA ? 3 : 5));                                          // (55)
  if (dialect == ES_PYCMA) c->cs = constants_smaller(0.5, c->cs);
  c->damps = 1 + 2 * constants_larger(0, sqrt((mueff - 1) / (n + 1)) - 1) + c->cs;                  // (55)
  c->chi_n = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
  c->h_limit = dialect == ES_PYCMA ? 1 + 4 / (n + 1) : 1.4 + 2 / (n + 1);
}

static es_constants constants_make(int n, int popsize, bool active, es_dialect dialect, double *weights,
                                   bool separable) {
  CHECK(n >= 1 && (popsize == 0 || popsize >= 2), "n %d popsize %d", n, popsize);
  es_constants c = {.n = n, .popsize = popsize ? popsize : 4 + (int)(3 * log(n)), .mu = 0};

  c.mu = c.popsize / 2;
  sums positive = {0, 0}, negative = {0, 0};
  constants_raw_weights(&c, weights, &positive, &negative);
  c.mueff = constants_mass(positive);
  c.mueff_minus = constants_mass(negative);

  if (separable) constants_rates_of_diagonal(&c);
  else constants_rates_of_c(&c, dialect);
  constants_rates_of_sigma(&c, dialect);

  // how far C may be shrunk by what is worse, and still be positive
  c.alpha_mu = 1 + c.c1 / c.cmu;                                                                               // (50)
  c.alpha_mueff = 1 + 2 * c.mueff_minus / (c.mueff + 2);                                                       // (51)
  c.alpha_posdef = separable ? INFINITY : (1 - c.c1 - c.cmu) / (n * c.cmu);                                    // (52)
  double least = constants_smaller(c.alpha_mu, constants_smaller(c.alpha_mueff, c.alpha_posdef));
  c.negative_sum = active && negative.plain < 0 ? -least : 0;
  for (int i = 0; weights && i < c.popsize; i++)                                                               // (53)
    weights[i] *= i < c.mu ? 1 / positive.plain : negative.plain < 0 ? c.negative_sum / negative.plain : 0;

  // Decomposing C costs n^3, changing it n^2 popsize: it may wait popsize / (c1 + cmu) / n / 10 evaluations.
  c.eigen_gap = separable ? 1 : (int)constants_larger(1, floor(1 / (c.c1 + c.cmu) / n / 10));
  return c;
}

es_constants es_constants_make(int n, int popsize, bool active, es_dialect dialect, double *weights) {
  return constants_make(n, popsize, active, dialect, weights, false);
}

es_constants es_constants_separable(int n, int popsize, bool active, es_dialect dialect, double *weights) {
  return constants_make(n, popsize, active, dialect, weights, true);
}

int es_popsize_by_n(int n) { return es_constants_make(n, 0, false, ES_PYCMA, NULL).popsize; }

// --- for people -----------------------------------------------------------------------------------------------------

void es_list_recombination(es_listing *l, const es_constants *c) {
  es_list(l, "mu", c->mu, "floor(popsize / 2)", "Hansen 2016, Table 1");
  es_list(l, "mueff", c->mueff, "sum(w)^2 / sum(w^2), w_i = ln((popsize + 1) / 2) - ln(i), i = 1 .. mu",
          "Hansen 2016 (8), (49)");
}

static void constants_list_negative(es_listing *l, const es_constants *c, bool active) {
  if (!active) {
    es_list(l, "negative_sum", c->negative_sum, "", "the options: not active, the worse half has no weight");
    return;
  }

  // a diagonal's exponential update stays positive without (52)
  bool bounded = isfinite(c->alpha_posdef);
  es_list(l, "mueff_minus", c->mueff_minus, "the same, i = mu + 1 .. popsize", "Hansen 2016, Table 1");
  es_list(l, "alpha_mu", c->alpha_mu, "1 + c1 / cmu", "Hansen 2016 (50)");
  es_list(l, "alpha_mueff", c->alpha_mueff, "1 + 2 mueff_minus / (mueff + 2)", "Hansen 2016 (51)");
  if (bounded) es_list(l, "alpha_posdef", c->alpha_posdef, "(1 - c1 - cmu) / (n cmu)", "Hansen 2016 (52)");
  es_list(l, "negative_sum", c->negative_sum,
          bounded ? "-min(alpha_mu, alpha_mueff, alpha_posdef)" : "-min(alpha_mu, alpha_mueff)",
          bounded ? "Hansen 2016 (53)" : "Hansen 2016 (53); (52) does not bind an exponential update");
}

static void constants_list_sigma(es_listing *l, const es_constants *c, bool pycma) {
  es_list(l, "cs", c->cs, pycma ? "min(1/2, (mueff + 2) / (n + mueff + 3))" : "(mueff + 2) / (n + mueff + 5)",
          pycma ? "Hansen 2016 (55); pycma's + 3 instead of + 5, and the 1/2" : "Hansen 2016 (55)");
  es_list(l, "damps", c->damps, "1 + 2 max(0, sqrt((mueff - 1) / (n + 1)) - 1) + cs", "Hansen 2016 (55)");

  // what the path's length is held against: the step size (44), and h_sigma
  es_list(l, "chi_n", c->chi_n, "sqrt(n) (1 - 1 / (4 n) + 1 / (21 n^2))",
          "Hansen 2016: the mean of |N(0, I)|, approximately");
  es_list(l, "h_limit", c->h_limit, pycma ? "1 + 4 / (n + 1)" : "1.4 + 2 / (n + 1)",
          pycma ? "pycma: h_sigma is 1 while |ps|^2 / n - 1 is below"
              : "Hansen 2016: h_sigma is 1 while |ps| / chi_n is below");
}

void es_list_cma(es_listing *l, const es_numbers *now) {
  bool pycma = now->dialect == ES_PYCMA;
  es_constants c = es_constants_make(now->n, now->popsize, now->active, (es_dialect)now->dialect, NULL);

  // in the order of Hansen's Table 1: recombination, step size, covariance
  es_list_recombination(l, &c);
  constants_list_sigma(l, &c, pycma);
  es_list(l, "cc", c.cc, "(4 + mueff / n) / (n + 4 + 2 mueff / n)", "Hansen 2016 (56)");
  es_list(l, "c1", c.c1, pycma ? "min(1, popsize / 6) 2 / ((n + 1.3)^2 + mueff)" : "2 / ((n + 1.3)^2 + mueff)",
          pycma ? "Hansen 2016 (57); the first factor is pycma's" : "Hansen 2016 (57)");
  es_list(l, "cmu", c.cmu,
          pycma ? "min(1 - c1, 2 (1/4 + mueff + 1 / mueff - 2) / ((n + 2)^2 + mueff))"
                : "min(1 - c1, 2 (mueff + 1 / mueff - 2) / ((n + 2)^2 + mueff))",
          pycma ? "Hansen 2016 (58); the 1/4 is pycma's" : "Hansen 2016 (58)");

  es_list(l, "cm", 1, "", "Hansen 2016 (54): the mean takes its whole step");
  constants_list_negative(l, &c, now->active);
  es_list(l, "eigen_gap", c.eigen_gap, "max(1, floor(1 / (10 n (c1 + cmu))))",
          "Hansen 2016, B.2: generations between decompositions of C");
}

void es_list_sep_cma(es_listing *l, const es_numbers *now) {
  static const char pycma[] = "pycma, for a diagonal C (Ros and Hansen 2008: faster by about n / 2)";
  es_constants c = es_constants_separable(now->n, now->popsize, now->active, (es_dialect)now->dialect, NULL);

  // as for a full C but for the rates (constants_rates_of_diagonal)
  es_list_recombination(l, &c);
  constants_list_sigma(l, &c, now->dialect == ES_PYCMA);
  es_list(l, "cc", c.cc, "(1 + 1 / n + mueff / n) / (sqrt(n) + 1 / n + 2 mueff / n)", pycma);
  es_list(l, "c1", c.c1, "1 / (n + 2 sqrt(n) + mueff / n)", pycma);
  es_list(l, "cmu", c.cmu, "min(1 - c1, (1/4 + mueff + 1 / mueff - 2) / (n + 4 sqrt(n) + mueff / 2))", pycma);
  es_list(l, "cm", 1, "", "Hansen 2016 (54): the mean takes its whole step");
  constants_list_negative(l, &c, now->active);
}

// Recombination, evolution paths and cumulative step-size adaptation (N. Hansen, "The CMA Evolution Strategy: A
// Tutorial", arXiv:1604.00772; equation numbers are its). Knows C only as a length of steps.

#include "csa.h"

#include <math.h>
#include <string.h>

void csa_room(csa *c, es *e, double **state) {
  size_t n = (size_t)e->now.n, popsize = (size_t)e->now.popsize;
  c->weights = ARENA_NEW(e->memory, double, popsize);
  c->ps = es_take(state, n);
  c->pc = es_take(state, n);
  c->y = ARENA_NEW(e->memory, double, popsize * n);
  c->step = ARENA_NEW(e->memory, double, n);
}

// A step that the strategy did not draw is shortened to what a drawn one may be (Hansen 2011).
static void csa_shorten(es *e, double *y, csa_length *length) {
  double n = e->now.n, most = sqrt(n) + 2 * n / (n + 2), found = length(e, y);
  for (int i = 0; found > most && i < e->now.n; i++) y[i] *= most / found;
}

// y_i:popsize = (x_i:popsize - m) / sigma, from what was told; step = sum over the better half of w_i y_i
void csa_steps(csa *c, es *e, csa_length *length) {
  int n = e->now.n;
  memset(c->step, 0, (size_t)n * sizeof *c->step);
  for (int k = 0; k < e->now.popsize; k++) {
    // from the best candidate to the worst
    int candidate = e->order[k].candidate;
    const double *from = es_row(e, candidate);
    double *y = c->y + (size_t)k * n;
    for (int i = 0; i < n; i++) y[i] = (from[i] - e->mean[i]) / e->now.sigma;

    if (e->injected[candidate]) csa_shorten(e, y, length);
    // the weighted recombination <y>_w, of the better half alone                                                  (41)
    for (int i = 0; k < c->constants.mu && i < n; i++) c->step[i] += c->weights[k] * y[i];
  }
}

// ps <- (1-cs) ps + sqrt(cs (2-cs) mueff) C^-1/2 step                                                            (43)
void csa_sigma_path(csa *c, const es *e, const double *white) {
  double cs = c->constants.cs, gain = sqrt(cs * (2 - cs) * c->constants.mueff);
  for (int i = 0; i < e->now.n; i++) c->ps[i] = (1 - cs) * c->ps[i] + gain * white[i];
}

// h_sigma stalls pc while ps is long, lest C grow too fast when sigma is far too small.
bool csa_path_is_short(const csa *c, const es *e) {
  double n = e->now.n, seen = 1 - pow(1 - c->constants.cs, 2.0 * (e->now.generation + 1));
  double length = es_squares(c->ps, e->now.n) / seen;
  if (e->now.dialect == ES_PYCMA) return length / n - 1 < c->constants.h_limit;
  return sqrt(length) < c->constants.h_limit * c->constants.chi_n;
}

// pc <- (1-cc) pc + h sqrt(cc (2-cc) mueff) step                                                                 (45)
void csa_covariance_path(csa *c, const es *e, const double *step, bool h) {
  double cc = c->constants.cc, gain = h ? sqrt(cc * (2 - cc) * c->constants.mueff) : 0;
  for (int i = 0; i < e->now.n; i++) c->pc[i] = (1 - cc) * c->pc[i] + gain * step[i];
}

void csa_mean(const csa *c, es *e) {
  for (int i = 0; i < e->now.n; i++) e->mean[i] += e->now.sigma * c->step[i];                                  // (42)
}

// sigma <- sigma exp(cs/damps (|ps| / E|N(0,I)| - 1)), by a factor of e at the most, as pycma does: told candidates
// that lie far from the asked ones must not throw sigma out of range in one generation. Within bounds no larger than
// is of use there.                                                                                               (44)
void csa_step_size(const csa *c, es *e) {
  const es_constants *k = &c->constants;
  e->now.sigma *= exp(fmin(1, k->cs / k->damps * (sqrt(es_squares(c->ps, e->now.n)) / k->chi_n - 1)));
  e->now.sigma = fmin(e->now.sigma, es_most_sigma(e));
}

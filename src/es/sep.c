// CMA-ES with a diagonal C (R. Ros and N. Hansen, "A Simple Modification in CMA-ES Achieving Linear Time and Space
// Complexity", PPSN 2008), with pycma's rates and, like pycma, with an exponential update of the deviations
// (Hansen, "Adaptive Encoding", PPSN 2008): they stay positive whatever the negative weights.

#include "sep.h"

#include <math.h>
#include <string.h>

// ln 2: a step of sqrt(2) deviations at a rate of 1 doubles the variance, as adding it would
#define UPDATE 0.6931471805599453

static size_t sep_doubles(const es_numbers *now) { return 3 * (size_t)now->n; }
static size_t sep_sampling(const es_numbers *now) { return (size_t)now->n; }  // d

static void sep_room(es *e, double *state) {
  sep *s = e->own = ARENA_NEW(e->memory, sep, 1);
  s->d = es_take(&state, (size_t)e->now.n);
  csa_room(&s->paths, e, &state);
  s->paths.constants = es_constants_separable(e->now.n, e->now.popsize, e->now.active, (es_dialect)e->now.dialect,
                                              s->paths.weights);
  s->white = ARENA_NEW(e->memory, double, e->now.n);
}

static void sep_begin(es *e) {
  for (int i = 0; i < e->now.n; i++) sep_of(e)->d[i] = 1;
}

static void sep_candidate(es *e, int k, double *x) {
  const double *d = sep_of(e)->d;
  es_normals(e, k, x);
  for (int i = 0; i < e->now.n; i++) x[i] = e->mean[i] + e->now.sigma * d[i] * x[i];
}

static double sep_length(es *e, const double *y) {
  double sum = 0;
  for (int i = 0; i < e->now.n; i++) sum += y[i] / sep_of(e)->d[i] * (y[i] / sep_of(e)->d[i]);
  return sqrt(sum);
}

// d_i <- d_i exp(ln 2 / 2 (c1 (pc_i^2 - 1) + cmu sum of w_k (z_ki^2 - 1))), z = y / d; by a factor of e at the most, as
// sigma, lest told candidates that lie far from the asked ones throw it out of range.
static void sep_deviations(es *e, bool h) {
  sep *s = sep_of(e);
  const es_constants *c = &s->paths.constants;
  int n = e->now.n;

  // while h_sigma stalls the path, rank one counts for less, as in (47)
  double c1 = c->c1 * (h ? 1 : 1 - c->cc * (2 - c->cc));
  for (int i = 0; i < n; i++) {
    double change = c1 * (s->paths.pc[i] * s->paths.pc[i] - 1);
    // rank mu, its negative weights included
    for (int k = 0; k < e->now.popsize; k++) {
      double z = s->paths.y[(size_t)k * n + i] / s->d[i];
      change += c->cmu * s->paths.weights[k] * (z * z - 1);
    }

    s->white[i] = exp(fmin(1, fmax(-1, UPDATE / 2 * change)));
  }
  for (int i = 0; i < n; i++) s->d[i] *= s->white[i];
}

// The path of C is that of whitened steps here, as in pycma.
static void sep_tell(es *e) {
  sep *s = sep_of(e);
  csa_steps(&s->paths, e, sep_length);
  for (int i = 0; i < e->now.n; i++) s->white[i] = s->paths.step[i] / s->d[i];

  // the order of Hansen's tutorial: (43), (45), (42), then d in place of (47), and (44)
  csa_sigma_path(&s->paths, e, s->white);
  bool h = csa_path_is_short(&s->paths, e);
  csa_covariance_path(&s->paths, e, s->white, h);
  csa_mean(&s->paths, e);
  sep_deviations(e, h);
  csa_step_size(&s->paths, e);
  es_units_fit(e);
}

static double sep_extreme(const es *e, double choose(double, double)) {
  double found = sep_of(e)->d[0];
  for (int i = 1; i < e->now.n; i++) found = choose(found, sep_of(e)->d[i]);
  return found;
}
static double sep_longest(const es *e) { return sep_extreme(e, fmax); }
static double sep_condition(const es *e) {
  double ratio = sep_longest(e) / sep_extreme(e, fmin);
  return ratio * ratio;
}
static double sep_deviation(const es *e, int i) { return sep_of(e)->d[i]; }
static double sep_path(const es *e, int i) { return sep_of(e)->paths.pc[i] * sep_of(e)->d[i]; }
static bool sep_sound(const es *e) { return es_all_positive(sep_of(e)->d, (size_t)e->now.n); }

const es_strategy es_sep_cma = {.name = "sep-CMA-ES",
                                .most_parameters = 1 << 24,
                                .popsize_multiple = 1,
                                .least_popsize = 3,
                                .popsize = es_popsize_by_n,
                                .doubles = sep_doubles,
                                .sampling = sep_sampling,
                                .room = sep_room,
                                .begin = sep_begin,
                                .candidate = sep_candidate,
                                .tell = sep_tell,
                                .list = es_list_sep_cma,
                                .condition = sep_condition,
                                .deviation = sep_deviation,
                                .path = sep_path,
                                .longest = sep_longest,
                                .sound = sep_sound};

// OpenAI-ES (T. Salimans et al., "Evolution Strategies as a Scalable Alternative to Reinforcement Learning",
// arXiv:1703.03864): mirrored samples at a fixed sigma, centred ranks, and Adam (Kingma and Ba, arXiv:1412.6980) along
// the gradient they estimate. O(n) memory. Works in units of sigma, so that its default rate fits any scale.

#include <math.h>
#include <string.h>

#include "shape.h"

#define RATE 0.1  // of sigma0: the customary 0.01 at the customary sigma of 0.1
#define BETA1 0.9
#define BETA2 0.999
#define EPSILON 1e-8

typedef struct openai {
  double *first, *second;  // (n)  Adam's moments; state
  double *gradient;        // (n)
  double *utility;         // (popsize)
} openai;

static openai *openai_of(const es *e) { return e->own; }

static size_t openai_doubles(const es_numbers *now) { return 2 * (size_t)now->n; }

static void openai_room(es *e, double *state) {
  size_t n = (size_t)e->now.n;
  openai *o = e->own = ARENA_NEW(e->memory, openai, 1);
  o->first = es_take(&state, n);
  o->second = es_take(&state, n);
  o->gradient = ARENA_NEW(e->memory, double, n);
  o->utility = ARENA_NEW(e->memory, double, e->now.popsize);
}

static double openai_rate(const es_numbers *now) {
  return now->learning_rate > 0 ? now->learning_rate : RATE * now->sigma0;
}

static void openai_begin(es *e) { e->now.learning_rate = openai_rate(&e->now); }

static void openai_candidate(es *e, int k, double *x) { es_mirrored(e, k, NULL, x); }

// g = 1 / popsize sum of u_k (x_k - m) / sigma
static void openai_gradient(es *e) {
  openai *o = openai_of(e);
  es_utilities(e, o->utility);
  memset(o->gradient, 0, (size_t)e->now.n * sizeof *o->gradient);

  // the score-function estimate, with centred ranks for returns (Salimans et al., algorithm 1)
  for (int k = 0; k < e->now.popsize; k++) {
    const double *x = es_row(e, k);
    double factor = o->utility[k] / e->now.popsize / e->now.sigma;
    for (int i = 0; i < e->now.n; i++) o->gradient[i] += factor * (x[i] - e->mean[i]);
  }
}

static void openai_tell(es *e) {
  openai *o = openai_of(e);
  openai_gradient(e);
  double seen1 = 1 - pow(BETA1, e->now.generation + 1), seen2 = 1 - pow(BETA2, e->now.generation + 1);

  // Adam, algorithm 1: both moments begin at zero, hence the corrections; upwards, since the better has more utility
  for (int i = 0; i < e->now.n; i++) {
    double g = o->gradient[i];
    o->first[i] = BETA1 * o->first[i] + (1 - BETA1) * g;
    o->second[i] = BETA2 * o->second[i] + (1 - BETA2) * g * g;
    e->mean[i] += e->now.learning_rate * (o->first[i] / seen1) / (sqrt(o->second[i] / seen2) + EPSILON);
  }
}

static void openai_list(es_listing *l, const es_numbers *now) {
  bool asked = now->learning_rate > 0;
  es_list(l, "learning_rate", openai_rate(now), asked ? "" : "0.1 sigma0",
          asked ? "the options" : "the customary 0.01 at the customary sigma of 0.1 (Salimans et al. 2017)");
  es_list(l, "beta1", BETA1, "", "Adam (Kingma and Ba 2015)");
  es_list(l, "beta2", BETA2, "", "Adam (Kingma and Ba 2015)");
  es_list(l, "epsilon", EPSILON, "", "Adam (Kingma and Ba 2015)");
}

// Adam divides by the root of its second moments.
static bool openai_sound(const es *e) {
  for (int i = 0; i < e->now.n; i++)
    if (openai_of(e)->second[i] < 0) return false;
  return true;
}

const es_strategy es_openai = {.name = "OpenAI-ES",
                               .most_parameters = 1 << 24,
                               .popsize_multiple = 2,
                               .least_popsize = 2,
                               .popsize = es_even_popsize,
                               .doubles = openai_doubles,
                               .room = openai_room,
                               .begin = openai_begin,
                               .candidate = openai_candidate,
                               .tell = openai_tell,
                               .list = openai_list,
                               .popsize_formula = "2 ceil((4 + floor(3 ln(n))) / 2)",
                               .sound = openai_sound};

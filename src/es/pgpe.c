// PGPE with ClipUp (F. Sehnke et al., "Parameter-exploring policy gradients", 2010; N. Toklu, P. Liskowski and
// R. Srivastava, "ClipUp", arXiv:2008.02387): mirrored samples with a deviation of its own for every parameter, centred
// ranks; the mean moves by a gradient of fixed length with momentum and a speed limit. O(n) memory.

#include <math.h>
#include <string.h>

#include "shape.h"

#define SPEED_OF_RADIUS (1.0 / 15)  // the speed limit, over the radius |deviations| of the first generation
#define MOMENTUM 0.9
#define RATE_OF_DEVIATIONS 0.1
#define MOST_CHANGE 0.2             // of a deviation, a generation

typedef struct pgpe {
  double *d;                     // (n)  deviations over sigma0; state
  double *velocity;              // (n)  state
  double *gradient, *gradient_d; // (n)
  double *pair;                  // (n)  half the way between two mirror images
  double *utility;               // (popsize)
} pgpe;

static pgpe *pgpe_of(const es *e) { return e->own; }

static size_t pgpe_doubles(const es_numbers *now) { return 2 * (size_t)now->n; }
static size_t pgpe_sampling(const es_numbers *now) { return (size_t)now->n; }  // d

static void pgpe_room(es *e, double *state) {
  size_t n = (size_t)e->now.n;
  pgpe *p = e->own = ARENA_NEW(e->memory, pgpe, 1);
  p->d = es_take(&state, n);
  p->velocity = es_take(&state, n);
  double **vectors[] = {&p->gradient, &p->gradient_d, &p->pair};
  for (int i = 0; i < 3; i++) *vectors[i] = ARENA_NEW(e->memory, double, n);
  p->utility = ARENA_NEW(e->memory, double, e->now.popsize);
}

// The step length is half the speed limit (ClipUp's rule of thumb).
static double pgpe_rate(const es_numbers *now) {
  return now->learning_rate > 0 ? now->learning_rate : 0.5 * SPEED_OF_RADIUS * now->sigma0 * sqrt(now->n);
}

static void pgpe_begin(es *e) {
  for (int i = 0; i < e->now.n; i++) pgpe_of(e)->d[i] = 1;
  e->now.learning_rate = pgpe_rate(&e->now);
}

static void pgpe_candidate(es *e, int k, double *x) { es_mirrored(e, k, pgpe_of(e)->d, x); }

// y = (x+ - x-) / 2 / sigma0; of the mean: sum of (u+ - u-) / 2 y; of d: sum of (u+ + u-) / 2 (y^2 - d^2) / d
static void pgpe_gradients(es *e) {
  pgpe *p = pgpe_of(e);
  int n = e->now.n;
  es_utilities(e, p->utility);
  memset(p->gradient, 0, (size_t)n * sizeof *p->gradient);
  memset(p->gradient_d, 0, (size_t)n * sizeof *p->gradient_d);

  // symmetric sampling: the pair's difference says where to go, its mean how wide to search
  for (int k = 0; k < e->now.popsize; k += 2) {
    double difference = 0.5 * (p->utility[k] - p->utility[k + 1]), sum = 0.5 * (p->utility[k] + p->utility[k + 1]);

    // a copy, since the mirror image may be made in the same row
    memcpy(p->pair, es_row(e, k), (size_t)n * sizeof *p->pair);
    const double *mirror = es_row(e, k + 1);
    for (int i = 0; i < n; i++) {
      double y = 0.5 * (p->pair[i] - mirror[i]) / e->now.sigma, d = p->d[i];
      p->gradient[i] += difference * y;
      p->gradient_d[i] += sum * (y * y - d * d) / d;
    }
  }
}

static double pgpe_most_speed(double rate) { return 2 * rate; }

// v <- 0.9 v + rate g / |g|, no longer than twice the rate
static void pgpe_move(es *e) {
  pgpe *p = pgpe_of(e);
  int n = e->now.n;
  double length = sqrt(es_squares(p->gradient, n)), rate = e->now.learning_rate;

  // ClipUp: the gradient gives the direction alone, the rate the length
  for (int i = 0; i < n; i++)
    p->velocity[i] = MOMENTUM * p->velocity[i] + (length > 0 ? rate * p->gradient[i] / length : 0);

  // the velocity is clipped, so that no run of luck carries the mean far away
  double speed = sqrt(es_squares(p->velocity, n)), most = pgpe_most_speed(rate);
  for (int i = 0; i < n; i++) {
    p->velocity[i] *= speed > most ? most / speed : 1;
    e->mean[i] += p->velocity[i];
  }
}

static void pgpe_tell(es *e) {
  pgpe *p = pgpe_of(e);
  pgpe_gradients(e);
  pgpe_move(e);

  // the deviations follow their gradient, by a fifth of themselves at the most
  for (int i = 0; i < e->now.n; i++) {
    double change = RATE_OF_DEVIATIONS * p->gradient_d[i] / (e->now.popsize / 2), most = MOST_CHANGE * p->d[i];
    p->d[i] += fmin(fmax(change, -most), most);
  }
}

static double pgpe_longest(const es *e) {
  double found = 0;
  for (int i = 0; i < e->now.n; i++) found = fmax(found, pgpe_of(e)->d[i]);
  return found;
}
static double pgpe_condition(const es *e) {
  double least = pgpe_of(e)->d[0];
  for (int i = 1; i < e->now.n; i++) least = fmin(least, pgpe_of(e)->d[i]);
  return pgpe_longest(e) / least * (pgpe_longest(e) / least);
}
static double pgpe_deviation(const es *e, int i) { return pgpe_of(e)->d[i]; }

static void pgpe_list(es_listing *l, const es_numbers *now) {
  static const char paper[] = "Toklu, Liskowski and Srivastava 2020";
  bool asked = now->learning_rate > 0;

  // ClipUp needs one number, the speed limit; the rate follows from it
  es_list(l, "learning_rate", pgpe_rate(now), asked ? "" : "sigma0 sqrt(n) / 30",
          asked ? "the options"
                : "Toklu, Liskowski and Srivastava 2020: half the speed limit, that a 15th of the radius");
  es_list(l, "speed_limit", pgpe_most_speed(pgpe_rate(now)), "2 learning_rate", paper);
  es_list(l, "momentum", MOMENTUM, "", paper);
  es_list(l, "rate_of_deviations", RATE_OF_DEVIATIONS, "", paper);
  es_list(l, "most_change", MOST_CHANGE, "", "Toklu, Liskowski and Srivastava 2020: of a deviation, a generation");
}

static bool pgpe_sound(const es *e) { return es_all_positive(pgpe_of(e)->d, (size_t)e->now.n); }

const es_strategy es_pgpe = {.name = "PGPE with ClipUp",
                             .most_parameters = 1 << 24,
                             .popsize_multiple = 2,
                             .least_popsize = 2,
                             .popsize = es_even_popsize,
                             .doubles = pgpe_doubles,
                             .sampling = pgpe_sampling,
                             .room = pgpe_room,
                             .begin = pgpe_begin,
                             .candidate = pgpe_candidate,
                             .tell = pgpe_tell,
                             .list = pgpe_list,
                             .popsize_formula = "2 ceil((4 + floor(3 ln(n))) / 2)",
                             .condition = pgpe_condition,
                             .deviation = pgpe_deviation,
                             .longest = pgpe_longest,
                             .sound = pgpe_sound};

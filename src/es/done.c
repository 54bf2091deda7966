// Why going on would be useless, in a sentence: pycma's list of limits. A strategy says its shape through its table;
// the histories of fitness are the same for all.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

es_limits es_limits_default(void) {
  return (es_limits){.ftarget = -INFINITY, .tolfun = 1e-12, .tolx = 1e-12, .tolfacupx = 1e20, .tolupsigma = 1e20,
                     .tolconditioncov = 1e14, .noeffectaxis = 1, .noeffectcoord = 1};
}

es_limits es_limits_pycma(int n, int popsize) {
  es_limits l = {.ftarget = -INFINITY, .tolfun = 1e-11, .tolfunhist = 1e-12, .tolx = 1e-11, .tolfacupx = 1e3,
                 .tolupsigma = 1e20, .tolconditioncov = 1e14,
                 .tolflatfitness = 1, .noeffectaxis = 1, .noeffectcoord = 1};

  // two limits depend on the size of the problem
  n = n < 1 ? 1 : n;
  popsize = popsize > 0 ? popsize : es_constants_make(n, 0, true, ES_PYCMA, NULL).popsize;
  l.maxiter = (int64_t)fmin(100 + floor(150.0 * (n + 3.0) * (n + 3.0) / sqrt(popsize)), 1e18);
  l.tolstagnation = 2 * (int)fmin(10000, (100 + 100 * pow(n, 1.5) / popsize) / 2);  // pycma's histories hold 20000 too
  return l;
}

status es_limits_check(const es_limits *l) {
  if (!l) return OK;
  const struct { const char *name; double value; } numbers[] = {
      {"maxfevals", (double)l->maxfevals},
      {"maxiter", (double)l->maxiter},
      {"tolfun", l->tolfun},
      {"tolfunhist", l->tolfunhist},
      {"tolx", l->tolx},
      {"tolfacupx", l->tolfacupx},
      {"tolupsigma", l->tolupsigma},
      {"tolconditioncov", l->tolconditioncov},
      {"tolflatfitness", l->tolflatfitness}};

  // written so that NaN fails too
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!(numbers[i].value >= 0))
      FAIL(BAD_CONFIG, "%s is %g; 0 (off) or more is allowed", numbers[i].name, numbers[i].value);
  if (isnan(l->ftarget)) FAIL(BAD_CONFIG, "ftarget is nan; a number or -inf (off) is allowed");
  if (l->tolstagnation < 0 || l->tolstagnation > 1000000 || l->tolstagnation % 2)
    FAIL(BAD_CONFIG, "tolstagnation is %d; 0 (off) or an even number up to 1000000 is allowed", l->tolstagnation);
  return OK;
}

// --- what was told --------------------------------------------------------------------------------------------------

// Fitness may be infinite. Equal ones are no way apart, and the lower of two opposite ones is their median.
static double done_range(double high, double low) { return high == low ? 0 : high - low; }

static double done_middle(double low, double high) {
  double middle = 0.5 * (low + high);
  return isnan(middle) ? low : middle;
}

int es_history_size(int n, int popsize) { return 10 + (int)fmin(9990, ceil(30.0 * n / popsize)); }

void es_remember(es *e) {
  es_numbers *now = &e->now;
  double best = e->order[0].fitness, worst = e->order[now->popsize - 1].fitness;
  double median = done_middle(e->order[(now->popsize - 1) / 2].fitness, e->order[now->popsize / 2].fitness);

  // rings: of the bests for tolfun, of bests and medians for tolstagnation
  e->history[now->history_count % now->history_size] = best;
  if (now->limits.tolstagnation) {
    e->bests[now->history_count % now->limits.tolstagnation] = best;
    e->medians[now->history_count % now->limits.tolstagnation] = median;
  }

  // flat: generations in a row whose best three quarters are all equal
  now->history_count++;
  now->spread = done_range(worst, best);
  now->flat = best < e->order[(int)(0.75 * now->popsize)].fitness ? 0 : now->flat + 1;
}

static double done_history_range(const es *e) {
  double low = INFINITY, high = -INFINITY;
  for (int i = 0; i < e->now.history_size && i < e->now.history_count; i++) {
    low = fmin(low, e->history[i]);
    high = fmax(high, e->history[i]);
  }
  return done_range(high, low);
}

// Median of `count` generations of a ring from the generation `from` on.
static double done_median(const es *e, const double *ring, int from, int count) {
  for (int i = 0; i < count; i++) e->sorting[i] = ring[(from + i) % e->now.limits.tolstagnation];
  qsort(e->sorting, (size_t)count, sizeof *e->sorting, es_ascending);
  return done_middle(e->sorting[(count - 1) / 2], e->sorting[count / 2]);
}

static bool done_no_better_later(const es *e, const double *ring) {
  int half = e->now.limits.tolstagnation / 2, first = e->now.history_count - 2 * half;
  return done_median(e, ring, first + half, half) >= done_median(e, ring, first, half);
}

#define EXEMPT 500  // generations; pycma keeps every fifth, and wants more than a hundred of them

// The start is exempt, where a search may have to get worse before it gets better.
static bool done_stagnates(const es *e) {
  const es_numbers *now = &e->now;
  int window = now->limits.tolstagnation;
  if (!window || now->generation < window || now->generation <= EXEMPT) return false;
  if (!(now->generation > now->n * (5 + 100.0 / now->popsize))) return false;

  return now->generation - 1 - now->improved_at > window / 2 && done_no_better_later(e, e->bests) &&
         done_no_better_later(e, e->medians);
}

// --- the shape of the distribution ----------------------------------------------------------------------------------

static double done_deviation(const es *e, int i) {
  return e->now.sigma * (e->strategy->deviation ? e->strategy->deviation(e, i) : 1);
}

// Both in units of the first step's, where a coordinate has one of its own.
static double done_largest_deviation(const es *e) {
  double largest = 0;
  for (int i = 0; i < e->now.n; i++) largest = fmax(largest, done_deviation(e, i) * es_unit_shrunk(e, i));
  return largest;
}

static double done_longest_path(const es *e) {
  double longest = 0;
  for (int i = 0; e->strategy->path && i < e->now.n; i++)
    longest = fmax(longest, e->now.sigma * fabs(e->strategy->path(e, i)) * es_unit_shrunk(e, i));
  return longest;
}

static int done_coordinate_without_effect(const es *e) {  // -1: there is none
  for (int i = 0; i < e->now.n; i++)
    if (e->mean[i] + 0.2 * done_deviation(e, i) == e->mean[i]) return i;
  return -1;
}

// One axis a generation, in turn.
static bool done_axis_without_effect(const es *e, int which) {
  if (!e->strategy->axis) return false;
  e->strategy->axis(e, which, e->row);
  for (int i = 0; i < e->now.n; i++)
    if (e->mean[i] + 0.1 * e->now.sigma * e->row[i] != e->mean[i]) return false;
  return true;
}

// --- reasons --------------------------------------------------------------------------------------------------------

#define SAY(...) return snprintf(e->reason, ES_REASON, __VA_ARGS__), true

bool es_enough(const es *e) {
  const es_numbers *now = &e->now;
  const es_limits *l = &now->limits;
  if (now->best == -INFINITY) SAY("ftarget: a fitness of -inf was reached; nothing is less");
  if (now->best <= l->ftarget)
    SAY("ftarget: a fitness of %.10g was reached; %.10g was asked for", now->best, l->ftarget);

  // what was given is used up
  if (l->maxfevals && now->evaluations >= l->maxfevals)
    SAY("maxfevals: %lld evaluations are done; %lld are allowed", (long long)now->evaluations, (long long)l->maxfevals);
  if (l->maxiter && now->generation >= l->maxiter)
    SAY("maxiter: %d generations are done, as many as allowed", now->generation);
  return false;
}

static bool done_fitness_says_nothing(const es *e) {
  const es_numbers *now = &e->now;
  const es_limits *l = &now->limits;
  double range = done_history_range(e);
  int seen = now->history_count < now->history_size ? now->history_count : now->history_size;

  // nothing moves, across generations and within the last one
  if (now->history_count >= now->history_size && range < l->tolfun && now->spread < l->tolfun)
    SAY("tolfun: the bests of the last %d generations differ by %.3g, the last generation by %.3g", seen, range,
        now->spread);
  if (seen > 9 && range < l->tolfunhist)
    SAY("tolfunhist: the bests of the last %d generations differ by %.3g", seen, range);

  // candidates differ but their fitness does not, or nothing got better for long
  if (l->tolflatfitness && now->flat > l->tolflatfitness)
    SAY("tolflatfitness: the best three quarters of the candidates were all equal, %d generations in a row", now->flat);
  if (done_stagnates(e))
    SAY("tolstagnation: neither the best nor the median got better in the last %d generations", l->tolstagnation / 2);
  return false;
}

// Whichever limits are off: are these numbers that a step and its square can be computed from, with room for one tell?
bool es_spent(const es *e) {
  const es_numbers *now = &e->now;
  if (!(now->sigma >= 1e-250 && now->sigma <= 1e130)) SAY("range: sigma is %.3g; no step can be computed", now->sigma);

  // squares of steps, and their products with C, must stay within a double
  for (int i = 0; i < now->n; i++) {
    double wide = e->strategy->deviation ? e->strategy->deviation(e, i) : 1;
    if (!(wide >= 1e-40 && wide <= 1e40)) SAY("range: x[%d] deviates by %.3g sigma; no step can be computed", i, wide);
    if (!(fabs(e->mean[i]) <= ES_MOST_NUMBER)) SAY("range: x[%d] of the mean is %.3g, too large", i, e->mean[i]);
  }
  return false;
}

static bool done_shape_is_useless(const es *e) {
  const es_numbers *now = &e->now;
  const es_limits *l = &now->limits;
  double largest = done_largest_deviation(e), condition = es_condition_of(e);
  double creep = now->sigma / (e->strategy->longest ? e->strategy->longest(e) : 1);

  // steps too short to matter, or longer than the start foresaw
  if (largest < l->tolx * now->sigma0 && done_longest_path(e) < l->tolx * now->sigma0)
    SAY("tolx: no coordinate moves by more than %.3g any more", l->tolx * now->sigma0);
  if (l->tolfacupx > 0 && largest > l->tolfacupx * now->sigma0)
    SAY("tolfacupx: a deviation grew from %.3g to %.3g; was sigma0 too small, or is there no minimum?", now->sigma0,
        largest);

  // sigma and C drift apart, or C is about to lose its short axes to rounding
  if (l->tolupsigma > 0 && creep > l->tolupsigma * now->sigma0)
    SAY("tolupsigma: sigma grew from %.3g to %.3g while C shrank", now->sigma0, now->sigma);
  if (l->tolconditioncov > 0 && condition > l->tolconditioncov)
    SAY("tolconditioncov: the condition of C is %.3g, above %.3g", condition, l->tolconditioncov);
  return false;
}

static bool done_steps_are_lost(const es *e) {
  int i = e->now.limits.noeffectcoord ? done_coordinate_without_effect(e) : -1, which = e->now.generation % e->now.n;
  if (i >= 0)
    SAY("noeffectcoord: a fifth of a standard deviation no longer changes x[%d] of the mean, %.6g", i,
        es_mean_shown(e)[i]);
  if (e->now.limits.noeffectaxis && done_axis_without_effect(e, which))
    SAY("noeffectaxis: a tenth of a standard deviation along principal axis %d no longer changes the mean", which);
  return false;
}
#undef SAY

// The first reason that holds, most telling first.
const char *es_search_done(const es *e) {
  if (e->now.generation == 0) return NULL;
  bool done = es_enough(e) || done_fitness_says_nothing(e) || es_spent(e) || done_shape_is_useless(e) ||
              done_steps_are_lost(e);
  return done ? e->reason : NULL;
}

// --- for people -----------------------------------------------------------------------------------------------------

static void done_list(es_listing *l, const char *name, double value, const char *formula, const char *source) {
  if (value > 0) es_list(l, name, value, formula, source);
}

// With restarts each descent ends by pycma's limits for its own popsize; listed are the first one's.
void es_list_limits(es_listing *l, const es_numbers *now) {
  bool once = now->ledger.policy == ES_ONCE;
  es_limits k = once ? now->limits : es_limits_pycma(now->n, now->popsize);
  const char *source = once ? "stops the search: es_limits" : "begins the next descent: pycma";

  // a limit of 0 is off, and not listed
  done_list(l, "maxiter", (double)k.maxiter, once ? "" : "100 + floor(150 (n + 3)^2 / sqrt(popsize))", source);
  done_list(l, "history", es_history_size(now->n, now->popsize), "10 + min(9990, ceil(30 n / popsize))",
            "pycma: generations whose bests tolfun looks at");
  done_list(l, "tolfun", k.tolfun, "", source);
  done_list(l, "tolfunhist", k.tolfunhist, "", source);
  done_list(l, "tolx", k.tolx, "", source);
  done_list(l, "tolfacupx", k.tolfacupx, "", source);
  done_list(l, "tolupsigma", k.tolupsigma, "", source);
  done_list(l, "tolconditioncov", k.tolconditioncov, "", source);

  done_list(l, "tolstagnation", k.tolstagnation, once ? "" : "2 floor(min(10000, (100 + 100 n^1.5 / popsize) / 2))",
            source);
  done_list(l, "tolflatfitness", k.tolflatfitness, "", source);
  done_list(l, "noeffectaxis", k.noeffectaxis, "", source);
  done_list(l, "noeffectcoord", k.noeffectcoord, "", source);
  done_list(l, "maxfevals", (double)now->limits.maxfevals, "", "stops the search: es_limits");
}

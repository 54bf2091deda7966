// Uncertainty handling (N. Hansen et al., "A Method for Handling Uncertainty in Evolutionary Optimization with an
// Application to Feedback Control of Combustion", IEEE TEC 2009), with pycma's constants: some candidates are evaluated
// twice; where that changes their ranks more than selection can bear, sigma and the effort an evaluation is worth grow.
// One thing is otherwise: who is evaluated twice is known before any result is (pycma takes the best of them too), so
// that the second evaluations can be handed out with the first.

#include <math.h>
#include <stdlib.h>

#include "parts.h"

#define QUANTILE 0.25  // of all rank changes there could be: theta / 2
#define CUMULATION 0.3

int es_twice_count(const es *e) {
  int popsize = e->now.popsize, whole = 2 + popsize / 20;
  rng luck = rng_episode(rng_stream(e->now.seed, "es again"), (uint32_t)e->now.generation, 0);
  int count = whole + (rng_uniform(luck, 0, 0) < popsize / 20.0 - popsize / 20);
  return count < popsize ? count : popsize;
}

// How many of the 2 popsize values of both lists are smaller; candidates from `count` on have the same value twice.
static int uncertainty_rank_of(double value, const double *fitness, const double *again, int count, int popsize) {
  int rank = 0;
  for (int k = 0; k < popsize; k++) rank += (fitness[k] < value) + ((k < count ? again[k] : fitness[k]) < value);
  return rank;
}

// The quantile of |r - from| over the ranks r = 1 .. 2 popsize - 1: what a change to a rank drawn at random would
// exceed in three of four cases. Interpolated between the middles of the steps, as pycma does.
static double uncertainty_limit(double *sorting, int popsize, int from) {
  int count = 2 * popsize - 1;
  for (int r = 1; r <= count; r++) sorting[r - 1] = abs(r - from);
  qsort(sorting, (size_t)count, sizeof *sorting, es_ascending);
  double at = fmin(fmax(QUANTILE * count - 0.5, 0), count - 1);
  int low = (int)at, high = low + 1 < count ? low + 1 : low;
  return sorting[low] + (at - low) * (sorting[high] - sorting[low]);
}

// Above 0: the ranks of the candidates that were evaluated twice changed by more than they may.
double es_rank_changes(const double *fitness, const double *again, int count, int popsize, double *sorting) {
  double sum = 0;
  for (int k = 0; k < count; k++) {
    // ranks of both fitnesses among all 2 popsize values
    int a = uncertainty_rank_of(fitness[k], fitness, again, count, popsize);
    int b = uncertainty_rank_of(again[k], fitness, again, count, popsize);

    // the change that was seen, less what one may see by chance from either rank
    double most_a = uncertainty_limit(sorting, popsize, a + 1 - (a > b));
    double most_b = uncertainty_limit(sorting, popsize, b + 1 - (b > a));
    double most = 0.5 * (most_a + most_b);
    sum += abs(a - b) - (a != b) - most;
  }
  return sum / count;
}

static double uncertainty_growth(const es_numbers *now) { return 1 + 2.0 / (now->n + 10); }

void es_treat(es *e, double changes) {
  double factor = uncertainty_growth(&e->now);
  e->now.noise += CUMULATION * (changes - e->now.noise);
  if (e->now.noise > 0) e->now.sigma *= factor;
  e->now.effort = fmin(fmax(1, e->now.effort * (e->now.noise > 0 ? factor : pow(factor, -0.25))), e->now.most_effort);
}

void es_list_uncertainty(es_listing *l, const es_numbers *now) {
  static const char paper[] = "Hansen et al. 2009, with pycma's constants";
  es_list(l, "most_effort", now->most_effort, "", "the options");
  es_list(l, "theta", 2 * QUANTILE, "", paper);
  es_list(l, "c_noise", CUMULATION, "", paper);
  es_list(l, "alpha_sigma", uncertainty_growth(now), "1 + 2 / (n + 10)", paper);
}

// Why going on would be useless, in a sentence. The limits are the customary ones, set so that they speak late.

#include <math.h>

#include "parts.h"

#define TOL_FUN 1e-12
#define TOL_X 1e-12        // times sigma0
#define CONDITION_MAX 1e14
#define SIGMA_GROWTH 1e20

static double history_range(const es *e) {
  double low = INFINITY, high = -INFINITY;
  for (int i = 0; i < e->now.history_size; i++) {
    low = fmin(low, e->history[i]);
    high = fmax(high, e->history[i]);
  }
  return high - low;
}

static bool steps_are_tiny(const es *e) {
  for (int i = 0; i < e->now.n; i++) {
    double deviation = e->now.sigma * sqrt(e->C[(size_t)i * e->now.n + i]);
    if (deviation > TOL_X * e->now.sigma0 || e->now.sigma * fabs(e->pc[i]) > TOL_X * e->now.sigma0) return false;
  }
  return true;
}

static bool mean_stands_still(const es *e) {
  for (int i = 0; i < e->now.n; i++) {
    double deviation = e->now.sigma * sqrt(e->C[(size_t)i * e->now.n + i]);
    if (e->mean[i] + 0.2 * deviation != e->mean[i]) return false;
  }
  return true;
}

// The first reason that holds, most telling first.
static bool reason(const es *e, char *words) {
  const es_numbers *now = &e->now;
  double range = history_range(e), condition = es_condition(e);
#define SAY(...) return snprintf(words, ES_REASON, __VA_ARGS__), true
  if (now->history_count >= now->history_size && range < TOL_FUN && *e->spread < TOL_FUN)
    SAY("tolfun: the best fitness of the last %d generations differs by only %.3g", now->history_size, range);
  if (steps_are_tiny(e)) SAY("tolx: no coordinate moves by more than %.3g any more", TOL_X * now->sigma0);
  if (condition > CONDITION_MAX) SAY("condition: that of C is %.3g, above %.0e", condition, CONDITION_MAX);
  if (now->sigma > SIGMA_GROWTH * now->sigma0) SAY("divergence: sigma grew from %.3g to %.3g", now->sigma0, now->sigma);
  if (mean_stands_still(e)) SAY("noeffect: a fifth of a standard deviation no longer changes the mean");
#undef SAY
  return false;
}

const char *es_done(const es *e) { return e->now.generation > 0 && reason(e, e->reason) ? e->reason : NULL; }

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

const char *es_done(const es *e) {
  char *words = e->reason;
  if (e->now.generation == 0) return NULL;
  if (e->now.history_count >= e->now.history_size && history_range(e) < TOL_FUN && *e->spread < TOL_FUN)
    snprintf(words, ES_REASON, "tolfun: the best of the last %d generations differ by %.3g", e->now.history_size, history_range(e));
  else if (steps_are_tiny(e)) snprintf(words, ES_REASON, "tolx: no coordinate moves by more than %.3g", TOL_X * e->now.sigma0);
  else if (es_condition(e) > CONDITION_MAX) snprintf(words, ES_REASON, "condition: that of C is %.3g", es_condition(e));
  else if (e->now.sigma > SIGMA_GROWTH * e->now.sigma0) snprintf(words, ES_REASON, "divergence: sigma grew to %.3g", e->now.sigma);
  else if (mean_stands_still(e)) snprintf(words, ES_REASON, "noeffect: a fifth of a deviation no longer changes the mean");
  else return NULL;
  return words;
}

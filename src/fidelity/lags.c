// Lags in bins, deaths per step at risk, and a dream's length beside a real one's.

#include <math.h>

#include "fidelity.h"

static const struct { int first; const char *name; } bins[FIDELITY_LAGS + 1] = {
    {0, "0"},       {1, "1-2"},     {3, "3-5"},     {6, "6-9"},     {10, "10-14"}, {15, "15-19"},
    {20, "20-25"},  {26, "26-31"},  {32, "32-63"},  {64, "64-127"}, {FIDELITY_LAG_MAX, NULL}};

int fidelity_lag_bin(int lag) {
  CHECK(lag >= 0 && lag < FIDELITY_LAG_MAX, "lag %d", lag);
  int bin = 0;
  while (bins[bin + 1].first <= lag) bin++;
  return bin;
}

int fidelity_lag_first(int bin) { return bins[bin].first; }

const char *fidelity_lag_name(int bin) { return bins[bin].name; }

void fidelity_hazard_add(fidelity_hazard *h, int steps, int cap) {
  int counted = int_min(steps, cap);
  for (int bin = 0; bin < FIDELITY_LAGS; bin++) {
    int inside = int_min(counted, bins[bin + 1].first) - bins[bin].first;
    if (inside > 0) h->steps[bin] += inside;
  }
  if (steps >= 1 && steps <= cap) h->deaths[fidelity_lag_bin(steps - 1)]++;
}

fidelity_rate fidelity_rate_of(double deaths, double steps) {
  if (!(steps > 0)) return (fidelity_rate){(double)NAN, (double)NAN};
  double mean = deaths / steps;
  return (fidelity_rate){mean, sqrt(fmax(mean * (1 - mean), 0) / steps)};
}

// What is survived is steps, whatever a step pays.
static summary steps_summarise(const rollout_result *results, int count) {
  rollout_result *survived = mem_take((size_t)count + 1, sizeof *survived);
  for (int i = 0; i < count; i++) {
    survived[i] = results[i];
    survived[i].total = results[i].steps;
  }
  summary s = summarise(survived, count);
  mem_free(survived);
  return s;
}

void fidelity_pair_compare(fidelity_pair *p, const rollout_result *dream, const rollout_result *outside, int dreams,
                           int outsides) {
  p->dream = steps_summarise(dream, dreams);
  p->real = steps_summarise(outside, outsides);
  double d = p->dream.mean, r = p->real.mean;
  p->ratio = r > 0 ? d / r : (double)NAN;
  p->ratio_se = d > 0 ? p->ratio * hypot(p->dream.se / d, p->real.se / r) : (double)NAN;
}

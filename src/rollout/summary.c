// Episodes in numbers: mean, deviation and percentiles of returns, and how likely two means are one.

#include <math.h>
#include <stdlib.h>

#include "rollout.h"

// The returns of those that are not broken, in index order: values (count). Returns how many.
static int summary_returns(double *values, const rollout_result *results, int count) {
  int n = 0;
  for (int i = 0; i < count; i++)
    if (!results[i].broken) values[n++] = results[i].total;
  return n;
}

static double summary_mean_steps(const rollout_result *results, int count, int n) {
  double steps = 0;
  for (int i = 0; i < count; i++)
    if (!results[i].broken) steps += results[i].steps;
  return steps / n;
}

static void summary_describe(summary *s, double *values, int n) {
  double sum = 0, squares = 0;
  for (int i = 0; i < n; i++) sum += values[i];
  s->mean = sum / n;

  // in two passes: scores of thousands with small deviations would lose theirs in a difference of sums
  for (int i = 0; i < n; i++) squares += (values[i] - s->mean) * (values[i] - s->mean);
  s->sd = n > 1 ? sqrt(squares / (n - 1)) : 0;
  s->se = s->sd / sqrt(n);

  qsort(values, (size_t)n, sizeof *values, double_ascending);
  s->p10 = values[n / 10];
  s->p50 = values[n / 2];
  s->p90 = values[n * 9 / 10];
  s->max = values[n - 1];
}

summary summarise(const rollout_result *results, int count) {
  double *values = mem_take((size_t)count + 1, sizeof *values);
  int n = summary_returns(values, results, count);
  summary s = {.episodes = n, .broken = count - n};
  if (n) summary_describe(&s, values, n);
  if (n) s.mean_steps = summary_mean_steps(results, count, n);
  mem_free(values);
  return s;
}

double summary_spread(const double *values, const int *group, int count) {
  double mean[ROLLOUT_GROUPS_MAX] = {0}, all = 0, squares = 0;
  int size[ROLLOUT_GROUPS_MAX] = {0}, groups = 0;
  for (int i = 0; i < count; i++) {
    mean[group[i]] += values[i];
    size[group[i]]++;
  }

  // of the means, each counting once, however many values it is of
  for (int g = 0; g < ROLLOUT_GROUPS_MAX; g++) {
    if (!size[g]) continue;
    mean[g] /= size[g];
    all += mean[g];
    groups++;
  }
  if (groups < 2) return 0;

  all /= groups;
  for (int g = 0; g < ROLLOUT_GROUPS_MAX; g++)
    if (size[g]) squares += (mean[g] - all) * (mean[g] - all);
  return sqrt(squares / (groups - 1));
}

double welch_p(const summary *a, const summary *b) {
  double se = sqrt(a->se * a->se + b->se * b->se);
  return se > 0 ? erfc(fabs(a->mean - b->mean) / se / sqrt(2)) : a->mean == b->mean;
}

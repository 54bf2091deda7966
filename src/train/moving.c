// Which pixels of a frame move, and what they weigh in V's loss. Nothing is known of what the pictures show.

#include <string.h>

#include "parts.h"

#define MOVING_MOST 50  // of the squared deviation: what is far off counts no more than that

// Sums over the frames of all ranks, in rank order.
static void moving_sum(double *sums, const real *images, const real *mean, int count, const train_team *team) {
  memset(sums, 0, (WORLD_PIXELS + 1) * sizeof *sums);
  for (int i = 0; i < count; i++) {
    const real *x = images + (size_t)i * WORLD_PIXELS;
    for (int p = 0; p < WORLD_PIXELS; p++) {
      double d = (double)(x[p] - (mean ? mean[p] : 0));
      sums[p] += mean ? d * d : d;
    }
  }
  sums[WORLD_PIXELS] = count;

  team->sum_double(team->self, sums, WORLD_PIXELS + 1);
}

void moving_measure(moving *m, const real *images, int count, const train_team *team) {
  double *sums = mem_take(WORLD_PIXELS + 1, sizeof *sums), squares = 0;

  moving_sum(sums, images, NULL, count, team);
  for (int p = 0; p < WORLD_PIXELS; p++) m->mean[p] = (real)(sums[p] / sums[WORLD_PIXELS]);

  moving_sum(sums, images, m->mean, count, team);
  for (int p = 0; p < WORLD_PIXELS; p++) squares += sums[p] / sums[WORLD_PIXELS];

  // Where nothing ever moves, nothing counts more.
  m->per_variance = squares > 0 ? (real)(WORLD_PIXELS / squares) : 0;
  mem_free(sums);
}

void moving_weigh(const moving *m, real *weight, const real *images, int n, real share) {
  for (int i = 0; i < n; i++) {
    const real *x = images + (size_t)i * WORLD_PIXELS;
    real *to = weight + (size_t)i * WORLD_PIXELS;
    for (int p = 0; p < WORLD_PIXELS; p++) {
      real d = x[p] - m->mean[p], far = d * d * m->per_variance;
      to[p] = 1 + share * (far < MOVING_MOST ? far : MOVING_MOST);
    }
  }
}

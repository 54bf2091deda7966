// How the descents of a search stand together.

#include <math.h>

#include "evolution.h"

const descent *evolution_leader(const evolution *v) {
  const descent *leader = &v->descents[0];
  for (const descent *d = leader + 1; d < v->descents + v->count; d++)
    if (d->state.best_score > leader->state.best_score || isnan(leader->state.best_score)) leader = d;
  return leader;
}

int evolution_generations(const evolution *v) {
  int sum = 0;
  for (int i = 0; i < v->count; i++) sum += v->descents[i].state.generation;
  return sum;
}

int evolution_furthest(const evolution *v) {
  int most = 0;
  for (int i = 0; i < v->count; i++) most = int_max(most, v->descents[i].state.generation);
  return most;
}

bool evolution_over(const evolution *v) {
  for (int i = 0; i < v->count; i++)
    if (!v->descents[i].over) return false;
  return true;
}

// What places have in common: those in an environment, and those in a dream.

#include "place.h"

env *place_env_open(const rollout_options *o) {
  env *e;
  CHECK(env_open(&e, o->environment->name, o->lanes) == OK, "%s", status_message());
  return e;
}

void place_outcomes_count(rollout_lane *lanes, const env_outcome *outcomes, int n) {
  for (int i = 0; i < n; i++) {
    rollout_lane *l = &lanes[i];
    const env_outcome *out = &outcomes[i];
    l->reward = out->reward;
    l->terminated = out->terminated;
    l->truncated = out->truncated;

    l->result.steps++;
    if (!l->result.broken) l->result.total += (double)out->reward;
    l->result.broken |= out->broken;
  }
}

void place_dreams_count(rollout_lane *lanes, const dream_outcome *outcomes, int n) {
  for (int i = 0; i < n; i++) {
    rollout_lane *l = &lanes[i];
    const dream_outcome *out = &outcomes[i];
    l->reward = out->reward;
    l->terminated = out->terminated;
    l->truncated = out->truncated;

    l->result.steps++;
    l->result.total += (double)out->reward;
    l->result.broken |= out->broken;
  }
}

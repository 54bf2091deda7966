// What places have in common.

#include "place.h"

int place_env_lanes(const rollout_options *o) {
  int most = o->environment->lanes;
  return most ? int_min(most, o->lanes) : o->lanes;
}

env *place_env_open(const rollout_options *o) {
  env *e;
  CHECK(env_open_again(&e, o->environment, place_env_lanes(o)) == OK, "%s", status_message());
  return e;
}

static void place_step_count(rollout_lane *l, float reward, bool terminated, bool truncated, bool broken) {
  l->reward = reward;
  l->terminated = terminated;
  l->truncated = truncated;

  l->result.steps++;
  if (!l->result.broken) l->result.total += (double)reward;
  l->result.broken |= broken;
}

void place_outcomes_count(rollout_lane *lanes, const env_outcome *outcomes, int n) {
  for (int i = 0; i < n; i++) {
    const env_outcome *out = &outcomes[i];
    place_step_count(&lanes[i], out->reward, out->terminated, out->truncated, out->broken);
    lanes[i].failed = out->broken;
    lanes[i].innocent = out->innocent;
  }
}

void place_dreams_count(rollout_lane *lanes, const dream_outcome *outcomes, int n) {
  for (int i = 0; i < n; i++) {
    const dream_outcome *out = &outcomes[i];
    place_step_count(&lanes[i], out->reward, out->terminated, out->truncated, out->broken);
  }
}

// Which luck an episode meets: a function of its record and its number alone.

#include "place.h"

static rng luck_stream(const rollout_task *task, uint64_t seed, const char *suffix) {
  const rollout_record *r = task->record;
  char name[sizeof r->stream + 8];
  snprintf(name, sizeof name, "%.15s%s", r->stream, suffix);
  return rng_episode(rng_stream(seed, name), r->generation, (uint32_t)task->member);
}

rollout_luck rollout_luck_of(const rollout_task *task) {
  const rollout_record *r = task->record;
  // Common random numbers leave the candidate out: all candidates of a generation meet the same luck.
  uint64_t seed = r->common ? r->seed : r->seed + 0x9E3779B97F4A7C15u * (uint64_t)(r->candidate + 1);
  return (rollout_luck){.world = luck_stream(task, seed, ""),
                        .eye = luck_stream(task, seed, " eye"),
                        .policy = luck_stream(task, seed, " policy")};
}

int rollout_member(const world *w, const rollout_record *r, int member) {
  const rollout_task task = {.member = member, .record = r};
  return world_dream_member(w, rollout_luck_of(&task).world);
}

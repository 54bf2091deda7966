// What the files of this room share. An environment is one file with one env_kind, and one line in the table in env.c.
#ifndef ENV_PARTS_H
#define ENV_PARTS_H

#include "env.h"

typedef struct env_kind {
  env_spec spec;
  size_t state_bytes;  // of one lane; plain memory, no pointers: an episode can be copied
  void (*reset)(void *state, rng luck);  // the state keeps the luck
  env_outcome (*step)(void *state, const float *action);
  void (*observe)(const void *state, void *observation);
} env_kind;

const env_kind *env_kind_find(const char *name);     // NULL: unknown
const env_kind *env_kind_at(int i);                  // 0 ..; NULL after the last
void *env_state(env *e, int lane);                   // for policies with privileges, and tests
// One kind more, in this process, from here on; NULL: none. For tests of what the table's kinds never do.
void env_kind_lend(const env_kind *k);

// Policies that every environment has.
#define ENV_ACT const env_policy *p, int actions, const void *state, int step, rng luck, void *memory, float *action
void env_act_random(ENV_ACT);
void env_act_hold_random(ENV_ACT);
void env_act_wander(ENV_ACT);
void env_act_still(ENV_ACT);

#endif

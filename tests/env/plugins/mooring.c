// A boat that drifts in a current is to stay at its mooring: a plug-in for dreamfarm, in C11 or C++20.
#include <dreamfarm/env.h>

typedef struct boat {
  double place, speed, current;
} boat;

static void boat_reset(void *state, uint64_t seed) {
  boat *b = (boat *)state;
  b->place = 2 * dreamfarm_uniform(&seed) - 1;
  b->speed = 0;
  b->current = 0.6 * dreamfarm_uniform(&seed) - 0.3;
}

static dreamfarm_outcome boat_step(void *state, const float *action) {
  boat *b = (boat *)state;
  double push = action[0] < -1 ? -1 : action[0] > 1 ? 1 : action[0];
  b->speed += 0.1 * (push + b->current - 0.5 * b->speed);
  b->place += 0.1 * b->speed;

  double away = b->place < 0 ? -b->place : b->place;
  dreamfarm_outcome out = {(float)(1 - away / 3), away > 3};
  return out;
}

static void boat_observe(const void *state, void *observation) {
  const boat *b = (const boat *)state;
  float *o = (float *)observation;
  o[0] = (float)b->place;
  o[1] = (float)b->speed;
}

const dreamfarm_env dreamfarm_environment = {
    .version = DREAMFARM_ENV_VERSION,
    .size = sizeof(dreamfarm_env),
    .name = "mooring",
    .words = "keep a boat at its mooring in a current, state (place, speed); reward up to 1 a step",
    .shape = {2, 1, 1},
    .actions = 1,
    .cap = 200,
    .state_bytes = sizeof(boat),
    .reset = boat_reset,
    .step = boat_step,
    .observe = boat_observe,
};

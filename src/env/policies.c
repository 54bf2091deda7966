// Baseline policies that fit every environment: they see nothing, and none of them learns.

#include <math.h>

#include "parts.h"

void env_act_still(ENV_ACT) {
  (void)p, (void)state, (void)step, (void)luck, (void)memory;
  for (int i = 0; i < actions; i++) action[i] = 0;
}

static void draw_action(float *action, int actions, rng luck, int step) {
  rng_uniforms(action, actions, luck, (uint32_t)step, 0);
  for (int i = 0; i < actions; i++) action[i] = 2 * action[i] - 1;
}

void env_act_random(ENV_ACT) {
  (void)p, (void)state, (void)memory;
  draw_action(action, actions, luck, step);
}

// World Models' data collection: action U(-1,1) and repeat 1..10; both are drawn anew when the step number is a
// multiple of the repeat in force. (Not a countdown: a repeat of 10 may be replaced after one step.)
typedef struct hold { int32_t drawn, repeat; } hold;
_Static_assert(sizeof(hold) <= ENV_POLICY_MEMORY, "a lane brings no more");

void env_act_hold_random(ENV_ACT) {
  (void)p, (void)state;
  hold *h = memory;
  if (h->repeat == 0 || step % h->repeat == 0) {
    uint32_t after_actions = (uint32_t)(actions + 3) / 4;
    *h = (hold){step, 1 + (int32_t)rng_below(luck, (uint32_t)step, after_actions, 10)};
  }
  draw_action(action, actions, luck, h->drawn);
}

// A random action held for 1 .. N steps, short and long holds alike (log-uniform): it stands still, creeps and crosses
// the whole room, so that a world model learnt from few episodes has seen what a controller may try.
static int hold_length(double longest, double u) {
  int length = 1;
  for (double bound = u * log2(longest); bound >= 1; bound--) length *= 2;
  return length;
}

void env_act_wander(ENV_ACT) {
  (void)state;
  hold *h = memory;
  if (step >= h->drawn + h->repeat) {
    uint32_t after_actions = (uint32_t)(actions + 3) / 4;
    *h = (hold){step, hold_length(2 * p->number, rng_uniform(luck, (uint32_t)step, after_actions))};
  }
  draw_action(action, actions, luck, h->drawn);
}

const env_baseline env_baselines_blind[] = {
    {.name = "random", .reported = "random", .act = env_act_random},
    {.name = "hold-random", .act = env_act_hold_random},
    {.name = "wander", .number = "LONGEST_HOLD", .act = env_act_wander},
    {.name = "still", .reported = "still", .act = env_act_still},
    {.name = NULL},
};

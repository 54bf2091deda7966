// The real environments: data come from here and controllers are finally judged here. Looks at num.
// Gymnasium's meaning of words: `terminated` = the task itself ended (death), `truncated` = a time limit cut it.
// An environment is one file with one env_kind, and one line in the table in src/env/env.c.
#ifndef ENV_H
#define ENV_H

#include "num.h"

typedef struct env_outcome {
  float reward;
  bool terminated, truncated;
} env_outcome;

typedef struct env_kind {
  const char *name, *words, *version;
  bool pixels;          // observation is uint8 (rows, columns, channels), else float (observation_size)
  int shape[3];         // rows, columns, channels; {n, 1, 1} for a state observation
  int actions;          // a continuous vector in [-1, 1]; thresholds, if any, are the environment's own
  int cap;              // steps until truncation
  size_t state_bytes;   // of one lane; plain memory, no pointers: an episode can be copied
  void (*reset)(void *state, rng luck);  // luck names the episode; the state keeps it
  env_outcome (*step)(void *state, const float *action);
  void (*observe)(const void *state, void *observation);
  // Of a state observation, where it is not pixels; NULL: there is none. rgb (rows, columns, 3)
  void (*picture)(uint8_t *rgb, int rows, int columns, const float *observation);
  const char *const *components;  // (observation_size) what each number is, with its unit; where there is a picture
} env_kind;

const env_kind *env_find(const char *name);       // NULL if unknown
const char *const *env_names(int *count);         // borrowed
size_t env_observation_size(const env_kind *k);   // elements
size_t env_observation_bytes(const env_kind *k);

// --- lanes: independent episodes of one environment -------------------------------------------------------------------
typedef struct env env;
env *env_open(const env_kind *k, int lanes);
void env_close(env *e);
const env_kind *env_of(const env *e);
void env_reset(env *e, int lane, rng luck);
env_outcome env_step(env *e, int lane, const float *action);  // action (actions); not after the episode's end
void env_observe(const env *e, int lane, void *observation);
void *env_state(env *e, int lane);                            // for policies with privileges, and tests

// --- baseline policies: a controller's score means nothing without them -------------------------------------------------
// Written `name` or `name:number`: random (uniform, drawn anew each step), hold-random (World Models' data collection),
// wander:LONGEST_HOLD (a random action for up to so many steps),
// still, sweep:HALF_PERIOD (blind left/right), lookahead (takecover: plans on the true state).
typedef struct env_policy {
  char text[40];
  void (*act)(const struct env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
              float *action);
  double number;
} env_policy;
#define ENV_POLICY_MEMORY 64  // bytes of memory a lane brings; zeroed at the episode's start
// BAD_CONFIG with the known names when `text` is none of them, or does not fit the environment.
status env_policy_parse(env_policy *p, const char *text, const env_kind *k);
const char *const *env_baselines(const env_kind *k, int *count);  // the ones reported beside every score

#endif

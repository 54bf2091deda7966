// A candidate's numbers and an episode's seed in, a return out, in the dream or in the real environment; whoever wants
// more of an episode than that looks on. Knows no ranks: many episodes are stepped at once in lanes, tasks are begun
// and finished one by one, and somebody else carries them. Looks at num, nn, env, world.
#ifndef ROLLOUT_H
#define ROLLOUT_H

#include "env.h"
#include "num.h"
#include "world.h"

// --- the controller: action = tanh(W features + b?), optionally with one hidden tanh layer --------------------------
typedef struct controller_shape {
  int F, A;                          // features and actions of a mind
  int part[WORLD_FEATURES_MAX + 1];  // floats of F's parts, 0 after the last: a sum is made of theirs, in this order
  int hidden;                        // units; 0: linear
  bool bias;
} controller_shape;
controller_shape controller_for(const world_features *f, int A, int hidden, bool bias);
int controller_size(const controller_shape *s);  // number of parameters
// features (F), action (A), parameters (controller_size). Same bits on every instruction set.
void controller_act(const controller_shape *s, float *action, const float *parameters, const float *features);
#define CONTROLLER_HIDDEN_MAX 4096

// --- tasks ----------------------------------------------------------------------------------------------------------
typedef enum rollout_place {
  ROLLOUT_DREAM, ROLLOUT_REAL, ROLLOUT_BASELINE,
  ROLLOUT_DREAM_BASELINE  // in the dream, by a policy that is not privileged
} rollout_place;
// What all episodes of one candidate share; the controller's parameters follow the struct. Plain memory: it travels.
typedef struct rollout_record {
  int32_t place;           // rollout_place
  uint32_t generation;
  uint32_t candidate;      // counted into the luck only where common random numbers are off
  int32_t common;          // common random numbers: every candidate meets the same luck
  uint64_t seed;
  char stream[16];         // which luck: "train", "held-out", "real", "evaluate"
  dream_rules rules;       // in the dream
  char policy[40];         // of a baseline: an env_policy's text
  float takeover;          // at ROLLOUT_REAL: chance per step that an action drawn at random is held for 1 to 64 steps
} rollout_record;
typedef struct rollout_result {
  double total;            // sum of rewards, in double, in step order
  int32_t steps;
  int32_t broken;          // 1: a number stopped being finite; total means nothing
} rollout_result;

// --- looking on -----------------------------------------------------------------------------------------------------
// What a recorder sees of an episode: its beginning (step 0), and what each action led to, the end included.
typedef struct rollout_sight {
  int ticket, member;
  int step;                 // actions so far
  const void *observation;  // what the environment shows; NULL in a dream
  const env *environment;   // which shows it in its `lane`; NULL in a dream
  const mind *m;            // its `lane`, which has seen that and has not acted on it yet; NULL where a baseline plays
  int lane;
  // The action that led here, and what it gave; NULL and nothing at the beginning.
  const float *action;      // (A)
  float reward;
  bool terminated, truncated, broken;  // the end, one way or another
} rollout_sight;
typedef struct rollout_recorder {
  void (*look)(void *self, const rollout_sight *s);  // what the sight points to is borrowed for the call
  void *self;
} rollout_recorder;

// Which of the world's Ms makes what happens in the dream of that number: a function of both alone.
int rollout_member(const world *w, const rollout_record *r, int member);

typedef struct rollout rollout;
typedef struct rollout_options {
  const world *world;            // not owned; NULL: baselines only
  const env_spec *environment;   // not owned; NULL: dreams only
  controller_shape controller;
  int lanes;
  rollout_recorder recorder;     // of all episodes; without a function: nobody looks on
} rollout_options;
rollout *rollout_open(const rollout_options *o);
void rollout_close(rollout *r);
size_t rollout_record_bytes(const rollout *r);

// The crew of a farm, word for word (see farm_crew); `self` is the rollout. member = the episode's number.
int rollout_lanes(const rollout *r);
int rollout_vacancies(void *self);
void rollout_begin(void *self, int ticket, const void *record, int member);
int rollout_work(void *self, int *tickets, void *results, int max);
void rollout_drop(void *self);
// An episode of the dream moves with a few kilobytes; one that has not begun with none. Those of the real environment,
// baselines, and all that are watched stay once they run.  state (rollout_state_bytes): the result so far, and the mind
// as mind_save has it; so a dream may go on from any mind.
size_t rollout_state_bytes(const rollout *r);
int rollout_give(void *self, void *state, bool *begun);
void rollout_begin_from(void *self, int ticket, const void *record, int member, const void *state);

// Steps made so far in the dream and in the real environment.
int64_t rollout_steps(const rollout *r);
double rollout_controller_seconds(void *self);  // of dream steps so far, in the controllers: what the crew counts apart

// --- episodes in numbers --------------------------------------------------------------------------------------------
// Mean, deviation and percentiles of returns, in index order; broken ones left out and counted.
typedef struct summary {
  int episodes, broken;
  double mean, sd, se, p10, p50, p90, max, seconds, mean_steps;
} summary;
summary summarise(const rollout_result *results, int count);
// Standard deviation of the means that values (count) have by group (count), 0 .. ROLLOUT_GROUPS_MAX-1: how far groups
// differ. Those without a value are left out; 0 where fewer than two are left.
enum { ROLLOUT_GROUPS_MAX = WORLD_MEMBERS_MAX };
double summary_spread(const double *values, const int *group, int count);
double welch_p(const summary *a, const summary *b);  // two-sided, normal approximation (hundreds of episodes)

#endif

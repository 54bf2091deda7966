// What the files of this room share: a place where episodes are played in lanes. A place is one file with one table.
#ifndef ROLLOUT_PLACE_H
#define ROLLOUT_PLACE_H

#include "rollout.h"

typedef struct rollout_task {
  int ticket, member;
  const rollout_record *record;  // the caller's, valid while the task is held
} rollout_task;
static inline const float *rollout_parameters(const rollout_task *task) { return (const float *)(task->record + 1); }

typedef struct rollout_luck { rng world, eye, policy; } rollout_luck;  // independent streams of one episode
rollout_luck rollout_luck_of(const rollout_task *task);

typedef struct rollout_lane {
  rollout_task task;
  rollout_result result;       // so far
  float reward;                // of the last step
  bool terminated, truncated;  // by it
  bool failed, innocent;       // the environment did, in this episode or in another lane's
  int tries;                   // before, that it failed in
} rollout_lane;

// `self` is what open gave; o stays valid until close. Lanes are numbered from 0, and 0 .. n-1 are in use.
typedef struct place {
  void *(*open)(const rollout_options *o);
  void (*close)(void *self);
  void (*begin)(void *self, int lane, const rollout_task *task);
  void (*look)(void *self, int n);  // at what is there before the next step; NULL: who acts there knows
  void (*step)(void *self, rollout_lane *lanes, int n);
  void (*show)(const void *self, int lane, rollout_sight *s);  // to a recorder: observation, mind, lane, action
  void (*move)(void *self, int to, int from);

  // Between two steps, to go on elsewhere; NULL: an episode that runs stays.  state (mind_state_bytes)
  void (*save)(const void *self, int lane, void *state);
  void (*load)(void *self, int lane, const rollout_task *task, const void *state);

  const char *(*failure)(const void *self);  // why an environment failed; NULL: there is none
  double (*controlling)(const void *self);  // seconds in controllers so far; NULL: not counted
} place;
extern const place place_dream, place_reality, place_baseline, place_dream_baseline;

// So many at once in an environment: as many as there may be, and no more than it bears.
int place_env_lanes(const rollout_options *o);
// The environment was found when its description was read.
env *place_env_open(const rollout_options *o);
// One step more in each of n lanes of an environment, and what it gave.  outcomes (n)
void place_outcomes_count(rollout_lane *lanes, const env_outcome *outcomes, int n);
void place_dreams_count(rollout_lane *lanes, const dream_outcome *outcomes, int n);  // and of a dream

#endif

// What the files of this room share: a place where episodes are played in lanes.
#ifndef ROLLOUT_STAGE_H
#define ROLLOUT_STAGE_H

#include "rollout.h"

typedef struct rollout_task {
  int ticket, member;
  const rollout_record *record;  // the caller's, valid while the task is held
} rollout_task;

typedef struct rollout_lane {
  rollout_task task;
  rollout_result result;
} rollout_lane;

typedef struct rollout_luck { rng world, eye, policy; } rollout_luck;  // independent streams of one episode
rollout_luck rollout_luck_of(const rollout_task *task);
static inline const float *rollout_parameters(const rollout_task *task) { return (const float *)(task->record + 1); }

// In the dream.
typedef struct dream_stage dream_stage;
dream_stage *dream_stage_open(const rollout_options *o);
void dream_stage_close(dream_stage *s);
void dream_stage_begin(dream_stage *s, int lane, const rollout_task *task);
void dream_stage_move(dream_stage *s, int to, int from);
void dream_stage_save(const dream_stage *s, int lane, void *state);  // (mind_state_bytes)
void dream_stage_load(dream_stage *s, int lane, const rollout_task *task, const void *state);
// One step of lanes 0 .. n-1; results grow; ended (n) says which episodes are over.
void dream_stage_step(dream_stage *s, rollout_lane *lanes, bool *ended, int n);
double dream_stage_controller_seconds(const dream_stage *s);  // so far

// In the real environment, with minds that see it.
typedef struct real_stage real_stage;
real_stage *real_stage_open(const rollout_options *o);
void real_stage_close(real_stage *s);
void real_stage_begin(real_stage *s, int lane, const rollout_task *task);
void real_stage_move(real_stage *s, int to, int from);
void real_stage_step(real_stage *s, rollout_lane *lanes, bool *ended, int n);

// The environment was found when its description was read.
env *stage_env_open(const rollout_options *o, int lanes);

// A baseline policy's whole episode.
rollout_result baseline_play(env *lane, const rollout_task *task);

#endif

// Episodes in the real environment: the controller sees what its mind makes of the observations, as it did in the dream;
// and the baseline policies, which see nothing or everything.

#include <math.h>
#include <string.h>

#include "stage.h"

struct real_stage {
  const rollout_options *o;
  env *world;
  mind *m;
  uint8_t *observations;  // (lanes, observation)
  float *actions;         // (lanes, A)
};

real_stage *real_stage_open(const rollout_options *o) {
  size_t lanes = (size_t)o->lanes;
  real_stage *s = mem_take(1, sizeof *s);
  *s = (real_stage){.o = o,
                    .world = env_open(o->environment, o->lanes),
                    .m = mind_open(o->world, o->lanes),
                    .observations = mem_take(lanes, env_observation_bytes(o->environment)),
                    .actions = mem_take(lanes * o->controller.A, sizeof(float))};
  return s;
}

void real_stage_close(real_stage *s) {
  if (!s) return;
  env_close(s->world);
  mind_close(s->m);
  mem_free(s->observations);
  mem_free(s->actions);
  mem_free(s);
}

void real_stage_begin(real_stage *s, int lane, const rollout_task *task) {
  rollout_luck luck = rollout_luck_of(task);
  env_reset(s->world, lane, luck.world);
  mind_begin(s->m, lane, luck.eye);
}

void real_stage_move(real_stage *s, int to, int from) {
  memcpy(env_state(s->world, to), env_state(s->world, from), s->o->environment->state_bytes);
  mind_move(s->m, to, from);
}

static void look(real_stage *s, int n) {
  size_t bytes = env_observation_bytes(s->o->environment);
  for (int i = 0; i < n; i++) env_observe(s->world, i, s->observations + (size_t)i * bytes);
  mind_see(s->m, s->observations, n);
}

static bool all_finite(const float *x, int n) {
  for (int i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

void real_stage_step(real_stage *s, rollout_lane *lanes, bool *ended, int n) {
  const controller_shape *shape = &s->o->controller;
  look(s, n);
  for (int i = 0; i < n; i++) {
    float *action = s->actions + (size_t)i * shape->A;
    controller_act(shape, action, rollout_parameters(&lanes[i].task), mind_features(s->m, i));
    bool broken = !all_finite(action, shape->A);
    env_outcome out = broken ? (env_outcome){.terminated = true} : env_step(s->world, i, action);
    lanes[i].result.total += (double)out.reward;
    lanes[i].result.steps++;
    lanes[i].result.broken |= broken;
    ended[i] = out.terminated || out.truncated;
  }
  mind_act(s->m, s->actions, n);
}

rollout_result baseline_play(env *lane, const rollout_task *task) {
  const env_kind *kind = env_of(lane);
  rollout_luck luck = rollout_luck_of(task);
  env_policy policy;
  CHECK(env_policy_parse(&policy, task->record->policy, kind) == OK, "%s", status_message());
  uint64_t memory[ENV_POLICY_MEMORY / 8] = {0};
  float action[64];
  CHECK(kind->actions <= 64, "%d actions", kind->actions);
  rollout_result result = {0};
  env_reset(lane, 0, luck.world);
  for (env_outcome out = {0}; !out.terminated && !out.truncated;) {
    policy.act(&policy, kind, env_state(lane, 0), result.steps, luck.policy, memory, action);
    out = env_step(lane, 0, action);
    result.total += (double)out.reward;
    result.steps++;
  }
  return result;
}

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
  env_outcome *outcomes;  // (lanes)
};

env *stage_env_open(const rollout_options *o, int lanes) {
  env *e;
  CHECK(env_open(&e, o->environment->name, lanes) == OK, "%s", status_message());
  return e;
}

real_stage *real_stage_open(const rollout_options *o) {
  size_t lanes = (size_t)o->lanes;
  real_stage *s = mem_take(1, sizeof *s);
  *s = (real_stage){.o = o,
                    .world = stage_env_open(o, o->lanes),
                    .m = mind_open(o->world, o->lanes),
                    .observations = mem_take(lanes, env_observation_bytes(o->environment)),
                    .actions = mem_take(lanes * o->controller.A, sizeof(float)),
                    .outcomes = mem_take(lanes, sizeof(env_outcome))};
  return s;
}

void real_stage_close(real_stage *s) {
  if (!s) return;
  env_close(s->world);
  mind_close(s->m);
  mem_free(s->observations);
  mem_free(s->actions);
  mem_free(s->outcomes);
  mem_free(s);
}

void real_stage_begin(real_stage *s, int lane, const rollout_task *task) {
  rollout_luck luck = rollout_luck_of(task);
  env_reset(s->world, lane, luck.world);
  mind_begin(s->m, lane, luck.eye);
}

void real_stage_move(real_stage *s, int to, int from) {
  env_move(s->world, to, from);
  mind_move(s->m, to, from);
}

static bool all_finite(const float *x, int n) {
  for (int i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

// Actions of lanes whose controller gave no numbers become still; those lanes are over.
static void real_act(real_stage *s, rollout_lane *lanes, int n) {
  const controller_shape *shape = &s->o->controller;
  for (int i = 0; i < n; i++) {
    float *action = s->actions + (size_t)i * shape->A;
    controller_act(shape, action, rollout_parameters(&lanes[i].task), mind_features(s->m, i));
    if (all_finite(action, shape->A)) continue;
    lanes[i].result.broken = 1;
    memset(action, 0, (size_t)shape->A * sizeof *action);
  }
}

void real_stage_step(real_stage *s, rollout_lane *lanes, bool *ended, int n) {
  env_observe(s->world, s->observations, n);
  mind_see(s->m, s->observations, n);
  real_act(s, lanes, n);
  env_step(s->world, s->actions, s->outcomes, n);
  for (int i = 0; i < n; i++) {
    const env_outcome *out = &s->outcomes[i];
    rollout_result *r = &lanes[i].result;
    r->steps++;
    if (!r->broken) r->total += (double)out->reward;
    r->broken |= out->broken;
    ended[i] = out->terminated || out->truncated || r->broken;
  }
  mind_act(s->m, s->actions, n);
}

rollout_result baseline_play(env *lane, const rollout_task *task) {
  const env_spec *spec = env_spec_of(lane);
  rollout_luck luck = rollout_luck_of(task);
  env_policy policy;
  CHECK(env_policy_parse(&policy, task->record->policy, spec) == OK, "%s", status_message());
  uint64_t memory[ENV_POLICY_MEMORY / 8] = {0};
  float action[64];
  CHECK(spec->actions <= 64, "%d actions", spec->actions);
  rollout_result result = {0};
  env_reset(lane, 0, luck.world);
  for (env_outcome out = {0}; !out.terminated && !out.truncated && !out.broken;) {
    env_policy_act(&policy, lane, 0, result.steps, luck.policy, memory, action);
    env_step(lane, action, &out, 1);
    result.total += (double)out.reward;
    result.steps++;
    result.broken |= out.broken;
  }
  return result;
}

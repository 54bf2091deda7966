// Episodes in the real environment: the controller sees what V encodes and what M remembers, as it did in the dream;
// and the baseline policies, which see nothing or everything.

#include <math.h>
#include <string.h>

#include "stage.h"

struct real_stage {
  const rollout_options *o;
  env *world;
  world_eye *eye;
  world_memory *mind;
  rng *eye_luck;          // (lanes)
  uint8_t *observations;  // (lanes, observation)
  float *mu, *logvar;     // (lanes, Z)
};

real_stage *real_stage_open(const rollout_options *o) {
  size_t Z = (size_t)world_shape_of(o->world)->Z, lanes = (size_t)o->lanes;
  real_stage *s = mem_take(1, sizeof *s);
  *s = (real_stage){.o = o,
                    .world = env_open(o->environment, o->lanes),
                    .eye = world_eye_open(o->world, o->lanes),
                    .mind = world_memory_open(o->world, o->lanes),
                    .eye_luck = mem_take(lanes, sizeof(rng)),
                    .observations = mem_take(lanes, env_observation_bytes(o->environment)),
                    .mu = mem_take(lanes * Z, sizeof(float)),
                    .logvar = mem_take(lanes * Z, sizeof(float))};
  return s;
}

void real_stage_close(real_stage *s) {
  if (!s) return;
  env_close(s->world);
  world_eye_close(s->eye);
  world_memory_close(s->mind);
  mem_free(s->eye_luck);
  mem_free(s->observations);
  mem_free(s->mu);
  mem_free(s->logvar);
  mem_free(s);
}

void real_stage_begin(real_stage *s, int lane, const rollout_task *task) {
  rollout_luck luck = rollout_luck_of(task);
  env_reset(s->world, lane, luck.world);
  world_memory_clear(s->mind, lane);
  s->eye_luck[lane] = luck.eye;
}

void real_stage_move(real_stage *s, int to, int from) {
  memcpy(env_state(s->world, to), env_state(s->world, from), s->o->environment->state_bytes);
  world_memory_move(s->mind, to, from);
  s->eye_luck[to] = s->eye_luck[from];
}

static void look(real_stage *s, const rollout_lane *lanes, int n) {
  size_t bytes = env_observation_bytes(s->o->environment);
  int Z = world_shape_of(s->o->world)->Z;
  for (int i = 0; i < n; i++) env_observe(s->world, i, s->observations + (size_t)i * bytes);
  world_eye_look(s->eye, s->mu, s->logvar, s->observations, n);
  for (int i = 0; i < n; i++)
    world_latent_sample(world_memory_z(s->mind, i), s->mu + (size_t)i * Z, s->logvar + (size_t)i * Z, Z, s->eye_luck[i],
                        (uint32_t)lanes[i].result.steps);
}

static bool all_finite(const float *x, int n) {
  for (int i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

void real_stage_step(real_stage *s, rollout_lane *lanes, bool *ended, int n) {
  const controller_shape *shape = &s->o->controller;
  look(s, lanes, n);
  for (int i = 0; i < n; i++) {
    float *action = world_memory_action(s->mind, i);
    controller_act(shape, action, rollout_parameters(&lanes[i].task), world_memory_z(s->mind, i),
                   world_memory_h(s->mind, i), world_memory_c(s->mind, i));
    bool broken = !all_finite(action, shape->A);
    env_outcome out = broken ? (env_outcome){.terminated = true} : env_step(s->world, i, action);
    lanes[i].result.total += (double)out.reward;
    lanes[i].result.steps++;
    lanes[i].result.broken |= broken;
    ended[i] = out.terminated || out.truncated;
  }
  world_memory_step(s->mind, n);
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

// Episodes in the real environment by the baseline policies, which see nothing or everything.

#include "place.h"

typedef struct player {  // who acts in a lane
  env_policy policy;
  rng luck;
  uint64_t memory[ENV_POLICY_MEMORY / 8];
} player;

typedef struct baseline {
  env *world;
  player *players;        // (lanes)
  int A;
  size_t observation_bytes;
  uint8_t *observations;  // (lanes, observation)  NULL where nobody looks on
  float *actions;         // (lanes, A)
  env_outcome *outcomes;  // (lanes)
} baseline;

static void *baseline_open(const rollout_options *o) {
  size_t lanes = (size_t)o->lanes;
  baseline *b = mem_take(1, sizeof *b);
  *b = (baseline){.world = place_env_open(o),
                  .players = mem_take(lanes, sizeof(player)),
                  .A = o->environment->actions,
                  .observation_bytes = env_observation_bytes(o->environment),
                  .actions = mem_take(lanes * (size_t)o->environment->actions, sizeof(float)),
                  .outcomes = mem_take(lanes, sizeof(env_outcome))};

  // privileged policies look into the state: observations are for the recorder alone
  if (o->recorder.look) b->observations = mem_take(lanes, b->observation_bytes);
  return b;
}

static void baseline_close(void *self) {
  baseline *b = self;
  env_close(b->world);
  mem_free(b->players);
  mem_free(b->observations);
  mem_free(b->actions);
  mem_free(b->outcomes);
  mem_free(b);
}

static void baseline_begin(void *self, int lane, const rollout_task *task) {
  const baseline *b = self;
  rollout_luck luck = rollout_luck_of(task);
  player *p = &b->players[lane];
  *p = (player){.luck = luck.policy};
  CHECK(env_policy_parse(&p->policy, task->record->policy, env_spec_of(b->world)) == OK, "%s", status_message());
  env_reset(b->world, lane, luck.world);
}

// Frames cost more than all the rest: they are drawn for a recorder alone.
static void baseline_look(void *self, int n) {
  const baseline *b = self;
  if (b->observations) env_observe(b->world, b->observations, n);
}

static void baseline_step(void *self, rollout_lane *lanes, int n) {
  const baseline *b = self;
  for (int i = 0; i < n; i++) {
    player *p = &b->players[i];
    float *action = b->actions + (size_t)i * b->A;
    env_policy_act(&p->policy, b->world, i, lanes[i].result.steps, p->luck, p->memory, action);
  }

  env_step(b->world, b->actions, b->outcomes, n);
  place_outcomes_count(lanes, b->outcomes, n);
}

static void baseline_show(const void *self, int lane, rollout_sight *s) {
  const baseline *b = self;
  s->observation = b->observations + (size_t)lane * b->observation_bytes;
  s->environment = b->world;
  s->lane = lane;
  s->action = b->actions + (size_t)lane * b->A;
}

static void baseline_move(void *self, int to, int from) {
  const baseline *b = self;
  env_move(b->world, to, from);
  b->players[to] = b->players[from];
}

static const char *baseline_failure(const void *self) { return env_failure(((const baseline *)self)->world); }

const place place_baseline = {.open = baseline_open,
                              .close = baseline_close,
                              .begin = baseline_begin,
                              .look = baseline_look,
                              .step = baseline_step,
                              .show = baseline_show,
                              .move = baseline_move,
                               .failure = baseline_failure};

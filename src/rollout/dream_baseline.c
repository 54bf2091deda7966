// Episodes inside the learned world by baseline policies, which see nothing of it.

#include "place.h"

typedef struct sleeper {  // who acts in a lane
  env_policy policy;
  rng luck;
  uint64_t memory[ENV_POLICY_MEMORY / 8];
} sleeper;

typedef struct dream_baseline {
  const rollout_options *o;
  mind *m;
  sleeper *sleepers;        // (lanes)
  int A;
  float *actions;           // (lanes, A)
  dream_outcome *outcomes;  // (lanes)
} dream_baseline;

static void *dream_baseline_open(const rollout_options *o) {
  size_t lanes = (size_t)o->lanes;
  int A = o->environment->actions;
  dream_baseline *b = mem_take(1, sizeof *b);
  *b = (dream_baseline){.o = o,
                        .m = mind_open(o->world, o->lanes),
                        .sleepers = mem_take(lanes, sizeof(sleeper)),
                        .A = A,
                        .actions = mem_take(lanes * (size_t)A, sizeof(float)),
                        .outcomes = mem_take(lanes, sizeof(dream_outcome))};
  return b;
}

static void dream_baseline_close(void *self) {
  dream_baseline *b = self;
  mind_close(b->m);
  mem_free(b->sleepers);
  mem_free(b->actions);
  mem_free(b->outcomes);
  mem_free(b);
}

static void dream_baseline_begin(void *self, int lane, const rollout_task *task) {
  const dream_baseline *b = self;
  rollout_luck luck = rollout_luck_of(task);
  sleeper *p = &b->sleepers[lane];
  *p = (sleeper){.luck = luck.policy};
  CHECK(env_policy_parse(&p->policy, task->record->policy, b->o->environment) == OK, "%s", status_message());
  mind_dream(b->m, lane, &task->record->rules, luck.world);
}

static void dream_baseline_step(void *self, rollout_lane *lanes, int n) {
  const dream_baseline *b = self;
  for (int i = 0; i < n; i++) {
    sleeper *p = &b->sleepers[i];
    float *action = b->actions + (size_t)i * b->A;
    env_policy_act_blind(&p->policy, b->A, lanes[i].result.steps, p->luck, p->memory, action);
  }

  // blind policies know the number of the step alone, so that they can act in a dream as well
  mind_imagine(b->m, b->actions, b->outcomes, n);
  place_dreams_count(lanes, b->outcomes, n);
}

static void dream_baseline_show(const void *self, int lane, rollout_sight *s) {
  const dream_baseline *b = self;
  s->m = b->m;
  s->lane = lane;
  s->action = b->actions + (size_t)lane * b->A;
}

static void dream_baseline_move(void *self, int to, int from) {
  const dream_baseline *b = self;
  mind_move(b->m, to, from);
  b->sleepers[to] = b->sleepers[from];
}

const place place_dream_baseline = {.open = dream_baseline_open,
                                    .close = dream_baseline_close,
                                    .begin = dream_baseline_begin,
                                    .step = dream_baseline_step,
                                    .show = dream_baseline_show,
                                    .move = dream_baseline_move};

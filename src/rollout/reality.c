// Episodes in the real environment: the controller sees what its mind makes of the observations, as it did in the
// dream.

#include <math.h>
#include <string.h>

#include "place.h"

typedef struct takeover {  // who acts instead of the controller, now and then
  rng luck;
  int left;  // steps that the action is still held
} takeover;

typedef struct reality {
  const rollout_options *o;
  env *world;
  mind *m;
  size_t observation_bytes;
  uint8_t *observations;  // (lanes, observation)
  float *actions;         // (lanes, A)
  env_outcome *outcomes;  // (lanes)
  takeover *taken;        // (lanes)
  float *held;            // (lanes, A)  the action that is held
} reality;

static void *reality_open(const rollout_options *o) {
  size_t lanes = (size_t)o->lanes, bytes = env_observation_bytes(o->environment);
  reality *r = mem_take(1, sizeof *r);
  *r = (reality){.o = o,
                 .world = place_env_open(o),
                 .m = mind_open(o->world, o->lanes),
                 .observation_bytes = bytes,
                 .observations = mem_take(lanes, bytes),
                 .actions = mem_take(lanes * o->controller.A, sizeof(float)),
                 .outcomes = mem_take(lanes, sizeof(env_outcome)),
                 .taken = mem_take(lanes, sizeof(takeover)),
                 .held = mem_take(lanes * o->controller.A, sizeof(float))};
  return r;
}

static void reality_close(void *self) {
  reality *r = self;
  env_close(r->world);
  mind_close(r->m);

  mem_free(r->observations);
  mem_free(r->actions);
  mem_free(r->outcomes);
  mem_free(r->taken);
  mem_free(r->held);
  mem_free(r);
}

static void reality_begin(void *self, int lane, const rollout_task *task) {
  const reality *r = self;
  rollout_luck luck = rollout_luck_of(task);
  env_reset(r->world, lane, luck.world);
  mind_begin(r->m, lane, luck.eye);
  r->taken[lane] = (takeover){.luck = luck.policy};
}

static void reality_look(void *self, int n) {
  const reality *r = self;
  env_observe(r->world, r->observations, n);
  mind_see(r->m, r->observations, n);
}

static bool reality_all_finite(const float *x, int n) {
  for (int i = 0; i < n; i++)
    if (!isfinite(x[i])) return false;
  return true;
}

// Begins by chance, with an action between -1 and 1 and a length drawn evenly over its logarithm.
static void takeover_draw(takeover *t, float *held, float chance, int step, int A) {
  enum { WORDS = 2, LONGEST_BITS = 6 };
  float uniform[WORDS];
  rng_uniforms(uniform, WORDS, t->luck, (uint32_t)step, 0);
  if (uniform[0] >= chance) return;

  // 2^u steps, u uniform: most takeovers are short, some are very long
  t->left = (int)exp2f(uniform[1] * LONGEST_BITS);
  rng_uniforms(held, A, t->luck, (uint32_t)step, 1);
  for (int i = 0; i < A; i++) held[i] = 2 * held[i] - 1;
}

static void reality_take_over(const reality *r, const rollout_lane *l, int lane, float *action) {
  int A = r->o->controller.A;
  takeover *t = &r->taken[lane];
  float *held = r->held + (size_t)lane * A;
  if (t->left == 0) takeover_draw(t, held, l->task.record->takeover, l->result.steps, A);
  if (t->left == 0) return;

  // M sees the action that is taken, not the controller's
  memcpy(action, held, (size_t)A * sizeof *action);
  t->left--;
}

// Actions of lanes whose controller gave no numbers become still; those lanes are over.
static void reality_act(const reality *r, rollout_lane *lanes, int n) {
  const controller_shape *shape = &r->o->controller;
  for (int i = 0; i < n; i++) {
    float *action = r->actions + (size_t)i * shape->A;
    controller_act(shape, action, rollout_parameters(&lanes[i].task), mind_features(r->m, i));
    if (lanes[i].task.record->takeover > 0) reality_take_over(r, &lanes[i], i, action);
    if (reality_all_finite(action, shape->A)) continue;

    lanes[i].result.broken = 1;
    memset(action, 0, (size_t)shape->A * sizeof *action);
  }
}

static void reality_step(void *self, rollout_lane *lanes, int n) {
  const reality *r = self;
  reality_act(r, lanes, n);
  env_step(r->world, r->actions, r->outcomes, n);
  place_outcomes_count(lanes, r->outcomes, n);
  mind_act(r->m, r->actions, n);
}

static void reality_show(const void *self, int lane, rollout_sight *s) {
  const reality *r = self;
  s->observation = r->observations + (size_t)lane * r->observation_bytes;
  s->environment = r->world;
  s->m = r->m;
  s->lane = lane;
  s->action = r->actions + (size_t)lane * r->o->controller.A;
}

static void reality_move(void *self, int to, int from) {
  const reality *r = self;
  env_move(r->world, to, from);
  mind_move(r->m, to, from);

  size_t A = (size_t)r->o->controller.A;
  r->taken[to] = r->taken[from];
  memmove(r->held + (size_t)to * A, r->held + (size_t)from * A, A * sizeof *r->held);
}

static const char *reality_failure(const void *self) { return env_failure(((const reality *)self)->world); }

const place place_reality = {.open = reality_open,
                             .close = reality_close,
                             .begin = reality_begin,
                             .look = reality_look,
                             .step = reality_step,
                             .show = reality_show,
                             .move = reality_move,
                              .failure = reality_failure};

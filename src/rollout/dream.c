// Episodes inside the learned world.

#include "place.h"

typedef struct dream {
  const rollout_options *o;
  mind *m;
  float *actions;           // (lanes, A)
  dream_outcome *outcomes;  // (lanes)
  double controlling;       // seconds in controllers
} dream;

static void *dream_open(const rollout_options *o) {
  dream *d = mem_take(1, sizeof *d);
  *d = (dream){.o = o,
               .m = mind_open(o->world, o->lanes),
               .actions = mem_take((size_t)o->lanes * o->controller.A, sizeof(float)),
               .outcomes = mem_take((size_t)o->lanes, sizeof(dream_outcome))};
  return d;
}

static void dream_close(void *self) {
  dream *d = self;
  mind_close(d->m);
  mem_free(d->actions);
  mem_free(d->outcomes);
  mem_free(d);
}

static void dream_begin(void *self, int lane, const rollout_task *task) {
  const dream *d = self;
  mind_dream(d->m, lane, &task->record->rules, rollout_luck_of(task).world);
}

static void dream_step(void *self, rollout_lane *lanes, int n) {
  dream *d = self;
  const controller_shape *c = &d->o->controller;

  // C acts on what M and V made of the past; its time is counted apart, since it grows with the candidate
  double start = time_now();
  for (int i = 0; i < n; i++)
    controller_act(c, d->actions + (size_t)i * c->A, rollout_parameters(&lanes[i].task), mind_features(d->m, i));
  d->controlling += time_now() - start;

  mind_imagine(d->m, d->actions, d->outcomes, n);
  place_dreams_count(lanes, d->outcomes, n);
}

static void dream_show(const void *self, int lane, rollout_sight *s) {
  const dream *d = self;
  s->m = d->m;
  s->lane = lane;
  s->action = d->actions + (size_t)lane * d->o->controller.A;
}

static void dream_move(void *self, int to, int from) { mind_move(((dream *)self)->m, to, from); }

static void dream_save(const void *self, int lane, void *state) { mind_save(((const dream *)self)->m, lane, state); }

static void dream_load(void *self, int lane, const rollout_task *task, const void *state) {
  const dream *d = self;
  mind_load(d->m, lane, &task->record->rules, rollout_luck_of(task).world, state);
}

static double dream_controlling(const void *self) { return ((const dream *)self)->controlling; }

const place place_dream = {.open = dream_open,
                           .close = dream_close,
                           .begin = dream_begin,
                           .step = dream_step,
                           .show = dream_show,
                           .move = dream_move,
                           .save = dream_save,
                           .load = dream_load,
                           .controlling = dream_controlling};

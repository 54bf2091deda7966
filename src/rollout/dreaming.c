// Episodes inside the learned world.

#include <math.h>

#include "stage.h"

struct dream_stage {
  const rollout_options *o;
  mind *m;
  float *actions;           // (lanes, A)
  dream_outcome *outcomes;  // (lanes)
  double controlling;       // seconds in controllers
};

dream_stage *dream_stage_open(const rollout_options *o) {
  dream_stage *s = mem_take(1, sizeof *s);
  *s = (dream_stage){.o = o,
                     .m = mind_open(o->world, o->lanes),
                     .actions = mem_take((size_t)o->lanes * o->controller.A, sizeof(float)),
                     .outcomes = mem_take((size_t)o->lanes, sizeof(dream_outcome))};
  return s;
}

void dream_stage_close(dream_stage *s) {
  if (!s) return;
  mind_close(s->m);
  mem_free(s->actions);
  mem_free(s->outcomes);
  mem_free(s);
}

void dream_stage_begin(dream_stage *s, int lane, const rollout_task *task) {
  mind_dream(s->m, lane, &task->record->rules, rollout_luck_of(task).world);
}

void dream_stage_move(dream_stage *s, int to, int from) { mind_move(s->m, to, from); }

void dream_stage_save(const dream_stage *s, int lane, void *state) { mind_save(s->m, lane, state); }

void dream_stage_load(dream_stage *s, int lane, const rollout_task *task, const void *state) {
  mind_load(s->m, lane, &task->record->rules, rollout_luck_of(task).world, state);
}

void dream_stage_step(dream_stage *s, rollout_lane *lanes, bool *ended, int n) {
  const controller_shape *c = &s->o->controller;
  double start = time_now();
  for (int i = 0; i < n; i++)
    controller_act(c, s->actions + (size_t)i * c->A, rollout_parameters(&lanes[i].task), mind_features(s->m, i));
  s->controlling += time_now() - start;
  mind_imagine(s->m, s->actions, s->outcomes, n);
  for (int i = 0; i < n; i++) {
    const dream_outcome *out = &s->outcomes[i];
    lanes[i].result.total += (double)out->reward;
    lanes[i].result.steps++;
    lanes[i].result.broken |= out->broken;
    ended[i] = out->terminated || out->truncated || out->broken;
  }
}

double dream_stage_controller_seconds(const dream_stage *s) { return s->controlling; }

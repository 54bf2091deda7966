// Episodes inside the learned world.

#include <math.h>

#include "stage.h"

struct dream_stage {
  const rollout_options *o;
  dream *d;
  dream_outcome *outcomes;  // (lanes)
};

dream_stage *dream_stage_open(const rollout_options *o) {
  dream_stage *s = mem_take(1, sizeof *s);
  *s = (dream_stage){.o = o, .d = dream_open(o->world, o->lanes), .outcomes = mem_take((size_t)o->lanes, sizeof(dream_outcome))};
  return s;
}

void dream_stage_close(dream_stage *s) {
  if (!s) return;
  dream_close(s->d);
  mem_free(s->outcomes);
  mem_free(s);
}

void dream_stage_begin(dream_stage *s, int lane, const rollout_task *task) {
  dream_reset(s->d, lane, &task->record->rules, rollout_luck_of(task).world);
}

void dream_stage_move(dream_stage *s, int to, int from) { dream_move(s->d, to, from); }

void dream_stage_save(const dream_stage *s, int lane, void *state) { dream_save(s->d, lane, state); }

void dream_stage_load(dream_stage *s, int lane, const rollout_task *task, const void *state) {
  dream_load(s->d, lane, &task->record->rules, rollout_luck_of(task).world, state);
}

void dream_stage_step(dream_stage *s, rollout_lane *lanes, bool *ended, int n) {
  world_memory *m = dream_memory(s->d);
  for (int i = 0; i < n; i++)
    controller_act(&s->o->controller, world_memory_action(m, i), rollout_parameters(&lanes[i].task), world_memory_z(m, i),
                   world_memory_h(m, i), world_memory_c(m, i));
  dream_step(s->d, s->outcomes, n);
  for (int i = 0; i < n; i++) {
    const dream_outcome *out = &s->outcomes[i];
    lanes[i].result.total += (double)out->reward;
    lanes[i].result.steps++;
    lanes[i].result.broken |= out->broken;
    ended[i] = out->terminated || out->truncated || out->broken;
  }
}

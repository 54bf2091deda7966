// Tasks in, results out: a short queue, lanes that are refilled at once and compacted when the queue is dry.
// Knows no ranks; what an episode gives does not depend on anything in this file.

#include <string.h>

#include "stage.h"

#define STEPS_A_SLICE 16  // at most, before the caller gets to see to its messages

typedef struct lane_group {  // the lanes of one place
  rollout_lane *lanes;       // (options.lanes), the first `alive` are in use
  int alive;
} lane_group;

typedef struct finished { int ticket; rollout_result result; } finished;

struct rollout {
  rollout_options o;
  int held_max;          // lanes and queue together
  dream_stage *dreaming; // opened when the first task needs it
  real_stage *real;
  env *baseline;
  lane_group dream_lanes, real_lanes;
  rollout_task *queue;   // ring (held_max)
  int queue_first, queued;
  finished *done;        // (held_max)
  int done_count;
  bool *ended;           // (lanes)
  int64_t steps;
};

rollout *rollout_open(const rollout_options *o) {
  rollout *r = mem_take(1, sizeof *r);
  size_t lanes = (size_t)o->lanes;
  r->o = *o;
  r->held_max = o->lanes + o->lanes / 4 + 1;
  r->dream_lanes.lanes = mem_take(lanes, sizeof(rollout_lane));
  r->real_lanes.lanes = mem_take(lanes, sizeof(rollout_lane));
  r->queue = mem_take((size_t)r->held_max, sizeof *r->queue);
  r->done = mem_take((size_t)r->held_max, sizeof *r->done);
  r->ended = mem_take(lanes, sizeof *r->ended);
  return r;
}

void rollout_close(rollout *r) {
  if (!r) return;
  dream_stage_close(r->dreaming);
  real_stage_close(r->real);
  if (r->baseline) env_close(r->baseline);
  mem_free(r->dream_lanes.lanes);
  mem_free(r->real_lanes.lanes);
  mem_free(r->queue);
  mem_free(r->done);
  mem_free(r->ended);
  mem_free(r);
}

size_t rollout_record_bytes(const rollout *r) {
  size_t parameters = r->o.world ? (size_t)controller_size(&r->o.controller) * sizeof(float) : 0;
  return sizeof(rollout_record) + (parameters + 7) / 8 * 8;  // records stand one behind the other
}

int64_t rollout_steps(const rollout *r) { return r->steps; }

double rollout_controller_seconds(void *self) {
  const rollout *r = self;
  return r->dreaming ? dream_stage_controller_seconds(r->dreaming) : 0;
}

rollout_luck rollout_luck_of(const rollout_task *task) {
  const rollout_record *c = task->record;
  // Common random numbers leave the candidate out: all candidates of a generation meet the same luck.
  uint64_t seed = c->common ? c->seed : c->seed + 0x9E3779B97F4A7C15u * (uint64_t)(c->candidate + 1);
  char name[sizeof c->stream + 8];
  rng *parts[3];
  rollout_luck luck;
  parts[0] = &luck.world, parts[1] = &luck.eye, parts[2] = &luck.policy;
  static const char *const suffix[3] = {"", " eye", " policy"};
  for (int i = 0; i < 3; i++) {
    snprintf(name, sizeof name, "%.15s%s", c->stream, suffix[i]);
    *parts[i] = rng_episode(rng_stream(seed, name), c->generation, (uint32_t)task->member);
  }
  return luck;
}

// --- the crew's functions ------------------------------------------------------------------------------------------------

int rollout_lanes(const rollout *r) { return r->o.lanes; }

int rollout_vacancies(void *self) {
  const rollout *r = self;
  return r->held_max - r->dream_lanes.alive - r->real_lanes.alive - r->queued - r->done_count;
}

void rollout_begin(void *self, int ticket, const void *record, int member) {
  rollout *r = self;
  CHECK(rollout_vacancies(r) > 0, "task %d begun with no vacancy", ticket);
  r->queue[(r->queue_first + r->queued++) % r->held_max] = (rollout_task){.ticket = ticket, .member = member, .record = record};
}

void rollout_drop(void *self) {
  rollout *r = self;
  r->dream_lanes.alive = r->real_lanes.alive = r->queued = r->done_count = 0;
}

static void finish(rollout *r, int ticket, rollout_result result) {
  r->done[r->done_count++] = (finished){ticket, result};
}

static lane_group *group_of(rollout *r, rollout_place place) {
  return place == ROLLOUT_DREAM ? &r->dream_lanes : &r->real_lanes;
}

static dream_stage *dreaming(rollout *r) {
  if (!r->dreaming) r->dreaming = dream_stage_open(&r->o);
  return r->dreaming;
}

static void stage_begin(rollout *r, rollout_place place, int lane, const rollout_task *task) {
  if (place == ROLLOUT_DREAM) {
    dream_stage_begin(dreaming(r), lane, task);
  } else {
    if (!r->real) r->real = real_stage_open(&r->o);
    real_stage_begin(r->real, lane, task);
  }
}

static void play_baseline(rollout *r, const rollout_task *task) {
  if (!r->baseline) r->baseline = stage_env_open(&r->o, 1);
  rollout_result result = baseline_play(r->baseline, task);
  r->steps += result.steps;
  finish(r, task->ticket, result);
}

// Moves queued tasks into free lanes, in order; a baseline's episode is short enough to be played on the spot.
static void refill(rollout *r) {
  while (r->queued) {
    rollout_task *task = &r->queue[r->queue_first];
    rollout_place place = task->record->place;
    if (place == ROLLOUT_BASELINE) {
      if (r->done_count) return;  // one at a time, so that results go home
      play_baseline(r, task);
    } else {
      lane_group *g = group_of(r, place);
      if (g->alive == r->o.lanes) return;
      stage_begin(r, place, g->alive, task);
      g->lanes[g->alive++] = (rollout_lane){.task = *task};
    }
    r->queue_first = (r->queue_first + 1) % r->held_max;
    r->queued--;
  }
}

// The last living lane takes the place of one that is left, so that 0 .. alive-1 stay in use.
static void lane_leave(rollout *r, lane_group *g, rollout_place place, int lane) {
  int last = --g->alive;
  if (lane == last) return;
  g->lanes[lane] = g->lanes[last];
  if (place == ROLLOUT_DREAM) dream_stage_move(r->dreaming, lane, last);
  else real_stage_move(r->real, lane, last);
}

// Ended lanes report.
static void compact(rollout *r, lane_group *g, rollout_place place) {
  for (int i = g->alive - 1; i >= 0; i--) {
    if (!r->ended[i]) continue;
    finish(r, g->lanes[i].task.ticket, g->lanes[i].result);
    lane_leave(r, g, place, i);
  }
}

static void step(rollout *r, rollout_place place) {
  lane_group *g = group_of(r, place);
  if (g->alive == 0) return;
  r->steps += g->alive;
  if (place == ROLLOUT_DREAM) dream_stage_step(r->dreaming, g->lanes, r->ended, g->alive);
  else real_stage_step(r->real, g->lanes, r->ended, g->alive);
  compact(r, g, place);
}

int rollout_work(void *self, int *tickets, void *results, int max) {
  rollout *r = self;
  for (int i = 0; i < STEPS_A_SLICE && r->done_count == 0; i++) {
    refill(r);
    step(r, ROLLOUT_DREAM);
    step(r, ROLLOUT_REAL);
  }
  int count = r->done_count < max ? r->done_count : max;
  for (int i = 0; i < count; i++) {
    tickets[i] = r->done[i].ticket;
    memcpy((char *)results + (size_t)i * sizeof(rollout_result), &r->done[i].result, sizeof(rollout_result));
  }
  r->done_count -= count;
  memmove(r->done, r->done + count, (size_t)r->done_count * sizeof *r->done);
  return count;
}

// --- moving on: a state is the result so far, and the dream's -------------------------------------------------------------

size_t rollout_state_bytes(const rollout *r) { return r->o.world ? sizeof(rollout_result) + mind_state_bytes(r->o.world) : 0; }

// The one with the most before it, as far as is known.
static int youngest(const lane_group *g) {
  int least = 0;
  for (int i = 1; i < g->alive; i++)
    if (g->lanes[i].result.steps < g->lanes[least].result.steps) least = i;
  return least;
}

int rollout_give(void *self, void *state, bool *begun) {
  rollout *r = self;
  lane_group *g = &r->dream_lanes;
  *begun = r->queued == 0;
  if (r->queued) return r->queue[(r->queue_first + --r->queued) % r->held_max].ticket;
  if (g->alive == 0) return -1;
  int lane = youngest(g), ticket = g->lanes[lane].task.ticket;
  memcpy(state, &g->lanes[lane].result, sizeof(rollout_result));
  dream_stage_save(r->dreaming, lane, (char *)state + sizeof(rollout_result));
  lane_leave(r, g, ROLLOUT_DREAM, lane);
  return ticket;
}

// Where no lane is free the episode waits like any other, and starts anew.
void rollout_begin_from(void *self, int ticket, const void *record, int member, const void *state) {
  rollout *r = self;
  lane_group *g = &r->dream_lanes;
  rollout_lane lane = {.task = {.ticket = ticket, .member = member, .record = record}};
  if (g->alive == r->o.lanes) {
    rollout_begin(self, ticket, record, member);
    return;
  }
  memcpy(&lane.result, state, sizeof(rollout_result));
  dream_stage_load(dreaming(r), g->alive, &lane.task, (const char *)state + sizeof(rollout_result));
  g->lanes[g->alive++] = lane;
}

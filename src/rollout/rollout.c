// Tasks in, results out: the one loop over episodes. A short queue, and the lanes of each place, which are refilled at
// once and compacted when the queue is dry. Knows no ranks; what an episode gives depends on nothing in this file.

#include <string.h>
#include <unistd.h>

#include "place.h"

#define STEPS_PER_SLICE 16  // at most, before the caller gets to see to its messages
#define ENVIRONMENT_TRIES 3 // of an episode

enum { PLACES = 4 };
static const place *const places[PLACES] = {[ROLLOUT_DREAM] = &place_dream,
                                            [ROLLOUT_REAL] = &place_reality,
                                            [ROLLOUT_BASELINE] = &place_baseline,
                                            [ROLLOUT_DREAM_BASELINE] = &place_dream_baseline};

typedef struct lane_group {  // the lanes of one place
  const place *place;
  void *self;                // the place's; opened when the first task needs it
  rollout_lane *lanes;       // (options.lanes), the first `alive` are in use
  int most;                  // at once
  int alive;
} lane_group;

typedef struct finished { int ticket; rollout_result result; } finished;

struct rollout {
  rollout_options o;
  int held_max;          // lanes and queue together
  lane_group group[PLACES];
  rollout_task *queue;   // ring (held_max)
  int queue_first, queued;
  finished *done;        // (held_max)
  int done_count;
  int64_t steps;
};

rollout *rollout_open(const rollout_options *o) {
  rollout *r = mem_take(1, sizeof *r);
  r->o = *o;
  r->held_max = o->lanes + o->lanes / 4 + 1;

  // a place is opened when its first task comes: most rollouts need one
  for (int i = 0; i < PLACES; i++)
    r->group[i] = (lane_group){.place = places[i], .lanes = mem_take((size_t)o->lanes, sizeof(rollout_lane))};
  r->queue = mem_take((size_t)r->held_max, sizeof *r->queue);
  r->done = mem_take((size_t)r->held_max, sizeof *r->done);
  return r;
}

void rollout_close(rollout *r) {
  if (!r) return;
  for (int i = 0; i < PLACES; i++) {
    if (r->group[i].self) r->group[i].place->close(r->group[i].self);
    mem_free(r->group[i].lanes);
  }

  mem_free(r->queue);
  mem_free(r->done);
  mem_free(r);
}

size_t rollout_record_bytes(const rollout *r) {
  size_t parameters = r->o.world ? (size_t)controller_size(&r->o.controller) * sizeof(float) : 0;
  return sizeof(rollout_record) + (parameters + 7) / 8 * 8;  // records stand one behind the other
}

int64_t rollout_steps(const rollout *r) { return r->steps; }

double rollout_controller_seconds(void *self) {
  const rollout *r = self;
  double seconds = 0;
  for (int i = 0; i < PLACES; i++) {
    const lane_group *g = &r->group[i];
    if (g->self && g->place->controlling) seconds += g->place->controlling(g->self);
  }
  return seconds;
}

// --- lanes -----------------------------------------------------------------------------------------------------------

static lane_group *group_of(rollout *r, int which) {
  CHECK(which >= 0 && which < PLACES, "place %d", which);
  lane_group *g = &r->group[which];
  if (g->self) return g;

  bool outside = which == ROLLOUT_REAL || which == ROLLOUT_BASELINE;
  g->most = outside ? place_env_lanes(&r->o) : r->o.lanes;
  g->self = g->place->open(&r->o);
  return g;
}

static int rollout_alive(const rollout *r) {
  int alive = 0;
  for (int i = 0; i < PLACES; i++) alive += r->group[i].alive;
  return alive;
}

// The last living lane takes the place of one that is left, so that 0 .. alive-1 stay in use.
static void lane_leave(lane_group *g, int lane) {
  int last = --g->alive;
  if (lane == last) return;
  g->lanes[lane] = g->lanes[last];
  g->place->move(g->self, lane, last);
}

static bool lane_over(const rollout_lane *l) { return l->terminated || l->truncated || l->result.broken; }

// Lanes whose episode is over report, and are free.
static void group_compact(rollout *r, lane_group *g) {
  for (int i = g->alive - 1; i >= 0; i--) {
    if (!lane_over(&g->lanes[i])) continue;
    r->done[r->done_count++] = (finished){g->lanes[i].task.ticket, g->lanes[i].result};
    lane_leave(g, i);
  }
}

// Moves queued tasks into free lanes, in order.
static void rollout_refill(rollout *r) {
  while (r->queued) {
    const rollout_task *task = &r->queue[r->queue_first];
    lane_group *g = group_of(r, task->record->place);
    if (g->alive == g->most) return;

    g->place->begin(g->self, g->alive, task);
    g->lanes[g->alive++] = (rollout_lane){.task = *task};
    r->queue_first = (r->queue_first + 1) % r->held_max;
    r->queued--;
  }
}

// --- the loop --------------------------------------------------------------------------------------------------------

static void lane_show(const rollout *r, const lane_group *g, int lane) {
  const rollout_lane *l = &g->lanes[lane];
  rollout_sight s = {.ticket = l->task.ticket,
                     .member = l->task.member,
                     .step = l->result.steps,
                     .reward = l->reward,
                     .terminated = l->terminated,
                     .truncated = l->truncated,
                     .broken = l->result.broken};
  g->place->show(g->self, lane, &s);

  // What led to a beginning is nobody's action.
  if (s.step == 0) s.action = NULL;
  r->o.recorder.look(r->o.recorder.self, &s);
}

// An environment that failed is asked for the same episode again; where that fails every time, nobody can go on.
static void lane_try_again(lane_group *g, int lane) {
  rollout_lane *l = &g->lanes[lane];
  int tries = l->tries + !l->innocent;

  // its host is named: what is missing may be missing there alone
  if (tries == ENVIRONMENT_TRIES) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    status_end_job(status_fail(BROKEN, "on %s the environment failed %d times at the same episode, the last time: %s",
                               host, ENVIRONMENT_TRIES, g->place->failure(g->self)));
  }

  *l = (rollout_lane){.task = l->task, .tries = tries};
  g->place->begin(g->self, lane, &l->task);
}

// An episode that is watched is looked at once more when it is over; any other is left at once, for looks are dear.
static void group_step(rollout *r, lane_group *g) {
  if (g->alive == 0) return;
  if (g->place->look) g->place->look(g->self, g->alive);
  if (r->o.recorder.look) {
    for (int i = 0; i < g->alive; i++) lane_show(r, g, i);
    group_compact(r, g);
    if (g->alive == 0) return;
  }

  r->steps += g->alive;
  g->place->step(g->self, g->lanes, g->alive);
  for (int i = 0; i < g->alive; i++)
    if (g->lanes[i].failed) lane_try_again(g, i);
  if (!r->o.recorder.look) group_compact(r, g);
}

// --- the crew's functions --------------------------------------------------------------------------------------------

int rollout_lanes(const rollout *r) { return r->o.lanes; }

int rollout_vacancies(void *self) {
  const rollout *r = self;
  return r->held_max - rollout_alive(r) - r->queued - r->done_count;
}

void rollout_begin(void *self, int ticket, const void *record, int member) {
  rollout *r = self;
  CHECK(rollout_vacancies(r) > 0, "task %d begun with no vacancy", ticket);
  int last = (r->queue_first + r->queued++) % r->held_max;
  r->queue[last] = (rollout_task){.ticket = ticket, .member = member, .record = record};
}

void rollout_drop(void *self) {
  rollout *r = self;
  for (int i = 0; i < PLACES; i++) r->group[i].alive = 0;
  r->queued = 0;
  r->done_count = 0;
}

int rollout_work(void *self, int *tickets, void *results, int max) {
  rollout *r = self;
  for (int i = 0; i < STEPS_PER_SLICE && r->done_count == 0; i++) {
    rollout_refill(r);
    for (int k = 0; k < PLACES; k++) group_step(r, &r->group[k]);
  }

  // What there is no room for waits for the next call.
  int count = r->done_count < max ? r->done_count : max;
  for (int i = 0; i < count; i++) {
    tickets[i] = r->done[i].ticket;
    memcpy((char *)results + (size_t)i * sizeof(rollout_result), &r->done[i].result, sizeof(rollout_result));
  }
  r->done_count -= count;
  memmove(r->done, r->done + count, (size_t)r->done_count * sizeof *r->done);
  return count;
}

// --- moving on: a state is the result so far, and the dream's --------------------------------------------------------

size_t rollout_state_bytes(const rollout *r) {
  return r->o.world ? sizeof(rollout_result) + mind_state_bytes(r->o.world) : 0;
}

// The one with the most before it, as far as is known.
static int group_youngest(const lane_group *g) {
  int least = 0;
  for (int i = 1; i < g->alive; i++)
    if (g->lanes[i].result.steps < g->lanes[least].result.steps) least = i;
  return least;
}

int rollout_give(void *self, void *state, bool *begun) {
  rollout *r = self;
  lane_group *g = &r->group[ROLLOUT_DREAM];
  CHECK(!r->o.recorder.look, "an episode that is watched was to move");
  *begun = r->queued == 0;
  if (r->queued) return r->queue[(r->queue_first + --r->queued) % r->held_max].ticket;
  if (g->alive == 0) return -1;

  // the youngest has the most steps before it, which somebody else can take over
  int lane = group_youngest(g), ticket = g->lanes[lane].task.ticket;
  memcpy(state, &g->lanes[lane].result, sizeof(rollout_result));
  g->place->save(g->self, lane, (char *)state + sizeof(rollout_result));
  lane_leave(g, lane);
  return ticket;
}

// Where no lane is free the episode waits like any other, and starts anew.
void rollout_begin_from(void *self, int ticket, const void *record, int member, const void *state) {
  rollout *r = self;
  lane_group *g = group_of(r, ROLLOUT_DREAM);
  rollout_lane lane = {.task = {.ticket = ticket, .member = member, .record = record}};
  if (g->alive == g->most) {
    rollout_begin(self, ticket, record, member);
    return;
  }

  // what it has been paid so far goes with it
  memcpy(&lane.result, state, sizeof(rollout_result));
  g->place->load(g->self, g->alive, &lane.task, (const char *)state + sizeof(rollout_result));
  g->lanes[g->alive++] = lane;
}

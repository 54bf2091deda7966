// A simulated process's crew: tasks that only take time, on lanes that share a core which may be slow, or stop. What it
// answers, and what it is sent, is known beforehand, so that nothing can be mixed up unseen.

#include <math.h>
#include <string.h>

#include "simulate.h"

#define SLOW_FACTOR 10
#define AT_AN_END 1e-9         // seconds: so little left is rounding

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014).
uint64_t simulate_mixed(uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

uint64_t simulate_answer_of(int number, int filling) {
  return simulate_mixed((uint64_t)filling << 32 | (uint64_t)(number + 1));
}

unsigned char simulate_shared_byte(int job, size_t i) {
  return (unsigned char)simulate_mixed((uint64_t)job << 32 | i);
}

static bool simulate_shared_by(int job, const unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != simulate_shared_byte(job, i)) return false;
  return true;
}

// A worker may still be in an earlier job.
static void simulate_crew_share(void *self, const void *bytes, size_t size) {
  process *p = self;
  int job = p->m->job;
  while (job > p->shared_job && !simulate_shared_by(job, bytes, size)) job--;
  if (size != p->m->what->shared_bytes || job <= p->shared_job)
    p->m->mixed_up = "what is shared arrived damaged, or twice";
  p->shared_job = job;
}

static int simulate_crew_vacancies(void *self) {
  const process *p = self;
  bool works = p->f.rank != 0 || p->m->what->master_works;
  return works ? p->m->capacity - p->running - p->queued - p->done : 0;
}

static double simulate_overlap(double from, double to, double start, double end) {
  return fmax(0, fmin(to, end) - fmax(from, start));
}

// What the core did in a span of time, in seconds of a core of speed 1 at its best: nothing while it was stopped.
static double simulate_core_seconds(const process *p, double from, double to) {
  double turn = fmin(fmax(p->slows, from), to);
  double fast = turn - from - simulate_overlap(from, turn, p->stops, p->wakes);
  double slow = to - turn - simulate_overlap(turn, to, p->stops, p->wakes);
  return p->speed * (fast + slow / SLOW_FACTOR);
}

// Lanes share the core. Fewer than the knee cost as much as the knee: a step of few is spent on fetching the weights.
static double simulate_lane_cost(const process *p) { return fmax(p->running, p->m->knee); }

static int simulate_lane_soonest(const process *p) {
  int first = 0;
  for (int i = 1; i < p->running; i++)
    if (p->lane[i].left < p->lane[first].left) first = i;
  return first;
}

double simulate_crew_ends(const process *p) {
  double speed = p->m->now >= p->slows ? p->speed / SLOW_FACTOR : p->speed;
  return p->running ? p->m->now + p->lane[simulate_lane_soonest(p)].left * simulate_lane_cost(p) / speed : NEVER;
}

static void simulate_lane_enter(process *p, task t) {
  const unsigned char *kills = p->m->what->kills;
  p->lane[p->running++] = t;
  if (kills && kills[t.number]) p->dies = p->m->now;
}

static void simulate_lanes_fill(process *p) {
  while (p->queued && p->running < p->m->lanes) {
    simulate_lane_enter(p, p->waiting[0]);
    memmove(p->waiting, p->waiting + 1, (size_t)--p->queued * sizeof *p->waiting);
  }
}

static task simulate_lane_leave(process *p, int i) {
  task t = p->lane[i];
  p->lane[i] = p->lane[--p->running];
  return t;
}

// Runs the tasks up to the present; those that end give their lanes to those that wait.
static void simulate_advance(process *p) {
  double work = simulate_core_seconds(p, p->advanced, p->m->now);
  p->advanced = p->m->now;
  while (p->running) {
    // From one end to the next: in between all lanes go on alike, and each costs the same.
    int first = simulate_lane_soonest(p);
    double cost = simulate_lane_cost(p), step = fmin(p->lane[first].left, work / cost);
    for (int i = 0; i < p->running; i++) p->lane[i].left -= step;
    if (p->lane[first].left > AT_AN_END) return;

    work -= step * cost;
    p->ended[p->done++] = simulate_lane_leave(p, first);
    simulate_lanes_fill(p);
  }
}

static task simulate_task_of(const process *p, int ticket, const void *rec, int member) {
  record r;
  memcpy(&r, rec, sizeof r);
  int number = r.group * p->m->what->members + member;
  if (p->m->what->shared_bytes && p->shared_job != r.job)
    p->m->mixed_up = "a task was begun before what is shared was there";
  return (task){.ticket = ticket, .number = number, .filling = r.filling, .left = p->m->what->length[number]};
}

static void simulate_crew_begin(void *self, int ticket, const void *rec, int member) {
  process *p = self;
  simulate_advance(p);
  p->waiting[p->queued++] = simulate_task_of(p, ticket, rec, member);
  simulate_lanes_fill(p);
}

static void simulate_crew_begin_from(void *self, int ticket, const void *rec, int member, const void *bytes) {
  process *p = self;
  task t = simulate_task_of(p, ticket, rec, member);
  state s;
  memcpy(&s, bytes, sizeof s);
  if (s.number != t.number || s.filling != t.filling) p->m->mixed_up = "a task was to go on from the state of another";

  // lanes share the core: what ran so far is settled before one more enters
  t.left = s.left;
  simulate_advance(p);
  if (p->running < p->m->lanes) simulate_lane_enter(p, t);
  else simulate_crew_begin(self, ticket, rec, member);
}

static double simulate_lane_age(const process *p, int lane) {
  return p->m->what->length[p->lane[lane].number] - p->lane[lane].left;
}

static int simulate_lane_youngest(const process *p) {
  int least = 0;
  for (int i = 1; i < p->running; i++)
    if (simulate_lane_age(p, i) < simulate_lane_age(p, least)) least = i;
  return least;
}

// One that waits, or else the youngest.
static int simulate_crew_give(void *self, void *bytes, bool *begun) {
  process *p = self;
  simulate_advance(p);
  *begun = p->queued == 0;
  if (p->queued) return p->waiting[--p->queued].ticket;
  if (p->running == 0) return -1;

  // the youngest, since most of it is still to come
  task t = simulate_lane_leave(p, simulate_lane_youngest(p));
  state s = {.number = t.number, .filling = t.filling, .left = t.left};
  memcpy(bytes, &s, sizeof s);
  return t.ticket;
}

static int simulate_crew_work(void *self, int *tickets, void *results, int max) {
  process *p = self;
  int n = 0;
  simulate_advance(p);

  // as many as the caller has room for; the rest next time
  for (; n < max && p->done; n++) {
    const task *t = &p->ended[--p->done];
    tickets[n] = t->ticket;
    ((uint64_t *)results)[n] = simulate_answer_of(t->number, t->filling);
  }
  return n;
}

static void simulate_crew_drop(void *self) {
  process *p = self;
  p->running = p->queued = p->done = 0;
}

farm_crew simulate_crew(process *p) {
  farm_crew hands = {
      .self = p,
      .vacancies = simulate_crew_vacancies,
      .begin = simulate_crew_begin,
      .work = simulate_crew_work,
      .drop = simulate_crew_drop,
      .lanes = p->m->lanes,
      .share = simulate_crew_share,
  };
  if (p->m->what->stays) return hands;

  // what has begun can be moved, too
  hands.state_bytes = sizeof(state);
  hands.give = simulate_crew_give;
  hands.begin_from = simulate_crew_begin_from;
  return hands;
}

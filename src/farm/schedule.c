// Guided self-scheduling of (group, member) tasks, longest expected groups first, with leases and second copies of the
// last stragglers. Every task is answered exactly once; the first answer counts.

#include <stdlib.h>
#include <string.h>

#include "schedule.h"

const schedule_limits schedule_customary = {.lease = 10, .patience = 3};

enum { COPIES = 2, NOBODY = -1 };

typedef struct task_state {
  bool done;
  int holder[COPIES];  // who has it; NOBODY
  double sent_at;      // last time
} task_state;

typedef struct worker_state {
  bool lost;
  int vacancies, holding;
  double heard_at;
} worker_state;

typedef struct group_state { double expected; int group, next; } group_state;  // next: first member not yet handed out

struct schedule {
  schedule_limits limits;
  int workers, tasks_max;
  worker_state *worker;  // (workers)
  int groups, members;
  task_state *task;      // (tasks)
  group_state *group;    // (groups)  longest expected first
  int first_group;       // all before it are handed out
  int *again;            // (tasks)   tasks that came back, a stack
  int again_count;
  int64_t fresh;         // tasks never handed out
  int64_t accepted, tasks;
  double time_sum;       // of answered tasks, from sending to answer
  schedule_counts counts;
};

schedule *schedule_open(int workers, schedule_limits limits) {
  schedule *s = mem_take(1, sizeof *s);
  *s = (schedule){.limits = limits, .workers = workers, .worker = mem_take((size_t)workers, sizeof(worker_state))};
  return s;
}

static void tasks_free(schedule *s) {
  mem_free(s->task);
  mem_free(s->group);
  mem_free(s->again);
}

void schedule_close(schedule *s) {
  if (!s) return;
  tasks_free(s);
  mem_free(s->worker);
  mem_free(s);
}

void schedule_reserve(schedule *s, int tasks_max) {
  if (tasks_max <= s->tasks_max) return;
  tasks_free(s);
  s->tasks_max = tasks_max;
  s->task = mem_take((size_t)tasks_max, sizeof *s->task);
  s->group = mem_take((size_t)tasks_max, sizeof *s->group);
  s->again = mem_take((size_t)tasks_max, sizeof *s->again);
}

static int longest_first(const void *a, const void *b) {
  const group_state *p = a, *q = b;
  if (p->expected != q->expected) return p->expected > q->expected ? -1 : 1;
  return p->group - q->group;
}

void schedule_begin(schedule *s, int groups, int members, const double *expected, const unsigned char *known) {
  int64_t tasks = (int64_t)groups * members;
  CHECK(tasks <= s->tasks_max, "%lld tasks, room for %d", (long long)tasks, s->tasks_max);
  s->groups = groups, s->members = members, s->tasks = s->fresh = tasks;
  s->first_group = s->again_count = 0;
  s->accepted = 0;
  s->time_sum = 0;
  s->counts = (schedule_counts){0};
  for (int i = 0; i < tasks; i++) {
    s->task[i] = (task_state){.holder = {NOBODY, NOBODY}, .done = known && known[i]};
    s->accepted += s->task[i].done;
  }
  s->fresh -= s->accepted;
  for (int g = 0; g < groups; g++) s->group[g] = (group_state){expected ? expected[g] : 0, g, 0};
  qsort(s->group, (size_t)groups, sizeof *s->group, longest_first);
  for (int w = 0; w < s->workers; w++) s->worker[w].holding = s->worker[w].vacancies = 0;
}

bool schedule_finished(const schedule *s) { return s->accepted == s->tasks; }
int64_t schedule_accepted(const schedule *s) { return s->accepted; }
bool schedule_is_lost(const schedule *s, int worker) { return s->worker[worker].lost; }
int schedule_holding(const schedule *s, int worker) { return s->worker[worker].holding; }
schedule_counts schedule_counted(const schedule *s) { return s->counts; }

void schedule_heard(schedule *s, int worker, int vacancies, double now) {
  worker_state *w = &s->worker[worker];
  if (w->lost) s->counts.returned++;
  w->lost = false;
  w->heard_at = now;
  w->vacancies = vacancies;
}

// --- handing out ------------------------------------------------------------------------------------------------------

static int working(const schedule *s) {
  int count = 0;
  for (int w = 0; w < s->workers; w++) count += !s->worker[w].lost;
  return count ? count : 1;
}

// Large at first, one at the end: half of an equal share of what is left.
static int guided_size(const schedule *s) {
  int64_t size = (s->fresh + s->again_count) / (2 * working(s));
  return size < 1 ? 1 : (int)size;
}

static int smaller(int a, int b) { return a < b ? a : b; }

static bool holds(const task_state *t, int worker) { return t->holder[0] == worker || t->holder[1] == worker; }

static void hand_out(schedule *s, int worker, int task, double now) {
  task_state *t = &s->task[task];
  t->holder[t->holder[0] == NOBODY ? 0 : 1] = worker;
  t->sent_at = now;
  s->worker[worker].holding++;
  s->worker[worker].vacancies--;
  s->counts.sent++;
}

static bool next_again(schedule *s, int worker, double now, schedule_chunk *chunk) {
  while (s->again_count) {
    int task = s->again[--s->again_count];
    if (s->task[task].done) continue;  // its lost holder answered after all
    *chunk = (schedule_chunk){task / s->members, task % s->members, 1};
    s->counts.repeated++;
    hand_out(s, worker, task, now);
    return true;
  }
  return false;
}

// Nobody hoards: a worker holds at most its share of what is unanswered, or others would idle while tasks queue there.
static int fair_share(const schedule *s) {
  int64_t unanswered = s->tasks - s->accepted, share = (unanswered + working(s) - 1) / working(s);
  return (int)share;
}

// The first group that has something left, its `next` at a task that is not known; NULL: all is handed out.
static group_state *next_group(schedule *s) {
  for (; s->first_group < s->groups; s->first_group++) {
    group_state *g = &s->group[s->first_group];
    while (g->next < s->members && s->task[g->group * s->members + g->next].done) g->next++;
    if (g->next < s->members) return g;
  }
  return NULL;
}

static bool next_fresh(schedule *s, int worker, double now, schedule_chunk *chunk) {
  group_state *g = next_group(s);
  if (!g) return false;
  int room = smaller(s->worker[worker].vacancies, fair_share(s) - s->worker[worker].holding);
  int most = smaller(guided_size(s), smaller(room, s->members - g->next)), count = 1;
  while (count < most && !s->task[g->group * s->members + g->next + count].done) count++;
  *chunk = (schedule_chunk){g->group, g->next, count};
  for (int i = 0; i < count; i++) hand_out(s, worker, g->group * s->members + g->next + i, now);
  g->next += count;
  s->fresh -= count;
  return true;
}

// A second copy of the task that is out longest, for a worker that has nothing to do.
static bool next_copy(schedule *s, int worker, double now, schedule_chunk *chunk) {
  if (s->worker[worker].holding || s->accepted == 0) return false;
  double patience = s->limits.patience * s->time_sum / (double)s->accepted;
  int oldest = -1;
  for (int i = 0; i < s->tasks; i++) {
    const task_state *t = &s->task[i];
    if (t->done || t->holder[0] == NOBODY || t->holder[1] != NOBODY || holds(t, worker) || now - t->sent_at < patience) continue;
    if (oldest < 0 || t->sent_at < s->task[oldest].sent_at) oldest = i;
  }
  if (oldest < 0) return false;
  *chunk = (schedule_chunk){oldest / s->members, oldest % s->members, 1};
  s->counts.repeated++;
  hand_out(s, worker, oldest, now);
  return true;
}

bool schedule_next(schedule *s, int worker, double now, schedule_chunk *chunk) {
  const worker_state *w = &s->worker[worker];
  if (w->lost || w->vacancies < 1 || schedule_finished(s) || w->holding >= fair_share(s)) return false;
  if (next_again(s, worker, now, chunk) || next_fresh(s, worker, now, chunk)) return true;
  return next_copy(s, worker, now, chunk);
}

// --- answers and losses ---------------------------------------------------------------------------------------------------

bool schedule_answered(schedule *s, int worker, int task, double now) {
  CHECK(task >= 0 && task < s->tasks, "task %d of %lld", task, (long long)s->tasks);
  task_state *t = &s->task[task];
  for (int i = 0; i < COPIES; i++) {
    if (t->holder[i] != worker) continue;
    t->holder[i] = NOBODY;
    s->worker[worker].holding--;
  }
  if (t->holder[0] == NOBODY) t->holder[0] = t->holder[1], t->holder[1] = NOBODY;
  if (t->done) return false;
  t->done = true;
  s->accepted++;
  s->time_sum += now - t->sent_at;
  return true;
}

void schedule_lose(schedule *s, int worker) {
  worker_state *w = &s->worker[worker];
  if (w->lost) return;
  w->lost = true;
  w->vacancies = w->holding = 0;
  s->counts.lost++;
  for (int i = 0; i < s->tasks; i++) {
    task_state *t = &s->task[i];
    if (!holds(t, worker)) continue;
    t->holder[0] = t->holder[0] == worker ? t->holder[1] : t->holder[0];
    t->holder[1] = NOBODY;
    if (!t->done && t->holder[0] == NOBODY) s->again[s->again_count++] = i;
  }
}

int schedule_expired(schedule *s, double now) {
  for (int w = 0; w < s->workers; w++) {
    const worker_state *state = &s->worker[w];
    if (state->lost || state->holding == 0 || now - state->heard_at <= s->limits.lease) continue;
    schedule_lose(s, w);
    return w;
  }
  return -1;
}

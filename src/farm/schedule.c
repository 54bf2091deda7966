// Guided self-scheduling of (group, member) tasks, longest expected first, with leases, second copies of the last
// stragglers, and a search for tasks that take their workers down. Every task is answered exactly once; the first
// answer counts. Tasks and workers sit on doubly linked lists, so that no event has to look through all of either.
// Which task is the longest expected is fresh.c's business.

#include "schedule_lists.h"

const schedule_limits schedule_customary = {
    .lease_least = 10,
    .lease_most = 120,
    .lease_gaps = 20,
    .limit_least = 30,
    .limit_most = 3600,
    .limit_longest = 4,
    .patience = 2,
};

enum { LOOK_FOR_COPY = 16 };
#define GAP_SECONDS 0.5   // between two signs of life, until it has been seen otherwise
#define FRESH_WORD 2.0    // seconds: a worker heard of within them is alive
#define REQUEST_SECONDS 2.0  // after which a request to hand tasks back is forgotten

static double schedule_clamp(double x, double least, double most) { return x < least ? least : x > most ? most : x; }

// --- life ----------------------------------------------------------------------------------------------------------

schedule *schedule_open(int workers, schedule_limits limits) {
  schedule *s = mem_take(1, sizeof *s);
  *s = (schedule){
      .limits = limits,
      .workers = workers,
      .worker = mem_take((size_t)workers, sizeof(worker_state)),
      .rich = mem_take(1, sizeof(int)),
      .living = {NOBODY, NOBODY},
      .gap = GAP_SECONDS,
  };
  const worker_state none = {
      .copies = NOBODY,
      .before = NOBODY,
      .after = NOBODY,
      .level = NOBODY,
      .upper = NOBODY,
      .lower = NOBODY,
  };
  for (int w = 0; w < workers; w++) s->worker[w] = none;

  // The master is on no list of those that may fall silent.
  for (int w = 1; w < workers; w++) schedule_worker_append(s, w);
  return s;
}

static void schedule_tasks_free(schedule *s) {
  mem_free(s->rich);
  mem_free(s->task);
  mem_free(s->filling);
}

void schedule_close(schedule *s) {
  if (!s) return;
  schedule_tasks_free(s);
  fresh_free(&s->fresh);
  mem_free(s->worker);
  mem_free(s);
}

void schedule_reserve(schedule *s, int tasks_max) {
  if (tasks_max <= s->tasks_max) return;
  schedule_tasks_free(s);
  s->tasks_max = tasks_max;
  s->task = mem_take((size_t)tasks_max, sizeof *s->task);
  s->filling = mem_take((size_t)tasks_max, sizeof *s->filling);
  fresh_reserve(&s->fresh, tasks_max);
  s->rich = mem_take((size_t)tasks_max + 1, sizeof *s->rich);
}

static void schedule_tasks_begin(schedule *s, const schedule_job *job) {
  const copy none = {.worker = NOBODY};
  for (int i = 0; i < PLACES; i++) s->place[i] = (list){NOBODY, NOBODY};

  // What is known is done, and on no list.
  for (int i = 0; i < s->tasks; i++) {
    bool done = job->known && job->known[i];
    s->task[i] = (task_state){.at = done ? DONE : FRESH, .before = NOBODY, .after = NOBODY, .copy = {none, none}};
    s->accepted += done;
  }

  for (int g = 0; g < s->groups; g++) s->filling[g] = 0;
}

// Silence goes on where the last job left it, or a worker that dies would never be missed in a row of short jobs; the
// pause between two jobs is no silence, since nobody listens then.
static void schedule_workers_begin(schedule *s, double now) {
  double pause = now - s->looked_at;
  for (int i = 0; i < s->workers; i++) {
    worker_state *w = &s->worker[i];
    w->holding = w->vacant = 0;
    w->copies = w->level = w->upper = w->lower = w->helps = w->helper = NOBODY;
    w->alone = w->deaf = false;

    w->heard_at += pause;
  }

  // whoever holds most is where an idle worker gets its next task from
  for (int i = 0; i <= s->tasks_max; i++) s->rich[i] = NOBODY;
  s->richest = 0;
  for (int i = 0; i < s->workers; i++) schedule_worker_rank(s, i);
}

void schedule_begin(schedule *s, const schedule_job *job, double now) {
  int64_t tasks = (int64_t)job->groups * job->members;
  CHECK(tasks <= s->tasks_max, "%lld tasks, room for %d", (long long)tasks, s->tasks_max);
  CHECK(job->tries >= 0 && job->tries <= SCHEDULE_TRIES_MAX, "%d tries, at most %d", job->tries, SCHEDULE_TRIES_MAX);

  s->groups = job->groups;
  s->members = job->members;
  s->tasks = tasks;

  // accounts of this job alone
  s->tries = job->tries ? job->tries : SCHEDULE_TRIES;
  s->accepted = s->reopened = 0;

  s->counts = (schedule_counts){0};

  // workers stay as they are known; what they hold is begun anew
  schedule_tasks_begin(s, job);
  schedule_workers_begin(s, now);
  fresh_begin(&s->fresh, job->groups, job->members, job->expected, job->known, now);
}

bool schedule_finished(const schedule *s) { return s->accepted == s->tasks; }
int64_t schedule_accepted(const schedule *s) { return s->accepted + s->reopened; }
int schedule_filling(const schedule *s, int group) { return s->filling[group]; }
bool schedule_is_lost(const schedule *s, int worker) { return s->worker[worker].lost; }
bool schedule_all_lost(const schedule *s) { return s->workers > 1 && s->lost == s->workers - 1; }
int schedule_holding(const schedule *s, int worker) { return s->worker[worker].holding; }
schedule_counts schedule_counted(const schedule *s) { return s->counts; }

static void schedule_group_reopen(schedule *s, int group) {
  const copy none = {.worker = NOBODY};
  for (int m = 0; m < s->members; m++) {
    task_state *t = &s->task[group * s->members + m];
    CHECK(t->at == DONE, "group %d is reopened, but its member %d is not answered", group, m);

    // Its blames go, too: the task to come is another's.
    *t = (task_state){.at = FRESH, .before = NOBODY, .after = NOBODY, .copy = {none, none}};
  }

  fresh_reopen(&s->fresh, group);
  s->filling[group]++;
}

void schedule_reopen(schedule *s, int group, int groups) {
  int64_t tasks = (int64_t)groups * s->members;
  CHECK(group >= 0 && groups >= 0 && group + groups <= s->groups, "groups %d to %d of %d are reopened", group,
        group + groups, s->groups);
  for (int g = 0; g < groups; g++) schedule_group_reopen(s, group + g);
  s->reopened += tasks;
  s->accepted -= tasks;
}

double schedule_lease(const schedule *s) {
  return schedule_clamp(s->limits.lease_gaps * s->gap, s->limits.lease_least, s->limits.lease_most);
}

double schedule_limit(const schedule *s) {
  if (s->fresh.whole.answered == 0) return s->limits.limit_most;
  return schedule_clamp(s->limits.limit_longest * s->fresh.longest, s->limits.limit_least, s->limits.limit_most);
}

// A request is over: it was answered, or will not be.
static void schedule_request_end(schedule *s, int asked) {
  worker_state *w = &s->worker[asked];
  if (w->helps == NOBODY) return;
  s->worker[w->helps].helper = NOBODY;
  w->helps = NOBODY;
  schedule_worker_rank(s, asked);
}

void schedule_heard(schedule *s, int worker, schedule_word word, double now) {
  worker_state *w = &s->worker[worker];

  if (w->lost) {
    s->counts.returned++;
    s->lost--;
    w->lost = false;
  } else if (worker) {
    s->gap += (now - w->heard_at - s->gap) / 64;
    schedule_worker_unlink(s, worker);
  }

  // Whoever spoke last stands last: the first is the one whose lease may have run out.
  if (worker) schedule_worker_append(s, worker);
  w->heard_at = now;

  // The capacity is the whole: what was sent after these words were written is held already.
  w->word = word;
  w->vacant = word.capacity - (w->holding > word.unanswered ? w->holding : word.unanswered);

  if (word.gave == w->request) schedule_request_end(s, worker);
  w->deaf = false;
  schedule_worker_rank(s, worker);
}

// --- handing out ---------------------------------------------------------------------------------------------------

static int schedule_working(const schedule *s) { return s->workers - s->lost; }

// Large at first, one at the end: half of an equal share of what is left.
static int schedule_guided_size(const schedule *s) {
  int64_t size = s->fresh.count / (2 * schedule_working(s));
  return size < 1 ? 1 : (int)size;
}

static int schedule_equal_share(const schedule *s) {
  return (int)((s->tasks - s->accepted + schedule_working(s) - 1) / schedule_working(s));
}

// Nobody hoards: a worker holds at most its share of what is unanswered, or others would idle while tasks queue there.
// For the same reason its queue behind the lanes is filled only while there is plenty for all.
static int schedule_room(const schedule *s, const worker_state *w) {
  int queue = w->word.capacity - w->word.lanes;
  bool plenty = s->fresh.count > 2 * (int64_t)queue * schedule_working(s);
  int most = int_min(schedule_equal_share(s), plenty ? w->word.capacity : w->word.lanes);
  return int_min(w->vacant, most - w->holding);
}

static bool schedule_worker_idle(const worker_state *w) { return w->holding == 0 && w->word.unanswered == 0; }

// The master's own crew must not meet poison: the whole job would go down with it.
static bool schedule_careful(const schedule *s, int worker) { return worker == 0 && s->workers > 1; }

static bool schedule_give_one(schedule *s, int worker, int task, double now, schedule_chunk *chunk) {
  *chunk = (schedule_chunk){.group = task / s->members, .member = task % s->members, .count = 1, .again = true};
  s->counts.repeated += s->task[task].at != MOVING;
  s->counts.moved += s->task[task].at == MOVING;
  schedule_copy_give(s, worker, task, now);
  return true;
}

static bool schedule_next_suspect(schedule *s, int worker, double now, schedule_chunk *chunk) {
  int task = s->place[SUSPECT].first;
  if (task == NOBODY || schedule_careful(s, worker) || !schedule_worker_idle(&s->worker[worker])) return false;
  schedule_give_one(s, worker, task, now, chunk);
  return s->worker[worker].alone = true;
}

static bool schedule_next_again(schedule *s, int worker, double now, schedule_chunk *chunk) {
  int task = s->place[MOVING].first;
  if (task == NOBODY) task = s->place[AGAIN].first;
  if (task == NOBODY && !schedule_careful(s, worker)) task = s->place[BLAMED].first;
  return task != NOBODY && schedule_give_one(s, worker, task, now, chunk);
}

// The longest expected task, and while there is plenty its neighbours: one message, one record.
static bool schedule_next_fresh(schedule *s, int worker, double now, schedule_chunk *chunk) {
  int group, member;
  if (s->fresh.count == 0) return false;
  int most = int_min(schedule_guided_size(s), schedule_room(s, &s->worker[worker]));
  fresh_next(&s->fresh, s->accepted, now, &group, &member);
  *chunk = (schedule_chunk){.group = group, .member = member, .count = fresh_take(&s->fresh, group, member, most)};
  for (int i = 0; i < chunk->count; i++) schedule_copy_give(s, worker, group * s->members + member + i, now);
  return true;
}

static int schedule_task_taken(const schedule *s, const task_state *t);
static int schedule_suspect_from(const schedule *s) { return s->tries > 2 ? s->tries - 1 : 1; }

static bool schedule_may_copy(const schedule *s, int worker, const task_state *t, double now) {
  const copy *c = &t->copy[t->copy[0].worker == NOBODY];
  if (schedule_task_taken(s, t) >= schedule_suspect_from(s)) return false;  // it is to be alone
  if (schedule_careful(s, worker) && (t->blames || now - s->worker[c->worker].heard_at > FRESH_WORD)) return false;
  return now - c->sent_at >= s->limits.patience * s->fresh.whole.spent / s->fresh.whole.answered;
}

// The richest worker that may be asked to hand tasks back, where it has at least two more than this one.
static int schedule_worker_richer(schedule *s, const worker_state *w) {
  while (s->richest && s->rich[s->richest] == NOBODY) s->richest--;
  return s->richest >= w->holding + 2 ? s->rich[s->richest] : NOBODY;
}

// A second copy of the task that is out longest, for a worker that has nothing to do and cannot be helped otherwise.
static bool schedule_next_copy(schedule *s, int worker, double now, schedule_chunk *chunk) {
  const worker_state *w = &s->worker[worker];
  if (!schedule_worker_idle(w) || s->fresh.whole.answered == 0) return false;
  if (w->helper != NOBODY || schedule_worker_richer(s, w) != NOBODY) return false;

  // The list is in order of time, so the first of it are out longest.
  int task = s->place[OUT].first;
  for (int i = 0; task != NOBODY && i < LOOK_FOR_COPY; i++) {
    if (schedule_may_copy(s, worker, &s->task[task], now)) return schedule_give_one(s, worker, task, now, chunk);
    task = s->task[task].after;
  }
  return false;
}

bool schedule_next(schedule *s, int worker, double now, schedule_chunk *chunk) {
  const worker_state *w = &s->worker[worker];
  if (w->lost || w->alone || w->vacant < 1 || schedule_finished(s)) return false;
  if (schedule_next_suspect(s, worker, now, chunk)) return true;
  if (schedule_room(s, w) < 1) return false;
  return schedule_next_again(s, worker, now, chunk) || schedule_next_fresh(s, worker, now, chunk) ||
         schedule_next_copy(s, worker, now, chunk);
}

// --- handing back --------------------------------------------------------------------------------------------------

// Half of the difference. A core does as much with a few lanes fewer, but each of them goes faster then: where all hold
// about as many, all tasks are about as old, and the last ones end together. Three quarters of an equal share are about
// as many.
bool schedule_ask(schedule *s, int poor, double now, schedule_request *r) {
  worker_state *w = &s->worker[poor];

  // A request that was not answered in time is forgotten, and its worker not asked again before it speaks.
  if (w->helper != NOBODY && now - w->asked_at > REQUEST_SECONDS) {
    s->worker[w->helper].deaf = true;
    schedule_request_end(s, w->helper);
  }

  // While there are fresh tasks those are the help.
  if (s->fresh.count || w->lost || w->alone || w->helper != NOBODY) return false;
  if (schedule_room(s, w) < 1 || 4 * w->holding > 3 * schedule_equal_share(s)) return false;

  int rich = schedule_worker_richer(s, w);
  if (rich == NOBODY) return false;
  worker_state *giver = &s->worker[rich];
  int count = int_min((giver->holding - w->holding) / 2, schedule_room(s, w));

  giver->request = ++s->requests;
  giver->helps = poor;
  w->helper = rich;
  w->asked_at = now;
  schedule_worker_rank(s, rich);
  *r = (schedule_request){
      .worker = rich,
      .count = count,
      .keep = giver->holding - count,
      .number = giver->request,
  };
  return true;
}

int schedule_helps(const schedule *s, int worker) { return s->worker[worker].helps; }

static place schedule_place_of_free(const schedule *s, const task_state *t, bool was_alone);

bool schedule_handed_back(schedule *s, int worker, int task, bool begun, double now) {
  task_state *t = &s->task[task];
  CHECK(task >= 0 && task < s->tasks, "task %d of %lld", task, (long long)s->tasks);
  for (int i = 0; i < COPIES; i++) {
    if (t->copy[i].worker != worker) continue;

    t->lasted = begun ? now - t->copy[i].sent_at : 0;
    schedule_copy_drop(s, task, i);

    // A second copy goes on as the only one; what is suspected or blamed keeps to its own rules.
    place to = t->copy[!i].worker != NOBODY ? OUT : schedule_place_of_free(s, t, false);
    if (to == AGAIN) to = MOVING;
    schedule_task_move(s, task, to, now);
    return to == MOVING;
  }
  return false;
}

// --- answers and losses --------------------------------------------------------------------------------------------

static void schedule_task_done(schedule *s, int task) {
  schedule_copies_drop(s, task);  // whoever still works on it will say so
  schedule_task_move(s, task, DONE, 0);
  s->accepted++;
}

bool schedule_answered(schedule *s, int worker, int task, double now) {
  CHECK(task >= 0 && task < s->tasks, "task %d of %lld", task, (long long)s->tasks);

  task_state *t = &s->task[task];
  if (t->at == DONE) return false;
  CHECK(t->at != FRESH, "worker %d answers task %d, which nobody was given", worker, task);

  // Learnt from the copy of whoever answers; one that was given up in the meantime has none any more.
  for (int i = 0; i < COPIES; i++)
    if (t->copy[i].worker == worker) fresh_took(&s->fresh, task, now - t->copy[i].sent_at);
  schedule_task_done(s, task);
  return true;
}

// Workers that this task may have taken down; one that came back was not.
static int schedule_task_taken(const schedule *s, const task_state *t) {
  int count = 0;
  for (int i = 0; i < t->blames; i++) count += s->worker[t->blamed[i]].lost;
  return count;
}

static void schedule_task_blame(task_state *t, int worker) {
  for (int i = 0; i < t->blames; i++)
    if (t->blamed[i] == worker) return;
  if (t->blames < BLAMED_MAX) t->blamed[t->blames++] = worker;
}

// Where a task goes that nobody has any more. Lost with its worker for the first times it may be any one of many that
// the worker held; then it goes to workers that hold nothing else, and what is lost then is its fault.
static place schedule_place_of_free(const schedule *s, const task_state *t, bool was_alone) {
  int workers = schedule_task_taken(s, t);
  int doubt = s->counts.lost - s->counts.returned > workers;  // workers are lost without its help, too
  if (workers >= s->tries + doubt && was_alone) return POISON;
  if (workers >= schedule_suspect_from(s)) return SUSPECT;
  return workers ? BLAMED : AGAIN;
}

void schedule_lose(schedule *s, int worker, double now) {
  worker_state *w = &s->worker[worker];
  CHECK(worker != 0, "worker 0 is the master itself");
  if (w->lost) return;
  bool was_alone = w->holding == 1 && w->word.unanswered <= 1;

  w->lost = true;
  s->lost++;
  s->counts.lost++;
  schedule_worker_unlink(s, worker);
  schedule_request_end(s, worker);

  if (w->helper != NOBODY) schedule_request_end(s, w->helper);

  // What it held is free again, but for tasks of which another worker has a copy.
  while (w->copies != NOBODY) {
    int task = w->copies / COPIES, slot = w->copies % COPIES;
    task_state *t = &s->task[task];
    schedule_copy_drop(s, task, slot);
    schedule_task_blame(t, worker);
    place to = t->copy[!slot].worker == NOBODY ? schedule_place_of_free(s, t, was_alone) : OUT;
    schedule_task_move(s, task, to, now);
  }

  w->vacant = 0;
  schedule_worker_rank(s, worker);
}

static void schedule_overdue_free(schedule *s, place at, double now) {
  while (s->place[at].first != NOBODY && now - s->task[s->place[at].first].since > schedule_limit(s)) {
    int task = s->place[at].first;
    schedule_copies_drop(s, task);
    schedule_task_move(s, task, schedule_place_of_free(s, &s->task[task], false), now);
  }
}

int schedule_expired(schedule *s, double now) {
  int worker = s->living.first;
  s->looked_at = now;
  schedule_overdue_free(s, OUT, now);
  schedule_overdue_free(s, TWICE, now);
  if (worker == NOBODY || now - s->worker[worker].heard_at <= schedule_lease(s)) return NOBODY;
  schedule_lose(s, worker, now);
  return worker;
}

bool schedule_poisoned(schedule *s, int *task, int *workers) {
  int first = s->place[POISON].first;
  if (first == NOBODY) return false;
  *task = first;
  *workers = schedule_task_taken(s, &s->task[first]);
  s->counts.poisoned++;
  schedule_task_done(s, first);
  return true;
}

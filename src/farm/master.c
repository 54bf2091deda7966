// Rank 0's side of a map: the schedule decides, messages go out and come in, and between them the master's own crew works.

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

#define TICK_SECONDS 0.2

enum { CHORES = 32, WORDS = 1024 };  // workers looked after, messages taken in, at a step

static int task_count(const farm_job *job) { return job->groups * job->members; }
static double now(const farm *f) { return f->post.now(f->post.self); }

__attribute__((format(printf, 2, 3))) static void say(const farm *f, const char *format, ...) {
  char line[256];
  va_list arguments;
  if (f->silent) return;
  va_start(arguments, format);
  text_vprint(line, sizeof line, format, arguments);
  va_end(arguments);
  log_here("%s", line);
}

static void happened(const map_run *r, farm_event event) {
  if (r->job->happened) r->job->happened(r->job->watcher, &event);
}

// --- words to a worker -----------------------------------------------------------------------------------------------------

typedef struct part { const void *bytes; size_t size; } part;  // of what follows an order's head

static bool order_send(map_run *r, int worker, order_head head, part first, part second) {
  farm *f = r->f;
  size_t size = sizeof head;
  head.job = f->job;
  head.members = r->job->members;
  head.record_bytes = (uint32_t)r->job->record_bytes;
  head.result_bytes = (uint32_t)r->job->result_bytes;
  head.shared_bytes = r->job->shared_bytes;
  head.piece_bytes = (uint32_t)f->piece_bytes;
  memcpy(f->message, &head, sizeof head);
  if (first.size) memcpy(f->message + size, first.bytes, first.size), size += first.size;
  if (second.size) memcpy(f->message + size, second.bytes, second.size), size += second.size;
  if (!f->post.send(f->post.self, worker, f->message, size)) return false;
  f->peer[worker].spoken_at = r->clock;
  return true;
}

static bool order_send_bare(map_run *r, int worker, order_head head) { return order_send(r, worker, head, (part){0}, (part){0}); }

static void tell_of_job(map_run *r, int worker) {
  if (order_send_bare(r, worker, (order_head){.order = ORDER_START})) r->f->peer[worker].told_job = r->f->job;
}

// Each worker is told of the job until it speaks of it, and hears a word now and then.
static void look_after(map_run *r, int worker) {
  const peer *p = &r->f->peer[worker];
  double since = r->clock - p->spoken_at;
  if (p->told_job != r->f->job || (p->heard_job != r->f->job && since > RETELL_SECONDS)) tell_of_job(r, worker);
  else if (since > PING_SECONDS) order_send_bare(r, worker, (order_head){.order = ORDER_PING});
}

static bool has_all(const map_run *r, int worker) { return r->f->peer[worker].has == r->pieces; }

// The pieces of what the job shares, as fast as the line takes them. Those of which nothing is heard are sent once more.
static bool pieces_push(map_run *r, int worker) {
  farm *f = r->f;
  peer *p = &f->peer[worker];
  bool pushed = false;
  if (p->heard_job != f->job || has_all(r, worker) || schedule_is_lost(f->plan, worker)) return false;
  if (r->clock - p->pushed_at > RETELL_SECONDS) p->pushed = p->has;
  for (; p->pushed < r->pieces && f->post.can_send(f->post.self, worker); p->pushed++, pushed = true) {
    const part piece = {(const char *)r->job->shared + (size_t)p->pushed * f->piece_bytes, piece_size(r->job->shared_bytes, f->piece_bytes, p->pushed)};
    order_send(r, worker, (order_head){.order = ORDER_PIECE, .piece = (uint32_t)p->pushed}, piece, (part){0});
    p->pushed_at = r->clock;
  }
  return pushed;
}

static void pieces_heard(map_run *r, int worker, int has) {
  peer *p = &r->f->peer[worker];
  if (has <= p->has) return;
  p->has = has;
  if (p->pushed < has) p->pushed = has;
  p->pushed_at = r->clock;
  pieces_push(r, worker);
}

static const void *record_of(const map_run *r, int group) { return (const char *)r->job->records + (size_t)group * r->job->record_bytes; }

// --- states on their way: the last few, older ones are forgotten, and their tasks start anew ---------------------------------

static void parcels_forget(farm *f) {
  for (int i = 0; i < PARCELS; i++) f->parcels[i].task = -1;
}

static char *state_in(const farm *f, const parcel *p) { return f->states + (size_t)(p - f->parcels) * f->state_max; }

static parcel *parcel_new(farm *f, int task, int filling) {
  parcel *p = &f->parcels[f->next_parcel++ % PARCELS];
  *p = (parcel){task, filling};
  return p;
}

// The newest state of a task; NULL: none. Whichever it is, the task's result is the same.
static const void *state_of(const map_run *r, schedule_chunk c) {
  const farm *f = r->f;
  int task = c.group * r->job->members + c.member, filling = schedule_filling(f->plan, c.group);
  for (unsigned i = 1; c.again && i <= PARCELS; i++) {
    const parcel *p = &f->parcels[(f->next_parcel - i) % PARCELS];
    if (p->task == task && p->filling == filling) return state_in(f, p);
  }
  return NULL;
}

// --- handing out -------------------------------------------------------------------------------------------------------------

static void own_hand_back(map_run *r, schedule_request q);

// Has somebody else hand tasks back for a worker that has few. True: they are here already.
static bool ask_for(map_run *r, int poor) {
  schedule_request q;
  if (!schedule_ask(r->f->plan, poor, r->clock, &q)) return false;
  if (q.worker == 0) own_hand_back(r, q);
  else order_send_bare(r, q.worker, (order_head){.order = ORDER_HAND_BACK, .count = q.count, .keep = q.keep, .request = q.number});
  return q.worker == 0;
}

// Only what can be sent at once is taken from the schedule: no free buffer means that the worker is slow, or gone.
static void hand_out(map_run *r, int worker) {
  farm *f = r->f;
  schedule_chunk c;
  while (f->post.can_send(f->post.self, worker) && schedule_next(f->plan, worker, r->clock, &c)) {
    const void *state = state_of(r, c);
    const order_head head = {.order = ORDER_TASKS, .group = c.group, .member = c.member, .count = c.count, .filling = schedule_filling(f->plan, c.group),
                             .state_bytes = state ? (uint32_t)r->crew->state_bytes : 0};
    order_send(r, worker, head, (part){record_of(r, c.group), r->job->record_bytes}, (part){state, head.state_bytes});
  }
}

static void feed(map_run *r, int worker) {
  if (worker == 0 || r->f->peer[worker].heard_job != r->f->job || !has_all(r, worker)) return;  // its own crew rank 0 feeds before it works
  do hand_out(r, worker);
  while (ask_for(r, worker));
}

static bool chores(map_run *r) {
  bool active = false;
  for (int i = 1; i < r->f->size && i <= CHORES; i++) {
    r->chore = r->chore % (r->f->size - 1) + 1;
    look_after(r, r->chore);
    active |= pieces_push(r, r->chore);
    if (r->unfed > 0) feed(r, r->chore), r->unfed--, active = true;
  }
  return active;
}

// --- words from a worker ------------------------------------------------------------------------------------------------------

static void result_put(map_run *r, int task, const void *result) {
  memcpy(r->results + (size_t)task * r->job->result_bytes, result, r->job->result_bytes);
  if (r->job->answered) r->job->answered(r->job->watcher, task, result);
}

// Late words of an earlier filling say nothing of this one.
static bool is_of_now(const map_run *r, int task, int filling) { return schedule_filling(r->f->plan, task / r->job->members) == filling; }

static void result_take(map_run *r, int worker, int task, const void *result) {
  if (schedule_answered(r->f->plan, worker, task, r->clock)) result_put(r, task, result);
}

static void results_take(map_run *r, int worker, const char *bytes, size_t size, int count) {
  size_t item = news_item_bytes(r->job->result_bytes);
  CHECK(size >= sizeof(news_head) + (size_t)count * item, "%zu bytes of news with %d results", size, count);
  for (int i = 0; i < count; i++) {
    const char *at = bytes + sizeof(news_head) + (size_t)i * item;
    int32_t which[2];  // task, filling
    memcpy(which, at, sizeof which);
    CHECK(which[0] >= 0 && which[0] < task_count(r->job), "task %d of %d", which[0], task_count(r->job));
    if (is_of_now(r, which[0], which[1])) result_take(r, worker, which[0], at + 8);
  }
}

// A task that comes back; `state` as it stands at the end of the news.
static void back_take(map_run *r, int worker, const news_head *head, const char *bytes, size_t size) {
  farm *f = r->f;
  size_t state_bytes = head->begun ? r->crew->state_bytes : 0;
  CHECK(size == sizeof *head + state_bytes && state_bytes <= f->state_max, "%zu bytes of news with a state of %zu", size, state_bytes);
  CHECK(head->back < task_count(r->job), "task %d of %d comes back", head->back, task_count(r->job));
  if (is_of_now(r, head->back, head->filling) && schedule_handed_back(f->plan, worker, head->back, head->begun, r->clock) && head->begun)
    memcpy(state_in(f, parcel_new(f, head->back, head->filling)), bytes + sizeof *head, state_bytes);
}

static void news_take(map_run *r, int worker, const char *bytes, size_t size) {
  news_head head;
  farm *f = r->f;
  schedule_word word = {0};  // late words of an earlier job are a sign of life, no more
  if (size < sizeof head) return;
  memcpy(&head, bytes, sizeof head);
  if (schedule_is_lost(f->plan, worker)) {
    say(f, "worker %d is back", worker);
    happened(r, (farm_event){.kind = FARM_WORKER_BACK, .worker = worker});
  }
  f->peer[worker].heard_job = head.job;
  if (head.job == f->job) {
    f->peer[worker].busy = head.busy;
    f->peer[worker].apart = head.apart;
    pieces_heard(r, worker, head.has);
    results_take(r, worker, bytes, size, head.count);
    if (head.back >= 0) back_take(r, worker, &head, bytes, size);
    word = (schedule_word){.lanes = head.lanes, .capacity = head.capacity, .unanswered = head.unanswered, .gave = head.gave, .keeps = head.keeps};
  }
  int helped = schedule_helps(f->plan, worker);
  schedule_heard(f->plan, worker, word, r->clock);
  if (helped > 0) feed(r, helped);
}

static bool listen_all(map_run *r) {
  int from, words = 0;
  const void *bytes;
  size_t size;
  while (words < WORDS && r->f->post.receive(r->f->post.self, &from, &bytes, &size)) {
    news_take(r, from, bytes, size);
    feed(r, from);
    words++;
  }
  return words > 0;
}

// --- the master's own crew ------------------------------------------------------------------------------------------------------

// A ticket says which task and which filling: the one before may still be in its hands.
static int own_ticket(const map_run *r, int task, int filling) {
  int tasks = task_count(r->job);
  return filling % (INT_MAX / tasks) * tasks + task;
}

static int own_task(const map_run *r, int ticket) { return ticket % task_count(r->job); }

static bool own_is_of_now(const map_run *r, int ticket) {
  int task = own_task(r, ticket);
  return own_ticket(r, task, schedule_filling(r->f->plan, task / r->job->members)) == ticket;
}

static void own_heard(map_run *r, int request) {
  int capacity = r->crew->vacancies(r->crew->self) + r->own_held, lanes = r->crew->lanes;
  const schedule_word word = {.lanes = lanes ? lanes : capacity, .capacity = capacity, .unanswered = r->own_held, .gave = request, .keeps = r->own_keeps};
  schedule_heard(r->f->plan, 0, word, r->clock);
}

static void own_take(map_run *r, schedule_chunk c, const void *state) {
  const farm_crew *crew = r->crew;
  int ticket = own_ticket(r, c.group * r->job->members + c.member, schedule_filling(r->f->plan, c.group));
  r->own_held += c.count;
  if (state && crew->begin_from && crew->vacancies(crew->self) > 0) {
    crew->begin_from(crew->self, ticket, record_of(r, c.group), c.member, state);
    return;
  }
  for (int i = 0; i < c.count; i++) crew->begin(crew->self, ticket + i, record_of(r, c.group), c.member + i);
}

static void own_begin(map_run *r) {
  schedule_chunk c;
  own_heard(r, 0);
  while (schedule_next(r->f->plan, 0, r->clock, &c)) own_take(r, c, state_of(r, c));
  ask_for(r, 0);
}

// The request is done at once; whoever is to have the tasks gets them with its next news.
static void own_hand_back(map_run *r, schedule_request q) {
  farm *f = r->f;
  bool begun;
  for (int i = 0; i < q.count && r->own_held > q.keep && !r->own_keeps; i++) {
    parcel *p = parcel_new(f, -1, 0);
    int ticket = r->crew->give(r->crew->self, state_in(f, p), &begun), task = own_task(r, ticket);
    r->own_keeps = ticket < 0;
    if (r->own_keeps) break;
    r->own_held--;
    if (own_is_of_now(r, ticket) && schedule_handed_back(f->plan, 0, task, begun, r->clock) && begun)
      *p = (parcel){task, schedule_filling(f->plan, task / r->job->members)};
  }
  own_heard(r, q.number);
}

static bool own_work(map_run *r) {
  farm *f = r->f;
  own_begin(r);
  if (r->own_held == 0) return false;
  double start = now(f);
  int n = r->crew->work(r->crew->self, f->tickets, f->results, RESULTS_MAX);
  f->peer[0].busy += now(f) - start;
  for (int i = 0; i < n; i++)
    if (own_is_of_now(r, f->tickets[i])) result_take(r, 0, own_task(r, f->tickets[i]), f->results + (size_t)i * r->job->result_bytes);
  r->own_held -= n;
  return true;
}

// --- losses ---------------------------------------------------------------------------------------------------------------------

static void losses_see(map_run *r) {
  farm *f = r->f;
  for (int w; (w = schedule_expired(f->plan, r->clock)) > 0;) {
    say(f, "worker %d has been silent too long and is taken for lost; others do its tasks", w);
    f->lossy = true;
    f->peer[w].heard_job = 0;
    happened(r, (farm_event){.kind = FARM_WORKER_LOST, .worker = w});
  }
}

static status poison_see(map_run *r) {
  int task, workers;
  while (schedule_poisoned(r->f->plan, &task, &workers)) {
    int group = task / r->job->members, member = task % r->job->members;
    if (!r->job->poisoned)
      FAIL(BROKEN, "task %d (group %d, member %d) took %d workers down, one after the other: it crashes or hangs whoever plays it", task, group, member, workers);
    if (!r->job->happened) say(r->f, "task %d (group %d, member %d) took %d workers down and is given up as poison", task, group, member, workers);
    happened(r, (farm_event){.kind = FARM_TASK_POISONED, .task = task, .workers = workers});
    result_put(r, task, r->job->poisoned);
  }
  return OK;
}

// A worker that was only stopped may come back; till then rank 0 goes on.
static status alone(map_run *r) {
  farm *f = r->f;
  if (!schedule_all_lost(f->plan)) f->alone_since = 0;
  else if (f->alone_since == 0) f->alone_since = r->clock;
  if (f->alone_since == 0 || r->clock - f->alone_since < ALONE_SECONDS) return OK;
  FAIL(RESUME_ME, "all %d workers are lost and none came back within %d s; the same command resumes", f->size - 1, ALONE_SECONDS);
}

// --- the map ------------------------------------------------------------------------------------------------------------------

void map_begin(map_run *r) {
  farm *f = r->f;
  const farm_job *job = r->job;
  CHECK(job->shared_bytes <= f->shared_max, "%zu bytes shared, prepared for %zu", job->shared_bytes, f->shared_max);
  CHECK(r->crew->state_bytes <= f->state_max, "states of %zu bytes, prepared for %zu", r->crew->state_bytes, f->state_max);
  CHECK(job->record_bytes <= f->record_max && job->result_bytes <= f->result_max, "records of %zu and results of %zu bytes, prepared for %zu and %zu",
        job->record_bytes, job->result_bytes, f->record_max, f->result_max);
  const schedule_job plan = {.groups = job->groups, .members = job->members, .expected = job->expected, .known = job->known, .tries = job->tries};
  r->started = r->stepped = r->ticked = r->clock = now(f);
  r->own_crew = farm_workers(f->size) == f->size;
  r->own_keeps = !r->crew->give;
  parcels_forget(f);
  r->unfed = 0;
  f->job++;
  f->run = r;
  schedule_begin(f->plan, &plan, r->clock);
  r->own_apart = crew_apart(r->crew);
  r->pieces = pieces_of(job->shared_bytes, f->piece_bytes);
  for (int w = 0; w < f->size; w++) f->peer[w].busy = f->peer[w].apart = f->peer[w].pushed_at = 0, f->peer[w].pushed = f->peer[w].has = 0;
  if (job->shared_bytes && r->crew->share) r->crew->share(r->crew->self, job->shared, job->shared_bytes);
  for (int w = 1; w < f->size && !map_finished(r); w++) tell_of_job(r, w);
}

bool map_finished(const map_run *r) { return schedule_finished(r->f->plan); }

static void clock_step(map_run *r) {
  stopwatch p = {r->clock, r->stepped};  // a step no longer than it allows
  r->clock = stopwatch_spent(&p, now(r->f));
  r->stepped = p.looked;
}

static status ticked(map_run *r) {
  int64_t finished = schedule_accepted(r->f->plan);
  if (!r->tick || r->stepped - r->ticked < TICK_SECONDS) return OK;
  r->ticked = r->stepped;
  if (!r->tick(r->tick_self, finished)) FAIL(INTERRUPTED, "stopped after %lld of %d tasks", (long long)finished, task_count(r->job));
  return OK;
}

status map_step(map_run *r, bool *active) {
  clock_step(r);
  *active = listen_all(r);
  *active |= chores(r);
  if (r->own_crew) *active |= own_work(r);
  losses_see(r);
  TRY(poison_see(r));
  TRY(alone(r));
  return ticked(r);
}

static void report_fill(const map_run *r, farm_report *report) {
  schedule_counts c = schedule_counted(r->f->plan);
  double busy = 0, apart = crew_apart(r->crew) - r->own_apart;
  for (int w = 0; w < r->f->size; w++) busy += r->f->peer[w].busy, apart += r->f->peer[w].apart;
  double seconds = now(r->f) - r->started, rank_seconds = seconds * r->f->size;
  *report = (farm_report){.seconds = seconds, .busy = seconds > 0 ? busy / rank_seconds : 0, .apart = seconds > 0 ? apart / rank_seconds : 0, .sent = c.sent, .repeated = c.repeated, .moved = c.moved,
                          .lost = c.lost, .returned = c.returned, .poisoned = c.poisoned};
}

void map_end(map_run *r, farm_report *report) {
  for (int w = 1; w < r->f->size; w++) order_send_bare(r, w, (order_head){.order = ORDER_END});
  r->crew->drop(r->crew->self);
  report_fill(r, report);
  r->f->run = NULL;
}

// Whoever has nothing to do hears of it at once, not with its next sign of life.
void farm_reopen(farm *f, int group, int groups) {
  CHECK(f->run, "groups are reopened outside a map");
  schedule_reopen(f->plan, group, groups);
  f->run->unfed = f->size - 1;
}

static double processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

status farm_map(farm *f, const farm_job *job, const farm_crew *crew, void *results, farm_report *report, bool (*tick)(void *self, int64_t finished), void *tick_self) {
  CHECK(f->rank == 0, "rank %d maps", f->rank);
  map_run r = {.f = f, .job = job, .crew = crew, .results = results, .tick = tick, .tick_self = tick_self};
  nap rest = {0};
  status s = OK;
  double seconds = 0;
  map_begin(&r);
  while (!map_finished(&r) && s == OK) {
    bool active;
    double start = processor_seconds();
    s = map_step(&r, &active);
    if (active) seconds += processor_seconds() - start;
    nap_take(&rest, active);
  }
  map_end(&r, report);
  report->master = seconds > f->peer[0].busy ? seconds - f->peer[0].busy : 0;
  return s;
}

// Who answers? A rank may have died unnoticed, its tasks done by others before its lease ran out. Where all do, those that were
// lost for a while among them, the farm is whole again.
static void roll_call(farm *f) {
  const order_head ping_head = {.order = ORDER_PING, .job = f->job};
  const void *bytes;
  size_t size;
  int from, missing = 0;
  for (int w = 1; w < f->size; w++) {
    f->peer[w].present = schedule_is_lost(f->plan, w);  // nothing is asked of the lost
    missing += !f->peer[w].present;
    while (f->post.receive(f->post.self, &from, &bytes, &size)) continue;  // older words are no answer
    f->post.send(f->post.self, w, &ping_head, sizeof ping_head);
  }
  double lease = schedule_lease(f->plan);
  for (stopwatch w = stopwatch_begin(now(f)); missing && stopwatch_spent(&w, now(f)) < lease; usleep(100))
    while (f->post.receive(f->post.self, &from, &bytes, &size)) {
      missing -= !f->peer[from].present;
      f->peer[from].present = true;
    }
  f->lossy = false;
  for (int w = 1; w < f->size; w++) {
    if (!f->peer[w].present) say(f, "worker %d does not answer and is taken for lost", w);
    if (!f->peer[w].present) schedule_lose(f->plan, w, now(f));
    f->lossy |= schedule_is_lost(f->plan, w);
  }
}

void farm_dismiss(farm *f) {
  roll_call(f);
  const order_head head = {.order = ORDER_DISMISS, .job = f->job, .lossy = f->lossy};
  for (int w = 1; w < f->size; w++) {
    double seconds = schedule_is_lost(f->plan, w) ? 0.1 : 10;
    for (stopwatch p = stopwatch_begin(now(f)); stopwatch_spent(&p, now(f)) < seconds; usleep(200))
      if (f->post.send(f->post.self, w, &head, sizeof head)) break;
  }
  for (int w = 1; w < f->size; w++) transport_flush(f->line, w, f->lossy ? 0.2 : 10);
}

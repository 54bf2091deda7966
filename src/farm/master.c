// Rank 0's side of a map: the schedule decides, messages go out and come in, and between them the master's own crew works.

#include <string.h>
#include <unistd.h>

#include "parts.h"

#define TICK_SECONDS 0.2

typedef struct run {
  farm *f;
  const farm_job *job;
  const farm_crew *crew;
  char *results;
  double started, ticked, pinged;
  bool own_crew;   // rank 0 works too
} run;

static int task_count(const farm_job *job) { return job->groups * job->members; }

// --- words to a worker -----------------------------------------------------------------------------------------------------

static bool order_send(run *r, int worker, order_head head, const void *record) {
  farm *f = r->f;
  head.job = f->job;
  head.members = r->job->members;
  head.record_bytes = (uint32_t)r->job->record_bytes;
  head.result_bytes = (uint32_t)r->job->result_bytes;
  memcpy(f->message, &head, sizeof head);
  if (record) memcpy(f->message + sizeof head, record, r->job->record_bytes);
  return transport_send(f->line, worker, f->message, sizeof head + (record ? r->job->record_bytes : 0));
}

static void tell_of_job(run *r) {
  for (int w = 1; w < r->f->size; w++)
    if (r->f->told_job[w] != r->f->job && order_send(r, w, (order_head){.order = ORDER_START}, NULL)) r->f->told_job[w] = r->f->job;
}

static void ping(run *r, double now) {
  if (now - r->pinged < PING_SECONDS) return;
  r->pinged = now;
  for (int w = 1; w < r->f->size; w++) order_send(r, w, (order_head){.order = ORDER_PING}, NULL);
}

static const void *record_of(const run *r, int group) { return (const char *)r->job->records + (size_t)group * r->job->record_bytes; }

// Only what can be sent at once is taken from the schedule: no free buffer means that the worker is slow, or gone.
static bool feed(run *r, int worker, double now) {
  farm *f = r->f;
  schedule_chunk c;
  bool fed = false;
  if (f->told_job[worker] != f->job || f->heard_job[worker] != f->job) return false;
  while (transport_can_send(f->line, worker) && schedule_next(f->plan, worker, now, &c)) {
    const order_head head = {.order = ORDER_TASKS, .group = c.group, .member = c.member, .count = c.count};
    order_send(r, worker, head, record_of(r, c.group));
    f->tasks_sent[worker] += c.count;
    fed = true;
  }
  return fed;
}

// --- words from a worker ------------------------------------------------------------------------------------------------------

static void happened(const run *r, farm_event event) {
  if (r->job->happened) r->job->happened(r->job->watcher, &event);
}

static void result_take(run *r, int worker, int task, const void *result, double now) {
  if (!schedule_answered(r->f->plan, worker, task, now)) return;
  memcpy(r->results + (size_t)task * r->job->result_bytes, result, r->job->result_bytes);
  if (r->job->answered) r->job->answered(r->job->watcher, task, result);
}

static void news_take(run *r, int worker, const char *bytes, size_t size, double now) {
  news_head head;
  farm *f = r->f;
  if (size < sizeof head) return;
  memcpy(&head, bytes, sizeof head);
  bool was_lost = schedule_is_lost(f->plan, worker), current = head.job == f->job;
  // What was sent after the worker counted its vacancies will take some of them.
  int vacancies = current ? head.vacancies - (f->tasks_sent[worker] - head.received) : 0;
  schedule_heard(f->plan, worker, vacancies, now);
  if (was_lost) {
    log_here("worker %d is back", worker);
    happened(r, (farm_event){.kind = FARM_WORKER_BACK, .worker = worker});
  }
  if (!current) return;  // late words of an earlier job
  f->heard_job[worker] = f->job;
  f->busy[worker] = head.busy;
  size_t item = news_item_bytes(r->job->result_bytes);
  CHECK(size == sizeof head + (size_t)head.count * item, "%zu bytes of news with %d results", size, head.count);
  for (int i = 0; i < head.count; i++) {
    const char *at = bytes + sizeof head + (size_t)i * item;
    int32_t task;
    memcpy(&task, at, sizeof task);
    result_take(r, worker, task, at + 8, now);
  }
}

static bool listen_all(run *r, double now) {
  int from;
  const void *bytes;
  size_t size;
  bool heard = false;
  while (transport_receive(r->f->line, &from, &bytes, &size)) {
    news_take(r, from, bytes, size, now);
    feed(r, from, now);
    heard = true;
  }
  return heard;
}

// --- the master's own crew ------------------------------------------------------------------------------------------------------

static void own_begin(run *r, double now) {
  schedule_chunk c;
  schedule_heard(r->f->plan, 0, r->crew->vacancies(r->crew->self), now);
  while (schedule_next(r->f->plan, 0, now, &c))
    for (int i = 0; i < c.count; i++) r->crew->begin(r->crew->self, c.group * r->job->members + c.member + i, record_of(r, c.group), c.member + i);
}

static bool own_work(run *r) {
  double start = time_now();
  own_begin(r, start);
  if (schedule_holding(r->f->plan, 0) == 0) return false;
  int n = r->crew->work(r->crew->self, r->f->tickets, r->f->results, RESULTS_MAX);
  double now = time_now();
  r->f->busy[0] += now - start;
  for (int i = 0; i < n; i++) result_take(r, 0, r->f->tickets[i], r->f->results + (size_t)i * r->job->result_bytes, now);
  return true;
}

static bool others_lost(const farm *f) {
  for (int w = 1; w < f->size; w++)
    if (!schedule_is_lost(f->plan, w)) return false;
  return f->size > 1;
}

// A worker that was only stopped may come back; till then rank 0 goes on.
static status alone(farm *f, double now) {
  if (!others_lost(f)) f->alone_since = 0;
  else if (f->alone_since == 0) f->alone_since = now;
  if (f->alone_since == 0 || now - f->alone_since < ALONE_SECONDS) return OK;
  FAIL(RESUME_ME, "all %d workers are lost and none came back within %d s; the same command resumes", f->size - 1, ALONE_SECONDS);
}

static void losses_see(run *r, double now) {
  int w;
  while ((w = schedule_expired(r->f->plan, now)) >= 0) {
    log_here("worker %d has been silent too long and is taken for lost; others do its tasks", w);
    r->f->lossy = true;
    r->f->heard_job[w] = 0;
    happened(r, (farm_event){.kind = FARM_WORKER_LOST, .worker = w});
  }
}

// --- the map ------------------------------------------------------------------------------------------------------------------

static void run_begin(run *r) {
  farm *f = r->f;
  f->job++;
  schedule_begin(f->plan, r->job->groups, r->job->members, r->job->expected, r->job->known);
  for (int w = 0; w < f->size; w++) f->busy[w] = f->tasks_sent[w] = 0;
  r->own_crew = f->size < MASTER_ONLY_RANKS;
}

static void run_end(run *r) {
  for (int w = 1; w < r->f->size; w++) order_send(r, w, (order_head){.order = ORDER_END}, NULL);
  r->crew->drop(r->crew->self);
}

static status ticked(run *r, double now, bool (*tick)(void *, int64_t), void *self) {
  int64_t finished = schedule_accepted(r->f->plan);
  if (!tick || now - r->ticked < TICK_SECONDS) return OK;
  r->ticked = now;
  if (!tick(self, finished)) FAIL(INTERRUPTED, "stopped after %lld of %d tasks", (long long)finished, task_count(r->job));
  return OK;
}

static void report_fill(const run *r, farm_report *report) {
  schedule_counts c = schedule_counted(r->f->plan);
  double busy = 0;
  for (int w = 0; w < r->f->size; w++) busy += r->f->busy[w];
  double seconds = time_now() - r->started;
  *report = (farm_report){.seconds = seconds, .busy = seconds > 0 ? busy / (seconds * r->f->size) : 0, .sent = c.sent, .repeated = c.repeated, .lost = c.lost, .returned = c.returned};
}

status farm_map(farm *f, const farm_job *job, const farm_crew *crew, void *results, farm_report *report, bool (*tick)(void *self, int64_t finished), void *tick_self) {
  CHECK(f->rank == 0, "rank %d maps", f->rank);
  CHECK(job->record_bytes <= f->record_max && job->result_bytes <= f->result_max, "records of %zu and results of %zu bytes, prepared for %zu and %zu",
        job->record_bytes, job->result_bytes, f->record_max, f->result_max);
  double now = time_now();
  run r = {.f = f, .job = job, .crew = crew, .results = results, .started = now, .ticked = now, .pinged = now};
  nap rest = {0};
  status s = OK;
  run_begin(&r);
  while (!schedule_finished(f->plan) && s == OK) {
    tell_of_job(&r);
    bool active = listen_all(&r, time_now());
    for (int w = 1; w < f->size; w++) active |= feed(&r, w, time_now());
    if (r.own_crew) active |= own_work(&r);
    now = time_now();
    losses_see(&r, now);
    ping(&r, now);
    s = ticked(&r, now, tick, tick_self);
    if (s == OK) s = alone(f, now);
    nap_take(&rest, active);
  }
  run_end(&r);
  report_fill(&r, report);
  return s;
}

// Who answers? A rank may have died unnoticed, its tasks done by others before its lease ran out.
static void roll_call(farm *f) {
  const order_head ping_head = {.order = ORDER_PING, .job = f->job};
  const void *bytes;
  size_t size;
  int from, missing = 0;
  for (int w = 1; w < f->size; w++) {
    f->told_job[w] = schedule_is_lost(f->plan, w) ? 1 : 0;  // answered, for now
    missing += !f->told_job[w];
    while (transport_receive(f->line, &from, &bytes, &size)) continue;  // older words are no answer
    transport_send(f->line, w, &ping_head, sizeof ping_head);
  }
  for (double end = time_now() + schedule_customary.lease; missing && time_now() < end; usleep(100))
    while (transport_receive(f->line, &from, &bytes, &size)) {
      missing -= !f->told_job[from];
      f->told_job[from] = 1;
    }
  for (int w = 1; w < f->size; w++) {
    if (f->told_job[w]) continue;
    log_here("worker %d does not answer and is taken for lost", w);
    schedule_lose(f->plan, w);
    f->lossy = true;
  }
  memset(f->told_job, 0, sizeof *f->told_job * (size_t)f->size);
}

void farm_dismiss(farm *f) {
  roll_call(f);
  const order_head head = {.order = ORDER_DISMISS, .job = f->job, .lossy = f->lossy};
  for (int w = 1; w < f->size; w++)
    for (double end = time_now() + (schedule_is_lost(f->plan, w) ? 0.1 : 10); time_now() < end; usleep(200))
      if (transport_send(f->line, w, &head, sizeof head)) break;
  for (int w = 1; w < f->size; w++) transport_flush(f->line, w, f->lossy ? 0.2 : 10);
}

// Rank 0's side of a map: the schedule decides, messages go out and come in, and between them the master's own crew
// works.

#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

#define TICK_SECONDS 0.2

enum { CHORES = 32, WORDS = 1024 };  // workers looked after, messages taken in, at a step

static int master_task_count(const farm_job *job) { return job->groups * job->members; }
double master_now(const farm *f) { return f->post.now(f->post.self); }

void master_say(const farm *f, const char *format, ...) {
  char line[256];
  va_list arguments;
  if (f->silent) return;
  va_start(arguments, format);
  text_vprint(line, sizeof line, format, arguments);
  va_end(arguments);
  log_here("%s", line);
}

static void master_happened(const map_run *r, farm_event event) {
  if (r->job->happened) r->job->happened(r->job->watcher, &event);
}

// --- words to a worker ---------------------------------------------------------------------------------------------

typedef struct part { const void *bytes; size_t size; } part;  // of what follows an order's head

// Where it ends.
static size_t master_part_add(farm *f, size_t at, part p) {
  if (p.size) memcpy(f->message + at, p.bytes, p.size);
  return at + p.size;
}

// False: the line is full.
static bool master_send(map_run *r, int worker, order_head head, part first, part second) {
  farm *f = r->f;
  head.job = f->job;
  head.members = r->job->members;
  head.record_bytes = (uint32_t)r->job->record_bytes;
  head.result_bytes = (uint32_t)r->job->result_bytes;
  head.shared_bytes = r->job->shared_bytes;
  head.piece_bytes = (uint32_t)f->piece_bytes;

  memcpy(f->message, &head, sizeof head);
  size_t size = master_part_add(f, sizeof head, first);
  size = master_part_add(f, size, second);

  // A word that could not be sent is not made up for: whoever sends looks again at the next step.
  if (!f->post.send(f->post.self, worker, f->message, size)) return false;
  f->peer[worker].spoken_at = r->clock;
  return true;
}

static bool master_send_bare(map_run *r, int worker, order_head head) {
  return master_send(r, worker, head, (part){0}, (part){0});
}

static void master_tell_of_job(map_run *r, int worker) {
  if (master_send_bare(r, worker, (order_head){.order = ORDER_START})) r->f->peer[worker].told_job = r->f->job;
}

// Each worker is told of the job until it speaks of it, and hears a word now and then.
static void master_look_after(map_run *r, int worker) {
  const peer *p = &r->f->peer[worker];
  double since = r->clock - p->spoken_at;
  if (p->told_job != r->f->job || (p->heard_job != r->f->job && since > RETELL_SECONDS)) master_tell_of_job(r, worker);
  else if (since > PING_SECONDS) master_send_bare(r, worker, (order_head){.order = ORDER_PING});
}

static bool master_told_all(const map_run *r, int worker) { return r->f->peer[worker].has == r->pieces; }

// The pieces of what the job shares, as fast as the line takes them. Those of which nothing is heard are sent once
// more.
static bool master_pieces_push(map_run *r, int worker) {
  farm *f = r->f;
  peer *p = &f->peer[worker];
  bool pushed = false;
  if (p->heard_job != f->job || master_told_all(r, worker) || schedule_is_lost(f->plan, worker)) return false;

  // Back to the first gap: what was lost on the way is sent again, with what followed it.
  if (r->clock - p->pushed_at > RETELL_SECONDS) p->pushed = p->has;

  for (; p->pushed < r->pieces && f->post.can_send(f->post.self, worker); p->pushed++) {
    const part piece = {
        .bytes = (const char *)r->job->shared + (size_t)p->pushed * f->piece_bytes,
        .size = piece_size(r->job->shared_bytes, f->piece_bytes, p->pushed),
    };
    master_send(r, worker, (order_head){.order = ORDER_PIECE, .piece = (uint32_t)p->pushed}, piece, (part){0});
    p->pushed_at = r->clock;
    pushed = true;
  }
  return pushed;
}

static void master_pieces_heard(map_run *r, int worker, int has) {
  peer *p = &r->f->peer[worker];
  if (has <= p->has) return;
  p->has = has;
  if (p->pushed < has) p->pushed = has;
  p->pushed_at = r->clock;
  master_pieces_push(r, worker);
}

static const void *master_record_of(const map_run *r, int group) {
  return (const char *)r->job->records + (size_t)group * r->job->record_bytes;
}

// --- states on their way: the last few, older ones are forgotten, and their tasks start anew -----------------------

static void master_parcels_forget(farm *f) {
  for (int i = 0; i < PARCELS; i++) f->parcels[i].task = -1;
}

static char *master_parcel_state(const farm *f, const parcel *p) {
  return f->states + (size_t)(p - f->parcels) * f->state_max;
}

static parcel *master_parcel_new(farm *f, int task, int filling) {
  parcel *p = &f->parcels[f->next_parcel++ % PARCELS];
  *p = (parcel){.task = task, .filling = filling};
  return p;
}

// The newest state of a task; NULL: none. Whichever it is, the task's result is the same.
static const void *master_state_of(const map_run *r, schedule_chunk c) {
  const farm *f = r->f;
  int task = c.group * r->job->members + c.member, filling = schedule_filling(f->plan, c.group);
  for (unsigned i = 1; c.again && i <= PARCELS; i++) {
    const parcel *p = &f->parcels[(f->next_parcel - i) % PARCELS];
    if (p->task == task && p->filling == filling) return master_parcel_state(f, p);
  }
  return NULL;
}

// --- handing out ---------------------------------------------------------------------------------------------------

static void master_own_hand_back(map_run *r, schedule_request q);

// Has somebody else hand tasks back for a worker that has few. True: they are here already.
static bool master_ask_for(map_run *r, int poor) {
  schedule_request q;
  if (!schedule_ask(r->f->plan, poor, r->clock, &q)) return false;

  if (q.worker == 0) {
    master_own_hand_back(r, q);
    return true;
  }

  // A word that is lost costs little: the request is forgotten, and another one made.
  const order_head head = {.order = ORDER_HAND_BACK, .count = q.count, .keep = q.keep, .request = q.number};
  master_send_bare(r, q.worker, head);
  return false;
}

// Only what can be sent at once is taken from the schedule: no free buffer means that the worker is slow, or gone.
static void master_hand_out(map_run *r, int worker) {
  farm *f = r->f;
  schedule_chunk c;
  while (f->post.can_send(f->post.self, worker) && schedule_next(f->plan, worker, r->clock, &c)) {
    const void *state = master_state_of(r, c);
    const order_head head = {
        .order = ORDER_TASKS,
        .group = c.group,
        .member = c.member,
        .count = c.count,
        .filling = schedule_filling(f->plan, c.group),
        .state_bytes = state ? (uint32_t)r->crew->state_bytes : 0,
    };

    // A group's record once per chunk, however many of its tasks go with it.
    const part record = {.bytes = master_record_of(r, c.group), .size = r->job->record_bytes};
    master_send(r, worker, head, record, (part){.bytes = state, .size = head.state_bytes});
  }
}

// Its own crew rank 0 feeds before it works.
static void master_feed(map_run *r, int worker) {
  if (worker == 0 || r->f->peer[worker].heard_job != r->f->job || !master_told_all(r, worker)) return;
  do master_hand_out(r, worker);
  while (master_ask_for(r, worker));
}

// A few workers per step, in turn, so that a step costs no more where there are thousands.
static bool master_chores(map_run *r) {
  bool active = false;
  for (int i = 1; i < r->f->size && i <= CHORES; i++) {
    r->chore = r->chore % (r->f->size - 1) + 1;
    master_look_after(r, r->chore);
    active |= master_pieces_push(r, r->chore);

    // Since groups were reopened, there may be tasks for whoever had none.
    if (r->unfed > 0) {
      master_feed(r, r->chore);
      r->unfed--;
      active = true;
    }
  }
  return active;
}

// --- words from a worker -------------------------------------------------------------------------------------------

static void master_result_put(map_run *r, int task, const void *result) {
  memcpy(r->results + (size_t)task * r->job->result_bytes, result, r->job->result_bytes);
  if (r->job->answered) r->job->answered(r->job->watcher, task, result);
}

// Late words of an earlier filling say nothing of this one.
static bool master_is_of_now(const map_run *r, int task, int filling) {
  return schedule_filling(r->f->plan, task / r->job->members) == filling;
}

static void master_result_take(map_run *r, int worker, int task, const void *result) {
  if (schedule_answered(r->f->plan, worker, task, r->clock)) master_result_put(r, task, result);
}

static void master_results_take(map_run *r, int worker, const char *bytes, size_t size, int count) {
  size_t item = news_item_bytes(r->job->result_bytes);
  CHECK(size >= sizeof(news_head) + (size_t)count * item, "%zu bytes of news with %d results", size, count);
  for (int i = 0; i < count; i++) {
    const char *at = bytes + sizeof(news_head) + (size_t)i * item;

    int32_t which[2];  // task, filling
    memcpy(which, at, sizeof which);
    CHECK(which[0] >= 0 && which[0] < master_task_count(r->job), "task %d of %d", which[0], master_task_count(r->job));

    // The schedule says whether it is the first for its task.
    if (master_is_of_now(r, which[0], which[1])) master_result_take(r, worker, which[0], at + 8);
  }
}

// A task that comes back; `state` as it stands at the end of the news.
static void master_back_take(map_run *r, int worker, const news_head *head, const char *bytes, size_t size) {
  farm *f = r->f;
  size_t state_bytes = head->begun ? r->crew->state_bytes : 0;
  bool fits = size == sizeof *head + state_bytes && state_bytes <= f->state_max;
  CHECK(fits, "%zu bytes of news with a state of %zu", size, state_bytes);
  CHECK(head->back < master_task_count(r->job), "task %d of %d comes back", head->back, master_task_count(r->job));

  // of a filling that is over: nobody wants it
  if (!master_is_of_now(r, head->back, head->filling)) return;

  // its state is the parcel of whoever gets it next, who goes on from there
  if (schedule_handed_back(f->plan, worker, head->back, head->begun, r->clock) && head->begun)
    memcpy(master_parcel_state(f, master_parcel_new(f, head->back, head->filling)), bytes + sizeof *head, state_bytes);
}

static void master_worker_back(const map_run *r, int worker) {
  master_say(r->f, "worker %d is back", worker);
  master_happened(r, (farm_event){.kind = FARM_WORKER_BACK, .worker = worker});
}

static schedule_word master_word_of(const news_head *head) {
  return (schedule_word){
      .lanes = head->lanes,
      .capacity = head->capacity,
      .unanswered = head->unanswered,
      .gave = head->gave,
      .keeps = head->keeps,
  };
}

static void master_news_take(map_run *r, int worker, const char *bytes, size_t size) {
  news_head head;
  farm *f = r->f;
  if (size < sizeof head) return;
  memcpy(&head, bytes, sizeof head);

  if (schedule_is_lost(f->plan, worker)) master_worker_back(r, worker);

  // Late words of an earlier job are a sign of life, no more.
  schedule_word word = {0};
  f->peer[worker].heard_job = head.job;
  if (head.job == f->job) {
    f->peer[worker].busy = head.busy;
    f->peer[worker].apart = head.apart;
    master_pieces_heard(r, worker, head.has);
    master_results_take(r, worker, bytes, size, head.count);
    if (head.back >= 0) master_back_take(r, worker, &head, bytes, size);
    word = master_word_of(&head);
  }

  // The tasks that this worker may have handed back wait for the one they were asked for.
  int helped = schedule_helps(f->plan, worker);
  schedule_heard(f->plan, worker, word, r->clock);
  if (helped > 0) master_feed(r, helped);
}

static bool master_listen_all(map_run *r) {
  int from, words = 0;
  const void *bytes;
  size_t size;

  // So many at most, or a flood of news would keep the own crew from working.
  while (words < WORDS && r->f->post.receive(r->f->post.self, &from, &bytes, &size)) {
    master_news_take(r, from, bytes, size);
    master_feed(r, from);
    words++;
  }
  return words > 0;
}

// --- the master's own crew -----------------------------------------------------------------------------------------

// A ticket says which task and which filling: the one before may still be in its hands.
static int master_own_ticket(const map_run *r, int task, int filling) {
  int tasks = master_task_count(r->job);
  return filling % (INT_MAX / tasks) * tasks + task;
}

static int master_own_task(const map_run *r, int ticket) { return ticket % master_task_count(r->job); }

static bool master_own_is_of_now(const map_run *r, int ticket) {
  int task = master_own_task(r, ticket);
  return master_own_ticket(r, task, schedule_filling(r->f->plan, task / r->job->members)) == ticket;
}

static void master_own_heard(map_run *r, int request) {
  int capacity = r->crew->vacancies(r->crew->self) + r->own_held, lanes = r->crew->lanes;
  const schedule_word word = {
      .lanes = lanes ? lanes : capacity,
      .capacity = capacity,
      .unanswered = r->own_held,
      .gave = request,
      .keeps = r->own_keeps,
  };

  // to the plan the own crew is worker 0, heard by a call instead of a message
  schedule_heard(r->f->plan, 0, word, r->clock);
}

static void master_own_take(map_run *r, schedule_chunk c, const void *state) {
  const farm_crew *crew = r->crew;
  int ticket = master_own_ticket(r, c.group * r->job->members + c.member, schedule_filling(r->f->plan, c.group));
  r->own_held += c.count;
  if (state && crew->begin_from && crew->vacancies(crew->self) > 0) {
    crew->begin_from(crew->self, ticket, master_record_of(r, c.group), c.member, state);
    return;
  }

  // Without room for it at once a state would grow old: the task starts anew, as others do.
  for (int i = 0; i < c.count; i++) crew->begin(crew->self, ticket + i, master_record_of(r, c.group), c.member + i);
}

static void master_own_begin(map_run *r) {
  schedule_chunk c;
  master_own_heard(r, 0);
  while (schedule_next(r->f->plan, 0, r->clock, &c)) master_own_take(r, c, master_state_of(r, c));
  master_ask_for(r, 0);
}

// The request is done at once; whoever is to have the tasks gets them with its next news.
static void master_own_hand_back(map_run *r, schedule_request q) {
  farm *f = r->f;
  bool begun;

  for (int i = 0; i < q.count && r->own_held > q.keep && !r->own_keeps; i++) {
    parcel *p = master_parcel_new(f, -1, 0);
    int ticket = r->crew->give(r->crew->self, master_parcel_state(f, p), &begun), task = master_own_task(r, ticket);
    r->own_keeps = ticket < 0;
    if (r->own_keeps) break;
    r->own_held--;

    // The state stands where it is to stand already; only now it is somebody's.
    if (master_own_is_of_now(r, ticket) && schedule_handed_back(f->plan, 0, task, begun, r->clock) && begun)
      *p = (parcel){.task = task, .filling = schedule_filling(f->plan, task / r->job->members)};
  }
  master_own_heard(r, q.number);
}

static bool master_own_work(map_run *r) {
  farm *f = r->f;
  master_own_begin(r);
  if (r->own_held == 0) return false;

  double start = master_now(f);
  int n = r->crew->work(r->crew->self, f->tickets, f->results, RESULTS_MAX);
  f->peer[0].busy += master_now(f) - start;

  // No message: what it did is put in its place at once.
  for (int i = 0; i < n; i++) {
    const char *result = f->results + (size_t)i * r->job->result_bytes;
    if (master_own_is_of_now(r, f->tickets[i])) master_result_take(r, 0, master_own_task(r, f->tickets[i]), result);
  }
  r->own_held -= n;
  return true;
}

// --- losses --------------------------------------------------------------------------------------------------------

static void master_losses_see(map_run *r) {
  farm *f = r->f;
  for (int w; (w = schedule_expired(f->plan, r->clock)) > 0;) {
    master_say(f, "worker %d has been silent too long and is taken for lost; others do its tasks", w);
    f->lossy = true;
    f->peer[w].heard_job = 0;
    master_happened(r, (farm_event){.kind = FARM_WORKER_LOST, .worker = w});
  }
}

static status master_poison_see(map_run *r) {
  int task, workers;
  while (schedule_poisoned(r->f->plan, &task, &workers)) {
    int group = task / r->job->members, member = task % r->job->members;
    if (!r->job->poisoned)
      FAIL(BROKEN,
           "task %d (group %d, member %d) took %d workers down, one after the other: it crashes or hangs whoever plays "
           "it",
           task, group, member, workers);

    // Said here only where nobody watches, who would know its name.
    if (!r->job->happened)
      master_say(r->f, "task %d (group %d, member %d) took %d workers down and is given up as poison", task, group,
                 member, workers);
    master_happened(r, (farm_event){.kind = FARM_TASK_POISONED, .task = task, .workers = workers});
    master_result_put(r, task, r->job->poisoned);
  }
  return OK;
}

// A worker that was only stopped may come back; till then rank 0 goes on.
static status master_alone_check(map_run *r) {
  farm *f = r->f;
  if (!schedule_all_lost(f->plan)) f->alone_since = 0;
  else if (f->alone_since == 0) f->alone_since = r->clock;
  if (f->alone_since == 0 || r->clock - f->alone_since < ALONE_SECONDS) return OK;
  FAIL(RESUME_ME, "all %d workers are lost and none came back within %d s; the same command resumes", f->size - 1,
       ALONE_SECONDS);
}

// --- the map -------------------------------------------------------------------------------------------------------

static void master_sizes_check(const farm *f, const farm_job *job, const farm_crew *crew) {
  CHECK(job->shared_bytes <= f->shared_max, "%zu bytes shared, prepared for %zu", job->shared_bytes, f->shared_max);
  CHECK(crew->state_bytes <= f->state_max, "states of %zu bytes, prepared for %zu", crew->state_bytes, f->state_max);
  CHECK(job->record_bytes <= f->record_max && job->result_bytes <= f->result_max,
        "records of %zu and results of %zu bytes, prepared for %zu and %zu", job->record_bytes, job->result_bytes,
        f->record_max, f->result_max);
}

static void master_peers_begin(farm *f) {
  for (int w = 0; w < f->size; w++) {
    peer *p = &f->peer[w];
    p->busy = p->apart = p->pushed_at = 0;
    p->pushed = p->has = 0;
  }
}

void map_begin(map_run *r) {
  farm *f = r->f;
  const farm_job *job = r->job;
  master_sizes_check(f, job, r->crew);
  r->started = r->stepped = r->ticked = r->clock = master_now(f);
  r->own_crew = farm_workers(f->size) == f->size;
  r->own_keeps = !r->crew->give;
  master_parcels_forget(f);
  r->unfed = 0;
  f->job++;
  f->run = r;

  const schedule_job plan = {
      .groups = job->groups,
      .members = job->members,
      .expected = job->expected,
      .known = job->known,
      .tries = job->tries,
  };
  schedule_begin(f->plan, &plan, r->clock);
  r->own_apart = crew_apart(r->crew);
  r->pieces = pieces_of(job->shared_bytes, f->piece_bytes);
  master_peers_begin(f);

  // Where all is known already nobody needs to hear of the job.
  if (job->shared_bytes && r->crew->share) r->crew->share(r->crew->self, job->shared, job->shared_bytes);
  for (int w = 1; w < f->size && !map_finished(r); w++) master_tell_of_job(r, w);
}

bool map_finished(const map_run *r) { return schedule_finished(r->f->plan); }

static void master_clock_step(map_run *r) {
  stopwatch p = {r->clock, r->stepped};  // a step no longer than it allows
  r->clock = stopwatch_spent(&p, master_now(r->f));
  r->stepped = p.looked;
}

static status master_tick(map_run *r) {
  int64_t finished = schedule_accepted(r->f->plan);
  if (!r->tick || r->stepped - r->ticked < TICK_SECONDS) return OK;
  r->ticked = r->stepped;
  if (!r->tick(r->tick_self, finished))
    FAIL(INTERRUPTED, "stopped after %lld of %d tasks", (long long)finished, master_task_count(r->job));
  return OK;
}

status map_step(map_run *r, bool *active) {
  master_clock_step(r);
  *active = master_listen_all(r);
  *active |= master_chores(r);
  if (r->own_crew) *active |= master_own_work(r);

  // Losses after everything heard: what was said in time counts.
  master_losses_see(r);
  TRY(master_poison_see(r));
  TRY(master_alone_check(r));
  return master_tick(r);
}

static void master_report_fill(const map_run *r, farm_report *report) {
  schedule_counts c = schedule_counted(r->f->plan);
  double busy = 0, apart = crew_apart(r->crew) - r->own_apart;
  for (int w = 0; w < r->f->size; w++) {
    busy += r->f->peer[w].busy;
    apart += r->f->peer[w].apart;
  }

  // Of all the time that all ranks had.
  double seconds = master_now(r->f) - r->started, rank_seconds = seconds * r->f->size;
  *report = (farm_report){
      .seconds = seconds,
      .busy = seconds > 0 ? busy / rank_seconds : 0,
      .apart = seconds > 0 ? apart / rank_seconds : 0,
      .sent = c.sent,
      .repeated = c.repeated,
      .moved = c.moved,
      .lost = c.lost,
      .returned = c.returned,
      .poisoned = c.poisoned,
  };
}

void map_end(map_run *r, farm_report *report) {
  for (int w = 1; w < r->f->size; w++) master_send_bare(r, w, (order_head){.order = ORDER_END});
  r->crew->drop(r->crew->self);
  master_report_fill(r, report);
  r->f->run = NULL;
}

// Whoever has nothing to do hears of it at once, not with its next sign of life.
void farm_reopen(farm *f, int group, int groups) {
  CHECK(f->run, "groups are reopened outside a map");
  schedule_reopen(f->plan, group, groups);
  f->run->unfed = f->size - 1;
}

static double master_processor_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

status farm_map(farm *f, const farm_job *job, const farm_crew *crew, void *results, farm_report *report,
                bool (*tick)(void *self, int64_t finished), void *tick_self) {
  CHECK(f->rank == 0, "rank %d maps", f->rank);
  map_run r = {.f = f, .job = job, .crew = crew, .results = results, .tick = tick, .tick_self = tick_self};
  nap rest = {0};
  status s = OK;
  double seconds = 0;

  map_begin(&r);
  while (!map_finished(&r) && s == OK) {
    // Of a step that did nothing no time is counted: it is what waiting costs.
    bool active;
    double start = master_processor_seconds();
    s = map_step(&r, &active);
    if (active) seconds += master_processor_seconds() - start;
    nap_take(&rest, active);
  }

  map_end(&r, report);
  report->master = seconds > f->peer[0].busy ? seconds - f->peer[0].busy : 0;
  return s;
}

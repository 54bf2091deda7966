// The other ranks' side: chunks come in, the crew works, results go home with every slice that has some.

#include <string.h>
#include <unistd.h>

#include "parts.h"

typedef struct chunk {   // received; its record is kept until all of its tasks are answered
  order_head head;
  int begun, answered;
  char *record;
} chunk;

typedef struct held { int chunk, task, filling; } held;  // behind a ticket

struct service {
  farm *f;
  const farm_crew *crew;
  int32_t job;
  bool over;             // the job has ended
  int chunks, tickets;   // room
  chunk *chunk;          // (chunks)
  char *records;         // (chunks, record_max, each rounded up to a cache line)
  int *free_chunks, free_chunk_count;  // (chunks)   a stack
  int *queue, queue_first, queued;     // (chunks)   a ring: chunks not wholly begun, in order of arrival
  held *held;            // (tickets)
  int *free_tickets, free_count;       // (tickets)  a stack
  int holding, waiting;  // tasks in the crew's hands; received, not yet begun
  size_t result_bytes;   // of this job
  char *shared;           // (shared_max) what the job shares, as it comes in
  unsigned char *got;     // (its pieces) nonzero: it is here
  size_t shared_bytes, piece_bytes;
  int pieces, has;        // how many there are; are here without a gap
  int32_t request, gave;  // to hand tasks back: the last one heard of; the last one done with
  int to_give, to_keep;   // of the former
  bool keeps;             // what is here cannot be handed back
  double busy, apart_before;  // seconds of work in this job; what the crew had counted apart before it
  double told_at, heard_at;   // rank 0 was told, and was heard, for the last time
  bool asked, dismissed, lossy;
};

static double worker_now(const service *s) { return s->f->post.now(s->f->post.self); }

static void worker_job_forget(service *s) {
  s->crew->drop(s->crew->self);

  // All records and tickets are free again; what the crew held is of no use to anybody.
  s->free_chunk_count = s->chunks;
  for (int i = 0; i < s->chunks; i++) s->free_chunks[i] = i;

  s->free_count = s->tickets;
  for (int i = 0; i < s->tickets; i++) s->free_tickets[i] = i;

  s->queued = s->holding = s->waiting = 0;
  s->request = s->gave = 0;
  s->keeps = !s->crew->give;
}

service *service_open(farm *f, const farm_crew *crew) {
  int most = crew->vacancies(crew->self);  // it holds nothing yet
  service *s = mem_take(1, sizeof *s);
  *s = (service){
      .f = f,
      .crew = crew,
      .job = f->job,
      .over = true,
      .chunks = 2 * most + 8,
      .tickets = most,
  };
  CHECK(crew->state_bytes <= f->state_max, "states of %zu bytes, prepared for %zu", crew->state_bytes, f->state_max);
  s->heard_at = worker_now(s);

  s->chunk = mem_take((size_t)s->chunks, sizeof *s->chunk);
  s->free_chunks = mem_take((size_t)s->chunks, sizeof *s->free_chunks);
  s->queue = mem_take((size_t)s->chunks, sizeof *s->queue);
  s->held = mem_take((size_t)most, sizeof *s->held);
  s->free_tickets = mem_take((size_t)most, sizeof *s->free_tickets);

  // Each record at the start of a cache line: a crew reads parameters there for as long as its tasks run.
  size_t record_room = (f->record_max + 63) / 64 * 64;
  s->records = mem_take((size_t)s->chunks, record_room);
  for (int i = 0; i < s->chunks; i++) s->chunk[i].record = s->records + (size_t)i * record_room;

  s->shared = mem_take(1, f->shared_max);
  s->got = mem_take((size_t)pieces_of(f->shared_max, f->piece_bytes), 1);
  worker_job_forget(s);
  return s;
}

void service_close(service *s) {
  // The farm remembers the job, so that a service to come takes no late order for a new one.
  s->f->job = s->job;

  mem_free(s->records);
  mem_free(s->shared);
  mem_free(s->got);
  mem_free(s->chunk);
  mem_free(s->free_chunks);
  mem_free(s->queue);
  mem_free(s->held);
  mem_free(s->free_tickets);
  mem_free(s);
}

static bool service_dismissed(const service *s, bool *lossy) {
  *lossy = s->lossy;
  return s->dismissed;
}

// --- orders --------------------------------------------------------------------------------------------------------

static void worker_job_begin(service *s, const order_head *head) {
  worker_job_forget(s);
  s->job = head->job;
  s->result_bytes = head->result_bytes;
  CHECK(head->shared_bytes <= s->f->shared_max, "%zu bytes shared, prepared for %zu", (size_t)head->shared_bytes,
        s->f->shared_max);

  s->shared_bytes = head->shared_bytes;
  s->piece_bytes = head->piece_bytes;
  s->pieces = pieces_of(s->shared_bytes, s->piece_bytes);
  s->has = 0;
  memset(s->got, 0, (size_t)s->pieces);

  s->over = false;
  s->busy = 0;
  s->apart_before = crew_apart(s->crew);

  // Rank 0 sends no task before it has heard that this worker knows of the job.
  s->asked = true;
}

// In any order, and any number of times: rank 0 hears what is here, and sends again what is not.
static void worker_piece_take(service *s, const order_head *head, const char *bytes) {
  int i = (int)head->piece, had = s->has;
  size_t size = piece_size(s->shared_bytes, s->piece_bytes, i);
  if (!s->got[i]) memcpy(s->shared + (size_t)i * s->piece_bytes, bytes, size);
  s->got[i] = 1;
  while (s->has < s->pieces && s->got[s->has]) s->has++;

  // Rank 0 hears of it now and then, and at the end; the crew gets it as a whole.
  if (s->has == s->pieces || s->has / PIECES_PER_NEWS > had / PIECES_PER_NEWS) s->asked = true;
  bool whole = s->has == s->pieces && had < s->pieces;
  if (whole && s->crew->share) s->crew->share(s->crew->self, s->shared, s->shared_bytes);
}

// The next task of a chunk goes into the crew's hands, from its beginning, or from a state.
static void worker_task_begin(service *s, int i, const void *state) {
  chunk *c = &s->chunk[i];
  int ticket = s->free_tickets[--s->free_count], member = c->head.member + c->begun++;
  s->held[ticket] = (held){.chunk = i, .task = c->head.group * c->head.members + member, .filling = c->head.filling};
  s->holding++;
  if (state) s->crew->begin_from(s->crew->self, ticket, c->record, member, state);
  else s->crew->begin(s->crew->self, ticket, c->record, member);
}

static bool worker_can_begin(const service *s) { return s->free_count && s->crew->vacancies(s->crew->self) > 0; }

// What finds no room is left alone: rank 0 gives it to somebody else in time. A state is used at once, or not at all:
// then the task starts anew.
static void worker_chunk_take(service *s, const order_head *head, const char *record) {
  if (s->free_chunk_count == 0 || s->has < s->pieces) return;
  int i = s->free_chunks[--s->free_chunk_count];
  chunk *c = &s->chunk[i];
  *c = (chunk){.head = *head, .record = c->record};
  memcpy(c->record, record, head->record_bytes);

  if (head->state_bytes && s->crew->begin_from && worker_can_begin(s)) {
    worker_task_begin(s, i, record + head->record_bytes);
    return;
  }

  // It waits until the crew has room, without its state, which has no place here.
  s->queue[(s->queue_first + s->queued++) % s->chunks] = i;
  s->waiting += head->count;
}

static void worker_request_take(service *s, const order_head *head) {
  if (head->request <= s->request) return;  // an old one, or twice
  s->request = head->request;
  s->to_give = head->count;
  s->to_keep = head->keep;
}

static void worker_order_take(service *s, const char *bytes, size_t size) {
  order_head head;
  CHECK(size >= sizeof head, "an order of %zu bytes", size);
  memcpy(&head, bytes, sizeof head);

  if (head.order == ORDER_DISMISS) {
    s->dismissed = true;
    s->lossy = head.lossy;
    return;
  }

  // What is late, of an earlier job, is dropped; the first order of a new one begins it.
  if (head.order == ORDER_PING) s->asked = true;
  if (head.order == ORDER_PING || head.job < s->job || (head.job == s->job && s->over)) return;
  if (head.job > s->job) worker_job_begin(s, &head);

  if (head.order == ORDER_PIECE) worker_piece_take(s, &head, bytes + sizeof head);
  if (head.order == ORDER_TASKS) worker_chunk_take(s, &head, bytes + sizeof head);
  if (head.order == ORDER_HAND_BACK) worker_request_take(s, &head);
  if (head.order == ORDER_END) {
    worker_job_forget(s);
    s->over = true;  // whatever still comes of it is late
  }
}

static bool worker_listen_all(service *s) {
  int from;
  const void *bytes;
  size_t size;
  bool heard = false;

  // any word is a sign that rank 0 lives
  while (!s->dismissed && s->f->post.receive(s->f->post.self, &from, &bytes, &size)) {
    worker_order_take(s, bytes, size);
    s->heard_at = worker_now(s);
    heard = true;
  }
  return heard;
}

// --- news ----------------------------------------------------------------------------------------------------------

// Results, or a state, are in the message already.
static void worker_news_send_with(service *s, news_head head, size_t size) {
  int capacity = s->crew->vacancies(s->crew->self) + s->holding, lanes = s->crew->lanes;

  // How things stand, not what has changed: rank 0 needs no earlier news to make sense of these.
  head.job = s->job;
  head.lanes = lanes ? lanes : capacity;
  head.capacity = capacity;
  head.unanswered = s->holding + s->waiting;
  head.gave = s->gave;
  head.keeps = s->keeps;
  head.has = s->has;
  head.busy = s->busy;
  head.apart = crew_apart(s->crew) - s->apart_before;

  memcpy(s->f->message, &head, sizeof head);
  if (!s->f->post.send(s->f->post.self, 0, s->f->message, sizeof head + size)) return;
  s->told_at = worker_now(s);
  s->asked = false;
}

static void worker_news_send(service *s, int count) {
  worker_news_send_with(s, (news_head){.count = count, .back = -1}, (size_t)count * news_item_bytes(s->result_bytes));
}

// Rank 0 presumes a worker lost that is silent for long.
static void worker_sign_of_life(service *s) {
  if (s->asked || (s->job && worker_now(s) - s->told_at > NEWS_SECONDS)) worker_news_send(s, 0);
}

// --- work ----------------------------------------------------------------------------------------------------------

static void worker_begin_waiting(service *s) {
  while (s->queued && worker_can_begin(s)) {
    int i = s->queue[s->queue_first];

    // chunks in the order of arrival, each from its first task on
    const chunk *c = &s->chunk[i];
    worker_task_begin(s, i, NULL);
    s->waiting--;

    // all of it has begun: the next chunk's turn
    if (c->begun < c->head.count) continue;
    s->queue_first = (s->queue_first + 1) % s->chunks;
    s->queued--;
  }
}

static void worker_ticket_return(service *s, int ticket) {
  int i = s->held[ticket].chunk;
  if (++s->chunk[i].answered == s->chunk[i].head.count) s->free_chunks[s->free_chunk_count++] = i;
  s->free_tickets[s->free_count++] = ticket;
  s->holding--;
}

static void worker_results_pack(service *s, int n) {
  size_t item = news_item_bytes(s->result_bytes);
  for (int i = 0; i < n; i++) {
    char *at = s->f->message + sizeof(news_head) + (size_t)i * item;
    const held *h = &s->held[s->f->tickets[i]];
    const int32_t which[2] = {h->task, h->filling};

    // No byte on the wire that nobody wrote.
    memset(at, 0, item);
    memcpy(at, which, sizeof which);
    memcpy(at + 8, s->f->results + (size_t)i * s->result_bytes, s->result_bytes);
  }
}

// Works only while the line to rank 0 is free, so that what comes of it can be sent at once.
static bool worker_work(service *s) {
  worker_begin_waiting(s);
  if (s->holding == 0 || !s->f->post.can_send(s->f->post.self, 0)) return false;

  double start = worker_now(s);
  int n = s->crew->work(s->crew->self, s->f->tickets, s->f->results, RESULTS_MAX);
  s->busy += worker_now(s) - start;
  if (n == 0) return true;

  // Packed first: a ticket that is returned is no longer known.
  worker_results_pack(s, n);
  for (int i = 0; i < n; i++) worker_ticket_return(s, s->f->tickets[i]);
  worker_begin_waiting(s);
  worker_news_send(s, n);
  return true;
}

// --- handing back --------------------------------------------------------------------------------------------------

static void worker_task_return(service *s, int ticket, bool begun) {
  const held h = s->held[ticket];
  worker_ticket_return(s, ticket);
  if (--s->to_give == 0 || s->holding <= s->to_keep) s->gave = s->request;
  const news_head head = {.back = h.task, .filling = h.filling, .begun = begun};
  worker_news_send_with(s, head, begun ? s->crew->state_bytes : 0);
}

// One task a message, while the line to rank 0 is free.
static bool worker_hand_back(service *s) {
  bool begun = false;
  if (s->gave == s->request || !s->f->post.can_send(s->f->post.self, 0)) return false;
  worker_begin_waiting(s);

  // Its state is written where it is to stand in the message.
  char *state = s->f->message + sizeof(news_head);
  bool may = s->holding > s->to_keep && !s->keeps;
  int ticket = may ? s->crew->give(s->crew->self, state, &begun) : -1;
  if (ticket >= 0) {
    worker_task_return(s, ticket, begun);
    return true;
  }

  // Asked for more than it can give: from here on rank 0 need not ask again.
  s->keeps |= s->holding > s->to_keep;
  s->gave = s->request;
  worker_news_send(s, 0);
  return true;
}

bool service_step(service *s) {
  bool active = worker_listen_all(s);
  active |= worker_hand_back(s);
  active |= worker_work(s);
  worker_sign_of_life(s);
  return active;
}

// --- over MPI ------------------------------------------------------------------------------------------------------

typedef struct silence { stopwatch spent; double since; } silence;  // of rank 0

static void worker_orphan_check(silence *of, const service *s) {
  if (of->since != s->heard_at) *of = (silence){.spent = stopwatch_begin(worker_now(s)), .since = s->heard_at};
  if (stopwatch_spent(&of->spent, worker_now(s)) < MASTER_SILENCE_SECONDS) return;
  log_here("rank 0 has been silent for %d s: this rank ends", MASTER_SILENCE_SECONDS);
  _exit(RESUME_ME);
}

status farm_serve(farm *f, const farm_crew *crew) {
  CHECK(f->rank != 0, "rank 0 serves");
  service *s = service_open(f, crew);
  silence of_master = {.since = -1};
  nap rest = {0};
  bool lossy;

  while (!service_dismissed(s, &lossy)) {
    // A rank 0 that is gone is not noticed by a line: its silence is.
    nap_take(&rest, service_step(s));
    worker_orphan_check(&of_master, s);
  }

  service_close(s);
  if (lossy) _exit(0);  // what follows would wait for a rank that is gone
  return OK;
}

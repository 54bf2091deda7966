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
  double busy, apart_before, told_at, heard_at;  // apart_before: what the crew had counted apart before this job
  bool asked, dismissed, lossy;
};

static double now(const service *s) { return s->f->post.now(s->f->post.self); }

static void job_forget(service *s) {
  s->crew->drop(s->crew->self);
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
  *s = (service){.f = f, .crew = crew, .job = f->job, .over = true, .chunks = 2 * most + 8, .tickets = most};
  CHECK(crew->state_bytes <= f->state_max, "states of %zu bytes, prepared for %zu", crew->state_bytes, f->state_max);
  s->heard_at = now(s);
  s->chunk = mem_take((size_t)s->chunks, sizeof *s->chunk);
  s->free_chunks = mem_take((size_t)s->chunks, sizeof *s->free_chunks);
  s->queue = mem_take((size_t)s->chunks, sizeof *s->queue);
  s->held = mem_take((size_t)most, sizeof *s->held);
  s->free_tickets = mem_take((size_t)most, sizeof *s->free_tickets);
  size_t record_room = (f->record_max + 63) / 64 * 64;
  s->records = mem_take((size_t)s->chunks, record_room);
  for (int i = 0; i < s->chunks; i++) s->chunk[i].record = s->records + (size_t)i * record_room;
  s->shared = mem_take(1, f->shared_max);
  s->got = mem_take((size_t)pieces_of(f->shared_max, f->piece_bytes), 1);
  job_forget(s);
  return s;
}

void service_close(service *s) {
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

bool service_dismissed(const service *s, bool *lossy) {
  *lossy = s->lossy;
  return s->dismissed;
}

// --- orders -------------------------------------------------------------------------------------------------------------------

static void job_begin(service *s, const order_head *head) {
  job_forget(s);
  s->job = head->job;
  s->result_bytes = head->result_bytes;
  CHECK(head->shared_bytes <= s->f->shared_max, "%zu bytes shared, prepared for %zu", (size_t)head->shared_bytes, s->f->shared_max);
  s->shared_bytes = head->shared_bytes;
  s->piece_bytes = head->piece_bytes;
  s->pieces = pieces_of(s->shared_bytes, s->piece_bytes);
  s->has = 0;
  memset(s->got, 0, (size_t)s->pieces);
  s->over = false;
  s->busy = 0;
  s->apart_before = crew_apart(s->crew);
  s->asked = true;
}

// In any order, and any number of times: rank 0 hears what is here, and sends again what is not.
static void piece_take(service *s, const order_head *head, const char *bytes) {
  int i = (int)head->piece, had = s->has;
  if (!s->got[i]) memcpy(s->shared + (size_t)i * s->piece_bytes, bytes, piece_size(s->shared_bytes, s->piece_bytes, i));
  s->got[i] = 1;
  while (s->has < s->pieces && s->got[s->has]) s->has++;
  if (s->has == s->pieces || s->has / PIECES_A_WORD > had / PIECES_A_WORD) s->asked = true;
  if (s->has == s->pieces && had < s->pieces && s->crew->share) s->crew->share(s->crew->self, s->shared, s->shared_bytes);
}

// The next task of a chunk goes into the crew's hands, from its beginning, or from a state.
static void task_begin(service *s, int i, const void *state) {
  chunk *c = &s->chunk[i];
  int ticket = s->free_tickets[--s->free_count], member = c->head.member + c->begun++;
  s->held[ticket] = (held){i, c->head.group * c->head.members + member, c->head.filling};
  s->holding++;
  if (state) s->crew->begin_from(s->crew->self, ticket, c->record, member, state);
  else s->crew->begin(s->crew->self, ticket, c->record, member);
}

static bool can_begin(const service *s) { return s->free_count && s->crew->vacancies(s->crew->self) > 0; }

// What finds no room is left alone: rank 0 gives it to somebody else in time. A state is used at once, or not at all: then
// the task starts anew.
static void chunk_take(service *s, const order_head *head, const char *record) {
  if (s->free_chunk_count == 0 || s->has < s->pieces) return;
  int i = s->free_chunks[--s->free_chunk_count];
  chunk *c = &s->chunk[i];
  *c = (chunk){.head = *head, .record = c->record};
  memcpy(c->record, record, head->record_bytes);
  if (head->state_bytes && s->crew->begin_from && can_begin(s)) {
    task_begin(s, i, record + head->record_bytes);
    return;
  }
  s->queue[(s->queue_first + s->queued++) % s->chunks] = i;
  s->waiting += head->count;
}

static void request_take(service *s, const order_head *head) {
  if (head->request <= s->request) return;  // an old one, or twice
  s->request = head->request;
  s->to_give = head->count;
  s->to_keep = head->keep;
}

static void order_take(service *s, const char *bytes, size_t size) {
  order_head head;
  CHECK(size >= sizeof head, "an order of %zu bytes", size);
  memcpy(&head, bytes, sizeof head);
  if (head.order == ORDER_DISMISS) {
    s->dismissed = true;
    s->lossy = head.lossy;
    return;
  }
  if (head.order == ORDER_PING) s->asked = true;
  if (head.order == ORDER_PING || head.job < s->job || (head.job == s->job && s->over)) return;
  if (head.job > s->job) job_begin(s, &head);
  if (head.order == ORDER_PIECE) piece_take(s, &head, bytes + sizeof head);
  if (head.order == ORDER_TASKS) chunk_take(s, &head, bytes + sizeof head);
  if (head.order == ORDER_HAND_BACK) request_take(s, &head);
  if (head.order == ORDER_END) {
    job_forget(s);
    s->over = true;  // whatever still comes of it is late
  }
}

static bool listen_all(service *s) {
  int from;
  const void *bytes;
  size_t size;
  bool heard = false;
  while (!s->dismissed && s->f->post.receive(s->f->post.self, &from, &bytes, &size)) {
    order_take(s, bytes, size);
    s->heard_at = now(s);
    heard = true;
  }
  return heard;
}

// --- news ---------------------------------------------------------------------------------------------------------------------

// Results, or a state, are in the message already.
static void news_send_with(service *s, news_head head, size_t size) {
  int capacity = s->crew->vacancies(s->crew->self) + s->holding, lanes = s->crew->lanes;
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
  s->told_at = now(s);
  s->asked = false;
}

static void news_send(service *s, int count) {
  news_send_with(s, (news_head){.count = count, .back = -1}, (size_t)count * news_item_bytes(s->result_bytes));
}

static void sign_of_life(service *s) {
  if (s->asked || (s->job && now(s) - s->told_at > NEWS_SECONDS)) news_send(s, 0);
}

// --- work ---------------------------------------------------------------------------------------------------------------------

static void begin_waiting(service *s) {
  while (s->queued && can_begin(s)) {
    int i = s->queue[s->queue_first];
    const chunk *c = &s->chunk[i];
    task_begin(s, i, NULL);
    s->waiting--;
    if (c->begun < c->head.count) continue;
    s->queue_first = (s->queue_first + 1) % s->chunks;
    s->queued--;
  }
}

static void ticket_return(service *s, int ticket) {
  int i = s->held[ticket].chunk;
  if (++s->chunk[i].answered == s->chunk[i].head.count) s->free_chunks[s->free_chunk_count++] = i;
  s->free_tickets[s->free_count++] = ticket;
  s->holding--;
}

static void results_pack(service *s, int n) {
  size_t item = news_item_bytes(s->result_bytes);
  for (int i = 0; i < n; i++) {
    char *at = s->f->message + sizeof(news_head) + (size_t)i * item;
    const held *h = &s->held[s->f->tickets[i]];
    const int32_t which[2] = {h->task, h->filling};
    memset(at, 0, item);
    memcpy(at, which, sizeof which);
    memcpy(at + 8, s->f->results + (size_t)i * s->result_bytes, s->result_bytes);
  }
}

// Works only while the line to rank 0 is free, so that what comes of it can be sent at once.
static bool work(service *s) {
  begin_waiting(s);
  if (s->holding == 0 || !s->f->post.can_send(s->f->post.self, 0)) return false;
  double start = now(s);
  int n = s->crew->work(s->crew->self, s->f->tickets, s->f->results, RESULTS_MAX);
  s->busy += now(s) - start;
  if (n == 0) return true;
  results_pack(s, n);
  for (int i = 0; i < n; i++) ticket_return(s, s->f->tickets[i]);
  begin_waiting(s);
  news_send(s, n);
  return true;
}

// --- handing back -------------------------------------------------------------------------------------------------------------

static void task_return(service *s, int ticket, bool begun) {
  const held h = s->held[ticket];
  ticket_return(s, ticket);
  if (--s->to_give == 0 || s->holding <= s->to_keep) s->gave = s->request;
  news_send_with(s, (news_head){.back = h.task, .filling = h.filling, .begun = begun}, begun ? s->crew->state_bytes : 0);
}

// One task a message, while the line to rank 0 is free.
static bool hand_back(service *s) {
  bool begun = false;
  if (s->gave == s->request || !s->f->post.can_send(s->f->post.self, 0)) return false;
  begin_waiting(s);
  int ticket = s->holding > s->to_keep && !s->keeps ? s->crew->give(s->crew->self, s->f->message + sizeof(news_head), &begun) : -1;
  if (ticket >= 0) {
    task_return(s, ticket, begun);
    return true;
  }
  s->keeps |= s->holding > s->to_keep;
  s->gave = s->request;
  news_send(s, 0);
  return true;
}

bool service_step(service *s) {
  bool active = listen_all(s);
  active |= hand_back(s);
  active |= work(s);
  sign_of_life(s);
  return active;
}

// --- over MPI -------------------------------------------------------------------------------------------------------------------

typedef struct silence { stopwatch spent; double since; } silence;  // of rank 0

static void orphan_check(silence *of, const service *s) {
  if (of->since != s->heard_at) *of = (silence){.spent = stopwatch_begin(now(s)), .since = s->heard_at};
  if (stopwatch_spent(&of->spent, now(s)) < MASTER_SILENCE_SECONDS) return;
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
    nap_take(&rest, service_step(s));
    orphan_check(&of_master, s);
  }
  service_close(s);
  if (lossy) _exit(0);  // what follows would wait for a rank that is gone
  return OK;
}

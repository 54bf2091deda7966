// The other ranks' side: chunks come in, the crew works, results go home with every slice that has some.

#include <string.h>
#include <unistd.h>

#include "parts.h"

typedef struct chunk {   // received; its record is kept until all of its tasks are answered
  order_head head;
  int begun, answered;
  char *record;
} chunk;

typedef struct held { int chunk, task; } held;  // behind a ticket

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
  char *shared;          // (shared_room) what its tasks share, as far as it has come: slices
  size_t shared_room;
  int32_t slices;
  double busy, told_at, heard_at;
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
}

service *service_open(farm *f, const farm_crew *crew) {
  int most = crew->vacancies(crew->self);  // it holds nothing yet
  service *s = mem_take(1, sizeof *s);
  *s = (service){.f = f, .crew = crew, .job = f->job, .over = true, .chunks = 2 * most + 8, .tickets = most};
  s->heard_at = now(s);
  s->chunk = mem_take((size_t)s->chunks, sizeof *s->chunk);
  s->free_chunks = mem_take((size_t)s->chunks, sizeof *s->free_chunks);
  s->queue = mem_take((size_t)s->chunks, sizeof *s->queue);
  s->held = mem_take((size_t)most, sizeof *s->held);
  s->free_tickets = mem_take((size_t)most, sizeof *s->free_tickets);
  size_t record_room = (f->record_max + 63) / 64 * 64;
  s->records = mem_take((size_t)s->chunks, record_room);
  for (int i = 0; i < s->chunks; i++) s->chunk[i].record = s->records + (size_t)i * record_room;
  job_forget(s);
  return s;
}

void service_close(service *s) {
  s->f->job = s->job;
  mem_free(s->records);
  mem_free(s->shared);
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
  s->over = false;
  s->busy = 0;
  s->slices = 0;
  s->asked = true;
}

// In order; one that is not the next is left alone, rank 0 will send it again.
static void slice_take(service *s, const order_head *head, const char *bytes, size_t size) {
  if (head->member != s->slices) return;
  if (s->shared_room < head->shared_bytes) {
    mem_free(s->shared);
    s->shared = mem_take(1, head->shared_bytes);
    s->shared_room = head->shared_bytes;
  }
  memcpy(s->shared + (size_t)s->slices * SLICE_BYTES, bytes, size);
  s->slices++;
  if (s->slices == head->count && s->crew->share) s->crew->share(s->crew->self, s->shared, head->shared_bytes);
  s->asked |= s->slices == head->count || s->slices % 16 == 0;
}

// What finds no room is left alone: rank 0 gives it to somebody else in time.
static void chunk_take(service *s, const order_head *head, const char *record) {
  if (s->free_chunk_count == 0) return;
  int i = s->free_chunks[--s->free_chunk_count];
  chunk *c = &s->chunk[i];
  *c = (chunk){.head = *head, .record = c->record};
  memcpy(c->record, record, head->record_bytes);
  s->queue[(s->queue_first + s->queued++) % s->chunks] = i;
  s->waiting += head->count;
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
  if (head.order == ORDER_SHARE) slice_take(s, &head, bytes + sizeof head, size - sizeof head);
  if (head.order == ORDER_TASKS) chunk_take(s, &head, bytes + sizeof head);
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

static void news_send(service *s, int count) {
  int capacity = s->crew->vacancies(s->crew->self) + s->holding, lanes = s->crew->lanes;
  const news_head head = {.job = s->job, .count = count, .lanes = lanes ? lanes : capacity, .capacity = capacity,
                          .unanswered = s->holding + s->waiting, .slices = s->slices, .busy = s->busy};
  memcpy(s->f->message, &head, sizeof head);
  size_t size = sizeof head + (size_t)count * news_item_bytes(s->result_bytes);
  if (!s->f->post.send(s->f->post.self, 0, s->f->message, size)) return;
  s->told_at = now(s);
  s->asked = false;
}

static void sign_of_life(service *s) {
  if (s->asked || (s->job && now(s) - s->told_at > NEWS_SECONDS)) news_send(s, 0);
}

// --- work ---------------------------------------------------------------------------------------------------------------------

static void begin_waiting(service *s) {
  while (s->queued && s->free_count && s->crew->vacancies(s->crew->self) > 0) {
    int i = s->queue[s->queue_first], ticket = s->free_tickets[--s->free_count];
    chunk *c = &s->chunk[i];
    int member = c->head.member + c->begun++;
    s->held[ticket] = (held){i, c->head.group * c->head.members + member};
    s->crew->begin(s->crew->self, ticket, c->record, member);
    s->holding++;
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
    int32_t task[2] = {h->task, s->chunk[h->chunk].head.epoch};
    memset(at, 0, item);
    memcpy(at, task, sizeof task);
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

bool service_step(service *s) {
  bool active = listen_all(s);
  active |= work(s);
  sign_of_life(s);
  return active;
}

// --- over MPI -------------------------------------------------------------------------------------------------------------------

static void orphan_check(const service *s) {
  if (now(s) - s->heard_at < MASTER_SILENCE_SECONDS) return;
  log_here("rank 0 has been silent for %d s: this rank ends", MASTER_SILENCE_SECONDS);
  _exit(RESUME_ME);
}

status farm_serve(farm *f, const farm_crew *crew) {
  CHECK(f->rank != 0, "rank 0 serves");
  service *s = service_open(f, crew);
  nap rest = {0};
  bool lossy;
  while (!service_dismissed(s, &lossy)) {
    nap_take(&rest, service_step(s));
    orphan_check(s);
  }
  service_close(s);
  if (lossy) _exit(0);  // what follows would wait for a rank that is gone
  return OK;
}

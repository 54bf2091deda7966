// The other ranks' side: chunks come in, the crew works, results go home with every slice that has some.

#include <string.h>
#include <unistd.h>

#include "parts.h"

typedef struct chunk {   // received; its record is kept until all of its tasks are answered
  bool used;
  order_head head;
  int begun, answered;
  char *record;
} chunk;

typedef struct held { int chunk, task; } held;  // behind a ticket

typedef struct service {
  farm *f;
  const farm_crew *crew;
  int32_t job;
  bool over;             // the job has ended
  int chunks, tickets;   // room
  chunk *chunk;          // (chunks)
  held *held;            // (tickets)
  int *free_tickets;     // (tickets) a stack
  int free_count;
  int received, holding; // tasks of this job; in the crew's hands
  int waiting;           // received, not yet begun
  double busy, told_at, heard_at;
  int told_vacancies;
  bool asked, dismissed, lossy;
} service;

static service service_open(farm *f, const farm_crew *crew) {
  int most = crew->vacancies(crew->self);  // it holds nothing yet
  service s = {.f = f, .crew = crew, .chunks = 2 * most + 8, .tickets = most, .heard_at = time_now()};
  s.chunk = mem_take((size_t)s.chunks, sizeof *s.chunk);
  s.held = mem_take((size_t)most, sizeof *s.held);
  s.free_tickets = mem_take((size_t)most, sizeof *s.free_tickets);
  for (int i = 0; i < s.chunks; i++) s.chunk[i].record = mem_take(1, f->record_max);
  return s;
}

static void service_close(service *s) {
  for (int i = 0; i < s->chunks; i++) mem_free(s->chunk[i].record);
  mem_free(s->chunk);
  mem_free(s->held);
  mem_free(s->free_tickets);
}

static void job_forget(service *s) {
  s->crew->drop(s->crew->self);
  for (int i = 0; i < s->chunks; i++) s->chunk[i].used = false;
  s->free_count = s->tickets;
  for (int i = 0; i < s->tickets; i++) s->free_tickets[i] = i;
  s->received = s->holding = s->waiting = 0;
}

static void job_begin(service *s, int32_t job) {
  job_forget(s);
  s->job = job;
  s->over = false;
  s->busy = 0;
  s->told_at = 0;
}

// --- orders -------------------------------------------------------------------------------------------------------------------

static void chunk_take(service *s, const order_head *head, const char *record) {
  int i = 0;
  while (i < s->chunks && s->chunk[i].used) i++;
  CHECK(i < s->chunks, "more than %d chunks at once", s->chunks);
  chunk *c = &s->chunk[i];
  *c = (chunk){.used = true, .head = *head, .record = c->record};
  memcpy(c->record, record, head->record_bytes);
  s->received += head->count;
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
  if (head.job > s->job) job_begin(s, head.job);
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
  while (!s->dismissed && transport_receive(s->f->line, &from, &bytes, &size)) {
    order_take(s, bytes, size);
    s->heard_at = time_now();
    heard = true;
  }
  return heard;
}

// --- work ---------------------------------------------------------------------------------------------------------------------

static void begin_waiting(service *s) {
  for (int i = 0; i < s->chunks && s->waiting; i++) {
    chunk *c = &s->chunk[i];
    while (c->used && c->begun < c->head.count && s->free_count && s->crew->vacancies(s->crew->self) > 0) {
      int ticket = s->free_tickets[--s->free_count], member = c->head.member + c->begun++;
      s->held[ticket] = (held){i, c->head.group * c->head.members + member};
      s->crew->begin(s->crew->self, ticket, c->record, member);
      s->holding++;
      s->waiting--;
    }
  }
}

static int vacancies(const service *s) {
  int more = s->crew->vacancies(s->crew->self) - s->waiting;
  return more > 0 ? more : 0;
}

static void ticket_return(service *s, int ticket) {
  chunk *c = &s->chunk[s->held[ticket].chunk];
  if (++c->answered == c->head.count) c->used = false;
  s->free_tickets[s->free_count++] = ticket;
  s->holding--;
}

// --- news ---------------------------------------------------------------------------------------------------------------------

static void news_send(service *s, int count, size_t result_bytes) {
  const news_head head = {.job = s->job, .count = count, .received = s->received, .vacancies = vacancies(s), .busy = s->busy};
  memcpy(s->f->message, &head, sizeof head);
  size_t size = sizeof head + (size_t)count * news_item_bytes(result_bytes);
  // Results must not be lost to a full line; rank 0 empties it between two slices of its own work.
  double end = time_now() + MASTER_SILENCE_SECONDS;
  bool sent;
  while (!(sent = transport_send(s->f->line, 0, s->f->message, size)) && count && time_now() < end) usleep(100);
  if (!sent) return;
  s->told_at = time_now();
  s->told_vacancies = head.vacancies;
}

static void results_pack(service *s, int n, size_t result_bytes) {
  for (int i = 0; i < n; i++) {
    char *at = s->f->message + sizeof(news_head) + (size_t)i * news_item_bytes(result_bytes);
    int32_t task = s->held[s->f->tickets[i]].task;
    memset(at, 0, news_item_bytes(result_bytes));
    memcpy(at, &task, sizeof task);
    memcpy(at + 8, s->f->results + (size_t)i * result_bytes, result_bytes);
  }
}

static bool work(service *s) {
  begin_waiting(s);
  if (s->holding == 0) return false;
  size_t result_bytes = 0;
  for (int i = 0; i < s->chunks && !result_bytes; i++)
    if (s->chunk[i].used) result_bytes = s->chunk[i].head.result_bytes;  // the same all through a job
  double start = time_now();
  int n = s->crew->work(s->crew->self, s->f->tickets, s->f->results, RESULTS_MAX);
  s->busy += time_now() - start;
  if (n == 0) return true;
  results_pack(s, n, result_bytes);
  for (int i = 0; i < n; i++) ticket_return(s, s->f->tickets[i]);
  begin_waiting(s);
  news_send(s, n, result_bytes);
  return true;
}

static void sign_of_life(service *s) {
  double since = time_now() - s->told_at;
  bool more = vacancies(s) > s->told_vacancies;
  if (!s->asked && !(s->job && (since > NEWS_SECONDS || (more && since > 0.001)))) return;
  s->asked = false;
  news_send(s, 0, 0);
}

static void orphan_check(const service *s) {
  if (time_now() - s->heard_at < MASTER_SILENCE_SECONDS) return;
  log_here("rank 0 has been silent for %d s: this rank ends", MASTER_SILENCE_SECONDS);
  _exit(RESUME_ME);
}

status farm_serve(farm *f, const farm_crew *crew) {
  CHECK(f->rank != 0, "rank 0 serves");
  service s = service_open(f, crew);
  nap rest = {0};
  job_forget(&s);
  s.job = f->job;
  s.over = true;
  while (!s.dismissed) {
    bool active = listen_all(&s);
    active |= work(&s);
    sign_of_life(&s);
    orphan_check(&s);
    nap_take(&rest, active);
  }
  f->job = s.job;
  service_close(&s);
  if (s.lossy) _exit(0);  // what follows would wait for a rank that is gone
  return OK;
}

// Candidates from a search's state and an index, where they are played: what travels per task is bytes, whatever the
// number of parameters. One candidate's parameters are held once for all of its episodes here, in float, narrowed as
// rank 0 has them told.

#include "maker.h"

#include <string.h>

typedef struct maker_slot {  // a candidate in memory
  int source, index, tasks;
  int64_t used;              // when, for who is replaced
  char *record;              // rollout_record, parameters (n); made when first needed
} maker_slot;

typedef struct maker_held { int ticket, slot; } maker_held;

typedef struct maker_head { int32_t kind, sources; } maker_head;  // of the shared bytes

struct maker {
  rollout *crew;
  int n, room;           // parameters; tasks that can be held, and slots
  maker_slot *slots;     // (room)
  maker_held *held;      // (room)
  int held_count;
  int64_t clock;
  double *x;             // (n)
  maker_kind kind;
  int sources;
  es **searches;         // (sources)
  float *vectors;        // (sources, n)
};

maker *maker_open(rollout *crew, int n) {
  maker *m = mem_take(1, sizeof *m);
  *m = (maker){.crew = crew, .n = n, .room = rollout_vacancies(crew)};
  m->slots = mem_take((size_t)m->room, sizeof *m->slots);
  m->held = mem_take((size_t)m->room, sizeof *m->held);
  m->x = mem_take((size_t)n, sizeof *m->x);
  return m;
}

static void maker_sources_forget(maker *m) {
  for (int i = 0; i < m->sources && m->searches; i++) es_close(m->searches[i]);
  mem_free(m->searches);
  mem_free(m->vectors);
  m->searches = NULL;
  m->vectors = NULL;
  m->sources = 0;
}

void maker_close(maker *m) {
  if (!m) return;
  maker_sources_forget(m);
  for (int i = 0; i < m->room; i++) mem_free(m->slots[i].record);
  mem_free(m->slots);
  mem_free(m->held);
  mem_free(m->x);
  mem_free(m);
}

// --- what is shared -------------------------------------------------------------------------------------------------

size_t maker_share_room(size_t source_bytes, int sources) {
  return sizeof(maker_head) + (size_t)sources * (sizeof(uint64_t) + source_bytes);
}

void maker_share_begin(maker_share *s, maker_kind kind, char *bytes) {
  const maker_head head = {.kind = kind};
  *s = (maker_share){.kind = kind, .bytes = bytes, .size = sizeof head};
  memcpy(bytes, &head, sizeof head);
}

// The place for a source of that size.
static char *maker_source_add(maker_share *s, uint64_t size) {
  const maker_head head = {.kind = s->kind, .sources = ++s->sources};
  char *at = s->bytes + s->size;
  memcpy(s->bytes, &head, sizeof head);
  memcpy(at, &size, sizeof size);
  s->size += sizeof size + size;
  return at + sizeof size;
}

void maker_share_search(maker_share *s, const es *search) {
  es_sample_save(search, maker_source_add(s, es_sample_size(search)));
}

void maker_share_vector(maker_share *s, const float *vector, int n) {
  size_t size = (size_t)n * sizeof *vector;
  memcpy(maker_source_add(s, size), vector, size);
}

static void maker_source_take(maker *m, int i, const char *bytes, size_t size) {
  if (m->kind == MAKER_SEARCHES) {
    CHECK(es_sample_load(&m->searches[i], bytes, size) == OK, "%s", status_message());
    return;
  }
  CHECK(size == (size_t)m->n * sizeof *m->vectors, "%zu bytes of %d parameters", size, m->n);
  memcpy(m->vectors + (size_t)i * m->n, bytes, size);
}

// Comes before the first task of a job.
static void maker_shared(void *self, const void *bytes, size_t size) {
  maker *m = self;
  maker_head head;
  const char *at = (const char *)bytes + sizeof head;
  CHECK(size >= sizeof head, "%zu shared bytes", size);
  memcpy(&head, bytes, sizeof head);

  // What is in memory are candidates of another generation.
  maker_sources_forget(m);
  for (int i = 0; i < m->room; i++) m->slots[i].source = m->slots[i].index = -1;

  m->kind = (maker_kind)head.kind;
  m->sources = head.sources;
  if (m->kind == MAKER_SEARCHES) m->searches = mem_take((size_t)m->sources, sizeof(es *));
  else m->vectors = mem_take((size_t)m->sources * (size_t)m->n, sizeof(float));

  for (int i = 0; i < m->sources; i++) {
    uint64_t part;
    memcpy(&part, at, sizeof part);
    maker_source_take(m, i, at + sizeof part, part);
    at += sizeof part + part;
  }
}

// --- the crew's functions -------------------------------------------------------------------------------------------

static void maker_fill(maker *m, maker_slot *s, const made_record *r) {
  if (!s->record) s->record = mem_take(1, rollout_record_bytes(m->crew));
  float *parameters = (float *)(void *)(s->record + sizeof(rollout_record));
  s->source = r->source;
  s->index = r->index;
  memcpy(s->record, &r->head, sizeof r->head);

  // a mean, as it was shared; or a candidate, drawn here by its number
  if (m->kind == MAKER_VECTORS) {
    memcpy(parameters, m->vectors + (size_t)r->source * m->n, (size_t)m->n * sizeof *parameters);
    return;
  }

  es_candidate(m->searches[r->source], r->index, m->x);
  for (int j = 0; j < m->n; j++) parameters[j] = (float)m->x[j];
}

// Rather one that has memory already, of those the one that nobody has needed for longest.
static bool maker_goes_first(const maker_slot *a, const maker_slot *b) {
  if (!a->record != !b->record) return a->record != NULL;
  return a->used < b->used;
}

// The candidate's own, or another. There are as many as tasks can be held. The second evaluation of a candidate differs
// in its head.
static int maker_slot_of(maker *m, const made_record *r) {
  int other = -1;
  for (int i = 0; i < m->room; i++) {
    const maker_slot *s = &m->slots[i];
    bool same = s->record && s->source == r->source && s->index == r->index;
    if (same && memcmp(s->record, &r->head, sizeof r->head) == 0) return i;
    // free slots keep their candidate: its next episode may come
    if (s->tasks == 0 && (other < 0 || maker_goes_first(s, &m->slots[other]))) other = i;
  }

  CHECK(other >= 0, "%d tasks held, and another one begun", m->held_count);
  maker_fill(m, &m->slots[other], r);
  return other;
}

static int maker_vacancies(void *self) { return rollout_vacancies(((maker *)self)->crew); }

// The record is held until the task is finished.
static const char *maker_hold(maker *m, int ticket, const void *record) {
  int i = maker_slot_of(m, record);
  m->held[m->held_count++] = (maker_held){ticket, i};
  m->slots[i].tasks++;
  m->slots[i].used = ++m->clock;
  return m->slots[i].record;
}

static void maker_let_go(maker *m, int ticket) {
  int i = 0;
  while (m->held[i].ticket != ticket) i++;
  m->slots[m->held[i].slot].tasks--;
  m->held[i] = m->held[--m->held_count];
}

static void maker_begin(void *self, int ticket, const void *record, int member) {
  maker *m = self;
  rollout_begin(m->crew, ticket, maker_hold(m, ticket, record), member);
}

static int maker_work(void *self, int *tickets, void *results, int max) {
  maker *m = self;
  int count = rollout_work(m->crew, tickets, results, max);
  for (int i = 0; i < count; i++) maker_let_go(m, tickets[i]);
  return count;
}

static int maker_give(void *self, void *state, bool *begun) {
  maker *m = self;
  int ticket = rollout_give(m->crew, state, begun);
  if (ticket >= 0) maker_let_go(m, ticket);
  return ticket;
}

static void maker_begin_from(void *self, int ticket, const void *record, int member, const void *state) {
  maker *m = self;
  rollout_begin_from(m->crew, ticket, maker_hold(m, ticket, record), member, state);
}

static void maker_drop(void *self) {
  maker *m = self;
  rollout_drop(m->crew);
  for (int i = 0; i < m->held_count; i++) m->slots[m->held[i].slot].tasks--;
  m->held_count = 0;
}

farm_crew maker_crew(maker *m) {
  return (farm_crew){.self = m,
                     .vacancies = maker_vacancies,
                     .begin = maker_begin,
                     .work = maker_work,
                     .drop = maker_drop,
                     .lanes = rollout_lanes(m->crew),
                     .share = maker_shared,
                     .state_bytes = rollout_state_bytes(m->crew),
                     .give = maker_give,
                     .begin_from = maker_begin_from};
}

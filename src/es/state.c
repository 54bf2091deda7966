// The whole state of a search as bytes, and back: a loaded search continues bit for bit. And the part of it that
// candidates follow from, for those who only make them.

#include <float.h>
#include <math.h>
#include <string.h>

#include "parts.h"

#define MAGIC "dreamfarm-es\0\0\0"     // 16 bytes
#define MAGIC_1 "dreamfarm-cma\0\0"  // of version 1
#define VERSION 3
#define VERSION_BOUNDED 4  // units follow the bounds

typedef enum extent { WHOLE, SAMPLE } extent;

typedef struct head {
  char magic[16];
  int32_t version, extent;
  es_numbers now;
  char checksum[sizeof(hash)];  // of the head with this field zero, and the doubles
  char end[7];                  // zero
} head;

static int state_version(const es_numbers *now) { return now->bounded ? VERSION_BOUNDED : VERSION; }

static hash state_checksum(const head *h, const void *doubles, size_t size) {
  head plain = *h;
  memset(plain.checksum, 0, sizeof plain.checksum);
  hash parts[2] = {hash_bytes(&plain, sizeof plain), hash_bytes(doubles, size)};
  return hash_join(parts, 2);
}

// Puts a head before `size` bytes of doubles, which are in place.
static void state_head_write(void *bytes, const es_numbers *now, extent what, size_t size) {
  head h;

  // padding is zero: equal searches give equal bytes
  memset(&h, 0, sizeof h);
  memcpy(h.magic, MAGIC, sizeof MAGIC);
  h.version = state_version(now);
  h.extent = what;
  memcpy(&h.now, now, sizeof h.now);

  // over the head too: a size or a count that was changed must not pass
  hash sum = state_checksum(&h, (char *)bytes + sizeof h, size);
  memcpy(h.checksum, sum.hex, sizeof sum.hex);
  memcpy(bytes, &h, sizeof h);
}

// --- save -----------------------------------------------------------------------------------------------------------

size_t es_state_size(const es *e) {
  return sizeof(head) + e->state_doubles * sizeof(double) + (e->descent ? es_state_size(e->descent) : 0);
}

void es_save(const es *e, void *bytes) {
  size_t size = e->state_doubles * sizeof(double);
  memcpy((char *)bytes + sizeof(head), e->state, size);
  state_head_write(bytes, &e->now, WHOLE, size);
  if (e->descent) es_save(e->descent, (char *)bytes + sizeof(head) + size);
}

typedef struct piece { double *at; size_t count; } piece;

// The mean, the bounds and units (which follow each other), and the beginning of what is the strategy's own.
static void state_sample_pieces(const es *e, piece pieces[3]) {
  size_t n = (size_t)e->now.n;
  pieces[0] = (piece){e->mean, n};
  pieces[1] = (piece){e->lower, e->now.bounded ? 3 * n : 0};
  pieces[2] = (piece){e->state + e->state_doubles - e->strategy->doubles(&e->now),
                      e->strategy->sampling ? e->strategy->sampling(&e->now) : 0};
}

static size_t state_sample_bytes(const es_numbers *now) {
  const es_strategy *s = es_strategy_of(now->kind);
  return ((size_t)now->n * (now->bounded ? 4 : 1) + (s->sampling ? s->sampling(now) : 0)) * sizeof(double);
}

size_t es_search_sample_size(const es *e) { return sizeof(head) + state_sample_bytes(&e->now); }

size_t es_sample_size_of(const es_options *o) {
  if (es_options_check(o) != OK) return 0;
  es_numbers now = es_numbers_first(o);
  return es_strategy_of(now.kind)->candidate ? sizeof(head) + state_sample_bytes(&now) : 0;
}

void es_search_sample_save(const es *e, void *bytes) {
  piece pieces[3];
  char *next = (char *)bytes + sizeof(head);
  state_sample_pieces(e, pieces);

  // one run of doubles, without gaps: what a worker is sent in each generation
  for (int i = 0; i < 3; i++) {
    if (pieces[i].count) memcpy(next, pieces[i].at, pieces[i].count * sizeof(double));
    next += pieces[i].count * sizeof(double);
  }

  es_numbers now = e->now;
  now.limits.tolstagnation = 0;  // no room for its histories
  state_head_write(bytes, &now, SAMPLE, state_sample_bytes(&now));
}

// --- load -----------------------------------------------------------------------------------------------------------

#define DAMAGED(...) FAIL(BAD_FILE, "the state of an evolution strategy is damaged: " __VA_ARGS__)

static status state_version_fail(int found, int read, const char *of) {
  FAIL(BAD_FILE, "this is the state of an evolution strategy of version %d; this program reads version %d%s", found,
       read, of);
}

// Every version begins with these.
static status state_version_check(const void *bytes, size_t size) {
  struct { char magic[16]; int32_t version; } first;
  if (size < sizeof first) DAMAGED("%zu bytes are too few", size);
  memcpy(&first, bytes, sizeof first);

  // version 1 had another name, and is told apart from a stranger's file
  if (memcmp(first.magic, MAGIC, sizeof MAGIC) != 0 && memcmp(first.magic, MAGIC_1, sizeof MAGIC_1) != 0)
    FAIL(BAD_FILE, "this is not the state of an evolution strategy");

  if (first.version != VERSION && first.version != VERSION_BOUNDED)
    return state_version_fail(first.version, VERSION, "");
  return OK;
}

static status state_head_read(head *h, extent what, const void *bytes, size_t size) {
  TRY(state_version_check(bytes, size));
  if (size < sizeof *h) DAMAGED("%zu bytes are too few", size);
  memcpy(h, bytes, sizeof *h);

  // what has bounds counts its versions for itself
  if (h->version != state_version(&h->now))
    return state_version_fail(h->version, state_version(&h->now), h->now.bounded ? " of those with bounds" : "");
  if (h->extent != (int32_t)what)
    FAIL(BAD_FILE,
         "the whole state of an evolution strategy and a sample's are not the same: %d was found, %d is wanted",
         h->extent, (int)what);
  return OK;
}

#define MOST_COUNT (1 << 30)  // of what grows by one in every tell

static bool state_is_count(int32_t value) { return value >= 0 && value < MOST_COUNT; }
static bool state_is_flag(int32_t value) { return value == 0 || value == 1; }

static bool state_counts_fit(const es_numbers *now) {
  int remembered = now->ledger.policy == ES_ONCE ? now->generation : 0;  // by the search itself, or by its descent
  bool counts = state_is_count(now->generation) && now->history_count == remembered && state_is_count(now->flat) &&
                state_is_count(now->snapshots);
  bool past = now->decomposed_at >= 0 && now->decomposed_at <= now->generation && now->improved_at >= 0 &&
              now->improved_at <= now->generation;
  return counts && past && now->evaluations >= 0 && now->evaluations < INT64_MAX / 2;
}

static bool state_flags_fit(const es_numbers *now) {
  return state_is_flag(now->active) && state_is_flag(now->bounded) && state_is_flag(now->single) && now->zero == 0 &&
         state_is_flag(now->factored) && (!now->factored || now->kind == ES_CMA);
}

static bool state_values_fit(const es_numbers *now) {
  bool steps = now->sigma > 0 && isfinite(now->sigma) && now->learning_rate >= 0 && isfinite(now->learning_rate);
  bool luck = isfinite(now->noise) && now->most_effort >= 1 && now->effort >= 1 && now->effort <= now->most_effort;
  return steps && luck && !isnan(now->best) && now->spread >= 0;
}

// One descent has begun at least; of the large ones each doubles the popsize.
static bool state_ledger_fits(const es_ledger *l) {
  int large = l->descents - l->small_descents;
  if (l->policy == ES_ONCE) return true;
  bool counts = state_is_count(l->descents) && state_is_count(l->small_descents) && large >= 1 &&
                large <= l->most_doublings + 1;
  return counts && state_is_flag(l->small) && state_is_flag(l->over) && l->small_cost >= 0 && l->large_cost >= 0;
}

static status state_numbers_check(const head *h) {
  const es_numbers *now = &h->now;
  const es_options o = {.kind = (es_kind)now->kind, .n = now->n, .popsize = now->popsize, .sigma0 = now->sigma0,
                        .most_effort = now->most_effort, .dialect = (es_dialect)now->dialect, .limits = &now->limits,
                        .restarts = (es_restarts)now->ledger.policy, .most_doublings = now->ledger.most_doublings};

  // what an option may not be, a state may not hold
  bool once = now->ledger.policy == ES_ONCE;
  bool asked = es_options_check(&o) == OK && now->popsize > 0 && (once || h->extent == WHOLE);
  bool sane = asked && now->history_size == (once ? es_history_size(now->n, now->popsize) : 0) &&
              state_counts_fit(now) && state_flags_fit(now) && state_values_fit(now) && state_ledger_fits(&now->ledger);
  if (!sane) DAMAGED("its numbers make no sense");
  return OK;
}

static status state_doubles_check(const head *h, const void *doubles, size_t size) {
  hash sum = state_checksum(h, doubles, size);
  static const char zero[sizeof h->end];
  bool fits = memcmp(sum.hex, h->checksum, sizeof sum.hex) == 0 && memcmp(h->end, zero, sizeof zero) == 0;
  if (!fits) DAMAGED("its checksum does not fit");
  return OK;
}

static status state_descent_load(es **out, const head *h, const char *bytes, size_t size) {
  es *descent;
  TRY(es_load(&descent, bytes, size));

  bool ours = descent->now.n == h->now.n && descent->now.kind == h->now.kind && !descent->descent;
  if (!ours) {
    es_search_close(descent);
    DAMAGED("its descent is another search's");
  }

  *out = descent;
  return OK;
}

static bool state_within(const double *x, size_t count, double most) {
  for (size_t i = 0; i < count; i++)
    if (!(fabs(x[i]) <= most)) return false;
  return true;
}

static bool state_numbers(const double *x, size_t count) {  // a fitness may be infinite
  for (size_t i = 0; i < count; i++)
    if (isnan(x[i])) return false;
  return true;
}

static bool state_box_fits(const es *e) {
  for (int i = 0; e->now.bounded && i < e->now.n; i++)
    if (!es_bounds_fit(e->lower[i], e->upper[i]) || !(e->units[i] > 0 && e->units[i] <= 1)) return false;
  return true;
}

// Does what a checksum vouches for make a search? `own`: so many doubles of the strategy's were read.
static bool state_points_fit(const es *e, size_t own) {
  bool once = e->now.ledger.policy == ES_ONCE;
  const double *first = e->state + e->state_doubles - (once ? e->strategy->doubles(&e->now) : 0);
  bool points = state_within(e->mean, (size_t)e->now.n, DBL_MAX) && state_within(e->best, (size_t)e->now.n, DBL_MAX);
  return points && state_box_fits(e) && state_within(first, own, ES_MOST_NUMBER);
}

static bool state_rings_fit(const es *e) {
  size_t stagnation = (size_t)e->now.limits.tolstagnation;
  if (!state_numbers(e->history, (size_t)e->now.history_size)) return false;
  return !stagnation || state_numbers(e->bests, 2 * stagnation);
}

// Of a whole state. A search that restarts has a state of its own, and its strategy's is the descent's.
static bool state_sound(const es *e) {
  bool once = e->now.ledger.policy == ES_ONCE;
  if (!state_points_fit(e, once ? e->strategy->doubles(&e->now) : 0) || !state_rings_fit(e)) return false;
  return !once || !e->strategy->sound || e->strategy->sound(e);
}

es_status es_load(es **out, const void *bytes, size_t size) {
  head h;
  TRY(state_head_read(&h, WHOLE, bytes, size));
  TRY(state_numbers_check(&h));

  // sizes are computed from numbers that were checked: nothing is taken from the file on trust
  bool once = h.now.ledger.policy == ES_ONCE;
  size_t doubles_size = es_doubles(&h.now) * sizeof(double), left = size - sizeof h;
  if (once ? left != doubles_size : left < doubles_size) DAMAGED("the sizes it names do not fit its %zu bytes", size);
  const char *doubles = (const char *)bytes + sizeof h;
  TRY(state_doubles_check(&h, doubles, doubles_size));

  es *descent = NULL;
  if (!once) TRY(state_descent_load(&descent, &h, doubles + doubles_size, left - doubles_size));

  es *e = es_room(&h.now);
  memcpy(e->state, doubles, doubles_size);
  e->descent = descent;

  // a checksum proves that it was written so, not that a search can go on from it
  if (!state_sound(e)) {
    es_search_close(e);
    DAMAGED("its vectors make no sense");
  }
  *out = e;
  return OK;
}

es_status es_sample_load(es **out, const void *bytes, size_t size) {
  head h;
  TRY(state_head_read(&h, SAMPLE, bytes, size));
  TRY(state_numbers_check(&h));
  if (size != sizeof h + state_sample_bytes(&h.now)) DAMAGED("the sizes it names do not fit its %zu bytes", size);

  const char *next = (const char *)bytes + sizeof h;
  TRY(state_doubles_check(&h, next, size - sizeof h));

  es *e = es_room(&h.now);
  piece pieces[3];
  state_sample_pieces(e, pieces);
  for (int i = 0; i < 3; i++) {
    if (pieces[i].count) memcpy(pieces[i].at, next, pieces[i].count * sizeof(double));
    next += pieces[i].count * sizeof(double);
  }

  // its paths and histories are missing: it can be asked, not told
  e->only_samples = true;
  if (!state_points_fit(e, e->strategy->sampling ? e->strategy->sampling(&e->now) : 0)) {
    es_search_close(e);
    DAMAGED("its vectors make no sense");
  }
  *out = e;
  return OK;
}

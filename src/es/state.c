// The whole state of a search as bytes, and back: a loaded search continues bit for bit.

#include <string.h>

#include "parts.h"

#define MAGIC "dreamfarm-es"
#define VERSION 2

typedef struct head {
  char magic[16];
  int32_t version, reserved;
  es_numbers now;
  char checksum[sizeof(hash)];  // of the head with this field zero, and the doubles
  char end[7];                  // zero
} head;

size_t es_state_size(const es *e) {
  return sizeof(head) + e->state_doubles * sizeof(double) + (e->descent ? es_state_size(e->descent) : 0);
}

static hash checksum(const head *h, const void *doubles, size_t size) {
  head plain = *h;
  memset(plain.checksum, 0, sizeof plain.checksum);
  hash parts[2] = {hash_bytes(&plain, sizeof plain), hash_bytes(doubles, size)};
  return hash_join(parts, 2);
}

void es_save(const es *e, void *bytes) {
  head h;
  memset(&h, 0, sizeof h);
  memcpy(h.magic, MAGIC, sizeof MAGIC);
  h.version = VERSION;
  memcpy(&h.now, &e->now, sizeof h.now);
  size_t size = e->state_doubles * sizeof(double);
  hash sum = checksum(&h, e->state, size);
  memcpy(h.checksum, sum.hex, sizeof sum.hex);
  memcpy(bytes, &h, sizeof h);
  memcpy((char *)bytes + sizeof h, e->state, size);
  if (e->descent) es_save(e->descent, (char *)bytes + sizeof h + size);
}

static status head_check(const head *h, size_t size) {
  const es_numbers *now = &h->now;
  if (memcmp(h->magic, MAGIC, sizeof MAGIC) != 0) FAIL(BAD_FILE, "this is not the state of an evolution strategy");
  if (h->version != VERSION)
    FAIL(BAD_FILE, "this is the state of an evolution strategy of version %d; this program reads version %d", h->version, VERSION);
  const es_options o = {.kind = (es_kind)now->kind, .n = now->n, .popsize = now->popsize, .sigma0 = now->sigma0,
                        .dialect = (es_dialect)now->dialect, .limits = &now->limits, .restarts = (es_restarts)now->ledger.policy,
                        .most_doublings = now->ledger.most_doublings};
  bool once = now->ledger.policy == ES_ONCE;
  bool sane = es_options_check(&o) == OK && now->popsize > 0 && now->generation >= 0 && now->history_count >= 0 &&
              now->history_size == (once ? es_history_size(now->n, now->popsize) : 0) && now->sigma > 0;
  size_t wanted = sane ? sizeof(head) + es_doubles(now) * sizeof(double) : 0;
  if (!sane || (once ? size != wanted : size < wanted + sizeof(head)))
    FAIL(BAD_FILE, "the state of an evolution strategy is damaged: the sizes it names do not fit its %zu bytes", size);
  return OK;
}

static status descent_load(es **out, const head *h, const char *bytes, size_t size) {
  es *descent;
  TRY(es_load(&descent, bytes, size));
  bool ours = descent->now.n == h->now.n && descent->now.kind == h->now.kind && !descent->descent;
  if (!ours) {
    es_close(descent);
    FAIL(BAD_FILE, "the state of an evolution strategy is damaged: its descent is another search's");
  }
  *out = descent;
  return OK;
}

status es_load(es **out, const void *bytes, size_t size) {
  head h;
  if (size < sizeof h) FAIL(BAD_FILE, "the state of an evolution strategy is damaged: %zu bytes are too few", size);
  memcpy(&h, bytes, sizeof h);
  TRY(head_check(&h, size));
  const char *doubles = (const char *)bytes + sizeof h;
  size_t doubles_size = es_doubles(&h.now) * sizeof(double);
  hash sum = checksum(&h, doubles, doubles_size);
  if (memcmp(sum.hex, h.checksum, sizeof sum.hex) != 0)
    FAIL(BAD_FILE, "the state of an evolution strategy is damaged: its checksum does not fit");
  es *descent = NULL;
  if (h.now.ledger.policy != ES_ONCE) TRY(descent_load(&descent, &h, doubles + doubles_size, size - sizeof h - doubles_size));
  es *e = es_room(&h.now);
  memcpy(e->state, doubles, doubles_size);
  e->descent = descent;
  *out = e;
  return OK;
}

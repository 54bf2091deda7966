// rooms: base num es
// States of evolution strategies from any bytes: refused with a sentence, or loaded, and then what is saved is what was
// loaded. The bytes are tried as they are; and as changes to a state that a short search left, once with its checksum made
// right again, so that mutations get past it.

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/es/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { MAGIC_BYTES = 24, CHECKSUM_AT = MAGIC_BYTES + sizeof(es_numbers), CHECKSUM_BYTES = 33, HEAD_BYTES = CHECKSUM_AT + CHECKSUM_BYTES + 7 };

typedef struct input { const uint8_t *bytes; size_t size; } input;

static unsigned next(input *in) { return in->size ? (in->size--, *in->bytes++) : 0; }

static void generation(es *e) {
  double fitness[64] = {0};
  const double *x = es_ask(e);
  for (int k = 0; k < es_popsize(e) && k < 64; k++)
    for (int i = 0; i < es_size(e); i++) fitness[k] += x[k * es_size(e) + i] * x[k * es_size(e) + i];
  if (es_popsize(e) <= 64) es_tell(e, x, fitness);
}

static es *short_search(input *in) {
  es_limits limits = es_limits_pycma(3, 6);
  const double lower[3] = {-1, -1, -INFINITY};
  unsigned kind = next(in), how = next(in);
  const es_options o = {.kind = (es_kind)(kind % ES_KINDS), .n = 1 + (int)(how % 3), .popsize = 6, .sigma0 = 1, .active = how & 4,
                        .lower = how & 8 ? lower : NULL, .limits = how & 16 ? &limits : NULL, .factored_from = how & 32 ? 1 : 0,
                        .restarts = how & 64 ? ES_BIPOP : ES_ONCE};
  es *e;
  CHECK(es_open(&e, &o) == OK, "%s", status_message());
  for (unsigned g = next(in) % 8; g > 0; g--) generation(e);
  return e;
}

// Numbers that are sane may still ask for a great deal of memory.
static bool is_large(const char *bytes, size_t size) {
  es_numbers now;
  if (size < CHECKSUM_AT) return false;
  memcpy(&now, bytes + MAGIC_BYTES, sizeof now);
  return now.popsize > 0 && now.n > 0 && (double)now.popsize * now.n > 1e6;
}

static void seal(char *bytes, size_t size) {
  memset(bytes + CHECKSUM_AT, 0, CHECKSUM_BYTES);
  hash parts[2] = {hash_bytes(bytes, HEAD_BYTES), hash_bytes(bytes + HEAD_BYTES, size - HEAD_BYTES)};
  memcpy(bytes + CHECKSUM_AT, hash_join(parts, 2).hex, CHECKSUM_BYTES);
}

static void look(es *e, const char *bytes, size_t size) {
  CHECK(es_state_size(e) == size, "%zu bytes became %zu", size, es_state_size(e));
  char *back = mem_take(size, 1);
  es_save(e, back);
  for (size_t i = 0; i < size; i++) CHECK(back[i] == bytes[i], "byte %zu of %zu came back different", i, size);
  mem_free(back);
  (void)es_done(e);
  if (es_popsize(e) <= 64) (void)es_ask(e);
}

static void load(const char *bytes, size_t size) {
  es *e;
  if (is_large(bytes, size)) return;
  if (es_load(&e, bytes, size) == OK) look(e, bytes, size), es_close(e);
  else CHECK(strstr(status_message(), "evolution strategy"), "no name: %s", status_message());
  if (es_sample_load(&e, bytes, size) == OK) es_close(e);
}

static void mutate(char *bytes, size_t size, input in) {
  while (in.size >= 3) {
    size_t at = next(&in);
    at = (at << 8 | next(&in)) % size;
    bytes[at] = (char)next(&in);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  input in = {bytes, size};
  load((const char *)bytes, size);
  es *e = short_search(&in);
  size_t count = next(&in) % 2 ? es_sample_size(e) : es_state_size(e);
  char *state = mem_take(count, 1);
  if (count == es_state_size(e)) es_save(e, state);
  else es_sample_save(e, state);
  es_close(e);
  mutate(state, count, in);
  load(state, count);
  seal(state, count);
  load(state, count);
  load(state, count * (size % 7) / 7);
  mem_free(state);
  return 0;
}

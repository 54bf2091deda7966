// rooms: base num es
// States of evolution strategies from any bytes: refused with a sentence, or loaded, and then what is saved is what was
// loaded, and may be asked and told. The bytes are tried as they are; and as changes to a state that a short search
// left, once with its checksum made right again, so that mutations get past it. First they play a search: what a user
// may give, in options, solutions and fitness, is refused with a sentence, or leaves candidates inside their bounds and
// a state that loads.

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../src/es/parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum {
  MAGIC_BYTES = 24,
  CHECKSUM_AT = MAGIC_BYTES + sizeof(es_numbers),
  CHECKSUM_BYTES = 33,
  HEAD_BYTES = CHECKSUM_AT + CHECKSUM_BYTES + 7
};

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
  const es_options o = {.kind = (es_kind)(kind % ES_KINDS),
                        .n = 1 + (int)(how % 3),
                        .popsize = 6,
                        .sigma0 = 1,
                        .active = how & 4,
                        .lower = how & 8 ? lower : NULL,
                        .limits = how & 16 ? &limits : NULL,
                        .factored_from = how & 32 ? 1 : 0,
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
  if (es_load(&e, bytes, size) == OK) {
    look(e, bytes, size);
    for (int g = 0; g < 4; g++) generation(e);
    es_close(e);
  } else CHECK(strstr(status_message(), "evolution strategy"), "no name: %s", status_message());
  if (es_sample_load(&e, bytes, size) == OK) es_close(e);
}

static void mutate(char *bytes, size_t size, input in) {
  while (in.size >= 3) {
    size_t at = next(&in);
    at = (at << 8 | next(&in)) % size;
    bytes[at] = (char)next(&in);
  }
}

// --- what users give -----------------------------------------------------------------------------------------------

enum { MOST_N = 6, MOST_POPSIZE = 64 };

static double number(input *in) {
  static const double special[] = {0,       1,         -1,       0.5,         0.7,       0.9,         1e-3,
                                   1e-12,   1e-200,    -1e-300,  1e12,        1e30,      1e100,       1e200,
                                   1e308,   -1e308,    1e39,     -INFINITY,   INFINITY,  (double)NAN, 0x1p-1074,
                                   3,       -7.25,     0.1,      -1e-160,     0.5 + 1e-12, 2,         -2};
  enum { SPECIAL = sizeof special / sizeof *special };
  unsigned which = next(in);
  if (which < 2 * SPECIAL) return special[which / 2];
  return ((double)which - 128) / 16 + next(in) / 4096.0;
}

static void sentence(status s) { CHECK(s == OK || *status_message(), "no sentence"); }

static void check_inside(const es_options *o, const double *x) {
  for (int i = 0; i < o->n; i++) {
    double low = o->lower ? o->lower[i] : -INFINITY, high = o->upper ? o->upper[i] : INFINITY;
    CHECK(isfinite(x[i]) && x[i] >= low && x[i] <= high, "x[%d] is %.17g, bounds are %.17g and %.17g", i, x[i], low,
          high);
  }
}

static void check_float(const es_options *o, const double *x) {
  for (int i = 0; o->single && i < o->n; i++) CHECK((double)(float)x[i] == x[i], "x[%d] is %.17g, no float", i, x[i]);
}

static es *save_and_load(es *e) {
  size_t size = es_state_size(e);
  char *state = mem_take(size, 1);
  es *copy;
  es_save(e, state);
  CHECK(es_load(&copy, state, size) == OK, "%s", status_message());
  mem_free(state);
  es_close(e);
  return copy;
}

static void play_generation(es *e, const es_options *o, input *in) {
  double x[MOST_POPSIZE * MOST_N], fitness[MOST_POPSIZE], again[MOST_POPSIZE];
  size_t n = (size_t)o->n, popsize = (size_t)es_popsize(e);
  unsigned how = next(in);

  // the candidates, one of them injected
  if (how & 1) {
    for (size_t i = 0; i < n; i++) x[i] = number(in);
    sentence(es_inject(e, (int)(next(in) % (popsize + 1)), x));
  }
  for (size_t k = 0; k < popsize; k++) {
    es_candidate(e, (int)k, x + k * n);
    check_inside(o, x + k * n);
    check_float(o, x + k * n);
  }

  // what comes of them: special numbers first, then a bowl
  for (size_t k = 0; k < popsize; k++) {
    fitness[k] = 0;
    for (size_t i = 0; i < n; i++) fitness[k] += fabs(x[k * n + i] - 0.25);
    if (how & 2) fitness[k] = number(in);
    again[k] = how & 4 ? number(in) : fitness[k];
  }
  for (int i = 0; how & 8 && i < 3; i++) x[next(in) % (popsize * n)] = number(in);
  const double *told = how & 16 ? x : NULL;
  sentence(how & 32 ? es_tell_twice(e, told, fitness, again) : es_tell(e, told, fitness));
}

static void play(input in) {
  double lower[MOST_N], upper[MOST_N], x0[MOST_N];
  unsigned kind = next(&in), how = next(&in), more = next(&in);
  for (int i = 0; i < MOST_N; i++) {
    lower[i] = number(&in);
    upper[i] = how & 1 ? lower[i] + fabs(number(&in)) : number(&in);
    x0[i] = how & 2 ? lower[i] : number(&in);
  }
  es_limits limits = es_limits_pycma((int)(more % MOST_N), (int)(more % 16));
  const es_options o = {.kind = (es_kind)(kind % (ES_KINDS + 1)), .n = (int)(how / 4 % (MOST_N + 1)),
                        .popsize = (int)(more % 16), .sigma0 = number(&in), .x0 = x0, .active = how & 32,
                        .lower = more & 16 ? lower : NULL, .upper = more & 32 ? upper : NULL, .limits = &limits,
                        .single = how & 64, .most_effort = 8,
                        .restarts = more & 64 ? ES_BIPOP : ES_ONCE, .factored_from = more & 128 ? 1 : 0,
                        .learning_rate = how & 128 ? number(&in) : 0};
  es *e;
  status opened = es_open(&e, &o);
  sentence(opened);
  if (opened != OK) return;

  for (int g = 0; g < 40 && in.size && es_popsize(e) <= MOST_POPSIZE; g++) {
    play_generation(e, &o, &in);
    check_inside(&o, es_mean(e));
    if (o.lower || o.upper) check_inside(&o, es_best(e, NULL));
    (void)es_done(e);
    if (g % 8 == 7) e = save_and_load(e);
  }
  e = save_and_load(e);
  es_close(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  play((input){bytes, size});
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

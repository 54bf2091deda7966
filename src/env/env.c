// The table of environments, and lanes: independent episodes of one of them. It knows nothing of what they simulate.

#include <string.h>

#include "parts.h"

#define ENVIRONMENTS(X) \
  X(env_takecover)      \
  X(env_cartpole_swingup)

#define DECLARE(kind) extern const env_kind kind;
ENVIRONMENTS(DECLARE)
#define ENTRY(kind) &kind,
static const env_kind *const env_kinds[] = {ENVIRONMENTS(ENTRY)};
enum { KINDS = sizeof env_kinds / sizeof *env_kinds };

static const env_kind *lent;
void env_kind_lend(const env_kind *k) { lent = k; }

const env_kind *env_kind_at(int i) { return i < KINDS ? env_kinds[i] : i == KINDS ? lent : NULL; }

const env_kind *env_kind_find(const char *name) {
  const env_kind *k;
  for (int i = 0; (k = env_kind_at(i)); i++)
    if (strcmp(k->spec.name, name) == 0) return k;
  return NULL;
}

const char *const *env_names(int *count) {
  static const char *names[KINDS];
  for (int i = 0; i < KINDS; i++) names[i] = env_kinds[i]->spec.name;
  *count = KINDS;
  return names;
}

static status env_unknown(const char *name) {
  int count;
  const char *const *names = env_names(&count);
  text_buffer all = {0};
  for (int i = 0; i < count; i++) text_add(&all, "%s%s", i ? ", " : "", names[i]);
  status s = status_fail(BAD_CONFIG, "environment \"%s\" is not known; known are: %s", name, all.bytes);
  text_free(&all);
  return s;
}

size_t env_observation_size(const env_spec *s) {
  return (size_t)s->shape[0] * (size_t)s->shape[1] * (size_t)s->shape[2];
}

size_t env_observation_bytes(const env_spec *s) {
  return env_observation_size(s) * (s->pixels ? sizeof(uint8_t) : sizeof(float));
}

status env_describe(env_spec *s, const char *name) {
  env *e;
  TRY(env_open(&e, name, 1));
  *s = *env_spec_of(e);
  env_close(e);
  return OK;
}

// --- lanes ----------------------------------------------------------------------------------------------------------
struct env {
  const env_kind *kind;
  int lanes;
  size_t stride;  // <- state_bytes, rounded up to cache lines
  char *states;   // (lanes, stride)
};

// A name is looked up here and nowhere else.
status env_open(env **out, const char *name, int lanes) {
  const env_kind *k = env_kind_find(name);
  CHECK(lanes >= 1, "%d lanes", lanes);
  if (!k) return env_unknown(name);

  // a lane's state on cache lines of its own
  env *e = mem_take(1, sizeof *e);
  *e = (env){.kind = k, .lanes = lanes, .stride = (k->state_bytes + 63) / 64 * 64};
  e->states = mem_take((size_t)lanes, e->stride);
  *out = e;
  return OK;
}

void env_close(env *e) {
  if (!e) return;
  mem_free(e->states);
  mem_free(e);
}

const env_spec *env_spec_of(const env *e) { return &e->kind->spec; }

void *env_state(env *e, int lane) {
  CHECK(lane >= 0 && lane < e->lanes, "lane %d of %d", lane, e->lanes);
  return e->states + (size_t)lane * e->stride;
}

void env_reset(env *e, int lane, rng luck) { e->kind->reset(env_state(e, lane), luck); }

void env_step(env *e, const float *actions, env_outcome *outcomes, int n) {
  for (int i = 0; i < n; i++)
    outcomes[i] = e->kind->step(env_state(e, i), actions + (size_t)i * e->kind->spec.actions);
}

void env_observe(env *e, void *observations, int n) {
  size_t bytes = env_observation_bytes(&e->kind->spec);
  for (int i = 0; i < n; i++) e->kind->observe(env_state(e, i), (char *)observations + (size_t)i * bytes);
}

void env_move(env *e, int to, int from) {
  if (to != from) memcpy(env_state(e, to), env_state(e, from), e->kind->state_bytes);
}

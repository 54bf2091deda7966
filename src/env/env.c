// The table of environments, and lanes: independent episodes of one of them. It knows nothing of what they simulate.

#include <string.h>

#include "env.h"

// An environment is one file with one env_kind, and one line here.
#define ENVIRONMENTS(X) \
  X(env_takecover)      \
  X(env_cartpole_swingup)

#define DECLARE(kind) extern const env_kind kind;
ENVIRONMENTS(DECLARE)
#define ENTRY(kind) &kind,
static const env_kind *const kinds[] = {ENVIRONMENTS(ENTRY)};
enum { KINDS = sizeof kinds / sizeof *kinds };

const env_kind *env_find(const char *name) {
  for (int i = 0; i < KINDS; i++)
    if (strcmp(kinds[i]->name, name) == 0) return kinds[i];
  return NULL;
}

const char *const *env_names(int *count) {
  static const char *names[KINDS];
  for (int i = 0; i < KINDS; i++) names[i] = kinds[i]->name;
  *count = KINDS;
  return names;
}

size_t env_observation_size(const env_kind *k) { return (size_t)k->shape[0] * (size_t)k->shape[1] * (size_t)k->shape[2]; }

size_t env_observation_bytes(const env_kind *k) {
  return env_observation_size(k) * (k->pixels ? sizeof(uint8_t) : sizeof(float));
}

// --- lanes ----------------------------------------------------------------------------------------------------------
struct env {
  const env_kind *kind;
  int lanes;
  size_t stride;  // <- state_bytes, rounded up to cache lines
  char *states;   // (lanes, stride)
};

env *env_open(const env_kind *k, int lanes) {
  CHECK(lanes >= 1, "%d lanes", lanes);
  env *e = mem_take(1, sizeof *e);
  *e = (env){.kind = k, .lanes = lanes, .stride = (k->state_bytes + 63) / 64 * 64};
  e->states = mem_take((size_t)lanes, e->stride);
  return e;
}

void env_close(env *e) {
  if (!e) return;
  mem_free(e->states);
  mem_free(e);
}

const env_kind *env_of(const env *e) { return e->kind; }

static void *state_of(const env *e, int lane) {
  CHECK(lane >= 0 && lane < e->lanes, "lane %d of %d", lane, e->lanes);
  return e->states + (size_t)lane * e->stride;
}

void *env_state(env *e, int lane) { return state_of(e, lane); }

void env_reset(env *e, int lane, rng luck) { e->kind->reset(state_of(e, lane), luck); }

env_outcome env_step(env *e, int lane, const float *action) { return e->kind->step(state_of(e, lane), action); }

void env_observe(const env *e, int lane, void *observation) { e->kind->observe(state_of(e, lane), observation); }

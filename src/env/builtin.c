// Environments that are built in: their table, and lanes as plain memory. It knows nothing of what they simulate.

#include <string.h>

#include "parts.h"

#define ENVIRONMENTS(X)        \
  X(env_takecover)             \
  X(env_cartpole_swingup)      \
  X(env_cartpole_swingup_hard) \
  X(env_pendulum)              \
  X(env_mountaincar)           \
  X(env_mountaincar_discrete)  \
  X(env_acrobot)

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

static status builtin_unknown(const char *name) {
  int count;
  const char *const *names = env_names(&count);
  text_buffer all = {0};
  for (int i = 0; i < count; i++) text_add(&all, "%s%s", i ? ", " : "", names[i]);
  status s = status_fail(BAD_CONFIG, "environment \"%s\" is not known; known are: %s", name, all.bytes);
  text_free(&all);
  return s;
}

// What is said that only others would listen to: all but frame_skip.
static const char *builtin_unheard(const env_options *o) {
  if (o->python) return "python";
  if (o->arguments) return "options";
  if (o->wrappers) return "wrappers";
  if (o->observation) return "observation";
  if (o->cap) return "cap";
  if (o->reward_scale != 0 && o->reward_scale != 1) return "reward_scale";
  if (o->crop[0] || o->crop[1] || o->crop[2] || o->crop[3]) return "crop";
  if (o->grey) return "grey";
  if (o->memory) return "memory";
  return o->actions != ENV_ACTIONS_LARGEST ? "actions" : NULL;
}

// --- lanes ----------------------------------------------------------------------------------------------------------
typedef struct builtin {
  const env_kind *kind;
  int lanes, skip;
  size_t stride;  // <- state_bytes, rounded up to cache lines
  char *states;   // (lanes, stride)
} builtin;

// Whatever is nobody else's.
static bool builtin_owns(const char *name) { return name != NULL; }

static status builtin_open(env *e, const char *name, const env_options *o) {
  const env_kind *k = env_kind_find(name);
  if (!k) return builtin_unknown(name);

  const char *unheard = builtin_unheard(o);
  if (unheard)
    FAIL(BAD_CONFIG, "environment \"%s\" is built in and takes no environment.%s; leave that out", name, unheard);

  // a lane's state on cache lines of its own
  builtin *b = mem_take(1, sizeof *b);
  *b = (builtin){.kind = k,
                 .lanes = e->lanes,
                 .skip = o->frame_skip > 1 ? o->frame_skip : 1,
                 .stride = (k->state_bytes + 63) / 64 * 64};
  b->states = mem_take((size_t)b->lanes, b->stride);

  // its own cap is of its own steps
  e->spec = k->spec;
  e->spec.cap = (k->spec.cap + b->skip - 1) / b->skip;
  e->spec.pays_steps = k->spec.pays_steps && b->skip == 1;
  e->self = b;
  return OK;
}

static void builtin_close(void *self) {
  builtin *b = self;
  mem_free(b->states);
  mem_free(b);
}

static char *builtin_at(const builtin *b, int lane) {
  CHECK(lane >= 0 && lane < b->lanes, "lane %d of %d", lane, b->lanes);
  return b->states + (size_t)lane * b->stride;
}

static void *builtin_state(void *self, int lane) { return builtin_at(self, lane); }

static void builtin_reset(void *self, int lane, rng luck) {
  ((const builtin *)self)->kind->reset(builtin_state(self, lane), luck);
}

// An action is held for so many of the environment's own steps, or until an end.
static env_outcome builtin_hold(const builtin *b, int lane, const float *action) {
  env_outcome held = {0};
  for (int i = 0; i < b->skip && !held.terminated && !held.truncated; i++) {
    float before = held.reward;
    held = b->kind->step(builtin_at(b, lane), action);
    held.reward += before;
  }
  return held;
}

static void builtin_step(void *self, const float *actions, env_outcome *outcomes, int n) {
  const builtin *b = self;
  for (int i = 0; i < n; i++) outcomes[i] = builtin_hold(b, i, actions + (size_t)i * b->kind->spec.actions);
}

static void builtin_observe(void *self, void *observations, int n) {
  const env_kind *k = ((const builtin *)self)->kind;
  size_t bytes = env_observation_bytes(&k->spec);
  for (int i = 0; i < n; i++) k->observe(builtin_state(self, i), (char *)observations + (size_t)i * bytes);
}

static void builtin_copy(void *self, int lane, const void *from, int of) {
  const builtin *b = self;
  char *to = builtin_at(b, lane);
  const char *at = builtin_at(from, of);
  if (to != at) memcpy(to, at, b->kind->state_bytes);
}

static void builtin_move(void *self, int to, int from) { builtin_copy(self, to, self, from); }

const env_family env_builtin = {.owns = builtin_owns,
                                .open = builtin_open,
                                .close = builtin_close,
                                .reset = builtin_reset,
                                .step = builtin_step,
                                .observe = builtin_observe,
                                .move = builtin_move,
                                .copy = builtin_copy,
                                .state = builtin_state};

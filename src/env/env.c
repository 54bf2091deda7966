// The door of the room: whose an environment is, by the form of its name; the rest is its family's.

#include <string.h>

#include "parts.h"

// The first that owns a name has it; the last owns what is left.
static const env_family *const env_families[] = {&env_gym, &env_plugin, &env_builtin};
enum { FAMILIES = sizeof env_families / sizeof *env_families };

status env_describe(env_spec *s, const char *name, const env_options *o) {
  env *e;
  TRY(env_open(&e, name, o, 1));
  *s = *env_spec_of(e);
  env_close(e);
  return OK;
}

static const env_family *env_family_of(const char *name) {
  int i = 0;
  while (i < FAMILIES - 1 && !env_families[i]->owns(name)) i++;
  return env_families[i];
}

bool env_is_foreign(const char *name) { return env_family_of(name) != env_families[FAMILIES - 1]; }

// A name is looked up here and nowhere else.
status env_open(env **out, const char *name, const env_options *o, int lanes) {
  const env_options nothing = {0};
  CHECK(lanes >= 1, "%d lanes", lanes);
  env *e = mem_take(1, sizeof *e);
  *e = (env){.family = env_family_of(name), .lanes = lanes};

  status s = e->family->open(e, name, o ? o : &nothing);
  if (s != OK) {
    mem_free(e);
    return s;
  }

  e->spec.copies = e->family->copy != NULL;
  e->spec.opened = name;
  e->spec.options = o ? *o : nothing;
  *out = e;
  return OK;
}

status env_open_again(env **e, const env_spec *s, int lanes) { return env_open(e, s->opened, &s->options, lanes); }

void env_close(env *e) {
  if (!e) return;
  e->family->close(e->self);
  mem_free(e);
}

const env_spec *env_spec_of(const env *e) { return &e->spec; }

void *env_state(env *e, int lane) {
  CHECK(e->family->state, "%s shows its state to nobody", e->spec.name);
  return e->family->state(e->self, lane);
}

void env_reset(env *e, int lane, rng luck) { e->family->reset(e->self, lane, luck); }

void env_step(env *e, const float *actions, env_outcome *outcomes, int n) {
  e->family->step(e->self, actions, outcomes, n);
}

void env_observe(env *e, void *observations, int n) { e->family->observe(e->self, observations, n); }

const char *env_failure(const env *e) {
  return e->family->failure ? e->family->failure(e->self) : "the environment does not say why";
}

void env_move(env *e, int to, int from) { e->family->move(e->self, to, from); }

void env_copy(env *e, int lane, const env *from, int of) {
  CHECK(e->spec.copies && e->family == from->family && strcmp(e->spec.name, from->spec.name) == 0,
        "%s cannot go on in %s", from->spec.name, e->spec.name);
  e->family->copy(e->self, lane, from->self, of);
}

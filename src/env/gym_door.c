// gym:ID at the door of the room: what Gymnasium makes by that id is an environment like any other.

#include <string.h>

#include "gym.h"
#include "parts.h"

static const char door_form[] = "gym:";

static bool door_owns(const char *name) { return strncmp(name, door_form, strlen(door_form)) == 0; }

// Its version names what was said of it, too: episodes of other settings are not its episodes.
static env_spec door_spec(const char *name, const gym_facts *f, int lanes, hash order) {
  env_spec s = {.pixels = f->picture,
                .shape = {f->picture ? GYM_SIDE : f->numbers, f->picture ? GYM_SIDE : 1, f->picture ? 3 : 1},
                .actions = f->A,
                .cap = f->cap,
                .lanes = lanes,
                .baselines = env_baselines_blind};
  text_print(s.name, sizeof s.name, "%s", name);
  text_print(s.version, sizeof s.version, "%.22s %.8s", f->version, order.hex);
  text_print(s.words, sizeof s.words, "shows %.60s, takes %.60s", f->shows, f->takes);
  return s;
}

static status door_open_pure(env *e, const char *name, const env_options *o) {
  gym *g;
  bool pure;
  const char *id = name + strlen(door_form);
  if (!*id) FAIL(BAD_CONFIG, "environment \"%s\" wants an id of Gymnasium's, such as gym:Pendulum-v1", name);
  if (strlen(name) >= sizeof e->spec.name)
    FAIL(BAD_CONFIG, "environment \"%s\" has a name of %zu bytes, 1 to %zu are allowed", name, strlen(name),
         sizeof e->spec.name - 1);

  TRY(gym_open(&g, id, o, e->lanes));
  e->self = g;
  e->spec = door_spec(name, gym_facts_of(g), o->lanes, gym_order(id, o));
  status s = gym_pure(&pure, id, o);
  e->spec.pure = s == OK && pure;
  if (s != OK) gym_close(g);
  return s;
}

static status door_open(env *e, const char *name, const env_options *o) {
  status s = door_open_pure(e, name, o);
  if (s == OK || s == BAD_CONFIG) return s;
  return status_fail(s, "environment \"%s\": %s", name, status_message());
}

const env_family env_gym = {.owns = door_owns,
                            .open = door_open,
                            .close = gym_close,
                            .reset = gym_reset,
                            .step = gym_step,
                            .observe = gym_observe,
                            .move = gym_move,
                            .failure = gym_failure};

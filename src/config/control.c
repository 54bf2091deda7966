// What may be asked of a running search: three keys without a section, read and judged as the configuration is.

#include <string.h>

#include "yaml.h"

enum { STOP, GENERATIONS, STATE, KEYS };
#define MOST_GENERATIONS 1000000

static const knob table[KEYS] = {
    [STOP] = {"stop", KNOB_BOOL, offsetof(control, stop), 0, 0, 1, NULL, "false", "checkpoint, then leave"},
    [GENERATIONS] = {"generations", KNOB_INT, offsetof(control, generations), 0, 1, MOST_GENERATIONS, NULL, "", "the new limit"},
    [STATE] = {"state", KNOB_BOOL, offsetof(control, state), 0, 0, 1, NULL, "false", "tell how it stands"},
};

bool control_empty(const control *c) { return !c->stop && !c->generations && !c->state; }

status control_read(control *c, const char *name, const char *bytes, size_t size, int made) {
  knob keys[KEYS];
  control fresh = {0};
  memcpy(keys, table, sizeof keys);
  keys[GENERATIONS].least = made + 1;
  TRY(config_yaml_keys(keys, KEYS, &fresh, name, bytes, size));
  *c = fresh;
  return OK;
}

status control_set(control *c, const char *words) {
  knob_line a;
  TRY(knob_line_read(&a, words, "stop=true"));
  for (int i = 0; i < KEYS; i++)
    if (strcmp(table[i].name, a.key) == 0) return knob_put_line(&table[i], c, a.value, a.place);
  return knob_unknown_of(table, KEYS, a.place, a.key);
}

void control_print(const control *c, text_buffer *out) {
  const bool asked[KEYS] = {[STOP] = c->stop, [GENERATIONS] = c->generations != 0, [STATE] = c->state};
  for (int i = 0; i < KEYS; i++) {
    if (!asked[i]) continue;
    text_add(out, "%s: ", table[i].name);
    knob_show(&table[i], c, out);
    text_add(out, "\n");
  }
}

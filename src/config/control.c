// What may be asked of a running search: three keys without a section, read and judged as the configuration is.

#include <string.h>

#include "yaml.h"

enum { STOP, GENERATIONS, STATE, KEYS };
#define MOST_GENERATIONS 1000000

static const knob control_table[KEYS] = {
    [STOP] = {.name = "stop",
              .type = KNOB_BOOL,
              .offset = offsetof(control, stop),
              .most = 1,
              .initial = "false",
              .sentence = "checkpoint, then leave"},
    [GENERATIONS] = {.name = "generations",
                     .type = KNOB_INT,
                     .offset = offsetof(control, generations),
                     .least = 1,
                     .most = MOST_GENERATIONS,
                     .initial = "",
                     .sentence = "the new limit"},
    [STATE] = {.name = "state",
               .type = KNOB_BOOL,
               .offset = offsetof(control, state),
               .most = 1,
               .initial = "false",
               .sentence = "tell how it stands"},
};

bool control_empty(const control *c) { return !c->stop && !c->generations && !c->state; }

const char *control_knob_name(int i) { return i < KEYS ? control_table[i].name : NULL; }

status control_read(control *c, const char *name, const char *bytes, size_t size, int made) {
  knob keys[KEYS];
  control fresh = {0};
  memcpy(keys, control_table, sizeof keys);
  keys[GENERATIONS].least = made + 1;
  TRY(config_yaml_keys(keys, KEYS, &fresh, name, bytes, size));
  *c = fresh;
  return OK;
}

status control_set(control *c, const char *words) {
  knob_line a;
  TRY(knob_line_read(&a, words, "stop=true"));
  for (int i = 0; i < KEYS; i++)
    if (strcmp(control_table[i].name, a.key) == 0) return knob_put_line(&control_table[i], c, a.value, a.place);
  return knob_unknown_of(control_table, KEYS, a.place, a.key);
}

void control_print(const control *c, text_buffer *out) {
  const bool asked[KEYS] = {[STOP] = c->stop, [GENERATIONS] = c->generations != 0, [STATE] = c->state};
  for (int i = 0; i < KEYS; i++) {
    if (!asked[i]) continue;
    text_add(out, "%s: ", control_table[i].name);
    knob_show(&control_table[i], c, out);
    text_add(out, "\n");
  }
}

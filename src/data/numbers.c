// The numbers of a JSON file, one by one, with the keys that lead to them.

#include <jansson.h>
#include <string.h>

#include "data.h"

typedef struct walk {
  data_number_seen *seen;
  void *self;
  const char *keys[DATA_NUMBERS_DEPTH];
} walk;

static void walk_down(walk *w, json_t *object, int depth) {
  const char *key;
  json_t *value;

  if (depth == DATA_NUMBERS_DEPTH) return;

  // keys on the way down name the number: the path so far is handed on with it
  json_object_foreach(object, key, value) {
    w->keys[depth] = key;
    if (json_is_number(value)) w->seen(w->self, w->keys, depth + 1, json_number_value(value));
    if (json_is_object(value)) walk_down(w, value, depth + 1);
  }
}

status data_numbers_read(const char *path, data_number_seen *seen, void *self) {
  char *text;
  size_t size;
  json_error_t wrong;
  TRY(file_read(&text, &size, path));

  // Twice the same key: the last one counts, as for other readers of JSON.
  json_t *all = json_loadb(text, size, 0, &wrong);
  mem_free(text);
  if (!all) FAIL(BAD_FILE, "%s:%d: is not JSON: %s", path, wrong.line, wrong.text);

  walk w = {.seen = seen, .self = self};
  walk_down(&w, all, 0);
  json_decref(all);
  return OK;
}

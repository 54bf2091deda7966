// --fresh holds until the verb that it was said to is through, whatever is killed on the way: a file remembers it, and
// for which settings.

#include <string.h>

#include "run.h"

// A longer search is the same one.
static hash fresh_identity(const run_home *r) { return settings_hash(r->s, ~(unsigned)CONFIG_LENGTH); }

status fresh_keep(const run_home *r) {
  char line[64];
  int size = snprintf(line, sizeof line, "%s\n", fresh_identity(r).hex);
  return file_write(run_path(r, RUN_FRESH).text, line, (size_t)size);
}

bool fresh_kept(const run_home *r) {
  char *bytes;
  size_t size;
  file_path path = run_path(r, RUN_FRESH);
  if (!file_exists(path.text) || file_read_own(&bytes, &size, path.text) != OK) return false;

  hash h = fresh_identity(r);
  bool same = size == strlen(h.hex) + 1 && memcmp(bytes, h.hex, size - 1) == 0;
  mem_free(bytes);
  return same;
}

status fresh_forget(const run_home *r) { return file_remove(run_path(r, RUN_FRESH).text); }

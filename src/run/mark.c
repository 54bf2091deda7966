// Marks of stages on disk: lines of text with a hash at their end.

#include <string.h>
#include <sys/stat.h>

#include "mark.h"

#define MARK_HEAD "dreamfarm-stage-2\n"
#define MARK_MAX (64 << 20)  // bytes: a line for each of a hundred thousand shards

static const char *const state_words[] = {[MARK_BEGUN] = "state begun\n", [MARK_COMPLETE] = "state complete\n"};

// --- on disk --------------------------------------------------------------------------------------------------------------

// The bytes before the line `sum HASH`, if that is the hash of them.
static bool mark_sum_fits(const char *bytes, size_t size, size_t *body) {
  enum { SUM_LINE = sizeof "sum \n" - 1 + 32 };
  if (size < SUM_LINE || strlen(bytes) != size) return false;
  *body = size - SUM_LINE;
  hash h = hash_bytes(bytes, *body);
  return strncmp(bytes + *body, "sum ", 4) == 0 && memcmp(bytes + *body + 4, h.hex, 32) == 0;
}

static void mark_parse(mark *m, const char *bytes, size_t size) {
  size_t body, head = strlen(MARK_HEAD);
  if (!mark_sum_fits(bytes, size, &body) || strncmp(bytes, MARK_HEAD, head) != 0) return;

  for (int state = MARK_BEGUN; state <= MARK_COMPLETE; state++) {
    size_t words = strlen(state_words[state]);
    if (strncmp(bytes + head, state_words[state], words) != 0) continue;
    m->state = (mark_state)state;
    text_add(&m->lines, "%.*s", (int)(body - head - words), bytes + head + words);
  }
}

mark mark_read(const char *path) {
  struct stat facts;
  mark m = {.state = lstat(path, &facts) == 0 ? MARK_UNREADABLE : MARK_NONE};
  char *bytes;
  size_t size;
  if (m.state == MARK_NONE || facts.st_size > MARK_MAX || file_read(&bytes, &size, path) != OK) return m;
  mark_parse(&m, bytes, size);
  mem_free(bytes);
  return m;
}

void mark_free(mark *m) { text_free(&m->lines); }

status mark_write(const char *path, mark_state state, const text_buffer *lines) {
  text_buffer t = {0};
  text_add(&t, "%s%s%s", MARK_HEAD, state_words[state], lines->size ? lines->bytes : "");
  text_add(&t, "sum %s\n", hash_bytes(t.bytes, t.size).hex);
  status s = file_write(path, t.bytes, t.size);
  text_free(&t);
  return s;
}

// --- lines ----------------------------------------------------------------------------------------------------------------

static const char *line_next(const char *line) {
  const char *end = strchr(line, '\n');
  return end && end[1] ? end + 1 : NULL;
}

bool mark_find(char *rest, size_t room, const mark *m, const char *head) {
  size_t size = strlen(head);
  for (const char *line = m->lines.bytes; line; line = line_next(line)) {
    if (strncmp(line, head, size) != 0) continue;
    snprintf(rest, room, "%.*s", (int)strcspn(line + size, "\n"), line + size);
    return true;
  }
  return false;
}

void mark_each(const mark *m, const char *kind, bool (*see)(void *self, const char *rest), void *self) {
  size_t size = strlen(kind);
  char rest[2 * PATH_MAX_LENGTH];
  for (const char *line = m->lines.bytes; line; line = line_next(line)) {
    if (strncmp(line, kind, size) != 0 || line[size] != ' ') continue;
    snprintf(rest, sizeof rest, "%.*s", (int)strcspn(line + size + 1, "\n"), line + size + 1);
    if (!see(self, rest)) return;
  }
}

// --- files ----------------------------------------------------------------------------------------------------------------

status mark_add_file(text_buffer *lines, const char *directory, const char *name) {
  struct stat facts;
  hash h;
  file_path path = path_join(directory, "%s", name);
  TRY(hash_file(&h, path.text));
  if (stat(path.text, &facts) != 0) FAIL(NO_IO, "%s: is gone", path.text);
  text_add(lines, "left %s %lld %s\n", name, (long long)facts.st_size, h.hex);
  return OK;
}

const char *mark_file_changed(char *name, size_t room, const char *directory, const char *rest, bool deep) {
  char file[PATH_MAX_LENGTH], hex[33];
  long long bytes;
  struct stat facts;
  hash h;
  if (sscanf(rest, "%1023s %lld %32s", file, &bytes, hex) != 3) return "is not described by its stage's mark";
  snprintf(name, room, "%s", file);

  file_path path = path_join(directory, "%s", file);
  if (stat(path.text, &facts) != 0) return "is missing";
  if (facts.st_size != bytes) return "has another size than was written";
  if (deep && (hash_file(&h, path.text) != OK || strcmp(h.hex, hex) != 0)) return "was changed since it was written";
  return NULL;
}

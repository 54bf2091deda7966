// Text that grows.

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

static void text_reserve(text_buffer *t, size_t more) {
  if (t->size + more + 1 <= t->room) return;

  // Doubled, so that a byte is copied less than once on average, however long the text becomes.
  size_t room = t->room ? t->room : 256;
  while (room < t->size + more + 1) room *= 2;

  char *bytes = mem_take(room, 1);
  if (t->bytes) memcpy(bytes, t->bytes, t->size);
  mem_free(t->bytes);
  t->bytes = bytes;
  t->room = room;
}

void text_add(text_buffer *t, const char *format, ...) {
  // The first pass only measures: a list of arguments is used up by it.
  va_list arguments;
  va_start(arguments, format);
  int size = vsnprintf(NULL, 0, format, arguments);
  va_end(arguments);
  CHECK(size >= 0, "format %s", format);
  text_reserve(t, (size_t)size);

  va_start(arguments, format);
  vsnprintf(t->bytes + t->size, (size_t)size + 1, format, arguments);
  va_end(arguments);
  t->size += (size_t)size;
}

void text_free(text_buffer *t) {
  mem_free(t->bytes);
  *t = (text_buffer){0};
}

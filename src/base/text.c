// Text that grows, correct JSON, and the nearest word.

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
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

size_t text_character(const char *bytes, size_t size, uint32_t *code) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};  // by length: there are no overlong forms
  const unsigned char *b = (const unsigned char *)bytes;
  if (size == 0) return 0;

  // The first byte says how many there are.
  size_t length = b[0] < 0x80 ? 1 : b[0] < 0xC2 ? 0 : b[0] < 0xE0 ? 2 : b[0] < 0xF0 ? 3 : b[0] < 0xF5 ? 4 : 0;
  if (length == 0 || length > size) return 0;

  // The others bring six bits each.
  *code = length == 1 ? b[0] : b[0] & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    if ((b[i] & 0xC0) != 0x80) return 0;
    *code = *code << 6 | (b[i] & 0x3F);
  }

  bool surrogate = *code >= 0xD800 && *code <= 0xDFFF;
  return *code < least[length] || surrogate || *code > 0x10FFFF ? 0 : length;
}

// Back to the last character's first byte, if it has one: is it all there?
static int text_cut(const char *text, int size) {
  for (int back = 1; back <= 3 && back <= size; back++) {
    unsigned char first = (unsigned char)text[size - back];
    if ((first & 0xC0) == 0x80) continue;
    int length = first < 0xC0 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    return length > back ? size - back : size;
  }
  return size;
}

int text_whole(const char *text, int most) {
  int size = (int)strnlen(text, (size_t)most);
  return size < most || !text[size] ? size : text_cut(text, size);
}

void text_vprint(char *to, size_t room, const char *format, va_list arguments) {
  int size = vsnprintf(to, room, format, arguments);
  if (size >= 0 && (size_t)size >= room) to[text_cut(to, (int)room - 1)] = 0;
}

void text_print(char *to, size_t room, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  text_vprint(to, room, format, arguments);
  va_end(arguments);
}

static void json_quoted(text_buffer *t, const char *s) {
  size_t left = strlen(s), length;
  text_add(t, "\"");

  for (uint32_t code; left > 0; s += length, left -= length) {
    length = text_character(s, left, &code);

    // A file name may be any bytes, JSON may not.
    if (length == 0) text_add(t, "\\ufffd");
    else if (code == '"' || code == '\\') text_add(t, "\\%c", *s);
    else if (code < 0x20) text_add(t, "\\u%04x", code);
    else text_add(t, "%.*s", (int)length, s);
    length += length == 0;  // past the byte that begins no character
  }

  text_add(t, "\"");
}

static void json_begin(text_buffer *t, const char *key) {
  if (t->comma) text_add(t, ", ");
  t->comma = true;
  if (!key) return;
  json_quoted(t, key);
  text_add(t, ": ");
}

void json_open(text_buffer *t, const char *key, char bracket) {
  json_begin(t, key);
  text_add(t, "%c", bracket);
  t->comma = false;
}

void json_close(text_buffer *t, char bracket) {
  text_add(t, "%c", bracket);
  t->comma = true;
}

void json_number(text_buffer *t, const char *key, double value) {
  json_begin(t, key);
  if (!isfinite(value)) {
    text_add(t, "null");
    return;
  }

  // A count stays a count: 10, not 1e+01.
  char digits[40];
  if (fabs(value) < 9007199254740992.0 && trunc(value) == value) {
    text_add(t, "%.0f", value);
    return;
  }

  // The shortest form that reads back equal.
  for (int precision = 1; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, value);
    if (strtod(digits, NULL) == value) break;
  }
  text_add(t, "%s", digits);
}

void json_text(text_buffer *t, const char *key, const char *value) {
  json_begin(t, key);
  json_quoted(t, value);
}

void json_bool(text_buffer *t, const char *key, bool value) {
  json_begin(t, key);
  text_add(t, value ? "true" : "false");
}


// Levenshtein's distance over the first 63 bytes of each word. Of the table of distances between beginnings, one row is
// kept: row[j] is that from the first i bytes of a to the first j of b.
static int text_distance(const char *a, const char *b) {
  int row[64], length = (int)strnlen(b, 63);
  for (int j = 0; j <= length; j++) row[j] = j;

  for (int i = 1; i <= 63 && a[i - 1]; i++) {
    int diagonal = row[0];  // of the row before, which is overwritten
    row[0] = i;
    for (int j = 1; j <= length; j++) {
      int replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = int_min(replaced, 1 + int_min(row[j], row[j - 1]));
    }
  }

  return row[length];
}

const char *text_nearest(const char *word, const char *const *words, int count) {
  const char *best = NULL;
  int least = (int)strnlen(word, 63) / 2 + 1;  // at half its letters a word is another word

  for (int i = 0; i < count; i++) {
    int distance = text_distance(word, words[i]);
    if (distance < least) {
      least = distance;
      best = words[i];
    }
  }

  return best;
}

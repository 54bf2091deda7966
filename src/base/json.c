// Correct JSON, added to a text that grows.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"

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

// One scalar in and out of a knob's place. Knows types and ranges, not where a scalar stood.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "knobs.h"

// --- in -----------------------------------------------------------------------------------------------------------

// A decimal number and nothing else: strtod alone would take hexadecimal, infinities and leading spaces, and YAML 1.1
// would read a leading zero as octal.
static bool value_number(scalar v, const char *allowed, double *out) {
  if (v.quoted || strspn(v.text, allowed) != v.size) return false;
  const char *digits = v.text + strspn(v.text, "+-");
  if (digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
  char *end;
  *out = strtod(v.text, &end) + 0.0;  // + 0.0: no negative zero
  return v.size > 0 && end == v.text + v.size && isfinite(*out);
}

static bool value_inside(const knob *k, double x) { return x >= k->least && x <= k->most; }

static bool value_whole(const knob *k, scalar v, double *out) {
  return value_number(v, "+-0123456789", out) && value_inside(k, *out);
}

static bool value_bool(scalar v, bool *out) {
  *out = !v.quoted && strcmp(v.text, "true") == 0;
  return *out || (!v.quoted && strcmp(v.text, "false") == 0);
}

static bool value_word(const knob *k, scalar v, int *out) {
  for (*out = 0; k->words[*out]; ++*out)
    if (strlen(k->words[*out]) == v.size && memcmp(k->words[*out], v.text, v.size) == 0) return true;
  return false;
}

static bool value_text(scalar v, char out[CONFIG_TEXT]) {
  if (v.size == 0 || v.size >= CONFIG_TEXT || utf8_span(v.text, v.size, false) != v.size) return false;
  if (!v.quoted && (strcmp(v.text, "~") == 0 || strcmp(v.text, "null") == 0)) return false;  // YAML's nothing
  memset(out, 0, CONFIG_TEXT);  // the unused end too: equal settings are equal bytes
  memcpy(out, v.text, v.size);
  return true;
}

static bool value_take(const knob *k, void *place, int index, scalar v) {
  double number;
  int word;
  bool yes;

  // text becomes a value of the knob's type and range, or is refused; nothing is rounded to fit
  switch (k->type) {
    case KNOB_INT:
      if (!value_whole(k, v, &number)) return false;
      ((int *)place)[index] = (int)number;
      return true;
    case KNOB_INT64:
      if (!value_whole(k, v, &number)) return false;
      *(int64_t *)place = (int64_t)number;
      return true;
    case KNOB_REAL:
      if (!value_number(v, "+-.0123456789eE", &number) || !value_inside(k, number)) return false;
      *(double *)place = number;
      return true;
    case KNOB_BOOL:
      if (!value_bool(v, &yes)) return false;
      *(bool *)place = yes;
      return true;
    case KNOB_WORD:
      if (!value_word(k, v, &word)) return false;
      *(int *)place = word;
      return true;
    case KNOB_TEXT:
      return value_text(v, (char *)place + (size_t)index * CONFIG_TEXT);
  }
  return false;
}

static char value_places[KNOBS_MAX][512];  // where each knob's value was read last; "": in the table

// Knobs of other tables have none.
static status value_place_keep(const knob *k, const char *where) {
  int count;
  const knob *table = knob_table(&count);
  if (k < table || k >= table + count) return OK;
  text_print(value_places[k - table], sizeof value_places[0], "%s", strcmp(where, PLACE_DEFAULT) == 0 ? "" : where);
  return OK;
}

const char *knob_place(const knob *k) {
  int count;
  const char *place = value_places[k - knob_table(&count)];
  return *place ? place : NULL;
}

static status value_refuse(const knob *k, scalar v, const char *where) {
  // A number in quotes is a text for YAML: it is said that this is what is wrong.
  bool not_text = v.quoted && k->type != KNOB_TEXT && k->type != KNOB_WORD;

  text_buffer found = {0}, wanted = {0};
  scalar_show(v, &found);
  knob_wanted(k, &wanted);
  status failure = status_fail(BAD_CONFIG, "%s: %s: found %s%s, wanted %s", where, k->name, found.bytes,
                               not_text ? " in quotes" : "", wanted.bytes);

  text_free(&found);
  text_free(&wanted);
  return failure;
}

status knob_put(const knob *k, void *fields, int index, scalar v, const char *where) {
  return value_take(k, (char *)fields + k->offset, index, v) ? value_place_keep(k, where) : value_refuse(k, v, where);
}

bool knob_list_end(const knob *k, void *fields, int count) {
  char *texts = (char *)fields + k->offset;
  if (k->type != KNOB_TEXT || count > k->list) return count == k->list;
  memset(texts + (size_t)count * CONFIG_TEXT, 0, (size_t)(k->list - count) * CONFIG_TEXT);
  return true;
}

static const char *value_blank_skip(const char *at) { return at + strspn(at, " \t"); }

static scalar value_piece(char *room, const char *from, size_t size) {
  while (size > 0 && (from[size - 1] == ' ' || from[size - 1] == '\t')) size--;
  memcpy(room, from, size);
  room[size] = 0;
  return (scalar){room, size, false};
}

static status value_list_put(const knob *k, void *fields, char *room, const char *line, const char *where) {
  int count = 0;
  const char *at = value_blank_skip(line);

  bool closed = *at == '[';
  while (closed && count < k->list) {
    at = value_blank_skip(at + 1);
    size_t size = strcspn(at, ",]");
    scalar v = value_piece(room, at, size);
    if (count > 0 || v.size > 0) TRY(knob_put(k, fields, count++, v, where));
    at += size;
    if (*at != ',') break;
  }

  // All of it or nothing: anything else is shown as a whole, as found where a list is wanted.
  scalar whole = value_piece(room, line, strlen(line));
  if (closed && *at == ']' && *value_blank_skip(at + 1) == 0 && knob_list_end(k, fields, count))
    return value_place_keep(k, where);
  if (closed || k->type != KNOB_TEXT) return value_refuse(k, whole, where);

  // a text by itself is a list of one
  TRY(knob_put(k, fields, 0, whole, where));
  knob_list_end(k, fields, 1);
  return OK;
}

status knob_put_line(const knob *k, void *fields, const char *line, const char *where) {
  line = value_blank_skip(line);
  char *room = mem_take(strlen(line) + 1, 1);
  status result = k->list ? value_list_put(k, fields, room, line, where)
                          : knob_put(k, fields, 0, value_piece(room, line, strlen(line)), where);
  mem_free(room);
  return result;
}

// --- out ----------------------------------------------------------------------------------------------------------

// Shortest form that reads back equal. YAML 1.1 readers take 1e-05 for text and 1.0e-05 for a number.
static void value_number_show(double x, text_buffer *out) {
  text_buffer digits = {0};
  json_number(&digits, NULL, x);
  const char *power = strchr(digits.bytes, 'e');
  if (power && !strchr(digits.bytes, '.')) text_add(out, "%.*s.0%s", (int)(power - digits.bytes), digits.bytes, power);
  else text_add(out, "%s", digits.bytes);
  text_free(&digits);
}

// Whether any YAML reader takes these bytes, unquoted, for this very text.
static bool value_plain(const char *t) {
  static const char *const taken[] = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"};
  for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
    if (strcasecmp(t, taken[i]) == 0) return false;
  static const char letters[] = "/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.-+";
  return strspn(t, letters) == strlen(t) && strchr("._0123456789-+", t[0]) == NULL;
}

static void value_text_show(const char *t, text_buffer *out) {
  if (value_plain(t)) {
    text_add(out, "%s", t);
    return;
  }
  text_add(out, "\"");
  for (; *t; t++) text_add(out, "%s%c", *t == '"' || *t == '\\' ? "\\" : "", *t);
  text_add(out, "\"");
}

static double value_number_at(const knob *k, const void *place, int index) {
  if (k->type == KNOB_INT64) return (double)*(const int64_t *)place;
  if (k->type == KNOB_REAL) return *(const double *)place;
  return ((const int *)place)[index];
}

static const char *value_text_at(const void *place, int index) {
  return (const char *)place + (size_t)index * CONFIG_TEXT;
}

// Elements of a list: of texts those that there are.
static int value_list_count(const knob *k, const void *place) {
  int count = 0;
  if (k->type != KNOB_TEXT) return k->list;
  while (count < k->list && *value_text_at(place, count)) count++;
  return count;
}

static void value_print(const knob *k, const void *place, int index, text_buffer *out) {
  if (k->type == KNOB_TEXT) value_text_show(value_text_at(place, index), out);
  else if (k->type == KNOB_WORD) text_add(out, "%s", k->words[*(const int *)place]);
  else if (k->type == KNOB_BOOL) text_add(out, "%s", *(const bool *)place ? "true" : "false");
  else if (k->type == KNOB_REAL) value_number_show(value_number_at(k, place, index), out);
  else text_add(out, "%.0f", value_number_at(k, place, index));
}

void knob_show(const knob *k, const void *fields, text_buffer *out) {
  const void *place = (const char *)fields + k->offset;
  if (!k->list) {
    value_print(k, place, 0, out);
    return;
  }

  // a list in YAML's flow style, so that what is shown can be read
  text_add(out, "[");
  for (int i = 0; i < value_list_count(k, place); i++) {
    text_add(out, "%s", i ? ", " : "");
    value_print(k, place, i, out);
  }
  text_add(out, "]");
}

void knob_json(const knob *k, const settings *s, text_buffer *out) {
  const void *place = (const char *)s + k->offset;
  const char *key = knob_key(k);

  if (k->list) {
    json_open(out, key, '[');
    for (int i = 0; i < value_list_count(k, place); i++)
      if (k->type == KNOB_TEXT) json_text(out, NULL, value_text_at(place, i));
      else json_number(out, NULL, value_number_at(k, place, i));
    json_close(out, ']');
  } else if (k->type == KNOB_TEXT) json_text(out, key, place);
  else if (k->type == KNOB_WORD) json_text(out, key, k->words[*(const int *)place]);
  else if (k->type == KNOB_BOOL) json_bool(out, key, *(const bool *)place);
  else json_number(out, key, value_number_at(k, place, 0));
}

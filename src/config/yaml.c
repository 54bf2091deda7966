// Reads a configuration from YAML: sections, keys, and scalars or lists of scalars; nothing else that YAML offers, so
// that a file means what it looks like. The one door to libyaml. Knows no knob: the table judges names and values.

#include <string.h>
#include <yaml.h>

#include "yaml.h"

typedef struct reader {
  yaml_parser_t parser;
  yaml_event_t event;  // the current one
  const char *name;    // of the file; borrowed
  const char *bytes;   // borrowed
  size_t size;
  size_t understood;   // bytes of the file, up to the end of the last event
  size_t cursor, cursor_character;  // a byte, and which character it begins: marks are near each other
  void *fresh;         // struct settings, or what `keys` count in
  const knob *keys;    // (key_count) of a file without sections; otherwise NULL
  int key_count;
  size_t seen[KNOBS_MAX], seen_section[KNOBS_MAX];  // the line a knob, or its section, first stood on; 0: not yet
} reader;

typedef struct place { char text[PATH_MAX_LENGTH + 64]; } place;

static place reader_place_make(const reader *r, size_t line, size_t column) {  // counted from 0
  place p;
  snprintf(p.text, sizeof p.text, "%.*s:%zu:%zu", PATH_MAX_LENGTH, r->name, line + 1, column + 1);
  return p;
}

static place reader_place(const reader *r) {
  return reader_place_make(r, r->event.start_mark.line, r->event.start_mark.column);
}

static bool reader_begins(const reader *r, size_t at) { return (r->bytes[at] & 0xC0) != 0x80; }

// Of a byte of the file.
static place reader_place_at(const reader *r, size_t at) {
  size_t line = 0, column = 0;
  for (size_t i = 0; i < at; i++) {
    bool end = r->bytes[i] == '\n';
    line += end;
    column = end ? 0 : column + reader_begins(r, i);
  }
  return reader_place_make(r, line, column);
}

// libyaml counts characters.
static size_t reader_byte_of(reader *r, size_t character) {
  // Back or on from where it stands.
  while (r->cursor_character > character) {
    r->cursor--;
    r->cursor_character -= reader_begins(r, r->cursor);
  }

  while (r->cursor_character < character && r->cursor < r->size) {
    do r->cursor++;
    while (r->cursor < r->size && !reader_begins(r, r->cursor));
    r->cursor_character++;
  }

  return r->cursor;
}

static status reader_unseen_refuse(const reader *r, size_t from, size_t to) {
  size_t at;
  uint32_t code = utf8_unseen(r->bytes + from, to - from, &at);
  if (code) FAIL(BAD_CONFIG, "%s: " UNSEEN_WORDS, reader_place_at(r, from + at).text, code);
  return OK;
}

// The same for what stands outside of comments.
static status reader_unseen_refuse_lines(const reader *r, size_t from, size_t to) {
  for (size_t end; from < to; from = end + 1) {
    size_t comment;
    for (end = from; end < to && r->bytes[end] != '\n';) end++;
    // A comment begins with a # that stands first or after a space.
    for (comment = from; comment < end; comment++)
      if (r->bytes[comment] == '#' && (comment == 0 || strchr(" \t\n", r->bytes[comment - 1]))) break;

    TRY(reader_unseen_refuse(r, from, comment));
  }
  return OK;
}

static status reader_syntax_refuse(reader *r) {
  const yaml_parser_t *p = &r->parser;
  size_t at = reader_byte_of(r, p->problem_mark.index);
  bool tab = at < r->size && r->bytes[at] == '\t';

  // Most often it is something that nobody sees, between what was understood and here.
  size_t from = r->understood < at ? r->understood : at;
  TRY(reader_unseen_refuse_lines(r, from, at < r->size ? at + 1 : r->size));
  FAIL(BAD_CONFIG, "%s: not YAML: %s%s%s%s", reader_place_make(r, p->problem_mark.line, p->problem_mark.column).text,
       p->problem ? p->problem : "cannot be read", p->context ? " " : "", p->context ? p->context : "",
       tab ? " (a tab cannot indent here; use spaces)" : "");
}

// --- events -------------------------------------------------------------------------------------------------------

static status reader_plain_check(const reader *r, const yaml_char_t *anchor, const yaml_char_t *tag) {
  if (anchor)
    FAIL(BAD_CONFIG, "%s: found an anchor; this file may not use them, write the value", reader_place(r).text);
  if (tag)
    FAIL(BAD_CONFIG, "%s: found a tag; this file may not use them, write the plain value", reader_place(r).text);
  return OK;
}

static status reader_next(reader *r) {
  if (r->event.type != YAML_NO_EVENT) r->understood = reader_byte_of(r, r->event.end_mark.index);
  yaml_event_delete(&r->event);

  if (!yaml_parser_parse(&r->parser, &r->event)) return reader_syntax_refuse(r);

  // What YAML could say more than scalars, lists and sections is not taken.
  const yaml_event_t *e = &r->event;
  switch (e->type) {
    case YAML_ALIAS_EVENT:
      FAIL(BAD_CONFIG, "%s: found an alias; this file may not use them, write the value", reader_place(r).text);
    case YAML_SCALAR_EVENT:
      if (e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        TRY(reader_unseen_refuse(r, reader_byte_of(r, e->start_mark.index), reader_byte_of(r, e->end_mark.index)));
      return reader_plain_check(r, e->data.scalar.anchor, e->data.scalar.tag);
    case YAML_SEQUENCE_START_EVENT:
      return reader_plain_check(r, e->data.sequence_start.anchor, e->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
      return reader_plain_check(r, e->data.mapping_start.anchor, e->data.mapping_start.tag);
    default:
      return OK;
  }
}

static bool reader_is(const reader *r, yaml_event_type_t type) { return r->event.type == type; }

static scalar reader_scalar(const reader *r) {
  return (scalar){.text = (const char *)r->event.data.scalar.value,
                  .size = r->event.data.scalar.length,
                  .quoted = r->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE};
}

// "found .., wanted .."; `what` names the knob or section, or is empty at the top.
static status reader_found_refuse(const reader *r, const char *what, const char *wanted) {
  // what stands there: its value where there is one, else its kind
  text_buffer found = {0};
  if (reader_is(r, YAML_SCALAR_EVENT)) scalar_show(reader_scalar(r), &found);
  else text_add(&found, "%s", reader_is(r, YAML_SEQUENCE_START_EVENT) ? "a list" : "a section (key: value)");

  status failure = status_fail(BAD_CONFIG, "%s: %s%sfound %s, wanted %s", reader_place(r).text, what, *what ? ": " : "",
                               found.bytes, wanted);
  text_free(&found);
  return failure;
}

// --- values -------------------------------------------------------------------------------------------------------

static status reader_value_refuse(const reader *r, const knob *k) {
  text_buffer wanted = {0};
  knob_wanted(k, &wanted);
  status failure = reader_found_refuse(r, k->name, wanted.bytes);
  text_free(&wanted);
  return failure;
}

static status reader_list_refuse(const reader *r, const knob *k, int count) {
  text_buffer wanted = {0};
  knob_wanted(k, &wanted);
  status failure = status_fail(BAD_CONFIG, "%s: %s: found a list of %s%d, wanted %s", reader_place(r).text, k->name,
                               count > k->list ? "more than " : "", count > k->list ? k->list : count, wanted.bytes);
  text_free(&wanted);
  return failure;
}

static status reader_list(reader *r, const knob *k) {
  int count = 0;
  TRY(reader_next(r));

  while (!reader_is(r, YAML_SEQUENCE_END_EVENT)) {
    // One element too many is enough to say so: the list may be long.
    const char *wanted = k->type == KNOB_TEXT ? "texts only inside this list" : "numbers only inside this list";
    if (!reader_is(r, YAML_SCALAR_EVENT)) return reader_found_refuse(r, k->name, wanted);
    if (count == k->list) return reader_list_refuse(r, k, count + 1);
    TRY(knob_put(k, r->fresh, count++, reader_scalar(r), reader_place(r).text));
    TRY(reader_next(r));
  }

  return knob_list_end(k, r->fresh, count) ? OK : reader_list_refuse(r, k, count);
}

static status reader_value(reader *r, const knob *k) {
  TRY(reader_next(r));
  if (k->list && reader_is(r, YAML_SEQUENCE_START_EVENT)) return reader_list(r, k);
  bool several = k->list && k->type != KNOB_TEXT;  // a text by itself is a list of one
  if (several || !reader_is(r, YAML_SCALAR_EVENT)) return reader_value_refuse(r, k);
  TRY(knob_put(k, r->fresh, 0, reader_scalar(r), reader_place(r).text));
  if (k->list) knob_list_end(k, r->fresh, 1);
  return OK;
}

// --- keys and sections --------------------------------------------------------------------------------------------

static status reader_once_check(const reader *r, size_t *seen, const char *name) {
  if (*seen) FAIL(BAD_CONFIG, "%s: %s stands here again; first on line %zu", reader_place(r).text, name, *seen);
  *seen = r->event.start_mark.line + 1;
  return OK;
}

static size_t reader_row_of(const knob *k) {
  int count;
  return (size_t)(k - knob_table(&count));
}

static bool reader_name_here(const reader *r) {  // a scalar without NULs
  return reader_is(r, YAML_SCALAR_EVENT) && strlen(reader_scalar(r).text) == reader_scalar(r).size;
}

static status reader_key(reader *r, const char *section) {
  if (!reader_name_here(r)) return reader_found_refuse(r, section, "a key");
  const char *key = reader_scalar(r).text;

  // In the table a knob has its section's name before it.
  text_buffer name = {0};
  text_add(&name, "%s.%s", section, key);
  const knob *k = knob_find(name.bytes);
  status result = k ? reader_once_check(r, &r->seen[reader_row_of(k)], k->name)
                    : knob_unknown(reader_place(r).text, name.bytes);
  text_free(&name);

  if (result != OK) return result;
  return reader_value(r, k);
}

static const knob *reader_key_find(const reader *r, const char *name) {
  for (int i = 0; i < r->key_count; i++)
    if (strcmp(r->keys[i].name, name) == 0) return &r->keys[i];
  return NULL;
}

static status reader_key_alone(reader *r) {
  if (!reader_name_here(r)) return reader_found_refuse(r, "", "a key");
  const knob *k = reader_key_find(r, reader_scalar(r).text);
  if (!k) return knob_unknown_of(r->keys, r->key_count, reader_place(r).text, reader_scalar(r).text);
  TRY(reader_once_check(r, &r->seen[k - r->keys], k->name));
  return reader_value(r, k);
}

static status reader_section(reader *r) {
  if (!reader_name_here(r)) return reader_found_refuse(r, "", "a section's name");

  char section[32];
  snprintf(section, sizeof section, "%s", reader_scalar(r).text);
  const knob *first = knob_section(section);

  // A whole knob's name where a section's is wanted: --set is written so.
  if (knob_find(section))
    FAIL(BAD_CONFIG, "%s: %s: in a file the section stands on one line and its keys, indented, below it",
         reader_place(r).text, section);
  if (!first) return knob_unknown(reader_place(r).text, reader_scalar(r).text);

  TRY(reader_once_check(r, &r->seen_section[reader_row_of(first)], section));
  TRY(reader_next(r));
  bool nothing = reader_is(r, YAML_SCALAR_EVENT) && reader_scalar(r).size == 0 && !reader_scalar(r).quoted;
  if (nothing) return OK;  // all its keys commented out
  if (!reader_is(r, YAML_MAPPING_START_EVENT)) return reader_found_refuse(r, section, "keys, indented below it");

  TRY(reader_next(r));
  while (!reader_is(r, YAML_MAPPING_END_EVENT)) {
    TRY(reader_key(r, section));
    TRY(reader_next(r));
  }
  return OK;
}

static status reader_document(reader *r) {
  // The stream begins, the document begins.
  TRY(reader_next(r));
  TRY(reader_next(r));
  if (reader_is(r, YAML_STREAM_END_EVENT))
    FAIL(BAD_CONFIG, "%s: holds no settings%s", r->name, r->keys ? "" : "; {} would mean the defaults");

  // One document, one mapping.
  const char *wanted = r->keys ? "keys and values" : "sections, such as run: and evolve:";
  TRY(reader_next(r));
  if (!reader_is(r, YAML_MAPPING_START_EVENT)) return reader_found_refuse(r, "", wanted);
  TRY(reader_next(r));

  while (!reader_is(r, YAML_MAPPING_END_EVENT)) {
    TRY(r->keys ? reader_key_alone(r) : reader_section(r));
    TRY(reader_next(r));
  }
  TRY(reader_next(r));
  TRY(reader_next(r));
  if (!reader_is(r, YAML_STREAM_END_EVENT))
    FAIL(BAD_CONFIG, "%s: found a second document, wanted one", reader_place(r).text);
  return OK;
}

// --- bytes --------------------------------------------------------------------------------------------------------

// libyaml would refuse bad bytes too, but without a line.
static status reader_bytes_check(const reader *r) {
  size_t good = utf8_span(r->bytes, r->size, true);
  if (good == r->size) return OK;

  // Whole characters that do not belong into texts have a number; all else is a byte.
  uint32_t code;
  unsigned char bad = (unsigned char)r->bytes[good];
  if (bad >= 0x80 && text_character(r->bytes + good, r->size - good, &code) > 0)
    FAIL(BAD_CONFIG, "%s: found U+%04X, a character that no text has here; remove it", reader_place_at(r, good).text,
         code);
  FAIL(BAD_CONFIG, "%s: found byte 0x%02x, wanted UTF-8 text%s", reader_place_at(r, good).text, bad,
       bad < 0x80 ? " without control characters" : "");
}

static status reader_bytes(reader *r, const char *bytes, size_t size) {
  if (size > CONFIG_BYTES_MAX)
    FAIL(BAD_CONFIG, "%s: has %zu bytes, wanted a configuration of at most %zu", r->name, size, CONFIG_BYTES_MAX);

  size_t mark = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;  // the byte order mark of some editors
  r->bytes = bytes + mark;
  r->size = size - mark;
  TRY(reader_bytes_check(r));

  // What libyaml sees is UTF-8 and holds no surprises.
  CHECK(yaml_parser_initialize(&r->parser), "out of memory");
  yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->bytes, r->size);
  status result = reader_document(r);

  yaml_event_delete(&r->event);
  yaml_parser_delete(&r->parser);
  return result;
}

status config_yaml_read(settings *s, const char *name, const char *bytes, size_t size) {
  settings fresh = *s;
  reader r = {.name = name, .fresh = &fresh};
  TRY(reader_bytes(&r, bytes, size));
  *s = fresh;
  return OK;
}

status config_yaml_keys(const knob *table, int count, void *fields, const char *name, const char *bytes, size_t size) {
  CHECK(count <= KNOBS_MAX, "%d keys", count);
  reader r = {.name = name, .fresh = fields, .keys = table, .key_count = count};
  return reader_bytes(&r, bytes, size);
}

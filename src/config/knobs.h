// Private to config: the table of knobs, and how one scalar gets in and out of its place.
#ifndef CONFIG_KNOBS_H
#define CONFIG_KNOBS_H

#include "base.h"
#include "config.h"

typedef enum knob_type { KNOB_INT, KNOB_INT64, KNOB_REAL, KNOB_BOOL, KNOB_WORD, KNOB_TEXT } knob_type;

typedef struct knob {
  const char *name;          // section.key
  knob_type type;
  size_t offset;             // in struct settings, or in struct control
  int list;                  // elements of a list, of texts at most; 0: one scalar
  double least, most;        // inclusive; numbers only
  const char *const *words;  // the word of each enum value, NULL at the end; KNOB_WORD only
  const char *initial;       // the default, written as in YAML
  const char *sentence;      // what it is, with its unit and source
  unsigned decides;          // bits of enum config_decides
} knob;

#define KNOBS_MAX 128
const knob *knob_table(int *count);                   // in the order of struct settings
const knob *knob_find(const char *name);              // NULL if unknown
const char *knob_key(const knob *k);                  // the part after the dot
bool knob_inside(const knob *k, const char *section);
bool knob_opens(const knob *k);                       // the first of its section
const knob *knob_section(const char *section);        // the first inside; NULL if there is no such section

#define PLACE_DEFAULT "default"  // of the values in the table itself
typedef struct scalar {
  const char *text;  // NUL-terminated, but may hold NULs before its end
  size_t size;
  bool quoted;
} scalar;
// BAD_CONFIG: `name` is no knob (or, without a dot, no section). Says which one is near, or what there is.
status knob_unknown(const char *place, const char *name);
// The same for a table without sections.
status knob_unknown_of(const knob *table, int count, const char *place, const char *name);
// Puts one scalar into the knob's place in `fields`, the struct its offset counts in (element `index` of a list).
// BAD_CONFIG: "place: knob: found .., wanted ..".
status knob_put(const knob *k, void *fields, int index, scalar v, const char *place);
// After so many elements of a list: are they enough? Of texts the rest are none.
bool knob_list_end(const knob *k, void *fields, int count);
const char *knob_place(const knob *k);  // the last `place` of a knob of the table; NULL: PLACE_DEFAULT
// Puts a value written on a line of its own: a scalar taken as it stands, or [a, b, ..] for a list.
status knob_put_line(const knob *k, void *fields, const char *line, const char *place);
// Takes `key=value` or `key: value` apart, for knob_put_line. BAD_CONFIG where there is neither sign.
typedef struct knob_line {
  char place[128];    // for messages: --set and the words, shown
  char key[64];       // cut if it is longer, and then unknown
  const char *value;  // borrowed
} knob_line;
status knob_line_read(knob_line *a, const char *words, const char *example);
void knob_show(const knob *k, const void *fields, text_buffer *out);  // as YAML that reads back equal
void knob_json(const knob *k, const settings *s, text_buffer *out);
void knob_wanted(const knob *k, text_buffer *out);                   // "a whole number from 1 to 64"
void bytes_show(const char *bytes, size_t size, text_buffer *out);   // for messages: clipped, no control characters
void scalar_show(scalar v, text_buffer *out);                        // the same in quotes, or "nothing"

// The number of bytes at the start of `bytes` that are UTF-8 text which YAML may hold unescaped; line ends and tabs
// only with `lines`.
size_t utf8_span(const char *bytes, size_t size, bool lines);
// The first character that looks like a space or like nothing, such as U+00A0, and where it is; 0: there is none.
uint32_t utf8_unseen(const char *bytes, size_t size, size_t *at);
#define UNSEEN_WORDS \
  "found U+%04X, which looks like a space or like nothing; remove it, or put the text in quotes if it is meant"

#endif

// The words of messages and comments about knobs: what was found, what is wanted, what is near.

#include <string.h>

#include "knobs.h"

#define SHOWN_BYTES 60

void bytes_show(const char *bytes, size_t size, text_buffer *out) {
  size_t shown = size < SHOWN_BYTES ? size : SHOWN_BYTES;
  while (shown < size && shown > 0 && (bytes[shown] & 0xC0) == 0x80) shown--;  // no half characters

  // What nobody would see is shown by its number; control characters, which a terminal obeys, as question marks.
  for (size_t i = 0; i < shown;) {
    size_t plain;
    uint32_t code = utf8_unseen(bytes + i, shown - i, &plain), skipped;
    for (size_t end = i + plain; i < end; i++) {
      unsigned char c = (unsigned char)bytes[i];
      text_add(out, "%c", c < 0x20 || c == 0x7F ? '?' : c);
    }
    if (!code) break;
    text_add(out, "<U+%04X>", code);
    i += text_character(bytes + i, shown - i, &skipped);
  }

  text_add(out, "%s", shown < size ? "..." : "");
}

void scalar_show(scalar v, text_buffer *out) {
  if (v.size == 0) {
    text_add(out, "%s", v.quoted ? "an empty text" : "nothing");
    return;
  }
  text_add(out, "\"");
  bytes_show(v.text, v.size, out);
  text_add(out, "\"");
}

static void words_range(const knob *k, text_buffer *out) {
  if (k->type == KNOB_REAL) text_add(out, "from %g to %g", k->least, k->most);
  else text_add(out, "from %.0f to %.0f", k->least, k->most);
}

static void words_list(const knob *k, text_buffer *out) {
  for (int i = 0; k->words[i]; i++) text_add(out, "%s%s", i == 0 ? "" : k->words[i + 1] ? ", " : " or ", k->words[i]);
}

void knob_wanted(const knob *k, text_buffer *out) {
  switch (k->type) {
    case KNOB_INT:
    case KNOB_INT64:
      if (k->list) text_add(out, "a list of %d whole numbers ", k->list);
      else text_add(out, "a whole number ");
      words_range(k, out);
      if (k->list) text_add(out, ", such as %s", k->initial);
      return;
    case KNOB_REAL:
      text_add(out, "a number ");
      words_range(k, out);
      return;
    case KNOB_BOOL:
      text_add(out, "true or false");
      return;
    case KNOB_WORD:
      words_list(k, out);
      return;
    case KNOB_TEXT:
      if (k->list) text_add(out, "a list of up to %d texts of 1 to %d printable bytes", k->list, CONFIG_TEXT - 1);
      else text_add(out, "text of 1 to %d printable bytes", CONFIG_TEXT - 1);
      return;
  }
}

// --- unknown names ------------------------------------------------------------------------------------------------

static void words_sections(char words[KNOBS_MAX][32], const char *pointers[KNOBS_MAX], int *used) {
  int count;
  const knob *table = knob_table(&count);

  *used = 0;
  for (int i = 0; i < count; i++) {
    // the first knob of a section gives its name
    if (!knob_opens(&table[i])) continue;
    snprintf(words[*used], sizeof words[*used], "%.*s", (int)strcspn(table[i].name, "."), table[i].name);
    pointers[*used] = words[*used];
    ++*used;
  }
}

static void words_sections_add(text_buffer *out) {
  char words[KNOBS_MAX][32];
  const char *pointers[KNOBS_MAX];
  int used;
  words_sections(words, pointers, &used);
  text_add(out, "known sections: ");
  for (int i = 0; i < used; i++) text_add(out, "%s%s", i ? ", " : "", words[i]);
}

static void words_keys_add(const char *section, text_buffer *out) {
  int count, used = 0;
  const knob *table = knob_table(&count);
  text_add(out, "known keys of %s: ", section);
  for (int i = 0; i < count; i++)
    if (knob_inside(&table[i], section)) text_add(out, "%s%s", used++ ? ", " : "", knob_key(&table[i]));
}

// The knob whose key is exactly `key`, in whatever section.
static const knob *words_key_elsewhere(const char *key) {
  int count;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++)
    if (strcmp(knob_key(&table[i]), key) == 0) return &table[i];
  return NULL;
}

static const char *words_name_nearest(const char *name) {
  const char *names[KNOBS_MAX];
  int count;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++) names[i] = table[i].name;
  return text_nearest(name, names, count);
}

// By its key alone: the section, which is right, would make everything in it look near.
static const char *words_key_nearest(const char *section, const char *key) {
  const char *keys[KNOBS_MAX];
  int count, used = 0;
  const knob *table = knob_table(&count);
  for (int i = 0; i < count; i++)
    if (knob_inside(&table[i], section)) keys[used++] = knob_key(&table[i]);
  return text_nearest(key, keys, used);
}

static void words_knob_hint(const char *name, text_buffer *out) {
  char section[32];
  size_t size = strcspn(name, ".");
  snprintf(section, sizeof section, "%.*s", (int)size, name);

  // What is near among the section's keys, else where else that key stands, else what there is.
  bool known = knob_section(section) != NULL;
  const char *near = known ? words_key_nearest(section, name + size + 1) : words_name_nearest(name);
  const knob *other = words_key_elsewhere(name + size + 1);

  if (near) text_add(out, "nearest known: %s%s%s", known ? section : "", known ? "." : "", near);
  else if (other) text_add(out, "nearest known: %s", other->name);
  else if (known) words_keys_add(section, out);
  else words_sections_add(out);
}

static void words_section_hint(const char *name, text_buffer *out) {
  char words[KNOBS_MAX][32];
  const char *pointers[KNOBS_MAX];
  int used;
  words_sections(words, pointers, &used);

  const char *near = text_nearest(name, pointers, used);
  const knob *other = words_key_elsewhere(name);

  // Most often a key that was written without its section.
  if (other) text_add(out, "nearest known: %s", other->name);
  else if (knob_section(name)) words_keys_add(name, out);
  else if (near) text_add(out, "nearest known: %s", near);
  else words_sections_add(out);
}

status knob_unknown(const char *place, const char *name) {
  text_buffer shown = {0}, hint = {0};
  scalar_show((scalar){name, strlen(name), false}, &shown);

  // With a dot it was meant for a knob, without one for a section.
  if (strchr(name, '.')) words_knob_hint(name, &hint);
  else words_section_hint(name, &hint);
  const char *what = knob_section(name) ? "found the section" : "unknown key";

  status failure = status_fail(BAD_CONFIG, "%s: %s %s; %s", place, what, shown.bytes, hint.bytes);

  text_free(&shown);
  text_free(&hint);
  return failure;
}

status knob_unknown_of(const knob *table, int count, const char *place, const char *name) {
  const char *names[KNOBS_MAX];
  text_buffer shown = {0}, known = {0};

  for (int i = 0; i < count; i++) {
    names[i] = table[i].name;
    text_add(&known, "%s%s", i ? ", " : "known keys: ", names[i]);
  }

  // a misspelt key is the usual case: the nearest one helps more than the whole list
  const char *near = text_nearest(name, names, count);
  scalar_show((scalar){name, strlen(name), false}, &shown);
  status failure = status_fail(BAD_CONFIG, "%s: unknown key %s; %s%s", place, shown.bytes,
                               near ? "nearest known: " : "", near ? near : known.bytes);

  text_free(&shown);
  text_free(&known);
  return failure;
}

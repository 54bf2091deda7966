// Words of a command line: split as a shell splits them, gathered in a list of any length, read as numbers.

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

// --- a list --------------------------------------------------------------------------------------------------------

void words_add(word_list *l, const char *word) {
  if (l->count + 2 > l->room) {
    int room = 2 * l->room + 16;
    char **more = mem_take((size_t)room, sizeof *more);
    if (l->count) memcpy(more, l->words, (size_t)l->count * sizeof *more);
    mem_free(l->words);
    l->words = more;
    l->room = room;
  }
  l->words[l->count++] = strcpy(mem_take(strlen(word) + 1, 1), word);
  l->words[l->count] = NULL;
}

void words_free(word_list *l) {
  for (int i = 0; i < l->count; i++) mem_free(l->words[i]);
  mem_free(l->words);
  *l = (word_list){0};
}

// --- splitting -----------------------------------------------------------------------------------------------------

static bool words_is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// One word from *at on, without its quotes; *quote is what is still open at its end, 0: nothing.
static void words_take(char *word, const char **at, char *quote) {
  const char *c = *at;
  for (*quote = 0; *c && (*quote || !words_is_blank(*c)); c++) {
    bool escapes = *c == '\\' && *quote != '\'' && (!*quote || c[1] == '"' || c[1] == '\\');
    if (escapes) {
      if (!c[1]) *quote = '\\';
      if (c[1]) *word++ = *++c;
    } else if (*quote ? *c == *quote : *c == '"' || *c == '\'') {
      *quote = *quote ? 0 : *c;
    } else {
      *word++ = *c;
    }
  }
  *word = 0;
  *at = c;
}

status words_split(word_list *l, const char *text, const char *option) {
  char *word = mem_take(strlen(text) + 1, 1);
  char quote = 0;
  const char *at = text;
  for (at += strspn(at, " \t\r\n"); *at && !quote; at += strspn(at, " \t\r\n")) {
    words_take(word, &at, &quote);
    if (!quote) words_add(l, word);
  }
  mem_free(word);
  if (quote == '\\') FAIL(USAGE, "%s: '%s' ends with a backslash, which quotes what follows it", option, text);
  if (quote) FAIL(USAGE, "%s: in '%s' a %c is opened and never closed", option, text, quote);
  return OK;
}

// --- numbers -------------------------------------------------------------------------------------------------------

bool number_whole(int *out, const char *text, int least, int most) {
  char *end;
  size_t digits = strspn(text, "0123456789");
  if (!digits || text[digits]) return false;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno || value < least || value > most) return false;
  *out = (int)value;
  return true;
}

bool number_seconds(double *out, const char *text, double most) {
  char *end;
  if (!*text || text[strspn(text, "0123456789.eE+-")]) return false;
  double value = strtod(text, &end);
  if (*end || !isfinite(value) || !(value > 0) || value > most) return false;
  *out = value;
  return true;
}

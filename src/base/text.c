// Characters and sentences in bytes that others own, and the nearest word. Looks at nothing else.

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base.h"

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

void text_rate(char out[32], double rate) {
  int decimals = rate < 1 ? 3 : rate < 10 ? 2 : rate < 100 ? 1 : 0;
  bool shown = isfinite(rate) && fabs(rate) < 1e15;
  int size = shown ? snprintf(out, 32, "%.*f", decimals, rate) : snprintf(out, 32, "?");

  // a comma before every third digit from the right
  for (int at = size - 3; !decimals && at > 0; at -= 3, size++) {
    memmove(out + at + 1, out + at, (size_t)(size - at) + 1);
    out[at] = ',';
  }
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

  // the first of equally near ones: the order of the table decides
  for (int i = 0; i < count; i++) {
    int distance = text_distance(word, words[i]);
    if (distance < least) {
      least = distance;
      best = words[i];
    }
  }

  return best;
}

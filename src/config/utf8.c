// What a text of a configuration may hold, and what in it nobody would see.

#include "knobs.h"

// YAML 1.1 section 4.1.1, without the byte order mark and the exotic line ends, which a reader would change.
static bool utf8_printable(uint32_t c, bool lines) {
  if (c == '\t' || c == '\n' || c == '\r') return lines;
  if (c == 0x85 || c == 0x2028 || c == 0x2029) return lines;
  return (c >= 0x20 && c < 0x7F) || (c >= 0xA0 && c != 0xFEFF && (c & 0xFFFE) != 0xFFFE);
}

size_t utf8_span(const char *bytes, size_t size, bool lines) {
  size_t at = 0;

  while (at < size) {
    uint32_t code;
    size_t step = text_character(bytes + at, size - at, &code);
    // 0: no character of UTF-8 begins here
    if (step == 0 || !utf8_printable(code, lines)) break;
    at += step;
  }

  return at;
}

// What looks like a space, or like nothing: nobody sees why such a text is not the one it seems to be.
static bool utf8_looks_empty(uint32_t c) {
  static const struct { uint32_t first, last; } ranges[] = {
      {0x85, 0x85},     {0xA0, 0xA0},     {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},   {0x115F, 0x1160},
      {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F}, {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},
      {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xFE00, 0xFE0F}, {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},
      {0xFFF0, 0xFFF8}, {0xE0000, 0xE0FFF}};

  for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
    if (c >= ranges[i].first && c <= ranges[i].last) return true;
  return false;
}

uint32_t utf8_unseen(const char *bytes, size_t size, size_t *at) {
  uint32_t code = 0;
  for (*at = 0; *at < size;) {
    size_t step = text_character(bytes + *at, size - *at, &code);
    if (step > 0 && utf8_looks_empty(code)) return code;
    *at += step > 0 ? step : 1;
  }
  return 0;
}

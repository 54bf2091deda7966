// Canvas, text and sheets: see draw.h.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data.h"
#include "draw.h"

// --- a canvas ------------------------------------------------------------------------------------------------------

const colour draw_paper = {255, 255, 255}, draw_ink = {20, 20, 20}, draw_faint = {90, 90, 90};
const colour draw_nothing = {232, 232, 232};

static uint8_t *canvas_at(const canvas *c, int row, int column) {
  return c->rgb + ((size_t)row * c->columns + column) * 3;
}

canvas canvas_open(int rows, int columns, colour ground) {
  canvas c = {.rows = rows, .columns = columns, .rgb = mem_take((size_t)rows * columns, 3)};
  canvas_box(&c, 0, 0, rows, columns, ground);
  return c;
}

void canvas_close(canvas *c) { mem_free(c->rgb); }

static void canvas_dot(canvas *c, int row, int column, colour ink) {
  if (row < 0 || row >= c->rows || column < 0 || column >= c->columns) return;
  memcpy(canvas_at(c, row, column), &ink, 3);
}

void canvas_box(canvas *c, int top, int left, int rows, int columns, colour ink) {
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++) canvas_dot(c, top + y, left + x, ink);
}

void canvas_line(canvas *c, int top, int left, int to_top, int to_left, colour ink) {
  int steps = int_max(abs(to_top - top), abs(to_left - left));
  for (int i = 0; i <= steps; i++) {
    double share = steps ? (double)i / steps : 0;
    int row = top + (int)lround(share * (to_top - top)), column = left + (int)lround(share * (to_left - left));
    canvas_dot(c, row, column, ink);
  }
}

void canvas_image(canvas *c, int top, int left, const uint8_t *rgb, int rows, int columns, int scale) {
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++) {
      const uint8_t *p = rgb + ((size_t)y * columns + x) * 3;
      canvas_box(c, top + y * scale, left + x * scale, scale, scale, (colour){p[0], p[1], p[2]});
    }
}

// --- text ----------------------------------------------------------------------------------------------------------

static void canvas_character(canvas *c, int top, int left, uint32_t code, int scale, colour ink) {
  for (int y = 0; y < FONT_ROWS; y++)
    for (int x = 0; x < FONT_COLUMNS; x++)
      if (font_pixel(code, y, x)) canvas_box(c, top + y * scale, left + x * scale, scale, scale, ink);
}

// The next character's code; bytes that are not UTF-8 count one by one.
static uint32_t text_next(const char **text) {
  uint32_t code = 0;
  size_t size = text_character(*text, strlen(*text), &code);
  *text += size ? size : 1;
  return size ? code : '?';
}

void canvas_text(canvas *c, int top, int left, const char *text, int scale, colour ink) {
  for (int x = left; *text; x += FONT_ADVANCE * scale) canvas_character(c, top, x, text_next(&text), scale, ink);
}

int draw_text_columns(const char *text, int scale) {
  int n = 0;
  while (*text) {
    text_next(&text);
    n++;
  }
  return n ? (n * FONT_ADVANCE - 1) * scale : 0;
}

// --- a sheet -------------------------------------------------------------------------------------------------------

enum { MARGIN = 14, GAP = 4, TITLE_SCALE = 3, TEXT_SCALE = 2, LINE = FONT_LINE * TEXT_SCALE, BAND_GAP = 10 };

static int tile_height(const sheet_shape *s) { return s->tile_rows * s->scale + GAP; }
static int tile_width(const sheet_shape *s) { return s->tile_columns * s->scale + GAP; }
static int band_height(const sheet_shape *s) { return LINE + s->rows * tile_height(s) + BAND_GAP; }
static int row_top(const sheet *s, int band, int row) {
  return s->top + band * band_height(&s->shape) + LINE + row * tile_height(&s->shape);
}
static int column_left(const sheet *s, int column) { return s->left + column * tile_width(&s->shape); }

// Names of bands ("episode 1234") stand in the same margin as those of rows.
static int names_width(const sheet_shape *s) {
  int width = draw_text_columns("episode 12345", TEXT_SCALE);
  for (int r = 0; r < s->rows; r++) width = int_max(width, draw_text_columns(s->row_names[r], TEXT_SCALE));
  return width;
}

static int words_count(const sheet_shape *s) {
  int n = 0;
  while (n < SHEET_WORDS_MAX && s->words[n]) n++;
  return n;
}

static int sheet_width(const sheet_shape *s, int left) {
  int width = int_max(left + s->columns * tile_width(s), MARGIN + draw_text_columns(s->title, TITLE_SCALE));
  for (int i = 0; i < words_count(s); i++) width = int_max(width, MARGIN + draw_text_columns(s->words[i], TEXT_SCALE));
  return width + MARGIN;
}

sheet sheet_open(const sheet_shape *shape) {
  sheet s = {.shape = *shape, .left = MARGIN + names_width(shape) + MARGIN};
  int words = words_count(shape), row = MARGIN + FONT_LINE * TITLE_SCALE + 4;
  s.top = row + words * LINE + 8;
  int rows = s.top + shape->bands * band_height(shape) + MARGIN - BAND_GAP;
  s.c = canvas_open(rows, sheet_width(shape, s.left), draw_paper);

  canvas_text(&s.c, MARGIN, MARGIN, shape->title, TITLE_SCALE, draw_ink);
  for (int i = 0; i < words; i++) canvas_text(&s.c, row + i * LINE, MARGIN, shape->words[i], TEXT_SCALE, draw_faint);

  // The names of rows, level with their tiles' middles.
  int middle = (shape->tile_rows * shape->scale - FONT_ROWS * TEXT_SCALE) / 2;
  for (int b = 0; b < shape->bands; b++)
    for (int r = 0; r < shape->rows; r++)
      canvas_text(&s.c, row_top(&s, b, r) + middle, MARGIN, shape->row_names[r], TEXT_SCALE, draw_ink);
  return s;
}

void sheet_band_name(sheet *s, int band, const char *name) {
  canvas_text(&s->c, row_top(s, band, 0) - LINE + 2, MARGIN, name, TEXT_SCALE, draw_faint);
}

void sheet_column_name(sheet *s, int band, int column, const char *name) {
  canvas_text(&s->c, row_top(s, band, 0) - LINE + 2, column_left(s, column), name, TEXT_SCALE, draw_faint);
}

void sheet_tile(sheet *s, int band, int row, int column, const uint8_t *rgb) {
  const sheet_shape *of = &s->shape;
  canvas_image(&s->c, row_top(s, band, row), column_left(s, column), rgb, of->tile_rows, of->tile_columns, of->scale);
}

void draw_bytes(uint8_t *bytes, const float *image, size_t count) {
  for (size_t i = 0; i < count; i++) bytes[i] = (uint8_t)(fminf(fmaxf(image[i], 0), 1) * 255 + 0.5f);
}

void sheet_tile_float(sheet *s, int band, int row, int column, const float *image) {
  int n = s->shape.tile_rows * s->shape.tile_columns * 3;
  uint8_t *bytes = mem_take((size_t)n, 1);
  draw_bytes(bytes, image, (size_t)n);
  sheet_tile(s, band, row, column, bytes);
  mem_free(bytes);
}

void sheet_empty(sheet *s, int band, int row, int column, const char *why) {
  int rows = s->shape.tile_rows * s->shape.scale, columns = s->shape.tile_columns * s->shape.scale;
  int top = row_top(s, band, row), left = column_left(s, column);
  canvas_box(&s->c, top, left, rows, columns, draw_nothing);
  int free_rows = rows - FONT_ROWS * TEXT_SCALE, free_columns = columns - draw_text_columns(why, TEXT_SCALE);
  canvas_text(&s->c, top + free_rows / 2, left + free_columns / 2,
              why, TEXT_SCALE, draw_faint);
}

status sheet_write(sheet *s, const char *path) {
  status done = data_png_write(path, s->c.rgb, s->c.rows, s->c.columns);
  canvas_close(&s->c);
  return done;
}

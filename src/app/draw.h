// Pictures made of pixels: a canvas with text in a font of our own, and a sheet of labelled tiles on it.
#ifndef APP_DRAW_H
#define APP_DRAW_H

#include "base.h"

// --- the font: 5 x 7 pixels, two more below the line; ASCII, and the sign of plus or minus -------------------------
enum { FONT_ROWS = 9, FONT_COLUMNS = 5, FONT_ADVANCE = 6, FONT_LINE = 11 };  // pixels at scale 1
bool font_pixel(uint32_t code, int row, int column);  // of a character; one that the font lacks is a question mark

// --- a canvas ------------------------------------------------------------------------------------------------------
typedef struct colour {
  uint8_t r, g, b;
} colour;
extern const colour draw_paper, draw_ink, draw_faint, draw_nothing;
typedef struct canvas {
  int rows, columns;  // pixels
  uint8_t *rgb;       // (rows, columns, 3), owned
} canvas;
canvas canvas_open(int rows, int columns, colour ground);
void canvas_close(canvas *c);
// What would be outside the canvas is left out.
void canvas_box(canvas *c, int top, int left, int rows, int columns, colour ink);
void canvas_line(canvas *c, int top, int left, int to_top, int to_left, colour ink);  // one pixel wide, both ends too
void canvas_image(canvas *c, int top, int left, const uint8_t *rgb, int rows, int columns, int scale);
void canvas_text(canvas *c, int top, int left, const char *text, int scale, colour ink);  // UTF-8
int draw_text_columns(const char *text, int scale);                                            // its width in pixels
void draw_bytes(uint8_t *bytes, const float *image, size_t count);  // from [0, 1], what is beyond cut

// --- a sheet: bands of rows of tiles, everything with its name -----------------------------------------------------
#define SHEET_ROWS_MAX 4
#define SHEET_WORDS_MAX 4
typedef struct sheet_shape {
  const char *title;
  const char *words[SHEET_WORDS_MAX];     // lines below the title; NULL: no more
  int bands, rows, columns;               // of tiles; rows: of a band
  int tile_rows, tile_columns, scale;     // a tile's pixels, and how large each becomes
  const char *row_names[SHEET_ROWS_MAX];  // (rows)
} sheet_shape;

typedef struct sheet {
  sheet_shape shape;  // its texts are not owned
  canvas c;
  int top, left;      // of the first band, of the first tile
} sheet;
sheet sheet_open(const sheet_shape *s);
void sheet_band_name(sheet *s, int band, const char *name);               // left of the columns' names
void sheet_column_name(sheet *s, int band, int column, const char *name); // above the tiles
void sheet_tile(sheet *s, int band, int row, int column, const uint8_t *rgb);
void sheet_tile_float(sheet *s, int band, int row, int column, const float *image);  // in [0, 1]
void sheet_empty(sheet *s, int band, int row, int column, const char *why);
status sheet_write(sheet *s, const char *path);                           // and closes it

#endif

// Text on canvases and sheets, and where it comes to stand; CSV files as they may be. With FILE.png WORDS... it says
// whether each of the words is drawn in that picture, so that scripts can ask.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/app/draw.c"
#include "../../src/app/draw_font.c"
#include "../../src/run/table.c"

// --- reading text back ---------------------------------------------------------------------------------------------

// The pixel is ink where it is much darker than the paper.
static bool is_dark(const canvas *c, int row, int column) {
  if (row < 0 || row >= c->rows || column < 0 || column >= c->columns) return false;
  return canvas_at(c, row, column)[1] < 128;
}

static bool character_is_at(const canvas *c, int top, int left, uint32_t code, int scale) {
  for (int y = 0; y < FONT_ROWS; y++)
    for (int x = 0; x < FONT_COLUMNS; x++)
      if (is_dark(c, top + y * scale, left + x * scale) != font_pixel(code, y, x)) return false;
  return true;
}

static bool text_is_at(const canvas *c, int top, int left, const char *text, int scale) {
  for (int x = left; *text; x += FONT_ADVANCE * scale)
    if (!character_is_at(c, top, x, text_next(&text), scale)) return false;
  return true;
}

static bool text_is_in(const canvas *c, const char *text, int scale) {
  for (int top = 0; top + FONT_ROWS * scale <= c->rows; top++)
    for (int left = 0; left + draw_text_columns(text, scale) <= c->columns; left++)
      if (text_is_at(c, top, left, text, scale)) return true;
  return false;
}

static bool png_read(canvas *c, const char *path) {
  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_file(&image, path)) return false;
  image.format = PNG_FORMAT_RGB;
  *c = canvas_open((int)image.height, (int)image.width, draw_paper);
  return png_image_finish_read(&image, NULL, c->rgb, 0, NULL) != 0;
}

static int png_says(const char *path, char **words) {
  canvas c;
  if (!png_read(&c, path)) return fprintf(stderr, "%s: cannot be read\n", path), 2;
  for (; *words; words++)
    if (!text_is_in(&c, *words, TEXT_SCALE) && !text_is_in(&c, *words, TITLE_SCALE))
      return fprintf(stderr, "%s: \"%s\" is not in it\n", path, *words), 1;
  return 0;
}

// --- tests ---------------------------------------------------------------------------------------------------------

static void every_character_has_its_own_shape(void **state) {
  (void)state;
  canvas c = canvas_open(FONT_ROWS, FONT_ADVANCE, draw_paper);
  for (uint32_t code = 32; code < 127; code++) {
    char text[2] = {(char)code};
    canvas_box(&c, 0, 0, c.rows, c.columns, draw_paper);
    canvas_text(&c, 0, 0, text, 1, draw_ink);
    for (uint32_t other = 32; other < 127; other++) assert_true(character_is_at(&c, 0, 0, other, 1) == (code == other));
  }
  canvas_close(&c);
}

static void beyond_ascii(void **state) {
  (void)state;
  assert_int_equal(draw_text_columns("3 ± 1", 2), draw_text_columns("3 + 1", 2));
  canvas c = canvas_open(FONT_ROWS, 4 * FONT_ADVANCE, draw_paper);
  canvas_text(&c, 0, 0, "±ä\xff", 1, draw_ink);
  assert_true(character_is_at(&c, 0, 0, 0xB1, 1));
  assert_true(text_is_at(&c, 0, FONT_ADVANCE, "??", 1));
  assert_false(text_is_at(&c, 0, 0, "?", 1));
  canvas_close(&c);
}

static void what_is_outside_is_left_out(void **state) {
  (void)state;
  uint8_t image[4 * 4 * 3] = {0};
  canvas c = canvas_open(10, 10, draw_paper);
  canvas_text(&c, -3, -3, "words that are too long", 4, draw_ink);
  canvas_text(&c, 1000, 5, "x", 1, draw_ink);
  canvas_image(&c, 8, -2, image, 4, 4, 2);
  canvas_box(&c, -5, -5, 100, 100, draw_ink);
  assert_true(is_dark(&c, 0, 0) && is_dark(&c, 9, 9));
  canvas_close(&c);
}

static const sheet_shape three = {.title = "A title",
                                  .words = {"first words", "and second ones, which are wider than all the tiles"},
                                  .bands = 2,
                                  .rows = 3,
                                  .columns = 2,
                                  .tile_rows = 20,
                                  .tile_columns = 30,
                                  .scale = 2,
                                  .row_names = {"reality", "a longer name", "dream"}};

static void a_sheet_has_every_name_where_it_belongs(void **state) {
  (void)state;
  sheet s = sheet_open(&three);
  int middle = (40 - FONT_ROWS * TEXT_SCALE) / 2;
  sheet_column_name(&s, 1, 1, "+20");
  sheet_band_name(&s, 1, "episode 7");
  sheet_empty(&s, 1, 2, 0, "out");
  assert_true(text_is_at(&s.c, MARGIN, MARGIN, "A title", TITLE_SCALE));
  assert_true(text_is_in(&s.c, three.words[0], TEXT_SCALE) && text_is_in(&s.c, three.words[1], TEXT_SCALE));
  for (int band = 0; band < 2; band++)
    for (int row = 0; row < 3; row++)
      assert_true(text_is_at(&s.c, row_top(&s, band, row) + middle, MARGIN, three.row_names[row], TEXT_SCALE));

  // Names of columns stand above their tiles, not in them, and names of rows end left of them.
  assert_true(text_is_at(&s.c, row_top(&s, 1, 0) - LINE + 2, column_left(&s, 1), "+20", TEXT_SCALE));
  assert_true(LINE - 2 >= FONT_ROWS * TEXT_SCALE);
  assert_true(MARGIN + draw_text_columns("a longer name", TEXT_SCALE) < s.left);
  assert_true(text_is_in(&s.c, "out", TEXT_SCALE));
  canvas_close(&s.c);
}

static void tiles_do_not_touch(void **state) {
  (void)state;
  uint8_t image[20 * 30 * 3] = {0};
  sheet s = sheet_open(&three);
  for (int tile = 0; tile < 12; tile++) sheet_tile(&s, tile / 6, tile % 6 / 2, tile % 2, image);
  for (int band = 0; band < 2; band++)
    for (int row = 0; row < 3; row++) {
      int top = row_top(&s, band, row);
      assert_true(is_dark(&s.c, top, s.left) && is_dark(&s.c, top + 39, column_left(&s, 1) + 59));
      assert_false(is_dark(&s.c, top + 41, s.left) || is_dark(&s.c, top - 1, s.left) ||
                   is_dark(&s.c, top, s.left + 61));
    }
  assert_true(row_top(&s, 1, 2) + 40 <= s.c.rows && column_left(&s, 1) + 60 <= s.c.columns);
  canvas_close(&s.c);
}

static char place[] = "/tmp/draw-XXXXXX";

static void table_of(table *t, const char *text) {
  file_path p = path_join(place, "t.csv");
  assert_int_equal(file_write(p.text, text, strlen(text)), OK);
  assert_int_equal(table_read(t, p.text), OK);
}

static void tables(void **state) {
  (void)state;
  table t;
  table_of(&t, "generation,mean,real\n1,2.5,\n2,,7\n3\n4,x,inf\n");
  assert_int_equal(t.rows, 4);
  assert_true(table_cell(&t, 0, table_column(&t, "mean")) == 2.5 && table_cell(&t, 1, table_column(&t, "real")) == 7);
  for (int row = 0; row < 4; row += 3) assert_true(isnan(table_cell(&t, row, 2)));
  assert_true(isnan(table_cell(&t, 2, 1)) && isnan(table_cell(&t, 3, 1)) && isnan(table_cell(&t, 1, 1)));
  assert_true(isnan(table_cell(&t, 0, table_column(&t, "mea"))));
  table_free(&t);
  table_of(&t, "");
  assert_int_equal(t.rows, 0);
  table_free(&t);
  table_of(&t, "\n\n1");  // a line without an end is being written
  assert_int_equal(t.rows, 1);
  table_free(&t);
  assert_int_equal(table_read(&t, "/dev/zero"), NO_IO);
  assert_int_equal(table_read(&t, place), NO_IO);
}

static void all_scores(void **state) {
  (void)state;
  scores s;
  file_path p = path_join(place, "s.json");
  const char *text = "{\"generation\": 60, \"policies\": {\"controller\": {\"mean\": 5.5, \"se\": 0.5, \"episodes\": "
                     "20}, \"still\": {\"mean\": null}, \"odd\": 3}, "
                     "\"deep\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": {\"a\": 1}}}}}}}}}";
  assert_int_equal(scores_read(&s, p.text), OK);
  assert_int_equal(s.count, 0);
  assert_int_equal(file_write(p.text, text, strlen(text)), OK);
  assert_int_equal(scores_read(&s, p.text), OK);
  assert_int_equal(s.count, 1);
  assert_int_equal(s.generation, 60);
  assert_string_equal(s.of[0].name, "controller");
  assert_true(s.of[0].mean == 5.5 && s.of[0].se == 0.5 && s.of[0].episodes == 20);
  assert_int_equal(file_write(p.text, "{\"a\": ", 6), OK);
  assert_int_equal(scores_read(&s, p.text), BAD_FILE);
}

int main(int count, char **words) {
  if (count > 1) return png_says(words[1], words + 2);
  if (!mkdtemp(place)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_character_has_its_own_shape),
      cmocka_unit_test(beyond_ascii),
      cmocka_unit_test(what_is_outside_is_left_out),
      cmocka_unit_test(a_sheet_has_every_name_where_it_belongs),
      cmocka_unit_test(tiles_do_not_touch),
      cmocka_unit_test(tables),
      cmocka_unit_test(all_scores),
  };
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path_join(place, "t.csv").text);
  unlink(path_join(place, "s.json").text);
  rmdir(place);
  return failed;
}

// Tests for src/data/film.c, by a reader of its own: the chunks' order, numbers and checksums, and the frames, each
// unpacked by libpng and laid over the one before it. With FILE.png it says how many frames of which size that film
// has, and how many milliseconds it takes; with --make FILE.png it makes one, for test_python.sh.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"

// --- reading --------------------------------------------------------------------------------------------------------

enum { FRAMES_MAX = 512, SIGNATURE = 8 };
static const uint8_t signature[SIGNATURE] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

typedef struct frame {
  int rows, columns, top, left, milliseconds, over;
  text_buffer data;  // of IDAT or fdAT
} frame;

typedef struct film {
  char *bytes;
  size_t size;
  int rows, columns, count, promised, plays;
  uint32_t sequence;
  text_buffer head;  // PLTE and tRNS as they stand
  frame frames[FRAMES_MAX];
  char order[2 * FRAMES_MAX + 32];  // a letter per chunk that tells
} film;

static uint32_t number(const void *at) {
  const uint8_t *b = at;
  return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static int number_short(const void *at) { return ((const uint8_t *)at)[0] << 8 | ((const uint8_t *)at)[1]; }

static void bytes_add(text_buffer *t, const void *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) text_add(t, "%c", ((const char *)bytes)[i]);
}

// By a table, as in the standard's annex.
static uint32_t crc_of(const void *bytes, size_t size) {
  static uint32_t table[256];
  for (uint32_t n = 0; !table[255] && n < 256; n++) {
    uint32_t c = n;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    table[n] = c;
  }
  uint32_t crc = 0xFFFFFFFFu;
  for (size_t i = 0; i < size; i++) crc = table[(crc ^ ((const uint8_t *)bytes)[i]) & 255] ^ (crc >> 8);
  return crc ^ 0xFFFFFFFFu;
}

// NULL, or what is wrong.
static const char *frame_control(film *f, const uint8_t *at) {
  if (f->count == FRAMES_MAX) return "too many frames";
  if (number(at) != f->sequence++) return "sequence of fcTL";
  frame *x = &f->frames[f->count++];
  *x = (frame){.columns = (int)number(at + 4),
               .rows = (int)number(at + 8),
               .left = (int)number(at + 12),
               .top = (int)number(at + 16),
               .over = at[25]};
  if (at[24] != 0) return "a frame that is taken away";
  if (number_short(at + 22) != 1000) return "a delay that is not in milliseconds";
  x->milliseconds = number_short(at + 20);
  bool inside = x->rows > 0 && x->columns > 0 && x->top + x->rows <= f->rows && x->left + x->columns <= f->columns;
  bool whole = x->rows == f->rows && x->columns == f->columns && !x->over;
  return !inside ? "a frame outside the picture" : f->count == 1 && !whole ? "a first frame that is not whole" : NULL;
}

static const char *chunk_read(film *f, const uint8_t *at, size_t size) {
  const char *type = (const char *)at + 4;
  const uint8_t *body = at + 8;
  char letter = '?';
  const char *wrong = NULL;

  if (memcmp(type, "IHDR", 4) == 0) {
    letter = 'H';
    f->columns = (int)number(body);
    f->rows = (int)number(body + 4);
    if (body[8] != 8 || body[9] != 3) wrong = "not a palette of 8 bits";
  } else if (memcmp(type, "acTL", 4) == 0) {
    letter = 'A';
    f->promised = (int)number(body);
    f->plays = (int)number(body + 4);
  } else if (memcmp(type, "PLTE", 4) == 0 || memcmp(type, "tRNS", 4) == 0) {
    letter = type[0];
    bytes_add(&f->head, at, size + 12);
  } else if (memcmp(type, "fcTL", 4) == 0) {
    letter = 'c';
    wrong = frame_control(f, body);
  } else if (memcmp(type, "IDAT", 4) == 0) {
    letter = 'I';
    if (f->count != 1) wrong = "IDAT outside the first frame";
    else bytes_add(&f->frames[0].data, body, size);
  } else if (memcmp(type, "fdAT", 4) == 0) {
    letter = 'd';
    if (f->count < 2 || number(body) != f->sequence++) wrong = "sequence of fdAT";
    else bytes_add(&f->frames[f->count - 1].data, body + 4, size - 4);
  } else if (memcmp(type, "IEND", 4) == 0) {
    letter = 'E';
  }

  size_t length = strlen(f->order);
  bool more = length == 0 || f->order[length - 1] != letter || letter == 'c';
  if (more && length + 1 < sizeof f->order && letter != '?') f->order[length] = letter;
  return wrong;
}

// NULL, or what is wrong.
static const char *film_read(film *f, const char *path) {
  *f = (film){.rows = 0};
  if (file_read(&f->bytes, &f->size, path) != OK) return "no file";
  if (f->size < SIGNATURE || memcmp(f->bytes, signature, SIGNATURE) != 0) return "no PNG";

  size_t at = SIGNATURE;
  while (at + 12 <= f->size) {
    const uint8_t *chunk = (const uint8_t *)f->bytes + at;
    size_t size = number(chunk);
    if (size > f->size - at - 12) return "a chunk beyond the end";
    if (number(chunk + 8 + size) != crc_of(chunk + 4, size + 4)) return "a checksum";
    const char *wrong = chunk_read(f, chunk, size);
    if (wrong) return wrong;
    at += size + 12;
  }
  if (at != f->size || f->order[strlen(f->order) - 1] != 'E') return "what follows the end";
  return f->promised == f->count ? NULL : "another number of frames";
}

static void film_free(film *f) {
  for (int i = 0; i < f->count; i++) text_free(&f->frames[i].data);
  text_free(&f->head);
  mem_free(f->bytes);
}

static void chunk_add(text_buffer *t, const char *type, const void *body, size_t size) {
  text_buffer c = {0};
  bytes_add(&c, type, 4);
  bytes_add(&c, body, size);
  uint32_t crc = crc_of(c.bytes, c.size);
  bytes_add(t, (uint8_t[]){(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size}, 4);
  bytes_add(t, c.bytes, c.size);
  bytes_add(t, (uint8_t[]){(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc}, 4);
  text_free(&c);
}

// A frame as a still picture of its own, over what is in rgb (rows, columns, 3).
static void frame_show(uint8_t *rgb, const film *f, const frame *x) {
  uint8_t head[13] = {0};
  text_buffer t = {0};
  for (int i = 0; i < 4; i++) head[i] = (uint8_t)(x->columns >> (24 - 8 * i));
  for (int i = 0; i < 4; i++) head[4 + i] = (uint8_t)(x->rows >> (24 - 8 * i));
  head[8] = 8;
  head[9] = 3;
  bytes_add(&t, signature, SIGNATURE);
  chunk_add(&t, "IHDR", head, sizeof head);
  bytes_add(&t, f->head.bytes, f->head.size);
  chunk_add(&t, "IDAT", x->data.bytes, x->data.size);
  chunk_add(&t, "IEND", "", 0);

  png_image image = {.version = PNG_IMAGE_VERSION};
  if (!png_image_begin_read_from_memory(&image, t.bytes, t.size)) fail_msg("%s", image.message);
  image.format = PNG_FORMAT_RGBA;
  uint8_t *part = mem_take(PNG_IMAGE_SIZE(image), 1);
  if (!png_image_finish_read(&image, NULL, part, 0, NULL)) fail_msg("%s", image.message);
  for (int y = 0; y < x->rows; y++)
    for (int c = 0; c < x->columns; c++) {
      const uint8_t *p = part + ((size_t)y * x->columns + c) * 4;
      if (p[3]) memcpy(rgb + ((size_t)(x->top + y) * f->columns + x->left + c) * 3, p, 3);
    }
  mem_free(part);
  text_free(&t);
}

// --- films ----------------------------------------------------------------------------------------------------------

enum { ROWS = 24, COLUMNS = 40, FRAMES = 7, PIXELS = ROWS * COLUMNS * 3 };
static char path[] = "/tmp/dreamfarm-film-XXXXXX";

// A ground of so many colours, and a square that walks over it; frame 4 is as frame 3 was.
static void frame_make(uint8_t *rgb, int number, int colours) {
  int walked = number == 4 ? 3 : number;
  for (int i = 0; i < ROWS * COLUMNS; i++) {
    uint32_t mixed = (uint32_t)(i % colours) * 2654435761u;
    rgb[3 * i] = (uint8_t)(mixed >> 24 & 0xF8);
    rgb[3 * i + 1] = (uint8_t)(mixed >> 16 & 0xF8);
    rgb[3 * i + 2] = (uint8_t)(mixed >> 8 & 0xF8);
  }
  for (int y = 2; y < 8; y++)
    for (int x = 0; x < 5; x++)
      memcpy(rgb + ((y + walked) * COLUMNS + x + 5 * walked) * 3, (uint8_t[]){255, 128, 0}, 3);
}

static void film_make(const char *to, int colours) {
  uint8_t rgb[PIXELS];
  data_film *made = data_film_open(ROWS, COLUMNS);
  for (int i = 0; i < FRAMES; i++) {
    frame_make(rgb, i, colours);
    data_film_add(made, rgb, 40 * i);
  }
  assert_int_equal(data_film_write(made, to), OK);
  data_film_close(made);
}

static void film_read_good(film *f) {
  const char *wrong = film_read(f, path);
  if (wrong) fail_msg("%s", wrong);
}

static void test_chunks_stand_in_order(void **state) {
  film f;
  (void)state;
  film_make(path, 100);
  film_read_good(&f);
  assert_string_equal(f.order, "HPtAcIcdcdcdcdcdcdE");
  assert_int_equal(f.rows, ROWS);
  assert_int_equal(f.columns, COLUMNS);
  assert_int_equal(f.count, FRAMES);
  assert_int_equal(f.plays, 0);
  for (int i = 0; i < FRAMES; i++) assert_int_equal(f.frames[i].milliseconds, 40 * i);
  film_free(&f);
}

// Up to 255 colours are those that were given.
static void test_few_colours_come_back(void **state) {
  uint8_t shown[PIXELS], wanted[PIXELS];
  (void)state;
  for (int colours = 1; colours <= 201; colours += 50) {
    film f;
    film_make(path, colours);
    film_read_good(&f);
    for (int i = 0; i < FRAMES; i++) {
      frame_show(shown, &f, &f.frames[i]);
      frame_make(wanted, i, colours);
      assert_memory_equal(shown, wanted, PIXELS);
    }
    film_free(&f);
  }
}

// Only what changes is stored.
static void test_frames_are_what_changes(void **state) {
  film f;
  (void)state;
  film_make(path, 100);
  film_read_good(&f);
  assert_true(f.frames[1].rows == 7 && f.frames[1].columns == 10 && f.frames[1].over);
  assert_true(f.frames[4].rows == 1 && f.frames[4].columns == 1);
  film_free(&f);
}

// Of many colours the nearest: a smooth picture stays smooth.
static void test_many_colours_are_near(void **state) {
  enum { SIDE = 96 };
  static uint8_t rgb[SIDE * SIDE * 3], shown[SIDE * SIDE * 3];
  film f;
  (void)state;
  for (int y = 0; y < SIDE; y++)
    for (int x = 0; x < SIDE; x++)
      memcpy(rgb + (y * SIDE + x) * 3, (uint8_t[]){(uint8_t)(2 * x), (uint8_t)(2 * y), (uint8_t)(x + y)}, 3);

  data_film *made = data_film_open(SIDE, SIDE);
  data_film_add(made, rgb, 10);
  assert_int_equal(data_film_write(made, path), OK);
  data_film_close(made);

  film_read_good(&f);
  frame_show(shown, &f, &f.frames[0]);
  double error = 0;
  int worst = 0;
  for (int i = 0; i < SIDE * SIDE * 3; i++) {
    error += abs(shown[i] - rgb[i]);
    worst = int_max(worst, abs(shown[i] - rgb[i]));
  }
  assert_true(error / (SIDE * SIDE * 3) < 6);
  assert_true(worst < 32);
  film_free(&f);
}

static void test_equal_films_are_equal_bytes(void **state) {
  hash one, other;
  (void)state;
  film_make(path, 77);
  assert_int_equal(hash_file(&one, path), OK);
  film_make(path, 77);
  assert_int_equal(hash_file(&other, path), OK);
  assert_true(hash_equal(one, other));
}

// The reader is one that can refuse.
static void test_a_changed_byte_is_seen(void **state) {
  film f;
  char *bytes;
  size_t size;
  (void)state;
  film_make(path, 100);
  assert_int_equal(file_read(&bytes, &size, path), OK);
  for (size_t at = 0; at < size; at += 7) {
    bytes[at] ^= 1;
    assert_int_equal(file_write(path, bytes, size), OK);
    assert_non_null(film_read(&f, path));
    film_free(&f);
    bytes[at] ^= 1;
  }
  mem_free(bytes);
}

static void test_no_place_no_film(void **state) {
  uint8_t rgb[3] = {1, 2, 3};
  (void)state;
  data_film *made = data_film_open(1, 1);
  data_film_add(made, rgb, 10);
  assert_int_equal(data_film_write(made, "/tmp/dreamfarm-no-such/film.png"), NO_IO);
  data_film_close(made);
  data_film_close(NULL);
}

static int film_say(const char *of) {
  film f;
  const char *wrong = film_read(&f, of);
  int milliseconds = 0;
  for (int i = 0; i < f.count; i++) milliseconds += f.frames[i].milliseconds;
  if (wrong) return fprintf(stderr, "%s: %s\n", of, wrong), 1;
  printf("%d frames of %d x %d, %d ms\n", f.count, f.columns, f.rows, milliseconds);
  film_free(&f);
  return 0;
}

int main(int count, char **words) {
  if (count == 2) return film_say(words[1]);
  if (count == 3) return film_make(words[2], 100), 0;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunks_stand_in_order),   cmocka_unit_test(test_few_colours_come_back),
      cmocka_unit_test(test_frames_are_what_changes), cmocka_unit_test(test_many_colours_are_near),
      cmocka_unit_test(test_equal_films_are_equal_bytes), cmocka_unit_test(test_a_changed_byte_is_seen),
      cmocka_unit_test(test_no_place_no_film)};
  close(mkstemp(path));
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  unlink(path);
  return failed;
}

// Pictures as PNG files, through libpng's simplified interface; and in other sizes.

#include <math.h>
#include <png.h>

#include "data.h"

status data_png_write(const char *path, const uint8_t *rgb, int rows, int columns) {
  CHECK(rows > 0 && columns > 0 && rows <= 1 << 16 && columns <= 1 << 16, "a picture of %d x %d", rows, columns);
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .format = PNG_FORMAT_RGB,
                     .width = (png_uint_32)columns,
                     .height = (png_uint_32)rows};

  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);  // asking for the true size would compress twice
  void *bytes = mem_take(size, 1);

  // in memory first: files are written whole
  int written = png_image_write_to_memory(&image, bytes, &size, 0, rgb, 0, NULL);
  status s = written ? file_write(path, bytes, size) : status_fail(BROKEN, "%s: %s", path, image.message);

  mem_free(bytes);
  return s;
}

// What pixel number `to` of so many covers of `count` others: from the first to behind the last, with parts of both.
typedef struct span {
  int first, last;
  double share_first, share_last;  // of these two pixels
} span;

static span span_of(int to, int of, int count) {
  double from = (double)to * count / of, end = (double)(to + 1) * count / of;
  span s = {.first = (int)from, .last = int_min((int)ceil(end) - 1, count - 1)};
  s.last = int_max(s.first, s.last);
  s.share_first = s.first == s.last ? end - from : s.first + 1 - from;
  s.share_last = s.first == s.last ? end - from : end - s.last;
  return s;
}

static double span_share(const span *s, int at) {
  return at == s->first ? s->share_first : at == s->last ? s->share_last : 1;
}

void data_picture_fit(uint8_t *to, int to_rows, int to_columns, const uint8_t *from, int rows, int columns) {
  for (int y = 0; y < to_rows; y++)
    for (int x = 0; x < to_columns; x++) {
      const span down = span_of(y, to_rows, rows), across = span_of(x, to_columns, columns);
      double sum[3] = {0}, area = 0;
      for (int r = down.first; r <= down.last; r++)
        for (int c = across.first; c <= across.last; c++) {
          double share = span_share(&down, r) * span_share(&across, c);
          const uint8_t *p = from + ((size_t)r * columns + c) * 3;
          for (int k = 0; k < 3; k++) sum[k] += share * p[k];
          area += share;
        }
      for (int k = 0; k < 3; k++) to[((size_t)y * to_columns + x) * 3 + k] = (uint8_t)(sum[k] / area + 0.5);
    }
}

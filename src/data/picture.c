// Pictures as PNG files, through libpng's simplified interface.

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

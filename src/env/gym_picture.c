// Pictures of any size, brought to the world's: each pixel is the mean over its area. In whole numbers, so that they
// are the same on every machine.

#include <string.h>

#include "gym_facts.h"

enum { COLUMNS_MAX = 8192 };

// How much of input pixel j lies in output pixel i, where `of` input pixels become GYM_SIDE: in GYM_SIDEths of an input
// pixel, so that the shares in one output pixel add up to `of`.
static uint32_t picture_share(int i, int j, int of) {
  int from = int_max(i * of, j * GYM_SIDE), to = int_min((i + 1) * of, (j + 1) * GYM_SIDE);
  return to > from ? (uint32_t)(to - from) : 0;
}

// Column sums over the rows of output row i.  sums (width)
static void picture_rows_add(uint32_t *sums, const uint8_t *from, int i, int rows, size_t stride, int width) {
  memset(sums, 0, (size_t)width * sizeof *sums);
  for (int j = i * rows / GYM_SIDE; j < rows && j * GYM_SIDE < (i + 1) * rows; j++) {
    uint32_t share = picture_share(i, j, rows);
    const uint8_t *row = from + (size_t)j * stride;
    for (int k = 0; k < width; k++) sums[k] += share * row[k];
  }
}

static uint8_t picture_pixel(const uint32_t *sums, int i, int channel, int columns, int channels, uint64_t area) {
  uint64_t all = 0;
  for (int j = i * columns / GYM_SIDE; j < columns && j * GYM_SIDE < (i + 1) * columns; j++)
    all += (uint64_t)picture_share(i, j, columns) * sums[j * channels + channel];
  return (uint8_t)((all + area / 2) / area);
}

// ITU-R BT.601's weights, in 256ths.
static void picture_grey(uint8_t *rgb) {
  uint8_t y = (uint8_t)((77 * rgb[0] + 150 * rgb[1] + 29 * rgb[2] + 128) / 256);
  memset(rgb, y, 3);
}

void gym_picture(uint8_t *out, const uint8_t *picture, const gym_facts *f, const int crop[4], bool grey) {
  static uint32_t sums[3 * COLUMNS_MAX];
  int rows = f->rows - crop[0] - crop[1], columns = f->columns - crop[2] - crop[3], channels = f->channels;
  size_t stride = (size_t)f->columns * (size_t)channels;
  const uint8_t *from = picture + (size_t)crop[0] * stride + (size_t)(crop[2] * channels);
  CHECK(columns <= COLUMNS_MAX, "%d columns", columns);

  for (int y = 0; y < GYM_SIDE; y++) {
    picture_rows_add(sums, from, y, rows, stride, columns * channels);
    for (int x = 0; x < GYM_SIDE; x++, out += 3) {
      for (int c = 0; c < 3; c++)
        out[c] = picture_pixel(sums, x, channels == 3 ? c : 0, columns, channels, (uint64_t)rows * (uint64_t)columns);
      if (grey) picture_grey(out);
    }
  }
}

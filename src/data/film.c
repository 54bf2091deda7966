// Films as animated PNGs (APNG 1.0, https://wiki.mozilla.org/APNG_Specification): libpng knows still pictures alone, so
// each frame is packed by it as one of its own, and its compressed bytes are set into the film's chunks. All frames
// share a palette; of each frame only the rectangle that changes is stored, and in it what stays is transparent.

#include <png.h>
#include <string.h>

#include "data.h"

enum { CHANNELS = 3, CHANNEL_BITS = 5, BINS = 1 << (CHANNELS * CHANNEL_BITS), COLOURS = 255, STAYS = COLOURS };

struct data_film {
  int rows, columns, count, room;
  uint8_t **frames;   // (count), each (rows, columns, 3), owned
  int *milliseconds;  // (count)
};

data_film *data_film_open(int rows, int columns) {
  CHECK(rows > 0 && columns > 0 && rows <= 1 << 14 && columns <= 1 << 14, "a film of %d x %d", rows, columns);
  data_film *f = mem_take(1, sizeof *f);
  *f = (data_film){.rows = rows, .columns = columns};
  return f;
}

void data_film_close(data_film *f) {
  if (!f) return;
  for (int i = 0; i < f->count; i++) mem_free(f->frames[i]);
  mem_free(f->frames);
  mem_free(f->milliseconds);
  mem_free(f);
}

static size_t film_pixels(const data_film *f) { return (size_t)f->rows * (size_t)f->columns; }

static void film_grow(data_film *f) {
  data_film old = *f;
  f->room = old.room ? 2 * old.room : 64;
  f->frames = mem_take((size_t)f->room, sizeof *f->frames);
  f->milliseconds = mem_take((size_t)f->room, sizeof *f->milliseconds);
  if (old.count) memcpy(f->frames, old.frames, (size_t)old.count * sizeof *f->frames);
  if (old.count) memcpy(f->milliseconds, old.milliseconds, (size_t)old.count * sizeof *f->milliseconds);
  mem_free(old.frames);
  mem_free(old.milliseconds);
}

void data_film_add(data_film *f, const uint8_t *rgb, int milliseconds) {
  CHECK(milliseconds >= 0 && milliseconds <= UINT16_MAX, "a frame of %d ms", milliseconds);
  if (f->count == f->room) film_grow(f);
  size_t bytes = film_pixels(f) * CHANNELS;
  f->frames[f->count] = memcpy(mem_take(bytes, 1), rgb, bytes);
  f->milliseconds[f->count++] = milliseconds;
}

// --- the palette: boxes of colours, of which that with the largest error is cut in two until there are enough -------

typedef struct bin {      // of colours that agree in their upper bits
  double count, sum[CHANNELS];
  int box;
} bin;

typedef struct box {
  double mean[CHANNELS];
  double error;           // sum of squared deviations along its widest channel
  int channel;            // that one
} box;

typedef struct palette_room {
  bin bins[BINS];
  box boxes[COLOURS];
  int count;
} palette_room;

static int bin_of(const uint8_t *rgb) {
  int shift = 8 - CHANNEL_BITS;
  return ((rgb[0] >> shift) << 2 * CHANNEL_BITS) | ((rgb[1] >> shift) << CHANNEL_BITS) | (rgb[2] >> shift);
}

static double bin_colour(const bin *b, int channel) { return b->sum[channel] / b->count; }

static void palette_count(palette_room *p, const data_film *f) {
  for (int i = 0; i < f->count; i++)
    for (size_t k = 0; k < film_pixels(f); k++) {
      const uint8_t *rgb = f->frames[i] + k * CHANNELS;
      bin *b = &p->bins[bin_of(rgb)];
      b->count++;
      for (int c = 0; c < CHANNELS; c++) b->sum[c] += rgb[c];
    }
}

static void box_measure(palette_room *p, int number) {
  box *x = &p->boxes[number];
  double count = 0, sum[CHANNELS] = {0}, squares[CHANNELS] = {0};
  for (const bin *b = p->bins; b < p->bins + BINS; b++) {
    if (b->count == 0 || b->box != number) continue;
    count += b->count;
    for (int c = 0; c < CHANNELS; c++) {
      sum[c] += b->sum[c];
      squares[c] += b->count * bin_colour(b, c) * bin_colour(b, c);
    }
  }

  *x = (box){.error = 0};
  for (int c = 0; c < CHANNELS; c++) {
    double error = squares[c] - sum[c] * sum[c] / count;
    x->mean[c] = sum[c] / count;
    if (error <= x->error) continue;
    x->error = error;
    x->channel = c;
  }
}

// At its mean: what is above goes into a new box.
static void box_cut(palette_room *p, int number) {
  const box x = p->boxes[number];
  for (bin *b = p->bins; b < p->bins + BINS; b++)
    if (b->count > 0 && b->box == number && bin_colour(b, x.channel) > x.mean[x.channel]) b->box = p->count;
  box_measure(p, number);
  box_measure(p, p->count++);
}

static void palette_cut(palette_room *p) {
  enum { NEGLIGIBLE = 1 };  // what rounding leaves of one colour alone
  p->count = 1;
  box_measure(p, 0);
  while (p->count < COLOURS) {
    int worst = 0;
    for (int i = 1; i < p->count; i++)
      if (p->boxes[i].error > p->boxes[worst].error) worst = i;
    if (p->boxes[worst].error < NEGLIGIBLE) return;
    box_cut(p, worst);
  }
}

// colours (256, 4); the last is transparent
static void palette_show(uint8_t *colours, const palette_room *p) {
  memset(colours, 0, (COLOURS + 1) * 4);
  for (int i = 0; i < p->count; i++) {
    for (int c = 0; c < CHANNELS; c++) colours[i * 4 + c] = (uint8_t)(p->boxes[i].mean[c] + 0.5);
    colours[i * 4 + 3] = 255;
  }
}

// --- frames ---------------------------------------------------------------------------------------------------------

typedef struct rectangle { int top, left, rows, columns; } rectangle;

// What differs between two pictures (rows, columns); where nothing does, their first pixel.
static rectangle rectangle_of(const uint8_t *a, const uint8_t *b, int rows, int columns) {
  int top = rows, left = columns, bottom = -1, right = -1;
  for (int y = 0; y < rows; y++)
    for (int x = 0; x < columns; x++) {
      if (a[(size_t)y * columns + x] == b[(size_t)y * columns + x]) continue;
      top = int_min(top, y);
      left = int_min(left, x);
      bottom = int_max(bottom, y);
      right = int_max(right, x);
    }
  if (bottom < 0) return (rectangle){.rows = 1, .columns = 1};
  return (rectangle){.top = top, .left = left, .rows = bottom - top + 1, .columns = right - left + 1};
}

// What changes within r, and STAYS elsewhere.  part (r.rows, r.columns)
static void rectangle_changes(uint8_t *part, const uint8_t *now, const uint8_t *before, rectangle r, int columns) {
  for (int y = 0; y < r.rows; y++)
    for (int x = 0; x < r.columns; x++) {
      size_t at = (size_t)(r.top + y) * columns + r.left + x;
      part[(size_t)y * r.columns + x] = before && now[at] == before[at] ? STAYS : now[at];
    }
}

// --- chunks ---------------------------------------------------------------------------------------------------------

typedef struct chunks {
  uint8_t *bytes;
  size_t size, room;
  uint32_t sequence;  // of fcTL and fdAT
} chunks;

static void chunks_bytes(chunks *c, const void *bytes, size_t size) {
  if (c->size + size > c->room) {
    uint8_t *old = c->bytes;
    c->room = 2 * (c->size + size);
    c->bytes = mem_take(c->room, 1);
    if (c->size) memcpy(c->bytes, old, c->size);
    mem_free(old);
  }
  memcpy(c->bytes + c->size, bytes, size);
  c->size += size;
}

static void chunks_number(chunks *c, uint32_t n) {
  chunks_bytes(c, (uint8_t[]){(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 4);
}

// PNG's CRC-32 (ISO 3309), bit by bit: a film has little to check.
static uint32_t chunks_crc(const uint8_t *bytes, size_t size) {
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
  }
  return ~crc;
}

// Where its length stands, which chunk_end fills in.
static size_t chunk_begin(chunks *c, const char *type) {
  size_t at = c->size;
  chunks_number(c, 0);
  chunks_bytes(c, type, 4);
  return at;
}

static void chunk_end(chunks *c, size_t at) {
  uint32_t size = (uint32_t)(c->size - at - 8);
  chunks_number(c, chunks_crc(c->bytes + at + 4, size + 4));
  for (int i = 0; i < 4; i++) c->bytes[at + (size_t)i] = (uint8_t)(size >> (24 - 8 * i));
}

// How many frames; 0: shown over and over.
static void chunk_animation(chunks *c, int frames) {
  size_t at = chunk_begin(c, "acTL");
  chunks_number(c, (uint32_t)frames);
  chunks_number(c, 0);
  chunk_end(c, at);
}

static void chunk_frame(chunks *c, rectangle r, int milliseconds, bool over) {
  size_t at = chunk_begin(c, "fcTL");
  chunks_number(c, c->sequence++);
  chunks_number(c, (uint32_t)r.columns);
  chunks_number(c, (uint32_t)r.rows);
  chunks_number(c, (uint32_t)r.left);
  chunks_number(c, (uint32_t)r.top);

  // the delay in seconds as a fraction, then: stays when the next comes; over what is there, or in its place
  const uint8_t rest[6] = {(uint8_t)(milliseconds >> 8), (uint8_t)milliseconds, 1000 >> 8, 1000 & 255, 0, over};
  chunks_bytes(c, rest, sizeof rest);
  chunk_end(c, at);
}

// --- the file -------------------------------------------------------------------------------------------------------

enum { SIGNATURE = 8 };

static size_t chunk_size(const uint8_t *at) {
  return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

static bool chunk_is(const uint8_t *at, const char *type) { return memcmp(at + 4, type, 4) == 0; }

typedef struct film_work {
  const data_film *f;
  uint8_t colours[(COLOURS + 1) * 4];  // RGBA
  uint8_t *now, *before, *part;        // (rows, columns) in the palette's numbers
  chunks out;
} film_work;

// A picture's compressed bytes into the film: those of the first frame as they stand, with all that is before them.
static void film_take_picture(film_work *w, const uint8_t *png, size_t size, rectangle r, int frame) {
  bool first = frame == 0, told = false;
  if (first) chunks_bytes(&w->out, png, SIGNATURE);
  for (size_t at = SIGNATURE; at + 12 <= size; at += chunk_size(png + at) + 12) {
    const uint8_t *chunk = png + at;
    bool data = chunk_is(chunk, "IDAT");
    if (chunk_is(chunk, "IEND")) return;
    if (data && !told && first) chunk_animation(&w->out, w->f->count);
    if (data && !told) chunk_frame(&w->out, r, w->f->milliseconds[frame], !first);
    told |= data;

    if (first) chunks_bytes(&w->out, chunk, chunk_size(chunk) + 12);
    if (first || !data) continue;
    size_t begun = chunk_begin(&w->out, "fdAT");
    chunks_number(&w->out, w->out.sequence++);
    chunks_bytes(&w->out, chunk + 8, chunk_size(chunk));
    chunk_end(&w->out, begun);
  }
}

static status film_frame_pack(film_work *w, rectangle r, int frame, const char *path) {
  png_image image = {.version = PNG_IMAGE_VERSION,
                     .format = PNG_FORMAT_RGBA_COLORMAP,
                     .width = (png_uint_32)r.columns,
                     .height = (png_uint_32)r.rows,
                     .colormap_entries = COLOURS + 1};
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  uint8_t *bytes = mem_take(size, 1);
  int packed = png_image_write_to_memory(&image, bytes, &size, 0, w->part, 0, w->colours);
  if (packed) film_take_picture(w, bytes, size, r, frame);
  mem_free(bytes);
  return packed ? OK : status_fail(BROKEN, "%s: %s", path, image.message);
}

static status film_frames_pack(film_work *w, const palette_room *p, const char *path) {
  const data_film *f = w->f;
  const rectangle all = {.rows = f->rows, .columns = f->columns};
  for (int i = 0; i < f->count; i++) {
    uint8_t *now = w->now;
    for (size_t k = 0; k < film_pixels(f); k++) now[k] = (uint8_t)p->bins[bin_of(f->frames[i] + k * CHANNELS)].box;

    // the first frame is whole: it is what a viewer without films shows
    rectangle r = i ? rectangle_of(now, w->before, f->rows, f->columns) : all;
    rectangle_changes(w->part, now, i ? w->before : NULL, r, f->columns);
    TRY(film_frame_pack(w, r, i, path));
    w->now = w->before;
    w->before = now;
  }

  size_t at = chunk_begin(&w->out, "IEND");
  chunk_end(&w->out, at);
  return file_write(path, w->out.bytes, w->out.size);
}

status data_film_write(const data_film *f, const char *path) {
  CHECK(f->count > 0, "a film without frames: %s", path);
  palette_room *p = mem_take(1, sizeof *p);
  palette_count(p, f);
  palette_cut(p);

  film_work w = {.f = f,
                 .now = mem_take(film_pixels(f), 1),
                 .before = mem_take(film_pixels(f), 1),
                 .part = mem_take(film_pixels(f), 1)};
  palette_show(w.colours, p);
  status s = film_frames_pack(&w, p, path);

  mem_free(w.now);
  mem_free(w.before);
  mem_free(w.part);
  mem_free(w.out.bytes);
  mem_free(p);
  return s;
}

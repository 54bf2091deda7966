// What an ordinary observation is, and what stands out from it: small bright things, and errors that count. Nothing is
// known of what the pictures show.

#include <math.h>
#include <string.h>

#include "parts.h"

#define MOVING_MOST 50.0f  // of a squared deviation: what is far off counts no more than that
#define BRIGHT 3.0f        // deviations above the ground
enum { FRAMES = 8, EPISODES = 64 };  // of an episode, that the ground is made of
enum { AREA_LEAST = 2, AREA_MOST = 64, BLOBS_MAX = 255, AROUND = 3 };  // pixels of a thing; things; pixels
#define SIDE WORLD_IMAGE

fidelity_ground fidelity_ground_open(bool pixels, int size) {
  return (fidelity_ground){.size = size,
                           .pixels = pixels,
                           .mean = mem_take((size_t)size, sizeof(float)),
                           .per_variance = mem_take((size_t)size, sizeof(float))};
}

void fidelity_ground_close(fidelity_ground *g) {
  mem_free(g->mean);
  mem_free(g->per_variance);
}

void fidelity_picture(float *picture, const fidelity_ground *g, const void *observation) {
  const uint8_t *pixels = observation;
  if (!g->pixels) memcpy(picture, observation, (size_t)g->size * sizeof *picture);
  for (int i = 0; g->pixels && i < g->size; i++) picture[i] = (float)pixels[i] * (1.0f / 255.0f);
}

// --- measured -------------------------------------------------------------------------------------------------------

typedef struct sums { double *x, *squares, frames; } sums;  // (size) each

static void sums_add(sums *s, const fidelity_ground *g, const float *picture) {
  for (int i = 0; i < g->size; i++) {
    s->x[i] += (double)picture[i];
    s->squares[i] += (double)picture[i] * (double)picture[i];
  }
  s->frames++;
}

static status sums_read(sums *s, const fidelity_ground *g, dataset *d, int first, int count) {
  size_t bytes = data_observation_bytes(data_spec_of(d));
  float *picture = mem_take((size_t)g->size, sizeof *picture);
  status done = OK;
  for (int i = 0; i < count && i < EPISODES && done == OK; i++) {
    data_episode e;
    heartbeat_beat();
    // some episodes, spread over all, and some frames spread over each: a mean needs no more
    done = data_read(d, first + (int)((int64_t)i * count / int_min(count, EPISODES)), &e);
    for (int k = 0; k < FRAMES && done == OK; k++) {
      int step = (int)((int64_t)e.steps * k / FRAMES);
      fidelity_picture(picture, g, (const char *)e.observations + (size_t)step * bytes);
      sums_add(s, g, picture);
    }
  }

  mem_free(picture);
  return done;
}

// A pixel's variance is that of all pixels; numbers of a state have units of their own.
static void ground_settle(fidelity_ground *g, const sums *s) {
  double all = 0;
  for (int i = 0; i < g->size; i++) {
    double mean = s->x[i] / s->frames, variance = fmax(s->squares[i] / s->frames - mean * mean, 0);
    g->mean[i] = (float)mean;
    g->per_variance[i] = variance > 1e-12 ? (float)(1 / variance) : 0;
    all += variance / g->size;
  }
  for (int i = 0; i < g->size && g->pixels; i++) g->per_variance[i] = all > 1e-12 ? (float)(1 / all) : 0;
}

status fidelity_ground_measure(fidelity_ground *g, dataset *d, int first, int count) {
  sums s = {.x = mem_take((size_t)g->size, sizeof(double)), .squares = mem_take((size_t)g->size, sizeof(double))};
  status done = sums_read(&s, g, d, first, count);
  if (done == OK) ground_settle(g, &s);
  mem_free(s.x);
  mem_free(s.squares);
  return done;
}

// --- errors that count ----------------------------------------------------------------------------------------------

double fidelity_error(const fidelity_ground *g, const float *picture, const float *other, double *scale) {
  double error = 0;
  *scale = 0;
  for (int i = 0; i < g->size; i++) {
    float d = picture[i] - g->mean[i], e = picture[i] - other[i];
    // what moves counts: a pixel far from its mean is part of what changes, the background is not
    float far = d * d * g->per_variance[i];
    float weight = g->pixels ? fminf(far, MOVING_MOST) : g->per_variance[i];

    error += (double)(weight * e * e);
    *scale += (double)(weight * d * d);
  }
  return error;
}

// --- small bright things --------------------------------------------------------------------------------------------

// How much brighter than the ground a pixel is.
static float brighter(const fidelity_ground *g, const float *picture, int pixel) {
  float sum = 0;
  for (int i = 3 * pixel; i < 3 * pixel + 3; i++) sum += picture[i] - g->mean[i];
  return sum / 3;
}

typedef struct flood {
  const uint8_t *bright;   // (pixels)
  uint8_t *visited;        // (pixels)
  int *found;              // (pixels): the thing's, in the order they were met
  int count;
} flood;

static void flood_visit(flood *f, int row, int column) {
  if (row < 0 || row >= SIDE || column < 0 || column >= SIDE) return;
  int at = row * SIDE + column;
  if (!f->bright[at] || f->visited[at]) return;
  f->visited[at] = 1;
  f->found[f->count++] = at;
}

// All bright pixels that touch each other, from one of them.
static void flood_from(flood *f, int pixel) {
  f->count = 0;
  flood_visit(f, pixel / SIDE, pixel % SIDE);

  // `found` is the queue as well: what was found is looked around in turn
  for (int i = 0; i < f->count; i++) {
    int row = f->found[i] / SIDE, column = f->found[i] % SIDE;
    flood_visit(f, row - 1, column);
    flood_visit(f, row + 1, column);
    flood_visit(f, row, column - 1);
    flood_visit(f, row, column + 1);
  }
}

int fidelity_blobs(const fidelity_ground *g, const float *picture, uint8_t *of) {
  enum { PIXELS = SIDE * SIDE };
  static uint8_t bright[PIXELS], visited[PIXELS];
  static int found[PIXELS];
  float least = g->per_variance[0] > 0 ? BRIGHT / sqrtf(g->per_variance[0]) : INFINITY;
  int count = 0;
  memset(of, 0, PIXELS);
  memset(visited, 0, sizeof visited);
  for (int i = 0; i < PIXELS; i++) bright[i] = brighter(g, picture, i) > least;

  flood f = {.bright = bright, .visited = visited, .found = found};
  for (int i = 0; i < PIXELS && count < BLOBS_MAX; i++) {
    flood_from(&f, i);
    // a pixel alone is noise, and a large thing is no small one
    if (f.count < AREA_LEAST || f.count > AREA_MOST) continue;
    count++;
    for (int k = 0; k < f.count; k++) of[f.found[k]] = (uint8_t)count;
  }
  return count;
}

typedef struct blob_box {
  int blob, top, bottom, left, right;  // within the picture, AROUND pixels beyond the thing
} blob_box;

static blob_box blob_box_of(const uint8_t *of, int blob) {
  blob_box b = {.blob = blob, .top = SIDE, .bottom = -1, .left = SIDE, .right = -1};
  for (int i = 0; i < SIDE * SIDE; i++) {
    if (of[i] != blob) continue;
    // its box, with some pixels around it, within the picture
    b.top = int_min(b.top, int_max(0, i / SIDE - AROUND));
    b.bottom = int_max(b.bottom, int_min(SIDE - 1, i / SIDE + AROUND));
    b.left = int_min(b.left, int_max(0, i % SIDE - AROUND));
    b.right = int_max(b.right, int_min(SIDE - 1, i % SIDE + AROUND));
  }
  return b;
}

// How much brighter a thing's pixels, moved by so many, are than the other pixels of the box around them.
static float blob_contrast(const fidelity_ground *g, const float *picture, const uint8_t *of, const blob_box *b,
                           int down, int right) {
  float inside = 0, outside = 0;
  int within = 0, around = 0;
  for (int row = b->top; row <= b->bottom; row++)
    for (int column = b->left; column <= b->right; column++) {
      int y = row + down, x = column + right;
      if (y < 0 || y >= SIDE || x < 0 || x >= SIDE) continue;
      bool thing = of[row * SIDE + column] == b->blob;
      float value = brighter(g, picture, y * SIDE + x);
      if (thing) inside += value;
      else outside += value;
      within += thing;
      around += !thing;
    }

  // nothing stands out without surroundings
  return within && around ? inside / (float)within - outside / (float)around : 0;
}

static bool blob_is_kept(const fidelity_ground *g, const float *picture, const uint8_t *of, const blob_box *b,
                         const float *other, int near) {
  float least = blob_contrast(g, picture, of, b, 0, 0) / 2;
  for (int down = -near; down <= near; down++)
    for (int right = -near; right <= near; right++)
      if (blob_contrast(g, other, of, b, down, right) >= least) return true;
  return false;
}

int fidelity_blobs_kept(const fidelity_ground *g, const float *picture, const uint8_t *of, int count,
                        const float *other, int near) {
  int kept = 0;
  for (int blob = 1; blob <= count; blob++) {
    const blob_box b = blob_box_of(of, blob);
    kept += blob_is_kept(g, picture, of, &b, other, near);
  }
  return kept;
}

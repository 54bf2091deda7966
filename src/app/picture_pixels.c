// Sheets of frames, where the environment shows pixels: what V makes of them, and a dream beside a real episode.

#include <math.h>
#include <string.h>

#include "picture.h"

enum { TILES = 8 };

sheet_shape picture_frames_shape(const char *title, int bands, int columns) {
  return (sheet_shape){.title = title,
                       .bands = bands,
                       .rows = 3,
                       .columns = columns,
                       .tile_rows = WORLD_IMAGE,
                       .tile_columns = WORLD_IMAGE,
                       .scale = 2,
                       .row_names = {"reality", "as V sees it", "dream"}};
}
#define DIFFERENCE_GAIN 2

// --- frames and what V makes of them -------------------------------------------------------------------------------

static void frame_difference(float *difference, const float *image, const uint8_t *frame) {
  for (int i = 0; i < WORLD_PIXELS; i++)
    difference[i] = DIFFERENCE_GAIN * fabsf(image[i] - (float)frame[i] * (1.0f / 255.0f));
}

static void pixels_column_number(sheet *s, int band, int column, const char *form, int number) {
  char name[32];
  snprintf(name, sizeof name, form, number);
  sheet_column_name(s, band, column, name);
}

static void episode_reconstruct(sheet *s, int band, const world *w, const data_episode *e) {
  float *image = mem_take(2 * WORLD_PIXELS, sizeof *image), *difference = image + WORLD_PIXELS;
  char name[32];
  snprintf(name, sizeof name, "episode %lld", (long long)e->id);
  sheet_band_name(s, band, name);

  // Spread over the episode, without its ends.
  for (int i = 0; i < TILES; i++) {
    int step = (int)((int64_t)e->steps * (i + 1) / (TILES + 1));
    const uint8_t *frame = (const uint8_t *)e->observations + (size_t)step * WORLD_PIXELS;
    world_reconstruct(w, image, frame, 1);
    frame_difference(difference, image, frame);
    pixels_column_number(s, band, i, "step %d", step);
    sheet_tile(s, band, 0, i, frame);
    sheet_tile_float(s, band, 1, i, image);
    sheet_tile_float(s, band, 2, i, difference);
  }
  mem_free(image);
}

// Held-out episodes, which are the last ones; where there are none, others.
static status pixels_reconstructions(const app *a, const world *w, dataset *d) {
  enum { EPISODES = 3 };
  int count = data_count(d), held = (int)(a->s.collect.held_out * count), wanted = held ? held : count;
  int bands = wanted < EPISODES ? wanted : EPISODES;
  char words[192];
  snprintf(words, sizeof words, "%s, %s, seed %lld; difference: absolute, times %d",
           held ? "held-out episodes" : "episodes that V was trained on", data_provenance_of(d)->policy,
           (long long)a->s.run.seed, DIFFERENCE_GAIN);

  sheet_shape shape = picture_frames_shape("V: real frames and what it makes of them", bands, TILES);
  shape.words[0] = words;
  shape.row_names[1] = "reconstruction";
  shape.row_names[2] = "difference";
  sheet s = sheet_open(&shape);

  // What could be read is shown, whatever became of the rest.
  status read = OK;
  for (int band = 0; band < bands && read == OK; band++) {
    data_episode e;
    read = data_read(d, count - 1 - band, &e);
    if (read == OK) episode_reconstruct(&s, band, w, &e);
  }
  status written = sheet_write(&s, run_out(&a->run, "report/reconstructions.png").text);
  return read == OK ? written : read;
}

static status pixels_reconstructions_draw(const app *a) {
  world *w;
  dataset *d;
  TRY(world_open_eye(&w, run_path(&a->run, "vae.safetensors").text));
  status s = data_open(&d, run_path(&a->run, "episodes").text);
  if (s == OK) {
    s = pixels_reconstructions(a, w, d);
    data_close(d);
  }
  world_close(w);
  return s;
}

// --- a dream beside a real episode ---------------------------------------------------------------------------------

enum { EVERY = 12 };  // steps between two tiles

static void strip_thoughts(sheet *s, int band, int row, const recording *r) {
  for (int i = 0; i < TILES; i++)
    if (i * EVERY > r->steps)
      sheet_empty(s, band, row, i, "ended");
    else
      sheet_tile_float(s, band, row, i, r->thought + (size_t)i * WORLD_PIXELS);
}

static void strip_frames(sheet *s, int band, int row, const recording *r) {
  for (int i = 0; i < TILES; i++)
    if (i * EVERY > r->steps)
      sheet_empty(s, band, row, i, "ended");
    else
      sheet_tile(s, band, row, i, r->seen + (size_t)i * EVERY * WORLD_PIXELS);
}

static void pixels_pair(sheet *s, int band, const player *p, int episode, const char *name, int number) {
  char words[32];
  recording awake = recording_real(p, (TILES - 1) * EVERY, EVERY, episode);
  recording dreamt = recording_dream(p, (TILES - 1) * EVERY, EVERY, episode, awake.start);

  snprintf(words, sizeof words, "%s %d", name, number);
  sheet_band_name(s, band, words);
  sheet_column_name(s, band, 0, "start");
  for (int i = 1; i < TILES; i++) pixels_column_number(s, band, i, "+%d steps", i * EVERY);

  strip_frames(s, band, 0, &awake);
  strip_thoughts(s, band, 1, &awake);
  strip_thoughts(s, band, 2, &dreamt);

  recording_free(&awake);
  recording_free(&dreamt);
}

static status pixels_pairs(const app *a) {
  enum { PAIRS = 2 };
  char words[3][160], of[100];
  player p;
  TRY(player_open(&p, a));
  player_words(&p, of, sizeof of);
  snprintf(words[0], sizeof words[0], "%s; dream at temperature %g", of, a->s.dream.temperature);
  snprintf(words[1], sizeof words[1], "The same controller plays both from the same frame on:");
  snprintf(words[2], sizeof words[2], "what happens next is the environment's in one, M's own in the other.");

  sheet_shape shape = picture_frames_shape("A dream beside a real episode", PAIRS, TILES);
  for (int i = 0; i < 3; i++) shape.words[i] = words[i];
  sheet s = sheet_open(&shape);
  for (int band = 0; band < PAIRS; band++) pixels_pair(&s, band, &p, band, "pair", band + 1);
  player_close(&p);
  return sheet_write(&s, run_out(&a->run, "report/dream-and-real.png").text);
}

static sheet_shape pixels_strip_shape(const char *title, int bands) {
  return picture_frames_shape(title, bands, TILES);
}

static void pixels_strip_draw(sheet *s, int band, const player *p, int round) {
  pixels_pair(s, band, p, 0, "round", round);
}

const strip_kind picture_pixels_strip = {.shape = pixels_strip_shape, .draw = pixels_strip_draw};

status picture_pixels(const app *a) {
  if (!a->environment->pixels || !file_exists(run_path(&a->run, "vae.safetensors").text)) return OK;
  TRY(pixels_reconstructions_draw(a));

  // Without M there is no dream, and without a controller nobody to play.
  if (!file_exists(run_path(&a->run, "rnn.safetensors").text)) return OK;
  if (!file_exists(run_path(&a->run, "controller.safetensors").text)) return OK;
  return pixels_pairs(a);
}

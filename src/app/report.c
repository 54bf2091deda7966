// The pictures that people look at first: frames beside their reconstructions, a dream beside a real episode, and the
// curves (drawn by gnuplot; without it the CSV files stay what they are).

#include <math.h>
#include <string.h>

#include "app.h"

#define GAP 2
#define TILES 10
#define SCALE 2

// --- a sheet of frames -------------------------------------------------------------------------------------------------------

typedef struct sheet {
  int rows, columns;  // of tiles
  int height, width;  // in pixels
  uint8_t *rgb;
} sheet;

static sheet sheet_open(int rows, int columns) {
  int side = WORLD_IMAGE * SCALE + GAP;
  sheet s = {.rows = rows, .columns = columns, .height = rows * side + GAP, .width = columns * side + GAP};
  s.rgb = mem_take((size_t)s.height * s.width, 3);
  memset(s.rgb, 24, (size_t)s.height * s.width * 3);
  return s;
}

static void sheet_put(sheet *s, int row, int column, const uint8_t *image) {
  int top = GAP + row * (WORLD_IMAGE * SCALE + GAP), left = GAP + column * (WORLD_IMAGE * SCALE + GAP);
  for (int y = 0; y < WORLD_IMAGE * SCALE; y++)
    for (int x = 0; x < WORLD_IMAGE * SCALE; x++)
      memcpy(s->rgb + ((size_t)(top + y) * s->width + left + x) * 3, image + ((size_t)(y / SCALE) * WORLD_IMAGE + x / SCALE) * 3, 3);
}

static void sheet_put_float(sheet *s, int row, int column, const float *image) {
  uint8_t bytes[WORLD_PIXELS];
  for (int i = 0; i < WORLD_PIXELS; i++) bytes[i] = (uint8_t)(fminf(fmaxf(image[i], 0), 1) * 255 + 0.5f);
  sheet_put(s, row, column, bytes);
}

static status sheet_write(sheet *s, const app *a, const char *name) {
  status done = data_png_write(run_path(a, name).text, s->rgb, s->height, s->width);
  mem_free(s->rgb);
  return done;
}

// --- frames and what V makes of them --------------------------------------------------------------------------------------------

static void reconstruct(const world *w, float *image, const uint8_t *frame) {
  int Z = world_shape_of(w)->Z;
  float *mu = mem_take(2 * (size_t)Z, sizeof *mu);
  world_eye *eye = world_eye_open(w, 1);
  world_eye_look(eye, mu, mu + Z, frame, 1);
  world_imagine(w, image, mu, 1);
  world_eye_close(eye);
  mem_free(mu);
}

// Held-out episodes where there are any; frames spread over each.
static status reconstructions(const app *a, const world *w, dataset *d) {
  enum { ROWS = 3 };
  sheet s = sheet_open(2 * ROWS, TILES);
  float *image = mem_take(WORLD_PIXELS, sizeof *image);
  status read = OK;
  for (int row = 0; row < ROWS && read == OK; row++) {
    data_episode e;
    read = data_read(d, data_count(d) - 1 - row % data_count(d), &e);
    for (int i = 0; read == OK && i < TILES; i++) {
      const uint8_t *frame = (const uint8_t *)e.observations + (size_t)(e.steps * (i + 1) / TILES) * WORLD_PIXELS;
      sheet_put(&s, 2 * row, i, frame);
      reconstruct(w, image, frame);
      sheet_put_float(&s, 2 * row + 1, i, image);
    }
  }
  mem_free(image);
  status written = sheet_write(&s, a, "report/reconstructions.png");
  return read == OK ? written : read;
}

// --- a dream beside a real episode -----------------------------------------------------------------------------------------------

#define STRIP_EVERY 6  // steps between two frames of a strip

static void dream_strip(const app *a, const world *w, const float *parameters, sheet *s, int row, uint32_t episode) {
  controller_shape c = controller_of(a, w);
  dream *d = dream_open(w, 1);
  dream_rules rules = rules_of(a);
  float *image = mem_take(WORLD_PIXELS, sizeof *image);
  world_memory *m = dream_memory(d);
  dream_reset(d, 0, &rules, rng_episode(rng_stream((uint64_t)a->s.run.seed, "report"), 0, episode));
  dream_outcome out = {0};
  for (int t = 0; t < TILES * STRIP_EVERY && !out.terminated && !out.broken; t++) {
    if (t % STRIP_EVERY == 0) {
      world_imagine(w, image, world_memory_z(m, 0), 1);
      sheet_put_float(s, row, t / STRIP_EVERY, image);
    }
    controller_act(&c, world_memory_action(m, 0), parameters, world_memory_z(m, 0), world_memory_h(m, 0), world_memory_c(m, 0));
    dream_step(d, &out, 1);
  }
  mem_free(image);
  dream_close(d);
}

static void real_strip(const app *a, const world *w, const float *parameters, sheet *s, int row, uint32_t episode) {
  controller_shape c = controller_of(a, w);
  env *e = env_open(a->environment, 1);
  world_eye *eye = world_eye_open(w, 1);
  world_memory *m = world_memory_open(w, 1);
  float *mu = mem_take(2 * (size_t)c.Z, sizeof *mu);
  uint8_t frame[WORLD_PIXELS];
  rng luck = rng_episode(rng_stream((uint64_t)a->s.run.seed, "report real"), 0, episode);
  env_reset(e, 0, luck);
  env_outcome out = {0};
  for (int t = 0; t < TILES * STRIP_EVERY && !out.terminated && !out.truncated; t++) {
    env_observe(e, 0, frame);
    if (t % STRIP_EVERY == 0) sheet_put(s, row, t / STRIP_EVERY, frame);
    world_eye_look(eye, mu, mu + c.Z, frame, 1);
    world_latent_sample(world_memory_z(m, 0), mu, mu + c.Z, c.Z, luck, (uint32_t)t);
    controller_act(&c, world_memory_action(m, 0), parameters, world_memory_z(m, 0), world_memory_h(m, 0), world_memory_c(m, 0));
    out = env_step(e, 0, world_memory_action(m, 0));
    world_memory_step(m, 1);
  }
  mem_free(mu);
  world_memory_close(m);
  world_eye_close(eye);
  env_close(e);
}

static status dream_beside_real(const app *a, const world *w, const float *parameters) {
  enum { PAIRS = 2 };
  sheet s = sheet_open(2 * PAIRS, TILES);
  for (uint32_t i = 0; i < PAIRS; i++) {
    dream_strip(a, w, parameters, &s, (int)i, i);
    real_strip(a, w, parameters, &s, PAIRS + (int)i, i);
  }
  return sheet_write(&s, a, "report/dream-and-real.png");
}

static status pictures(const app *a) {
  world *w;
  dataset *d;
  if (!a->environment->pixels || !file_exists(run_path(a, "vae.safetensors").text)) return OK;
  TRY(world_open_eye(&w, run_path(a, "vae.safetensors").text));
  status s = data_open(&d, run_path(a, "episodes").text);
  if (s == OK) {
    s = reconstructions(a, w, d);
    data_close(d);
  }
  world_close(w);
  if (s != OK || !file_exists(run_path(a, "controller.safetensors").text)) return s;
  TRY(world_read(a, &w));
  controller_shape c = controller_of(a, w);
  int n = controller_size(&c);
  float *mean = mem_take((size_t)n, sizeof *mean), *best = mem_take((size_t)n, sizeof *best);
  search_state state;
  s = search_load(run_path(a, "controller.safetensors").text, &state, NULL, mean, best, n);
  if (s == OK) s = dream_beside_real(a, w, best_is_judged(a) ? best : mean);
  mem_free(mean);
  mem_free(best);
  world_close(w);
  return s;
}

// --- curves ---------------------------------------------------------------------------------------------------------------------

typedef struct curve {
  const char *csv, *picture, *title, *x, *y, *plot;  // plot: the gnuplot command after `plot`, @ standing for the file
} curve;

static const curve curves[] = {
    {"train_vae.csv", "report/train-vae.png", "V: loss of a frame", "batch", "nats and squared error",
     "'@' using 'step':'loss' with lines title 'training', '' using 'step':'held_out' with linespoints title 'held out'"},
    {"train_rnn.csv", "report/train-rnn.png", "M: loss of a step", "chunk", "nats",
     "'@' using 'step':'loss' with lines title 'training', '' using 'step':'held_out' with linespoints title 'held out'"},
    {"run.csv", "report/evolve.png", "Evolving inside the dream", "generation", "return",
     "'@' using 'generation':'best' with lines title 'best candidate', '' using 'generation':'mean' with lines title 'population mean', "
     "'' using 'generation':'held_out' with points pt 7 title 'mean controller, held-out dreams', "
     "'' using 'generation':'real' with points pt 5 title 'mean controller, real environment'"},
    {"report/generation-split.csv", "report/generation-split.svg", "Where the ranks' time went", "generation", "share of all rank-seconds in %",
     "[][0:100] '@' using 1:(100*($3+$4+$5+$6)) with fillsteps lc rgb '#dddddd' title 'waiting', '' using 1:(100*($3+$4+$5)) with fillsteps lc rgb '#d95f02' title 'master', "
     "'' using 1:(100*($3+$4)) with fillsteps lc rgb '#7570b3' title 'controllers', '' using 1:(100*$3) with fillsteps lc rgb '#1b9e77' title 'dream'"},
};

// The command, the file's name in its place.
static void add_command(const char *csv, const char *plot, text_buffer *t) {
  for (const char *p = plot; *p; p++)
    if (*p == '@') text_add(t, "%s", csv);
    else text_add(t, "%c", *p);
}

// Descents side by side have a file each.
static void add_descents(const app *a, text_buffer *t) {
  for (int k = 1; k <= a->s.evolve.descents; k++) {
    file_path csv = path_join(a->s.run.directory, "descent-%d/run.csv", k);
    text_add(t, "%s'%s' using 'generation':'mean' with lines lt %d title 'population mean, descent %d', '' using 'generation':'held_out' with points pt 7 lt %d notitle",
             k > 1 ? ", " : "", csv.text, k, k, k);
  }
}

static void add_plot(const app *a, const curve *c, text_buffer *t) {
  file_path csv = run_path(a, c->csv), picture = run_path(a, c->picture);
  const char *terminal = strstr(c->picture, ".svg") ? "svg" : "pngcairo";
  text_add(t, "reset\nset datafile separator comma\nset datafile missing ''\nset terminal %s size 900,540 font 'sans,11'\n", terminal);
  text_add(t, "set key below\nset grid front\nset style fill solid noborder\nset title \"%s\"\nset xlabel \"%s\"\nset ylabel \"%s\"\nset output '%s'\nplot ", c->title, c->x, c->y, picture.text);
  bool descents = strcmp(c->csv, "run.csv") == 0 && a->s.evolve.descents > 1;
  if (descents) add_descents(a, t);
  else add_command(csv.text, c->plot, t);
  text_add(t, "\n");
}

static status curves_draw(const app *a) {
  text_buffer t = {0};
  for (size_t i = 0; i < sizeof curves / sizeof *curves; i++)
    if (file_exists(run_path(a, curves[i].csv).text)) add_plot(a, &curves[i], &t);
  if (t.size == 0) return OK;
  status s = gnuplot_draw(run_path(a, "report").text, &t);
  text_free(&t);
  return s;
}

static status report_all(const app *a) {
  TRY(dir_make(run_path(a, "report").text));
  TRY(pictures(a));
  TRY(split_write(a));
  TRY(curves_draw(a));
  log_all("report: pictures and curves are in %s", run_path(a, "report").text);
  return OK;
}

status app_report(app *a) { return farm_agree(a->f, farm_rank(a->f) == 0 ? report_all(a) : OK); }

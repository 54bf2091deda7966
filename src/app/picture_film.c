// Films, as animated PNGs: the judgement's first episode beside M's dream of the same actions, and beside the dream in
// which the controller acts by itself; as MP4, too, where there is ffmpeg. Below each picture its step, what the steps
// so far have paid, and the reward step by step.

#include <fcntl.h>
#include <math.h>
#include <string.h>

#include "picture.h"

enum {
  STEPS = 300,     // of an episode that are shown, at most
  EVERY = 5,       // steps from one frame to the next
  FRAME_MS = 120,
  LAST_MS = 2000,
  MARGIN = 14,
  GAP = 12,
  TEXT_SCALE = 2,
  LINE = FONT_LINE * TEXT_SCALE,
  CURVE_ROWS = 44,
  ROUNDS_MAX = PICTURE_ROUNDS_FILM,  // below each other
  WORDS = 2,       // lines below the title
  PANELS_MAX = 3   // side by side
};

typedef struct reel_panel {
  const char *name;
  const recording *r;
  bool seen;     // what the environment showed, else what the mind thought it saw
  bool counts;   // steps and rewards are told below it
  colour ink;    // of its curve
} reel_panel;

typedef struct reel {
  const env_spec *of;
  const char *title;
  char words[WORDS][120];
  int bands, columns;
  const reel_panel *panels;           // (bands, columns)
  char (*names)[16];                  // (bands); NULL: one band without a name
  bool curves;
  int scale, tile_rows, tile_columns; // a picture's pixels, each so large
  int longest;                        // steps
  double low, high;                   // of all rewards
} reel;

// --- what is shown --------------------------------------------------------------------------------------------------

static void reel_measure(reel *v) {
  v->longest = 1;
  v->low = 0;
  v->high = 0;
  for (const reel_panel *p = v->panels; p < v->panels + v->bands * v->columns; p++) {
    v->longest = int_max(v->longest, p->r->steps);
    for (int i = 0; i < p->r->steps; i++) {
      v->low = fmin(v->low, (double)p->r->rewards[i]);
      v->high = fmax(v->high, (double)p->r->rewards[i]);
    }
  }
  if (!(v->high > v->low)) v->high = v->low + 1;
}

static int reel_height(const reel *v) { return v->tile_rows * v->scale; }
static int reel_width(const reel *v) { return v->tile_columns * v->scale; }
static int reel_names_width(const reel *v) { return v->names ? draw_text_columns("round 1000", TEXT_SCALE) + GAP : 0; }
static int reel_band_height(const reel *v) {
  return LINE + reel_height(v) + 6 + 2 * LINE + (v->curves ? CURVE_ROWS + FONT_LINE + 2 : 0) + GAP;
}
static int reel_top(const reel *v, int band) { return MARGIN + (1 + WORDS) * LINE + 6 + band * reel_band_height(v); }
static int reel_left(const reel *v, int column) {
  return MARGIN + reel_names_width(v) + column * (reel_width(v) + GAP);
}

// Even numbers: what most players of MP4 want.
static canvas reel_canvas(const reel *v) {
  int columns = reel_left(v, v->columns) - GAP + MARGIN, rows = reel_top(v, v->bands) - GAP + MARGIN;
  columns = int_max(columns, 2 * MARGIN + draw_text_columns(v->title, TEXT_SCALE));
  for (int i = 0; i < WORDS; i++)
    columns = int_max(columns, 2 * MARGIN + draw_text_columns(v->words[i], TEXT_SCALE));
  return canvas_open(rows + rows % 2, columns + columns % 2, draw_paper);
}

// --- a panel --------------------------------------------------------------------------------------------------------

// rgb (tile_rows, tile_columns, 3): of that step, or the last one there is.
static void panel_picture(uint8_t *rgb, const reel *v, const reel_panel *p, int step) {
  size_t size = env_observation_size(v->of), pixels = (size_t)v->tile_rows * v->tile_columns * 3;
  int last = int_min(step, p->r->steps);
  const void *seen = p->seen ? p->r->seen + (size_t)last * env_observation_bytes(v->of) : NULL;
  const float *thought = p->r->thought + (size_t)(last / p->r->every) * size;

  if (!v->of->pixels) v->of->picture(rgb, v->tile_rows, v->tile_columns, seen ? seen : thought);
  else if (seen) memcpy(rgb, seen, pixels);
  else draw_bytes(rgb, thought, pixels);

  // what is over pales
  if (step < p->r->steps) return;
  for (size_t i = 0; i < pixels; i++) rgb[i] = (uint8_t)((rgb[i] + 2 * 255) / 3);
}

static void panel_curve(canvas *c, const reel *v, const reel_panel *p, int top, int left, int step) {
  int width = reel_width(v), before = 0;
  canvas_box(c, top, left, CURVE_ROWS, width, draw_nothing);
  for (int i = 0; i < int_min(step, p->r->steps); i++) {
    double share = ((double)p->r->rewards[i] - v->low) / (v->high - v->low);
    int row = top + CURVE_ROWS - 4 - (int)lround((isfinite(share) ? share : 0) * (CURVE_ROWS - 8));
    int column = left + (int)((int64_t)i * (width - 2) / v->longest);
    int next = left + (int)((int64_t)(i + 1) * (width - 2) / v->longest);
    if (i > 0) canvas_line(c, before, column, row, column, p->ink);
    canvas_box(c, row, column, 2, next - column + 1, p->ink);
    before = row;
  }
  canvas_text(c, top + CURVE_ROWS + 3, left, "reward of a step", 1, draw_faint);
}

static void panel_words(canvas *c, const reel *v, const reel_panel *p, int top, int left, int step) {
  char words[48];
  double sum = 0;
  bool over = step >= p->r->steps;
  int last = int_min(step, p->r->steps);
  for (int i = 0; i < last; i++) sum += (double)p->r->rewards[i];

  const char *form = !over ? "step %d" : p->r->ended ? "ended at %d" : "cut at %d";
  snprintf(words, sizeof words, form, last);
  canvas_text(c, top, left, words, TEXT_SCALE, draw_ink);
  snprintf(words, sizeof words, "return %.1f", sum);
  canvas_text(c, top + LINE, left, words, TEXT_SCALE, draw_ink);
  if (v->curves) panel_curve(c, v, p, top + 2 * LINE, left, step);
}

static void panel_draw(canvas *c, const reel *v, int band, int column, int step, uint8_t *rgb) {
  const reel_panel *p = &v->panels[band * v->columns + column];
  int top = reel_top(v, band), left = reel_left(v, column);
  canvas_text(c, top, left, p->name, TEXT_SCALE, draw_faint);
  panel_picture(rgb, v, p, step);
  canvas_image(c, top + LINE, left, rgb, v->tile_rows, v->tile_columns, v->scale);
  if (p->counts) panel_words(c, v, p, top + LINE + reel_height(v) + 6, left, step);
}

// --- the film -------------------------------------------------------------------------------------------------------

static void reel_frame(canvas *c, const reel *v, int step, uint8_t *rgb) {
  canvas_box(c, 0, 0, c->rows, c->columns, draw_paper);
  canvas_text(c, MARGIN, MARGIN, v->title, TEXT_SCALE, draw_ink);
  for (int i = 0; i < WORDS; i++)
    canvas_text(c, MARGIN + (1 + i) * LINE, MARGIN, v->words[i], TEXT_SCALE, draw_faint);

  for (int band = 0; band < v->bands; band++) {
    int middle = reel_top(v, band) + LINE + reel_height(v) / 2;
    if (v->names) canvas_text(c, middle, MARGIN, v->names[band], TEXT_SCALE, draw_ink);
    for (int column = 0; column < v->columns; column++) panel_draw(c, v, band, column, step, rgb);
  }
}

// ffmpeg is nobody's need: where it is not there, or cannot, there is no MP4.
static status reel_mp4(const app *a, const char *name) {
  char from[64], to[64];
  int code = 0;
  file_path directory = run_out(&a->run, RUN_REPORT);
  snprintf(from, sizeof from, "%s.png", name);
  snprintf(to, sizeof to, "%s.mp4.tmp", name);
  file_path film = path_join(directory.text, "%s.mp4", name), half = path_join(directory.text, "%s", to);
  TRY(file_remove(film.text));
  TRY(file_remove(half.text));

  char *words[] = {"ffmpeg", "-nostdin", "-v", "error", "-i", from, "-pix_fmt", "yuv420p", "-movflags", "+faststart",
                   "-f", "mp4", to, NULL};
  const program_order order = {.words = words,
                               .directory = directory.text,
                               .in = PROGRAM_NOWHERE,
                               .out = PROGRAM_NOWHERE,
                               .err = PROGRAM_NOWHERE,
                               .dies_with_us = true};
  if (program_run(&code, &order) == OK && code == 0) return file_commit(half.text, film.text);
  return file_remove(half.text);
}

static status reel_write(reel *v, const app *a, const char *name) {
  reel_measure(v);
  canvas c = reel_canvas(v);
  uint8_t *rgb = mem_take((size_t)v->tile_rows * v->tile_columns, 3);
  data_film *film = data_film_open(c.rows, c.columns);

  // the last frame shows where all have come to, a little longer
  for (int step = 0; step < v->longest + EVERY; step += EVERY) {
    reel_frame(&c, v, step, rgb);
    data_film_add(film, c.rgb, step < v->longest ? FRAME_MS : LAST_MS);
    heartbeat_beat();
  }
  status s = data_film_write(film, path_join(run_out(&a->run, RUN_REPORT).text, "%s.png", name).text);

  data_film_close(film);
  mem_free(rgb);
  canvas_close(&c);
  return s == OK ? reel_mp4(a, name) : s;
}

// --- which films there are ------------------------------------------------------------------------------------------

static const colour reel_real = {0, 114, 178}, reel_dreamt = {213, 94, 0};

// What is side by side: the episode, what V makes of it where there is a V, and a dream.  panels (PANELS_MAX)
static int reel_side_by_side(reel_panel *panels, const player *p, const recording *awake, const recording *dreamt) {
  int count = 0;
  panels[count++] = (reel_panel){.name = "reality", .r = awake, .seen = true, .counts = true, .ink = reel_real};
  if (p->a->environment->pixels) panels[count++] = (reel_panel){.name = "as V sees it", .r = awake};
  panels[count++] = (reel_panel){.name = "dream", .r = dreamt, .counts = true, .ink = reel_dreamt};
  return count;
}

static reel reel_of(const player *p, const char *title) {
  const env_spec *e = p->a->environment;
  reel v = {.of = e, .title = title, .bands = 1, .curves = true, .scale = 1, .tile_rows = 208, .tile_columns = 300};
  if (e->pixels) {
    v.scale = 3;
    v.tile_rows = e->shape[0];
    v.tile_columns = e->shape[1];
  }
  snprintf(v.words[1], sizeof v.words[1], "%s; the dream at temperature %g", e->name, p->a->s.dream.temperature);
  player_words(p, v.words[0], sizeof v.words[0]);
  return v;
}

static status films_write(const player *p, const recording *awake, const recording *under, const recording *own) {
  reel_panel panels[PANELS_MAX];
  reel v = reel_of(p, "The same actions, in reality and in the dream");
  v.panels = panels;
  v.columns = reel_side_by_side(panels, p, awake, under);
  TRY(reel_write(&v, p->a, "film-actions"));

  v.title = "The same controller, in reality and in the dream";
  v.columns = reel_side_by_side(panels, p, awake, own);
  return reel_write(&v, p->a, "film-controller");
}

static int films_steps(const app *a) { return int_min(STEPS, a->environment->cap); }
static int films_dream_steps(const app *a) { return int_min(STEPS, rules_of(a).cap); }

static status films_make(const player *p) {
  recording awake = recording_real(p, films_steps(p->a), EVERY, 0);
  recording under = recording_under(p, &awake, EVERY, 0);
  recording own = recording_dream(p, films_dream_steps(p->a), EVERY, 0, awake.start);
  status s = films_write(p, &awake, &under, &own);
  recording_free(&awake);
  recording_free(&under);
  recording_free(&own);
  return s;
}

static bool films_possible(const app *a) {
  return (a->environment->pixels || a->environment->picture) && file_exists(run_path(&a->run, RUN_RNN).text) &&
         file_exists(run_path(&a->run, RUN_CONTROLLER).text);
}

status picture_films(const app *a) {
  player p;
  if (!films_possible(a)) return OK;
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  TRY(player_open(&p, a));
  status s = films_make(&p);
  player_close(&p);
  return s;
}

// --- of several rounds ----------------------------------------------------------------------------------------------

typedef struct round_reel {
  char names[ROUNDS_MAX][16];
  recording awake[ROUNDS_MAX], dreamt[ROUNDS_MAX];
  reel_panel panels[ROUNDS_MAX * 2];
  int count;
} round_reel;

static status round_reel_add(round_reel *v, const app *a, const run_home *home) {
  const app r = app_of(a, home);
  player p;
  TRY(player_open(&p, &r));
  int i = v->count++;
  v->awake[i] = recording_real(&p, films_steps(&r), EVERY, 0);
  v->dreamt[i] = recording_dream(&p, films_dream_steps(&r), EVERY, 0, v->awake[i].start);
  player_close(&p);

  snprintf(v->names[i], sizeof v->names[i], "round %d", home->round);
  v->panels[2 * i] =
      (reel_panel){.name = "reality", .r = &v->awake[i], .seen = true, .counts = true, .ink = reel_real};
  v->panels[2 * i + 1] = (reel_panel){.name = "dream", .r = &v->dreamt[i], .counts = true, .ink = reel_dreamt};
  return OK;
}

static status round_reel_write(round_reel *v, const app *a) {
  const env_spec *e = a->environment;
  reel film = {.of = e,
               .title = "Each round's controller, in reality and in its dream",
               .bands = v->count,
               .columns = 2,
               .panels = v->panels,
               .names = v->names,
               .scale = e->pixels ? 2 : 1,
               .tile_rows = e->pixels ? e->shape[0] : 104,
               .tile_columns = e->pixels ? e->shape[1] : 150};
  snprintf(film.words[0], sizeof film.words[0], "the judgement's first episode, and the dream from its start");
  snprintf(film.words[1], sizeof film.words[1], "%s; dreams at temperature %g; seed %lld", e->name,
           a->s.dream.temperature, (long long)a->s.run.seed);
  return reel_write(&film, a, "rounds-film");
}

status picture_rounds_film(const app *a, const run_home *const *homes, int count) {
  if (!a->environment->pixels && !a->environment->picture) return OK;
  round_reel *v = mem_take(1, sizeof *v);
  status s = OK;
  for (int i = 0; i < int_min(count, ROUNDS_MAX) && s == OK; i++) s = round_reel_add(v, a, homes[i]);
  if (s == OK) s = round_reel_write(v, a);

  for (int i = 0; i < v->count; i++) {
    recording_free(&v->awake[i]);
    recording_free(&v->dreamt[i]);
  }
  mem_free(v);
  return s;
}

// Where the observation is the state: a real episode and a dream from the same state on, as the environment draws them,
// and their numbers over the steps: those that the environment has, and those that the dreamer thinks it has.

#include <math.h>
#include <string.h>

#include "picture.h"

enum { COLUMNS = 8, BANDS = 2, TILE_ROWS = 104, TILE_COLUMNS = 150 };

typedef struct duel {
  const player *p;
  recording real, dreamt;
  int size;  // of an observation
} duel;

static duel duel_play(const player *p) {
  const app *a = p->a;
  int cap = a->environment->cap, dream_cap = rules_of(a).cap;
  duel d = {.p = p, .size = (int)env_observation_size(a->environment)};
  d.real = recording_real(p, cap, 1, 0);
  d.dreamt = recording_dream(p, dream_cap, 1, 0, d.real.start);
  return d;
}

static void duel_free(duel *d) {
  recording_free(&d->real);
  recording_free(&d->dreamt);
}

// --- the sheet -----------------------------------------------------------------------------------------------------

static void duel_tile(sheet *s, int tile, int row, const duel *d, const recording *r, const float *states, int step) {
  int band = tile / COLUMNS, column = tile % COLUMNS;
  uint8_t rgb[TILE_ROWS * TILE_COLUMNS * 3];
  if (step > r->steps) {
    sheet_empty(s, band, row, column, r->ended ? "ended" : "cut");
    return;
  }
  d->p->a->environment->picture(rgb, TILE_ROWS, TILE_COLUMNS, states + (size_t)step * d->size);
  sheet_tile(s, band, row, column, rgb);
}

static void duel_name(sheet *s, int tile, int step) {
  char name[32];
  snprintf(name, sizeof name, step ? "+%d steps" : "start", step);
  sheet_column_name(s, tile / COLUMNS, tile % COLUMNS, name);
}

static void duel_moment(sheet *s, int tile, const duel *d, int step) {
  duel_name(s, tile, step);
  duel_tile(s, tile, 0, d, &d->real, (const float *)d->real.seen, step);
  duel_tile(s, tile, 1, d, &d->dreamt, d->dreamt.thought, step);
}

// From one tile to the next of so many, a round number.
static int tile_steps(const app *a, int tiles) {
  int dream = settings_learn(&a->s) ? rules_of(a).cap : a->environment->cap;
  int steps = int_min(a->environment->cap, dream), every = steps / (tiles - 1);
  return every >= 10 ? every / 5 * 5 : every ? every : 1;
}

static sheet_shape duel_shape(const char *title, int bands) {
  return (sheet_shape){.title = title,
                       .bands = bands,
                       .rows = 2,
                       .columns = COLUMNS,
                       .tile_rows = TILE_ROWS,
                       .tile_columns = TILE_COLUMNS,
                       .scale = 1,
                       .row_names = {"reality", "dream"}};
}

static status duel_sheet(const duel *d) {
  const app *a = d->p->a;
  char words[2][256], of[100];
  int every = tile_steps(a, BANDS * COLUMNS);
  player_words(d->p, of, sizeof of);
  snprintf(words[0], sizeof words[0], "%s, %s; dream at temperature %g", a->environment->name, of,
           a->s.dream.temperature);
  snprintf(words[1], sizeof words[1],
           "Both begin in the same state; the dream's pictures are what M believes the state to be.");

  sheet_shape shape = duel_shape("A dream beside a real episode", BANDS);
  shape.words[0] = words[0];
  shape.words[1] = words[1];
  sheet s = sheet_open(&shape);
  for (int tile = 0; tile < BANDS * COLUMNS; tile++) duel_moment(&s, tile, d, tile * every);
  return sheet_write(&s, run_out(&a->run, "report/dream-and-real.png").text);
}

static void duel_strip_draw(sheet *s, int band, const player *p, int round) {
  char name[32];
  snprintf(name, sizeof name, "round %d", round);
  sheet_band_name(s, band, name);

  duel d = duel_play(p);
  int every = tile_steps(p->a, COLUMNS);
  for (int i = 0; i < COLUMNS; i++) duel_moment(s, band * COLUMNS + i, &d, i * every);
  duel_free(&d);
}

const strip_kind picture_states_strip = {.shape = duel_shape, .draw = duel_strip_draw};

// --- the curves ----------------------------------------------------------------------------------------------------

typedef struct line {
  double *x, *y;
  int n;
} line;

// Every `stride`-th float from `values` on.
static line line_of(const float *values, int n, int stride, int first) {
  line l = {.x = mem_take((size_t)n, sizeof(double)), .y = mem_take((size_t)n, sizeof(double)), .n = n};
  for (int i = 0; i < n; i++) {
    l.x[i] = first + i;
    l.y[i] = (double)values[(size_t)i * stride];
  }
  return l;
}

static void line_draw(chart *c, line l, const char *style, const char *title) {
  chart_curve(c, l.x, l.y, NULL, l.n, style, title);
  mem_free(l.x);
  mem_free(l.y);
}

// The legend stands below all panels, once.
static void duel_panel(chart *c, const duel *d, const char *title, line awake, line dreamt, bool key) {
  axes x = {.title = title, .x = "step", .y = "", .y_low = (double)NAN, .y_high = (double)NAN};
  x.x_high = fmax(1, d->real.steps > d->dreamt.steps ? d->real.steps : d->dreamt.steps);
  if (key) x.key = "at screen 0.5, screen 0.015 center bottom";
  chart_panel(c, &x);

  text_add(&c->script, "set offsets 0,0,graph 0.06,graph 0.06\n");
  if (d->dreamt.steps < d->real.steps) chart_mark(c, d->dreamt.steps, d->dreamt.ended ? "dream ends" : "dream is cut");
  line_draw(c, awake, "with lines lw 4 lc rgb '#56B4E9'", "reality");
  line_draw(c, dreamt, "with lines lw 1.5 lc rgb '#D55E00'", "dream, from the same start");
  chart_panel_end(c, &x);
}

static status duel_curves(const duel *d, chart *c) {
  enum { PANEL_COLUMNS = 3 };
  const app *a = d->p->a;
  char title[200], of[100];
  int panels = d->size + 1, panel_rows = (panels + PANEL_COLUMNS - 1) / PANEL_COLUMNS;
  player_words(d->p, of, sizeof of);
  snprintf(title, sizeof title, "%s, reality and dream: %s", a->environment->name, of);
  const chart_frame f = {.name = "dream-and-real-states.png",
                         .title = title,
                         .columns = 1200,
                         .rows = 140 + 310 * panel_rows,
                         .panel_rows = panel_rows,
                         .panel_columns = PANEL_COLUMNS};
  TRY(chart_picture(c, run_out(&a->run, "report").text, &f));

  // A panel for each number of the state, and one for the reward.
  for (int i = 0; i < d->size; i++) {
    line awake = line_of((const float *)d->real.seen + i, d->real.steps + 1, d->size, 0);
    line dreamt = line_of(d->dreamt.thought + i, d->dreamt.steps + 1, d->size, 0);
    duel_panel(c, d, a->environment->components[i], awake, dreamt, i == 0);
  }
  line awake = line_of(d->real.rewards, d->real.steps, 1, 1);
  line dreamt = line_of(d->dreamt.rewards, d->dreamt.steps, 1, 1);
  duel_panel(c, d, "reward of a step", awake, dreamt, false);
  chart_picture_end(c);
  return OK;
}

// --- where nothing is learnt: the real episode alone ----------------------------------------------------------------

static status states_film(const player *p) {
  char words[256], of[100];
  int every = tile_steps(p->a, BANDS * COLUMNS);
  player_words(p, of, sizeof of);
  snprintf(words, sizeof words, "%s, %s", p->a->environment->name, of);

  sheet_shape shape = duel_shape("A real episode", BANDS);
  shape.rows = 1;
  shape.words[0] = words;
  sheet s = sheet_open(&shape);
  duel d = {.p = p, .size = (int)env_observation_size(p->a->environment)};
  d.real = recording_real(p, p->a->environment->cap, 1, 0);
  for (int tile = 0; tile < BANDS * COLUMNS; tile++) {
    duel_name(&s, tile, tile * every);
    duel_tile(&s, tile, 0, &d, &d.real, (const float *)d.real.seen, tile * every);
  }
  recording_free(&d.real);
  return sheet_write(&s, run_out(&p->a->run, "report/real.png").text);
}

static status states_plain(const app *a) {
  player p;
  TRY(player_open(&p, a));
  status s = states_film(&p);
  player_close(&p);
  return s;
}

status picture_states(const app *a, chart *c) {
  player p;
  if (!a->environment->picture || !file_exists(run_path(&a->run, "controller.safetensors").text)) return OK;
  if (!settings_learn(&a->s)) return states_plain(a);
  if (!file_exists(run_path(&a->run, "rnn.safetensors").text)) return OK;
  TRY(player_open(&p, a));

  duel d = duel_play(&p);
  status s = duel_sheet(&d);
  if (s == OK) s = duel_curves(&d, c);

  duel_free(&d);
  player_close(&p);
  return s;
}

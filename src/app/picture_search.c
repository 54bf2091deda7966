// The search: what its candidates reached in the dream, and what their mean is worth in the real environment, beside
// the baselines. Two panels, since a dream and a real episode may be cut at different lengths.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

enum { WIDTH = 1200, HEIGHT = 930, HEIGHT_ALONE = 520, NAMES_MAX = SCORES_MAX + 2 };

typedef struct search_view {
  const app *a;
  const table *rows;
  const scores *judged;
  double *generation;
  int last;  // generation
} search_view;

// Rows of one descent alone (0: all), NaN elsewhere.
static double *view_column(const search_view *v, const char *name, int descent) {
  const table *t = v->rows;
  double *values = mem_take((size_t)t->rows + 1, sizeof *values);
  int column = table_column(t, name), whose = table_column(t, "descent");
  for (int r = 0; r < t->rows; r++) {
    bool wanted = descent == 0 || table_cell(t, r, whose) == descent;
    values[r] = wanted ? table_cell(t, r, column) : (double)NAN;
  }
  return values;
}

static void view_curve(chart *c, const search_view *v, const char *name, int descent, const char *style,
                       const char *title) {
  double *values = view_column(v, name, descent);
  chart_curve(c, v->generation, values, NULL, v->rows->rows, style, title);
  mem_free(values);
}

// The smallest return that a curve shows, `low` at most.
static double search_least(const search_view *v, double low) {
  static const char *const names[] = {"best", "median", "mean", "held_out", "real"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    for (int r = 0; r < v->rows->rows; r++) {
      double value = table_cell(v->rows, r, table_column(v->rows, names[i]));
      if (value < low) low = value;
    }
  return low;
}

// The largest of some columns.
static double search_most(const search_view *v, const char *const *names, int count) {
  double high = 0;
  for (int i = 0; i < count; i++)
    for (int r = 0; r < v->rows->rows; r++) {
      double value = table_cell(v->rows, r, table_column(v->rows, names[i]));
      if (value > high) high = value;
    }
  return high;
}

// `cap`: of the return, 0: there is none.
static axes view_axes(const search_view *v, const char *title, double high, int cap) {
  double top = fmax(high, cap), low = search_least(v, 0);
  if (!(top > low)) top = low + 1;
  return (axes){.title = title,
                .x = "generation",
                .y = "return: reward summed over an episode",
                .x_low = 0,
                .x_high = fmax(1, v->last) * 1.02,
                .y_low = low < 0 ? low * 1.08 : 0,
                .y_high = top * 1.06};
}

// --- names right of the panel: apart from each other, however near their levels are ---------------------------------

typedef struct level {
  char name[96];
  double y, text_y;
  const char *rgb;
} level;

static int level_order(const void *a, const void *b) {
  const level *x = a, *y = b;
  return (x->y > y->y) - (x->y < y->y);
}

static void levels_spread(level *levels, int count, double low, double high, double gap) {
  qsort(levels, (size_t)count, sizeof *levels, level_order);
  for (int i = 0; i < count; i++) {
    double least_y = i ? levels[i - 1].text_y + gap : low;
    levels[i].text_y = fmax(levels[i].y, least_y);
  }

  // Upwards they may have left the panel: back down, each below the one above it.
  for (int i = count - 1; i >= 0; i--) {
    double most_y = i + 1 < count ? levels[i + 1].text_y - gap : high;
    levels[i].text_y = fmin(levels[i].text_y, most_y);
  }
}

static void levels_draw(chart *c, level *levels, int count, const axes *x) {
  levels_spread(levels, count, x->y_low, x->y_high, (x->y_high - x->y_low) / 17);
  for (int i = 0; i < count; i++) chart_name(c, levels[i].y, levels[i].text_y, levels[i].name, levels[i].rgb);
}

// The cap in steps is one of the return, too, where a step pays 1. Returns how many levels it has: 1, or 0.
static int cap_draw(chart *c, level *l, int cap) {
  *l = (level){.y = cap, .rgb = palette[GREY]};
  snprintf(l->name, sizeof l->name, "cap: %d steps", cap);
  if (cap) chart_level(c, cap, "dt 3 lw 1.5 lc rgb '#666666'");
  return cap > 0;
}

// --- the dream ------------------------------------------------------------------------------------------------------

static void search_dream_curves(chart *c, const search_view *v) {
  int descents = v->a->s.evolve.descents;
  if (descents == 1) {
    view_curve(c, v, "best", 0, "with lines lw 1 lc rgb '#56B4E9'", "best candidate");
    view_curve(c, v, "mean", 0, "with lines lw 2.5 lc rgb '#0072B2'", "mean of the candidates");
    view_curve(c, v, "held_out", 0, "with points pt 7 ps 1.3 lc rgb '#000000'", "mean controller, on held-out dreams");
    return;
  }

  // Solid lines in all colours first, then dashed ones.
  for (int k = 1; k <= descents; k++) {
    const char *shade = palette[(k - 1) % (PALETTE - 1)];
    char style[96];
    snprintf(style, sizeof style, "with lines lw 2 dt %d lc rgb '%s'", 1 + (k - 1) / (PALETTE - 1), shade);
    view_curve(c, v, "mean", k, style, k == 1 ? "mean of the candidates, a line per descent" : "");
    snprintf(style, sizeof style, "with points pt 7 ps 1.1 lc rgb '%s'", shade);
    view_curve(c, v, "held_out", k, style, k == 1 ? "their mean controllers, on held-out dreams" : "");
  }
}

static void search_dream_panel(chart *c, const search_view *v) {
  static const char *const names[] = {"best", "mean", "held_out"};
  const settings *s = &v->a->s;
  int cap = s->dream.cap ? s->dream.cap : v->a->environment->cap;
  char title[128];
  snprintf(title, sizeof title, "In the dream: episodes of at most %d steps, temperature %g", cap,
           s->dream.temperature);
  int most = s->dream.reward == CONFIG_REWARD_ALIVE ? cap : 0;
  axes x = view_axes(v, title, search_most(v, names, 3), most);
  x.key = "at graph 0.5, graph -0.29 center top";

  level levels[1];
  chart_panel(c, &x);
  levels_draw(c, levels, cap_draw(c, levels, most), &x);
  search_dream_curves(c, v);
  chart_panel_end(c, &x);
}

// --- the real environment -------------------------------------------------------------------------------------------

static void level_of_score(level *l, const score *s, bool controller) {
  const char *name = controller ? "controller, judged" : s->name;
  *l = (level){.y = s->mean, .rgb = controller ? palette[VERMILION] : "#333333"};
  snprintf(l->name, sizeof l->name, "%s  %.1f ± %.1f", name, s->mean, s->se);
}

// The judged one, at its generation, with its standard error.
static void search_judged_point(chart *c, const search_view *v) {
  const score *s = &v->judged->of[0];
  double x = v->judged->generation, mean = s->mean, se = s->se;
  char title[96];
  snprintf(title, sizeof title, "judged afterwards: %.0f episodes, ± standard error", s->episodes);
  chart_curve(c, &x, &mean, &se, 1, "with yerrorbars pt 9 ps 1.8 lw 2 lc rgb '#D55E00'", title);
}

static bool score_is_controller(const score *s) { return strcmp(s->name, "controller") == 0; }

static void search_baselines(chart *c, const search_view *v, const axes *x, int cap) {
  level levels[NAMES_MAX];
  int count = cap_draw(c, levels, cap);
  for (int i = 0; i < v->judged->count; i++) {
    const score *s = &v->judged->of[i];
    if (!isfinite(s->mean)) continue;
    level_of_score(&levels[count++], s, score_is_controller(s));
    chart_level(c, s->mean, score_is_controller(s) ? "lw 1 lc rgb '#D55E00'" : "dt 2 lw 1.2 lc rgb '#333333'");
  }
  levels_draw(c, levels, count, x);
}

// Where nothing is learnt, the candidates are played where their mean is, too.
static void search_real_candidates(chart *c, const search_view *v) {
  bool one = v->a->s.evolve.descents == 1;
  if (one) view_curve(c, v, "best", 0, "with lines lw 1 lc rgb '#56B4E9'", "best candidate");
  view_curve(c, v, "mean", 0, one ? "with lines lw 2.5 lc rgb '#0072B2'" : "with points pt 7 ps 0.5 lc rgb '#0072B2'",
             "mean of the candidates");
}

static void search_real_panel(chart *c, const search_view *v) {
  static const char *const names[] = {"real", "best", "mean"};
  bool learns = settings_learn(&v->a->s);
  int cap = v->a->environment->cap, episodes = v->a->s.evolve.real_episodes;
  char title[160], points[96];
  snprintf(title, sizeof title, "In the real environment, %s: episodes of at most %d steps", v->a->environment->name,
           cap);
  snprintf(points, sizeof points, "mean controller during the search: %d episodes", episodes);

  double high = search_most(v, names, learns ? 1 : 3);
  for (int i = 0; i < v->judged->count; i++) high = fmax(high, v->judged->of[i].mean);
  int most = v->a->environment->pays_steps ? cap : 0;
  axes x = view_axes(v, title, high, most);
  x.key = "at graph 0.5, graph -0.29 center top";

  chart_panel(c, &x);
  search_baselines(c, v, &x, most);
  if (!learns) search_real_candidates(c, v);
  view_curve(c, v, "real", 0,
             v->a->s.evolve.descents > 1 ? "with points pt 5 ps 1.3 lc rgb '#009E73'"
                                         : "with linespoints lw 1 dt 3 pt 5 ps 1.3 lc rgb '#009E73'",
             points);
  if (v->judged->count && score_is_controller(&v->judged->of[0])) search_judged_point(c, v);
  chart_panel_end(c, &x);
}

// --- both ----------------------------------------------------------------------------------------------------------

static status search_draw(chart *c, const search_view *v) {
  char title[200];
  const settings *s = &v->a->s;
  bool learns = settings_learn(s);
  snprintf(title, sizeof title, "Evolving a controller of %s %s (seed %lld)", v->a->environment->name,
           learns ? "inside the dream" : "in the environment itself", (long long)s->run.seed);
  const chart_frame f = {.name = "evolve.png",
                         .title = title,
                         .columns = WIDTH,
                         .rows = learns ? HEIGHT : HEIGHT_ALONE,
                         .panel_rows = learns ? 2 : 1,
                         .panel_columns = 1,
                         .right = 270,
                         .gap = 186};
  TRY(chart_picture(c, run_out(&v->a->run, "report").text, &f));
  if (learns) search_dream_panel(c, v);
  search_real_panel(c, v);
  chart_picture_end(c);
  return OK;
}

status picture_search(const app *a, chart *c) {
  table t;
  scores judged;
  file_path csv = run_path(&a->run, "run.csv");
  if (!file_exists(csv.text)) return OK;
  TRY(table_read(&t, csv.text));

  status s = scores_read(&judged, run_path(&a->run, "evaluate.json").text);
  search_view v = {.a = a, .rows = &t, .judged = &judged};

  // The axis ends with the last generation of the rows, or with the one that was judged.
  v.generation = view_column(&v, "generation", 0);
  v.last = judged.generation;
  for (int r = 0; r < t.rows; r++)
    if (v.generation[r] > v.last && v.generation[r] < 1e9) v.last = (int)v.generation[r];

  if (s == OK) s = search_draw(c, &v);
  mem_free(v.generation);
  table_free(&t);
  return s;
}

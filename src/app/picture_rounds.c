// What the rounds of a run reached, side by side: rounds.csv, a table, curves, and a strip of each.

#include <math.h>
#include <string.h>

#include "picture.h"

typedef struct reached {  // a row of rounds.csv; NaN: nothing
  double episodes, steps;  // real ones so far: collected, and played to look at the search's means
  double dream;           // last held-out score of the round's search
  double best;            // of its means, by the real episodes that the search looked at it by
  double real, se;        // its controller's judgement
  double baseline;        // the best baseline's, on the same luck
  double ratio;           // of steps that controller survives, dream over reality
  double correlation;     // between dream and reality, of the ranks of candidates around it
  double wrong;           // of its choices at real moments, the dream's that are wrong: a share
} reached;

// --- read -----------------------------------------------------------------------------------------------------------

// The last number of a column that is one.
static double reached_last(const table *t, const char *name) {
  int column = table_column(t, name);
  double last = (double)NAN;
  for (int r = 0; r < t->rows; r++)
    if (!isnan(table_cell(t, r, column))) last = table_cell(t, r, column);
  return last;
}

// What was taken from others may be fewer than were asked for.
static status reached_collected_read(reached *r, const run_home *home) {
  dataset *d;
  TRY(data_open(&d, run_path(home, RUN_EPISODES).text));
  int count = data_count(d);
  r->episodes += count;
  for (int i = 0; i < count; i++) r->steps += data_steps(d, i);
  data_close(d);
  return OK;
}

static void reached_measured_add(reached *r, const table *t, int episodes) {
  int column = table_column(t, "real_steps");
  for (int row = 0; row < t->rows; row++) {
    double steps = table_cell(t, row, column);
    if (isnan(steps)) continue;
    r->episodes += episodes;
    r->steps += steps;
  }
}

static status reached_search_read(reached *r, const run_home *home) {
  table t;
  TRY(reached_collected_read(r, home));
  TRY(table_read(&t, run_path(home, RUN_ROWS).text));
  reached_measured_add(r, &t, home->s->evolve.real_episodes);
  if (home->s->evolve.in == CONFIG_IN_REAL) {
    r->episodes += reached_last(&t, "episodes");
    r->steps += reached_last(&t, "steps");
  }
  r->dream = reached_last(&t, "held_out");
  r->best = home_best_real(&t);
  table_free(&t);
  return OK;
}

static void reached_fidelity_number(void *self, const char *const *keys, int depth, double value) {
  reached *r = self;
  bool controller = depth == 3 && strcmp(keys[0], "survival") == 0 && strcmp(keys[1], "controller") == 0;
  if (controller && strcmp(keys[2], "ratio") == 0) r->ratio = value;
  if (depth == 2 && strcmp(keys[0], "ranking") == 0 && strcmp(keys[1], "correlation") == 0) r->correlation = value;
  bool wrong = depth == 3 && strcmp(keys[0], "choices") == 0 && strcmp(keys[1], "wrong") == 0;
  if (wrong && strcmp(keys[2], "mean") == 0) r->wrong = value;
}

static status reached_judgement_read(reached *r, const run_home *home) {
  scores judged;
  TRY(scores_read(&judged, run_path(home, RUN_JUDGEMENT).text));
  for (int i = 0; i < judged.count; i++) {
    const score *of = &judged.of[i];
    if (strcmp(of->name, "controller") == 0) {
      r->real = of->mean;
      r->se = of->se;
    } else if (!(of->mean <= r->baseline)) {
      r->baseline = of->mean;
    }
  }
  return OK;
}

static status reached_read(reached *r, const run_home *home) {
  const double none = (double)NAN;
  *r = (reached){.episodes = r->episodes,
                 .steps = r->steps,
                 .real = none,
                 .se = none,
                 .baseline = none,
                 .ratio = none,
                 .correlation = none,
                 .wrong = none};
  TRY(reached_search_read(r, home));
  TRY(reached_judgement_read(r, home));
  file_path fidelity = run_path(home, RUN_FIDELITY);
  if (!stage_is_of(home, STAGE_FIDELITY) || !file_exists(fidelity.text)) return OK;
  return data_numbers_read(fidelity.text, reached_fidelity_number, r);
}

// rows (last->round)
static status reached_read_all(reached *rows, const run_home *last) {
  if (last->before) TRY(reached_read_all(rows, last->before));
  reached *r = &rows[last->round - 1];
  if (last->before) *r = r[-1];
  return reached_read(r, last);
}

// --- told -----------------------------------------------------------------------------------------------------------

static status reached_csv_write(const app *a, const reached *rows, int count, int chosen) {
  text_buffer t = {0};
  text_add(&t, "round,real_episodes,real_steps,dream,real,se,baseline,dream_over_real,rank_correlation,wrong_choices,"
               "best_mean,chosen\n");
  for (const reached *r = rows; r < rows + count; r++)
    text_add(&t, "%d,%.0f,%.0f,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%d\n", (int)(r - rows) + 1, r->episodes,
             r->steps, r->dream, r->real, r->se, r->baseline, r->ratio, r->correlation, r->wrong, r->best,
             r == rows + chosen - 1);
  status s = file_write(run_out(&a->run, RUN_ROUNDS).text, t.bytes, t.size);
  text_free(&t);
  return s;
}

static void reached_print(const app *a, const reached *rows, int count, int chosen) {
  printf("%-6s %14s %11s %9s %9s %7s %14s %11s %17s %14s\n", "round", "real episodes", "real steps", "dream", "real",
         "se", "best baseline", "dream/real", "rank correlation", "wrong choices");
  for (const reached *r = rows; r < rows + count; r++)
    printf("%-6d %14.0f %11.0f %9.1f %9.1f %7.2f %14.1f %11.2f %17.2f %14.2f\n", (int)(r - rows) + 1, r->episodes,
           r->steps, r->dream, r->real, r->se, r->baseline, r->ratio, r->correlation, r->wrong);
  if (homes_compare(a) && !isnan(rows[chosen - 1].best))
    printf("The run's controller is that of round %d: %.1f is the best of all means by %d real episodes, which no "
           "judgement counts.\n", chosen, rows[chosen - 1].best, a->s.evolve.real_episodes);
  output_flush();
}

// --- drawn ----------------------------------------------------------------------------------------------------------

enum { WIDTH = 1000, HEIGHT = 860 };

typedef struct reached_view {
  const app *a;
  const reached *rows;
  double *x;  // (count)
  int count;
} reached_view;

// `at`: which number of a row; `error`: of its standard error, or 0 for none.
static void reached_curve(chart *c, const reached_view *v, size_t at, size_t error, const char *style,
                          const char *title) {
  double *y = mem_take(2 * (size_t)v->count, sizeof *y), *e = y + v->count;
  for (int i = 0; i < v->count; i++) {
    memcpy(&y[i], (const char *)&v->rows[i] + at, sizeof *y);
    memcpy(&e[i], (const char *)&v->rows[i] + error, sizeof *e);
  }
  chart_curve(c, v->x, y, error ? e : NULL, v->count, style, title);
  mem_free(y);
}
#define REACHED(field) offsetof(reached, field)

static void reached_scores_panel(chart *c, const reached_view *v) {
  const settings *s = &v->a->s;
  double most = 1, least = 0;
  char dream[128];
  for (const reached *r = v->rows; r < v->rows + v->count; r++) {
    most = fmax(fmax(most, r->dream), fmax(r->real, r->baseline));
    least = fmin(fmin(least, r->dream), fmin(r->real, r->baseline));
  }
  snprintf(dream, sizeof dream, "its last score in held-out dreams, which are cut at %d steps",
           s->dream.cap ? s->dream.cap : v->a->environment->cap);

  const axes x = {.title = "Scores of the round's controller",
                  .x = "round",
                  .y = "return",
                  .x_low = 0.5,
                  .x_high = v->count + 0.5,
                  .y_low = least * 1.1,
                  .y_high = most * 1.35,
                  .key = "top left"};
  chart_panel(c, &x);
  reached_curve(c, v, REACHED(baseline), 0, "with linespoints pt 1 dt 2 lw 1.5 lc rgb '#333333'",
                "best baseline, on the same luck");
  reached_curve(c, v, REACHED(dream), 0, "with linespoints pt 7 ps 1.2 lw 2 lc rgb '#0072B2'", dream);
  reached_curve(c, v, REACHED(real), 0, "with lines lw 2 lc rgb '#D55E00'", "");
  reached_curve(c, v, REACHED(real), REACHED(se), "with yerrorbars pt 9 ps 1.6 lw 2 lc rgb '#D55E00'",
                "judged in the real environment, ± standard error");
  chart_panel_end(c, &x);
}

// A dream that is neither kind nor harsh, and ranks as reality does, has both at 1; and its choices are right.
static void reached_fidelity_panel(chart *c, const reached_view *v) {
  double most = 1.4, least = 0;
  for (const reached *r = v->rows; r < v->rows + v->count; r++) {
    most = fmax(most, r->ratio);
    least = fmin(least, r->correlation);
  }
  const axes x = {.title = "How far its dream is to be trusted: 1, 1 and 0 where the dream is as reality",
                  .x = "round",
                  .y = "ratio, correlation, share",
                  .x_low = 0.5,
                  .x_high = v->count + 0.5,
                  .y_low = least < 0 ? least - 0.1 : 0,
                  .y_high = most * 1.3,
                  .key = "top left"};
  chart_panel(c, &x);
  chart_level(c, 1, "lw 1.5 lc rgb '#888888'");
  reached_curve(c, v, REACHED(ratio), 0, "with linespoints pt 7 ps 1.2 lw 2 lc rgb '#0072B2'",
                "steps the controller survives, dream / reality");
  reached_curve(c, v, REACHED(correlation), 0, "with linespoints pt 5 ps 1.2 lw 2 lc rgb '#009E73'",
                "rank correlation of candidates, dream and reality");
  reached_curve(c, v, REACHED(wrong), 0, "with linespoints pt 9 ps 1.2 lw 2 lc rgb '#E69F00'",
                "the dream's choices at real moments that are wrong");
  chart_panel_end(c, &x);
}

static status reached_draw(const reached_view *v, chart *c) {
  char title[160];
  snprintf(title, sizeof title, "What each round reached in %s (seed %lld)", v->a->environment->name,
           (long long)v->a->s.run.seed);
  const chart_frame f = {.name = "rounds.png",
                         .title = title,
                         .columns = WIDTH,
                         .rows = HEIGHT,
                         .panel_rows = 2,
                         .panel_columns = 1};
  file_path directory = run_out(&v->a->run, RUN_REPORT);
  TRY(chart_picture(c, directory.text, &f));
  reached_scores_panel(c, v);
  reached_fidelity_panel(c, v);
  chart_picture_end(c);
  return gnuplot_draw(directory.text, "rounds.gp", &c->script);
}

static status reached_tell(const app *a, const reached *rows, int count, int chosen) {
  chart c = {0};
  reached_view v = {.a = a, .rows = rows, .x = mem_take((size_t)count, sizeof(double)), .count = count};
  for (int i = 0; i < count; i++) v.x[i] = i + 1;
  status s = reached_csv_write(a, rows, count, chosen);
  if (s == OK) reached_print(a, rows, count, chosen);
  if (s == OK) s = dir_make(run_out(&a->run, RUN_REPORT).text);
  if (s == OK) s = reached_draw(&v, &c);
  chart_free(&c);
  mem_free(v.x);
  return s;
}

// --- strips ---------------------------------------------------------------------------------------------------------

enum { STRIPS_MAX = 10 };

// Evenly spread where there are too many, the first and the last among them.  homes (most)
static int reached_strips_choose(const run_home **homes, const run_home *last, int most) {
  int count = int_min(last->round, most), left = count - 1;
  for (const run_home *h = last; h && left >= 0; h = h->before)
    if (h->round == 1 + left * (last->round - 1) / int_max(1, count - 1)) homes[left--] = h;
  return count;
}

// One real episode as each round's controller plays it, and that round's dream from its beginning.  homes (count)
static status reached_strips_sheet(const app *a, const strip_kind *k, const run_home *const *homes, int count) {
  char words[160];
  snprintf(words, sizeof words, "%s; dreams at temperature %g; seed %lld", a->environment->name,
           a->s.dream.temperature, (long long)a->s.run.seed);

  sheet_shape shape = k->shape("Each round's dream beside a real episode", count);
  shape.words[0] = "One episode of the judgement as each round's controller plays it, and how that";
  shape.words[1] = "round's world goes on by itself from the same beginning under that controller;";
  shape.words[2] = words;
  sheet s = sheet_open(&shape);

  // what could be opened is shown, whatever became of the rest
  status opened = OK;
  for (int band = 0; band < count && opened == OK; band++) {
    const app r = app_of(a, homes[band]);
    player p;
    opened = player_open(&p, &r);
    if (opened != OK) break;
    k->draw(&s, band, &p, homes[band]->round);
    player_close(&p);
  }
  status written = sheet_write(&s, run_out(&a->run, RUN_ROUNDS_STRIP).text);
  return opened == OK ? written : opened;
}

static status reached_strips_draw(const app *a, const run_home *last) {
  const run_home *homes[STRIPS_MAX];
  int count = reached_strips_choose(homes, last, STRIPS_MAX);
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  if (a->environment->pixels) return reached_strips_sheet(a, &picture_pixels_strip, homes, count);
  return a->environment->picture ? reached_strips_sheet(a, &picture_states_strip, homes, count) : OK;
}

static status reached_film_make(const app *a, const run_home *last) {
  const run_home *homes[PICTURE_ROUNDS_FILM];
  int count = reached_strips_choose(homes, last, PICTURE_ROUNDS_FILM);
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  return picture_rounds_film(a, homes, count);
}

status picture_rounds(const app *a, const run_home *last) {
  reached *rows = mem_take((size_t)last->round, sizeof *rows);
  int chosen;
  status s = reached_read_all(rows, last);
  if (s == OK) s = homes_best(&chosen, a, last, 1);
  if (s == OK) s = reached_tell(a, rows, last->round, chosen);
  if (s == OK) s = reached_strips_draw(a, last);
  if (s == OK) s = reached_film_make(a, last);
  mem_free(rows);
  return s;
}

status picture_rounds_judged(const app *a) {
  app w = *a;
  int judged = 0;
  w.s = a->whole;
  w.run.s = &w.s;

  one_round *rounds = homes_make(&w);
  while (judged < w.s.run.rounds && file_exists(run_path(&rounds[judged].home, RUN_JUDGEMENT).text)) judged++;
  status s = judged ? picture_rounds(&w, &rounds[judged - 1].home) : OK;
  mem_free(rounds);
  return s;
}

// Where a search's time went: run.csv's shares of all rank-seconds, averaged over so many generations that a picture of
// them stays legible: as CSV, as JSON and as a picture.

#include <math.h>
#include <string.h>

#include "picture.h"

enum { SHARES = 4, POINTS = 150 };  // generations a picture shows, at most
static const char *split_share(int i) { return row_name(ROW_DREAM + (row_column)i); }

typedef struct stretch {  // of generations, up to and with `generation`
  int generation;
  double seconds, share[SHARES];
} stretch;

static void split_stretch_add(stretch *s, const stretch *more) {
  double seconds = s->seconds + more->seconds, part = seconds > 0 ? more->seconds / seconds : 1;
  for (int i = 0; i < SHARES; i++) s->share[i] += (more->share[i] - s->share[i]) * part;
  s->seconds = seconds;
  s->generation = more->generation;
}

// stretches (POINTS); returns how many there are: none where an older version wrote run.csv.
static int split_read(stretch *stretches, stretch *whole, const table *t) {
  int width = (t->rows + POINTS - 1) / POINTS;
  for (int i = 0; i < SHARES; i++)
    if (table_column(t, split_share(i)) < 0) return 0;

  for (int k = 0; k < t->rows; k++) {
    const run_row r = row_read(t, k);
    stretch one = {.generation = (int)fmax(0, fmin(1e9, r.of[ROW_GENERATION]))};
    bool known = isfinite(r.of[ROW_SECONDS]);
    for (int i = 0; i < SHARES; i++) {
      one.share[i] = fmax(0, r.of[ROW_DREAM + i]);
      known &= isfinite(r.of[ROW_DREAM + i]);
    }
    if (known) one.seconds = r.of[ROW_SECONDS];  // not known of descents that go on by themselves
    split_stretch_add(&stretches[k / width], &one);
    split_stretch_add(whole, &one);
  }
  return t->rows ? (t->rows + width - 1) / width : 0;
}

static void split_json(text_buffer *t, const char *key, const stretch *s) {
  json_open(t, key, '{');
  json_number(t, "generation", s->generation);
  json_number(t, "seconds", s->seconds);
  for (int i = 0; i < SHARES; i++) json_number(t, split_share(i), s->share[i]);
  json_close(t, '}');
}

static status split_write(const app *a, const stretch *stretches, int count, const stretch *whole) {
  // The same numbers twice: for spreadsheets, and for programs.
  text_buffer csv = {0}, json = {0};
  text_add(&csv, "generation,seconds,dream,controller,master,wait\n");
  json_open(&json, NULL, '{');
  json_text(&json, "unit", "share of all rank-seconds");
  split_json(&json, "whole", whole);
  json_open(&json, "generations", '[');
  for (const stretch *s = stretches; s < stretches + count; s++) {
    text_add(&csv, "%d,%.3f", s->generation, s->seconds);
    for (int i = 0; i < SHARES; i++) text_add(&csv, ",%.4f", s->share[i]);
    text_add(&csv, "\n");
    split_json(&json, NULL, s);
  }
  json_close(&json, ']');
  json_close(&json, '}');

  status s = file_write(run_out(&a->run, "report/generation-split.csv").text, csv.bytes, csv.size);
  if (s == OK) s = file_write(run_out(&a->run, "report/generation-split.json").text, json.bytes, json.size);
  text_free(&csv);
  text_free(&json);
  return s;
}

// One share upon the other: curve i has shares 0 .. i below it.
static void split_curves(chart *c, const stretch *stretches, int count) {
  static const char *const titles[SHARES] = {"dreaming (M)", "controllers", "rank 0's own work: ask, tell, write",
                                             "waiting for other ranks"};
  static const char *const colours[SHARES] = {"#0072B2", "#E69F00", "#D55E00", "#DDDDDD"};
  double x[POINTS + 1], y[POINTS + 1];

  // The highest first: those below are drawn over it.
  for (int top = SHARES - 1; top >= 0; top--) {
    char style[64];
    for (int i = 0; i < count; i++) {
      x[i] = stretches[i].generation;
      y[i] = 0;
      for (int k = 0; k <= top; k++) y[i] += 100 * stretches[i].share[k];
    }
    snprintf(style, sizeof style, "with fillsteps lc rgb '%s'", colours[top]);
    chart_curve(c, x, y, NULL, count, style, titles[top]);
  }
}

static status split_draw(const app *a, chart *c, const stretch *stretches, int count) {
  axes x = {.title = "",
            .x = "generation",
            .y = "share of all rank-seconds in %",
            .y_high = 100,
            .x_low = stretches[0].generation,
            .x_high = fmax(stretches[count - 1].generation, stretches[0].generation + 1),
            .key = "at screen 0.5, screen 0.02 center bottom horizontal"};
  const chart_frame f = {.name = "generation-split.svg",
                         .title = "Where the ranks' time went",
                         .columns = 1000,
                         .rows = 560,
                         .panel_rows = 1,
                         .panel_columns = 1};

  TRY(chart_picture(c, run_out(&a->run, "report").text, &f));
  chart_panel(c, &x);
  split_curves(c, stretches, count);
  chart_panel_end(c, &x);
  chart_picture_end(c);
  return OK;
}

status picture_split(const app *a, chart *c) {
  stretch stretches[POINTS] = {0}, whole = {0};
  table t;
  file_path csv = run_path(&a->run, RUN_ROWS);
  if (!file_exists(csv.text)) return OK;

  TRY(table_read(&t, csv.text));
  int count = split_read(stretches, &whole, &t);
  table_free(&t);
  if (count == 0) return OK;

  TRY(split_write(a, stretches, count, &whole));
  return split_draw(a, c, stretches, count);
}

// How V and M learned: each part of the loss in a panel of its own, on training data and on held-out episodes.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "picture.h"

typedef struct part {
  const char *column, *title, *unit;  // its held-out twin's name is held_out_column, or held_out for the whole
} part;

enum { PARTS_MAX = 4, WIDTH = 1200 };
typedef struct network {
  const char *csv, *picture, *title, *x;
  int panel_columns, part_count;
  part parts[PARTS_MAX];
} network;

static const network networks[] = {
    {.csv = "train_vae.csv",
     .picture = "train-vae.png",
     .title = "V, the variational autoencoder of the frames: loss per frame",
     .x = "batches trained on",
     .panel_columns = 3,
     .part_count = 3,
     .parts = {{"loss", "whole loss", "squared error + KL in nats"},
               {"reconstruction", "reconstruction", "squared error of all pixels"},
               {"kl", "KL of the latents from N(0, 1)", "nats"}}},
    {.csv = "train_rnn.csv",
     .picture = "train-rnn.png",
     .title = "M, the recurrent network that predicts the next latents: loss per step",
     .x = "chunks trained on",
     .panel_columns = 2,
     .part_count = 4,
     .parts = {{"loss", "whole loss, weighted", "nats"},
               {"latent", "next latent: -log density per dimension", "nats"},
               {"done", "end of the episode: cross-entropy", "nats"},
               {"reward", "reward: half squared error", "reward squared"}}},
};

static double *column_copy(const table *t, const char *name) {
  double *values = mem_take((size_t)t->rows + 1, sizeof *values);
  int column = table_column(t, name);
  for (int r = 0; r < t->rows; r++) values[r] = table_cell(t, r, column);
  return values;
}

// All finite numbers of two curves, in order; returns how many.
static int sorted(double *values, const double *a, const double *b, int n) {
  int count = 0;
  for (int i = 0; i < n; i++) {
    if (isfinite(a[i])) values[count++] = a[i];
    if (isfinite(b[i])) values[count++] = b[i];
  }
  qsort(values, (size_t)count, sizeof *values, double_ascending);
  return count;
}

// A loss falls fast first and slowly then: logarithmic where all is positive and much is passed through. Where there is
// no logarithm the steep beginning is cut off, so that the rest has the panel's height.
static void axis_choose(axes *x, const double *training, const double *held_out, int n) {
  double *values = mem_take(2 * (size_t)n + 1, sizeof *values);
  int count = sorted(values, training, held_out, n);
  if (count) {
    double low = values[0], middle = values[count / 2], high = values[count - 1], cut = middle + 6 * (middle - low);
    x->log_y = low > 0 && high > 3 * low;
    if (!(low > 0) && count > 8 && cut > middle && cut < high) high = cut;
    double room = high > low ? 0.06 * (high - low) : fmax(fabs(high), 1) * 0.1;
    x->y_low = x->log_y ? low / 1.15 : low - room;
    x->y_high = x->log_y ? high * 1.15 : high + room;
  }
  mem_free(values);
}

// The legend stands below all panels, once.
static void part_draw(chart *c, const network *n, int which, const table *t, const double *step) {
  const part *p = &n->parts[which];
  char twin[64] = "held_out";
  if (strcmp(p->column, "loss") != 0) snprintf(twin, sizeof twin, "held_out_%s", p->column);
  double *training = column_copy(t, p->column), *held_out = column_copy(t, twin);
  axes x = {.title = p->title, .x = n->x, .y = p->unit, .y_low = (double)NAN, .y_high = (double)NAN, .x_high = 1};

  if (which == 0) x.key = "at screen 0.5, screen 0.015 center bottom";
  for (int r = 0; r < t->rows; r++) x.x_high = step[r] > x.x_high ? step[r] : x.x_high;
  x.x_high *= 1.02;
  axis_choose(&x, training, held_out, t->rows);

  chart_panel(c, &x);
  chart_curve(c, step, training, NULL, t->rows, "with lines lw 2 lc rgb '#0072B2'", "training");
  chart_curve(c, step, held_out, NULL, t->rows,
              t->rows > 60 ? "with lines lw 2 dt 2 lc rgb '#D55E00'"
                           : "with linespoints lw 1.5 dt 2 pt 6 ps 0.7 lc rgb '#D55E00'",
              "held-out episodes");
  chart_panel_end(c, &x);

  mem_free(training);
  mem_free(held_out);
}

static status network_draw(const app *a, chart *c, const network *n) {
  table t;
  file_path csv = run_path(&a->run, n->csv);
  if (!file_exists(csv.text)) return OK;
  TRY(table_read(&t, csv.text));

  int panel_rows = (n->part_count + n->panel_columns - 1) / n->panel_columns;
  const chart_frame f = {.name = n->picture,
                         .title = n->title,
                         .columns = WIDTH,
                         .rows = 140 + 320 * panel_rows,
                         .panel_rows = panel_rows,
                         .panel_columns = n->panel_columns};

  status s = chart_picture(c, run_out(&a->run, "report").text, &f);
  double *step = column_copy(&t, "step");
  for (int i = 0; i < n->part_count && s == OK; i++) part_draw(c, n, i, &t, step);
  if (s == OK) chart_picture_end(c);

  mem_free(step);
  table_free(&t);
  return s;
}

status picture_training(const app *a, chart *c) {
  for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) TRY(network_draw(a, c, &networks[i]));
  return OK;
}

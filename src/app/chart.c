// Charts: what gnuplot is told, with the numbers in the script itself, so that it opens no file but the picture.

#include <math.h>
#include <string.h>

#include "picture.h"

const char *const palette[PALETTE] = {[BLUE] = "#0072B2",   [VERMILION] = "#D55E00", [GREEN] = "#009E73",
                                      [ORANGE] = "#E69F00", [SKY] = "#56B4E9",       [PURPLE] = "#AA4499",
                                      [GREY] = "#666666"};

// In gnuplot's single quotes nothing is special but the quote itself. Control characters are not for a picture.
static void quoted_add(text_buffer *t, const char *words) {
  text_add(t, "'");
  for (const char *p = words; *p; p++) {
    bool plain = (unsigned char)*p >= ' ' && *p != 127;
    if (*p == '\'')
      text_add(t, "''");
    else
      text_add(t, "%c", plain ? *p : '?');
  }
  text_add(t, "'");
}

// Pixels around and between panels: for tics, labels and titles.
enum { LEFT = 98, RIGHT = 30, TOP = 92, BOTTOM = 130, GAP_X = 116, GAP_Y = 116 };

status chart_picture(chart *c, const char *directory, const chart_frame *f) {
  text_buffer *t = &c->script;
  bool vector = strstr(f->name, ".svg") != NULL;
  double width = f->columns, height = f->rows, right = f->right ? f->right : RIGHT, gap = f->gap ? f->gap : GAP_Y;
  text_add(t, "reset\nset encoding utf8\nset terminal %s size %d,%d font 'sans,%d' background rgb 'white'\n",
           vector ? "svg" : "pngcairo", f->columns, f->rows, vector ? 14 : 12);
  TRY(gnuplot_picture(t, directory, f->name));
  text_add(t, "set multiplot layout %d,%d margins %.4f,%.4f,%.4f,%.4f spacing %.4f,%.4f title ", f->panel_rows,
           f->panel_columns, LEFT / width, 1 - right / width, BOTTOM / height, 1 - TOP / height, GAP_X / width,
           gap / height);
  quoted_add(t, f->title);
  text_add(t, " font ',16' noenhanced\n");
  return OK;
}

void chart_picture_end(chart *c) { text_add(&c->script, "unset multiplot\nunset output\n"); }

// --- a panel -------------------------------------------------------------------------------------------------------

static void range_add(text_buffer *t, const char *which, double low, double high) {
  text_add(t, "set %srange [", which);
  if (isfinite(low))
    text_add(t, "%.9g", low);
  else
    text_add(t, "*");
  text_add(t, ":");
  if (isfinite(high))
    text_add(t, "%.9g", high);
  else
    text_add(t, "*");
  text_add(t, "]\n");
}

// 1, 2 or 5 times a power of ten: so many tics at most.
static double tic_step(double low, double high, int tics) {
  double rough = (high - low) / tics, power = pow(10, floor(log10(rough)));
  double share = rough / power;
  return power * (share <= 1 ? 1 : share <= 2 ? 2 : share <= 5 ? 5 : 10);
}

// gnuplot's own tics are powers of ten alone, of which a short axis may have but one.
static void log_tics_add(text_buffer *t, double low, double high) {
  static const double shares[] = {1, 2, 5};
  bool first = true;
  if (!(low > 0) || !(high > low) || high / low > 2000) return;
  text_add(t, "set ytics (");
  for (double power = pow(10, floor(log10(low))); power <= high; power *= 10)
    for (int i = 0; i < 3; i++)
      if (power * shares[i] >= low && power * shares[i] <= high) {
        text_add(t, "%s'%g' %.9g", first ? "" : ", ", power * shares[i], power * shares[i]);
        first = false;
      }
  text_add(t, ")\n");
}

void chart_panel(chart *c, const axes *a) {
  text_buffer *t = &c->script;
  text_add(t, "unset label\nunset arrow\nunset logscale\nset border 3 lc rgb '#888888'\nset offsets 0,0,0,0\n"
              "set tics nomirror out textcolor rgb '#222222'\nset ytics autofreq\nset style fill solid noborder\n"
              "set grid back lc rgb '#dddddd' lt 1 lw 0.7\nset title ");
  quoted_add(t, a->title);
  text_add(t, " font ',12' noenhanced\nset xlabel ");
  quoted_add(t, a->x);
  text_add(t, " noenhanced\nset ylabel ");
  quoted_add(t, a->y);
  text_add(t, " noenhanced\n");
  range_add(t, "x", a->x_low, a->x_high);
  range_add(t, "y", a->y_low, a->y_high);
  text_add(t, "set xtics %.9g\n", fmax(1, tic_step(a->x_low, a->x_high, 5)));
  if (a->log_y) {
    text_add(t, "set logscale y\n");
    log_tics_add(t, a->y_low, a->y_high);
  }
  if (a->key)
    text_add(t, "set key %s Left reverse samplen 2.5 noenhanced\n", a->key);
  else
    text_add(t, "unset key\n");
}

void chart_curve(chart *c, const double *x, const double *y, const double *error, int n, const char *style,
                 const char *title) {
  int points = 0;
  c->block++;
  text_add(&c->data, "$block%d << END\n", c->block);
  for (int i = 0; i < n; i++) {
    if (!isfinite(x[i]) || !isfinite(y[i]) || (error && !isfinite(error[i]))) continue;
    text_add(&c->data, "%.9g %.9g %.9g\n", x[i], y[i], error ? error[i] : 0);
    points++;
  }
  text_add(&c->data, "END\n");
  if (points == 0) return;  // gnuplot would stop at a curve without a point

  text_add(&c->plot, "%s$block%d using %s %s ", c->curves ? ", " : "", c->block, error ? "1:2:3" : "1:2", style);
  c->curves++;
  if (!*title)
    text_add(&c->plot, "notitle");
  else {
    text_add(&c->plot, "title ");
    quoted_add(&c->plot, title);
  }
}

void chart_level(chart *c, double y, const char *style) {
  if (isfinite(y))
    text_add(&c->decor, "set arrow from graph 0, first %.9g to graph 1, first %.9g nohead %s\n", y, y, style);
}

void chart_name(chart *c, double y, double y_text, const char *name, const char *rgb) {
  if (!isfinite(y)) return;
  text_add(&c->decor, "set arrow from graph 1, first %.9g to graph 1.02, first %.9g nohead lc rgb '%s'\nset label ", y,
           y_text, rgb);
  quoted_add(&c->decor, name);
  text_add(&c->decor, " at graph 1.025, first %.9g left font ',10' textcolor rgb '%s' noenhanced\n", y_text, rgb);
}

void chart_mark(chart *c, double x, const char *name) {
  text_add(&c->decor,
           "set arrow from first %.9g, graph 0 to first %.9g, graph 1 nohead dt 3 lw 1.5 lc rgb '%s'\nset label ", x, x,
           palette[GREY]);
  quoted_add(&c->decor, name);
  text_add(&c->decor, " at first %.9g, graph 0.96 left offset 0.5,0 font ',10' textcolor rgb '%s' noenhanced\n", x,
           palette[GREY]);
}

void chart_words(chart *c, const char *const *names, int count) {
  text_add(&c->decor, "set xtics (");
  for (int i = 0; i < count; i++) {
    if (i) text_add(&c->decor, ", ");
    quoted_add(&c->decor, names[i]);
    text_add(&c->decor, " %d", i);
  }
  text_add(&c->decor, ") noenhanced\n");
}

static void panel_forget(chart *c) {
  text_free(&c->data);
  text_free(&c->plot);
  text_free(&c->decor);
  c->data = c->plot = c->decor = (text_buffer){0};
  c->curves = 0;
}

// A panel without a curve keeps its place, its levels and names, and says so.
void chart_panel_end(chart *c, const axes *a) {
  text_buffer *t = &c->script;
  const char *decor = c->decor.size ? c->decor.bytes : "", *data = c->data.size ? c->data.bytes : "";
  if (c->curves) {
    text_add(t, "%s%splot %s\n", data, decor, c->plot.bytes);
  } else {
    if (!isfinite(a->y_high)) text_add(t, "set yrange [0:1]\n");
    text_add(t, "%sset label 'nothing was measured yet' at graph 0.5, graph 0.5 center textcolor rgb '%s'\n", decor,
             palette[GREY]);
    text_add(t, "plot NaN notitle\n");
  }
  panel_forget(c);
}

void chart_free(chart *c) {
  panel_forget(c);
  text_free(&c->script);
}

// What the report's pictures share: tables read, gnuplot asked, episodes played to be looked at.
#ifndef APP_PICTURE_H
#define APP_PICTURE_H

#include "app.h"
#include "draw.h"

// --- a picture by gnuplot: panels, each with curves, from numbers that stand in the script itself ------------------
typedef struct chart {
  text_buffer script;  // so far
  text_buffer data, plot, decor;  // of the panel under way
  int block, curves;
} chart;
// `palette`: colours that also those tell apart who see few of them (Okabe and Ito).
enum { BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, GREY, PALETTE };
extern const char *const palette[PALETTE];

typedef struct chart_frame {
  const char *name, *title;      // of the file, within its directory; above all panels
  int columns, rows;             // pixels
  int panel_rows, panel_columns;
  int right;                     // pixels right of the panels, for names; 0: few
  int gap;                       // pixels between a panel and the one below; 0: room for labels and title
} chart_frame;
// Begins a picture. NO_IO where an old one stays.
status chart_picture(chart *c, const char *directory, const chart_frame *f);
void chart_picture_end(chart *c);
typedef struct axes {
  const char *title, *x, *y;
  double x_low, x_high;      // x counts something
  double y_low, y_high;      // NaN: gnuplot's choice
  bool log_y;
  const char *key;           // gnuplot's place for the legend; NULL: none
} axes;
void chart_panel(chart *c, const axes *a);
// x, y and, where it is not NULL, the deviation of y, each (n); rows with a NaN are left out. `style` is what follows
// the data in gnuplot's `plot`.
void chart_curve(chart *c, const double *x, const double *y, const double *error, int n, const char *style,
                 const char *title);
void chart_level(chart *c, double y, const char *style);  // a horizontal line
void chart_name(chart *c, double y, double y_text, const char *name, const char *rgb);  // right of the panel
void chart_mark(chart *c, double x, const char *name);  // a vertical line with its name
void chart_words(chart *c, const char *const *names, int count);  // at 0, 1, .. instead of numbers on the x axis
void chart_panel_end(chart *c, const axes *a);
void chart_free(chart *c);

// --- the report's parts; each leaves out what the run has no files for ---------------------------------------------
status picture_training(const app *a, chart *c);
status picture_search(const app *a, chart *c);
status picture_fidelity(const app *a, chart *c);
status picture_split(const app *a, chart *c);
status picture_pixels(const app *a);
status picture_states(const app *a, chart *c);
status picture_films(const app *a);

// Of several rounds, above them: rounds.csv, its table, and pictures. `last`: of them, judged as all before it.
status picture_rounds(const app *a, const run_home *last);
status picture_rounds_judged(const app *a);  // of the rounds of a->whole that are; a is one of them

// --- an episode to be looked at ------------------------------------------------------------------------------------
typedef struct recording {
  int steps;         // made; there is one observation more
  bool ended;        // by itself, before it was cut
  int every;         // steps from one thought to the next
  float *thought;    // (steps / every + 1, observation), owned: what the mind thought it saw
  uint8_t *seen;     // (steps + 1, observation), owned: frames or states; NULL in a dream
  float *rewards;    // (steps), owned
  float *actions;    // (steps, actions), owned
  void *start;       // the beginning, for a dream to go on from, owned; NULL in a dream
} recording;
// The run's world and the controller that is judged.
typedef struct player {
  const app *a;
  world *w;
  controller_shape shape;
  float *parameters;  // (controller_size), owned
  search_state search;
} player;
status player_open(player *p, const app *a);
void player_close(player *p);
void player_words(const player *p, char *words, size_t size);  // which controller, of which generation
// The judgement's episode of that number, its first `steps`.
recording recording_real(const player *p, int steps, int every, int episode);
// start: a real recording's, where it begins.
recording recording_dream(const player *p, int steps, int every, int episode, const void *start);
// The same, under the actions of that real recording instead of the controller's.
recording recording_under(const player *p, const recording *awake, int every, int episode);
void recording_free(recording *r);

// --- sheets of frames, and a dream beside a real episode in one band ------------------------------------------------
// Three rows of frames, as the environment draws them: reality, what V sees, the dream.
sheet_shape picture_frames_shape(const char *title, int bands, int columns);
// How a band is laid out and filled, by the kind of observation.
typedef struct strip_kind {
  sheet_shape (*shape)(const char *title, int bands);
  // the judgement's first episode, and the dream from where it begins
  void (*draw)(sheet *s, int band, const player *p, int round);
} strip_kind;
extern const strip_kind picture_pixels_strip, picture_states_strip;

// The judgement's first episode as each of these rounds' controllers plays it, beside its dream.  homes (count)
enum { PICTURE_ROUNDS_FILM = 4 };  // of them, at most
status picture_rounds_film(const app *a, const run_home *const *homes, int count);

#endif

// How far the dream is to be trusted, drawn from fidelity.json; and, where there are pictures, what became of the same
// moments in reality and in the dream.

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fidelity.h"
#include "picture.h"

enum { WIDTH = 1300, HEIGHT = 1460 };

// --- fidelity.json, read back ---------------------------------------------------------------------------------------

enum { CHOICES = 3, FORETOLD = 4 };
typedef struct measured {
  int policies;
  char name[FIDELITY_POLICIES][48];
  double length[FIDELITY_POLICIES][2], length_se[FIDELITY_POLICIES][2];  // in the dream, in reality
  double hazard[4][FIDELITY_LAGS], hazard_se[4][FIDELITY_LAGS];          // as hazard_keys says
  double real_hazard;
  double sight[3][FIDELITY_SIGHTS + 1];                                  // as it was seen, then by imagined steps
  double candidate[2][FIDELITY_CANDIDATES];                              // in the dream, in reality
  double choice[CHOICES], choice_se[CHOICES], matter, regret, order;     // as choice_keys says
  double foretold[FORETOLD];                                             // as foretold_keys says
  double correlation, low, high;
} measured;

static const char *const hazard_keys[4] = {"dream", "data", "open_loop", "teacher_forced"};
static const char *const choice_keys[CHOICES] = {"wrong", "blind", "by_chance"};
static const char *const foretold_keys[FORETOLD] = {"recall", "recall_within_3", "precision", "precision_within_3"};

static int index_of(const char *word, const char *const *words, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(words[i], word) == 0) return i;
  return -1;
}

static int policy_of(measured *m, const char *name) {
  for (int i = 0; i < m->policies; i++)
    if (strcmp(m->name[i], name) == 0) return i;
  if (m->policies == FIDELITY_POLICIES) return -1;
  snprintf(m->name[m->policies], sizeof m->name[0], "%s", name);
  return m->policies++;
}

static void survival_number(measured *m, const char *const *keys, double value) {
  int policy = policy_of(m, keys[1]), outside = strcmp(keys[2], "real") == 0;
  if (policy < 0) return;
  if (strcmp(keys[3], "mean") == 0) m->length[policy][outside] = value;
  if (strcmp(keys[3], "se") == 0) m->length_se[policy][outside] = value;
}

static void hazard_number(measured *m, const char *const *keys, double value) {
  int which = index_of(keys[1], hazard_keys, 4), bin = 0;
  while (bin < FIDELITY_LAGS && strcmp(fidelity_lag_name(bin), keys[2]) != 0) bin++;
  if (which < 0 || bin == FIDELITY_LAGS) return;
  if (strcmp(keys[3], "mean") == 0) m->hazard[which][bin] = 1000 * value;
  if (strcmp(keys[3], "se") == 0) m->hazard_se[which][bin] = 1000 * value;
}

static void sight_number(measured *m, int which, const char *lag, double value) {
  for (int i = 0; i < FIDELITY_SIGHTS; i++)
    if (atoi(lag) == fidelity_sight_lag(i)) m->sight[which][i + 1] = value;
}

static void picture_number(measured *m, const char *const *keys, int depth, double value) {
  bool things = strcmp(keys[0], "small_bright_things") == 0;
  if (depth == 2 && strcmp(keys[1], "seen") == 0) m->sight[things ? 2 : 0][0] = value;
  if (depth == 3 && strcmp(keys[1], "open_loop") == 0) sight_number(m, things ? 2 : 0, keys[2], value);
  if (depth == 3 && strcmp(keys[1], "teacher_forced") == 0) sight_number(m, 1, keys[2], value);
}

static void ranking_number(measured *m, const char *const *keys, int depth, double value) {
  if (depth == 2 && strcmp(keys[1], "correlation") == 0) m->correlation = value;
  if (depth == 2 && strcmp(keys[1], "low") == 0) m->low = value;
  if (depth == 2 && strcmp(keys[1], "high") == 0) m->high = value;
  if (depth != 4) return;
  int candidate = atoi(keys[2]);
  if (candidate >= 0 && candidate < FIDELITY_CANDIDATES)
    m->candidate[strcmp(keys[3], "real") == 0][candidate] = value;
}

static void choice_number(measured *m, const char *const *keys, int depth, double value) {
  int which = depth == 3 ? index_of(keys[1], choice_keys, CHOICES) : -1;
  bool mean = depth == 3 && strcmp(keys[2], "mean") == 0;
  if (depth == 2 && strcmp(keys[1], "matter") == 0) m->matter = value;
  if (mean && strcmp(keys[1], "regret") == 0) m->regret = value;
  if (mean && strcmp(keys[1], "order") == 0) m->order = value;
  if (which >= 0 && mean) m->choice[which] = value;
  if (which >= 0 && strcmp(keys[2], "se") == 0) m->choice_se[which] = value;
}

static void foretold_number(measured *m, const char *key, double value) {
  int which = index_of(key, foretold_keys, FORETOLD);
  if (which >= 0) m->foretold[which] = value;
}

static void measured_number(void *self, const char *const *keys, int depth, double value) {
  measured *m = self;

  // a number is known by the keys on the way to it; others are passed over
  if (depth == 4 && strcmp(keys[0], "survival") == 0) survival_number(m, keys, value);
  if (depth == 4 && strcmp(keys[0], "hazard") == 0) hazard_number(m, keys, value);
  if (depth == 3 && strcmp(keys[0], "hazard") == 0 && strcmp(keys[1], "real_controller") == 0 &&
      strcmp(keys[2], "mean") == 0)
    m->real_hazard = 1000 * value;
  if (strcmp(keys[0], "picture_error") == 0 || strcmp(keys[0], "small_bright_things") == 0)
    picture_number(m, keys, depth, value);
  if (strcmp(keys[0], "ranking") == 0) ranking_number(m, keys, depth, value);
  if (strcmp(keys[0], "choices") == 0) choice_number(m, keys, depth, value);
  if (depth == 2 && strcmp(keys[0], "deaths") == 0) foretold_number(m, keys[1], value);
}

static status measured_read(measured *m, const char *path) {
  double *numbers = &m->length[0][0];
  *m = (measured){0};
  for (double *x = numbers; x <= &m->high; x++) *x = (double)NAN;
  return data_numbers_read(path, measured_number, m);
}

// --- panels ---------------------------------------------------------------------------------------------------------

static double highest(const double *x, int n, double least) {
  for (int i = 0; i < n; i++)
    if (x[i] > least) least = x[i];
  return least;
}

static void survival_draw(chart *c, const measured *m, int outside, const char *ink, const char *title) {
  double x[FIDELITY_POLICIES], y[FIDELITY_POLICIES], se[FIDELITY_POLICIES];
  char style[96];
  for (int i = 0; i < m->policies; i++) {
    x[i] = i + (outside ? 0.19 : -0.19);
    y[i] = m->length[i][outside];
    se[i] = m->length_se[i][outside];
  }

  snprintf(style, sizeof style, "with boxes lc rgb '%s'", ink);
  chart_curve(c, x, y, NULL, m->policies, style, title);
  chart_curve(c, x, y, se, m->policies, "with yerrorbars ps 0 lw 1.5 lc rgb '#222222'", "");
}

static void survival_panel(chart *c, const measured *m) {
  const char *names[FIDELITY_POLICIES];
  for (int i = 0; i < m->policies; i++) names[i] = m->name[i];
  axes x = {.title = "Steps survived, from first frames to the environment's cap",
            .x = "who acts",
            .y = "steps",
            .x_low = -0.6,
            .x_high = m->policies - 0.4,
            .y_high = 1.6 * highest(&m->length[0][0], 2 * FIDELITY_POLICIES, 1),
            .key = "top right"};

  chart_panel(c, &x);
  chart_words(c, names, m->policies);
  text_add(&c->decor, "set boxwidth 0.36\n");
  survival_draw(c, m, 0, palette[BLUE], "in the dream");
  survival_draw(c, m, 1, palette[VERMILION], "in reality, ± standard error");
  chart_panel_end(c, &x);
}

static void hazard_panel(chart *c, const measured *m) {
  static const struct { const char *title, *style; } curves[4] = {
      {"the controller's dreams", "with yerrorlines pt 7 lw 2 lc rgb '#0072B2'"},
      {"the newest episodes", "with yerrorlines pt 5 lw 2 lc rgb '#D55E00'"},
      {"on their actions, imagined on and on", "with linespoints pt 6 lw 2 dt 2 lc rgb '#56B4E9'"},
      {"on their actions, one step", "with linespoints pt 4 lw 2 dt 2 lc rgb '#009E73'"}};
  const char *names[FIDELITY_LAGS];
  double at[FIDELITY_LAGS];
  for (int i = 0; i < FIDELITY_LAGS; i++) names[i] = fidelity_lag_name(i);

  // room for the error bars
  double high = highest(&m->hazard[0][0], 4 * FIDELITY_LAGS, 1e-3);
  for (int i = 0; i < FIDELITY_LAGS; i++)
    for (int k = 0; k < 2; k++) high = fmax(high, m->hazard[k][i] + m->hazard_se[k][i]);
  axes x = {.title = "Deaths by steps since reality was left",
            .x = "steps since then",
            .y = "deaths per 1000 steps",
            .x_low = -0.5,
            .x_high = FIDELITY_LAGS - 0.5,
            .y_high = 1.5 * high,
            .key = "top right"};
  chart_panel(c, &x);
  chart_words(c, names, FIDELITY_LAGS);
  chart_level(c, m->real_hazard, "dt 3 lw 1.5 lc rgb '#666666'");

  // side by side, or the error bars would hide each other
  for (int k = 0; k < 4; k++) {
    for (int i = 0; i < FIDELITY_LAGS; i++) at[i] = i + 0.06 * (k - 1.5);
    chart_curve(c, at, m->hazard[k], k < 2 ? m->hazard_se[k] : NULL, FIDELITY_LAGS, curves[k].style,
                curves[k].title);
  }
  chart_panel_end(c, &x);
}

static void ranking_panel(chart *c, const measured *m) {
  char title[160];
  const double *dream = m->candidate[0], *outside = m->candidate[1];
  double low = INFINITY, high = highest(outside, FIDELITY_CANDIDATES, -INFINITY);
  for (int i = 0; i < FIDELITY_CANDIDATES; i++) low = outside[i] < low ? outside[i] : low;
  double room = high > low ? 0.05 * (high - low) : 1;
  snprintf(title, sizeof title, "%d candidates around it: rank correlation %.2f (%.2f to %.2f)", FIDELITY_CANDIDATES,
           m->correlation, m->low, m->high);

  // few or equal numbers: gnuplot needs a range all the same
  axes x = {.title = title,
            .x = "return in reality",
            .y = "return in the search's dreams",
            .x_low = isfinite(low) ? low - room : 0,
            .x_high = isfinite(high) ? high + room : 1,
            .y_low = (double)NAN,
            .y_high = (double)NAN};
  chart_panel(c, &x);
  chart_curve(c, outside, dream, NULL, FIDELITY_CANDIDATES, "with points pt 7 ps 1.2 lc rgb '#0072B2'", "");
  chart_panel_end(c, &x);
}

static void sights_panel(chart *c, const measured *m) {
  static const char *const names[] = {"seen", "1", "2", "4", "8", "16", "32"};
  static const char *const titles[] = {"error, imagined on and on", "error, one step", "small bright things kept"};
  static const char *const styles[] = {"with linespoints pt 6 lw 2 lc rgb '#0072B2'",
                                       "with linespoints pt 4 lw 2 dt 2 lc rgb '#009E73'",
                                       "with linespoints pt 7 lw 2 lc rgb '#E69F00'"};
  double at[FIDELITY_SIGHTS + 1];
  for (int i = 0; i <= FIDELITY_SIGHTS; i++) at[i] = i;

  axes x = {.title = "What is lost of the picture; error: 1 is that of the mean picture",
            .x = "imagined steps",
            .y = "share",
            .x_low = -0.3,
            .x_high = FIDELITY_SIGHTS + 0.3,
            .y_high = 1.45 * highest(&m->sight[0][0], 3 * (FIDELITY_SIGHTS + 1), 1),
            .key = "top right"};

  chart_panel(c, &x);
  chart_words(c, names, FIDELITY_SIGHTS + 1);
  for (int k = 0; k < 3; k++) chart_curve(c, at, m->sight[k], NULL, FIDELITY_SIGHTS + 1, styles[k], titles[k]);
  chart_panel_end(c, &x);
}

// Boxes side by side; se NULL: without errors.
static void shares_panel(chart *c, const char *title, const char *ink, const char *const *names, const double *share,
                         const double *se, int count) {
  double at[FORETOLD];
  char style[96];
  for (int i = 0; i < count; i++) at[i] = i;
  axes x = {.title = title,
            .x = "",
            .y = "share",
            .x_low = -0.6,
            .x_high = count - 0.4,
            .y_high = fmin(1.05, 1.3 * highest(share, count, 0.1) + 0.1)};

  snprintf(style, sizeof style, "with boxes lc rgb '%s'", ink);
  chart_panel(c, &x);
  chart_words(c, names, count);
  text_add(&c->decor, "set boxwidth 0.5\n");
  chart_curve(c, at, share, NULL, count, style, "");
  if (se) chart_curve(c, at, share, se, count, "with yerrorbars ps 0 lw 1.5 lc rgb '#222222'", "");
  chart_panel_end(c, &x);
}

static void choices_panel(chart *c, const measured *m) {
  static const char *const names[CHOICES] = {"the dream's favourite", "one action always", "any action"};
  char title[160] = "Choices at real moments that are wrong";
  if (m->matter > 0)
    snprintf(title, sizeof title, "Choices at %.0f real moments that are wrong; regret %.2f, pairs in order %.2f",
             m->matter, m->regret, m->order);
  shares_panel(c, title, palette[GREEN], names, m->choice, m->choice_se, CHOICES);
}

static void foretold_panel(chart *c, const measured *m) {
  static const char *const names[FORETOLD] = {"deaths foretold", "within 3 steps", "alarms right", "within 3 steps"};
  shares_panel(c, "Deaths foretold one step ahead, and alarms that were right", palette[SKY], names, m->foretold, NULL,
               FORETOLD);
}

static status page_draw(const app *a, chart *c, const measured *m) {
  char title[200];
  snprintf(title, sizeof title, "Can this dream of %s be trusted? (seed %lld)", a->environment->name,
           (long long)a->s.run.seed);
  const chart_frame f = {.name = "fidelity.png",
                         .title = title,
                         .columns = WIDTH,
                         .rows = HEIGHT,
                         .panel_rows = 3,
                         .panel_columns = 2};
  TRY(chart_picture(c, run_out(&a->run, "report").text, &f));
  survival_panel(c, m);
  hazard_panel(c, m);
  ranking_panel(c, m);
  sights_panel(c, m);
  choices_panel(c, m);
  foretold_panel(c, m);
  chart_picture_end(c);
  return OK;
}

// --- the same moments, in reality and in the dream ------------------------------------------------------------------

enum { TILES = 6, MOMENTS = 3, BEFORE_END = 18 };
static const int lags[TILES] = {0, 1, 2, 4, 8, 16};

static int tile_at(int lag) {
  for (int i = 0; i < TILES; i++)
    if (lags[i] == lag) return i;
  return -1;
}

// Lane 0 is awake all along; the dream goes on by itself from the moment on, under the same actions.
typedef struct strip {
  sheet *s;
  int band, moment;
  const data_episode *e;
  mind *awake, *dream;
  float *picture;
} strip;

static void strip_look(strip *t, int step) {
  int tile = tile_at(step - t->moment);
  if (tile < 0) return;
  sheet_tile(t->s, t->band, 0, tile, (const uint8_t *)t->e->observations + (size_t)step * WORLD_PIXELS);
  mind_picture(t->awake, 0, t->picture);
  sheet_tile_float(t->s, t->band, 1, tile, t->picture);
  mind_picture(t->dream, 0, t->picture);
  sheet_tile_float(t->s, t->band, 2, tile, t->picture);
}

static void strip_play(strip *t, const world *w, const dream_rules *rules, rng luck) {
  int A = world_senses_of(w).actions, last = int_min(t->moment + lags[TILES - 1], t->e->steps);
  void *state = mem_take(1, mind_state_bytes(w));
  dream_outcome outcome;

  mind_begin(t->awake, 0, luck);
  for (int step = 0; step <= last; step++) {
    mind_see(t->awake, (const uint8_t *)t->e->observations + (size_t)step * WORLD_PIXELS, 1);
    // at the moment the dream takes over what the mind has seen so far, and goes on by itself
    if (step == t->moment) {
      mind_save(t->awake, 0, state);
      mind_load(t->dream, 0, rules, luck, state);
    }
    strip_look(t, step);
    if (step == last) break;

    const float *action = t->e->actions + (size_t)step * A;
    mind_act(t->awake, action, 1);
    if (step >= t->moment) mind_imagine(t->dream, action, &outcome, 1);
  }

  // what the episode did not last for stays empty
  for (int i = 0; i < TILES; i++)
    for (int row = 0; row < 3 && t->moment + lags[i] > last; row++) sheet_empty(t->s, t->band, row, i, "ended");
  mem_free(state);
}

static status strip_read(const app *a, sheet *s, int band, const world *w, dataset *d) {
  data_episode e;
  char name[64];
  TRY(data_read(d, data_count(d) - 1 - band, &e));
  strip t = {.s = s,
             .band = band,
             .moment = int_max(0, e.steps - BEFORE_END),
             .e = &e,
             .awake = mind_open(w, 1),
             .dream = mind_open(w, 1),
             .picture = mem_take(WORLD_PIXELS, sizeof(float))};

  snprintf(name, sizeof name, "episode %lld", (long long)e.id);
  sheet_band_name(s, band, name);
  for (int i = 0; i < TILES; i++) {
    if (i) snprintf(name, sizeof name, "+%d step%s", lags[i], lags[i] == 1 ? "" : "s");
    else snprintf(name, sizeof name, "step %d", t.moment);
    sheet_column_name(s, band, i, name);
  }

  dream_rules rules = rules_of(a);

  // it goes on whatever M says of its end: the picture is what is looked at
  rules.end = DREAM_END_EXPECTED;
  rules.cap = INT_MAX;
  strip_play(&t, w, &rules, rng_episode(rng_stream((uint64_t)a->s.run.seed, "fidelity strip"), 0, (uint32_t)band));
  mind_close(t.awake);
  mind_close(t.dream);
  mem_free(t.picture);
  return OK;
}

static status strips_draw(const app *a, const world *w, dataset *d) {
  sheet_shape shape = picture_frames_shape("The same moments in reality and in the dream",
                                           int_min(MOMENTS, data_count(d)), TILES);
  shape.words[0] = "The newest episodes, shortly before their ends: what the environment showed,";
  shape.words[1] = "what V makes of it, and how the dream goes on from the first of these frames";
  shape.words[2] = "by itself, under the same actions.";

  sheet s = sheet_open(&shape);
  status read = OK;
  for (int band = 0; band < shape.bands && read == OK; band++) read = strip_read(a, &s, band, w, d);
  status written = sheet_write(&s, run_out(&a->run, "report/fidelity-strip.png").text);
  return read == OK ? written : read;
}

static status strips_read(const app *a) {
  world *w;
  dataset *d;
  TRY(app_world_read(a, &w));
  status s = data_open(&d, run_path(&a->run, RUN_EPISODES).text);
  if (s == OK) {
    s = strips_draw(a, w, d);
    data_close(d);
  }
  world_close(w);
  return s;
}

status picture_fidelity(const app *a, chart *c) {
  measured m;
  file_path path = run_path(&a->run, RUN_FIDELITY);
  if (!file_exists(path.text)) return OK;
  TRY(measured_read(&m, path.text));
  TRY(page_draw(a, c, &m));
  bool there = file_exists(run_path(&a->run, RUN_RNN).text) && file_exists(run_path(&a->run, RUN_VAE).text);
  return a->environment->pixels && there ? strips_read(a) : OK;
}

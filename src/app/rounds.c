// The verb run: one round, or several. Each of several is a run in a directory of its own, begun from what the one
// before it left; what all of them reached stands in rounds.csv and a picture.

#include <math.h>
#include <string.h>

#include "picture.h"

typedef struct one_round {
  settings s;
  run_home home;
} one_round;

static one_round *rounds_make(const app *a) {
  int count = a->s.run.rounds;
  one_round *rounds = mem_take((size_t)count, sizeof *rounds);
  for (int i = 0; i < count; i++) {
    rounds[i].s = round_settings(&a->s, i + 1);
    rounds[i].home = a->run;
    rounds[i].home.s = &rounds[i].s;
    rounds[i].home.fresh = a->run.fresh && i + 1 >= a->round;
    rounds[i].home.whole = count > 1 ? a->s.run.directory : NULL;
    rounds[i].home.round = i + 1;
    rounds[i].home.before = i ? &rounds[i - 1].home : NULL;
  }
  return rounds;
}

// --- what they reached -----------------------------------------------------------------------------------------------

typedef struct reached {  // a row of rounds.csv
  double episodes;        // real ones so far: collected, and played to look at the search's means
  double dream;           // last held-out score of the round's search
  double real, se;        // its controller's judgement
  double baseline;        // the best baseline's, on the same luck
} reached;

// The last number of a column that is one.
static double rounds_last(const table *t, const char *name) {
  int column = table_column(t, name);
  double last = (double)NAN;
  for (int r = 0; r < t->rows; r++)
    if (!isnan(table_cell(t, r, column))) last = table_cell(t, r, column);
  return last;
}

static int rounds_measured(const table *t) {
  int column = table_column(t, "real"), count = 0;
  for (int r = 0; r < t->rows; r++) count += !isnan(table_cell(t, r, column));
  return count;
}

static status round_read(reached *r, const run_home *home) {
  const settings *s = home->s;
  table t;
  scores judged;
  TRY(scores_read(&judged, run_path(home, RUN_JUDGEMENT).text));
  TRY(table_read(&t, run_path(home, RUN_ROWS).text));
  r->episodes += s->collect.episodes + rounds_measured(&t) * s->evolve.real_episodes;
  if (s->evolve.in == CONFIG_IN_REAL) r->episodes += rounds_last(&t, "episodes");
  r->dream = rounds_last(&t, "held_out");
  table_free(&t);

  r->real = r->se = r->baseline = (double)NAN;
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

static status rounds_read(reached *rows, const one_round *rounds, int count) {
  for (int i = 0; i < count; i++) {
    if (i) rows[i].episodes = rows[i - 1].episodes;
    TRY(round_read(&rows[i], &rounds[i].home));
  }
  return OK;
}

static status rounds_csv_write(const app *a, const reached *rows, int count) {
  text_buffer t = {0};
  text_add(&t, "round,real_episodes,dream,real,se,baseline\n");
  for (int i = 0; i < count; i++)
    text_add(&t, "%d,%.0f,%.9g,%.9g,%.9g,%.9g\n", i + 1, rows[i].episodes, rows[i].dream, rows[i].real, rows[i].se,
             rows[i].baseline);
  status s = file_write(run_path(&a->run, RUN_ROUNDS).text, t.bytes, t.size);
  text_free(&t);
  return s;
}

static void rounds_print(const reached *rows, int count) {
  printf("%-6s %14s %9s %9s %7s %14s\n", "round", "real episodes", "dream", "real", "se", "best baseline");
  for (int i = 0; i < count; i++)
    printf("%-6d %14.0f %9.1f %9.1f %7.2f %14.1f\n", i + 1, rows[i].episodes, rows[i].dream, rows[i].real, rows[i].se,
           rows[i].baseline);
  output_flush();
}

// Real score by round, beside the best baseline on the same luck.
static void rounds_curves(chart *c, const reached *rows, int count) {
  double *x = mem_take((size_t)4 * count, sizeof *x), *mean = x + count, *se = mean + count, *baseline = se + count;
  for (int i = 0; i < count; i++) {
    x[i] = i + 1;
    mean[i] = rows[i].real;
    se[i] = rows[i].se;
    baseline[i] = rows[i].baseline;
  }
  chart_curve(c, x, baseline, NULL, count, "with lines dt 2 lw 1.5 lc rgb '#333333'", "best baseline");
  chart_curve(c, x, mean, NULL, count, "with lines lw 1.5 lc rgb '#D55E00'", "");
  chart_curve(c, x, mean, se, count, "with yerrorbars pt 9 ps 1.8 lw 2 lc rgb '#D55E00'",
              "controller, judged in the real environment, ± standard error");
  mem_free(x);
}

static status rounds_chart(const app *a, chart *c, const reached *rows, int count) {
  file_path directory = run_path(&a->run, RUN_REPORT);
  const chart_frame f = {.name = "rounds.png",
                         .title = "What each round reached",
                         .columns = 900,
                         .rows = 500,
                         .panel_rows = 1,
                         .panel_columns = 1};
  double most = 0;
  for (int i = 0; i < count; i++) most = fmax(most, fmax(rows[i].real, rows[i].baseline));
  const axes x = {.title = a->environment->name,
                  .x = "round",
                  .y = "return: reward summed over an episode",
                  .x_low = 0.5,
                  .x_high = count + 0.5,
                  .y_low = 0,
                  .y_high = fmax(1, most) * 1.2,
                  .key = "top left"};

  TRY(dir_make(directory.text));
  TRY(chart_picture(c, directory.text, &f));
  chart_panel(c, &x);
  rounds_curves(c, rows, count);
  chart_panel_end(c, &x);
  chart_picture_end(c);
  return gnuplot_draw(directory.text, &c->script);
}

static status rounds_tell(const app *a, const one_round *rounds) {
  int count = a->s.run.rounds;
  reached *rows = mem_take((size_t)count, sizeof *rows);
  chart c = {0};
  status s = rounds_read(rows, rounds, count);
  if (s == OK) s = rounds_csv_write(a, rows, count);
  if (s == OK) rounds_print(rows, count);
  if (s == OK) s = rounds_chart(a, &c, rows, count);
  chart_free(&c);
  mem_free(rows);
  return s;
}

// --- other verbs -----------------------------------------------------------------------------------------------------

status rounds_choose(app *a, const char *verb, bool looks_on) {
  int count = a->s.run.rounds;
  settings s = {0};
  bool found = false;
  if (!looks_on)
    FAIL(BAD_CONFIG,
         "%s: a stage of one round depends on the round before: run makes what is missing (run.rounds is %d)", verb,
         count);

  int last = a->round ? a->round : count, first = a->round ? a->round : 1;
  for (int i = last; i >= first && !found; i--) {
    s = round_settings(&a->s, i);
    a->run.round = i;
    found = file_exists(path_join(s.run.directory, RUN_CONTROLLER).text);
  }
  if (!found && a->round)
    FAIL(NO_IO, "%s: round %d has no controller yet; make it first: dreamfarm run CONFIG.yaml", a->s.run.directory,
         a->round);
  if (!found)
    FAIL(NO_IO, "%s: holds no round with a controller yet; make one first: dreamfarm run CONFIG.yaml",
         a->s.run.directory);
  a->s = s;
  return OK;
}

// --- the verb --------------------------------------------------------------------------------------------------------

// Of a run of one round this is its own directory, which is swept already.
static status round_prepare(const app *a) {
  if (farm_rank(a->f) != 0) return OK;
  TRY(dir_make(a->s.run.directory));
  if (a->run.whole) run_sweep(&a->run);
  return pipeline_config_keep(a);
}

static status rounds_run(app *a, const one_round *rounds, bool *made) {
  int count = a->s.run.rounds, first = a->round ? a->round - 1 : 0;

  // Nothing is written before all stages of all rounds have been looked at.
  for (int i = 0; i < count; i++) {
    app r = app_of(a, &rounds[i].home);
    TRY(i < first ? pipeline_complete(&r) : pipeline_look_all(&r));
  }
  TRY(farm_agree(a->f, farm_rank(a->f) == 0 ? pipeline_config_keep(a) : OK));

  for (int i = first; i < count; i++) {
    app r = app_of(a, &rounds[i].home);
    if (count > 1) log_all("round %d of %d", i + 1, count);
    TRY(farm_agree(a->f, round_prepare(&r)));
    TRY(pipeline_run(&r, made));
  }
  return count > 1 ? farm_agree(a->f, farm_rank(a->f) == 0 ? rounds_tell(a, rounds) : OK) : OK;
}

status app_run(app *a) {
  double start = time_now();
  bool made = false;
  one_round *rounds = rounds_make(a);
  status s = rounds_run(a, rounds, &made);
  mem_free(rounds);
  TRY(s);

  if (a->run.fresh && !made)
    log_all("--fresh: every stage is complete, with these settings, and was kept; to make one anew, name it: "
            "dreamfarm evolve CONFIG --fresh");
  log_all("done in %.0f s; everything is in %s", time_now() - start, a->s.run.directory);
  return OK;
}

// The report: pictures that people look at first, and where the time went. Every file is written below out_path, and
// every number in it was read from regular files of the run directory.

#include <string.h>

#include "picture.h"

// What a report can be made of; one of them is enough.
static const char *const report_sources[] = {"train_vae.csv", "train_rnn.csv", "run.csv", "vae.safetensors",
                                      "controller.safetensors"};

// A mistyped directory must not become one.
static status report_possible(const app *a) {
  const char *directory = a->s.run.directory;
  if (!file_exists(directory))
    FAIL(NO_IO,
         "%s: there is no such directory, so there is nothing to report; check run.directory, or make the run: "
         "dreamfarm run CONFIG.yaml",
         directory);

  for (size_t i = 0; i < sizeof report_sources / sizeof *report_sources; i++)
    if (file_exists(run_path(&a->run, report_sources[i]).text)) return OK;
  FAIL(NO_IO,
       "%s: holds no run yet (no train_vae.csv, train_rnn.csv or run.csv), so there is nothing to report; "
       "make it first: dreamfarm run CONFIG.yaml",
       directory);
}

static status report_charts(const app *a, chart *c) {
  TRY(picture_training(a, c));
  TRY(picture_search(a, c));
  TRY(picture_states(a, c));
  TRY(picture_fidelity(a, c));
  return picture_split(a, c);
}

static status report_all(const app *a) {
  chart c = {0};
  TRY(report_possible(a));
  file_path out = run_out(&a->run, "report");
  TRY(dir_make(out.text));
  TRY(picture_pixels(a));
  TRY(picture_films(a));

  // What gnuplot draws is one script: it is started once.
  status s = report_charts(a, &c);
  if (s == OK && c.script.size) s = gnuplot_draw(out.text, "curves.gp", &c.script);
  chart_free(&c);
  if (s == OK) log_all("report: pictures and curves are in %s", out.text);
  return s;
}

static status report_with_rounds(const app *a) {
  TRY(report_all(a));
  return a->tells_whole ? picture_rounds_judged(a) : OK;
}

status app_report(app *a) { return farm_agree(a->f, farm_rank(a->f) == 0 ? report_with_rounds(a) : OK); }

// The rounds of a run, each in a home of its own with settings of its own, begun from what the one before it left.

#include <math.h>

#include "app.h"

one_round *homes_make(const app *a) {
  int count = a->s.run.rounds;
  one_round *rounds = mem_take((size_t)count, sizeof *rounds);
  for (int i = 0; i < count; i++) {
    rounds[i].s = round_settings(&a->s, i + 1);
    rounds[i].home = a->run;
    rounds[i].home.s = &rounds[i].s;
    rounds[i].home.fresh = a->run.fresh && i + 1 >= a->round;
    rounds[i].home.replaces = a->run.replaces && i + 1 >= a->round;
    rounds[i].home.whole = count > 1 ? a->s.run.directory : NULL;
    rounds[i].home.round = i + 1;
    rounds[i].home.before = i ? &rounds[i - 1].home : NULL;
  }
  return rounds;
}

// --- the best of them ------------------------------------------------------------------------------------------------

double home_best_real(const table *rows) {
  int column = table_column(rows, "real");
  double best = (double)NAN;
  for (int r = 0; r < rows->rows; r++) best = fmax(best, table_cell(rows, r, column));
  return best;
}

static status home_best_read(double *best, const run_home *home) {
  table rows;
  TRY(table_read(&rows, run_path(home, RUN_ROWS).text));
  *best = home_best_real(&rows);
  table_free(&rows);
  return OK;
}

bool homes_compare(const app *a) { return best_is_judged(a) && a->s.evolve.best == CONFIG_BEST_REAL; }

status homes_best(int *round, const app *a, const run_home *newest, int first) {
  double most = (double)NAN;
  *round = 0;
  for (const run_home *home = newest; home && home->round >= first; home = home->before) {
    double best = (double)NAN;
    if (!file_exists(run_path(home, RUN_CONTROLLER).text)) continue;
    if (homes_compare(a)) TRY(home_best_read(&best, home));

    // the newest stays where nothing was measured
    if (*round && !(best > most) && !(isnan(most) && !isnan(best))) continue;
    *round = home->round;
    most = best;
  }
  return OK;
}

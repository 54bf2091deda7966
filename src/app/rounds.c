// The verb run: one round, or several. Each of several is a run in a directory of its own, begun from what the one
// before it left; picture_rounds.c tells what all of them reached.

#include "picture.h"

// --- other verbs -----------------------------------------------------------------------------------------------------

// *round: 0 where none has a controller. As rank 0 finds it: a run that is under way writes on.
static status rounds_find(int *round, const app *a, int first, int last) {
  one_round *rounds = homes_make(a);
  status s = farm_agree(a->f, farm_rank(a->f) == 0 ? homes_best(round, a, &rounds[last - 1].home, first) : OK);
  farm_share(a->f, round, sizeof *round);
  mem_free(rounds);
  return s;
}

status rounds_choose(app *a, const char *verb, bool looks_on) {
  int count = a->s.run.rounds, found = 0;
  bool wanted = !a->policy_count;  // baselines that are named need no controller
  if (!looks_on)
    FAIL(BAD_CONFIG,
         "%s: a stage of one round depends on the round before: run makes what is missing (run.rounds is %d)", verb,
         count);

  int last = a->round ? a->round : count, first = a->round ? a->round : 1;
  TRY(rounds_find(&found, a, first, last));
  if (!found && wanted && a->round)
    FAIL(NO_IO, "%s: round %d has no controller yet; make it first: dreamfarm run CONFIG.yaml", a->s.run.directory,
         a->round);
  if (!found && wanted)
    FAIL(NO_IO, "%s: holds no round with a controller yet; make one first: dreamfarm run CONFIG.yaml",
         a->s.run.directory);

  // a round that was asked for stands for itself
  a->tells_whole = !a->round;
  a->whole = a->s;
  a->run.round = found ? found : first;
  a->s = round_settings(&a->whole, a->run.round);
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

  // --fresh first, then what it is said of: a run that is killed in between only keeps more
  TRY(pipeline_fresh_keep(a));
  for (int i = first; i < count; i++) {
    app r = app_of(a, &rounds[i].home);
    TRY(farm_agree(a->f, pipeline_forget(&r)));
  }

  for (int i = first; i < count; i++) {
    app r = app_of(a, &rounds[i].home);
    if (count > 1) log_all("round %d of %d", i + 1, count);
    TRY(farm_agree(a->f, round_prepare(&r)));
    TRY(pipeline_run(&r, made));
  }
  return count > 1 ? farm_agree(a->f, farm_rank(a->f) == 0 ? picture_rounds(a, &rounds[count - 1].home) : OK) : OK;
}

status app_run(app *a) {
  double start = time_now();
  bool made = false;
  one_round *rounds = homes_make(a);
  status s = rounds_run(a, rounds, &made);
  mem_free(rounds);
  TRY(s);
  TRY(pipeline_fresh_end(a));

  if (a->run.fresh && !made)
    log_all("--fresh: every stage is complete, with these settings, and was kept; to make one anew, name it: "
            "dreamfarm evolve CONFIG --fresh");
  log_all("done in %.0f s; everything is in %s", time_now() - start, a->s.run.directory);
  return OK;
}

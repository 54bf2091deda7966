// A search: generations of candidates that all ranks play in the dream, judged now and then, and what it leaves on
// disk. Introduces es (who searches), farm (who carries), rollout (what is measured) and world to each other. Looks at
// base, config, run, env, es, farm, rollout, world; inside at data, too.
#ifndef SEARCH_H
#define SEARCH_H

#include "config.h"
#include "env.h"
#include "es.h"
#include "farm.h"
#include "rollout.h"
#include "run.h"
#include "world.h"

// --- what the settings say to the rooms below -----------------------------------------------------------------------
const char *search_features(const settings *s);              // controller.features, as a word; static
dream_rules search_rules(const settings *s, const env_spec *e);
// Of dreams that stand beside real episodes: they end by the chance that M gives, whatever the search's do.
dream_rules search_rules_compared(const settings *s, float first, int cap);
// Of a controller that sees features `f`.
controller_shape search_controller(const settings *s, const env_spec *e, const world_features *f);
es_options search_options(const settings *s, int n);         // of a search for n parameters; the first of several
farm_crew search_crew(rollout *r);                           // episodes that come with their candidate's parameters
void search_dismiss(farm *f);                                // rank 0, when its maps are done: the others go on

// --- a search -------------------------------------------------------------------------------------------------------
// Where and by what; all of it borrowed.
typedef struct search_job {
  const settings *s;
  const run_home *home;
  farm *f;
  const env_spec *environment;
  const world *w;              // the same on every rank
  const float *begin;          // the mean of the first generation; NULL: 0
} search_job;

// Collective: from where the run's checkpoint stands to the end, or until it is asked to stop (INTERRUPTED, everything
// finished is kept). MISMATCH: the checkpoint is another configuration's or world's; BAD_FILE: what is there is
// damaged; NO_IO; RESUME_ME: all other ranks are lost.
status search_run(const search_job *j);

// --- the controller on disk: mean, best and the search's whole state ------------------------------------------------
typedef struct search_state {
  int generation;
  double best_score;         // of `best`, by evolve.best: in the dream or really; NaN before the first
  int64_t episodes, steps;   // so far
  hash identity, world;      // of the evolve stage and its world
  hash rows;                 // of its rows in run.csv but for times, one after the other
} search_state;
// mean, best: (n) float. `e` may be NULL when reading only the controller; otherwise *e is opened. BAD_FILE where it is
// damaged, MISMATCH where its controller has another length.
status search_load(const char *path, search_state *s, es **e, float *mean, float *best, int n);

#endif

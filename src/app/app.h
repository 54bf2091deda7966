// What the verbs share. Here the rooms meet; nobody looks at this one.
#ifndef APP_H
#define APP_H

#include "base.h"
#include "config.h"
#include "data.h"
#include "env.h"
#include "es.h"
#include "farm.h"
#include "rollout.h"
#include "run.h"
#include "search.h"
#include "world.h"

// --- one invocation -------------------------------------------------------------------------------------------------
#define APP_POLICIES_MAX 16
#define APP_TEMPERATURES_MAX 16
typedef struct app {
  farm *f;
  settings s;
  env_spec described;                          // of environment.name
  const env_spec *environment;                 // &described, once the command line has been read
  run_home run;                                // its directory
  int round;                                   // --round; 0: not said
  settings whole;                              // where this is one of several rounds: those of all
  bool tells_whole;                            // and all are to be told of, too
  bool quiet;                                  // --quiet
  const char *policies[APP_POLICIES_MAX];      // evaluate --policy
  int policy_count;
  double temperatures[APP_TEMPERATURES_MAX];   // evaluate --temperatures
  int temperature_count;
  bool in_dream;                               // evaluate --in dream
  bool untrained;                              // evaluate --untrained
  bool json;                                   // explain --json, env --json, data --json
  int episodes;                                // env --episodes; 0: not said
  const char *keys;                            // data --keys; NULL: not said
  int ranks;                                   // explain --ranks; 0: those there are
  bool controlling;                            // the verb is control: --set takes the control file's keys too
  control asked;
  char **words;                                // bench: what follows the verb
  int word_count;
} app;

// --- the verbs, collective over all ranks ---------------------------------------------------------------------------
status app_run(app *a);
status app_collect(app *a);
status app_train(app *a);      // train-vae, encode, train-rnn
status app_train_vae(app *a);
status app_encode(app *a);
status app_train_rnn(app *a);
status app_evolve(app *a);
status app_fidelity(app *a);
status app_evaluate(app *a);
status app_report(app *a);
status app_bench(app *a);
status app_explain(app *a);
status app_bench_es(app *a);  // bench.c's second subject

// The stages of one run, or of one round (pipeline.c). Collective, but for the third.
status pipeline_look_all(app *a);               // before anything is written
status pipeline_complete(app *a);               // NO_IO: a stage is not; MISMATCH as above
status pipeline_config_keep(const app *a);      // config.yaml in its directory
// Collective: what --fresh is to make anew (a round that is named, stages that were begun) is known as such from here
// on, also to a run that goes on without --fresh.
status pipeline_forget(app *a);
status pipeline_fresh_keep(const app *a);       // collective, once all was looked at: --fresh, if said, is remembered,
status pipeline_fresh_end(const app *a);        // until all is made
status pipeline_run(app *a, bool *made);        // *made: one was not complete, or is to be made anew

// One round of several, or the only one.
typedef struct one_round {
  settings s;
  run_home home;  // with pointers to its own settings and to the home before it
} one_round;
one_round *homes_make(const app *a);  // (run.rounds) of the whole run's settings; the caller frees it

// The run's controller, where there are rounds: with evolve.best real and evaluate.controller best that of the round
// whose best mean did best in the real episodes that the search looked at it by (none of them is the judgement's), else
// that of the last round.
bool homes_compare(const app *a);  // whether the former
// *round: of the newest back to the first, counted from 1; 0: none of them has a controller. NO_IO.
status homes_best(int *round, const app *a, const run_home *newest, int first);
double home_best_real(const table *rows);  // of a round's run.csv; NaN: no mean was measured

// A verb other than run, where there are rounds: *a becomes the round that was asked for, or the one with the run's
// controller (NO_IO: it, or none, has one; where only baselines are asked for, the first), for verbs that look at it;
// BAD_CONFIG for those that would make one of its stages alone.
status rounds_choose(app *a, const char *verb, bool looks_on);

// What the verbs do once the stages have been looked at (run.c).
status app_collect_make(app *a);
status app_vae_make(app *a);
status app_encode_make(app *a);
status app_rnn_make(app *a);
status app_evolve_make(app *a);
status app_evolve_start_check(const app *a);  // by this rank alone: evolve.start fits, long before it is read
status app_fidelity_make(app *a);

// --- the look before the leap ---------------------------------------------------------------------------------------
// Collective. What would waste the run: other versions elsewhere, a run directory that is not seen everywhere, too few
// cores or too little memory. The first two end it (MISMATCH, NO_IO), the others are warnings; one line when all is
// well.
status preflight(const app *a);
// Says so where a generation is too short to keep all ranks busy.
void preflight_generation(const app *a);

// The command line of a verb into settings; words[1] is the verb. Only of the options that the verb has.
status app_parse(app *a, int count, char **words);
// What was understood of an environment. Not collective: MPI is never started.
status app_environment(const app *a);
// Writes control.yaml for a search that runs elsewhere. Not collective: MPI is never started.
status app_control(const app *a);

// data DIRECTORY, by its words; by this process alone.
status app_data(int count, char **words);

// --- help for the verbs ---------------------------------------------------------------------------------------------
app app_of(const app *a, const run_home *home);  // the same in another home: that of another round
controller_shape app_controller_of(const app *a, const world *w);
controller_shape app_controller_in(const app *a, const world_features *f);
const char *app_features_word(const app *a);  // controller.features
bool best_is_judged(const app *a);  // not the search's last mean: there may be several searches
dream_rules rules_of(const app *a);
// Of an episode that the judgement plays, at this place: `policy` acts where it is a baseline's, else it is "".
rollout_record judged_record(const app *a, rollout_place place, const char *policy);
status judged_controller(const app *a, search_state *s, float *parameters, int n);  // parameters (n)
// From the run's files, in the precision of the configuration; by this rank alone.
status app_world_read(const app *a, world **w);
status app_world_of_run(const app *a, world **w);  // collective; every rank must find the same bytes
// Of the world that this configuration would make: what of it the controller sees, and one like it with random weights.
world_features app_features_expected(const app *a);
status app_world_random(const app *a, world **w);
farm_crew crew_of(rollout *r);
void ranks_dismiss(app *a);  // rank 0, when a verb's maps are done

// Dream steps per second that this rank makes of controllers of the first generation, `lanes` at once, in the run's
// world; where there is none yet, in a random one of its size. *learned: which. Takes about half a second.
status calibrate_dream(const app *a, double *steps, bool *learned, int lanes);

// Standard output: first and last of all. `s`, or NO_IO, which is said, where some of what was printed is lost.
void output_open(void);
void output_flush(void);  // what a verb has to say is said
status output_end(status s);

// Has gnuplot draw what the script says; the script, under that name, and complaints stay in the directory. It works
// there: the script names its pictures without a path. Where gnuplot is missing or fails, one line says what to do, and
// all goes on.
status gnuplot_draw(const char *directory, const char *name, const text_buffer *script);
// The script's next picture: what stood there is removed, so that nothing old remains and nothing else is written into.
status gnuplot_picture(text_buffer *script, const char *directory, const char *name);

#endif

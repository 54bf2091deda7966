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
#include "train.h"
#include "world.h"

// --- one invocation ---------------------------------------------------------------------------------------------------------
#define APP_POLICIES_MAX 16
#define APP_TEMPERATURES_MAX 16
typedef struct app {
  farm *f;
  settings s;
  const env_kind *environment;
  bool fresh;                                  // --fresh: start a stage anew instead of refusing another one's checkpoint
  const char *policies[APP_POLICIES_MAX];      // evaluate --policy
  int policy_count;
  double temperatures[APP_TEMPERATURES_MAX];   // evaluate --temperatures
  int temperature_count;
  bool in_dream;                               // evaluate --in dream
  bool untrained;                              // evaluate --untrained
  char **words;                                // bench: what follows the verb
  int word_count;
} app;

// --- the verbs, collective over all ranks -----------------------------------------------------------------------------------
status app_collect(app *a);
status app_train_vae(app *a);
status app_encode(app *a);
status app_train_rnn(app *a);
status app_evolve(app *a);
status app_evaluate(app *a);
status app_report(app *a);
status app_run(app *a);
status app_bench(app *a);

// --- the run directory --------------------------------------------------------------------------------------------------------
file_path run_path(const app *a, const char *name);  // run.directory/name
// Held until the process ends: two at once would write over each other. Waits a little. Rank 0.
status run_lock(const app *a);
// A stage's identity: everything that decides its result.
typedef enum stage { STAGE_COLLECT, STAGE_VAE, STAGE_ENCODE, STAGE_RNN, STAGE_EVOLVE, STAGE_EVALUATE, STAGES } stage;
const char *stage_name(stage s);
hash stage_identity(const app *a, stage s);
bool stage_complete(const app *a, stage s);
status stage_done(const app *a, stage s);  // remembers completion, rank 0
bool stage_needs_pixels(stage s);          // V's stages are left out where the observation is the latent

// --- the controller on disk: mean, best and the search's whole state ------------------------------------------------------------
typedef struct search_state {
  int generation;
  double best_score;         // held-out score of `best`; NaN before the first
  int64_t episodes, steps;   // so far
  int64_t csv_bytes;         // run.csv as of this generation
  hash identity, world;      // of the evolve stage and its world
} search_state;
// mean, best: (n) float. `es` may be NULL when reading only the controller; otherwise *e is opened.
status search_save(const char *path, const search_state *s, const es *e, const float *best);
status search_load(const char *path, search_state *s, es **e, float *mean, float *best, int n);

// --- help for the verbs ----------------------------------------------------------------------------------------------------------
controller_shape controller_of(const app *a, const world *w);
dream_rules rules_of(const app *a);
status world_of_run(const app *a, world **w);  // collective; every rank must find the same bytes
world_shape shape_of(const app *a);
train_team team_of(app *a);
farm_crew crew_of(rollout *r);

// Mean, deviation and percentiles of returns, in index order; broken ones left out and counted.
typedef struct summary {
  int episodes, broken;
  double mean, sd, se, p10, p50, p90, max, seconds, mean_steps;
} summary;
summary summarise(const rollout_result *results, int count);
double welch_p(const summary *a, const summary *b);  // two-sided, normal approximation (hundreds of episodes)

// Signals: SIGINT, SIGTERM, SIGUSR1 ask to stop at the next good moment; a second SIGINT ends at once.
void signals_catch(void);
bool signals_asked(void);
status signals_status(status s);  // INTERRUPTED becomes RESUME_ME where a scheduler asked

// CSV rows and JSON lines, appended with one write each.
status append_text(const char *path, const text_buffer *t);

#endif

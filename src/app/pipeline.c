// The stages in order: looked at before anything is written, then made one after the other. What is complete is
// skipped, what was begun goes on.

#include <string.h>

#include "app.h"

static status (*const pipeline_acts[STAGES])(app *a) = {
    [STAGE_COLLECT] = app_collect_make,
    [STAGE_VAE] = app_vae_make,
    [STAGE_ENCODE] = app_encode_make,
    [STAGE_RNN] = app_rnn_make,
    [STAGE_EVOLVE] = app_evolve_make,
    [STAGE_FIDELITY] = app_fidelity_make,
    [STAGE_EVALUATE] = app_evaluate,
};

// --- the run's configuration, kept beside what it made --------------------------------------------------------------

#define CONFIG_FIRST_LINE "# What dreamfarm made this run with. "

// A config.yaml that a user has written into the directory stays as it is.
static status pipeline_config_look(const app *a) {
  char *bytes;
  size_t size;
  file_path path = run_path(&a->run, RUN_CONFIG);
  if (!file_exists(path.text)) return OK;

  TRY(file_read(&bytes, &size, path.text));
  bool ours = strncmp(bytes, CONFIG_FIRST_LINE, strlen(CONFIG_FIRST_LINE)) == 0;
  mem_free(bytes);
  if (ours) return OK;
  FAIL(MISMATCH, "%s: was not written by dreamfarm, and would be replaced; use another run.directory", path.text);
}

status pipeline_config_keep(const app *a) {
  text_buffer t = {0};
  text_add(&t, CONFIG_FIRST_LINE "It is written anew by every `dreamfarm run`.\n");
  settings_print(&a->s, &t, false);
  status s = file_write(run_path(&a->run, RUN_CONFIG).text, t.bytes, t.size);
  text_free(&t);
  return s;
}

// --- stages ---------------------------------------------------------------------------------------------------------

// Rank 0 looks, all do the same.
static status pipeline_look(app *a, stage first, stage last, stage_standing *standing) {
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  status s = farm_rank(a->f) == 0 ? stages_look(&a->run, first, last, standing) : OK;
  TRY(farm_agree(a->f, s));
  farm_share(a->f, standing, STAGES * sizeof *standing);
  return OK;
}

status pipeline_fresh_keep(const app *a) {
  return farm_agree(a->f, farm_rank(a->f) == 0 && a->run.fresh ? fresh_keep(&a->run) : OK);
}

status pipeline_fresh_end(const app *a) { return farm_agree(a->f, farm_rank(a->f) == 0 ? fresh_forget(&a->run) : OK); }

// What was made with other settings has nothing that could be gone on with.
static status pipeline_act(const app *a, stage s, stage_standing standing) {
  app now = *a;
  now.run.fresh |= standing == STAGE_OTHER;
  return pipeline_acts[s](&now);
}

// The round that --round names is made anew by --fresh, complete or not; of others what was made with other settings.
static bool pipeline_anew(const app *a) { return a->run.fresh && a->round == a->run.round; }

status pipeline_forget(app *a) {
  stage_standing standing[STAGES] = {0};
  if (!a->run.fresh) return OK;
  TRY(pipeline_look(a, STAGE_COLLECT, STAGE_EVALUATE, standing));
  if (farm_rank(a->f) != 0) return OK;

  // of episodes those files that are as they should be are kept in any case
  for (stage s = STAGE_COLLECT + 1; s < STAGES; s++)
    if (standing[s] == STAGE_BEGUN || pipeline_anew(a)) TRY(stage_forget(&a->run, s));
  return OK;
}

// One stage of a run. It is looked at again: what it is made from may have been made in the meantime.
static status pipeline_go_on(app *a, stage s, bool *made) {
  stage_standing standing[STAGES] = {0};
  TRY(pipeline_look(a, s, s, standing));
  if (standing[s] == STAGE_COMPLETE) {
    log_all("%-10s is complete", stage_name(s));
    return OK;
  }

  *made = true;
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  TRY(pipeline_act(a, s, standing[s]));
  if (farm_lossy(a->f))
    FAIL(RESUME_ME, "%s is complete, but a rank was lost on the way; the same command goes on with what is left",
         stage_name(s));
  return OK;
}

status pipeline_run(app *a, bool *made) {
  for (stage s = 0; s < STAGES; s++)
    if (stage_is_of(&a->run, s)) TRY(pipeline_go_on(a, s, made));

  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  TRY(app_report(a));
  return farm_agree(a->f, farm_rank(a->f) == 0 ? stages_stand(&a->run) : OK);
}

status pipeline_look_all(app *a) {
  stage_standing standing[STAGES] = {0};
  bool master = farm_rank(a->f) == 0;
  TRY(farm_agree(a->f, master ? pipeline_config_look(a) : OK));
  TRY(pipeline_look(a, STAGE_COLLECT, STAGE_EVALUATE, standing));

  // a search that is made needs its start no more
  bool starts = master && standing[STAGE_EVOLVE] != STAGE_COMPLETE;
  return farm_agree(a->f, starts ? app_evolve_start_check(a) : OK);
}

status pipeline_complete(app *a) {
  stage_standing standing[STAGES] = {0};
  TRY(pipeline_look(a, STAGE_COLLECT, STAGE_EVALUATE, standing));
  for (stage s = 0; s < STAGES; s++)
    if (stage_is_of(&a->run, s) && standing[s] != STAGE_COMPLETE)
      FAIL(NO_IO,
           "%s: %s of round %d is not complete, and round %d begins from it; make what is missing first: the same "
           "command without --fresh and --round",
           a->s.run.directory, stage_name(s), a->run.round, a->round);
  return OK;
}

// --- one verb per stage ---------------------------------------------------------------------------------------------

// Stages by their own verb: made, or gone on with, even where they are complete. All are looked at before the first is
// touched, and again once something that they are made from was made.
static status pipeline_make(app *a, stage first, stage last) {
  stage_standing standing[STAGES] = {0};
  if (!settings_learn(&a->s) && !stage_is_of(&a->run, last))
    FAIL(BAD_CONFIG, "%s: controller.features is observation: no world is learnt, so there is nothing to %s; run, "
         "evolve and evaluate are all there is", a->s.run.directory, stage_name(last));
  TRY(pipeline_look(a, first, last, standing));
  TRY(pipeline_fresh_keep(a));
  for (stage s = first; s <= last; s++) {
    if (!stage_is_of(&a->run, s)) continue;
    TRY(pipeline_act(a, s, standing[s]));
    if (s < last) TRY(pipeline_look(a, s + 1, last, standing));
  }
  return pipeline_fresh_end(a);
}

status app_collect(app *a) { return pipeline_make(a, STAGE_COLLECT, STAGE_COLLECT); }
status app_encode(app *a) { return pipeline_make(a, STAGE_ENCODE, STAGE_ENCODE); }
status app_train(app *a) { return pipeline_make(a, STAGE_VAE, STAGE_RNN); }
status app_train_rnn(app *a) { return pipeline_make(a, STAGE_RNN, STAGE_RNN); }
status app_evolve(app *a) { return pipeline_make(a, STAGE_EVOLVE, STAGE_EVOLVE); }

status app_fidelity(app *a) {
  if (a->s.fidelity.episodes == 0)
    FAIL(BAD_CONFIG, "fidelity.episodes is 0: nothing is to be measured; let it be 200, say");
  return pipeline_make(a, STAGE_FIDELITY, STAGE_FIDELITY);
}

status app_train_vae(app *a) {
  if (!a->environment->pixels)
    FAIL(BAD_CONFIG, "%s shows its state, not pixels: it needs no V", a->environment->name);
  return pipeline_make(a, STAGE_VAE, STAGE_VAE);
}

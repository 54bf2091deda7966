// The stages in order. What is complete is skipped, what was begun is resumed.

#include "app.h"

static status (*const acts[STAGES])(app *a) = {app_collect, app_train_vae, app_encode, app_train_rnn, app_evolve, app_evaluate};

static status config_keep(const app *a) {
  text_buffer t = {0};
  settings_print(&a->s, &t, false);
  status s = file_write(run_path(a, "config.yaml").text, t.bytes, t.size);
  text_free(&t);
  return s;
}

// Rank 0 looks, all do the same.
static bool complete_everywhere(app *a, stage s) {
  unsigned char complete = farm_rank(a->f) == 0 && stage_complete(a, s);
  farm_share(a->f, &complete, 1);
  return complete;
}

status app_run(app *a) {
  double start = time_now();
  TRY(farm_agree(a->f, farm_rank(a->f) == 0 ? config_keep(a) : OK));
  for (stage s = 0; s < STAGES; s++) {
    if (stage_needs_pixels(s) && !a->environment->pixels) continue;
    if (complete_everywhere(a, s)) {
      log_all("%-10s is complete", stage_name(s));
      continue;
    }
    heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
    TRY(acts[s](a));
    if (farm_lossy(a->f))
      FAIL(RESUME_ME, "%s is complete, but a rank was lost on the way; the same command goes on with what is left", stage_name(s));
  }
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  TRY(app_report(a));
  log_all("done in %.0f s; everything is in %s", time_now() - start, a->s.run.directory);
  return OK;
}

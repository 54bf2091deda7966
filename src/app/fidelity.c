// The verb fidelity: how far the run's dream is to be trusted with the controller that is judged.

#include "app.h"
#include "fidelity.h"

// The step of the search's last generation; of several searches none is the judged one's for sure.
static status fidelity_sigma_read(const app *a, double *sigma, int n) {
  es *e;
  search_state state;
  float *mean = mem_take(2 * (size_t)n, sizeof *mean);
  status s = search_load(run_path(&a->run, RUN_CONTROLLER).text, &state, &e, mean, mean + n, n);
  if (s == OK) *sigma = es_sigma(e);
  if (s == OK) es_close(e);

  // a search that cannot be asked: the customary step
  if (!(*sigma > 0)) *sigma = 0.1;
  mem_free(mean);
  return s;
}

static status fidelity_controller_read(const app *a, fidelity_job *j, float *parameters, int n) {
  search_state state;
  TRY(judged_controller(a, &state, parameters, n));
  if (!hash_equal(state.world, world_hash(j->w)))
    FAIL(MISMATCH, "%s was evolved in the world %s, but the run's world is %s; evolve again",
         run_path(&a->run, RUN_CONTROLLER).text, state.world.hex, world_hash(j->w).hex);
  j->generation = state.generation;
  j->parameters = parameters;
  return fidelity_sigma_read(a, &j->sigma, n);
}

static status fidelity_result_write(const app *a, const fidelity_result *r) {
  text_buffer t = {0};
  char warning[600];
  fidelity_json(r, &t);

  // begun only now: what was there stays valid while this is measured
  status s = stage_begin(&a->run, STAGE_FIDELITY);
  if (s == OK) s = file_write(run_path(&a->run, RUN_FIDELITY).text, t.bytes, t.size);
  if (s == OK) s = stage_done(&a->run, STAGE_FIDELITY);
  text_free(&t);

  fidelity_print(r);
  output_flush();
  fidelity_warning(r, warning, sizeof warning);
  if (*warning) log_here("%s; see docs/fidelity.md", warning);
  return s;
}

static status fidelity_measure_in(app *a, const world *w) {
  fidelity_job j = {.s = &a->s,
                    .home = &a->run,
                    .f = a->f,
                    .environment = a->environment,
                    .w = w,
                    .controller = app_controller_of(a, w),
                    .dream = ROLLOUT_DREAM,
                    .dream_blind = ROLLOUT_DREAM_BASELINE};
  int n = controller_size(&j.controller);
  bool master = farm_rank(a->f) == 0;
  float *parameters = mem_take((size_t)n, sizeof *parameters);
  fidelity_result *r = mem_take(1, sizeof *r);

  // rank 0 reads and writes; all measure
  status s = farm_agree(a->f, master ? fidelity_controller_read(a, &j, parameters, n) : OK);
  if (s == OK) s = fidelity_measure(&j, r);
  if (s == OK) s = farm_agree(a->f, master ? fidelity_result_write(a, r) : OK);

  mem_free(parameters);
  mem_free(r);
  return s;
}

status app_fidelity_make(app *a) {
  world *w;
  TRY(app_world_of_run(a, &w));
  status s = fidelity_measure_in(a, w);
  world_close(w);
  return s;
}

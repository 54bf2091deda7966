// The verb evolve: the run's world, and a search in it.

#include "app.h"

// --- where it begins ------------------------------------------------------------------------------------------------

static void start_shape_words(char *words, size_t size, const settings *s) {
  snprintf(words, size, "controller.features %s, hidden %d, bias %s, of a z of %d and an h of %d", search_features(s),
           s->controller.hidden, s->controller.bias ? "true" : "false", s->vae.latent, s->rnn.hidden);
}

// Its configuration stands beside it; one that cannot be read is no reason to say something else.
static void start_other_words(char *words, size_t size, const char *start) {
  settings s;
  settings_default(&s);
  file_path config = path_join(start, RUN_CONFIG);
  bool known = file_exists(config.text) && settings_load(&s, config.text) == OK;
  if (known) start_shape_words(words, size, &s);
  else snprintf(words, size, "without a %s that says more", RUN_CONFIG);
}

// mean (n) of the controller in evolve.start
static status start_read(const app *a, float *mean, int n) {
  const char *start = settings_start(&a->s);
  file_path path = path_join(start, RUN_CONTROLLER);
  search_state state;
  float *best = mem_take((size_t)n, sizeof *best);
  if (!file_exists(path.text)) {
    mem_free(best);
    FAIL(NO_IO, "evolve.start: %s has no %s; name the directory of a run that has evolved (of a run in rounds: one of "
         "its round-N)", start, RUN_CONTROLLER);
  }
  status s = search_load(path.text, &state, NULL, mean, best, n);
  mem_free(best);
  if (s != MISMATCH) return s;

  char found[160], wanted[160], words[512];
  text_print(words, sizeof words, "%s", status_message());
  start_other_words(found, sizeof found, start);
  start_shape_words(wanted, sizeof wanted, &a->s);
  FAIL(s, "evolve.start: %s (%s; here: %s); name a run whose controller has the same shape", words, found, wanted);
}

status app_evolve_start_check(const app *a) {
  if (!settings_start(&a->s)) return OK;
  world_features f = app_features_expected(a);
  controller_shape shape = app_controller_in(a, &f);
  int n = controller_size(&shape);
  float *mean = mem_take((size_t)n, sizeof *mean);
  status s = start_read(a, mean, n);
  mem_free(mean);
  return s;
}

// In a round after the first the search goes on where it ended in the round before.
static status before_read(const app *a, float *begin, int n) {
  app before = app_of(a, a->run.before);
  search_state state;
  return judged_controller(&before, &state, begin, n);
}

// The controller does to what raises the logit of an end this many times the opposite: its tanh is then neither near 0
// nor at its ends.
#define AHEAD_GAIN (-3.0f)

// Away from the ends that M sees ahead, as it learnt them.
static status ahead_read(const app *a, float *begin, const controller_shape *c) {
  int n = controller_size(c), row = c->F + c->bias;
  float *slope = mem_take((size_t)c->A * (c->F + 1), sizeof *slope);
  status s = world_ahead_read(slope, run_path(&a->run, RUN_RNN).text, c->A, c->F);

  for (int i = 0; s == OK && i < n; i++) begin[i] = AHEAD_GAIN * slope[i / row * (c->F + 1) + i % row];
  mem_free(slope);
  return s;
}

// begin (controller_size); *from: it, or NULL where the search begins at 0
static status begin_read(const app *a, float *begin, const float **from, const controller_shape *c) {
  bool goes_on = a->run.before && a->s.round.warm, starts = settings_start(&a->s), ahead = settings_start_ahead(&a->s);
  int n = controller_size(c);
  *from = goes_on || starts || ahead ? begin : NULL;
  if (goes_on) return before_read(a, begin, n);
  if (ahead) return ahead_read(a, begin, c);
  return starts ? start_read(a, begin, n) : OK;
}

// --- the verb -------------------------------------------------------------------------------------------------------

static status evolve_in(app *a, const world *w) {
  controller_shape shape = app_controller_of(a, w);
  int n = controller_size(&shape);
  float *begin = mem_take((size_t)n, sizeof *begin);
  search_job job = {.s = &a->s, .home = &a->run, .f = a->f, .environment = a->environment, .w = w};
  if (a->s.evolve.descents == 1) preflight_generation(a);

  status s = farm_agree(a->f, begin_read(a, begin, &job.begin, &shape));
  if (s == OK) s = search_run(&job);
  mem_free(begin);
  return s;
}

status app_evolve_make(app *a) {
  world *w;
  TRY(app_world_of_run(a, &w));
  status s = evolve_in(a, w);
  world_close(w);
  return s;
}

// The verb evolve: the run's world, and a search in it.

#include "app.h"

// In a round after the first the search goes on where it ended in the round before.
static status begin_read(const app *a, float *begin, int n) {
  app before = app_of(a, a->run.before);
  search_state state;
  return farm_agree(a->f, judged_controller(&before, &state, begin, n));
}

static status evolve_in(app *a, const world *w) {
  controller_shape shape = app_controller_of(a, w);
  int n = controller_size(&shape);
  bool goes_on = a->run.before && a->s.round.warm;
  float *begin = mem_take((size_t)n, sizeof *begin);
  if (a->s.evolve.descents == 1) preflight_generation(a);

  const search_job job = {.s = &a->s,
                          .home = &a->run,
                          .f = a->f,
                          .environment = a->environment,
                          .w = w,
                          .begin = goes_on ? begin : NULL};
  status s = goes_on ? begin_read(a, begin, n) : OK;
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

// The verb evolve: the run's world, and a search in it.

#include "app.h"

status evolve_make(app *a) {
  world *w;
  TRY(app_world_of_run(a, &w));
  if (a->s.evolve.descents == 1) preflight_generation(a);

  const search_job job = {.s = &a->s, .home = &a->run, .f = a->f, .environment = a->environment, .w = w};
  status s = search_run(&job);
  world_close(w);
  return s;
}

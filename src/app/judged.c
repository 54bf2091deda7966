// The controller that is judged, and the episodes it is judged by: who looks at one of them sees that very episode.

#include "app.h"

rollout_record judged_record(const app *a, rollout_place place, const char *policy) {
  rollout_record r = {.place = place,
                      .common = 1,
                      .seed = (uint64_t)a->s.run.seed,
                      .stream = "evaluate",
                      .rules = rules_of(a)};
  snprintf(r.policy, sizeof r.policy, "%.39s", policy);
  return r;
}

status judged_controller(const app *a, search_state *s, float *parameters, int n) {
  file_path p = run_path(&a->run, "controller.safetensors");
  bool best = best_is_judged(a);
  float *other = mem_take((size_t)n, sizeof *other);
  status done = search_load(p.text, s, NULL, best ? other : parameters, best ? parameters : other, n);
  mem_free(other);
  if (done == BAD_FILE)
    FAIL(done, "%s; evolve again: it goes on from the checkpoint before it", status_message());
  return done;
}

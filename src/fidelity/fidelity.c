// All that is measured, one after the other, by all ranks.

#include <math.h>
#include <string.h>

#include "parts.h"

bool fidelity_tick(void *pace, int64_t finished) {
  fidelity_pace *p = pace;
  progress_show(&p->p, p->before + (double)finished, NULL);
  return !signals_asked();
}

status fidelity_lead(const fidelity_job *j, const farm_crew *crew, status (*master)(void *self), void *self) {
  if (farm_rank(j->f) != 0) return farm_serve(j->f, crew);
  status s = master(self);
  if (s == INTERRUPTED) s = status_fail(INTERRUPTED, "measuring the dream's fidelity was stopped");
  search_dismiss(j->f);
  return s;
}

static status measure_rest(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace) {
  if (farm_lossy(j->f))
    FAIL(RESUME_ME, "a rank was lost while the dream was compared with reality; the same command measures it again");
  return fidelity_look(j, r, pace);
}

status fidelity_measure(const fidelity_job *j, fidelity_result *r) {
  int episodes = j->s->fidelity.episodes;
  *r = (fidelity_result){.episodes = episodes,
                         .generation = j->generation,
                         .seed = (uint64_t)j->s->run.seed,
                         .world = world_hash(j->w),
                         .sigma = j->sigma};
  fidelity_pace pace = {.p = progress_open("fidelity", "episodes", fidelity_play_tasks(j) + episodes)};
  status s = farm_agree(j->f, fidelity_play(j, r, &pace));
  if (s == OK) s = farm_agree(j->f, measure_rest(j, r, &pace));
  progress_close(&pace.p, pace.before, NULL);
  return s;
}

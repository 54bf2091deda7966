// How far the measuring is, and who leads it.

#include "parts.h"

bool fidelity_tick(void *pace, int64_t finished) {
  fidelity_pace *p = pace;
  work_show(&p->work, p->before + (double)finished, NULL);
  return work_going(&p->work);
}

status fidelity_lead(const fidelity_job *j, const farm_crew *crew, status (*master)(void *self), void *self) {
  if (farm_rank(j->f) != 0) return farm_serve(j->f, crew);
  status s = master(self);
  if (s == INTERRUPTED) s = status_fail(INTERRUPTED, "measuring the dream's fidelity was stopped");
  search_dismiss(j->f);
  return s;
}

// All that is measured, one after the other, by all ranks.

#include "parts.h"

typedef status measure_part(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace);

static status measure_next(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace, measure_part *part) {
  if (farm_lossy(j->f))
    FAIL(RESUME_ME, "a rank was lost while the dream was compared with reality; the same command measures it again");
  return farm_agree(j->f, part(j, r, pace));
}

status fidelity_measure(const fidelity_job *j, fidelity_result *r) {
  int episodes = j->s->fidelity.episodes;
  *r = (fidelity_result){.episodes = episodes,
                         .generation = j->generation,
                         .seed = (uint64_t)j->s->run.seed,
                         .world = world_hash(j->w),
                         .sigma = j->sigma};

  // one line of progress over all parts: episodes played, episodes looked at, and those of the moments
  double all = fidelity_play_tasks(j) + episodes + (fidelity_choose_hinders(j->environment) ? 0 : episodes);
  const run_home *home = farm_rank(j->f) == 0 ? j->home : NULL;
  fidelity_pace pace = {.work = work_open(home, STAGE_FIDELITY, "fidelity", "episodes", all)};
  measure_part *const parts[] = {fidelity_play, fidelity_look, fidelity_choose};
  status s = OK;
  for (int i = 0; i < 3 && s == OK; i++) s = measure_next(j, r, &pace, parts[i]);
  if (s == OK) work_close(&pace.work, pace.before, NULL);
  return s;
}

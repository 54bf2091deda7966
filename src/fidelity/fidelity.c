// All that is measured, one after the other, by all ranks.

#include "parts.h"

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

  // one line of progress over both parts: episodes played, then episodes looked at
  double all = fidelity_play_tasks(j) + episodes;
  const run_home *home = farm_rank(j->f) == 0 ? j->home : NULL;
  fidelity_pace pace = {.work = work_open(home, STAGE_FIDELITY, "fidelity", "episodes", all)};
  status s = farm_agree(j->f, fidelity_play(j, r, &pace));
  if (s == OK) s = farm_agree(j->f, measure_rest(j, r, &pace));
  if (s == OK) work_close(&pace.work, pace.before, NULL);
  return s;
}

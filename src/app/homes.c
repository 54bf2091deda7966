// The rounds of a run, each in a home of its own with settings of its own, begun from what the one before it left.

#include "app.h"

one_round *homes_make(const app *a) {
  int count = a->s.run.rounds;
  one_round *rounds = mem_take((size_t)count, sizeof *rounds);
  for (int i = 0; i < count; i++) {
    rounds[i].s = round_settings(&a->s, i + 1);
    rounds[i].home = a->run;
    rounds[i].home.s = &rounds[i].s;
    rounds[i].home.fresh = a->run.fresh && i + 1 >= a->round;
    rounds[i].home.replaces = a->run.replaces && i + 1 >= a->round;
    rounds[i].home.whole = count > 1 ? a->s.run.directory : NULL;
    rounds[i].home.round = i + 1;
    rounds[i].home.before = i ? &rounds[i - 1].home : NULL;
  }
  return rounds;
}

// One round of several: which knobs are other ones in the rounds after the first.

#include <string.h>

#include "config.h"

settings round_settings(const settings *whole, int round) {
  settings s = *whole;
  if (whole->run.rounds == 1) return s;

  // What would not fit was refused when the settings were checked.
  s.run.rounds = 1;
  text_print(s.run.directory, sizeof s.run.directory, "%s/round-%d", whole->run.directory, round);
  if (round == 1) return s;

  if (whole->round.episodes) s.collect.episodes = whole->round.episodes;
  s.vae.frames = whole->round.vae_frames;
  s.rnn.epochs = whole->round.rnn_epochs;
  s.vae.learning_rate = s.rnn.learning_rate = whole->round.learning_rate;
  s.evolve.generations = whole->round.generations;
  s.evolve.sigma0 = whole->round.sigma0;

  // only the first begins with others' episodes, or at another run's controller; each M sees ahead by itself
  memset(s.collect.from, 0, sizeof s.collect.from);
  if (!settings_start_ahead(whole)) text_print(s.evolve.start, sizeof s.evolve.start, "none");
  return s;
}

// Which dreams rank candidates as reality does. Candidates around a finished run's controller, further apart than a
// search draws them, are played in reality and in dreams of several rules, each with the same luck for all. A row per
// kind of dream: Spearman's correlation with reality's ranking over all that were played, and over as many as make
// STEPS steps per candidate, the mean over draws of so many: what a search gets for its time.
// bench_ranking RUN-DIRECTORY [REAL EPISODES] (100; without a directory nothing is measured)

#include "candidates.h"

enum { CANDIDATES = 40, DREAMS = 64, STEPS = 8500, DRAWS = 200 };

typedef struct kind {
  const char *name;
  dream_rules rules;
} kind;
static const kind kinds[] = {
    {"moments_300", {.temperature = 1, .first = 0.1f, .cap = 300, .end = DREAM_END_EXPECTED}},
    {"moments_800", {.temperature = 1, .first = 0.1f, .cap = 800, .end = DREAM_END_EXPECTED}},
    {"moments_to_the_end", {.temperature = 1, .first = 0.1f, .cap = 2100, .end = DREAM_END_EXPECTED}},
    {"first_to_the_end", {.temperature = 1, .first = 1, .cap = 2100, .end = DREAM_END_EXPECTED}},
    {"first_to_the_end_sampled", {.temperature = 1, .first = 1, .cap = 2100, .end = DREAM_END_SAMPLED}},
    {"first_to_the_end_tau_0.7", {.temperature = 0.7f, .first = 1, .cap = 2100, .end = DREAM_END_EXPECTED}},
    {"first_to_the_end_tau_1.3", {.temperature = 1.3f, .first = 1, .cap = 2100, .end = DREAM_END_EXPECTED}},
    {"first_to_the_end_tau_1.8", {.temperature = 1.8f, .first = 1, .cap = 2100, .end = DREAM_END_EXPECTED}},
};

static double average(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i];
  return sum / n;
}

// The means over some of the episodes, the same ones for every candidate.
static void means_over(double *mean, const double *returns, int episodes, const uint32_t *some, int count) {
  for (int i = 0; i < CANDIDATES; i++) {
    mean[i] = 0;
    for (int k = 0; k < count; k++) mean[i] += returns[(size_t)i * (size_t)episodes + some[k]] / count;
  }
}

// Over draws of so many of the episodes.
static double spearman_of_some(const double *returns, int episodes, int count, const double *truth) {
  uint32_t order[DREAMS];
  double mean[CANDIDATES], sum = 0;
  for (int draw = 0; draw < DRAWS; draw++) {
    for (int i = 0; i < episodes; i++) order[i] = (uint32_t)i;
    rng_shuffle(order, (uint32_t)episodes, rng_episode(rng_stream(1, "draws"), 0, (uint32_t)draw), 0);
    means_over(mean, returns, episodes, order, count);
    sum += spearman(mean, truth, CANDIDATES);
  }
  return sum / DRAWS;
}

static void kind_say(const candidates *c, const world *w, const kind *k, const double *truth) {
  rollout_record as = {.place = ROLLOUT_DREAM, .stream = "ranking", .rules = k->rules};
  double *returns = candidates_play(c, w, &as, DREAMS), steps = average(returns, CANDIDATES * DREAMS);
  int affordable = (int)fmin(DREAMS, fmax(1, round(STEPS / steps)));
  char line[64];

  snprintf(line, sizeof line, "%s_steps", k->name);
  bench_say(line, steps, "steps");
  snprintf(line, sizeof line, "%s_spearman_%d", k->name, DREAMS);
  bench_say(line, spearman_of_some(returns, DREAMS, DREAMS, truth), "of 1");
  snprintf(line, sizeof line, "%s_spearman_%d", k->name, affordable);
  bench_say(line, spearman_of_some(returns, DREAMS, affordable, truth), "of 1");
  mem_free(returns);
}

int main(int count, char **words) {
  if (count < 2) return printf("# bench_ranking: give it the directory of a finished run\n"), 0;
  int episodes = count > 2 ? atoi(words[2]) : 100;
  CHECK(episodes > 1, "%d episodes", episodes);
  num_open();
  candidates c = candidates_of(words[1], CANDIDATES);
  world *w = candidates_world(&c, words[1], NUM_FP32);
  candidates_draw(&c, words[1], 1, 1.2 * c.s.evolve.sigma0);

  // Reality, and how well it is known: its two halves beside each other.
  double *outside = candidates_play(&c, w, &(rollout_record){.place = ROLLOUT_REAL, .stream = "ranking"}, episodes);
  double truth[CANDIDATES], half[2][CANDIDATES];
  uint32_t *order = mem_take((size_t)episodes, sizeof *order);
  for (int i = 0; i < episodes; i++) order[i] = (uint32_t)i;
  means_over(truth, outside, episodes, order, episodes);
  means_over(half[0], outside, episodes, order, episodes / 2);
  means_over(half[1], outside, episodes, order + episodes / 2, episodes - episodes / 2);

  printf("# %d candidates, %d real episodes and %d dreams each\n", CANDIDATES, episodes, DREAMS);
  bench_say("reality", average(truth, CANDIDATES), "steps");
  bench_say("reality_halves_spearman", spearman(half[0], half[1], CANDIDATES), "of 1");
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) kind_say(&c, w, &kinds[i], truth);

  mem_free(outside);
  mem_free(order);
  mem_free(c.parameters);
  world_close(w);
  return 0;
}

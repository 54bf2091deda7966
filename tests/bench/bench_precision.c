// What bf16 does to the ranking of candidates, beside what luck does to it. 64 candidates around a point on the way
// from zero to a finished run's controller are played in its world four times: in fp32 and in bf16 on the same luck,
// and both again on other luck. Spearman's rank correlation of their means, and how much of one's better half is in the
// other's. bench_precision RUN-DIRECTORY [EPISODES] (16 episodes a candidate; without a directory nothing is measured)

#include "candidates.h"

enum { CANDIDATES = 64 };

// The mean return of each candidate.
static double *play(const candidates *c, const world *w, const char *luck, int episodes) {
  const settings *s = &c->s;
  rollout_record as = {.place = ROLLOUT_DREAM,
                       .rules = {.temperature = (float)s->dream.temperature,
                                 .cap = s->dream.cap ? s->dream.cap : c->environment.cap}};
  snprintf(as.stream, sizeof as.stream, "%s", luck);

  double *returns = candidates_play(c, w, &as, episodes), *mean = mem_take(CANDIDATES, sizeof *mean);
  for (int i = 0; i < CANDIDATES * episodes; i++) mean[i / episodes] += returns[i] / episodes;
  mem_free(returns);
  return mean;
}

static double top_half(const double *x, const double *y, int n) {
  int both = 0, half = 0;
  for (int i = 0; i < n; i++) {
    bool a = rank_of(x, n, i) > (n - 1) / 2.0, b = rank_of(y, n, i) > (n - 1) / 2.0;
    half += a;
    both += a && b;
  }
  return (double)both / half;
}

static void compare(const char *name, double way, const double *x, const double *y) {
  char line[64];
  snprintf(line, sizeof line, "way_%g_spearman_%s", way, name);
  bench_say(line, spearman(x, y, CANDIDATES), "of 1");
  snprintf(line, sizeof line, "way_%g_top_half_%s", way, name);
  bench_say(line, top_half(x, y, CANDIDATES), "of 1");
}

static double average(const double *x) {
  double sum = 0;
  for (int i = 0; i < CANDIDATES; i++) sum += x[i];
  return sum / CANDIDATES;
}

static void report(candidates *c, const char *directory, world *const w[2], double way, int episodes) {
  static const char *const luck[2] = {"first", "second"};
  double *mean[2][2];  // by precision, luck
  char line[64];
  candidates_draw(c, directory, way, c->s.evolve.sigma0);
  for (int p = 0; p < 2; p++)
    for (int l = 0; l < 2; l++) mean[p][l] = play(c, w[p], luck[l], episodes);

  compare("bf16_same_luck", way, mean[0][0], mean[1][0]);
  compare("bf16_same_luck_again", way, mean[0][1], mean[1][1]);
  compare("fp32_other_luck", way, mean[0][0], mean[0][1]);
  compare("bf16_other_luck", way, mean[1][0], mean[1][1]);
  for (int p = 0; p < 2; p++) {
    snprintf(line, sizeof line, "way_%g_mean_return_%s", way, p ? "bf16" : "fp32");
    bench_say(line, (average(mean[p][0]) + average(mean[p][1])) / 2, "steps");
    for (int l = 0; l < 2; l++) mem_free(mean[p][l]);
  }
  mem_free(c->parameters);
}

int main(int count, char **words) {
  if (count < 2) return printf("# bench_precision: give it the directory of a finished run\n"), 0;
  int episodes = count > 2 ? atoi(words[2]) : 16;
  CHECK(episodes > 0, "%d episodes", episodes);
  num_open();
  candidates c = candidates_of(words[1], CANDIDATES);
  world *w[2];
  for (int p = 0; p < 2; p++) w[p] = candidates_world(&c, words[1], p ? NUM_BF16 : NUM_FP32);

  printf("# %d candidates, %d episodes each\n", CANDIDATES, episodes);
  const double ways[] = {0, 0.5, 1};
  for (int i = 0; i < 3; i++) report(&c, words[1], w, ways[i], episodes);
  for (int p = 0; p < 2; p++) world_close(w[p]);
  return 0;
}

// Tests for src/es: lucky episodes. A candidate's fitness is its quality and luck with heavy tails (Student's t, 3
// degrees of freedom), of which a share belongs to the episode, the rest to the candidate in it. How near the mean
// comes, at equally many episodes: with common random numbers, with more episodes a candidate, with uncertainty
// handling, with learning-rate adaptation; and where that does not help. `build/tests/es/test_luck table` prints all of
// it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "search.h"

enum { DIMENSIONS = 10, SEEDS = 31, EPISODES = 20000, FEW_EPISODES = 2000, MOST_EFFORT = 100 };

typedef struct way {
  const char *name;
  es_kind kind;
  bool common;    // every candidate of a generation meets the same episodes
  bool twice;     // uncertainty handling
  int episodes;   // a candidate, without it
} way;

enum { PLAIN, CRN, FOUR, SIXTEEN, CRN_FOUR, CRN_SIXTEEN, UH, CRN_UH, LRA, CRN_LRA, LRA_FOUR, WAYS };
static const way ways[WAYS] = {{"plain", ES_CMA, false, false, 1},
                               {"common numbers", ES_CMA, true, false, 1},
                               {"4 episodes", ES_CMA, false, false, 4},
                               {"16 episodes", ES_CMA, false, false, 16},
                               {"common, 4", ES_CMA, true, false, 4},
                               {"common, 16", ES_CMA, true, false, 16},
                               {"UH", ES_CMA, false, true, 1},
                               {"common, UH", ES_CMA, true, true, 1},
                               {"LRA", ES_LRA_CMA, false, false, 1},
                               {"common, LRA", ES_LRA_CMA, true, false, 1},
                               {"LRA, 4 episodes", ES_LRA_CMA, false, false, 4}};

typedef struct luck {
  const char *name;
  double share;     // of the luck's variance that belongs to the episode
  double size;      // of the luck
  // instead: each episode has its best point elsewhere, at a normal distance of `size` in every coordinate
  bool other_goal;
} luck;

enum { FIFTH, HALF, MOST, GOALS, LUCKS };
static const luck lucks[LUCKS] = {{"a fifth is the episode's", 0.2, 1, false},
                                  {"half is the episode's", 0.5, 1, false},
                                  {"nine tenths are the episode's", 0.9, 1, false},
                                  {"episodes with goals of their own", 1, 1, true}};

// --- an episode -----------------------------------------------------------------------------------------------------

static double student(rng r, int episode) {  // t with 3 degrees of freedom
  double z[4];
  rng_normals_double(z, 4, r, (uint32_t)episode, 0);
  return z[0] / sqrt((z[1] * z[1] + z[2] * z[2] + z[3] * z[3]) / 3);
}

static double around(const double *x, double distance, rng r, int episode) {
  double goal[DIMENSIONS], sum = 0;
  rng_normals_double(goal, DIMENSIONS, r, (uint32_t)episode, 0);
  for (int i = 0; i < DIMENSIONS; i++) sum += (x[i] - distance * goal[i]) * (x[i] - distance * goal[i]);
  return sum;
}

// Mean of `episodes` episodes; `time` 1 is the second look of uncertainty handling.
static double look(const double *x, const luck *l, const way *w, uint64_t seed, const es *e, int candidate, int time,
                   int episodes) {
  uint32_t generation = (uint32_t)es_generation(e), alone = (uint32_t)(2 * candidate + time);
  rng own = rng_episode(rng_stream(seed, "own luck"), generation, alone);
  rng shared =
      rng_episode(rng_stream(seed, w->common ? "common luck" : "luck"), generation, w->common ? (uint32_t)time : alone);
  double sum = 0;
  for (int i = 0; i < episodes; i++)
    sum += l->other_goal ? around(x, l->size, shared, i)
                         : es_sphere(x, DIMENSIONS) +
                               l->size * (sqrt(l->share) * student(shared, i) + sqrt(1 - l->share) * student(own, i));
  return sum / episodes;
}

// --- a search -------------------------------------------------------------------------------------------------------

// Returns the episodes it took.
static int generation(es *e, const way *w, const luck *l, uint64_t seed) {
  double fitness[MOST_CANDIDATES], again[MOST_CANDIDATES];
  int popsize = es_popsize(e), twice = w->twice ? es_reevaluations(e) : 0,
      episodes = w->twice ? (int)es_effort(e) : w->episodes;
  const double *x = es_ask(e);
  for (int k = 0; k < popsize; k++) fitness[k] = look(x + k * DIMENSIONS, l, w, seed, e, k, 0, episodes);
  for (int k = 0; k < twice; k++) again[k] = look(x + k * DIMENSIONS, l, w, seed, e, k, 1, episodes);
  if (twice) es_tell_twice(e, x, fitness, again);
  else es_tell(e, x, fitness);
  return (popsize + twice) * episodes;
}

// |mean|^2, averaged over the last fifth of the search, since it wanders.
static double left_over(const way *w, const luck *l, uint64_t seed, int most) {
  double x0[DIMENSIONS];
  for (int i = 0; i < DIMENSIONS; i++) x0[i] = 3;
  const es_options o = {.kind = w->kind,
                        .n = DIMENSIONS,
                        .sigma0 = 1,
                        .x0 = x0,
                        .seed = seed,
                        .active = true,
                        .most_effort = w->twice ? MOST_EFFORT : 1};
  es *e = open_or_fail(&o);
  double sum = 0, counted = 0;
  for (int episodes = 0; episodes < most;) {
    int took = generation(e, w, l, seed);
    episodes += took;
    if (episodes > 0.8 * most) sum += took * es_sphere(es_mean(e), DIMENSIONS), counted += took;
  }
  es_close(e);
  return sum / counted;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Over the seeds; it is 90 at the start.
static double median(int w, int l, int most) {
  double left[SEEDS];
  for (int s = 0; s < SEEDS; s++) left[s] = left_over(&ways[w], &lucks[l], (uint64_t)s + 1, most);
  qsort(left, SEEDS, sizeof *left, ascending);
  printf("%-32s %6d episodes  %-16s |mean|^2 %8.3g (%.3g to %.3g)\n", lucks[l].name, most, ways[w].name,
         left[SEEDS / 2], left[SEEDS / 4], left[3 * SEEDS / 4]);
  return left[SEEDS / 2];
}

// --- tests ----------------------------------------------------------------------------------------------------------

static void test_what_helps(void **state) {
  (void)state;
  static const struct { int way; double at_most; } t[] = {
      {CRN, 0.9}, {FOUR, 0.75}, {SIXTEEN, 0.5}, {UH, 0.45}, {CRN_SIXTEEN, 0.35}, {CRN_UH, 0.35}, {LRA, 0.05}};
  double plain = median(PLAIN, HALF, EPISODES);
  for (size_t i = 0; i < sizeof t / sizeof *t; i++)
    assert_true(median(t[i].way, HALF, EPISODES) < t[i].at_most * plain);
}

static void test_common_numbers_help_as_much_as_luck_is_common(void **state) {
  (void)state;
  double most = median(CRN, MOST, EPISODES) / median(PLAIN, MOST, EPISODES),
         fifth = median(CRN, FIFTH, EPISODES) / median(PLAIN, FIFTH, EPISODES);
  assert_true(most < 0.55 && fifth < 1 && most < fifth);
  assert_true(median(CRN_FOUR, GOALS, EPISODES) < 0.5 * median(FOUR, GOALS, EPISODES));
}

static void test_many_episodes_do_not_help_a_short_search(void **state) {
  (void)state;
  double plain = median(PLAIN, HALF, FEW_EPISODES);
  assert_true(median(SIXTEEN, HALF, FEW_EPISODES) > 2 * plain);
  assert_true(median(CRN, HALF, FEW_EPISODES) < 0.8 * plain && median(LRA, HALF, FEW_EPISODES) < 0.4 * plain);
}

static void print_table(void) {
  for (int l = 0; l < LUCKS; l++)
    for (int w = 0; w < WAYS; w++) median(w, l, EPISODES);
  for (int w = 0; w < WAYS; w++) median(w, HALF, FEW_EPISODES);
}

int main(int count, char **words) {
  num_open();
  if (count > 1 && strcmp(words[1], "table") == 0) return print_table(), 0;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_what_helps),
      cmocka_unit_test(test_common_numbers_help_as_much_as_luck_is_common),
      cmocka_unit_test(test_many_episodes_do_not_help_a_short_search),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

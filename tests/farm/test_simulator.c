// Tests of the whole farm in virtual time (src/farm/simulate.c): thousands of seeded runs in which workers die, stop
// and come back, slow down and join late, messages vanish, come twice and overtake each other, tasks kill their
// workers, and the master dies and resumes. Argument: one seed, to replay it.

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "farm.h"
#include "num.h"

enum { SEEDS = 6000, TASKS_MAX = 24 * 20, RESUMES_MAX = 200 };

static uint64_t seed_now;
static int64_t moved;

static void say_seed(void) {
  fprintf(stderr, "replay: tests/farm/test_simulator %llu\n", (unsigned long long)seed_now);
}

#define DEMAND(condition, ...)                                                            \
  do {                                                                                    \
    if (condition) break;                                                                 \
    fprintf(stderr, "seed %llu: ", (unsigned long long)seed_now);                         \
    fprintf(stderr, __VA_ARGS__);                                                         \
    fprintf(stderr, "\n");                                                                \
    say_seed();                                                                           \
    fail();                                                                               \
  } while (0)

typedef struct dice { rng luck; uint32_t drawn; } dice;
static double roll(dice *d) { return rng_uniform(d->luck, 0, d->drawn++); }
static double seldom(dice *d, double most) { return roll(d) < 0.5 ? 0 : most * roll(d); }

static double length[TASKS_MAX], expected[24];
static unsigned char known[TASKS_MAX], kills[TASKS_MAX];

// Some of everything, and often nothing of it.
static farm_simulation scenario(dice *d, uint64_t seed) {
  farm_simulation w = {.seed = seed,
                       .workers = 1 + (int)(39 * roll(d) * roll(d)),
                       .groups = 1 + (int)(23 * roll(d)),
                       .members = 1 + (int)(19 * roll(d)),
                       .length = length,
                       .lanes = 1 + (int)(20 * roll(d) * roll(d)),
                       .queue = (int)(6 * roll(d)),
                       .master_works = roll(d) < 0.5,
                       .delay = 0.0001 + 0.01 * roll(d),
                       .span = 1 + 60 * roll(d),
                       .known = known};
  w.dies = seldom(d, 0.5);
  w.stops = seldom(d, 0.5);
  w.slows = seldom(d, 0.3);
  w.late = seldom(d, 0.5);
  w.spread = seldom(d, 1.5);
  w.vanishes = seldom(d, 0.1);
  w.doubles = seldom(d, 0.1);
  w.lags = seldom(d, 0.2);
  w.master_dies = seldom(d, 60);
  w.jobs = 1 + (int)(3 * roll(d));  // late words of one meet the next
  w.knee = 1 + seldom(d, 3);
  w.stays = roll(d) < 0.2;
  w.shared_bytes = (size_t)(roll(d) < 0.75 ? 0 : 50 + 600 * roll(d));
  w.fillings = roll(d) < 0.75 ? 1 : 2 + (int)(2 * roll(d));
  w.block = 1 + (int)(4 * roll(d));
  w.tries = 8;  // deaths without a reason are frequent here: a task must not look like poison by chance
  if (roll(d) < 0.5) w.expected = expected;
  // lanes share a core
  for (int i = 0; i < w.groups * w.members; i++) length[i] = (0.02 + 5 * roll(d) * roll(d)) / sqrt(w.lanes);
  for (int i = 0; i < w.groups; i++) expected[i] = roll(d);
  memset(known, 0, sizeof known);
  return w;
}

static int count_known(const farm_simulation *w) {
  int count = 0;
  for (int i = 0; i < w->groups * w->members; i++) count += known[i];
  return count;
}

static void memory_is_bounded(const farm_simulation *w, const farm_simulated *r) {
  DEMAND(r->in_flight_max <= 2 * (1 + (w->doubles > 0)) * 8 * w->workers + 64,
         "%d messages under way at once for %d workers", r->in_flight_max, w->workers);
}

// As a launcher would: again and again from what is known, until all of it is.
static int play_to_the_end(dice *d, farm_simulation w) {
  farm_simulated r;
  for (int starts = 1; starts <= RESUMES_MAX; starts++) {
    status s = farm_simulate(&r, &w);
    memory_is_bounded(&w, &r);
    moved += r.report.moved;
    DEMAND(!w.stays || r.report.moved == 0, "%lld tasks moved that stay", (long long)r.report.moved);
    if (s == OK) {
      DEMAND(count_known(&w) == w.groups * w.members, "%d of %d tasks are known at the end", count_known(&w),
             w.groups * w.members);
      return starts;
    }
    DEMAND(s == RESUME_ME, "%s", status_message());
    w.workers = 1 + (int)(39 * roll(d) * roll(d));  // another allocation
    w.master_dies *= 1.5;  // or it would never live as long as a task takes
    w.seed += 1000003;
  }
  DEMAND(false, "not at its end after %d starts", RESUMES_MAX);
  return 0;
}

static void play_seed(uint64_t seed) {
  dice d = {.luck = rng_stream(seed, "simulation")};
  seed_now = seed;
  play_to_the_end(&d, scenario(&d, seed));
}

// Some tasks kill whoever plays them; nothing else is lost. Those that do are found, and none but those.
static void play_seed_with_poison(uint64_t seed) {
  dice d = {.luck = rng_stream(seed, "poison")};
  farm_simulation w = scenario(&d, seed);
  farm_simulated r;
  int killers = 1 + (int)(3 * roll(&d)), tasks = w.groups * w.members;
  seed_now = seed;
  w.dies = w.stops = w.late = w.master_dies = 0;
  w.master_works = false;
  w.jobs = w.fillings = 1;
  w.tries = (int)(4 * roll(&d));
  w.workers += 20;
  memset(kills, 0, sizeof kills);
  for (int i = 0; i < killers; i++) kills[(int)(tasks * roll(&d))] = 1;
  killers = 0;
  for (int i = 0; i < tasks; i++) killers += kills[i];
  w.kills = kills;
  status s = farm_simulate(&r, &w);  // it is BROKEN if another task gets the result of poison
  DEMAND(s == OK, "%s", status_message());
  DEMAND(r.report.poisoned == killers, "%d of %d tasks that kill were found", r.report.poisoned, killers);
  int tries = w.tries ? w.tries : 3;
  int fallen = r.report.lost - r.report.returned;  // who joins late was taken for lost
  DEMAND(fallen <= killers * (tries + 2), "%d workers lost to %d tasks with %d tries", fallen, killers, tries);
}

static uint64_t only_seed;

static void test_whatever_happens_every_task_counts_once(void **state) {
  (void)state;
  for (uint64_t seed = only_seed ? only_seed : 1; seed <= (only_seed ? only_seed : SEEDS); seed++) play_seed(seed);
  assert_true(only_seed || moved > SEEDS);  // or it would not have been tested
}

static void test_poison_is_found(void **state) {
  (void)state;
  for (uint64_t seed = only_seed ? only_seed : 1; seed <= (only_seed ? only_seed : SEEDS / 3); seed++)
    play_seed_with_poison(seed);
}

// --- sizes, and how well they are used ------------------------------------------------------------------------------

// Uniform over 0.4 to 2 s, all alike: nothing can be learnt.
static double *lengths_alike(int n) {
  double *x = mem_take((size_t)n, sizeof *x);
  for (int i = 0; i < n; i++) x[i] = 0.4 + 1.6 * rng_uniform(rng_stream(5, "lengths"), 0, (uint32_t)i);
  return x;
}

static double used_by(int workers, int groups, int members, farm_simulated *r) {
  double *lengths = lengths_alike(groups * members);
  const farm_simulation w = {.seed = 1,
                             .workers = workers,
                             .groups = groups,
                             .members = members,
                             .length = lengths,
                             .delay = 5e-5,
                             .message_seconds = 1e-6};
  status s = farm_simulate(r, &w);
  mem_free(lengths);
  if (s != OK) fail_msg("%s", status_message());
  return r->used;
}

static void test_the_closed_form_is_near(void **state) {
  (void)state;
  farm_simulated r;
  for (int workers = 4; workers <= 1024; workers *= 2) {
    double used = used_by(workers, 64, 16, &r), predicted = farm_use_expected(64 * 16, workers, 1.2, 1.6 / sqrt(12), 2);
    if (fabs(used - predicted) > 0.05)
      fail_msg("%d workers: %.3f of them used, %.3f expected", workers, used, predicted);
  }
}

// Lanes share their cores, and lengths spread as widely as any: with tasks that stay the last of a worker run alone,
// with tasks that move all workers end nearly together.
static double used_by_lanes(bool stays, double knee, int64_t *moves) {
  enum { WORKERS = 32, GROUPS = 32, MEMBERS = 16 };
  static double lengths[GROUPS * MEMBERS];
  for (int i = 0; i < GROUPS * MEMBERS; i++)
    lengths[i] = fmin(3, 0.4 - log(1 - rng_uniform(rng_stream(5, "wide"), 0, (uint32_t)i)));
  const farm_simulation w = {.seed = 1,
                             .workers = WORKERS,
                             .groups = GROUPS,
                             .members = MEMBERS,
                             .length = lengths,
                             .lanes = 16,
                             .queue = 4,
                             .knee = knee,
                             .stays = stays,
                             .delay = 5e-5,
                             .message_seconds = 1e-5};
  farm_simulated r;
  if (farm_simulate(&r, &w) != OK) fail_msg("%s", status_message());
  *moves = r.report.moved;
  return r.used;
}

static void test_tasks_that_move_end_together(void **state) {
  (void)state;
  int64_t moves;
  assert_true(used_by_lanes(true, 1, &moves) < 0.8);
  assert_int_equal(moves, 0);
  assert_true(used_by_lanes(false, 1, &moves) > 0.98);
  assert_true(used_by_lanes(false, 2.35, &moves) > 0.94);
  assert_true(moves > 0 && moves < 32 * 16 / 2);  // no to and fro
}

static void test_ten_thousand_workers(void **state) {
  (void)state;
  farm_simulated r;
  assert_true(used_by(10000, 512, 64, &r) > 0.6);
  assert_int_equal(r.report.lost, 0);
  assert_true(r.in_flight_max <= 40000);
}

int main(int count, char **words) {
  num_open();
  check_on_failure(say_seed);
  if (count > 1) only_seed = strtoull(words[1], NULL, 10);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_whatever_happens_every_task_counts_once),
      cmocka_unit_test(test_poison_is_found),
      cmocka_unit_test(test_the_closed_form_is_near),
      cmocka_unit_test(test_tasks_that_move_end_together),
      cmocka_unit_test(test_ten_thousand_workers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

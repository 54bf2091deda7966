// ranks: 1 2 3 5
// Tests for src/farm over MPI: results by index whatever the shape of the job, several jobs in a row, giving up, known
// tasks; sums in rank order. With an argument it runs one job for test_lost.sh and prints what came of it: `long` lasts
// for some seconds, `longer` for more than a lease, `kill` and `hang` have a task that takes its workers down.

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "farm.h"
#include "num.h"

#define SHARED_MAX ((size_t)3 << 20)

typedef enum fate { FATE_NONE, FATE_KILL, FATE_HANG } fate;
// fated: a member
typedef struct record { uint32_t seed; int32_t slow; int32_t fate, fated, sticks, shares; char padding[100]; } record;
typedef struct result { uint64_t value; int32_t group_seed, member; } result;

static uint64_t value_of(uint32_t seed, int member) {
  uint32_t words[2];
  rng_words(words, 2, rng_episode(rng_stream(7, "task"), seed, (uint32_t)member), 0, 0);
  return (uint64_t)words[0] << 32 | words[1];
}

// --- a crew of a few lanes: each task takes some slices -------------------------------------------------------------

enum { LANES = 6, QUEUE = 9 };
typedef struct lane { int ticket, member, left; const record *r; } lane;
// stuck: none of its tasks comes to its end
typedef struct crew { lane held[QUEUE]; int count; bool closed, stuck; uint64_t shared; } crew;
typedef struct lane_state { uint64_t value; int left; } lane_state;

static int crew_vacancies(void *self) {
  const crew *c = self;
  return c->closed ? 0 : QUEUE - c->count;
}
static void crew_begin(void *self, int ticket, const void *r, int member) {
  crew *c = self;
  const record *rec = r;
  assert_true(c->count < QUEUE);
  c->held[c->count++] = (lane){ticket, member, 1 + (int)(value_of(rec->seed, member) % 5), rec};
}
static void meet_fate(const lane *l) {
  if (l->r->fate == FATE_NONE || l->r->fated != l->member) return;
  if (l->r->fate == FATE_KILL) kill(getpid(), SIGKILL);
  for (;;) pause();
}
static int crew_work(void *self, int *tickets, void *results, int max) {
  crew *c = self;
  int done = 0;
  if (c->held[0].r->slow) usleep((useconds_t)c->held[0].r->slow);
  for (int i = 0; i < c->count && i < LANES && done < max; i++) {
    lane *l = &c->held[i];
    meet_fate(l);
    if (l->left == 1 && c->stuck && l->r->sticks) continue;
    if (--l->left > 0) continue;
    result r = {value_of(l->r->seed, l->member) + (l->r->shares ? c->shared : 0), (int32_t)l->r->seed, l->member};
    tickets[done] = l->ticket;
    memcpy((char *)results + (size_t)done++ * sizeof r, &r, sizeof r);
    c->held[i--] = c->held[--c->count];
  }
  return done;
}
static void crew_drop(void *self) { ((crew *)self)->count = 0; }
static uint64_t sum_of(const unsigned char *bytes, size_t size) {
  uint64_t sum = size;
  for (size_t i = 0; i < size; i++) sum = sum * 31 + bytes[i];
  return sum;
}
static void crew_share(void *self, const void *bytes, size_t size) {
  crew *c = self;
  assert_int_equal(c->count, 0);
  c->shared = sum_of(bytes, size);
}
static int crew_give(void *self, void *bytes, bool *begun) {
  crew *c = self;
  if (c->count == 0) return -1;
  const lane *l = &c->held[--c->count];
  const lane_state s = {value_of(l->r->seed, l->member), l->left};
  memcpy(bytes, &s, sizeof s);
  *begun = true;
  return l->ticket;
}
static void crew_begin_from(void *self, int ticket, const void *r, int member, const void *bytes) {
  crew *c = self;
  lane_state s;
  memcpy(&s, bytes, sizeof s);
  crew_begin(c, ticket, r, member);
  assert_true(s.value == value_of(c->held[c->count - 1].r->seed, member));  // its own
  c->held[c->count - 1].left = s.left;
}

static farm *f;
static crew own;
static const farm_crew hands = {.self = &own,
                                .vacancies = crew_vacancies,
                                .begin = crew_begin,
                                .work = crew_work,
                                .drop = crew_drop,
                                .lanes = LANES,
                                .state_bytes = sizeof(lane_state),
                                .give = crew_give,
                                .begin_from = crew_begin_from,
                                .share = crew_share};

static record records[64];
static result results[64 * 40];

static status map(int groups, int members, int slow, farm_report *report, bool (*tick)(void *, int64_t)) {
  for (int g = 0; g < groups; g++) records[g] = (record){.seed = (uint32_t)(g * 1000 + members), .slow = slow};
  memset(results, 0xff, sizeof results);
  const farm_job job = {.groups = groups,
                        .members = members,
                        .records = records,
                        .record_bytes = sizeof *records,
                        .result_bytes = sizeof *results};
  return farm_map(f, &job, &hands, results, report, tick, NULL);
}

static void check_results(int groups, int members) {
  for (int g = 0; g < groups; g++)
    for (int m = 0; m < members; m++) {
      const result *r = &results[g * members + m];
      assert_int_equal(r->member, m);
      assert_int_equal(r->group_seed, g * 1000 + members);
      assert_true(r->value == value_of((uint32_t)r->group_seed, m));
    }
}

static bool never(void *self, int64_t finished) {
  (void)self, (void)finished;
  return false;
}

static void test_jobs(void **state) {
  (void)state;
  static const int shapes[][2] = {{1, 1}, {0, 5}, {5, 0}, {1, 40}, {64, 1}, {64, 40}, {7, 13}, {3, 2}};
  farm_report report;
  for (int round = 0; round < 3; round++)
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
      uint64_t before = mem_count();
      if (map(shapes[i][0], shapes[i][1], 0, &report, NULL) != OK) fail_msg("%s", status_message());
      assert_true(mem_count() == before);  // nothing is allocated in a map
      check_results(shapes[i][0], shapes[i][1]);
      assert_int_equal(report.lost, 0);
      assert_true(report.sent >= shapes[i][0] * shapes[i][1]);
    }
}

// What a job shares is there before its tasks, whatever its size, and is another one in the next job.
static void test_bytes_are_shared(void **state) {
  (void)state;
  static unsigned char bytes[SHARED_MAX];
  const size_t sizes[] = {SHARED_MAX, 1, 16384, 16385, SHARED_MAX - 1};
  farm_report report;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (int g = 0; g < 8; g++) records[g] = (record){.seed = (uint32_t)g, .shares = 1, .slow = 100};
    rng_words((uint32_t *)(void *)bytes, (int)(SHARED_MAX / 4), rng_episode(rng_stream(1, "shared"), 0, (uint32_t)i), 0,
              0);
    const farm_job job = {.groups = 8,
                          .members = 20,
                          .records = records,
                          .record_bytes = sizeof *records,
                          .result_bytes = sizeof *results,
                          .shared = bytes,
                          .shared_bytes = sizes[i]};
    uint64_t sum = sum_of(bytes, sizes[i]), before = mem_count();
    if (farm_map(f, &job, &hands, results, &report, NULL, NULL) != OK) fail_msg("%s", status_message());
    assert_true(mem_count() == before);
    for (int t = 0; t < 8 * 20; t++) assert_true(results[t].value == value_of((uint32_t)(t / 20), t % 20) + sum);
  }
}

// Two blocks of groups, each filled anew as it is done, while the other goes on: every filling's answers are its own.
enum { BLOCK = 3, FILLINGS = 6, BLOCK_MEMBERS = 7 };
static int fillings[2], open_tasks[2];

static uint32_t seed_in(int group, int filling) { return (uint32_t)(1000 * filling + group); }

static void block_fill(int block) {
  for (int g = block * BLOCK; g < (block + 1) * BLOCK; g++)
    records[g] = (record){.seed = seed_in(g, fillings[block]), .slow = 200};
  open_tasks[block] = BLOCK * BLOCK_MEMBERS;
}

static void refill(void *watcher, int task, const void *answer) {
  (void)watcher;
  int group = task / BLOCK_MEMBERS, block = group / BLOCK;
  result r;
  memcpy(&r, answer, sizeof r);
  assert_true(r.value == value_of(seed_in(group, fillings[block]), task % BLOCK_MEMBERS));
  if (--open_tasks[block] || ++fillings[block] == FILLINGS) return;
  block_fill(block);
  farm_reopen(f, block * BLOCK, BLOCK);
}

static void test_groups_are_filled_anew(void **state) {
  (void)state;
  farm_report report;
  for (int round = 0; round < 5; round++) {
    for (int b = 0; b < 2; b++) fillings[b] = 0, block_fill(b);
    const farm_job job = {.groups = 2 * BLOCK,
                          .members = BLOCK_MEMBERS,
                          .records = records,
                          .record_bytes = sizeof *records,
                          .result_bytes = sizeof *results,
                          .answered = refill};
    uint64_t before = mem_count();
    if (farm_map(f, &job, &hands, results, &report, NULL, NULL) != OK) fail_msg("%s", status_message());
    assert_true(mem_count() == before);
    for (int b = 0; b < 2; b++) assert_int_equal(fillings[b], FILLINGS);
    assert_true(report.sent >= 2 * BLOCK * BLOCK_MEMBERS * FILLINGS);
  }
}

// The last rank brings none of its tasks to an end: they move on, the last one is copied.
static void test_tasks_move_on(void **state) {
  (void)state;
  farm_report report;
  for (int g = 0; g < 8; g++) records[g] = (record){.seed = (uint32_t)(g * 1000 + 20), .slow = 1000, .sticks = 1};
  const farm_job job = {
      .groups = 8, .members = 20, .records = records, .record_bytes = sizeof *records, .result_bytes = sizeof *results};
  memset(results, 0xff, sizeof results);
  if (farm_map(f, &job, &hands, results, &report, NULL, NULL) != OK) fail_msg("%s", status_message());
  check_results(8, 20);
  if (farm_size(f) > 1) assert_true(report.moved > 0);
  else assert_int_equal(report.moved, 0);
  assert_int_equal(report.lost, 0);
}

// --- what is known already, and who watches -------------------------------------------------------------------------

static unsigned char answers[64 * 40];
static void count_answer(void *watcher, int task, const void *answer) {
  (void)watcher;
  answers[task]++;
  assert_memory_equal(answer, &results[task], sizeof *results);
}

static void test_known_tasks_are_left_alone(void **state) {
  (void)state;
  static unsigned char known[64 * 40];
  farm_report report;
  const farm_job job = {.groups = 20,
                        .members = 13,
                        .records = records,
                        .record_bytes = sizeof *records,
                        .result_bytes = sizeof *results,
                        .known = known,
                        .answered = count_answer};
  for (int every = 1; every < 6; every++) {
    memset(answers, 0, sizeof answers);
    assert_int_equal(map(20, 13, 0, &report, NULL), OK);
    for (int i = 0; i < 20 * 13; i++) {
      known[i] = i % every == 0;
      if (known[i]) results[i].value = 77;
      else memset(&results[i], 0xff, sizeof *results);
    }
    if (farm_map(f, &job, &hands, results, &report, NULL, NULL) != OK) fail_msg("%s", status_message());
    for (int i = 0; i < 20 * 13; i++) {
      assert_int_equal(answers[i], !known[i]);
      if (known[i]) assert_true(results[i].value == 77);
      else assert_true(results[i].value == value_of((uint32_t)results[i].group_seed, results[i].member));
    }
    if (every == 1) assert_int_equal(report.sent, 0);
  }
}

static void test_giving_up_leaves_no_trace(void **state) {
  (void)state;
  farm_report report;
  assert_int_equal(map(64, 40, 20000, &report, never), INTERRUPTED);
  assert_int_equal(map(9, 9, 0, &report, NULL), OK);
  check_results(9, 9);
}

// --- collectives ----------------------------------------------------------------------------------------------------

static float number_of(int rank, size_t i) {
  float x;
  rng_normals(&x, 1, rng_episode(rng_stream(3, "sum"), (uint32_t)rank, (uint32_t)i), 0, 0);
  return x * (i % 3 ? 1e-6f : 1e6f);  // so that the order of adding shows
}

static bool sums_are_in_rank_order(size_t n) {
  float *x = mem_take(n, sizeof *x);
  for (size_t i = 0; i < n; i++) x[i] = number_of(farm_rank(f), i);
  farm_sum(f, x, n);
  bool good = true;
  for (size_t i = 0; i < n; i++) {
    float sum = number_of(0, i);
    for (int r = 1; r < farm_size(f); r++) sum += number_of(r, i);
    good &= memcmp(&sum, &x[i], sizeof sum) == 0;
  }
  mem_free(x);
  return good;
}

static bool collectives_work(void) {
  bool good = true;
  const size_t sizes[] = {0, 1, 2, 4, 7, 100, 1000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) good &= sums_are_in_rank_order(sizes[i]);
  double d[2] = {farm_rank(f) + 1, 0.5};
  farm_sum_double(f, d, 2);
  good &= d[0] == farm_size(f) * (farm_size(f) + 1) / 2.0 && d[1] == 0.5 * farm_size(f);
  int shared = farm_rank(f) == 0 ? 42 : 0;
  farm_share(f, &shared, sizeof shared);
  good &= shared == 42;
  good &= farm_agree(f, OK) == OK;
  int last = farm_size(f) - 1;
  status s = farm_agree(f, farm_rank(f) == last ? status_fail(NO_IO, "the last rank's disk") : OK);
  good &= s == NO_IO && strcmp(status_message(), "the last rank's disk") == 0;
  return good;
}

static bool all_good;

static void test_collectives(void **state) {
  (void)state;
  assert_true(all_good);
}

// --- one job, for test_lost.sh: what is printed is what the script looks at -----------------------------------------

static void print_event(void *watcher, const farm_event *e) {
  (void)watcher;
  if (e->kind == FARM_TASK_POISONED) printf("event poisoned task %d workers %d\n", e->task, e->workers);
  else printf("event worker %d %s\n", e->worker, e->kind == FARM_WORKER_LOST ? "lost" : "back");
  fflush(stdout);
}

enum { GROUPS = 64, MEMBERS = 40, FATED_GROUP = 5, FATED_MEMBER = 7, FATED = FATED_GROUP * MEMBERS + FATED_MEMBER };
static const result given = {.value = 13, .group_seed = -1, .member = -1};

// The poison's result is the one given for it, or with `hang` there is none.
static status lone_job(fate what, int slow, farm_report *report) {
  for (int g = 0; g < GROUPS; g++)
    records[g] = (record){.seed = (uint32_t)(g * 1000 + MEMBERS), .slow = what == FATE_NONE ? slow : 500};
  records[FATED_GROUP].fate = what;
  records[FATED_GROUP].fated = FATED_MEMBER;
  own.closed = what != FATE_NONE;  // rank 0's crew would meet it, too
  const farm_job job = {.groups = GROUPS,
                        .members = MEMBERS,
                        .records = records,
                        .record_bytes = sizeof *records,
                        .result_bytes = sizeof *results,
                        .happened = print_event,
                        .answered = count_answer,
                        .poisoned = what == FATE_HANG ? NULL : &given,
                        .tries = 2};
  return farm_map(f, &job, &hands, results, report, NULL, NULL);
}

static int lone_job_and_words(const char *word) {
  farm_report report;
  fate what = strcmp(word, "kill") == 0 ? FATE_KILL : strcmp(word, "hang") == 0 ? FATE_HANG : FATE_NONE;
  status s = lone_job(what, strcmp(word, "longer") == 0 ? 40000 : 12000, &report);
  printf("status %d %s\n", s, s == OK ? "" : status_message());
  if (what == FATE_KILL) {
    for (int i = 0; i < GROUPS * MEMBERS; i++) assert_int_equal(answers[i], 1);
    assert_memory_equal(&results[FATED], &given, sizeof given);
    results[FATED] =
        (result){value_of(FATED_GROUP * 1000 + MEMBERS, FATED_MEMBER), FATED_GROUP * 1000 + MEMBERS, FATED_MEMBER};
  }
  if (s == OK) {
    check_results(GROUPS, MEMBERS);
    printf("checksum %s lost %d returned %d\n", hash_bytes(results, sizeof(result) * GROUPS * MEMBERS).hex, report.lost,
           report.returned);
  }
  fflush(stdout);
  return s;
}

static void say_who_i_am(void) {
  printf("rank %d pid %d\n", farm_rank(f), (int)getpid());
  fflush(stdout);
}

int main(int count, char **words) {
  num_open();
  if (farm_open(&f, &count, &words) != OK) return 1;
  const char *word = count > 1 ? words[1] : NULL;
  if (word) say_who_i_am();
  double good = collectives_work();
  farm_sum_double(f, &good, 1);
  all_good = good == farm_size(f);
  farm_sizes sizes = {.record_bytes = sizeof(record),
                      .result_bytes = sizeof(result),
                      .state_bytes = sizeof(lane_state),
                      .shared_bytes = SHARED_MAX,
                      .tasks = GROUPS * MEMBERS};
  farm_prepare(f, &sizes);
  sizes.result_bytes += 8;
  farm_prepare(f, &sizes);  // again, larger
  if (farm_rank(f) != 0) {
    own.stuck = farm_rank(f) == farm_size(f) - 1;
    farm_serve(f, &hands);
    farm_serve(f, &hands);  // and once more in the same process
    farm_close(f, 0);
    return 0;
  }
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_collectives),
                                     cmocka_unit_test(test_jobs),
                                     cmocka_unit_test(test_tasks_move_on),
                                     cmocka_unit_test(test_bytes_are_shared),
                                     cmocka_unit_test(test_groups_are_filled_anew),
                                     cmocka_unit_test(test_known_tasks_are_left_alone),
                                     cmocka_unit_test(test_giving_up_leaves_no_trace)};
  const struct CMUnitTest again[] = {cmocka_unit_test(test_jobs)};
  int failed = word ? lone_job_and_words(word) : cmocka_run_group_tests(tests, NULL, NULL);
  farm_dismiss(f);
  if (!word) failed += cmocka_run_group_tests(again, NULL, NULL);
  farm_dismiss(f);
  farm_close(f, failed);
  return failed;
}

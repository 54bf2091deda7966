// Tests for src/farm/schedule.c: the rules one by one, and thousands of seeded runs in virtual time with workers that
// die, hang, come back late, answer twice and out of order. Argument: one seed, to replay it.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "num.h"
#include "../../src/farm/schedule.h"

// --- rules ----------------------------------------------------------------------------------------------------------------

static schedule *begin(int workers, int groups, int members, const double *expected) {
  schedule *s = schedule_open(workers, schedule_customary);
  schedule_reserve(s, groups * members);
  schedule_begin(s, groups, members, expected, NULL);
  return s;
}

static void test_chunks_shrink_to_one(void **state) {
  (void)state;
  schedule *s = begin(2, 4, 16, NULL);
  schedule_chunk c;
  int last = 1000, handed = 0;
  for (int turn = 0; handed < 64; turn++) {
    int w = turn % 2;
    schedule_heard(s, w, 1000, turn);
    if (!schedule_next(s, w, turn, &c)) fail_msg("nothing after %d", handed);
    for (int i = 0; i < c.count; i++) schedule_answered(s, w, c.group * 16 + c.member + i, turn);
    handed += c.count;
    assert_true(c.count <= last || c.count <= 16);
    last = c.count;
  }
  assert_int_equal(last, 1);
  assert_true(schedule_finished(s));
  schedule_close(s);
}

static void test_longest_first(void **state) {
  (void)state;
  const double expected[3] = {1, 9, 4};
  schedule *s = begin(1, 3, 1, expected);
  schedule_chunk c;
  const int order[3] = {1, 2, 0};
  schedule_heard(s, 0, 9, 0);
  for (int i = 0; i < 3; i++) {
    assert_true(schedule_next(s, 0, 0, &c));
    assert_int_equal(c.group, order[i]);
  }
  assert_false(schedule_next(s, 0, 0, &c));
  schedule_close(s);
}

static void test_nobody_hoards(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 10, NULL);
  schedule_chunk c;
  int held = 0;
  schedule_heard(s, 0, 100, 0);
  while (schedule_next(s, 0, 0, &c)) held += c.count;
  assert_int_equal(held, 5);
  schedule_close(s);
}

static void test_vacancies_are_respected(void **state) {
  (void)state;
  schedule *s = begin(1, 1, 50, NULL);
  schedule_chunk c;
  int held = 0;
  assert_false(schedule_next(s, 0, 0, &c));  // it has not spoken yet
  schedule_heard(s, 0, 7, 0);
  while (schedule_next(s, 0, 0, &c)) held += c.count;
  assert_int_equal(held, 7);
  schedule_close(s);
}

static void test_silence_frees_tasks_and_late_answers_count_once(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 2, NULL);
  schedule_chunk c;
  schedule_heard(s, 0, 5, 0);
  schedule_heard(s, 1, 5, 0);
  assert_true(schedule_next(s, 0, 0, &c) && c.count == 1);
  int lost_task = c.member;
  assert_int_equal(schedule_expired(s, schedule_customary.lease), -1);
  schedule_heard(s, 1, 5, 11);
  assert_int_equal(schedule_expired(s, 11), 0);
  assert_int_equal(schedule_expired(s, 11), -1);
  assert_true(schedule_is_lost(s, 0));
  assert_false(schedule_next(s, 0, 11, &c));
  assert_true(schedule_next(s, 1, 11, &c));
  assert_int_equal(c.member, lost_task);
  schedule_heard(s, 0, 5, 12);  // back
  assert_false(schedule_is_lost(s, 0));
  assert_true(schedule_answered(s, 0, lost_task, 12));
  assert_false(schedule_answered(s, 1, lost_task, 12));
  assert_int_equal(schedule_counted(s).lost, 1);
  assert_int_equal(schedule_counted(s).returned, 1);
  schedule_close(s);
}

static void test_an_idle_worker_gets_a_copy_of_a_straggler(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 2, NULL);
  schedule_chunk c;
  schedule_heard(s, 0, 5, 0);
  schedule_heard(s, 1, 5, 0);
  assert_true(schedule_next(s, 0, 0, &c));
  int slow = c.member;
  assert_true(schedule_next(s, 1, 0, &c));
  schedule_answered(s, 1, c.member, 1);
  schedule_heard(s, 1, 5, 1);
  assert_false(schedule_next(s, 1, 1.5, &c));  // patience
  assert_true(schedule_next(s, 1, 4, &c));
  assert_int_equal(c.member, slow);
  assert_true(schedule_answered(s, 1, slow, 5));
  assert_false(schedule_answered(s, 0, slow, 6));
  assert_true(schedule_finished(s));
  schedule_close(s);
}

// --- a world of workers in virtual time ------------------------------------------------------------------------------------

enum { WORKERS_MAX = 40, FLIGHT_MAX = 8000 };

typedef struct letter { double at; int worker, task, vacancies; bool answer; } letter;  // on its way to the master
typedef struct simulated { double speed, dies_at, hangs_at, wakes_at, free_at; int held; } simulated;

typedef struct simulation {
  schedule *s;
  rng luck;
  uint32_t draws;
  int workers, groups, members, lanes;
  simulated w[WORKERS_MAX];
  letter flight[FLIGHT_MAX];
  int flying;
  int accepted[4096];
  double now;
} simulation;

static double draw(simulation *m) { return rng_uniform(m->luck, 0, m->draws++); }

static void post(simulation *m, letter l) {
  assert_true(m->flying < FLIGHT_MAX);
  l.at += 0.001 + 0.2 * draw(m) * draw(m);  // delays, so letters overtake each other
  m->flight[m->flying++] = l;
  if (draw(m) < 0.03 && m->flying < FLIGHT_MAX) m->flight[m->flying++] = l;  // sometimes twice
}

// A worker's answers come when it has worked, if it still lives then; a hang shifts all of them.
static void work(simulation *m, int worker, schedule_chunk c) {
  simulated *w = &m->w[worker];
  for (int i = 0; i < c.count; i++) {
    double start = w->free_at > m->now ? w->free_at : m->now, end = start + (0.05 + draw(m)) / w->speed;
    if (start < w->wakes_at && end > w->hangs_at) end += w->wakes_at - w->hangs_at;
    w->free_at = end;
    if (end > w->dies_at) return;
    post(m, (letter){.at = end, .worker = worker, .task = c.group * m->members + c.member + i, .answer = true});
  }
}

static bool silent(const simulated *w, double t) { return t > w->dies_at || (t > w->hangs_at && t < w->wakes_at); }

static void hand_out(simulation *m, int worker) {
  schedule_chunk c;
  while (schedule_next(m->s, worker, m->now, &c)) work(m, worker, c);
}

static void deliver(simulation *m) {
  int first = 0;
  for (int i = 1; i < m->flying; i++)
    if (m->flight[i].at < m->flight[first].at) first = i;
  letter l = m->flight[first];
  m->flight[first] = m->flight[--m->flying];
  m->now = l.at > m->now ? l.at : m->now;
  schedule_heard(m->s, l.worker, m->lanes - schedule_holding(m->s, l.worker), m->now);
  if (l.answer && schedule_answered(m->s, l.worker, l.task, m->now)) m->accepted[l.task]++;
  hand_out(m, l.worker);
}

static void news(simulation *m, double t) {  // a sign of life each half second from all that live
  for (int i = 0; i < m->workers; i++)
    if (!silent(&m->w[i], t)) post(m, (letter){.at = t, .worker = i});
}

static void simulate(uint64_t seed) {
  static simulation m;
  memset(&m, 0, sizeof m);
  m.luck = rng_stream(seed, "simulation");
  m.workers = 1 + (int)(draw(&m) * (WORKERS_MAX - 1));
  m.groups = 1 + (int)(draw(&m) * 24), m.members = 1 + (int)(draw(&m) * 20), m.lanes = 1 + (int)(draw(&m) * 30);
  m.s = begin(m.workers, m.groups, m.members, NULL);
  for (int i = 0; i < m.workers; i++) {
    simulated *w = &m.w[i];
    *w = (simulated){.speed = 0.2 + 3 * draw(&m), .dies_at = INFINITY, .hangs_at = INFINITY, .wakes_at = INFINITY};
    double fate = draw(&m);
    if (i && fate < 0.25) w->dies_at = 20 * draw(&m);  // the first one lives: rank 0 does
    else if (fate < 0.45) w->hangs_at = 15 * draw(&m), w->wakes_at = w->hangs_at + 40 * draw(&m);
  }
  int rounds = 0;
  for (double beat = 0; !schedule_finished(m.s); beat += 0.5) {
    if (++rounds > 20000) fail_msg("seed %llu does not end", (unsigned long long)seed);
    news(&m, beat);
    for (;;) {
      double next = INFINITY;
      for (int i = 0; i < m.flying; i++) next = fmin(next, m.flight[i].at);
      if (next > beat + 0.5 || schedule_finished(m.s)) break;
      deliver(&m);
    }
    m.now = beat + 0.5;
    while (schedule_expired(m.s, m.now) >= 0) continue;
  }
  for (int i = 0; i < m.groups * m.members; i++)
    if (m.accepted[i] != 1) fail_msg("seed %llu: task %d was counted %d times", (unsigned long long)seed, i, m.accepted[i]);
  schedule_close(m.s);
}

static uint64_t only_seed;

static void test_simulated_runs(void **state) {
  (void)state;
  if (only_seed) {
    simulate(only_seed);
    return;
  }
  for (uint64_t seed = 1; seed <= 3000; seed++) simulate(seed);
}

int main(int count, char **words) {
  if (count > 1) only_seed = strtoull(words[1], NULL, 10);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunks_shrink_to_one),
      cmocka_unit_test(test_longest_first),
      cmocka_unit_test(test_nobody_hoards),
      cmocka_unit_test(test_vacancies_are_respected),
      cmocka_unit_test(test_silence_frees_tasks_and_late_answers_count_once),
      cmocka_unit_test(test_an_idle_worker_gets_a_copy_of_a_straggler),
      cmocka_unit_test(test_simulated_runs),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

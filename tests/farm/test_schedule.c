// Tests for src/farm/schedule.c: the rules one by one. What they are worth together is seen in test_simulator.c.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/farm/schedule.h"

static schedule *begin_job(int workers, schedule_job job) {
  schedule *s = schedule_open(workers, schedule_customary);
  schedule_reserve(s, job.groups * job.members);
  schedule_begin(s, &job, 0);
  return s;
}

static schedule *begin(int workers, int groups, int members) {
  return begin_job(workers, (schedule_job){.groups = groups, .members = members});
}

static void heard(schedule *s, int worker, int capacity, double now) {
  schedule_heard(s, worker, (schedule_word){.lanes = capacity, .capacity = capacity}, now);
}

// --- handing out ----------------------------------------------------------------------------------------------------

static void test_chunks_shrink_to_one(void **state) {
  (void)state;
  schedule *s = begin(2, 4, 16);
  schedule_chunk c;
  int first = 0, last = 0;
  for (int handed = 0, turn = 0; handed < 64; turn++) {
    int w = turn % 2;
    heard(s, w, 1000, turn);
    if (!schedule_next(s, w, turn, &c)) fail_msg("nothing after %d", handed);
    for (int i = 0; i < c.count; i++) schedule_answered(s, w, c.group * 16 + c.member + i, turn);
    handed += c.count;
    if (!first) first = c.count;
    last = c.count;
  }
  assert_true(first > 8);
  assert_int_equal(last, 1);
  assert_true(schedule_finished(s));
  schedule_close(s);
}

static void test_longest_first(void **state) {
  (void)state;
  const double expected[3] = {1, 9, 4};
  schedule *s = begin_job(1, (schedule_job){.groups = 3, .members = 1, .expected = expected});
  schedule_chunk c;
  const int order[3] = {1, 2, 0};
  heard(s, 0, 9, 0);
  for (int i = 0; i < 3; i++) {
    assert_true(schedule_next(s, 0, 0, &c));
    assert_int_equal(c.group, order[i]);
  }
  assert_false(schedule_next(s, 0, 0, &c));
  schedule_close(s);
}

// Members share their luck: what was long in some groups goes first in the others.
static void test_what_was_long_goes_first(void **state) {
  (void)state;
  enum { GROUPS = 40, MEMBERS = 4, LONG_MEMBER = 2 };
  schedule *s = begin(1, GROUPS, MEMBERS);
  schedule_chunk c;
  double now = 0;
  int long_ones_last = 0, last_long = 0, handed = 0;
  for (; !schedule_finished(s); handed++) {
    heard(s, 0, 1, now);
    assert_true(schedule_next(s, 0, now, &c) && c.count == 1);
    bool is_long = c.member == LONG_MEMBER;
    if (is_long) last_long = handed;
    if (is_long && handed >= GROUPS * MEMBERS / 2) long_ones_last++;
    now += is_long ? 5 : 1;
    assert_true(schedule_answered(s, 0, c.group * MEMBERS + c.member, now));
  }
  assert_int_equal(long_ones_last, 0);
  assert_true(last_long >= GROUPS - 1);
  schedule_close(s);
}

static int fill(schedule *s, int worker) {
  schedule_chunk c;
  int held = 0;
  while (schedule_next(s, worker, 0, &c)) held += c.count;
  return held;
}

static void test_nobody_hoards(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 10);
  heard(s, 0, 100, 0);
  assert_int_equal(fill(s, 0), 5);
  schedule_close(s);
}

static void test_capacity_is_respected(void **state) {
  (void)state;
  schedule *s = begin(1, 1, 50);
  schedule_chunk c;
  assert_false(schedule_next(s, 0, 0, &c));  // it has not spoken yet
  heard(s, 0, 7, 0);
  assert_int_equal(fill(s, 0), 7);
  heard(s, 0, 7, 0);  // words from before it received them
  assert_int_equal(fill(s, 0), 0);
  schedule_close(s);
}

static void test_what_a_worker_holds_counts_though_given_up_here(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 50);
  schedule_heard(s, 1, (schedule_word){.lanes = 8, .capacity = 8, .unanswered = 6}, 0);
  assert_int_equal(fill(s, 1), 2);
  schedule_close(s);
}

// The queue behind the lanes is filled while there is plenty for all, the lanes always.
static void test_queues_are_for_plenty(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 100);
  schedule_heard(s, 1, (schedule_word){.lanes = 4, .capacity = 6}, 0);
  assert_int_equal(fill(s, 1), 6);
  schedule_close(s);
  s = begin(2, 1, 12);
  schedule_heard(s, 1, (schedule_word){.lanes = 4, .capacity = 8}, 0);
  assert_int_equal(fill(s, 1), 4);
  schedule_close(s);
}

static void test_known_tasks_are_never_sent(void **state) {
  (void)state;
  unsigned char known[12] = {1, 1, 0, 0, 1, 0, 1, 1, 1, 0, 0, 1};
  schedule *s = begin_job(1, (schedule_job){.groups = 3, .members = 4, .known = known});
  schedule_chunk c;
  assert_int_equal(schedule_accepted(s), 7);
  heard(s, 0, 100, 0);
  while (schedule_next(s, 0, 0, &c))
    for (int i = 0; i < c.count; i++) {
      assert_int_equal(known[c.group * 4 + c.member + i], 0);
      assert_true(schedule_answered(s, 0, c.group * 4 + c.member + i, 1));
    }
  assert_true(schedule_finished(s));
  schedule_close(s);
}

// --- leases and copies ----------------------------------------------------------------------------------------------

static void test_silence_frees_tasks_and_late_answers_count_once(void **state) {
  (void)state;
  schedule *s = begin(3, 1, 2);
  schedule_chunk c;
  double lease = schedule_lease(s);
  heard(s, 1, 5, 0);
  heard(s, 2, 5, 0);
  assert_true(schedule_next(s, 1, 0, &c) && c.count == 1);
  int task = c.member;
  assert_int_equal(schedule_expired(s, lease), -1);
  for (double t = 0; t <= lease + 1; t += 0.5) heard(s, 2, 5, t);
  assert_int_equal(schedule_expired(s, lease + 1), 1);
  assert_int_equal(schedule_expired(s, lease + 1), -1);
  assert_true(schedule_is_lost(s, 1) && !schedule_all_lost(s));
  assert_false(schedule_next(s, 1, lease + 1, &c));
  assert_true(schedule_next(s, 2, lease + 1, &c));
  assert_int_equal(c.member, task);
  heard(s, 1, 5, lease + 2);  // back
  assert_false(schedule_is_lost(s, 1));
  assert_true(schedule_answered(s, 1, task, lease + 2));
  assert_false(schedule_answered(s, 2, task, lease + 2));
  assert_int_equal(schedule_counted(s).lost, 1);
  assert_int_equal(schedule_counted(s).returned, 1);
  schedule_close(s);
}

static void test_rare_words_make_long_leases(void **state) {
  (void)state;
  schedule *s = begin(2, 1, 1);
  double before = schedule_lease(s);
  for (int i = 1; i < 1000; i++) heard(s, 1, 1, 3.0 * i);
  assert_true(schedule_lease(s) > 3 * before);
  schedule_close(s);
}

static void test_an_idle_worker_gets_a_copy_of_a_straggler(void **state) {
  (void)state;
  schedule *s = begin(3, 1, 2);
  schedule_chunk c;
  heard(s, 1, 5, 0);
  heard(s, 2, 5, 0);
  assert_true(schedule_next(s, 1, 0, &c));
  int slow = c.member;
  assert_true(schedule_next(s, 2, 0, &c));
  schedule_answered(s, 2, c.member, 1);
  heard(s, 2, 5, 1);
  assert_false(schedule_next(s, 2, 1.5, &c));  // patience
  heard(s, 0, 5, 4);
  // its holder was silent for long: it may be poison, which is not for the master
  assert_false(schedule_next(s, 0, 4, &c));
  assert_true(schedule_next(s, 2, 4, &c));
  assert_int_equal(c.member, slow);
  assert_true(schedule_answered(s, 2, slow, 5));
  assert_false(schedule_answered(s, 1, slow, 6));
  assert_true(schedule_finished(s));
  schedule_close(s);
}

static void test_a_task_out_too_long_is_given_to_another(void **state) {
  (void)state;
  schedule *s = begin(3, 1, 3);
  schedule_chunk c;
  heard(s, 1, 5, 0);
  heard(s, 2, 5, 0);
  assert_true(schedule_next(s, 1, 0, &c));
  int lost_on_the_way = c.member;
  assert_true(schedule_next(s, 2, 0, &c));
  int played = c.member;
  schedule_answered(s, 2, played, 1);
  double limit = schedule_limit(s);
  for (double t = 1; t <= limit + 1; t += 1) {
    for (int w = 1; w < 3; w++) schedule_heard(s, w, (schedule_word){.lanes = 1, .capacity = 1}, t);
    assert_int_equal(schedule_expired(s, t), -1);
  }
  assert_int_equal(schedule_holding(s, 1), 0);
  assert_true(schedule_next(s, 2, limit + 1, &c));
  assert_int_equal(c.member, lost_on_the_way);
  schedule_close(s);
}

// Jobs shorter than a lease, with pauses longer than it between them: the silent worker is missed, the others are not.
static void test_silence_goes_on_from_job_to_job(void **state) {
  (void)state;
  schedule *s = begin(3, 1, 1);
  double t = 0, lease = schedule_lease(s);
  int lost = -1, jobs = 0;
  for (; lost < 0 && jobs < 100; jobs++, t += 5 * lease) {
    schedule_begin(s, &(schedule_job){.groups = 1, .members = 1}, t);
    heard(s, 2, 1, t);
    t += lease / 4;
    lost = schedule_expired(s, t);
    assert_int_equal(schedule_expired(s, t), -1);
  }
  assert_int_equal(lost, 1);
  assert_in_range(jobs, 5, 6);
  assert_false(schedule_is_lost(s, 2));
  schedule_close(s);
}

// --- handing back ---------------------------------------------------------------------------------------------------

// Worker 1 holds ten tasks, worker 2 none, nothing is left to hand out.
static schedule *begin_uneven(void) {
  schedule *s = begin(3, 1, 20);
  schedule_chunk c;
  for (int w = 1; w < 3; w++) {
    heard(s, w, 10, 0);
    while (schedule_next(s, w, 0, &c))
      for (int i = 0; w == 2 && i < c.count; i++) assert_true(schedule_answered(s, 2, c.member + i, 1));
  }
  heard(s, 2, 10, 1);
  while (schedule_next(s, 2, 1, &c))
    for (int i = 0; i < c.count; i++) assert_true(schedule_answered(s, 2, c.member + i, 1));
  assert_int_equal(schedule_holding(s, 2), 0);
  heard(s, 2, 10, 1);
  return s;
}

static int task_held_by(schedule *s, int worker, int tasks) {  // tries all: only a holder's is taken back
  for (int task = 0; task < tasks; task++) {
    int before = schedule_holding(s, worker);
    schedule_handed_back(s, worker, task, true, 2);
    if (schedule_holding(s, worker) < before) return task;
  }
  return -1;
}

static void test_the_poor_are_helped_by_the_rich(void **state) {
  (void)state;
  schedule *s = begin_uneven();
  schedule_request q, none;
  schedule_chunk c;
  int held = schedule_holding(s, 1);
  assert_true(held >= 6);
  assert_true(schedule_ask(s, 2, 1, &q));
  assert_int_equal(q.worker, 1);
  assert_true(q.count >= 1 && q.count <= held / 2);
  assert_int_equal(q.keep, held - q.count);
  assert_int_equal(schedule_helps(s, 1), 2);
  assert_false(schedule_ask(s, 2, 1.1, &none));  // one at a time
  assert_false(schedule_next(s, 2, 1.1, &c));    // and no copy meanwhile
  int task = task_held_by(s, 1, 20);
  assert_true(schedule_next(s, 2, 2, &c));
  assert_true(c.again && c.count == 1 && c.member == task);
  assert_int_equal(schedule_counted(s).moved, 1);
  assert_int_equal(schedule_counted(s).repeated, 0);
  assert_false(schedule_handed_back(s, 1, task, true, 2));  // the same news twice
  assert_true(schedule_answered(s, 2, task, 3));
  schedule_heard(s, 1, (schedule_word){.lanes = 10, .capacity = 10, .unanswered = held - 1, .gave = q.number}, 3);
  assert_int_equal(schedule_helps(s, 1), -1);
  schedule_close(s);
}

static void test_who_does_not_answer_is_not_asked_again(void **state) {
  (void)state;
  schedule *s = begin_uneven();
  schedule_request q;
  assert_true(schedule_ask(s, 2, 1, &q));
  assert_false(schedule_ask(s, 2, 20, &q));  // forgotten, and nobody else is there
  assert_int_equal(schedule_helps(s, 1), -1);
  heard(s, 1, 10, 20);
  assert_true(schedule_ask(s, 2, 20, &q));  // it has spoken
  schedule_heard(s, 1, (schedule_word){.lanes = 10, .capacity = 10, .gave = q.number, .keeps = true}, 21);
  assert_false(schedule_ask(s, 2, 22, &q));  // what it has cannot move
  schedule_close(s);
}

static void test_the_lost_neither_give_nor_get(void **state) {
  (void)state;
  schedule *s = begin_uneven();
  schedule_request q;
  assert_true(schedule_ask(s, 2, 1, &q));
  schedule_lose(s, 1, 1);
  assert_false(schedule_ask(s, 2, 2, &q));
  schedule_close(s);
  s = begin_uneven();
  assert_true(schedule_ask(s, 2, 1, &q));
  schedule_lose(s, 2, 1);
  assert_int_equal(schedule_helps(s, 1), -1);
  assert_false(schedule_ask(s, 2, 2, &q));
  schedule_close(s);
}

// Nothing moves while there is something to hand out, or between workers that have about as much.
static void test_nothing_moves_without_need(void **state) {
  (void)state;
  schedule *s = begin(3, 1, 100);
  schedule_request q;
  heard(s, 1, 10, 0);
  heard(s, 2, 10, 0);
  assert_int_equal(fill(s, 1), 10);
  assert_false(schedule_ask(s, 2, 0, &q));
  schedule_close(s);
  s = begin(3, 1, 13);  // an equal share is 5
  heard(s, 1, 5, 0);
  heard(s, 2, 4, 0);
  heard(s, 0, 4, 0);
  assert_int_equal(fill(s, 1) + fill(s, 2) + fill(s, 0), 13);
  for (int w = 0; w < 3; w++) {
    heard(s, w, 5, 1);
    assert_false(schedule_ask(s, w, 1, &q));
  }
  schedule_close(s);
}

// --- filled anew ----------------------------------------------------------------------------------------------------

static int answer_all(schedule *s, int tasks, int members, bool *seen) {
  schedule_chunk c;
  int handed = 0;
  memset(seen, 0, (size_t)tasks);
  heard(s, 0, 100, 1);
  while (schedule_next(s, 0, 1, &c))
    for (int i = 0; i < c.count; i++, handed++) {
      seen[c.group * members + c.member + i] = true;
      assert_true(schedule_answered(s, 0, c.group * members + c.member + i, 2));
    }
  return handed;
}

static void test_reopened_groups_are_handed_out_again(void **state) {
  (void)state;
  enum { GROUPS = 7, MEMBERS = 5 };
  const double expected[GROUPS] = {3, 9, 1, 4, 8, 2, 7};
  unsigned char known[GROUPS * MEMBERS] = {0};
  known[2 * MEMBERS] = known[2 * MEMBERS + 3] = 1;
  schedule *s =
      begin_job(1, (schedule_job){.groups = GROUPS, .members = MEMBERS, .expected = expected, .known = known});
  bool seen[GROUPS * MEMBERS];
  assert_int_equal(answer_all(s, GROUPS * MEMBERS, MEMBERS, seen), GROUPS * MEMBERS - 2);
  for (int first = 0; first < GROUPS; first++)
    for (int groups = 1; first + groups <= GROUPS; groups++) {
      int64_t before = schedule_accepted(s);
      int filling = schedule_filling(s, first);
      assert_true(schedule_finished(s));
      schedule_reopen(s, first, groups);
      assert_false(schedule_finished(s));
      assert_int_equal(schedule_accepted(s), before);
      assert_int_equal(schedule_filling(s, first), filling + 1);
      assert_int_equal(answer_all(s, GROUPS * MEMBERS, MEMBERS, seen), groups * MEMBERS);
      for (int i = 0; i < GROUPS * MEMBERS; i++)
        assert_int_equal(seen[i], i / MEMBERS >= first && i / MEMBERS < first + groups);
      assert_int_equal(schedule_accepted(s), before + groups * MEMBERS);
    }
  schedule_close(s);
}

// --- poison ---------------------------------------------------------------------------------------------------------

// Takes the worker down; whatever it held is somebody else's now.
static void fall(schedule *s, int worker) { schedule_lose(s, worker, 1); }

static void take_all(schedule *s, int worker, int capacity, bool *holds, int *count) {
  schedule_chunk c;
  heard(s, worker, capacity, 1);
  *count = 0;
  while (schedule_next(s, worker, 1, &c))
    for (int i = 0; i < c.count; i++, ++*count) holds[c.group + c.member + i] = true;
}

// One task of many kills whoever holds it. All others end well, and `tries` workers are all it takes.
static int workers_until_poison(int tries, int poison) {
  enum { WORKERS = 12, TASKS = 24 };
  schedule *s = begin_job(WORKERS, (schedule_job){.groups = 1, .members = TASKS, .tries = tries});
  int found = -1, workers = 0, fallen = 0;
  for (int w = 1; !schedule_finished(s); w = w % (WORKERS - 1) + 1) {
    if (schedule_is_lost(s, w)) continue;
    bool holds[TASKS] = {0};
    int count;
    take_all(s, w, 3, holds, &count);
    if (holds[poison]) fall(s, w), fallen++;
    else
      for (int i = 0; i < TASKS; i++)
        if (holds[i]) assert_true(schedule_answered(s, w, i, 1));
    while (schedule_poisoned(s, &found, &workers)) assert_int_equal(found, poison);
  }
  assert_true(schedule_finished(s));
  assert_int_equal(found, poison);
  assert_int_equal(workers, fallen);
  assert_int_equal(schedule_counted(s).poisoned, 1);
  schedule_close(s);
  return fallen;
}

static void test_poison_is_found_and_nobody_else_is_blamed(void **state) {
  (void)state;
  for (int poison = 0; poison < 24; poison++)
    for (int tries = 2; tries <= SCHEDULE_TRIES_MAX; tries++)
      assert_int_equal(workers_until_poison(tries, poison), tries);
  assert_int_equal(workers_until_poison(0, 3), SCHEDULE_TRIES);
}

static void test_a_suspect_is_alone_and_never_with_the_master(void **state) {
  (void)state;
  schedule *s = begin_job(4, (schedule_job){.groups = 1, .members = 12, .tries = 2});
  schedule_chunk c;
  bool holds[12] = {0};
  int count;
  take_all(s, 1, 3, holds, &count);
  assert_int_equal(count, 3);
  fall(s, 1);
  heard(s, 0, 100, 1);
  while (schedule_next(s, 0, 1, &c))
    for (int i = 0; i < c.count; i++) assert_false(holds[c.member + i]);
  heard(s, 2, 100, 1);
  assert_true(schedule_next(s, 2, 1, &c));
  assert_true(c.count == 1 && holds[c.member]);
  assert_false(schedule_next(s, 2, 1, &c));
  schedule_close(s);
}

static void test_a_worker_that_comes_back_was_not_taken_down(void **state) {
  (void)state;
  schedule *s = begin_job(2, (schedule_job){.groups = 1, .members = 1, .tries = 2});
  schedule_chunk c;
  int task, workers;
  for (int i = 0; i < 10; i++) {  // stopped and woken, again and again
    heard(s, 1, 1, i);
    assert_true(schedule_next(s, 1, i, &c));
    fall(s, 1);
    assert_true(schedule_all_lost(s));
    assert_false(schedule_poisoned(s, &task, &workers));
  }
  schedule_close(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_chunks_shrink_to_one),
      cmocka_unit_test(test_longest_first),
      cmocka_unit_test(test_what_was_long_goes_first),
      cmocka_unit_test(test_nobody_hoards),
      cmocka_unit_test(test_capacity_is_respected),
      cmocka_unit_test(test_what_a_worker_holds_counts_though_given_up_here),
      cmocka_unit_test(test_queues_are_for_plenty),
      cmocka_unit_test(test_known_tasks_are_never_sent),
      cmocka_unit_test(test_silence_frees_tasks_and_late_answers_count_once),
      cmocka_unit_test(test_silence_goes_on_from_job_to_job),
      cmocka_unit_test(test_rare_words_make_long_leases),
      cmocka_unit_test(test_an_idle_worker_gets_a_copy_of_a_straggler),
      cmocka_unit_test(test_a_task_out_too_long_is_given_to_another),
      cmocka_unit_test(test_the_poor_are_helped_by_the_rich),
      cmocka_unit_test(test_who_does_not_answer_is_not_asked_again),
      cmocka_unit_test(test_the_lost_neither_give_nor_get),
      cmocka_unit_test(test_nothing_moves_without_need),
      cmocka_unit_test(test_reopened_groups_are_handed_out_again),
      cmocka_unit_test(test_poison_is_found_and_nobody_else_is_blamed),
      cmocka_unit_test(test_a_suspect_is_alone_and_never_with_the_master),
      cmocka_unit_test(test_a_worker_that_comes_back_was_not_taken_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// Take Cover's dynamics: the published scores of blind policies, the player's motion as probed in the original, damage,
// what an imp and a fireball may do, and when an episode ends.

#include "play.h"

#include <stdio.h>

#include "../../src/env/takecover.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SLOW 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define SLOW 1
#endif
#ifndef SLOW
#define SLOW 0
#endif

static const env_spec *spec;
static env *one;

static int open_all(void **unused) {
  (void)unused;
  num_open();
  one = opened("takecover", 1);
  spec = env_spec_of(one);
  return 0;
}

static int close_all(void **unused) {
  (void)unused;
  env_close(one);
  return 0;
}

static takecover *state_now(void) { return env_state(one, 0); }
static env_outcome step_once(float action) { return step_one(one, &action); }
static takecover *fresh(uint32_t episode) {
  env_reset(one, 0, rng_episode(rng_stream(5, "test"), 0, episode));
  return state_now();
}
// A room without imps, where nothing is left to luck.
static takecover *empty_room(void) {
  takecover *s = fresh(0);
  s->imps = s->balls = 0;
  return s;
}

// --- scores ---------------------------------------------------------------------------------------------------------
enum { EPISODES = 4000 };

// Means of 4000 episodes each, as published beside the original's own scores.
static const struct { const char *policy; double mean, sd; } table[] = {
    {"random", 200, 91},     {"hold-random", 291, 154}, {"still", 142, 45},      {"sweep:40", 303, 163},
    {"sweep:80", 658, 394},  {"sweep:100", 719, 465},   {"sweep:150", 437, 393},
};

static void test_baselines(void **unused) {
  (void)unused;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    score s = score_of(table[i].policy, "takecover", EPISODES, 1);
    double error = sqrt((s.sd * s.sd + table[i].sd * table[i].sd) / EPISODES);
    printf("%-12s %6.1f +- %5.1f, published %g +- %g: %+.1f standard errors\n", table[i].policy, s.mean, s.sd,
           table[i].mean, table[i].sd, (s.mean - table[i].mean) / error);
    assert_true(fabs(s.mean - table[i].mean) < 2 * error);
    assert_true(fabs(s.sd / table[i].sd - 1) < 0.08);
  }
}

static void test_lookahead_reaches_the_cap(void **unused) {
  (void)unused;
  score s = score_of("lookahead", "takecover", SLOW ? 100 : 500, 1);
  assert_true(s.mean > TAKECOVER_CAP - 5);
}

// 1.6 hits an episode, the fatal one included, as in the published model.
static void test_hits_an_episode(void **unused) {
  (void)unused;
  env_policy still = policy_of("still", spec);
  int hits = 0;
  for (uint32_t i = 0; i < 1000; i++) {
    play_episode(one, &still, 2, i);
    hits += state_now()->hits;
  }
  assert_in_range(hits, 1500, 1700);
}

// --- the player -----------------------------------------------------------------------------------------------------
static void test_player_moves_as_probed(void **unused) {
  (void)unused;
  static const double y[] = {384.75, 386.18, 388.225}, v[] = {0.680, 1.296, 1.854};
  for (int side = -1; side <= 1; side += 2) {
    takecover *s = empty_room();
    for (int i = 0; i < 3; i++) {
      step_once((float)-side);  // action -1 is left, and left is +y
      assert_true(fabs(384 + side * (s->y - 384) - y[i]) < 5e-3);
      assert_true(fabs(side * s->v - v[i]) < 5e-4);
    }
  }
}

static void test_player_reaches_8_units_a_tic(void **unused) {
  (void)unused;
  takecover *s = empty_room();
  double before = s->y;
  s->y = 40;
  for (int i = 0; i < 60; i++) before = s->y, step_once(-1);
  assert_true(fabs(s->y - before - 8) < 0.05);
}

static void test_player_stops_at_walls(void **unused) {
  (void)unused;
  takecover *s = empty_room();
  for (int i = 0; i < 100; i++) step_once(-1);
  assert_true(s->y == 752 && s->v == 0);
  for (int i = 0; i < 200; i++) s->imps = s->balls = 0, step_once(1);
  assert_true(s->y == 16 && s->v == 0);
}

static void test_action_thresholds(void **unused) {
  (void)unused;
  assert_int_equal(takecover_direction(-0.34f), 1);
  assert_int_equal(takecover_direction(-0.33f), 0);
  assert_int_equal(takecover_direction(0), 0);
  assert_int_equal(takecover_direction(0.33f), 0);
  assert_int_equal(takecover_direction(0.34f), -1);
  assert_int_equal(takecover_direction(NAN), 0);
}

// --- fireballs ------------------------------------------------------------------------------------------------------
static takecover *one_ball(double x, double y, double vx, double vy) {
  takecover *s = empty_room();
  s->balls = 1;
  s->ball[0] = (ball){x, y, vx, vy, 0};
  return s;
}

// Straight at a player who stands: contact where less than 22 units remain, in half steps of 5.
static void test_ball_hits_inside_its_box(void **unused) {
  (void)unused;
  takecover *s = one_ball(-390, 384, -10, 0);  // 26 away
  step_once(0);                                // 21, at its first half
  assert_int_equal(s->hits, 1);
  assert_int_equal(s->balls, 0);
  s = one_ball(-384, 384 + 21.9, -10, 0);
  step_once(0);  // 27, 22: not yet
  assert_int_equal(s->hits, 0);
  step_once(0);
  assert_int_equal(s->hits, 1);
  s = one_ball(-384, 384 + 22, -10, 0);
  for (int i = 0; i < 6; i++) step_once(0);
  assert_int_equal(s->hits, 0);
  assert_int_equal(s->balls, 0);  // burst on the wall behind
}

static void test_damage_is_a_die_times_21(void **unused) {
  (void)unused;
  int seen[9] = {0}, deaths = 0;
  for (uint32_t i = 0; i < 800; i++) {
    takecover *s = one_ball(-390, 384, -10, 0);
    s->luck.episode = i;
    env_outcome out = step_once(0);
    int damage = 100 - s->health;
    assert_int_equal(damage % 21, 0);
    assert_in_range(damage / 21, 1, 8);
    assert_true(out.terminated == (damage >= 100) && !out.truncated && out.reward == 1);
    seen[damage / 21]++;
    deaths += out.terminated;
  }
  for (int i = 1; i <= 8; i++) assert_in_range(seen[i], 60, 140);
  assert_in_range(deaths, 340, 460);
}

static void test_ball_bursts_on_other_imps_and_side_walls(void **unused) {
  (void)unused;
  takecover *s = one_ball(64, 300, -6, 8);
  s->imps = 2;
  s->imp[0] = (imp){.y = 300, .wait = 1000};
  s->imp[1] = (imp){.y = 340, .wait = 1000};
  step_once(0);  // passes its own thrower, 8 of 14 units from the neighbour's box
  assert_int_equal(s->balls, 1);
  step_once(0);
  assert_int_equal(s->balls, 0);
  s = one_ball(0, 12, -6, -8);
  step_once(0);
  assert_int_equal(s->balls, 0);
  assert_int_equal(s->hits, 0);
}

// --- imps -----------------------------------------------------------------------------------------------------------
static void test_first_imps_and_one_more_every_60_tics(void **unused) {
  (void)unused;
  takecover *s = fresh(3);
  assert_int_equal(s->tic, 14);
  assert_int_equal(s->imps, 3);
  assert_true(s->imp[0].y == 20 && s->imp[1].y == 278 && s->imp[2].y == 652);
  int last = 3, longest = 0;
  for (uint32_t episode = 0; episode < 30; episode++) {
    s = fresh(episode);
    for (last = 3; s->tic < 2000; last = s->imps) {
      s->health = 100;
      step_once(0);
      assert_true(s->imps == last || (s->imps == last + 1 && s->tic % 60 == 0));
    }
    if (s->imps > longest) longest = s->imps;
    for (int i = 0; i < s->imps; i++) {
      assert_true(s->imp[i].y >= 20 && s->imp[i].y <= 652);
      for (int j = 0; j < i; j++) assert_true(fabs(s->imp[i].y - s->imp[j].y) >= 40);
    }
  }
  assert_in_range(longest, 10, TAKECOVER_IMPS);
}

// From one throw to the next: 25 tics at least, about 130 in the mean; wind-up seen for 16 tics before each.
static void test_throws(void **unused) {
  (void)unused;
  int throws = 0, gaps = 0, first = 0, previous = -1, windup = 0;
  double sum = 0;
  for (uint32_t episode = 0; episode < 200; episode++) {
    takecover *s = fresh(episode);
    s->imps = 1;
    for (previous = -1, windup = 0; s->steps < 2000;) {
      imp before = s->imp[0];
      s->health = 100;
      step_once(0);
      s->imps = 1;
      if (s->imp[0].pose == IMP_WINDS_UP) windup++;
      if (before.pose != IMP_WINDS_UP || s->imp[0].pose != IMP_HAS_THROWN) continue;
      assert_int_equal(windup, WINDUP_TICS);
      windup = 0;
      throws++;
      if (previous < 0) {
        if (first == 0 || s->tic < first) first = s->tic;
      } else {
        assert_true(s->tic - previous >= 25);
        sum += s->tic - previous;
        gaps++;
      }
      previous = s->tic;
    }
  }
  assert_true(throws > 1000);
  assert_true(first >= 40 && first < 60);
  assert_true(sum / gaps > 120 && sum / gaps < 150);
}

static void test_throw_is_aimed_at_where_the_player_is(void **unused) {
  (void)unused;
  takecover *s = empty_room();
  s->imps = 1;
  s->imp[0] = (imp){.y = 100, .wait = 1, .pose = IMP_WINDS_UP};
  step_once(0);
  assert_int_equal(s->balls, 1);
  const ball *b = &s->ball[0];
  assert_true(fabs(hypot(b->vx, b->vy) - 10) < 1e-12);
  assert_true(fabs(b->vy / b->vx - (384 - 100.0) / -480) < 1e-12);
  assert_true(fabs(b->x - (64 + 1.5 * b->vx)) < 1e-12);
}

// --- the end of an episode ------------------------------------------------------------------------------------------
static void test_cap_truncates(void **unused) {
  (void)unused;
  takecover *s = fresh(0);
  env_outcome out = {0};
  while (!out.truncated) {
    s->balls = 0;
    out = step_once(0);
    assert_false(out.terminated);
    assert_true(out.reward == 1);
  }
  assert_int_equal(s->steps, spec->cap);
  assert_int_equal(spec->cap, 2100);
}

static void test_death_at_the_cap_is_death(void **unused) {
  (void)unused;
  takecover *s = one_ball(-390, 384, -10, 0);
  s->steps = 2099;
  s->health = 1;
  env_outcome out = step_once(0);
  assert_true(out.terminated && !out.truncated);
}

// The bits of three whole episodes. They change only with the dynamics or the random numbers, and then the version
// does.
static void test_golden(void **unused) {
  (void)unused;
  static const char *const policies[] = {"random", "hold-random", "sweep:100"};
  static const int steps[] = {101, 359, 104};
  static const char *const hashes[] = {"04ef5bde2ecc4529bd25f5cecfb19445", "801ede933eac473079528adc31f07617",
                                       "5494aab3808e787f375e2375dc945db5"};
  for (int i = 0; i < 3; i++) {
    env_policy p = policy_of(policies[i], spec);
    play r = play_episode(one, &p, 7, (uint32_t)i);
    takecover *s = state_now();
    double numbers[] = {s->y, s->v, s->health, s->hits, s->imps, s->balls, s->imp[3].y, s->ball[0].x, s->ball[0].y};
    assert_int_equal(r.steps, steps[i]);
    assert_string_equal(hash_bytes(numbers, sizeof numbers).hex, hashes[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_baselines),
      cmocka_unit_test(test_lookahead_reaches_the_cap),
      cmocka_unit_test(test_hits_an_episode),
      cmocka_unit_test(test_player_moves_as_probed),
      cmocka_unit_test(test_player_reaches_8_units_a_tic),
      cmocka_unit_test(test_player_stops_at_walls),
      cmocka_unit_test(test_action_thresholds),
      cmocka_unit_test(test_ball_hits_inside_its_box),
      cmocka_unit_test(test_damage_is_a_die_times_21),
      cmocka_unit_test(test_ball_bursts_on_other_imps_and_side_walls),
      cmocka_unit_test(test_first_imps_and_one_more_every_60_tics),
      cmocka_unit_test(test_throws),
      cmocka_unit_test(test_throw_is_aimed_at_where_the_player_is),
      cmocka_unit_test(test_cap_truncates),
      cmocka_unit_test(test_death_at_the_cap_is_death),
      cmocka_unit_test(test_golden),
  };
  return cmocka_run_group_tests(tests, open_all, close_all);
}

// Take Cover's pictures: what a controller has to see can be seen, a picture depends on nothing but the state, and its
// bytes are pinned.

#include "play.h"

#include <stdlib.h>

#include "../../src/env/takecover.h"

typedef struct frame { uint8_t p[64][64][3]; } frame;

static int open_all(void **unused) {
  (void)unused;
  num_open();
  return 0;
}

static takecover room(double y) {
  takecover s;
  memset(&s, 0, sizeof s);
  s.y = y;
  return s;
}

static takecover room_with_imp(imp_pose pose, int wait) {
  takecover s = room(384);
  s.imps = 1;
  s.imp[0] = (imp){.y = 384, .pose = pose, .wait = wait};
  return s;
}

static takecover room_with_ball(double distance, double y) {
  takecover s = room(384);
  s.balls = 1;
  s.ball[0] = (ball){.x = PLAYER_X + distance, .y = y, .vx = -10};
  return s;
}

static frame seen(const takecover *s) {
  frame f;
  memset(&f, 0xA5, sizeof f);
  takecover_observe(s, &f);
  return f;
}

static long difference(const frame *a, const frame *b) {
  long sum = 0;
  for (size_t i = 0; i < sizeof *a; i++) sum += labs((long)((const uint8_t *)a)[i] - ((const uint8_t *)b)[i]);
  return sum;
}

static long changed_between(const takecover *a, const takecover *b) {
  frame x = seen(a), y = seen(b);
  return difference(&x, &y);
}

// How much fire is in the picture, its middle and how wide it is, in pixels; the room itself has none.
typedef struct fire { double amount, column, row; int width; } fire;

static fire fire_in(const takecover *s) {
  frame f = seen(s);
  fire found = {0};
  bool in_column[64] = {false};
  for (int r = 0; r < 64; r++)
    for (int c = 0; c < 64; c++) {
      double more = f.p[r][c][0] - 160.0;
      if (more <= 0) continue;
      found.amount += more;
      found.column += more * (c + 0.5);
      found.row += more * (r + 0.5);
      in_column[c] = true;
    }
  if (found.amount > 0) found.column /= found.amount, found.row /= found.amount;
  for (int c = 0; c < 64; c++) found.width += in_column[c];
  return found;
}

// --- the room -------------------------------------------------------------------------------------------------------
static void test_every_place_looks_different(void **unused) {
  (void)unused;
  for (double y = 16; y < 752; y += 8) {
    takecover here = room(y), there = room(y + 8);
    long change = changed_between(&here, &there);
    assert_true(change > 3000);
  }
  for (double y = 16; y <= 752; y += 46)
    for (double z = 16; z < y; z += 46) {
      takecover here = room(y), there = room(z);
      assert_true(changed_between(&here, &there) > 20000);
    }
}

static void test_small_motions_change_little(void **unused) {
  (void)unused;
  for (double y = 16; y < 751; y += 1) {
    takecover here = room(y), there = room(y + 0.1);
    assert_true(changed_between(&here, &there) < 12288);  // less than one grey level a number
  }
}

static void test_left_is_left(void **unused) {
  (void)unused;
  takecover at_left = room(752), at_right = room(16);
  frame l = seen(&at_left), r = seen(&at_right);
  assert_true(l.p[32][2][2] > l.p[32][2][1] + 40);    // the blue wall, left
  assert_true(r.p[32][61][1] > r.p[32][61][2] + 30);  // the green wall, right
  takecover ball_left = room_with_ball(300, 384 + 100), ball_right = room_with_ball(300, 384 - 100);
  assert_true(fire_in(&ball_left).column < 24);
  assert_true(fire_in(&ball_right).column > 40);
}

// --- imps -----------------------------------------------------------------------------------------------------------
static void test_imp_and_its_windup_are_visible(void **unused) {
  (void)unused;
  takecover empty = room(384), calm = room_with_imp(IMP_WALKS, 3), early = room_with_imp(IMP_WINDS_UP, 15),
            late = room_with_imp(IMP_WINDS_UP, 2), thrown = room_with_imp(IMP_HAS_THROWN, 4);
  assert_true(changed_between(&empty, &calm) > 1500);
  assert_true(changed_between(&calm, &early) > 150);
  assert_true(changed_between(&early, &late) > 1000);
  assert_true(changed_between(&calm, &late) > 1500);
  assert_true(changed_between(&calm, &thrown) > 200);
  assert_true(fire_in(&calm).amount == 0);
  assert_true(fire_in(&late).amount > 300);
  for (int wait = 16; wait > 1; wait--) {  // it shows every tic
    takecover before = room_with_imp(IMP_WINDS_UP, wait), after = room_with_imp(IMP_WINDS_UP, wait - 1);
    assert_true(changed_between(&before, &after) > 50);
  }
}

// --- fireballs ------------------------------------------------------------------------------------------------------
static void test_ball_grows_as_it_nears(void **unused) {
  (void)unused;
  double amount = 0;
  for (double distance = 475; distance > 60; distance -= 10) {
    takecover s = room_with_ball(distance, 384);
    fire f = fire_in(&s);
    assert_true(f.amount > amount);
    assert_true(f.width >= 3);
    amount = f.amount;
  }
}

// A pixel is 15 units wide there; the picture tells less than one.
static void test_far_ball_moves_smoothly(void **unused) {
  (void)unused;
  double column = 0;
  for (double y = 480; y > 300; y -= 3) {
    takecover s = room_with_ball(470, y);
    double now = fire_in(&s).column, exact = 32 - (y - 384) * 32 / 470;
    assert_true(now > column);
    assert_true(fabs(now - exact) < 0.15);
    column = now;
  }
}

static void test_near_hides_far(void **unused) {
  (void)unused;
  takecover near = room_with_ball(80, 384), both = near, other_order = near;
  both.balls = other_order.balls = 2;
  both.ball[1] = other_order.ball[0] = (ball){.x = PLAYER_X + 400, .y = 384, .vx = -10};
  other_order.ball[1] = near.ball[0];
  assert_int_equal(changed_between(&near, &both), 0);
  assert_int_equal(changed_between(&both, &other_order), 0);
}

static void test_passed_ball_is_gone(void **unused) {
  (void)unused;
  takecover empty = room(384), passed = room_with_ball(-10, 420), aside = room_with_ball(60, 600);
  assert_int_equal(changed_between(&empty, &passed), 0);
  assert_int_equal(changed_between(&empty, &aside), 0);
}

// --- nothing but the state ------------------------------------------------------------------------------------------
static void test_what_cannot_be_seen_changes_nothing(void **unused) {
  (void)unused;
  takecover s = room_with_imp(IMP_WINDS_UP, 7), t = s;
  t.health = 16, t.steps = 900, t.tic = 914, t.hits = 3, t.v = 4, t.luck.episode = 8;
  assert_int_equal(changed_between(&s, &t), 0);
}

// Everything at once, wherever it may be; the sanitizers watch the edges.
static void test_crowded_room(void **unused) {
  (void)unused;
  rng luck = rng_stream(3, "crowd");
  for (uint32_t i = 0; i < 500; i++) {
    takecover s = room(16 + 736 * rng_uniform(luck, i, 0));
    s.imps = TAKECOVER_IMPS;
    s.balls = TAKECOVER_BALLS;
    for (uint32_t j = 0; j < TAKECOVER_IMPS; j++)
      s.imp[j] = (imp){.y = 768 * rng_uniform(luck, i, 10 + j), .pose = (imp_pose)(j % 3), .wait = 1 + (int)j};
    for (uint32_t j = 0; j < TAKECOVER_BALLS; j++)
      s.ball[j] = (ball){.x = -448 + 560 * rng_uniform(luck, i, 100 + j), .y = 768 * rng_uniform(luck, i, 200 + j)};
    frame f = seen(&s), again = seen(&s);
    assert_int_equal(difference(&f, &again), 0);
  }
}

// The bytes of pictures along three episodes; they change only with the renderer, and then the version does.
static void test_golden(void **unused) {
  (void)unused;
  static const char *const hashes[] = {"e96d468afa3ec71eef24b010b321c5ca", "2b90ab632e7cf911599edb54f0e1d840",
                                       "c79003d2596ffd566a4952276d37321a"};
  env *e = opened("takecover", 1);
  static frame frames[20];
  for (uint32_t episode = 0; episode < 3; episode++) {
    env_reset(e, 0, rng_episode(rng_stream(7, "world"), 0, episode));
    takecover *s = env_state(e, 0);
    for (int i = 0; i < 20; i++) {
      env_observe(e, &frames[i], 1);
      for (int t = 0; t < 23; t++) s->health = 100, step_one(e, &(float){(float)(i % 3) - 1});
    }
    assert_string_equal(hash_bytes(frames, sizeof frames).hex, hashes[episode]);
  }
  env_close(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_place_looks_different),
      cmocka_unit_test(test_small_motions_change_little),
      cmocka_unit_test(test_left_is_left),
      cmocka_unit_test(test_imp_and_its_windup_are_visible),
      cmocka_unit_test(test_ball_grows_as_it_nears),
      cmocka_unit_test(test_far_ball_moves_smoothly),
      cmocka_unit_test(test_near_hides_far),
      cmocka_unit_test(test_passed_ball_is_gone),
      cmocka_unit_test(test_what_cannot_be_seen_changes_nothing),
      cmocka_unit_test(test_crowded_room),
      cmocka_unit_test(test_golden),
  };
  return cmocka_run_group_tests(tests, open_all, NULL);
}

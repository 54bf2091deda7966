// How dreams begin and end: with first frames or in the midst of episodes, at a threshold or by a calibrated chance.

#include "small_world.h"

#include <math.h>

enum { MOMENTS = 3, H = 24, Z = 5, BELIEF = Z + 2 * H };

// A world of states with three known moments, whose end has the same logit at every step.
static small_world dreams_world(float done_logit, float done_weight, float moment[MOMENTS][BELIEF]) {
  small_world s = small_world_write(false, 31);
  nn_table t = world_rnn_table(&s.shape);
  int head = world_head_size(&s.shape), done = world_head_done(&s.shape);
  for (int h = 0; h < H; h++) s.m[t.tensor[RNN_HEAD].at + (size_t)(h * head + done)] = 0;
  s.m[t.tensor[RNN_HEAD_B].at + (size_t)done] = (real)done_logit;

  static const float zeros[Z] = {0}, ones[Z] = {1, 1, 1, 1, 1};
  for (int i = 0; i < MOMENTS; i++)
    for (int j = 0; j < BELIEF; j++) moment[i][j] = (float)(i + 1) + 0.01f * (float)j;
  const world_origins o = {.count = 1,
                           .mu = zeros,
                           .logvar = zeros,
                           .moments = MOMENTS,
                           .moment = moment[0],
                           .offset = zeros,
                           .scale = ones,
                           .log_sigma_floor = -7,
                           .done_weight = done_weight};
  small_world_rewrite(&s, &o);
  return s;
}

static rng dreams_luck(uint32_t episode) { return rng_episode(rng_stream(5, "dreams"), 0, episode); }

// --- beginnings ------------------------------------------------------------------------------------------------------

// How often each moment begins a dream; the rest begin with a first frame, and no memory.
static int beginnings_count(const world *w, float first, float moment[MOMENTS][BELIEF], int counts[MOMENTS],
                            int dreams) {
  const dream_rules rules = {.temperature = 1, .first = first, .cap = 10};
  int others = 0;
  mind *m = mind_open(w, 1);
  for (int i = 0; i < dreams; i++) {
    static const float nothing[2 * H] = {0};
    mind_dream(m, 0, &rules, dreams_luck((uint32_t)i));
    const float *belief = mind_features(m, 0);
    int found = 0;
    while (found < MOMENTS && memcmp(belief, moment[found], sizeof moment[0]) != 0) found++;
    if (found < MOMENTS) counts[found]++;
    else assert_memory_equal(belief + Z, nothing, sizeof nothing);
    others += found == MOMENTS;
  }
  mind_close(m);
  return others;
}

static void test_beginnings_are_shared_out(void **state) {
  (void)state;
  enum { DREAMS = 3000 };
  static const float shares[] = {0, 0.1f, 1};
  float moment[MOMENTS][BELIEF];
  small_world s = dreams_world(-1, 10, moment);
  world *w = small_world_open(&s);
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    int counts[MOMENTS] = {0}, others = beginnings_count(w, shares[i], moment, counts, DREAMS);
    double expected = (double)shares[i] * DREAMS, sd = sqrt(expected * (1 - (double)shares[i]));
    assert_true(fabs(others - expected) <= 4 * sd);

    // The moments, evenly.
    double each = (DREAMS - expected) / MOMENTS;
    for (int k = 0; k < MOMENTS; k++) assert_true(fabs(counts[k] - each) <= 5 * sqrt(each));
  }
  world_close(w);
  small_world_remove(&s);
}

// A world without moments begins with first frames, whatever the share.
static void test_without_moments_there_are_first_frames(void **state) {
  (void)state;
  const dream_rules rules = {.temperature = 1, .first = 0, .cap = 10};
  static const float nothing[2 * H] = {0};
  small_world s = small_world_write(false, 31);
  world *w = small_world_open(&s);
  mind *m = mind_open(w, 1);
  for (uint32_t i = 0; i < 20; i++) {
    mind_dream(m, 0, &rules, dreams_luck(i));
    assert_memory_equal(mind_features(m, 0) + Z, nothing, sizeof nothing);
  }
  mind_close(m);
  world_close(w);
  small_world_remove(&s);
}

// Through the file that ranks map, too.
static void test_moments_are_shared(void **state) {
  (void)state;
  float moment[MOMENTS][BELIEF];
  small_world s = dreams_world(0.5f, 10, moment);
  world *w = small_world_open(&s), *mapped;
  file_path p = path_join(s.directory, "world.packed");
  assert_int_equal(world_share(w, p.text), OK);
  assert_int_equal(world_map(&mapped, p.text), OK);

  int counts[2][MOMENTS] = {{0}};
  beginnings_count(w, 0.2f, moment, counts[0], 200);
  beginnings_count(mapped, 0.2f, moment, counts[1], 200);
  assert_memory_equal(counts[0], counts[1], sizeof counts[0]);
  assert_true(counts[0][0] > 0);

  world_close(w);
  world_close(mapped);
  assert_int_equal(file_remove(p.text), OK);
  small_world_remove(&s);
}

// --- ends ------------------------------------------------------------------------------------------------------------

static dream_outcome dream_step(mind *m) {
  dream_outcome out;
  mind_imagine(m, (const float[]){0.3f}, &out, 1);
  assert_false(out.broken);
  return out;
}

// The weight that ends had in the loss is taken off: a logit of ln(weight p / (1 - p)) ends a step with chance p.
static void test_sampled_ends_are_calibrated(void **state) {
  (void)state;
  enum { DREAMS = 2000 };
  const double p = 0.05, weight = 10;
  const dream_rules rules = {.temperature = 1, .first = 1, .cap = 100000, .end = DREAM_END_SAMPLED};
  float moment[MOMENTS][BELIEF];
  small_world s = dreams_world((float)log(weight * p / (1 - p)), (float)weight, moment);
  world *w = small_world_open(&s);
  mind *m = mind_open(w, 1);

  double steps = 0;
  for (uint32_t i = 0; i < DREAMS; i++) {
    mind_dream(m, 0, &rules, dreams_luck(i));
    do steps++;
    while (!dream_step(m).terminated);
  }

  // A geometric distribution: mean 1/p, deviation sqrt(1 - p)/p.
  assert_true(fabs(steps / DREAMS - 1 / p) < 4 * sqrt(1 - p) / p / sqrt(DREAMS));
  mind_close(m);
  world_close(w);
  small_world_remove(&s);
}

// A step pays the chance of having come so far, wherever the dream goes on; below 0.02 it is over.
static void test_expected_ends_pay_survival(void **state) {
  (void)state;
  const double p = 0.05, weight = 4;
  const dream_rules rules = {.temperature = 1, .first = 1, .cap = 100000, .end = DREAM_END_EXPECTED};
  float moment[MOMENTS][BELIEF];
  small_world s = dreams_world((float)log(weight * p / (1 - p)), (float)weight, moment);
  world *w = small_world_open(&s);
  mind *m[2] = {mind_open(w, 1), mind_open(w, 1)};
  void *saved = mem_take(1, mind_state_bytes(w));

  int t = 0;
  dream_outcome out;
  mind_dream(m[0], 0, &rules, dreams_luck(0));
  do {
    out = dream_step(m[t % 2]);
    assert_true(fabs((double)out.reward - pow(1 - p, t)) < 1e-5);
    mind_save(m[t % 2], 0, saved);
    mind_load(m[!(t % 2)], 0, &rules, dreams_luck(0), saved);
    t++;
  } while (!out.terminated);
  assert_int_equal(t, (int)ceil(log(0.02) / log(1 - p)));

  for (int i = 0; i < 2; i++) mind_close(m[i]);
  mem_free(saved);
  world_close(w);
  small_world_remove(&s);
}

// The threshold looks at the weighted logit, as M was trained to say it.
static void test_thresholds_do_not_draw(void **state) {
  (void)state;
  const dream_rules rules = {.temperature = 1, .first = 1, .cap = 50, .end = DREAM_END_THRESHOLD};
  for (int above = 0; above < 2; above++) {
    float moment[MOMENTS][BELIEF];
    small_world s = dreams_world(above ? 0.1f : -0.1f, 10, moment);
    world *w = small_world_open(&s);
    mind *m = mind_open(w, 1);
    mind_dream(m, 0, &rules, dreams_luck(0));
    for (int t = 1; t <= 50; t++) {
      dream_outcome out = dream_step(m);
      assert_int_equal(out.terminated, above);
      assert_int_equal(out.truncated, t == 50);
    }
    mind_close(m);
    world_close(w);
    small_world_remove(&s);
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_beginnings_are_shared_out),
      cmocka_unit_test(test_without_moments_there_are_first_frames),
      cmocka_unit_test(test_moments_are_shared),
      cmocka_unit_test(test_sampled_ends_are_calibrated),
      cmocka_unit_test(test_expected_ends_pay_survival),
      cmocka_unit_test(test_thresholds_do_not_draw),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

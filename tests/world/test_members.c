// Tests of worlds with several members: the one that a dream has drawn makes what happens, and M 1 watches it as it
// watches reality.

#include "small_world.h"

#include "rollout.h"

enum { Z = 5, H = 24, MOMENTS = 6, BELIEF = Z + 2 * H, CAP = 30, DREAMS = 24 };

typedef struct family {
  small_world s;
  file_path second;
  world *one[2], *both;  // each M alone, and both as members
} family;

// Moments whose latents are the same for all, with memories of their own.
static status member_write(const family *f, const char *path, const real *weights, uint64_t memories, float z) {
  float mu[3 * Z], logvar[3 * Z], moment[MOMENTS * BELIEF];
  const float offset[Z] = {0}, scale[Z] = {1, 1, 1, 1, 1};
  rng_normals(mu, 3 * Z, rng_stream(1, "first"), 0, 0);
  rng_normals(moment, MOMENTS * BELIEF, rng_stream(memories, "memories"), 0, 0);
  for (int i = 0; i < 3 * Z; i++) logvar[i] = -1;
  for (int i = 0; i < MOMENTS * BELIEF; i++)
    if (i % BELIEF < Z) moment[i] = z * (float)i;
    else moment[i] *= 0.3f;
  const world_origins o = {.count = 3, .mu = mu, .logvar = logvar, .offset = offset, .scale = scale,
                           .moments = MOMENTS, .moment = moment, .log_sigma_floor = -7, .done_weight = 10};
  return world_rnn_write(path, &f->s.shape, weights, &o, "none");
}

static world *world_of(const char *rnn, int members, num_precision precision) {
  world *w;
  if (world_open_as(&w, NULL, rnn, &(world_options){.precision = precision, .members = members}) != OK)
    fail_msg("%s", status_message());
  return w;
}

static family family_open(bool twins, num_precision precision) {
  family f = {.s = small_world_of(false, 3, 21)};
  small_world other = small_world_of(false, 3, 22);
  f.second = path_numbered(f.s.rnn.text, 2);
  assert_int_equal(member_write(&f, f.s.rnn.text, f.s.m, 1, 0.02f), OK);
  assert_int_equal(member_write(&f, f.second.text, twins ? f.s.m : other.m, twins ? 1 : 2, 0.02f), OK);
  small_world_remove(&other);
  f.one[0] = world_of(f.s.rnn.text, 1, precision);
  f.one[1] = world_of(f.second.text, 1, precision);
  f.both = world_of(f.s.rnn.text, 2, precision);
  return f;
}

static void family_close(family *f) {
  world_close(f->one[0]);
  world_close(f->one[1]);
  world_close(f->both);
  file_remove(f->second.text);
  small_world_remove(&f->s);
}

// --- dreams ---------------------------------------------------------------------------------------------------------

typedef struct dreamt {
  float belief[CAP + 1][BELIEF];
  dream_outcome out[CAP];
  int steps;
} dreamt;

static const dream_rules rules = {.temperature = 1, .first = 0.5f, .cap = CAP, .end = DREAM_END_EXPECTED};
static rng luck_of(int dream) { return rng_episode(rng_stream(3, "members"), 0, (uint32_t)dream); }
static float act_at(int step) { return (float)(step % 3 - 1); }

static dreamt dream_alone(const world *w, int dream) {
  dreamt d = {.steps = 0};
  mind *m = mind_open(w, 1);
  mind_dream(m, 0, &rules, luck_of(dream));
  memcpy(d.belief[0], mind_features(m, 0), sizeof d.belief[0]);
  for (bool over = false; !over; d.steps++) {
    dream_outcome *o = &d.out[d.steps];
    mind_imagine(m, (const float[]){act_at(d.steps)}, o, 1);
    memcpy(d.belief[d.steps + 1], mind_features(m, 0), sizeof d.belief[0]);
    over = o->terminated || o->truncated;
  }
  mind_close(m);
  return d;
}

// What happens, whoever watches.
static bool same_course(const dreamt *a, const dreamt *b) {
  bool same = a->steps == b->steps;
  for (int t = 0; same && t <= a->steps; t++) same = memcmp(a->belief[t], b->belief[t], Z * sizeof(float)) == 0;
  for (int t = 0; same && t < a->steps; t++) same = a->out[t].reward == b->out[t].reward;
  return same;
}

// M 1, awake, on the same latents and actions from the same memory.
static void check_watched(const family *f, const dreamt *d) {
  mind *m = mind_open(f->one[0], 1);
  void *state = mem_take(1, mind_state_bytes(f->one[0]));
  mind_begin(m, 0, luck_of(0));
  mind_save(m, 0, state);
  memcpy((char *)state + mind_state_bytes(f->one[0]) - sizeof d->belief[0], d->belief[0], sizeof d->belief[0]);
  mind_load(m, 0, NULL, luck_of(0), state);
  for (int t = 0; t < d->steps; t++) {
    mind_see(m, d->belief[t], 1);
    mind_act(m, (const float[]){act_at(t)}, 1);
    assert_memory_equal(mind_features(m, 0) + Z, d->belief[t + 1] + Z, 2 * H * sizeof(float));
  }
  mem_free(state);
  mind_close(m);
}

static void check_each_dream_is_a_members(num_precision precision) {
  family f = family_open(false, precision);
  int drawn[2] = {0};
  for (int i = 0; i < DREAMS; i++) {
    dreamt d = dream_alone(f.both, i), of[2] = {dream_alone(f.one[0], i), dream_alone(f.one[1], i)};
    bool first = same_course(&d, &of[0]), second = same_course(&d, &of[1]);
    assert_true(first != second);
    assert_int_equal(world_dream_member(f.both, luck_of(i)), second);
    assert_int_equal(world_dream_member(f.one[1], luck_of(i)), 0);
    drawn[second]++;
    if (first) assert_memory_equal(d.belief, of[0].belief, (size_t)(d.steps + 1) * sizeof d.belief[0]);
    check_watched(&f, &d);
  }
  assert_true(drawn[0] > DREAMS / 5 && drawn[1] > DREAMS / 5);
  family_close(&f);
}

static void test_each_dream_is_a_members(void **state) {
  (void)state;
  check_each_dream_is_a_members(NUM_FP32);
  check_each_dream_is_a_members(NUM_BF16);
}

// Two members that are the same M: nothing is to be seen of there being two.
static void test_twins_are_one(void **state) {
  (void)state;
  family f = family_open(true, NUM_FP32);
  for (int i = 0; i < DREAMS; i++) {
    dreamt d = dream_alone(f.both, i), one = dream_alone(f.one[0], i);
    assert_int_equal(d.steps, one.steps);
    assert_memory_equal(d.belief, one.belief, (size_t)(d.steps + 1) * sizeof d.belief[0]);
  }
  family_close(&f);
}

// --- lanes ----------------------------------------------------------------------------------------------------------

// All at once, an ended lane's place taken by the last.
static void test_lanes_do_not_know_each_other(void **state) {
  (void)state;
  enum { LANES = 100 };
  family f = family_open(false, NUM_FP32);
  mind *m = mind_open(f.both, LANES);
  dreamt *alone = mem_take(LANES, sizeof *alone);
  int dream[LANES], t[LANES] = {0}, left = LANES;
  for (int i = 0; i < LANES; i++) {
    alone[i] = dream_alone(f.both, i);
    dream[i] = i;
    mind_dream(m, i, &rules, luck_of(i));
  }
  while (left) {
    float actions[LANES];
    dream_outcome out[LANES];
    for (int i = 0; i < left; i++) actions[i] = act_at(t[i]);
    mind_imagine(m, actions, out, left);
    for (int i = left - 1; i >= 0; i--) {
      const dreamt *d = &alone[dream[i]];
      t[i]++;
      assert_memory_equal(mind_features(m, i), d->belief[t[i]], sizeof d->belief[0]);
      assert_true(out[i].reward == d->out[t[i] - 1].reward);
      if (t[i] < d->steps) continue;
      left--;
      mind_move(m, i, left);
      dream[i] = dream[left];
      t[i] = t[left];
    }
  }
  mem_free(alone);
  mind_close(m);
  family_close(&f);
}

// After every step in another mind, in a lane where another dream was.
static void test_the_member_moves_with_the_lane(void **state) {
  (void)state;
  family f = family_open(false, NUM_FP32);
  mind *m[2] = {mind_open(f.both, 3), mind_open(f.both, 2)};
  void *saved = mem_take(1, mind_state_bytes(f.both));
  for (int i = 0; i < DREAMS; i++) {
    dreamt d = dream_alone(f.both, i);
    for (int j = 0; j < 5; j++) mind_dream(m[j % 2], j / 2, &rules, luck_of(1000 + 5 * i + j));
    mind_dream(m[0], 1, &rules, luck_of(i));
    for (int t = 0; t < d.steps; t++) {
      dream_outcome out[2];
      mind_imagine(m[t % 2], (const float[]){0, act_at(t)}, out, 2);
      assert_memory_equal(mind_features(m[t % 2], 1), d.belief[t + 1], sizeof d.belief[0]);
      mind_save(m[t % 2], 1, saved);
      mind_load(m[!(t % 2)], 1, &rules, luck_of(i), saved);
    }
  }
  mem_free(saved);
  mind_close(m[0]);
  mind_close(m[1]);
  family_close(&f);
}

// --- files ----------------------------------------------------------------------------------------------------------

static void test_members_are_in_the_worlds_name(void **state) {
  (void)state;
  family f = family_open(false, NUM_FP32);
  file_path shared = path_join(f.s.directory, "packed");
  world *mapped;
  assert_false(hash_equal(world_hash(f.both), world_hash(f.one[0])));
  assert_int_equal(world_share(f.both, shared.text), OK);
  assert_int_equal(world_map(&mapped, shared.text), OK);
  assert_true(hash_equal(world_hash(mapped), world_hash(f.both)));
  for (int i = 0; i < DREAMS; i++) {
    dreamt a = dream_alone(f.both, i), b = dream_alone(mapped, i);
    assert_true(same_course(&a, &b));
    assert_memory_equal(a.belief, b.belief, (size_t)(a.steps + 1) * sizeof a.belief[0]);
  }
  world_close(mapped);
  file_remove(shared.text);
  family_close(&f);
}

static void refused(const family *f, status wanted) {
  world *w;
  assert_int_equal(world_open_as(&w, NULL, f->s.rnn.text, &(world_options){.members = 2}), wanted);
  assert_non_null(strstr(status_message(), "rnn-2.safetensors"));
}

static void test_strangers_are_refused(void **state) {
  (void)state;
  family f = family_open(false, NUM_FP32);
  assert_int_equal(member_write(&f, f.second.text, f.s.m, 2, 0.03f), OK);  // at other moments
  refused(&f, MISMATCH);
  small_world larger = small_world_of(false, 4, 1);
  f.s.shape.K = 4;
  assert_int_equal(member_write(&f, f.second.text, larger.m, 2, 0.02f), OK);
  refused(&f, MISMATCH);
  assert_int_equal(file_remove(f.second.text), OK);
  refused(&f, NO_IO);
  small_world_remove(&larger);
  family_close(&f);
}

// --- whose a dream was, told from outside ---------------------------------------------------------------------------

static void played(rollout_result *results, const world *w, const controller_shape *c, const char *record) {
  const rollout_options o = {.world = w, .controller = *c, .lanes = 4};
  rollout *crew = rollout_open(&o);
  for (int begun = 0, done = 0; done < DREAMS;) {
    int tickets[4];
    rollout_result some[4];
    for (; begun < DREAMS && rollout_vacancies(crew) > 0; begun++) rollout_begin(crew, begun, record, begun);
    int count = rollout_work(crew, tickets, some, 4);
    for (int i = 0; i < count; i++) results[tickets[i]] = some[i];
    done += count;
  }
  rollout_close(crew);
}

// A controller that sees the latent alone meets in each dream what it meets in the world of that dream's M.
static void test_a_dream_is_told_from_its_record(void **state) {
  (void)state;
  family f = family_open(false, NUM_FP32);
  world_features z;
  assert_int_equal(world_features_of(&z, f.both, "z"), OK);
  controller_shape c = controller_for(&z, 1, 0, false);
  rollout_result alone[2][DREAMS], both[DREAMS];
  struct { rollout_record head; float parameters[Z + 1]; } record = {
      .head = {.place = ROLLOUT_DREAM, .common = 1, .seed = 9, .stream = "train", .rules = rules},
      .parameters = {0.5f, -1, 0.25f, 1, -0.5f}};

  int drawn[2] = {0};
  for (record.head.generation = 0; record.head.generation < 3; record.head.generation++) {
    for (int k = 0; k < 2; k++) played(alone[k], f.one[k], &c, (const char *)&record);
    played(both, f.both, &c, (const char *)&record);
    for (int i = 0; i < DREAMS; i++) {
      int member = rollout_member(f.both, &record.head, i);
      drawn[member]++;
      assert_true(both[i].total == alone[member][i].total && both[i].total != alone[!member][i].total);
    }
  }
  assert_true(drawn[0] > DREAMS / 2 && drawn[1] > DREAMS / 2);
  family_close(&f);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_dream_is_a_members),        cmocka_unit_test(test_twins_are_one),
      cmocka_unit_test(test_lanes_do_not_know_each_other),   cmocka_unit_test(test_the_member_moves_with_the_lane),
      cmocka_unit_test(test_members_are_in_the_worlds_name), cmocka_unit_test(test_strangers_are_refused),
      cmocka_unit_test(test_a_dream_is_told_from_its_record),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

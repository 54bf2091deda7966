// Tests for src/rollout: what an episode gives does not depend on lanes, order or company.

#include "../small_world.h"

#include <errno.h>
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/env/parts.h"
#include "rollout.h"

#define EPISODES 24

static env_spec takecover;

static controller_shape shape_for(const world *w) {
  world_features f;
  assert_int_equal(world_features_of(&f, w, "zhc"), OK);
  return controller_for(&f, world_senses_of(w).actions, 0, false);
}

// --- the controller -------------------------------------------------------------------------------------------------

static void test_controller_is_the_formula(void **state) {
  (void)state;
  for (int variant = 0; variant < 12; variant++) {
    int parts = 1 + variant % 3, inputs = 5 + 19 * (parts - 1);
    world_features f = {.F = inputs, .parts = parts, .part = {{.size = 5}, {.size = 19}, {.size = 19}}};
    controller_shape s = controller_for(&f, 2, variant / 6 * 7, variant / 3 % 2);
    int n = controller_size(&s);
    float w[1024], x[64], action[2];
    assert_true(n <= 1024);
    rng_normals(w, n, rng_stream(1, "w"), 0, 0);
    rng_normals(x, 64, rng_stream(1, "x"), 0, 0);
    for (int i = 0; i < n; i++) w[i] *= 0.2f;
    controller_act(&s, action, w, x);
    double layer[64], next[64];
    for (int i = 0; i < inputs; i++) layer[i] = (double)x[i];
    const float *p = w;
    int width = inputs;
    const int outputs[2] = {s.hidden ? s.hidden : s.A, s.A};
    for (int l = 0; l < (s.hidden ? 2 : 1); l++) {
      for (int o = 0; o < outputs[l]; o++) {
        double sum = 0;
        for (int i = 0; i < width; i++) sum += (double)*p++ * layer[i];
        next[o] = tanh(s.bias ? sum + (double)*p++ : sum);
      }
      width = outputs[l];
      memcpy(layer, next, sizeof layer);
    }
    assert_int_equal(p - w, n);
    for (int o = 0; o < 2; o++) assert_true(fabs((double)action[o] - layer[o]) < 1e-5);
  }
}

static void test_paper_sizes(void **state) {
  (void)state;
  const world_shape doom = {.Z = 64, .A = 1, .H = 512, .K = 5}, car_racing = {.Z = 32, .A = 3, .H = 256, .K = 5};
  world_features f;
  assert_true(world_mdn_features(&f, &doom, "zhc"));
  controller_shape c = controller_for(&f, 1, 0, false);
  assert_int_equal(controller_size(&c), 1088);
  assert_true(world_mdn_features(&f, &car_racing, "zh"));
  c = controller_for(&f, 3, 0, true);
  assert_int_equal(controller_size(&c), 867);
}

// --- lanes ----------------------------------------------------------------------------------------------------------

typedef struct bench { small_world files; world *w; char *records; size_t record_bytes; } bench;

// Three candidates of different taste.
static bench bench_open(rollout_place place) {
  bench b = {.files = small_world_write(true, 21)};
  b.w = small_world_open(&b.files);
  controller_shape c = shape_for(b.w);
  int n = controller_size(&c);
  b.record_bytes = sizeof(rollout_record) + (size_t)(n + 1) / 2 * 8;
  b.records = mem_take(3, b.record_bytes);
  for (int i = 0; i < 3; i++) {
    rollout_record *r = (rollout_record *)(b.records + (size_t)i * b.record_bytes);
    *r = (rollout_record){.place = place,
                          .generation = 2,
                          .candidate = (uint32_t)i,
                          .common = 1,
                          .seed = 77,
                          .stream = "train",
                          .rules = {.temperature = 1.1f, .cap = 60},
                          .policy = "hold-random"};
    rng_normals((float *)(r + 1), n, rng_episode(rng_stream(5, "candidates"), 0, (uint32_t)i), 0, 0);
  }
  return b;
}

static void bench_close(bench *b) {
  world_close(b->w);
  small_world_remove(&b->files);
  mem_free(b->records);
}

// Plays EPISODES tasks (task = 3 candidates in turn) in the given order with a number of lanes.
static void play_watched(const bench *b, int lanes, bool backwards, rollout_result *results,
                         rollout_recorder recorder) {
  rollout_options o = {.world = b->w,
                       .environment = &takecover,
                       .controller = shape_for(b->w),
                       .lanes = lanes,
                       .recorder = recorder};
  rollout *r = rollout_open(&o);
  assert_int_equal(rollout_record_bytes(r), b->record_bytes);
  int begun = 0, finished = 0, tickets[8];
  rollout_result some[8];
  while (finished < EPISODES) {
    while (begun < EPISODES && rollout_vacancies(r) > 0) {
      int task = backwards ? EPISODES - 1 - begun : begun;
      rollout_begin(r, task, b->records + (size_t)(task % 3) * b->record_bytes, task / 3);
      begun++;
    }
    int n = rollout_work(r, tickets, some, 8);
    for (int i = 0; i < n; i++) results[tickets[i]] = some[i];
    finished += n;
  }
  rollout_close(r);
}

static void play(const bench *b, int lanes, bool backwards, rollout_result *results) {
  play_watched(b, lanes, backwards, results, (rollout_recorder){0});
}

static void lanes_make_no_difference(rollout_place place) {
  bench b = bench_open(place);
  rollout_result one[EPISODES], other[EPISODES];
  memset(one, 0, sizeof one);
  memset(other, 0, sizeof other);
  play(&b, 1, false, one);
  int different = 0;
  for (int i = 1; i < EPISODES; i++) different += one[i].steps != one[0].steps;
  assert_true(different > 3);
  const int lanes[] = {2, 7, 64};
  for (int i = 0; i < 3; i++) {
    play(&b, lanes[i], i % 2, other);
    assert_memory_equal(one, other, sizeof one);
  }
  bench_close(&b);
}

static void test_dream_lanes(void **state) {
  (void)state;
  lanes_make_no_difference(ROLLOUT_DREAM);
}
static void test_real_lanes(void **state) {
  (void)state;
  lanes_make_no_difference(ROLLOUT_REAL);
}
static void test_baseline_lanes(void **state) {
  (void)state;
  lanes_make_no_difference(ROLLOUT_BASELINE);
}

static void test_common_random_numbers(void **state) {
  (void)state;
  bench b = bench_open(ROLLOUT_DREAM);
  rollout_record *second = (rollout_record *)(b.records + b.record_bytes);
  memcpy(second + 1, (rollout_record *)b.records + 1, b.record_bytes - sizeof *second);  // the same controller twice
  rollout_result same[EPISODES], apart[EPISODES];
  play(&b, 7, false, same);
  for (int i = 0; i + 1 < EPISODES; i += 3) assert_memory_equal(&same[i], &same[i + 1], sizeof *same);
  for (int i = 0; i < 3; i++) ((rollout_record *)(b.records + (size_t)i * b.record_bytes))->common = 0;
  play(&b, 7, false, apart);
  int different = 0;
  for (int i = 0; i + 1 < EPISODES; i += 3) different += apart[i].steps != apart[i + 1].steps;
  assert_true(different > 3);
  bench_close(&b);
}

static void test_a_broken_candidate_is_a_result(void **state) {
  (void)state;
  bench b = bench_open(ROLLOUT_DREAM);
  float *parameters = (float *)((rollout_record *)(b.records + b.record_bytes) + 1);
  parameters[0] = NAN;
  rollout_result results[EPISODES];
  play(&b, 7, false, results);
  for (int i = 0; i < EPISODES; i++) assert_int_equal(results[i].broken, i % 3 == 1);
  bench_close(&b);
}

// --- an environment that fails ---------------------------------------------------------------------------------------
typedef struct frail { int steps; } frail;
static int failures;  // still to come
static void frail_reset(void *state, rng luck) { (void)luck, ((frail *)state)->steps = 0; }
static env_outcome frail_step(void *state, const float *action) {
  int steps = ++((frail *)state)->steps;
  (void)action;
  if (steps == 3 && failures-- > 0) return (env_outcome){.broken = true};
  return (env_outcome){.reward = 1, .truncated = steps == 5};
}
static void frail_observe(const void *state, void *observation) {
  *(float *)observation = (float)((const frail *)state)->steps;
}
static const env_kind frail_kind = {
    .spec = {.name = "frail", .version = "1", .shape = {1, 1, 1}, .actions = 1, .cap = 5,
             .baselines = env_baselines_blind},
    .state_bytes = sizeof(frail),
    .reset = frail_reset,
    .step = frail_step,
    .observe = frail_observe};

static rollout_result frail_play(void) {
  env_spec spec;
  env_kind_lend(&frail_kind);
  CHECK(env_describe(&spec, "frail", NULL) == OK, "%s", status_message());
  rollout_options o = {.environment = &spec, .lanes = 1};
  const rollout_record record = {.place = ROLLOUT_BASELINE, .policy = "still", .stream = "frail"};
  rollout_result result;
  int ticket;
  rollout *r = rollout_open(&o);
  rollout_begin(r, 0, &record, 0);
  while (rollout_work(r, &ticket, &result, 1) == 0) continue;
  rollout_close(r);
  env_kind_lend(NULL);
  return result;
}

static void test_what_its_environment_broke_is_played_again(void **state) {
  (void)state;
  failures = 2;
  rollout_result result = frail_play();
  assert_int_equal(result.broken, 0);
  assert_int_equal(result.steps, 5);
  assert_float_equal(result.total, 5, 0);
}

static void test_what_breaks_every_time_ends_the_job(void **state) {
  (void)state;
  int how = 0;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    failures = 3;
    frail_play();
    _exit(0);
  }
  waitpid(pid, &how, 0);
  assert_true(WIFEXITED(how) && WEXITSTATUS(how) == BROKEN);
}

static void test_dropped_tasks_leave_no_trace(void **state) {
  (void)state;
  bench b = bench_open(ROLLOUT_DREAM);
  rollout_options o = {.world = b.w, .environment = &takecover, .controller = shape_for(b.w), .lanes = 5};
  rollout *r = rollout_open(&o);
  int all = rollout_vacancies(r), tickets[64];
  rollout_result results[64];
  for (int i = 0; i < all; i++) rollout_begin(r, i, b.records, i);
  assert_int_equal(rollout_vacancies(r), 0);
  rollout_work(r, tickets, results, 1);
  rollout_drop(r);
  assert_int_equal(rollout_vacancies(r), all);
  rollout_close(r);
  bench_close(&b);
}

// --- looking on -----------------------------------------------------------------------------------------------------

typedef struct album {  // what a recorder saw of each episode
  int steps[EPISODES];
  bool over[EPISODES];
  double total[EPISODES];
  float belief[EPISODES][64];  // sums of features, of actions and of bytes of frames, over the episode
} album;

static void album_look(void *self, const rollout_sight *s) {
  album *a = self;
  int e = s->ticket;
  assert_int_equal(s->member, e / 3);
  assert_int_equal(s->step, a->steps[e]);
  assert_false(a->over[e]);
  assert_int_equal(s->action == NULL, s->step == 0);
  assert_true(s->step || !(s->terminated || s->truncated || s->broken));

  if (s->m)
    for (int i = 0; i < 32; i++) a->belief[e][i] += mind_features(s->m, s->lane)[i % 4] * (float)(i + s->step);
  if (s->action) a->belief[e][62] += s->action[0] * (float)s->step;
  if (s->observation)
    for (int i = 0; i < WORLD_PIXELS; i += 97) a->belief[e][63] += ((const uint8_t *)s->observation)[i];
  a->total[e] += s->step ? (double)s->reward : 0;
  a->steps[e]++;
  a->over[e] = s->terminated || s->truncated || s->broken;
}

static void all_is_seen(rollout_place place) {
  bench b = bench_open(place);
  rollout_result unwatched[EPISODES], results[EPISODES];
  memset(unwatched, 0, sizeof unwatched);
  play(&b, 7, false, unwatched);

  // Whoever looks on changes nothing, and sees the same in any lanes: every step, the beginning and the end.
  album *a = mem_take(2, sizeof *a);
  for (int i = 0; i < 2; i++) {
    memset(results, 0, sizeof results);
    play_watched(&b, i ? 5 : 1, i, results, (rollout_recorder){album_look, &a[i]});
    assert_memory_equal(results, unwatched, sizeof results);
    for (int e = 0; e < EPISODES; e++) {
      assert_true(a[i].over[e]);
      assert_int_equal(a[i].steps[e], results[e].steps + 1);
      assert_true(a[i].total[e] == results[e].total);
    }
  }
  assert_memory_equal(&a[0], &a[1], sizeof *a);
  assert_int_equal(a->belief[0][0] != 0, place != ROLLOUT_BASELINE);
  assert_int_equal(a->belief[0][63] != 0, place != ROLLOUT_DREAM);
  mem_free(a);
  bench_close(&b);
}

static void test_recorder_sees_a_dream(void **state) {
  (void)state;
  all_is_seen(ROLLOUT_DREAM);
}
static void test_recorder_sees_reality(void **state) {
  (void)state;
  all_is_seen(ROLLOUT_REAL);
}
static void test_recorder_sees_a_baseline(void **state) {
  (void)state;
  all_is_seen(ROLLOUT_BASELINE);
}

// --- memory ---------------------------------------------------------------------------------------------------------

// Every allocation of this program is counted, whoever asks. Not under the sanitizers, which have allocators of their
// own.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define COUNTED 1
static uint64_t asked;
extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t),
    *__libc_memalign(size_t, size_t);
void *malloc(size_t size) { return asked++, __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return asked++, __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return asked++, __libc_realloc(old, size); }
void *aligned_alloc(size_t alignment, size_t size) { return asked++, __libc_memalign(alignment, size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
  asked++;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}
#else
#define COUNTED 0
static uint64_t asked;
#endif

// Between a dream's begin and its return: hundreds of episodes through few lanes, refilled and compacted all the time.
static void nothing_is_allocated(const bench *b, const world *w) {
  rollout_options o = {.world = w, .environment = &takecover, .controller = shape_for(w), .lanes = 9};
  rollout *r = rollout_open(&o);
  int tickets[8], begun = 0;
  rollout_result some[8];
  uint64_t before = 0;
  for (int finished = 0; finished < 400;) {
    for (; begun < 400 && rollout_vacancies(r) > 0; begun++)
      rollout_begin(r, begun, b->records + (size_t)(begun % 3) * b->record_bytes, begun / 3);
    finished += rollout_work(r, tickets, some, 8);
    if (before == 0) before = asked;  // the first call opened the dream
  }
  assert_true(before > 0);
  assert_int_equal(asked, before);
  rollout_close(r);
}

static void test_dreams_allocate_nothing(void **state) {
  (void)state;
  if (!COUNTED) skip();
  bench b = bench_open(ROLLOUT_DREAM);
  world *narrow;
  assert_int_equal(world_open_as(&narrow, b.files.vae.text, b.files.rnn.text, &(world_options){.precision = NUM_BF16}),
                   OK);
  nothing_is_allocated(&b, b.w);
  nothing_is_allocated(&b, narrow);
  world_close(narrow);
  bench_close(&b);
}

// --- moving on ------------------------------------------------------------------------------------------------------

typedef struct pair {  // two rollouts of different lanes, and what they hold
  const bench *b;
  rollout *r[2];
  int held[2], moved_running, moved_waiting;
  void *state;
} pair;

static const char *record_of(const bench *b, int task) { return b->records + (size_t)(task % 3) * b->record_bytes; }

// One task goes from one to the other, if it can.
static bool move_one(pair *p, int from) {
  bool begun;
  if (rollout_vacancies(p->r[!from]) == 0) return false;
  int task = rollout_give(p->r[from], p->state, &begun);
  if (task < 0) return false;
  if (begun) rollout_begin_from(p->r[!from], task, record_of(p->b, task), task / 3, p->state);
  else rollout_begin(p->r[!from], task, record_of(p->b, task), task / 3);
  p->held[from]--, p->held[!from]++;
  p->moved_running += begun, p->moved_waiting += !begun;
  return true;
}

static int work_one(pair *p, int which, rollout_result *results) {
  int tickets[8], n = p->held[which] ? rollout_work(p->r[which], tickets, results + EPISODES, 8) : 0;
  for (int i = 0; i < n; i++) results[tickets[i]] = results[EPISODES + i];
  p->held[which] -= n;
  return n;
}

static pair play_moving(const bench *b, uint64_t seed, rollout_result *results) {
  pair p = {.b = b};
  rng luck = rng_stream(seed, "moves");
  for (int i = 0; i < 2; i++) {
    const rollout_options o = {.world = b->w,
                               .environment = &takecover,
                               .controller = shape_for(b->w),
                               .lanes = 1 + (int)rng_below(luck, 0, (uint32_t)i, 20)};
    p.r[i] = rollout_open(&o);
  }
  p.state = mem_take(1, rollout_state_bytes(p.r[0]));
  int begun = 0, finished = 0;
  for (uint32_t turn = 1; finished < EPISODES; turn++) {
    int which = (int)rng_below(luck, turn, 0, 2);
    for (; begun < EPISODES && rollout_vacancies(p.r[which]) > 0; begun++, p.held[which]++)
      rollout_begin(p.r[which], begun, record_of(b, begun), begun / 3);
    finished += work_one(&p, which, results);
    for (int moves = (int)rng_below(luck, turn, 1, 4); moves && move_one(&p, which); moves--) continue;
  }
  for (int i = 0; i < 2; i++) rollout_close(p.r[i]);
  mem_free(p.state);
  return p;
}

static void test_who_moves_on_does_not_notice(void **state) {
  (void)state;
  bench b = bench_open(ROLLOUT_DREAM);
  rollout_result still[EPISODES], moving[EPISODES + 8];
  memset(still, 0, sizeof still);
  play(&b, 7, false, still);
  for (uint64_t seed = 1; seed <= 30; seed++) {
    memset(moving, 0, sizeof moving);
    pair p = play_moving(&b, seed, moving);
    assert_memory_equal(still, moving, sizeof still);
    assert_true(p.moved_running > 0 && p.moved_waiting > 0);
  }
  bench_close(&b);
}

// By hand: means 2, 5 and 11 of three groups, of different sizes.
static void test_spread_is_of_the_means_of_groups(void **state) {
  (void)state;
  const double values[] = {1, 5, 3, 11, 2};
  const int groups[] = {0, 3, 0, 15, 0}, one[] = {2, 2, 2, 2, 2};
  assert_true(fabs(summary_spread(values, groups, 5) - sqrt((16 + 1 + 25) / 2.0)) < 1e-12);
  assert_true(summary_spread(values, one, 5) == 0);
  assert_true(summary_spread(values, groups, 1) == 0);

  // all alike: no difference, whoever had how many
  const double same[] = {4, 4, 4, 4, 4};
  assert_true(summary_spread(same, groups, 5) == 0);
}

// What runs in the real environment stays; what waits may go.
static void test_real_episodes_stay(void **state) {
  (void)state;
  bench b = bench_open(ROLLOUT_REAL);
  rollout_result one[EPISODES], moving[EPISODES + 8];
  memset(one, 0, sizeof one);
  memset(moving, 0, sizeof moving);
  play(&b, 3, false, one);
  pair p = play_moving(&b, 4, moving);
  assert_memory_equal(one, moving, sizeof one);
  assert_int_equal(p.moved_running, 0);
  bench_close(&b);
}

int main(void) {
  num_open();
  if (env_describe(&takecover, "takecover", NULL) != OK) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_controller_is_the_formula), cmocka_unit_test(test_paper_sizes),
      cmocka_unit_test(test_dream_lanes),               cmocka_unit_test(test_real_lanes),
      cmocka_unit_test(test_baseline_lanes),            cmocka_unit_test(test_common_random_numbers),
      cmocka_unit_test(test_a_broken_candidate_is_a_result),
      cmocka_unit_test(test_what_its_environment_broke_is_played_again),
      cmocka_unit_test(test_what_breaks_every_time_ends_the_job), cmocka_unit_test(test_dropped_tasks_leave_no_trace),
      cmocka_unit_test(test_recorder_sees_a_dream),     cmocka_unit_test(test_recorder_sees_reality),
      cmocka_unit_test(test_recorder_sees_a_baseline),
      cmocka_unit_test(test_dreams_allocate_nothing),
      cmocka_unit_test(test_who_moves_on_does_not_notice),   cmocka_unit_test(test_real_episodes_stay),
      cmocka_unit_test(test_spread_is_of_the_means_of_groups),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// Other people's environments, through a child in Python: what is understood of their spaces, that a lane's episode is
// a function of its luck, and what becomes of those that misbehave. Skipped where tests/gym/prepare finds no Python.

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/env/gym.h"
#include "../../src/env/parts.h"

static char python[512];  // "": there is none
#define NEEDS_PYTHON() \
  if (!*python) skip()

static int python_find(void **state) {
  (void)state;
  FILE *said = popen("tests/gym/prepare", "r");
  char line[512] = "";
  if (said && !fgets(line, sizeof line, said)) line[0] = 0;
  line[strcspn(line, "\n")] = 0;
  if (said && pclose(said) == 0) snprintf(python, sizeof python, "%s", line);
  else print_message("%s\n", line);
  setenv("PYTHONPATH", "tests/gym", 1);
  gym_child_patience(30, 1);
  return 0;
}

static env_options with(const char *arguments) { return (env_options){.python = python, .arguments = arguments}; }

static env *opened(const char *name, const char *arguments, int lanes) {
  env *e;
  const env_options o = with(arguments);
  if (env_open(&e, name, &o, lanes) != OK) fail_msg("%s", status_message());
  return e;
}

static rng luck_of(int episode) { return rng_episode(rng_stream(3, "gym"), 0, (uint32_t)episode); }

// --- what is understood ---------------------------------------------------------------------------------------------
#define SPACES "gym:bad_gym:Spaces-v0"

static void test_spec(void **state) {
  (void)state;
  NEEDS_PYTHON();
  env *e = opened("gym:CartPole-v1", NULL, 1);
  const env_spec *s = env_spec_of(e);
  assert_string_equal(s->name, "gym:CartPole-v1");
  assert_int_equal(s->shape[0], 4);
  assert_int_equal(s->actions, 2);
  assert_int_equal(s->cap, 500);
  assert_true(s->pure);
  assert_false(s->pixels);
  assert_non_null(strstr(s->version, "gymnasium "));
  assert_string_equal(s->opened, "gym:CartPole-v1");
  env_close(e);
}

// What the episode's first observations are, of each space.
static void check_seen(const char *arguments, int size, const float *at_reset, const float *at_step) {
  float seen[8], action[6] = {0};
  env_outcome out;
  env *e = opened(SPACES, arguments, 1);
  assert_int_equal(env_observation_size(env_spec_of(e)), size);

  env_reset(e, 0, luck_of(0));
  env_observe(e, seen, 1);
  assert_memory_equal(seen, at_reset, (size_t)size * sizeof *seen);
  env_step(e, action, &out, 1);
  env_observe(e, seen, 1);
  assert_memory_equal(seen, at_step, (size_t)size * sizeof *seen);
  assert_float_equal(out.reward, 1, 0);
  env_close(e);
}

static void test_observations(void **state) {
  (void)state;
  NEEDS_PYTHON();
  check_seen("{\"shows\": \"discrete\"}", 4, (float[]){1, 0, 0, 0}, (float[]){0, 1, 0, 0});
  check_seen("{\"shows\": \"multi\"}", 5, (float[]){1, 0, 1, 0, 0}, (float[]){0, 1, 0, 1, 0});
  check_seen("{\"shows\": \"binary\"}", 3, (float[]){1, 0, 0}, (float[]){1, 0, 1});
  check_seen("{\"shows\": \"dict\"}", 5, (float[]){0.25f, 0.5f, 1, 0, 0}, (float[]){0.25f, 0.5f, 0, 1, 0});
}

// An action comes back as what the environment was given.
static void check_given(const char *arguments, int A, const float *action, int count, const float *given) {
  float seen[6];
  env_outcome out;
  env *e = opened(SPACES, arguments, 1);
  assert_int_equal(env_spec_of(e)->actions, A);
  env_reset(e, 0, luck_of(0));
  env_step(e, action, &out, 1);
  assert_false(out.broken);
  env_observe(e, seen, 1);
  for (int i = 0; i < count; i++) assert_float_equal(seen[i], given[i], 1e-6);
  env_close(e);
}

static void test_actions(void **state) {
  (void)state;
  NEEDS_PYTHON();
  check_given("{\"takes\": \"box\"}", 2, (float[]){0, -0.5f}, 2, (float[]){5, -1});
  check_given("{\"takes\": \"box\"}", 2, (float[]){-7, 7}, 2, (float[]){0, 2});
  check_given("{\"takes\": \"whole\"}", 2, (float[]){0.5f, -1}, 2, (float[]){2, -3});
  check_given("{\"takes\": \"unbounded\"}", 1, (float[]){0.25f}, 1, (float[]){0.25f});
  check_given("{\"takes\": \"half\"}", 2, (float[]){1, -1}, 2, (float[]){6, -6});
  check_given("{\"takes\": \"half\"}", 2, (float[]){-1, 1}, 2, (float[]){5, -5});
  check_given("{\"takes\": \"huge\"}", 1, (float[]){0.25f}, 1, (float[]){0.25f});
  check_given("{\"takes\": \"discrete\"}", 3, (float[]){-0.5f, -0.4f, -0.9f}, 1, (float[]){6});
  check_given("{\"takes\": \"discrete\"}", 3, (float[]){0, 0, 0}, 1, (float[]){5});
  check_given("{\"takes\": \"multi\"}", 5, (float[]){0, 1, -1, 0, 1}, 2, (float[]){1, 2});
  check_given("{\"takes\": \"binary\"}", 3, (float[]){0.1f, -0.1f, 0}, 3, (float[]){1, 0, 0});
}

static void test_thresholds(void **state) {
  (void)state;
  NEEDS_PYTHON();
  static const float action[] = {0, 0.34f, -0.34f, 0.33f}, given[] = {5, 6, 7, 5};
  env_options o = with("{\"takes\": \"discrete\"}");
  o.actions = ENV_ACTIONS_THRESHOLDS;
  env *e;
  assert_int_equal(env_open(&e, SPACES, &o, 1), OK);
  assert_int_equal(env_spec_of(e)->actions, 1);
  env_reset(e, 0, luck_of(0));
  for (int i = 0; i < 4; i++) {
    float seen[6];
    env_outcome out;
    env_step(e, &action[i], &out, 1);
    env_observe(e, seen, 1);
    assert_float_equal(seen[0], given[i], 0);
  }
  env_close(e);
}

static void check_refused(const char *name, env_options o, const char *words) {
  env *e;
  o.python = o.python ? o.python : python;
  assert_int_equal(env_open(&e, name, &o, 1), BAD_CONFIG);
  if (!strstr(status_message(), words)) fail_msg("\"%s\" is not in: %s", words, status_message());
}

static void test_what_cannot_be_used_is_refused(void **state) {
  (void)state;
  NEEDS_PYTHON();
  check_refused("gym:", (env_options){0}, "wants an id");
  check_refused("gym:NoSuchThing-v0", (env_options){0}, "NoSuchThing");
  check_refused("gym:no_such_module:X-v0", (env_options){0}, "no_such_module");
  check_refused(SPACES, with("{\"shows\": \"text\"}"), "Text(1, 5");
  check_refused(SPACES, with("{\"takes\": \"text\"}"), "Text(1, 5");
  check_refused(SPACES, with("{\"shows\": \"screen\"}"), "environment.observation");
  check_refused(SPACES, with("shows=box"), "JSON");
  check_refused(SPACES, with("[1]"), "names no arguments");
  check_refused(SPACES, with("{\"colour\": 1}"), "colour");
  check_refused(SPACES, (env_options){.observation = "a"}, "no dictionary");
  check_refused(SPACES, (env_options){.arguments = "{\"shows\": \"dict\"}", .observation = "c"}, "\"c\"");
  check_refused(SPACES, (env_options){.wrappers = "bad_gym"}, "module:Class");
  check_refused(SPACES, (env_options){.wrappers = "bad_gym:None_"}, "None_");
  check_refused(SPACES, (env_options){.actions = ENV_ACTIONS_THRESHOLDS}, "thresholds");
  check_refused(SPACES, (env_options){.grey = true}, "environment.grey");
  check_refused(SPACES, (env_options){.arguments = "{\"shows\": \"picture\"}", .crop = {60, 60, 0, 0}},
                "leaves nothing");
  check_refused("gym:bad_gym:Bad-v0", (env_options){0}, "environment.cap");
}

static void test_python_that_is_not_there(void **state) {
  (void)state;
  env *e;
  assert_int_equal(env_open(&e, "gym:CartPole-v1", &(env_options){.python = "/no/such/python"}, 1), NO_IO);
  assert_non_null(strstr(status_message(), "/no/such/python cannot be started"));
}

static void test_frame_skip_cap_scale_and_wrappers(void **state) {
  (void)state;
  NEEDS_PYTHON();
  env_options o = with("{\"shows\": \"discrete\"}");
  o.frame_skip = 3;
  o.reward_scale = 10;
  o.wrappers = "bad_gym:Half";
  env *e;
  env_outcome out;
  float seen[4], action[2] = {0};
  assert_int_equal(env_open(&e, SPACES, &o, 1), OK);
  assert_int_equal(env_spec_of(e)->cap, 334);  // of 1000 steps of its own
  env_reset(e, 0, luck_of(0));
  env_step(e, action, &out, 1);
  assert_float_equal(out.reward, 15, 0);  // three steps of a half each, times ten
  env_observe(e, seen, 1);
  assert_float_equal(seen[3], 1, 0);
  env_close(e);

  // cut, which is no death
  o.cap = 2;
  assert_int_equal(env_open(&e, SPACES, &o, 1), OK);
  env_reset(e, 0, luck_of(0));
  env_step(e, action, &out, 1);
  assert_false(out.truncated);
  env_step(e, action, &out, 1);
  assert_true(out.truncated && !out.terminated);
  env_close(e);
}

static void test_its_own_cut_is_no_death(void **state) {
  (void)state;
  NEEDS_PYTHON();
  env *e = opened("gym:Pendulum-v1", NULL, 1);
  env_outcome out = {0};
  int steps = 0;
  env_reset(e, 0, luck_of(0));
  for (; !out.truncated && !out.terminated; steps++) env_step(e, (const float[]){0}, &out, 1);
  assert_int_equal(steps, 200);
  assert_true(out.truncated && !out.terminated);
  env_close(e);
}

// --- pictures -------------------------------------------------------------------------------------------------------
static void test_pictures(void **state) {
  (void)state;
  NEEDS_PYTHON();
  static uint8_t seen[64 * 64 * 3];
  env *e = opened(SPACES, "{\"shows\": \"picture\"}", 1);
  assert_true(env_spec_of(e)->pixels);
  assert_int_equal(env_observation_bytes(env_spec_of(e)), sizeof seen);
  env_reset(e, 0, luck_of(0));
  env_observe(e, seen, 1);

  // rows of 120 that hold their own number: row i of 64 is the mean from 1.875 i to 1.875 (i + 1)
  for (int i = 0; i < 64; i++)
    for (int k = 0; k < 64 * 3; k++) assert_in_range(fabs(seen[i * 64 * 3 + k] - (1.875 * (i + 0.5) - 0.5)), 0, 0);
  env_close(e);
}

// Beside a slow and plain mean over areas, in double.
static void check_resized(int rows, int columns, int channels, const int crop[4], bool grey) {
  gym_facts *f = mem_take(1, sizeof *f);
  *f = (gym_facts){.picture = true, .rows = rows, .columns = columns, .channels = channels};
  size_t size = (size_t)rows * (size_t)columns * (size_t)channels;
  uint8_t *picture = mem_take(size, 1), out[64 * 64 * 3];
  for (size_t i = 0; i < size; i++) picture[i] = (uint8_t)(rng_below(rng_stream(4, "picture"), (uint32_t)i, 0, 256));
  gym_picture(out, picture, f, crop, grey);

  int h = rows - crop[0] - crop[1], w = columns - crop[2] - crop[3];
  for (int i = 0; i < 64 * 64; i++) {
    double y0 = (double)(i / 64) * h / 64, y1 = y0 + h / 64.0, x0 = (double)(i % 64) * w / 64, x1 = x0 + w / 64.0;
    double mean[3] = {0};
    for (int y = (int)y0; y < h && y < y1; y++)
      for (int x = (int)x0; x < w && x < x1; x++)
        for (int c = 0; c < 3; c++) {
          double part = (fmin(y + 1, y1) - fmax(y, y0)) * (fmin(x + 1, x1) - fmax(x, x0));
          size_t at = ((size_t)(y + crop[0]) * columns + (size_t)(x + crop[2])) * channels + (channels == 3 ? c : 0);
          mean[c] += part * picture[at] * 64 * 64 / ((double)h * w);
        }
    if (grey) mean[0] = mean[1] = mean[2] = 0.299 * mean[0] + 0.587 * mean[1] + 0.114 * mean[2];
    for (int c = 0; c < 3; c++) assert_float_equal(out[3 * i + c], mean[c], grey ? 1.5F : 0.51F);
  }
  mem_free(picture);
  mem_free(f);
}

static void test_resizing_is_the_mean_over_areas(void **state) {
  (void)state;
  check_resized(64, 64, 3, (const int[4]){0}, false);
  check_resized(240, 320, 3, (const int[4]){0, 40, 3, 2}, false);
  check_resized(96, 96, 3, (const int[4]){0, 12, 0, 0}, true);
  check_resized(33, 50, 1, (const int[4]){1, 0, 0, 1}, false);
  check_resized(1, 1, 3, (const int[4]){0}, false);
}

// --- lanes ----------------------------------------------------------------------------------------------------------
#define BAD "gym:bad_gym:Bad-v0"
enum { PLAYED = 12, LANES = 5, BAD_SIZE = 3 };
#define CAPPED(text) (env_options){.python = python, .arguments = (text), .cap = 30}

typedef struct played { hash seen; int steps, begun; bool over; } played;

static void fold(played *p, const void *bytes, size_t size) {
  const hash both[2] = {p->seen, hash_bytes(bytes, size)};
  p->seen = hash_join(both, 2);
}

// All episodes in so many lanes, refilled and compacted as rollout does; a broken one is played again.
static int play_all(env *e, played *all, int lanes, void (*meanwhile)(env *e, int round)) {
  int number[LANES], n = 0, next = 0, broken = 0;
  float seen[LANES * BAD_SIZE], actions[LANES];
  env_outcome out[LANES];
  memset(all, 0, PLAYED * sizeof *all);
  for (int round = 0; n > 0 || next < PLAYED; round++) {
    for (; n < lanes && next < PLAYED; n++) {
      number[n] = next++;
      env_reset(e, n, luck_of(number[n]));
    }
    env_observe(e, seen, n);
    for (int i = 0; i < n; i++) {
      played *p = &all[number[i]];
      fold(p, seen + i * BAD_SIZE, BAD_SIZE * sizeof *seen);
      actions[i] = 2 * (float)rng_uniform(luck_of(number[i]), (uint32_t)p->steps + 7, 0) - 1;
    }
    if (meanwhile) meanwhile(e, round);
    env_step(e, actions, out, n);
    for (int i = n - 1; i >= 0; i--) {
      played *p = &all[number[i]];
      if (out[i].broken) {
        if (!out[i].innocent && ++broken > 20) fail_msg("no end: %s", env_failure(e));
        *p = (played){.begun = p->begun + 1};
        env_reset(e, i, luck_of(number[i]));
        continue;
      }
      p->steps++;
      fold(p, &out[i].reward, sizeof out[i].reward);
      if (!out[i].terminated && !out[i].truncated) continue;
      p->over = true;
      number[i] = number[--n];
      env_move(e, i, n);
    }
  }
  return broken;
}

static void check_same(const played *a, const played *b) {
  for (int i = 0; i < PLAYED; i++) {
    assert_true(a[i].over && b[i].over);
    assert_int_equal(a[i].steps, b[i].steps);
    assert_true(hash_equal(a[i].seen, b[i].seen));
  }
}

// Of a good environment, one after the other in one lane.
static void reference(played *all) {
  static played once[PLAYED];
  env *e;
  if (once[0].over) {
    memcpy(all, once, sizeof once);
    return;
  }
  const env_options o = CAPPED(NULL);
  assert_int_equal(env_open(&e, BAD, &o, 1), OK);
  assert_int_equal(play_all(e, all, 1, NULL), 0);
  memcpy(once, all, sizeof once);
  env_close(e);
}

// Side by side, and whatever happens meanwhile, the episodes are those that were played alone.  alone (PLAYED)
static void check_together(played *alone, void (*meanwhile)(env *e, int round)) {
  played together[PLAYED];
  env *e;
  const env_options o = CAPPED(NULL);
  reference(alone);

  assert_int_equal(env_open(&e, BAD, &o, LANES), OK);
  assert_int_equal(play_all(e, together, LANES, meanwhile), 0);
  check_same(alone, together);
  env_close(e);
}

static void test_an_episode_is_a_function_of_its_luck(void **state) {
  (void)state;
  NEEDS_PYTHON();
  played alone[PLAYED];
  check_together(alone, NULL);
  for (int i = 1; i < PLAYED; i++) assert_false(hash_equal(alone[0].seen, alone[i].seen));
}

// Longer than the child looks for its turn before it sleeps, now and then.
static void dawdle(env *e, int round) {
  (void)e;
  if (round % 3) usleep(1000 * (unsigned)(round % 5));
}

static void test_who_sleeps_is_woken(void **state) {
  (void)state;
  NEEDS_PYTHON();
  played alone[PLAYED];
  check_together(alone, dawdle);
}

static void test_impure_is_told(void **state) {
  (void)state;
  NEEDS_PYTHON();
  env *e;
  const env_options o = CAPPED(NULL);
  assert_int_equal(env_open(&e, "gym:bad_gym:Luck-v0", &o, 1), OK);
  assert_false(env_spec_of(e)->pure);
  assert_false(env_spec_of(e)->copies);
  env_close(e);
}

// --- misbehaviour ---------------------------------------------------------------------------------------------------
// Once, in one process, which may hold so many MB; afterwards all is as if it had not been.
static void check_once(const char *how, int memory, int broken, const char *words) {
  char once[] = "/tmp/dreamfarm-once-XXXXXX", arguments[256];
  played good[PLAYED], bad[PLAYED];
  env *e;
  reference(good);
  int fd = mkstemp(once);
  close(fd);
  snprintf(arguments, sizeof arguments, "{\"how\": \"%s\", \"once\": \"%s\", \"step\": %d}", how, once,
           strcmp(how, "reset") ? 12 : 0);
  env_options o = CAPPED(arguments);
  o.memory = memory;
  assert_int_equal(env_open(&e, BAD, &o, LANES), OK);  // the file is there: the test of purity comes through

  unlink(once);
  assert_int_equal(play_all(e, bad, LANES, NULL), broken);
  check_same(good, bad);
  if (broken && !strstr(env_failure(e), words)) fail_msg("\"%s\" is not in: %s", words, env_failure(e));
  env_close(e);
  unlink(once);
}

#define ONCE(name, how, broken, words) \
  static void name(void **state) {     \
    (void)state;                       \
    NEEDS_PYTHON();                    \
    check_once(how, 0, broken, words); \
  }
ONCE(test_it_raises_in_reset, "reset", 1, "boom in reset")
ONCE(test_it_raises_in_step, "raise", 1, "ValueError: boom in step")
ONCE(test_it_exits, "exit", 1, "good bye")
ONCE(test_it_gives_a_wrong_shape, "shape", 1, "shape (2,)")
ONCE(test_it_gives_a_wrong_dtype, "dtype", 1, "dtype <U1")
ONCE(test_it_shows_nan, "nan", 1, "number 1 of its observation is nan")
ONCE(test_it_pays_nan, "nan reward", 1, "its reward is nan")
ONCE(test_it_pays_more_than_a_float_holds, "much", 1, "its reward is 1e+39")
ONCE(test_it_dies, "die", 1, "ended by signal 9")
ONCE(test_it_hangs, "hang", 1, "took more than")
ONCE(test_it_is_stopped, "stop", 1, "took more than")
ONCE(test_it_prints_megabytes, "print", 0, "")
ONCE(test_it_forks, "fork", 0, "")

// 320 MB, where 200 are allowed: its own, and those of a program that it starts, which costs the others their episodes.
static void test_it_eats_memory(void **state) {
  (void)state;
  NEEDS_PYTHON();
  gym_child_patience(30, 4);
  check_once("eat", 200, 1, "MB of memory and was ended; environment.memory allows 200");
  check_once("eat outside", 200, 1, "MB of memory and was ended; environment.memory allows 200");
  gym_child_patience(30, 1);
}

// 16 GB of addresses with no memory behind them, as many a library has.
static void test_addresses_are_no_memory(void **state) {
  (void)state;
  NEEDS_PYTHON();
  check_once("hoard", 200, 0, "");
}

static void test_too_little_memory_to_start(void **state) {
  (void)state;
  NEEDS_PYTHON();
  env_options o = with(NULL);
  o.memory = 1;
  env *e;
  assert_int_equal(env_open(&e, "gym:CartPole-v1", &o, 1), BROKEN);
  if (!strstr(status_message(), "environment.memory allows 1")) fail_msg("%s", status_message());
}

// By its command line, of which that of the search itself is none: [y].
static pid_t child_of_this(void) {
  FILE *f = popen("grep -l gym_child.p[y] /proc/[0-9]*/cmdline 2>/dev/null", "r");
  process_state life;
  int pid, found = 0;
  while (fscanf(f, "/proc/%d/cmdline\n", &pid) == 1)
    if (process_life(&life, pid) && life.parent == getpid() && life.state != 'Z') found = pid;
  pclose(f);
  return found;
}

static void kill_the_child(env *e, int round) {
  (void)e;
  if (round != 4 && round != 9) return;
  pid_t pid = child_of_this();
  assert_true(pid > 1);
  kill(pid, SIGKILL);
}

// Where a machine's memory is at its end, the kernel ends the child, not the rank.
static void test_a_child_goes_before_its_rank(void **state) {
  (void)state;
  NEEDS_PYTHON();
  char its[32], ours[32];
  env *e = opened("gym:CartPole-v1", NULL, 1);
  process_read(its, sizeof its, child_of_this(), "oom_score_adj");
  process_read(ours, sizeof ours, getpid(), "oom_score_adj");
  assert_true(atoi(its) > atoi(ours));
  env_close(e);
}

static void test_a_killed_child_is_started_anew(void **state) {
  (void)state;
  NEEDS_PYTHON();
  played good[PLAYED], bad[PLAYED];
  env *e;
  const env_options o = CAPPED(NULL);
  reference(good);
  assert_int_equal(env_open(&e, BAD, &o, LANES), OK);
  assert_true(play_all(e, bad, LANES, kill_the_child) >= 2);
  check_same(good, bad);
  env_close(e);
  assert_int_equal(child_of_this(), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_spec),
      cmocka_unit_test(test_observations),
      cmocka_unit_test(test_actions),
      cmocka_unit_test(test_thresholds),
      cmocka_unit_test(test_what_cannot_be_used_is_refused),
      cmocka_unit_test(test_python_that_is_not_there),
      cmocka_unit_test(test_frame_skip_cap_scale_and_wrappers),
      cmocka_unit_test(test_its_own_cut_is_no_death),
      cmocka_unit_test(test_pictures),
      cmocka_unit_test(test_resizing_is_the_mean_over_areas),
      cmocka_unit_test(test_an_episode_is_a_function_of_its_luck),
      cmocka_unit_test(test_who_sleeps_is_woken),
      cmocka_unit_test(test_impure_is_told),
      cmocka_unit_test(test_it_raises_in_reset),
      cmocka_unit_test(test_it_raises_in_step),
      cmocka_unit_test(test_it_exits),
      cmocka_unit_test(test_it_gives_a_wrong_shape),
      cmocka_unit_test(test_it_gives_a_wrong_dtype),
      cmocka_unit_test(test_it_shows_nan),
      cmocka_unit_test(test_it_pays_nan),
      cmocka_unit_test(test_it_pays_more_than_a_float_holds),
      cmocka_unit_test(test_it_dies),
      cmocka_unit_test(test_it_hangs),
      cmocka_unit_test(test_it_is_stopped),
      cmocka_unit_test(test_it_prints_megabytes),
      cmocka_unit_test(test_it_forks),
      cmocka_unit_test(test_it_eats_memory),
      cmocka_unit_test(test_addresses_are_no_memory),
      cmocka_unit_test(test_too_little_memory_to_start),
      cmocka_unit_test(test_a_child_goes_before_its_rank),
      cmocka_unit_test(test_a_killed_child_is_started_anew),
  };
  return cmocka_run_group_tests(tests, python_find, NULL);
}

// What is ahead: which rows of a data set say it, and what M makes of them.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/train/stream.h"

// A wall stands on one side, -1 or 1. Who walks towards it for so long has come to an end; who does not, never does:
// these episodes are cut.
enum { EPISODES = 200, STEPS = 24, WALL = 6, LOOK = 8, Z = 1, A = 1, H = 12 };
static const data_spec states = {.shape = {Z}, .actions = A};
static char place[] = "/tmp/dreamfarm-ahead-XXXXXX";

static void episode_walk(data_episode *e, int id) {
  float side = id % 2 ? 1 : -1, action = id % 4 < 2 ? 0.8f : -0.8f;
  bool ends = side * action > 0;
  data_episode_take(e, &states, STEPS);
  e->id = id;
  e->steps = ends ? WALL : STEPS;
  e->terminated[e->steps - 1] = ends;
  e->truncated[e->steps - 1] = !ends;
  for (int t = 0; t < e->steps; t++) e->actions[t] = action;
  for (int t = 0; t <= e->steps; t++) ((float *)e->observations)[t] = side;
}

static dataset *episodes_make(void) {
  const data_provenance p = {.environment = "wall", .version = "1", .policy = "test", .seed = 1};
  data_episode e[EPISODES];
  file_path where = path_join(place, "episodes");
  assert_int_equal(dir_make(where.text), OK);
  for (int i = 0; i < EPISODES; i++) episode_walk(&e[i], i);

  // One changes its mind on the way.
  e[0].actions[3] = 0.5f;
  assert_int_equal(data_shard_write(where.text, 0, &states, &p, e, EPISODES), OK);
  assert_int_equal(data_finish(where.text, 1, &states, &p), OK);
  for (int i = 0; i < EPISODES; i++) data_episode_free(&e[i]);

  dataset *d;
  if (data_open(&d, where.text) != OK) fail_msg("%s", status_message());
  return d;
}

static void sum_alone(void *self, float *x, size_t n) { (void)self, (void)x, (void)n; }
static void sum_double_alone(void *self, double *x, size_t n) { (void)self, (void)x, (void)n; }
static status agree_alone(void *self, status mine) { return (void)self, mine; }
static const train_team alone = {0, 1, NULL, sum_alone, sum_double_alone, agree_alone};
static void see_row(void *self, const train_row *row) { (void)self, (void)row; }
static void see_progress(void *self, double done, double total, double loss) {
  (void)self, (void)done, (void)total, (void)loss;
}
static bool see_stop(void *self) { return self != NULL; }
static const train_watch watch = {.row = see_row, .progress = see_progress, .stop = see_stop};

static void encode(dataset *d, file_path *latent) {
  *latent = path_join(place, "latents");
  if (train_encode(NULL, d, latent->text, &alone, &watch) != OK) fail_msg("%s", status_message());
}

// The rows of one episode, in its order.
static void rows_of(stream *s, uint32_t episode, real soon[STEPS], real sure[STEPS], int steps) {
  episode_list one = {.of = &episode, .count = 1};
  stream_begin(s, &one, &alone, rng_stream(1, "rows"), 0, false);
  rnn_chunk k = stream_chunk(s);
  memcpy(soon, k.soon, steps * sizeof *soon);
  memcpy(sure, k.sure, steps * sizeof *sure);
}

static void test_rows_that_say_it(void **state) {
  dataset *d = *state;
  file_path latent;
  latents *l;
  real soon[STEPS], sure[STEPS];
  encode(d, &latent);
  if (latents_open(&l, latent.text, d, "none", Z, &alone) != OK) fail_msg("%s", status_message());
  stream *s = stream_open(l, Z, A, 1, STEPS, EPISODES, LOOK);

  // Cut: no end is ahead, and near the cut nobody knows. This one has two actions: 0.8 but for step 3.
  rows_of(s, 0, soon, sure, STEPS);
  for (int t = 0; t < STEPS; t++) {
    assert_true(soon[t] == 0);
    assert_true((sure[t] != 0) == (t > 3 && STEPS - t >= LOOK));
  }

  // An end within fewer steps than are looked ahead.
  rows_of(s, 1, soon, sure, WALL);
  for (int t = 0; t < WALL; t++) assert_true(soon[t] == 1 && sure[t] == 1);
  stream_close(s);

  // Within three steps.
  s = stream_open(l, Z, A, 1, STEPS, EPISODES, 3);
  rows_of(s, 1, soon, sure, WALL);
  for (int t = 0; t < WALL; t++) assert_true(soon[t] == (WALL - t <= 3) && sure[t] == 1);
  stream_close(s);

  // Nobody asks.
  s = stream_open(l, Z, A, 1, STEPS, EPISODES, 0);
  episode_list none = {.of = (uint32_t[]){1}, .count = 1};
  stream_begin(s, &none, &alone, rng_stream(1, "rows"), 0, false);
  assert_null(stream_chunk(s).soon);
  stream_close(s);
  latents_close(l);
}

static const world_shape shape = {.Z = Z, .A = A, .H = H, .K = 1};

// What M learns in so many epochs, looking so many steps ahead; its file. From another's weights it hardly learns.
static file_path learn(dataset *d, const char *name, int epochs, int ahead, const char *from) {
  file_path latent, result = path_join(place, "%s", name), checkpoint = path_join(place, "checkpoint");
  encode(d, &latent);
  const train_rnn_options o = {.shape = shape,
                               .epochs = epochs,
                               .batch = 8,
                               .steps = 8,
                               .learning_rate = from ? 1e-8 : 1e-2,
                               .learning_rate_end = from ? 1e-8 : 1e-3,
                               .clip = 1,
                               .log_sigma_floor = -7,
                               .done_weight = 1,
                               .reward_weight = 1,
                               .ahead = ahead,
                               .vae_hash = "none",
                               .latents = latent.text,
                               .from = from,
                               .result = result.text,
                               .checkpoint = checkpoint.text};
  if (train_rnn(&o, d, &alone, &watch) != OK) fail_msg("%s", status_message());
  return result;
}

// The slope in the action, at a z of one side: towards the wall an end is likelier.
static void test_its_slope_leads_away(void **state) {
  file_path result = learn(*state, "rnn.safetensors", 30, LOOK, NULL);

  nn_table t = world_ahead_table(&shape);
  float *w = mem_take(t.size, sizeof *w), offset, scale;
  if (world_weights_read(w, result.text, &t) != OK) fail_msg("%s", status_message());
  if (world_scale_read(&offset, &scale, result.text, Z) != OK) fail_msg("%s", status_message());
  for (int side = -1; side <= 1; side += 2) {
    float z = ((float)side - offset) * scale, leads = w[t.tensor[AHEAD].at + 1] * z + w[t.tensor[AHEAD_B].at + 1];
    assert_true(leads * (float)side > 1);
  }

  // For a controller of more features: nothing of what it was not learnt on, then the constant. Not of other actions.
  float slope[Z + 2 * H + 1];
  if (world_ahead_read(slope, result.text, A, Z + 2 * H) != OK) fail_msg("%s", status_message());
  for (int f = Z + H; f < Z + 2 * H; f++) assert_true(slope[f] == 0);
  for (int f = 0; f < Z + H; f++) assert_true(slope[f] == w[t.tensor[AHEAD].at + (size_t)(3 * f + 1)]);
  assert_true(slope[Z + 2 * H] == w[t.tensor[AHEAD_B].at + 1]);
  assert_int_equal(world_ahead_read(slope, result.text, A + 1, Z), BAD_FILE);
  assert_non_null(strstr(status_message(), "has 1 actions, here are 2"));
  mem_free(w);

  // The world opens as any other.
  world *opened;
  if (world_open(&opened, NULL, result.text) != OK) fail_msg("%s", status_message());
  world_close(opened);
}

// An M that did not learn it says so.
static void test_without_it_nothing_is_read(void **state) {
  file_path result = learn(*state, "blind.safetensors", 1, 0, NULL);
  float slope[Z + 1];
  assert_int_equal(world_ahead_read(slope, result.text, A, Z), BAD_FILE);
  assert_non_null(strstr(status_message(), "rnn.ahead"));
}

// The largest difference between two Ms' weights.
static double apart(const file_path *one, const file_path *other, const nn_table *t) {
  float *a = mem_take(t->size, sizeof *a), *b = mem_take(t->size, sizeof *b);
  double most = 0;
  if (world_weights_read(a, one->text, t) != OK) fail_msg("%s", status_message());
  if (world_weights_read(b, other->text, t) != OK) fail_msg("%s", status_message());
  for (size_t i = 0; i < t->size; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
  mem_free(a);
  mem_free(b);
  return most;
}

// Whether or not it looks ahead: M goes on at the weights that it begins from.
static void test_it_begins_where_another_ended(void **state) {
  nn_table table = world_rnn_table(&shape), head = world_ahead_table(&shape);
  for (int ahead = 0; ahead <= LOOK; ahead += LOOK) {
    file_path before = learn(*state, "before.safetensors", 3, ahead, NULL);
    file_path after = learn(*state, "after.safetensors", 1, ahead, before.text);
    assert_true(apart(&before, &after, &table) < 1e-4);
    if (ahead) assert_true(apart(&before, &after, &head) < 1e-4);
  }
}

static int begin(void **state) {
  num_open();
  if (!mkdtemp(place)) return -1;
  *state = episodes_make();
  return 0;
}

static int end(void **state) {
  data_close(*state);
  text_buffer command = {0};
  text_add(&command, "rm -rf '%s'", place);
  int code = system(command.bytes);
  text_free(&command);
  return code;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_rows_that_say_it),
      cmocka_unit_test(test_its_slope_leads_away),
      cmocka_unit_test(test_without_it_nothing_is_read),
      cmocka_unit_test(test_it_begins_where_another_ended),
  };
  return cmocka_run_group_tests(tests, begin, end);
}

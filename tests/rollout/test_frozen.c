// What episodes gave before there was one loop over them, in every place: hashes of their results. A change of one bit
// of a return, anywhere below, is seen here.

#include "../small_world.h"

#include "rollout.h"

enum { EPISODES = 40, CANDIDATES = 3, LANES = 7 };

typedef struct frozen {
  bool pixels;             // a world of takecover, else of cart-pole
  rollout_place place;
  const char *features;
  int hidden;
  bool bias;
  num_precision precision;
  const char *policy;
  const char *hash;
} frozen;

static const frozen all[] = {
    {false, ROLLOUT_DREAM, "z", 0, false, NUM_FP32, "", "f32463c2b82ba0b5d85bbb1a00c2018b"},
    {false, ROLLOUT_DREAM, "zh", 5, false, NUM_FP32, "", "17cab2ae51f95d2c1071195aab1e75ed"},
    {false, ROLLOUT_DREAM, "zhc", 0, true, NUM_FP32, "", "afaa267ef0f16ac258e6bb261493912b"},
    {false, ROLLOUT_REAL, "z", 0, false, NUM_FP32, "", "3d974aaf07e3aa4d8a93647b74abc96f"},
    {false, ROLLOUT_REAL, "zh", 5, false, NUM_FP32, "", "3684ebe8b1411d52a1bd6d2be9f16b9c"},
    {false, ROLLOUT_REAL, "zhc", 0, true, NUM_FP32, "", "4063a71d934abc0b12a71b221a7e19db"},
    {true, ROLLOUT_DREAM, "z", 0, false, NUM_FP32, "", "b1f82fb1710e4d8460bdc404d17ab10b"},
    {true, ROLLOUT_DREAM, "zh", 5, false, NUM_FP32, "", "5b18103254f5dc9c14d7cf090d292f38"},
    {true, ROLLOUT_DREAM, "zhc", 0, true, NUM_FP32, "", "8d4569bef574b4c23c8a939ce25715c6"},
    {true, ROLLOUT_REAL, "z", 0, false, NUM_FP32, "", "1f44652e1d131918abe34bffa6cb3053"},
    {true, ROLLOUT_REAL, "zh", 5, false, NUM_FP32, "", "bb8b76ee313716879054da90a1d7509d"},
    {true, ROLLOUT_REAL, "zhc", 0, true, NUM_FP32, "", "4b64a2342e346b4e6662498d6c845489"},
    {true, ROLLOUT_DREAM, "zhc", 0, false, NUM_BF16, "", "eef1f5df6e54f6f0fdd9bae503776817"},
    {true, ROLLOUT_REAL, "zhc", 0, false, NUM_BF16, "", "43a95e4f32b9937796dfe89d15fe906e"},
    {true, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "random", "5ef647176deb288ca5040bbf632a28fa"},
    {true, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "hold-random", "c0cc3a4b4e98c1eda0f94765a71e7753"},
    {true, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "still", "fd2bd4db53fb8b42397c6c907d8fd293"},
    {true, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "wander:9", "9b47d4760cf504f1a18fb05c162b64bb"},
    {true, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "sweep:20", "3ffcef26d3615f4ec5dd39e3673b7653"},
    {false, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "random", "06c1c85cbdb50ee4b148b8a206976156"},
    {false, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "hold-random", "ed87f413a698b9c37e5a82199c24a3cb"},
    {false, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "still", "d7ff2b0f0cd503753279a71c24f6eabb"},
    {false, ROLLOUT_BASELINE, "zhc", 0, false, NUM_FP32, "wander:9", "42f8bb3cccaa02ec06b569a39f1c60a8"},
};

static world *world_for(const small_world *files, const frozen *f) {
  world *w;
  const world_options o = {.precision = f->precision};
  if (world_open_as(&w, f->pixels ? files->vae.text : NULL, files->rnn.text, &o) != OK)
    fail_msg("%s", status_message());
  return w;
}

static controller_shape app_controller_in(const world *w, const frozen *f) {
  world_features features;
  assert_int_equal(world_features_of(&features, w, f->features), OK);
  return controller_for(&features, world_senses_of(w).actions, f->hidden, f->bias);
}

// Candidates of different taste; the first meets luck of its own.
static char *records_of(const rollout *r, const frozen *f, int n) {
  size_t bytes = rollout_record_bytes(r);
  char *records = mem_take(CANDIDATES, bytes);
  for (uint32_t i = 0; i < CANDIDATES; i++) {
    rollout_record *q = (rollout_record *)(void *)(records + i * bytes);
    float *parameters = (float *)(q + 1);
    *q = (rollout_record){.place = (int32_t)f->place, .generation = 2, .candidate = i, .common = i > 0, .seed = 77,
                          .stream = "train",
                          .rules = {.temperature = 1.1f, .cap = 60, .reward_head = !f->pixels}};
    snprintf(q->policy, sizeof q->policy, "%s", f->policy);
    rng_normals(parameters, n, rng_episode(rng_stream(5, "candidates"), 0, i), 0, 0);
    for (int k = 0; k < n; k++) parameters[k] *= 0.2f;
  }
  return records;
}

static void results_play(rollout *r, const char *records, rollout_result *results) {
  size_t bytes = rollout_record_bytes(r);
  int begun = 0, tickets[8];
  rollout_result some[8];
  for (int finished = 0; finished < EPISODES;) {
    for (; begun < EPISODES && rollout_vacancies(r) > 0; begun++)
      rollout_begin(r, begun, records + (size_t)(begun % CANDIDATES) * bytes, begun / CANDIDATES);
    int n = rollout_work(r, tickets, some, 8);
    for (int i = 0; i < n; i++) results[tickets[i]] = some[i];
    finished += n;
  }
}

static void test_frozen_results(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    const frozen *f = &all[i];
    small_world files = small_world_write(f->pixels, 21);
    world *w = world_for(&files, f);
    env_spec environment;
    assert_int_equal(env_describe(&environment, f->pixels ? "takecover" : "cartpole_swingup", NULL), OK);
    const rollout_options o = {.world = w,
                               .environment = &environment,
                               .controller = app_controller_in(w, f),
                               .lanes = LANES};
    rollout *r = rollout_open(&o);
    char *records = records_of(r, f, controller_size(&o.controller));
    rollout_result results[EPISODES];
    memset(results, 0, sizeof results);
    results_play(r, records, results);
    if (strcmp(hash_bytes(results, sizeof results).hex, f->hash) != 0)
      fail_msg("line %zu: %s, %s, %s", i, f->pixels ? "takecover" : "cart-pole", f->features, f->policy);
    rollout_close(r);
    mem_free(records);
    world_close(w);
    small_world_remove(&files);
  }
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_frozen_results)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

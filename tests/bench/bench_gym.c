// What the way to other people's environments costs: a batch there and back with an environment that costs nothing, and
// frames per second beside Gymnasium's own vector environment (tests/gym/vector.py). Argument: the Python.

#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "env.h"

enum { STEPS = 512, LANES_MAX = 16 };

typedef struct bench_lanes {
  env *e;
  int lanes;
  uint32_t episode;
  float actions[2 * LANES_MAX];
  void *seen;
} bench_lanes;

static rng bench_luck(bench_lanes *b) { return rng_episode(rng_stream(1, "bench"), 0, b->episode++); }

// Lanes begin anew as they end, as in a rollout; what is seen is looked at each time.
static void bench_lanes_step(void *self) {
  bench_lanes *b = self;
  env_outcome out[LANES_MAX];
  for (int t = 0; t < STEPS; t++) {
    rng_uniforms(b->actions, 2 * b->lanes, bench_luck(b), (uint32_t)t, 0);
    env_observe(b->e, b->seen, b->lanes);
    env_step(b->e, b->actions, out, b->lanes);
    for (int i = 0; i < b->lanes; i++)
      if (out[i].terminated || out[i].truncated) env_reset(b->e, i, bench_luck(b));
  }
}

// Batches per second.
static double bench_batches(const char *name, const char *python, int lanes) {
  bench_lanes b = {.lanes = lanes};
  const env_options o = {.python = python, .cap = 1000};
  CHECK(env_open(&b.e, name, &o, lanes) == OK, "%s", status_message());
  b.seen = mem_take((size_t)lanes, env_observation_bytes(env_spec_of(b.e)));
  for (int i = 0; i < lanes; i++) env_reset(b.e, i, bench_luck(&b));

  double rate = STEPS / bench_seconds(bench_lanes_step, &b, 0.1);
  env_close(b.e);
  mem_free(b.seen);
  return rate;
}

int main(int count, char **words) {
  num_open();
  CHECK(count == 2, "usage: bench_gym PYTHON");
  bench_say("gym_empty_round_trip", 1e6 / bench_batches("gym:bad_gym:Empty-v0", words[1], 1), "us");
  bench_say("gym_empty_round_trip_16", 1e6 / bench_batches("gym:bad_gym:Empty-v0", words[1], 16), "us");
  bench_say("gym_cartpole_frames", 16 * bench_batches("gym:CartPole-v1", words[1], 16), "frames/s");
  return 0;
}

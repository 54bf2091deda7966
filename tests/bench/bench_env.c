// Speeds of the environments on one core: steps with random actions (episodes of every length, resets included), and
// the same steps with a picture each.

#include "bench.h"
#include "env.h"

enum { STEPS = 4096, ACTIONS = 1024 };

typedef struct bench_play {
  env *world;
  bool look;
  rng luck;
  float action[ACTIONS];
  void *observation;
} bench_play;

static void bench_play_steps(void *self) {
  bench_play *p = self;
  for (int i = 0; i < STEPS; i++) {
    env_outcome out;
    env_step(p->world, &p->action[i % ACTIONS], &out, 1);
    if (p->look) env_observe(p->world, p->observation, 1);
    if (out.terminated || out.truncated) env_reset(p->world, 0, (p->luck.episode++, p->luck));
  }
}

static double bench_rate(const char *name, bool look) {
  bench_play p = {.look = look, .luck = rng_stream(1, "bench")};
  CHECK(env_open(&p.world, name, NULL, 1) == OK, "%s", status_message());
  p.observation = mem_take(1, env_observation_bytes(env_spec_of(p.world)));
  rng_uniforms(p.action, ACTIONS, p.luck, 0, 0);
  for (int i = 0; i < ACTIONS; i++) p.action[i] = 2 * p.action[i] - 1;
  env_reset(p.world, 0, p.luck);
  double rate = STEPS / bench_seconds(bench_play_steps, &p, 0.05);
  env_close(p.world);
  mem_free(p.observation);
  return rate;
}

int main(void) {
  num_open();
  bench_say("takecover_steps", bench_rate("takecover", false), "steps/s");
  bench_say("takecover_steps_with_pictures", bench_rate("takecover", true), "frames/s");
  bench_say("cartpole_swingup_steps", bench_rate("cartpole_swingup", false), "steps/s");
  return 0;
}

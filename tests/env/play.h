// What the tests of env share: an episode played by a policy, and its numbers.
#ifndef TESTS_ENV_PLAY_H
#define TESTS_ENV_PLAY_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/env/parts.h"

typedef struct play {
  int steps;
  double total;
  env_outcome last;
} play;

static inline env *opened(const char *name, int lanes) {
  env *e;
  if (env_open(&e, name, NULL, lanes) != OK) fail_msg("%s", status_message());
  return e;
}

static inline env_spec described(const char *name) {
  env_spec s;
  if (env_describe(&s, name, NULL) != OK) fail_msg("%s", status_message());
  return s;
}

static inline env_policy policy_of(const char *text, const env_spec *s) {
  env_policy p;
  if (env_policy_parse(&p, text, s) != OK) fail_msg("%s", status_message());
  return p;
}

static inline env_outcome step_one(env *e, const float *action) {
  env_outcome out;
  env_step(e, action, &out, 1);
  return out;
}

static inline play play_episode(env *e, const env_policy *p, uint64_t seed, uint32_t episode) {
  rng world = rng_episode(rng_stream(seed, "world"), 0, episode),
      luck = rng_episode(rng_stream(seed, "policy"), 0, episode);
  uint64_t memory[ENV_POLICY_MEMORY / 8] = {0};
  float action[8];
  play r = {0};
  env_reset(e, 0, world);
  while (!r.last.terminated && !r.last.truncated) {
    env_policy_act(p, e, 0, r.steps, luck, memory, action);
    r.last = step_one(e, action);
    r.total += (double)r.last.reward;
    r.steps++;
  }
  return r;
}

typedef struct score { double mean, sd; } score;

static inline score score_of(const char *policy, const char *environment, int episodes, uint64_t seed) {
  env *e = opened(environment, 1);
  env_policy p = policy_of(policy, env_spec_of(e));
  double sum = 0, squares = 0;
  for (int i = 0; i < episodes; i++) {
    double total = play_episode(e, &p, seed, (uint32_t)i).total;
    sum += total;
    squares += total * total;
  }
  env_close(e);
  double mean = sum / episodes;
  return (score){mean, sqrt(fmax(0, squares / episodes - mean * mean))};
}

#endif

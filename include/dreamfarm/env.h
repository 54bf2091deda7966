// An environment of your own for dreamfarm, in C or C++: a shared object that exports one table,
// `dreamfarm_environment`.
//
//   cc -shared -fPIC -O2 -o mine.so mine.c && dreamfarm env ./mine.so
//
// An episode must be a function of its seed and its actions alone: what a step needs stands in the lane's state, plain
// memory that dreamfarm copies, moves and throws away. No globals that change, no clock, no rand(). Every rank loads
// the object for itself and calls it from one thread.
#ifndef DREAMFARM_ENV_H
#define DREAMFARM_ENV_H

#include <stddef.h>
#include <stdint.h>

#define DREAMFARM_ENV_VERSION 1  // of this header; dreamfarm refuses tables of another

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dreamfarm_outcome {
  float reward;
  int32_t terminated;  // 1: the task itself is over (death, goal); a limit on steps is `cap`'s affair, not this
} dreamfarm_outcome;

typedef struct dreamfarm_env {
  uint32_t version;          // DREAMFARM_ENV_VERSION
  uint32_t size;             // sizeof(dreamfarm_env)
  const char *name;          // 1 to 63 printable bytes; beside every score
  const char *words;         // what it is, at most 159 bytes in one line
  int32_t pixels;            // 0: an observation is float (shape[0]); 1: uint8 (64, 64, 3), red, green, blue
  int32_t shape[3];          // rows, columns, channels; numbers, 1, 1 of a state
  int32_t actions;           // numbers of an action, each in [-1, 1]
  int32_t cap;               // steps after which an episode is cut
  int32_t pays_steps;        // 1: the reward is always 1 a step
  size_t state_bytes;        // of one lane's state, which is aligned to 64 bytes
  void (*reset)(void *state, uint64_t seed);  // an episode begins; the state holds anything
  dreamfarm_outcome (*step)(void *state, const float *action);        // action (actions)
  void (*observe)(const void *state, void *observation);              // observation (shape), changes nothing
  // Of a state observation, for reports: a picture, rgb (rows, columns, 3), of any observation, also a dreamt one, and
  // what each number is, with its unit.  NULL, NULL: there is none.
  void (*picture)(uint8_t *rgb, int32_t rows, int32_t columns, const float *observation);
  const char *const *components;  // (shape[0])
} dreamfarm_env;

extern
#ifdef __GNUC__
    __attribute__((visibility("default")))
#endif
    const dreamfarm_env dreamfarm_environment;

// Randomness that is a function of the seed: the next number, evenly in [0, 1). Keep `seed` in the state where steps
// are random, too. SplitMix64: Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014).
static inline double dreamfarm_uniform(uint64_t *seed) {
  uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (double)((z ^ z >> 31) >> 11) * (1.0 / 9007199254740992.0);
}

#ifdef __cplusplus
}
#endif

#endif

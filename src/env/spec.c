// What follows from what an environment is.

#include "env.h"

size_t env_observation_size(const env_spec *s) {
  return (size_t)s->shape[0] * (size_t)s->shape[1] * (size_t)s->shape[2];
}

size_t env_observation_bytes(const env_spec *s) {
  return env_observation_size(s) * (s->pixels ? sizeof(uint8_t) : sizeof(float));
}

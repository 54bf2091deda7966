// Memory for an episode.

#include <string.h>

#include "data.h"

size_t data_observation_bytes(const data_spec *s) {
  size_t first = (size_t)s->shape[0];
  return s->pixels ? first * (size_t)s->shape[1] * (size_t)s->shape[2] : first * sizeof(float);
}

void data_episode_take(data_episode *e, const data_spec *s, int room) {
  size_t n = (size_t)room;
  *e = (data_episode){.observations = mem_take(n + 1, data_observation_bytes(s)),
                      .actions = mem_take(n * (size_t)s->actions, sizeof(float)),
                      .rewards = mem_take(n, sizeof(double)),
                      .terminated = mem_take(n, 1),
                      .truncated = mem_take(n, 1)};
}

void data_episode_free(data_episode *e) {
  mem_free(e->observations);
  mem_free(e->actions);
  mem_free(e->rewards);
  mem_free(e->terminated);
  mem_free(e->truncated);
  *e = (data_episode){0};
}

void data_episode_resize(data_episode *e, const data_spec *s, int room) {
  data_episode old = *e;
  size_t n = (size_t)old.steps;
  CHECK(room >= old.steps, "room for %d steps of an episode of %d", room, old.steps);

  // arrays of the new size under the old head
  data_episode_take(e, s, room);
  e->id = old.id;
  e->steps = old.steps;
  e->seed = old.seed;

  // one observation more than steps: the last has no action
  memcpy(e->observations, old.observations, (n + 1) * data_observation_bytes(s));
  memcpy(e->actions, old.actions, n * (size_t)s->actions * sizeof(float));
  memcpy(e->rewards, old.rewards, n * sizeof(double));
  memcpy(e->terminated, old.terminated, n);
  memcpy(e->truncated, old.truncated, n);
  data_episode_free(&old);
}

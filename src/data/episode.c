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

void data_episode_copy(data_episode *e, const data_episode *from, const data_spec *s, int room) {
  size_t n = (size_t)from->steps;
  CHECK(room >= from->steps, "room for %d steps of an episode of %d", room, from->steps);

  // arrays of that size under the same head
  data_episode_take(e, s, room);
  e->id = from->id;
  e->steps = from->steps;
  e->seed = from->seed;

  // one observation more than steps: the last has no action
  memcpy(e->observations, from->observations, (n + 1) * data_observation_bytes(s));
  memcpy(e->actions, from->actions, n * (size_t)s->actions * sizeof(float));
  memcpy(e->rewards, from->rewards, n * sizeof(double));
  memcpy(e->terminated, from->terminated, n);
  memcpy(e->truncated, from->truncated, n);
}

void data_episode_resize(data_episode *e, const data_spec *s, int room) {
  data_episode old = *e;
  data_episode_copy(e, &old, s, room);
  data_episode_free(&old);
}

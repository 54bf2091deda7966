// Is somebody else's environment pure? Two episodes are played twice, in two processes: one after the other in one
// lane, and side by side in two lanes in the other order. If their every number is the same, an episode depends on its
// seed and its actions alone, as far as two episodes can tell.

#include <string.h>

#include "gym.h"

enum { EPISODES = 2, STEPS = 200 };

typedef struct pure_player {
  gym *g;
  int A;
  size_t bytes;              // of an observation
  char *seen;                // (EPISODES, bytes)
  float *actions;            // (EPISODES, A)
  int number[EPISODES];      // of the episode in each lane
  hash given[EPISODES];      // by an episode, from its beginning on
} pure_player;

static void pure_fold(pure_player *p, int lane, const void *bytes, size_t size) {
  hash *given = &p->given[p->number[lane]];
  const hash both[2] = {*given, hash_bytes(bytes, size)};
  *given = hash_join(both, 2);
}

static rng pure_luck(int episode) { return rng_episode(rng_stream(1, "pure"), 0, (uint32_t)episode); }

static void pure_begin(pure_player *p, int lane, int episode) {
  p->number[lane] = episode;
  gym_reset(p->g, lane, pure_luck(episode));
}

static void pure_act(pure_player *p, int n, int step) {
  gym_observe(p->g, p->seen, n);
  for (int i = 0; i < n; i++) {
    float *action = p->actions + (size_t)i * p->A;
    pure_fold(p, i, p->seen + (size_t)i * p->bytes, p->bytes);
    rng_uniforms(action, p->A, pure_luck(p->number[i]), (uint32_t)step + 1, 0);
    for (int k = 0; k < p->A; k++) action[k] = 2 * action[k] - 1;
  }
}

// The lanes that go on, in front.
static int pure_compact(pure_player *p, const env_outcome *out, int n) {
  for (int i = n - 1; i >= 0; i--) {
    const float gave[] = {out[i].reward, out[i].terminated, out[i].truncated};
    pure_fold(p, i, gave, sizeof gave);
    if (!out[i].terminated && !out[i].truncated) continue;
    p->number[i] = p->number[--n];
    gym_move(p->g, i, n);
  }
  return n;
}

// Steps n lanes until all are over, or it is enough.
static status pure_play(pure_player *p, int n) {
  env_outcome out[EPISODES];
  for (int t = 0; n > 0 && t < STEPS; t++) {
    pure_act(p, n, t);
    gym_step(p->g, p->actions, out, n);
    for (int i = 0; i < n; i++)
      if (out[i].broken) FAIL(BROKEN, "its first episodes break: %s", gym_failure(p->g));
    n = pure_compact(p, out, n);
  }
  return OK;
}

// All episodes in as many lanes, or one after the other; in another order.
static status pure_episodes(hash given[EPISODES], const char *id, const env_options *o, bool together) {
  gym *g;
  TRY(gym_open(&g, id, o, together ? EPISODES : 1));
  const gym_facts *f = gym_facts_of(g);
  pure_player p = {.g = g, .A = f->A, .bytes = f->picture ? 3 * GYM_SIDE * GYM_SIDE : gym_observation_bytes(f)};
  p.seen = mem_take(EPISODES, p.bytes);
  p.actions = mem_take(EPISODES, (size_t)p.A * sizeof(float));

  status s = OK;
  for (int e = 0; s == OK && e < EPISODES; e++) {
    pure_begin(&p, together ? e : 0, together ? EPISODES - 1 - e : e);
    if (!together) s = pure_play(&p, 1);
  }
  if (s == OK && together) s = pure_play(&p, EPISODES);

  memcpy(given, p.given, sizeof p.given);
  mem_free(p.seen);
  mem_free(p.actions);
  gym_close(g);
  return s;
}

hash gym_order(const char *id, const env_options *o) {
  text_buffer t = {0};
  text_add(&t, "%s\n%s\n%s\n%s\n%d %d %.17g %d %d %d %d %d %d", id, o->arguments ? o->arguments : "",
           o->wrappers ? o->wrappers : "", o->observation ? o->observation : "", o->frame_skip > 1 ? o->frame_skip : 1,
           o->cap, o->reward_scale != 0 ? o->reward_scale : 1, o->crop[0], o->crop[1], o->crop[2], o->crop[3], o->grey,
           o->actions);
  hash h = hash_bytes(t.bytes, t.size);
  text_free(&t);
  return h;
}

status gym_pure(bool *pure, const char *id, const env_options *o) {
  static hash tested;
  static bool verdict;
  const char *python = o->python ? o->python : "";
  const hash both[2] = {gym_order(id, o), hash_bytes(python, strlen(python))};
  hash key = hash_join(both, 2);

  // What is asked about again and again is tested once, and told once.
  if (!hash_equal(tested, key)) {
    hash alone[EPISODES], together[EPISODES];
    TRY(pure_episodes(alone, id, o, false));
    TRY(pure_episodes(together, id, o, true));
    verdict = memcmp(alone, together, sizeof alone) == 0;
    tested = key;
    if (verdict) log_all("gym:%s: pure: two episodes, each played twice, came out the same", id);
    else log_all("gym:%s: NOT pure: an episode played twice came out differently; so will scores", id);
  }
  *pure = verdict;
  return OK;
}

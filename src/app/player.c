// Episodes that are played to be looked at: by the controller that is judged, in the real environment and in the dream.

#include <math.h>
#include <string.h>

#include "picture.h"

status player_open(player *p, const app *a) {
  *p = (player){.a = a};
  TRY(app_world_read(a, &p->w));
  p->shape = app_controller_of(a, p->w);
  int n = controller_size(&p->shape);
  p->parameters = mem_take((size_t)n, sizeof(float));
  float *other = mem_take((size_t)n, sizeof(float));
  bool best = best_is_judged(a);
  status s = search_load(run_path(&a->run, "controller.safetensors").text, &p->search, NULL, best ? other : p->parameters,
                         best ? p->parameters : other, n);
  mem_free(other);
  if (s != OK) player_close(p);
  return s;
}

void player_close(player *p) {
  mem_free(p->parameters);
  world_close(p->w);
  *p = (player){0};
}

void player_words(const player *p, char *words, size_t size) {
  snprintf(words, size, "the %s controller after generation %d, seed %lld", best_is_judged(p->a) ? "best" : "mean",
           p->search.generation, (long long)p->a->s.run.seed);
}

static recording recording_of(const player *p, int steps, int every, bool awake) {
  size_t size = (size_t)world_senses_of(p->w).observation, thoughts = (size_t)(steps / every) + 1;
  recording r = {.every = every,
                 .thought = mem_take(thoughts * size, sizeof(float)),
                 .actions = mem_take((size_t)(steps + 1) * p->shape.A, sizeof(float)),
                 .rewards = mem_take((size_t)steps + 1, sizeof(float))};
  if (awake) r.seen = mem_take((size_t)steps + 1, env_observation_bytes(p->a->environment));
  if (awake) r.start = mem_take(1, mind_state_bytes(p->w));
  return r;
}

void recording_free(recording *r) {
  mem_free(r->thought);
  mem_free(r->seen);
  mem_free(r->actions);
  mem_free(r->rewards);
  mem_free(r->start);
}

static float *player_act(const player *p, recording *r, const mind *m) {
  float *action = r->actions + (size_t)r->steps * p->shape.A;
  controller_act(&p->shape, action, p->parameters, mind_features(m, 0));
  return action;
}

static void recording_step(recording *r, float reward) {
  r->rewards[r->steps] = reward;
  r->steps++;
}

static void recording_thought(recording *r, const player *p, const mind *m) {
  size_t size = (size_t)world_senses_of(p->w).observation;
  if (r->steps % r->every == 0) mind_picture(m, 0, r->thought + (size_t)(r->steps / r->every) * size);
}

recording recording_dream(const player *p, int steps, int every, uint32_t episode, const void *start) {
  recording r = recording_of(p, steps, every, false);
  mind *m = mind_open(p->w, 1);
  dream_rules rules = rules_of(p->a);
  mind_load(m, 0, &rules, rng_episode(rng_stream((uint64_t)p->a->s.run.seed, "report"), 0, episode), start);
  recording_thought(&r, p, m);

  while (r.steps < steps && !r.ended) {
    dream_outcome out;
    mind_imagine(m, player_act(p, &r, m), &out, 1);
    r.ended = out.terminated || out.broken;
    recording_step(&r, out.reward);
    recording_thought(&r, p, m);
    if (out.truncated) break;
  }
  mind_close(m);
  return r;
}

// What the environment shows at this step, into the mind and the recording.
static void player_look(const player *p, recording *r, env *e, mind *m) {
  uint8_t *seen = r->seen + (size_t)r->steps * env_observation_bytes(p->a->environment);
  env_observe(e, seen, 1);
  mind_see(m, seen, 1);
  recording_thought(r, p, m);
}

recording recording_real(const player *p, int steps, int every, uint32_t episode) {
  recording r = recording_of(p, steps, every, true);
  env *e;
  CHECK(env_open(&e, p->a->environment->name, 1) == OK, "%s", status_message());
  mind *m = mind_open(p->w, 1);
  rng luck = rng_episode(rng_stream((uint64_t)p->a->s.run.seed, "report real"), 0, episode);
  env_reset(e, 0, luck);
  mind_begin(m, 0, luck);
  player_look(p, &r, e, m);
  mind_save(m, 0, r.start);

  while (r.steps < steps && !r.ended) {
    const float *action = player_act(p, &r, m);
    env_outcome out;
    env_step(e, action, &out, 1);
    mind_act(m, action, 1);
    recording_step(&r, out.reward);
    player_look(p, &r, e, m);
    r.ended = out.terminated;
    if (out.truncated) break;
  }
  mind_close(m);
  env_close(e);
  return r;
}

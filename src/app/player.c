// Episodes that are played to be looked at: by the controller that is judged, in the real environment and in the dream.

#include <math.h>
#include <string.h>

#include "picture.h"

status player_open(player *p, const app *a) {
  *p = (player){.a = a};
  TRY(world_read(a, &p->w));
  p->shape = controller_of(a, p->w);
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

static recording recording_of(const player *p, int steps, bool awake) {
  recording r = {.latents = mem_take((size_t)(steps + 1) * p->shape.Z, sizeof(float)),
                 .actions = mem_take((size_t)(steps + 1) * p->shape.A, sizeof(float)),
                 .rewards = mem_take((size_t)steps + 1, sizeof(float))};
  if (awake) r.seen = mem_take((size_t)steps + 1, env_observation_bytes(p->a->environment));
  return r;
}

void recording_free(recording *r) {
  mem_free(r->latents);
  mem_free(r->seen);
  mem_free(r->actions);
  mem_free(r->rewards);
}

static void player_act(const player *p, world_memory *m) {
  controller_act(&p->shape, world_memory_action(m, 0), p->parameters, world_memory_z(m, 0), world_memory_h(m, 0),
                 world_memory_c(m, 0));
}

// What a step did, whose action and latent the memory still holds.
static void recording_step(recording *r, const player *p, world_memory *m, float reward) {
  memcpy(r->actions + (size_t)r->steps * p->shape.A, world_memory_action(m, 0), (size_t)p->shape.A * sizeof(float));
  r->rewards[r->steps] = reward;
  r->steps++;
}

static void recording_latent(recording *r, const player *p, world_memory *m) {
  memcpy(r->latents + (size_t)r->steps * p->shape.Z, world_memory_z(m, 0), (size_t)p->shape.Z * sizeof(float));
}

recording recording_dream(const player *p, int steps, uint32_t episode, const float *first) {
  recording r = recording_of(p, steps, false);
  dream *d = dream_open(p->w, 1);
  world_memory *m = dream_memory(d);
  dream_rules rules = rules_of(p->a);
  dream_reset(d, 0, &rules, rng_episode(rng_stream((uint64_t)p->a->s.run.seed, "report"), 0, episode));
  memcpy(world_memory_z(m, 0), first, (size_t)p->shape.Z * sizeof(float));
  recording_latent(&r, p, m);

  while (r.steps < steps && !r.ended) {
    dream_outcome out;
    player_act(p, m);
    dream_step(d, &out, 1);
    r.ended = out.terminated || out.broken;
    recording_step(&r, p, m, out.reward);
    recording_latent(&r, p, m);
    if (out.truncated) break;
  }
  dream_close(d);
  return r;
}

// The latent of what the environment shows at this step, into the memory and the recording.
static void player_look(const player *p, recording *r, const env *e, world_eye *eye, world_memory *m, rng luck,
                        float *mu) {
  uint8_t *seen = r->seen + (size_t)r->steps * env_observation_bytes(p->a->environment);
  int Z = p->shape.Z;
  env_observe(e, 0, seen);
  world_eye_look(eye, mu, mu + Z, seen, 1);
  world_latent_sample(world_memory_z(m, 0), mu, mu + Z, Z, luck, (uint32_t)r->steps);
  recording_latent(r, p, m);
}

recording recording_real(const player *p, int steps, uint32_t episode) {
  recording r = recording_of(p, steps, true);
  env *e = env_open(p->a->environment, 1);
  world_eye *eye = world_eye_open(p->w, 1);
  world_memory *m = world_memory_open(p->w, 1);
  float *mu = mem_take(2 * (size_t)p->shape.Z, sizeof *mu);
  rng luck = rng_episode(rng_stream((uint64_t)p->a->s.run.seed, "report real"), 0, episode);
  env_reset(e, 0, luck);
  player_look(p, &r, e, eye, m, luck, mu);

  while (r.steps < steps && !r.ended) {
    player_act(p, m);
    env_outcome out = env_step(e, 0, world_memory_action(m, 0));
    recording_step(&r, p, m, out.reward);
    world_memory_step(m, 1);
    player_look(p, &r, e, eye, m, luck, mu);
    r.ended = out.terminated;
    if (out.truncated) break;
  }
  mem_free(mu);
  world_memory_close(m);
  world_eye_close(eye);
  env_close(e);
  return r;
}

// Episodes that are played to be looked at: by the controller that is judged, in the real environment and in the dream.

#include <string.h>

#include "picture.h"

status player_open(player *p, const app *a) {
  *p = (player){.a = a};
  TRY(app_world_read(a, &p->w));
  p->shape = app_controller_of(a, p->w);
  int n = controller_size(&p->shape);
  p->parameters = mem_take((size_t)n, sizeof(float));

  status s = judged_controller(a, &p->search, p->parameters, n);
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

// --- recording -------------------------------------------------------------------------------------------------------

typedef struct film {  // of an episode under way
  recording *r;
  const player *p;
  int most;            // steps to be recorded
  bool over;           // there will be no more
} film;

static recording recording_of(const player *p, int steps, int every) {
  const world_senses senses = world_senses_of(p->w);
  size_t thoughts = (size_t)(steps / every) + 1, room = (size_t)steps + 1;
  return (recording){.every = every,
                     .thought = mem_take(thoughts * (size_t)senses.observation, sizeof(float)),
                     .rewards = mem_take(room, sizeof(float)),
                     .actions = mem_take(room * (size_t)senses.actions, sizeof(float))};
}

void recording_free(recording *r) {
  mem_free(r->thought);
  mem_free(r->seen);
  mem_free(r->rewards);
  mem_free(r->actions);
  mem_free(r->start);
}

static void recording_look(void *self, const rollout_sight *s) {
  film *f = self;
  recording *r = f->r;
  if (f->over) return;

  const world_senses senses = world_senses_of(f->p->w);
  size_t size = (size_t)senses.observation, A = (size_t)senses.actions;
  size_t bytes = env_observation_bytes(f->p->a->environment);
  if (s->step % r->every == 0) mind_picture(s->m, s->lane, r->thought + (size_t)(s->step / r->every) * size);
  if (r->seen) memcpy(r->seen + (size_t)s->step * bytes, s->observation, bytes);
  if (r->start && s->step == 0) mind_save(s->m, s->lane, (char *)r->start + sizeof(rollout_result));
  if (s->step) r->rewards[s->step - 1] = s->reward;
  if (s->step) memcpy(r->actions + (size_t)(s->step - 1) * A, s->action, A * sizeof *s->action);

  r->steps = s->step;
  r->ended = s->terminated || s->broken;
  f->over = r->ended || s->truncated || r->steps == f->most;
}

// `start`: where it begins; NULL: where episodes begin.
static void recording_play(recording *r, const player *p, const rollout_record *head, int steps, int episode,
                           const void *start) {
  film f = {.r = r, .p = p, .most = steps};
  const rollout_options o = {.world = p->w,
                             .environment = p->a->environment,
                             .controller = p->shape,
                             .lanes = 1,
                             .recorder = {.look = recording_look, .self = &f}};
  rollout *crew = rollout_open(&o);
  char *record = mem_take(1, rollout_record_bytes(crew));
  memcpy(record, head, sizeof *head);
  memcpy(record + sizeof *head, p->parameters, (size_t)controller_size(&p->shape) * sizeof(float));

  if (start) rollout_begin_from(crew, 0, record, episode, start);
  else rollout_begin(crew, 0, record, episode);
  while (!f.over) {
    int ticket;
    rollout_result result;
    rollout_work(crew, &ticket, &result, 1);
  }
  rollout_close(crew);
  mem_free(record);
}

recording recording_real(const player *p, int steps, int every, int episode) {
  const rollout_record head = judged_record(p->a, ROLLOUT_REAL, "");
  recording r = recording_of(p, steps, every);
  r.seen = mem_take((size_t)steps + 1, env_observation_bytes(p->a->environment));
  r.start = mem_take(1, sizeof(rollout_result) + mind_state_bytes(p->w));
  recording_play(&r, p, &head, steps, episode, NULL);
  return r;
}

// By luck of its own: the judgement's is what the real episode met.
recording recording_dream(const player *p, int steps, int every, int episode, const void *start) {
  rollout_record head = judged_record(p->a, ROLLOUT_DREAM, "");
  snprintf(head.stream, sizeof head.stream, "report");
  recording r = recording_of(p, steps, every);
  recording_play(&r, p, &head, steps, episode, start);
  return r;
}

recording recording_under(const player *p, const recording *awake, int every, int episode) {
  const rollout_record head = judged_record(p->a, ROLLOUT_DREAM, "");
  const world_senses senses = world_senses_of(p->w);
  recording r = recording_of(p, awake->steps, every);
  memcpy(r.actions, awake->actions, (size_t)awake->steps * senses.actions * sizeof *r.actions);

  mind *m = mind_open(p->w, 1);
  rng luck = rng_episode(rng_stream(head.seed, "report"), 0, (uint32_t)episode);
  mind_load(m, 0, &head.rules, luck, (const char *)awake->start + sizeof(rollout_result));
  mind_picture(m, 0, r.thought);

  while (!r.ended && r.steps < awake->steps) {
    dream_outcome o;
    mind_imagine(m, r.actions + (size_t)r.steps * senses.actions, &o, 1);
    r.rewards[r.steps++] = o.reward;
    r.ended = o.terminated || o.broken;
    if (o.truncated) break;
    if (r.steps % every == 0) mind_picture(m, 0, r.thought + (size_t)(r.steps / every) * senses.observation);
  }
  mind_close(m);
  return r;
}

// The family without a learnt world: what is seen is all there is. A mind sees the observation and remembers nothing,
// so that a controller may be evolved on it in the real environment, as evolution strategies usually are used; nothing
// can be dreamt.

#include <string.h>

#include "parts.h"

typedef struct plain {
  mind door;
  arena *memory;
  float *seen;  // (lanes, observation)
} plain;

static int plain_numbers(const world *w) { return w->shape.Z; }
static size_t plain_bytes(const world *w) { return (size_t)plain_numbers(w) * sizeof(float); }

static float *plain_seen(const mind *m, int lane) {
  const plain *p = (const plain *)(const void *)m;
  return p->seen + (size_t)lane * plain_numbers(m->w);
}

// --- what there is to be seen of it ---------------------------------------------------------------------------------
static world_senses plain_senses(const world *w) {
  return (world_senses){.observation = plain_numbers(w), .actions = w->shape.A};
}

static bool plain_features(world_features *f, const world *w, const char *which) {
  if (strcmp(which, WORLD_OBSERVATION) != 0) return false;
  *f = (world_features){.F = plain_numbers(w), .parts = 1};
  f->part[0].name = WORLD_OBSERVATION;
  f->part[0].words = "numbers that the environment shows";
  f->part[0].size = f->F;
  return true;
}

static void plain_reconstruct(const world *w, float *pictures, const void *observations, int n) {
  memcpy(pictures, observations, (size_t)n * plain_bytes(w));
}

// --- minds ----------------------------------------------------------------------------------------------------------
static mind *plain_open(const world *w, int lanes) {
  arena *memory = arena_open();
  plain *p = ARENA_NEW(memory, plain, 1);
  *p = (plain){.door = {.w = w, .lanes = lanes}, .memory = memory};
  p->seen = ARENA_NEW(memory, float, (size_t)lanes * plain_numbers(w));
  return &p->door;
}

static void plain_close(mind *m) { arena_close(((plain *)(void *)m)->memory); }

static void plain_begin(mind *m, int lane, rng luck) {
  (void)luck;
  memset(plain_seen(m, lane), 0, plain_bytes(m->w));
}

static void plain_see(mind *m, const void *observations, int n) {
  memcpy(plain_seen(m, 0), observations, (size_t)n * plain_bytes(m->w));
}

static void plain_act(mind *m, const float *actions, int n) { (void)m, (void)actions, (void)n; }

static const float *plain_at(const mind *m, int lane) { return plain_seen(m, lane); }

static void plain_move(mind *m, int to, int from) {
  memmove(plain_seen(m, to), plain_seen(m, from), plain_bytes(m->w));
}

static void plain_save(const mind *m, int lane, void *state) { memcpy(state, plain_seen(m, lane), plain_bytes(m->w)); }

static void plain_load(mind *m, int lane, const dream_rules *rules, rng luck, const void *state) {
  CHECK(!rules, "nothing can be dreamt without a learnt world");
  (void)luck;
  memcpy(plain_seen(m, lane), state, plain_bytes(m->w));
}

static void plain_picture(const mind *m, int lane, float *picture) {
  memcpy(picture, plain_seen(m, lane), plain_bytes(m->w));
}

// --- dreams: there are none, and whoever asks for one has not looked at the settings --------------------------------
static void plain_dream(mind *m, int lane, const dream_rules *rules, rng luck) {
  (void)m, (void)rules, (void)luck;
  CHECK(false, "lane %d: nothing can be dreamt without a learnt world", lane);
}

static void plain_imagine(mind *m, const float *actions, dream_outcome *outcomes, int n) {
  (void)m, (void)actions, (void)outcomes;
  CHECK(false, "%d lanes: nothing can be dreamt without a learnt world", n);
}

static int plain_dream_member(const world *w, rng luck) {
  (void)w, (void)luck;
  return 0;
}

static const world_family world_plain = {.name = "plain",
                                         .senses = plain_senses,
                                         .features = plain_features,
                                         .words = WORLD_OBSERVATION,
                                         .reconstruct = plain_reconstruct,
                                         .open = plain_open,
                                         .close = plain_close,
                                         .begin = plain_begin,
                                         .dream = plain_dream,
                                         .dream_member = plain_dream_member,
                                         .see = plain_see,
                                         .act = plain_act,
                                         .imagine = plain_imagine,
                                         .at = plain_at,
                                         .move = plain_move,
                                         .state_bytes = plain_bytes,
                                         .save = plain_save,
                                         .load = plain_load,
                                         .picture = plain_picture};

world *world_open_plain(int observation, int actions) {
  CHECK(observation >= 1 && actions >= 1, "%d numbers, %d actions", observation, actions);
  arena *memory = arena_open();
  world *w = ARENA_NEW(memory, world, 1);
  *w = (world){.memory = memory, .family = &world_plain, .shape = {.Z = observation, .A = actions}};

  char words[64];
  int size = snprintf(words, sizeof words, "plain world, %d numbers, %d actions", observation, actions);
  w->identity = hash_bytes(words, (size_t)size);
  return w;
}

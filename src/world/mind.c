// The door to worlds and minds of every family: looks at what is asked, and asks the family's table.

#include "parts.h"

world_senses world_senses_of(const world *w) { return w->family->senses(w); }

status world_features_of(world_features *f, const world *w, const char *which) {
  if (!w->family->features(f, w, which))
    FAIL(BAD_CONFIG, "controller.features: a world of the family %s has no \"%s\"; there are: %s", w->family->name,
         which, w->family->words);
  return OK;
}

void world_reconstruct(const world *w, float *pictures, const void *observations, int n) {
  w->family->reconstruct(w, pictures, observations, n);
}

// --- minds ----------------------------------------------------------------------------------------------------------
static void lane_check(const mind *m, int lane) {
  CHECK(lane >= 0 && lane < m->lanes, "lane %d of %d", lane, m->lanes);
}

static void lanes_check(const mind *m, int n) { CHECK(n >= 0 && n <= m->lanes, "%d lanes, room for %d", n, m->lanes); }

mind *mind_open(const world *w, int lanes) {
  CHECK(lanes >= 1, "%d lanes", lanes);
  CHECK(world_senses_of(w).actions > 0, "nothing lives in a world without M");
  return w->family->open(w, lanes);
}

void mind_close(mind *m) {
  if (m) m->w->family->close(m);
}

void mind_begin(mind *m, int lane, rng luck) {
  lane_check(m, lane);
  m->w->family->begin(m, lane, luck);
}

void mind_dream(mind *m, int lane, const dream_rules *rules, rng luck) {
  lane_check(m, lane);
  m->w->family->dream(m, lane, rules, luck);
}

int world_dream_member(const world *w, rng luck) { return w->family->dream_member(w, luck); }

void mind_see(mind *m, const void *observations, int n) {
  lanes_check(m, n);
  m->w->family->see(m, observations, n);
}

void mind_act(mind *m, const float *actions, int n) {
  lanes_check(m, n);
  m->w->family->act(m, actions, n);
}

void mind_imagine(mind *m, const float *actions, dream_outcome *outcomes, int n) {
  lanes_check(m, n);
  m->w->family->imagine(m, actions, outcomes, n);
}

const float *mind_features(const mind *m, int lane) { return m->w->family->at(m, lane); }

void mind_move(mind *m, int to, int from) {
  lane_check(m, to);
  lane_check(m, from);
  m->w->family->move(m, to, from);
}

size_t mind_state_bytes(const world *w) { return w->family->state_bytes(w); }

void mind_save(const mind *m, int lane, void *state) {
  lane_check(m, lane);
  m->w->family->save(m, lane, state);
}

void mind_load(mind *m, int lane, const dream_rules *rules, rng luck, const void *state) {
  lane_check(m, lane);
  m->w->family->load(m, lane, rules, luck, state);
}

void mind_picture(const mind *m, int lane, float *picture) {
  lane_check(m, lane);
  m->w->family->picture(m, lane, picture);
}

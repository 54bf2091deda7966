// The family of World Models: V sees, M (an LSTM and a mixture density head) remembers and imagines. A belief is
// [z | h | c], so that what may be looked at of it is a prefix.

#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct mdn {
  mind door;
  arena *memory;
  int ld;            // floats from one belief to the next
  float *beliefs;    // (lanes, ld)                [z | h | c]
  mdn_lane *lane;    // (lanes)
  // of LANES_AT_ONCE lanes:
  int input_ld;
  float *input;      // (.., input_ld)             [z | action | h], as the LSTM's weights have them
  uint16_t *narrow;  // (.., Z + A + H)            only in bf16
  float *gates;      // (.., 4H)
  mdn_head *head;    // from the first imagining on
  world_eye *eye;    // from the first look on, as all below
  float *mu, *logvar;  // (lanes, Z)
} mdn;

static float *mdn_belief(const mind *m, int lane) {
  const mdn *d = (const mdn *)(const void *)m;
  return d->beliefs + (size_t)lane * d->ld;
}

static size_t mdn_belief_bytes(const world *w) { return (size_t)(w->shape.Z + 2 * w->shape.H) * sizeof(float); }

// --- what there is to be seen of it ---------------------------------------------------------------------------------
static world_senses mdn_senses(const world *w) {
  const world_shape *s = &w->shape;
  return (world_senses){.pixels = s->pixels, .observation = s->pixels ? WORLD_PIXELS : s->Z, .actions = s->A};
}

bool world_mdn_features(world_features *f, const world_shape *s, const char *which) {
  static const char all[] = "zhc";
  size_t parts = strlen(which);
  if (parts < 1 || parts > 3 || memcmp(which, all, parts) != 0) return false;

  *f = (world_features){.F = s->Z + ((int)parts - 1) * s->H, .parts = (int)parts};
  f->part[0].name = "z";
  f->part[0].words = s->pixels ? "vae.latent: what V makes of a frame"
                               : "the environment's observation, which is the latent";
  f->part[0].size = s->Z;
  f->part[1].name = "h";
  f->part[1].words = "rnn.hidden: M's output";
  f->part[1].size = s->H;
  f->part[2].name = "c";
  f->part[2].words = "rnn.hidden: M's cell";
  f->part[2].size = s->H;
  return true;
}

static bool mdn_features(world_features *f, const world *w, const char *which) {
  return world_mdn_features(f, &w->shape, which);
}

static void mdn_reconstruct(const world *w, float *pictures, const void *observations, int n) {
  size_t Z = (size_t)w->shape.Z;
  float *mu = mem_take(2 * (size_t)n * Z, sizeof *mu);
  world_eye *eye = world_eye_open(w, n);
  world_eye_look(eye, mu, mu + (size_t)n * Z, observations, n);
  world_imagine(w, pictures, mu, n);
  world_eye_close(eye);
  mem_free(mu);
}

// --- opening --------------------------------------------------------------------------------------------------------
// A multiple of a cache line, and an odd one: the same place of neighbouring rows is not in the same set of a cache.
static int mdn_row(int floats) {
  int lines = (floats + 15) / 16;
  return (lines + (lines % 2 == 0)) * 16;
}

static mind *mdn_open(const world *w, int lanes) {
  const world_shape *s = &w->shape;
  int inputs = s->Z + s->A + s->H, some = lanes < LANES_AT_ONCE ? lanes : LANES_AT_ONCE;
  arena *memory = arena_open();
  mdn *m = ARENA_NEW(memory, mdn, 1);
  *m = (mdn){.door = {.w = w, .lanes = lanes}, .memory = memory};

  // a lane's belief is a row: z, h, c
  m->ld = mdn_row(s->Z + 2 * s->H);

  // products go over some lanes at a time, so that their scratch stays in the cache
  m->input_ld = mdn_row(inputs);
  m->beliefs = ARENA_NEW(memory, float, (size_t)lanes * m->ld);
  m->lane = ARENA_NEW(memory, mdn_lane, lanes);
  m->input = ARENA_NEW(memory, float, (size_t)some * m->input_ld);
  m->gates = ARENA_NEW(memory, float, (size_t)some * 4 * s->H);
  if (w->precision == NUM_BF16) m->narrow = ARENA_NEW(memory, uint16_t, (size_t)some * (inputs + inputs % 2));
  return &m->door;
}

static void mdn_close(mind *m) {
  mdn *d = (mdn *)(void *)m;
  mdn_head_close(d->head);
  world_eye_close(d->eye);
  arena_close(d->memory);
}

static void mdn_eye_open(mdn *m) {
  size_t numbers = (size_t)m->door.lanes * m->door.w->shape.Z;
  m->eye = world_eye_open(m->door.w, m->door.lanes);
  m->mu = ARENA_NEW(m->memory, float, numbers);
  m->logvar = ARENA_NEW(m->memory, float, numbers);
}

// --- beginnings -----------------------------------------------------------------------------------------------------
static void mdn_begin(mind *m, int lane, rng luck) {
  mdn *d = (mdn *)(void *)m;
  d->lane[lane] = (mdn_lane){.luck = luck, .survival = 1};
  memset(mdn_belief(m, lane), 0, mdn_belief_bytes(m->w));
}

// The latent's own noise is drawn at the last step number, which no dream reaches.
static void mdn_dream_first(mind *m, int lane, rng luck) {
  const world_origins *o = &m->w->origins;
  int Z = m->w->shape.Z;
  size_t first = rng_below(luck, 0, 0, (uint32_t)o->count) * (size_t)Z;
  world_latent_sample(mdn_belief(m, lane), o->mu + first, o->logvar + first, Z, luck, UINT32_MAX);
}

static void mdn_dream_moment(mind *m, int lane, rng luck) {
  const world_origins *o = &m->w->origins;
  size_t moment = rng_below(luck, 0, 2, (uint32_t)o->moments) * (mdn_belief_bytes(m->w) / sizeof(float));
  memcpy(mdn_belief(m, lane), o->moment + moment, mdn_belief_bytes(m->w));
}

// Draws of step 0: which first frame, which of the two beginnings, which moment.
static void mdn_dream(mind *m, int lane, const dream_rules *rules, rng luck) {
  mdn *d = (mdn *)(void *)m;
  float uniform;
  mdn_begin(m, lane, luck);
  d->lane[lane].rules = *rules;

  rng_uniforms(&uniform, 1, luck, 0, 1);

  if (uniform < rules->first || m->w->origins.moments == 0) mdn_dream_first(m, lane, luck);
  else mdn_dream_moment(m, lane, luck);
}

// --- steps ----------------------------------------------------------------------------------------------------------
static void mdn_see(mind *m, const void *observations, int n) {
  mdn *d = (mdn *)(void *)m;
  int Z = m->w->shape.Z;
  if (!d->eye) mdn_eye_open(d);
  world_eye_look(d->eye, d->mu, d->logvar, observations, n);
  for (int i = 0; i < n; i++)
    world_latent_sample(mdn_belief(m, i), d->mu + (size_t)i * Z, d->logvar + (size_t)i * Z, Z, d->lane[i].luck,
                        d->lane[i].step);
}

static void mdn_input_fill(float *input, const float *belief, const float *action, const world_shape *s) {
  memcpy(input, belief, (size_t)s->Z * sizeof(float));
  memcpy(input + s->Z, action, (size_t)s->A * sizeof(float));
  memcpy(input + s->Z + s->A, belief + s->Z, (size_t)s->H * sizeof(float));
}

// c' = c sigmoid(f + 1) + sigmoid(i) tanh(j), h' = tanh(c') sigmoid(o); the + 1 is in the packed bias.
static void mdn_lanes_act(mdn *m, const float *actions, int first, int n) {
  const world *w = m->door.w;
  const world_shape *s = &w->shape;
  for (int i = 0; i < n; i++)
    mdn_input_fill(m->input + (size_t)i * m->input_ld, mdn_belief(&m->door, first + i),
                   actions + (size_t)(first + i) * s->A, s);

  // one product for all lanes: (z, a, h) by the weights of all four gates
  world_rows x = world_rows_for(w, m->narrow, m->input, m->input_ld, s->Z + s->A + s->H, n);
  packed_apply(&w->lstm, m->gates, 4 * s->H, x.x, x.ld, n);

  for (int i = 0; i < n; i++) {
    float *h = mdn_belief(&m->door, first + i) + s->Z;
    vec_lstm_cell(h + s->H, h, m->gates + (size_t)i * 4 * s->H, s->H);
    m->lane[first + i].step++;
  }
}

static int mdn_some(int n, int first) { return n - first < LANES_AT_ONCE ? n - first : LANES_AT_ONCE; }

static void mdn_act(mind *m, const float *actions, int n) {
  for (int i = 0; i < n; i += LANES_AT_ONCE) mdn_lanes_act((mdn *)(void *)m, actions, i, mdn_some(n, i));
}

static void mdn_imagine(mind *m, const float *actions, dream_outcome *outcomes, int n) {
  mdn *d = (mdn *)(void *)m;
  if (!d->head) d->head = mdn_head_open(m->w, m->lanes);
  mdn_act(m, actions, n);
  for (int i = 0; i < n; i += LANES_AT_ONCE)
    mdn_head_draw(d->head, mdn_belief(m, i), d->ld, d->lane + i, outcomes + i, mdn_some(n, i));
}

// --- lanes that move ------------------------------------------------------------------------------------------------
static void mdn_move(mind *m, int to, int from) {
  mdn *d = (mdn *)(void *)m;
  if (to == from) return;
  d->lane[to] = d->lane[from];
  memcpy(mdn_belief(m, to), mdn_belief(m, from), mdn_belief_bytes(m->w));
}

// What moves: the step and the chance of having come so far, then the belief.
typedef struct mdn_moved { uint32_t step; float survival; } mdn_moved;
static size_t mdn_state_bytes(const world *w) { return sizeof(mdn_moved) + mdn_belief_bytes(w); }

static void mdn_save(const mind *m, int lane, void *state) {
  const mdn *d = (const mdn *)(const void *)m;
  mdn_moved moved = {.step = d->lane[lane].step, .survival = d->lane[lane].survival};
  memcpy(state, &moved, sizeof moved);
  memcpy((char *)state + sizeof moved, mdn_belief(m, lane), mdn_belief_bytes(m->w));
}

static void mdn_load(mind *m, int lane, const dream_rules *rules, rng luck, const void *state) {
  mdn *d = (mdn *)(void *)m;
  mdn_moved moved;
  memcpy(&moved, state, sizeof moved);
  d->lane[lane] = (mdn_lane){.luck = luck, .step = moved.step, .survival = moved.survival};
  if (rules) d->lane[lane].rules = *rules;
  memcpy(mdn_belief(m, lane), (const char *)state + sizeof moved, mdn_belief_bytes(m->w));
}

static const float *mdn_at(const mind *m, int lane) { return mdn_belief(m, lane); }

static void mdn_picture(const mind *m, int lane, float *picture) {
  world_imagine(m->w, picture, mdn_belief(m, lane), 1);
}

const world_family world_mdn = {
    .name = "mdn",
    .senses = mdn_senses,
    .features = mdn_features,
    .words = "z, zh, zhc",
    .reconstruct = mdn_reconstruct,
    .open = mdn_open,
    .close = mdn_close,
    .begin = mdn_begin,
    .dream = mdn_dream,
    .see = mdn_see,
    .act = mdn_act,
    .imagine = mdn_imagine,
    .at = mdn_at,
    .move = mdn_move,
    .state_bytes = mdn_state_bytes,
    .save = mdn_save,
    .load = mdn_load,
    .picture = mdn_picture,
};

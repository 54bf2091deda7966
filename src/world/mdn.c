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
  // in a world of several members, who make what M 1 only watches:
  float *others;     // (lanes, 2H)                [h | c] of the member that the lane has drawn
  float *some;       // (.., ld)                   beliefs of lanes with the same member, side by side
  float *does;       // (.., A)                    and their actions
  mdn_head *head;    // from the first imagining on
  world_eye *eye;    // from the first look on, as all below
  float *mu, *logvar;  // (lanes, Z)
} mdn;

static float *mdn_belief(const mind *m, int lane) {
  const mdn *d = (const mdn *)(const void *)m;
  return d->beliefs + (size_t)lane * d->ld;
}

// [h | c] of the member that a lane has drawn; NULL where M 1 is the only one.
static float *mdn_other(const mind *m, int lane) {
  const mdn *d = (const mdn *)(const void *)m;
  return d->others ? d->others + (size_t)lane * 2 * m->w->shape.H : NULL;
}

static size_t mdn_memory_bytes(const world *w) { return 2 * (size_t)w->shape.H * sizeof(float); }
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
  if (w->members > 1) {
    m->others = ARENA_NEW(memory, float, (size_t)lanes * 2 * s->H);
    m->some = ARENA_NEW(memory, float, (size_t)some * m->ld);
    m->does = ARENA_NEW(memory, float, (size_t)some * s->A);
  }
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
  if (d->others) memset(mdn_other(m, lane), 0, mdn_memory_bytes(m->w));
}

// The latent's own noise is drawn at the last step number, which no dream reaches.
static void mdn_dream_first(mind *m, int lane, rng luck) {
  const world_origins *o = &m->w->origins;
  int Z = m->w->shape.Z;
  size_t first = rng_below(luck, 0, 0, (uint32_t)o->count) * (size_t)Z;
  world_latent_sample(mdn_belief(m, lane), o->mu + first, o->logvar + first, Z, luck, UINT32_MAX);
}

static void mdn_dream_moment(mind *m, int lane, rng luck) {
  const mdn *d = (const mdn *)(const void *)m;
  const world *w = m->w;
  size_t at = rng_below(luck, 0, 2, (uint32_t)w->origins.moments) * (mdn_belief_bytes(w) / sizeof(float));
  memcpy(mdn_belief(m, lane), w->member[0].moment + at, mdn_belief_bytes(w));

  // What the drawn member remembers of the same moment.
  const float *its = w->member[d->lane[lane].member].moment + at;
  if (d->others) memcpy(mdn_other(m, lane), its + w->shape.Z, mdn_memory_bytes(w));
}

static int mdn_dream_member(const world *w, rng luck) {
  return w->members > 1 ? (int)rng_below(luck, 0, 3, (uint32_t)w->members) : 0;
}

// Draws of step 0: which first frame, which of the two beginnings, which moment, which member.
static void mdn_dream(mind *m, int lane, const dream_rules *rules, rng luck) {
  mdn *d = (mdn *)(void *)m;
  float uniform;
  mdn_begin(m, lane, luck);
  d->lane[lane].rules = *rules;
  d->lane[lane].member = mdn_dream_member(m->w, luck);
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
// beliefs (n, ld), actions (n, A)
static void mdn_rows_act(mdn *m, const packed *lstm, float *beliefs, const float *actions, int n) {
  const world *w = m->door.w;
  const world_shape *s = &w->shape;
  for (int i = 0; i < n; i++)
    mdn_input_fill(m->input + (size_t)i * m->input_ld, beliefs + (size_t)i * m->ld, actions + (size_t)i * s->A, s);

  // one product for all lanes: (z, a, h) by the weights of all four gates
  world_rows x = world_rows_for(w, m->narrow, m->input, m->input_ld, s->Z + s->A + s->H, n);
  packed_apply(lstm, m->gates, 4 * s->H, x.x, x.ld, n);

  for (int i = 0; i < n; i++) {
    float *h = beliefs + (size_t)i * m->ld + s->Z;
    vec_lstm_cell(h + s->H, h, m->gates + (size_t)i * 4 * s->H, s->H);
  }
}

static int mdn_some(int n, int first) { return n - first < LANES_AT_ONCE ? n - first : LANES_AT_ONCE; }

static void mdn_act(mind *m, const float *actions, int n) {
  mdn *d = (mdn *)(void *)m;
  const packed *lstm = &m->w->member[0].lstm;
  size_t A = (size_t)m->w->shape.A;
  for (int i = 0; i < n; i += LANES_AT_ONCE)
    mdn_rows_act(d, lstm, mdn_belief(m, i), actions + (size_t)i * A, mdn_some(n, i));
  for (int i = 0; i < n; i++) d->lane[i].step++;
}

// Lanes that have drawn the same member: from the z they were at, its memory moves on and says what comes next. M 1 has
// seen the step already, so as a member it only speaks.
static void mdn_member_imagine(mdn *d, int member, const float *actions, dream_outcome *outcomes, const int *lanes,
                               int n) {
  const world *w = d->door.w;
  const world_member *its = &w->member[member];
  size_t Z = (size_t)w->shape.Z, A = (size_t)w->shape.A;
  mdn_lane lane[LANES_AT_ONCE];
  dream_outcome out[LANES_AT_ONCE];

  for (int i = 0; i < n; i++) {
    float *row = d->some + (size_t)i * d->ld;
    memcpy(row, mdn_belief(&d->door, lanes[i]), mdn_belief_bytes(w));
    if (member) memcpy(row + Z, mdn_other(&d->door, lanes[i]), mdn_memory_bytes(w));
    memcpy(d->does + (size_t)i * A, actions + (size_t)lanes[i] * A, A * sizeof(float));
    lane[i] = d->lane[lanes[i]];
  }

  if (member) mdn_rows_act(d, &its->lstm, d->some, d->does, n);
  mdn_head_draw(d->head, its, d->some, d->ld, lane, out, n);

  for (int i = 0; i < n; i++) {
    const float *row = d->some + (size_t)i * d->ld;
    memcpy(mdn_belief(&d->door, lanes[i]), row, Z * sizeof(float));
    if (member) memcpy(mdn_other(&d->door, lanes[i]), row + Z, mdn_memory_bytes(w));
    d->lane[lanes[i]] = lane[i];
    outcomes[lanes[i]] = out[i];
  }
}

static void mdn_members_imagine(mdn *d, const float *actions, dream_outcome *outcomes, int n) {
  for (int member = 0; member < d->door.w->members; member++) {
    int lanes[LANES_AT_ONCE], count = 0;
    for (int i = 0; i < n; i++) {
      if (d->lane[i].member == member) lanes[count++] = i;
      if (count < LANES_AT_ONCE && i + 1 < n) continue;
      if (count) mdn_member_imagine(d, member, actions, outcomes, lanes, count);
      count = 0;
    }
  }
}

static void mdn_imagine(mind *m, const float *actions, dream_outcome *outcomes, int n) {
  mdn *d = (mdn *)(void *)m;
  if (!d->head) d->head = mdn_head_open(m->w, m->lanes);
  mdn_act(m, actions, n);

  if (d->others) {
    mdn_members_imagine(d, actions, outcomes, n);
    return;
  }
  for (int i = 0; i < n; i += LANES_AT_ONCE)
    mdn_head_draw(d->head, &m->w->member[0], mdn_belief(m, i), d->ld, d->lane + i, outcomes + i, mdn_some(n, i));
}

// --- lanes that move ------------------------------------------------------------------------------------------------
static void mdn_move(mind *m, int to, int from) {
  mdn *d = (mdn *)(void *)m;
  if (to == from) return;
  d->lane[to] = d->lane[from];
  memcpy(mdn_belief(m, to), mdn_belief(m, from), mdn_belief_bytes(m->w));
  if (d->others) memcpy(mdn_other(m, to), mdn_other(m, from), mdn_memory_bytes(m->w));
}

// What moves: the step, the chance of having come so far and the member, then the belief and that member's memory.
typedef struct mdn_moved { uint32_t step; float survival; int32_t member; } mdn_moved;
static size_t mdn_state_bytes(const world *w) {
  return sizeof(mdn_moved) + mdn_belief_bytes(w) + (w->members > 1 ? mdn_memory_bytes(w) : 0);
}

static void mdn_save(const mind *m, int lane, void *state) {
  const mdn *d = (const mdn *)(const void *)m;
  const mdn_lane *l = &d->lane[lane];
  mdn_moved moved = {.step = l->step, .survival = l->survival, .member = l->member};
  char *belief = (char *)state + sizeof moved;
  memcpy(state, &moved, sizeof moved);
  memcpy(belief, mdn_belief(m, lane), mdn_belief_bytes(m->w));
  if (d->others) memcpy(belief + mdn_belief_bytes(m->w), mdn_other(m, lane), mdn_memory_bytes(m->w));
}

static void mdn_load(mind *m, int lane, const dream_rules *rules, rng luck, const void *state) {
  mdn *d = (mdn *)(void *)m;
  mdn_moved moved;
  memcpy(&moved, state, sizeof moved);
  const char *belief = (const char *)state + sizeof moved;
  d->lane[lane] =
      (mdn_lane){.luck = luck, .step = moved.step, .survival = moved.survival, .member = moved.member};
  if (rules) d->lane[lane].rules = *rules;
  memcpy(mdn_belief(m, lane), belief, mdn_belief_bytes(m->w));
  if (d->others) memcpy(mdn_other(m, lane), belief + mdn_belief_bytes(m->w), mdn_memory_bytes(m->w));
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
    .dream_member = mdn_dream_member,
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

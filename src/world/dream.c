// A dream: M's memory stepped forward, and the next latent, reward and end drawn from its head (World Models, sampling
// as in its code: z' = mu_k + sigma_k sqrt(tau) N(0,1), mixture logits / tau, the end where its logit is positive).

#include <math.h>
#include <string.h>

#include "parts.h"

typedef struct lane_state {
  rng luck;
  dream_rules rules;
  uint32_t step;
} lane_state;

struct dream {
  arena *memory;
  const world *w;
  world_memory *mind;
  lane_state *lane;   // (lanes)
  // of LANES_AT_ONCE lanes:
  uint16_t *narrow;   // (.., H)     h, only in bf16
  float *logits;      // (.., K - 1, Z)
  int32_t *drawn;     // (.., Z + 1)     the component of each dimension, and 0
  float *chosen;      // (.., 2, Z + 1)  [its mean | reward], [its log sigma | done]
  float *work;        // what picking them needs
  // of one lane:
  float *weights;     // (K, Z)      shares of the mixture's components
  float *luck;        // (Z)         uniforms, then normals
};

dream *dream_open(const world *w, int lanes) {
  const world_shape *s = &w->shape;
  arena *memory = arena_open();
  dream *d = ARENA_NEW(memory, dream, 1);
  size_t some = (size_t)(lanes < LANES_AT_ONCE ? lanes : LANES_AT_ONCE);
  *d = (dream){.memory = memory, .w = w, .mind = world_memory_open(w, lanes)};
  d->lane = ARENA_NEW(memory, lane_state, lanes);
  if (w->precision == NUM_BF16) d->narrow = ARENA_NEW(memory, uint16_t, some * (s->H + s->H % 2));
  d->logits = ARENA_NEW(memory, float, some * w->logits.N);
  d->drawn = ARENA_NEW(memory, int32_t, some * world_items(s));
  d->chosen = ARENA_NEW(memory, float, some * 2 * world_items(s));
  d->work = ARENA_NEW(memory, float, world_picks(s) ? packed_pick_work(&w->components, world_items(s)) : some * w->components.N);
  d->weights = ARENA_NEW(memory, float, s->Z * s->K);
  d->luck = ARENA_NEW(memory, float, s->Z);
  return d;
}

void dream_close(dream *d) {
  if (!d) return;
  world_memory_close(d->mind);
  arena_close(d->memory);
}

world_memory *dream_memory(dream *d) { return d->mind; }

void dream_reset(dream *d, int lane, const dream_rules *rules, rng luck) {
  const world_origins *o = &d->w->origins;
  int Z = d->w->shape.Z;
  uint32_t first = rng_below(luck, 0, 0, (uint32_t)o->count);
  world_memory_clear(d->mind, lane);
  d->lane[lane] = (lane_state){.luck = luck, .rules = *rules};
  // Step 0 draws block 0 for the frame; the latent's own noise is drawn at the last step number, which no dream reaches.
  world_latent_sample(world_memory_z(d->mind, lane), o->mu + (size_t)first * Z, o->logvar + (size_t)first * Z, Z, luck,
                      UINT32_MAX);
}

void dream_move(dream *d, int to, int from) {
  d->lane[to] = d->lane[from];
  world_memory_move(d->mind, to, from);
}

size_t dream_state_bytes(const world *w) { return sizeof(uint32_t) + world_memory_bytes(w); }

void dream_save(const dream *d, int lane, void *state) {
  memcpy(state, &d->lane[lane].step, sizeof(uint32_t));
  world_memory_save(d->mind, lane, (char *)state + sizeof(uint32_t));
}

void dream_load(dream *d, int lane, const dream_rules *rules, rng luck, const void *state) {
  d->lane[lane] = (lane_state){.luck = luck, .rules = *rules};
  memcpy(&d->lane[lane].step, state, sizeof(uint32_t));
  world_memory_load(d->mind, lane, (const char *)state + sizeof(uint32_t));
}

// Which component of each dimension; uniforms are a step's first blocks, normals those after them.
static void components_draw(dream *d, int32_t *drawn, const float *logits, const lane_state *lane) {
  const world_shape *s = &d->w->shape;
  rng_uniforms(d->luck, s->Z, lane->luck, lane->step, 0);
  vec_draw(drawn, d->weights, logits, d->luck, s->Z, s->K, lane->rules.temperature);
  drawn[s->Z] = 0;
}

// The two columns of each item that n lanes drew; picked, or, with very many components, taken from all of them.
static void components_find(dream *d, world_rows h, int n) {
  const world_shape *s = &d->w->shape;
  int items = world_items(s), N = d->w->components.N;
  if (world_picks(s)) {
    packed_pick(&d->w->components, d->chosen, h.x, h.ld, d->drawn, items, s->K, n, d->work);
    return;
  }
  packed_apply(&d->w->components, d->work, N, h.x, h.ld, n);
  for (int i = 0; i < n; i++)
    for (int second = 0; second < 2; second++)
      for (int z = 0; z < items; z++)
        d->chosen[(i * 2 + second) * items + z] = d->work[(size_t)i * N + world_component_column(s, z, second, d->drawn[i * items + z])];
}

// z = mu + sigma sqrt(tau) N(0,1); false if one is not finite
static bool latent_draw(dream *d, float *z, const float *mu, const float *log_sigma, const lane_state *lane) {
  int Z = d->w->shape.Z;
  rng_normals(d->luck, Z, lane->luck, lane->step, (uint32_t)(Z + 3) / 4);
  return vec_gauss(z, mu, log_sigma, d->luck, Z, d->w->origins.log_sigma_floor, sqrtf(lane->rules.temperature));
}

static dream_outcome outcome_of(const lane_state *lane, float reward, float done, bool finite) {
  if (!lane->rules.reward_head) reward = 1;
  return (dream_outcome){.reward = reward, .terminated = done > 0, .truncated = lane->step >= (uint32_t)lane->rules.cap,
                         .broken = !finite || !isfinite(reward) || isnan(done)};
}

// What the memory of lanes first .. first + n - 1 says comes next.
static void lanes_step(dream *d, dream_outcome *outcomes, int first, int n) {
  const world_shape *s = &d->w->shape;
  int items = world_items(s), size = d->w->logits.N;
  const float *from = world_memory_h(d->mind, first);
  int ld = n > 1 ? (int)(world_memory_h(d->mind, first + 1) - from) : s->H;
  world_rows h = world_rows_for(d->w, d->narrow, from, ld, s->H, n);
  packed_apply(&d->w->logits, d->logits, size, h.x, h.ld, n);
  for (int i = 0; i < n; i++) {
    d->lane[first + i].step++;
    components_draw(d, d->drawn + i * items, d->logits + (size_t)i * size, &d->lane[first + i]);
  }
  components_find(d, h, n);
  for (int i = 0; i < n; i++) {
    const lane_state *lane = &d->lane[first + i];
    const float *mean = d->chosen + (size_t)i * 2 * items, *log_sigma = mean + items;
    bool finite = latent_draw(d, world_memory_z(d->mind, first + i), mean, log_sigma, lane);
    outcomes[first + i] = outcome_of(lane, mean[s->Z], log_sigma[s->Z], finite);
  }
}

void dream_step(dream *d, dream_outcome *outcomes, int n) {
  world_memory_step(d->mind, n);
  for (int i = 0; i < n; i += LANES_AT_ONCE) lanes_step(d, outcomes, i, n - i < LANES_AT_ONCE ? n - i : LANES_AT_ONCE);
}

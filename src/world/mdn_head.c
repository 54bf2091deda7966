// M's head: the next latent, reward and end, drawn from what the LSTM says (World Models, sampling as in its code:
// z' = mu_k + sigma_k sqrt(tau) N(0,1), mixture logits / tau, the end where its logit is positive).

#include <math.h>
#include <string.h>

#include "parts.h"

#define SURVIVAL_LEAST 0.02f  // where a dream that ends by expectation is over

struct mdn_head {
  arena *memory;
  const world *w;
  // of LANES_AT_ONCE lanes:
  uint16_t *narrow;   // (.., H)     h, only in bf16
  float *logits;      // (.., K - 1, draws)
  int32_t *drawn;     // (.., Z + 1)     the component of each dimension, and 0
  float *chosen;      // (.., 2, Z + 1)  [its mean | reward], [its log sigma | done]
  float *work;        // what picking them needs
  // of one lane:
  float *weights;     // (K, draws)  shares of the mixture's components
  float *luck;        // (Z)         uniforms, then normals
};

mdn_head *mdn_head_open(const world *w, int lanes) {
  const world_shape *s = &w->shape;
  arena *memory = arena_open();
  mdn_head *d = ARENA_NEW(memory, mdn_head, 1);
  size_t some = (size_t)(lanes < LANES_AT_ONCE ? lanes : LANES_AT_ONCE);
  const packed *components = &w->member[0].components;  // of the others' sizes
  size_t work = world_picks(s) ? packed_pick_work(components, world_items(s)) : some * components->N;

  // room for some lanes at a time, as in mdn.c
  *d = (mdn_head){.memory = memory, .w = w};
  if (w->precision == NUM_BF16) d->narrow = ARENA_NEW(memory, uint16_t, some * (s->H + s->H % 2));
  d->logits = ARENA_NEW(memory, float, some * world_logits(s));
  d->drawn = ARENA_NEW(memory, int32_t, some * world_items(s));
  d->chosen = ARENA_NEW(memory, float, some * 2 * world_items(s));
  d->work = ARENA_NEW(memory, float, work);
  d->weights = ARENA_NEW(memory, float, world_draws(s) * s->K);
  d->luck = ARENA_NEW(memory, float, s->Z);
  return d;
}

void mdn_head_close(mdn_head *d) {
  if (d) arena_close(d->memory);
}

world_rows world_rows_for(const world *w, uint16_t *narrow, const float *x, int ld, int K, int n) {
  if (w->precision == NUM_FP32) return (world_rows){x, ld};
  int even = K + K % 2;  // where K is odd the last number has weight zero, and must be finite
  for (int i = 0; i < n; i++) {
    vec_bf16(narrow + (size_t)i * even, x + (size_t)i * ld, K);
    if (K % 2) narrow[(size_t)i * even + K] = 0;
  }
  return (world_rows){narrow, even};
}

// Which component of each dimension; uniforms are a step's first blocks, normals those after them.
static void components_draw(mdn_head *d, int32_t *drawn, const float *logits, const mdn_lane *lane) {
  const world_shape *s = &d->w->shape;
  int draws = world_draws(s);
  rng_uniforms(d->luck, draws, lane->luck, lane->step, 0);
  vec_draw(drawn, d->weights, logits, d->luck, draws, s->K, lane->rules.temperature);

  // Joint: what was drawn once holds for all.
  for (int z = draws; z < s->Z; z++) drawn[z] = drawn[0];
  drawn[s->Z] = 0;
}

// The two columns of each item that n lanes drew; picked, or, with very many components, taken from all of them.
static void components_find(mdn_head *d, const packed *components, world_rows h, int n) {
  const world_shape *s = &d->w->shape;
  int items = world_items(s), N = components->N;

  // one of K components is wanted of each item: a K-th of the head is computed
  if (world_picks(s)) {
    packed_pick(components, d->chosen, h.x, h.ld, d->drawn, items, s->K, n, d->work);
    return;
  }
  packed_apply(components, d->work, N, h.x, h.ld, n);
  for (int i = 0; i < n; i++)
    for (int second = 0; second < 2; second++)
      for (int z = 0; z < items; z++) {
        int column = world_component_column(s, z, second, d->drawn[i * items + z]);
        d->chosen[(i * 2 + second) * items + z] = d->work[(size_t)i * N + column];
      }
}

// z = mu + sigma sqrt(tau) N(0,1), from where it was if M says how far it moves; false if one is not finite
static bool latent_draw(mdn_head *d, float *z, float *mu, const float *log_sigma, const mdn_lane *lane) {
  int Z = d->w->shape.Z;
  for (int i = 0; d->w->shape.change && i < Z; i++) mu[i] += z[i];
  rng_normals(d->luck, Z, lane->luck, lane->step, (uint32_t)(Z + 3) / 4);
  return vec_gauss(z, mu, log_sigma, d->luck, Z, d->w->origins.log_sigma_floor, sqrtf(lane->rules.temperature));
}

// The chance of an end: the logit without the weight that ends had in the loss.
static float end_chance(const world *w, float logit) {
  float weight = w->origins.done_weight, calibrated = weight > 0 ? logit - logf(weight) : logit, chance;
  vec_sigmoid(&chance, &calibrated, 1);
  return chance;
}

static float end_luck(const world *w, const mdn_lane *lane) {
  float uniform;
  rng_uniforms(&uniform, 1, lane->luck, lane->step, 2 * (uint32_t)((w->shape.Z + 3) / 4));  // behind the latent's
  return uniform;
}

// What the step pays, and whether the dream is over; with expected ends, the chance of having come so far shrinks.
static dream_outcome outcome_of(const world *w, mdn_lane *lane, float reward, float done, bool finite) {
  const dream_rules *r = &lane->rules;
  if (!r->reward_head) reward = 1;
  dream_outcome out = {.reward = reward, .truncated = lane->step >= (uint32_t)r->cap,
                       .broken = !finite || !isfinite(reward) || isnan(done)};

  // ends by a coin, by expectation, or by a threshold at even odds
  switch (r->end) {
    case DREAM_END_SAMPLED: out.terminated = end_luck(w, lane) < end_chance(w, done); break;
    case DREAM_END_EXPECTED:
      out.reward *= lane->survival;
      lane->survival *= 1 - end_chance(w, done);
      out.terminated = lane->survival < SURVIVAL_LEAST;
      break;
    default: out.terminated = done > 0;
  }
  return out;
}

void mdn_head_draw(mdn_head *d, const world_member *m, float *beliefs, int ld, mdn_lane *lanes, dream_outcome *outcomes,
                   int n) {
  const world_shape *s = &d->w->shape;
  int items = world_items(s), size = m->logits.N;

  // first which component, by its weight (Ha and Schmidhuber 2018: a mixture per element of z)
  world_rows h = world_rows_for(d->w, d->narrow, beliefs + s->Z, ld, s->H, n);
  packed_apply(&m->logits, d->logits, size, h.x, h.ld, n);
  for (int i = 0; i < n; i++) components_draw(d, d->drawn + i * items, d->logits + (size_t)i * size, &lanes[i]);

  // then that component's mean and deviation alone, and z from them
  components_find(d, &m->components, h, n);
  for (int i = 0; i < n; i++) {
    float *mean = d->chosen + (size_t)i * 2 * items, *log_sigma = mean + items;
    bool finite = latent_draw(d, beliefs + (size_t)i * ld, mean, log_sigma, &lanes[i]);
    outcomes[i] = outcome_of(d->w, &lanes[i], mean[s->Z], log_sigma[s->Z], finite);
  }
}

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
  float *head;        // (lanes, head)
  float *weights;     // (Z, K)   scratch: exp of the mixture logits of one lane
  float *uniforms;    // (Z)
  float *normals;     // (Z)
  float *chosen;      // (Z)      sigma of the chosen component
};

dream *dream_open(const world *w, int lanes) {
  const world_shape *s = &w->shape;
  arena *memory = arena_open();
  dream *d = ARENA_NEW(memory, dream, 1);
  *d = (dream){.memory = memory, .w = w, .mind = world_memory_open(w, lanes)};
  d->lane = ARENA_NEW(memory, lane_state, lanes);
  d->head = ARENA_NEW(memory, float, (size_t)lanes * world_head_size(s));
  d->weights = ARENA_NEW(memory, float, s->Z * s->K);
  d->uniforms = ARENA_NEW(memory, float, s->Z);
  d->normals = ARENA_NEW(memory, float, s->Z);
  d->chosen = ARENA_NEW(memory, float, s->Z);
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

// weights = exp((logits - max) / tau), dimension by dimension: the softmax but for its sum
static void mixture_weights(float *weights, const float *logits, int Z, int K, float temperature) {
  for (int i = 0; i < Z; i++) {
    const float *l = logits + (size_t)i * K;
    float top = l[0];
    for (int k = 1; k < K; k++) top = l[k] > top ? l[k] : top;
    for (int k = 0; k < K; k++) weights[i * K + k] = (l[k] - top) / temperature;
  }
  vec_exp(weights, weights, Z * K);
}

// The component whose share of the cumulated weights holds u.
static int mixture_choose(const float *weights, int K, float u) {
  float sum = 0;
  for (int k = 0; k < K; k++) sum += weights[k];
  float rest = u * sum;
  for (int k = 0; k < K - 1; k++) {
    rest -= weights[k];
    if (rest < 0) return k;
  }
  return K - 1;
}

static bool latent_draw(dream *d, float *z, const float *head, const lane_state *lane) {
  int Z = d->w->shape.Z, K = d->w->shape.K;
  uint32_t uniform_blocks = (uint32_t)(Z + 3) / 4;
  mixture_weights(d->weights, head, Z, K, lane->rules.temperature);
  rng_uniforms(d->uniforms, Z, lane->luck, lane->step, 0);
  rng_normals(d->normals, Z, lane->luck, lane->step, uniform_blocks);
  const float *mu = head + (size_t)Z * K, *log_sigma = head + (size_t)2 * Z * K;
  for (int i = 0; i < Z; i++) {
    int at = i * K + mixture_choose(d->weights + (size_t)i * K, K, d->uniforms[i]);
    z[i] = mu[at];
    d->chosen[i] = fmaxf(log_sigma[at], d->w->origins.log_sigma_floor);
  }
  vec_exp(d->chosen, d->chosen, Z);
  float noise = sqrtf(lane->rules.temperature);
  bool finite = true;
  for (int i = 0; i < Z; i++) {
    z[i] += d->chosen[i] * d->normals[i] * noise;
    finite &= isfinite(z[i]) != 0;
  }
  return finite;
}

void dream_step(dream *d, dream_outcome *outcomes, int n) {
  const world_shape *s = &d->w->shape;
  int size = world_head_size(s);
  if (n == 0) return;
  world_memory_step(d->mind, n);
  const float *h = world_memory_h(d->mind, 0);
  packed_apply(&d->w->head, d->head, size, h, n > 1 ? (int)(world_memory_h(d->mind, 1) - h) : s->H, n);
  for (int i = 0; i < n; i++) {
    lane_state *lane = &d->lane[i];
    const float *head = d->head + (size_t)i * size;
    lane->step++;
    bool finite = latent_draw(d, world_memory_z(d->mind, i), head, lane);
    float reward = lane->rules.reward_head ? head[world_head_reward(s)] : 1.0f, done = head[world_head_done(s)];
    outcomes[i] = (dream_outcome){.reward = reward, .terminated = done > 0,
                                  .truncated = lane->step >= (uint32_t)lane->rules.cap,
                                  .broken = !finite || !isfinite(reward) || isnan(done)};
  }
}

// Tests for src/world, of the family that is there: eyes and memory against the layers of nn, dreams against their own
// law.

#include "small_world.h"

#include <math.h>

// --- eyes -----------------------------------------------------------------------------------------------------------

static void images_random(uint8_t *images, int n) {
  uint32_t *words = mem_take((size_t)n * WORLD_PIXELS, sizeof *words);
  rng_words(words, n * WORLD_PIXELS, rng_stream(3, "images"), 0, 0);
  for (int i = 0; i < n * WORLD_PIXELS; i++) images[i] = (uint8_t)(words[i] >> 24);
  mem_free(words);
}

// mu and logvar of one image by the layers that training uses
static void encode_by_layers(const small_world *s, float *mu, float *logvar, const uint8_t *image) {
  nn_table t = world_vae_table(&s->shape);
  size_t room = 64 * 64 * 16;
  float *x = mem_take(room, sizeof *x), *y = mem_take(room, sizeof *y);
  for (int i = 0; i < WORLD_PIXELS; i++) x[i] = (float)image[i] / 255.0f;
  for (int l = 0; l < 4; l++) {
    nn_conv_shape c = world_vae_conv(&s->shape, l);
    float *work = mem_take(nn_conv_work(c, 1), sizeof *work);
    nn_conv(y, x, s->v + t.tensor[VAE_CONV1 + 2 * l].at, s->v + t.tensor[VAE_CONV1_B + 2 * l].at, c, 1, work);
    nn_relu(x, y, (size_t)nn_conv_out(c) * nn_conv_out(c) * c.F);
    mem_free(work);
  }
  int code = world_vae_code(&s->shape), Z = s->shape.Z;
  nn_dense(mu, x, s->v + t.tensor[VAE_MU].at, s->v + t.tensor[VAE_MU_B].at, 1, code, Z);
  nn_dense(logvar, x, s->v + t.tensor[VAE_LOGVAR].at, s->v + t.tensor[VAE_LOGVAR_B].at, 1, code, Z);
  mem_free(x);
  mem_free(y);
}

static void test_eye_agrees_with_layers(void **state) {
  (void)state;
  small_world s = small_world_write(true, 1);
  world *w = small_world_open(&s);
  world_eye *eye = world_eye_open(w, 3);
  uint8_t *images = mem_take(3 * WORLD_PIXELS, 1);
  float mu[21], logvar[21], want_mu[7], want_logvar[7];
  images_random(images, 3);
  world_eye_look(eye, mu, logvar, images, 3);
  for (int i = 0; i < 3; i++) {
    encode_by_layers(&s, want_mu, want_logvar, images + (size_t)i * WORLD_PIXELS);
    for (int j = 0; j < 7; j++) {
      assert_true(fabsf(mu[i * 7 + j] - want_mu[j]) < 1e-5f);
      assert_true(fabsf(logvar[i * 7 + j] - want_logvar[j]) < 1e-5f);
      assert_true(want_mu[j] != 0);
    }
  }
  mem_free(images);
  world_eye_close(eye);
  world_close(w);
  small_world_remove(&s);
}

static void test_eye_does_not_see_neighbours(void **state) {
  (void)state;
  enum { N = 11 };
  small_world s = small_world_write(true, 2);
  world *w = small_world_open(&s);
  world_eye *many = world_eye_open(w, N), *one = world_eye_open(w, 1);
  uint8_t *images = mem_take(N * WORLD_PIXELS, 1);
  float mu[N * 7], logvar[N * 7], mu1[7], logvar1[7];
  images_random(images, N);
  world_eye_look(many, mu, logvar, images, N);
  for (int i = 0; i < N; i++) {
    world_eye_look(one, mu1, logvar1, images + (size_t)i * WORLD_PIXELS, 1);
    assert_memory_equal(mu1, mu + i * 7, sizeof mu1);
    assert_memory_equal(logvar1, logvar + i * 7, sizeof logvar1);
  }
  mem_free(images);
  world_eye_close(many);
  world_eye_close(one);
  world_close(w);
  small_world_remove(&s);
}

static void test_states_are_standardised(void **state) {
  (void)state;
  small_world s = small_world_write(false, 3);
  world *w = small_world_open(&s);
  world_eye *eye = world_eye_open(w, 2);
  const float x[10] = {1, 2, 3, 4, 5, -1, -2, -3, -4, -5};
  float mu[10], logvar[10], z[5];
  world_eye_look(eye, mu, logvar, x, 2);
  assert_memory_equal(mu, x, sizeof x);  // offset 0, scale 1
  world_latent_sample(z, mu, logvar, 5, rng_stream(1, "x"), 0);
  assert_memory_equal(z, x, sizeof z);   // logvar -infinity: no noise
  world_eye_close(eye);
  world_close(w);
  small_world_remove(&s);
}

// What is imagined of a latent is the observation that it stands for.
static void test_states_are_imagined(void **state) {
  (void)state;
  small_world s = small_world_write(false, 3);
  const float zero[5] = {0}, offset[5] = {1, -2, 0.5f, 0, 100}, scale[5] = {2, 0.1f, 1, 0, 30};
  const world_origins o = {
      .count = 1, .mu = zero, .logvar = zero, .offset = offset, .scale = scale, .log_sigma_floor = -7};
  assert_int_equal(world_rnn_write(s.rnn.text, &s.shape, (const float *)s.m, &o, "none"), OK);
  world *w = small_world_open(&s);
  world_eye *eye = world_eye_open(w, 2);
  const float x[10] = {1, 2, 3, 0, 5, -1, -2, -3, 0, 105};
  float mu[10], logvar[10], again[10];
  world_eye_look(eye, mu, logvar, x, 2);
  world_imagine(w, again, mu, 2);
  for (int i = 0; i < 10; i++) assert_true(fabsf(again[i] - x[i]) <= 1e-5f * fabsf(x[i]));
  world_eye_close(eye);
  world_close(w);
  small_world_remove(&s);
}

// --- memory ---------------------------------------------------------------------------------------------------------

// A belief is [z | h | c].
static const float *z_of(const mind *m, int lane) { return mind_features(m, lane); }
static const float *h_of(const mind *m, const small_world *s) { return mind_features(m, 0) + s->shape.Z; }
static const float *c_of(const mind *m, const small_world *s) { return h_of(m, s) + s->shape.H; }

// In a world of states, what is seen is z.
static void test_memory_agrees_with_lstm(void **state) {
  (void)state;
  enum { T = 5 };
  small_world s = small_world_write(false, 4);
  world *w = small_world_open(&s);
  mind *m = mind_open(w, 1);
  int I = s.shape.Z + s.shape.A, H = s.shape.H;
  float x[T * 8], keep[T] = {0, 1, 1, 1, 1}, h0[24] = {0}, c0[24] = {0}, gates[T * 96], c[T * 24], h[T * 24],
        tanhc[T * 24];
  float *work = mem_take(nn_lstm_work(T, 1, I, H), sizeof *work);
  rng_normals(x, T * I, rng_stream(5, "x"), 0, 0);
  nn_table t = world_rnn_table(&s.shape);
  nn_lstm((nn_lstm_tape){gates, c, h, tanhc}, x, keep, h0, c0, s.m + t.tensor[RNN_LSTM].at,
          s.m + t.tensor[RNN_LSTM_B].at, T, 1, I, H, work);
  mem_free(work);
  mind_begin(m, 0, rng_stream(5, "luck"));
  for (int step = 0; step < T; step++) {
    mind_see(m, x + step * I, 1);
    assert_memory_equal(z_of(m, 0), x + step * I, s.shape.Z * sizeof *x);
    mind_act(m, x + step * I + s.shape.Z, 1);
    for (int u = 0; u < H; u++) {
      assert_true(fabsf(h_of(m, &s)[u] - h[step * H + u]) < 2e-6f);
      assert_true(fabsf(c_of(m, &s)[u] - c[step * H + u]) < 2e-6f);
    }
  }
  mind_close(m);
  world_close(w);
  small_world_remove(&s);
}

// --- dreams ---------------------------------------------------------------------------------------------------------

static const dream_rules rules = {.temperature = 1.15f, .cap = 40};

typedef struct trace {
  float z[41][8], total;
  int steps;
} trace;

static float act_by_step(int t) { return (float)(t % 3 - 1); }

// One episode alone.
static trace dream_alone(const world *w, rng luck) {
  mind *m = mind_open(w, 1);
  trace r = {0};
  mind_dream(m, 0, &rules, luck);
  for (dream_outcome out = {0}; !out.terminated && !out.truncated;) {
    memcpy(r.z[r.steps], z_of(m, 0), 7 * sizeof(float));
    float action = act_by_step(r.steps);
    mind_imagine(m, &action, &out, 1);
    r.total += out.reward;
    r.steps++;
  }
  mind_close(m);
  return r;
}

// Many lanes at once, with an ended lane's place taken by the last: every z must be the bits of the episode alone.
static void check_dream_is_pure(small_world s) {
  enum { N = 13 };
  world *w = small_world_open(&s);
  mind *m = mind_open(w, N);
  trace alone[N];
  float actions[N] = {0};
  dream_outcome out[N];
  int episode[N], t[N] = {0}, alive = N, shortest = 1000, longest = 0;
  for (int i = 0; i < N; i++) {
    rng luck = rng_episode(rng_stream(9, "pure"), 4, (uint32_t)i);
    alone[i] = dream_alone(w, luck);
    shortest = alone[i].steps < shortest ? alone[i].steps : shortest;
    longest = alone[i].steps > longest ? alone[i].steps : longest;
    episode[i] = i;
    mind_dream(m, i, &rules, luck);
  }
  assert_true(shortest < longest);  // or compaction would not be tested
  uint64_t allocations = 0;
  while (alive) {
    for (int i = 0; i < alive; i++) {
      assert_memory_equal(z_of(m, i), alone[episode[i]].z[t[i]], 7 * sizeof(float));
      actions[i] = act_by_step(t[i]);
    }
    mind_imagine(m, actions, out, alive);
    if (!allocations) allocations = mem_count();
    for (int i = alive - 1; i >= 0; i--) {
      t[i]++;
      if (!out[i].terminated && !out[i].truncated) continue;
      assert_int_equal(t[i], alone[episode[i]].steps);
      alive--;
      episode[i] = episode[alive], t[i] = t[alive];
      if (i != alive) mind_move(m, i, alive);
    }
  }
  assert_int_equal(mem_count(), allocations);
  mind_close(m);
  world_close(w);
  small_world_remove(&s);
}

static void test_dream_is_pure(void **state) {
  (void)state;
  check_dream_is_pure(small_world_write(true, 6));
  check_dream_is_pure(small_world_joint(true, 3, 6));
  check_dream_is_pure(small_world_joint(true, 10, 6));
  check_dream_is_pure(small_world_moving(true, 3, 6));
}

// After every step the episode goes on in another dream, in a lane where another one was: the bits of the episode that
// stayed.
static void test_a_dream_goes_on_elsewhere(void **state) {
  (void)state;
  small_world s = small_world_write(true, 6);
  world *w = small_world_open(&s);
  mind *d[2] = {mind_open(w, 3), mind_open(w, 2)};
  void *saved = mem_take(1, mind_state_bytes(w));
  for (uint32_t i = 0; i < 9; i++) {
    rng luck = rng_episode(rng_stream(9, "pure"), 4, i);
    trace alone = dream_alone(w, luck);
    int lane = 0, t = 0;
    for (int j = 0; j < 5; j++) mind_dream(d[j % 2], j / 2, &rules, rng_episode(rng_stream(8, "others"), 1, i));
    mind_dream(d[0], 0, &rules, luck);
    for (bool over = false; !over; t++) {
      mind *here = d[t % 2], *next = d[!(t % 2)];
      dream_outcome out[3] = {0};
      float actions[2] = {0};
      assert_memory_equal(z_of(here, lane), alone.z[t], 7 * sizeof(float));
      actions[lane] = act_by_step(t);
      mind_imagine(here, actions, out, lane + 1);
      over = out[lane].terminated || out[lane].truncated;
      mind_save(here, lane, saved);
      lane = !lane;
      mind_load(next, lane, &rules, luck, saved);
    }
    assert_int_equal(t, alone.steps);
  }
  for (int i = 0; i < 2; i++) mind_close(d[i]);
  mem_free(saved);
  world_close(w);
  small_world_remove(&s);
}

// A world whose head is its bias alone: z' is then drawn from a mixture that is known. Moments against the closed form
// at a temperature: weights softmax(l / tau), variance sigma^2 tau.
static void draws_from_a_mixture(small_world s) {
  nn_table t = world_rnn_table(&s.shape);
  const int Z = s.shape.Z, K = s.shape.K;
  memset(s.m + t.tensor[RNN_HEAD].at, 0, t.tensor[RNN_HEAD].size * sizeof(real));
  real *bias = s.m + t.tensor[RNN_HEAD_B].at;
  enum { MOST = 10 };
  const real logit[MOST] = {0.5f, -0.4f, 0.1f, 2.5f, 2, -9, 1, 1, 1, 0},
             mu[MOST] = {-2, 0.5f, 3, 1, -1, 0, 2, -4, 0.1f, -3},
             log_sigma[MOST] = {-1, 0, -0.5f, -2, -1, 2, -3, 0, -1, -2};
  for (int i = 0; i < Z; i++)
    for (int k = 0; k < K; k++) {
      if (i < world_draws(&s.shape)) bias[i * K + k] = logit[k];
      bias[world_head_component(&s.shape, i, 0, k)] = mu[k];
      bias[world_head_component(&s.shape, i, 1, k)] = log_sigma[k];
    }
  bias[world_head_done(&s.shape)] = -1;
  hash vae;
  assert_int_equal(hash_file(&vae, s.vae.text), OK);
  float zeros[8] = {0}, ones[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  const world_origins o = {
      .count = 1, .mu = zeros, .logvar = zeros, .offset = zeros, .scale = ones, .log_sigma_floor = -7};
  assert_int_equal(world_rnn_write(s.rnn.text, &s.shape, s.m, &o, vae.hex), OK);
  world *w = small_world_open(&s);
  mind *m = mind_open(w, 1);
  const double temperatures[2] = {1.0, 0.5};
  for (int which = 0; which < 2; which++) {
    double tau = temperatures[which], share[MOST], total = 0, mean = 0, second = 0;
    for (int k = 0; k < K; k++) total += share[k] = exp((double)logit[k] / tau);
    for (int k = 0; k < K; k++) {
      mean += share[k] / total * (double)mu[k];
      second += share[k] / total * ((double)(mu[k] * mu[k]) + exp(2 * (double)log_sigma[k]) * tau);
    }
    dream_rules long_rules = {.temperature = (float)tau, .cap = 1 << 30};
    mind_dream(m, 0, &long_rules, rng_stream(11, "mixture"));
    double sum = 0, squares = 0;
    const int steps = 6000;
    for (int step = 0; step < steps; step++) {
      dream_outcome out;
      mind_imagine(m, &(float){0}, &out, 1);
      assert_false(out.terminated || out.truncated || out.broken);
      for (int i = 0; i < Z; i++) {
        double z = (double)z_of(m, 0)[i];
        sum += z, squares += z * z;
      }
    }
    double n = (double)steps * Z, draws = (double)steps * world_draws(&s.shape), sd = sqrt(second - mean * mean);
    assert_true(fabs(sum / n - mean) < 4 * sd / sqrt(draws));
    assert_true(fabs(squares / n - second) < 0.02 * sqrt(n / draws) * second);
  }
  mind_close(m);
  world_close(w);
  small_world_remove(&s);
}

// One component, of which there is nothing to draw; the usual few; more than are picked from.
static void test_dream_draws_from_the_mixture(void **state) {
  (void)state;
  for (int i = 0; i < 3; i++) {
    int K = (const int[]){1, 3, 10}[i];
    draws_from_a_mixture(small_world_of(true, K, 7));
    draws_from_a_mixture(small_world_joint(true, K, 7));
  }
}

// Against the head as it was written: every latent is that of one component, and where they are joint, of the same one.
typedef struct head_case {
  const small_world *s;
  float y[512];  // the head's columns
  float noise[8];
} head_case;

static void head_compute(head_case *c, const float *belief) {
  const world_shape *s = &c->s->shape;
  nn_table t = world_rnn_table(s);
  int O = world_head_size(s);
  assert_true(O <= 512);
  nn_dense(c->y, belief + s->Z, c->s->m + t.tensor[RNN_HEAD].at, c->s->m + t.tensor[RNN_HEAD_B].at, 1, s->H, O);
}

static bool head_says(const head_case *c, float z, int i, int k) {
  const world_shape *s = &c->s->shape;
  float mean = c->y[world_head_component(s, i, 0, k)], log_sigma = c->y[world_head_component(s, i, 1, k)];
  return fabsf(mean + expf(log_sigma) * c->noise[i] - z) < 2e-5f;
}

// Of a lane, after step `step`; counts which component it was.
static void head_check(head_case *c, const float *belief, rng luck, uint32_t step, int *drawn) {
  const world_shape *s = &c->s->shape;
  rng_normals(c->noise, s->Z, luck, step, (uint32_t)(s->Z + 3) / 4);  // as src/world/mdn_head.c draws them
  head_compute(c, belief);
  int whole = 0, found = -1;
  for (int k = 0; k < s->K; k++) {
    int says = 0;
    for (int i = 0; i < s->Z; i++) says += head_says(c, belief[i], i, k);
    if (says == s->Z) whole++, found = k;
  }
  assert_int_equal(whole, 1);
  drawn[found]++;
}

static void joint_draws_are_the_heads(int K) {
  enum { N = 13, STEPS = 8 };
  small_world s = small_world_joint(true, K, 16);
  world *w = small_world_open(&s);
  head_case c = {.s = &s};
  const dream_rules long_rules = {.temperature = 1, .cap = 1000};
  int drawn[16] = {0}, different = 0;
  for (int lanes = 1; lanes <= N; lanes += N - 1) {  // few are computed whole, many are picked
    mind *m = mind_open(w, lanes);
    dream_outcome out[N];
    for (int i = 0; i < lanes; i++) mind_dream(m, i, &long_rules, rng_episode(rng_stream(7, "joint"), 0, (uint32_t)i));
    for (int t = 1; t <= STEPS; t++) {
      mind_imagine(m, (const float[N]){0}, out, lanes);
      for (int i = 0; i < lanes; i++)
        head_check(&c, mind_features(m, i), rng_episode(rng_stream(7, "joint"), 0, (uint32_t)i), (uint32_t)t, drawn);
    }
    mind_close(m);
  }
  for (int k = 0; k < K; k++) different += drawn[k] > 0;
  assert_true(different > K / 2);
  world_close(w);
  small_world_remove(&s);
}

static void test_joint_draws_are_the_heads(void **state) {
  (void)state;
  joint_draws_are_the_heads(1);
  joint_draws_are_the_heads(3);
  joint_draws_are_the_heads(8);
  joint_draws_are_the_heads(10);
}

static void test_broken_numbers_are_noticed(void **state) {
  (void)state;
  small_world s = small_world_write(true, 8);
  world *w = small_world_open(&s);
  mind *m = mind_open(w, 2);
  dream_outcome out[2];
  for (int i = 0; i < 2; i++) mind_dream(m, i, &rules, rng_episode(rng_stream(1, "x"), 0, (uint32_t)i));
  mind_imagine(m, (const float[]){NAN, 0.5f}, out, 2);
  assert_true(out[0].broken);
  assert_false(out[1].broken);
  mind_close(m);
  world_close(w);
  small_world_remove(&s);
}

// --- bf16 -----------------------------------------------------------------------------------------------------------

static world *narrow_open(const small_world *s) {
  world *w;
  const char *vae = s->shape.pixels ? s->vae.text : NULL;
  if (world_open_as(&w, vae, s->rnn.text, &(world_options){.precision = NUM_BF16}) != OK)
    fail_msg("%s", status_message());
  return w;
}

// What all instruction sets have in common: each step's z, alone and as one of many lanes.
static void narrow_play(const world *w, float *z, int lanes, int steps) {
  const dream_rules long_rules = {.temperature = 1.1f, .cap = 1000};
  mind *m = mind_open(w, lanes);
  dream_outcome out[70];
  float actions[70];
  for (int i = 0; i < lanes; i++)
    mind_dream(m, i, &long_rules, rng_episode(rng_stream(7, "narrow"), 0, (uint32_t)i));
  for (int t = 0; t < steps; t++) {
    for (int i = 0; i < lanes; i++) actions[i] = act_by_step(t);
    mind_imagine(m, actions, out, lanes);
    memcpy(z + t * 7, z_of(m, 0), 7 * sizeof *z);
  }
  mind_close(m);
}

static void check_bf16_is_the_same_everywhere(small_world s) {
  enum { STEPS = 30 };
  world *w = narrow_open(&s), *wide = small_world_open(&s);
  float first[STEPS * 7], other[STEPS * 7];
  narrow_play(w, first, 1, STEPS);
  for (int isa = NUM_PLAIN; isa <= NUM_NEON; isa++) {
    if (!num_isa_use((num_isa)isa)) continue;
    for (int lanes = 1; lanes <= 70; lanes += 23) {
      narrow_play(w, other, lanes, STEPS);
      assert_memory_equal(first, other, sizeof first);
    }
  }
  num_isa_use(num_isa_best());
  narrow_play(wide, other, 1, STEPS);
  assert_memory_not_equal(first, other, sizeof first);
  assert_false(hash_equal(world_hash(w), world_hash(wide)));
  world_close(w);
  world_close(wide);
  small_world_remove(&s);
}

static void test_bf16_is_the_same_everywhere(void **state) {
  (void)state;
  check_bf16_is_the_same_everywhere(small_world_write(true, 14));
  check_bf16_is_the_same_everywhere(small_world_joint(true, 3, 14));
  check_bf16_is_the_same_everywhere(small_world_joint(true, 10, 14));
}

// One step from the same memory: as far from fp32 as eight bits of mantissa allow, and not at it.
static void test_bf16_is_near_fp32(void **state) {
  (void)state;
  small_world s = small_world_write(false, 15);
  world *both[2] = {small_world_open(&s), narrow_open(&s)};
  float h[2][24], seen[8];
  rng_normals(seen, s.shape.Z, rng_stream(8, "z"), 0, 0);
  for (int i = 0; i < 2; i++) {
    mind *m = mind_open(both[i], 1);
    mind_begin(m, 0, rng_stream(8, "luck"));
    mind_see(m, seen, 1);
    for (int t = 0; t < 3; t++) mind_act(m, &(float){0}, 1);
    memcpy(h[i], h_of(m, &s), sizeof h[i]);
    mind_close(m);
  }
  float far = 0;
  for (int u = 0; u < 24; u++) far = fmaxf(far, fabsf(h[0][u] - h[1][u]));
  assert_true(far > 0 && far < 0.01f);
  for (int i = 0; i < 2; i++) world_close(both[i]);
  small_world_remove(&s);
}

// --- files ----------------------------------------------------------------------------------------------------------

static void refused(const small_world *s, status wanted, const char *name) {
  world *w;
  assert_int_equal(world_open(&w, s->vae.text, s->rnn.text), wanted);
  assert_non_null(strstr(status_message(), name));
}

static void test_damaged_files_are_refused(void **state) {
  (void)state;
  small_world s = small_world_write(true, 10);
  char *bytes;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, s.rnn.text), OK);
  for (size_t cut = 0; cut < size; cut += size / 23) {
    assert_int_equal(file_write(s.rnn.text, bytes, cut), OK);
    refused(&s, BAD_FILE, "rnn.safetensors");
  }
  for (size_t at = 7; at < size; at += size / 101) {  // payload flips are found by the checksum
    bytes[at] ^= 0x10;
    assert_int_equal(file_write(s.rnn.text, bytes, size), OK);
    world *w = NULL;
    status opened = world_open(&w, s.vae.text, s.rnn.text);
    assert_true(opened == BAD_FILE || opened == MISMATCH);
    assert_non_null(strstr(status_message(), "rnn.safetensors"));
    bytes[at] ^= 0x10;
  }
  mem_free(bytes);
  small_world_remove(&s);
}

// Infinities spoil what they are multiplied with no less than NaNs do; only the log variance of a state may be minus
// infinity.
static void test_numbers_that_are_not_finite_are_refused(void **state) {
  (void)state;
  const float wrong[3] = {INFINITY, -INFINITY, NAN};
  for (int i = 0; i < 3; i++) {
    small_world s = small_world_write(true, 10);
    nn_table v = world_vae_table(&s.shape), m = world_rnn_table(&s.shape);
    float *const values[4] = {&s.v[v.tensor[VAE_CONV1].at], &s.v[v.tensor[VAE_DECONV4_B].at + 1],
                              &s.m[m.tensor[RNN_LSTM].at + 3], &s.m[m.tensor[RNN_HEAD_B].at]};
    const char *const names[4] = {"'encoder.conv1.weight'", "'decoder.deconv4.bias'", "'lstm.weight'", "'head.bias'"};
    for (int j = 0; j < 4; j++) {
      float before = *values[j];
      *values[j] = wrong[i];
      small_world_rewrite(&s, NULL);
      refused(&s, BAD_FILE, names[j]);
      refused(&s, BAD_FILE, j < 2 ? "vae.safetensors" : "rnn.safetensors");
      *values[j] = before;
    }
    small_world_remove(&s);
  }
}

static void test_statistics_that_are_not_finite_are_refused(void **state) {
  (void)state;
  small_world s = small_world_write(true, 10);
  float mu[8] = {0}, logvar[8] = {0}, offset[8] = {0}, scale[8] = {1, 1, 1, 1, 1, 1, 1, 1};
  const world_origins o = {
      .count = 1, .mu = mu, .logvar = logvar, .offset = offset, .scale = scale, .log_sigma_floor = -7};
  float *const values[4] = {mu, logvar, offset, scale};
  const char *const names[4] = {
      "'origins.mu' has an infinity at place 2", "'origins.logvar' has an infinity at place 2",
      "'latent.offset' has an infinity at place 2", "'latent.scale' has an infinity at place 2"};
  for (int j = 0; j < 4; j++)
    for (int sign = -1; sign <= 1; sign += 2) {
      float before = values[j][2];
      values[j][2] = (float)sign * INFINITY;
      small_world_rewrite(&s, &o);
      if (j != 1 || sign > 0) refused(&s, BAD_FILE, names[j]);
      else world_close(small_world_open(&s));
      values[j][2] = before;
    }
  small_world_remove(&s);
}

// A few bytes that claim a world of gigabytes.
static void test_claims_are_not_believed(void **state) {
  (void)state;
  small_world s = small_world_write(true, 10);
  const data_tensor nothing = {.name = "x", .type = DATA_U8, .rank = 1, .dim = {0}, .bytes = ""};
  static const char *const claims[][3] = {{"1024", "65536", "channels: 65536; 1 to 1024"},
                                          {"65536", "3", "latents: 65536; 1 to 1024"},
                                          {"1024", "1024", "is missing"}};
  for (int i = 0; i < 3; i++) {
    const char *const *c = claims[i];
    const char *const pairs[] = {"format", "dreamfarm-vae-1", "latent", c[0],        "channels1", c[1], "channels2",
                                 c[1],     "channels3",       c[1],     "channels4", c[1]};
    assert_int_equal(data_tensors_write(s.vae.text, &nothing, 1, pairs, 6), OK);
    refused(&s, BAD_FILE, "vae.safetensors");
    refused(&s, BAD_FILE, c[2]);
  }
  static const char *const more[][4] = {{"65536", "1", "65536", "actions: 65536"},
                                        {"1", "65536", "65536", "mixtures: 65536"},
                                        {"1024", "64", "65536", "is missing"}};
  for (int i = 0; i < 3; i++) {
    const char *const pairs[] = {"format",  "dreamfarm-rnn-2", "vae",    "none",     "latent",   "1024",
                                 "actions", more[i][0],        "hidden", more[i][2], "mixtures", more[i][1]};
    world *w;
    assert_int_equal(data_tensors_write(s.rnn.text, &nothing, 1, pairs, 6), OK);
    assert_int_equal(world_open(&w, NULL, s.rnn.text), BAD_FILE);
    if (!strstr(status_message(), more[i][3])) fail_msg("%s", status_message());
  }
  small_world_remove(&s);
}

// Two Ms of the same weights from the same first latent: where one says the next, the other moves as far.
static void test_the_latent_moves_from_where_it_was(void **state) {
  (void)state;
  enum { LANES = 5 };
  small_world is = small_world_of(false, 2, 17), moves = small_world_moving(false, 2, 17);
  world *a = small_world_open(&is), *b = small_world_open(&moves);
  assert_true(world_shape_of(b)->change && !world_shape_of(a)->change);
  mind *m = mind_open(a, LANES), *n = mind_open(b, LANES);
  const dream_rules first_rules = {.temperature = 1, .first = 1, .cap = 10};
  const int Z = is.shape.Z;
  float was[LANES][8];

  // both begin there
  for (int i = 0; i < LANES; i++) {
    rng luck = rng_episode(rng_stream(7, "moves"), 0, (uint32_t)i);
    mind_dream(m, i, &first_rules, luck);
    mind_dream(n, i, &first_rules, luck);
    memcpy(was[i], mind_features(n, i), (size_t)Z * sizeof(float));
  }

  // one step of each, on the same luck
  dream_outcome out[LANES];
  mind_imagine(m, (const float[LANES]){0}, out, LANES);
  mind_imagine(n, (const float[LANES]){0}, out, LANES);
  for (int i = 0; i < LANES; i++)
    for (int z = 0; z < Z; z++)
      assert_true(fabsf(mind_features(n, i)[z] - was[i][z] - mind_features(m, i)[z]) < 1e-5f);
  mind_close(m);
  mind_close(n);
  world_close(a);
  world_close(b);
  small_world_remove(&is);
  small_world_remove(&moves);
}

// A file that does not say which has a mixture for each latent; a word that nobody knows is refused.
static void test_the_mixture_is_in_the_file(void **state) {
  (void)state;
  small_world each = small_world_of(false, 2, 17), joint = small_world_joint(false, 2, 17);
  world *w = small_world_open(&each);
  assert_false(world_shape_of(w)->joint);
  world_close(w);
  w = small_world_open(&joint);
  assert_true(world_shape_of(w)->joint);
  world_close(w);

  char *bytes, *word;
  size_t size;
  assert_int_equal(file_read(&bytes, &size, joint.rnn.text), OK);
  word = memmem(bytes, size, "\"joint\"", 7);
  assert_non_null(word);
  memcpy(word, "\"jolly\"", 7);
  word = memmem(bytes, size, "\"checksum\"", 10);
  assert_non_null(word);
  memcpy(word, "\"checkers\"", 10);
  assert_int_equal(file_write(joint.rnn.text, bytes, size), OK);
  assert_int_equal(world_open(&w, NULL, joint.rnn.text), BAD_FILE);
  assert_non_null(strstr(status_message(), "metadata 'mixture' is 'jolly'; each or joint are allowed"));
  mem_free(bytes);
  small_world_remove(&each);
  small_world_remove(&joint);
}

static void test_a_missing_file_is_named(void **state) {
  (void)state;
  small_world s = small_world_write(true, 10);
  assert_int_equal(file_remove(s.vae.text), OK);
  refused(&s, NO_IO, "vae.safetensors: is missing; restore it, or make it again with train");
  small_world_remove(&s);
}

static void test_v_and_m_belong_together(void **state) {
  (void)state;
  small_world a = small_world_write(true, 12), b = small_world_write(true, 13);
  world *w;
  assert_int_equal(world_open(&w, a.vae.text, b.rnn.text), MISMATCH);
  assert_non_null(strstr(status_message(), b.rnn.text));
  assert_non_null(strstr(status_message(), a.vae.text));
  world *wa = small_world_open(&a), *wb = small_world_open(&b), *untrained;
  assert_false(hash_equal(world_hash(wa), world_hash(wb)));
  assert_int_equal(
      world_open_as(&untrained, a.vae.text, a.rnn.text, &(world_options){.untrained_seed = &(uint64_t){5}}), OK);
  assert_false(hash_equal(world_hash(wa), world_hash(untrained)));
  world_close(wa);
  world_close(wb);
  world_close(untrained);
  small_world_remove(&a);
  small_world_remove(&b);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_eye_agrees_with_layers),
      cmocka_unit_test(test_eye_does_not_see_neighbours),
      cmocka_unit_test(test_states_are_standardised),
      cmocka_unit_test(test_states_are_imagined),
      cmocka_unit_test(test_memory_agrees_with_lstm),
      cmocka_unit_test(test_dream_is_pure),
      cmocka_unit_test(test_a_dream_goes_on_elsewhere),
      cmocka_unit_test(test_dream_draws_from_the_mixture),
      cmocka_unit_test(test_joint_draws_are_the_heads),
      cmocka_unit_test(test_the_latent_moves_from_where_it_was),
      cmocka_unit_test(test_broken_numbers_are_noticed),
      cmocka_unit_test(test_bf16_is_the_same_everywhere),
      cmocka_unit_test(test_bf16_is_near_fp32),
      cmocka_unit_test(test_damaged_files_are_refused),
      cmocka_unit_test(test_numbers_that_are_not_finite_are_refused),
      cmocka_unit_test(test_statistics_that_are_not_finite_are_refused),
      cmocka_unit_test(test_claims_are_not_believed),
      cmocka_unit_test(test_the_mixture_is_in_the_file),
      cmocka_unit_test(test_a_missing_file_is_named),
      cmocka_unit_test(test_v_and_m_belong_together),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

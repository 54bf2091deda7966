// Whole dreams as a worker plays them, from reset to score, controllers, sampling, ends and refills included: steps a
// second at the paper's sizes, beside OpenBLAS's sgemm; how they change with M's size and with the number of lanes, and
// what is allocated on the way. With a path: the weights, inputs and outputs of a few steps as safetensors, for other
// programs to check that they do the same, and the rates that theirs are compared with, timed as theirs are.

#include <errno.h>

#include "player.h"

// --- every allocation of this process goes through here (glibc) -----------------------------------------------------

static uint64_t allocations;

extern void *__libc_malloc(size_t size), *__libc_calloc(size_t count, size_t size),
    *__libc_realloc(void *p, size_t size), *__libc_memalign(size_t alignment, size_t size);
void *malloc(size_t size) { return allocations++, __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return allocations++, __libc_calloc(count, size); }
void *realloc(void *p, size_t size) { return allocations++, __libc_realloc(p, size); }
void *aligned_alloc(size_t alignment, size_t size) { return allocations++, __libc_memalign(alignment, size); }
void *memalign(size_t alignment, size_t size);
void *memalign(size_t alignment, size_t size) { return allocations++, __libc_memalign(alignment, size); }
int posix_memalign(void **p, size_t alignment, size_t size) {
  *p = aligned_alloc(alignment, size);
  return *p ? 0 : ENOMEM;
}

static void count_allocations(const world *w) {
  player p = player_open(w, 16);
  uint64_t before = allocations;
  CHECK((player_close(&p), p = player_open(w, 16), allocations > before), "allocations are not seen");
  player_work(&p);  // the first task of all opens the stage
  before = allocations;
  while (p.ended < 4 * PLAYER_CANDIDATES) player_work(&p);
  bench_say("allocations_between_reset_and_score", (double)(allocations - before), "allocations");
  bench_say("allocations_episodes_watched", p.ended, "episodes");
  player_close(&p);
}

// --- steps a second -------------------------------------------------------------------------------------------------

static double rate_of(const world *w, int lanes, double seconds) {
  player p = player_open(w, lanes);
  double rate = player_median_rate(&p, seconds);
  player_close(&p);
  return rate;
}

static void say_rate(const char *name, const world *w, double rate) {
  char text[96];
  snprintf(text, sizeof text, "%s_steps_per_second", name);
  bench_say(text, rate, "steps/s");
  snprintf(text, sizeof text, "%s_gflops", name);
  bench_say(text, 1e-3 * rate * mflop_a_step(world_shape_of(w)), "GFLOP/s");
}

static void rates_by_lanes(const world *w) {
  char name[64];
  for (int lanes = 1; lanes <= 1024; lanes *= 2) {
    snprintf(name, sizeof name, "rollout_lanes_%d", lanes);
    say_rate(name, w, rate_of(w, lanes, 0.12));
  }
}

static void rates_by_hidden(void) {
  char name[64];
  for (int hidden = 128; hidden <= 2048; hidden *= 2) {
    world_shape s = doom_shape;
    s.H = hidden;
    world *w = random_world(&s);
    snprintf(name, sizeof name, "rollout_hidden_%d", hidden);
    say_rate(name, w, rate_of(w, 256, 0.12));
    world_close(w);
  }
}

// --- beside sgemm: turn and turn about, so that whatever else the machine does slows down both ----------------------

static double sgemm_rate(bench_gemm *g, double seconds) {
  double start = time_now(), now = start;
  int calls = 0;
  for (; now - start < seconds; now = time_now(), calls++) bench_gemm_call(g);
  return calls * bench_gemm_gflop(g) / (now - start);
}

static void beside_sgemm(const char *name, const world *w, int lanes, bench_gemm *g) {
  enum { TURNS = 25 };
  double seconds = 0.05, theirs[TURNS], ours[TURNS], ratio[TURNS];
  char text[96];
  player p = player_open(w, lanes);
  player_rate(&p, seconds);
  for (int i = 0; i < TURNS; i++) {
    theirs[i] = sgemm_rate(g, seconds);
    ours[i] = player_rate(&p, seconds);
    ratio[i] = 1e-3 * ours[i] * mflop_a_step(world_shape_of(w)) / theirs[i];
  }
  player_close(&p);
  snprintf(text, sizeof text, "beside_sgemm_%s_ratio", name);
  bench_say(text, bench_median(ratio, TURNS), "ratio");
  snprintf(text, sizeof text, "beside_sgemm_%s_steps_per_second", name);
  bench_say(text, bench_median(ours, TURNS), "steps/s");
  snprintf(text, sizeof text, "beside_sgemm_%s_gflops", name);
  bench_say(text, bench_median(theirs, TURNS), "GFLOP/s of sgemm");
}

static void best_rate_say(const char *name, const world *w) {
  player p = player_open(w, 256);
  bench_say(name, player_best_rate(&p), "steps/s");
  player_close(&p);
}

static void best_rates(void) {
  world *doom = random_world(&doom_shape), *narrow = random_world_in(NUM_BF16, &doom_shape);
  best_rate_say("best_lanes_256_steps_per_second", doom);
  best_rate_say("best_bf16_lanes_256_steps_per_second", narrow);
  world_close(doom);
  world_close(narrow);
}

// --- a few steps, written down --------------------------------------------------------------------------------------

enum { CASE_LANES = 16, CASE_STEPS = 8 };

typedef struct written {
  real *weights;
  float *parameters;          // (LANES, controller)
  float *uniforms, *normals;  // (STEPS, LANES, Z)
  float *z, *h, *c;           // (STEPS + 1, LANES, Z or H)
  float *done;                // (STEPS, LANES)   0/1
} written;

// The draws of a lane's step, in the order of src/world/mdn_head.c.
static void draws_write(written *x, int Z, int step, int lane, rng luck) {
  size_t at = ((size_t)step * CASE_LANES + (size_t)lane) * (size_t)Z;
  rng_uniforms(x->uniforms + at, Z, luck, (uint32_t)step + 1, 0);
  rng_normals(x->normals + at, Z, luck, (uint32_t)step + 1, (uint32_t)(Z + 3) / 4);
}

static void state_write(written *x, const world_shape *s, const mind *m, int step) {
  for (int lane = 0; lane < CASE_LANES; lane++) {
    size_t at = (size_t)step * CASE_LANES + (size_t)lane, Z = (size_t)s->Z, H = (size_t)s->H;
    const float *belief = mind_features(m, lane);  // [z | h | c]
    memcpy(x->z + at * Z, belief, Z * sizeof(float));
    memcpy(x->h + at * H, belief + Z, H * sizeof(float));
    memcpy(x->c + at * H, belief + Z + H, H * sizeof(float));
  }
}

static void steps_write(written *x, const world *w) {
  const world_shape *s = world_shape_of(w);
  const controller_shape c = doom_controller(s);
  const dream_rules rules = {.temperature = 1.15f, .cap = 1 << 30};
  mind *m = mind_open(w, CASE_LANES);
  float *actions = mem_take((size_t)CASE_LANES * c.A, sizeof *actions);
  dream_outcome out[CASE_LANES];
  rng luck = rng_stream(1, "peers");
  for (int i = 0; i < CASE_LANES; i++) {
    rng_normals(x->parameters + (size_t)i * controller_size(&c), controller_size(&c), rng_episode(luck, 1, (uint32_t)i),
                0, 0);
    mind_dream(m, i, &rules, rng_episode(luck, 0, (uint32_t)i));
  }
  state_write(x, s, m, 0);
  for (int t = 0; t < CASE_STEPS; t++) {
    for (int i = 0; i < CASE_LANES; i++) {
      draws_write(x, s->Z, t, i, rng_episode(luck, 0, (uint32_t)i));
      controller_act(&c, actions + (size_t)i * c.A, x->parameters + (size_t)i * controller_size(&c),
                     mind_features(m, i));
    }
    mind_imagine(m, actions, out, CASE_LANES);
    for (int i = 0; i < CASE_LANES; i++) x->done[t * CASE_LANES + i] = out[i].terminated;
    state_write(x, s, m, t + 1);
  }
  mind_close(m);
  mem_free(actions);
}

static status case_write(const char *path) {
  const world_shape *s = &doom_shape;
  const controller_shape c = doom_controller(s);
  nn_table t = world_rnn_table(s);
  const size_t steps = CASE_STEPS, lanes = CASE_LANES, Z = (size_t)s->Z, H = (size_t)s->H;
  float *memory = mem_take(lanes * ((size_t)controller_size(&c) + 2 * steps * Z + (steps + 1) * (Z + 2 * H) + steps),
                           sizeof *memory);
  written x = {.weights = random_weights(s), .parameters = memory};
  x.uniforms = x.parameters + lanes * (size_t)controller_size(&c), x.normals = x.uniforms + steps * lanes * Z;
  x.z = x.normals + steps * lanes * Z, x.h = x.z + (steps + 1) * lanes * Z, x.c = x.h + (steps + 1) * lanes * H,
  x.done = x.c + (steps + 1) * lanes * H;
  world *w = random_world(s);
  steps_write(&x, w);
  world_close(w);
  const float *values = (const float *)x.weights;
  const data_tensor tensors[] = {
      {"lstm.weight", DATA_F32, 2, {s->Z + s->A + s->H, 4 * s->H}, values + t.tensor[RNN_LSTM].at},
      {"lstm.bias", DATA_F32, 1, {4 * s->H}, values + t.tensor[RNN_LSTM_B].at},
      {"head.weight", DATA_F32, 2, {s->H, world_head_size(s)}, values + t.tensor[RNN_HEAD].at},
      {"head.bias", DATA_F32, 1, {world_head_size(s)}, values + t.tensor[RNN_HEAD_B].at},
      {"controller", DATA_F32, 2, {CASE_LANES, controller_size(&c)}, x.parameters},
      {"uniforms", DATA_F32, 3, {CASE_STEPS, CASE_LANES, s->Z}, x.uniforms},
      {"normals", DATA_F32, 3, {CASE_STEPS, CASE_LANES, s->Z}, x.normals},
      {"z", DATA_F32, 3, {CASE_STEPS + 1, CASE_LANES, s->Z}, x.z},
      {"h", DATA_F32, 3, {CASE_STEPS + 1, CASE_LANES, s->H}, x.h},
      {"c", DATA_F32, 3, {CASE_STEPS + 1, CASE_LANES, s->H}, x.c},
      {"done", DATA_F32, 2, {CASE_STEPS, CASE_LANES}, x.done}};
  status outcome = data_tensors_write(path, tensors, (int)(sizeof tensors / sizeof *tensors), NULL, 0);
  mem_free(memory);
  mem_free(x.weights);
  return outcome;
}

int main(int count, char **words) {
  num_open();
  if (count > 1) {
    status s = case_write(words[1]);
    if (s != OK) fprintf(stderr, "%s\n", status_message());
    else best_rates();
    return (int)s;
  }
  world *doom = random_world(&doom_shape), *car_racing = random_world(&car_racing_shape),
        *narrow = random_world_in(NUM_BF16, &doom_shape);
  double sgemm;
  bench_gemm g = bench_best_gemm(&sgemm);
  bench_say("sgemm_gflops", sgemm, "GFLOP/s");
  beside_sgemm("lanes_256", doom, 256, &g);
  beside_sgemm("lanes_16", doom, 16, &g);
  beside_sgemm("bf16_lanes_256", narrow, 256, &g);
  beside_sgemm("carracing_lanes_256", car_racing, 256, &g);
  bench_gemm_close(&g);
  count_allocations(doom);
  rates_by_lanes(doom);
  rates_by_hidden();
  world_close(doom);
  world_close(narrow);
  world_close(car_racing);
  return 0;
}

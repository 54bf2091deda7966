// The dream step at the paper's sizes, in fp32 and bf16, controller on [z,h,c] and sampling included: steps a second on
// this core, and what fraction of OpenBLAS's best sgemm rate that is, counting the products of the whole head and of
// the controller: 3.354 MFLOP a step for Doom (Z 64, A 1, H 512, K 5), 0.847 for CarRacing (Z 32, A 3, H 256, K 5).

#include <unistd.h>

#include "bench.h"
#include "rollout.h"
#include "train.h"

static double mflop_a_step(const world_shape *s) {
  return 2e-6 *
         ((s->Z + s->A + s->H) * 4.0 * s->H + s->H * (double)world_head_size(s) + (s->Z + 2 * s->H) * (double)s->A);
}

typedef struct dreamer {
  mind *m;
  controller_shape c;
  float *parameters, *actions;
  dream_outcome *outcomes;
  int lanes;
} dreamer;

static void step(void *self) {
  dreamer *x = self;
  for (int i = 0; i < x->lanes; i++)
    controller_act(&x->c, x->actions + (size_t)i * x->c.A, x->parameters, mind_features(x->m, i));
  mind_imagine(x->m, x->actions, x->outcomes, x->lanes);
}

static world *random_world(const world_shape *s, num_precision precision) {
  char directory[] = "/tmp/dreamfarm-bench-XXXXXX";
  CHECK(mkdtemp(directory), "no temporary directory");
  file_path p = path_join(directory, "rnn.safetensors");
  real *w = mem_take(world_rnn_table(s).size, sizeof *w);
  rnn_net_init(w, s, 1);
  float *zeros = mem_take((size_t)s->Z, sizeof *zeros);
  const world_origins o = {
      .count = 1, .mu = zeros, .logvar = zeros, .offset = zeros, .scale = zeros, .log_sigma_floor = -7};
  CHECK(world_rnn_write(p.text, s, w, &o, "none") == OK, "%s", status_message());
  world *out;
  CHECK(world_open_as(&out, NULL, p.text, &(world_options){.precision = precision}) == OK, "%s", status_message());
  file_remove(p.text);
  rmdir(directory);
  mem_free(w);
  mem_free(zeros);
  return out;
}

static double steps_a_second(const world *w, int lanes) {
  world_features f;
  CHECK(world_features_of(&f, w, "zhc") == OK, "%s", status_message());
  dreamer x = {.m = mind_open(w, lanes), .c = controller_for(&f, world_senses_of(w).actions, 0, false), .lanes = lanes};
  int n = controller_size(&x.c);
  x.parameters = mem_take((size_t)n, sizeof(float));
  rng_normals(x.parameters, n, rng_stream(1, "controller"), 0, 0);
  x.actions = mem_take((size_t)lanes * x.c.A, sizeof *x.actions);
  x.outcomes = mem_take((size_t)lanes, sizeof *x.outcomes);
  const dream_rules rules = {.temperature = 1.15f, .cap = 1 << 30};
  for (int i = 0; i < lanes; i++) mind_dream(x.m, i, &rules, rng_episode(rng_stream(1, "bench"), 0, (uint32_t)i));
  double rate = lanes / bench_seconds(step, &x, 0.1);
  mind_close(x.m);
  mem_free(x.actions);
  mem_free(x.parameters);
  mem_free(x.outcomes);
  return rate;
}

// name is of the size and precision; "dream" for the paper's Doom in fp32.
static void report(const char *name, const world_shape *s, num_precision precision, const int *lanes, int count,
                   double sgemm) {
  world *w = random_world(s, precision);
  for (int i = 0; i < count; i++) {
    char line[64];
    double rate = steps_a_second(w, lanes[i]);
    snprintf(line, sizeof line, "%s_steps_per_second_lanes_%d", name, lanes[i]);
    bench_say(line, rate, "steps/s");
    snprintf(line, sizeof line, "%s_over_sgemm_lanes_%d", name, lanes[i]);
    bench_say(line, rate * mflop_a_step(s) * 1e-3 / sgemm, "ratio");
  }
  world_close(w);
}

int main(void) {
  num_open();
  double sgemm = bench_best_sgemm();
  bench_say("sgemm_best_gflops", sgemm, "GFLOP/s");
  const world_shape doom = {.Z = 64, .A = 1, .H = 512, .K = 5}, car_racing = {.Z = 32, .A = 3, .H = 256, .K = 5};
  const int lanes[] = {1, 16, 64, 256}, many[] = {256};
  report("dream", &doom, NUM_FP32, lanes, 4, sgemm);
  report("dream_bf16", &doom, NUM_BF16, lanes, 4, sgemm);
  report("dream_carracing", &car_racing, NUM_FP32, many, 1, sgemm);
  report("dream_carracing_bf16", &car_racing, NUM_BF16, many, 1, sgemm);
  return 0;
}

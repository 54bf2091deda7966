// The dream step at the paper's Doom size (Z 64, H 512, K 5, controller on [z,h,c]): steps a second on this core, and what
// fraction of OpenBLAS's best sgemm rate that is, counting 3.354 MFLOP a step.

#include <unistd.h>

#include "bench.h"
#include "rollout.h"
#include "train.h"

#define MFLOP_A_STEP 3.354

typedef struct dreamer {
  dream *d;
  controller_shape c;
  float *parameters;
  dream_outcome *outcomes;
  int lanes;
} dreamer;

static void step(void *self) {
  dreamer *x = self;
  world_memory *m = dream_memory(x->d);
  for (int i = 0; i < x->lanes; i++)
    controller_act(&x->c, world_memory_action(m, i), x->parameters, world_memory_z(m, i), world_memory_h(m, i), world_memory_c(m, i));
  dream_step(x->d, x->outcomes, x->lanes);
}

static world *random_world(const world_shape *s) {
  char directory[] = "/tmp/dreamfarm-bench-XXXXXX";
  CHECK(mkdtemp(directory), "no temporary directory");
  file_path p = path_join(directory, "rnn.safetensors");
  real *w = mem_take(world_rnn_table(s).size, sizeof *w);
  rnn_net_init(w, s, 1);
  float *zeros = mem_take((size_t)s->Z, sizeof *zeros);
  const world_origins o = {.count = 1, .mu = zeros, .logvar = zeros, .offset = zeros, .scale = zeros, .log_sigma_floor = -7};
  CHECK(world_rnn_write(p.text, s, w, &o, "none") == OK, "%s", status_message());
  world *out;
  CHECK(world_open(&out, NULL, p.text) == OK, "%s", status_message());
  file_remove(p.text);
  rmdir(directory);
  mem_free(w);
  mem_free(zeros);
  return out;
}

static double steps_a_second(const world *w, int lanes) {
  const world_shape *s = world_shape_of(w);
  dreamer x = {.d = dream_open(w, lanes), .c = {.Z = s->Z, .H = s->H, .A = s->A, .use_h = true, .use_c = true}, .lanes = lanes};
  int n = controller_size(&x.c);
  x.parameters = mem_take((size_t)n, sizeof(float));
  rng_normals(x.parameters, n, rng_stream(1, "controller"), 0, 0);
  x.outcomes = mem_take((size_t)lanes, sizeof *x.outcomes);
  const dream_rules rules = {.temperature = 1.15f, .cap = 1 << 30};
  for (int i = 0; i < lanes; i++) dream_reset(x.d, i, &rules, rng_episode(rng_stream(1, "bench"), 0, (uint32_t)i));
  double rate = lanes / bench_seconds(step, &x, 0.1);
  dream_close(x.d);
  mem_free(x.parameters);
  mem_free(x.outcomes);
  return rate;
}

int main(void) {
  num_open();
  double sgemm = bench_best_sgemm();
  bench_say("sgemm_best_gflops", sgemm, "GFLOP/s");
  const world_shape doom = {.Z = 64, .A = 1, .H = 512, .K = 5};
  world *w = random_world(&doom);
  const int lanes[] = {1, 16, 64, 256};
  for (int i = 0; i < 4; i++) {
    char name[64];
    double rate = steps_a_second(w, lanes[i]);
    snprintf(name, sizeof name, "dream_steps_per_second_lanes_%d", lanes[i]);
    bench_say(name, rate, "steps/s");
    snprintf(name, sizeof name, "dream_over_sgemm_lanes_%d", lanes[i]);
    bench_say(name, rate * MFLOP_A_STEP * 1e-3 / sgemm, "ratio");
  }
  world_close(w);
  return 0;
}

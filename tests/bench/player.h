// What the benchmarks of whole dreams share: a world of random weights in which only the cap ends a dream, and a
// worker's lanes in it, kept full for ever: 64 candidates whose episodes are 15 to 1,930 steps long, 973 on average as
// published.
#ifndef PLAYER_H
#define PLAYER_H

#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "rollout.h"
#include "train.h"

#define PLAYER_CANDIDATES 64
#define PLAYER_MEAN_STEPS 973

static const world_shape doom_shape = {.Z = 64, .A = 1, .H = 512, .K = 5},
                         car_racing_shape = {.Z = 32, .A = 3, .H = 256, .K = 5};

// Of a step: two for every weight and bias of M.
static inline double mflop_a_step(const world_shape *s) { return 2e-6 * (double)world_rnn_table(s).size; }

static inline real *random_weights(const world_shape *s) {
  nn_table t = world_rnn_table(s);
  real *w = mem_take(t.size, sizeof *w);
  rnn_net_init(w, s, 1);
  w[t.tensor[RNN_HEAD_B].at + (size_t)world_head_done(s)] = -100;
  return w;
}

static inline world *random_world_in(num_precision precision, const world_shape *s) {
  char directory[] = "/tmp/dreamfarm-bench-XXXXXX";
  CHECK(mkdtemp(directory), "no temporary directory");
  file_path p = path_join(directory, "rnn.safetensors");
  real *w = random_weights(s);
  float *zeros = mem_take((size_t)s->Z, sizeof *zeros), *ones = mem_take((size_t)s->Z, sizeof *ones);
  for (int i = 0; i < s->Z; i++) ones[i] = 1;
  const world_origins o = {
      .count = 1, .mu = zeros, .logvar = zeros, .offset = zeros, .scale = ones, .log_sigma_floor = -7};
  world *out;
  CHECK(world_rnn_write(p.text, s, (const float *)w, &o, "none") == OK &&
            world_open_as(&out, NULL, p.text, &(world_options){.precision = precision}) == OK,
        "%s", status_message());
  file_remove(p.text);
  rmdir(directory);
  mem_free(w);
  mem_free(zeros);
  mem_free(ones);
  return out;
}

static inline world *random_world(const world_shape *s) { return random_world_in(NUM_FP32, s); }

// Linear, of all that there is to see of a mind.
static inline controller_shape doom_controller(const world_shape *s) {
  world_features f;
  CHECK(world_mdn_features(&f, s, "zhc"), "no such features");
  return controller_for(&f, s->A, 0, false);
}

// A candidate's record: random parameters, and the length of its episodes.
static inline void candidate_write(rollout_record *r, const controller_shape *c, int candidate, int cap) {
  *r = (rollout_record){.place = ROLLOUT_DREAM,
                        .candidate = (uint32_t)candidate,
                        .common = 1,
                        .seed = 1,
                        .stream = "bench",
                        .rules = {.temperature = 1.15f, .cap = cap}};
  float *parameters = (float *)(r + 1);
  rng_normals(parameters, controller_size(c), rng_episode(rng_stream(1, "controller"), 0, (uint32_t)candidate), 0, 0);
}

typedef struct player {
  rollout *crew;
  char *records;    // (PLAYER_CANDIDATES, record_bytes)
  size_t record_bytes;
  int begun, ended; // episodes
} player;

static inline player player_open(const world *w, int lanes) {
  const rollout_options o = {.world = w, .controller = doom_controller(world_shape_of(w)), .lanes = lanes};
  player p = {.crew = rollout_open(&o)};
  p.record_bytes = rollout_record_bytes(p.crew);
  p.records = mem_take(PLAYER_CANDIDATES, p.record_bytes);
  for (int i = 0; i < PLAYER_CANDIDATES; i++)
    candidate_write((rollout_record *)(p.records + (size_t)i * p.record_bytes), &o.controller, i,
                    (2 * i + 1) * PLAYER_MEAN_STEPS / PLAYER_CANDIDATES);
  return p;
}

static inline void player_close(player *p) {
  rollout_close(p->crew);
  mem_free(p->records);
}

static inline void player_work(player *p) {
  enum { MOST = 256 };
  int tickets[MOST];
  rollout_result results[MOST];
  for (; rollout_vacancies(p->crew) > 0; p->begun++)
    rollout_begin(p->crew, p->begun, p->records + (size_t)(p->begun % PLAYER_CANDIDATES) * p->record_bytes, p->begun);
  p->ended += rollout_work(p->crew, tickets, results, MOST);
}

// Steps a second over at least that many seconds.
static inline double player_rate(player *p, double seconds) {
  double start = time_now(), now = start;
  int64_t before = rollout_steps(p->crew);
  for (; now - start < seconds; now = time_now()) player_work(p);
  return (double)(rollout_steps(p->crew) - before) / (now - start);
}

static inline double player_median_rate(player *p, double seconds) {
  double rates[BENCH_REPEATS];
  player_rate(p, seconds / 2);
  for (int i = 0; i < BENCH_REPEATS; i++) rates[i] = player_rate(p, seconds);
  return bench_median(rates, BENCH_REPEATS);
}

// As the peers are timed: the best of some tries, since whatever else runs can only slow one down.
static inline double player_best_rate(player *p) {
  enum { TRIES = 3 };
  double best = 0;
  player_rate(p, 0.1);
  for (int i = 0; i < TRIES; i++) {
    double rate = player_rate(p, 0.2);
    if (rate > best) best = rate;
  }
  return best;
}

#endif

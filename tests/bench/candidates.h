// What benchmarks of a search share: candidates around a finished run's controller, played in its dream or outside, and
// how alike two of their rankings are.
#ifndef BENCH_CANDIDATES_H
#define BENCH_CANDIDATES_H

#include <math.h>
#include <string.h>

#include "bench.h"
#include "config.h"
#include "data.h"
#include "rollout.h"

static void must(status s) { CHECK(s == OK, "%s", status_message()); }

// --- the run --------------------------------------------------------------------------------------------------------
typedef struct candidates {
  settings s;
  env_spec environment;
  int count, n;
  float *parameters;  // (count, n)
} candidates;

static inline candidates candidates_of(const char *directory, int count) {
  candidates c = {.count = count};
  settings_default(&c.s);
  must(settings_load(&c.s, path_join(directory, "config.yaml").text));
  must(env_describe(&c.environment, c.s.environment.name, NULL));
  return c;
}

static inline world *candidates_world(const candidates *c, const char *directory, num_precision precision) {
  world *w;
  file_path vae = path_join(directory, "vae.safetensors"), rnn = path_join(directory, "rnn.safetensors");
  must(world_open_as(&w, c->environment.pixels ? vae.text : NULL, rnn.text, &(world_options){.precision = precision}));
  return w;
}

// way * the run's mean + spread * N(0, I): at way 0 around where the search began, at 1 around its end.
static inline void candidates_draw(candidates *c, const char *directory, double way, double spread) {
  data_tensors *f;
  must(data_tensors_read(&f, path_join(directory, "controller.safetensors").text));
  const data_tensor *t = data_tensors_find(f, "mean");
  CHECK(t && t->type == DATA_F32 && t->rank == 1, "the run's controller has no mean");

  c->n = (int)t->dim[0];
  c->parameters = mem_take((size_t)c->count * c->n, sizeof *c->parameters);
  rng_normals(c->parameters, c->count * c->n, rng_stream(1, "candidates"), 0, 0);
  for (int i = 0; i < c->count * c->n; i++) {
    double mean = (double)((const float *)t->bytes)[i % c->n];
    c->parameters[i] = (float)(way * mean + spread * (double)c->parameters[i]);
  }
  data_tensors_close(f);
}

// --- playing --------------------------------------------------------------------------------------------------------
static inline controller_shape candidates_shape(const candidates *c, const world *w) {
  static const char *const words[] = {
      [CONFIG_FEATURES_Z] = "z", [CONFIG_FEATURES_ZH] = "zh", [CONFIG_FEATURES_ZHC] = "zhc"};
  world_features f;
  must(world_features_of(&f, w, words[c->s.controller.features]));
  return controller_for(&f, world_senses_of(w).actions, c->s.controller.hidden, c->s.controller.bias);
}

// One record per candidate, with its parameters behind it.
static inline char *candidates_records(const candidates *c, const rollout_record *as, size_t bytes) {
  char *records = mem_take((size_t)c->count, bytes);
  for (int i = 0; i < c->count; i++) {
    rollout_record *r = (rollout_record *)(void *)(records + (size_t)i * bytes);
    *r = *as;
    r->candidate = (uint32_t)i;
    r->common = 1;
    r->seed = (uint64_t)c->s.run.seed;
    memcpy(r + 1, c->parameters + (size_t)i * c->n, sizeof(float) * (size_t)c->n);
  }
  return records;
}

// Returns of all candidates' episodes, the same luck for each (count, episodes): the place, the rules and the name of
// the luck are the record's. The caller's to free.
static inline double *candidates_play(const candidates *c, const world *w, const rollout_record *as, int episodes) {
  rollout_options o = {
      .world = w, .environment = &c->environment, .controller = candidates_shape(c, w), .lanes = 64};
  rollout *r = rollout_open(&o);
  size_t bytes = rollout_record_bytes(r);
  char *records = candidates_records(c, as, bytes);
  int tasks = c->count * episodes, begun = 0, tickets[64];
  double *returns = mem_take((size_t)tasks, sizeof *returns);
  rollout_result some[64];

  for (int finished = 0; finished < tasks;) {
    for (; begun < tasks && rollout_vacancies(r) > 0; begun++)
      rollout_begin(r, begun, records + (size_t)(begun / episodes) * bytes, begun % episodes);
    int n = rollout_work(r, tickets, some, 64);
    for (int i = 0; i < n; i++) returns[tickets[i]] = some[i].total;
    finished += n;
  }

  rollout_close(r);
  mem_free(records);
  return returns;
}

// --- rankings -------------------------------------------------------------------------------------------------------
// 0 for the least; ties share the mean of their ranks.
static inline double rank_of(const double *x, int n, int i) {
  double below = 0, equal = 0;
  for (int j = 0; j < n; j++) below += x[j] < x[i], equal += x[j] == x[i];
  return below + (equal - 1) / 2;
}

static inline double spearman(const double *x, const double *y, int n) {
  double xy = 0, xx = 0, yy = 0, middle = (n - 1) / 2.0;
  for (int i = 0; i < n; i++) {
    double a = rank_of(x, n, i) - middle, b = rank_of(y, n, i) - middle;
    xy += a * b, xx += a * a, yy += b * b;
  }
  return xy / sqrt(xx * yy);
}

#endif

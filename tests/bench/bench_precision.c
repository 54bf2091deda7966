// What bf16 does to the ranking of candidates, beside what luck does to it. 64 candidates around a point on the way
// from zero to a finished run's controller are played in its world four times: in fp32 and in bf16 on the same luck,
// and both again on other luck. Spearman's rank correlation of their means, and how much of one's better half is in the
// other's. bench_precision RUN-DIRECTORY [EPISODES] (16 episodes a candidate; without a directory nothing is measured)

#include <math.h>
#include <string.h>

#include "bench.h"
#include "config.h"
#include "data.h"
#include "rollout.h"

enum { CANDIDATES = 64 };

typedef struct candidates {
  settings s;
  int episodes, n;
  float *parameters;  // (CANDIDATES, n)
} candidates;

static void must(status s) { CHECK(s == OK, "%s", status_message()); }

// way * the run's mean + sigma0 N(0, I): 0 is the first generation, 1 the last.
static void candidates_draw(candidates *c, const char *directory, double way) {
  data_tensors *f;
  must(data_tensors_read(&f, path_join(directory, "controller.safetensors").text));
  const data_tensor *t = data_tensors_find(f, "mean");
  CHECK(t && t->type == DATA_F32 && t->rank == 1, "the run's controller has no mean");
  c->n = (int)t->dim[0];
  c->parameters = mem_take((size_t)CANDIDATES * c->n, sizeof *c->parameters);
  rng_normals(c->parameters, CANDIDATES * c->n, rng_stream(1, "candidates"), 0, 0);
  for (int i = 0; i < CANDIDATES * c->n; i++)
    c->parameters[i] =
        (float)(way * (double)((const float *)t->bytes)[i % c->n] + c->s.evolve.sigma0 * (double)c->parameters[i]);
  data_tensors_close(f);
}

static controller_shape app_controller_of(const settings *s, const world *w) {
  static const char *const words[] = {
      [CONFIG_FEATURES_Z] = "z", [CONFIG_FEATURES_ZH] = "zh", [CONFIG_FEATURES_ZHC] = "zhc"};
  world_features f;
  must(world_features_of(&f, w, words[s->controller.features]));
  return controller_for(&f, world_senses_of(w).actions, s->controller.hidden, s->controller.bias);
}

// One record a candidate, with its parameters behind it.
static char *records_of(const candidates *c, const env_spec *environment, const char *luck, size_t bytes) {
  const settings *s = &c->s;
  char *records = mem_take(CANDIDATES, bytes);
  for (int i = 0; i < CANDIDATES; i++) {
    rollout_record *r = (rollout_record *)(void *)(records + (size_t)i * bytes);
    *r = (rollout_record){.place = ROLLOUT_DREAM,
                          .candidate = (uint32_t)i,
                          .common = 1,
                          .seed = (uint64_t)s->run.seed,
                          .rules = {.temperature = (float)s->dream.temperature,
                                    .cap = s->dream.cap ? s->dream.cap : environment->cap}};
    snprintf(r->stream, sizeof r->stream, "%s", luck);
    memcpy(r + 1, c->parameters + (size_t)i * c->n, sizeof(float) * (size_t)c->n);
  }
  return records;
}

// The mean return of each candidate.
static double *play(const candidates *c, const world *w, const char *luck) {
  env_spec environment;
  must(env_describe(&environment, c->s.environment.name, NULL));
  rollout_options o = {
      .world = w, .environment = &environment, .controller = app_controller_of(&c->s, w), .lanes = 256};
  rollout *r = rollout_open(&o);
  char *records = records_of(c, &environment, luck, rollout_record_bytes(r));
  double *mean = mem_take(CANDIDATES, sizeof *mean);
  int tasks = CANDIDATES * c->episodes, begun = 0, tickets[64];
  rollout_result some[64];
  for (int finished = 0; finished < tasks;) {
    for (; begun < tasks && rollout_vacancies(r) > 0; begun++)
      rollout_begin(r, begun, records + (size_t)(begun / c->episodes) * rollout_record_bytes(r), begun % c->episodes);
    int n = rollout_work(r, tickets, some, 64);
    for (int i = 0; i < n; i++) mean[tickets[i] / c->episodes] += some[i].total / c->episodes;
    finished += n;
  }
  rollout_close(r);
  mem_free(records);
  return mean;
}

// 0 for the least; ties share the mean of their ranks.
static double rank_of(const double *x, int n, int i) {
  double below = 0, equal = 0;
  for (int j = 0; j < n; j++) below += x[j] < x[i], equal += x[j] == x[i];
  return below + (equal - 1) / 2;
}

static double spearman(const double *x, const double *y, int n) {
  double xy = 0, xx = 0, yy = 0, middle = (n - 1) / 2.0;
  for (int i = 0; i < n; i++) {
    double a = rank_of(x, n, i) - middle, b = rank_of(y, n, i) - middle;
    xy += a * b, xx += a * a, yy += b * b;
  }
  return xy / sqrt(xx * yy);
}

static double top_half(const double *x, const double *y, int n) {
  int both = 0, half = 0;
  for (int i = 0; i < n; i++) {
    bool a = rank_of(x, n, i) > (n - 1) / 2.0, b = rank_of(y, n, i) > (n - 1) / 2.0;
    half += a;
    both += a && b;
  }
  return (double)both / half;
}

static void compare(const char *name, double way, const double *x, const double *y) {
  char line[64];
  snprintf(line, sizeof line, "way_%g_spearman_%s", way, name);
  bench_say(line, spearman(x, y, CANDIDATES), "of 1");
  snprintf(line, sizeof line, "way_%g_top_half_%s", way, name);
  bench_say(line, top_half(x, y, CANDIDATES), "of 1");
}

static double average(const double *x) {
  double sum = 0;
  for (int i = 0; i < CANDIDATES; i++) sum += x[i];
  return sum / CANDIDATES;
}

static void report(candidates *c, const char *directory, world *const w[2], double way) {
  static const char *const luck[2] = {"first", "second"};
  double *mean[2][2];  // by precision, luck
  char line[64];
  candidates_draw(c, directory, way);
  for (int p = 0; p < 2; p++)
    for (int l = 0; l < 2; l++) mean[p][l] = play(c, w[p], luck[l]);
  compare("bf16_same_luck", way, mean[0][0], mean[1][0]);
  compare("bf16_same_luck_again", way, mean[0][1], mean[1][1]);
  compare("fp32_other_luck", way, mean[0][0], mean[0][1]);
  compare("bf16_other_luck", way, mean[1][0], mean[1][1]);
  for (int p = 0; p < 2; p++) {
    snprintf(line, sizeof line, "way_%g_mean_return_%s", way, p ? "bf16" : "fp32");
    bench_say(line, (average(mean[p][0]) + average(mean[p][1])) / 2, "steps");
    for (int l = 0; l < 2; l++) mem_free(mean[p][l]);
  }
  mem_free(c->parameters);
}

int main(int count, char **words) {
  if (count < 2) return printf("# bench_precision: give it the directory of a finished run\n"), 0;
  candidates c = {.episodes = count > 2 ? atoi(words[2]) : 16};
  CHECK(c.episodes > 0, "%d episodes", c.episodes);
  world *w[2];
  num_open();
  settings_default(&c.s);
  must(settings_load(&c.s, path_join(words[1], "config.yaml").text));
  env_spec environment;
  must(env_describe(&environment, c.s.environment.name, NULL));
  bool pixels = environment.pixels;
  for (int p = 0; p < 2; p++)
    must(world_open_as(&w[p], pixels ? path_join(words[1], "vae.safetensors").text : NULL,
                       path_join(words[1], "rnn.safetensors").text,
                       &(world_options){.precision = p ? NUM_BF16 : NUM_FP32}));
  printf("# %d candidates, %d episodes each\n", CANDIDATES, c.episodes);
  const double ways[] = {0, 0.5, 1};
  for (int i = 0; i < 3; i++) report(&c, words[1], w, ways[i]);
  for (int p = 0; p < 2; p++) world_close(w[p]);
  return 0;
}

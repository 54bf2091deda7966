// How many steps a second this rank dreams: measured for a moment, in the run's world or in a random one of its size.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

#define WARM_SECONDS 0.1
#define SECONDS 0.4
enum { CANDIDATES = 16, RESULTS = 256, ORIGINS = 16 };

// --- a random world: M alone, since no dream looks at V ------------------------------------------------------------------------

// Its dreams hardly ever end, so that the lanes stay full.
static void weights_draw(real *m, const world_shape *s, uint64_t seed) {
  nn_table t = world_rnn_table(s);
  rnn_net_init(m, s, seed);
  m[t.tensor[RNN_HEAD_B].at + (size_t)world_head_done(s)] = (real)-30;
}

static status random_write(const app *a, const world_shape *s, const char *path) {
  size_t Z = (size_t)s->Z;
  real *m = mem_take(world_rnn_table(s).size, sizeof *m);
  float *mu = mem_take(ORIGINS * Z, sizeof *mu), *logvar = mem_take(ORIGINS * Z, sizeof *logvar), *offset = mem_take(Z, sizeof *offset), *scale = mem_take(Z, sizeof *scale);
  for (size_t i = 0; i < Z; i++) scale[i] = 1;
  weights_draw(m, s, (uint64_t)a->s.run.seed);
  const world_origins o = {.count = ORIGINS, .mu = mu, .logvar = logvar, .offset = offset, .scale = scale, .log_sigma_floor = (float)a->s.rnn.log_sigma_floor};
  status done = world_rnn_write(path, s, m, &o, "none");
  void *all[] = {m, mu, logvar, offset, scale};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
  return done;
}

static status random_world(const app *a, world **w) {
  const char *temporary = getenv("TMPDIR");
  file_path directory = path_join(temporary && *temporary ? temporary : "/tmp", "dreamfarm-XXXXXX");
  world_shape s = shape_of(a);
  s.pixels = false;
  if (!mkdtemp(directory.text)) FAIL(NO_IO, "%s: cannot be made: %s", directory.text, strerror(errno));
  file_path rnn = path_join(directory.text, "rnn.safetensors");
  status made = random_write(a, &s, rnn.text);
  if (made == OK) made = world_open(w, NULL, rnn.text);
  unlink(rnn.text);
  rmdir(directory.text);
  return made;
}

// --- a moment's dreaming ------------------------------------------------------------------------------------------------------

static char *records_make(const app *a, const rollout *r, int n) {
  size_t bytes = rollout_record_bytes(r);
  char *records = mem_take(CANDIDATES, bytes);
  for (int k = 0; k < CANDIDATES; k++) {
    rollout_record *record = (rollout_record *)(records + (size_t)k * bytes);
    float *parameters = (float *)(record + 1);
    *record = (rollout_record){.place = ROLLOUT_DREAM, .candidate = (uint32_t)k, .common = true, .seed = (uint64_t)a->s.run.seed, .stream = "calibrate", .rules = rules_of(a)};
    rng_normals(parameters, n, rng_episode(rng_stream((uint64_t)a->s.run.seed, "calibrate"), 0, (uint32_t)k), 0, 0);
    for (int i = 0; i < n; i++) parameters[i] *= (float)a->s.evolve.sigma0;
  }
  return records;
}

static void dream_for(rollout *r, const char *records, int *member, double seconds) {
  int tickets[RESULTS];
  rollout_result results[RESULTS];
  for (double end = time_now() + seconds; time_now() < end;) {
    for (; rollout_vacancies(r) > 0; ++*member) rollout_begin(r, 0, records + (size_t)(*member % CANDIDATES) * rollout_record_bytes(r), *member / CANDIDATES);
    rollout_work(r, tickets, results, RESULTS);
  }
}

static double steps_a_second(const app *a, const world *w, int lanes) {
  const rollout_options o = {.world = w, .environment = a->environment, .controller = controller_of(a, w), .lanes = lanes};
  rollout *r = rollout_open(&o);
  char *records = records_make(a, r, controller_size(&o.controller));
  int member = 0;
  dream_for(r, records, &member, WARM_SECONDS);
  double before = (double)rollout_steps(r), start = time_now();
  dream_for(r, records, &member, SECONDS);
  double rate = ((double)rollout_steps(r) - before) / (time_now() - start);
  rollout_close(r);
  mem_free(records);
  return rate;
}

status calibrate_dream(const app *a, double *steps, bool *learned, int lanes) {
  world *w;
  *learned = file_exists(run_path(&a->run, "rnn.safetensors").text);
  TRY(*learned ? world_read(a, &w) : random_world(a, &w));
  *steps = steps_a_second(a, w, lanes);
  world_close(w);
  return OK;
}

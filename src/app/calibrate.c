// How many steps a second this rank dreams: measured for a moment, in the run's world or in a random one of its size.

#include "app.h"

#define WARM_SECONDS 0.1
#define SECONDS 0.4
enum { CANDIDATES = 16, RESULTS = 256 };

// --- a moment's dreaming --------------------------------------------------------------------------------------------

static char *calibrate_records(const app *a, const rollout *r, int n) {
  size_t bytes = rollout_record_bytes(r);
  char *records = mem_take(CANDIDATES, bytes);
  for (int k = 0; k < CANDIDATES; k++) {
    rollout_record *record = (rollout_record *)(records + (size_t)k * bytes);
    float *parameters = (float *)(record + 1);
    *record = (rollout_record){.place = a->s.evolve.in == CONFIG_IN_REAL ? ROLLOUT_REAL : ROLLOUT_DREAM,
                               .candidate = (uint32_t)k,
                               .common = true,
                               .seed = (uint64_t)a->s.run.seed,
                               .stream = "calibrate",
                               .rules = rules_of(a)};

    // As the first generation's are: normal, of sigma0.
    rng luck = rng_episode(rng_stream((uint64_t)a->s.run.seed, "calibrate"), 0, (uint32_t)k);
    rng_normals(parameters, n, luck, 0, 0);
    for (int i = 0; i < n; i++) parameters[i] *= (float)a->s.evolve.sigma0;
  }
  return records;
}

static void calibrate_for(rollout *r, const char *records, int *member, double seconds) {
  int tickets[RESULTS];
  rollout_result results[RESULTS];
  for (double end = time_now() + seconds; time_now() < end;) {
    for (; rollout_vacancies(r) > 0; ++*member) {
      const char *record = records + (size_t)(*member % CANDIDATES) * rollout_record_bytes(r);
      rollout_begin(r, 0, record, *member / CANDIDATES);
    }
    rollout_work(r, tickets, results, RESULTS);
  }
}

static double calibrate_rate(const app *a, const world *w, int lanes) {
  const rollout_options o = {.world = w,
                             .environment = a->environment,
                             .controller = app_controller_of(a, w),
                             .lanes = lanes};
  rollout *r = rollout_open(&o);
  char *records = calibrate_records(a, r, controller_size(&o.controller));
  int member = 0;

  // Measured when caches are warm and all lanes full.
  calibrate_for(r, records, &member, WARM_SECONDS);
  double before = (double)rollout_steps(r), start = time_now();
  calibrate_for(r, records, &member, SECONDS);
  double rate = ((double)rollout_steps(r) - before) / (time_now() - start);

  rollout_close(r);
  mem_free(records);
  return rate;
}

status calibrate_dream(const app *a, double *steps, bool *learned, int lanes) {
  world *w;
  *learned = file_exists(run_path(&a->run, "rnn.safetensors").text);
  TRY(*learned ? app_world_read(a, &w) : app_world_random(a, &w));
  *steps = calibrate_rate(a, w, lanes);
  world_close(w);
  return OK;
}

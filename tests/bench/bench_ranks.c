// Several ranks, each on its core (mpirun --bind-to core): dream steps a second of all of them together, and where the time of a
// generation of the paper's size goes, 64 candidates x 16 episodes of 973 steps on average, CMA-ES at n = 1088.

#include "es.h"
#include "farm.h"
#include "player.h"

enum { LANES = 256, EPISODES = 16, RESULTS = PLAYER_CANDIDATES * EPISODES };
#define SECONDS 2.0

static void rates_say(farm *f, const world *w) {
  player p = player_open(w, LANES);
  double mine, *all = farm_rank(f) == 0 ? mem_take((size_t)farm_size(f), sizeof *all) : NULL, sum = 0;
  player_rate(&p, SECONDS / 4);
  farm_barrier(f);
  mine = player_rate(&p, SECONDS);
  farm_gather(f, all, &mine, sizeof mine);
  for (int i = 0; all && i < farm_size(f); i++) sum += all[i];
  char name[64];
  snprintf(name, sizeof name, "ranks_%d_steps_per_second", farm_size(f));
  if (all) bench_say(name, sum, "steps/s");
  mem_free(all);
  player_close(&p);
}

// Of all rank-seconds.
static void split_say(const farm *f, int lanes, const farm_report *r, double whole) {
  const char *names[] = {"dream", "controller", "master", "wait"};
  double alone = whole - r->seconds;  // rank 0 asks and tells, the others wait
  double share[] = {(r->busy - r->apart) * r->seconds / whole, r->apart * r->seconds / whole, (r->master + alone) / (farm_size(f) * whole), 0};
  share[3] = 1 - share[0] - share[1] - share[2];
  for (int i = 0; i < 4; i++) {
    char name[64];
    snprintf(name, sizeof name, "generation_ranks_%d_lanes_%d_%s", farm_size(f), lanes, names[i]);
    bench_say(name, share[i], "of rank-seconds");
  }
}

static void candidates_write(player *p, const double *x, int n) {
  for (int i = 0; i < PLAYER_CANDIDATES; i++) {
    float *parameters = (float *)((rollout_record *)(p->records + (size_t)i * p->record_bytes) + 1);
    for (int j = 0; j < n; j++) parameters[j] = (float)x[(size_t)i * n + j];
  }
}

static void generation_say(farm *f, es *search, int lanes, const farm_crew *crew, player *p, rollout_result *results) {
  const farm_job job = {.groups = PLAYER_CANDIDATES, .members = EPISODES, .records = p->records, .record_bytes = p->record_bytes, .result_bytes = sizeof *results};
  double loss[PLAYER_CANDIDATES] = {0}, start = time_now();
  const double *x = es_ask(search);
  farm_report r;
  candidates_write(p, x, es_size(search));
  CHECK(farm_map(f, &job, crew, results, &r, NULL, NULL) == OK, "%s", status_message());
  for (int i = 0; i < RESULTS; i++) loss[i / EPISODES] -= results[i].total / EPISODES;
  es_tell(search, x, loss);
  split_say(f, lanes, &r, time_now() - start);
}

static void generation_lead(farm *f, int lanes, const farm_crew *crew, player *p) {
  const es_options o = {.kind = ES_CMA, .n = 1088, .popsize = PLAYER_CANDIDATES, .sigma0 = 0.1, .seed = 1, .active = true};
  rollout_result *results = mem_take(RESULTS, sizeof *results);
  es *search;
  CHECK(es_open(&search, &o) == OK, "%s", status_message());
  generation_say(f, search, lanes, crew, p, results);
  farm_dismiss(f);
  es_close(search);
  mem_free(results);
}

static void generation(farm *f, const world *w, int lanes) {
  player p = player_open(w, lanes);
  const farm_crew crew = {.self = p.crew, .vacancies = rollout_vacancies, .begin = rollout_begin, .work = rollout_work, .drop = rollout_drop, .lanes = lanes, .apart = rollout_controller_seconds};
  farm_prepare(f, &(farm_sizes){.record_bytes = p.record_bytes, .result_bytes = sizeof(rollout_result), .tasks = RESULTS});
  if (farm_rank(f) == 0) generation_lead(f, lanes, &crew, &p);
  else CHECK(farm_serve(f, &crew) == OK, "%s", status_message());
  player_close(&p);
}

int main(int count, char **words) {
  farm *f;
  CHECK(farm_open(&f, &count, &words) == OK, "%s", status_message());
  num_open();
  world *w = random_world(&doom_shape);
  rates_say(f, w);
  for (int lanes = 16; lanes <= LANES && farm_size(f) > 1; lanes *= 4) generation(f, w, lanes);
  world_close(w);
  farm_close(f, 0);
  return 0;
}

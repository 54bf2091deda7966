// Several ranks, each on its core (mpirun --bind-to core): dream steps a second of all of them together, and where the
// time of a generation of the paper's size goes, 64 candidates x 16 episodes of 973 steps on average, CMA-ES at n =
// 1088.

#include <time.h>

#include "es.h"
#include "farm.h"
#include "player.h"

enum { LANES = 256, EPISODES = 16, RESULTS = PLAYER_CANDIDATES * EPISODES, TURNS = 9, RANKS_MOST = 64 };
#define SECONDS 0.4

// Steps a second of that rank while the others sleep, or of all together if it is none of them. Known on rank 0.
static double rate_of(farm *f, player *p, int who) {
  double rate = 0, each[RANKS_MOST], sum = 0;
  farm_barrier(f);
  if (who == farm_rank(f) || who == farm_size(f)) rate = player_rate(p, SECONDS);
  else nanosleep(&(struct timespec){.tv_nsec = (long)(SECONDS * 1e9)}, NULL);
  farm_gather(f, farm_rank(f) == 0 ? each : NULL, &rate, sizeof rate);
  for (int i = 0; farm_rank(f) == 0 && i < farm_size(f); i++) sum += each[i];
  return sum;
}

// Each rank alone, then all of them: their sum over the mean of those that were alone.
static void rates_say(farm *f, const world *w) {
  int ranks = farm_size(f);
  double alone[TURNS], all[TURNS], ratio[TURNS];
  player p = player_open(w, LANES);
  player_rate(&p, SECONDS);
  for (int t = 0; t < TURNS; t++) {
    alone[t] = 0;
    for (int who = 0; who < ranks; who++) alone[t] += rate_of(f, &p, who) / ranks;
    all[t] = rate_of(f, &p, ranks);
    ratio[t] = farm_rank(f) == 0 ? all[t] / alone[t] : 0;
  }
  player_close(&p);
  if (farm_rank(f) != 0) return;
  char name[64];
  bench_say("ranks_1_steps_per_second", bench_median(alone, TURNS), "steps/s");
  snprintf(name, sizeof name, "ranks_%d_steps_per_second", ranks);
  bench_say(name, bench_median(all, TURNS), "steps/s");
  snprintf(name, sizeof name, "ranks_%d_over_1", ranks);
  bench_say(name, bench_median(ratio, TURNS), "ratio");
}

// Of all rank-seconds.
static void split_say(const farm *f, int lanes, const farm_report *r, double whole) {
  const char *names[] = {"dream", "controller", "master", "wait"};
  double alone = whole - r->seconds;  // rank 0 asks and tells, the others wait
  double share[] = {(r->busy - r->apart) * r->seconds / whole, r->apart * r->seconds / whole,
                    (r->master + alone) / (farm_size(f) * whole), 0};
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
  const farm_job job = {.groups = PLAYER_CANDIDATES,
                        .members = EPISODES,
                        .records = p->records,
                        .record_bytes = p->record_bytes,
                        .result_bytes = sizeof *results};
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
  const es_options o = {
      .kind = ES_CMA, .n = 1088, .popsize = PLAYER_CANDIDATES, .sigma0 = 0.1, .seed = 1, .active = true};
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
  const farm_crew crew = {.self = p.crew,
                          .vacancies = rollout_vacancies,
                          .begin = rollout_begin,
                          .work = rollout_work,
                          .drop = rollout_drop,
                          .lanes = lanes,
                          .apart = rollout_controller_seconds};
  farm_prepare(f,
               &(farm_sizes){.record_bytes = p.record_bytes, .result_bytes = sizeof(rollout_result), .tasks = RESULTS});
  if (farm_rank(f) == 0) generation_lead(f, lanes, &crew, &p);
  else CHECK(farm_serve(f, &crew) == OK, "%s", status_message());
  player_close(&p);
}

int main(int count, char **words) {
  farm *f;
  CHECK(farm_open(&f, &count, &words) == OK, "%s", status_message());
  CHECK(farm_size(f) > 1 && farm_size(f) <= RANKS_MOST, "%d ranks", farm_size(f));
  num_open();
  world *w = random_world(&doom_shape);
  rates_say(f, w);
  for (int lanes = 16; lanes <= LANES; lanes *= 4) generation(f, w, lanes);
  world_close(w);
  farm_close(f, 0);
  return 0;
}

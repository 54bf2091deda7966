// Real episodes by a baseline policy, farmed shard by shard: a shard is a pure function of (seed, its number), written
// whole by the rank that played it, so a rerun only plays what is missing.

#include <string.h>

#include "app.h"

typedef struct collect_record {
  int32_t shard, count;  // episodes shard * collect.shard ... + count
} collect_record;

typedef struct collect_result {
  int32_t code;          // status of the writing
  int32_t reserved;
  int64_t steps;
  char words[240];       // the sentence when code is not OK
} collect_result;

typedef struct collector {  // a crew that plays one shard at a time, an episode a slice
  const app *a;
  env *lane;
  env_policy policy;
  data_spec spec;
  data_provenance provenance;
  file_path directory;
  int ticket;               // -1: idle
  collect_record shard;
  data_episode *episodes;   // (collect.shard)
  int played;
  int64_t steps;
  data_episode longest;     // room for an episode of full length, reused
} collector;

static data_spec spec_of(const env_spec *k) {
  return (data_spec){.pixels = k->pixels, .shape = {k->shape[0], k->shape[1], k->shape[2]}, .actions = k->actions};
}

static void episode_room(data_episode *e, const data_spec *s, int steps) {
  size_t n = (size_t)steps;
  e->observations = mem_take(n + 1, data_observation_bytes(s));
  e->actions = mem_take(n * (size_t)s->actions, sizeof(float));
  e->rewards = mem_take(n, sizeof(double));
  e->terminated = mem_take(n, 1);
  e->truncated = mem_take(n, 1);
}

static void episode_free(data_episode *e) {
  mem_free(e->observations);
  mem_free(e->actions);
  mem_free(e->rewards);
  mem_free(e->terminated);
  mem_free(e->truncated);
  *e = (data_episode){0};
}

static void episode_copy(data_episode *to, const data_episode *from, const data_spec *s) {
  size_t n = (size_t)from->steps;
  episode_room(to, s, from->steps);
  to->id = from->id, to->steps = from->steps, to->seed = from->seed;
  memcpy(to->observations, from->observations, (n + 1) * data_observation_bytes(s));
  memcpy(to->actions, from->actions, n * (size_t)s->actions * sizeof(float));
  memcpy(to->rewards, from->rewards, n * sizeof(double));
  memcpy(to->terminated, from->terminated, n);
  memcpy(to->truncated, from->truncated, n);
}

static void episode_play(collector *c, data_episode *e, int64_t id) {
  size_t bytes = data_observation_bytes(&c->spec);
  uint64_t seed = (uint64_t)c->a->s.run.seed, memory[ENV_POLICY_MEMORY / 8] = {0};
  rng luck = rng_episode(rng_stream(seed, "collect"), 0, (uint32_t)id);
  rng policy_luck = rng_episode(rng_stream(seed, "collect policy"), 0, (uint32_t)id);
  e->id = id, e->seed = seed, e->steps = 0;
  env_reset(c->lane, 0, luck);
  env_observe(c->lane, e->observations, 1);
  for (env_outcome out = {0}; !out.terminated && !out.truncated;) {
    float *action = e->actions + (size_t)e->steps * c->spec.actions;
    env_policy_act(&c->policy, c->lane, 0, e->steps, policy_luck, memory, action);
    env_step(c->lane, action, &out, 1);
    e->rewards[e->steps] = (double)out.reward;
    e->terminated[e->steps] = out.terminated;
    e->truncated[e->steps] = out.truncated;
    e->steps++;
    env_observe(c->lane, (char *)e->observations + (size_t)e->steps * bytes, 1);
  }
}

// --- the crew -----------------------------------------------------------------------------------------------------------

static int collect_vacancies(void *self) { return ((collector *)self)->ticket < 0; }

static void collect_begin(void *self, int ticket, const void *record, int member) {
  collector *c = self;
  CHECK(member == 0 && c->ticket < 0, "shard task %d, member %d", ticket, member);
  memcpy(&c->shard, record, sizeof c->shard);
  c->ticket = ticket;
  c->played = 0;
  c->steps = 0;
}

static void shard_forget(collector *c) {
  for (int i = 0; i < c->played; i++) episode_free(&c->episodes[i]);
  c->ticket = -1;
  c->played = 0;
}

static void collect_drop(void *self) { shard_forget(self); }

static collect_result shard_finish(collector *c) {
  collect_result r = {.steps = c->steps};
  r.code = (int32_t)data_shard_write(c->directory.text, c->shard.shard, &c->spec, &c->provenance, c->episodes, c->shard.count);
  if (r.code != OK) text_print(r.words, sizeof r.words, "%s", status_message());
  shard_forget(c);
  return r;
}

static int collect_work(void *self, int *tickets, void *results, int max) {
  collector *c = self;
  if (c->played < c->shard.count) {
    int64_t id = (int64_t)c->shard.shard * c->a->s.collect.shard + c->played;
    episode_play(c, &c->longest, id);
    episode_copy(&c->episodes[c->played++], &c->longest, &c->spec);
    c->steps += c->longest.steps;
    return 0;
  }
  if (max < 1) return 0;
  tickets[0] = c->ticket;
  collect_result r = shard_finish(c);
  memcpy(results, &r, sizeof r);
  return 1;
}

static farm_crew crew_to_collect(collector *c) {
  return (farm_crew){.self = c, .vacancies = collect_vacancies, .begin = collect_begin, .work = collect_work, .drop = collect_drop};
}

// --- the verb -----------------------------------------------------------------------------------------------------------

static int shard_size(const app *a, int shard) {
  int left = a->s.collect.episodes - shard * a->s.collect.shard;
  return left < a->s.collect.shard ? left : a->s.collect.shard;
}

typedef struct collect_watch {
  stage_work work;
  int before, done, size;  // shards there at the start; in all; episodes a shard
  int all;
} collect_watch;

static bool collect_tick(void *self, int64_t finished) {
  collect_watch *w = self;
  w->done = w->before + (int)finished;
  double episodes = (double)(w->done * w->size < w->all ? w->done * w->size : w->all);
  work_show(&w->work, episodes, NULL);
  return work_going(&w->work);
}

static status shards_farm(app *a, collector *c, const collect_record *missing, int count, int shards) {
  collect_result *results = mem_take((size_t)count + 1, sizeof *results);
  collect_watch w = {.work = work_open(&a->run, STAGE_COLLECT, "collect", "episodes", a->s.collect.episodes), .before = shards - count,
                     .size = a->s.collect.shard, .all = a->s.collect.episodes};
  farm_job job = {.groups = count, .members = 1, .records = missing, .record_bytes = sizeof *missing, .result_bytes = sizeof *results};
  farm_crew crew = crew_to_collect(c);
  farm_report report;
  status s = farm_map(a->f, &job, &crew, results, &report, collect_tick, &w);
  int64_t steps = 0;
  for (int i = 0; s == OK && i < count; i++) {
    steps += results[i].steps;
    if (results[i].code != OK) s = status_fail((status)results[i].code, "%s", results[i].words);
  }
  if (s == INTERRUPTED) s = status_fail(INTERRUPTED, "collecting was stopped; finished files are kept, the same command goes on");
  if (s == OK) {
    work_close(&w.work, a->s.collect.episodes, NULL);
    if (report.seconds > 0) log_all("collect: %lld steps, %.3g steps/s", (long long)steps, (double)steps / report.seconds);
  }
  mem_free(results);
  return s;
}

static status collect_all(app *a, collector *c) {
  TRY(stage_begin(&a->run, STAGE_COLLECT));
  int shards = (a->s.collect.episodes + a->s.collect.shard - 1) / a->s.collect.shard, count = 0;
  collect_record *missing = mem_take((size_t)shards, sizeof *missing);
  for (int i = 0; i < shards; i++, heartbeat_beat())
    if (!data_shard_good(c->directory.text, i, (int64_t)i * a->s.collect.shard, shard_size(a, i), &c->provenance))
      missing[count++] = (collect_record){i, shard_size(a, i)};
  if (count < shards && count) log_all("collect: %d of %d files are there", shards - count, shards);
  status s = shards_farm(a, c, missing, count, shards);
  mem_free(missing);
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  if (s == OK) s = data_finish(c->directory.text, shards, &c->spec, &c->provenance);
  return s == OK ? stage_done(&a->run, STAGE_COLLECT) : s;
}

static status collector_open(collector *c, app *a) {
  const env_spec *k = a->environment;
  *c = (collector){.a = a, .ticket = -1, .spec = spec_of(k), .directory = run_path(&a->run, "episodes")};
  TRY(env_policy_parse(&c->policy, a->s.collect.policy, k));
  snprintf(c->provenance.environment, sizeof c->provenance.environment, "%s", k->name);
  snprintf(c->provenance.version, sizeof c->provenance.version, "%s", k->version);
  snprintf(c->provenance.policy, sizeof c->provenance.policy, "%.63s", a->s.collect.policy);
  c->provenance.seed = (uint64_t)a->s.run.seed;
  TRY(env_open(&c->lane, k->name, 1));
  c->episodes = mem_take((size_t)a->s.collect.shard, sizeof *c->episodes);
  episode_room(&c->longest, &c->spec, k->cap);
  return dir_make(c->directory.text);
}

status collect_make(app *a) {
  collector c;
  TRY(farm_agree(a->f, collector_open(&c, a)));
  farm_prepare(a->f, &(farm_sizes){.record_bytes = sizeof(collect_record), .result_bytes = sizeof(collect_result), .tasks = a->s.collect.episodes / a->s.collect.shard + 1});
  farm_crew crew = crew_to_collect(&c);
  status s = OK;
  if (farm_rank(a->f) == 0) {
    s = collect_all(a, &c);
    ranks_dismiss(a);
  } else {
    s = farm_serve(a->f, &crew);
  }
  shard_forget(&c);
  env_close(c.lane);
  episode_free(&c.longest);
  mem_free(c.episodes);
  return farm_agree(a->f, s);
}

// Real episodes by a baseline policy, or, in rounds after the first, by the controller before it and others around
// that, or taken from folders that there are; farmed shard by shard: a shard is a pure function of (seed, its number),
// written whole by the rank that made it, so a rerun only makes what is missing.

#include <string.h>

#include "sources.h"

typedef struct collect_record {
  int32_t shard, count;  // episodes shard * collect.shard ... + count
} collect_record;

typedef struct collect_result {
  int32_t code;          // status of playing and writing
  int32_t reserved;
  int64_t steps;
  char words[240];       // the sentence when code is not OK
} collect_result;

typedef struct take {  // an episode as it is recorded
  data_episode e;
  int room;            // steps that there is memory for
} take;

typedef struct collector {  // a crew that plays one shard at a time
  const app *a;
  data_spec spec;
  data_provenance provenance;
  file_path directory;
  int episodes;             // of all shards
  bool taken;               // from folders that there are, instead of played
  sources *from;            // these; NULL: not opened yet
  status failed;            // reading them did, and why
  char words[240];
  rollout *players;         // of the shard's episodes; a ticket is the place in the shard
  rollout_record record;    // of all episodes
  world *w;                 // whose controller plays; NULL: a baseline does
  float *parameters;        // (n) of that controller
  int n;
  size_t record_bytes;
  char *records;            // (collect.shard, record_bytes)
  int ticket;               // -1: idle
  collect_record shard;
  take *takes;              // (collect.shard)
  int begun, finished;      // of the shard's episodes
  int64_t steps;
  int64_t broken;           // an episode that the environment broke off; -1: none
} collector;

static data_spec collect_spec(const env_spec *k) {
  return (data_spec){.pixels = k->pixels, .shape = {k->shape[0], k->shape[1], k->shape[2]}, .actions = k->actions};
}

// --- recording ------------------------------------------------------------------------------------------------------

enum { TAKE_ROOM = 256 };  // steps at the beginning; doubled as often as the episode needs

static void take_begin(take *t, const collector *c, int member) {
  data_episode_free(&t->e);
  t->room = TAKE_ROOM;
  data_episode_take(&t->e, &c->spec, t->room);
  t->e.id = member;
  t->e.seed = c->record.seed;
}

static void take_action(take *t, const collector *c, const rollout_sight *s) {
  data_episode *e = &t->e;
  int step = s->step - 1;
  if (s->step > t->room) data_episode_resize(e, &c->spec, t->room *= 2);

  memcpy(e->actions + (size_t)step * c->spec.actions, s->action, (size_t)c->spec.actions * sizeof(float));
  e->rewards[step] = (double)s->reward;
  e->terminated[step] = s->terminated;
  e->truncated[step] = s->truncated;
  e->steps = s->step;
}

static void collect_look(void *self, const rollout_sight *s) {
  const collector *c = self;
  take *t = &c->takes[s->ticket];
  size_t bytes = data_observation_bytes(&c->spec);
  if (s->step == 0) take_begin(t, c, s->member);
  else take_action(t, c, s);
  memcpy((char *)t->e.observations + (size_t)s->step * bytes, s->observation, bytes);

  // A shard's episodes wait for its last one: in no more memory than they need.
  if (s->terminated || s->truncated) data_episode_resize(&t->e, &c->spec, t->room = s->step);
}

// --- the crew -------------------------------------------------------------------------------------------------------

static int collect_vacancies(void *self) { return ((collector *)self)->ticket < 0; }

static void collect_begin(void *self, int ticket, const void *record, int member) {
  collector *c = self;
  CHECK(member == 0 && c->ticket < 0, "shard task %d, member %d", ticket, member);
  memcpy(&c->shard, record, sizeof c->shard);
  c->ticket = ticket;
  c->begun = 0;
  c->finished = 0;
  c->steps = 0;
  c->broken = -1;
  c->failed = OK;
}

static void collect_drop(void *self) {
  collector *c = self;
  if (c->players) rollout_drop(c->players);
  for (int i = 0; i < c->begun; i++) data_episode_free(&c->takes[i].e);
  c->ticket = -1;
  c->begun = 0;
}

static status shard_write(const collector *c) {
  if (c->failed != OK) FAIL(c->failed, "%s", c->words);
  if (c->broken >= 0)
    FAIL(BROKEN, "episode %lld of %s: the environment failed before it was over; run collect again",
         (long long)c->broken, c->a->environment->name);

  data_episode *episodes = mem_take((size_t)c->shard.count, sizeof *episodes);
  for (int i = 0; i < c->shard.count; i++) episodes[i] = c->takes[i].e;
  status s = data_shard_write(c->directory.text, c->shard.shard, &c->spec, &c->provenance, episodes, c->shard.count);
  mem_free(episodes);
  return s;
}

static collect_result shard_finish(collector *c) {
  collect_result r = {.steps = c->steps, .code = (int32_t)shard_write(c)};
  if (r.code != OK) text_print(r.words, sizeof r.words, "%s", status_message());
  collect_drop(c);
  return r;
}

// What an episode is played by. A controller plays as it is or, with noise on its parameters, others around it, and now
// and then an action held at random takes over: the world must know what lies beside the path, too.
static void episode_write(collector *c, int place, int number) {
  static const float takeovers[] = {0.01f, 0.03f};  // chances per step
  const settings *s = &c->a->s;
  rollout_record *r = (rollout_record *)(void *)(c->records + (size_t)place * c->record_bytes);
  float *parameters = (float *)(r + 1), luck[3];
  *r = c->record;
  if (!c->w) return;

  rng stream = rng_episode(rng_stream(c->record.seed, "collect controllers"), c->record.generation, (uint32_t)number);
  rng_uniforms(luck, 3, stream, 0, 0);
  rng_normals(parameters, c->n, stream, 1, 0);
  float noise = (double)luck[0] < s->round.mean ? 0 : (float)s->round.noise;
  for (int i = 0; i < c->n; i++) parameters[i] = c->parameters[i] + noise * parameters[i];

  if ((double)luck[1] < s->round.takeover) r->takeover = takeovers[luck[2] < 0.5f];
}

static void shard_episode_begin(collector *c, int first) {
  const char *record = c->records + (size_t)c->begun * c->record_bytes;
  episode_write(c, c->begun, first + c->begun);
  rollout_begin(c->players, c->begun, record, first + c->begun);
}

// A slice of playing. Episodes are numbered through all shards.
static void shard_play(collector *c) {
  enum { RESULTS = 8 };
  int tickets[RESULTS], first = c->shard.shard * c->a->s.collect.shard;
  rollout_result results[RESULTS];
  for (; c->begun < c->shard.count && rollout_vacancies(c->players) > 0; c->begun++) shard_episode_begin(c, first);

  int count = rollout_work(c->players, tickets, results, RESULTS);
  for (int i = 0; i < count; i++) {
    c->steps += results[i].steps;
    if (results[i].broken) c->broken = first + tickets[i];
  }
  c->finished += count;
}

// The next episode of the folders; each rank opens them when it first has something to take.
static status shard_take(collector *c) {
  int number = c->shard.shard * c->a->s.collect.shard + c->begun;
  data_episode e;
  if (!c->from) TRY(sources_open(&c->from, c->a));
  TRY(sources_read(c->from, number, &e));
  take *t = &c->takes[c->begun++];
  data_episode_free(&t->e);
  data_episode_copy(&t->e, &e, &c->spec, e.steps);
  c->steps += e.steps;
  c->finished++;
  return OK;
}

// A slice of taking. What cannot be read ends the shard.
static void shard_take_next(collector *c) {
  c->failed = shard_take(c);
  if (c->failed == OK) return;
  text_print(c->words, sizeof c->words, "%s", status_message());
  c->finished = c->shard.count;
}

static int collect_work(void *self, int *tickets, void *results, int max) {
  collector *c = self;
  if (c->finished < c->shard.count) {
    if (c->taken) shard_take_next(c);
    else shard_play(c);
    return 0;
  }
  if (max < 1) return 0;

  tickets[0] = c->ticket;
  collect_result r = shard_finish(c);
  memcpy(results, &r, sizeof r);
  return 1;
}

static farm_crew crew_to_collect(collector *c) {
  return (farm_crew){.self = c,
                     .vacancies = collect_vacancies,
                     .begin = collect_begin,
                     .work = collect_work,
                     .drop = collect_drop};
}

// --- the verb -------------------------------------------------------------------------------------------------------

static int shard_size(const collector *c, int shard) {
  int size = c->a->s.collect.shard;
  return int_min(size, c->episodes - shard * size);
}

typedef struct collect_watch {
  stage_work work;
  int before, size;  // shards there at the start; episodes per shard
  int all;           // episodes
} collect_watch;

static bool collect_tick(void *self, int64_t finished) {
  collect_watch *w = self;
  int episodes = (w->before + (int)finished) * w->size;
  work_show(&w->work, int_min(episodes, w->all), NULL);
  return work_going(&w->work);
}

// Of all shards; the sentence of one that failed.
static status shards_sum(int64_t *steps, const collect_result *results, int count) {
  status s = OK;
  for (int i = 0; s == OK && i < count; i++) {
    *steps += results[i].steps;
    if (results[i].code != OK) s = status_fail((status)results[i].code, "%s", results[i].words);
  }
  return s;
}

static status shards_map(app *a, collector *c, const collect_record *missing, int count, int shards,
                         collect_result *results) {
  collect_watch w = {.work = work_open(&a->run, STAGE_COLLECT, "collect", "episodes", c->episodes),
                     .before = shards - count,
                     .size = a->s.collect.shard,
                     .all = c->episodes};
  farm_job job = {.groups = count,
                  .members = 1,
                  .records = missing,
                  .record_bytes = sizeof *missing,
                  .result_bytes = sizeof *results};
  farm_crew crew = crew_to_collect(c);
  farm_report report;
  int64_t steps = 0;
  status s = farm_map(a->f, &job, &crew, results, &report, collect_tick, &w);
  if (s == INTERRUPTED)
    FAIL(s, "collecting was stopped; finished files are kept, the same command goes on");
  TRY(s);
  TRY(shards_sum(&steps, results, count));

  work_close(&w.work, c->episodes, NULL);
  char rate[32];
  text_rate(rate, (double)steps / report.seconds);
  if (report.seconds > 0) log_all("collect: %lld steps, %s steps/s", (long long)steps, rate);
  return OK;
}

static status shards_farm(app *a, collector *c, const collect_record *missing, int count, int shards) {
  collect_result *results = mem_take((size_t)count + 1, sizeof *results);
  status s = shards_map(a, c, missing, count, shards, results);
  mem_free(results);
  return s;
}

static status collect_all(app *a, collector *c) {
  TRY(stage_begin(&a->run, STAGE_COLLECT));
  int size = a->s.collect.shard, shards = (c->episodes + size - 1) / size, count = 0;
  collect_record *missing = mem_take((size_t)shards, sizeof *missing);
  for (int i = 0; i < shards; i++, heartbeat_beat())
    if (!data_shard_good(c->directory.text, i, (int64_t)i * size, shard_size(c, i), &c->provenance))
      missing[count++] = (collect_record){i, shard_size(c, i)};
  if (count < shards && count) log_all("collect: %d of %d files are there", shards - count, shards);

  status s = shards_farm(a, c, missing, count, shards);
  mem_free(missing);

  // Finishing reads every shard, and nobody beats meanwhile.
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  if (s == OK) s = data_finish(c->directory.text, shards, &c->spec, &c->provenance);
  if (s == OK && c->taken) s = sources_write(c->from, path_join(c->directory.text, RUN_SOURCES).text);
  return s == OK ? stage_done(&a->run, STAGE_COLLECT) : s;
}

static void provenance_write(data_provenance *p, const app *a, const char *who) {
  snprintf(p->environment, sizeof p->environment, "%s", a->environment->name);
  snprintf(p->version, sizeof p->version, "%s", a->environment->version);
  snprintf(p->policy, sizeof p->policy, "%s", who);
  p->seed = (uint64_t)a->s.run.seed;
}

static status baseline_ready(collector *c, rollout_options *o) {
  const app *a = c->a;
  env_policy policy;
  TRY(env_policy_parse(&policy, a->s.collect.policy, a->environment));
  c->record.place = ROLLOUT_BASELINE;
  memcpy(c->record.policy, policy.text, sizeof policy.text);
  provenance_write(&c->provenance, a, policy.text);

  // One lane: a baseline gains nothing by company, and frames take memory.
  o->lanes = 1;
  return OK;
}

// The controller of the round before, in its world.
static status controller_ready(collector *c, rollout_options *o) {
  enum { LANES = 8 };
  app before = app_of(c->a, c->a->run.before);
  search_state state;
  char who[64];
  TRY(app_world_of_run(&before, &c->w));
  o->world = c->w;
  o->controller = app_controller_of(&before, c->w);
  o->lanes = LANES;

  c->n = controller_size(&o->controller);
  c->parameters = mem_take((size_t)c->n, sizeof *c->parameters);
  TRY(farm_agree(c->a->f, judged_controller(&before, &state, c->parameters, c->n)));

  c->record.place = ROLLOUT_REAL;
  snprintf(who, sizeof who, "controller of round %d, %.12s", before.run.round,
           stage_identity(&c->a->run, STAGE_COLLECT).hex);
  provenance_write(&c->provenance, c->a, who);
  return OK;
}

// Rank 0 looks at the folders, and all hear what it found.
static status sources_ready(collector *c) {
  const app *a = c->a;
  bool master = farm_rank(a->f) == 0;
  heartbeat_silence(HEARTBEAT_LOAD_SECONDS);
  TRY(farm_agree(a->f, master ? sources_open(&c->from, a) : OK));
  c->taken = true;

  if (master) {
    char words[48], who[64];
    sources_words(c->from, words, sizeof words);
    snprintf(who, sizeof who, "%s, %.12s", words, stage_identity(&a->run, STAGE_COLLECT).hex);
    provenance_write(&c->provenance, a, who);
    c->episodes = sources_count(c->from);
    log_all("collect: %d episodes of %s%s", c->episodes, words,
            c->episodes < a->s.collect.episodes ? ", all that there are" : "");
  }
  farm_share(a->f, &c->provenance, sizeof c->provenance);
  farm_share(a->f, &c->episodes, sizeof c->episodes);
  return OK;
}

// Who makes the episodes.
static status maker_ready(collector *c, rollout_options *o) {
  const app *a = c->a;
  if (*a->s.collect.from[0]) return sources_ready(c);
  TRY(a->run.before ? controller_ready(c, o) : baseline_ready(c, o));
  c->players = rollout_open(o);
  c->record_bytes = rollout_record_bytes(c->players);
  c->records = mem_take((size_t)a->s.collect.shard, c->record_bytes);
  return OK;
}

static status collector_open(collector *c, const app *a) {
  size_t room = (size_t)a->s.collect.shard;
  rollout_options o = {.environment = a->environment, .recorder = {.look = collect_look, .self = c}};
  *c = (collector){.a = a,
                   .ticket = -1,
                   .episodes = a->s.collect.episodes,
                   .spec = collect_spec(a->environment),
                   .directory = run_path(&a->run, RUN_EPISODES),
                   .record = {.common = 1,
                              .seed = (uint64_t)a->s.run.seed,
                              .generation = (uint32_t)(a->run.round - 1),
                              .stream = "collect"},
                   .takes = mem_take(room, sizeof(take))};
  TRY(maker_ready(c, &o));
  return dir_make(c->directory.text);
}

static void collector_close(collector *c) {
  if (c->players || c->taken) collect_drop(c);
  rollout_close(c->players);
  sources_close(c->from);
  world_close(c->w);
  mem_free(c->parameters);
  mem_free(c->records);
  mem_free(c->takes);
}

status app_collect_make(app *a) {
  collector c;
  TRY(farm_agree(a->f, collector_open(&c, a)));
  const farm_sizes sizes = {.record_bytes = sizeof(collect_record),
                            .result_bytes = sizeof(collect_result),
                            .tasks = a->s.collect.episodes / a->s.collect.shard + 1};
  farm_prepare(a->f, &sizes);

  farm_crew crew = crew_to_collect(&c);
  status s = OK;
  if (farm_rank(a->f) == 0) {
    s = collect_all(a, &c);
    ranks_dismiss(a);
  } else {
    s = farm_serve(a->f, &crew);
  }

  collector_close(&c);
  return farm_agree(a->f, s);
}

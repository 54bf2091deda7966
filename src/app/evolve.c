// The service: rank 0 asks an evolution strategy for candidates, the farm plays them inside the dream, rank 0 tells what came of it.
// What is told is what was played: candidates are narrowed to float once, here.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evolution.h"

// --- jobs -----------------------------------------------------------------------------------------------------------------

static rollout_record *record_at(const evolution *v, int i) { return (rollout_record *)(v->records + (size_t)i * v->record_bytes); }

static rollout_record record_head(const evolution *v, rollout_place place, const char *stream, int candidate) {
  rollout_record r = {.place = place, .generation = (uint32_t)v->state.generation, .candidate = (uint32_t)candidate,
                      .common = v->a->s.evolve.common_random_numbers || place != ROLLOUT_DREAM,
                      .seed = (uint64_t)v->a->s.run.seed, .rules = rules_of(v->a)};
  snprintf(r.stream, sizeof r.stream, "%s", stream);
  return r;
}

typedef struct watch { evolution *v; int members; } watch;

static void answered(void *self, int task, const void *result) {
  const evolution *v = ((watch *)self)->v;
  journal_add(v->finished, (int)v->job, task, result);
}

static void happened(void *self, const farm_event *e) { rows_happened(((watch *)self)->v, e, ((watch *)self)->members); }

static bool keep_going(void *self, int64_t finished) {
  control_look(((watch *)self)->v, finished);
  journal_write(((watch *)self)->v->finished);
  return !signals_asked();
}

// All candidates have the same parents, so none is expected to live longer than another. Poison counts as broken.
static status play(evolution *v, evolution_job name, int candidates, int episodes, farm_report *report) {
  const rollout_result broken = {.broken = 1};
  watch w = {v, episodes};
  v->job = name;
  journal_recall(v->finished, (int)name, v->known, v->results, candidates * episodes);
  farm_job job = {.groups = candidates, .members = episodes, .records = v->records, .record_bytes = v->record_bytes, .result_bytes = sizeof(rollout_result),
                  .known = v->known, .answered = answered, .happened = happened, .watcher = &w, .poisoned = &broken};
  farm_crew crew = crew_of(v->crew);
  status s = farm_map(v->a->f, &job, &crew, v->results, report, keep_going, &w);
  journal_write(v->finished);
  v->mapped += report->seconds;
  return s;
}

// The mean controller on luck that no candidate has met.
static status play_mean(evolution *v, evolution_job name, rollout_place place, const char *stream, int episodes, double *score) {
  *score = (double)NAN;
  if (episodes == 0) return OK;
  *record_at(v, 0) = record_head(v, place, stream, 0);
  memcpy(record_at(v, 0) + 1, v->mean, (size_t)v->n * sizeof *v->mean);
  farm_report report;
  TRY(play(v, name, 1, episodes, &report));
  *score = summarise(v->results, episodes).mean;
  return OK;
}

// --- a generation -----------------------------------------------------------------------------------------------------------

static void candidates_write(evolution *v) {
  const double *x = es_ask(v->search);
  for (int i = 0; i < v->popsize; i++) {
    *record_at(v, i) = record_head(v, ROLLOUT_DREAM, "train", i);
    float *parameters = (float *)(record_at(v, i) + 1);
    for (int j = 0; j < v->n; j++) {
      parameters[j] = (float)x[(size_t)i * v->n + j];
      v->told[(size_t)i * v->n + j] = (double)parameters[j];
    }
  }
}

// A broken episode is worth the worst return of the generation.
static double worst_return(const evolution *v) {
  double worst = INFINITY;
  for (int i = 0; i < v->popsize * v->episodes; i++)
    if (!v->results[i].broken && v->results[i].total < worst) worst = v->results[i].total;
  return isfinite(worst) ? worst : 0;
}

static void scores_sum(evolution *v, row *r) {
  double worst = worst_return(v);
  for (int i = 0; i < v->popsize; i++) {
    double sum = 0;
    for (int j = 0; j < v->episodes; j++) {  // in index order
      const rollout_result *result = &v->results[i * v->episodes + j];
      sum += result->broken ? worst : result->total;
      r->steps += result->steps;
      r->broken += result->broken;
    }
    v->score[i] = sum / v->episodes;
    v->loss[i] = -v->score[i];
  }
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void scores_describe(evolution *v, row *r) {
  double sum = 0;
  for (int i = 0; i < v->popsize; i++) sum += v->score[i];
  r->mean = sum / v->popsize;
  qsort(v->score, (size_t)v->popsize, sizeof *v->score, ascending);
  r->best = v->score[v->popsize - 1];
  r->median = 0.5 * (v->score[(v->popsize - 1) / 2] + v->score[v->popsize / 2]);
}

static status generation_play(evolution *v, row *r) {
  farm_report report;
  candidates_write(v);
  TRY(play(v, JOB_TRAIN, v->popsize, v->episodes, &report));
  scores_sum(v, r);
  es_tell(v->search, v->told, v->loss);
  scores_describe(v, r);
  r->seconds = report.seconds;
  r->busy = report.busy;
  r->controller = report.apart;
  r->master = report.master;
  r->sent = report.sent;
  r->repeated = report.repeated;
  v->state.generation = es_generation(v->search);
  v->state.episodes += (int64_t)v->popsize * v->episodes;
  v->state.steps += r->steps;
  for (int j = 0; j < v->n; j++) v->mean[j] = (float)es_mean(v->search)[j];
  return OK;
}

// --- judging the mean now and then --------------------------------------------------------------------------------------------

static status mean_judge(evolution *v, row *r) {
  const settings *s = &v->a->s;
  int every = s->evolve.held_out_every;
  r->held_out = r->real = (double)NAN;
  bool due = every && (v->state.generation % every == 0 || v->state.generation == v->generations);
  if (!due) return OK;
  TRY(play_mean(v, JOB_HELD_OUT, ROLLOUT_DREAM, "held-out", s->evolve.held_out_episodes, &r->held_out));
  TRY(play_mean(v, JOB_REAL, ROLLOUT_REAL, "real", s->evolve.real_episodes, &r->real));
  if (isnan(v->state.best_score) || r->held_out > v->state.best_score) {
    v->state.best_score = r->held_out;
    memcpy(v->best, v->mean, (size_t)v->n * sizeof *v->best);
  }
  return OK;
}

// --- the loop ---------------------------------------------------------------------------------------------------------------

// Turns to a new page of the journal, or finds the page that an earlier process began.
static int journal_turn(evolution *v) {
  hash parts[3] = {v->state.identity, v->state.world};
  snprintf(parts[2].hex, sizeof parts[2].hex, "%.16s %d", DREAMFARM_VERSION, v->state.generation);
  return journal_begin(v->finished, hash_join(parts, 3));
}

// The row first, then the checkpoint, whose generation says how many rows count: a row that a kill left ahead of it is made again.
static status generation_save(evolution *v, const row *r) {
  TRY(rows_add(v, r));
  TRY(search_save(v->a, &v->state, v->search, isnan(v->state.best_score) ? v->mean : v->best));
  journal_turn(v);
  return OK;
}

static status generations_play(evolution *v) {
  const char *why = NULL;
  while (v->state.generation < v->generations && !(why = es_done(v->search))) {
    row r = {0};
    control_look(v, 0);
    if (signals_asked()) FAIL(INTERRUPTED, "asked to stop");  // a short generation is over before its map looks up
    TRY(generation_play(v, &r));
    TRY(mean_judge(v, &r));
    TRY(generation_save(v, &r));
    rows_show(v, &r);
    v->last = r;
  }
  if (why) log_all("evolve: stopped at generation %d: %s", v->state.generation, why);
  return rows_event(v, "end", why);
}

static status refuse_other(const evolution *v, hash identity, hash w) {
  const char *where = v->a->s.run.directory;
  if (!hash_equal(w, v->state.world))
    FAIL(MISMATCH, "the checkpoint in %s was made in the world %s, but the run's world is %s; use another run.directory, or start anew with --fresh",
         where, v->state.world.hex, w.hex);
  if (!hash_equal(identity, v->state.identity))
    FAIL(MISMATCH, "the checkpoint in %s was made with the configuration %s, but this one is %s; put its settings back, use another run.directory, or start anew with --fresh",
         where, v->state.identity.hex, identity.hex);
  return OK;
}

static status search_resume(evolution *v, hash identity, hash w) {
  bool damaged;
  TRY(search_newest(v->a, &damaged, &v->state, &v->search, v->mean, v->best, v->n));
  TRY(refuse_other(v, identity, w));
  TRY(rows_cut(v));
  if (damaged) {
    TRY(search_set_aside(v->a));
    log_here("it is set aside as controller.damaged.safetensors; the one before it, of generation %d, takes its place", v->state.generation);
    TRY(rows_event(v, "damaged", "controller.safetensors"));
  }
  int episodes = journal_turn(v);
  log_all("evolve: resumes after generation %d, with %d finished episodes of the next", v->state.generation, episodes);
  return rows_resumed(v, episodes);
}

static const es_kind kinds[] = {
    [CONFIG_STRATEGY_CMA] = ES_CMA,       [CONFIG_STRATEGY_SEP_CMA] = ES_SEP_CMA, [CONFIG_STRATEGY_LRA_CMA] = ES_LRA_CMA,
    [CONFIG_STRATEGY_LM_MA] = ES_LM_MA,   [CONFIG_STRATEGY_OPENAI] = ES_OPENAI,   [CONFIG_STRATEGY_PGPE] = ES_PGPE,
    [CONFIG_STRATEGY_ONE_PLUS_ONE] = ES_ONE_PLUS_ONE, [CONFIG_STRATEGY_RANDOM] = ES_RANDOM};

es_options search_options(const app *a, int n) {
  const settings *s = &a->s;
  return (es_options){.kind = kinds[s->evolve.strategy], .n = n, .popsize = s->evolve.popsize, .sigma0 = s->evolve.sigma0, .seed = (uint64_t)s->run.seed,
                      .active = s->evolve.active};
}

static status search_begin(evolution *v, hash identity, hash w) {
  const es_options o = search_options(v->a, v->n);
  TRY(es_open(&v->search, &o));
  v->state = (search_state){.best_score = (double)NAN, .identity = identity, .world = w};
  TRY(rows_begin(v));
  TRY(rows_event(v, "begin", NULL));
  int episodes = journal_turn(v);
  return episodes ? rows_resumed(v, episodes) : OK;
}

static int most_tasks(const settings *s) {
  int most = s->evolve.popsize * s->evolve.episodes;
  if (s->evolve.held_out_episodes > most) most = s->evolve.held_out_episodes;
  return s->evolve.real_episodes > most ? s->evolve.real_episodes : most;
}

static void evolution_room(evolution *v) {
  size_t n = (size_t)v->n, popsize = (size_t)v->popsize;
  v->records = mem_take(popsize, v->record_bytes);
  v->told = mem_take(popsize * n, sizeof(double));
  v->score = mem_take(popsize, sizeof(double));
  v->loss = mem_take(popsize, sizeof(double));
  v->known = mem_take((size_t)most_tasks(&v->a->s), 1);
  v->results = mem_take((size_t)most_tasks(&v->a->s), sizeof(rollout_result));
  v->mean = mem_take(n, sizeof(float));
  v->best = mem_take(n, sizeof(float));
}

static void evolution_free(evolution *v) {
  es_close(v->search);
  journal_close(v->finished);
  mem_free(v->records);
  mem_free(v->told);
  mem_free(v->score);
  mem_free(v->loss);
  mem_free(v->known);
  mem_free(v->results);
  mem_free(v->mean);
  mem_free(v->best);
}

static status master(evolution *v) {
  const settings *s = &v->a->s;
  hash identity = stage_identity(v->a, STAGE_EVOLVE), w = world_hash(v->w);
  evolution_room(v);
  file_path finished = run_path(v->a, "journal");
  dir_sweep(v->a->s.run.directory, "controller.");
  if (v->a->fresh) TRY(search_forget(v->a));
  if (v->a->fresh) TRY(file_remove(finished.text));
  TRY(journal_open(&v->finished, finished.text, most_tasks(s)));
  TRY(search_exists(v->a) ? search_resume(v, identity, w) : search_begin(v, identity, w));
  v->told_at = time_now();
  log_all("evolve: %d parameters, %d candidates x %d episodes, %d ranks, %d lanes each", v->n, v->popsize, v->episodes, farm_size(v->a->f), s->dream.lanes);
  preflight_generation(v->a);
  control_begin(v);
  v->p = progress_open("evolve", "generations", v->generations);
  TRY(generations_play(v));
  progress_close(&v->p, v->state.generation, NULL);
  return stage_done(v->a, STAGE_EVOLVE);
}

// An event; the sentence stays what it is, since a disk that is full may refuse the event too.
static void stop_tell(const evolution *v, status s) {
  char words[1024];
  snprintf(words, sizeof words, "%.1023s", status_message());
  rows_event(v, "stop", words);
  status_fail(s, "%s", words);
}

static status master_with_words(evolution *v) {
  status s = master(v);
  if (s == INTERRUPTED)
    s = status_fail(INTERRUPTED, "evolving was stopped after generation %d; what is finished is in %s, the same command goes on", v->state.generation, v->a->s.run.directory);
  if (v->search && s != OK) stop_tell(v, s);
  evolution_free(v);
  return s;
}

status app_evolve(app *a) {
  world *w;
  TRY(world_of_run(a, &w));
  rollout_options o = {.world = w, .environment = a->environment, .controller = controller_of(a, w), .lanes = a->s.dream.lanes};
  evolution v = {.a = a, .w = w, .crew = rollout_open(&o), .n = controller_size(&o.controller), .popsize = a->s.evolve.popsize,
                 .episodes = a->s.evolve.episodes, .csv = run_path(a, "run.csv"), .jsonl = run_path(a, "run.jsonl")};
  v.record_bytes = rollout_record_bytes(v.crew);
  farm_prepare(a->f, &(farm_sizes){.record_bytes = v.record_bytes, .result_bytes = sizeof(rollout_result), .state_bytes = rollout_state_bytes(v.crew), .tasks = most_tasks(&a->s)});
  farm_crew crew = crew_of(v.crew);
  status s;
  if (farm_rank(a->f) == 0) {
    s = master_with_words(&v);
    bool whole = !farm_lossy(a->f);
    ranks_dismiss(a);
    if (s == OK && whole && farm_lossy(a->f)) s = rows_event(&v, "lost", "noticed at the end; others had done its tasks");
  } else {
    s = farm_serve(a->f, &crew);
  }
  rollout_close(v.crew);
  world_close(w);
  return farm_agree(a->f, s);
}

// The service: rank 0 asks an evolution strategy for candidates, the farm plays them inside the dream, rank 0 tells what came of it.
// What is told is what was played: candidates are narrowed to float once, here.

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

#define CSV_HEAD "generation,best,median,mean,held_out,real,sigma,condition,episodes,steps,broken,seconds,busy\n"

typedef struct evolution {
  app *a;
  const world *w;
  rollout *crew;
  es *search;
  search_state state;
  int n, popsize, episodes;      // parameters, candidates, episodes a candidate
  size_t record_bytes;
  char *records;                 // (popsize, record_bytes)
  double *told;                  // (popsize, n)  the candidates as played
  double *score, *loss;          // (popsize)     mean return; what es minimises
  rollout_result *results;       // (most tasks of any job)
  float *mean, *best;            // (n)
  file_path csv, jsonl, checkpoint;
  progress p;
  bool asked_to_stop;
} evolution;

typedef struct row {
  double best, median, mean, held_out, real;  // held_out, real: NaN where not asked
  int64_t steps;
  int broken;
  double seconds, busy;
} row;

// --- jobs -----------------------------------------------------------------------------------------------------------------

static rollout_record *record_at(const evolution *v, int i) { return (rollout_record *)(v->records + (size_t)i * v->record_bytes); }

static rollout_record record_head(const evolution *v, rollout_place place, const char *stream, int candidate) {
  rollout_record r = {.place = place, .generation = (uint32_t)v->state.generation, .candidate = (uint32_t)candidate,
                      .common = v->a->s.evolve.common_random_numbers || place != ROLLOUT_DREAM,
                      .seed = (uint64_t)v->a->s.run.seed, .rules = rules_of(v->a)};
  snprintf(r.stream, sizeof r.stream, "%s", stream);
  return r;
}

static bool keep_going(void *self, int64_t finished) {
  (void)self;
  (void)finished;
  return !signals_asked();
}

static status play(evolution *v, int candidates, int episodes, farm_report *report) {
  farm_job job = {.groups = candidates, .members = episodes, .records = v->records, .record_bytes = v->record_bytes, .result_bytes = sizeof(rollout_result)};
  farm_crew crew = crew_of(v->crew);
  return farm_map(v->a->f, &job, &crew, v->results, report, keep_going, NULL);
}

// The mean controller on luck that no candidate has met.
static status play_mean(evolution *v, rollout_place place, const char *stream, int episodes, double *score) {
  *score = (double)NAN;
  if (episodes == 0) return OK;
  *record_at(v, 0) = record_head(v, place, stream, 0);
  memcpy(record_at(v, 0) + 1, v->mean, (size_t)v->n * sizeof *v->mean);
  farm_report report;
  TRY(play(v, 1, episodes, &report));
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
  TRY(play(v, v->popsize, v->episodes, &report));
  scores_sum(v, r);
  es_tell(v->search, v->told, v->loss);
  scores_describe(v, r);
  r->seconds = report.seconds;
  r->busy = report.busy;
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
  bool due = every && (v->state.generation % every == 0 || v->state.generation == s->evolve.generations);
  if (!due) return OK;
  TRY(play_mean(v, ROLLOUT_DREAM, "held-out", s->evolve.held_out_episodes, &r->held_out));
  TRY(play_mean(v, ROLLOUT_REAL, "real", s->evolve.real_episodes, &r->real));
  if (isnan(v->state.best_score) || r->held_out > v->state.best_score) {
    v->state.best_score = r->held_out;
    memcpy(v->best, v->mean, (size_t)v->n * sizeof *v->best);
  }
  return OK;
}

// --- rows -------------------------------------------------------------------------------------------------------------------

static void add_cell(text_buffer *t, double value) {
  if (isnan(value)) text_add(t, ",");
  else text_add(t, ",%.9g", value);
}

static void csv_row(const evolution *v, const row *r, text_buffer *t) {
  text_add(t, "%d", v->state.generation);
  const double cells[] = {r->best, r->median, r->mean, r->held_out, r->real, es_sigma(v->search), es_condition(v->search)};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) add_cell(t, cells[i]);
  text_add(t, ",%lld,%lld,%d,%.3f,%.3f\n", (long long)v->state.episodes, (long long)v->state.steps, r->broken, r->seconds, r->busy);
}

static void json_row(const evolution *v, const row *r, text_buffer *t) {
  json_open(t, NULL, '{');
  json_number(t, "generation", v->state.generation);
  json_number(t, "best", r->best);
  json_number(t, "median", r->median);
  json_number(t, "mean", r->mean);
  if (!isnan(r->held_out)) json_number(t, "held_out", r->held_out);
  if (!isnan(r->real)) json_number(t, "real", r->real);
  json_number(t, "sigma", es_sigma(v->search));
  json_number(t, "condition", es_condition(v->search));
  json_number(t, "episodes", (double)v->state.episodes);
  json_number(t, "steps", (double)v->state.steps);
  json_number(t, "broken", r->broken);
  json_number(t, "seconds", r->seconds);
  json_number(t, "busy", r->busy);
  json_close(t, '}');
  text_add(t, "\n");
}

static status event_write(const evolution *v, const char *event, const char *words) {
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_text(&t, "event", event);
  json_number(&t, "generation", v->state.generation);
  json_number(&t, "ranks", farm_size(v->a->f));
  if (words) json_text(&t, "words", words);
  json_text(&t, "world", v->state.world.hex);
  json_text(&t, "config", v->state.identity.hex);
  json_text(&t, "version", DREAMFARM_VERSION);
  json_close(&t, '}');
  text_add(&t, "\n");
  status s = append_text(v->jsonl.text, &t);
  text_free(&t);
  return s;
}

// The row first, then the checkpoint that says how long run.csv is: a kill between the two loses a row that is made again.
static status generation_save(evolution *v, const row *r) {
  text_buffer line = {0}, json = {0};
  csv_row(v, r, &line);
  json_row(v, r, &json);
  status s = append_text(v->csv.text, &line);
  v->state.csv_bytes += (int64_t)line.size;
  if (s == OK) s = append_text(v->jsonl.text, &json);
  if (s == OK) s = search_save(v->checkpoint.text, &v->state, v->search, isnan(v->state.best_score) ? v->mean : v->best);
  text_free(&line);
  text_free(&json);
  return s;
}

static void generation_show(evolution *v, const row *r) {
  char note[160], held[64] = "";
  if (!isnan(r->held_out)) snprintf(held, sizeof held, "  held-out %.1f  real %.1f", r->held_out, r->real);
  snprintf(note, sizeof note, "best %.1f  mean %.1f  sigma %.3g  busy %.0f %%%s", r->best, r->mean, es_sigma(v->search), 100 * r->busy, held);
  if (!isnan(r->held_out)) v->p.last = 0;  // such a line is always shown
  progress_show(&v->p, v->state.generation, note);
}

// --- the loop ---------------------------------------------------------------------------------------------------------------

static status generations_play(evolution *v) {
  const char *why = NULL;
  while (v->state.generation < v->a->s.evolve.generations && !(why = es_done(v->search))) {
    row r = {0};
    TRY(generation_play(v, &r));
    TRY(mean_judge(v, &r));
    TRY(generation_save(v, &r));
    generation_show(v, &r);
  }
  if (why) log_all("evolve: stopped at generation %d: %s", v->state.generation, why);
  return event_write(v, "end", why);
}

static status refuse_other(const evolution *v, hash identity, hash w) {
  if (!hash_equal(w, v->state.world))
    FAIL(MISMATCH, "%s was made in the world %s, but the run's world is %s; use another run.directory, or start anew with --fresh",
         v->checkpoint.text, v->state.world.hex, w.hex);
  if (!hash_equal(identity, v->state.identity))
    FAIL(MISMATCH, "%s was made with the configuration %s, but this one is %s; put its settings back, use another run.directory, or start anew with --fresh",
         v->checkpoint.text, v->state.identity.hex, identity.hex);
  return OK;
}

static status search_resume(evolution *v, hash identity, hash w) {
  hash wanted_world = w;
  TRY(search_load(v->checkpoint.text, &v->state, &v->search, v->mean, v->best, v->n));
  TRY(refuse_other(v, identity, wanted_world));
  if (truncate(v->csv.text, (off_t)v->state.csv_bytes) != 0) FAIL(NO_IO, "%s: cannot be cut back to generation %d", v->csv.text, v->state.generation);
  log_all("evolve: resumes after generation %d", v->state.generation);
  return event_write(v, "resume", NULL);
}

static const es_kind kinds[] = {
    [CONFIG_STRATEGY_CMA] = ES_CMA,       [CONFIG_STRATEGY_SEP_CMA] = ES_SEP_CMA, [CONFIG_STRATEGY_LRA_CMA] = ES_LRA_CMA,
    [CONFIG_STRATEGY_LM_MA] = ES_LM_MA,   [CONFIG_STRATEGY_OPENAI] = ES_OPENAI,   [CONFIG_STRATEGY_PGPE] = ES_PGPE,
    [CONFIG_STRATEGY_ONE_PLUS_ONE] = ES_ONE_PLUS_ONE, [CONFIG_STRATEGY_RANDOM] = ES_RANDOM};

static status search_begin(evolution *v, hash identity, hash w) {
  const settings *s = &v->a->s;
  const es_options o = {.kind = kinds[s->evolve.strategy], .n = v->n, .popsize = s->evolve.popsize, .sigma0 = s->evolve.sigma0, .seed = (uint64_t)s->run.seed,
                        .active = s->evolve.active};
  TRY(es_open(&v->search, &o));
  v->state = (search_state){.best_score = (double)NAN, .identity = identity, .world = w, .csv_bytes = (int64_t)strlen(CSV_HEAD)};
  TRY(file_write(v->csv.text, CSV_HEAD, strlen(CSV_HEAD)));
  TRY(file_remove(v->jsonl.text));
  return event_write(v, "begin", NULL);
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
  v->results = mem_take((size_t)most_tasks(&v->a->s), sizeof(rollout_result));
  v->mean = mem_take(n, sizeof(float));
  v->best = mem_take(n, sizeof(float));
}

static void evolution_free(evolution *v) {
  es_close(v->search);
  mem_free(v->records);
  mem_free(v->told);
  mem_free(v->score);
  mem_free(v->loss);
  mem_free(v->results);
  mem_free(v->mean);
  mem_free(v->best);
}

static status master(evolution *v) {
  const settings *s = &v->a->s;
  hash identity = stage_identity(v->a, STAGE_EVOLVE), w = world_hash(v->w);
  evolution_room(v);
  if (v->a->fresh) TRY(file_remove(v->checkpoint.text));
  if (file_exists(v->checkpoint.text)) TRY(search_resume(v, identity, w));
  else TRY(search_begin(v, identity, w));
  log_all("evolve: %d parameters, %d candidates x %d episodes, %d ranks, %d lanes each", v->n, v->popsize, v->episodes, farm_size(v->a->f), s->dream.lanes);
  v->p = progress_open("evolve", "generations", s->evolve.generations);
  TRY(generations_play(v));
  progress_close(&v->p, v->state.generation, NULL);
  return stage_done(v->a, STAGE_EVOLVE);
}

static status master_with_words(evolution *v) {
  status s = master(v);
  if (s == INTERRUPTED)
    s = status_fail(INTERRUPTED, "evolving was stopped; %s has generation %d, the same command goes on", v->checkpoint.text, v->state.generation);
  evolution_free(v);
  return s;
}

status app_evolve(app *a) {
  world *w;
  TRY(world_of_run(a, &w));
  rollout_options o = {.world = w, .environment = a->environment, .controller = controller_of(a, w), .lanes = a->s.dream.lanes};
  evolution v = {.a = a, .w = w, .crew = rollout_open(&o), .n = controller_size(&o.controller), .popsize = a->s.evolve.popsize,
                 .episodes = a->s.evolve.episodes, .csv = run_path(a, "run.csv"), .jsonl = run_path(a, "run.jsonl"),
                 .checkpoint = run_path(a, "controller.safetensors")};
  v.record_bytes = rollout_record_bytes(v.crew);
  farm_prepare(a->f, v.record_bytes, sizeof(rollout_result), most_tasks(&a->s));
  farm_crew crew = crew_of(v.crew);
  status s;
  if (farm_rank(a->f) == 0) {
    s = master_with_words(&v);
    farm_dismiss(a->f);
  } else {
    s = farm_serve(a->f, &crew);
  }
  rollout_close(v.crew);
  world_close(w);
  return farm_agree(a->f, s);
}

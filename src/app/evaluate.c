// The judgement: the controller in the real environment with V and M as its eyes and memory, beside the baselines,
// without which a score means nothing. In the dream too, at several temperatures, to see how far the two part.

#include <math.h>
#include <string.h>

#include "app.h"

#define ENTRIES_MAX (APP_POLICIES_MAX + APP_TEMPERATURES_MAX + 8)

typedef struct entry {  // one line of the table
  char name[64];
  rollout_record record;
  summary s;
} entry;

typedef struct evaluation {
  app *a;
  world *w;                  // NULL: baselines only
  rollout *crew;
  int n;
  float *parameters;         // (n) of the controller
  search_state state;
  entry entries[ENTRIES_MAX];
  int count;
  bool has_controller;       // entries[0]
  size_t record_bytes;
  char *record;
  rollout_result *results;   // (episodes)
  char file[80];             // it is written to
  bool completes;            // the run's stage
} evaluation;

static entry *evaluate_entry_add(evaluation *v, rollout_place place, const char *name) {
  CHECK(v->count < ENTRIES_MAX, "%d entries", v->count);
  entry *e = &v->entries[v->count++];
  snprintf(e->name, sizeof e->name, "%s", name);
  e->record = judged_record(v->a, place, place == ROLLOUT_BASELINE ? name : "");
  return e;
}

static void evaluate_entries_in_dream(evaluation *v) {
  const app *a = v->a;
  int count = a->temperature_count ? a->temperature_count : 1;
  for (int i = 0; i < count; i++) {
    double temperature = a->temperature_count ? a->temperatures[i] : a->s.dream.temperature;
    char name[64];
    snprintf(name, sizeof name, "dream at temperature %g", temperature);
    evaluate_entry_add(v, ROLLOUT_DREAM, name)->record.rules.temperature = (float)temperature;
  }
}

static status evaluate_baseline_add(evaluation *v, const char *name) {
  env_policy p;
  TRY(env_policy_parse(&p, name, v->a->environment));
  evaluate_entry_add(v, ROLLOUT_BASELINE, name);
  return OK;
}

static status evaluate_entries_make(evaluation *v) {
  const app *a = v->a;
  if (!settings_learn(&a->s) && (a->in_dream || a->untrained))
    FAIL(USAGE, "%s: controller.features is observation, so there is neither a dream nor an M",
         a->in_dream ? "--in dream, --temperatures" : "--untrained");

  // Baselines that are named stand alone: they need no world.
  if (a->policy_count) {
    for (int i = 0; i < a->policy_count; i++) TRY(evaluate_baseline_add(v, a->policies[i]));
    return OK;
  }

  v->has_controller = true;
  if (a->in_dream) {
    evaluate_entries_in_dream(v);
    return OK;
  }

  // The judgement: the controller, and beside it whatever the environment wants to see there.
  evaluate_entry_add(v, ROLLOUT_REAL, a->untrained ? "controller, M untrained" : "controller");
  for (const env_baseline *b = a->environment->baselines; b->name; b++)
    if (b->reported) TRY(evaluate_baseline_add(v, b->reported));
  return OK;
}

// --- playing --------------------------------------------------------------------------------------------------------

typedef struct evaluate_watch {
  stage_work work;
  double before;  // episodes of the entries before this one
} evaluate_watch;

static bool evaluate_tick(void *self, int64_t finished) {
  evaluate_watch *w = self;
  work_show(&w->work, w->before + (double)finished, NULL);
  return work_going(&w->work);
}

static status evaluate_entry_play(evaluation *v, entry *e, evaluate_watch *w) {
  int episodes = v->a->s.evaluate.episodes;
  memcpy(v->record, &e->record, sizeof e->record);
  if (v->n && e->record.place != ROLLOUT_BASELINE)
    memcpy(v->record + sizeof e->record, v->parameters, (size_t)v->n * sizeof(float));

  farm_job job = {.groups = 1,
                  .members = episodes,
                  .records = v->record,
                  .record_bytes = v->record_bytes,
                  .result_bytes = sizeof(rollout_result)};
  farm_crew crew = crew_of(v->crew);
  farm_report report;
  TRY(farm_map(v->a->f, &job, &crew, v->results, &report, evaluate_tick, w));

  e->s = summarise(v->results, episodes);
  e->s.seconds = report.seconds;
  w->before += episodes;
  return OK;
}

// --- telling --------------------------------------------------------------------------------------------------------

// Does the controller stand beside baselines that have played the same episodes?
static bool evaluate_compares(const evaluation *v) { return v->has_controller && !v->a->in_dream; }

static void evaluate_table_print(const evaluation *v) {
  const char *p = evaluate_compares(v) && v->count > 1 ? "p (controller = this)" : "";
  printf("%-26s %8s %8s %7s %7s %7s %7s %7s  %s\n", "policy", "mean", "sd", "se", "p10", "p50", "p90", "n", p);
  for (int i = 0; i < v->count; i++) {
    const entry *e = &v->entries[i];
    const summary *s = &e->s;
    printf("%-26s %8.1f %8.1f %7.2f %7.0f %7.0f %7.0f %7d", e->name, s->mean, s->sd, s->se, s->p10, s->p50, s->p90,
           s->episodes);
    if (i && evaluate_compares(v)) printf("  %.2g", welch_p(&v->entries[0].s, s));
    if (s->broken) printf("  (%d broken)", s->broken);
    printf("\n");
  }
  if (!v->a->environment->pure)
    printf("%s is not pure: played again, all this comes out differently\n", v->a->environment->name);
  output_flush();
}

static void evaluate_entry_json(const evaluation *v, const entry *e, text_buffer *t) {
  json_open(t, e->name, '{');
  json_number(t, "mean", e->s.mean);
  json_number(t, "sd", e->s.sd);
  json_number(t, "se", e->s.se);
  json_number(t, "episodes", e->s.episodes);
  json_number(t, "broken", e->s.broken);
  json_number(t, "p10", e->s.p10);
  json_number(t, "p50", e->s.p50);
  json_number(t, "p90", e->s.p90);
  json_number(t, "max", e->s.max);
  if (e != v->entries && evaluate_compares(v))
    json_number(t, "p_equals_controller", welch_p(&v->entries[0].s, &e->s));
  json_close(t, '}');
}

static status evaluate_json_write(const evaluation *v, const char *name) {
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_text(&t, "environment", v->a->environment->name);
  json_bool(&t, "pure", v->a->environment->pure);
  json_text(&t, "version", DREAMFARM_VERSION);
  json_text(&t, "in", v->a->in_dream ? "dream" : "real");
  json_bool(&t, "untrained", v->a->untrained);
  json_number(&t, "seed", (double)v->a->s.run.seed);

  if (v->has_controller) {
    json_text(&t, "which", best_is_judged(v->a) ? "best" : "mean");
    json_number(&t, "generation", v->state.generation);
    json_text(&t, "world", world_hash(v->w).hex);
  }

  json_open(&t, "policies", '{');
  for (int i = 0; i < v->count; i++) evaluate_entry_json(v, &v->entries[i], &t);
  json_close(&t, '}');
  json_close(&t, '}');
  text_add(&t, "\n");

  status s = file_write(run_out(&v->a->run, name).text, t.bytes, t.size);
  text_free(&t);
  return s;
}

// --- the verb -------------------------------------------------------------------------------------------------------

static status evaluate_controller_load(evaluation *v) {
  const app *a = v->a;
  v->parameters = mem_take((size_t)v->n, sizeof(float));
  TRY(judged_controller(a, &v->state, v->parameters, v->n));
  if (a->untrained || hash_equal(v->state.world, world_hash(v->w))) return OK;

  FAIL(MISMATCH, "%s was evolved in the world %s, but the run's world is %s; evolve again",
       run_path(&a->run, "controller.safetensors").text, v->state.world.hex, world_hash(v->w).hex);
}

// What is judged is the run's controller as the run would judge it.
static bool evaluate_is_judgement(const app *a) {
  return !a->policy_count && !a->in_dream && !a->untrained && !a->run.out;
}

// A judgement with other settings (by 1000 episodes, say) is not replaced: this one gets a file of its own.
static status evaluate_file_choose(evaluation *v) {
  const app *a = v->a;
  static const char *const names[2][2] = {{"evaluate.json", "evaluate-untrained.json"},
                                          {"evaluate-dream.json", "evaluate-dream-untrained.json"}};
  const char *name = a->policy_count ? "evaluate-policies.json" : names[a->in_dream][a->untrained];
  stage_standing standing[STAGES] = {0};
  snprintf(v->file, sizeof v->file, "%s", name);
  v->completes = evaluate_is_judgement(a);
  if (!v->completes) return OK;

  status s = stages_look(&a->run, STAGE_EVALUATE, STAGE_EVALUATE, standing);
  if (s != OK && standing[STAGE_EVALUATE] != STAGE_OTHER) return s;
  if (s == OK) return OK;

  v->completes = false;
  snprintf(v->file, sizeof v->file, "evaluate-%d-%s.json", a->s.evaluate.episodes,
           best_is_judged(a) ? "best" : "mean");
  log_all("evaluate: %s is a judgement with other settings and stays; this one goes to %s (--fresh replaces it)",
          run_path(&a->run, "evaluate.json").text, v->file);
  return OK;
}

static status evaluate_file_fill(const evaluation *v) {
  if (v->completes) TRY(stage_begin(&v->a->run, STAGE_EVALUATE));
  TRY(evaluate_json_write(v, v->file));
  return v->completes ? stage_done(&v->a->run, STAGE_EVALUATE) : OK;
}

static status evaluate_all(evaluation *v) {
  const app *a = v->a;
  TRY(evaluate_file_choose(v));
  if (v->has_controller) TRY(evaluate_controller_load(v));
  v->record = mem_take(1, v->record_bytes);
  v->results = mem_take((size_t)a->s.evaluate.episodes, sizeof(rollout_result));

  // Other questions than the run's own, and those about a run at which another process is at work, are not its affair.
  const run_home *home = v->completes && !run_locked(&a->run) ? &a->run : NULL;
  double episodes = (double)a->s.evaluate.episodes * v->count;
  evaluate_watch w = {.work = work_open(home, STAGE_EVALUATE, "evaluate", "episodes", episodes)};
  for (int i = 0; i < v->count; i++) TRY(evaluate_entry_play(v, &v->entries[i], &w));
  work_close(&w.work, w.before, NULL);
  evaluate_table_print(v);
  return evaluate_file_fill(v);
}

static void evaluation_open(evaluation *v) {
  const app *a = v->a;
  rollout_options o = {.world = v->w, .environment = a->environment, .lanes = a->s.dream.lanes};
  if (v->w) o.controller = app_controller_of(a, v->w);
  v->crew = rollout_open(&o);
  v->n = v->w ? controller_size(&o.controller) : 0;
  v->record_bytes = rollout_record_bytes(v->crew);

  const farm_sizes sizes = {.record_bytes = v->record_bytes,
                            .result_bytes = sizeof(rollout_result),
                            .state_bytes = rollout_state_bytes(v->crew),
                            .tasks = a->s.evaluate.episodes};
  farm_prepare(a->f, &sizes);
}

static void evaluation_close(evaluation *v) {
  rollout_close(v->crew);
  world_close(v->w);
  mem_free(v->parameters);
  mem_free(v->record);
  mem_free(v->results);
}

status app_evaluate(app *a) {
  evaluation v = {.a = a};
  TRY(farm_agree(a->f, evaluate_entries_make(&v)));
  if (v.has_controller) TRY(app_world_of_run(a, &v.w));
  evaluation_open(&v);

  farm_crew crew = crew_of(v.crew);
  status s;
  if (farm_rank(a->f) == 0) {
    s = evaluate_all(&v);
    if (s == INTERRUPTED) s = status_fail(INTERRUPTED, "evaluating was stopped");
    ranks_dismiss(a);
  } else {
    s = farm_serve(a->f, &crew);
  }

  evaluation_close(&v);
  return farm_agree(a->f, s);
}

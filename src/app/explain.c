// What a search goes by: the controller's size, every constant of the strategy with formula and source (they come from
// the es room), and how long a generation should take here: what was measured for it, and what is assumed.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

typedef struct sheet { text_buffer lines, json; } sheet;

static void explain_heading(sheet *s, const char *key, const char *words) {
  text_add(&s->lines, "%s%s\n", s->lines.size ? "\n" : "", words);
  json_open(&s->json, key, '[');
}

static void explain_put(sheet *s, const char *name, double value, const char *formula, const char *source) {
  char number[32] = "-";
  if (isfinite(value)) snprintf(number, sizeof number, "%.8g", value);
  text_add(&s->lines, "  %-18s %-13s %-70s %s\n", name, number, *formula ? formula : "-", source);
  json_open(&s->json, NULL, '{');
  json_text(&s->json, "name", name);
  json_number(&s->json, "value", value);
  json_text(&s->json, "formula", formula);
  json_text(&s->json, "source", source);
  json_close(&s->json, '}');
}

// --- the controller's size ------------------------------------------------------------------------------------------

static void explain_put_controller(sheet *s, const world_features *f, const controller_shape *c) {
  explain_heading(s, "controller", "controller");
  for (int i = 0; i < f->parts; i++) explain_put(s, f->part[i].name, f->part[i].size, "", f->part[i].words);
  explain_put(s, "A", c->A, "", "the environment's actions");
  explain_put(s, "hidden", c->hidden, "", "controller.hidden: units between; 0: linear");
  explain_put(s, "bias", c->bias, "", "controller.bias");
}

// n of the features' parts: A (z + h + bias), say.
typedef struct n_formula {
  char text[96];
} n_formula;

static n_formula explain_n_formula_of(const world_features *f, const controller_shape *c) {
  n_formula n;
  char sum[48] = "";
  size_t at = 0;
  for (int i = 0; i < f->parts; i++)
    at += (size_t)snprintf(sum + at, sizeof sum - at, "%s + ", f->part[i].name);
  if (c->hidden) snprintf(n.text, sizeof n.text, "hidden (%sbias) + A (hidden + bias)", sum);
  else snprintf(n.text, sizeof n.text, "A (%sbias)", sum);
  return n;
}

// --- the strategy's constants ---------------------------------------------------------------------------------------

static void explain_put_constants(sheet *s, const char *formula_of_n, const es_options *o, const es_constant *list,
                                  int count) {
  const struct { const char *name, *formula, *source; } ours[] = {{"n", formula_of_n, "the controller's parameters"},
                                                                 {"popsize", "", "evolve.popsize"},
                                                                 {"sigma0", "", "evolve.sigma0"}};
  char words[160];
  snprintf(words, sizeof words, "%s, in %s dialect", es_kind_name(o->kind),
           o->dialect == ES_PYCMA ? "pycma's" : "the tutorial's");
  explain_heading(s, "constants", o->kind <= ES_LRA_CMA ? words : es_kind_name(o->kind));

  // es knows its own names; what is chosen here is chosen by name.
  for (int i = 0; i < count; i++) {
    const char *formula = list[i].formula, *source = list[i].source;
    for (size_t j = 0; j < sizeof ours / sizeof *ours; j++)
      if (strcmp(list[i].name, ours[j].name) == 0) formula = ours[j].formula, source = ours[j].source;
    explain_put(s, list[i].name, list[i].value, formula, source);
  }
  json_close(&s->json, ']');
}

// --- the last row of run.csv ----------------------------------------------------------------------------------------

// Mean steps per episode; generation 0: none was played.
typedef struct last_generation {
  int generation;
  double steps;
} last_generation;

// Episodes and steps are counted from the search's start.
static last_generation explain_last_of(const table *t) {
  if (t->rows == 0) return (last_generation){0};
  const run_row last = row_read(t, t->rows - 1), none = {0}, before = t->rows > 1 ? row_read(t, t->rows - 2) : none;
  double played = last.of[ROW_EPISODES] - before.of[ROW_EPISODES], made = last.of[ROW_STEPS] - before.of[ROW_STEPS];
  if (!(played > 0 && made > 0 && last.of[ROW_GENERATION] >= 1)) return (last_generation){0};
  return (last_generation){(int)fmin(1e9, last.of[ROW_GENERATION]), made / played};
}

static last_generation explain_last_played(const app *a) {
  table t;
  if (table_read(&t, run_path(&a->run, RUN_ROWS).text) != OK) return (last_generation){0};
  last_generation found = explain_last_of(&t);
  table_free(&t);
  return found;
}

// --- how long -------------------------------------------------------------------------------------------------------

#define SPREAD (540.0 / 973)  // deviation over mean of the published Doom lengths
#define SEARCH_WORK 2e9       // n^3 beyond which a decomposition would take longer than a look may
#define SEARCH_SECONDS 0.2

typedef struct pace {
  int ranks, workers, lanes;
  bool learned;
  double steps;              // per second, of a rank
  double search;             // seconds of rank 0 to ask and tell; NaN: not measured
} pace;

static int explain_episodes(const app *a) { return a->s.evolve.popsize * a->s.evolve.episodes; }

// The mean over some generations, one decomposition at least among them.
static double explain_search_measure(const es_options *o, int gap) {
  es *e;
  int count = 0;
  bool full = o->kind == ES_CMA || o->kind == ES_LRA_CMA;
  if ((full && pow(o->n, 3) > SEARCH_WORK) || es_open(&e, o) != ES_OK) return (double)NAN;

  double *fitness = mem_take((size_t)es_popsize(e), sizeof *fitness), start = time_now();
  for (int k = 0; k < es_popsize(e); k++) fitness[k] = k;
  while (count < gap || time_now() - start < SEARCH_SECONDS) {
    es_ask(e);
    es_tell(e, NULL, fitness);
    count++;
  }
  double seconds = (time_now() - start) / count;

  mem_free(fitness);
  es_close(e);
  return seconds;
}

static int explain_gap_of(const es_constant *list, int count) {
  for (int i = 0; i < count; i++)
    if (strcmp(list[i].name, "eigen_gap") == 0) return (int)list[i].value;
  return 1;
}

static void explain_put_ranks(sheet *s, const app *a, const pace *p) {
  explain_put(s, "ranks", p->ranks, "", a->ranks ? "--ranks" : "those this runs on");
  explain_put(s, "workers", p->workers, p->ranks == p->workers ? "ranks" : "ranks - 1",
      "from 32 ranks on, rank 0 only hands out");
  explain_put(s, "episodes", explain_episodes(a), "popsize evolve.episodes", "evolve.popsize, evolve.episodes");
  explain_put(s, "lanes", p->lanes, "min(dream.lanes, ceil(episodes / workers))", "dream.lanes");

  char words[200];
  int at_once = farm_size(a->f);
  const char *where = p->learned ? "the run's world" : "a random world of that size: there is none yet";
  if (a->s.evolve.in == CONFIG_IN_REAL) where = "the real environment";
  snprintf(words, sizeof words, "measured on %d rank%s at once, in %s", at_once, at_once == 1 ? "" : "s", where);
  explain_put(s, "steps_per_second", p->steps, "", words);
}

// Of a dream, in steps: as the last generation's were, or as long as may be.
typedef struct dream_length {
  int cap;
  double mean, sd;
} dream_length;

static dream_length explain_put_length(sheet *s, const app *a) {
  bool outside = a->s.evolve.in == CONFIG_IN_REAL;
  dream_length d = {.cap = outside ? a->environment->cap : rules_of(a).cap};
  const last_generation last = explain_last_played(a);
  d.mean = d.cap;
  if (last.generation) {
    d.mean = last.steps;
    d.sd = fmin(SPREAD * d.mean, sqrt(fmax(0, d.mean * (d.cap - d.mean))));
  }
  explain_put(s, "cap", d.cap, "", a->s.dream.cap && !outside ? "dream.cap" : "the environment's cap");

  if (!last.generation) {
    explain_put(s, "episode_steps", d.mean, "cap", "assumed: no generation has been played, so none is longer");
    explain_put(s, "episode_sd", d.sd, "0", "assumed");
    return d;
  }
  char words[80];
  snprintf(words, sizeof words, "run.csv: mean of generation %d", last.generation);
  explain_put(s, "episode_steps", d.mean, "", words);
  explain_put(s, "episode_sd", d.sd, "min(0.555 episode_steps, sqrt(episode_steps (cap - episode_steps)))",
      "assumed: the spread of World Models' Doom episodes, as far as the cap lets it");
  return d;
}

// Seconds that so many dreams take all workers, whose time is used as well as the last episodes' ends let it.
static double explain_dream_seconds(const pace *p, const dream_length *d, int episodes, double *use) {
  *use = farm_use_expected(episodes, p->workers, d->mean, d->sd, d->cap);
  return episodes * d->mean / (p->steps * p->workers * *use);
}

static void explain_put_held_out(sheet *s, const app *a, const pace *p, const dream_length *d) {
  const settings *k = &a->s;
  char words[200];
  double use, seconds = explain_dream_seconds(p, d, k->evolve.held_out_episodes, &use);
  if (!k->evolve.held_out_every || !settings_learn(k)) return;
  snprintf(words, sizeof words, "expected, every %d generations more: %d dreams; real episodes are left out",
           k->evolve.held_out_every, k->evolve.held_out_episodes);
  explain_put(s, "held_out_seconds", seconds, "as a generation's", words);
}

static void explain_put_pace(sheet *s, const app *a, const pace *p) {
  explain_heading(s, "expected", "a generation here");
  explain_put_ranks(s, a, p);
  const dream_length d = explain_put_length(s, a);

  double use, dreams = explain_dream_seconds(p, &d, explain_episodes(a), &use);
  explain_put(s, "use", use, "", "farm_use_expected: of the workers' time, while the last episodes end");
  if (isnan(p->search)) {
    explain_put(s, "search_seconds", p->search, "", "not measured: would take too long; left out");
    explain_put(s, "generation_seconds", dreams, "episodes episode_steps / (steps_per_second workers use)", "expected");
  } else {
    explain_put(s, "search_seconds", p->search, "", "measured on rank 0: ask and tell");
    explain_put(s, "generation_seconds", dreams + p->search,
        "episodes episode_steps / (steps_per_second workers use) + search_seconds", "expected");
  }
  explain_put_held_out(s, a, p, &d);
  json_close(&s->json, ']');
}

// --- the verb -------------------------------------------------------------------------------------------------------

static status explain_pace_measure(const app *a, pace *p) {
  p->ranks = a->ranks ? a->ranks : farm_size(a->f);
  p->workers = farm_workers(p->ranks);
  int share = (explain_episodes(a) + p->workers - 1) / p->workers;
  p->lanes = int_min(share, a->s.dream.lanes);

  // The mean over the ranks that are here stands for those that are asked about.
  TRY(farm_agree(a->f, calibrate_dream(a, &p->steps, &p->learned, p->lanes)));
  farm_sum_double(a->f, &p->steps, 1);
  p->steps /= farm_size(a->f);
  return OK;
}

// What the controller sees of the run's world; where there is none yet, of the one that would be made.
static status explain_features_of_run(const app *a, world_features *f) {
  world *w;
  *f = app_features_expected(a);
  if (!file_exists(run_path(&a->run, "rnn.safetensors").text)) return OK;
  TRY(app_world_read(a, &w));
  status s = world_features_of(f, w, app_features_word(a));
  world_close(w);
  return s;
}

static void explain_sheet_print(sheet *s, bool json) {
  json_close(&s->json, '}');
  printf("%s%s", json ? s->json.bytes : s->lines.bytes, json ? "\n" : "");
  if (!json)
    printf("\nHansen 2016: The CMA Evolution Strategy: A Tutorial, arXiv:1604.00772. "
           "Other papers, in full: the heads of src/es/*.c.\n");
  output_flush();
  text_free(&s->lines);
  text_free(&s->json);
}

status app_explain(app *a) {
  world_features f;
  es_constant list[ES_CONSTANTS_MAX];
  int count;
  pace p = {0};

  // Every rank measures, rank 0 tells.
  TRY(farm_agree(a->f, explain_features_of_run(a, &f)));
  controller_shape c = app_controller_in(a, &f);
  const es_options o = search_options(&a->s, controller_size(&c));
  TRY(es_explain(list, &count, &o));
  TRY(explain_pace_measure(a, &p));
  if (farm_rank(a->f) != 0) return OK;

  sheet s = {0};
  p.search = explain_search_measure(&o, explain_gap_of(list, count));
  json_open(&s.json, NULL, '{');
  json_text(&s.json, "strategy", es_kind_name(o.kind));
  json_text(&s.json, "dialect", o.dialect == ES_PYCMA ? "pycma" : "tutorial");

  explain_put_controller(&s, &f, &c);
  json_close(&s.json, ']');
  explain_put_constants(&s, explain_n_formula_of(&f, &c).text, &o, list, count);
  explain_put_pace(&s, a, &p);
  explain_sheet_print(&s, a->json);
  return OK;
}

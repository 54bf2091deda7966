// The verb env: what was understood of an environment, before anything is learnt in it. It is opened as a run would
// open it, played for a moment by the policies that stand beside every score, timed, and shown.

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "draw.h"
#include "verbs.h"

enum { TWICE = 3, LANES = 8, EPISODES = 10, BANDS = 2, COLUMNS = 8, SHOWN_MAX = 32, POLICIES_MAX = 16 };
enum { STATE_ROWS = 104, STATE_COLUMNS = 150 };  // of a state's picture
#define MOMENT 0.4  // seconds

typedef struct inspection {
  const app *a;
  const env_spec *spec;
  hash seen[TWICE];           // of what was shown and paid in each of these episodes
  int steps;                  // of the first
  float *low, *high;          // (observation_size)  of its numbers, where it is a state
  bool same;                  // played twice, these were the same
  double rate;                // steps per second
  struct { const char *name; summary s; } scores[POLICIES_MAX];
  int score_count;
  char picture[PATH_MAX_LENGTH];  // where it was written; empty: there is none
} inspection;

// --- episodes of a baseline: those that evaluate plays, too ---------------------------------------------------------

// results (episodes)
static void inspect_play(const app *a, const char *policy, int lanes, int episodes, rollout_recorder recorder,
                         rollout_result *results) {
  enum { ANSWERS = 16 };
  const rollout_options o = {.environment = a->environment, .lanes = lanes, .recorder = recorder};
  const rollout_record record = judged_record(a, ROLLOUT_BASELINE, policy);
  rollout *r = rollout_open(&o);
  for (int begun = 0, done = 0; done < episodes;) {
    for (; begun < episodes && rollout_vacancies(r) > 0; begun++) rollout_begin(r, begun, &record, begun);

    int tickets[ANSWERS];
    rollout_result answers[ANSWERS];
    int count = rollout_work(r, tickets, answers, ANSWERS);
    for (int i = 0; i < count; i++) results[tickets[i]] = answers[i];
    done += count;
  }
  rollout_close(r);
}

// --- is it pure? ----------------------------------------------------------------------------------------------------

static void inspect_range(inspection *v, const float *numbers) {
  for (size_t i = 0; i < env_observation_size(v->spec); i++) {
    v->low[i] = fminf(v->low[i], numbers[i]);
    v->high[i] = fmaxf(v->high[i], numbers[i]);
  }
}

static void inspect_look(void *self, const rollout_sight *s) {
  inspection *v = self;
  const double paid[] = {(double)s->reward, s->terminated, s->truncated, s->broken, s->step};
  const hash parts[] = {v->seen[s->member], hash_bytes(paid, sizeof paid),
                        hash_bytes(s->observation, env_observation_bytes(v->spec))};
  v->seen[s->member] = hash_join(parts, 3);
  if (s->member == 0) v->steps = s->step;
  if (!v->spec->pixels) inspect_range(v, s->observation);
}

// A few episodes one after the other, and once more side by side in an environment that was opened anew.
static void inspect_twice(inspection *v) {
  hash first[TWICE];
  rollout_result results[TWICE];
  const rollout_recorder recorder = {.look = inspect_look, .self = v};

  inspect_play(v->a, "hold-random", 1, TWICE, recorder, results);
  memcpy(first, v->seen, sizeof first);
  memset(v->seen, 0, sizeof v->seen);
  inspect_play(v->a, "hold-random", 2, TWICE, recorder, results);

  v->same = true;
  for (int i = 0; i < TWICE; i++) v->same &= hash_equal(first[i], v->seen[i]);
}

// --- how quick is it? -----------------------------------------------------------------------------------------------

static rng inspect_luck(int episode) { return rng_episode(rng_stream(1, "env speed"), 0, (uint32_t)episode); }

// By random actions, with a look at every step, as a run has it.
static status inspect_speed(inspection *v) {
  env *e;
  int lanes = int_min(LANES, v->a->s.dream.lanes), episodes = lanes, A = v->spec->actions;
  TRY(env_open_again(&e, v->spec, lanes));
  float *actions = mem_take((size_t)lanes * A, sizeof *actions);
  void *seen = mem_take((size_t)lanes, env_observation_bytes(v->spec));
  env_outcome out[LANES];
  for (int i = 0; i < lanes; i++) env_reset(e, i, inspect_luck(i));

  // The first look is not timed: somebody else's environments are made by it, one per lane.
  env_observe(e, seen, lanes);

  int64_t steps = 0;
  double start = time_now();
  for (uint32_t t = 0; time_now() < start + MOMENT; t++) {
    rng_uniforms(actions, lanes * A, inspect_luck(0), t, 0);
    for (int i = 0; i < lanes * A; i++) actions[i] = 2 * actions[i] - 1;
    env_step(e, actions, out, lanes);
    for (int i = 0; i < lanes; i++)
      if (out[i].terminated || out[i].truncated || out[i].broken) env_reset(e, i, inspect_luck(episodes++));
    env_observe(e, seen, lanes);
    steps += lanes;
  }
  v->rate = (double)steps / (time_now() - start);

  env_close(e);
  mem_free(actions);
  mem_free(seen);
  return OK;
}

// --- what do those score who have learnt nothing? -------------------------------------------------------------------

static void inspect_scores(inspection *v) {
  int episodes = v->a->episodes ? v->a->episodes : EPISODES;
  rollout_result *results = mem_take((size_t)episodes, sizeof *results);
  for (const env_baseline *b = v->spec->baselines; b->name; b++) {
    if (!b->reported || v->score_count == POLICIES_MAX) continue;
    inspect_play(v->a, b->reported, int_min(LANES, episodes), episodes, (rollout_recorder){0}, results);
    v->scores[v->score_count].name = b->reported;
    v->scores[v->score_count++].s = summarise(results, episodes);
  }
  mem_free(results);
}

// --- how does it look? ----------------------------------------------------------------------------------------------

typedef struct film {
  const env_spec *spec;
  sheet s;
  int every;  // steps from one tile to the next
} film;

static void film_look(void *self, const rollout_sight *s) {
  film *f = self;
  int tile = s->step / f->every;
  char name[32];
  if (s->step % f->every || tile >= BANDS * COLUMNS) return;
  snprintf(name, sizeof name, s->step ? "+%d" : "start", s->step);
  sheet_column_name(&f->s, tile / COLUMNS, tile % COLUMNS, name);

  if (f->spec->pixels) {
    sheet_tile(&f->s, tile / COLUMNS, 0, tile % COLUMNS, s->observation);
    return;
  }
  uint8_t rgb[STATE_ROWS * STATE_COLUMNS * 3];
  f->spec->picture(rgb, STATE_ROWS, STATE_COLUMNS, s->observation);
  sheet_tile(&f->s, tile / COLUMNS, 0, tile % COLUMNS, rgb);
}

// Its name, as a file may have it.
static void inspect_file_name(char *name, size_t size, const char *of) {
  text_print(name, size, "env-%s.png", of);
  for (char *at = name; *at; at++)
    if (!isalnum((unsigned char)*at) && !strchr("-_.", *at)) *at = '-';
}

static status inspect_film(inspection *v) {
  char words[160], name[96];
  const env_spec *k = v->spec;
  bool coloured = k->pixels && k->shape[2] == 3;
  if (!coloured && !k->picture) return OK;

  snprintf(words, sizeof words, "an episode of %d steps by hold-random", v->steps);
  const sheet_shape shape = {.title = k->name,
                             .words = {words},
                             .bands = BANDS,
                             .rows = 1,
                             .columns = COLUMNS,
                             .tile_rows = k->pixels ? k->shape[0] : STATE_ROWS,
                             .tile_columns = k->pixels ? k->shape[1] : STATE_COLUMNS,
                             .scale = k->pixels ? 2 : 1,
                             .row_names = {""}};
  film f = {.spec = k, .s = sheet_open(&shape), .every = v->steps / (BANDS * COLUMNS - 1)};
  f.every += f.every == 0;
  rollout_result result;
  inspect_play(v->a, "hold-random", 1, 1, (rollout_recorder){.look = film_look, .self = &f}, &result);

  inspect_file_name(name, sizeof name, k->name);
  text_print(v->picture, sizeof v->picture, "%s", path_join(v->a->run.out ? v->a->run.out : ".", "%s", name).text);
  return sheet_write(&f.s, v->picture);
}

// --- telling --------------------------------------------------------------------------------------------------------

static void inspect_print_numbers(const inspection *v) {
  const env_spec *k = v->spec;
  int shown = int_min(k->shape[0], SHOWN_MAX);
  printf("observation  %d number%s, seen from .. to\n", k->shape[0], k->shape[0] == 1 ? "" : "s");
  for (int i = 0; i < shown; i++)
    printf("  %10.4g .. %-10.4g  %s\n", (double)v->low[i], (double)v->high[i], k->components ? k->components[i] : "");
  if (shown < k->shape[0]) printf("  and %d more\n", k->shape[0] - shown);
}

static void inspect_print_scores(const inspection *v) {
  printf("%-12s %9s %9s %9s %9s %9s\n", "policy", "mean", "sd", "p10", "p90", "steps");
  for (int i = 0; i < v->score_count; i++) {
    const summary *s = &v->scores[i].s;
    printf("%-12s %9.4g %9.4g %9.4g %9.4g %9.4g\n", v->scores[i].name, s->mean, s->sd, s->p10, s->p90, s->mean_steps);
  }
}

static void inspect_print(const inspection *v) {
  const env_spec *k = v->spec;
  char rate[32];
  text_rate(rate, v->rate);
  printf("%s, version %s: %s\n", k->name, k->version, k->words);
  if (k->pixels) printf("observation  a picture of %d x %d, %d colours\n", k->shape[0], k->shape[1], k->shape[2]);
  else inspect_print_numbers(v);

  printf("action       %d number%s from -1 to 1\n", k->actions, k->actions == 1 ? "" : "s");
  printf("cap          %d steps\n", k->cap);
  printf("reward       %s\n", k->pays_steps ? "1 a step: a return is a number of steps" : "the environment's own");
  printf("pure         %s\n", v->same ? "yes: some episodes were played twice, and were the same"
                                      : "no: the same episodes, played twice, differed; nothing that is played in it "
                                        "can be promised to come out the same again");
  printf("speed        %s steps/s on this core, with %d lanes and a look at each step\n", rate,
         int_min(LANES, v->a->s.dream.lanes));
  inspect_print_scores(v);
  if (*v->picture) printf("picture      %s\n", v->picture);
  else printf("picture      none: it shows numbers, and no way to draw them\n");
}

static void inspect_json_numbers(const inspection *v, text_buffer *t) {
  const env_spec *k = v->spec;
  json_open(t, "numbers", '[');
  for (int i = 0; !k->pixels && i < k->shape[0]; i++) {
    json_open(t, NULL, '{');
    json_number(t, "low", (double)v->low[i]);
    json_number(t, "high", (double)v->high[i]);
    if (k->components) json_text(t, "words", k->components[i]);
    json_close(t, '}');
  }
  json_close(t, ']');
}

static void inspect_json_scores(const inspection *v, text_buffer *t) {
  json_open(t, "policies", '{');
  for (int i = 0; i < v->score_count; i++) {
    const summary *s = &v->scores[i].s;
    json_open(t, v->scores[i].name, '{');
    json_number(t, "mean", s->mean);
    json_number(t, "sd", s->sd);
    json_number(t, "episodes", s->episodes);
    json_number(t, "steps", s->mean_steps);
    json_close(t, '}');
  }
  json_close(t, '}');
}

static void inspect_json(const inspection *v) {
  const env_spec *k = v->spec;
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_text(&t, "name", k->name);
  json_text(&t, "version", k->version);
  json_text(&t, "words", k->words);
  json_bool(&t, "pixels", k->pixels);
  json_open(&t, "shape", '[');
  for (int i = 0; i < 3; i++) json_number(&t, NULL, k->shape[i]);
  json_close(&t, ']');
  inspect_json_numbers(v, &t);

  json_number(&t, "actions", k->actions);
  json_number(&t, "cap", k->cap);
  json_bool(&t, "pays_steps", k->pays_steps);
  json_bool(&t, "pure", v->same);
  json_number(&t, "steps_per_second", v->rate);
  inspect_json_scores(v, &t);
  if (*v->picture) json_text(&t, "picture", v->picture);
  json_close(&t, '}');
  printf("%s\n", t.bytes);
  text_free(&t);
}

// --- the verb -------------------------------------------------------------------------------------------------------

static status inspect_list(bool json) {
  int count;
  const char *const *names = env_names(&count);
  text_buffer t = {0};
  json_open(&t, NULL, '[');
  for (int i = 0; i < count; i++) {
    env_spec s;
    TRY(env_describe(&s, names[i], NULL));
    if (!json) printf("%-22s %s\n", s.name, s.words);
    json_open(&t, NULL, '{');
    json_text(&t, "name", s.name);
    json_text(&t, "words", s.words);
    json_close(&t, '}');
  }
  json_close(&t, ']');
  if (json) printf("%s\n", t.bytes);
  else printf("\nand others' by gym:ID or ./mine.so; dreamfarm env NAME says more\n");
  text_free(&t);
  return OK;
}

static status inspect_all(inspection *v) {
  size_t size = v->spec->pixels ? 0 : env_observation_size(v->spec);
  for (size_t i = 0; i < size; i++) {
    v->low[i] = INFINITY;
    v->high[i] = -INFINITY;
  }
  inspect_twice(v);
  TRY(inspect_speed(v));
  inspect_scores(v);
  if (v->a->run.out) TRY(dir_make(v->a->run.out));
  TRY(inspect_film(v));

  if (v->a->json) inspect_json(v);
  else inspect_print(v);
  return OK;
}

status app_environment(const app *a) {
  if (!settings_place("environment.name")) return inspect_list(a->json);
  inspection v = {.a = a, .spec = a->environment};
  v.low = mem_take(env_observation_size(v.spec), sizeof(float));
  v.high = mem_take(env_observation_size(v.spec), sizeof(float));
  status s = inspect_all(&v);
  mem_free(v.low);
  mem_free(v.high);
  return s;
}

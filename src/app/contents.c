// The verb data: what is in a folder of episodes, ours or one in Minari's layout: its spaces, how many episodes, how
// long they are and what they return, how they end; and some of its frames as a picture.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "verbs.h"

// Of one number of each episode.
typedef struct spread {
  double *of;  // (count), owned
  int count;
} spread;

typedef struct contents {
  const char *directory, *keys;
  dataset *d;
  data_origin origin;
  spread returns, lengths;
  int64_t steps;
  int terminated, truncated;
  file_path frames;  // the picture; "": there is none
} contents;

// --- read -----------------------------------------------------------------------------------------------------------

static status contents_read(contents *c) {
  int count = data_count(c->d);
  c->returns = (spread){.of = mem_take((size_t)count, sizeof(double)), .count = count};
  c->lengths = (spread){.of = mem_take((size_t)count, sizeof(double)), .count = count};
  for (int i = 0; i < count; i++) {
    data_episode e;
    TRY(data_read(c->d, i, &e));
    for (int k = 0; k < e.steps; k++) c->returns.of[i] += e.rewards[k];
    c->lengths.of[i] = e.steps;
    c->steps += e.steps;
    c->terminated += e.terminated[e.steps - 1];
    c->truncated += e.truncated[e.steps - 1];
  }
  qsort(c->returns.of, (size_t)count, sizeof(double), double_ascending);
  qsort(c->lengths.of, (size_t)count, sizeof(double), double_ascending);
  return OK;
}

static double spread_at(const spread *s, double share) { return s->of[(int)(share * (s->count - 1) + 0.5)]; }

static double spread_mean(const spread *s) {
  double sum = 0;
  for (int i = 0; i < s->count; i++) sum += s->of[i];
  return sum / s->count;
}

static double spread_deviation(const spread *s) {
  double mean = spread_mean(s), sum = 0;
  for (int i = 0; i < s->count; i++) sum += (s->of[i] - mean) * (s->of[i] - mean);
  return s->count > 1 ? sqrt(sum / (s->count - 1)) : 0;
}

// --- frames ---------------------------------------------------------------------------------------------------------

enum { FRAMES = 8, BANDS = 3, TILE = 128, STATE_ROWS = 104, STATE_COLUMNS = 150 };

// How a folder's observations can be drawn: as they are, or, of states, as the environment of that name draws them.
typedef struct contents_look {
  bool possible;
  env_spec of;             // where its picture draws
  int rows, columns;       // of a tile
} contents_look;

static contents_look contents_look_of(const contents *c) {
  const data_spec *s = data_spec_of(c->d);
  contents_look l = {.possible = s->pixels, .rows = TILE};
  l.columns = int_max(1, int_min(3 * TILE, (int)lround((double)TILE * s->shape[1] / int_max(1, s->shape[0]))));
  if (s->pixels) return l;

  // A folder of episodes names its environment, but must not make us start it: built-ins alone.
  const char *name = data_provenance_of(c->d)->environment;
  bool known = !env_is_foreign(name) && env_describe(&l.of, name, NULL) == OK;
  l.possible = known && l.of.picture && !l.of.pixels && env_observation_size(&l.of) == (size_t)s->shape[0];
  l.rows = STATE_ROWS;
  l.columns = STATE_COLUMNS;
  return l;
}

static void contents_frame(sheet *s, int band, int column, const contents_look *l, const data_spec *spec,
                           const data_episode *e, int step) {
  uint8_t *rgb = mem_take((size_t)l->rows * l->columns, 3);
  const char *observation = (const char *)e->observations + (size_t)step * data_observation_bytes(spec);
  if (spec->pixels)
    data_picture_fit(rgb, l->rows, l->columns, (const uint8_t *)observation, spec->shape[0], spec->shape[1]);
  else l->of.picture(rgb, l->rows, l->columns, (const float *)(const void *)observation);
  sheet_tile(s, band, 0, column, rgb);
  mem_free(rgb);
}

// Spread over the episode, both its ends among them.
static status contents_band(sheet *s, int band, const contents *c, const contents_look *l, int episode) {
  char words[48];
  data_episode e;
  TRY(data_read(c->d, episode, &e));
  snprintf(words, sizeof words, "episode %d", episode);
  sheet_band_name(s, band, words);
  for (int i = 0; i < FRAMES; i++) {
    int step = (int)((int64_t)e.steps * i / (FRAMES - 1));
    snprintf(words, sizeof words, "step %d", step);
    sheet_column_name(s, band, i, words);
    contents_frame(s, band, i, l, data_spec_of(c->d), &e, step);
  }
  return OK;
}

static status contents_sheet(contents *c, const contents_look *l) {
  int count = data_count(c->d), bands = int_min(BANDS, count);
  const data_provenance *p = data_provenance_of(c->d);
  char words[2][160];
  text_print(words[0], sizeof words[0], "%s by %s", p->environment, p->policy);
  text_print(words[1], sizeof words[1], "%d episodes, %lld steps", count, (long long)c->steps);
  const sheet_shape shape = {.title = "What is in a data set",
                             .words = {words[0], words[1]},
                             .bands = bands,
                             .rows = 1,
                             .columns = FRAMES,
                             .tile_rows = l->rows,
                             .tile_columns = l->columns,
                             .scale = 1,
                             .row_names = {"frames"}};

  // a band for each of some episodes, spread over all
  sheet s = sheet_open(&shape);
  status read = OK;
  for (int i = 0; i < bands && read == OK; i++)
    read = contents_band(&s, i, c, l, bands > 1 ? i * (count - 1) / (bands - 1) : 0);
  status written = sheet_write(&s, c->frames.text);
  return read == OK ? written : read;
}

static status contents_draw(contents *c, const char *directory) {
  const contents_look l = contents_look_of(c);
  if (!l.possible) return OK;
  TRY(dir_make(directory));
  c->frames = path_join(directory, "frames.png");
  return contents_sheet(c, &l);
}

// --- told -----------------------------------------------------------------------------------------------------------

static void spread_print(const char *name, const spread *s) {
  printf("%-8s %10.4g %10.4g %10.4g %10.4g %10.4g\n", name, spread_mean(s), spread_deviation(s), spread_at(s, 0),
         spread_at(s, 0.5), spread_at(s, 1));
}

static void contents_line(const char *name, const char *value) {
  if (*value) printf("%-14s %s\n", name, value);
}

static void contents_print(const contents *c) {
  const data_spec *s = data_spec_of(c->d);
  const data_provenance *p = data_provenance_of(c->d);
  char learnt[64], seed[32] = "";
  if (s->pixels) snprintf(learnt, sizeof learnt, "pictures of %d x %d", s->shape[0], s->shape[1]);
  else snprintf(learnt, sizeof learnt, "%d number%s", s->shape[0], s->shape[0] == 1 ? "" : "s");
  if (c->origin.ours) snprintf(seed, sizeof seed, "%llu", (unsigned long long)p->seed);

  contents_line("name", c->origin.name);
  contents_line("written by", c->origin.writer);
  contents_line("environment", p->environment);
  contents_line("version", p->version);
  contents_line("policy", p->policy);
  contents_line("seed", seed);
  contents_line("observations", c->origin.observations);
  contents_line("actions", c->origin.actions);
  printf("%-14s %s, and %d number%s an action\n", "learnt from", learnt, s->actions, s->actions == 1 ? "" : "s");
  printf("%-14s %d\n%-14s %lld\n", "episodes", c->returns.count, "steps", (long long)c->steps);
  printf("%-14s %d terminated, %d truncated\n\n", "ends", c->terminated, c->truncated);

  printf("%-8s %10s %10s %10s %10s %10s\n", "", "mean", "sd", "min", "median", "max");
  spread_print("return", &c->returns);
  spread_print("length", &c->lengths);
  if (*c->frames.text) printf("\nframes are in %s\n", c->frames.text);
}

static void spread_json(text_buffer *t, const char *key, const spread *s) {
  json_open(t, key, '{');
  json_number(t, "mean", spread_mean(s));
  json_number(t, "sd", spread_deviation(s));
  json_number(t, "min", spread_at(s, 0));
  json_number(t, "median", spread_at(s, 0.5));
  json_number(t, "max", spread_at(s, 1));
  json_close(t, '}');
}

static void contents_json(const contents *c) {
  const data_spec *s = data_spec_of(c->d);
  const data_provenance *p = data_provenance_of(c->d);
  text_buffer t = {0};

  // whose it is
  json_open(&t, NULL, '{');
  json_text(&t, "directory", c->directory);
  json_text(&t, "layout", c->origin.ours ? "dreamfarm" : "minari");
  json_text(&t, "name", c->origin.name);
  json_text(&t, "written_by", c->origin.writer);
  json_text(&t, "environment", p->environment);
  json_text(&t, "version", p->version);
  json_text(&t, "policy", p->policy);

  // what a step shows and takes
  json_text(&t, "observations", c->origin.observations);
  json_text(&t, "actions", c->origin.actions);
  json_bool(&t, "pixels", s->pixels);
  json_open(&t, "shape", '[');
  for (int i = 0; i < (s->pixels ? 3 : 1); i++) json_number(&t, NULL, s->shape[i]);
  json_close(&t, ']');
  json_number(&t, "action_numbers", s->actions);

  // how much there is
  json_number(&t, "episodes", c->returns.count);
  json_number(&t, "steps", (double)c->steps);
  json_number(&t, "terminated", c->terminated);
  json_number(&t, "truncated", c->truncated);
  spread_json(&t, "returns", &c->returns);
  spread_json(&t, "lengths", &c->lengths);
  json_text(&t, "frames", c->frames.text);
  json_close(&t, '}');
  printf("%s\n", t.bytes);
  text_free(&t);
}

// --- the verb -------------------------------------------------------------------------------------------------------

static status contents_words(app *a, contents *c, int count, char **words) {
  const verb *v = &verbs[VERB_DATA];
  for (int at = 2; at < count; at++) {
    const char *word = words[at];
    const verb_option *o = *word == '-' ? option_find(word, v) : NULL;
    if (*word == '-' && !o) return option_unknown(word, v);
    if (!o && c->directory) FAIL(USAGE, "data: one directory at a time, the second is %s", word);
    if (!o) c->directory = word;
    if (!o) continue;
    if (o->value && ++at == count) FAIL(USAGE, "%s needs a value: %s; see dreamfarm data --help", word, o->value);
    TRY(o->take(a, o->value ? words[at] : NULL));
  }
  if (c->directory) return OK;
  FAIL(USAGE, "data: which directory? dreamfarm data runs/quickstart/round-1/episodes, or one in Minari's layout");
}

static status contents_tell(contents *c, const app *a) {
  TRY(contents_read(c));
  data_origin_of(&c->origin, c->d);

  // what is printed does not wait for a picture that cannot be written
  status drawn = contents_draw(c, a->run.out ? a->run.out : ".");
  if (drawn != OK) c->frames = (file_path){{0}};
  if (a->json) contents_json(c);
  else contents_print(c);
  return drawn;
}

status app_data(int count, char **words) {
  app a = {0};
  contents c = {0};
  TRY(contents_words(&a, &c, count, words));
  TRY(data_open_any(&c.d, c.directory, a.keys ? a.keys : ""));
  status s = contents_tell(&c, &a);
  data_close(c.d);
  mem_free(c.returns.of);
  mem_free(c.lengths.of);
  return s;
}

// Episodes that others collected, made alike: each folder is read as it is, checked against what the environment shows
// and takes, and its pictures are brought to the world's size. The run then has a copy of its own, as if it had
// collected them, and needs the folders no more.

#include <string.h>

#include "sources.h"

typedef struct source {
  const char *directory;  // borrowed
  dataset *d;
  data_origin origin;
  int first, count;       // of the episodes that are learnt from
  int64_t steps;
  hash fingerprint;
} source;

struct sources {
  const env_spec *of;
  const char *keys;
  source each[CONFIG_FROM_MAX];
  int count, episodes;
  data_episode room;      // where pictures are brought to size
  int room_steps;
};

// "pictures of 96 x 96 and 3 numbers an action"
typedef struct source_words { char text[128]; } source_words;
static source_words source_words_of(bool pixels, const int *shape, int actions) {
  source_words w;
  if (pixels) snprintf(w.text, sizeof w.text, "pictures, %d x %d, and %d", shape[0], shape[1], actions);
  else snprintf(w.text, sizeof w.text, "states of %d and %d", shape[0], actions);
  size_t size = strlen(w.text);
  snprintf(w.text + size, sizeof w.text - size, " number%s an action", actions == 1 ? "" : "s");
  return w;
}

// Pictures are brought to size; whatever else differs cannot be.
static status source_check(const source *f, const env_spec *of) {
  const data_spec *s = data_spec_of(f->d);
  bool same = s->pixels == of->pixels && s->actions == of->actions && (s->pixels || s->shape[0] == of->shape[0]);
  if (same) return OK;
  FAIL(MISMATCH, "collect.from: %s: its episodes (of %s) have %s, but %s has %s; name episodes of that environment, or "
       "its own environment.name", f->directory, data_provenance_of(f->d)->environment,
       source_words_of(s->pixels, s->shape, s->actions).text, of->name,
       source_words_of(of->pixels, of->shape, of->actions).text);
}

static status source_open(sources *s, const char *directory, int most) {
  source *f = &s->each[s->count];
  *f = (source){.directory = directory, .first = s->episodes};
  status opened = data_open_any(&f->d, directory, s->keys);
  if (opened != OK) {
    char words[1024];
    text_print(words, sizeof words, "%s", status_message());
    FAIL(opened, "collect.from: %s", words);
  }
  s->count++;

  TRY(source_check(f, s->of));
  TRY(data_fingerprint(&f->fingerprint, directory));
  data_origin_of(&f->origin, f->d);
  f->count = int_min(data_count(f->d), most - s->episodes);
  for (int i = 0; i < f->count; i++) f->steps += data_steps(f->d, i);
  s->episodes += f->count;
  return OK;
}

status sources_open(sources **out, const app *a) {
  sources *s = mem_take(1, sizeof *s);
  *s = (sources){.of = a->environment, .keys = settings_keys(&a->s)};
  status opened = OK;
  for (int i = 0; i < CONFIG_FROM_MAX && *a->s.collect.from[i] && opened == OK; i++)
    opened = source_open(s, a->s.collect.from[i], a->s.collect.episodes);
  if (opened == OK) *out = s;
  else sources_close(s);
  return opened;
}

void sources_close(sources *s) {
  if (!s) return;
  for (int i = 0; i < s->count; i++) data_close(s->each[i].d);
  data_episode_free(&s->room);
  mem_free(s);
}

int sources_count(const sources *s) { return s->episodes; }

void sources_words(const sources *s, char *words, size_t room) {
  const source *f = &s->each[0];
  const char *slash = strrchr(f->directory, '/'), *name = slash && slash[1] ? slash + 1 : f->directory;
  if (s->count > 1) text_print(words, room, "%d data sets", s->count);
  else text_print(words, room, "data of %s", *f->origin.name ? f->origin.name : name);
}

// --- reading --------------------------------------------------------------------------------------------------------

static data_spec sources_spec(const sources *s) {
  const env_spec *of = s->of;
  return (data_spec){.pixels = of->pixels, .shape = {of->shape[0], of->shape[1], of->shape[2]}, .actions = of->actions};
}

static void source_pictures_fit(sources *s, const data_spec *from, data_episode *e) {
  const data_spec to = sources_spec(s);
  if (e->steps > s->room_steps) {
    data_episode_free(&s->room);
    data_episode_take(&s->room, &to, s->room_steps = e->steps + e->steps / 4);
  }

  uint8_t *frames = s->room.observations;
  const uint8_t *frame = e->observations;
  for (int i = 0; i <= e->steps; i++, frame += data_observation_bytes(from), frames += data_observation_bytes(&to))
    data_picture_fit(frames, to.shape[0], to.shape[1], frame, from->shape[0], from->shape[1]);
  e->observations = s->room.observations;
}

status sources_read(sources *s, int episode, data_episode *e) {
  CHECK(episode >= 0 && episode < s->episodes, "episode %d of %d", episode, s->episodes);
  source *f = s->each;
  while (episode >= f->first + f->count) f++;
  TRY(data_read(f->d, episode - f->first, e));

  const data_spec *from = data_spec_of(f->d);
  bool fits = !from->pixels || (from->shape[0] == s->of->shape[0] && from->shape[1] == s->of->shape[1]);
  if (!fits) source_pictures_fit(s, from, e);
  e->id = episode;
  return OK;
}

// --- whose they were ------------------------------------------------------------------------------------------------

static void source_json(text_buffer *t, const source *f, const sources *s) {
  const data_spec *spec = data_spec_of(f->d);
  const data_provenance *p = data_provenance_of(f->d);
  json_open(t, NULL, '{');
  json_text(t, "directory", f->directory);
  json_text(t, "hash", f->fingerprint.hex);
  json_text(t, "layout", f->origin.ours ? "dreamfarm" : "minari");
  json_text(t, "name", f->origin.name);
  json_text(t, "written_by", f->origin.writer);
  json_text(t, "environment", p->environment);
  json_text(t, "policy", p->policy);

  // what a step shows and takes
  json_text(t, "observations", f->origin.observations);
  json_text(t, "keys", s->keys);
  json_text(t, "actions", f->origin.actions);
  json_open(t, "shape", '[');
  for (int i = 0; i < (spec->pixels ? 3 : 1); i++) json_number(t, NULL, spec->shape[i]);
  json_close(t, ']');

  // which of its episodes
  json_number(t, "first_episode", f->first);
  json_number(t, "episodes", f->count);
  json_number(t, "episodes_there", data_count(f->d));
  json_number(t, "steps", (double)f->steps);
  json_close(t, '}');
}

status sources_write(const sources *s, const char *path) {
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_number(&t, "episodes", s->episodes);
  json_open(&t, "sources", '[');
  for (int i = 0; i < s->count; i++) source_json(&t, &s->each[i], s);
  json_close(&t, ']');
  json_close(&t, '}');
  status done = file_write(path, t.bytes, t.size);
  text_free(&t);
  return done;
}

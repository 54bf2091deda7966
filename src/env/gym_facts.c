// What a child says of its environment, line by line, and how an action is made of numbers from -1 to 1.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "gym_facts.h"

// The rest of the line that begins with this word and a space; NULL: there is none.
static const char *facts_line(const char *text, const char *word) {
  size_t size = strlen(word);
  for (const char *line = text; line; line = (line = strchr(line, '\n')) ? line + 1 : NULL)
    if (strncmp(line, word, size) == 0 && line[size] == ' ') return line + size + 1;
  return NULL;
}

static void facts_text(char *out, size_t room, const char *line) {
  text_print(out, room, "%.*s", line ? (int)strcspn(line, "\n") : 0, line ? line : "");
}

static bool facts_number(double *out, const char **at) {
  char *end;
  *out = strtod(*at, &end);
  bool there = end != *at;
  *at = end;
  return there;
}

// NaN where there is no bound: infinite, or as far away as the largest floats, which many write instead.
static bool facts_floats(float *out, int count, const char *at) {
  double x;
  for (int i = 0; i < count; i++) {
    if (!at || !facts_number(&x, &at)) return false;
    out[i] = fabs(x) < 1e30 ? (float)x : NAN;
  }
  return true;
}

// What has no bound has -1 or 1, and where that is not beyond the other bound, one more than that.
static bool facts_bounds(gym_facts *f) {
  for (int i = 0; i < f->count; i++) {
    float low = f->low[i], high = f->high[i];
    if (isnan(low)) f->low[i] = isnan(high) ? -1 : fminf(-1, high - 1);
    if (isnan(high)) f->high[i] = isnan(low) ? 1 : fmaxf(1, low + 1);
    if (f->low[i] > f->high[i]) return false;
  }
  return true;
}

static bool facts_wholes(int64_t *out, int count, const char *at, double least) {
  double x;
  for (int i = 0; i < count; i++) {
    if (!at || !facts_number(&x, &at) || !(x >= least && x <= 1e15)) return false;
    out[i] = (int64_t)x;
  }
  return true;
}

static bool facts_between(int x, int most) { return x >= 1 && x <= most; }

static bool facts_observation(gym_facts *f, const char *line) {
  enum { SIDE_MAX = 8192 };
  if (!line) return false;
  f->picture = sscanf(line, "picture %d %d %d", &f->rows, &f->columns, &f->channels) == 3;
  if (f->picture)
    return facts_between(f->rows, SIDE_MAX) && facts_between(f->columns, SIDE_MAX) &&
           (f->channels == 1 || f->channels == 3);
  return sscanf(line, "numbers %d", &f->numbers) == 1 && facts_between(f->numbers, GYM_NUMBERS_MAX);
}

static bool facts_choices(gym_facts *f, const char *text) {
  if (!facts_wholes(f->of, f->count, facts_line(text, "of"), 1)) return false;
  if (!facts_wholes(f->from, f->count, facts_line(text, "from"), -1e15)) return false;

  // one number for each choice; the largest of those that belong together has it
  int64_t all = 0;
  for (int i = 0; i < f->count; i++) all += f->of[i];
  f->A = all <= GYM_NUMBERS_MAX ? (int)all : 0;
  return f->A > 0;
}

static bool facts_action(gym_facts *f, const char *text) {
  const char *line = facts_line(text, "action");
  char kind[16] = "";
  if (!line || sscanf(line, "%15s %d", kind, &f->count) != 2 || !facts_between(f->count, GYM_NUMBERS_MAX)) return false;

  f->A = f->count;
  f->kind = strcmp(kind, "box") == 0 ? GYM_BOX : strcmp(kind, "binary") == 0 ? GYM_BINARY : GYM_CHOICES;
  if (f->kind == GYM_BOX)
    return facts_floats(f->low, f->count, facts_line(text, "low")) &&
           facts_floats(f->high, f->count, facts_line(text, "high")) && facts_bounds(f);
  if (f->kind == GYM_BINARY) return true;
  return strcmp(kind, "choices") == 0 && facts_choices(f, text);
}

// --- what goes with what --------------------------------------------------------------------------------------------
static status facts_thresholds(gym_facts *f) {
  f->thresholds = true;
  if (f->kind != GYM_CHOICES || f->count != 1 || f->of[0] != 3)
    FAIL(BAD_CONFIG, "environment.actions is thresholds, which choose one of three; its actions are %s; leave it out",
         f->takes);
  f->A = 1;
  return OK;
}

static status facts_crop(const gym_facts *f, const env_options *o) {
  const int *c = o->crop;
  bool some = c[0] || c[1] || c[2] || c[3];
  if (!f->picture && (some || o->grey))
    FAIL(BAD_CONFIG, "environment.%s is for pictures; its observations are %s; leave it out", some ? "crop" : "grey",
         f->shows);
  if (f->picture && (c[0] + c[1] >= f->rows || c[2] + c[3] >= f->columns))
    FAIL(BAD_CONFIG, "environment.crop is [%d, %d, %d, %d] and leaves nothing of a picture of %d rows and %d columns",
         c[0], c[1], c[2], c[3], f->rows, f->columns);
  return OK;
}

// Steps count actions.
static status facts_cap(gym_facts *f, const env_options *o) {
  int skip = o->frame_skip > 1 ? o->frame_skip : 1;
  f->cap = (f->cap + skip - 1) / skip;
  if (o->cap && (!f->cap || o->cap < f->cap)) f->cap = o->cap;
  if (!f->cap)
    FAIL(BAD_CONFIG, "it does not say after how many steps an episode is cut; set environment.cap, to 1000 say");
  return OK;
}

status gym_facts_read(gym_facts *f, const char *text, const env_options *o) {
  const char *cap = facts_line(text, "cap");
  *f = (gym_facts){0};
  facts_text(f->version, sizeof f->version, facts_line(text, "version"));
  facts_text(f->shows, sizeof f->shows, facts_line(text, "shows"));
  facts_text(f->takes, sizeof f->takes, facts_line(text, "takes"));

  bool understood = cap && sscanf(cap, "%d", &f->cap) == 1 && f->cap >= 0 && f->cap <= 1000000000;
  understood = understood && facts_observation(f, facts_line(text, "observation")) && facts_action(f, text);
  if (!understood) FAIL(BROKEN, "its Python says what cannot be understood: %s", text);

  if (o->actions == ENV_ACTIONS_THRESHOLDS) TRY(facts_thresholds(f));
  TRY(facts_crop(f, o));
  return facts_cap(f, o);
}

// --- in shared memory -----------------------------------------------------------------------------------------------
size_t gym_action_bytes(const gym_facts *f) {
  return (size_t)f->count * (f->kind == GYM_BOX ? sizeof(float) : sizeof(int64_t));
}

size_t gym_observation_bytes(const gym_facts *f) {
  if (f->picture) return (size_t)f->rows * (size_t)f->columns * (size_t)f->channels;
  return (size_t)f->numbers * sizeof(float);
}

static float facts_clipped(float a) { return a > -1 ? a < 1 ? a : 1 : -1; }

// The first of the largest.
static int64_t facts_largest(const float *a, int64_t count) {
  int64_t best = 0;
  for (int64_t i = 1; i < count; i++)
    if (a[i] > a[best]) best = i;
  return best;
}

// World Models' thirds: above the upper third the second choice, below the lower one the last, between them the first.
static int64_t facts_third(float a) { return a > 1.0f / 3 ? 1 : a < -1.0f / 3 ? 2 : 0; }

void gym_action_write(const gym_facts *f, void *place, const float *action) {
  float *box = place;
  int64_t *choice = place;
  if (f->kind == GYM_BOX)
    for (int i = 0; i < f->count; i++) {
      float scaled = f->low[i] + (facts_clipped(action[i]) + 1) / 2 * (f->high[i] - f->low[i]);
      box[i] = fminf(fmaxf(scaled, f->low[i]), f->high[i]);  // rounding may lead out of the space
    }
  if (f->kind == GYM_BINARY)
    for (int i = 0; i < f->count; i++) choice[i] = action[i] > 0;
  if (f->kind != GYM_CHOICES) return;

  if (f->thresholds) choice[0] = f->from[0] + facts_third(action[0]);
  for (int i = 0; !f->thresholds && i < f->count; action += f->of[i], i++)
    choice[i] = f->from[i] + facts_largest(action, f->of[i]);
}

// controller.safetensors: the controller that the search has found so far (mean, best), and the search itself, exactly.
// Its predecessor is kept, for the day on which it is found damaged.

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

#define FORMAT "dreamfarm-search-2"
#define COUNT_MAX 9007199254740992.0  // 2^53: what a double counts to

static data_tensor vector(const char *name, data_type type, size_t size, const void *bytes) {
  data_tensor t = {.type = type, .rank = 1, .dim = {(int64_t)size}, .bytes = bytes};
  snprintf(t.name, sizeof t.name, "%s", name);
  return t;
}

static void to_floats(float *out, const double *in, int n) {
  for (int i = 0; i < n; i++) out[i] = (float)in[i];
}

static status write_to(const char *path, const search_state *s, const es *e, const float *best) {
  int n = es_size(e);
  size_t state = es_state_size(e);
  float *mean = mem_take((size_t)n, sizeof *mean);
  void *bytes = mem_take(state, 1);
  to_floats(mean, es_mean(e), n);
  es_save(e, bytes);
  const data_tensor tensors[] = {vector("mean", DATA_F32, (size_t)n, mean), vector("best", DATA_F32, (size_t)n, best), vector("es", DATA_U8, state, bytes)};
  char numbers[4][40];
  snprintf(numbers[0], 40, "%d", s->generation);
  snprintf(numbers[1], 40, "%.17g", s->best_score);
  snprintf(numbers[2], 40, "%lld", (long long)s->episodes);
  snprintf(numbers[3], 40, "%lld", (long long)s->steps);
  const char *const pairs[] = {"format", FORMAT, "generation", numbers[0], "best_score", numbers[1], "episodes", numbers[2], "steps", numbers[3],
                               "identity", s->identity.hex, "world", s->world.hex, "rows", s->rows.hex};
  status done = data_tensors_write(path, tensors, 3, pairs, (int)(sizeof pairs / sizeof *pairs / 2));
  mem_free(mean);
  mem_free(bytes);
  return done;
}

static status number(double *value, const data_tensors *f, const char *path, const char *key) {
  const char *word = data_tensors_metadata(f, key);
  char *end = NULL;
  *value = word ? strtod(word, &end) : 0;
  if (!word || end == word || *end) FAIL(BAD_FILE, "%s: metadata '%s' is '%s', not a number", path, key, word ? word : "missing");
  return OK;
}

static status count(double *value, const data_tensors *f, const char *path, const char *key, double most) {
  TRY(number(value, f, path, key));
  if (!(*value >= 0 && *value <= most && *value == floor(*value)))
    FAIL(BAD_FILE, "%s: metadata '%s' is %g; a whole number from 0 to %.0f is allowed", path, key, *value, most);
  return OK;
}

static status identity(hash *out, const data_tensors *f, const char *path, const char *key) {
  const char *word = data_tensors_metadata(f, key);
  if (!word || strlen(word) != 32) FAIL(BAD_FILE, "%s: metadata '%s' is '%s', not a hash", path, key, word ? word : "missing");
  memcpy(out->hex, word, 33);
  return OK;
}

static status floats(float *out, const data_tensors *f, const char *path, const char *name, int n) {
  const data_tensor *t = data_tensors_find(f, name);
  if (!t || t->type != DATA_F32 || t->rank != 1) FAIL(BAD_FILE, "%s: tensor '%s' is missing", path, name);
  if (t->dim[0] != n)
    FAIL(MISMATCH, "%s: its controller has %lld parameters, this configuration's has %d", path, (long long)t->dim[0], n);
  TRY(data_tensor_finite(t, path, false));
  memcpy(out, t->bytes, (size_t)n * sizeof *out);
  return OK;
}

static status read_state(search_state *s, const data_tensors *f, const char *path) {
  const char *format = data_tensors_metadata(f, "format");
  if (!format || strcmp(format, FORMAT) != 0) FAIL(BAD_FILE, "%s: its format is '%s', '%s' is wanted", path, format ? format : "unknown", FORMAT);
  double generation, episodes, steps;
  TRY(count(&generation, f, path, "generation", INT32_MAX));
  TRY(number(&s->best_score, f, path, "best_score"));
  TRY(count(&episodes, f, path, "episodes", COUNT_MAX));
  TRY(count(&steps, f, path, "steps", COUNT_MAX));
  s->generation = (int)generation;
  s->episodes = (int64_t)episodes;
  s->steps = (int64_t)steps;
  TRY(identity(&s->identity, f, path, "identity"));
  TRY(identity(&s->rows, f, path, "rows"));
  return identity(&s->world, f, path, "world");
}

static status read_all(const data_tensors *f, const char *path, search_state *s, es **e, float *mean, float *best, int n) {
  TRY(read_state(s, f, path));
  TRY(floats(mean, f, path, "mean", n));
  TRY(floats(best, f, path, "best", n));
  if (!e) return OK;
  const data_tensor *t = data_tensors_find(f, "es");
  if (!t || t->type != DATA_U8) FAIL(BAD_FILE, "%s: tensor 'es' is missing", path);
  if (es_load(e, t->bytes, data_tensor_bytes(t)) != OK) FAIL(BAD_FILE, "%s: %s", path, status_message());
  return OK;
}

status search_load(const char *path, search_state *s, es **e, float *mean, float *best, int n) {
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  status done = read_all(f, path, s, e, mean, best, n);
  data_tensors_close(f);
  return done;
}

// --- the last two -----------------------------------------------------------------------------------------------------------

static file_path newest(const char *home) { return path_join(home, "controller.safetensors"); }
static file_path previous(const char *home) { return path_join(home, "controller.previous.safetensors"); }

// By a second name, so that there is a controller.safetensors at every moment; by renaming where a file has but one.
static status keep_previous(const char *home) {
  file_path from = newest(home), to = previous(home), other = path_join(home, "controller.previous.tmp");
  if (!file_exists(from.text)) return OK;
  TRY(file_remove(other.text));
  bool linked = link(from.text, other.text) == 0;
  if (rename(linked ? other.text : from.text, to.text) != 0) FAIL(NO_IO, "%s: cannot be written: %s", to.text, strerror(errno));
  return file_remove(other.text);  // still there where both were the same file already
}

status search_save(const char *home, const search_state *s, const es *e, const float *best) {
  TRY(keep_previous(home));
  return write_to(newest(home).text, s, e, best);
}

bool search_exists(const char *home) { return file_exists(newest(home).text) || file_exists(previous(home).text); }

status search_newest(const char *home, bool *damaged, search_state *s, es **e, float *mean, float *best, int n) {
  file_path first = newest(home), second = previous(home);
  *damaged = false;
  if (file_exists(first.text)) {
    status found = search_load(first.text, s, e, mean, best, n);
    if (found != BAD_FILE) return found;
    *damaged = true;
    log_here("%s", status_message());
  }
  if (file_exists(second.text) && search_load(second.text, s, e, mean, best, n) == OK) return OK;
  FAIL(BAD_FILE, "neither %s nor %s is intact (%s); start anew with --fresh", first.text, second.text, status_message());
}

status search_set_aside(const char *home) {
  file_path from = newest(home), to = path_join(home, "controller.damaged.safetensors");
  if (rename(from.text, to.text) != 0) FAIL(NO_IO, "%s: cannot be renamed to %s: %s", from.text, to.text, strerror(errno));
  return OK;
}

status search_forget(const char *home) {
  TRY(file_remove(newest(home).text));
  return file_remove(previous(home).text);
}

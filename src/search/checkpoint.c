// controller.safetensors: the controller that the search has found so far (mean, best), and the search itself, exactly.
// Its predecessor is kept, for the day on which it is found damaged.

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "checkpoint.h"

#define CHECKPOINT_FORMAT "dreamfarm-search-2"
#define COUNT_MAX ((uint64_t)1 << 53)  // what a double counts to: run.csv and JSON have such numbers

static data_tensor checkpoint_vector(const char *name, data_type type, size_t size, const void *bytes) {
  data_tensor t = {.type = type, .rank = 1, .dim = {(int64_t)size}, .bytes = bytes};
  snprintf(t.name, sizeof t.name, "%s", name);
  return t;
}

static void checkpoint_floats(float *out, const double *in, int n) {
  for (int i = 0; i < n; i++) out[i] = (float)in[i];
}

static status checkpoint_write(const char *path, const search_state *s, const es *e, const float *best) {
  int n = es_size(e);
  size_t state = es_state_size(e);
  float *mean = mem_take((size_t)n, sizeof *mean);
  void *bytes = mem_take(state, 1);
  checkpoint_floats(mean, es_mean(e), n);
  es_save(e, bytes);

  const data_tensor tensors[] = {checkpoint_vector("mean", DATA_F32, (size_t)n, mean),
                                 checkpoint_vector("best", DATA_F32, (size_t)n, best),
                                 checkpoint_vector("es", DATA_U8, state, bytes)};

  // Metadata is text; the best score in as many digits as make it the same number again.
  char numbers[4][40];
  snprintf(numbers[0], sizeof numbers[0], "%d", s->generation);
  snprintf(numbers[1], sizeof numbers[1], "%.17g", s->best_score);
  snprintf(numbers[2], sizeof numbers[2], "%lld", (long long)s->episodes);
  snprintf(numbers[3], sizeof numbers[3], "%lld", (long long)s->steps);
  const char *const pairs[] = {"format",     CHECKPOINT_FORMAT,
                               "generation", numbers[0],
                               "best_score", numbers[1],
                               "episodes",   numbers[2],
                               "steps",      numbers[3],
                               "identity",   s->identity.hex,
                               "world",      s->world.hex,
                               "rows",       s->rows.hex};

  status done = data_tensors_write(path, tensors, 3, pairs, (int)(sizeof pairs / sizeof *pairs / 2));
  mem_free(mean);
  mem_free(bytes);
  return done;
}

static status checkpoint_state_read(search_state *s, const data_source *from) {
  uint64_t generation, episodes, steps;
  TRY(data_format_wanted(from, CHECKPOINT_FORMAT));
  TRY(data_whole_wanted(&generation, from, "generation", 0, INT32_MAX));
  TRY(data_number_wanted(&s->best_score, from, "best_score"));
  TRY(data_whole_wanted(&episodes, from, "episodes", 0, COUNT_MAX));
  TRY(data_whole_wanted(&steps, from, "steps", 0, COUNT_MAX));
  s->generation = (int)generation;
  s->episodes = (int64_t)episodes;
  s->steps = (int64_t)steps;

  // Whose search it is, in which world, and which rows of run.csv it has written.
  TRY(data_hash_wanted(&s->identity, from, "identity"));
  TRY(data_hash_wanted(&s->rows, from, "rows"));
  return data_hash_wanted(&s->world, from, "world");
}

// Intact, but of another length: it belongs to another configuration.
static status checkpoint_vector_read(float *out, const data_source *from, const char *name, int n) {
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, name, DATA_F32, data_vector(DATA_ANY)));
  if (t->dim[0] != n)
    FAIL(MISMATCH, "%s: its controller has %lld parameters, this configuration's has %d", from->path,
         (long long)t->dim[0], n);

  TRY(data_tensor_finite(t, from->path, false));
  memcpy(out, t->bytes, (size_t)n * sizeof *out);
  return OK;
}

static status checkpoint_read(const data_source *from, search_state *s, es **e, float *mean, float *best, int n) {
  TRY(checkpoint_state_read(s, from));
  TRY(checkpoint_vector_read(mean, from, "mean", n));
  TRY(checkpoint_vector_read(best, from, "best", n));
  if (!e) return OK;

  // The search itself checks what it is made from; only the file's name is added.
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, "es", DATA_U8, data_vector(DATA_ANY)));
  if (es_load(e, t->bytes, data_tensor_bytes(t)) != OK) FAIL(BAD_FILE, "%s: %s", from->path, status_message());
  return OK;
}

status search_load(const char *path, search_state *s, es **e, float *mean, float *best, int n) {
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  const data_source from = {.file = f, .path = path, .remedy = "restore it, or make it again"};
  status done = checkpoint_read(&from, s, e, mean, best, n);
  data_tensors_close(f);
  return done;
}

// --- the last two ---------------------------------------------------------------------------------------------------

static file_path checkpoint_last(const char *home) { return path_join(home, RUN_CONTROLLER); }
static file_path checkpoint_previous(const char *home) { return path_join(home, RUN_CONTROLLER_BEFORE); }

// By a second name, so that there is a controller.safetensors at every moment; by renaming where a file has but one.
static status checkpoint_keep_previous(const char *home) {
  file_path from = checkpoint_last(home), to = checkpoint_previous(home);
  file_path other = path_join(home, "controller.previous.tmp");
  if (!file_exists(from.text)) return OK;
  TRY(file_remove(other.text));

  bool linked = link(from.text, other.text) == 0;
  if (rename(linked ? other.text : from.text, to.text) != 0)
    FAIL(NO_IO, "%s: cannot be written: %s", to.text, strerror(errno));
  return file_remove(other.text);  // still there where both were the same file already
}

status checkpoint_save(const char *home, const search_state *s, const es *e, const float *best) {
  TRY(checkpoint_keep_previous(home));
  return checkpoint_write(checkpoint_last(home).text, s, e, best);
}

bool checkpoint_exists(const char *home) {
  return file_exists(checkpoint_last(home).text) || file_exists(checkpoint_previous(home).text);
}

status checkpoint_newest(const char *home, bool *damaged, search_state *s, es **e, float *mean, float *best, int n) {
  file_path first = checkpoint_last(home), second = checkpoint_previous(home);
  *damaged = false;

  // Only damage makes its predecessor count: one of another configuration is refused, not passed over.
  if (file_exists(first.text)) {
    status found = search_load(first.text, s, e, mean, best, n);
    if (found != BAD_FILE) return found;
    *damaged = true;
    log_here("%s", status_message());
  }

  if (file_exists(second.text) && search_load(second.text, s, e, mean, best, n) == OK) return OK;
  FAIL(BAD_FILE, "neither %s nor %s is intact (%s); start anew with --fresh", first.text, second.text,
       status_message());
}

status checkpoint_set_aside(const char *home) {
  file_path from = checkpoint_last(home), to = path_join(home, "controller.damaged.safetensors");
  if (rename(from.text, to.text) != 0)
    FAIL(NO_IO, "%s: cannot be renamed to %s: %s", from.text, to.text, strerror(errno));
  return OK;
}

status checkpoint_forget(const char *home) {
  TRY(file_remove(checkpoint_last(home).text));
  return file_remove(checkpoint_previous(home).text);
}

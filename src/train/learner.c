// Weights, their optimiser's state, and both on disk: a training run continues exactly. Knows no network.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define FORMAT "dreamfarm-learner-1"

learner learner_open(size_t size, int extra) {
  learner l = {.memory = arena_open(), .size = size, .extra = extra};
  l.w = ARENA_NEW(l.memory, real, size);
  l.m = ARENA_NEW(l.memory, real, size);
  l.v = ARENA_NEW(l.memory, real, size);
  l.g = ARENA_NEW(l.memory, float, size + (size_t)extra);
  return l;
}

void learner_close(learner *l) { arena_close(l->memory); }

static data_tensor vector(const char *name, const real *values, size_t size) {
  data_tensor t = {.type = DATA_F32, .rank = 1, .dim = {(int64_t)size}, .bytes = values};
  snprintf(t.name, sizeof t.name, "%s", name);
  return t;
}

status learner_save(const learner *l, const char *path, hash identity, int ranks) {
  const data_tensor tensors[] = {vector("weights", l->w, l->size), vector("adam.m", l->m, l->size), vector("adam.v", l->v, l->size)};
  char step[32], size[16];
  snprintf(step, sizeof step, "%lld", (long long)l->step);
  snprintf(size, sizeof size, "%d", ranks);
  const char *const pairs[] = {"format", FORMAT, "identity", identity.hex, "ranks", size, "step", step};
  return data_tensors_write(path, tensors, 3, pairs, 4);
}

static status metadata_equal(const data_tensors *f, const char *path, const char *key, const char *wanted, const char *remedy) {
  const char *found = data_tensors_metadata(f, key);
  if (!found || strcmp(found, wanted) != 0)
    FAIL(MISMATCH, "%s: its %s is %s, but %s is wanted; %s", path, key, found ? found : "missing", wanted, remedy);
  return OK;
}

static status vector_read(real *values, const data_tensors *f, const char *path, const char *name, size_t size) {
  const data_tensor *t = data_tensors_find(f, name);
  if (!t || t->type != DATA_F32 || t->rank != 1 || t->dim[0] != (int64_t)size)
    FAIL(BAD_FILE, "%s: tensor '%s' is missing or does not have %zu numbers", path, name, size);
  memcpy(values, t->bytes, size * sizeof *values);
  return OK;
}

static status learner_read(learner *l, const data_tensors *f, const char *path, hash identity, int ranks) {
  char size[16];
  snprintf(size, sizeof size, "%d", ranks);
  TRY(metadata_equal(f, path, "format", FORMAT, "it was not written by this version's training"));
  TRY(metadata_equal(f, path, "identity", identity.hex,
                     "it belongs to another configuration or dataset: put that back, use another run.directory, or start anew with --fresh"));
  TRY(metadata_equal(f, path, "ranks", size, "training gives other rounding with another number of ranks: start it with as many, or anew with --fresh"));
  TRY(vector_read(l->w, f, path, "weights", l->size));
  TRY(vector_read(l->m, f, path, "adam.m", l->size));
  TRY(vector_read(l->v, f, path, "adam.v", l->size));
  const char *step = data_tensors_metadata(f, "step");
  l->step = step ? strtoll(step, NULL, 10) : -1;
  if (l->step < 0) FAIL(BAD_FILE, "%s: metadata 'step' is '%s'", path, step ? step : "missing");
  return OK;
}

status learner_load(learner *l, const char *path, hash identity, int ranks) {
  if (!file_exists(path)) return OK;
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  status s = learner_read(l, f, path, identity, ranks);
  data_tensors_close(f);
  return s;
}

double learning_rate_at(double first, double last, int64_t done, int64_t all) {
  return first * pow(last / first, (double)done / (double)all);
}

int episodes_of_rank(uint32_t *episodes, int from, int to, int rank, int size) {
  int count = 0;
  for (int e = from; e < to; e++)
    if (e % size == rank) episodes[count++] = (uint32_t)e;
  return count;
}

double tally_mean(const tally *t, int part) { return t->count > 0 ? t->part[part] / t->count : (double)NAN; }

// Weights, their optimiser's state, and both on disk: a training run continues exactly. Knows no network.

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define FORMAT "dreamfarm-learner-2"
#define ROW_NUMBERS (5 + 2 * TRAIN_PARTS)

learner learner_open(size_t size, int extra) {
  learner l = {.memory = arena_open(), .size = size, .extra = extra};
  l.w = ARENA_NEW(l.memory, real, size);
  l.m = ARENA_NEW(l.memory, real, size);
  l.v = ARENA_NEW(l.memory, real, size);
  l.g = ARENA_NEW(l.memory, float, size + (size_t)extra);
  return l;
}

void learner_close(learner *l) {
  arena_close(l->memory);
  mem_free(l->rows);
}

// --- rows as numbers ------------------------------------------------------------------------------------------------------

static void row_to_numbers(double *to, const train_row *row) {
  const double head[] = {row->epoch, (double)row->step, row->loss, row->held_out, row->seconds};
  memcpy(to, head, sizeof head);
  memcpy(to + 5, row->part, sizeof row->part);
  memcpy(to + 5 + TRAIN_PARTS, row->held_out_part, sizeof row->held_out_part);
}

static train_row row_of_numbers(const double *from) {
  train_row row = {.epoch = (int)from[0], .step = (int64_t)from[1], .loss = from[2], .held_out = from[3], .seconds = from[4]};
  memcpy(row.part, from + 5, sizeof row.part);
  memcpy(row.held_out_part, from + 5 + TRAIN_PARTS, sizeof row.held_out_part);
  return row;
}

static void row_keep(learner *l, const train_row *row) {
  if (l->rows_count == l->rows_room) {
    int room = l->rows_room ? 2 * l->rows_room : 64;
    train_row *more = mem_take((size_t)room, sizeof *more);
    if (l->rows_count) memcpy(more, l->rows, (size_t)l->rows_count * sizeof *more);
    mem_free(l->rows);
    l->rows = more;
    l->rows_room = room;
  }
  l->rows[l->rows_count++] = *row;
}

double learner_seconds(const learner *l) { return l->rows_count ? l->rows[l->rows_count - 1].seconds : 0; }

void learner_row(learner *l, const train_row *row, const train_team *team, const train_watch *watch) {
  row_keep(l, row);
  l->since_row = (tally){0};
  if (team->rank == 0) watch->row(watch->self, row);
}

status learner_begin(const learner *l, const train_team *team, const train_watch *watch) {
  status s = team->rank == 0 && watch->begin ? watch->begin(watch->self) : OK;
  for (int i = 0; s == OK && team->rank == 0 && i < l->rows_count; i++) watch->row(watch->self, &l->rows[i]);
  return team->agree(team->self, s);
}

// --- on disk --------------------------------------------------------------------------------------------------------------

static data_tensor numbers(const char *name, data_type type, const void *values, size_t size) {
  data_tensor t = {.type = type, .rank = 1, .dim = {(int64_t)size}, .bytes = values};
  snprintf(t.name, sizeof t.name, "%s", name);
  return t;
}

status learner_save(const learner *l, const char *path, hash identity, int ranks) {
  size_t count = (size_t)l->rows_count * ROW_NUMBERS;
  double *rows = mem_take(count + 1, sizeof *rows), since[TRAIN_PARTS + 1];
  for (int i = 0; i < l->rows_count; i++) row_to_numbers(rows + (size_t)i * ROW_NUMBERS, &l->rows[i]);
  memcpy(since, l->since_row.part, sizeof l->since_row.part);
  since[TRAIN_PARTS] = l->since_row.count;

  char step[32], size[16];
  snprintf(step, sizeof step, "%lld", (long long)l->step);
  snprintf(size, sizeof size, "%d", ranks);
  const data_tensor tensors[] = {
      numbers("weights", DATA_F32, l->w, l->size), numbers("adam.m", DATA_F32, l->m, l->size),
      numbers("adam.v", DATA_F32, l->v, l->size), numbers("since_row", DATA_F64, since, TRAIN_PARTS + 1),
      numbers("rows", DATA_F64, rows, count)};
  const char *const pairs[] = {"format", FORMAT, "identity", identity.hex, "ranks", size, "step", step};
  status s = data_tensors_write(path, tensors, count ? 5 : 4, pairs, 4);
  mem_free(rows);
  return s;
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
  TRY(data_tensor_finite(t, path, false));
  memcpy(values, t->bytes, size * sizeof *values);
  return OK;
}

static status rows_read(learner *l, const data_tensors *f, const char *path) {
  const data_tensor *since = data_tensors_find(f, "since_row"), *rows = data_tensors_find(f, "rows");
  bool fit = since && since->type == DATA_F64 && since->rank == 1 && since->dim[0] == TRAIN_PARTS + 1 &&
             (!rows || (rows->type == DATA_F64 && rows->rank == 1 && rows->dim[0] % ROW_NUMBERS == 0));
  if (!fit) FAIL(BAD_FILE, "%s: its rows are missing or damaged; start anew with --fresh", path);

  memcpy(l->since_row.part, since->bytes, sizeof l->since_row.part);
  memcpy(&l->since_row.count, (const double *)since->bytes + TRAIN_PARTS, sizeof l->since_row.count);
  for (int64_t i = 0; rows && i < rows->dim[0]; i += ROW_NUMBERS) {
    double one[ROW_NUMBERS];
    memcpy(one, (const double *)rows->bytes + i, sizeof one);
    if (!(one[0] >= 0 && one[0] <= INT32_MAX && one[1] >= 0 && one[1] <= 9007199254740992.0))
      FAIL(BAD_FILE, "%s: a row is of epoch %g, step %g; start anew with --fresh", path, one[0], one[1]);
    train_row row = row_of_numbers(one);
    row_keep(l, &row);
  }
  return OK;
}

// Anything else would be taken for an epoch that there is not.
static status step_read(int64_t *step, const data_tensors *f, const char *path, int64_t most) {
  const char *word = data_tensors_metadata(f, "step");
  char *end = NULL;
  errno = 0;
  *step = word ? strtoll(word, &end, 10) : -1;
  if (!word || *word < '0' || *word > '9' || *end || errno || *step > most)
    FAIL(BAD_FILE, "%s: metadata 'step' is '%s'; 0 to %lld are allowed; restore it, or start anew with --fresh", path,
         word ? word : "missing", (long long)most);
  return OK;
}

static status learner_read(learner *l, const data_tensors *f, const char *path, hash identity, int ranks,
                           int64_t most) {
  char size[16];
  snprintf(size, sizeof size, "%d", ranks);
  TRY(metadata_equal(f, path, "format", FORMAT, "it was not written by this version's training"));
  TRY(metadata_equal(f, path, "identity", identity.hex,
                     "it belongs to another configuration or dataset: put that back, use another run.directory, or start anew with --fresh"));
  TRY(metadata_equal(f, path, "ranks", size, "training gives other rounding with another number of ranks: start it with as many, or anew with --fresh"));
  TRY(vector_read(l->w, f, path, "weights", l->size));
  TRY(vector_read(l->m, f, path, "adam.m", l->size));
  TRY(vector_read(l->v, f, path, "adam.v", l->size));
  TRY(step_read(&l->step, f, path, most));
  return rows_read(l, f, path);
}

status learner_load(learner *l, const char *path, hash identity, int ranks, int64_t most) {
  if (!file_exists(path)) return OK;
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  status s = learner_read(l, f, path, identity, ranks, most);
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

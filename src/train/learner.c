// Weights, their optimiser's state, and both on disk: a training run continues exactly. Knows no network.

#include <math.h>
#include <string.h>

#include "parts.h"

#define FORMAT "dreamfarm-learner-2"
#define ROW_NUMBERS (5 + 2 * TRAIN_PARTS)  // of a row in the file: what row_to_numbers writes
#define EXACT_MAX 9007199254740992.0       // 2^53: what a double counts to

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

// --- rows as numbers -------------------------------------------------------------------------------------------------

static void row_to_numbers(double *to, const train_row *row) {
  const double head[] = {row->epoch, (double)row->step, row->loss, row->held_out, row->seconds};
  memcpy(to, head, sizeof head);
  memcpy(to + 5, row->part, sizeof row->part);
  memcpy(to + 5 + TRAIN_PARTS, row->held_out_part, sizeof row->held_out_part);
}

static train_row row_of_numbers(const double *from) {
  train_row row = {.epoch = (int)from[0],
                   .step = (int64_t)from[1],
                   .loss = from[2],
                   .held_out = from[3],
                   .seconds = from[4]};

  memcpy(row.part, from + 5, sizeof row.part);
  memcpy(row.held_out_part, from + 5 + TRAIN_PARTS, sizeof row.held_out_part);
  return row;
}

static void learner_row_keep(learner *l, const train_row *row) {
  // Twice the room whenever it is full: rows are few, and nobody knows how many.
  if (l->rows_count == l->rows_room) {
    int room = l->rows_room ? 2 * l->rows_room : 64;
    train_row *more = mem_take((size_t)room, sizeof *more);
    if (l->rows_count) memcpy(more, l->rows, (size_t)l->rows_count * sizeof *more);
    mem_free(l->rows);
    l->rows = more;
    l->rows_room = room;
  }

  l->rows[l->rows_count] = *row;
  l->rows_count++;
}

double learner_seconds(const learner *l) { return l->rows_count ? l->rows[l->rows_count - 1].seconds : 0; }

void learner_row(learner *l, const train_row *row, const train_team *team, const train_watch *watch) {
  learner_row_keep(l, row);
  l->since_row = (tally){0};
  if (team->rank == 0) watch->row(watch->self, row);
}

status learner_begin(const learner *l, const train_team *team, const train_watch *watch) {
  status s = team->rank == 0 && watch->begin ? watch->begin(watch->self) : OK;
  for (int i = 0; s == OK && team->rank == 0 && i < l->rows_count; i++) watch->row(watch->self, &l->rows[i]);
  return team->agree(team->self, s);
}

// --- on disk ---------------------------------------------------------------------------------------------------------

static data_tensor learner_vector(const char *name, data_type type, const void *values, size_t size) {
  data_tensor t = {.type = type, .rank = 1, .dim = {(int64_t)size}, .bytes = values};
  snprintf(t.name, sizeof t.name, "%s", name);
  return t;
}

status learner_save(const learner *l, const char *path, hash identity, int ranks) {
  size_t count = (size_t)l->rows_count * ROW_NUMBERS;
  double *rows = mem_take(count + 1, sizeof *rows);
  double since[TRAIN_PARTS + 1];
  // Rows as numbers, and the sums since the last of them.
  for (int i = 0; i < l->rows_count; i++) row_to_numbers(rows + (size_t)i * ROW_NUMBERS, &l->rows[i]);
  memcpy(since, l->since_row.part, sizeof l->since_row.part);
  since[TRAIN_PARTS] = l->since_row.count;

  char step[32], size[16];
  snprintf(step, sizeof step, "%lld", (long long)l->step);
  snprintf(size, sizeof size, "%d", ranks);
  const data_tensor tensors[] = {
      learner_vector("weights", DATA_F32, l->w, l->size), learner_vector("adam.m", DATA_F32, l->m, l->size),
      learner_vector("adam.v", DATA_F32, l->v, l->size),
      learner_vector("since_row", DATA_F64, since, TRAIN_PARTS + 1), learner_vector("rows", DATA_F64, rows, count)};

  // A tensor of nothing is left out: without rows there is none of them.
  const char *const pairs[] = {"format", FORMAT, "identity", identity.hex, "ranks", size, "step", step};
  status s = data_tensors_write(path, tensors, count ? 5 : 4, pairs, 4);
  mem_free(rows);
  return s;
}

// What must be the same as now, or the checkpoint belongs to something else.
static status learner_same(const data_source *from, const char *key, const char *wanted, const char *remedy) {
  const char *found = data_tensors_metadata(from->file, key);
  if (!found || strcmp(found, wanted) != 0)
    FAIL(MISMATCH, "%s: its %s is %s, but %s is wanted; %s", from->path, key, found ? found : "missing", wanted,
         remedy);
  return OK;
}

static status learner_vector_read(real *values, const data_source *from, const char *name, size_t size) {
  const float *found;
  TRY(data_f32_wanted(&found, from, name, data_vector((int64_t)size)));
  memcpy(values, found, size * sizeof *values);
  return OK;
}

static status learner_since_read(tally *since, const data_source *from) {
  const double *numbers;
  TRY(data_f64_wanted(&numbers, from, "since_row", data_vector(TRAIN_PARTS + 1)));
  memcpy(since->part, numbers, sizeof since->part);
  since->count = numbers[TRAIN_PARTS];
  return OK;
}

// A checkpoint from before the first row has none.
static status learner_rows_read(learner *l, const data_source *from) {
  const data_tensor *rows;
  if (!data_tensors_find(from->file, "rows")) return OK;
  TRY(data_tensor_wanted(&rows, from, "rows", DATA_F64, data_vector(DATA_ANY)));
  if (rows->dim[0] % ROW_NUMBERS != 0)
    FAIL(BAD_FILE, "%s: tensor 'rows' has %lld numbers, which are no whole rows of %d; %s", from->path,
         (long long)rows->dim[0], ROW_NUMBERS, from->remedy);

  // Epoch and step become whole numbers, so they must fit into them.
  for (int64_t i = 0; i < rows->dim[0]; i += ROW_NUMBERS) {
    const double *one = (const double *)rows->bytes + i;
    if (!(one[0] >= 0 && one[0] <= INT32_MAX && one[1] >= 0 && one[1] <= EXACT_MAX))
      FAIL(BAD_FILE, "%s: a row is of epoch %g, step %g; %s", from->path, one[0], one[1], from->remedy);
    train_row row = row_of_numbers(one);
    learner_row_keep(l, &row);
  }
  return OK;
}

static status learner_read(learner *l, const data_source *from, hash identity, int ranks, int64_t most) {
  char size[16];
  snprintf(size, sizeof size, "%d", ranks);
  TRY(learner_same(from, "format", FORMAT, "it was not written by this version's training"));
  TRY(learner_same(from, "identity", identity.hex,
                   "it belongs to another configuration or dataset: put that back, use another run.directory, or start "
                   "anew with --fresh"));
  TRY(learner_same(from, "ranks", size,
                   "training gives other rounding with another number of ranks: start it with as many, or anew with "
                   "--fresh"));

  TRY(learner_vector_read(l->w, from, "weights", l->size));
  TRY(learner_vector_read(l->m, from, "adam.m", l->size));
  TRY(learner_vector_read(l->v, from, "adam.v", l->size));

  // A step beyond the last would be taken for an epoch that there is not.
  uint64_t step;
  TRY(data_whole_wanted(&step, from, "step", 0, (uint64_t)most));
  l->step = (int64_t)step;

  TRY(learner_since_read(&l->since_row, from));
  return learner_rows_read(l, from);
}

status learner_load(learner *l, const char *path, hash identity, int ranks, int64_t most) {
  if (!file_exists(path)) return OK;

  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  const data_source from = {.file = f, .path = path, .remedy = "restore it, or start anew with --fresh"};
  status s = learner_read(l, &from, identity, ranks, most);
  data_tensors_close(f);
  return s;
}

// --- what rates and means come to ------------------------------------------------------------------------------------

double learning_rate_at(double first, double last, int64_t done, int64_t all) {
  return first * pow(last / first, (double)done / (double)all);
}

double tally_mean(const tally *t, int part) { return t->count > 0 ? t->part[part] / t->count : (double)NAN; }

// Worlds on disk: vae.safetensors and rnn.safetensors, with their shapes in the metadata.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define VAE_FORMAT "dreamfarm-vae-1"
#define RNN_FORMAT "dreamfarm-rnn-2"
#define METADATA_MAX 16

typedef struct metadata {
  const char *pairs[2 * METADATA_MAX];
  char numbers[METADATA_MAX][32];
  int count;
} metadata;

static void metadata_text(metadata *m, const char *key, const char *value) {
  CHECK(m->count < METADATA_MAX, "%d pairs", m->count);
  m->pairs[2 * m->count] = key;
  m->pairs[2 * m->count + 1] = value;
  m->count++;
}

static void metadata_number(metadata *m, const char *key, double value) {
  char *text = m->numbers[m->count];
  snprintf(text, sizeof m->numbers[0], "%.9g", value);
  metadata_text(m, key, text);
}

static void tensors_of_table(data_tensor *tensors, const nn_table *table, const float *values) {
  for (int i = 0; i < table->count; i++) {
    const nn_tensor *t = &table->tensor[i];
    tensors[i] = (data_tensor){.type = DATA_F32, .rank = t->rank, .bytes = values + t->at};
    snprintf(tensors[i].name, sizeof tensors[i].name, "%s", t->name);
    for (int d = 0; d < t->rank; d++) tensors[i].dim[d] = t->dim[d];
  }
}

status world_vae_write(const char *path, const world_shape *s, const float *values, const char *dataset_hash) {
  metadata m = {0};
  metadata_text(&m, "format", VAE_FORMAT);
  metadata_text(&m, "dataset", dataset_hash);
  metadata_number(&m, "latent", s->Z);
  metadata_number(&m, "channels1", s->channels[0]);
  metadata_number(&m, "channels2", s->channels[1]);
  metadata_number(&m, "channels3", s->channels[2]);
  metadata_number(&m, "channels4", s->channels[3]);
  nn_table table = world_vae_table(s);
  data_tensor tensors[NN_TENSORS_MAX];
  tensors_of_table(tensors, &table, values);
  return data_tensors_write(path, tensors, table.count, m.pairs, m.count);
}

static data_tensor matrix(const char *name, int rows, int columns, const float *values) {
  data_tensor t = {.type = DATA_F32, .rank = rows ? 2 : 1, .bytes = values};
  snprintf(t.name, sizeof t.name, "%s", name);
  t.dim[0] = rows ? rows : columns;
  t.dim[1] = columns;
  return t;
}

status world_rnn_write(const char *path, const world_shape *s, const float *values, const world_origins *o,
                       const char *vae_hash) {
  metadata m = {0};
  metadata_text(&m, "format", RNN_FORMAT);
  metadata_text(&m, "vae", vae_hash);
  metadata_number(&m, "latent", s->Z);
  metadata_number(&m, "actions", s->A);
  metadata_number(&m, "hidden", s->H);
  metadata_number(&m, "mixtures", s->K);
  metadata_number(&m, "log_sigma_floor", o->log_sigma_floor);
  metadata_number(&m, "done_weight", o->done_weight);
  nn_table table = world_rnn_table(s);
  data_tensor tensors[NN_TENSORS_MAX];
  tensors_of_table(tensors, &table, values);
  int count = table.count;
  tensors[count++] = matrix("origins.mu", o->count, s->Z, o->mu);
  tensors[count++] = matrix("origins.logvar", o->count, s->Z, o->logvar);
  if (o->moments) tensors[count++] = matrix("moments", o->moments, s->Z + 2 * s->H, o->moment);
  tensors[count++] = matrix("latent.offset", 0, s->Z, o->offset);
  tensors[count++] = matrix("latent.scale", 0, s->Z, o->scale);
  return data_tensors_write(path, tensors, count, m.pairs, m.count);
}

// --- reading ----------------------------------------------------------------------------------------------------------

static status number_of(double *value, const data_tensors *f, const char *path, const char *key) {
  const char *text = data_tensors_metadata(f, key);
  if (!text) FAIL(BAD_FILE, "%s: has no '%s' in its metadata; it was not written by dreamfarm", path, key);
  char *end;
  *value = strtod(text, &end);
  if (end == text || *end || !isfinite(*value)) FAIL(BAD_FILE, "%s: metadata '%s' is '%s', not a number", path, key, text);
  return OK;
}

static status size_of(int *value, const data_tensors *f, const char *path, const char *key) {
  double number;
  TRY(number_of(&number, f, path, key));
  if (number < 1 || number > 65536 || number != floor(number))
    FAIL(BAD_FILE, "%s: metadata '%s' is %g; a whole number from 1 to 65536 is allowed", path, key, number);
  *value = (int)number;
  return OK;
}

static status format_check(const data_tensors *f, const char *path, const char *wanted) {
  const char *format = data_tensors_metadata(f, "format");
  if (!format || strcmp(format, wanted) != 0)
    FAIL(BAD_FILE, "%s: its format is '%s', '%s' is wanted", path, format ? format : "unknown", wanted);
  return OK;
}

// One float tensor of exactly these dimensions (0: any).
static status tensor_of(const float **values, int64_t *rows, const data_tensors *f, const char *path, const char *name,
                        int rank, const int *dim) {
  const data_tensor *t = data_tensors_find(f, name);
  if (!t) FAIL(BAD_FILE, "%s: tensor '%s' is missing", path, name);
  bool fits = t->type == DATA_F32 && t->rank == rank;
  for (int d = 0; fits && d < rank; d++) fits = dim[d] == 0 ? t->dim[d] > 0 : t->dim[d] == dim[d];
  if (!fits) FAIL(BAD_FILE, "%s: tensor '%s' does not have the shape or type that the metadata says", path, name);
  *values = t->bytes;
  if (rows) *rows = t->dim[0];
  return data_tensor_finite(t, path, strcmp(name, "origins.logvar") == 0);  // a state has no variance
}

// Every tensor there and of its size, before there is memory for what the metadata claims.
static status table_check(const nn_table *table, const data_tensors *f, const char *path) {
  for (int i = 0; i < table->count; i++) {
    const float *found;
    TRY(tensor_of(&found, NULL, f, path, table->tensor[i].name, table->tensor[i].rank, table->tensor[i].dim));
  }
  return OK;
}

// Of tensors that have been checked.
static void table_read(float *values, const nn_table *table, const data_tensors *f) {
  for (int i = 0; i < table->count; i++) {
    const nn_tensor *t = &table->tensor[i];
    memcpy(values + t->at, data_tensors_find(f, t->name)->bytes, t->size * sizeof(float));
  }
}

static const float *keep(world *w, const float *values, size_t n) {
  float *copy = ARENA_NEW(w->memory, float, n);
  memcpy(copy, values, n * sizeof(float));
  return copy;
}

static packed pack(world *w, num_precision precision, const float *weight, const float *bias, int K, int N) {
  return packed_make_in(precision, ARENA_NEW(w->memory, float, packed_size_in(precision, K, N)), weight, bias, K, N);
}

static void pack_encoder(world *w, const float *v) {
  const world_shape *s = &w->shape;
  const nn_table *t = &w->vae_table;
  for (int i = 0; i < 4; i++) {
    nn_conv_shape c = world_vae_conv(s, i);
    w->conv[i] = pack(w, NUM_FP32, v + t->tensor[VAE_CONV1 + 2 * i].at, v + t->tensor[VAE_CONV1_B + 2 * i].at, c.k * c.k * c.C, c.F);
  }
  int code = world_vae_code(s), Z = s->Z;
  float *joint = mem_take((size_t)(code + 1) * 2 * Z, sizeof *joint);  // mu and logvar beside each other
  for (int r = 0; r <= code; r++) {
    const float *mu = r < code ? v + t->tensor[VAE_MU].at + (size_t)r * Z : v + t->tensor[VAE_MU_B].at;
    const float *logvar = r < code ? v + t->tensor[VAE_LOGVAR].at + (size_t)r * Z : v + t->tensor[VAE_LOGVAR_B].at;
    memcpy(joint + (size_t)r * 2 * Z, mu, Z * sizeof(float));
    memcpy(joint + (size_t)r * 2 * Z + Z, logvar, Z * sizeof(float));
  }
  w->latent = pack(w, NUM_FP32, joint, joint + (size_t)code * 2 * Z, code, 2 * Z);
  mem_free(joint);
}

static status vae_read(world *w, const data_tensors *f, const char *path) {
  world_shape *s = &w->shape;
  TRY(format_check(f, path, VAE_FORMAT));
  TRY(size_of(&s->Z, f, path, "latent"));
  for (int i = 0; i < 4; i++) {
    char key[16];
    snprintf(key, sizeof key, "channels%d", i + 1);
    TRY(size_of(&s->channels[i], f, path, key));
  }
  s->pixels = true;
  TRY(world_shape_check(s, false, path));
  w->vae_table = world_vae_table(s);
  TRY(table_check(&w->vae_table, f, path));
  float *values = ARENA_NEW(w->memory, float, w->vae_table.size);
  table_read(values, &w->vae_table, f);
  w->decoder = values;
  pack_encoder(w, values);
  return OK;
}

// Row by row (the weights', then the bias), the columns of `from` that `column` names, in the order of their own, less those that
// `less` names, if it is there.
static packed pack_columns(world *w, const float *from, const float *bias, const int *column, const int *less, int N) {
  int H = w->shape.H, size = world_head_size(&w->shape);
  float *joint = mem_take((size_t)(H + 1) * N, sizeof *joint);
  for (int r = 0; r <= H; r++) {
    const float *row = r < H ? from + (size_t)r * size : bias;
    for (int n = 0; n < N; n++) joint[(size_t)r * N + n] = column[n] < 0 ? 0 : row[column[n]] - (less ? row[less[n]] : 0);
  }
  packed p = pack(w, w->precision, joint, joint + (size_t)H * N, H, N);
  mem_free(joint);
  return p;
}

// The head in the order that a dream computes it: all logits, then of each item what was drawn. Component 0's logits are taken off
// the others' here, once, instead of being computed at every step.
static void pack_head(world *w, const float *weight, const float *bias) {
  const world_shape *s = &w->shape;
  int Z = s->Z, K = s->K, ZK = Z * K, rest = world_component_columns(s);
  int *column = mem_take((size_t)rest, sizeof *column), *first = mem_take((size_t)ZK, sizeof *first);
  for (int z = 0; z < Z; z++)
    for (int k = 1; k < K; k++) {
      column[(k - 1) * Z + z] = z * K + k;
      first[(k - 1) * Z + z] = z * K;
    }
  w->logits = pack_columns(w, weight, bias, column, first, world_logits(s));
  mem_free(first);
  for (int n = 0; n < rest; n++) column[n] = -1;  // nobody's
  for (int second = 0; second < 2; second++)
    for (int z = 0; z < Z; z++)
      for (int k = 0; k < K; k++) column[world_component_column(s, z, second, k)] = (1 + second) * ZK + z * K + k;
  column[world_component_column(s, Z, 0, 0)] = world_head_reward(s);
  column[world_component_column(s, Z, 1, 0)] = world_head_done(s);
  w->components = pack_columns(w, weight, bias, column, NULL, rest);
  mem_free(column);
}

static void pack_rnn(world *w, float *v) {
  const world_shape *s = &w->shape;
  nn_table t = world_rnn_table(s);
  float *bias = v + t.tensor[RNN_LSTM_B].at;
  for (int i = 2 * s->H; i < 3 * s->H; i++) bias[i] += 1.0f;  // the forget gate's customary + 1, folded in once
  w->lstm = pack(w, w->precision, v + t.tensor[RNN_LSTM].at, bias, s->Z + s->A + s->H, 4 * s->H);
  pack_head(w, v + t.tensor[RNN_HEAD].at, v + t.tensor[RNN_HEAD_B].at);
}

static status moments_read(world *w, const data_tensors *f, const char *path) {
  world_origins *o = &w->origins;
  int belief = w->shape.Z + 2 * w->shape.H;
  int64_t count = 0;
  double weight;
  if (data_tensors_find(f, "moments")) TRY(tensor_of(&o->moment, &count, f, path, "moments", 2, (int[]){0, belief}));
  if (count > WORLD_ORIGINS_MAX)
    FAIL(BAD_FILE, "%s: moments has %lld rows; at most %d are allowed", path, (long long)count, WORLD_ORIGINS_MAX);

  TRY(number_of(&weight, f, path, "done_weight"));
  if (weight < 0 || weight > 1e6)
    FAIL(BAD_FILE, "%s: metadata 'done_weight' is %g; 0 to 1e6 is allowed", path, weight);

  o->moments = (int)count;
  o->done_weight = (float)weight;
  if (count) o->moment = keep(w, o->moment, (size_t)count * belief);
  return OK;
}

static status origins_read(world *w, const data_tensors *f, const char *path) {
  world_origins *o = &w->origins;
  int Z = w->shape.Z;
  int64_t count, again;
  double floor_value;
  TRY(tensor_of(&o->mu, &count, f, path, "origins.mu", 2, (int[]){0, Z}));
  TRY(tensor_of(&o->logvar, &again, f, path, "origins.logvar", 2, (int[]){0, Z}));
  if (count != again || count > WORLD_ORIGINS_MAX)
    FAIL(BAD_FILE, "%s: origins.mu and origins.logvar have %lld and %lld rows; as many are wanted, and at most %d",
         path, (long long)count, (long long)again, WORLD_ORIGINS_MAX);
  TRY(tensor_of(&o->offset, NULL, f, path, "latent.offset", 1, &Z));
  TRY(tensor_of(&o->scale, NULL, f, path, "latent.scale", 1, &Z));
  TRY(number_of(&floor_value, f, path, "log_sigma_floor"));
  if (fabs(floor_value) > 1e6)
    FAIL(BAD_FILE, "%s: metadata 'log_sigma_floor' is %g, not a logarithm", path, floor_value);
  o->count = (int)count;
  o->log_sigma_floor = (float)floor_value;
  o->mu = keep(w, o->mu, (size_t)count * Z);
  o->logvar = keep(w, o->logvar, (size_t)count * Z);
  o->offset = keep(w, o->offset, (size_t)Z);
  o->scale = keep(w, o->scale, (size_t)Z);
  return OK;
}

typedef struct sources {
  const char *vae_path, *rnn_path;  // either may be NULL
  hash vae, rnn;
  world_options options;
} sources;

static status rnn_read(world *w, const data_tensors *f, const sources *from) {
  const char *path = from->rnn_path;
  world_shape *s = &w->shape;
  int Z;
  TRY(format_check(f, path, RNN_FORMAT));
  TRY(size_of(&Z, f, path, "latent"));
  const char *made_from = data_tensors_metadata(f, "vae");
  if (!made_from) FAIL(BAD_FILE, "%s: has no 'vae' in its metadata", path);
  if (s->pixels && (strcmp(made_from, from->vae.hex) != 0 || Z != s->Z))
    FAIL(MISMATCH, "%s was trained on the latents of the V with hash %s, but %s has hash %s", path, made_from,
         from->vae_path, from->vae.hex);
  if (!s->pixels && strcmp(made_from, "none") != 0)
    FAIL(MISMATCH, "%s needs the V with hash %s", path, made_from);
  s->Z = Z;
  TRY(size_of(&s->A, f, path, "actions"));
  TRY(size_of(&s->H, f, path, "hidden"));
  TRY(size_of(&s->K, f, path, "mixtures"));
  TRY(world_shape_check(s, true, path));
  nn_table t = world_rnn_table(s);
  TRY(table_check(&t, f, path));
  float *values = mem_take(t.size, sizeof *values);
  table_read(values, &t, f);
  if (from->options.untrained_seed)
    nn_init_glorot(values, t.tensor[RNN_LSTM].size, s->Z + s->A + s->H, 4 * s->H,
                   rng_stream(*from->options.untrained_seed, "untrained"));

  w->precision = from->options.precision;
  pack_rnn(w, values);
  mem_free(values);
  TRY(origins_read(w, f, path));
  return moments_read(w, f, path);
}

static status part_read(world *w, sources *from, bool vae) {
  const char *path = vae ? from->vae_path : from->rnn_path;
  data_tensors *f;
  if (!file_exists(path)) FAIL(NO_IO, "%s: is missing; restore it, or make it again with train", path);
  TRY(hash_file(vae ? &from->vae : &from->rnn, path));
  TRY(data_tensors_read(&f, path));
  status s = vae ? vae_read(w, f, path) : rnn_read(w, f, from);
  data_tensors_close(f);
  return s;
}

static status world_read(world *w, sources *from) {
  if (from->vae_path) TRY(part_read(w, from, true));
  if (from->rnn_path) TRY(part_read(w, from, false));
  hash parts[4] = {from->vae, from->rnn, {{0}}, {"bf16"}};
  const uint64_t *seed = from->options.untrained_seed;
  if (seed) snprintf(parts[2].hex, sizeof parts[2].hex, "untrained %llu", (unsigned long long)*seed);
  w->identity = hash_join(parts, w->precision == NUM_BF16 ? 4 : 3);
  return OK;
}

static status open_from(world **out, sources from) {
  arena *memory = arena_open();
  world *w = ARENA_NEW(memory, world, 1);
  w->memory = memory;
  w->family = &world_mdn;
  status s = world_read(w, &from);
  if (s != OK) {
    arena_close(memory);
    return s;
  }
  *out = w;
  return OK;
}

status world_open(world **w, const char *vae_path, const char *rnn_path) {
  return open_from(w, (sources){.vae_path = vae_path, .rnn_path = rnn_path});
}

status world_open_eye(world **w, const char *vae_path) { return open_from(w, (sources){.vae_path = vae_path}); }

status world_open_as(world **w, const char *vae_path, const char *rnn_path, const world_options *o) {
  return open_from(w, (sources){.vae_path = vae_path, .rnn_path = rnn_path, .options = *o});
}

void world_close(world *w) {
  if (!w) return;
  file_unmap(w->mapping, w->mapping_bytes);
  arena_close(w->memory);
}

const world_shape *world_shape_of(const world *w) { return &w->shape; }

hash world_hash(const world *w) { return w->identity; }

// Worlds on disk: vae.safetensors and rnn.safetensors, with their shapes in the metadata.

#include <math.h>
#include <string.h>

#include "parts.h"

#define VAE_FORMAT "dreamfarm-vae-1"
#define RNN_FORMAT "dreamfarm-rnn-2"
#define REMEDY "restore it, or make it again with train"
#define METADATA_MAX 16

// --- writing ---------------------------------------------------------------------------------------------------------

typedef struct metadata {
  const char *pairs[2 * METADATA_MAX];
  char numbers[METADATA_MAX][32];
  int count;
} metadata;

static void files_metadata_text(metadata *m, const char *key, const char *value) {
  CHECK(m->count < METADATA_MAX, "%d pairs", m->count);
  m->pairs[2 * m->count] = key;
  m->pairs[2 * m->count + 1] = value;
  m->count++;
}

static void files_metadata_number(metadata *m, const char *key, double value) {
  char *text = m->numbers[m->count];
  snprintf(text, sizeof m->numbers[0], "%.9g", value);
  files_metadata_text(m, key, text);
}

static void files_table_tensors(data_tensor *tensors, const nn_table *table, const float *values) {
  for (int i = 0; i < table->count; i++) {
    const nn_tensor *t = &table->tensor[i];
    tensors[i] = (data_tensor){.type = DATA_F32, .rank = t->rank, .bytes = values + t->at};
    snprintf(tensors[i].name, sizeof tensors[i].name, "%s", t->name);
    for (int d = 0; d < t->rank; d++) tensors[i].dim[d] = t->dim[d];
  }
}

status world_vae_write(const char *path, const world_shape *s, const float *values, const char *dataset_hash) {
  metadata m = {0};
  files_metadata_text(&m, "format", VAE_FORMAT);
  files_metadata_text(&m, "dataset", dataset_hash);
  files_metadata_number(&m, "latent", s->Z);
  files_metadata_number(&m, "channels1", s->channels[0]);
  files_metadata_number(&m, "channels2", s->channels[1]);
  files_metadata_number(&m, "channels3", s->channels[2]);
  files_metadata_number(&m, "channels4", s->channels[3]);

  // shapes are in the metadata, so that a reader knows them before it looks at a tensor
  nn_table table = world_vae_table(s);
  data_tensor tensors[NN_TENSORS_MAX];
  files_table_tensors(tensors, &table, values);
  return data_tensors_write(path, tensors, table.count, m.pairs, m.count);
}

// Without rows: a vector.
static data_tensor files_matrix(const char *name, int rows, int columns, const float *values) {
  data_tensor t = {.type = DATA_F32, .rank = rows ? 2 : 1, .bytes = values};
  snprintf(t.name, sizeof t.name, "%s", name);
  t.dim[0] = rows ? rows : columns;
  t.dim[1] = columns;
  return t;
}

status world_rnn_write(const char *path, const world_shape *s, const float *values, const world_origins *o,
                       const char *vae_hash) {
  metadata m = {0};
  files_metadata_text(&m, "format", RNN_FORMAT);
  files_metadata_text(&m, "vae", vae_hash);
  files_metadata_number(&m, "latent", s->Z);
  files_metadata_number(&m, "actions", s->A);
  files_metadata_number(&m, "hidden", s->H);
  files_metadata_number(&m, "mixtures", s->K);
  if (s->joint) files_metadata_text(&m, "mixture", "joint");
  if (s->change) files_metadata_text(&m, "predicts", "change");
  files_metadata_number(&m, "log_sigma_floor", o->log_sigma_floor);
  files_metadata_number(&m, "done_weight", o->done_weight);

  nn_table table = world_rnn_table(s);
  data_tensor tensors[NN_TENSORS_MAX];
  files_table_tensors(tensors, &table, values);

  // Beside the network: what is ahead, where dreams begin, and how the latent is scaled.
  int count = table.count;
  nn_table ahead = world_ahead_table(s);
  if (o->ahead) {
    files_table_tensors(tensors + count, &ahead, o->ahead);
    count += ahead.count;
  }
  tensors[count++] = files_matrix("origins.mu", o->count, s->Z, o->mu);
  tensors[count++] = files_matrix("origins.logvar", o->count, s->Z, o->logvar);
  if (o->moments) tensors[count++] = files_matrix("moments", o->moments, s->Z + 2 * s->H, o->moment);
  tensors[count++] = files_matrix("latent.offset", 0, s->Z, o->offset);
  tensors[count++] = files_matrix("latent.scale", 0, s->Z, o->scale);
  return data_tensors_write(path, tensors, count, m.pairs, m.count);
}

// --- reading ---------------------------------------------------------------------------------------------------------

static status files_size_read(int *value, const data_source *from, const char *key) {
  uint64_t size;
  TRY(data_whole_wanted(&size, from, key, 1, 65536));
  *value = (int)size;
  return OK;
}

// Every tensor there and of its size, before there is memory for what the metadata claims.
static status files_table_check(const nn_table *table, const data_source *from) {
  for (int i = 0; i < table->count; i++) {
    const nn_tensor *t = &table->tensor[i];
    const float *found;
    // the layer's shape decides: the file's must be the same
    data_shape shape = {.rank = t->rank};
    for (int d = 0; d < t->rank; d++) shape.dim[d] = t->dim[d];
    TRY(data_f32_wanted(&found, from, t->name, shape));
  }
  return OK;
}

// Of tensors that have been checked.
static void files_table_read(float *values, const nn_table *table, const data_source *from) {
  for (int i = 0; i < table->count; i++) {
    const nn_tensor *t = &table->tensor[i];
    memcpy(values + t->at, data_tensors_find(from->file, t->name)->bytes, t->size * sizeof(float));
  }
}

status world_weights_read(float *values, const char *path, const nn_table *table) {
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  const data_source from = {.file = f, .path = path, .remedy = "a network goes on only where its sizes stay"};
  status s = files_table_check(table, &from);
  if (s == OK) files_table_read(values, table, &from);
  data_tensors_close(f);
  return s;
}

static status files_scale_read(float *offset, float *scale, const data_source *from, int Z) {
  const float *o, *s;
  TRY(data_f32_wanted(&o, from, "latent.offset", data_vector(Z)));
  TRY(data_f32_wanted(&s, from, "latent.scale", data_vector(Z)));
  memcpy(offset, o, (size_t)Z * sizeof *o);
  memcpy(scale, s, (size_t)Z * sizeof *s);
  return OK;
}

status world_scale_read(float *offset, float *scale, const char *path, int Z) {
  data_tensors *f;
  TRY(data_tensors_read(&f, path));
  const data_source from = {.file = f, .path = path, .remedy = REMEDY};
  status s = files_scale_read(offset, scale, &from, Z);
  data_tensors_close(f);
  return s;
}

// slope (A, F+1): of the features that it was learnt on, nothing of others, and the constant.
static status files_ahead_read(float *slope, const data_source *from, int A, int F) {
  world_shape s = {0};
  TRY(data_format_wanted(from, RNN_FORMAT));
  TRY(files_size_read(&s.Z, from, "latent"));
  TRY(files_size_read(&s.A, from, "actions"));
  TRY(files_size_read(&s.H, from, "hidden"));
  if (s.A != A) FAIL(BAD_FILE, "%s: has %d actions, here are %d; %s", from->path, s.A, A, from->remedy);

  nn_table t = world_ahead_table(&s);
  TRY(files_table_check(&t, from));
  float *w = mem_take(t.size, sizeof *w);
  files_table_read(w, &t, from);
  for (int a = 0; a < A; a++) {
    const float *column = w + t.tensor[AHEAD].at + 1 + 2 * a;
    for (int f = 0; f < F; f++) slope[a * (F + 1) + f] = f < s.Z + s.H ? column[(size_t)f * (1 + 2 * (size_t)A)] : 0;
    slope[a * (F + 1) + F] = w[t.tensor[AHEAD_B].at + (size_t)(1 + 2 * a)];
  }
  mem_free(w);
  return OK;
}

status world_ahead_read(float *slope, const char *rnn_path, int A, int F) {
  data_tensors *f;
  TRY(data_tensors_read(&f, rnn_path));
  const data_source from = {.file = f, .path = rnn_path, .remedy = "train M with rnn.ahead"};
  status s = files_ahead_read(slope, &from, A, F);
  data_tensors_close(f);
  return s;
}

static status files_vae_read(world *w, const data_source *from) {
  world_shape *s = &w->shape;

  // sizes first, by which everything else is checked
  TRY(data_format_wanted(from, VAE_FORMAT));
  TRY(files_size_read(&s->Z, from, "latent"));
  for (int i = 0; i < 4; i++) {
    char key[16];
    snprintf(key, sizeof key, "channels%d", i + 1);
    TRY(files_size_read(&s->channels[i], from, key));
  }
  s->pixels = true;
  TRY(world_shape_check(s, false, from->path));

  w->vae_table = world_vae_table(s);
  TRY(files_table_check(&w->vae_table, from));

  float *values = ARENA_NEW(w->memory, float, w->vae_table.size);
  files_table_read(values, &w->vae_table, from);

  // the decoder stays as it is; the encoder, which every frame goes through, is packed
  w->decoder = values;
  world_pack_encoder(w, values);
  return OK;
}

static const float *files_keep(world *w, const float *values, size_t n) {
  float *copy = ARENA_NEW(w->memory, float, n);
  memcpy(copy, values, n * sizeof(float));
  return copy;
}

static status files_rows_count(int *count, const data_source *from, const char *name) {
  const data_tensor *t;
  TRY(data_tensor_wanted(&t, from, name, DATA_F32, data_matrix(DATA_ANY, DATA_ANY)));
  if (t->dim[0] < 1 || t->dim[0] > WORLD_ORIGINS_MAX)
    FAIL(BAD_FILE, "%s: %s has %lld rows; 1 to %d are allowed; %s", from->path, name, (long long)t->dim[0],
         WORLD_ORIGINS_MAX, from->remedy);
  *count = (int)t->dim[0];
  return OK;
}

// What dreams in the midst of episodes need, where there are such moments.
static status files_moments_read(world *w, const data_source *from) {
  world_origins *o = &w->origins;
  int belief = w->shape.Z + 2 * w->shape.H;
  double weight;
  TRY(data_number_wanted(&weight, from, "done_weight"));
  if (!(weight >= 0 && weight <= 1e6))
    FAIL(BAD_FILE, "%s: metadata 'done_weight' is %g; 0 to 1e6 are allowed; %s", from->path, weight, from->remedy);
  o->done_weight = (float)weight;

  // a world whose dreams begin with first frames alone has none
  if (!data_tensors_find(from->file, "moments")) return OK;
  TRY(files_rows_count(&o->moments, from, "moments"));
  const float *moment;
  TRY(data_f32_wanted(&moment, from, "moments", data_matrix(o->moments, belief)));
  w->member[0].moment = files_keep(w, moment, (size_t)o->moments * (size_t)belief);
  return OK;
}

static status files_origins_read(world *w, const data_source *from) {
  world_origins *o = &w->origins;
  int Z = w->shape.Z;
  double floor_value;
  TRY(files_rows_count(&o->count, from, "origins.mu"));
  TRY(data_f32_wanted(&o->mu, from, "origins.mu", data_matrix(o->count, Z)));
  TRY(data_logs_wanted(&o->logvar, from, "origins.logvar", data_matrix(o->count, Z)));  // a state has no variance
  TRY(data_f32_wanted(&o->offset, from, "latent.offset", data_vector(Z)));
  TRY(data_f32_wanted(&o->scale, from, "latent.scale", data_vector(Z)));
  TRY(data_number_wanted(&floor_value, from, "log_sigma_floor"));
  if (!(fabs(floor_value) <= 1e6))
    FAIL(BAD_FILE, "%s: metadata 'log_sigma_floor' is %g, not a logarithm; %s", from->path, floor_value, from->remedy);

  // The file is closed when the world is open.
  size_t n = (size_t)o->count * (size_t)Z;
  o->log_sigma_floor = (float)floor_value;
  o->mu = files_keep(w, o->mu, n);
  o->logvar = files_keep(w, o->logvar, n);
  o->offset = files_keep(w, o->offset, (size_t)Z);
  o->scale = files_keep(w, o->scale, (size_t)Z);
  return OK;
}

typedef struct sources {
  const char *vae_path, *rnn_path;  // either may be NULL
  hash vae, rnn;
  world_options options;
} sources;

// The V that M was trained on must be the one that is there; a state has none.
static status files_eye_check(int *Z, const world_shape *s, const data_source *from, const sources *of) {
  const char *made_from;
  TRY(files_size_read(Z, from, "latent"));
  TRY(data_text_wanted(&made_from, from, "vae"));
  if (s->pixels && (strcmp(made_from, of->vae.hex) != 0 || *Z != s->Z))
    FAIL(MISMATCH, "%s was trained on the latents of the V with hash %s, but %s has hash %s", from->path, made_from,
         of->vae_path, of->vae.hex);
  if (!s->pixels && strcmp(made_from, "none") != 0)
    FAIL(MISMATCH, "%s needs the V with hash %s", from->path, made_from);
  return OK;
}

// One of two words, the first where the file does not say.
static status files_either_read(bool *second, const data_source *from, const char *key, const char *const words[2]) {
  const char *word = data_tensors_metadata(from->file, key);
  *second = word && strcmp(word, words[1]) == 0;
  if (word && !*second && strcmp(word, words[0]) != 0)
    FAIL(BAD_FILE, "%s: metadata '%s' is '%s'; %s or %s are allowed; %s", from->path, key, word, words[0], words[1],
         from->remedy);
  return OK;
}

static status files_rnn_shape_read(world_shape *s, const data_source *from, const sources *of) {
  int Z;
  TRY(data_format_wanted(from, RNN_FORMAT));
  TRY(files_eye_check(&Z, s, from, of));
  s->Z = Z;
  TRY(files_size_read(&s->A, from, "actions"));
  TRY(files_size_read(&s->H, from, "hidden"));
  TRY(files_size_read(&s->K, from, "mixtures"));
  TRY(files_either_read(&s->joint, from, "mixture", (const char *const[]){"each", "joint"}));
  TRY(files_either_read(&s->change, from, "predicts", (const char *const[]){"next", "change"}));
  return world_shape_check(s, true, from->path);
}

static status files_rnn_read(world *w, const data_source *from, const sources *of) {
  const world_shape *s = &w->shape;
  const uint64_t *seed = of->options.untrained_seed;
  TRY(files_rnn_shape_read(&w->shape, from, of));
  nn_table t = world_rnn_table(s);
  TRY(files_table_check(&t, from));

  float *values = mem_take(t.size, sizeof *values);
  files_table_read(values, &t, from);

  // an M that has learnt nothing, for comparison
  if (seed)
    nn_init_glorot(values, t.tensor[RNN_LSTM].size, s->Z + s->A + s->H, 4 * s->H, rng_stream(*seed, "untrained"));

  w->precision = of->options.precision;
  world_pack_rnn(w, &w->member[0], values);
  w->members = 1;
  mem_free(values);
  TRY(files_origins_read(w, from));
  return files_moments_read(w, from);
}

static status files_part_read(world *w, sources *of, bool vae) {
  const char *path = vae ? of->vae_path : of->rnn_path;
  data_tensors *f;
  if (!file_exists(path)) FAIL(NO_IO, "%s: is missing; %s", path, REMEDY);

  // what a world is made of is known by its bytes
  TRY(hash_file(vae ? &of->vae : &of->rnn, path));
  TRY(data_tensors_read(&f, path));

  const data_source from = {.file = f, .path = path, .remedy = REMEDY};
  status s = vae ? files_vae_read(w, &from) : files_rnn_read(w, &from, of);
  data_tensors_close(f);
  return s;
}

// Of the same sizes, from the same latents, and asked at the same moments: else their dreams are not of one world.
static bool files_alike(const world *a, const world *b) {
  const world_origins *o = &a->origins, *p = &b->origins;
  size_t Z = (size_t)a->shape.Z, belief = Z + 2 * (size_t)a->shape.H, n = (size_t)o->count * Z;
  if (a->shape.Z != b->shape.Z || a->shape.A != b->shape.A || a->shape.H != b->shape.H || a->shape.K != b->shape.K ||
      a->shape.joint != b->shape.joint || a->shape.change != b->shape.change || o->count != p->count ||
      o->moments != p->moments)
    return false;

  bool same = o->log_sigma_floor == p->log_sigma_floor && o->done_weight == p->done_weight;
  same &= memcmp(o->mu, p->mu, n * sizeof(float)) == 0 && memcmp(o->logvar, p->logvar, n * sizeof(float)) == 0;
  same &= memcmp(o->offset, p->offset, Z * sizeof(float)) == 0 && memcmp(o->scale, p->scale, Z * sizeof(float)) == 0;
  for (size_t i = 0; i < (size_t)o->moments; i++)
    same &= memcmp(a->member[0].moment + i * belief, b->member[0].moment + i * belief, Z * sizeof(float)) == 0;
  return same;
}

// The M of number k (from 1), beside the first; its hash joins the world's.
static status files_member_read(world *w, const sources *of, int k) {
  world other = {.memory = w->memory, .shape = w->shape};
  sources its = *of;
  file_path path = path_numbered(of->rnn_path, k);
  its.rnn_path = path.text;
  TRY(files_part_read(&other, &its, false));
  if (!files_alike(w, &other))
    FAIL(MISMATCH, "%s was not learnt from what %s was, or has other sizes; %s", path.text, of->rnn_path, REMEDY);

  w->member[w->members++] = other.member[0];
  w->identity = hash_join((hash[]){w->identity, its.rnn}, 2);
  return OK;
}

static status files_world_read(world *w, sources *of) {
  if (of->vae_path) TRY(files_part_read(w, of, true));
  if (of->rnn_path) TRY(files_part_read(w, of, false));

  // Whatever changes what the world does is in its name.
  hash parts[4] = {of->vae, of->rnn, {{0}}, {"bf16"}};
  const uint64_t *seed = of->options.untrained_seed;
  if (seed) snprintf(parts[2].hex, sizeof parts[2].hex, "untrained %llu", (unsigned long long)*seed);
  w->identity = hash_join(parts, w->precision == NUM_BF16 ? 4 : 3);
  for (int k = 2; k <= of->options.members; k++) TRY(files_member_read(w, of, k));
  return OK;
}

static status files_world_open(world **out, sources of) {
  arena *memory = arena_open();
  world *w = ARENA_NEW(memory, world, 1);
  w->memory = memory;
  w->family = &world_mdn;
  status s = files_world_read(w, &of);

  if (s != OK) {
    arena_close(memory);
    return s;
  }

  *out = w;
  return OK;
}

status world_open(world **w, const char *vae_path, const char *rnn_path) {
  return files_world_open(w, (sources){.vae_path = vae_path, .rnn_path = rnn_path});
}

status world_open_eye(world **w, const char *vae_path) { return files_world_open(w, (sources){.vae_path = vae_path}); }

status world_open_as(world **w, const char *vae_path, const char *rnn_path, const world_options *o) {
  return files_world_open(w, (sources){.vae_path = vae_path, .rnn_path = rnn_path, .options = *o});
}

void world_close(world *w) {
  if (!w) return;
  file_unmap(w->mapping, w->mapping_bytes);
  arena_close(w->memory);
}

const world_shape *world_shape_of(const world *w) { return &w->shape; }

hash world_hash(const world *w) { return w->identity; }

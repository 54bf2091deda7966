// A dataset: shards with an index of our own (lengths, hashes), and beside it the two files by which h5py and minari read
// the directory as one. A shard's bytes are checked against its hash when it is first read.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shard.h"

#define INDEX "index.safetensors"
#define FORMAT "dreamfarm-episodes-1"

struct dataset {
  file_path directory;
  data_spec spec;
  data_provenance provenance;
  int count, shards;
  int32_t *steps, *shard;  // (count)
  hash *hashes;            // (shards)
  bool *verified;          // (shards)
  hid_t file;              // the open shard, -1: none
  int open_shard;
  data_episode room;       // reused
  int room_steps;
};

// --- finishing --------------------------------------------------------------------------------------------------------

typedef struct listing {  // of all episodes, shard by shard
  int count, room;
  int32_t *steps, *shard;
  int64_t total_steps;
} listing;

static void listing_add(listing *l, int steps, int shard) {
  if (l->count == l->room) {
    int room = l->room ? 2 * l->room : 1024;
    int32_t *more[2] = {mem_take((size_t)room, sizeof(int32_t)), mem_take((size_t)room, sizeof(int32_t))};
    if (l->count) {
      memcpy(more[0], l->steps, sizeof(int32_t) * (size_t)l->count);
      memcpy(more[1], l->shard, sizeof(int32_t) * (size_t)l->count);
    }
    mem_free(l->steps);
    mem_free(l->shard);
    l->steps = more[0], l->shard = more[1], l->room = room;
  }
  l->steps[l->count] = steps;
  l->shard[l->count++] = shard;
  l->total_steps += steps;
}

static status episode_length(int *steps, hid_t file, int64_t id, const char *path) {
  char name[64];
  snprintf(name, sizeof name, "episode_%lld/rewards", (long long)id);
  hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
  hsize_t length = 0;
  if (set >= 0) {
    hid_t space = H5Dget_space(set);
    if (H5Sget_simple_extent_ndims(space) == 1) H5Sget_simple_extent_dims(space, &length, NULL);
    H5Sclose(space);
    H5Dclose(set);
  }
  if (length < 1 || length > 1 << 30) FAIL(BAD_FILE, "%s: episode %lld is missing or has no steps", path, (long long)id);
  *steps = (int)length;
  return OK;
}

static status shard_list(listing *l, const char *directory, int shard) {
  file_path path = shard_path(directory, shard);
  hid_t file = H5Fopen(path.text, H5F_ACC_RDONLY, H5P_DEFAULT);
  H5G_info_t info;
  if (file < 0 || H5Gget_info(file, &info) < 0) FAIL(BAD_FILE, "%s: is missing or damaged; run collect again", path.text);
  status s = OK;
  for (hsize_t i = 0; i < info.nlinks && s == OK; i++) {
    int steps = 0;
    s = episode_length(&steps, file, l->count, path.text);
    if (s == OK) listing_add(l, steps, shard);
  }
  H5Fclose(file);
  return s;
}

static void metadata_number(char pair[32], double value) { snprintf(pair, 32, "%.17g", value); }

static status index_write(const char *directory, int shards, const data_spec *s, const data_provenance *p, const listing *l) {
  char numbers[6][32];
  const double values[6] = {s->pixels, s->shape[0], s->shape[1], s->shape[2], s->actions, (double)p->seed};
  for (int i = 0; i < 6; i++) metadata_number(numbers[i], values[i]);
  hash *hashes = mem_take((size_t)shards, sizeof *hashes);
  status done = OK;
  for (int i = 0; i < shards && done == OK; i++) done = shard_hash_read(&hashes[i], directory, i);
  const char *const pairs[] = {"format", FORMAT, "environment", p->environment, "version", p->version, "policy", p->policy,
                               "pixels", numbers[0], "rows", numbers[1], "columns", numbers[2], "channels", numbers[3],
                               "actions", numbers[4], "seed", numbers[5]};
  const data_tensor tensors[] = {{.name = "steps", .type = DATA_I32, .rank = 1, .dim = {l->count}, .bytes = l->steps},
                                 {.name = "shard", .type = DATA_I32, .rank = 1, .dim = {l->count}, .bytes = l->shard},
                                 {.name = "hashes", .type = DATA_U8, .rank = 2, .dim = {shards, sizeof *hashes}, .bytes = hashes}};
  if (done == OK) done = data_tensors_write(path_join(directory, INDEX).text, tensors, 3, pairs, (int)(sizeof pairs / sizeof *pairs / 2));
  mem_free(hashes);
  return done;
}

static status links_write(hid_t file, const listing *l, const data_provenance *p) {
  for (int i = 0; i < l->count; i++) {
    char name[32], target[32];
    snprintf(name, sizeof name, "episode_%d", i);
    snprintf(target, sizeof target, "shard-%05d.hdf5", l->shard[i]);
    if (H5Lcreate_external(target, name, file, name, H5P_DEFAULT, H5P_DEFAULT) < 0) FAIL(NO_IO, "link %s cannot be written", name);
  }
  const int64_t episodes = l->count;
  TRY(hdf5_attribute_write(file, "total_episodes", H5T_NATIVE_INT64, &episodes));
  TRY(hdf5_attribute_write(file, "total_steps", H5T_NATIVE_INT64, &l->total_steps));
  TRY(hdf5_attribute_text(file, "environment", p->environment));
  return hdf5_attribute_text(file, "policy", p->policy);
}

static status main_write(const char *directory, const listing *l, const data_provenance *p) {
  file_path path = path_join(directory, "main_data.hdf5"), temporary = path_join("", "%s.%ld.tmp", path.text, (long)getpid());
  hid_t file = H5Fcreate(temporary.text, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  status s = file < 0 ? NO_IO : links_write(file, l, p);
  if (file >= 0 && H5Fclose(file) < 0) s = NO_IO;
  if (s == OK) return file_commit(temporary.text, path.text);
  unlink(temporary.text);
  FAIL(NO_IO, "%s: cannot be written", path.text);
}

// A bound of a Box as minari wants it: one number an element, nested by dimension.
static void bound_add(text_buffer *t, const int *dim, int rank, const char *value) {
  if (rank == 0) {
    text_add(t, "%s", value);
    return;
  }
  text_add(t, "[");
  for (int i = 0; i < dim[0]; i++) {
    if (i) text_add(t, ", ");
    bound_add(t, dim + 1, rank - 1, value);
  }
  text_add(t, "]");
}

static void box_add(text_buffer *json, const char *key, const int *dim, int rank, const char *dtype, const char *low, const char *high) {
  text_buffer t = {0};
  text_add(&t, "{\"type\": \"Box\", \"dtype\": \"%s\", \"shape\": [", dtype);
  for (int i = 0; i < rank; i++) text_add(&t, "%s%d", i ? ", " : "", dim[i]);
  text_add(&t, "], \"low\": ");
  bound_add(&t, dim, rank, low);
  text_add(&t, ", \"high\": ");
  bound_add(&t, dim, rank, high);
  text_add(&t, "}");
  json_text(json, key, t.bytes);
  text_free(&t);
}

static status metadata_write(const char *directory, const listing *l, const data_spec *s, const data_provenance *p) {
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_number(&t, "total_episodes", l->count);
  json_number(&t, "total_steps", (double)l->total_steps);
  json_text(&t, "data_format", "hdf5");
  json_bool(&t, "jpeg_encoding", false);
  if (s->pixels) box_add(&t, "observation_space", s->shape, 3, "uint8", "0", "255");
  else box_add(&t, "observation_space", s->shape, 1, "float32", "-Infinity", "Infinity");
  box_add(&t, "action_space", &s->actions, 1, "float32", "-1.0", "1.0");
  json_text(&t, "dataset_id", p->environment);
  json_text(&t, "algorithm_name", p->policy);
  json_text(&t, "minari_version", "0.5.4");
  json_close(&t, '}');
  status done = file_write(path_join(directory, "metadata.json").text, t.bytes, t.size);
  text_free(&t);
  return done;
}

status data_finish(const char *directory, int shards, const data_spec *s, const data_provenance *p) {
  hdf5_quiet();
  listing l = {0};
  status done = OK;
  for (int i = 0; i < shards && done == OK; i++) done = shard_list(&l, directory, i);
  if (done == OK) done = main_write(directory, &l, p);
  if (done == OK) done = index_write(directory, shards, s, p, &l);
  if (done == OK) done = metadata_write(directory, &l, s, p);
  mem_free(l.steps);
  mem_free(l.shard);
  return done;
}

// --- opening ----------------------------------------------------------------------------------------------------------

static status number_read(double *value, const data_tensors *f, const char *path, const char *key) {
  const char *word = data_tensors_metadata(f, key);
  char *end;
  *value = word ? strtod(word, &end) : 0;
  if (!word || end == word || *end || *value < 0) FAIL(BAD_FILE, "%s: metadata '%s' is '%s'", path, key, word ? word : "missing");
  return OK;
}

static status spec_read(dataset *d, const data_tensors *f, const char *path) {
  static const char *const keys[] = {"pixels", "rows", "columns", "channels", "actions", "seed"};
  double values[6];
  for (int i = 0; i < 6; i++) TRY(number_read(&values[i], f, path, keys[i]));
  for (int i = 1; i < 5; i++)
    if (values[i] < 1 || values[i] > 1 << 16) FAIL(BAD_FILE, "%s: metadata '%s' is %g; 1 to 65536 are allowed", path, keys[i], values[i]);
  d->spec = (data_spec){values[0] != 0, {(int)values[1], (int)values[2], (int)values[3]}, (int)values[4]};
  d->provenance.seed = (uint64_t)values[5];
  static const char *const words[] = {"environment", "version", "policy"};
  char *const to[] = {d->provenance.environment, d->provenance.version, d->provenance.policy};
  for (int i = 0; i < 3; i++) {
    const char *word = data_tensors_metadata(f, words[i]);
    if (!word) FAIL(BAD_FILE, "%s: metadata '%s' is missing", path, words[i]);
    snprintf(to[i], sizeof d->provenance.environment, "%.63s", word);
  }
  return OK;
}

static status lists_read(dataset *d, const data_tensors *f, const char *path) {
  const data_tensor *steps = data_tensors_find(f, "steps"), *shard = data_tensors_find(f, "shard"), *hashes = data_tensors_find(f, "hashes");
  bool fits = steps && shard && hashes && steps->type == DATA_I32 && shard->type == DATA_I32 && hashes->type == DATA_U8 && steps->rank == 1 &&
              shard->rank == 1 && hashes->rank == 2 && steps->dim[0] == shard->dim[0] && hashes->dim[1] == sizeof(hash) &&
              steps->dim[0] > 0 && steps->dim[0] < 1 << 30 && hashes->dim[0] > 0 && hashes->dim[0] < 1 << 24;
  if (!fits) FAIL(BAD_FILE, "%s: its lists of episodes are missing or damaged", path);
  d->count = (int)steps->dim[0], d->shards = (int)hashes->dim[0];
  d->steps = mem_take((size_t)d->count, sizeof *d->steps);
  d->shard = mem_take((size_t)d->count, sizeof *d->shard);
  d->hashes = mem_take((size_t)d->shards, sizeof *d->hashes);
  d->verified = mem_take((size_t)d->shards, sizeof *d->verified);
  memcpy(d->steps, steps->bytes, data_tensor_bytes(steps));
  memcpy(d->shard, shard->bytes, data_tensor_bytes(shard));
  memcpy(d->hashes, hashes->bytes, data_tensor_bytes(hashes));
  for (int i = 0; i < d->count; i++)
    if (d->steps[i] < 1 || d->shard[i] < 0 || d->shard[i] >= d->shards) FAIL(BAD_FILE, "%s: episode %d is listed with %d steps in shard %d", path, i, d->steps[i], d->shard[i]);
  for (int i = 0; i < d->shards; i++) d->hashes[i].hex[32] = 0;
  return OK;
}

static status index_read(dataset *d) {
  file_path path = path_join(d->directory.text, INDEX);
  data_tensors *f;
  if (!file_exists(path.text)) FAIL(BAD_FILE, "%s: is missing or incomplete: run collect again", d->directory.text);
  TRY(data_tensors_read(&f, path.text));
  const char *format = data_tensors_metadata(f, "format");
  status s = format && strcmp(format, FORMAT) == 0 ? OK : status_fail(BAD_FILE, "%s: its format is '%s', '%s' is wanted", path.text, format ? format : "unknown", FORMAT);
  if (s == OK) s = spec_read(d, f, path.text);
  if (s == OK) s = lists_read(d, f, path.text);
  data_tensors_close(f);
  for (int i = 0; i < d->shards && s == OK; i++)
    if (!file_exists(shard_path(d->directory.text, i).text)) s = status_fail(BAD_FILE, "%s: is missing; run collect again", shard_path(d->directory.text, i).text);
  return s;
}

status data_open(dataset **out, const char *directory) {
  hdf5_quiet();
  dataset *d = mem_take(1, sizeof *d);
  *d = (dataset){.directory = path_join("", "%s", directory), .file = -1, .open_shard = -1};
  status s = index_read(d);
  if (s != OK) data_close(d);
  else *out = d;
  return s;
}

static void room_free(dataset *d) {
  mem_free(d->room.observations);
  mem_free(d->room.actions);
  mem_free(d->room.rewards);
  mem_free(d->room.terminated);
  mem_free(d->room.truncated);
}

void data_close(dataset *d) {
  if (!d) return;
  if (d->file >= 0) H5Fclose(d->file);
  room_free(d);
  mem_free(d->steps);
  mem_free(d->shard);
  mem_free(d->hashes);
  mem_free(d->verified);
  mem_free(d);
}

int data_count(const dataset *d) { return d->count; }
int data_steps(const dataset *d, int episode) { return d->steps[episode]; }
const data_spec *data_spec_of(const dataset *d) { return &d->spec; }
const data_provenance *data_provenance_of(const dataset *d) { return &d->provenance; }
hash data_hash(const dataset *d) { return hash_join(d->hashes, d->shards); }

// --- reading ----------------------------------------------------------------------------------------------------------

static status shard_open(dataset *d, int shard) {
  if (d->open_shard == shard) return OK;
  if (d->file >= 0) H5Fclose(d->file);
  d->file = -1, d->open_shard = -1;
  if (!d->verified[shard]) TRY(shard_verify(d->directory.text, shard, d->hashes[shard]));
  d->verified[shard] = true;
  d->file = H5Fopen(shard_path(d->directory.text, shard).text, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (d->file < 0) FAIL(BAD_FILE, "%s: cannot be opened as HDF5", shard_path(d->directory.text, shard).text);
  d->open_shard = shard;
  return OK;
}

static void room_grow(dataset *d, int steps) {
  if (steps <= d->room_steps) return;
  size_t n = (size_t)steps;
  room_free(d);
  d->room_steps = steps;
  d->room.observations = mem_take(n + 1, data_observation_bytes(&d->spec));
  d->room.actions = mem_take(n * (size_t)d->spec.actions, sizeof(float));
  d->room.rewards = mem_take(n, sizeof(double));
  d->room.terminated = mem_take(n, 1);
  d->room.truncated = mem_take(n, 1);
}

static status values_read(const dataset *d, int episode, const char *name, hid_t type, int64_t count, void *values) {
  char path[64];
  snprintf(path, sizeof path, "episode_%d/%s", episode, name);
  hid_t set = H5Dopen2(d->file, path, H5P_DEFAULT);
  bool good = false;
  if (set >= 0) {
    hid_t space = H5Dget_space(set);
    good = H5Sget_simple_extent_npoints(space) == count && H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
    H5Sclose(space);
    H5Dclose(set);
  }
  if (!good) FAIL(BAD_FILE, "%s: %s is missing, damaged or has another size", shard_path(d->directory.text, d->open_shard).text, path);
  return OK;
}

static status flags_read(const dataset *d, int episode, const char *name, int steps, uint8_t *values) {
  char path[64];
  snprintf(path, sizeof path, "episode_%d/%s", episode, name);
  hid_t set = H5Dopen2(d->file, path, H5P_DEFAULT), type = set >= 0 ? H5Dget_type(set) : -1;
  bool one_byte = type >= 0 && H5Tget_size(type) == 1;
  status s = one_byte ? values_read(d, episode, name, type, steps, values) : status_fail(BAD_FILE, "%s: %s is not a list of flags", shard_path(d->directory.text, d->open_shard).text, path);
  if (type >= 0) H5Tclose(type);
  if (set >= 0) H5Dclose(set);
  return s;
}

status data_read(dataset *d, int episode, data_episode *out) {
  CHECK(episode >= 0 && episode < d->count, "episode %d of %d", episode, d->count);
  int steps = d->steps[episode];
  TRY(shard_open(d, d->shard[episode]));
  room_grow(d, steps);
  data_episode *e = &d->room;
  e->id = episode, e->steps = steps, e->seed = d->provenance.seed;
  int64_t elements = (int64_t)(data_observation_bytes(&d->spec) / (d->spec.pixels ? 1 : sizeof(float)));
  TRY(values_read(d, episode, "observations", d->spec.pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, (steps + 1) * elements, e->observations));
  TRY(values_read(d, episode, "actions", H5T_NATIVE_FLOAT, (int64_t)steps * d->spec.actions, e->actions));
  TRY(values_read(d, episode, "rewards", H5T_NATIVE_DOUBLE, steps, e->rewards));
  TRY(flags_read(d, episode, "terminations", steps, e->terminated));
  TRY(flags_read(d, episode, "truncations", steps, e->truncated));
  *out = *e;
  return OK;
}

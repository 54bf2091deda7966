// Reading a finished dataset by its index, an episode at a time. A shard's bytes are checked against its hash when it
// is first read: hashing all of a large dataset at every start would take minutes.

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "shard.h"

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
  data_episode room;       // reused for every episode that is read
  int room_steps;          // that it has memory for
};

// --- opening --------------------------------------------------------------------------------------------------------

static status dataset_spec_read(dataset *d, const data_source *from) {
  static const char *const keys[] = {"rows", "columns", "channels", "actions"};
  uint64_t pixels, values[4];
  TRY(data_whole_wanted(&pixels, from, "pixels", 0, 1));

  // A state has one dimension: its columns and channels are 0.
  for (int i = 0; i < 4; i++) {
    bool used = pixels || i == 0 || i == 3;
    TRY(data_whole_wanted(&values[i], from, keys[i], used, 1 << 16));
  }
  d->spec = (data_spec){.pixels = pixels != 0,
                        .shape = {(int)values[0], (int)values[1], (int)values[2]},
                        .actions = (int)values[3]};
  return OK;
}

static status dataset_provenance_read(data_provenance *p, const data_source *from) {
  static const char *const keys[] = {"environment", "version", "policy"};
  char *const to[] = {p->environment, p->version, p->policy};
  // A name that is too long is cut: it is compared with nothing but our own, which are short.
  for (int i = 0; i < 3; i++) {
    const char *word;
    TRY(data_text_wanted(&word, from, keys[i]));
    snprintf(to[i], sizeof p->environment, "%.63s", word);
  }

  return data_whole_wanted(&p->seed, from, "seed", 0, UINT64_MAX);
}

static void *dataset_list_copy(const data_tensor *t) {
  size_t bytes = data_tensor_bytes(t);
  return memcpy(mem_take(bytes, 1), t->bytes, bytes);
}

static status dataset_lists_read(dataset *d, const data_source *from) {
  const data_tensor *steps, *shard, *hashes;
  TRY(data_tensor_wanted(&steps, from, "steps", DATA_I32, data_vector(DATA_ANY)));
  TRY(data_tensor_wanted(&shard, from, "shard", DATA_I32, data_vector(steps->dim[0])));
  TRY(data_tensor_wanted(&hashes, from, "hashes", DATA_U8, data_matrix(DATA_ANY, sizeof(hash))));
  bool fit = steps->dim[0] > 0 && steps->dim[0] < 1 << 30 && hashes->dim[0] > 0 && hashes->dim[0] < 1 << 24;
  if (!fit)
    FAIL(BAD_FILE, "%s: it lists %lld episodes in %lld shards; %s", from->path, (long long)steps->dim[0],
         (long long)hashes->dim[0], from->remedy);

  d->count = (int)steps->dim[0];
  d->shards = (int)hashes->dim[0];
  d->steps = dataset_list_copy(steps);
  d->shard = dataset_list_copy(shard);
  d->hashes = dataset_list_copy(hashes);
  d->verified = mem_take((size_t)d->shards, sizeof *d->verified);

  // Whatever stands there, everything that follows may index by it.
  for (int i = 0; i < d->shards; i++) d->hashes[i].hex[32] = 0;
  for (int i = 0; i < d->count; i++)
    if (d->steps[i] < 1 || d->steps[i] > 1 << 30 || d->shard[i] < 0 || d->shard[i] >= d->shards)
      FAIL(BAD_FILE, "%s: episode %d is listed with %d steps in shard %d; %s", from->path, i, d->steps[i], d->shard[i],
           from->remedy);
  return OK;
}

// Nobody is to take memory for more steps than a shard can hold: those numbers that are stored as they are take 10
// bytes a step and 4 an action, and DEFLATE makes at most 1032 bytes of one.
static status dataset_shard_check(const dataset *d, int shard, double frames) {
  file_path path = shard_path(d->directory.text, shard);
  struct stat facts;
  if (stat(path.text, &facts) != 0) FAIL(BAD_FILE, "%s: is missing; run collect again", path.text);
  if (!S_ISREG(facts.st_mode)) FAIL(BAD_FILE, "%s: is not a regular file; remove it and run collect again", path.text);

  // What the file holds at least, if the index is right.
  double plain = frames * (10 + 4.0 * d->spec.actions);
  double packed = frames * (double)data_observation_bytes(&d->spec) / 1032;
  if (plain > (double)facts.st_size || packed > (double)facts.st_size)
    FAIL(BAD_FILE, "%s: has %lld bytes, too few for the %.0f steps that %s lists; run collect again", path.text,
         (long long)facts.st_size, frames, INDEX_NAME);
  return OK;
}

static status dataset_shards_check(const dataset *d) {
  double *frames = mem_take((size_t)d->shards, sizeof *frames);
  for (int i = 0; i < d->count; i++) frames[d->shard[i]] += d->steps[i];

  status s = OK;
  for (int i = 0; i < d->shards && s == OK; i++) s = dataset_shard_check(d, i, frames[i]);
  mem_free(frames);
  return s;
}

static status dataset_index_read(dataset *d) {
  const char *directory = d->directory.text;
  file_path path = path_join(directory, INDEX_NAME);
  data_tensors *f;
  // The index is written last: without it nobody knows which shards belong to the dataset.
  if (!file_exists(path.text))
    FAIL(BAD_FILE, "%s: is missing: the dataset %s; run collect again", path.text,
         file_exists(directory) ? "is incomplete" : "has no directory either");

  TRY(data_tensors_read(&f, path.text));
  const data_source from = {.file = f, .path = path.text, .remedy = "run collect again"};
  status s = data_format_wanted(&from, INDEX_FORMAT);
  if (s == OK) s = dataset_spec_read(d, &from);
  if (s == OK) s = dataset_provenance_read(&d->provenance, &from);
  if (s == OK) s = dataset_lists_read(d, &from);
  data_tensors_close(f);
  return s == OK ? dataset_shards_check(d) : s;
}

status data_open(dataset **out, const char *directory) {
  h5_quiet();
  dataset *d = mem_take(1, sizeof *d);
  *d = (dataset){.directory = path_join("", "%s", directory), .file = -1, .open_shard = -1};
  status s = dataset_index_read(d);
  if (s != OK) data_close(d);
  else *out = d;
  return s;
}

static void dataset_room_free(dataset *d) {
  mem_free(d->room.observations);
  mem_free(d->room.actions);
  mem_free(d->room.rewards);
  mem_free(d->room.terminated);
  mem_free(d->room.truncated);
}

void data_close(dataset *d) {
  if (!d) return;
  if (d->file >= 0) H5Fclose(d->file);

  dataset_room_free(d);
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

// --- reading --------------------------------------------------------------------------------------------------------

static status dataset_shard_open(dataset *d, int shard) {
  if (d->open_shard == shard) return OK;
  if (d->file >= 0) H5Fclose(d->file);
  d->file = -1;
  d->open_shard = -1;

  // Once per dataset that is open: the hash of a shard takes as long as reading all of it.
  if (!d->verified[shard]) TRY(shard_verify(d->directory.text, shard, d->hashes[shard]));
  d->verified[shard] = true;

  d->file = h5_file_open(shard_path(d->directory.text, shard).text);
  if (d->file < 0) FAIL(BAD_FILE, "%s: cannot be opened as HDF5", shard_path(d->directory.text, shard).text);
  d->open_shard = shard;
  return OK;
}

// With a quarter to spare when it grows: lengths differ, and memory is to be taken seldom.
static void dataset_room_grow(dataset *d, int steps) {
  if (steps <= d->room_steps) return;
  size_t n = (size_t)steps + (d->room_steps ? (size_t)steps / 4 : 0);
  dataset_room_free(d);
  d->room_steps = (int)n;

  d->room.observations = mem_take(n + 1, data_observation_bytes(&d->spec));
  d->room.actions = mem_take(n * (size_t)d->spec.actions, sizeof(float));
  d->room.rewards = mem_take(n, sizeof(double));
  d->room.terminated = mem_take(n, 1);
  d->room.truncated = mem_take(n, 1);
}

// The name of the first array that cannot be read, or NULL.
static const char *dataset_episode_fill(hid_t group, const data_spec *s, data_episode *e) {
  const h5_extent frames = observations_extent(s, e->steps);
  const h5_extent actions = actions_extent(s, e->steps);
  const h5_extent steps = steps_extent(e->steps);
  hid_t element = s->pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;

  if (!h5_attribute_read(group, "seed", H5T_NATIVE_UINT64, &e->seed)) return "seed";
  if (!h5_values_read(group, "observations", element, frames, e->observations)) return "observations";
  if (!h5_values_read(group, "actions", H5T_NATIVE_FLOAT, actions, e->actions)) return "actions";
  if (!h5_values_read(group, "rewards", H5T_NATIVE_DOUBLE, steps, e->rewards)) return "rewards";
  if (!h5_flags_read(group, "terminations", steps, e->terminated)) return "terminations";
  if (!h5_flags_read(group, "truncations", steps, e->truncated)) return "truncations";
  return NULL;
}

// Before there is memory for it.
static status dataset_episode_check(const dataset *d, int episode) {
  const data_spec *s = &d->spec;
  int steps = d->steps[episode];
  file_path path = shard_path(d->directory.text, d->open_shard);
  const struct { const char *name; h5_extent extent; } arrays[] = {
      {.name = "observations", .extent = observations_extent(s, steps)},
      {.name = "actions", .extent = actions_extent(s, steps)},
      {.name = "rewards", .extent = steps_extent(steps)},
      {.name = "terminations", .extent = steps_extent(steps)},
      {.name = "truncations", .extent = steps_extent(steps)}};

  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    char name[64];
    snprintf(name, sizeof name, "episode_%d/%s", episode, arrays[i].name);
    TRY(shard_array_check(d->file, name, arrays[i].extent, path.text));
  }
  return OK;
}

static status dataset_episode_read(dataset *d, int episode) {
  char name[32];
  snprintf(name, sizeof name, "episode_%d", episode);
  d->room.id = episode;
  d->room.steps = d->steps[episode];

  // The index says how many steps there must be; whatever has another size is refused by its name.
  hid_t group = h5_group_open(d->file, name);
  const char *bad = group >= 0 ? dataset_episode_fill(group, &d->spec, &d->room) : "all of it";
  if (group >= 0) H5Gclose(group);

  if (bad)
    FAIL(BAD_FILE, "%s: %s: %s is missing, damaged or has another size; run collect again",
         shard_path(d->directory.text, d->open_shard).text, name, bad);
  return OK;
}

status data_read(dataset *d, int episode, data_episode *out) {
  CHECK(episode >= 0 && episode < d->count, "episode %d of %d", episode, d->count);
  TRY(dataset_shard_open(d, d->shard[episode]));
  TRY(dataset_episode_check(d, episode));
  dataset_room_grow(d, d->steps[episode]);
  TRY(dataset_episode_read(d, episode));
  *out = d->room;
  return OK;
}

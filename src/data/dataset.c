// Reading a finished dataset by its index, an episode at a time. A shard's bytes are checked against its hash when it is
// first read: hashing all of a large dataset at every start would take minutes.

#include <errno.h>
#include <inttypes.h>
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
  data_episode room;       // reused
  int room_steps;
};

// --- opening ----------------------------------------------------------------------------------------------------------

static status number_read(uint64_t *value, const data_tensors *f, const char *path, const char *key) {
  const char *word = data_tensors_metadata(f, key);
  char *end = NULL;
  errno = 0;
  *value = word ? strtoull(word, &end, 10) : 0;
  if (!word || *word < '0' || *word > '9' || *end || errno)
    FAIL(BAD_FILE, "%s: metadata '%s' is '%s'; a whole number is wanted", path, key, word ? word : "missing");
  return OK;
}

static status spec_read(dataset *d, const data_tensors *f, const char *path) {
  static const char *const keys[] = {"pixels", "rows", "columns", "channels", "actions"};
  uint64_t values[5];
  for (int i = 0; i < 5; i++) TRY(number_read(&values[i], f, path, keys[i]));
  for (int i = 1; i < 5; i++) {
    bool used = values[0] || i == 1 || i == 4;  // a state has one dimension
    if (values[i] < used || values[i] > 1 << 16)
      FAIL(BAD_FILE, "%s: metadata '%s' is %" PRIu64 "; %d to 65536 are allowed", path, keys[i], values[i], used);
  }
  d->spec = (data_spec){values[0] != 0, {(int)values[1], (int)values[2], (int)values[3]}, (int)values[4]};
  return OK;
}

static status provenance_read(data_provenance *p, const data_tensors *f, const char *path) {
  static const char *const keys[] = {"environment", "version", "policy"};
  char *const to[] = {p->environment, p->version, p->policy};
  for (int i = 0; i < 3; i++) {
    const char *word = data_tensors_metadata(f, keys[i]);
    if (!word) FAIL(BAD_FILE, "%s: metadata '%s' is missing", path, keys[i]);
    snprintf(to[i], sizeof p->environment, "%.63s", word);
  }
  return number_read(&p->seed, f, path, "seed");
}

static void *tensor_copy(const data_tensor *t) {
  size_t bytes = data_tensor_bytes(t);
  return memcpy(mem_take(bytes, 1), t->bytes, bytes);
}

static bool lists_fit(const data_tensor *steps, const data_tensor *shard, const data_tensor *hashes) {
  return steps && shard && hashes && steps->type == DATA_I32 && shard->type == DATA_I32 && hashes->type == DATA_U8 &&
         steps->rank == 1 && shard->rank == 1 && hashes->rank == 2 && steps->dim[0] == shard->dim[0] && steps->dim[0] > 0 &&
         steps->dim[0] < 1 << 30 && hashes->dim[0] > 0 && hashes->dim[0] < 1 << 24 && hashes->dim[1] == sizeof(hash);
}

static status lists_read(dataset *d, const data_tensors *f, const char *path) {
  const data_tensor *steps = data_tensors_find(f, "steps"), *shard = data_tensors_find(f, "shard");
  const data_tensor *hashes = data_tensors_find(f, "hashes");
  if (!lists_fit(steps, shard, hashes))
    FAIL(BAD_FILE, "%s: its lists of episodes are missing or damaged; run collect again", path);
  d->count = (int)steps->dim[0], d->shards = (int)hashes->dim[0];
  d->steps = tensor_copy(steps), d->shard = tensor_copy(shard), d->hashes = tensor_copy(hashes);
  d->verified = mem_take((size_t)d->shards, sizeof *d->verified);
  for (int i = 0; i < d->shards; i++) d->hashes[i].hex[32] = 0;
  for (int i = 0; i < d->count; i++)
    if (d->steps[i] < 1 || d->steps[i] > 1 << 30 || d->shard[i] < 0 || d->shard[i] >= d->shards)
      FAIL(BAD_FILE, "%s: episode %d is listed with %d steps in shard %d", path, i, d->steps[i], d->shard[i]);
  return OK;
}

static status format_check(const data_tensors *f, const char *path) {
  const char *format = data_tensors_metadata(f, "format");
  if (format && strcmp(format, INDEX_FORMAT) == 0) return OK;
  FAIL(BAD_FILE, "%s: its format is '%s', '%s' is wanted; run collect again", path, format ? format : "unknown", INDEX_FORMAT);
}

// Nobody is to take memory for more steps than a shard can hold: those numbers that are stored as they are take 10
// bytes a step and 4 an action, and DEFLATE makes at most 1032 bytes of one.
static status shard_check(const dataset *d, int shard, double frames) {
  file_path path = shard_path(d->directory.text, shard);
  struct stat facts;
  if (stat(path.text, &facts) != 0) FAIL(BAD_FILE, "%s: is missing; run collect again", path.text);
  if (!S_ISREG(facts.st_mode)) FAIL(BAD_FILE, "%s: is not a regular file; remove it and run collect again", path.text);
  double plain = frames * (10 + 4.0 * d->spec.actions),
         packed = frames * (double)data_observation_bytes(&d->spec) / 1032;
  if (plain > (double)facts.st_size || packed > (double)facts.st_size)
    FAIL(BAD_FILE, "%s: has %lld bytes, too few for the %.0f steps that %s lists; run collect again", path.text,
         (long long)facts.st_size, frames, INDEX_NAME);
  return OK;
}

static status shards_check(const dataset *d) {
  double *frames = mem_take((size_t)d->shards, sizeof *frames);
  for (int i = 0; i < d->count; i++) frames[d->shard[i]] += d->steps[i];
  status s = OK;
  for (int i = 0; i < d->shards && s == OK; i++) s = shard_check(d, i, frames[i]);
  mem_free(frames);
  return s;
}

static status index_read(dataset *d) {
  const char *directory = d->directory.text;
  file_path path = path_join(directory, INDEX_NAME);
  data_tensors *f;
  if (!file_exists(path.text))
    FAIL(BAD_FILE, "%s: is missing: the dataset %s; run collect again", path.text,
         file_exists(directory) ? "is incomplete" : "has no directory either");
  TRY(data_tensors_read(&f, path.text));
  status s = format_check(f, path.text);
  if (s == OK) s = spec_read(d, f, path.text);
  if (s == OK) s = provenance_read(&d->provenance, f, path.text);
  if (s == OK) s = lists_read(d, f, path.text);
  data_tensors_close(f);
  return s == OK ? shards_check(d) : s;
}

status data_open(dataset **out, const char *directory) {
  h5_quiet();
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
  d->file = h5_file_open(shard_path(d->directory.text, shard).text);
  if (d->file < 0) FAIL(BAD_FILE, "%s: cannot be opened as HDF5", shard_path(d->directory.text, shard).text);
  d->open_shard = shard;
  return OK;
}

// With a quarter to spare when it grows: lengths differ, and memory is to be taken seldom.
static void room_grow(dataset *d, int steps) {
  if (steps <= d->room_steps) return;
  size_t n = (size_t)steps + (d->room_steps ? (size_t)steps / 4 : 0);
  room_free(d);
  d->room_steps = (int)n;
  d->room.observations = mem_take(n + 1, data_observation_bytes(&d->spec));
  d->room.actions = mem_take(n * (size_t)d->spec.actions, sizeof(float));
  d->room.rewards = mem_take(n, sizeof(double));
  d->room.terminated = mem_take(n, 1);
  d->room.truncated = mem_take(n, 1);
}

// The name of the first array that cannot be read, or NULL.
static const char *episode_fill(hid_t group, const data_spec *s, data_episode *e) {
  const h5_extent steps = steps_extent(e->steps);
  if (!h5_attribute_read(group, "seed", H5T_NATIVE_UINT64, &e->seed)) return "seed";
  hid_t element = s->pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;
  if (!h5_values_read(group, "observations", element, observations_extent(s, e->steps), e->observations)) return "observations";
  if (!h5_values_read(group, "actions", H5T_NATIVE_FLOAT, actions_extent(s, e->steps), e->actions)) return "actions";
  if (!h5_values_read(group, "rewards", H5T_NATIVE_DOUBLE, steps, e->rewards)) return "rewards";
  if (!h5_flags_read(group, "terminations", steps, e->terminated)) return "terminations";
  if (!h5_flags_read(group, "truncations", steps, e->truncated)) return "truncations";
  return NULL;
}

// Before there is memory for it.
static status episode_check(const dataset *d, int episode) {
  const data_spec *s = &d->spec;
  int steps = d->steps[episode];
  const struct { const char *name; h5_extent extent; } arrays[] = {{"observations", observations_extent(s, steps)},
                                                                   {"actions", actions_extent(s, steps)},
                                                                   {"rewards", steps_extent(steps)},
                                                                   {"terminations", steps_extent(steps)},
                                                                   {"truncations", steps_extent(steps)}};
  file_path path = shard_path(d->directory.text, d->open_shard);
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    char name[64];
    snprintf(name, sizeof name, "episode_%d/%s", episode, arrays[i].name);
    TRY(shard_array_check(d->file, name, arrays[i].extent, path.text));
  }
  return OK;
}

static status episode_read(dataset *d, int episode) {
  char name[32];
  snprintf(name, sizeof name, "episode_%d", episode);
  d->room.id = episode;
  d->room.steps = d->steps[episode];
  hid_t group = h5_group_open(d->file, name);
  const char *bad = group >= 0 ? episode_fill(group, &d->spec, &d->room) : "all of it";
  if (group >= 0) H5Gclose(group);
  if (bad)
    FAIL(BAD_FILE, "%s: %s: %s is missing, damaged or has another size; run collect again",
         shard_path(d->directory.text, d->open_shard).text, name, bad);
  return OK;
}

status data_read(dataset *d, int episode, data_episode *out) {
  CHECK(episode >= 0 && episode < d->count, "episode %d of %d", episode, d->count);
  TRY(shard_open(d, d->shard[episode]));
  TRY(episode_check(d, episode));
  room_grow(d, d->steps[episode]);
  TRY(episode_read(d, episode));
  *out = d->room;
  return OK;
}

// Writing a shard whole or not at all: HDF5 under a temporary name, renamed when it is durable, its hash beside it.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shard.h"

#define CHUNK_FRAMES 32
#define DEFLATE_LEVEL 1  // higher levels cost several times the time for a few per cent of size

file_path shard_path(const char *directory, int shard) { return path_join(directory, "shard-%05d.hdf5", shard); }
file_path shard_hash_path(const char *directory, int shard) { return path_join(directory, "shard-%05d.hash", shard); }

size_t data_observation_bytes(const data_spec *s) {
  return s->pixels ? (size_t)s->shape[0] * (size_t)s->shape[1] * (size_t)s->shape[2] : (size_t)s->shape[0] * sizeof(float);
}

void hdf5_quiet(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

status hdf5_attribute_write(hid_t object, const char *name, hid_t type, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR), attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool bad = attribute < 0 || H5Awrite(attribute, type, value) < 0;
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  if (bad) FAIL(NO_IO, "attribute %s cannot be written", name);
  return OK;
}

status hdf5_attribute_text(hid_t object, const char *name, const char *value) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, strlen(value) + 1);
  H5Tset_cset(type, H5T_CSET_UTF8);
  status s = hdf5_attribute_write(object, name, type, value);
  H5Tclose(type);
  return s;
}

// As h5py stores numpy's bool.
static hid_t bool_type(void) {
  const int8_t no = 0, yes = 1;
  hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

static status dataset_write(hid_t group, const char *name, hid_t type, int rank, const hsize_t *dim, bool compress, const void *values) {
  hid_t space = H5Screate_simple(rank, dim, NULL), layout = H5Pcreate(H5P_DATASET_CREATE);
  if (compress) {
    hsize_t chunk[4];
    memcpy(chunk, dim, sizeof *chunk * (size_t)rank);
    if (chunk[0] > CHUNK_FRAMES) chunk[0] = CHUNK_FRAMES;
    H5Pset_chunk(layout, rank, chunk);
    H5Pset_deflate(layout, DEFLATE_LEVEL);
  }
  hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  bool bad = set < 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;
  if (set >= 0) H5Dclose(set);
  H5Pclose(layout);
  H5Sclose(space);
  if (bad) FAIL(NO_IO, "dataset %s cannot be written", name);
  return OK;
}

static status episode_fill(hid_t group, const data_spec *s, const data_episode *e, hid_t boolean) {
  const hsize_t steps = (hsize_t)e->steps, actions[2] = {steps, (hsize_t)s->actions};
  const hsize_t frames[4] = {steps + 1, (hsize_t)s->shape[0], (hsize_t)s->shape[1], (hsize_t)s->shape[2]};
  TRY(dataset_write(group, "observations", s->pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT, s->pixels ? 4 : 2, frames, true, e->observations));
  TRY(dataset_write(group, "actions", H5T_NATIVE_FLOAT, 2, actions, false, e->actions));
  TRY(dataset_write(group, "rewards", H5T_NATIVE_DOUBLE, 1, &steps, false, e->rewards));
  TRY(dataset_write(group, "terminations", boolean, 1, &steps, false, e->terminated));
  TRY(dataset_write(group, "truncations", boolean, 1, &steps, false, e->truncated));
  const int64_t total = e->steps;
  TRY(hdf5_attribute_write(group, "id", H5T_NATIVE_INT64, &e->id));
  TRY(hdf5_attribute_write(group, "seed", H5T_NATIVE_UINT64, &e->seed));
  return hdf5_attribute_write(group, "total_steps", H5T_NATIVE_INT64, &total);
}

static status episode_write(hid_t file, const data_spec *s, const data_episode *e, hid_t boolean) {
  char name[32];
  snprintf(name, sizeof name, "episode_%lld", (long long)e->id);
  hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  if (group < 0) FAIL(NO_IO, "group %s cannot be written", name);
  status done = episode_fill(group, s, e, boolean);
  H5Gclose(group);
  return done;
}

static status shard_fill(hid_t file, const data_spec *s, const data_provenance *p, const data_episode *episodes, int count) {
  TRY(hdf5_attribute_text(file, "environment", p->environment));
  TRY(hdf5_attribute_text(file, "version", p->version));
  TRY(hdf5_attribute_text(file, "policy", p->policy));
  TRY(hdf5_attribute_write(file, "seed", H5T_NATIVE_UINT64, &p->seed));
  hid_t boolean = bool_type();
  status done = OK;
  for (int i = 0; i < count && done == OK; i++) done = episode_write(file, s, &episodes[i], boolean);
  H5Tclose(boolean);
  return done;
}

// Two runs of the same code give the same bytes: no times are stored.
static hid_t file_create(const char *path) {
  hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
  H5Pclose(creation);
  H5Pclose(access);
  return file;
}

// What belongs together, in one line: checked before a shard is called good.
static void identity_text(text_buffer *t, hash h, int64_t first_id, int count, const data_provenance *p) {
  text_add(t, "%s %lld %d %s %s %s %llu\n", h.hex, (long long)first_id, count, p->environment, p->version, p->policy, (unsigned long long)p->seed);
}

static status sidecar_write(const char *directory, int shard, int64_t first_id, int count, const data_provenance *p) {
  hash h;
  text_buffer t = {0};
  TRY(hash_file(&h, shard_path(directory, shard).text));
  identity_text(&t, h, first_id, count, p);
  status s = file_write(shard_hash_path(directory, shard).text, t.bytes, t.size);
  text_free(&t);
  return s;
}

status data_shard_write(const char *directory, int shard, const data_spec *s, const data_provenance *p, const data_episode *episodes, int count) {
  hdf5_quiet();
  file_path path = shard_path(directory, shard), temporary = path_join("", "%s.%ld.tmp", path.text, (long)getpid());
  hid_t file = file_create(temporary.text);
  if (file < 0) FAIL(NO_IO, "%s: cannot be written", path.text);
  status done = shard_fill(file, s, p, episodes, count);
  bool closed = H5Fclose(file) >= 0;
  if (done != OK || !closed) {
    unlink(temporary.text);
    FAIL(NO_IO, "%s: cannot be written (is the disk full?)%s%s", path.text, done != OK ? ": " : "", done != OK ? status_message() : "");
  }
  TRY(file_remove(shard_hash_path(directory, shard).text));  // never an old hash beside new bytes
  TRY(file_commit(temporary.text, path.text));
  return sidecar_write(directory, shard, episodes[0].id, count, p);
}

status shard_hash_read(hash *out, const char *directory, int shard) {
  char *bytes;
  size_t size;
  file_path path = shard_hash_path(directory, shard);
  TRY(file_read(&bytes, &size, path.text));
  bool fits = size > sizeof out->hex && bytes[32] == ' ';
  if (fits) {
    memcpy(out->hex, bytes, 32);
    out->hex[32] = 0;
  }
  mem_free(bytes);
  if (!fits) FAIL(BAD_FILE, "%s: holds no hash; remove it and run collect again", path.text);
  return OK;
}

status shard_verify(const char *directory, int shard, hash wanted) {
  hash found;
  file_path path = shard_path(directory, shard);
  TRY(hash_file(&found, path.text));
  if (!hash_equal(found, wanted)) FAIL(BAD_FILE, "%s: is damaged: its hash is %s, %s was written; remove it and run collect again", path.text, found.hex, wanted.hex);
  return OK;
}

bool data_shard_good(const char *directory, int shard, int64_t first_id, int count, const data_provenance *p) {
  hash h;
  char *bytes;
  size_t size;
  if (!file_exists(shard_path(directory, shard).text) || !file_exists(shard_hash_path(directory, shard).text)) return false;
  if (shard_hash_read(&h, directory, shard) != OK || shard_verify(directory, shard, h) != OK) return false;
  if (file_read(&bytes, &size, shard_hash_path(directory, shard).text) != OK) return false;
  text_buffer wanted = {0};
  identity_text(&wanted, h, first_id, count, p);
  bool same = size == wanted.size && memcmp(bytes, wanted.bytes, size) == 0;
  text_free(&wanted);
  mem_free(bytes);
  return same;
}

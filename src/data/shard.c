// Writing a shard whole or not at all: HDF5 under a temporary name, renamed when it is durable, its hash beside it.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shard.h"

file_path shard_path(const char *directory, int shard) { return path_join(directory, "shard-%05d.hdf5", shard); }

static file_path sidecar_path(const char *directory, int shard) {
  return path_join(directory, "shard-%05d.hash", shard);
}

file_path temporary_path(const char *path) {
  char host[64] = "";
  gethostname(host, sizeof host - 1);
  return path_join("", "%s.%s.%ld.tmp", path, host, (long)getpid());
}

h5_extent observations_extent(const data_spec *s, int steps) {
  return (h5_extent){.rank = s->pixels ? 4 : 2,
                     .dim = {(hsize_t)steps + 1, (hsize_t)s->shape[0], (hsize_t)s->shape[1], (hsize_t)s->shape[2]}};
}

h5_extent actions_extent(const data_spec *s, int steps) {
  return (h5_extent){.rank = 2, .dim = {(hsize_t)steps, (hsize_t)s->actions}};
}

h5_extent steps_extent(int steps) { return (h5_extent){.rank = 1, .dim = {(hsize_t)steps}}; }

// --- writing --------------------------------------------------------------------------------------------------------

// As h5py stores numpy's bool.
static hid_t shard_bool_type(void) {
  const int8_t no = 0, yes = 1;
  hid_t type = H5Tenum_create(H5T_NATIVE_INT8);
  H5Tenum_insert(type, "FALSE", &no);
  H5Tenum_insert(type, "TRUE", &yes);
  return type;
}

static status shard_episode_fill(hid_t group, const data_spec *s, const data_episode *e, hid_t boolean) {
  const h5_extent steps = steps_extent(e->steps);
  hid_t element = s->pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;

  TRY(h5_values_write(group, "observations", element, observations_extent(s, e->steps), true, e->observations));
  TRY(h5_values_write(group, "actions", H5T_NATIVE_FLOAT, actions_extent(s, e->steps), false, e->actions));
  TRY(h5_values_write(group, "rewards", H5T_NATIVE_DOUBLE, steps, false, e->rewards));
  TRY(h5_values_write(group, "terminations", boolean, steps, false, e->terminated));
  TRY(h5_values_write(group, "truncations", boolean, steps, false, e->truncated));

  // The attributes of an episode in Minari's layout.
  const int64_t total = e->steps;
  TRY(h5_attribute_write(group, "id", H5T_NATIVE_INT64, &e->id));
  TRY(h5_attribute_write(group, "seed", H5T_NATIVE_UINT64, &e->seed));
  return h5_attribute_write(group, "total_steps", H5T_NATIVE_INT64, &total);
}

static status shard_episode_write(hid_t file, const data_spec *s, const data_episode *e, hid_t boolean) {
  char name[32];
  snprintf(name, sizeof name, "episode_%lld", (long long)e->id);
  hid_t group = h5_group_create(file, name);
  if (group < 0) FAIL(NO_IO, "group %s cannot be written", name);

  // closed whether filled or not, or the file stays open
  status done = shard_episode_fill(group, s, e, boolean);
  H5Gclose(group);
  return done;
}

status provenance_write(hid_t file, const data_provenance *p) {
  TRY(h5_attribute_text(file, "environment", p->environment));
  TRY(h5_attribute_text(file, "version", p->version));
  TRY(h5_attribute_text(file, "policy", p->policy));
  return h5_attribute_write(file, "seed", H5T_NATIVE_UINT64, &p->seed);
}

static status shard_fill(hid_t file, const data_spec *s, const data_provenance *p, const data_episode *episodes,
                         int count) {
  TRY(provenance_write(file, p));
  hid_t boolean = shard_bool_type();
  status done = OK;
  for (int i = 0; i < count && done == OK; i++) done = shard_episode_write(file, s, &episodes[i], boolean);
  H5Tclose(boolean);
  return done;
}

static void shard_episodes_check(const data_episode *episodes, int count) {
  CHECK(count > 0, "a shard of %d episodes", count);
  for (int i = 0; i < count; i++)
    CHECK(episodes[i].steps > 0 && episodes[i].id == episodes[0].id + i,
          "episode %lld, %d steps, is number %d from %lld on", (long long)episodes[i].id, episodes[i].steps, i,
          (long long)episodes[0].id);
}

// What belongs together, in one line: a shard is good only for the very job that it was made for.
static void sidecar_text(text_buffer *t, hash h, int64_t first_id, int count, const data_provenance *p) {
  text_add(t, "%s %lld %d %s %s %s %llu\n", h.hex, (long long)first_id, count, p->environment, p->version, p->policy,
           (unsigned long long)p->seed);
}

static status sidecar_write(const char *directory, int shard, int64_t first_id, int count, const data_provenance *p) {
  hash h;
  text_buffer t = {0};
  TRY(hash_file(&h, shard_path(directory, shard).text));
  sidecar_text(&t, h, first_id, count, p);
  status s = file_write(sidecar_path(directory, shard).text, t.bytes, t.size);
  text_free(&t);
  return s;
}

// The whole HDF5 file under its temporary name.
static status shard_file_fill(const char *path, const char *temporary, const data_spec *s, const data_provenance *p,
                        const data_episode *episodes, int count) {
  hid_t file = h5_file_create(temporary);
  if (file < 0) FAIL(NO_IO, "%s: cannot be written: is its directory there, and writable?", path);

  status done = shard_fill(file, s, p, episodes, count);
  // Closing is what may find the disk full: HDF5 keeps back what it was given.
  bool closed = H5Fclose(file) >= 0;
  if (done == OK && closed) return OK;
  FAIL(NO_IO, "%s: cannot be written (is the disk full?): %s", path,
       done != OK ? status_message() : "closing it failed");
}

status data_shard_write(const char *directory, int shard, const data_spec *s, const data_provenance *p,
                        const data_episode *episodes, int count) {
  shard_episodes_check(episodes, count);
  h5_quiet();

  file_path path = shard_path(directory, shard), temporary = temporary_path(path.text);
  status done = shard_file_fill(path.text, temporary.text, s, p, episodes, count);

  // in this order, so that a stop in between leaves a shard that nobody trusts
  if (done == OK) done = file_remove(sidecar_path(directory, shard).text);  // never an old hash beside new bytes
  if (done == OK) done = file_commit(temporary.text, path.text);
  if (done == OK) return sidecar_write(directory, shard, episodes[0].id, count, p);

  // nothing half-written stays
  unlink(temporary.text);
  return done;
}

// --- trusting -------------------------------------------------------------------------------------------------------

static bool sidecar_fits(hash *out, const char *bytes, size_t size, int64_t first_id, int count,
                          const data_provenance *p) {
  text_buffer wanted = {0};
  snprintf(out->hex, sizeof out->hex, "%.*s", (int)(sizeof out->hex - 1), bytes);
  sidecar_text(&wanted, *out, first_id, count, p);
  bool same = size == wanted.size && memcmp(bytes, wanted.bytes, size) == 0;
  text_free(&wanted);
  return same;
}

status shard_identity_read(hash *out, const char *directory, int shard, int64_t first_id, int count,
                           const data_provenance *p) {
  char *bytes;
  size_t size;
  file_path path = sidecar_path(directory, shard);
  TRY(file_read(&bytes, &size, path.text));

  // The sentence holds both: what the line should say, and how it begins.
  bool fits = sidecar_fits(out, bytes, size, first_id, count, p);
  if (!fits)
    status_fail(BAD_FILE,
                "%s: is not of episodes %lld to %lld of %s %s by '%s', seed %llu, but \"%.*s\"; run collect again",
                path.text, (long long)first_id, (long long)first_id + count - 1, p->environment, p->version, p->policy,
                (unsigned long long)p->seed, text_whole(bytes, 100), bytes);

  mem_free(bytes);
  return fits ? OK : BAD_FILE;
}

// Does the sidecar begin with this hash?
static bool sidecar_agrees(const char *directory, int shard, hash h) {
  char *bytes;
  size_t size;
  if (file_read(&bytes, &size, sidecar_path(directory, shard).text) != OK) return false;
  bool same = size > sizeof h.hex && memcmp(bytes, h.hex, sizeof h.hex - 1) == 0;
  mem_free(bytes);
  return same;
}

status shard_verify(const char *directory, int shard, hash wanted) {
  hash found;
  file_path path = shard_path(directory, shard);
  if (!file_exists(path.text)) FAIL(BAD_FILE, "%s: is missing; run collect again", path.text);

  TRY(hash_file(&found, path.text));
  if (hash_equal(found, wanted)) return OK;

  // Whole, but not what the index knows: somebody collected again and did not finish.
  if (sidecar_agrees(directory, shard, found))
    FAIL(BAD_FILE, "%s: is newer than %s: collecting was not finished; run collect again", path.text, INDEX_NAME);
  FAIL(BAD_FILE, "%s: is damaged: its hash is %s, %s was written; run collect again", path.text, found.hex, wanted.hex);
}

status shard_verify_own(const char *directory, int shard) {
  char *bytes;
  size_t size;
  hash wanted;
  file_path path = sidecar_path(directory, shard);
  if (!file_exists(path.text)) return OK;

  // The hash is the line's first word.
  TRY(file_read(&bytes, &size, path.text));
  snprintf(wanted.hex, sizeof wanted.hex, "%s", bytes);
  mem_free(bytes);

  return shard_verify(directory, shard, wanted);
}

static void shard_dimensions_add(text_buffer *t, h5_extent e) {
  for (int i = 0; i < e.rank; i++) text_add(t, "%s%llu", i ? "x" : "", (unsigned long long)e.dim[i]);
}

status shard_array_check(hid_t file, const char *name, h5_extent wanted, const char *path) {
  h5_extent found = {0};

  const char *why = h5_values_refused(file, name);
  if (why) FAIL(BAD_FILE, "%s: %s %s; remove the file and run collect again", path, name, why);

  if (h5_extent_read(&found, file, name) && h5_extent_equal(found, wanted)) return OK;

  // Both sizes, so that it is seen what differs.
  text_buffer t = {0};
  text_add(&t, "%s: %s is ", path, name);
  shard_dimensions_add(&t, found);
  text_add(&t, ", but ");
  shard_dimensions_add(&t, wanted);
  status_fail(BAD_FILE, "%s is wanted; remove the file and run collect again", t.bytes);

  text_free(&t);
  return BAD_FILE;
}

bool data_shard_good(const char *directory, int shard, int64_t first_id, int count, const data_provenance *p) {
  hash h;
  return file_exists(shard_path(directory, shard).text) && file_exists(sidecar_path(directory, shard).text) &&
         shard_identity_read(&h, directory, shard, first_id, count, p) == OK && shard_verify(directory, shard, h) == OK;
}

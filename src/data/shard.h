// A shard: one HDF5 file with a few episodes, and a sidecar with its hash and what it holds.
#ifndef DATA_SHARD_H
#define DATA_SHARD_H

#include "h5.h"

file_path shard_path(const char *directory, int shard);
// One that two processes, on one host or two, do not share.
file_path temporary_path(const char *path);

// The hash in the sidecar, if the sidecar says that the shard holds exactly these episodes; BAD_FILE by name otherwise.
status shard_identity_read(hash *out, const char *directory, int shard, int64_t first_id, int count,
                           const data_provenance *p);
// OK if the file's bytes have this hash; BAD_FILE by name otherwise.
status shard_verify(const char *directory, int shard, hash wanted);

// The same for the hash in its sidecar; a missing sidecar is OK here, shard_identity_read asks for it.
status shard_verify_own(const char *directory, int shard);
// Whether an array of the file may be read and has this extent; BAD_FILE by name otherwise.
status shard_array_check(hid_t file, const char *name, h5_extent wanted, const char *path);

status provenance_write(hid_t file, const data_provenance *p);
// What the arrays of an episode with so many steps must measure.
h5_extent observations_extent(const data_spec *s, int steps);
h5_extent actions_extent(const data_spec *s, int steps);
h5_extent steps_extent(int steps);

// The index over all shards (index.safetensors), written last: a directory without it is incomplete.
#define INDEX_NAME "index.safetensors"
#define INDEX_FORMAT "dreamfarm-episodes-1"

// A folder by that index (folder.c), or one that others wrote.
struct minari;
typedef struct folder {
  file_path directory;
  data_spec spec;
  data_provenance provenance;
  int count, shards;       // episodes, and the files they are in
  int32_t *steps, *shard;  // (count)
  hash *hashes;            // (shards)
  bool *verified;          // (shards)  whoever reads a shard has compared it with its hash
  struct minari *others;   // owned; NULL: it is ours
} folder;
status folder_open(folder *f, const char *directory);  // BAD_FILE by name; close it then, too
// Ours, or one that others wrote; of several observations those of these keys.
status folder_open_any(folder *f, const char *directory, const char *keys);
void folder_close(folder *f);

#endif

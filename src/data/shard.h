// A shard: one HDF5 file with a few episodes, and a sidecar with its hash.
#ifndef DATA_SHARD_H
#define DATA_SHARD_H

#include <hdf5.h>

#include "data.h"

file_path shard_path(const char *directory, int shard);
file_path shard_hash_path(const char *directory, int shard);
// The hash that was written beside the shard.
status shard_hash_read(hash *out, const char *directory, int shard);
// OK if the file's bytes have this hash; BAD_FILE by name otherwise.
status shard_verify(const char *directory, int shard, hash wanted);

// Errors are said by us, not printed by the library.
void hdf5_quiet(void);
status hdf5_attribute_write(hid_t object, const char *name, hid_t type, const void *value);
status hdf5_attribute_text(hid_t object, const char *name, const char *value);

#endif

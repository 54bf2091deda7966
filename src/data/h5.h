// The few words of HDF5 that this room speaks.
#ifndef DATA_H5_H
#define DATA_H5_H

#include <hdf5.h>

#include "data.h"

// Before anything else of HDF5. Errors are said by us, not printed by the library.
void h5_quiet(void);
// Files without times inside, so that equal data are equal bytes. Negative on failure, as HDF5's own calls.
hid_t h5_file_create(const char *path);
hid_t h5_file_open(const char *path);  // to read; regular files only
hid_t h5_group_create(hid_t parent, const char *name);
hid_t h5_group_open(hid_t parent, const char *name);  // through no links

status h5_attribute_write(hid_t object, const char *name, hid_t type, const void *value);
status h5_attribute_text(hid_t object, const char *name, const char *value);
bool h5_attribute_read(hid_t object, const char *name, hid_t type, void *value);

typedef struct h5_extent {
  int rank;
  hsize_t dim[4];  // (rank)  the rest is 0
} h5_extent;
// Compressed: in chunks of some rows, each with a Fletcher32 checksum, so that other readers notice damage too.
status h5_values_write(hid_t group, const char *name, hid_t type, h5_extent extent, bool compress, const void *values);
// Why an array is not read, or NULL: it is missing, a link, stored elsewhere, unlike what we write, or claims more than
// the file can hold. The functions below fail where this says why.
const char *h5_values_refused(hid_t group, const char *name);
bool h5_extent_read(h5_extent *extent, hid_t group, const char *name);
bool h5_extent_equal(h5_extent a, h5_extent b);
// Of what an array is; false where it is refused.
typedef enum h5_kind { H5_BYTES, H5_WHOLE, H5_REAL, H5_FLAGS } h5_kind;
bool h5_kind_read(h5_kind *kind, hid_t group, const char *name);
// The links of a group, as they come: `see` gets each name, and whether it is one into another place or file.
void h5_names_each(hid_t group, void (*see)(void *self, const char *name, bool leads_away), void *self);
bool h5_is_group(hid_t parent, const char *name);
// False if they are missing, damaged or of another extent.
bool h5_values_read(hid_t group, const char *name, hid_t type, h5_extent extent, void *values);
// One byte per flag, whatever the file calls its type, if that has one byte; any non-zero is 1.
bool h5_flags_read(hid_t group, const char *name, h5_extent extent, uint8_t *values);

#endif

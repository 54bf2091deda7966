// HDF5 in the few words the room needs: files, groups, attributes and whole arrays. Knows nothing of episodes.

#include <string.h>

#include "h5.h"

#define CHUNK_ROWS 32
#define DEFLATE_LEVEL 1  // on Take Cover's frames 7.5 : 1; level 6 has 9.2 : 1 at about half the speed

void h5_quiet(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }

// Our files are written under a temporary name and never changed: no locks, which some cluster file systems lack.
static hid_t access_list(void) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, false, true);
#endif
  return access;
}

hid_t h5_file_create(const char *path) {
  hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = access_list();
  H5Pset_obj_track_times(creation, false);
  hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
  H5Pclose(creation);
  H5Pclose(access);
  return file;
}

hid_t h5_file_open(const char *path) {
  hid_t access = access_list(), file = H5Fopen(path, H5F_ACC_RDONLY, access);
  H5Pclose(access);
  return file;
}

hid_t h5_group_create(hid_t parent, const char *name) {
  hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(creation, false);
  hid_t group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
  H5Pclose(creation);
  return group;
}

// --- attributes -------------------------------------------------------------------------------------------------------

status h5_attribute_write(hid_t object, const char *name, hid_t type, const void *value) {
  hid_t space = H5Screate(H5S_SCALAR), attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  bool bad = attribute < 0 || H5Awrite(attribute, type, value) < 0;
  if (attribute >= 0) H5Aclose(attribute);
  H5Sclose(space);
  if (bad) FAIL(NO_IO, "attribute %s cannot be written", name);
  return OK;
}

// Of variable length, as h5py writes texts, and as it reads them back as texts and not as bytes.
status h5_attribute_text(hid_t object, const char *name, const char *value) {
  hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  status s = h5_attribute_write(object, name, type, &value);
  H5Tclose(type);
  return s;
}

bool h5_attribute_read(hid_t object, const char *name, hid_t type, void *value) {
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), space = attribute >= 0 ? H5Aget_space(attribute) : -1;
  bool good = space >= 0 && H5Sget_simple_extent_npoints(space) == 1 && H5Aread(attribute, type, value) >= 0;
  if (space >= 0) H5Sclose(space);
  if (attribute >= 0) H5Aclose(attribute);
  return good;
}

// --- arrays -----------------------------------------------------------------------------------------------------------

static hid_t layout_of(h5_extent extent, bool compress) {
  hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(layout, false);
  if (!compress) return layout;
  h5_extent chunk = extent;
  if (chunk.dim[0] > CHUNK_ROWS) chunk.dim[0] = CHUNK_ROWS;
  H5Pset_chunk(layout, chunk.rank, chunk.dim);
  H5Pset_deflate(layout, DEFLATE_LEVEL);
  H5Pset_fletcher32(layout);  // after deflate: over the few bytes that are stored
  return layout;
}

status h5_values_write(hid_t group, const char *name, hid_t type, h5_extent extent, bool compress, const void *values) {
  hid_t space = H5Screate_simple(extent.rank, extent.dim, NULL), layout = layout_of(extent, compress);
  hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  bool bad = set < 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;
  if (set >= 0 && H5Dclose(set) < 0) bad = true;  // a chunk may be written only now
  H5Pclose(layout);
  H5Sclose(space);
  if (bad) FAIL(NO_IO, "dataset %s cannot be written", name);
  return OK;
}

static bool extent_of(h5_extent *extent, hid_t set) {
  hid_t space = H5Dget_space(set);
  *extent = (h5_extent){.rank = H5Sget_simple_extent_ndims(space)};
  bool good = extent->rank >= 0 && extent->rank <= 4 && H5Sget_simple_extent_dims(space, extent->dim, NULL) >= 0;
  H5Sclose(space);
  return good;
}

bool h5_extent_read(h5_extent *extent, hid_t group, const char *name) {
  hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
  bool good = set >= 0 && extent_of(extent, set);
  if (set >= 0) H5Dclose(set);
  if (!good) *extent = (h5_extent){0};  // a rank above 4 would lead past the end of dim
  return good;
}

bool h5_extent_equal(h5_extent a, h5_extent b) {
  return a.rank == b.rank && memcmp(a.dim, b.dim, sizeof *a.dim * (size_t)a.rank) == 0;
}

bool h5_values_read(hid_t group, const char *name, hid_t type, h5_extent extent, void *values) {
  h5_extent found;
  hid_t set = H5Dopen2(group, name, H5P_DEFAULT);
  bool good = set >= 0 && extent_of(&found, set) && h5_extent_equal(found, extent) &&
              H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  if (set >= 0) H5Dclose(set);
  return good;
}

bool h5_flags_read(hid_t group, const char *name, h5_extent extent, uint8_t *values) {
  hid_t set = H5Dopen2(group, name, H5P_DEFAULT), type = set >= 0 ? H5Dget_type(set) : -1;
  bool good = type >= 0 && H5Tget_size(type) == 1 && h5_values_read(group, name, type, extent, values);
  for (hsize_t i = 0; good && i < extent.dim[0]; i++) values[i] = values[i] != 0;
  if (type >= 0) H5Tclose(type);
  if (set >= 0) H5Dclose(set);
  return good;
}

// HDF5 in the few words the room needs: files, groups, attributes and whole arrays. Knows nothing of episodes.

#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "h5.h"

#define CHUNK_ROWS 32
#define DEFLATE_LEVEL 1  // on Take Cover's frames 7.5 : 1; level 6 has 9.2 : 1 at about half the speed

// No handler at exit: it would write once more what a full disk did not take, and crash over it. No plugins: a file
// names the filter that is loaded. Both before HDF5 does anything else.
void h5_quiet(void) {
  H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  H5PLset_loading_state(0);
}

// Our files are written under a temporary name and never changed: no locks, which some cluster file systems lack.
static hid_t h5_access(void) {
  hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(access, H5F_LIBVER_V18, H5F_LIBVER_LATEST);
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, false, true);
#endif
  return access;
}

hid_t h5_file_create(const char *path) {
  hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = h5_access();
  H5Pset_obj_track_times(creation, false);
  unlink(path);  // ..EXCL: a file of our own, whatever somebody has laid in its place
  hid_t file = H5Fcreate(path, H5F_ACC_EXCL, creation, access);
  H5Pclose(creation);
  H5Pclose(access);
  return file;
}

hid_t h5_file_open(const char *path) {
  int fd;
  if (file_open(&fd, path, O_RDONLY) != OK) return -1;  // HDF5 would wait for a pipe's writer
  close(fd);
  hid_t access = h5_access(), file = H5Fopen(path, H5F_ACC_RDONLY, access);
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

// --- what may be read -----------------------------------------------------------------------------------------------
// A file can lead into other files (links, external storage, virtual datasets), name programs (filters), and claim any
// size. Of all that HDF5 knows only what we write is read, and what h5py writes of plain arrays.

#define DEFLATE_MOST 1032.0  // bytes that deflate can make of one
#define CHUNK_MOST 16777216.0  // bytes of a chunk that is larger than its array

// Texts, references and compounds would have HDF5 take memory for what they claim.
static bool h5_number_type(hid_t type) {
  H5T_class_t class = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
  return (class == H5T_INTEGER || class == H5T_FLOAT || class == H5T_ENUM) && H5Tget_size(type) <= 8;
}

static const char *h5_link_refused(hid_t parent, const char *name) {
  H5L_info_t facts;
  if (H5Lget_info(parent, name, &facts, H5P_DEFAULT) < 0) return "is missing or damaged";
  if (facts.type == H5L_TYPE_HARD) return NULL;
  return facts.type == H5L_TYPE_SOFT ? "is a soft link, which is not followed"
                                     : "is a link into another file, which is not followed";
}

// Every step of the way.
static const char *h5_way_refused(hid_t parent, const char *name) {
  char part[128];
  const char *why = strlen(name) < sizeof part ? NULL : "has too long a name";

  // The name is cut after every part of it: a/b/c is a, then a/b, then a/b/c.
  for (size_t i = 1; !why && i <= strlen(name); i++) {
    if (name[i] != '/' && name[i] != 0) continue;
    memcpy(part, name, i);
    part[i] = 0;
    why = h5_link_refused(parent, part);
  }

  return why;
}

static const char *h5_filters_refused(hid_t layout) {
  int count = H5Pget_nfilters(layout);
  if (count < 0) return "is damaged";

  // A filter is a program, which HDF5 would look for and load.
  for (int i = 0; i < count; i++) {
    size_t numbers = 0;
    H5Z_filter_t id = H5Pget_filter2(layout, (unsigned)i, NULL, &numbers, NULL, 0, NULL, NULL);
    bool known = id == H5Z_FILTER_DEFLATE || id == H5Z_FILTER_SHUFFLE || id == H5Z_FILTER_FLETCHER32;
    if (!known) return "wants a filter that is none of gzip, shuffle and fletcher32";
  }

  return NULL;
}

static double h5_file_bytes(hid_t object) {
  hid_t file = H5Iget_file_id(object);
  hsize_t size = 0;
  if (file < 0 || H5Fget_filesize(file, &size) < 0) size = 0;
  if (file >= 0) H5Fclose(file);
  return (double)size;
}

// The chunk behind `at`, dimension by dimension, the last one first; false behind the last chunk.
static bool h5_chunk_next(hsize_t *at, const hsize_t *chunk, h5_extent extent) {
  for (int i = extent.rank - 1; i >= 0; i--) {
    at[i] += chunk[i];
    if (at[i] < extent.dim[i]) return true;
    at[i] = 0;
  }
  return false;
}

// None stores more than deflate ever needs for it: a small array might otherwise be unpacked into any size. Those at
// the edge may be larger than what is left of the array.
static const char *h5_chunks_refused(hid_t set, hid_t layout, h5_extent extent, size_t element) {
  hsize_t chunk[4], at[4] = {0};
  double bytes = (double)element, whole = (double)element;

  if (H5Pget_chunk(layout, 4, chunk) != extent.rank) return "has damaged chunks";
  double chunks = 1;
  for (int i = 0; i < extent.rank; i++) {
    if (chunk[i] < 1) return "has damaged chunks";
    bytes *= (double)chunk[i];
    whole *= (double)extent.dim[i];
    chunks *= ceil((double)extent.dim[i] / (double)chunk[i]);
  }
  if (bytes > whole && bytes > CHUNK_MOST) return "has chunks that are larger than it is";
  if (chunks > h5_file_bytes(set)) return "claims more than the file has";

  // What each of them stores: an older HDF5 cannot say.
#if H5_VERSION_GE(1, 10, 3)
  while (whole > 0) {
    hsize_t stored = 0;
    if (H5Dget_chunk_storage_size(set, at, &stored) < 0) return "has damaged chunks";
    if ((double)stored > 1.01 * bytes + 1024) return "stores more in a chunk than it has room for";
    if (!h5_chunk_next(at, chunk, extent)) break;
  }
#else
  (void)set;
  (void)at;
#endif
  return NULL;
}

static bool h5_extent_of(h5_extent *extent, hid_t set) {
  hid_t space = H5Dget_space(set);
  *extent = (h5_extent){.rank = H5Sget_simple_extent_ndims(space)};
  bool good = extent->rank >= 0 && extent->rank <= 4 && H5Sget_simple_extent_dims(space, extent->dim, NULL) >= 0;
  H5Sclose(space);
  if (!good) *extent = (h5_extent){0};  // a rank above 4 would lead past the end of dim
  return good;
}

static const char *h5_size_refused(hid_t set, hid_t layout, size_t element) {
  h5_extent extent;
  bool chunked = H5Pget_layout(layout) == H5D_CHUNKED;
  if (!h5_extent_of(&extent, set)) return "has more than four dimensions";

  const char *why = chunked ? h5_chunks_refused(set, layout, extent, element) : NULL;
  if (why) return why;

  // What stands there must be in the file, and what it is unpacked into must be possible.
  double bytes = (double)element, stored = (double)H5Dget_storage_size(set);
  for (int i = 0; i < extent.rank; i++) bytes *= (double)extent.dim[i];
  bool too_much = stored > h5_file_bytes(set) || bytes > stored * (chunked ? DEFLATE_MOST : 1);
  return too_much ? "claims more than the file has" : NULL;
}

static const char *h5_set_refused(hid_t set, hid_t layout) {
  H5D_layout_t kind = H5Pget_layout(layout);
  if (kind != H5D_COMPACT && kind != H5D_CONTIGUOUS && kind != H5D_CHUNKED)
    return "is made of arrays in other files, which are not read";
  if (H5Pget_external_count(layout) != 0) return "is stored in other files, which are not read";

  const char *why = h5_filters_refused(layout);
  if (why) return why;

  // What it is made of, and how much of that.
  hid_t type = H5Dget_type(set);
  why = h5_number_type(type) ? h5_size_refused(set, layout, H5Tget_size(type)) : "is not of numbers";
  if (type >= 0) H5Tclose(type);
  return why;
}

// *set is negative where it says why.
static const char *h5_set_open(hid_t *set, hid_t parent, const char *name) {
  const char *why = h5_way_refused(parent, name);
  *set = why ? -1 : H5Dopen2(parent, name, H5P_DEFAULT);

  // refused before it is read: links, filters and sizes that we would not write
  hid_t layout = *set >= 0 ? H5Dget_create_plist(*set) : -1;
  if (!why) why = layout >= 0 ? h5_set_refused(*set, layout) : "is missing or damaged";

  if (layout >= 0) H5Pclose(layout);
  if (why && *set >= 0) H5Dclose(*set);
  if (why) *set = -1;
  return why;
}

const char *h5_values_refused(hid_t group, const char *name) {
  hid_t set;
  const char *why = h5_set_open(&set, group, name);
  if (!why) H5Dclose(set);
  return why;
}

hid_t h5_group_open(hid_t parent, const char *name) {
  return h5_way_refused(parent, name) ? -1 : H5Gopen2(parent, name, H5P_DEFAULT);
}

typedef struct h5_names {
  void (*see)(void *self, const char *name, bool leads_away);
  void *self;
} h5_names;

static herr_t h5_name_seen(hid_t group, const char *name, const H5L_info_t *facts, void *self) {
  const h5_names *n = self;
  (void)group;
  n->see(n->self, name, facts->type != H5L_TYPE_HARD);
  return 0;
}

void h5_names_each(hid_t group, void (*see)(void *self, const char *name, bool leads_away), void *self) {
  h5_names n = {.see = see, .self = self};
  H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, h5_name_seen, &n);
}

bool h5_is_group(hid_t parent, const char *name) {
  hid_t object = h5_way_refused(parent, name) ? -1 : H5Oopen(parent, name, H5P_DEFAULT);
  bool group = object >= 0 && H5Iget_type(object) == H5I_GROUP;
  if (object >= 0) H5Oclose(object);
  return group;
}

// --- attributes -----------------------------------------------------------------------------------------------------

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
  hid_t found = attribute >= 0 ? H5Aget_type(attribute) : -1;

  // One number, and no text: see h5_number_type.
  bool good = space >= 0 && H5Sget_simple_extent_npoints(space) == 1 && h5_number_type(found) &&
              H5Aread(attribute, type, value) >= 0;

  if (found >= 0) H5Tclose(found);
  if (space >= 0) H5Sclose(space);
  if (attribute >= 0) H5Aclose(attribute);
  return good;
}

// --- arrays ---------------------------------------------------------------------------------------------------------

static hid_t h5_layout(h5_extent extent, bool compress) {
  hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_obj_track_times(layout, false);
  if (!compress) return layout;

  // Whole rows, some at a time: see h5_chunks_refused.
  h5_extent chunk = extent;
  if (chunk.dim[0] > CHUNK_ROWS) chunk.dim[0] = CHUNK_ROWS;
  H5Pset_chunk(layout, chunk.rank, chunk.dim);
  H5Pset_deflate(layout, DEFLATE_LEVEL);
  H5Pset_fletcher32(layout);  // after deflate: over the few bytes that are stored
  return layout;
}

status h5_values_write(hid_t group, const char *name, hid_t type, h5_extent extent, bool compress, const void *values) {
  hid_t space = H5Screate_simple(extent.rank, extent.dim, NULL), layout = h5_layout(extent, compress);

  // closed in any case; the first failure is remembered, the sentence comes last
  hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  bool bad = set < 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0;

  if (set >= 0 && H5Dclose(set) < 0) bad = true;  // a chunk may be written only now
  H5Pclose(layout);
  H5Sclose(space);

  if (bad) FAIL(NO_IO, "dataset %s cannot be written", name);
  return OK;
}

bool h5_extent_read(h5_extent *extent, hid_t group, const char *name) {
  hid_t set;
  *extent = (h5_extent){0};
  bool good = !h5_set_open(&set, group, name) && h5_extent_of(extent, set);
  if (set >= 0) H5Dclose(set);
  return good;
}

bool h5_kind_read(h5_kind *kind, hid_t group, const char *name) {
  hid_t set, type = h5_set_open(&set, group, name) ? -1 : H5Dget_type(set);
  if (set >= 0) H5Dclose(set);
  if (type < 0) return false;

  H5T_class_t class = H5Tget_class(type);
  bool byte = class == H5T_INTEGER && H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
  *kind = byte ? H5_BYTES : class == H5T_ENUM ? H5_FLAGS : class == H5T_FLOAT ? H5_REAL : H5_WHOLE;
  H5Tclose(type);
  return true;
}

bool h5_extent_equal(h5_extent a, h5_extent b) {
  return a.rank == b.rank && memcmp(a.dim, b.dim, sizeof *a.dim * (size_t)a.rank) == 0;
}

bool h5_values_read(hid_t group, const char *name, hid_t type, h5_extent extent, void *values) {
  h5_extent found;
  hid_t set;
  bool good = !h5_set_open(&set, group, name) && h5_extent_of(&found, set) && h5_extent_equal(found, extent) &&
              H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0;
  if (set >= 0) H5Dclose(set);
  return good;
}

bool h5_flags_read(hid_t group, const char *name, h5_extent extent, uint8_t *values) {
  hid_t set;
  hid_t type = h5_set_open(&set, group, name) ? -1 : H5Dget_type(set);
  bool good = type >= 0 && H5Tget_size(type) == 1 && h5_values_read(group, name, type, extent, values);
  for (hsize_t i = 0; good && i < extent.dim[0]; i++) values[i] = values[i] != 0;
  if (type >= 0) H5Tclose(type);
  if (set >= 0) H5Dclose(set);
  return good;
}

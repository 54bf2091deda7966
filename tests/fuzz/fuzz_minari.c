// rooms: base data
// seeds: tests/fuzz/minari/*
// Others' data sets. An even first byte: the rest is metadata.json. An odd one: the rest says which groups, arrays,
// types, shapes, chunks, filters and links main_data.hdf5 is made of; that is read, or refused by name, and what is
// read has the shape that was promised and finite numbers. What HDF5 makes of damaged bytes of its own is its affair.

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../src/data/minari.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

typedef struct tape { const uint8_t *at, *end; } tape;
static int next(tape *t, int below) { return t->at < t->end ? *t->at++ % below : 0; }

// --- metadata.json --------------------------------------------------------------------------------------------------

static void space_look(json_t *space) {
  static const char *const ways[] = {"", "state", "a/b", "_index_1", "/", "_index_99999999999/x"};
  text_buffer t = {0};
  if (space) minari_space_show(&t, space);
  for (size_t i = 0; t.size && i < t.size; i++) CHECK((unsigned char)t.bytes[i] >= ' ', "a control character in words");
  text_free(&t);
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    minari_space s;
    minari_space_of(&s, space, ways[i]);
    for (int k = 0; k < s.count; k++) CHECK(!isinf(s.low[k]) && !isinf(s.high[k]), "an infinite bound");
    minari_space_free(&s);
  }
}

static void metadata_look(const uint8_t *bytes, size_t size) {
  minari_metadata m;
  status s = minari_metadata_parse(&m, "fuzz", (const char *)bytes, size);
  CHECK(s == OK || (s == BAD_FILE && strncmp(status_message(), "fuzz:", 5) == 0), "no name: %s", status_message());
  space_look(m.observation);
  space_look(m.action);
  minari_metadata_free(&m);
}

// --- main_data.hdf5 -------------------------------------------------------------------------------------------------

static hid_t type_make(tape *t) {
  const hid_t plain[] = {H5T_NATIVE_UINT8, H5T_NATIVE_INT8, H5T_NATIVE_INT32, H5T_NATIVE_INT64, H5T_NATIVE_FLOAT,
                         H5T_NATIVE_DOUBLE, H5T_IEEE_F32BE, H5T_C_S1};
  int which = next(t, 10);
  if (which == 8) return H5Tvlen_create(H5T_NATIVE_UINT8);
  if (which < 8) return H5Tcopy(plain[which]);
  const int8_t no = 0, yes = 1;
  hid_t flags = H5Tenum_create(H5T_NATIVE_INT8);
  H5Tenum_insert(flags, "FALSE", &no);
  H5Tenum_insert(flags, "TRUE", &yes);
  return flags;
}

// Most often as it should be: so many entries, numbers in `usual` dimensions.
static void array_make(tape *t, hid_t group, const char *name, int steps, int usual) {
  static double values[1 << 14];
  hsize_t dim[6] = {0}, chunk[6], most[6];
  bool good = next(t, 8) > 0;
  int rank = good ? usual : next(t, 6), kind = good ? 1 + next(t, 6) : next(t, 8);
  dim[0] = (hsize_t)(good || next(t, 4) ? steps : next(t, 9));
  for (int i = 1; i < rank; i++) dim[i] = (hsize_t)(good ? i + (rank == 4 && i == 3 ? 0 : 1) : next(t, 5));

  if (kind == 0) {
    H5Lcreate_soft("/elsewhere", group, name, H5P_DEFAULT, H5P_DEFAULT);
    return;
  }
  hid_t layout = H5Pcreate(H5P_DATASET_CREATE);
  hid_t type = good ? H5Tcopy(usual > 2 ? H5T_NATIVE_UINT8 : H5T_NATIVE_DOUBLE) : type_make(t);
  for (int i = 0; i < rank; i++) most[i] = kind > 3 ? H5S_UNLIMITED : dim[i];
  hid_t space = H5Screate_simple(rank, dim, most);
  if (kind > 2 && rank > 0) {
    for (int i = 0; i < rank; i++) chunk[i] = (hsize_t)next(t, 9) + 1;
    H5Pset_chunk(layout, rank, chunk);
    if (kind & 1) H5Pset_shuffle(layout);
    if (kind > 4) H5Pset_deflate(layout, 1);
    if (kind == 6) H5Pset_fletcher32(layout);
    if (kind == 7) H5Pset_nbit(layout);
  }
  for (int i = 0; i < 64; i++) values[i] = good || next(t, 40) ? i * 0.25 : (double)NAN;

  hid_t set = H5Dcreate2(group, name, type, space, H5P_DEFAULT, layout, H5P_DEFAULT);
  bool numbers = H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT;
  bool filled = good || next(t, 8);
  if (set >= 0 && numbers && filled) H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
  if (set >= 0) H5Dclose(set);
  H5Sclose(space);
  H5Tclose(type);
  H5Pclose(layout);
}

static void episode_make(tape *t, hid_t file, const char *name) {
  static const char *const arrays[] = {"actions", "rewards", "terminations", "truncations", "infos"};
  int steps = next(t, 7) + 1;
  hid_t group = h5_group_create(file, name);
  if (group < 0) return;

  if (next(t, 3) == 0) {
    hid_t inside = h5_group_create(group, "observations");
    static const char *const parts[] = {"extra", "state", "x\n"};
    for (int i = next(t, 4) - 1; i >= 0; i--) array_make(t, inside, parts[i], steps + 1, 2);
    H5Gclose(inside);
  } else {
    array_make(t, group, "observations", steps + 1, 2 + next(t, 3));
  }
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
    if (next(t, 12)) array_make(t, group, arrays[i], steps, 1);
  if (next(t, 2)) h5_attribute_text(group, "seed", "none");
  H5Gclose(group);
}

static void file_build(tape *t, const char *path) {
  static const char *const names[] = {"episode_0", "episode_10", "episode_2", "x\x1b[1m", "0"};
  hid_t file = h5_file_create(path);
  int count = next(t, 4);
  for (int i = 0; i < count; i++) episode_make(t, file, names[next(t, 5)]);
  if (next(t, 9) == 0) H5Lcreate_external("/etc/passwd", "/", file, "away", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
}

static void episode_look(const data_spec *s, const data_episode *e, int steps) {
  size_t numbers = (size_t)(steps + 1) * s->shape[0];
  CHECK(e->steps == steps && steps >= 1, "%d steps, %d were promised", e->steps, steps);
  for (size_t i = 0; !s->pixels && i < numbers; i++) CHECK(isfinite(((const float *)e->observations)[i]), "not finite");
  for (int i = 0; i < steps * s->actions; i++) CHECK(!isnan(e->actions[i]), "no number");
  for (int i = 0; i < steps; i++) CHECK(isfinite(e->rewards[i]), "a reward that is not finite");
  for (int i = 0; i < steps; i++) CHECK(e->terminated[i] <= 1 && e->truncated[i] <= 1, "a flag that is none");
  CHECK(e->terminated[steps - 1] || e->truncated[steps - 1], "no end");
}

static void folder_look(const char *directory, const char *keys) {
  dataset *d;
  data_episode e;
  data_origin o;
  status s = data_open_any(&d, directory, keys);
  CHECK(s == OK || (s == BAD_FILE && strstr(status_message(), directory)), "no name: %s", status_message());
  if (s != OK) {
    for (const char *at = status_message(); *at; at++) CHECK((unsigned char)*at >= ' ', "a control character in words");
    return;
  }
  data_origin_of(&o, d);
  for (int i = 0; i < data_count(d); i++) {
    s = data_read(d, i, &e);
    CHECK(s == OK || s == BAD_FILE, "%s", status_message());
    if (s == OK) episode_look(data_spec_of(d), &e, data_steps(d, i));
  }
  data_close(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  static char directory[] = "/tmp/dreamfarm-fuzz-XXXXXX";
  static const char *const keys[] = {"", "state", "extra,state", "extra", ",", "no"};
  if (size < 2) return 0;
  if (bytes[0] % 2 == 0) {
    metadata_look(bytes + 1, size - 1);
    return 0;
  }

  h5_quiet();
  if (directory[sizeof directory - 2] == 'X') CHECK(mkdtemp(directory), "no directory");
  tape t = {.at = bytes + 1, .end = bytes + size};
  const char *which = keys[next(&t, 6)];
  static const char *const spaces[] = {
      "{}", "{\"action_space\": {\"type\": \"Discrete\", \"n\": 3, \"start\": 1}}",
      "{\"action_space\": {\"type\": \"Box\", \"low\": [-2], \"high\": [2]}, "
      "\"observation_space\": {\"type\": \"Discrete\", \"n\": 4}}"};
  const char *json = spaces[next(&t, 3)];
  FILE *f = fopen(path_join(directory, "metadata.json").text, "w");  // file_write waits for the disk
  CHECK(f && fputs(json, f) >= 0 && fclose(f) == 0, "metadata.json cannot be written");
  file_build(&t, path_join(directory, "main_data.hdf5").text);
  folder_look(directory, which);
  return 0;
}

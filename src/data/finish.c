// Making shards one dataset: the two files by which h5py and minari read the directory as one, and an index of our own
// (lengths, shards, hashes). The index is written last: it is what says that the dataset is complete.

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shard.h"

typedef struct listing {  // of all episodes, shard by shard
  int count, room, shards;
  int32_t *steps, *shard;  // (count)
  hash *hashes;            // (shards)
  int64_t total_steps;
  double megabytes;
} listing;

// --- listing the shards ---------------------------------------------------------------------------------------------

static int32_t *listing_longer(int32_t *list, int count, int room) {
  int32_t *more = mem_take((size_t)room, sizeof *more);
  if (count) memcpy(more, list, sizeof *more * (size_t)count);
  mem_free(list);
  return more;
}

static void listing_add(listing *l, int steps, int shard) {
  // How many there will be, nobody knows before the last shard is open.
  if (l->count == l->room) {
    l->room = l->room ? 2 * l->room : 1024;
    l->steps = listing_longer(l->steps, l->count, l->room);
    l->shard = listing_longer(l->shard, l->count, l->room);
  }

  l->steps[l->count] = steps;
  l->shard[l->count] = shard;
  l->count++;
  l->total_steps += steps;
}

static void listing_free(listing *l) {
  mem_free(l->steps);
  mem_free(l->shard);
  mem_free(l->hashes);
}

static status listing_episode(int *steps, hid_t file, int id, const data_spec *s, const char *path) {
  char name[64];
  h5_extent extent = {0};

  // How long the episode is, its rewards say; they alone have no other array to agree with yet.
  snprintf(name, sizeof name, "episode_%d/rewards", id);
  const char *why = h5_values_refused(file, name);
  if (why) FAIL(BAD_FILE, "%s: %s %s; remove the file and run collect again", path, name, why);
  if (!h5_extent_read(&extent, file, name) || extent.rank != 1 || extent.dim[0] < 1 || extent.dim[0] > 1 << 30)
    FAIL(BAD_FILE, "%s: %s is not a list of rewards; remove the file and run collect again", path, name);
  *steps = (int)extent.dim[0];

  // All the others must be as long.
  snprintf(name, sizeof name, "episode_%d/observations", id);
  TRY(shard_array_check(file, name, observations_extent(s, *steps), path));
  snprintf(name, sizeof name, "episode_%d/actions", id);
  return shard_array_check(file, name, actions_extent(s, *steps), path);
}

static status listing_shard(listing *l, const char *directory, int shard, const data_spec *s,
                            const data_provenance *p) {
  file_path path = shard_path(directory, shard);
  struct stat facts;
  H5G_info_t info = {0};
  int first = l->count;

  TRY(shard_verify_own(directory, shard));  // HDF5 is shown no damaged file
  hid_t file = h5_file_open(path.text);
  if (file < 0 || stat(path.text, &facts) != 0 || H5Gget_info(file, &info) < 0) {
    if (file >= 0) H5Fclose(file);
    FAIL(BAD_FILE, "%s: is missing or damaged; run collect again", path.text);
  }

  l->megabytes += (double)facts.st_size / 1e6;

  // Its groups are taken for episodes that follow the last shard's: an id that is missing is named.
  status done = OK;
  for (hsize_t i = 0; i < info.nlinks && done == OK; i++) {
    int steps = 0;
    done = listing_episode(&steps, file, l->count, s, path.text);
    if (done == OK) listing_add(l, steps, shard);
  }

  H5Fclose(file);
  return done == OK ? shard_identity_read(&l->hashes[shard], directory, shard, first, l->count - first, p) : done;
}

// --- main_data.hdf5 -------------------------------------------------------------------------------------------------

static status finish_links(hid_t file, const listing *l, const data_provenance *p) {
  for (int i = 0; i < l->count; i++) {
    char name[32], target[32];
    snprintf(name, sizeof name, "episode_%d", i);
    snprintf(target, sizeof target, "shard-%05d.hdf5", l->shard[i]);
    // By the shard's name alone: the directory can be moved.
    if (H5Lcreate_external(target, name, file, name, H5P_DEFAULT, H5P_DEFAULT) < 0)
      FAIL(NO_IO, "link %s cannot be written", name);
  }

  const int64_t episodes = l->count;
  TRY(h5_attribute_write(file, "total_episodes", H5T_NATIVE_INT64, &episodes));
  TRY(h5_attribute_write(file, "total_steps", H5T_NATIVE_INT64, &l->total_steps));
  return provenance_write(file, p);
}

static status finish_main(const char *directory, const listing *l, const data_provenance *p) {
  file_path path = path_join(directory, "main_data.hdf5"), temporary = temporary_path(path.text);
  hid_t file = h5_file_create(temporary.text);
  if (file < 0) FAIL(NO_IO, "%s: cannot be written: is its directory there, and writable?", path.text);

  // HDF5 fails without a reason: most often the disk is full.
  status s = finish_links(file, l, p);
  if (H5Fclose(file) < 0 && s == OK) s = status_fail(NO_IO, "closing it failed");
  if (s != OK) s = status_fail(NO_IO, "%s: cannot be written (is the disk full?): %s", path.text, status_message());

  if (s == OK) s = file_commit(temporary.text, path.text);
  if (s != OK) unlink(temporary.text);
  return s;
}

// --- metadata.json: as minari 0.5 reads it --------------------------------------------------------------------------

// A bound of a Box: one number per element, nested by dimension.
static void box_bound_add(text_buffer *t, const int *dim, int rank, const char *value) {
  if (rank == 0) {
    text_add(t, "%s", value);
    return;
  }

  // a dimension is a list of what the others make
  text_add(t, "[");
  for (int i = 0; i < dim[0]; i++) {
    if (i) text_add(t, ", ");
    box_bound_add(t, dim + 1, rank - 1, value);
  }
  text_add(t, "]");
}

// A gymnasium Box in minari's words: JSON inside a JSON text.
static void box_add(text_buffer *json, const char *key, const int *dim, int rank, const char *dtype, const char *low,
                    const char *high) {
  text_buffer t = {0};
  text_add(&t, "{\"type\": \"Box\", \"dtype\": \"%s\", \"shape\": [", dtype);
  for (int i = 0; i < rank; i++) text_add(&t, "%s%d", i ? ", " : "", dim[i]);

  // gymnasium wants bounds for each element, not one for all
  text_add(&t, "], \"low\": ");
  box_bound_add(&t, dim, rank, low);
  text_add(&t, ", \"high\": ");
  box_bound_add(&t, dim, rank, high);
  text_add(&t, "}");

  json_text(json, key, t.bytes);
  text_free(&t);
}

static void name_words_add(text_buffer *t, const char *words) {
  for (; *words; words++) text_add(t, "%c", isalnum((unsigned char)*words) ? *words : '-');
}

// minari's names are namespace/name-v0 from letters, digits, - and _: dreamfarm/takecover/hold-random-v1.
static void name_add(text_buffer *json, const data_provenance *p) {
  text_buffer t = {0};
  int version = atoi(p->version);

  // the same environment played by another policy is another dataset
  text_add(&t, "dreamfarm/");
  name_words_add(&t, p->environment);
  text_add(&t, "/");
  name_words_add(&t, p->policy);
  text_add(&t, "-v%d", version > 0 ? version : 0);

  json_text(json, "dataset_id", t.bytes);
  text_free(&t);
}

static status finish_metadata(const char *directory, const listing *l, const data_spec *s, const data_provenance *p) {
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_number(&t, "total_episodes", l->count);
  json_number(&t, "total_steps", (double)l->total_steps);
  json_number(&t, "dataset_size", (double)(int64_t)(l->megabytes * 10 + 0.5) / 10);

  json_text(&t, "data_format", "hdf5");
  json_bool(&t, "jpeg_encoding", false);

  // What an observation and an action may be, as gymnasium would say it.
  if (s->pixels) box_add(&t, "observation_space", s->shape, 3, "uint8", "0", "255");
  else box_add(&t, "observation_space", s->shape, 1, "float32", "-Infinity", "Infinity");
  box_add(&t, "action_space", &s->actions, 1, "float32", "-1.0", "1.0");

  name_add(&t, p);
  json_text(&t, "algorithm_name", p->policy);
  json_text(&t, "minari_version", "0.5.4");
  json_close(&t, '}');

  status done = file_write(path_join(directory, "metadata.json").text, t.bytes, t.size);
  text_free(&t);
  return done;
}

// --- the index ------------------------------------------------------------------------------------------------------

static status finish_index(const char *directory, const data_spec *s, const data_provenance *p, const listing *l) {
  const uint64_t values[6] = {s->pixels,
                              (uint64_t)s->shape[0],
                              (uint64_t)s->shape[1],
                              (uint64_t)s->shape[2],
                              (uint64_t)s->actions,
                              p->seed};
  char numbers[6][24];
  for (int i = 0; i < 6; i++) snprintf(numbers[i], sizeof numbers[i], "%" PRIu64, values[i]);

  // Metadata is text.
  const char *const pairs[] = {"format",   INDEX_FORMAT, "environment", p->environment, "version", p->version,
                               "policy",   p->policy,    "pixels",      numbers[0],     "rows",    numbers[1],
                               "columns",  numbers[2],   "channels",    numbers[3],     "actions", numbers[4],
                               "seed",     numbers[5]};
  const int count = (int)(sizeof pairs / sizeof *pairs / 2);

  const data_tensor tensors[] = {
      {.name = "steps", .type = DATA_I32, .rank = 1, .dim = {l->count}, .bytes = l->steps},
      {.name = "shard", .type = DATA_I32, .rank = 1, .dim = {l->count}, .bytes = l->shard},
      {.name = "hashes", .type = DATA_U8, .rank = 2, .dim = {l->shards, sizeof *l->hashes}, .bytes = l->hashes}};
  return data_tensors_write(path_join(directory, INDEX_NAME).text, tensors, 3, pairs, count);
}

status data_finish(const char *directory, int shards, const data_spec *s, const data_provenance *p) {
  CHECK(shards > 0, "a dataset of %d shards", shards);
  h5_quiet();
  listing l = {.shards = shards, .hashes = mem_take((size_t)shards, sizeof *l.hashes)};

  // The index comes last: it says that all the rest stands.
  status done = OK;
  for (int i = 0; i < shards && done == OK; i++) done = listing_shard(&l, directory, i, s, p);
  if (done == OK) done = finish_main(directory, &l, p);
  if (done == OK) done = finish_metadata(directory, &l, s, p);
  if (done == OK) done = finish_index(directory, s, p, &l);

  listing_free(&l);
  return done;
}

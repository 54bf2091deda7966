// Reading finished folders of episodes as one dataset, an episode at a time. A shard's bytes are checked against its
// hash when it is first read: hashing all of a large dataset at every start would take minutes.

#include <string.h>

#include "minari.h"
#include "shard.h"

struct dataset {
  folder *folders;    // (count)
  int *first;         // (count + 1)  of each folder's episodes; the last: how many there are in all
  int count;
  hid_t file;         // the open shard, -1: none
  const folder *open_folder;
  int open_shard;
  data_episode room;  // reused for every episode that is read
  int room_steps;     // that it has memory for
};

// --- opening --------------------------------------------------------------------------------------------------------

static bool dataset_spec_equal(const data_spec *a, const data_spec *b) {
  return a->pixels == b->pixels && a->actions == b->actions && memcmp(a->shape, b->shape, sizeof a->shape) == 0;
}

// "takecover, frames of 64 x 64 x 3, actions of 1"
static void dataset_folder_show(char *words, size_t size, const folder *f) {
  const data_spec *s = &f->spec;
  const char *environment = f->provenance.environment;
  if (s->pixels)
    text_print(words, size, "%s, frames of %d x %d x %d, actions of %d", environment, s->shape[0], s->shape[1],
               s->shape[2], s->actions);
  else
    text_print(words, size, "%s, states of %d, actions of %d", environment, s->shape[0], s->actions);
}

// Who acted may differ from folder to folder, and by what luck; where, and what there was to be seen, may not.
static status dataset_folder_check(const folder *f, const folder *first) {
  char found[128], wanted[128];
  bool same = strcmp(f->provenance.environment, first->provenance.environment) == 0;
  if (same && dataset_spec_equal(&f->spec, &first->spec)) return OK;

  dataset_folder_show(found, sizeof found, f);
  dataset_folder_show(wanted, sizeof wanted, first);
  FAIL(MISMATCH, "%s holds episodes of %s, but %s of %s; one dataset is of one environment: leave one of them out",
       f->directory.text, found, first->directory.text, wanted);
}

static status dataset_folder_add(dataset *d, const char *directory) {
  folder *f = &d->folders[d->count];
  status opened = folder_open(f, directory);

  // Counted even where it is refused: then it is closed with the others.
  d->first[d->count + 1] = d->first[d->count] + f->count;
  d->count++;

  TRY(opened);
  TRY(dataset_folder_check(f, &d->folders[0]));
  if (d->first[d->count] > 1 << 30)
    FAIL(BAD_FILE, "%s: makes %d episodes of the dataset, more than there may be; leave it out", directory,
         d->first[d->count]);
  return OK;
}

status data_open_all(dataset **out, const char *const *directories, int count) {
  CHECK(count >= 1, "a dataset of %d folders", count);
  h5_quiet();
  dataset *d = mem_take(1, sizeof *d);
  *d = (dataset){.folders = mem_take((size_t)count, sizeof(folder)),
                 .first = mem_take((size_t)count + 1, sizeof(int)),
                 .file = -1};

  // the first folder that is bad ends it, with its own sentence
  status s = OK;
  for (int i = 0; i < count && s == OK; i++) s = dataset_folder_add(d, directories[i]);
  if (s != OK) data_close(d);
  else *out = d;
  return s;
}

status data_open_any(dataset **out, const char *directory, const char *keys) {
  h5_quiet();
  dataset *d = mem_take(1, sizeof *d);
  *d = (dataset){.folders = mem_take(1, sizeof(folder)), .first = mem_take(2, sizeof(int)), .count = 1, .file = -1};
  status s = folder_open_any(&d->folders[0], directory, keys);
  d->first[1] = d->folders[0].count;
  if (s == OK) *out = d;
  else data_close(d);
  return s;
}

status data_open(dataset **d, const char *directory) { return data_open_all(d, &directory, 1); }

void data_close(dataset *d) {
  if (!d) return;
  if (d->file >= 0) H5Fclose(d->file);

  // valid after any failure of data_open_all: only what was opened is counted
  for (int i = 0; i < d->count; i++) folder_close(&d->folders[i]);
  data_episode_free(&d->room);
  mem_free(d->folders);
  mem_free(d->first);
  mem_free(d);
}

// --- what is in it ---------------------------------------------------------------------------------------------------

// There are a few, as many as rounds.
static folder *dataset_folder_of(const dataset *d, int episode, int *within) {
  CHECK(episode >= 0 && episode < data_count(d), "episode %d of %d", episode, data_count(d));
  int i = 0;
  while (episode >= d->first[i + 1]) i++;
  *within = episode - d->first[i];
  return &d->folders[i];
}

int data_count(const dataset *d) { return d->first[d->count]; }

int data_steps(const dataset *d, int episode) {
  int within;
  const folder *f = dataset_folder_of(d, episode, &within);
  return f->steps[within];
}

const data_spec *data_spec_of(const dataset *d) { return &d->folders[0].spec; }
const data_provenance *data_provenance_of(const dataset *d) { return &d->folders[0].provenance; }

int data_folders(const dataset *d) { return d->count; }

data_folder data_folder_at(const dataset *d, int i) {
  CHECK(i >= 0 && i < d->count, "folder %d of %d", i, d->count);
  const folder *f = &d->folders[i];
  return (data_folder){.directory = f->directory.text,
                       .provenance = &f->provenance,
                       .first = d->first[i],
                       .count = f->count};
}

hash data_hash(const dataset *d) {
  int shards = 0;
  for (int i = 0; i < d->count; i++) shards += d->folders[i].shards;

  // of the shards' hashes in order: no byte of data is read
  hash *all = mem_take((size_t)shards, sizeof *all), *to = all;
  for (int i = 0; i < d->count; i++) {
    const folder *f = &d->folders[i];
    memcpy(to, f->hashes, (size_t)f->shards * sizeof *to);
    to += f->shards;
  }

  hash joined = hash_join(all, shards);
  mem_free(all);
  return joined;
}

static void dataset_space_show(text_buffer *t, const data_spec *s) {
  if (s->pixels) text_add(t, "Box(%d x %d x %d) uint8", s->shape[0], s->shape[1], s->shape[2]);
  else text_add(t, "Box(%d) float32", s->shape[0]);
}

void data_origin_of(data_origin *o, const dataset *d) {
  const folder *f = &d->folders[0];
  text_buffer observations = {0}, actions = {0};
  const minari_metadata *said = f->others ? minari_metadata_of(f->others) : NULL;
  *o = (data_origin){.ours = !said};
  if (said) {
    text_print(o->name, sizeof o->name, "%s", said->name);
    text_print(o->writer, sizeof o->writer, "%s%s", *said->writer ? "minari " : "", said->writer);
    minari_observations_show(f->others, &observations);
    minari_actions_show(f->others, &actions);
  } else {
    dataset_space_show(&observations, &f->spec);
    text_add(&actions, "Box(%d) float32", f->spec.actions);
    text_print(o->writer, sizeof o->writer, "dreamfarm");
  }
  text_print(o->observations, sizeof o->observations, "%s", observations.bytes);
  text_print(o->actions, sizeof o->actions, "%s", actions.bytes);
  text_free(&observations);
  text_free(&actions);
}

status data_fingerprint(hash *out, const char *directory) {
  file_path index = path_join(directory, INDEX_NAME), episodes;
  // the index has the shards' hashes
  if (file_exists(index.text)) return hash_file(out, index.text);
  if (!minari_find(&episodes, directory)) FAIL(NO_IO, "%s: holds no data set", directory);

  hash parts[2] = {{"none"}, {"none"}};
  char beside[PATH_MAX_LENGTH];
  snprintf(beside, sizeof beside, "%s", episodes.text);
  *strrchr(beside, '/') = 0;
  file_path said = path_join(beside, "metadata.json");
  TRY(hash_file(&parts[0], episodes.text));
  if (file_exists(said.text)) TRY(hash_file(&parts[1], said.text));
  *out = hash_join(parts, 2);
  return OK;
}

// --- reading --------------------------------------------------------------------------------------------------------

static status dataset_shard_open(dataset *d, folder *f, int shard) {
  const char *directory = f->directory.text;
  if (d->file >= 0 && d->open_folder == f && d->open_shard == shard) return OK;
  if (d->file >= 0) H5Fclose(d->file);
  d->file = -1;

  // Once per dataset that is open: the hash of a shard takes as long as reading all of it.
  if (!f->verified[shard]) TRY(shard_verify(directory, shard, f->hashes[shard]));
  f->verified[shard] = true;

  d->file = h5_file_open(shard_path(directory, shard).text);
  if (d->file < 0) FAIL(BAD_FILE, "%s: cannot be opened as HDF5", shard_path(directory, shard).text);
  d->open_folder = f;
  d->open_shard = shard;
  return OK;
}

// With a quarter to spare when it grows: lengths differ, and memory is to be taken seldom.
static void dataset_room_grow(dataset *d, int steps) {
  if (steps <= d->room_steps) return;
  d->room_steps = steps + (d->room_steps ? steps / 4 : 0);
  data_episode_free(&d->room);
  data_episode_take(&d->room, data_spec_of(d), d->room_steps);
}

// The name of the first array that cannot be read, or NULL.
static const char *dataset_episode_fill(hid_t group, const data_spec *s, data_episode *e) {
  const h5_extent frames = observations_extent(s, e->steps);
  const h5_extent actions = actions_extent(s, e->steps);
  const h5_extent steps = steps_extent(e->steps);
  hid_t element = s->pixels ? H5T_NATIVE_UINT8 : H5T_NATIVE_FLOAT;

  // by minari's names
  if (!h5_attribute_read(group, "seed", H5T_NATIVE_UINT64, &e->seed)) return "seed";
  if (!h5_values_read(group, "observations", element, frames, e->observations)) return "observations";
  if (!h5_values_read(group, "actions", H5T_NATIVE_FLOAT, actions, e->actions)) return "actions";
  if (!h5_values_read(group, "rewards", H5T_NATIVE_DOUBLE, steps, e->rewards)) return "rewards";
  if (!h5_flags_read(group, "terminations", steps, e->terminated)) return "terminations";
  if (!h5_flags_read(group, "truncations", steps, e->truncated)) return "truncations";
  return NULL;
}

// Before there is memory for it.
static status dataset_episode_check(const dataset *d, int within) {
  const folder *f = d->open_folder;
  const data_spec *s = &f->spec;
  int steps = f->steps[within];
  file_path path = shard_path(f->directory.text, d->open_shard);
  const struct { const char *name; h5_extent extent; } arrays[] = {
      {.name = "observations", .extent = observations_extent(s, steps)},
      {.name = "actions", .extent = actions_extent(s, steps)},
      {.name = "rewards", .extent = steps_extent(steps)},
      {.name = "terminations", .extent = steps_extent(steps)},
      {.name = "truncations", .extent = steps_extent(steps)}};

  // the folder's index says how many steps: a damaged file must not choose how much is read
  for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
    char name[64];
    snprintf(name, sizeof name, "episode_%d/%s", within, arrays[i].name);
    TRY(shard_array_check(d->file, name, arrays[i].extent, path.text));
  }
  return OK;
}

static status dataset_episode_read(dataset *d, int within) {
  const folder *f = d->open_folder;
  char name[32];
  snprintf(name, sizeof name, "episode_%d", within);
  d->room.steps = f->steps[within];

  // The index says how many steps there must be; whatever has another size is refused by its name.
  hid_t group = h5_group_open(d->file, name);
  const char *bad = group >= 0 ? dataset_episode_fill(group, &f->spec, &d->room) : "all of it";
  if (group >= 0) H5Gclose(group);

  if (bad)
    FAIL(BAD_FILE, "%s: %s: %s is missing, damaged or has another size; run collect again",
         shard_path(f->directory.text, d->open_shard).text, name, bad);
  return OK;
}

status data_read(dataset *d, int episode, data_episode *out) {
  int within;
  folder *f = dataset_folder_of(d, episode, &within);

  if (f->others) {
    dataset_room_grow(d, f->steps[within]);
    TRY(minari_read(f->others, within, &d->room));
    *out = d->room;
    return OK;
  }

  // checked, then room, then read: the caller's pointer is valid until the next call
  TRY(dataset_shard_open(d, f, f->shard[within]));
  TRY(dataset_episode_check(d, within));
  dataset_room_grow(d, f->steps[within]);
  TRY(dataset_episode_read(d, within));

  d->room.id = episode;
  *out = d->room;
  return OK;
}

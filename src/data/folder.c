// A folder of episodes by its index: what is in it, and whether its shards can hold that.

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "minari.h"
#include "shard.h"

static status folder_spec_read(folder *f, const data_source *from) {
  static const char *const keys[] = {"rows", "columns", "channels", "actions"};
  uint64_t pixels, values[4];
  TRY(data_whole_wanted(&pixels, from, "pixels", 0, 1));

  // A state has one dimension: its columns and channels are 0.
  for (int i = 0; i < 4; i++) {
    bool used = pixels || i == 0 || i == 3;
    TRY(data_whole_wanted(&values[i], from, keys[i], used, 1 << 16));
  }
  f->spec = (data_spec){.pixels = pixels != 0,
                        .shape = {(int)values[0], (int)values[1], (int)values[2]},
                        .actions = (int)values[3]};
  return OK;
}

static status folder_provenance_read(data_provenance *p, const data_source *from) {
  static const char *const keys[] = {"environment", "version", "policy"};
  char *const to[] = {p->environment, p->version, p->policy};
  // A name that is too long is cut: it is compared with nothing but our own, which are short.
  for (int i = 0; i < 3; i++) {
    const char *word;
    TRY(data_text_wanted(&word, from, keys[i]));
    snprintf(to[i], sizeof p->environment, "%.63s", word);
  }

  return data_whole_wanted(&p->seed, from, "seed", 0, UINT64_MAX);
}

static void *folder_list_copy(const data_tensor *t) {
  size_t bytes = data_tensor_bytes(t);
  return memcpy(mem_take(bytes, 1), t->bytes, bytes);
}

static status folder_lists_read(folder *f, const data_source *from) {
  const data_tensor *steps, *shard, *hashes;
  TRY(data_tensor_wanted(&steps, from, "steps", DATA_I32, data_vector(DATA_ANY)));
  TRY(data_tensor_wanted(&shard, from, "shard", DATA_I32, data_vector(steps->dim[0])));
  TRY(data_tensor_wanted(&hashes, from, "hashes", DATA_U8, data_matrix(DATA_ANY, sizeof(hash))));
  bool fit = steps->dim[0] > 0 && steps->dim[0] < 1 << 30 && hashes->dim[0] > 0 && hashes->dim[0] < 1 << 24;
  if (!fit)
    FAIL(BAD_FILE, "%s: it lists %lld episodes in %lld shards; %s", from->path, (long long)steps->dim[0],
         (long long)hashes->dim[0], from->remedy);

  f->count = (int)steps->dim[0];
  f->shards = (int)hashes->dim[0];
  f->steps = folder_list_copy(steps);
  f->shard = folder_list_copy(shard);
  f->hashes = folder_list_copy(hashes);
  f->verified = mem_take((size_t)f->shards, sizeof *f->verified);

  // Whatever stands there, everything that follows may index by it.
  for (int i = 0; i < f->shards; i++) f->hashes[i].hex[32] = 0;
  for (int i = 0; i < f->count; i++)
    if (f->steps[i] < 1 || f->steps[i] > 1 << 30 || f->shard[i] < 0 || f->shard[i] >= f->shards)
      FAIL(BAD_FILE, "%s: episode %d is listed with %d steps in shard %d; %s", from->path, i, f->steps[i], f->shard[i],
           from->remedy);
  return OK;
}

// Nobody is to take memory for more steps than a shard can hold: those numbers that are stored as they are take 10
// bytes a step and 4 an action, and DEFLATE makes at most 1032 bytes of one.
static status folder_shard_check(const folder *f, int shard, double frames) {
  file_path path = shard_path(f->directory.text, shard);
  struct stat facts;
  if (stat(path.text, &facts) != 0) FAIL(BAD_FILE, "%s: is missing; run collect again", path.text);
  if (!S_ISREG(facts.st_mode)) FAIL(BAD_FILE, "%s: is not a regular file; remove it and run collect again", path.text);

  // What the file holds at least, if the index is right.
  double plain = frames * (10 + 4.0 * f->spec.actions);
  double packed = frames * (double)data_observation_bytes(&f->spec) / 1032;
  if (plain > (double)facts.st_size || packed > (double)facts.st_size)
    FAIL(BAD_FILE, "%s: has %lld bytes, too few for the %.0f steps that %s lists; run collect again", path.text,
         (long long)facts.st_size, frames, INDEX_NAME);
  return OK;
}

static status folder_shards_check(const folder *f) {
  double *frames = mem_take((size_t)f->shards, sizeof *frames);
  for (int i = 0; i < f->count; i++) frames[f->shard[i]] += f->steps[i];

  status s = OK;
  for (int i = 0; i < f->shards && s == OK; i++) s = folder_shard_check(f, i, frames[i]);
  mem_free(frames);
  return s;
}

static status folder_index_read(folder *f) {
  const char *directory = f->directory.text;
  file_path path = path_join(directory, INDEX_NAME);
  data_tensors *index;
  // The index is written last: without it nobody knows which shards belong to the dataset.
  if (!file_exists(path.text))
    FAIL(BAD_FILE, "%s: is missing: the dataset %s; run collect again", path.text,
         file_exists(directory) ? "is incomplete" : "has no directory either");

  TRY(data_tensors_read(&index, path.text));
  const data_source from = {.file = index, .path = path.text, .remedy = "run collect again"};
  status s = data_format_wanted(&from, INDEX_FORMAT);
  if (s == OK) s = folder_spec_read(f, &from);
  if (s == OK) s = folder_provenance_read(&f->provenance, &from);
  if (s == OK) s = folder_lists_read(f, &from);
  data_tensors_close(index);
  return s == OK ? folder_shards_check(f) : s;
}

status folder_open(folder *f, const char *directory) {
  *f = (folder){.directory = path_join("", "%s", directory)};
  return folder_index_read(f);
}

// The path as it was named, and what is not said is not known.
static status folder_open_others(folder *f, const char *directory, const char *keys) {
  *f = (folder){.directory = path_join("", "%s", directory)};
  TRY(minari_open(&f->others, directory, keys));
  f->spec = *minari_spec_of(f->others);
  f->count = minari_count(f->others);
  f->steps = mem_take((size_t)f->count, sizeof *f->steps);
  f->shard = mem_take((size_t)f->count, sizeof *f->shard);
  for (int i = 0; i < f->count; i++) f->steps[i] = minari_steps(f->others, i);

  const minari_metadata *said = minari_metadata_of(f->others);
  data_provenance *p = &f->provenance;
  text_print(p->environment, sizeof p->environment, "%s", *said->environment ? said->environment : "unknown");
  text_print(p->version, sizeof p->version, "%s", "");
  text_print(p->policy, sizeof p->policy, "%s", *said->algorithm ? said->algorithm : "unknown");
  return OK;
}

status folder_open_any(folder *f, const char *directory, const char *keys) {
  if (!file_exists(path_join(directory, INDEX_NAME).text)) return folder_open_others(f, directory, keys);
  TRY(folder_open(f, directory));
  if (!*keys) return OK;
  FAIL(BAD_FILE, "%s: its observations have no keys, but collect.keys is %s; leave that out", directory, keys);
}

void folder_close(folder *f) {
  minari_close(f->others);
  mem_free(f->steps);
  mem_free(f->shard);
  mem_free(f->hashes);
  mem_free(f->verified);
}

// A dataset as V sees it: (mu, logvar) of every frame, block by block in safetensors files, so that M trains without
// looking at pixels again. Blocks that are there and belong to this V and dataset are kept.

#include <math.h>
#include <string.h>

#include "parts.h"

#define FORMAT "dreamfarm-latents-1"
#define LOOK_AT_ONCE 64

static file_path block_path(const char *directory, int block) {
  return path_join(directory, "latents-%05d.safetensors", block);
}

static int block_count(const dataset *d) { return (data_count(d) + LATENT_BLOCK - 1) / LATENT_BLOCK; }

static int block_end(const dataset *d, int block) {
  int end = (block + 1) * LATENT_BLOCK;
  return end < data_count(d) ? end : data_count(d);
}

static int64_t block_steps(const dataset *d, int block) {
  int64_t steps = 0;
  for (int e = block * LATENT_BLOCK; e < block_end(d, block); e++) steps += data_steps(d, e);
  return steps;
}

static int64_t block_frames(const dataset *d, int block) {  // an episode has one frame more than steps
  return block_steps(d, block) + block_end(d, block) - block * LATENT_BLOCK;
}

static bool block_says(const data_tensors *f, const char *key, const char *wanted) {
  const char *found = data_tensors_metadata(f, key);
  return found && strcmp(found, wanted) == 0;
}

// Why a block cannot be used, or NULL.
static const char *block_mismatch(const data_tensors *f, const char *vae_hash, const dataset *d) {
  if (!block_says(f, "format", FORMAT)) return "it was not written by this version";
  if (!block_says(f, "vae", vae_hash)) return "it was made by another V";
  if (!block_says(f, "dataset", data_hash(d).hex)) return "it was made from another dataset";
  return NULL;
}

// --- writing ---------------------------------------------------------------------------------------------------------

typedef struct encoder {
  const world *w;  // NULL: the observation is the latent
  world_eye *eye;
  dataset *d;
  int Z, A;
  const char *vae_hash, *directory;
  const train_watch *watch;
} encoder;

static void encode_frames(encoder *c, float *mu, float *logvar, const void *observations, int frames) {
  size_t bytes = data_observation_bytes(data_spec_of(c->d));
  // Without V the observation is the latent, exactly: its variance is nothing.
  if (!c->w) {
    memcpy(mu, observations, (size_t)frames * bytes);
    for (int i = 0; i < frames * c->Z; i++) logvar[i] = -INFINITY;
    return;
  }

  for (int from = 0; from < frames; from += LOOK_AT_ONCE) {
    int n = frames - from < LOOK_AT_ONCE ? frames - from : LOOK_AT_ONCE;
    size_t at = (size_t)from * c->Z;
    world_eye_look(c->eye, mu + at, logvar + at, (const char *)observations + (size_t)from * bytes, n);
  }
}

typedef struct block_arrays {
  arena *memory;
  float *mu, *logvar, *actions, *rewards;
  uint8_t *terminated;
  int64_t frames, steps;
} block_arrays;

static status block_fill(block_arrays *a, encoder *c, int block) {
  for (int i = block * LATENT_BLOCK; i < block_end(c->d, block); i++) {
    data_episode e;
    if (c->watch->alive) c->watch->alive(c->watch->self);

    TRY(data_read(c->d, i, &e));
    encode_frames(c, a->mu + a->frames * c->Z, a->logvar + a->frames * c->Z, e.observations, e.steps + 1);

    memcpy(a->actions + a->steps * c->A, e.actions, (size_t)e.steps * c->A * sizeof(float));
    memcpy(a->terminated + a->steps, e.terminated, (size_t)e.steps);
    // M learns in float32.
    for (int t = 0; t < e.steps; t++) a->rewards[a->steps + t] = (float)e.rewards[t];

    a->frames += e.steps + 1;
    a->steps += e.steps;
  }
  return OK;
}

static status block_save(const block_arrays *a, const encoder *c, int block) {
  const data_tensor tensors[] = {
      {.name = "mu", .type = DATA_F32, .rank = 2, .dim = {a->frames, c->Z}, .bytes = a->mu},
      {.name = "logvar", .type = DATA_F32, .rank = 2, .dim = {a->frames, c->Z}, .bytes = a->logvar},
      {.name = "actions", .type = DATA_F32, .rank = 2, .dim = {a->steps, c->A}, .bytes = a->actions},
      {.name = "rewards", .type = DATA_F32, .rank = 1, .dim = {a->steps}, .bytes = a->rewards},
      {.name = "terminated", .type = DATA_U8, .rank = 1, .dim = {a->steps}, .bytes = a->terminated}};

  // What the latents were made from and by whom: block_mismatch asks for it.
  hash of = data_hash(c->d);
  const char *const pairs[] = {"format", FORMAT, "vae", c->vae_hash, "dataset", of.hex};
  return data_tensors_write(block_path(c->directory, block).text, tensors, 5, pairs, 3);
}

static status block_encode(encoder *c, int block) {
  int64_t steps = block_steps(c->d, block), frames = block_frames(c->d, block);
  block_arrays a = {.memory = arena_open()};

  // All of a block in memory at once: it is written whole or not at all.
  a.mu = ARENA_NEW(a.memory, float, frames * c->Z);
  a.logvar = ARENA_NEW(a.memory, float, frames * c->Z);
  a.actions = ARENA_NEW(a.memory, float, steps * c->A);
  a.rewards = ARENA_NEW(a.memory, float, steps);
  a.terminated = ARENA_NEW(a.memory, uint8_t, steps);

  status s = block_fill(&a, c, block);
  if (s == OK) s = block_save(&a, c, block);
  arena_close(a.memory);
  return s;
}

static bool block_good(const encoder *c, int block) {
  file_path p = block_path(c->directory, block);
  data_tensors *f;
  if (!file_exists(p.text) || data_tensors_read(&f, p.text) != OK) return false;
  bool good = block_mismatch(f, c->vae_hash, c->d) == NULL;
  data_tensors_close(f);
  return good;
}

static status encode_share(encoder *c, const train_team *team) {
  const train_watch *watch = c->watch;
  int blocks = block_count(c->d);
  for (int b = team->rank; b < blocks; b += team->size) {
    // Blocks are files of their own: those that another run finished are kept.
    if (!block_good(c, b)) TRY(block_encode(c, b));
    if (team->rank == 0) watch->progress(watch->self, b + 1, blocks, (double)NAN);

    if (watch->stop && watch->stop(watch->self)) FAIL(INTERRUPTED, "encoding was stopped; finished files are kept");
  }
  return OK;
}

static status encoder_open(encoder *c, world **w, const char *vae_path, hash *vae) {
  const data_spec *spec = data_spec_of(c->d);
  c->A = spec->actions;
  c->Z = spec->shape[0];
  c->vae_hash = "none";

  TRY(dir_make(c->directory));
  // The environment's observation, or what V makes of it.
  if (!vae_path && spec->pixels) FAIL(MISMATCH, "the dataset holds pictures, not states; run collect again");
  if (!vae_path) return OK;
  TRY(train_pictures_check(c->d));
  TRY(world_open_eye(w, vae_path));
  TRY(hash_file(vae, vae_path));

  c->w = *w;
  c->Z = world_shape_of(*w)->Z;
  c->vae_hash = vae->hex;
  c->eye = world_eye_open(*w, LOOK_AT_ONCE);
  return OK;
}

status train_encode(const char *vae_path, dataset *d, const char *directory, const train_team *team,
                    const train_watch *watch) {
  encoder c = {.d = d, .directory = directory, .watch = watch};
  world *w = NULL;
  hash vae;

  // Collective: whoever fails is heard by all before anybody begins.
  status s = team->agree(team->self, encoder_open(&c, &w, vae_path, &vae));
  if (s == OK) s = team->agree(team->self, team->rank == 0 && watch->begin ? watch->begin(watch->self) : OK);
  if (s == OK) s = team->agree(team->self, encode_share(&c, team));

  world_eye_close(c.eye);
  world_close(w);
  return s;
}

// --- reading ---------------------------------------------------------------------------------------------------------

struct latents {
  arena *memory;
  int count, Z, A;
  latent_episode *episodes;  // (count)  steps == 0: another rank's
};

typedef struct block_view {
  const float *mu, *logvar, *actions, *rewards;
  const uint8_t *terminated;
} block_view;

static status block_look(block_view *v, const data_source *from, const latents *l, int64_t frames, int64_t steps) {
  TRY(data_f32_wanted(&v->mu, from, "mu", data_matrix(frames, l->Z)));
  TRY(data_logs_wanted(&v->logvar, from, "logvar", data_matrix(frames, l->Z)));
  TRY(data_f32_wanted(&v->actions, from, "actions", data_matrix(steps, l->A)));
  TRY(data_f32_wanted(&v->rewards, from, "rewards", data_vector(steps)));
  return data_u8_wanted(&v->terminated, from, "terminated", data_vector(steps));
}

static void *latents_keep(arena *a, const void *values, size_t bytes) {
  return memcpy(arena_take(a, bytes, 1), values, bytes);
}

static void latents_episode_keep(latents *l, int episode, int steps, const block_view *v, int64_t frame, int64_t step) {
  size_t n = (size_t)steps, latent = (n + 1) * (size_t)l->Z * sizeof(float), acted = n * (size_t)l->A * sizeof(float);
  arena *a = l->memory;

  l->episodes[episode] = (latent_episode){.steps = steps,
                                          .mu = latents_keep(a, v->mu + frame * l->Z, latent),
                                          .logvar = latents_keep(a, v->logvar + frame * l->Z, latent),
                                          .actions = latents_keep(a, v->actions + step * l->A, acted),
                                          .rewards = latents_keep(a, v->rewards + step, n * sizeof(float)),
                                          .terminated = latents_keep(a, v->terminated + step, n)};
}

static status block_read(latents *l, const data_source *from, const dataset *d, int block, const train_team *team) {
  int64_t frame = 0, step = 0;
  block_view v;
  TRY(block_look(&v, from, l, block_frames(d, block), block_steps(d, block)));

  // Episodes stand one after the other; the other ranks' are stepped over.
  for (int e = block * LATENT_BLOCK; e < block_end(d, block); e++) {
    int n = data_steps(d, e);
    if (e % team->size == team->rank) latents_episode_keep(l, e, n, &v, frame, step);
    frame += n + 1;
    step += n;
  }
  return OK;
}

static status latents_read(latents *l, const char *directory, const dataset *d, const char *vae_hash,
                           const train_team *team) {
  for (int b = 0; b < block_count(d); b++) {
    file_path p = block_path(directory, b);
    data_tensors *f;
    if (!file_exists(p.text)) FAIL(BAD_FILE, "%s: is missing; run encode again", p.text);
    TRY(data_tensors_read(&f, p.text));

    // One that belongs to something else is not damaged: encode would make it anew by itself.
    const data_source from = {.file = f, .path = p.text, .remedy = "remove the file and run encode again"};
    const char *why = block_mismatch(f, vae_hash, d);
    status s = why ? status_fail(MISMATCH, "%s: %s; encode the dataset again", p.text, why)
                   : block_read(l, &from, d, b, team);
    data_tensors_close(f);
    if (s != OK) return s;
  }
  return OK;
}

status latents_open(latents **out, const char *directory, const dataset *d, const char *vae_hash, int Z,
                    const train_team *team) {
  arena *memory = arena_open();
  latents *l = ARENA_NEW(memory, latents, 1);
  *l = (latents){.memory = memory, .count = data_count(d), .Z = Z, .A = data_spec_of(d)->actions};
  l->episodes = ARENA_NEW(memory, latent_episode, l->count);
  *out = l;
  return latents_read(l, directory, d, vae_hash, team);
}

void latents_close(latents *l) {
  if (l) arena_close(l->memory);
}

int latents_count(const latents *l) { return l->count; }

const latent_episode *latents_episode(const latents *l, int episode) {
  return l->episodes[episode].steps ? &l->episodes[episode] : NULL;
}

void latents_standardise(latents *l, const float *offset, const float *scale) {
  for (int e = 0; e < l->count; e++) {
    float *mu = (float *)l->episodes[e].mu;  // ours: const is for the readers
    if (!l->episodes[e].steps) continue;
    for (int i = 0; i < (l->episodes[e].steps + 1) * l->Z; i++) mu[i] = (mu[i] - offset[i % l->Z]) * scale[i % l->Z];
  }
}

// The run directory: where things land, and which stages are complete, by the hash of all that decides their result.

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app.h"
#include "lock.h"

#define LOCK_PATIENCE 15.0  // seconds: the ranks of an mpirun that was killed take a few to end

file_path run_path(const app *a, const char *name) { return path_join(a->s.run.directory, "%s", name); }

// Held until the process ends.
status run_lock(const app *a) {
  int fd;
  const char *directory = a->s.run.directory;
  return lock_take(&fd, run_path(a, "lock").text, LOCK_PATIENCE, "another dreamfarm works in %s", directory);
}

bool run_locked(const app *a) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int fd = open(run_path(a, "lock").text, O_RDWR | O_CLOEXEC);
  bool locked = fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  if (fd >= 0) close(fd);
  return locked;
}

// Knobs by prefix. Left out: what changes how fast, or how long, but not what (dream.lanes, evolve.generations).
static const char *const collect_knobs[] = {"run.seed", "environment.", "collect.episodes", "collect.policy", "collect.shard"};
static const char *const vae_knobs[] = {"vae.", "collect.held_out"};
static const char *const rnn_knobs[] = {"rnn.", "collect.held_out"};
static const char *const evolve_knobs[] = {"run.seed", "environment.", "controller.", "dream.temperature", "dream.cap", "dream.reward", "dream.precision",
                                           "evolve.strategy", "evolve.popsize", "evolve.episodes", "evolve.sigma0", "evolve.active", "evolve.common_random_numbers",
                                           "evolve.held_out_every", "evolve.held_out_episodes", "evolve.real_episodes", "evolve.uncertainty", "evolve.restarts",
                                           "evolve.doublings", "evolve.descents"};
static const char *const length_knobs[] = {"evolve.generations"};  // a longer search is the same search, not yet complete
static const char *const evaluate_knobs[] = {"evaluate."};

typedef struct stage_kind {
  const char *name;
  const char *const *knobs;
  int knob_count;
  const char *made_from[3];  // files of the run directory that decide the result too
  const char *result;
} stage_kind;
#define KNOBS(list) list, (int)(sizeof list / sizeof *list)
static const stage_kind kinds[STAGES] = {
    [STAGE_COLLECT] = {"collect", KNOBS(collect_knobs), {NULL}, "episodes/metadata.json"},
    [STAGE_VAE] = {"train-vae", KNOBS(vae_knobs), {"stages/collect", NULL}, "vae.safetensors"},
    [STAGE_ENCODE] = {"encode", NULL, 0, {"stages/collect", "vae.safetensors", NULL}, "latents/latents-00000.safetensors"},
    [STAGE_RNN] = {"train-rnn", KNOBS(rnn_knobs), {"stages/collect", "vae.safetensors", NULL}, "rnn.safetensors"},
    [STAGE_EVOLVE] = {"evolve", KNOBS(evolve_knobs), {"vae.safetensors", "rnn.safetensors", NULL}, "controller.safetensors"},
    [STAGE_EVALUATE] = {"evaluate", KNOBS(evaluate_knobs), {"controller.safetensors", NULL}, "evaluate.json"},
};

const char *stage_name(stage s) { return kinds[s].name; }

bool stage_needs_pixels(stage s) { return s == STAGE_VAE; }

hash stage_identity(const app *a, stage s) {
  const stage_kind *k = &kinds[s];
  hash parts[4] = {settings_hash(&a->s, k->knobs, k->knob_count)};
  for (int i = 0; k->made_from[i]; i++)
    if (hash_file(&parts[1 + i], run_path(a, k->made_from[i]).text) != OK) parts[1 + i] = (hash){"missing"};
  return hash_join(parts, 4);
}

// What a completed stage leaves behind: its identity, and how far it was asked to go.
static hash completion_of(const app *a, stage s) {
  hash parts[2] = {stage_identity(a, s)};
  if (s == STAGE_EVOLVE) parts[1] = settings_hash(&a->s, KNOBS(length_knobs));
  return hash_join(parts, 2);
}

static file_path mark_of(const app *a, stage s) { return path_join(a->s.run.directory, "stages/%s", kinds[s].name); }

bool stage_complete(const app *a, stage s) {
  char *bytes;
  size_t size;
  if (!file_exists(run_path(a, kinds[s].result).text) || !file_exists(mark_of(a, s).text)) return false;
  if (file_read(&bytes, &size, mark_of(a, s).text) != OK) return false;
  hash wanted = completion_of(a, s);
  bool same = size >= 32 && memcmp(bytes, wanted.hex, 32) == 0;
  mem_free(bytes);
  return same;
}

status stage_done(const app *a, stage s) {
  char line[64];
  int size = snprintf(line, sizeof line, "%s\n", completion_of(a, s).hex);
  TRY(dir_make(run_path(a, "stages").text));
  return file_write(mark_of(a, s).text, line, (size_t)size);
}

// The run directory: where things land, its lock, and what a killed process left half-written in it.

#include <fcntl.h>
#include <unistd.h>

#include "run.h"

#define LOCK_PATIENCE 15.0  // seconds: the ranks of an mpirun that was killed take a few to end

file_path run_path(const run_home *r, const char *name) { return path_join(r->s->run.directory, "%s", name); }

file_path run_whole(const run_home *r, const char *name) {
  return path_join(r->whole ? r->whole : r->s->run.directory, "%s", name);
}

file_path run_out(const run_home *r, const char *name) {
  return path_join(r->out ? r->out : r->s->run.directory, "%s", name);
}

// Held until the process ends.
status run_lock(const run_home *r) {
  int fd;
  const char *directory = r->s->run.directory;
  return lock_take(&fd, run_path(r, RUN_LOCK).text, LOCK_PATIENCE, "another dreamfarm works in %s", directory);
}

bool run_locked(const run_home *r) {
  int fd;
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  file_path path = run_path(r, RUN_LOCK);
  if (!file_exists(path.text) || file_open(&fd, path.text, O_RDWR | O_NOFOLLOW) != OK) return false;
  bool locked = fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
  close(fd);
  return locked;
}

// --- what a killed process left half-written -----------------------------------------------------------------------

void run_sweep(const run_home *r) {
  static const struct { const char *folder, *prefix; } ours[] = {
      {"", "config.yaml."},
      {"", "controller."},
      {"", "run.csv."},
      {"", "state.json."},
      {"", "progress.json."},
      {"", "train_"},
      {"", "vae."},
      {"", "rnn."},
      {"", "fidelity"},
      {"", "evaluate"},
      {"", "world-"},
      {"", "preflight."},
      {"", RUN_FRESH "."},
      {RUN_EPISODES, "shard-"},
      {RUN_EPISODES, "main_data."},
      {RUN_EPISODES, "metadata."},
      {RUN_EPISODES, "index."},
      {RUN_EPISODES, RUN_SOURCES "."},
      {RUN_LATENTS, "latents-"},
      {RUN_STAGES, ""},
  };

  // only names that are ours: a user's files in the same directory are left alone
  for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) dir_sweep(run_path(r, ours[i].folder).text, ours[i].prefix);
}

// The processes of a job, found by the token that each of them carries, never by name. Linux's /proc.

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

static bool processes_carry(int64_t pid, const job_token *tokens, int count) {
  enum { ROOM = 1 << 20 };
  static char bytes[ROOM];
  static const char *const places[] = {"environ", "cmdline"};
  for (int i = 0; i < 2; i++) {
    size_t size = process_read(bytes, ROOM, pid, places[i]);
    for (int k = 0; k < count; k++)
      if (job_token_good(&tokens[k]) && memmem(bytes, size, tokens[k].hex, 32)) return true;
  }
  return false;
}

// Which rank of the job the process is, by what the launcher wrote into its environment; -1: none.
static int processes_rank_of(int64_t pid, const job_token *t) {
  enum { ROOM = 1 << 20 };
  static char bytes[ROOM];
  size_t size = process_read(bytes, ROOM, pid, "environ");
  bool carries = false;
  int rank = -1;
  for (const char *pair = bytes; pair < bytes + size; pair += strlen(pair) + 1) {
    const char *value = strchr(pair, '=');
    size_t name = value ? (size_t)(value - pair) : 0;
    if (!value) continue;
    carries |= name == strlen(JOB_VARIABLE) && strncmp(pair, JOB_VARIABLE, name) == 0 && strcmp(value + 1, t->hex) == 0;
    if ((name == 9 && strncmp(pair, "PMIX_RANK", 9) == 0) || (name == 8 && strncmp(pair, "PMI_RANK", 8) == 0))
      number_whole(&rank, value + 1, 0, 1 << 30);
  }
  return carries ? rank : -1;
}

static bool processes_is_ancestor(int64_t pid) {
  process_state l;
  for (int64_t at = getpid(); at > 0; at = l.parent) {
    if (at == pid) return true;
    if (!process_life(&l, at)) return false;
  }
  return false;
}

// --- what a killed rank leaves in /dev/shm -------------------------------------------------------------------------

static void processes_memory_remove(int64_t pid) {
  enum { ROOM = 1 << 20 };
  static char maps[ROOM];
  process_read(maps, ROOM, pid, "maps");
  for (char *line = maps, *next; *line; line = next) {
    next = line + strcspn(line, "\n");
    if (*next) *next++ = 0;
    char *path = strstr(line, "/dev/shm/vader_segment");  // Open MPI's; others remove theirs as soon as all have it
    if (path && !strstr(path, " (deleted)")) unlink(path);
  }
}

// --- all of them ---------------------------------------------------------------------------------------------------

int processes_end(const job_token *tokens, int count) {
  DIR *d = count ? opendir("/proc") : NULL;
  int ended = 0;
  for (struct dirent *e; d && (e = readdir(d));) {
    int64_t pid = strtoll(e->d_name, NULL, 10);
    if (pid <= 1 || processes_is_ancestor(pid) || !process_started(pid)) continue;
    if (!processes_carry(pid, tokens, count)) continue;
    processes_memory_remove(pid);
    ended += kill((pid_t)pid, SIGKILL) == 0;
  }
  if (d) closedir(d);

  for (int i = 0; i < count; i++) rooms_remove(&tokens[i]);
  return ended;
}

int processes_ranks(rank_process *all, int ranks, const job_token *t) {
  int found = 0;
  DIR *d = opendir("/proc");
  for (struct dirent *e; d && (e = readdir(d));) {
    int64_t pid = strtoll(e->d_name, NULL, 10);
    int rank = pid > 1 ? processes_rank_of(pid, t) : -1;
    if (rank < 0 || rank >= ranks || all[rank].pid) continue;
    uint64_t started = process_started(pid);
    if (started) all[rank] = (rank_process){.pid = pid, .started = started};
  }
  if (d) closedir(d);

  for (int i = 0; i < ranks; i++) found += all[i].pid != 0;
  return found;
}

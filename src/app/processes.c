// The processes of a job, found by the token that each of them carries, never by name. Linux's /proc.

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "launch.h"

job_token job_token_new(void) {
  unsigned char bytes[32];
  job_token t;
  CHECK(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes, "no random bytes");
  memcpy(t.hex, hash_bytes(bytes, sizeof bytes).hex, sizeof t.hex);
  return t;
}

char *path_own(void) {
  static char path[PATH_MAX_LENGTH];  // read once: when the program is built anew in the meantime, the link changes
  if (!path[0]) CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0, "/proc/self/exe cannot be read");
  return path;
}

// --- /proc ----------------------------------------------------------------------------------------------------------------------

// Files there have no size; `room` cuts them. Returns the number of bytes, 0 where the process is gone or another user's.
static size_t proc_read(char *bytes, size_t room, int64_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  size_t have = 0;
  for (ssize_t got = 1; fd >= 0 && have < room - 1 && got > 0; have += got > 0 ? (size_t)got : 0) got = read(fd, bytes + have, room - 1 - have);
  if (fd >= 0) close(fd);
  bytes[have] = 0;
  return have;
}

typedef struct life { char state; int64_t parent; uint64_t started; } life;

static bool life_read(life *l, int64_t pid) {
  char line[1024];
  if (!proc_read(line, sizeof line, pid, "stat")) return false;
  const char *after_name = strrchr(line, ')');  // the name itself may hold anything
  return after_name && sscanf(after_name + 1, " %c %" SCNd64 " %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
                              &l->state, &l->parent, &l->started) == 3;
}

uint64_t process_started(int64_t pid) {
  life l;
  return life_read(&l, pid) && l.state != 'Z' && l.state != 'X' ? l.started : 0;
}

static bool carries(int64_t pid, const job_token *tokens, int count) {
  enum { ROOM = 1 << 20 };
  static char bytes[ROOM];
  static const char *const places[] = {"environ", "cmdline"};
  for (int i = 0; i < 2; i++) {
    size_t size = proc_read(bytes, ROOM, pid, places[i]);
    for (int k = 0; k < count; k++)
      if (strlen(tokens[k].hex) == 32 && memmem(bytes, size, tokens[k].hex, 32)) return true;
  }
  return false;
}

static bool is_ancestor(int64_t pid) {
  life l;
  for (int64_t at = getpid(); at > 0; at = l.parent) {
    if (at == pid) return true;
    if (!life_read(&l, at)) return false;
  }
  return false;
}

// --- what a killed rank leaves in /dev/shm ----------------------------------------------------------------------------------------

static void shared_memory_remove(int64_t pid) {
  enum { ROOM = 1 << 20 };
  static char maps[ROOM];
  proc_read(maps, ROOM, pid, "maps");
  for (char *line = maps, *next; *line; line = next) {
    next = line + strcspn(line, "\n");
    if (*next) *next++ = 0;
    char *path = strstr(line, "/dev/shm/vader_segment");  // Open MPI's; others remove theirs as soon as all have it
    if (path && !strstr(path, " (deleted)")) unlink(path);
  }
}

int processes_end(const job_token *tokens, int count) {
  DIR *d = count ? opendir("/proc") : NULL;
  int ended = 0;
  for (struct dirent *e; d && (e = readdir(d));) {
    int64_t pid = strtoll(e->d_name, NULL, 10);
    if (pid <= 1 || is_ancestor(pid) || !process_started(pid) || !carries(pid, tokens, count)) continue;
    shared_memory_remove(pid);
    ended += kill((pid_t)pid, SIGKILL) == 0;
  }
  if (d) closedir(d);
  return ended;
}

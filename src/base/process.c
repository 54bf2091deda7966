// Processes of this host, by Linux's /proc.

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

// Files there have no size; `room` cuts them. Returns the number of bytes, 0 where the process is gone or another
// user's.
size_t process_read(char *bytes, size_t room, int64_t pid, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%" PRId64 "/%s", pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);

  size_t have = 0;
  for (ssize_t got; fd >= 0 && have < room - 1; have += (size_t)got)
    if ((got = read(fd, bytes + have, room - 1 - have)) <= 0) break;

  if (fd >= 0) close(fd);
  bytes[have] = 0;
  return have;
}

bool process_life(process_state *l, int64_t pid) {
  char line[1024];
  if (!process_read(line, sizeof line, pid, "stat")) return false;
  const char *after_name = strrchr(line, ')');  // the name itself may hold anything
  const char *format = " %c %" SCNd64 " %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64;
  return after_name && sscanf(after_name + 1, format, &l->state, &l->parent, &l->started) == 3;
}

uint64_t process_started(int64_t pid) {
  process_state l;
  return process_life(&l, pid) && l.state != 'Z' && l.state != 'X' ? l.started : 0;
}

size_t process_memory(int64_t pid) {
  char line[128];
  int64_t resident, shared;
  process_read(line, sizeof line, pid, "statm");
  if (sscanf(line, "%*d %" SCNd64 " %" SCNd64, &resident, &shared) != 2 || resident < shared) return 0;
  return (size_t)(resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
}

static bool process_belongs(int64_t pid, int64_t session) {
  char line[1024];
  int64_t its;
  process_read(line, sizeof line, pid, "stat");
  const char *after_name = strrchr(line, ')');
  return after_name && sscanf(after_name + 1, " %*c %*d %*d %" SCNd64, &its) == 1 && its == session;
}

size_t process_session_memory(int64_t session) {
  DIR *all = opendir("/proc");
  size_t sum = 0;
  for (const struct dirent *entry; all && (entry = readdir(all));) {
    int64_t pid = strtoll(entry->d_name, NULL, 10);
    if (pid > 0 && process_belongs(pid, session)) sum += process_memory(pid);
  }
  if (all) closedir(all);
  return sum;
}

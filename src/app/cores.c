// How many cores this process may use: what the kernel lets it run on, and what its control groups pay for.

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"

static int cores_of_affinity(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
  return (int)sysconf(_SC_NPROCESSORS_ONLN);  // more cores than a set holds
}

// --- control groups ------------------------------------------------------------------------------------------------

// The first line of a file of a control group; false: it has none.
static bool cores_group_line(char *line, int room, const char *root, const char *group, const char *name) {
  char path[8192];
  if (snprintf(path, sizeof path, "%s%s/%s", root, group, name) >= (int)sizeof path) return false;
  FILE *f = fopen(path, "re");
  bool read = f && fgets(line, room, f);
  if (f) fclose(f);
  return read;
}

// In cores; infinite where there is none. Version 2 says both numbers in one file, version 1 in two.
static double cores_group_quota(const char *root, const char *group) {
  char line[128];
  double quota, period;
  if (cores_group_line(line, sizeof line, root, group, "cpu.max"))
    return sscanf(line, "%lf %lf", &quota, &period) == 2 && quota > 0 && period > 0 ? quota / period : (double)INFINITY;
  bool limited = cores_group_line(line, sizeof line, root, group, "cpu.cfs_quota_us");
  limited = limited && sscanf(line, "%lf", &quota) == 1;
  if (!limited || quota <= 0) return (double)INFINITY;
  limited = cores_group_line(line, sizeof line, root, group, "cpu.cfs_period_us") && sscanf(line, "%lf", &period) == 1;
  return limited && period > 0 ? quota / period : (double)INFINITY;
}

// The least of the group and of all that it is in. A container may see its own group as the root, or at a path that it
// does not have.
static double cores_groups_quota(const char *root, char *group) {
  double least = cores_group_quota(root, "");
  for (char *slash; (slash = strrchr(group, '/')); *slash = 0) least = fmin(least, cores_group_quota(root, group));
  return least;
}

// Lines of /proc/self/cgroup are `number:controllers:/path`; version 2 names no controllers.
static double cores_of_groups(void) {
  static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/cpu",
                                      "/sys/fs/cgroup/cpu,cpuacct"};
  char line[4096];
  double least = (double)INFINITY;
  FILE *f = fopen("/proc/self/cgroup", "re");
  while (f && fgets(line, sizeof line, f)) {
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) continue;
    *group++ = 0;
    group[strcspn(group, "\n")] = 0;
    bool second = strcmp(controllers, ":") == 0;
    if (!second && !strstr(controllers, "cpu")) continue;
    for (int i = second ? 0 : 2; i < (second ? 2 : 4); i++) {
      char copy[4096];
      least = fmin(least, cores_groups_quota(roots[i], strcpy(copy, group)));
    }
  }
  if (f) fclose(f);
  return least;
}

int cores_usable(void) {
  int cores = cores_of_affinity();
  double paid = ceil(cores_of_groups() - 1e-9);
  if (paid < cores) cores = (int)paid;
  return cores < 1 ? 1 : cores;
}

// How many cores this process may keep busy: those it may run on, and no more than its control groups pay for.

#include <math.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base.h"

#define CORES_LINE 4096  // of /proc/self/cgroup, the longest

static int cores_allowed(void) {
  cpu_set_t cores;
  if (sched_getaffinity(0, sizeof cores, &cores) == 0) return CPU_COUNT(&cores);
  return (int)sysconf(_SC_NPROCESSORS_ONLN);  // a machine with more cores than the set holds
}

// The first line of a small file of the kernel's; empty where there is none.
static void cores_line(char line[64], const char *folder, const char *name) {
  char path[2 * CORES_LINE];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "re");
  if (!f || !fgets(line, 64, f)) line[0] = 0;
  if (f) fclose(f);
}

// Of one control group: microseconds of work a period over the period's length. "max" and -1 are no limit.
static double cores_of_group(const char *folder) {
  char line[64], *rest;

  // The second version: "150000 100000".
  cores_line(line, folder, "cpu.max");
  double work = strtod(line, &rest), period = strtod(rest, NULL);
  if (work > 0 && period > 0) return work / period;

  // The first: a file each.
  cores_line(line, folder, "cpu.cfs_quota_us");
  work = strtod(line, NULL);
  cores_line(line, folder, "cpu.cfs_period_us");
  period = strtod(line, NULL);
  return work > 0 && period > 0 ? work / period : (double)INFINITY;
}

// Of a group and all above it. A container may name its group as its host does, where it sees only the end of that
// path: folders that are not there are passed over.
static double cores_of_path(const char *mounted, const char *hierarchy, const char *group) {
  char folder[2 * CORES_LINE - 64];
  double least = (double)INFINITY;
  int top = snprintf(folder, sizeof folder, "%s/%s", mounted, hierarchy);
  snprintf(folder + top, sizeof folder - (size_t)top, "%s", group);
  for (;;) {
    least = fmin(least, cores_of_group(folder));
    char *last = strrchr(folder + top, '/');
    if (!last) return least;
    *last = 0;
  }
}

// "cpu" among "cpu,cpuacct".
static bool cores_named(const char *controllers) {
  for (const char *at = controllers; *at; at += *at == ',') {
    size_t length = strcspn(at, ",");
    if (length == 3 && strncmp(at, "cpu", 3) == 0) return true;
    at += length;
  }
  return false;
}

// A line of /proc/self/cgroup: "0::/group" of the second version, "4:cpu,cpuacct:/group" of the first.
static double cores_of_line(char *line, const char *mounted) {
  char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
  if (!group) return (double)INFINITY;
  line[strcspn(line, "\n")] = 0;
  controllers++;
  *group++ = 0;
  if (!*controllers) return fmin(cores_of_path(mounted, ".", group), cores_of_path(mounted, "unified", group));
  if (!cores_named(controllers)) return (double)INFINITY;
  return fmin(cores_of_path(mounted, controllers, group), cores_of_path(mounted, "cpu", group));
}

double cores_quota(const char *groups, const char *mounted) {
  char line[CORES_LINE];
  double least = (double)INFINITY;
  FILE *f = fopen(groups, "re");
  while (f && fgets(line, sizeof line, f)) least = fmin(least, cores_of_line(line, mounted));
  if (f) fclose(f);
  return least;
}

int cores_usable(void) {
  double allowed = cores_allowed(), quota = ceil(cores_quota(CORES_GROUPS, CORES_MOUNTED));
  double least = fmin(allowed, quota);
  return least < 1 ? 1 : (int)least;
}

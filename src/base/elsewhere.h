// What Linux has and others (macOS) have not, by what those have: so that no other file asks where it is. The
// Makefile includes it before everything else where the system is not Linux, in the rooms that call the system, and
// nowhere else. The functions have names of their own, since one day a system may have them too.
#ifndef BASE_ELSEWHERE_H
#define BASE_ELSEWHERE_H
#ifndef __linux__

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

// --- files ----------------------------------------------------------------------------------------------------------
#ifdef __APPLE__
#define st_mtim st_mtimespec
#define fdatasync fsync
#endif
#ifndef SOCK_CLOEXEC
#define SOCK_CLOEXEC 0
#endif
#ifndef MADV_HUGEPAGE
#define MADV_HUGEPAGE MADV_NORMAL
#endif

// Not in one step: a process that is started in between inherits the ends.
#define pipe2 elsewhere_pipe2
static inline int elsewhere_pipe2(int ends[2], int flags) {
  if (pipe(ends) != 0) return -1;
  if (flags & O_CLOEXEC)
    for (int i = 0; i < 2; i++) fcntl(ends[i], F_SETFD, FD_CLOEXEC);
  return 0;
}

#define MFD_CLOEXEC O_CLOEXEC
#define memfd_create elsewhere_memfd_create
static inline int elsewhere_memfd_create(const char *name, unsigned flags) {
  char path[] = "/tmp/dreamfarm-XXXXXX";
  int fd = mkstemp(path);
  (void)name;
  if (fd < 0) return -1;
  unlink(path);
  if (flags & MFD_CLOEXEC) fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

// --- the processor --------------------------------------------------------------------------------------------------

// No process is bound to cores: it may run on all, so how many there are is all that a set holds.
typedef struct cpu_set_t {
  int count;
} cpu_set_t;
#define CPU_ZERO(set) ((void)((set)->count = 0))
#define CPU_COUNT(set) ((set)->count)
#define CPU_EQUAL(a, b) ((a)->count == (b)->count)
#define CPU_OR(out, a, b) ((void)((out)->count = (a)->count > (b)->count ? (a)->count : (b)->count))
#define sched_getaffinity elsewhere_sched_getaffinity
static inline int elsewhere_sched_getaffinity(pid_t pid, size_t size, cpu_set_t *set) {
  (void)pid;
  (void)size;
  set->count = (int)sysconf(_SC_NPROCESSORS_ONLN);
  return 0;
}

// --- processes and luck ---------------------------------------------------------------------------------------------

// A child is not ended with its parent: whoever kills a launch ends the launcher too.
#define PR_SET_PDEATHSIG 1
#define prctl elsewhere_prctl
static inline int elsewhere_prctl(int option, ...) {
  (void)option;
  return 0;
}

#define getrandom elsewhere_getrandom
static inline ssize_t elsewhere_getrandom(void *bytes, size_t size, unsigned flags) {
  (void)flags;
  return getentropy(bytes, size) == 0 ? (ssize_t)size : -1;
}

// Looks a hundred times a second.
#define sigtimedwait elsewhere_sigtimedwait
static inline int elsewhere_sigtimedwait(const sigset_t *set, siginfo_t *info, const struct timespec *limit) {
  const struct timespec look = {.tv_nsec = 10000000};
  double left = (double)limit->tv_sec + 1e-9 * (double)limit->tv_nsec;
  (void)info;
  for (;; left -= 0.01) {
    sigset_t pending;
    int which;
    sigpending(&pending);
    for (int i = 1; i < NSIG; i++)
      if (sigismember(set, i) == 1 && sigismember(&pending, i) == 1) return sigwait(set, &which) == 0 ? which : -1;
    if (left <= 0) break;
    nanosleep(&look, NULL);
  }
  errno = EAGAIN;
  return -1;
}

#endif  // __linux__
#endif

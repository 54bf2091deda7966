// One process at a time: a record lock on a file.

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

// The reason why the lock was not given; 0: it was.
static int lock_try(int fd) {
  struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
  int failed;
  do failed = fcntl(fd, F_SETLK, &whole);
  while (failed && errno == EINTR);
  return failed ? errno : 0;
}

static bool lock_is_held(int reason) { return reason == EAGAIN || reason == EACCES; }

status lock_take(int *fd, const char *path, double patience, const char *format, ...) {
  char who[2 * PATH_MAX_LENGTH];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(who, sizeof who, format, arguments);
  va_end(arguments);
  int opened;
  *fd = -1;
  TRY(file_open(&opened, path, O_RDWR | O_CREAT | O_NOFOLLOW));

  int reason = lock_try(opened);
  if (lock_is_held(reason) && patience > 0) log_all("%s; waiting for it to end", who);
  double end = time_now() + patience;
  for (; lock_is_held(reason) && time_now() < end; reason = lock_try(opened)) usleep(50000);

  if (!reason) return *fd = opened, OK;
  close(opened);
  if (lock_is_held(reason)) FAIL(BROKEN, "%s; end it, or use another run.directory", who);
  log_all("warning: %s: this file system gives no lock (%s), so nothing keeps a second dreamfarm out of this directory",
          path, strerror(reason));
  return OK;
}

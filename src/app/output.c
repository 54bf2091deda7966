// Standard output, looked after at both ends of the program.

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

// The first file that is opened gets the lowest number that is free, and would be written into by whoever prints. What
// is opened here instead refuses that.
void output_open(void) {
  static char all[1 << 18];  // of what a verb prints: written at the end, where a failure still has its reason
  for (int fd = 0; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  if (!isatty(STDOUT_FILENO)) setvbuf(stdout, all, _IOFBF, sizeof all);
}

static int output_reason;  // why some of it is lost, the first time; 0: nothing is

void output_flush(void) {
  bool lost = ferror(stdout);
  if (fflush(stdout) != 0 && !output_reason) output_reason = errno;
  if (lost && !output_reason) output_reason = EIO;
}

// A disk elsewhere may say only at a close that it is full.
static void output_close(void) {
  int copy = dup(STDOUT_FILENO);
  if (copy >= 0 && close(copy) != 0 && !output_reason) output_reason = errno;
}

status output_end(status s) {
  output_flush();
  output_close();
  if (s != OK || output_reason == 0) return s;
  if (output_reason == EPIPE) return NO_IO;  // a reader that left knows (`| head`)
  log_break();
  fprintf(stderr, "dreamfarm: standard output: %s\n", strerror(output_reason));
  return NO_IO;
}

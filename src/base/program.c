// Other programs: started by their words as they are, so that no shell ever reads a name that somebody chose.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"

// --- the process that becomes the program -------------------------------------------------------------------------

// Streams are copied upward first: one of them may be the source of another.
static bool program_streams(const program_order *p) {
  int from[4] = {p->in, p->out, p->err, p->extra}, count = p->extra ? 4 : 3;

  for (int i = 0; i < count; i++) {
    from[i] = from[i] == PROGRAM_NOWHERE ? open("/dev/null", O_RDWR | O_CLOEXEC) : from[i];
    from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, count);
    if (from[i] < 0) return false;
  }

  // copies without close-on-exec: these are what the program keeps
  for (int i = 0; i < count; i++)
    if (dup2(from[i], i) < 0) return false;
  return true;
}

// What is ignored stays ignored (nohup), but for the two by which a job is asked to stop.
static void program_signals(void) {
  sigset_t none;
  sigemptyset(&none);
  signal(SIGTERM, SIG_DFL);
  signal(SIGUSR1, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void program_become(const program_order *p, pid_t parent, int report) {
  // Whom it belongs to. The parent may have ended before we asked to end with it.
  if (p->own_session) setsid();
  if (p->dies_with_us) prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (p->dies_with_us && getppid() != parent) _exit(127);

  // Where it works and what it hears. The report is not to be in the way of what it keeps.
  if (p->extra) report = fcntl(report, F_DUPFD_CLOEXEC, 4);
  bool ready = report >= 0;
  for (char *const *pair = p->environment; pair && *pair; pair++) putenv(*pair);
  if (p->directory) ready = ready && chdir(p->directory) == 0;
  ready = ready && program_streams(p);
  program_signals();

  // Beyond this line only where it did not come to run.
  if (ready) execvp(p->words[0], p->words);
  int reason = errno;
  ssize_t put = write(report, &reason, sizeof reason);
  _exit(put == sizeof reason ? 127 : 126);
}

// --- the process that starts it -----------------------------------------------------------------------------------

// The pipe closes by itself where the program came to run, and carries the reason where it did not.
static int program_reason(int report) {
  int reason = 0;
  ssize_t got;
  do got = read(report, &reason, sizeof reason);
  while (got < 0 && errno == EINTR);
  return got == sizeof reason ? reason : 0;
}

status program_start(pid_t *child, const program_order *p) {
  int report[2];
  pid_t parent = getpid();
  if (pipe2(report, O_CLOEXEC) != 0) FAIL(BROKEN, "%s cannot be started: %s", p->words[0], strerror(errno));

  // What is still in our buffers would be written a second time by the child.
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) program_become(p, parent, report[1]);

  int reason = pid < 0 ? errno : 0;
  close(report[1]);
  if (pid > 0) reason = program_reason(report[0]);
  close(report[0]);

  if (reason && pid > 0) waitpid(pid, NULL, 0);
  if (reason) FAIL(NO_IO, "%s cannot be started: %s", p->words[0], strerror(reason));
  *child = pid;
  return OK;
}

int program_wait(pid_t child) {
  int how;
  while (waitpid(child, &how, 0) < 0)
    if (errno != EINTR) return 127;
  return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

status program_run(int *code, const program_order *p) {
  pid_t child;
  TRY(program_start(&child, p));
  *code = program_wait(child);
  return OK;
}

static void program_listen(text_buffer *said, int from) {
  char piece[4096];
  for (ssize_t got; (got = read(from, piece, sizeof piece - 1)) != 0;) {
    if (got < 0 && errno != EINTR) return;
    piece[got > 0 ? got : 0] = 0;
    if (said->size < PROGRAM_SAID_MAX) text_add(said, "%s", piece);
  }
}

status program_read(text_buffer *said, int *code, char *const *words) {
  int ends[2];
  pid_t child;
  if (pipe2(ends, O_CLOEXEC) != 0) FAIL(BROKEN, "%s cannot be started: %s", words[0], strerror(errno));

  // a pipe whose other end only the child has
  program_order p = {.words = words, .in = PROGRAM_NOWHERE, .out = ends[1], .err = PROGRAM_NOWHERE};
  status s = program_start(&child, &p);
  close(ends[1]);  // so that the child's end is the last, and its exit the end of what we read

  if (s == OK) program_listen(said, ends[0]);
  close(ends[0]);
  if (s == OK) *code = program_wait(child);
  return s;
}

// --- this one ----------------------------------------------------------------------------------------------------

// Read once: when the program is built anew in the meantime, the link changes.
char *program_own(void) {
  static char path[4 * PATH_MAX_LENGTH + 1];
  if (path[0]) return path;
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0 || length == sizeof path - 1) strcpy(path, PROGRAM_OWN_UNKNOWN);
  return path;
}

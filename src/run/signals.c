// Being asked to stop: a flag that long loops look at between pieces of work. In a map only rank 0 looks, so a signal
// that reaches workers too, or them alone, or twice, does them nothing.

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

static volatile sig_atomic_t asked;  // the first signal, 0: none
static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t worker;

static void take(int which) {
  if (which == SIGINT && ++interrupts > 1 && !worker) _exit(130);
  if (!asked) asked = which;
}

// A terminal that closes and a limit of processor time stop a run as a scheduler does: with a checkpoint.
static const int caught[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGXCPU};
enum { CAUGHT = sizeof caught / sizeof *caught };

// A file at its limit and a reader that is gone are errors of write, with words or of no matter. A handler, where
// SIG_IGN would do, because other programs that we start do not inherit it.
static const int passed_over[] = {SIGXFSZ, SIGPIPE};
enum { PASSED_OVER = sizeof passed_over / sizeof *passed_over };

static void pass_over(int which) { (void)which; }

static void caught_mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < CAUGHT; i++) sigaddset(&set, caught[i]);
  sigprocmask(how, &set, NULL);
}

void signals_hold(void) { caught_mask(SIG_BLOCK); }

// What is ignored from the start stays so: by nohup, or of a job in a shell's background.
static void signal_catch(int which, void (*handler)(int)) {
  struct sigaction action, before;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  if (sigaction(which, NULL, &before) == 0 && before.sa_handler == SIG_IGN) return;
  sigaction(which, &action, NULL);
}

void signals_catch(void) {
  for (int i = 0; i < CAUGHT; i++) signal_catch(caught[i], take);
  for (int i = 0; i < PASSED_OVER; i++) signal_catch(passed_over[i], pass_over);
  caught_mask(SIG_UNBLOCK);
}

void signals_stop(void) {
  if (!asked) asked = SIGINT;
}

void signals_serve(void) { worker = 1; }

bool signals_asked(void) {
  heartbeat_beat();  // whoever looks up is alive
  return asked != 0;
}

bool signals_by_scheduler(void) { return asked != 0 && asked != SIGINT; }

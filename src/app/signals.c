// Being asked to stop: a flag that long loops look at between pieces of work. In a map only rank 0 looks, so a signal
// that reaches workers too, or them alone, or twice, does them nothing.

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

static volatile sig_atomic_t asked;  // the first signal, 0: none
static volatile sig_atomic_t interrupts;
static volatile sig_atomic_t worker;

static void take(int which) {
  if (which == SIGINT && ++interrupts > 1 && !worker) _exit(130);
  if (!asked) asked = which;
}

static sigset_t caught(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);
  return set;
}

void signals_hold(void) {
  sigset_t set = caught();
  sigprocmask(SIG_BLOCK, &set, NULL);
}

void signals_catch(void) {
  struct sigaction action;
  sigset_t set = caught();
  memset(&action, 0, sizeof action);
  action.sa_handler = take;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, NULL);  // a file at its limit is then an error of write, with words
  sigprocmask(SIG_UNBLOCK, &set, NULL);
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

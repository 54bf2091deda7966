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

static const int caught[] = {SIGINT, SIGTERM, SIGUSR1};
enum { CAUGHT = sizeof caught / sizeof *caught };

static void caught_mask(int how) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < CAUGHT; i++) sigaddset(&set, caught[i]);
  sigprocmask(how, &set, NULL);
}

void signals_hold(void) { caught_mask(SIG_BLOCK); }

void signals_catch(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = take;
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < CAUGHT; i++) sigaction(caught[i], &action, NULL);
  action.sa_handler = SIG_IGN;
  sigaction(SIGXFSZ, &action, NULL);  // a file at its limit is then an error of write, with words
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

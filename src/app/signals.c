// Being asked to stop: a flag that long loops look at between pieces of work.

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

static volatile sig_atomic_t asked;      // which signal, 0: none
static volatile sig_atomic_t interrupts;

static void take(int which) {
  if (which == SIGINT && ++interrupts > 1) _exit(130);
  asked = which;
}

void signals_catch(void) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = take;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGUSR1, &action, NULL);
}

bool signals_asked(void) { return asked != 0; }

status signals_status(status s) { return s == INTERRUPTED && asked != 0 && asked != SIGINT ? RESUME_ME : s; }

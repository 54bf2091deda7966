// The sentence of the last failure, and the end of a job in which we ourselves are wrong.

#include <stdlib.h>
#include <string.h>

#include "base.h"

static char status_sentence[2048] = "no failure";
static void (*check_before_abort)(void);

status status_fail(status code, const char *format, ...) {
  char fresh[sizeof status_sentence];  // an argument may be the old status_sentence itself
  va_list arguments;
  va_start(arguments, format);
  text_vprint(fresh, sizeof fresh, format, arguments);
  va_end(arguments);

  memcpy(status_sentence, fresh, sizeof status_sentence);
  return code;
}

const char *status_message(void) { return status_sentence; }

const char *status_words(status code) {
  switch (code) {
#define STATUS_CASE(name, number, words) \
  case name:                             \
    return words;
    STATUS_LIST(STATUS_CASE)
#undef STATUS_CASE
  }

  return "an unknown status";
}

static void (*status_tell)(status s);
void status_on_end(void (*tell)(status s)) { status_tell = tell; }

void status_end_job(status s) {
  log_break();
  fprintf(stderr, "dreamfarm: %s\n", status_sentence);
  fflush(stderr);

  // who watches the job from outside is to know that another start would end the same way
  if (status_tell) status_tell(s);
  if (check_before_abort) check_before_abort();
  _Exit((int)s);
}

void check_on_failure(void (*end_the_job)(void)) { check_before_abort = end_the_job; }

void check_failed(const char *file, int line, const char *condition, const char *format, ...) {
  log_break();
  fprintf(stderr, "%s:%d: check failed: %s: ", file, line, condition);

  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  fflush(stderr);

  // Peers first: they would wait for us for ever.
  if (check_before_abort) check_before_abort();
  abort();
}

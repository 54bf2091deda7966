// Two categories of log lines, time, and the progress line. Numbers that matter go to files, not here.

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

static struct {
  int rank, size;
  bool quiet;
} place = {0, 1, false};

double time_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void log_open(int rank, int size, bool quiet) {
  place.rank = rank;
  place.size = size;
  place.quiet = quiet;
}

void log_all(const char *format, ...) {
  if (place.rank != 0 || place.quiet) return;
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
}

void log_here(const char *format, ...) {
  char line[2048];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (place.size > 1) fprintf(stderr, "[rank %d] %s\n", place.rank, line);
  else fprintf(stderr, "%s\n", line);
}

// --- progress -----------------------------------------------------------------------------------------------------

#define TERMINAL_SECONDS 0.2
#define PLAIN_SECONDS 15.0

static void duration_text(char out[32], double seconds) {
  long s = isfinite(seconds) && seconds < 1e8 ? lround(seconds) : -1;
  if (s < 0) snprintf(out, 32, "?");
  else if (s < 60) snprintf(out, 32, "%ld s", s);
  else if (s < 3600) snprintf(out, 32, "%ld:%02ld min", s / 60, s % 60);
  else snprintf(out, 32, "%ld:%02ld h", s / 3600, s / 60 % 60);
}

static void progress_line(const progress *p, double done, const char *note, bool last) {
  double spent = time_now() - p->start, rate = spent > 0 ? done / spent : 0;
  char took[32], left[32];
  duration_text(took, spent);
  duration_text(left, rate > 0 ? (p->total - done) / rate : INFINITY);
  fprintf(stderr, "%s%-10s %.0f/%.0f %s  %.4g/s  %s%s%s%s%s", p->terminal ? "\r\033[K" : "", p->label, done, p->total,
          p->unit, rate, last ? "in " : "ETA ", last ? took : left, note ? "  " : "", note ? note : "",
          p->terminal && !last ? "" : "\n");
}

progress progress_open(const char *label, const char *unit, double total) {
  double now = time_now();
  return (progress){.label = label, .unit = unit, .total = total, .start = now, .last = now,
                    .terminal = place.rank == 0 && isatty(STDERR_FILENO)};
}

void progress_show(progress *p, double done, const char *note) {
  double now = time_now();
  if (place.rank != 0 || place.quiet || now - p->last < (p->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS)) return;
  p->last = now;
  progress_line(p, done, note, false);
}

void progress_close(progress *p, double done, const char *note) {
  if (place.rank == 0 && !place.quiet) progress_line(p, done, note, true);
}

// Two categories of log lines, time, and the progress line. Numbers that matter go to files, not here.

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

#define LINE_ROOM 4096

static struct {
  int rank, size;
  bool quiet;
} log_place = {.rank = 0, .size = 1, .quiet = false};

double time_now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define STOPWATCH_STEP 1.0

stopwatch stopwatch_begin(double now) { return (stopwatch){.looked = now}; }

double stopwatch_spent(stopwatch *p, double now) {
  double step = now - p->looked;
  p->looked = now;
  p->spent += step < STOPWATCH_STEP ? step : STOPWATCH_STEP;
  return p->spent;
}

void log_open(int rank, int size, bool quiet) {
  log_place.rank = rank;
  log_place.size = size;
  log_place.quiet = quiet;
}

// --- the terminal ---------------------------------------------------------------------------------------------------

static int log_standing;  // columns of the progress line that stands, 0: none

static int log_number_of(const char *variable) {
  const char *text = getenv(variable);
  return text ? atoi(text) : 0;
}

// Of the terminal that stderr reaches; 0: there is none that could take back a line.
static int log_columns(void) {
  const char *kind = getenv("TERM");
  int handed = log_number_of(TERMINAL_VARIABLE);
  if ((kind && strcmp(kind, "dumb") == 0) || (handed <= 0 && !isatty(STDERR_FILENO))) return 0;

  // The user's wish, then what the terminal says of itself, then what was said of the one that is out of our sight.
  struct winsize size = {0};
  int wanted = log_number_of("COLUMNS");
  if (wanted > 0) return wanted;
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return handed > 1 ? handed : 80;
}

// A character is a column, near enough: what is ours is ASCII.
static int log_columns_of(const char *text) {
  int count = 0;
  for (; *text; text++) count += ((unsigned char)*text & 0xC0) != 0x80;
  return count;
}

// Cuts a line to so many columns, between two characters.
static void log_columns_cut(char *text, int most) {
  char *at = text;
  for (int count = 0; *at; at++) {
    if (((unsigned char)*at & 0xC0) != 0x80 && count++ == most) break;
  }
  *at = 0;
}

// That cover what stands there; the terminal may have become narrower.
static int log_blanks_after(const char *line, int covered) {
  int have = log_columns_of(line);
  int until = int_min(covered, log_columns() - 1);
  return until > have ? until - have : 0;
}

void log_break(void) {
  if (log_standing) fprintf(stderr, "\r%*s\r", log_blanks_after("", log_standing), "");
  log_standing = 0;
}

// --- lines ----------------------------------------------------------------------------------------------------------

// Over a progress line that stands: ours, or rank 0's, of which another rank knows only that there may be one.
static void log_line_say(const char *line) {
  int terminal = log_standing || log_place.rank != 0 ? log_columns() : 0;
  if (terminal) fprintf(stderr, "\r%s%*s\n", line, log_blanks_after(line, log_standing ? log_standing : terminal), "");
  else fprintf(stderr, "%s\n", line);
  log_standing = 0;
}

void log_all(const char *format, ...) {
  char line[LINE_ROOM];
  if (log_place.rank != 0 || log_place.quiet) return;

  va_list arguments;
  va_start(arguments, format);
  text_vprint(line, sizeof line, format, arguments);
  va_end(arguments);
  log_line_say(line);
}

void log_here(const char *format, ...) {
  char line[LINE_ROOM];
  int named = log_place.size > 1 ? snprintf(line, sizeof line, "[rank %d] ", log_place.rank) : 0;

  // which rank speaks is said only where there are several
  va_list arguments;
  va_start(arguments, format);
  text_vprint(line + named, sizeof line - (size_t)named, format, arguments);
  va_end(arguments);
  log_line_say(line);
}

// --- progress -----------------------------------------------------------------------------------------------------

#define TERMINAL_SECONDS 0.2
#define PLAIN_SECONDS 15.0

static void progress_duration(char out[32], double seconds) {
  long s = isfinite(seconds) && seconds < 1e8 ? lround(seconds) : -1;
  if (s < 0) snprintf(out, 32, "?");
  else if (s < 60) snprintf(out, 32, "%ld s", s);
  else if (s < 3600) snprintf(out, 32, "%ld:%02ld min", s / 60, s % 60);
  else snprintf(out, 32, "%ld:%02ld h", s / 3600, s / 60 % 60);
}

// In place of the one before; one that reached the last column would make the terminal begin another.
static void log_line_stand(char *line) {
  log_columns_cut(line, log_columns() - 1);
  fprintf(stderr, "\r%s%*s", line, log_blanks_after(line, log_standing), "");
  log_standing = log_columns_of(line);
}

static void progress_line(const progress *p, double done, const char *note, bool last) {
  double spent = time_now() - p->start;
  double rate = spent > 0 ? done / spent : 0;
  char took[32], left[32], each[32], line[LINE_ROOM];
  text_rate(each, rate);
  progress_duration(took, spent);
  progress_duration(left, rate > 0 ? (p->total - done) / rate : INFINITY);

  text_print(line, sizeof line, "%-10s %.0f/%.0f %s  %s/s  %s%s%s%s", p->label, done, p->total, p->unit, each,
             last ? "in " : "ETA ", last ? took : left, note ? "  " : "", note ? note : "");

  // The last one stays, so it is an ordinary line.
  if (last || !p->terminal) log_line_say(line);
  else log_line_stand(line);
}

progress progress_open(const char *label, const char *unit, double total) {
  double now = time_now();
  return (progress){.label = label,
                    .unit = unit,
                    .total = total,
                    .start = now,
                    .last = now,
                    .terminal = log_place.rank == 0 && log_columns() > 0};
}

void progress_show(progress *p, double done, const char *note) {
  double now = time_now();
  double least = p->terminal ? TERMINAL_SECONDS : PLAIN_SECONDS;
  if (log_place.rank != 0 || log_place.quiet || now - p->last < least) return;

  p->last = now;
  progress_line(p, done, note, false);
}

void progress_close(progress *p, double done, const char *note) {
  if (log_place.rank == 0 && !log_place.quiet) progress_line(p, done, note, true);
}

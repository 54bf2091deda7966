// Where a search's time went: run.csv's shares of all rank-seconds, averaged over so many generations that a picture of
// them stays legible, as CSV for gnuplot and as JSON for whoever reads JSON.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

enum { SHARES = 4, POINTS = 150 };  // generations a picture shows, at most
static const char *const share_names[SHARES] = {"dream", "controller", "master", "wait"};

typedef struct stretch {  // of generations, up to and with `generation`
  int generation;
  double seconds, share[SHARES];
} stretch;

// The column of that name in a header's line; -1: none.
static int column_of(const char *head, const char *name) {
  int column = 0;
  size_t length = strlen(name);
  for (const char *at = head; *at && *at != '\n'; at += strcspn(at, ",\n"), column += *at == ',', at += *at == ',')
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\n')) return column;
  return -1;
}

static double cell(const char *row, int column) {
  for (int i = 0; i < column; i++) {
    row += strcspn(row, ",\n");
    row += *row == ',';
  }
  return strtod(row, NULL);
}

static const char *line_after(const char *line) {
  const char *end = strchr(line, '\n');
  return end ? end + 1 : line + strlen(line);
}

static int rows_of(const char *text) {
  int n = 0;
  for (const char *at = line_after(text); *at; at = line_after(at)) n++;
  return n;
}

static void stretch_add(stretch *s, const stretch *more) {
  double seconds = s->seconds + more->seconds, part = seconds > 0 ? more->seconds / seconds : 1;
  for (int i = 0; i < SHARES; i++) s->share[i] += (more->share[i] - s->share[i]) * part;
  s->seconds = seconds;
  s->generation = more->generation;
}

// stretches (POINTS); returns how many there are: none where an older version wrote run.csv.
static int stretches_read(stretch *stretches, stretch *whole, const char *text) {
  int seconds = column_of(text, "seconds"), share[SHARES], rows = rows_of(text), width = (rows + POINTS - 1) / POINTS, row = 0;
  for (int i = 0; i < SHARES; i++)
    if ((share[i] = column_of(text, share_names[i])) < 0) return 0;
  for (const char *at = line_after(text); *at; at = line_after(at), row++) {
    stretch one = {.generation = atoi(at), .seconds = cell(at, seconds)};
    double sum = 0;
    for (int i = 0; i < SHARES; i++) sum += one.share[i] = cell(at, share[i]);
    if (sum == 0) one.seconds = 0;  // not known of descents that go on by themselves
    stretch_add(&stretches[row / width], &one);
    stretch_add(whole, &one);
  }
  return rows ? (rows + width - 1) / width : 0;
}

static void json_stretch(text_buffer *t, const char *key, const stretch *s) {
  json_open(t, key, '{');
  json_number(t, "generation", s->generation);
  json_number(t, "seconds", s->seconds);
  for (int i = 0; i < SHARES; i++) json_number(t, share_names[i], s->share[i]);
  json_close(t, '}');
}

static status stretches_write(const app *a, const stretch *stretches, int count, const stretch *whole) {
  text_buffer csv = {0}, json = {0};
  text_add(&csv, "generation,seconds,dream,controller,master,wait\n");
  json_open(&json, NULL, '{');
  json_text(&json, "unit", "share of all rank-seconds");
  json_stretch(&json, "whole", whole);
  json_open(&json, "generations", '[');
  for (const stretch *s = stretches; s < stretches + count; s++) {
    text_add(&csv, "%d,%.3f", s->generation, s->seconds);
    for (int i = 0; i < SHARES; i++) text_add(&csv, ",%.4f", s->share[i]);
    text_add(&csv, "\n");
    json_stretch(&json, NULL, s);
  }
  json_close(&json, ']');
  json_close(&json, '}');
  status s = file_write(run_path(a, "report/generation-split.csv").text, csv.bytes, csv.size);
  if (s == OK) s = file_write(run_path(a, "report/generation-split.json").text, json.bytes, json.size);
  text_free(&csv);
  text_free(&json);
  return s;
}

status split_write(const app *a) {
  stretch stretches[POINTS] = {0}, whole = {0};
  char *text;
  size_t size;
  file_path csv = run_path(a, "run.csv");
  if (!file_exists(csv.text)) return OK;
  TRY(file_read(&text, &size, csv.text));
  int count = stretches_read(stretches, &whole, text);
  mem_free(text);
  return count ? stretches_write(a, stretches, count, &whole) : OK;
}

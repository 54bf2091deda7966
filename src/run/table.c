// CSV files of the run directory, and evaluate.json, as numbers. A file may be anything by the time it is read: only
// regular ones are opened, and what is not a number is NaN.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "run.h"

// --- CSV -----------------------------------------------------------------------------------------------------------

static const char *table_line_after(const char *line) {
  const char *end = strchr(line, '\n');
  return end ? end + 1 : line + strlen(line);
}

static int table_lines_count(const char *text) {
  int n = 0;
  for (const char *at = text; *at; at++) n += *at == '\n';
  return n;
}

static int table_cells_count(const char *line) {
  int n = 1;
  for (const char *at = line; *at && *at != '\n'; at++) n += *at == ',';
  return n;
}

// The cell after the one at `at`, or NULL at the line's end.
static const char *table_cell_after(const char *at) {
  at += strcspn(at, ",\n");
  return *at == ',' ? at + 1 : NULL;
}

static void table_head_read(table *t, const char *line) {
  for (int c = 0; c < t->columns && line; c++, line = table_cell_after(line))
    snprintf(t->names[c], sizeof t->names[c], "%.*s", (int)strcspn(line, ",\r\n"), line);
}

// An empty cell must not take its number from the next line, where strtod would look.
static double table_cell_read(const char *at) {
  if (*at == ',' || *at == '\n' || *at == '\r' || *at == 0) return (double)NAN;
  char *end;
  double value = strtod(at, &end);
  return end != at && isfinite(value) ? value : (double)NAN;
}

static void table_row_read(double *cells, int columns, const char *line) {
  for (int c = 0; c < columns; c++) {
    cells[c] = line ? table_cell_read(line) : (double)NAN;
    if (line) line = table_cell_after(line);
  }
}

status table_read(table *t, const char *path) {
  char *text;
  size_t size;
  TRY(file_read(&text, &size, path));

  int lines = table_lines_count(text);
  *t = (table){.rows = lines ? lines - 1 : 0, .columns = table_cells_count(text)};
  t->names = mem_take((size_t)t->columns, sizeof *t->names);
  t->cells = mem_take((size_t)t->rows * t->columns + 1, sizeof *t->cells);

  // Rows are as long as the head, whatever stands in them.
  table_head_read(t, text);
  const char *line = table_line_after(text);
  for (int row = 0; row < t->rows; row++, line = table_line_after(line))
    table_row_read(t->cells + (size_t)row * t->columns, t->columns, line);
  mem_free(text);
  return OK;
}

void table_free(table *t) {
  mem_free(t->names);
  mem_free(t->cells);
  *t = (table){0};
}

int table_column(const table *t, const char *name) {
  for (int c = 0; c < t->columns; c++)
    if (strcmp(t->names[c], name) == 0) return c;
  return -1;
}

double table_cell(const table *t, int row, int column) {
  return column < 0 ? (double)NAN : t->cells[(size_t)row * t->columns + column];
}

// --- scores --------------------------------------------------------------------------------------------------------

static score *score_of(scores *s, const char *name) {
  for (int i = 0; i < s->count; i++)
    if (strcmp(s->of[i].name, name) == 0) return &s->of[i];
  if (s->count == SCORES_MAX) return NULL;
  score *new = &s->of[s->count++];
  *new = (score){.mean = (double)NAN, .se = (double)NAN, .episodes = (double)NAN};
  snprintf(new->name, sizeof new->name, "%s", name);
  return new;
}

static void score_number(void *self, const char *const *keys, int depth, double value) {
  scores *s = self;
  if (depth == 1 && strcmp(keys[0], "generation") == 0 && value >= 0 && value < 1e9) s->generation = (int)value;
  if (depth != 3 || strcmp(keys[0], "policies") != 0) return;

  score *of = score_of(s, keys[1]);
  if (!of) return;

  // Other numbers of a policy are for other readers.
  if (strcmp(keys[2], "mean") == 0) of->mean = value;
  if (strcmp(keys[2], "se") == 0) of->se = value;
  if (strcmp(keys[2], "episodes") == 0) of->episodes = value;
}

status scores_read(scores *s, const char *path) {
  *s = (scores){0};
  return file_exists(path) ? data_numbers_read(path, score_number, s) : OK;
}

// The columns of run.csv, once: they make its head, its rows, the same rows as JSON lines, and readers name them by it.

#include <math.h>
#include <string.h>

#include "run.h"

// How numbers are printed in run.csv.
#define ROW_WHOLE "%.0f"
#define ROW_NUMBER "%.9g"
#define ROW_TIME "%.3f"
#define ROW_SHARE "%.4f"

typedef struct row_kind {
  const char *name;
  const char *format;  // NULL: it stands in run.jsonl alone
  bool optional;       // left out of the JSON line where there is nothing, instead of null
} row_kind;

static const row_kind row_kinds[ROW_COLUMNS] = {
    [ROW_GENERATION] = {.name = "generation", .format = ROW_WHOLE},
    [ROW_BEST] = {.name = "best", .format = ROW_NUMBER},
    [ROW_MEDIAN] = {.name = "median", .format = ROW_NUMBER},
    [ROW_MEAN] = {.name = "mean", .format = ROW_NUMBER},
    [ROW_HELD_OUT] = {.name = "held_out", .format = ROW_NUMBER, .optional = true},
    [ROW_REAL] = {.name = "real", .format = ROW_NUMBER, .optional = true},
    [ROW_RATIO] = {.name = "ratio", .format = ROW_NUMBER, .optional = true},
    [ROW_REAL_STEPS] = {.name = "real_steps", .format = ROW_WHOLE, .optional = true},
    [ROW_SIGMA] = {.name = "sigma", .format = ROW_NUMBER},
    [ROW_CONDITION] = {.name = "condition", .format = ROW_NUMBER},
    [ROW_EPISODES] = {.name = "episodes", .format = ROW_WHOLE},
    [ROW_STEPS] = {.name = "steps", .format = ROW_WHOLE},
    [ROW_BROKEN] = {.name = "broken", .format = ROW_WHOLE},
    [ROW_DESCENT] = {.name = "descent", .format = ROW_WHOLE},
    [ROW_POPSIZE] = {.name = "popsize", .format = ROW_WHOLE},
    [ROW_DREAMS] = {.name = "dreams", .format = ROW_WHOLE},
    [ROW_NOISE] = {.name = "noise", .format = ROW_NUMBER, .optional = true},
    [ROW_SECONDS] = {.name = "seconds", .format = ROW_TIME},
    [ROW_BUSY] = {.name = "busy", .format = ROW_TIME, .optional = true},
    [ROW_DREAM] = {.name = "dream", .format = ROW_SHARE, .optional = true},
    [ROW_CONTROLLER] = {.name = "controller", .format = ROW_SHARE, .optional = true},
    [ROW_MASTER] = {.name = "master", .format = ROW_SHARE, .optional = true},
    [ROW_WAIT] = {.name = "wait", .format = ROW_SHARE, .optional = true},
    [ROW_SENT] = {.name = "sent", .optional = true},
    [ROW_REPEATED] = {.name = "repeated", .optional = true},
};

const char *row_name(row_column c) { return row_kinds[c].name; }

// --- writing --------------------------------------------------------------------------------------------------------

void row_head(text_buffer *t) {
  for (row_column c = 0; c < ROW_COLUMNS; c++)
    if (row_kinds[c].format) text_add(t, "%s%s", c ? "," : "", row_kinds[c].name);
  text_add(t, "\n");
}

// The formats are those of the table above.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void row_cell_add(text_buffer *t, const char *format, double value) {
  if (!isnan(value)) text_add(t, format, value);
}
#pragma GCC diagnostic pop

void row_csv(const run_row *r, text_buffer *t) {
  for (row_column c = 0; c < ROW_COLUMNS; c++) {
    if (!row_kinds[c].format) continue;
    if (c) text_add(t, ",");
    row_cell_add(t, row_kinds[c].format, r->of[c]);
  }
  text_add(t, "\n");
}

void row_json(const run_row *r, text_buffer *t) {
  json_open(t, NULL, '{');
  for (row_column c = 0; c < ROW_COLUMNS; c++)
    if (!row_kinds[c].optional || !isnan(r->of[c])) json_number(t, row_kinds[c].name, r->of[c]);
  json_close(t, '}');
  text_add(t, "\n");
}

// --- reading --------------------------------------------------------------------------------------------------------

size_t row_results_size(const char *line) {
  const char *at = line;
  for (row_column c = 0; c < ROW_TIMES; c++) {
    at += strcspn(at, ",\n");
    if (*at == ',') at++;
  }
  return (size_t)(at - line);
}

run_row row_read(const table *t, int number) {
  run_row r;
  for (row_column c = 0; c < ROW_COLUMNS; c++) r.of[c] = table_cell(t, number, table_column(t, row_kinds[c].name));
  return r;
}

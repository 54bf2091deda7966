// What a search tells: a row per generation in run.csv, the same and all events as JSON lines, and the progress line.

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "evolution.h"

// --- run.csv as the checkpoint knows it -----------------------------------------------------------------------------

// Where line `count` ends, counted from 1; NULL if there are fewer.
static const char *rows_lines_end(const char *text, int count) {
  const char *at = text;
  for (int i = 0; at && i < count; i++) {
    at = strchr(at, '\n');
    if (at) at++;
  }
  return at;
}

static hash rows_hash(hash before, const char *line) {
  const hash parts[2] = {before, hash_bytes(line, row_results_size(line))};
  return hash_join(parts, 2);
}

// The head alone, which a run.csv without rows has.
static status rows_head_write(const char *path) {
  text_buffer t = {0};
  row_head(&t);
  status s = file_write(path, t.bytes, t.size);
  text_free(&t);
  return s;
}

static hash rows_none(void) {
  text_buffer t = {0};
  row_head(&t);
  hash h = hash_bytes(t.bytes, t.size);
  text_free(&t);
  return h;
}

status rows_begin(descent *d) {
  d->state.rows = rows_none();
  return rows_head_write(d->csv.text);
}

// Are the first bytes of run.csv, its head and what follows up to `end`, the rows that the checkpoint was written
// after?
static bool rows_fit(const descent *d, const char *text, const char *end) {
  const char *line = rows_lines_end(text, 1);
  hash h = hash_bytes(text, (size_t)(line - text));
  for (; line < end; line = rows_lines_end(line, 1)) h = rows_hash(h, line);
  return hash_equal(h, d->state.rows);
}

static status rows_file_cut(const char *path, off_t size, int generation) {
  int fd;
  TRY(file_open(&fd, path, O_WRONLY | O_NOFOLLOW));
  int bad = ftruncate(fd, size) != 0 ? errno : 0;
  close(fd);
  if (bad) FAIL(NO_IO, "%s: cannot be cut back to generation %d: %s", path, generation, strerror(bad));
  return OK;
}

// A row per generation below the head, so the generation says how much of the file the checkpoint knows.
status rows_cut(const descent *d) {
  char *text;
  size_t size;
  TRY(file_read(&text, &size, d->csv.text));
  const char *end = rows_lines_end(text, 1 + d->state.generation);
  off_t kept = end ? (off_t)(end - text) : -1;
  bool fit = end && rows_fit(d, text, end);
  mem_free(text);

  if (kept < 0)
    FAIL(BAD_FILE,
         "%s has fewer rows than the %d generations of the checkpoint; restore it, or start anew with --fresh",
         d->csv.text, d->state.generation);
  if (!fit)
    FAIL(BAD_FILE, "%s was changed since it was written; restore it, or start anew with --fresh", d->csv.text);
  return rows_file_cut(d->csv.text, kept, d->state.generation);
}

// --- a row ----------------------------------------------------------------------------------------------------------

// Where the rank-seconds from one row to the next went, judging aside; the shares sum to 1. While rank 0 asks, tells
// and writes, the others wait.
typedef struct rows_split { double dream, controller, master, wait; } rows_split;

static rows_split rows_split_of(const evolution *v, const outcome *r) {
  double alone = fmax(0, time_now() - v->told_at - v->mapped), ranks = farm_size(v->f);
  double whole = fmax(r->seconds + alone, 1e-9);
  rows_split s = {.dream = (r->busy - r->controller) * r->seconds / whole,
                  .controller = r->controller * r->seconds / whole,
                  .master = (r->master + alone) / (ranks * whole)};
  s.wait = fmax(0, 1 - s.dream - s.controller - s.master);
  return s;
}

static run_row rows_row(const descent *d) {
  const outcome *o = &d->row;
  run_row r = {.of = {[ROW_GENERATION] = d->state.generation,
                  [ROW_BEST] = o->best,
                  [ROW_MEDIAN] = o->median,
                  [ROW_MEAN] = o->mean,
                  [ROW_HELD_OUT] = o->held_out,
                  [ROW_REAL] = o->real,
                  [ROW_RATIO] = o->ratio,
                  [ROW_REAL_STEPS] = o->real_steps,
                  [ROW_SIGMA] = es_sigma(d->search),
                  [ROW_CONDITION] = es_condition(d->search),
                  [ROW_EPISODES] = (double)d->state.episodes,
                  [ROW_STEPS] = (double)d->state.steps,
                  [ROW_BROKEN] = o->broken,
                  [ROW_DESCENT] = o->descent,
                  [ROW_POPSIZE] = o->popsize,
                  [ROW_DREAMS] = o->dreams,
                  [ROW_NOISE] = o->noise,
                  [ROW_SECONDS] = o->seconds,
                  [ROW_BUSY] = o->busy,
                  [ROW_SENT] = (double)o->sent,
                  [ROW_REPEATED] = (double)o->repeated}};

  const rows_split s = rows_split_of(d->v, o);
  r.of[ROW_DREAM] = s.dream;
  r.of[ROW_CONTROLLER] = s.controller;
  r.of[ROW_MASTER] = s.master;
  r.of[ROW_WAIT] = s.wait;

  // Of a job that goes on nothing is known yet.
  for (row_column c = ROW_BUSY; c < ROW_COLUMNS; c++)
    if (isnan(o->busy)) r.of[c] = (double)NAN;
  return r;
}

// Writes JSON lines.
static status rows_lines_write(const evolution *v, text_buffer *t) {
  status s = file_append(v->jsonl.text, t);
  text_free(t);
  return s;
}

// Ends a JSON line and writes it.
static status rows_line_end(const evolution *v, text_buffer *t) {
  json_close(t, '}');
  text_add(t, "\n");
  return rows_lines_write(v, t);
}

// The end of a descent is an event of its generation.
static status rows_ended_tell(const descent *d) {
  bool several = d->v->count > 1 || d->v->s->evolve.restarts != CONFIG_RESTARTS_NONE;
  if (!*d->row.ended || !several) return OK;
  log_all("evolve: descent %d ended at generation %d: %s", d->row.descent, d->state.generation, d->row.ended);
  return rows_event(d, "descent", d->row.ended);
}

static status rows_csv_add(descent *d, const run_row *r) {
  text_buffer line = {0};
  row_csv(r, &line);
  status s = file_append(d->csv.text, &line);
  d->state.rows = rows_hash(d->state.rows, line.bytes);

  // Of several descents, run.csv gets the row when its round is whole.
  if (s == OK && d->v->count > 1) {
    text_add(&d->rows, "%s", line.bytes);
    d->rows_count++;
  }
  text_free(&line);
  return s;
}

status rows_add(descent *d) {
  const run_row r = rows_row(d);
  d->v->told_at = time_now();
  d->v->mapped = 0;

  // once for tables, once for programs
  text_buffer json = {0};
  row_json(&r, &json);
  status s = rows_csv_add(d, &r);
  if (s == OK) s = rows_lines_write(d->v, &json);
  text_free(&json);
  return s == OK ? rows_ended_tell(d) : s;
}

void rows_show(const descent *d) {
  char note[224], held[88] = "", busy[32] = "", name[32] = "";
  const outcome *o = &d->row;
  stage_work *w = &d->v->work;
  if (!isnan(o->held_out))
    snprintf(held, sizeof held, "  held-out %.1f  real %.1f  dream/real %.2f", o->held_out, o->real, o->ratio);
  else if (!isnan(o->real)) snprintf(held, sizeof held, "  mean controller, new luck: %.1f", o->real);
  if (!isnan(o->busy)) snprintf(busy, sizeof busy, "  busy %.0f %%", 100 * o->busy);
  if (o->descent > 1 || d->v->count > 1) snprintf(name, sizeof name, "descent %d  ", o->descent);
  snprintf(note, sizeof note, "%sbest %.1f  mean %.1f  sigma %.3g%s%s", name, o->best, o->mean, es_sigma(d->search),
           busy, held);

  if (outcome_judged(o)) w->line.last = 0;  // such a line is always shown
  work_show(w, evolution_generations(d->v), note);
}

// --- the rows of several descents, in one file ----------------------------------------------------------------------
// A round is the same generation of all descents that come so far. It is written when none can add to it any more, so
// that the file is the same whoever was fast.

// Over, and its last row is told.
static bool rows_say_no_more(const descent *d) {
  return d->over && d->rows_gone + d->rows_count == d->state.generation;
}

static bool rows_round_is_whole(const evolution *v) {
  bool any = false;
  for (int i = 0; i < v->count; i++) {
    const descent *d = &v->descents[i];
    if (d->rows_count == 0 && !rows_say_no_more(d)) return false;
    any |= d->rows_count > 0;
  }
  return any;
}

// Moves a descent's first row.
static void rows_move(descent *d, text_buffer *to) {
  if (d->rows_count == 0) return;

  size_t size = (size_t)(strchr(d->rows.bytes, '\n') + 1 - d->rows.bytes);
  text_add(to, "%.*s", (int)size, d->rows.bytes);
  memmove(d->rows.bytes, d->rows.bytes + size, d->rows.size - size + 1);
  d->rows.size -= size;

  d->rows_count--;
  d->rows_gone++;
}

static status rows_rounds_write(evolution *v) {
  text_buffer t = {0};
  while (rows_round_is_whole(v))
    for (int i = 0; i < v->count; i++) rows_move(&v->descents[i], &t);

  status s = t.size ? file_append(v->csv.text, &t) : OK;
  text_free(&t);
  return s;
}

status rows_merge(evolution *v) { return v->count > 1 ? rows_rounds_write(v) : OK; }

static status rows_descent_read(descent *d) {
  char *text;
  size_t size;
  TRY(file_read(&text, &size, d->csv.text));

  // below the head
  const char *rows = rows_lines_end(text, 1);
  text_free(&d->rows);
  text_add(&d->rows, "%s", rows ? rows : "");
  d->rows_count = d->state.generation;
  d->rows_gone = 0;
  mem_free(text);
  return OK;
}

status rows_gather(evolution *v) {
  if (v->count == 1) return OK;
  for (int i = 0; i < v->count; i++) TRY(rows_descent_read(&v->descents[i]));
  TRY(rows_head_write(v->csv.text));
  return rows_rounds_write(v);
}

// --- events ---------------------------------------------------------------------------------------------------------

static void rows_event_begin(const descent *d, text_buffer *t, const char *event) {
  json_open(t, NULL, '{');
  json_text(t, "event", event);
  json_number(t, "generation", d->state.generation);
  if (d->v->count > 1) json_number(t, "descent", d->number);
}

// Who runs what, where.
static status rows_provenance_end(const evolution *v, text_buffer *t) {
  json_number(t, "ranks", farm_size(v->f));
  json_text(t, "world", v->world.hex);
  json_text(t, "config", v->identity.hex);
  json_text(t, "version", DREAMFARM_VERSION);
  return rows_line_end(v, t);
}

status rows_event(const descent *d, const char *event, const char *words) {
  text_buffer t = {0};
  rows_event_begin(d, &t, event);
  if (words) json_text(&t, "words", words);
  return rows_provenance_end(d->v, &t);
}

status rows_resumed(const descent *d, int episodes) {
  text_buffer t = {0};
  rows_event_begin(d, &t, "resume");
  json_number(&t, "journal", episodes);
  return rows_provenance_end(d->v, &t);
}

status rows_used(const evolution *v, const farm_report *r) {
  text_buffer t = {0};
  json_open(&t, NULL, '{');
  json_text(&t, "event", "job");
  json_number(&t, "generations", evolution_generations(v));
  json_number(&t, "seconds", r->seconds);
  json_number(&t, "busy", r->busy);
  json_number(&t, "sent", (double)r->sent);
  json_number(&t, "repeated", (double)r->repeated);
  json_number(&t, "master_seconds", r->master);
  return rows_line_end(v, &t);
}

static void rows_poison_tell(const evolution *v, const share *s, const farm_event *e, text_buffer *t) {
  static const char *const jobs[] = {[JOB_TRAIN] = "train", [JOB_HELD_OUT] = "held-out", [JOB_REAL] = "real",
                                     [JOB_COMPARED] = "compared"};
  int group = e->task / v->members - s->first, episode = e->task % v->members;

  // Behind the candidates' groups are those of their second evaluations.
  int popsize = s->d->popsize, candidate = group < popsize ? group : group - popsize;
  log_here("generation %d, %s: candidate %d, episode %d took %d workers down, one after the other; it counts as broken",
           s->d->state.generation, jobs[v->job], candidate, episode, e->workers);

  json_text(t, "job", jobs[v->job]);
  json_number(t, "candidate", candidate);
  json_number(t, "episode", episode);
  json_number(t, "workers", e->workers);
}

void rows_happened(evolution *v, const farm_event *e) {
  static const char *const names[] = {
      [FARM_WORKER_LOST] = "lost", [FARM_WORKER_BACK] = "back", [FARM_TASK_POISONED] = "poisoned"};
  const share *s = &v->shares[e->kind == FARM_TASK_POISONED ? v->share_of[e->task / v->members] : 0];
  v->away += (e->kind == FARM_WORKER_LOST) - (e->kind == FARM_WORKER_BACK);

  // a journal that cannot be written ends no search: it is said, and the search goes on
  text_buffer t = {0};
  rows_event_begin(s->d, &t, names[e->kind]);
  if (e->kind == FARM_TASK_POISONED) rows_poison_tell(v, s, e, &t);
  else json_number(&t, "worker", e->worker);
  if (rows_line_end(v, &t) != OK) log_here("%s", status_message());
}

// --- a control file's words -----------------------------------------------------------------------------------------

// Of the whole run: its generation is that of the descent that has come furthest.
static void rows_run_event_begin(const evolution *v, text_buffer *t, const char *event) {
  json_open(t, NULL, '{');
  json_text(t, "event", event);
  json_number(t, "generation", evolution_furthest(v));
}

status rows_control(const evolution *v, const control *c) {
  text_buffer t = {0};
  rows_run_event_begin(v, &t, "control");

  // what was asked, and what the configuration says instead
  if (c->generations) {
    json_number(&t, "generations", c->generations);
    json_number(&t, "configured", v->s->evolve.generations);
  }
  if (c->state) json_bool(&t, "state", true);
  if (c->stop) json_bool(&t, "stop", true);
  return rows_line_end(v, &t);
}

status rows_refused(const evolution *v, const char *words) {
  text_buffer t = {0};
  rows_run_event_begin(v, &t, "refused");
  json_text(&t, "words", words);
  return rows_line_end(v, &t);
}

static double rows_evaluations(const evolution *v) {
  double sum = 0;
  for (int i = 0; i < v->count; i++) sum += (double)es_evaluations(v->descents[i].search);
  return sum;
}

static void rows_state_log(const evolution *v, int64_t finished, double eta) {
  const es *e = evolution_leader(v)->search;
  char rest[40] = "no rate yet";
  if (isfinite(eta)) snprintf(rest, sizeof rest, "about %.0f s to go", eta);
  log_here("evolve: generation %d of %d made, %lld episodes into what follows; %.0f evaluations; best %.4g, mean %.4g; "
           "sigma %.4g, condition %.4g; %d of %d ranks; %s",
           evolution_furthest(v), v->generations, (long long)finished, rows_evaluations(v), v->last.best, v->last.mean,
           es_sigma(e), es_condition(e), farm_size(v->f) - v->away, farm_size(v->f), rest);
}

status rows_state(const evolution *v, int64_t finished, double eta) {
  text_buffer t = {0};
  const descent *leader = evolution_leader(v);
  rows_run_event_begin(v, &t, "state");
  json_number(&t, "generations", v->generations);
  json_number(&t, "finished", (double)finished);
  json_number(&t, "evaluations", rows_evaluations(v));
  json_number(&t, "best", v->last.best);
  json_number(&t, "mean", v->last.mean);
  json_number(&t, "best_held_out", leader->state.best_score);
  json_number(&t, "sigma", es_sigma(leader->search));
  json_number(&t, "condition", es_condition(leader->search));
  json_number(&t, "ranks", farm_size(v->f));
  json_number(&t, "alive", farm_size(v->f) - v->away);
  json_number(&t, "eta", eta);
  json_close(&t, '}');
  text_add(&t, "\n");

  // for whoever asks once (the file) and for whoever reads on (the lines)
  rows_state_log(v, finished, eta);
  status s = file_write(run_whole(v->home, RUN_STATE).text, t.bytes, t.size);
  if (s == OK) s = file_append(v->jsonl.text, &t);
  text_free(&t);
  return s;
}

// What a search tells: a row a generation in run.csv, the same and all events as JSON lines, and the progress line.

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "evolution.h"

// --- rows -------------------------------------------------------------------------------------------------------------------

status rows_begin(evolution *v) {
  TRY(file_write(v->csv.text, EVOLUTION_CSV_HEAD, strlen(EVOLUTION_CSV_HEAD)));
  return file_remove(v->jsonl.text);
}

// Where line `count` ends, counted from 1; NULL if there are fewer.
static const char *lines_end(const char *text, int count) {
  const char *at = text;
  for (int i = 0; at && i < count; i++) {
    at = strchr(at, '\n');
    if (at) at++;
  }
  return at;
}

// A row a generation below the head, so the generation says how much of the file the checkpoint knows.
status rows_cut(const evolution *v) {
  char *text;
  size_t size;
  TRY(file_read(&text, &size, v->csv.text));
  const char *end = lines_end(text, 1 + v->state.generation);
  off_t kept = end ? (off_t)(end - text) : -1;
  mem_free(text);
  if (kept < 0)
    FAIL(BAD_FILE, "%s has fewer rows than the %d generations of the checkpoint; restore it, or start anew with --fresh", v->csv.text,
         v->state.generation);
  if (truncate(v->csv.text, kept) != 0)
    FAIL(NO_IO, "%s: cannot be cut back to generation %d: %s", v->csv.text, v->state.generation, strerror(errno));
  return OK;
}

static void add_cell(text_buffer *t, double value) {
  if (isnan(value)) text_add(t, ",");
  else text_add(t, ",%.9g", value);
}

// Where the rank-seconds from one row to the next went, judging aside; the shares sum to 1. While rank 0 asks, tells and
// writes, the others wait.
typedef struct split { double dream, controller, master, wait; } split;

static split split_of(const evolution *v, const row *r) {
  double alone = fmax(0, time_now() - v->told_at - v->mapped), ranks = farm_size(v->a->f), whole = fmax(r->seconds + alone, 1e-9);
  split s = {.dream = (r->busy - r->controller) * r->seconds / whole, .controller = r->controller * r->seconds / whole,
             .master = (r->master + alone) / (ranks * whole)};
  s.wait = fmax(0, 1 - s.dream - s.controller - s.master);
  return s;
}

static void csv_row(const evolution *v, const row *r, const split *of, text_buffer *t) {
  text_add(t, "%d", v->state.generation);
  const double cells[] = {r->best, r->median, r->mean, r->held_out, r->real, es_sigma(v->search), es_condition(v->search)};
  for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) add_cell(t, cells[i]);
  text_add(t, ",%lld,%lld,%d,%.3f,%.3f", (long long)v->state.episodes, (long long)v->state.steps, r->broken, r->seconds, r->busy);
  text_add(t, ",%.4f,%.4f,%.4f,%.4f\n", of->dream, of->controller, of->master, of->wait);
}

static void json_row(const evolution *v, const row *r, const split *of, text_buffer *t) {
  json_open(t, NULL, '{');
  json_number(t, "generation", v->state.generation);
  json_number(t, "best", r->best);
  json_number(t, "median", r->median);
  json_number(t, "mean", r->mean);
  if (!isnan(r->held_out)) json_number(t, "held_out", r->held_out);
  if (!isnan(r->real)) json_number(t, "real", r->real);
  json_number(t, "sigma", es_sigma(v->search));
  json_number(t, "condition", es_condition(v->search));
  json_number(t, "episodes", (double)v->state.episodes);
  json_number(t, "steps", (double)v->state.steps);
  json_number(t, "broken", r->broken);
  json_number(t, "seconds", r->seconds);
  json_number(t, "busy", r->busy);
  json_number(t, "dream", of->dream);
  json_number(t, "controller", of->controller);
  json_number(t, "master", of->master);
  json_number(t, "wait", of->wait);
  json_number(t, "sent", (double)r->sent);
  json_number(t, "repeated", (double)r->repeated);
}

// Ends a JSON line and writes it.
static status line_end(const evolution *v, text_buffer *t) {
  json_close(t, '}');
  text_add(t, "\n");
  status s = append_text(v->jsonl.text, t);
  text_free(t);
  return s;
}

status rows_add(evolution *v, const row *r) {
  text_buffer line = {0}, json = {0};
  const split of = split_of(v, r);
  csv_row(v, r, &of, &line);
  json_row(v, r, &of, &json);
  v->told_at = time_now();
  v->mapped = 0;
  status s = append_text(v->csv.text, &line);
  text_free(&line);
  if (s == OK) return line_end(v, &json);
  text_free(&json);
  return s;
}

void rows_show(evolution *v, const row *r) {
  char note[160], held[64] = "";
  if (!isnan(r->held_out)) snprintf(held, sizeof held, "  held-out %.1f  real %.1f", r->held_out, r->real);
  snprintf(note, sizeof note, "best %.1f  mean %.1f  sigma %.3g  busy %.0f %%%s", r->best, r->mean, es_sigma(v->search), 100 * r->busy, held);
  if (!isnan(r->held_out)) v->p.last = 0;  // such a line is always shown
  progress_show(&v->p, v->state.generation, note);
}

// --- events -----------------------------------------------------------------------------------------------------------------

static void event_begin(const evolution *v, text_buffer *t, const char *event) {
  json_open(t, NULL, '{');
  json_text(t, "event", event);
  json_number(t, "generation", v->state.generation);
}

// Who runs what, where.
static status provenance_end(const evolution *v, text_buffer *t) {
  json_number(t, "ranks", farm_size(v->a->f));
  json_text(t, "world", v->state.world.hex);
  json_text(t, "config", v->state.identity.hex);
  json_text(t, "version", DREAMFARM_VERSION);
  return line_end(v, t);
}

status rows_event(const evolution *v, const char *event, const char *words) {
  text_buffer t = {0};
  event_begin(v, &t, event);
  if (words) json_text(&t, "words", words);
  return provenance_end(v, &t);
}

status rows_resumed(const evolution *v, int episodes) {
  text_buffer t = {0};
  event_begin(v, &t, "resume");
  json_number(&t, "journal", episodes);
  return provenance_end(v, &t);
}

static void poison_tell(const evolution *v, const farm_event *e, int members, text_buffer *t) {
  static const char *const jobs[] = {[JOB_TRAIN] = "train", [JOB_HELD_OUT] = "held-out", [JOB_REAL] = "real"};
  int candidate = e->task / members, episode = e->task % members;
  log_here("generation %d, %s: candidate %d, episode %d took %d workers down, one after the other; it counts as broken",
           v->state.generation, jobs[v->job], candidate, episode, e->workers);
  json_text(t, "job", jobs[v->job]);
  json_number(t, "candidate", candidate);
  json_number(t, "episode", episode);
  json_number(t, "workers", e->workers);
}

void rows_happened(evolution *v, const farm_event *e, int members) {
  static const char *const names[] = {[FARM_WORKER_LOST] = "lost", [FARM_WORKER_BACK] = "back", [FARM_TASK_POISONED] = "poisoned"};
  text_buffer t = {0};
  v->away += (e->kind == FARM_WORKER_LOST) - (e->kind == FARM_WORKER_BACK);
  event_begin(v, &t, names[e->kind]);
  if (e->kind == FARM_TASK_POISONED) poison_tell(v, e, members, &t);
  else json_number(&t, "worker", e->worker);
  if (line_end(v, &t) != OK) log_here("%s", status_message());
}

// --- a control file's words -----------------------------------------------------------------------------------------------------

status rows_control(const evolution *v, const control *c) {
  text_buffer t = {0};
  event_begin(v, &t, "control");
  if (c->generations) {
    json_number(&t, "generations", c->generations);
    json_number(&t, "configured", v->a->s.evolve.generations);
  }
  if (c->state) json_bool(&t, "state", true);
  if (c->stop) json_bool(&t, "stop", true);
  return line_end(v, &t);
}

// The last one counts, and none where the configuration has changed since.
int rows_limit(const evolution *v) {
  char *text;
  size_t size;
  int limit = 0;
  if (file_read(&text, &size, v->jsonl.text) != OK) return 0;
  for (const char *at = text; (at = strstr(at, "\"event\": \"control\"")); at++) {
    int made, generations, configured;
    if (sscanf(at, "\"event\": \"control\", \"generation\": %d, \"generations\": %d, \"configured\": %d", &made, &generations, &configured) == 3)
      limit = configured == v->a->s.evolve.generations ? generations : 0;
  }
  mem_free(text);
  return limit;
}

status rows_refused(const evolution *v, const char *words) {
  text_buffer t = {0};
  event_begin(v, &t, "refused");
  json_text(&t, "words", words);
  return line_end(v, &t);
}

static void state_log(const evolution *v, int64_t finished, double eta) {
  char rest[40] = "no rate yet";
  if (isfinite(eta)) snprintf(rest, sizeof rest, "about %.0f s to go", eta);
  log_here("evolve: generation %d of %d made, %lld episodes into what follows; %lld evaluations; best %.4g, mean %.4g; sigma %.4g, condition %.4g; %d of %d ranks; %s",
           v->state.generation, v->generations, (long long)finished, (long long)es_evaluations(v->search), v->last.best, v->last.mean, es_sigma(v->search),
           es_condition(v->search), farm_size(v->a->f) - v->away, farm_size(v->a->f), rest);
}

status rows_state(const evolution *v, int64_t finished, double eta) {
  text_buffer t = {0};
  event_begin(v, &t, "state");
  json_number(&t, "generations", v->generations);
  json_number(&t, "finished", (double)finished);
  json_number(&t, "evaluations", (double)es_evaluations(v->search));
  json_number(&t, "best", v->last.best);
  json_number(&t, "mean", v->last.mean);
  json_number(&t, "best_held_out", v->state.best_score);
  json_number(&t, "sigma", es_sigma(v->search));
  json_number(&t, "condition", es_condition(v->search));
  json_number(&t, "ranks", farm_size(v->a->f));
  json_number(&t, "alive", farm_size(v->a->f) - v->away);
  json_number(&t, "eta", eta);
  json_close(&t, '}');
  text_add(&t, "\n");
  state_log(v, finished, eta);
  status s = file_write(run_path(v->a, "state.json").text, t.bytes, t.size);
  if (s == OK) s = append_text(v->jsonl.text, &t);
  text_free(&t);
  return s;
}

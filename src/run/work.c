// A stage at work: how far it is, on the terminal and in progress.json, and what it is asked by signals and
// control.yaml.

#include <math.h>
#include <string.h>
#include <time.h>

#include "run.h"

#define WORK_WRITE_SECONDS 2.0

stage_work work_open(const run_home *r, stage s, const char *label, const char *unit, double total) {
  return (stage_work){.home = r,
                      .which = s,
                      .line = progress_open(label, unit, total),
                      .began = time_now(),
                      .first = (double)NAN,
                      .written = -INFINITY};
}

// --- how far it is ---------------------------------------------------------------------------------------------------

// By this process's own pace: what was there at its first look took it no time. NaN: nothing is known yet.
static double work_eta(const stage_work *w) {
  double made = w->done - w->first, left = fmax(0, w->line.total - w->done);
  return made > 0 ? (time_now() - w->began) / made * left : (double)NAN;
}

static void work_json(const stage_work *w, bool complete, text_buffer *t) {
  json_open(t, NULL, '{');
  if (w->home->whole) json_number(t, "round", w->home->round);
  json_text(t, "stage", stage_name(w->which));
  json_number(t, "done", w->done);
  json_number(t, "total", w->line.total);
  json_text(t, "unit", w->line.unit);
  json_text(t, "note", w->note);
  json_number(t, "eta", complete ? 0 : work_eta(w));

  // for whoever looks from outside: how old this is, and whether there is more to come
  json_number(t, "seconds", time_now() - w->began);
  json_number(t, "updated", (double)time(NULL));
  json_bool(t, "complete", complete);
  json_close(t, '}');
  text_add(t, "\n");
}

// Where it cannot be written that is said once: who works needs no such file.
static void work_write(stage_work *w, bool complete) {
  // a full disk must not be tried again in every step
  if (!w->home || w->written == INFINITY) return;
  text_buffer t = {0};
  work_json(w, complete, &t);
  bool good = file_write(run_whole(w->home, RUN_PROGRESS).text, t.bytes, t.size) == OK;
  text_free(&t);

  w->written = good ? time_now() : INFINITY;
  if (!good) log_here("%s; nobody else sees how far %s is", status_message(), stage_name(w->which));
}

static void work_stand(stage_work *w, double done, const char *note) {
  if (isnan(w->first)) w->first = done;
  w->done = done;
  text_print(w->note, sizeof w->note, "%s", note ? note : "");
}

void work_show(stage_work *w, double done, const char *note) {
  work_stand(w, done, note);
  progress_show(&w->line, done, note);
  if (time_now() - w->written >= WORK_WRITE_SECONDS) work_write(w, false);
}

void work_close(stage_work *w, double done, const char *note) {
  work_stand(w, done, note);
  progress_close(&w->line, done, note);
  work_write(w, true);
}

// --- what it is asked ------------------------------------------------------------------------------------------------

// Only a search has generations.
static status work_understand(const stage_work *w, const control *c) {
  if (!c->generations) return OK;
  FAIL(BAD_CONFIG, "%s: generations: found %d, but %s has none: only evolve is asked for them",
       run_whole(w->home, RUN_CONTROL).text, c->generations, stage_name(w->which));
}

static void work_tell(stage_work *w) {
  char rest[40] = "no rate yet";
  double eta = work_eta(w);
  if (isfinite(eta)) snprintf(rest, sizeof rest, "about %.0f s to go", eta);
  log_here("%s: %.0f of %.0f %s%s%s; %s", stage_name(w->which), w->done, w->line.total, w->line.unit,
           *w->note ? "; " : "", w->note, rest);
  work_write(w, false);
}

static void work_obey(stage_work *w, const control *c) {
  if (control_empty(c)) log_here("%s: control.yaml asks for nothing", stage_name(w->which));
  if (c->state) work_tell(w);
  if (c->stop) signals_stop();
}

bool work_going(stage_work *w) {
  control c;
  request_news news = w->home ? request_look(&w->requests, w->home, 0, &c) : REQUEST_NONE;
  if (news == REQUEST_TAKEN && work_understand(w, &c) != OK) news = REQUEST_REFUSED;

  if (news == REQUEST_TAKEN) work_obey(w, &c);
  if (news == REQUEST_REFUSED) log_here("%s; nothing was changed, %s goes on", status_message(), stage_name(w->which));
  return !signals_asked();
}

// A running search is asked through a file: whoever puts control.yaml into the run's directory has it stop, go on for
// longer or shorter, or tell how it stands. Rank 0 looks a few times a second. The file is first renamed to
// control.done.yaml, then read: each is acted on once, whatever happens, and the next one is another file. What is
// wrong with one harms nothing.

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "evolution.h"

#define CONTROL_LOOK_SECONDS 0.1
#define CONTROL_SETTLED_SECONDS 0.3  // so long it must have stayed as it is, lest half of it be read

static file_path control_asking(const evolution *v) { return run_path(v->home, RUN_CONTROL); }
static file_path control_done(const evolution *v) { return run_path(v->home, "control.done.yaml"); }

// --- looking --------------------------------------------------------------------------------------------------------

static bool control_same_file(const struct stat *a, const struct stat *b) {
  bool same_place = a->st_ino == b->st_ino && a->st_dev == b->st_dev;
  bool same_time = a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
  return same_place && same_time && a->st_size == b->st_size;
}

// An empty file is one that somebody is about to write. What is no file is taken too, and refused where it is read.
static bool control_settled(control_watch *c, const char *path) {
  struct stat facts;
  if (lstat(path, &facts) != 0 || (S_ISREG(facts.st_mode) && facts.st_size == 0)) memset(&facts, 0, sizeof facts);
  if (!control_same_file(&facts, &c->seen)) c->since = time_now();
  c->seen = facts;
  return facts.st_ino != 0 && time_now() - c->since >= CONTROL_SETTLED_SECONDS;
}

// --- taking ---------------------------------------------------------------------------------------------------------

// A file that cannot be renamed would be acted on again and again: it is left alone until it changes.
static status control_take(evolution *v, control *c) {
  file_path from = control_asking(v), to = control_done(v);
  if (rename(from.text, to.text) != 0) {
    v->watch.since = INFINITY;
    FAIL(NO_IO, "%s: cannot be renamed to %s: %s", from.text, to.text, strerror(errno));
  }

  char *bytes;
  size_t size;
  TRY(file_read_own(&bytes, &size, to.text));
  status s = control_read(c, from.text, bytes, size, evolution_furthest(v));
  mem_free(bytes);
  return s;
}

static double control_eta(const evolution *v, int64_t finished) {
  double made = evolution_generations(v) - v->watch.before;
  double left = (double)v->generations * v->count - evolution_generations(v), episodes = 0;

  // The generation under way counts by its part, where it is the same one of all descents.
  for (int i = 0; i < v->share_count; i++) episodes += v->shares[i].groups * v->shares[i].episodes;
  if (v->job == JOB_TRAIN && episodes > 0 && !v->streams) {
    double part = (double)finished / episodes * v->share_count;
    made += part;
    left -= part;
  }
  return made > 0 ? (time_now() - v->watch.began) / made * left : (double)NAN;
}

static void control_complain(status s) {
  if (s != OK) log_here("%s", status_message());
}

static void control_limit_take(evolution *v, int generations) {
  v->generations = generations;
  for (int i = 0; i < v->count; i++) descent_limit(&v->descents[i]);
}

// Durable before it is told: a resume goes by the same limit.
static void control_limit_set(evolution *v, int generations) {
  control_complain(stage_length_ask(v->home, STAGE_EVOLVE, generations));
  log_here("evolve: the limit is now %d generations instead of %d, as control.yaml asks", generations, v->generations);
  control_limit_take(v, generations);
  v->p.total = (double)generations * v->count;
}

static void control_obey(evolution *v, const control *c, int64_t finished) {
  if (control_empty(c)) log_here("evolve: control.yaml asks for nothing");
  if (c->generations) control_limit_set(v, c->generations);
  control_complain(rows_control(v, c));
  if (c->state) control_complain(rows_state(v, finished, control_eta(v, finished)));
  if (c->stop) signals_stop();
}

static void control_refuse(const evolution *v) {
  char words[1024];
  text_print(words, sizeof words, "%s", status_message());
  log_here("%s; nothing was changed, the search goes on", words);
  control_complain(rows_refused(v, words));
}

void control_look(evolution *v, int64_t finished) {
  if (time_now() - v->watch.looked < CONTROL_LOOK_SECONDS) return;
  v->watch.looked = time_now();
  if (!control_settled(&v->watch, control_asking(v).text)) return;

  control c = {0};
  if (control_take(v, &c) == OK) control_obey(v, &c, finished);
  else control_refuse(v);
}

void control_begin(evolution *v) {
  int configured = v->s->evolve.generations, limit = stage_length_asked(v->home, STAGE_EVOLVE);
  const double none = (double)NAN;
  control_limit_take(v, limit ? limit : configured);
  v->last = (outcome){.best = none, .median = none, .mean = none, .held_out = none, .real = none};
  v->watch = (control_watch){.began = time_now(), .before = evolution_generations(v)};
  if (limit)
    log_all("evolve: the limit is %d generations, as an earlier control.yaml asked, while evolve.generations stays %d",
            limit, configured);

  // A file that waits counts from the start: seen now, it has settled at the second look.
  if (!file_exists(control_asking(v).text)) return;
  control_look(v, 0);
  usleep((useconds_t)(1e6 * CONTROL_SETTLED_SECONDS));
  control_look(v, 0);
}

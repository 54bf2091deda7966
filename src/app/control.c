// A running search is asked through a file: whoever puts control.yaml into the run's directory has it stop, go on for longer or
// shorter, or tell how it stands. Rank 0 looks a few times a second. The file is first renamed to control.done.yaml, then
// read: each is acted on once, whatever happens, and the next one is another file. What is wrong with one harms nothing.

#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "evolution.h"

#define LOOK_SECONDS 0.1
#define SETTLED_SECONDS 0.3  // so long it must have stayed as it is, lest half of it be read

static file_path asking(const app *a) { return run_path(&a->run, "control.yaml"); }
static file_path done(const app *a) { return run_path(&a->run, "control.done.yaml"); }

// --- looking ----------------------------------------------------------------------------------------------------------------

static bool same_file(const struct stat *a, const struct stat *b) {
  return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
         a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

// An empty file is one that somebody is about to write. What is no file is taken too, and refused where it is read.
static bool settled(control_watch *c, const char *path) {
  struct stat now;
  if (lstat(path, &now) != 0 || (S_ISREG(now.st_mode) && now.st_size == 0)) memset(&now, 0, sizeof now);
  if (!same_file(&now, &c->seen)) c->since = time_now();
  c->seen = now;
  return now.st_ino != 0 && time_now() - c->since >= SETTLED_SECONDS;
}

// --- taking -----------------------------------------------------------------------------------------------------------------

// A file that cannot be renamed would be acted on again and again: it is left alone until it changes.
static status taken(evolution *v, control *c) {
  file_path from = asking(v->a), to = done(v->a);
  char *bytes;
  size_t size;
  if (rename(from.text, to.text) != 0) {
    v->watch.since = INFINITY;
    FAIL(NO_IO, "%s: cannot be renamed to %s: %s", from.text, to.text, strerror(errno));
  }
  TRY(file_read_own(&bytes, &size, to.text));
  status s = control_read(c, from.text, bytes, size, evolution_furthest(v));
  mem_free(bytes);
  return s;
}

static double eta(const evolution *v, int64_t finished) {
  double made = evolution_generations(v) - v->watch.before, left = (double)v->generations * v->count - evolution_generations(v), episodes = 0;
  for (int i = 0; i < v->share_count; i++) episodes += v->shares[i].groups * v->shares[i].episodes;
  if (v->job == JOB_TRAIN && episodes > 0 && !v->streams) {
    double part = (double)finished / episodes * v->share_count;
    made += part, left -= part;
  }
  return made > 0 ? (time_now() - v->watch.began) / made * left : (double)NAN;
}

static void complain(status s) {
  if (s != OK) log_here("%s", status_message());
}

static void limit_take(evolution *v, int generations) {
  v->generations = generations;
  for (int i = 0; i < v->count; i++) descent_limit(&v->descents[i]);
}

// Durable before it is told: a resume goes by the same limit.
static void limit_set(evolution *v, int generations) {
  complain(stage_length_ask(&v->a->run, STAGE_EVOLVE, generations));
  log_here("evolve: the limit is now %d generations instead of %d, as control.yaml asks", generations, v->generations);
  limit_take(v, generations);
  v->p.total = (double)generations * v->count;
}

static void obey(evolution *v, const control *c, int64_t finished) {
  if (control_empty(c)) log_here("evolve: control.yaml asks for nothing");
  if (c->generations) limit_set(v, c->generations);
  complain(rows_control(v, c));
  if (c->state) complain(rows_state(v, finished, eta(v, finished)));
  if (c->stop) signals_stop();
}

static void refuse(const evolution *v) {
  char words[1024];
  text_print(words, sizeof words, "%s", status_message());
  log_here("%s; nothing was changed, the search goes on", words);
  complain(rows_refused(v, words));
}

void control_look(evolution *v, int64_t finished) {
  control c = {0};
  if (time_now() - v->watch.looked < LOOK_SECONDS) return;
  v->watch.looked = time_now();
  if (!settled(&v->watch, asking(v->a).text)) return;
  if (taken(v, &c) == OK) obey(v, &c, finished);
  else refuse(v);
}

void control_begin(evolution *v) {
  int limit = stage_length_asked(&v->a->run, STAGE_EVOLVE);
  limit_take(v, limit ? limit : v->a->s.evolve.generations);
  v->last = (row){.best = (double)NAN, .median = (double)NAN, .mean = (double)NAN, .held_out = (double)NAN, .real = (double)NAN};
  v->watch = (control_watch){.began = time_now(), .before = evolution_generations(v)};
  if (limit) log_all("evolve: the limit is %d generations, as an earlier control.yaml asked, while evolve.generations stays %d", limit, v->a->s.evolve.generations);
  if (!file_exists(asking(v->a).text)) return;
  control_look(v, 0);
  usleep((useconds_t)(1e6 * SETTLED_SECONDS));
  control_look(v, 0);
}

// --- asking -----------------------------------------------------------------------------------------------------------------

status app_control(const app *a) {
  file_path path = asking(a);
  text_buffer t = {0};
  if (control_empty(&a->asked)) FAIL(USAGE, "control: what is asked? --set stop=true, --set generations=N or --set state=true");
  if (file_exists(path.text)) FAIL(NO_IO, "%s: nobody has taken the one before yet; wait a second, or remove it", path.text);
  if (!run_locked(&a->run)) fprintf(stderr, "nobody works in %s, as seen from here; who evolves there next will take it\n", a->s.run.directory);
  control_print(&a->asked, &t);
  status s = file_write(path.text, t.bytes, t.size);
  text_free(&t);
  return s;
}

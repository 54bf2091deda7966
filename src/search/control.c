// What control.yaml asks of a search: rank 0 looks a few times a second. What is wrong with one harms nothing.

#include <math.h>
#include <unistd.h>

#include "evolution.h"

// --- obeying ---------------------------------------------------------------------------------------------------------

static double control_eta(const evolution *v, int64_t finished) {
  double made = evolution_generations(v) - v->before;
  double left = (double)v->generations * v->count - evolution_generations(v), episodes = 0;

  // The generation under way counts by its part, where it is the same one of all descents.
  for (int i = 0; i < v->share_count; i++) episodes += v->shares[i].groups * v->shares[i].episodes;
  if (v->job == JOB_TRAIN && episodes > 0 && !v->streams) {
    double part = (double)finished / episodes * v->share_count;
    made += part;
    left -= part;
  }
  return made > 0 ? (time_now() - v->began) / made * left : (double)NAN;
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
  v->work.line.total = (double)generations * v->count;
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

// --- looking ---------------------------------------------------------------------------------------------------------

void control_look(evolution *v, int64_t finished) {
  control c;
  request_news news = request_look(&v->work.requests, v->home, evolution_furthest(v), &c);
  if (news == REQUEST_TAKEN) control_obey(v, &c, finished);
  if (news == REQUEST_REFUSED) control_refuse(v);
}

void control_begin(evolution *v) {
  int configured = v->s->evolve.generations, limit = stage_length_asked(v->home, STAGE_EVOLVE);
  const double none = (double)NAN;
  control_limit_take(v, limit ? limit : configured);
  v->last = (outcome){.best = none, .median = none, .mean = none, .held_out = none, .real = none, .ratio = none,
                      .real_steps = none};
  v->began = time_now();
  v->before = evolution_generations(v);
  if (v->before && v->before >= v->generations * v->count)
    log_all("evolve: %d generations are made already, and no more are asked for", v->before);
  if (limit)
    log_all("evolve: the limit is %d generations, as an earlier control.yaml asked, while evolve.generations stays %d",
            limit, configured);

  // A file that waits counts from the start: seen now, it has settled at the second look.
  if (!file_exists(run_whole(v->home, RUN_CONTROL).text)) return;
  control_look(v, 0);
  usleep((useconds_t)(1e6 * REQUEST_SETTLED_SECONDS));
  control_look(v, 0);
}

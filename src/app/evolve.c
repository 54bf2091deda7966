// The service: rank 0 asks evolution strategies for candidates, the farm plays them inside the dream, rank 0 tells what came of them.
// One descent, or several side by side in one job, so that the tail of one is filled by another: each is a chain of its own
// (descent.c), and who plays beside it never changes a number of it.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "evolution.h"

// Between pieces of work: is there a reason to stop?
static bool round_going(evolution *v, int64_t finished) {
  control_look(v, finished);
  return !signals_asked();
}

// --- judging the means now and then -----------------------------------------------------------------------------------------

// The means of those descents whose turn it is, in one job.
static status means_play(evolution *v, evolution_job job, rollout_place place, const char *stream, int episodes) {
  farm_report report;
  play_begin(v, job);
  if (episodes == 0) return OK;
  for (int i = 0; i < v->count; i++) {
    descent *d = &v->descents[i];
    if (d->played && descent_due(d)) descent_write_mean(d, play_add(v, d, 1, 1, episodes)->first, place, stream);
  }
  const play_watch watch = {.going = round_going};
  return v->share_count ? play(v, &watch, &report) : OK;
}

static status means_judge(evolution *v) {
  const settings *s = &v->a->s;
  TRY(means_play(v, JOB_HELD_OUT, ROLLOUT_DREAM, "held-out", s->evolve.held_out_episodes));
  for (int i = 0; i < v->share_count; i++) {
    descent *d = v->shares[i].d;
    d->row.held_out = summarise(result_at(v, &v->shares[i], 0, 0), s->evolve.held_out_episodes).mean;
    if (!isnan(d->state.best_score) && !(d->row.held_out > d->state.best_score)) continue;
    d->state.best_score = d->row.held_out;
    memcpy(d->best, d->mean, (size_t)v->n * sizeof *d->best);
  }
  TRY(means_play(v, JOB_REAL, ROLLOUT_REAL, "real", s->evolve.real_episodes));
  for (int i = 0; i < v->share_count; i++) v->shares[i].d->row.real = summarise(result_at(v, &v->shares[i], 0, 0), s->evolve.real_episodes).mean;
  return OK;
}

// --- the loop ---------------------------------------------------------------------------------------------------------------

// Of several descents, controller.safetensors is the leader's.
static status leader_save(const evolution *v) {
  const descent *leader = evolution_leader(v);
  if (v->count == 1) return OK;
  return search_save(v->a->s.run.directory, &leader->state, leader->search, isnan(leader->state.best_score) ? leader->mean : leader->best);
}

static void shares_lay(evolution *v) {
  play_begin(v, JOB_TRAIN);
  for (int i = 0; i < v->count; i++) {
    descent *d = &v->descents[i];
    d->played = !d->over;
    if (!d->played) continue;
    int groups = d->popsize + d->again, room = v->streams ? descent_groups_most(&v->a->s, d->number) : groups;
    descent_write(d, play_add(v, d, room, groups, d->episodes)->first);
  }
}

static void shares_tell(evolution *v, const farm_report *report) {
  for (int i = 0; i < v->share_count; i++) {
    if (v->shares[i].told) continue;
    descent_tell(&v->shares[i]);
    row *r = &v->shares[i].d->row;
    r->seconds = report->seconds;
    r->busy = report->busy;
    r->controller = report->apart;
    r->master = report->master;
    r->sent = report->sent;
    r->repeated = report->repeated;
  }
}

// A generation of every descent that is not over; where they go on by themselves, as many as till the next judgement.
static status round_play(evolution *v) {
  farm_report report;
  bool judged = false;
  shares_lay(v);
  const play_watch watch = {.answered = v->streams ? descent_goes_on : NULL, .going = round_going};
  TRY(play(v, &watch, &report));
  shares_tell(v, &report);
  if (v->streams) TRY(rows_used(v, &report));
  TRY(means_judge(v));
  for (int i = 0; i < v->count; i++) {
    descent *d = &v->descents[i];
    if (!d->played) continue;
    TRY(descent_save(d));
    rows_show(d);
    judged |= !isnan(d->row.held_out);
  }
  TRY(rows_merge(v));
  return judged ? leader_save(v) : OK;
}

static status rounds_play(evolution *v) {
  while (!evolution_over(v)) {
    control_look(v, 0);
    if (signals_asked()) FAIL(INTERRUPTED, "asked to stop");  // a short generation is over before its map looks up
    TRY(round_play(v));
  }
  TRY(leader_save(v));
  const char *why = v->count > 1 ? NULL : v->descents[0].why;  // of several each has said so itself
  if (why) log_all("evolve: stopped at generation %d: %s", v->descents[0].state.generation, why);
  return rows_event(&v->descents[0], "end", why);
}

// --- the verb ---------------------------------------------------------------------------------------------------------------

// The most groups and tasks that a job of all descents comes to.
static void evolution_sizes(evolution *v) {
  const settings *s = &v->a->s;
  for (int k = 1; k <= v->count; k++) v->groups_max += descent_groups_most(s, k);
  v->tasks_max = v->groups_max * evolution_episodes_most(s);
  const int others[] = {v->count * s->evolve.held_out_episodes, v->count * s->evolve.real_episodes};
  for (int i = 0; i < 2; i++)
    if (others[i] > v->tasks_max) v->tasks_max = others[i];
  if (v->maker) v->shared_max = maker_share_room(descent_source_most(s, v->n), v->count);
}

static void evolution_room(evolution *v) {
  size_t groups = (size_t)v->groups_max, tasks = (size_t)v->tasks_max;
  v->descents = mem_take((size_t)v->count, sizeof *v->descents);
  v->shares = mem_take((size_t)v->count, sizeof *v->shares);
  v->records = mem_take(groups, v->record_bytes);
  v->share_of = mem_take(groups, sizeof *v->share_of);
  v->shared_room = mem_take(v->shared_max, 1);
  v->expected = mem_take(groups, sizeof *v->expected);
  v->known = mem_take(tasks, 1);
  v->results = mem_take(tasks, sizeof *v->results);
  for (int k = 1; k <= v->count; k++) descent_open(v, k);
}

static void evolution_free(evolution *v) {
  for (int i = 0; i < v->count; i++) descent_close(&v->descents[i]);
  mem_free(v->descents);
  mem_free(v->shares);
  mem_free(v->records);
  mem_free(v->shared_room);
  mem_free(v->share_of);
  mem_free(v->expected);
  mem_free(v->known);
  mem_free(v->results);
}

// Where several descents are asked for, the run directory may hold the checkpoint of a run of one.
static status run_check(evolution *v) {
  const char *where = v->a->s.run.directory;
  if (v->count == 1 || v->a->run.fresh || !search_exists(where)) return OK;
  descent *d = &v->descents[0];
  bool damaged;
  TRY(search_newest(where, &damaged, &d->state, NULL, d->mean, d->best, v->n));
  return descent_refuse_other(d, where);
}

static bool any_checkpoint(const evolution *v) {
  bool any = false;
  for (int i = 0; i < v->count; i++) any |= search_exists(v->descents[i].home.text);
  return any;
}

// Nothing of an earlier search goes before all of this one stands.
static status searches_start(evolution *v) {
  const char *where = v->a->s.run.directory;
  TRY(run_check(v));
  for (int i = 0; i < v->count; i++) TRY(descent_ready(&v->descents[i]));

  bool anew = v->a->run.fresh || !any_checkpoint(v);
  TRY(stage_begin(&v->a->run, STAGE_EVOLVE));
  if (v->a->run.fresh) TRY(search_forget(where));
  if (anew) TRY(file_remove(v->jsonl.text));
  for (int i = 0; i < v->count; i++) TRY(descent_start(&v->descents[i]));
  return OK;
}

static status master(evolution *v) {
  const settings *s = &v->a->s;
  v->identity = stage_identity(&v->a->run, STAGE_EVOLVE);
  v->world = world_hash(v->w);
  evolution_room(v);
  TRY(searches_start(v));
  v->told_at = time_now();
  control_begin(v);
  TRY(rows_gather(v));
  const descent *d = &v->descents[0];
  log_all("evolve: %d parameters, %d candidates x %d episodes, %d ranks, %d lanes each", v->n, d->popsize, d->episodes, farm_size(v->a->f), s->dream.lanes);
  if (v->count > 1) log_all("evolve: %d descents side by side, the last with %d candidates", v->count, v->descents[v->count - 1].popsize);
  if (v->count == 1) preflight_generation(v->a);
  v->p = progress_open("evolve", "generations", (double)v->generations * v->count);
  TRY(rounds_play(v));
  progress_close(&v->p, evolution_generations(v), NULL);
  return stage_done(&v->a->run, STAGE_EVOLVE);
}

// An event; the sentence stays what it is, since a disk that is full may refuse the event too.
static void stop_tell(const evolution *v, status s) {
  char words[1024];
  text_print(words, sizeof words, "%s", status_message());
  rows_event(&v->descents[0], "stop", words);
  status_fail(s, "%s", words);
}

static status master_with_words(evolution *v) {
  status s = master(v);
  if (s == INTERRUPTED)
    s = status_fail(INTERRUPTED, "evolving was stopped after generation %d; what is finished is in %s, the same command goes on", evolution_generations(v), v->a->s.run.directory);
  if (v->told_at > 0 && s != OK) stop_tell(v, s);
  return s;
}

status evolve_make(app *a) {
  world *w;
  TRY(world_of_run(a, &w));
  rollout_options o = {.world = w, .environment = a->environment, .controller = controller_of(a, w), .lanes = a->s.dream.lanes};
  evolution v = {.a = a, .w = w, .crew = rollout_open(&o), .n = controller_size(&o.controller), .count = a->s.evolve.descents,
                 .csv = run_path(&a->run, "run.csv"), .jsonl = run_path(&a->run, "run.jsonl")};
  v.maker = descent_makes(a, v.n) ? maker_open(v.crew, v.n) : NULL;
  v.streams = v.count > 1 && !v.maker;  // what a job shares stays the same to its end
  v.record_bytes = v.maker ? sizeof(made_record) : rollout_record_bytes(v.crew);
  evolution_sizes(&v);
  farm_prepare(a->f, &(farm_sizes){.record_bytes = v.record_bytes, .result_bytes = sizeof(rollout_result), .state_bytes = rollout_state_bytes(v.crew),
                                   .shared_bytes = v.shared_max, .tasks = v.tasks_max});
  farm_crew crew = evolution_crew(&v);
  status s;
  if (farm_rank(a->f) == 0) {
    s = master_with_words(&v);
    bool whole = !farm_lossy(a->f);
    ranks_dismiss(a);
    if (s == OK && whole && farm_lossy(a->f)) s = rows_event(&v.descents[0], "lost", "noticed at the end; others had done its tasks");
    evolution_free(&v);
  } else {
    s = farm_serve(a->f, &crew);
  }
  maker_close(v.maker);
  rollout_close(v.crew);
  world_close(w);
  return farm_agree(a->f, s);
}

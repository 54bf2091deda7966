// Rank 0 asks evolution strategies for candidates, the farm plays them inside the dream, rank 0 tells what came of
// them. One descent, or several side by side in one job, so that the tail of one is filled by another: each is a chain
// of its own (descent.c), and who plays beside it never changes a number of it.

#include <math.h>
#include <string.h>

#include "evolution.h"

// A few times a second: is there a reason to stop?
static bool evolve_going(evolution *v, int64_t finished) {
  control_look(v, finished);
  return !signals_asked();
}

// --- judging the means now and then ---------------------------------------------------------------------------------

// The means of those descents whose turn it is, in one job.
static status evolve_means_play(evolution *v, evolution_job job, const rollout_record *asked, int episodes) {
  play_begin(v, job);
  if (episodes == 0) return OK;

  for (int i = 0; i < v->count; i++) {
    descent *d = &v->descents[i];
    if (d->played && descent_due(d)) descent_write_mean(d, play_add(v, d, 1, 1, episodes)->first, asked);
  }
  farm_report report;
  const play_watch watch = {.going = evolve_going};
  return v->share_count ? play_run(v, &watch, &report) : OK;
}

static summary evolve_summary_of(const evolution *v, const share *s) {
  return summarise(play_result(v, s, 0, 0), s->episodes);
}

// The best mean so far is kept, by one of the two measurements.
static void evolve_best_keep(descent *d, double judged) {
  if (!isnan(d->state.best_score) && !(judged > d->state.best_score)) return;
  d->state.best_score = judged;
  memcpy(d->best, d->mean, (size_t)d->v->n * sizeof *d->best);
}

static status evolve_means_judge(evolution *v) {
  const settings *s = v->s;
  bool learns = settings_learn(s), really = s->evolve.best == CONFIG_BEST_REAL || !learns;
  rollout_record dreams = {.place = ROLLOUT_DREAM, .stream = "held-out", .rules = v->rules};
  rollout_record outside = {.place = ROLLOUT_REAL, .stream = "real", .rules = v->rules};
  rollout_record beside = {.place = ROLLOUT_DREAM, .stream = "compared", .rules = v->compared};

  // in the dream, on luck that no candidate has met; then in reality. One of both chooses the best
  TRY(evolve_means_play(v, JOB_HELD_OUT, &dreams, learns ? s->evolve.held_out_episodes : 0));
  for (int i = 0; i < v->share_count; i++) {
    descent *d = v->shares[i].d;
    d->row.held_out = evolve_summary_of(v, &v->shares[i]).mean;
    if (!really) evolve_best_keep(d, d->row.held_out);
  }

  TRY(evolve_means_play(v, JOB_REAL, &outside, s->evolve.real_episodes));
  for (int i = 0; i < v->share_count; i++) {
    descent *d = v->shares[i].d;
    summary played = evolve_summary_of(v, &v->shares[i]);
    d->row.real = played.mean;
    if (played.episodes) d->row.real_steps = played.mean_steps * (double)played.episodes;
    // the lower half of the ratio; the dreams below make it whole
    if (played.episodes && learns) d->row.ratio = 1 / played.mean_steps;
    if (really) evolve_best_keep(d, d->row.real);
  }

  // as many dreams that begin, end and are cut as real episodes: the search's may be short, and are of another scale
  TRY(evolve_means_play(v, JOB_COMPARED, &beside, learns ? s->evolve.real_episodes : 0));
  for (int i = 0; i < v->share_count; i++)
    v->shares[i].d->row.ratio *= evolve_summary_of(v, &v->shares[i]).mean_steps;
  return OK;
}

// --- the loop -------------------------------------------------------------------------------------------------------

// Of several descents, controller.safetensors is the leader's.
static status evolve_leader_save(const evolution *v) {
  const descent *leader = evolution_leader(v);
  if (v->count == 1) return OK;
  const float *best = isnan(leader->state.best_score) ? leader->mean : leader->best;
  return checkpoint_save(v->s->run.directory, &leader->state, leader->search, best);
}

static void evolve_shares_lay(evolution *v) {
  play_begin(v, JOB_TRAIN);
  for (int i = 0; i < v->count; i++) {
    descent *d = &v->descents[i];
    d->played = !d->over;
    if (!d->played) continue;

    // Who goes on by itself may come to need more groups than its first generation has.
    int groups = d->popsize + d->again, room = v->streams ? descent_groups_most(v->s, d->number) : groups;
    descent_write(d, play_add(v, d, room, groups, d->episodes)->first);
  }
}

static void evolve_shares_tell(evolution *v, const farm_report *report) {
  for (int i = 0; i < v->share_count; i++) {
    if (v->shares[i].told) continue;
    descent_tell(&v->shares[i]);

    // What the farm knows of the job it was played in.
    outcome *r = &v->shares[i].d->row;
    r->seconds = report->seconds;
    r->busy = report->busy;
    r->controller = report->apart;
    r->master = report->master;
    r->sent = report->sent;
    r->repeated = report->repeated;
  }
}

// A generation of every descent that is not over; where they go on by themselves, as many as till the next judgement.
static status evolve_round(evolution *v) {
  farm_report report;
  const play_watch watch = {.answered = v->streams ? descent_goes_on : NULL, .going = evolve_going};

  evolve_shares_lay(v);
  TRY(play_run(v, &watch, &report));
  evolve_shares_tell(v, &report);
  if (v->streams) TRY(rows_used(v, &report));
  TRY(evolve_means_judge(v));

  // one after the other on disk: each descent's checkpoint is whole by itself
  bool judged = false;
  for (int i = 0; i < v->count; i++) {
    descent *d = &v->descents[i];
    if (!d->played) continue;
    TRY(descent_save(d));
    rows_show(d);
    judged |= outcome_judged(&d->row);
  }
  TRY(rows_merge(v));
  return judged ? evolve_leader_save(v) : OK;
}

static status evolve_rounds(evolution *v) {
  while (!evolution_over(v)) {
    // A short generation is over before its map looks up.
    if (!evolve_going(v, 0)) FAIL(INTERRUPTED, "asked to stop");
    TRY(evolve_round(v));
  }
  TRY(evolve_leader_save(v));

  const char *why = v->count > 1 ? NULL : v->descents[0].why;  // of several each has said so itself
  if (why) log_all("evolve: stopped at generation %d: %s", v->descents[0].state.generation, why);
  return rows_event(&v->descents[0], "end", why);
}

// --- beginning ------------------------------------------------------------------------------------------------------

// The most groups and tasks that a job of all descents comes to.
static void evolve_sizes(evolution *v) {
  const settings *s = v->s;
  for (int k = 1; k <= v->count; k++) v->groups_max += descent_groups_most(s, k);
  v->tasks_max = v->groups_max * descent_episodes_most(s);
  v->tasks_max = int_max(v->tasks_max, v->count * s->evolve.held_out_episodes);
  v->tasks_max = int_max(v->tasks_max, v->count * s->evolve.real_episodes);
  if (v->maker) v->shared_max = maker_share_room(descent_source_most(s, v->n), v->count);
}

static void evolve_room(evolution *v) {
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

static void evolve_free(evolution *v) {
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
static status evolve_run_check(evolution *v) {
  const char *where = v->s->run.directory;
  if (v->count == 1 || v->home->fresh || !checkpoint_exists(where)) return OK;
  descent *d = &v->descents[0];
  bool damaged;
  TRY(checkpoint_newest(where, &damaged, &d->state, NULL, d->mean, d->best, v->n));
  return descent_refuse_other(d, where);
}

static bool evolve_any_checkpoint(const evolution *v) {
  bool any = false;
  for (int i = 0; i < v->count; i++) any |= checkpoint_exists(v->descents[i].home.text);
  return any;
}

// Before the mark says that what is there belongs to these settings.
static status evolve_forget(const evolution *v) {
  TRY(checkpoint_forget(v->s->run.directory));
  for (int i = 0; i < v->count; i++) TRY(checkpoint_forget(v->descents[i].home.text));
  return OK;
}

// Nothing of an earlier search goes before all of this one stands.
static status evolve_start(evolution *v) {
  TRY(evolve_run_check(v));
  for (int i = 0; i < v->count; i++) TRY(descent_ready(&v->descents[i]));

  // all checks are passed: from here on files change
  bool anew = v->home->fresh || !evolve_any_checkpoint(v);
  if (v->home->fresh) TRY(evolve_forget(v));
  TRY(stage_begin(v->home, STAGE_EVOLVE));
  if (anew) TRY(file_remove(v->jsonl.text));
  for (int i = 0; i < v->count; i++) TRY(descent_start(&v->descents[i]));
  return OK;
}

static void evolve_announce(const evolution *v) {
  const descent *d = &v->descents[0];
  log_all("evolve: %d parameters, %d candidates x %d episodes, %d ranks, %d lanes each", v->n, d->popsize, d->episodes,
          farm_size(v->f), v->s->dream.lanes);
  if (v->count > 1)
    log_all("evolve: %d descents side by side, the last with %d candidates", v->count,
            v->descents[v->count - 1].popsize);
}

// --- rank 0 ---------------------------------------------------------------------------------------------------------

static status evolve_master(evolution *v) {
  v->identity = stage_identity(v->home, STAGE_EVOLVE);
  v->world = world_hash(v->w);
  evolve_room(v);
  TRY(evolve_start(v));

  // requests may come from here on; rows that earlier processes wrote are gathered first
  v->told_at = time_now();
  v->work = work_open(v->home, STAGE_EVOLVE, "evolve", "generations", 0);
  control_begin(v);
  TRY(rows_gather(v));
  evolve_announce(v);

  v->work.line.total = (double)v->generations * v->count;
  work_show(&v->work, evolution_generations(v), NULL);
  TRY(evolve_rounds(v));
  work_close(&v->work, evolution_generations(v), NULL);
  return stage_done(v->home, STAGE_EVOLVE);
}

// An event; the sentence stays what it is, since a disk that is full may refuse the event too.
static void evolve_stop_tell(const evolution *v, status s) {
  char words[1024];
  text_print(words, sizeof words, "%s", status_message());
  rows_event(&v->descents[0], "stop", words);
  status_fail(s, "%s", words);
}

static status evolve_master_with_words(evolution *v) {
  status s = evolve_master(v);
  if (s == INTERRUPTED)
    s = status_fail(INTERRUPTED,
                    "evolving was stopped after generation %d; what is finished is in %s, the same command goes on",
                    evolution_generations(v), v->s->run.directory);
  if (v->told_at > 0 && s != OK) evolve_stop_tell(v, s);
  return s;
}

static status evolve_rank_0(evolution *v) {
  status s = evolve_master_with_words(v);
  bool whole = !farm_lossy(v->f);
  search_dismiss(v->f);
  if (s == OK && whole && farm_lossy(v->f))
    s = rows_event(&v->descents[0], "lost", "noticed at the end; others had done its tasks");
  evolve_free(v);
  return s;
}

// --- every rank -----------------------------------------------------------------------------------------------------

static evolution evolve_open(const search_job *j) {
  world_features f;
  CHECK(world_features_of(&f, j->w, search_features(j->s)) == OK, "%s", status_message());  // whoever read it has asked
  const rollout_options o = {.world = j->w,
                             .environment = j->environment,
                             .controller = search_controller(j->s, j->environment, &f),
                             .lanes = j->s->dream.lanes};
  evolution v = {.s = j->s,
                 .home = j->home,
                 .f = j->f,
                 .w = j->w,
                 .begin = j->begin,
                 .crew = rollout_open(&o),
                 .n = controller_size(&o.controller),
                 .rules = search_rules(j->s, j->environment),
                 .compared = search_rules_compared(j->s, 1, j->environment->cap),
                 .count = j->s->evolve.descents,
                 .csv = run_path(j->home, RUN_ROWS),
                 .jsonl = run_path(j->home, RUN_EVENTS)};

  // Where candidates are made, what a job shares stays the same to its end, so that no descent goes on before the
  // others.
  v.maker = descent_makes(v.s, v.n) ? maker_open(v.crew, v.n) : NULL;
  v.streams = v.count > 1 && !v.maker;
  v.record_bytes = v.maker ? sizeof(made_record) : rollout_record_bytes(v.crew);
  evolve_sizes(&v);
  return v;
}

status search_run(const search_job *j) {
  evolution v = evolve_open(j);
  farm_prepare(v.f, &(farm_sizes){.record_bytes = v.record_bytes,
                                  .result_bytes = sizeof(rollout_result),
                                  .state_bytes = rollout_state_bytes(v.crew),
                                  .shared_bytes = v.shared_max,
                                  .tasks = v.tasks_max});

  // collective until here: rank 0 leads, the others serve until they are dismissed
  const farm_crew crew = play_crew(&v);
  status s = farm_rank(v.f) == 0 ? evolve_rank_0(&v) : farm_serve(v.f, &crew);

  maker_close(v.maker);
  rollout_close(v.crew);
  return farm_agree(v.f, s);
}

// One descent: a chain of generations from its first to its last. A strategy is asked for candidates, they are played
// by somebody else, it is told what came of them; the checkpoint says where it was. Candidates are floats from the
// start (es_options.single), so what is told is what was played.

#include <math.h>
#include <string.h>

#include "evolution.h"

#define DESCENT_AGAIN_EXPECTED 0.25  // second evaluations go last: whoever has nothing to do takes them

// --- sizes ----------------------------------------------------------------------------------------------------------

// Restarts side by side instead of one after the other: each rung has twice the candidates of the one before.
static bool descent_is_ladder(const settings *s) {
  return s->evolve.restarts != CONFIG_RESTARTS_NONE && s->evolve.descents > 1;
}

static int descent_popsize(const settings *s, int number) {
  return s->evolve.popsize << (descent_is_ladder(s) ? number - 1 : 0);
}

// A short descent of BIPOP may be as large as the next of the large ones would be.
static int descent_popsize_most(const settings *s, int number) {
  if (s->evolve.descents > 1 || s->evolve.restarts == CONFIG_RESTARTS_NONE) return descent_popsize(s, number);
  return s->evolve.popsize << (s->evolve.doublings + (s->evolve.restarts == CONFIG_RESTARTS_BIPOP));
}

int descent_groups_most(const settings *s, int number) {
  int popsize = descent_popsize_most(s, number);
  return popsize + (s->evolve.uncertainty ? 3 + popsize / 20 : 0);
}

int descent_episodes_most(const settings *s) {
  return s->evolve.uncertainty ? s->evolve.episodes_max : s->evolve.episodes;
}

static int descent_tasks_most(const settings *s, int number) {
  int most = descent_groups_most(s, number) * descent_episodes_most(s);
  return int_max(most, int_max(s->evolve.held_out_episodes, s->evolve.real_episodes));
}

// --- its search's options -------------------------------------------------------------------------------------------

static const es_kind descent_kinds[] = {
#define DESCENT_KIND(name, table, word) [CONFIG_STRATEGY_##name] = ES_##name,
    ES_KIND_LIST(DESCENT_KIND)
#undef DESCENT_KIND
};

static const es_restarts descent_restarts[] = {
    [CONFIG_RESTARTS_NONE] = ES_ONCE, [CONFIG_RESTARTS_IPOP] = ES_IPOP, [CONFIG_RESTARTS_BIPOP] = ES_BIPOP};

// The first descent of the first search has the run's seed itself.
static uint64_t descent_seed(const settings *s, int number) {
  uint32_t words[2];
  rng luck = rng_episode(rng_stream((uint64_t)s->run.seed, "descent"), (uint32_t)number,
                         (uint32_t)s->evolve.search - 1);
  rng_words(words, 2, luck, 0, 0);
  return number == 1 && s->evolve.search == 1 ? (uint64_t)s->run.seed : (uint64_t)words[0] << 32 | words[1];
}

static es_options descent_options(const settings *s, int n, int number) {
  return (es_options){.kind = descent_kinds[s->evolve.strategy],
                      .n = n,
                      .popsize = descent_popsize(s, number),
                      .sigma0 = s->evolve.sigma0,
                      .seed = descent_seed(s, number),
                      .active = s->evolve.active,
                      .single = true,
                      .restarts = descent_is_ladder(s) ? ES_ONCE : descent_restarts[s->evolve.restarts],
                      .most_doublings = s->evolve.doublings,
                      .most_effort = (double)descent_episodes_most(s) / s->evolve.episodes};
}

es_options search_options(const settings *s, int n) { return descent_options(s, n, 1); }

size_t descent_source_most(const settings *s, int n) {
  const es_options o = descent_options(s, n, 1);
  size_t state = es_sample_size_of(&o), mean = (size_t)n * sizeof(float);
  return state > mean ? state : mean;
}

// Numbers per generation: those of all candidates in float, or those of the search's state.
bool descent_makes(const settings *s, int n) {
  const es_options o = descent_options(s, n, 1);
  size_t state = es_sample_size_of(&o), sent = (size_t)o.popsize * n * sizeof(float);
  if (s->evolve.candidates == CONFIG_CANDIDATES_MADE) return true;
  return s->evolve.candidates == CONFIG_CANDIDATES_AUTO && state && state < sent;
}

// --- room -----------------------------------------------------------------------------------------------------------

void descent_open(evolution *v, int number) {
  const settings *s = v->s;
  descent *d = &v->descents[number - 1];
  *d = (descent){.v = v, .number = number, .seed = descent_seed(s, number)};
  d->home = path_join("", "%s", s->run.directory);
  if (v->count > 1) d->home = path_join(s->run.directory, "descent-%d", number);
  d->csv = path_join(d->home.text, RUN_ROWS);

  // room for the largest popsize that restarts may come to
  size_t n = (size_t)v->n, popsize = (size_t)descent_popsize_most(s, number);
  d->score = mem_take(popsize, sizeof(double));
  d->loss = mem_take(popsize, sizeof(double));
  d->second = mem_take(popsize, sizeof(double));
  d->sorted = mem_take(popsize, sizeof(double));
  d->returned = mem_take((size_t)descent_episodes_most(s), sizeof *d->returned);
  d->member = mem_take((size_t)descent_episodes_most(s), sizeof *d->member);
  d->mean = mem_take(n, sizeof(float));
  d->best = mem_take(n, sizeof(float));
}

void descent_close(descent *d) {
  es_close(d->search);
  journal_close(d->finished);
  text_free(&d->rows);
  void *all[] = {d->score, d->loss, d->second, d->sorted, d->returned, d->member, d->mean, d->best};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) mem_free(all[i]);
}

// --- where it stands ------------------------------------------------------------------------------------------------

static void descent_mean_take(descent *d, const double *mean) {
  for (int j = 0; j < d->v->n; j++) d->mean[j] = (float)mean[j];
}

// What the generation to come is made of.
static void descent_plan(descent *d) {
  const settings *s = d->v->s;
  d->popsize = es_popsize(d->search);
  d->again = s->evolve.uncertainty ? es_reevaluations(d->search) : 0;
  d->episodes = int_min(descent_episodes_most(s), (int)lround(s->evolve.episodes * es_effort(d->search)));
}

void descent_limit(descent *d) {
  bool last = d->state.generation >= d->v->generations;
  d->why = last ? NULL : es_done(d->search);
  d->over = last || d->why;
}

bool descent_due(const descent *d) {
  int every = d->v->s->evolve.held_out_every;
  return every && (d->state.generation % every == 0 || *d->row.ended || d->over);
}

// Turns to a new page of the journal, or finds the page that an earlier process began.
static int descent_journal_turn(const descent *d) {
  hash parts[3] = {d->state.identity, d->state.world};
  snprintf(parts[2].hex, sizeof parts[2].hex, "%.12s %d %d", DREAMFARM_VERSION, d->number, d->state.generation);
  return journal_begin(d->finished, hash_join(parts, 3));
}

// --- beginning, or going on -----------------------------------------------------------------------------------------

status descent_refuse_other(const descent *d, const char *where) {
  const evolution *v = d->v;
  if (!hash_equal(v->world, d->state.world))
    FAIL(MISMATCH,
         "the checkpoint in %s was made in the world %s, but the run's world is %s; use another run.directory, or "
         "start anew with --fresh",
         where, d->state.world.hex, v->world.hex);
  if (!hash_equal(v->identity, d->state.identity))
    FAIL(MISMATCH,
         "the checkpoint in %s was made with the configuration %s, but this one is %s; put its settings back, use "
         "another run.directory, or start anew with --fresh",
         where, d->state.identity.hex, v->identity.hex);
  return OK;
}

// From its checkpoint; writes nothing.
static status descent_checkpoint_read(descent *d) {
  TRY(checkpoint_newest(d->home.text, &d->damaged, &d->state, &d->search, d->mean, d->best, d->v->n));
  d->resumes = true;
  return descent_refuse_other(d, d->home.text);
}

// Descents side by side begin where those one after the other would: the first at the job's beginning, others around
// it. A ladder's ends by the limits that make restarts worth while.
static status descent_search_open(descent *d) {
  const settings *s = d->v->s;
  es_options o = descent_options(s, d->v->n, d->number);
  es_limits limits = descent_is_ladder(s) ? es_limits_pycma(o.n, o.popsize) : es_limits_default();

  double *x0 = mem_take((size_t)o.n, sizeof *x0);
  if (d->number > 1) rng_normals_double(x0, o.n, rng_stream(o.seed, "descent place"), 0, 0);
  for (int j = 0; j < o.n; j++) x0[j] = x0[j] * o.sigma0 + (d->v->begin ? (double)d->v->begin[j] : 0);

  o.x0 = x0;
  o.limits = &limits;
  status done = (status)es_open(&d->search, &o);
  mem_free(x0);
  return done;
}

status descent_ready(descent *d) {
  if (!d->v->home->fresh && checkpoint_exists(d->home.text)) return descent_checkpoint_read(d);
  d->state = (search_state){.best_score = (double)NAN, .identity = d->v->identity, .world = d->v->world};
  return descent_search_open(d);
}

static status descent_resume(descent *d) {
  TRY(rows_cut(d));
  if (d->damaged) {
    TRY(checkpoint_set_aside(d->home.text));
    log_here("it is set aside as controller.damaged.safetensors; the one before it, of generation %d, takes its place",
             d->state.generation);
    TRY(rows_event(d, "damaged", RUN_CONTROLLER));
  }

  // episodes that were finished when it stopped are not played again
  int episodes = descent_journal_turn(d);
  char name[32] = "";
  if (d->v->count > 1) snprintf(name, sizeof name, "descent %d ", d->number);
  log_all("evolve: %sresumes after generation %d, with %d finished episodes of the next", name, d->state.generation,
          episodes);
  return rows_resumed(d, episodes);
}

static status descent_begin(descent *d) {
  TRY(rows_begin(d));
  TRY(rows_event(d, "begin", NULL));
  int episodes = descent_journal_turn(d);
  return episodes ? rows_resumed(d, episodes) : OK;
}

status descent_start(descent *d) {
  file_path finished = path_join(d->home.text, RUN_JOURNAL);
  TRY(dir_make(d->home.text));
  dir_sweep(d->home.text, "controller.");

  if (d->v->home->fresh) TRY(file_remove(finished.text));

  // a journal of the generation under way: what a killed run had played is taken from there
  TRY(journal_open(&d->finished, finished.text, descent_tasks_most(d->v->s, d->number)));
  TRY(d->resumes ? descent_resume(d) : descent_begin(d));
  descent_plan(d);
  return OK;
}

// --- asking ---------------------------------------------------------------------------------------------------------

static rollout_record descent_record_head(const descent *d, rollout_place place, const char *stream, int candidate) {
  rollout_record r = {.place = place,
                      .generation = (uint32_t)d->state.generation,
                      .candidate = (uint32_t)candidate,
                      .common = d->v->s->evolve.common_random_numbers,
                      .seed = d->seed,
                      .rules = d->v->rules};
  snprintf(r.stream, sizeof r.stream, "%s", stream);
  return r;
}

// Instead of parameters: the last of the shared states, and which of its candidates.
static void descent_record_point(const descent *d, rollout_record *r, int index) {
  made_record *made = (made_record *)r;
  made->source = d->v->shared.sources - 1;
  made->index = index;
}

static void descent_record_write(const descent *d, int group, const char *stream, int candidate) {
  rollout_record *r = play_record(d->v, group);
  *r = descent_record_head(d, d->v->s->evolve.in == CONFIG_IN_REAL ? ROLLOUT_REAL : ROLLOUT_DREAM, stream, candidate);

  // makers draw the candidate where it is played: its number is enough
  if (d->v->maker) {
    descent_record_point(d, r, candidate);
    return;
  }

  // without makers the parameters travel with the record
  const double *x = es_ask(d->search) + (size_t)candidate * d->v->n;
  float *parameters = (float *)(r + 1);
  for (int j = 0; j < d->v->n; j++) parameters[j] = (float)x[j];
}

// On luck that no candidate has met, the same for all descents.
void descent_write_mean(descent *d, int group, const rollout_record *asked) {
  rollout_record *r = play_record(d->v, group);
  *r = descent_record_head(d, (rollout_place)asked->place, asked->stream, 0);
  r->seed = (uint64_t)d->v->s->run.seed;
  r->rules = asked->rules;
  if (asked->place == ROLLOUT_REAL) r->common = true;
  if (!d->v->maker) {
    memcpy(r + 1, d->mean, (size_t)d->v->n * sizeof *d->mean);
    return;
  }
  maker_share_vector(&d->v->shared, d->mean, d->v->n);
  descent_record_point(d, r, 0);
}

// Second evaluations are known beforehand, so they are groups of the same job, on luck that nobody has met.
void descent_write(descent *d, int first) {
  if (d->v->maker) maker_share_search(&d->v->shared, d->search);
  for (int i = 0; i < d->popsize; i++) descent_record_write(d, first + i, "train", i);
  for (int i = 0; i < d->again; i++) {
    descent_record_write(d, first + d->popsize + i, "train again", i);
    d->v->expected[first + d->popsize + i] = DESCENT_AGAIN_EXPECTED;
  }
}

// --- telling --------------------------------------------------------------------------------------------------------

// A broken episode is worth the worst return of the generation.
static double descent_worst_return(const share *s) {
  double worst = INFINITY;
  for (int g = 0; g < s->groups; g++)
    for (int j = 0; j < s->episodes; j++) {
      const rollout_result *r = play_result(s->d->v, s, g, j);
      if (!r->broken && r->total < worst) worst = r->total;
    }
  return isfinite(worst) ? worst : 0;
}

static double descent_group_score(const share *s, int group, double worst) {
  outcome *r = &s->d->row;
  double sum = 0;
  for (int j = 0; j < s->episodes; j++) {  // in index order
    const rollout_result *result = play_result(s->d->v, s, group, j);
    s->d->returned[j] = result->broken ? worst : result->total;
    sum += s->d->returned[j];
    r->steps += result->steps;
    r->broken += result->broken;
  }
  return sum / s->episodes;
}

// Of the candidate whose score was the last to be summed: what its members do not agree on is taken off.
static double descent_group_fitness(const share *s, int group, double mean) {
  descent *d = s->d;
  const evolution *v = d->v;
  if (v->s->evolve.spread == 0) return mean;

  const rollout_record *r = play_record(v, s->first + group);
  for (int j = 0; j < s->episodes; j++) d->member[j] = rollout_member(v->w, r, j);
  return mean - v->s->evolve.spread * summary_spread(d->returned, d->member, s->episodes);
}

static void descent_scores_sum(const share *s) {
  descent *d = s->d;
  double worst = descent_worst_return(s);
  for (int i = 0; i < d->popsize; i++) {
    d->score[i] = descent_group_score(s, i, worst);
    d->loss[i] = -descent_group_fitness(s, i, d->score[i]);
  }
  for (int i = 0; i < d->again; i++) {
    int group = d->popsize + i;
    d->second[i] = -descent_group_fitness(s, group, descent_group_score(s, group, worst));
  }
}

// Where all candidates meet the same luck, it is the luck's doing that one evaluation as a whole is better than the
// other: it changes no ranks, and is taken out.
static void descent_luck_remove(descent *d) {
  if (!d->v->s->evolve.common_random_numbers) return;
  double shift = 0;
  for (int i = 0; i < d->again; i++) shift += (d->second[i] - d->loss[i]) / d->again;
  for (int i = 0; i < d->again; i++) d->second[i] -= shift;
}

static void descent_scores_describe(descent *d) {
  double sum = 0;
  for (int i = 0; i < d->popsize; i++) {
    d->sorted[i] = d->score[i];
    sum += d->score[i];
  }
  d->row.mean = sum / d->popsize;
  d->row.median = double_median(d->sorted, d->popsize);  // which sorts them
  d->row.best = d->sorted[d->popsize - 1];
}

// Of a descent that was restarted the mean is judged that it came to, not the one that the next begins at.
static void descent_ended_see(descent *d) {
  const double *last;
  const char *why = es_ended(d->search, &last);
  if (why) descent_mean_take(d, last);
  else why = d->why;
  if (why) snprintf(d->row.ended, sizeof d->row.ended, "%s", why);
}

static void descent_search_tell(descent *d) {
  bool twice = d->again > 0;
  es_status told = twice ? es_tell_twice(d->search, NULL, d->loss, d->second) : es_tell(d->search, NULL, d->loss);
  CHECK(told == ES_OK, "%s", status_message());
  if (twice) d->row.noise = es_noise(d->search);
}

void descent_tell(share *s) {
  descent *d = s->d;
  d->row = (outcome){.descent = d->v->count > 1 ? d->number : es_descents(d->search),
                 .popsize = d->popsize,
                 .dreams = d->episodes,
                 .held_out = (double)NAN,
                 .real = (double)NAN,
                 .ratio = (double)NAN,
                 .real_steps = (double)NAN,
                 .noise = (double)NAN,
                 .busy = (double)NAN,
                 .seconds = time_now() - s->began};

  // the search is told of losses; what luck the episodes had in common is taken off before
  descent_scores_sum(s);
  descent_scores_describe(d);
  descent_luck_remove(d);
  descent_search_tell(d);

  // what a checkpoint holds, and the journal's row
  d->state.generation = es_generation(d->search);
  d->state.episodes += (int64_t)s->groups * s->episodes;
  d->state.steps += d->row.steps;
  descent_mean_take(d, es_mean(d->search));
  descent_limit(d);
  descent_ended_see(d);
  descent_plan(d);
}

// The row first, then the checkpoint: a row that a kill left ahead of it is made again.
status descent_save(descent *d) {
  TRY(rows_add(d));
  TRY(checkpoint_save(d->home.text, &d->state, d->search, isnan(d->state.best_score) ? d->mean : d->best));
  descent_journal_turn(d);
  d->v->last = d->row;
  return OK;
}

// --- the next one at once -------------------------------------------------------------------------------------------

// Groups are opened anew with all their members, so that the next generation must want as many as the job has.
static bool descent_fits(const descent *d, const share *s) {
  bool same = d->episodes == s->episodes && s->episodes == d->v->members;
  return same && d->popsize + d->again <= s->room && !descent_due(d) && !d->over;
}

static status descent_generation_end(descent *d) {
  TRY(descent_save(d));
  rows_show(d);
  return rows_merge(d->v);
}

bool descent_goes_on(share *s) {
  descent *d = s->d;
  evolution *v = d->v;
  descent_tell(s);
  s->told = true;

  // where the next generation does not fit into this job, the job ends without it
  if (!descent_fits(d, s) || v->failed != OK || signals_asked()) return false;

  // on disk before the next one is asked for: a resume must not find it half told
  status saved = descent_generation_end(d);
  if (saved != OK) play_fail(v, saved);
  if (saved != OK) return false;

  // the same place in the job is filled with the next generation
  s->told = false;
  s->began = time_now();
  s->groups = d->popsize + d->again;
  s->left = s->groups * s->episodes;
  descent_write(d, s->first);
  return true;
}

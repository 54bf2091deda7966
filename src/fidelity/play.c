// Episodes played for the comparison: blind policies and the controller in the dream and outside, dreams that begin at
// real moments, and candidates around the controller. All by luck of their own.

#include <math.h>
#include <string.h>

#include "parts.h"

// Dreams from moments per episode; dreams per dream of the search; episodes per real one of a candidate.
enum { MOMENTS = 8, DREAMS = 4, REAL_PART = 4 };

// Which luck: that of a dream is never that of the real episode beside it.
typedef enum luck { LUCK_DREAM, LUCK_REAL, LUCK_MOMENTS, LUCK_CANDIDATES_DREAM, LUCK_CANDIDATES_REAL } luck;

typedef struct play {
  const fidelity_job *j;
  fidelity_result *r;
  fidelity_pace *pace;
  farm_crew crew;
  size_t record_bytes;
  int parameters;            // of a controller
  char *records;             // (FIDELITY_CANDIDATES, record_bytes)
  rollout_result *results[2];  // (tasks_max)
} play;

static int reals_of(const fidelity_job *j) { return int_max(1, j->s->fidelity.episodes / REAL_PART); }

static int dreams_of(const fidelity_job *j) { return j->s->evolve.episodes * DREAMS; }

static int tasks_max(const fidelity_job *j) {
  int each = int_max(reals_of(j), dreams_of(j));
  return int_max(j->s->fidelity.episodes * MOMENTS, FIDELITY_CANDIDATES * each);
}

// Blind policies that stand beside every score.
static bool is_compared(const env_baseline *b) { return b->reported && !b->privileged; }

static int policies_of(const fidelity_job *j) {
  int count = 1;
  for (const env_baseline *b = j->environment->baselines; b->name; b++) count += is_compared(b);
  return int_min(count, FIDELITY_POLICIES);
}

double fidelity_play_tasks(const fidelity_job *j) {
  int episodes = j->s->fidelity.episodes;
  return 2.0 * policies_of(j) * episodes + (double)MOMENTS * episodes +
         (double)FIDELITY_CANDIDATES * (reals_of(j) + dreams_of(j));
}

static rollout_record record_of(const play *p, rollout_place place, luck which, dream_rules rules) {
  return (rollout_record){.place = place,
                          .generation = (uint32_t)which,
                          .common = 1,
                          .seed = (uint64_t)p->j->s->run.seed,
                          .stream = "fidelity",
                          .rules = rules};
}

static float *record_put(const play *p, int group, const rollout_record *head) {
  char *at = p->records + (size_t)group * p->record_bytes;
  memcpy(at, head, sizeof *head);
  return (float *)(void *)(at + sizeof *head);
}

static status play_map(play *p, rollout_result *results, int groups, int members) {
  const farm_job job = {.groups = groups,
                        .members = members,
                        .records = p->records,
                        .record_bytes = p->record_bytes,
                        .result_bytes = sizeof(rollout_result)};
  farm_report report;
  TRY(farm_map(p->j->f, &job, &p->crew, results, &report, fidelity_tick, p->pace));
  p->pace->before += (double)groups * members;
  return OK;
}

// --- survival -------------------------------------------------------------------------------------------------------

static status play_one(play *p, rollout_result *results, const rollout_record *head, int episodes) {
  float *parameters = record_put(p, 0, head);
  memcpy(parameters, p->j->parameters, (size_t)p->parameters * sizeof(float));
  return play_map(p, results, 1, episodes);
}

// `policy`: NULL: the controller.
static status play_pair(play *p, const char *policy) {
  const fidelity_job *j = p->j;
  int episodes = j->s->fidelity.episodes;
  dream_rules rules = search_rules_compared(j->s, 1, j->environment->cap);
  rollout_record dream = record_of(p, policy ? j->dream_blind : j->dream, LUCK_DREAM, rules);
  rollout_record outside = record_of(p, policy ? ROLLOUT_BASELINE : ROLLOUT_REAL, LUCK_REAL, rules);
  fidelity_pair *pair = &p->r->policies[p->r->count++];
  snprintf(pair->name, sizeof pair->name, "%s", policy ? policy : "controller");
  if (policy) snprintf(dream.policy, sizeof dream.policy, "%s", policy);
  if (policy) snprintf(outside.policy, sizeof outside.policy, "%s", policy);

  // from first frames to the environment's cap, in both places
  TRY(play_one(p, p->results[0], &dream, episodes));
  TRY(play_one(p, p->results[1], &outside, episodes));
  fidelity_pair_compare(pair, p->results[0], p->results[1], episodes, episodes);
  return OK;
}

// Who is cut at the cap has not died.
static void deaths_count(fidelity_result *r, const rollout_result *results, int count, int cap) {
  for (int i = 0; i < count; i++) {
    r->real_steps += results[i].steps;
    r->real_deaths += results[i].steps < cap;
  }
}

static status play_survival(play *p) {
  const fidelity_job *j = p->j;
  TRY(play_pair(p, NULL));
  deaths_count(p->r, p->results[1], j->s->fidelity.episodes, j->environment->cap);
  for (const env_baseline *b = j->environment->baselines; b->name; b++)
    if (is_compared(b) && p->r->count < FIDELITY_POLICIES) TRY(play_pair(p, b->reported));
  return OK;
}

// One step more than is counted, so that a death at the last counted one is told from a cut.
static status play_moments(play *p) {
  const fidelity_job *j = p->j;
  int dreams = j->s->fidelity.episodes * MOMENTS;
  rollout_record head = record_of(p, j->dream, LUCK_MOMENTS, search_rules_compared(j->s, 0, FIDELITY_LAG_MAX + 1));
  TRY(play_one(p, p->results[0], &head, dreams));
  for (int i = 0; i < dreams; i++)
    if (!p->results[0][i].broken) fidelity_hazard_add(&p->r->dreamt, p->results[0][i].steps, FIDELITY_LAG_MAX);
  return OK;
}

// --- candidates -----------------------------------------------------------------------------------------------------

static void candidate_draw(const play *p, float *parameters, int candidate) {
  rng drawn = rng_episode(rng_stream((uint64_t)p->j->s->run.seed, "fidelity candidates"), 0, (uint32_t)candidate);
  rng_normals(parameters, p->parameters, drawn, 0, 0);
  for (int i = 0; i < p->parameters; i++)
    parameters[i] = p->j->parameters[i] + (float)p->j->sigma * parameters[i];
}

// Every other episode of each candidate, from `first` on.
static void candidates_halve(double *means, const rollout_result *results, int episodes, int first) {
  rollout_result *half = mem_take((size_t)episodes + 1, sizeof *half);
  for (int i = 0; i < FIDELITY_CANDIDATES; i++) {
    int count = 0;
    for (int k = first; k < episodes; k += 2) half[count++] = results[(size_t)i * episodes + k];
    means[i] = summarise(half, count).mean;
  }
  mem_free(half);
}

// The same luck for all: what tells two candidates apart is who they are.
static status play_candidates(play *p, double *means, double *reliability, const rollout_record *head, int episodes) {
  float *drawn = mem_take((size_t)p->parameters + 4, sizeof *drawn);

  // around the controller, by the search's own step
  for (int i = 0; i < FIDELITY_CANDIDATES; i++) {
    float *parameters = record_put(p, i, head);
    candidate_draw(p, drawn, i);
    memcpy(parameters, drawn, (size_t)p->parameters * sizeof *drawn);
  }
  mem_free(drawn);

  TRY(play_map(p, p->results[0], FIDELITY_CANDIDATES, episodes));
  for (int i = 0; i < FIDELITY_CANDIDATES; i++)
    means[i] = summarise(p->results[0] + (size_t)i * episodes, episodes).mean;

  // the ranking beside itself: what luck alone does to it
  double half[2][FIDELITY_CANDIDATES];
  for (int i = 0; i < 2; i++) candidates_halve(half[i], p->results[0], episodes, i);
  *reliability = fidelity_reliability(half[0], half[1], FIDELITY_CANDIDATES);
  return OK;
}

static status play_ranking(play *p) {
  const fidelity_job *j = p->j;
  dream_rules rules = search_rules(j->s, j->environment);
  rollout_record dream = record_of(p, j->dream, LUCK_CANDIDATES_DREAM, rules);
  rollout_record outside = record_of(p, ROLLOUT_REAL, LUCK_CANDIDATES_REAL, rules);

  // as the search sees them: its own rules, not those of the comparison above
  TRY(play_candidates(p, p->r->dream, &p->r->dream_reliability, &dream, dreams_of(j)));
  TRY(play_candidates(p, p->r->real, &p->r->real_reliability, &outside, reals_of(j)));

  p->r->correlation = fidelity_correlate(p->r->dream, p->r->real, FIDELITY_CANDIDATES);
  return OK;
}

// --- all of it ------------------------------------------------------------------------------------------------------

static status play_master(void *self) {
  play *p = self;
  p->records = mem_take(FIDELITY_CANDIDATES, p->record_bytes);
  for (int i = 0; i < 2; i++) p->results[i] = mem_take((size_t)tasks_max(p->j), sizeof(rollout_result));

  status s = play_survival(p);
  if (s == OK) s = play_moments(p);
  if (s == OK) s = play_ranking(p);

  mem_free(p->records);
  for (int i = 0; i < 2; i++) mem_free(p->results[i]);
  return s;
}

status fidelity_play(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace) {
  const rollout_options o = {
      .world = j->w, .environment = j->environment, .controller = j->controller, .lanes = j->s->dream.lanes};
  rollout *crew = rollout_open(&o);
  play p = {.j = j,
            .r = r,
            .pace = pace,
            .crew = search_crew(crew),
            .record_bytes = rollout_record_bytes(crew),
            .parameters = controller_size(&j->controller)};
  farm_prepare(j->f, &(farm_sizes){.record_bytes = p.record_bytes,
                                   .result_bytes = sizeof(rollout_result),
                                   .state_bytes = rollout_state_bytes(crew),
                                   .tasks = tasks_max(j)});
  status s = fidelity_lead(j, &p.crew, play_master, &p);
  rollout_close(crew);
  return s;
}

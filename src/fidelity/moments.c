// Moments of real episodes, from which some actions are held for a while: in a copy of the environment, and in dreams
// from the mind's belief. The episodes are the controller's, by luck of their own, with actions held at random now and
// then: it would else stand where its habits bring it only.

#include <limits.h>
#include <math.h>
#include <string.h>

#include "parts.h"

// Steps between moments: where to live is all that pays few of them matter, and elsewhere all. Dreams of an action;
// episodes at once; actions per number of an action.
enum { EVERY_LIVING = 10, EVERY = 50, DREAMS = 8, LANES_MAX = 16, LEVELS = 3, ACTIONS_MAX = 2 };
#define TAKEOVER 0.02f  // chance per step, between the two that collect has

typedef struct moment_slot {  // an episode that the crew holds
  int ticket;
  fidelity_choice of;
} moment_slot;

typedef struct moments {
  const fidelity_job *j;
  fidelity_result *r;
  fidelity_pace *pace;
  rollout *players;         // of the real episodes
  int probes, A, every;
  env *copy;                // one lane
  mind *dream;              // (probes * DREAMS)
  float *actions;           // (probes * DREAMS, A)
  dream_outcome *outcomes;  // (probes * DREAMS)
  bool *over;               // (probes * DREAMS)
  void *state;              // (mind_state_bytes)
  dream_rules rules;
  rng luck;
  moment_slot *slots;       // (slots_max), the first `held` are in use
  int slots_max, held;
} moments;

// --- probes ---------------------------------------------------------------------------------------------------------

// The corners, the middle, and what is between them: -1, 0, 1 of each number.
static void probe_action(float *action, int probe, int A) {
  for (int i = 0; i < A; i++, probe /= LEVELS) action[i] = (float)(probe % LEVELS - 1);
}

static void probe_live(const moments *m, fidelity_probe *p, int probe, const rollout_sight *s) {
  float action[ACTIONS_MAX];
  env_outcome out = {0};
  *p = (fidelity_probe){0};
  probe_action(action, probe, m->A);
  env_copy(m->copy, 0, s->environment, s->lane);
  for (int t = 0; t < FIDELITY_HOLD && !out.terminated && !out.truncated; t++) {
    env_step(m->copy, action, &out, 1);
    p->real += (double)out.reward;
  }
  p->died = out.terminated;
}

// Every probe meets the same luck: what tells two apart is what is done.
static void dreams_begin(const moments *m, const rollout_sight *s) {
  mind_save(s->m, s->lane, m->state);
  for (int i = 0; i < m->probes * DREAMS; i++) {
    rng luck = rng_episode(m->luck, (uint32_t)(s->step * DREAMS + i % DREAMS), (uint32_t)s->member);
    mind_load(m->dream, i, &m->rules, luck, m->state);
    probe_action(m->actions + (size_t)i * m->A, i / DREAMS, m->A);
    m->over[i] = false;
  }
}

// The means over the dreams, each as long as it lasts. False: a number broke, and nothing can be said.
static bool probes_dream(const moments *m, fidelity_probe *p, const rollout_sight *s) {
  int n = m->probes * DREAMS;
  dreams_begin(m, s);
  for (int t = 0; t < FIDELITY_HOLD; t++) {
    mind_imagine(m->dream, m->actions, m->outcomes, n);
    for (int i = 0; i < n; i++) {
      const dream_outcome *out = &m->outcomes[i];
      if (out->broken) return false;
      if (!m->over[i]) p[i / DREAMS].dream += (double)out->reward / DREAMS;
      m->over[i] |= out->terminated;
    }
  }
  return true;
}

// In place of a dream, to test the measure: reality itself.
static bool probes_live_again(const moments *m, fidelity_probe *p) {
  for (int i = 0; i < m->probes; i++) p[i].dream = p[i].real;
  return true;
}

// --- looking on -----------------------------------------------------------------------------------------------------

static fidelity_choice *choice_of(const moments *m, int ticket) {
  for (int i = 0; i < m->held; i++)
    if (m->slots[i].ticket == ticket) return &m->slots[i].of;
  CHECK(false, "nobody holds the episode of ticket %d", ticket);
  return NULL;
}

static void moment_measure(const moments *m, fidelity_choice *c, const rollout_sight *s) {
  fidelity_probe probe[FIDELITY_PROBES];
  for (int i = 0; i < m->probes; i++) probe_live(m, &probe[i], i, s);
  c->moments++;

  // the environment's steps cost next to nothing: what does not matter need not be dreamt
  if (!fidelity_probes_matter(probe, m->probes)) return;
  heartbeat_beat();
  bool whole = m->j->dream == ROLLOUT_DREAM ? probes_dream(m, probe, s) : probes_live_again(m, probe);
  if (whole) fidelity_choice_count(c, probe, m->probes);
  else c->broken++;
}

static void moments_look(void *self, const rollout_sight *s) {
  const moments *m = self;
  bool ended = s->terminated || s->truncated || s->broken, cut = s->step + FIDELITY_HOLD > m->j->environment->cap;
  fidelity_choice *c = choice_of(m, s->ticket);
  if (s->step == 0) *c = (fidelity_choice){0};
  if (s->step == 0 || s->step % m->every || ended || cut) return;
  moment_measure(m, c, s);
}

// --- the crew -------------------------------------------------------------------------------------------------------

static int moments_vacancies(void *self) { return rollout_vacancies(((const moments *)self)->players); }

static void moments_begin(void *self, int ticket, const void *record, int member) {
  moments *m = self;
  CHECK(m->held < m->slots_max, "episode %d begun with no vacancy", member);
  m->slots[m->held++] = (moment_slot){.ticket = ticket};
  rollout_begin(m->players, ticket, record, member);
}

static void moments_drop(void *self) {
  moments *m = self;
  rollout_drop(m->players);
  m->held = 0;
}

static int moments_work(void *self, int *tickets, void *results, int max) {
  enum { RESULTS = 8 };
  moments *m = self;
  rollout_result played[RESULTS];
  int count = rollout_work(m->players, tickets, played, int_min(max, RESULTS));
  for (int i = 0; i < count; i++) {
    fidelity_choice *c = choice_of(m, tickets[i]);
    memcpy((char *)results + (size_t)i * sizeof *c, c, sizeof *c);
    moment_slot *slot = (moment_slot *)(void *)((char *)c - offsetof(moment_slot, of));
    *slot = m->slots[--m->held];
  }
  return count;
}

static farm_crew moments_crew(moments *m) {
  return (farm_crew){.self = m,
                     .vacancies = moments_vacancies,
                     .begin = moments_begin,
                     .work = moments_work,
                     .drop = moments_drop,
                     .lanes = rollout_lanes(m->players)};
}

// --- all episodes ---------------------------------------------------------------------------------------------------

static void moments_record(const moments *m, char *record) {
  const rollout_record head = {.place = ROLLOUT_REAL,
                               .common = 1,
                               .seed = (uint64_t)m->j->s->run.seed,
                               .stream = "choices",
                               .takeover = TAKEOVER};
  memcpy(record, &head, sizeof head);
  memcpy(record + sizeof head, m->j->parameters, (size_t)controller_size(&m->j->controller) * sizeof(float));
}

static status moments_master(void *self) {
  moments *m = self;
  int episodes = m->j->s->fidelity.episodes;
  size_t record_bytes = rollout_record_bytes(m->players);
  char *record = mem_take(1, record_bytes);
  fidelity_choice *results = mem_take((size_t)episodes, sizeof *results);
  moments_record(m, record);

  const farm_job job = {.groups = 1,
                        .members = episodes,
                        .records = record,
                        .record_bytes = record_bytes,
                        .result_bytes = sizeof *results};
  const farm_crew crew = moments_crew(m);
  farm_report report;
  status s = farm_map(m->j->f, &job, &crew, results, &report, fidelity_tick, m->pace);
  if (s == OK) m->r->choices = fidelity_choices_of(results, episodes, m->probes);
  if (s == OK) m->pace->before += episodes;

  mem_free(record);
  mem_free(results);
  return s;
}

// --- opened, and closed ---------------------------------------------------------------------------------------------

static void moments_open(moments *m) {
  const fidelity_job *j = m->j;
  const rollout_options o = {.world = j->w,
                             .environment = j->environment,
                             .controller = j->controller,
                             .lanes = int_min(LANES_MAX, j->s->dream.lanes),
                             .recorder = {.look = moments_look, .self = m}};
  m->A = j->environment->actions;
  m->every = j->environment->pays_steps ? EVERY_LIVING : EVERY;
  m->probes = 1;
  for (int i = 0; i < m->A; i++) m->probes *= LEVELS;

  // as the search's dreams pay, but by expected ends, which need few dreams, and as long as an action is held
  m->luck = rng_stream((uint64_t)j->s->run.seed, "fidelity choices");
  m->rules = search_rules(j->s, j->environment);
  m->rules.end = DREAM_END_EXPECTED;
  m->rules.cap = INT_MAX;

  size_t dreams = (size_t)m->probes * DREAMS;
  m->players = rollout_open(&o);
  m->slots_max = rollout_vacancies(m->players);
  CHECK(env_open_again(&m->copy, j->environment, 1) == OK, "%s", status_message());
  m->dream = mind_open(j->w, m->probes * DREAMS);
  m->actions = mem_take(dreams * (size_t)m->A, sizeof(float));
  m->outcomes = mem_take(dreams, sizeof(dream_outcome));
  m->over = mem_take(dreams, sizeof(bool));
  m->state = mem_take(1, mind_state_bytes(j->w));
  m->slots = mem_take((size_t)m->slots_max, sizeof(moment_slot));
  farm_prepare(j->f, &(farm_sizes){.record_bytes = rollout_record_bytes(m->players),
                                   .result_bytes = sizeof(fidelity_choice),
                                   .tasks = j->s->fidelity.episodes});
}

static void moments_close(moments *m) {
  rollout_close(m->players);
  env_close(m->copy);
  mind_close(m->dream);
  mem_free(m->actions);
  mem_free(m->outcomes);
  mem_free(m->over);
  mem_free(m->state);
  mem_free(m->slots);
}

const char *fidelity_choose_hinders(const env_spec *e) {
  if (!e->copies) return "the environment cannot copy an episode under way";
  return e->actions > ACTIONS_MAX ? "an action has more than 2 numbers: too many to try them all" : NULL;
}

status fidelity_choose(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace) {
  r->choices = (fidelity_choices){.hindered = fidelity_choose_hinders(j->environment)};
  if (r->choices.hindered) return OK;

  moments m = {.j = j, .r = r, .pace = pace};
  moments_open(&m);
  const farm_crew crew = moments_crew(&m);
  status s = fidelity_lead(j, &crew, moments_master, &m);
  moments_close(&m);
  return s;
}

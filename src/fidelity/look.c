// Recorded episodes looked at by a mind, under the data's own actions: at every step it says what comes next from the
// moment it has just seen (taught), and from a moment some steps back, on its own samples since (open loop). With
// expected ends a step pays the chance S of having come so far, so that the chance of an end is 1 - S'/S: S' is what
// one step more would pay.

#include <limits.h>
#include <math.h>
#include <string.h>

#include "parts.h"

enum { LANES_MAX = 16, MEMORY = 128 << 20, CHUNK_MAX = 32, BRANCHES_SHOWN = 4, NEAR_SEEN = 2, NEAR_DREAMT = 3 };
#define RISK_LEAST 1e-3f  // a dream that is over by so much is at no risk any more

typedef struct look_result {
  fidelity_watch of;
  int32_t failed;  // the episode could not be read
  int32_t unused;
} look_result;

typedef struct look_lane {  // an episode under way
  int ticket, member;
  data_episode e;           // its observations and all else are owned
  int step;                 // the next action's
  int shown_every;          // of so many branches one is looked at in pictures
  bool open;                // the dream of this branch is at risk still
  uint8_t said[2];          // of the two steps before: whether they said the end
  float reward, chance[2];  // scratch: what the dream paid; chance of an end: taught, open
  bool broken;
  void *state;              // (mind_state_bytes) of the open dream
  look_result result;
} look_lane;

typedef struct look {
  const fidelity_job *j;
  fidelity_result *r;
  fidelity_pace *pace;
  dataset *d;
  fidelity_ground ground;
  int first, watched;       // episodes of the dataset
  int half, A;
  size_t bytes;             // of an observation
  float alarm;              // a chance above it is what a threshold would call an end
  dream_rules rules;
  rng luck;

  int lanes, alive;
  look_lane lane[LANES_MAX];
  mind *awake, *dream;      // of lanes; of twice as many: 2i is taught, 2i + 1 in open loop
  char *seen;               // (lanes, observation)
  float *actions;           // (2 lanes, A)
  dream_outcome *outcomes;  // (2 lanes)
  void *state;              // (mind_state_bytes)
  float *picture, *other;   // (observation)
  uint8_t *things;          // (pixels)

  struct { int ticket, member; } queue[LANES_MAX];
  int queued;
  struct { int ticket; look_result result; } done[2 * LANES_MAX];
  int done_count;
} look;

int fidelity_sight_lag(int sight) { return 1 << sight; }

// --- the crew -------------------------------------------------------------------------------------------------------

static int look_vacancies(void *self) {
  const look *v = self;
  return v->lanes - v->queued;
}

static void look_begin(void *self, int ticket, const void *record, int member) {
  look *v = self;
  (void)record;
  CHECK(v->queued < v->lanes, "episode %d begun with no vacancy", member);
  v->queue[v->queued].ticket = ticket;
  v->queue[v->queued++].member = member;
}

static void look_drop(void *self) {
  look *v = self;
  for (int i = 0; i < v->alive; i++) data_episode_free(&v->lane[i].e);
  v->alive = v->queued = v->done_count = 0;
}

static void look_report(look *v, int ticket, const look_result *result) {
  v->done[v->done_count].ticket = ticket;
  v->done[v->done_count++].result = *result;
}

// The dataset's own memory lasts until its next read only.
static status episode_copy(look *v, data_episode *to, int member) {
  data_episode from;
  TRY(data_read(v->d, v->first + member, &from));
  data_episode_take(to, data_spec_of(v->d), from.steps);
  to->steps = from.steps;
  memcpy(to->observations, from.observations, (size_t)(from.steps + 1) * v->bytes);
  memcpy(to->actions, from.actions, (size_t)from.steps * v->A * sizeof(float));
  memcpy(to->terminated, from.terminated, (size_t)from.steps);
  return OK;
}

static void look_lane_begin(look *v, int ticket, int member) {
  look_lane *l = &v->lane[v->alive];
  const look_result failed = {.failed = 1};
  void *state = l->state;
  *l = (look_lane){.ticket = ticket, .member = member, .state = state};
  if (episode_copy(v, &l->e, member) != OK) {
    look_report(v, ticket, &failed);
    return;
  }

  // pictures are dear: of an episode's branches only some are shown, evenly spread
  int branches = l->e.steps / v->half;
  l->shown_every = int_max(1, (branches + BRANCHES_SHOWN - 1) / BRANCHES_SHOWN);

  // awake, it sees the whole episode from its first frame on
  mind_begin(v->awake, v->alive, rng_episode(v->luck, 0, (uint32_t)member));
  v->alive++;
}

static void look_lane_leave(look *v, int i) {
  int last = --v->alive;
  data_episode_free(&v->lane[i].e);
  if (i == last) return;
  void *state = v->lane[i].state;
  v->lane[i] = v->lane[last];
  v->lane[last].state = state;
  mind_move(v->awake, i, last);
}

static void look_refill(look *v) {
  while (v->queued && v->alive < v->lanes) {
    int ticket = v->queue[0].ticket, member = v->queue[0].member;
    v->queued--;
    memmove(v->queue, v->queue + 1, (size_t)v->queued * sizeof *v->queue);
    look_lane_begin(v, ticket, member);
  }
}

// --- one step of every lane -----------------------------------------------------------------------------------------

static const char *look_lane_frame(const look *v, const look_lane *l, int step) {
  return (const char *)l->e.observations + (size_t)step * v->bytes;
}

// Steps since the last moment of reality that the open loop knows, from 0; -1: before the first.
static int look_lane_lag(const look *v, const look_lane *l) {
  return l->step < v->half ? -1 : (l->step - v->half) % v->half;
}

static bool look_lane_is_shown(const look *v, const look_lane *l) {
  return look_lane_lag(v, l) >= 0 && (l->step - v->half) / v->half % l->shown_every == 0;
}

// Taught from what is seen at this step; the open loop from where it was, or from here.
static void dreams_load(look *v) {
  for (int i = 0; i < v->alive; i++) {
    look_lane *l = &v->lane[i];
    mind_save(v->awake, i, v->state);
    // two dreams per lane: an even one that begins anew from each step, and an odd one that goes on
    mind_load(v->dream, 2 * i, &v->rules, rng_episode(v->luck, 1, (uint32_t)l->member), v->state);
    // a new branch: the open loop begins at what is seen here
    if (look_lane_lag(v, l) <= 0) memcpy(l->state, v->state, mind_state_bytes(v->j->w));
    if (look_lane_lag(v, l) <= 0) l->open = look_lane_lag(v, l) == 0;
    mind_load(v->dream, 2 * i + 1, &v->rules, rng_episode(v->luck, 2, (uint32_t)l->member), l->state);
  }
}

static void dreams_act(look *v) {
  size_t bytes = (size_t)v->A * sizeof(float);
  for (int i = 0; i < v->alive; i++) {
    const look_lane *l = &v->lane[i];
    for (int k = 0; k < 2; k++)
      memcpy(v->actions + (size_t)(2 * i + k) * v->A, l->e.actions + (size_t)l->step * v->A, bytes);
  }
  mind_imagine(v->dream, v->actions, v->outcomes, 2 * v->alive);
}

// What was imagined is kept; a dream that broke goes no further, and a whole one stands in for it.
static void dreams_keep(look *v) {
  for (int i = 0; i < v->alive; i++) {
    look_lane *l = &v->lane[i];
    l->broken = v->outcomes[2 * i].broken;
    l->open = l->open && !v->outcomes[2 * i + 1].broken;
    l->reward = v->outcomes[2 * i + 1].reward;
    // the products go over all lanes: each needs numbers that can be computed with
    if (l->broken || !l->open) mind_save(v->awake, i, v->state);
    if (l->broken) mind_load(v->dream, 2 * i, &v->rules, v->luck, v->state);
    if (!l->open) mind_load(v->dream, 2 * i + 1, &v->rules, v->luck, v->state);

    mind_save(v->dream, 2 * i + 1, l->state);
  }
}

static void chances_find(look *v) {
  mind_imagine(v->dream, v->actions, v->outcomes, 2 * v->alive);
  for (int i = 0; i < v->alive; i++) {
    look_lane *l = &v->lane[i];
    // with expected ends a step pays the chance of having come so far: 1 - S' and 1 - S'/S
    l->chance[0] = 1 - v->outcomes[2 * i].reward;
    l->chance[1] = 1 - v->outcomes[2 * i + 1].reward / l->reward;
    l->broken |= !isfinite(l->chance[0]);
    l->open &= isfinite(l->chance[1]);
  }
}

// --- what is counted ------------------------------------------------------------------------------------------------

static void look_lane_count_hazard(const look *v, look_lane *l) {
  fidelity_watch *w = &l->result.of;
  int lag = look_lane_lag(v, l), died = l->e.terminated[l->step];
  w->steps++;
  w->real_deaths += died;
  if (lag < 0 || l->broken) return;

  // reality, taught and open loop over the same steps
  int bin = fidelity_lag_bin(lag);
  w->real.steps[bin]++;
  w->real.deaths[bin] += died;
  w->taught.steps[bin]++;
  w->taught.deaths[bin] += (double)l->chance[0];
  if (!l->open) return;

  // at so little chance of having come so far S'/S is rounding
  w->open.steps[bin]++;
  w->open.deaths[bin] += (double)l->chance[1];
  l->open = l->reward * (1 - l->chance[1]) > RISK_LEAST;
}

static void look_lane_count_alarms(const look *v, look_lane *l) {
  fidelity_watch *w = &l->result.of;
  int said = !l->broken && l->chance[0] > v->alarm;
  w->alarms += said;

  // a death counts as told by an alarm at its step, or at one of the two before
  if (l->e.terminated[l->step]) {
    w->deaths++;
    w->told += said;
    w->told_early += said || l->said[0] || l->said[1];
    w->alarms_right += said;
    w->alarms_near += said + l->said[0] + l->said[1];
  }
  l->said[1] = l->said[0];
  l->said[0] = (uint8_t)said;
}

static int sight_of(int lag) {
  for (int i = 0; i < FIDELITY_SIGHTS; i++)
    if (fidelity_sight_lag(i) == lag) return i;
  return -1;
}

// What is seen at a branch's beginning, and shown again.
static void look_lane_seen(look *v, int i) {
  look_lane *l = &v->lane[i];
  fidelity_watch *w = &l->result.of;
  double scale;
  if (look_lane_lag(v, l) != 0 || !look_lane_is_shown(v, l)) return;

  // what V loses already: the floor under all that is imagined from there
  fidelity_picture(v->picture, &v->ground, look_lane_frame(v, l, l->step));
  mind_picture(v->awake, i, v->other);
  w->seen_error += fidelity_error(&v->ground, v->picture, v->other, &scale);
  w->seen_scale += scale;
  if (!v->ground.pixels) return;
  int things = fidelity_blobs(&v->ground, v->picture, v->things);
  w->blobs += things;
  w->blobs_seen += fidelity_blobs_kept(&v->ground, v->picture, v->things, things, v->other, NEAR_SEEN);
}

static void look_lane_imagined(look *v, int i) {
  look_lane *l = &v->lane[i];
  fidelity_watch *w = &l->result.of;
  int sight = sight_of(look_lane_lag(v, l) + 1);
  double scale;
  if (sight < 0 || !look_lane_is_shown(v, l) || !l->open || l->broken) return;

  // the same frame by both dreams, after one step and after all since the branch began
  fidelity_picture(v->picture, &v->ground, look_lane_frame(v, l, l->step + 1));
  mind_picture(v->dream, 2 * i, v->other);
  w->taught_error[sight] += fidelity_error(&v->ground, v->picture, v->other, &scale);
  mind_picture(v->dream, 2 * i + 1, v->other);
  w->open_error[sight] += fidelity_error(&v->ground, v->picture, v->other, &scale);
  w->error_scale[sight] += scale;
  if (!v->ground.pixels) return;
  int things = fidelity_blobs(&v->ground, v->picture, v->things);
  w->blobs_real[sight] += things;
  w->blobs_dreamt[sight] += fidelity_blobs_kept(&v->ground, v->picture, v->things, things, v->other, NEAR_DREAMT);
}

// --- the step -------------------------------------------------------------------------------------------------------

static void look_see(look *v) {
  for (int i = 0; i < v->alive; i++)
    memcpy(v->seen + (size_t)i * v->bytes, look_lane_frame(v, &v->lane[i], v->lane[i].step), v->bytes);
  mind_see(v->awake, v->seen, v->alive);
  for (int i = 0; i < v->alive; i++) look_lane_seen(v, i);
}

static void look_act(look *v) {
  size_t bytes = (size_t)v->A * sizeof(float);
  for (int i = 0; i < v->alive; i++)
    memcpy(v->actions + (size_t)i * v->A, v->lane[i].e.actions + (size_t)v->lane[i].step * v->A, bytes);
  mind_act(v->awake, v->actions, v->alive);
}

static void look_step(look *v) {
  // first what the world imagines of the next frame, from here and from some steps back
  look_see(v);
  dreams_load(v);
  dreams_act(v);
  dreams_keep(v);
  for (int i = 0; i < v->alive; i++) look_lane_imagined(v, i);

  // then one step more, for the chance of an end at this one
  chances_find(v);
  for (int i = 0; i < v->alive; i++) {
    look_lane_count_hazard(v, &v->lane[i]);
    look_lane_count_alarms(v, &v->lane[i]);
  }

  look_act(v);

  // backwards: the last one takes the place of whoever leaves
  for (int i = v->alive - 1; i >= 0; i--) {
    look_lane *l = &v->lane[i];
    if (++l->step < l->e.steps) continue;
    look_report(v, l->ticket, &l->result);
    look_lane_leave(v, i);
  }
}

static int look_work(void *self, int *tickets, void *results, int max) {
  look *v = self;
  if (!v->done_count) look_refill(v);
  if (!v->done_count && v->alive) look_step(v);
  int count = int_min(v->done_count, max);
  for (int i = 0; i < count; i++) {
    tickets[i] = v->done[i].ticket;
    memcpy((char *)results + (size_t)i * sizeof(look_result), &v->done[i].result, sizeof(look_result));
  }

  // what the caller had no room for waits in front
  v->done_count -= count;
  memmove(v->done, v->done + count, (size_t)v->done_count * sizeof *v->done);
  return count;
}

static farm_crew look_crew(look *v) {
  return (farm_crew){.self = v,
                     .vacancies = look_vacancies,
                     .begin = look_begin,
                     .work = look_work,
                     .drop = look_drop,
                     .lanes = v->lanes};
}

// --- all episodes ---------------------------------------------------------------------------------------------------

static void watch_add(fidelity_watch *to, const fidelity_watch *from) {
  _Static_assert(sizeof *to % sizeof(double) == 0, "sums, and nothing else");
  double *x = (double *)(void *)to;
  const double *y = (const double *)(const void *)from;
  for (size_t i = 0; i < sizeof *to / sizeof(double); i++) x[i] += y[i];
}

// A worker has no words for what it could not read; they are found by reading it here.
static status look_sum(look *v, const look_result *results) {
  for (int i = 0; i < v->watched; i++) {
    data_episode e;
    if (results[i].failed) TRY(data_read(v->d, v->first + i, &e));
    if (results[i].failed)
      FAIL(NO_IO, "%s: episode %d could not be read on another host; is it on a file system that all hosts share?",
           run_path(v->j->home, RUN_EPISODES).text, v->first + i);
    watch_add(&v->r->watch, &results[i].of);
  }
  return OK;
}

static status look_master(void *self) {
  look *v = self;
  const uint64_t nothing = 0;

  // an episode per task; its number says all
  const farm_job job = {.groups = 1,
                        .members = v->watched,
                        .records = &nothing,
                        .record_bytes = sizeof nothing,
                        .result_bytes = sizeof(look_result)};
  const farm_crew crew = look_crew(v);
  farm_report report;
  look_result *results = mem_take((size_t)v->watched, sizeof *results);
  status s = farm_map(v->j->f, &job, &crew, results, &report, fidelity_tick, v->pace);
  if (s == OK) s = look_sum(v, results);
  if (s == OK) v->pace->before += v->watched;
  mem_free(results);
  return s;
}

// --- opened, and closed ---------------------------------------------------------------------------------------------

// As many episodes at once as memory allows.
static int lanes_fitting(const look *v) {
  size_t longest = 1;
  for (int i = 0; i < v->watched; i++)
    longest = size_max(longest, (size_t)(data_steps(v->d, v->first + i) + 1) * v->bytes);
  return int_max(1, int_min(LANES_MAX, (int)(MEMORY / longest)));
}

static void look_open(look *v) {
  const fidelity_job *j = v->j;
  size_t size = (size_t)world_senses_of(j->w).observation, state = mind_state_bytes(j->w);
  double weight = j->s->rnn.done_weight;

  // half of what M learnt from at once. done_weight shifts M's odds of an end: an alarm is where its logit is positive
  v->half = int_max(1, int_min(CHUNK_MAX, j->s->rnn.steps / 2));
  v->A = j->environment->actions;
  v->alarm = (float)(weight > 0 ? 1 / (1 + weight) : 0.5);

  v->luck = rng_stream((uint64_t)j->s->run.seed, "fidelity look");
  v->rules = (dream_rules){
      .temperature = (float)j->s->dream.temperature, .first = 1, .end = DREAM_END_EXPECTED, .cap = INT_MAX};

  v->lanes = lanes_fitting(v);
  size_t lanes = (size_t)v->lanes;
  v->awake = mind_open(j->w, v->lanes);
  v->dream = mind_open(j->w, 2 * v->lanes);
  v->seen = mem_take(lanes, v->bytes);
  v->actions = mem_take(2 * lanes * (size_t)v->A, sizeof(float));
  v->outcomes = mem_take(2 * lanes, sizeof(dream_outcome));
  v->state = mem_take(1, state);
  v->picture = mem_take(size, sizeof(float));
  v->other = mem_take(size, sizeof(float));
  v->things = mem_take(WORLD_IMAGE * WORLD_IMAGE, 1);
  for (int i = 0; i < v->lanes; i++) v->lane[i].state = mem_take(1, state);
}

static void look_close(look *v) {
  look_drop(v);
  mind_close(v->awake);
  mind_close(v->dream);
  mem_free(v->seen);
  mem_free(v->actions);
  mem_free(v->outcomes);
  mem_free(v->state);
  mem_free(v->picture);
  mem_free(v->other);
  mem_free(v->things);

  for (int i = 0; i < v->lanes; i++) mem_free(v->lane[i].state);
}

// The newest, of which the last were never trained on. The ground is rank 0's to measure.
static status look_prepare(look *v) {
  const fidelity_job *j = v->j;
  int count = data_count(v->d);
  v->watched = int_min(count, j->s->fidelity.episodes);
  v->first = count - v->watched;
  v->bytes = data_observation_bytes(data_spec_of(v->d));
  v->r->watched = v->watched;
  v->r->held_out = int_min(v->watched, (int)(j->s->collect.held_out * count));
  v->ground = fidelity_ground_open(j->environment->pixels, world_senses_of(j->w).observation);
  status s = farm_rank(j->f) == 0 ? fidelity_ground_measure(&v->ground, v->d, v->first, v->watched) : OK;
  TRY(farm_agree(j->f, s));

  // all ranks measure errors by the same mean and variance
  farm_share(j->f, v->ground.mean, (size_t)v->ground.size * sizeof(float));
  farm_share(j->f, v->ground.per_variance, (size_t)v->ground.size * sizeof(float));
  farm_prepare(j->f, &(farm_sizes){.record_bytes = sizeof(uint64_t),
                                   .result_bytes = sizeof(look_result),
                                   .tasks = v->watched});
  return OK;
}

static status look_all(look *v) {
  status s = look_prepare(v);
  if (s == OK) {
    look_open(v);
    const farm_crew crew = look_crew(v);
    s = fidelity_lead(v->j, &crew, look_master, v);
    look_close(v);
  }

  fidelity_ground_close(&v->ground);
  return s;
}

status fidelity_look(const fidelity_job *j, fidelity_result *r, fidelity_pace *pace) {
  look *v = mem_take(1, sizeof *v);
  *v = (look){.j = j, .r = r, .pace = pace};
  status s = farm_agree(j->f, data_open(&v->d, run_path(j->home, RUN_EPISODES).text));
  if (s == OK) {
    s = look_all(v);
    data_close(v->d);
  }
  mem_free(v);
  return s;
}

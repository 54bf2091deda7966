// A farm in virtual time: the real master.c, worker.c and schedule.c, each process stepped when a message arrives for
// it, when a task of its crew ends, or now and then. Lines that lose, delay, double and reorder messages; workers that
// die, stop, wake, slow down and join late; a master that dies. Everything follows from the seed.

#include <math.h>
#include <string.h>

#include "simulate.h"

enum { SEND_BUFFERS = 4, SMALL_PIECE = 64 };
#define BEAT_SECONDS 0.25      // between two steps of a process to which nothing happens
#define RETRY_SECONDS 0.01     // when a line is full
#define SECONDS_MAX 1e4        // of virtual time, and WORK_MAX times all the work: no run of any use takes so long
#define WORK_MAX 100
#define STEPS_MAX 200000000

// --- luck ----------------------------------------------------------------------------------------------------------

// Uniform in [0, 1), by SplitMix64: its 53 highest bits.
static double simulate_draw(simulation *m) {
  m->luck += 0x9e3779b97f4a7c15u;
  return (double)(simulate_mixed(m->luck) >> 11) * 0x1p-53;
}

static bool simulate_chance(simulation *m, double p) { return p > 0 && simulate_draw(m) < p; }

// --- events: a binary heap -----------------------------------------------------------------------------------------

// By number where two are at the same time, so that the order is the same every time.
static bool simulate_event_sooner(const event *a, const event *b) {
  return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void simulate_events_grow(simulation *m) {
  event *more = mem_take((size_t)m->events_max * 2, sizeof *more);
  memcpy(more, m->heap, (size_t)m->events * sizeof *more);
  mem_free(m->heap);
  m->heap = more;
  m->events_max *= 2;
}

static void simulate_event_push(simulation *m, event e) {
  if (m->events == m->events_max) simulate_events_grow(m);
  e.number = ++m->numbers;

  int i = m->events++;
  for (; i && simulate_event_sooner(&e, &m->heap[(i - 1) / 2]); i = (i - 1) / 2) m->heap[i] = m->heap[(i - 1) / 2];
  m->heap[i] = e;
}

static event simulate_event_pop(simulation *m) {
  event top = m->heap[0], last = m->heap[--m->events];
  int i = 0;

  // The last one takes the place of the first, and sinks to where it belongs.
  for (int child; (child = 2 * i + 1) < m->events; i = child) {
    if (child + 1 < m->events && simulate_event_sooner(&m->heap[child + 1], &m->heap[child])) child++;
    if (!simulate_event_sooner(&m->heap[child], &last)) break;
    m->heap[i] = m->heap[child];
  }

  m->heap[i] = last;
  return top;
}

static void simulate_wake_at(process *p, double at) {
  if (at >= p->wake) return;
  p->wake = at;
  simulate_event_push(p->m, (event){.at = at, .who = p->f.rank});
}

// --- lines ---------------------------------------------------------------------------------------------------------

static int *simulate_line_load(simulation *m, int from, int to) {
  return &m->under_way[from == 0 ? to : m->size + from];
}

static bool simulate_line_can_send(void *self, int to) {
  const process *p = self;
  return *simulate_line_load(p->m, p->f.rank, to) < SEND_BUFFERS;
}

static void simulate_letter_post(simulation *m, letter *l) {
  const farm_simulation *w = m->what;
  process *to = &m->p[l->to];
  double at = m->now + w->delay * (simulate_chance(m, w->lags) ? 100 * simulate_draw(m) : 0.5 + simulate_draw(m));
  if (w->lags == 0) to->last_arrival = at = fmax(at, to->last_arrival);
  if (++m->in_flight > m->out->in_flight_max) m->out->in_flight_max = m->in_flight;
  simulate_event_push(m, (event){.at = at, .arrives = l});
}

static letter *simulate_letter_write(int from, int to, const void *bytes, size_t size) {
  letter *l = mem_take(1, sizeof *l + size);
  l->from = from;
  l->to = to;
  l->size = size;
  memcpy(l->bytes, bytes, size);
  return l;
}

static bool simulate_line_send(void *self, int to, const void *bytes, size_t size) {
  process *p = self;
  simulation *m = p->m;
  if (m->now >= p->dies) return true;  // it died in this very step
  if (!simulate_line_can_send(p, to)) return false;

  letter *l = simulate_letter_write(p->f.rank, to, bytes, size);
  ++*simulate_line_load(m, p->f.rank, to);
  m->out->messages++;
  l->vanishes = simulate_chance(m, m->what->vanishes);
  simulate_letter_post(m, l);

  // The second of two takes no place on the line: the sender knows of one.
  if (!simulate_chance(m, m->what->doubles)) return true;
  l = simulate_letter_write(p->f.rank, to, bytes, size);
  l->copied = true;
  simulate_letter_post(m, l);
  return true;
}

static void simulate_letter_end(simulation *m, letter *l) {
  if (!l->copied) --*simulate_line_load(m, l->from, l->to);
  m->in_flight--;
  mem_free(l);
}

static bool simulate_line_receive(void *self, int *from, const void **bytes, size_t *size) {
  process *p = self;
  if (p->given) simulate_letter_end(p->m, p->given);
  p->given = p->first;
  if (!p->given) return false;

  p->first = p->given->next;
  *from = p->given->from;
  *bytes = p->given->bytes;
  *size = p->given->size;

  // Rank 0 is one core too: what it takes in keeps it from its next step.
  p->free_at += p->f.rank == 0 ? p->m->what->message_seconds : 0;
  return true;
}

static double simulate_line_now(void *self) { return ((process *)self)->m->now; }

static bool simulate_is_silent(const process *p, double t) {
  return t < p->joins || t >= p->dies || (t >= p->stops && t < p->wakes);
}

static void simulate_letter_arrive(simulation *m, letter *l) {
  process *p = &m->p[l->to];
  if (l->vanishes) {
    simulate_letter_end(m, l);
    return;
  }

  l->next = NULL;
  if (p->first) p->last->next = l;
  else p->first = l;
  p->last = l;

  // A process that is stopped finds it when it wakes.
  if (!simulate_is_silent(p, m->now)) simulate_wake_at(p, fmax(m->now, p->free_at));
}

// --- fate ----------------------------------------------------------------------------------------------------------

static post simulate_post(process *p) {
  return (post){
      .self = p,
      .send = simulate_line_send,
      .can_send = simulate_line_can_send,
      .receive = simulate_line_receive,
      .now = simulate_line_now,
  };
}

// What will happen to a worker, and when.
static void simulate_fate_draw(process *p) {
  simulation *m = p->m;
  const farm_simulation *w = m->what;
  if (simulate_chance(m, w->dies)) p->dies = m->now + w->span * simulate_draw(m);

  // Stopped for up to twice the span, so that some wake after all is done.
  if (simulate_chance(m, w->stops)) {
    p->stops = m->now + w->span * simulate_draw(m);
    p->wakes = p->stops + 2 * w->span * simulate_draw(m);
  }

  if (simulate_chance(m, w->slows)) p->slows = m->now + w->span * simulate_draw(m);
  if (simulate_chance(m, w->late)) p->joins = m->now + w->span * simulate_draw(m);
}

static void simulate_process_open(simulation *m, int rank, const farm *shared) {
  const farm_simulation *w = m->what;
  process *p = &m->p[rank];
  *p = (process){
      .m = m,
      .f = *shared,
      .speed = exp(w->spread * (2 * simulate_draw(m) - 1)),
      .dies = NEVER,
      .stops = NEVER,
      .wakes = NEVER,
      .slows = NEVER,
      .advanced = m->now,
      .wake = NEVER,
  };
  p->f.rank = rank;
  p->f.post = simulate_post(p);
  p->hands = simulate_crew(p);

  // Three lists of as many tasks as it may hold, in one piece.
  p->lane = mem_take(3 * (size_t)m->capacity, sizeof *p->lane);
  p->waiting = p->lane + m->capacity;
  p->ended = p->waiting + m->capacity;

  if (rank == 0) {
    if (w->master_dies > 0) p->dies = m->now + w->master_dies;
    return;
  }

  simulate_fate_draw(p);
  p->s = service_open(&p->f, &p->hands);
  simulate_wake_at(p, fmax(m->now, p->joins));
  if (p->stops < NEVER) simulate_event_push(m, (event){.at = p->wakes, .who = rank});
}

// --- steps ---------------------------------------------------------------------------------------------------------

static double simulate_next_step(const process *p) {
  double beat = p->m->now + BEAT_SECONDS;
  double ends = simulate_crew_ends(p);
  if (p->done || ends <= p->m->now) ends = p->m->now + RETRY_SECONDS;
  return fmax(fmin(beat, ends), p->free_at);
}

static status simulate_step(simulation *m, process *p) {
  bool active;
  status s = OK;
  m->out->steps++;
  p->wake = NEVER;

  // A dead one has no next step; one that is late or stopped has it when that is over.
  if (simulate_is_silent(p, m->now)) {
    if (m->now < p->dies) simulate_wake_at(p, m->now < p->joins ? p->joins : p->wakes);
    return OK;
  }

  if (p->f.rank == 0) p->free_at = m->now;
  if (p->s) service_step(p->s);
  else s = map_step(&m->run, &active);
  if (m->now < p->dies) simulate_wake_at(p, simulate_next_step(p));
  return s;
}

static const uint64_t simulate_poison = 0xdead;

// A block of groups that is done is filled anew, while the others go on.
static void simulate_block_refill(simulation *m, int group) {
  int first = group - group % m->block, left = m->what->groups - first;
  int groups = left < m->block ? left : m->block;
  for (int g = first; g < first + groups; g++)
    if (m->unanswered[g]) return;
  if (m->records[first].filling + 1 >= m->fillings) return;

  // each filling is counted apart: a late answer must not pass for one of the new filling
  for (int g = first; g < first + groups; g++) {
    m->records[g].filling++;
    m->unanswered[g] = m->what->members;
  }
  farm_reopen(&m->p[0].f, first, groups);
}

static void simulate_count_answer(void *watcher, int number, const void *result) {
  simulation *m = watcher;
  int group = number / m->what->members;
  uint64_t answer;
  memcpy(&answer, result, sizeof answer);

  // an answer is a function of task and filling: a mix-up shows at once
  bool killer = m->what->kills && m->what->kills[number];
  bool right = answer == simulate_answer_of(number, m->records[group].filling);
  if (!right && !(killer && answer == simulate_poison))
    m->mixed_up = "a task has another's result, or an earlier filling's";

  // each is to be answered once per filling, which the account looks at
  m->answers[number]++;
  m->unanswered[group]--;
  simulate_block_refill(m, group);
}

// What is known of a block that is not known wholly is played again in its later fillings.
static void simulate_count_due(simulation *m) {
  const farm_simulation *w = m->what;
  for (int g = 0; g < w->groups; g++) {
    m->unanswered[g] = 0;
    for (int i = g * w->members; i < (g + 1) * w->members; i++) m->unanswered[g] += !(w->known && w->known[i]);
  }

  // A block that is known wholly is never played; any other one in all its fillings.
  for (int i = 0; i < w->groups * w->members; i++) {
    int first = i / w->members / m->block * m->block, open = 0;
    for (int g = first; g < first + m->block && g < w->groups; g++) open += m->unanswered[g];
    m->due[i] = open ? m->fillings - (w->known && w->known[i]) : 0;
  }
}

static status simulate_judge(const simulation *m) {
  if (m->mixed_up) FAIL(BROKEN, "%s", m->mixed_up);
  for (int i = 0; i < m->what->groups * m->what->members; i++)
    if (m->answers[i] > m->due[i] || (map_finished(&m->run) && m->answers[i] < m->due[i]))
      FAIL(BROKEN, "task %d was counted %d times instead of %d", i, m->answers[i], m->due[i]);
  return OK;
}

// When a run that has not ended is taken for one without an end.
static double simulate_end(const simulation *m) {
  double end = m->now + SECONDS_MAX;
  for (int i = 0; i < m->what->groups * m->what->members; i++)
    end += WORK_MAX * m->knee * m->fillings * m->what->length[i];
  return end;
}

static status simulate_play(simulation *m) {
  process *master = &m->p[0];
  double end = simulate_end(m);
  status s = OK;
  simulate_wake_at(master, m->now);

  while (s == OK && !map_finished(&m->run)) {
    event e = simulate_event_pop(m);
    process *p = &m->p[e.who];
    CHECK(e.at >= m->now, "time runs backwards");
    m->now = e.at;

    // A step that was put forward leaves a stale event behind; waking from a stop has an event of its own.
    if (e.arrives) simulate_letter_arrive(m, e.arrives);
    else if (m->now < master->dies && (m->now >= p->wake || m->now == p->wakes)) s = simulate_step(m, p);
    if (m->now >= master->dies) s = status_fail(RESUME_ME, "rank 0 died");
    if (m->now > end || m->out->steps > STEPS_MAX)
      s = status_fail(BROKEN, "no end after %.0f s and %lld steps", m->now, (long long)m->out->steps);
  }
  return s;
}

static double simulate_capacity_of(const simulation *m) {
  double sum = 0;
  for (int i = m->what->master_works ? 0 : 1; i < m->size; i++) sum += m->p[i].speed;
  return sum;
}

static void simulate_account(simulation *m) {
  const farm_simulation *w = m->what;
  double work = 0;
  for (int i = 0; i < w->groups * w->members; i++) {
    work += m->answers[i] * w->length[i];
    if (m->answers[i] == m->due[i] && w->known) w->known[i] = 1;
  }

  // Against all that the cores could have done, those of the dead and the late among them.
  m->out->seconds = m->now - m->began;
  m->out->used = m->out->seconds > 0 ? work / (simulate_capacity_of(m) * m->out->seconds) : 0;
}

static void simulate_process_close(process *p) {
  if (p->s) service_close(p->s);
  mem_free(p->given);
  for (letter *l = p->first, *next; l; l = next) {
    next = l->next;
    mem_free(l);
  }
  mem_free(p->lane);
}

static void simulate_close(simulation *m) {
  // Letters that are still under way belong to their events.
  while (m->events) {
    event e = simulate_event_pop(m);
    mem_free(e.arrives);
  }
  for (int i = 0; i < m->size; i++) simulate_process_close(&m->p[i]);

  schedule_close(m->p[0].f.plan);
  mem_free(m->p[0].f.peer);
  farm_scratch_free(&m->p[0].f);
  mem_free(m->p);

  mem_free(m->under_way);
  mem_free(m->heap);
  mem_free(m->records);
  mem_free(m->results);
  mem_free(m->answers);
  mem_free(m->due);
  mem_free(m->unanswered);
  mem_free(m->shared);
}

static void simulate_open(simulation *m, int tasks) {
  const farm_simulation *w = m->what;
  farm shared = {
      .size = m->size,
      .silent = true,
      .record_max = sizeof(record),
      .result_max = sizeof(uint64_t),
      .state_max = sizeof(state),
      .shared_max = w->shared_bytes,
      .piece_bytes = SMALL_PIECE,
  };
  farm_scratch(&shared);  // used within a step only, hence one for all

  m->events_max = 4 * m->size + 64;
  m->heap = mem_take((size_t)m->events_max, sizeof *m->heap);
  m->under_way = mem_take(2 * (size_t)m->size, sizeof *m->under_way);
  m->records = mem_take((size_t)w->groups, sizeof *m->records);
  m->results = mem_take((size_t)tasks, sizeof *m->results);
  m->answers = mem_take((size_t)tasks, sizeof *m->answers);
  m->due = mem_take((size_t)tasks, sizeof *m->due);
  m->unanswered = mem_take((size_t)w->groups, sizeof *m->unanswered);
  m->shared = mem_take(w->shared_bytes, 1);
  for (int g = 0; g < w->groups; g++) m->records[g].group = g;

  m->p = mem_take((size_t)m->size, sizeof *m->p);
  for (int i = 0; i < m->size; i++) simulate_process_open(m, i, &shared);

  // Only rank 0 plans, as in a real farm.
  farm *f = &m->p[0].f;
  f->plan = schedule_open(m->size, schedule_customary);
  f->peer = mem_take((size_t)m->size, sizeof *f->peer);
  schedule_reserve(f->plan, tasks);
}

static status simulate_play_job(simulation *m, const farm_job *job) {
  // Other bytes in every job, and a record that names it: what is left of an earlier one would be noticed.
  m->job++;
  for (size_t i = 0; i < m->what->shared_bytes; i++) m->shared[i] = simulate_shared_byte(m->job, i);
  for (int g = 0; g < job->groups; g++) {
    m->records[g].job = m->job;
    m->records[g].filling = 0;
  }

  simulate_count_due(m);
  memset(m->answers, 0, (size_t)(job->groups * job->members) * sizeof *m->answers);
  memset(m->results, 0, (size_t)(job->groups * job->members) * sizeof *m->results);

  m->run = (map_run){.f = &m->p[0].f, .job = job, .crew = &m->p[0].hands, .results = (char *)m->results};
  m->began = m->now;

  map_begin(&m->run);
  status s = simulate_play(m), rules = simulate_judge(m);  // broken rules count for more than how it ended
  map_end(&m->run, &m->out->report);
  return rules != OK ? rules : s;
}

static farm_job simulate_job(simulation *m) {
  const farm_simulation *w = m->what;

  // the program's own map, over a line and a clock of make-believe
  return (farm_job){
      .groups = w->groups,
      .members = w->members,
      .records = m->records,
      .record_bytes = sizeof(record),
      .result_bytes = sizeof(uint64_t),
      .shared = m->shared,
      .shared_bytes = w->shared_bytes,
      .expected = w->expected,
      .known = w->known,
      .answered = simulate_count_answer,
      .watcher = m,
      .poisoned = &simulate_poison,
      .tries = w->tries,
  };
}

status farm_simulate(farm_simulated *out, const farm_simulation *w) {
  int lanes = w->lanes ? w->lanes : 1, queue = w->lanes ? w->queue : 1;
  simulation m = {
      .what = w,
      .luck = simulate_mixed(w->seed),
      .now = 1,  // 0 is what was never heard of
      .size = w->workers + 1,
      .lanes = lanes,
      .capacity = lanes + queue,
      .knee = fmax(w->knee, 1),
      .fillings = w->fillings ? w->fillings : 1,
      .block = w->block ? w->block : 1,
      .out = out,
  };
  *out = (farm_simulated){0};

  // sizes as a real run would have them, then one job after another on the same plan
  simulate_open(&m, w->groups * w->members);

  const farm_job job = simulate_job(&m);
  status s = OK;
  for (int i = 0; s == OK && (i == 0 || i < w->jobs); i++) s = simulate_play_job(&m, &job);

  // accounts of what happened, whether it went well or not
  simulate_account(&m);
  simulate_close(&m);
  return s;
}

// When the last task has been handed out a worker has on average what is left of a length met at a random moment, and
// the slowest has nearly the longest.
double farm_use_expected(int64_t tasks, int workers, double mean, double sd, double longest) {
  double load = (double)tasks * mean / workers;
  double left = (mean * mean + sd * sd) / (2 * mean);  // E[L^2] / 2 E[L]
  double seconds = tasks <= workers ? longest : fmax(longest, load - left + longest);
  return load / seconds;
}

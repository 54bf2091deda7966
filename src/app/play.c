// A job of the evolve verb: groups of one descent or of several, side by side on the farm. What is finished goes into each
// descent's journal, what its journal has is not played again.

#include <string.h>

#include "evolution.h"

rollout_record *record_at(const evolution *v, int group) { return (rollout_record *)(v->records + (size_t)group * v->record_bytes); }

const rollout_result *result_at(const evolution *v, const share *s, int group, int episode) {
  return &v->results[(size_t)(s->first + group) * v->members + episode];
}

// --- who watches ------------------------------------------------------------------------------------------------------------

void play_fail(evolution *v, status s) {
  v->failed = s;
  text_print(v->words, sizeof v->words, "%s", status_message());
}

// Does a share that is answered hold a generation anew?
static bool share_goes_on(const evolution *v, share *s) {
  return s->left == 0 && v->watch_play->answered && v->watch_play->answered(s);
}

static void answered(void *self, int task, const void *result) {
  evolution *v = self;
  share *s = &v->shares[v->share_of[task / v->members]];
  journal_add(s->d->finished, (int)v->job, (task / v->members - s->first) * s->episodes + task % v->members, result);
  s->left--;
  if (share_goes_on(v, s)) farm_reopen(v->a->f, s->first, s->groups);
}

static void happened(void *self, const farm_event *e) { rows_happened(self, e); }

static void journals_write(const evolution *v) {
  for (int i = 0; i < v->share_count; i++) journal_write(v->shares[i].d->finished);
}

static bool keep_going(void *self, int64_t finished) {
  evolution *v = self;
  bool going = v->watch_play->going(v, finished);
  journals_write(v);
  return going && v->failed == OK;
}

// --- the job ----------------------------------------------------------------------------------------------------------------

void play_begin(evolution *v, evolution_job job) {
  v->job = job;
  v->share_count = v->groups = v->members = 0;
  if (v->maker) maker_share_begin(&v->shared, job == JOB_TRAIN ? MAKER_SEARCHES : MAKER_VECTORS, v->shared_room);
}

share *play_add(evolution *v, descent *d, int room, int groups, int episodes) {
  share *s = &v->shares[v->share_count];
  CHECK(v->groups + room <= v->groups_max, "%d groups, room for %d", v->groups + room, v->groups_max);
  *s = (share){.d = d, .first = v->groups, .room = room, .groups = groups, .episodes = episodes};
  for (int g = 0; g < room; g++) v->share_of[v->groups + g] = v->share_count, v->expected[v->groups + g] = 1;
  v->groups += room;
  if (episodes > v->members) v->members = episodes;
  v->share_count++;
  return s;
}

static void share_recall(const evolution *v, share *s) {
  size_t at = (size_t)s->first * v->members;
  memset(v->known + at, 1, (size_t)s->room * v->members);
  s->began = time_now();
  s->left = s->groups * s->episodes - journal_recall(s->d->finished, (int)v->job, v->known + at, v->results + at, s->groups, s->episodes, v->members);
}

// A job is a rectangle: members that a share does not have count as known. So may a whole generation, where a kill came before
// its checkpoint.
static void known_fill(evolution *v) {
  for (int i = 0; i < v->share_count; i++) {
    share *s = &v->shares[i];
    share_recall(v, s);
    if (share_goes_on(v, s)) share_recall(v, s);
  }
}

farm_crew evolution_crew(const evolution *v) { return v->maker ? maker_crew(v->maker) : crew_of(v->crew); }

// Poison counts as broken.
status play(evolution *v, const play_watch *watch, farm_report *report) {
  const rollout_result broken = {.broken = 1};
  CHECK((int64_t)v->groups * v->members <= v->tasks_max, "%d x %d tasks, room for %d", v->groups, v->members, v->tasks_max);
  v->watch_play = watch;
  known_fill(v);
  farm_job job = {.groups = v->groups, .members = v->members, .records = v->records, .record_bytes = v->record_bytes, .result_bytes = sizeof(rollout_result),
                  .shared = v->shared.bytes, .shared_bytes = v->shared.size, .expected = v->expected, .known = v->known, .answered = answered, .happened = happened, .watcher = v, .poisoned = &broken};
  farm_crew crew = evolution_crew(v);
  status s = farm_map(v->a->f, &job, &crew, v->results, report, keep_going, v);
  journals_write(v);
  v->mapped += report->seconds;
  if (v->failed != OK) FAIL(v->failed, "%s", v->words);
  return s;
}

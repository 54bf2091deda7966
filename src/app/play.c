// A job of the evolve verb: groups of one descent or of several, side by side on the farm. What is finished goes into each
// descent's journal, what its journal has is not played again.

#include <string.h>

#include "evolution.h"

rollout_record *record_at(const evolution *v, int group) { return (rollout_record *)(v->records + (size_t)group * v->record_bytes); }

const rollout_result *result_at(const evolution *v, const share *s, int group, int episode) {
  return &v->results[(size_t)(s->first + group) * v->members + episode];
}

// --- who watches ------------------------------------------------------------------------------------------------------------

static void answered(void *self, int task, const void *result) {
  const evolution *v = self;
  share *s = &v->shares[v->share_of[task / v->members]];
  journal_add(s->d->finished, (int)v->job, (task / v->members - s->first) * s->episodes + task % v->members, result);
  s->left--;
}

static void happened(void *self, const farm_event *e) { rows_happened(self, e); }

static void journals_write(const evolution *v) {
  for (int i = 0; i < v->share_count; i++) journal_write(v->shares[i].d->finished);
}

static bool keep_going(void *self, int64_t finished) {
  (void)finished;
  journals_write(self);
  return !signals_asked();
}

// --- the job ----------------------------------------------------------------------------------------------------------------

void play_begin(evolution *v, evolution_job job) {
  v->job = job;
  v->share_count = v->groups = v->members = 0;
}

share *play_add(evolution *v, descent *d, int groups, int episodes) {
  share *s = &v->shares[v->share_count];
  CHECK(v->groups + groups <= v->groups_max, "%d groups, room for %d", v->groups + groups, v->groups_max);
  *s = (share){.d = d, .first = v->groups, .groups = groups, .episodes = episodes};
  for (int g = 0; g < groups; g++) v->share_of[v->groups + g] = v->share_count, v->expected[v->groups + g] = 1;
  v->groups += groups;
  if (episodes > v->members) v->members = episodes;
  v->share_count++;
  return s;
}

// A job is a rectangle: members that a share does not have count as known.
static void known_fill(evolution *v) {
  memset(v->known, 1, (size_t)v->groups * v->members);
  for (int i = 0; i < v->share_count; i++) {
    share *s = &v->shares[i];
    size_t at = (size_t)s->first * v->members;
    s->left = s->groups * s->episodes - journal_recall(s->d->finished, (int)v->job, v->known + at, v->results + at, s->groups, s->episodes, v->members);
  }
}

// Poison counts as broken.
status play(evolution *v, farm_report *report) {
  const rollout_result broken = {.broken = 1};
  CHECK((int64_t)v->groups * v->members <= v->tasks_max, "%d x %d tasks, room for %d", v->groups, v->members, v->tasks_max);
  known_fill(v);
  v->began = time_now();
  farm_job job = {.groups = v->groups, .members = v->members, .records = v->records, .record_bytes = v->record_bytes, .result_bytes = sizeof(rollout_result),
                  .expected = v->expected, .known = v->known, .answered = answered, .happened = happened, .watcher = v, .poisoned = &broken};
  farm_crew crew = crew_of(v->crew);
  status s = farm_map(v->a->f, &job, &crew, v->results, report, keep_going, v);
  journals_write(v);
  return s;
}

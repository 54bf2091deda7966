// A job of a search: groups of one descent or of several, side by side on the farm. What is finished goes into each
// descent's journal, what its journal has is not played again.

#include <string.h>

#include "evolution.h"

rollout_record *play_record(const evolution *v, int group) {
  return (rollout_record *)(v->records + (size_t)group * v->record_bytes);
}

const rollout_result *play_result(const evolution *v, const share *s, int group, int episode) {
  return &v->results[(size_t)(s->first + group) * v->members + episode];
}

void play_fail(evolution *v, status s) {
  v->failed = s;
  text_print(v->words, sizeof v->words, "%s", status_message());
}

// --- who watches ----------------------------------------------------------------------------------------------------

// Does a share that is answered hold a generation anew?
static bool play_share_goes_on(const evolution *v, share *s) {
  return s->left == 0 && v->watched->answered && v->watched->answered(s);
}

static void play_answered(void *self, int task, const void *result) {
  evolution *v = self;
  share *s = &v->shares[v->share_of[task / v->members]];
  int group = task / v->members - s->first, episode = task % v->members;
  journal_add(s->d->finished, (int)v->job, group * s->episodes + episode, result);

  s->left--;
  if (play_share_goes_on(v, s)) farm_reopen(v->f, s->first, s->groups);
}

static void play_happened(void *self, const farm_event *e) { rows_happened(self, e); }

static void play_journals_write(const evolution *v) {
  for (int i = 0; i < v->share_count; i++) journal_write(v->shares[i].d->finished);
}

static bool play_going(void *self, int64_t finished) {
  evolution *v = self;
  bool going = v->watched->going(v, finished);
  play_journals_write(v);
  return going && v->failed == OK;
}

// --- the job --------------------------------------------------------------------------------------------------------

void play_begin(evolution *v, evolution_job job) {
  v->job = job;
  v->share_count = v->groups = v->members = 0;
  if (v->maker) maker_share_begin(&v->shared, job == JOB_TRAIN ? MAKER_SEARCHES : MAKER_VECTORS, v->shared_room);
}

share *play_add(evolution *v, descent *d, int room, int groups, int episodes) {
  share *s = &v->shares[v->share_count];
  CHECK(v->groups + room <= v->groups_max, "%d groups, room for %d", v->groups + room, v->groups_max);
  *s = (share){.d = d, .first = v->groups, .room = room, .groups = groups, .episodes = episodes};

  // equal expectations, until lengths are known
  for (int g = v->groups; g < v->groups + room; g++) {
    v->share_of[g] = v->share_count;
    v->expected[g] = 1;
  }
  v->groups += room;
  v->members = int_max(v->members, episodes);
  v->share_count++;
  return s;
}

static void play_recall(const evolution *v, share *s) {
  size_t at = (size_t)s->first * v->members;
  memset(v->known + at, 1, (size_t)s->room * v->members);
  s->began = time_now();
  int known = journal_recall(s->d->finished, (int)v->job, v->known + at, v->results + at, s->groups, s->episodes,
                             v->members);
  s->left = s->groups * s->episodes - known;
}

// A job is a rectangle: members that a share does not have count as known. So may a whole generation, where a kill came
// before its checkpoint.
static void play_known_fill(evolution *v) {
  for (int i = 0; i < v->share_count; i++) {
    share *s = &v->shares[i];
    play_recall(v, s);
    if (play_share_goes_on(v, s)) play_recall(v, s);
  }
}

farm_crew play_crew(const evolution *v) { return v->maker ? maker_crew(v->maker) : search_crew(v->crew); }

status play_run(evolution *v, const play_watch *watch, farm_report *report) {
  CHECK((int64_t)v->groups * v->members <= v->tasks_max, "%d x %d tasks, room for %d", v->groups, v->members,
        v->tasks_max);
  v->watched = watch;
  play_known_fill(v);

  // Poison counts as broken.
  const rollout_result broken = {.broken = 1};
  const farm_job job = {.groups = v->groups,
                        .members = v->members,
                        .records = v->records,
                        .record_bytes = v->record_bytes,
                        .result_bytes = sizeof(rollout_result),
                        .shared = v->shared.bytes,
                        .shared_bytes = v->shared.size,
                        .expected = v->expected,
                        .known = v->known,
                        .answered = play_answered,
                        .happened = play_happened,
                        .watcher = v,
                        .poisoned = &broken};
  const farm_crew crew = play_crew(v);
  status s = farm_map(v->f, &job, &crew, v->results, report, play_going, v);

  play_journals_write(v);
  v->mapped += report->seconds;
  if (v->failed != OK) FAIL(v->failed, "%s", v->words);
  return s;
}

// The farm's own cost: wall time per episode when episodes are empty. Run with two ranks.

#include "bench.h"
#include "farm.h"

enum { GROUPS = 1024, MEMBERS = 16, RECORD = 4300, ROOM = 80 };

typedef struct crew { int tickets[ROOM], count, room; } crew;
typedef struct result { double total; int32_t steps, broken; } result;

static int vacancies(void *self) { return ((crew *)self)->room - ((crew *)self)->count; }
static void begin(void *self, int ticket, const void *record, int member) {
  (void)record, (void)member;
  crew *c = self;
  c->tickets[c->count++] = ticket;
}
static int work(void *self, int *tickets, void *results, int max) {
  crew *c = self;
  int n = c->count < max ? c->count : max;
  for (int i = 0; i < n; i++) {
    tickets[i] = c->tickets[--c->count];
    ((result *)results)[i] = (result){.steps = 1};
  }
  return n;
}
static void drop(void *self) { ((crew *)self)->count = 0; }

static double seconds_a_map(farm *f, const farm_crew *hands, const char *records, result *results) {
  const farm_job job = {.groups = GROUPS, .members = MEMBERS, .records = records, .record_bytes = RECORD, .result_bytes = sizeof *results};
  farm_report report;
  double seconds[BENCH_REPEATS];
  for (int i = 0; i < BENCH_REPEATS; i++) {
    CHECK(farm_map(f, &job, hands, results, &report, NULL, NULL) == OK, "%s", status_message());
    seconds[i] = report.seconds;
  }
  qsort(seconds, BENCH_REPEATS, sizeof *seconds, bench_ascending);
  return seconds[BENCH_REPEATS / 2];
}

int main(int count, char **words) {
  farm *f;
  crew own = {.room = ROOM};
  const farm_crew hands = {&own, vacancies, begin, work, drop, 0};
  CHECK(farm_open(&f, &count, &words) == OK, "%s", status_message());
  farm_prepare(f, RECORD, sizeof(result), GROUPS * MEMBERS);
  if (farm_rank(f) != 0) {
    farm_serve(f, &hands);
  } else {
    char *records = mem_take(GROUPS, RECORD);
    result *results = mem_take(GROUPS * MEMBERS, sizeof *results);
    bench_say("farm_us_per_empty_episode", 1e6 * seconds_a_map(f, &hands, records, results) / (GROUPS * MEMBERS), "us");
    own.room = 0;  // rank 0 only hands out: every episode travels
    bench_say("farm_us_per_empty_episode_sent", 1e6 * seconds_a_map(f, &hands, records, results) / (GROUPS * MEMBERS), "us");
    mem_free(records);
    mem_free(results);
    farm_dismiss(f);
  }
  farm_close(f, 0);
  return 0;
}

// `dreamfarm bench SUBJECT`. Here the farm: speeds measured here, or what an allocation would do, in virtual time.
// Output: one line a figure, `name value unit`; with --json one object.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "num.h"

typedef struct bench_options {
  bool simulate, json;
  int workers, candidates, episodes, seeds;  // episodes: of a generation
  int lanes;    // of a worker
  double knee;  // lanes from which on a core does all it can
} bench_options;

// --- output ---------------------------------------------------------------------------------------------------------

typedef struct figures { text_buffer lines, json; } figures;

static void figure(figures *f, const char *name, double value, const char *unit) {
  text_add(&f->lines, "%-44s %12.5g %s\n", name, value, unit);
  json_number(&f->json, name, value);
}

static figures figures_open(void) {
  figures f = {0};
  json_open(&f.json, NULL, '{');
  return f;
}

// Nothing is printed where something failed, or there is nothing to print.
static void figures_end(figures *f, bool json, status s) {
  json_close(&f->json, '}');
  if (s == OK && f->lines.size) printf(json ? "%s\n" : "%s", json ? f->json.bytes : f->lines.bytes);
  output_flush();
  text_free(&f->lines);
  text_free(&f->json);
}

// --- farm, measured: episodes that take no time ---------------------------------------------------------------------

enum { ROOM = 80, EMPTY_CANDIDATES = 256, EMPTY_EPISODES = 64, EMPTY_PARAMETERS = 1088, REPEATS = 7 };

typedef struct empty_crew { int tickets[ROOM], count, room; } empty_crew;

static int empty_vacancies(void *self) { return ((empty_crew *)self)->room - ((empty_crew *)self)->count; }
static void empty_begin(void *self, int ticket, const void *record, int member) {
  (void)record, (void)member;
  empty_crew *c = self;
  c->tickets[c->count++] = ticket;
}
static int empty_work(void *self, int *tickets, void *results, int max) {
  empty_crew *c = self;
  int n = c->count < max ? c->count : max;
  memset(results, 0, (size_t)n * sizeof(rollout_result));
  for (int i = 0; i < n; i++) tickets[i] = c->tickets[--c->count];
  return n;
}
static void empty_drop(void *self) { ((empty_crew *)self)->count = 0; }

typedef struct empty_times { double seconds, master; } empty_times;  // medians, of an episode

static status empty_maps(farm *f, const farm_crew *crew, const char *records, rollout_result *results, empty_times *t) {
  const farm_job job = {.groups = EMPTY_CANDIDATES, .members = EMPTY_EPISODES, .records = records,
                        .record_bytes = EMPTY_PARAMETERS * sizeof(float), .result_bytes = sizeof *results};
  double seconds[REPEATS], master[REPEATS], tasks = EMPTY_CANDIDATES * EMPTY_EPISODES;

  // medians of several maps: one alone is at the mercy of the machine
  for (int i = 0; i < REPEATS; i++) {
    farm_report r;
    TRY(farm_map(f, &job, crew, results, &r, NULL, NULL));
    seconds[i] = r.seconds / tasks;
    master[i] = r.master / tasks;
  }

  *t = (empty_times){double_median(seconds, REPEATS), double_median(master, REPEATS)};
  return OK;
}

static status empty_figures(app *a, const farm_crew *crew, figures *f, const char *words) {
  char *records = mem_take(EMPTY_CANDIDATES, EMPTY_PARAMETERS * sizeof(float)), name[96];
  rollout_result *results = mem_take(EMPTY_CANDIDATES * EMPTY_EPISODES, sizeof *results);
  empty_times t = {0};
  status s = empty_maps(a->f, crew, records, results, &t);

  // rank 0's own time bounds how many workers it can feed; the rate is what comes of it here
  snprintf(name, sizeof name, "farm_%d_ranks_%s_master_us", farm_size(a->f), words);
  figure(f, name, 1e6 * t.master, "us");
  snprintf(name, sizeof name, "farm_%d_ranks_%s_per_s", farm_size(a->f), words);
  figure(f, name, t.seconds > 0 ? 1 / t.seconds : 0, "1/s");

  mem_free(records);
  mem_free(results);
  return s;
}

// In chunks, as most of a generation goes; and one episode a message, as its end does. Rank 0 only hands out: every
// episode travels.
static status farm_measure(app *a, const bench_options *o) {
  static const struct { int room; const char *words; } ways[] = {{ROOM, "episode"}, {1, "lone_episode"}};
  empty_crew own = {0};
  const farm_crew crew = {
      .self = &own, .vacancies = empty_vacancies, .begin = empty_begin, .work = empty_work, .drop = empty_drop};
  figures f = figures_open();
  status s = OK;

  // collective: all ranks make room for the same messages
  farm_prepare(a->f, &(farm_sizes){.record_bytes = EMPTY_PARAMETERS * sizeof(float),
                                   .result_bytes = sizeof(rollout_result),
                                   .tasks = EMPTY_CANDIDATES * EMPTY_EPISODES});

  // rank 0 has no room of its own where others are: nothing is played without a message
  for (size_t i = 0; i < sizeof ways / sizeof *ways && s == OK; i++) {
    own.room = farm_rank(a->f) == 0 && farm_size(a->f) > 1 ? 0 : ways[i].room;
    if (farm_rank(a->f) == 0) {
      s = empty_figures(a, &crew, &f, ways[i].words);
      farm_dismiss(a->f);
    } else {
      s = farm_serve(a->f, &crew);
    }
    s = farm_agree(a->f, s);
  }

  figures_end(&f, o->json, s);
  return s;
}

// --- farm, simulated: published lengths -----------------------------------------------------------------------------

// Doom's 100 published episodes have mean 973, deviation 540 and end at 2100. An episode that is safe for a while, then
// ends with the same chance at every step, and is cut off at 2100, has just these: 325 + an exponential of mean 705.
#define LENGTH_SAFE 325.0
#define LENGTH_MEAN_THEN 705.0
#define LENGTH_CAP 2100.0
#define STEP_SECONDS (1 / 120.5)  // published, on a core
#define KNEE 2.35                 // measured: 16 lanes make so many times the steps that one makes
#define MESSAGE_DELAY 50e-6       // seconds on the way
#define MESSAGE_SECONDS 12e-6     // of rank 0's time, as measured for episodes that travel alone

// How much of the variance goes with the candidate, and with the episode's number, since all candidates of a generation
// dream the same luck: medians over the first 11 generations of configs/quickstart.yaml, where the rest, 0.7, goes with
// neither.
#define CANDIDATE_SHARE 0.1
#define EPISODE_SHARE 0.2

static double length_of(double normal) {  // of the deviate's rank
  double rest = 0.5 * erfc(normal / sqrt(2));
  return STEP_SECONDS * fmin(LENGTH_CAP, LENGTH_SAFE - LENGTH_MEAN_THEN * log(rest));
}

static void normals_draw(real *x, int n, uint64_t seed, const char *stream) {
  rng_normals(x, n, rng_stream(seed, stream), 0, 0);
}

static void lengths_draw(double *length, int candidates, int members, uint64_t seed) {
  int n = candidates * members;
  real *own = mem_take((size_t)n, sizeof *own), *of_candidate = mem_take((size_t)candidates, sizeof *own),
       *of_episode = mem_take((size_t)members, sizeof *own);

  normals_draw(own, n, seed, "bench own");
  normals_draw(of_candidate, candidates, seed, "bench candidate");
  normals_draw(of_episode, members, seed, "bench episode");

  // correlated normals: candidates differ in skill, episodes in luck, and the rest is each one's own
  for (int i = 0; i < n; i++)
    length[i] =
        length_of(sqrt(CANDIDATE_SHARE) * of_candidate[i / members] + sqrt(EPISODE_SHARE) * of_episode[i % members] +
                  sqrt(1 - CANDIDATE_SHARE - EPISODE_SHARE) * own[i]);

  mem_free(own);
  mem_free(of_candidate);
  mem_free(of_episode);
}

// Workers take the next of n pieces as soon as they are free; nothing travels.
static double used_dynamic(const double *piece, int n, int workers) {
  double *free_at = mem_take((size_t)workers, sizeof *free_at), work = 0, end = 0;
  for (int i = 0; i < n; i++) {
    int first = 0;
    // the worker that is free first
    for (int w = 1; w < workers; w++)
      if (free_at[w] < free_at[first]) first = w;

    free_at[first] += piece[i];
    work += piece[i];
    end = fmax(end, free_at[first]);
  }

  mem_free(free_at);
  return work / (workers * end);
}

// The original's way: worker w plays candidates w, w + workers, ...
static double used_static(const double *candidate, int n, int workers) {
  double work = 0, end = 0;
  for (int w = 0; w < workers; w++) {
    double sum = 0;
    for (int i = w; i < n; i += workers) sum += candidate[i];

    work += sum;
    end = fmax(end, sum);
  }

  // used: work over what all workers had time for until the last one ended
  return work / (workers * end);
}

typedef enum way { BY_CANDIDATE_STATIC, BY_CANDIDATE_DYNAMIC, OURS_STAYING, OURS, MOVED, WAYS } way;
static const struct { const char *name, *unit;
} way_names[WAYS] = {{"used_%d_workers_%d_episodes_by_candidate_static", "of 1"},
                     {"used_%d_workers_%d_episodes_by_candidate_dynamic", "of 1"},
                     {"used_%d_workers_%d_episodes_without_moving", "of 1"},
                     {"used_%d_workers_%d_episodes_ours", "of 1"},
                     {"moved_%d_workers_%d_episodes", "of 1"}};

static status simulate_ours(double *used, double *moved, const bench_options *o, const double *length, uint64_t seed,
                            bool stays) {

  // the scheduler itself, on a simulated clock (farm_simulate)
  const farm_simulation w = {.seed = seed,
                             .workers = o->workers,
                             .groups = o->candidates,
                             .members = o->episodes / o->candidates,
                             .length = length,
                             .lanes = o->lanes,
                             .queue = o->lanes / 4 + 1,
                             .knee = o->knee,
                             .stays = stays,
                             .delay = MESSAGE_DELAY,
                             .message_seconds = MESSAGE_SECONDS};

  farm_simulated r;
  status s = farm_simulate(&r, &w);
  *used = r.used;
  *moved = (double)r.report.moved / o->episodes;
  return s;
}

static status simulate_once(double figure_of[WAYS], const bench_options *o, uint64_t seed) {
  int members = o->episodes / o->candidates, tasks = members * o->candidates;
  double *length = mem_take((size_t)tasks, sizeof *length),
         *candidate = mem_take((size_t)o->candidates, sizeof *candidate), none;

  // the same lengths for every way: only the order of work differs
  lengths_draw(length, o->candidates, members, seed);
  for (int i = 0; i < tasks; i++) candidate[i / members] += length[i];

  // a candidate as one task, as the original has it; then its episodes one by one
  figure_of[BY_CANDIDATE_STATIC] = used_static(candidate, o->candidates, o->workers);
  figure_of[BY_CANDIDATE_DYNAMIC] = used_dynamic(candidate, o->candidates, o->workers);
  status s = simulate_ours(&figure_of[OURS_STAYING], &none, o, length, seed, true);
  if (s == OK) s = simulate_ours(&figure_of[OURS], &figure_of[MOVED], o, length, seed, false);

  mem_free(length);
  mem_free(candidate);
  return s;
}

static status simulate_many(figures *f, const bench_options *o) {
  double *all[WAYS], one[WAYS] = {0};
  status s = OK;
  for (int w = 0; w < WAYS; w++) all[w] = mem_take((size_t)o->seeds, sizeof **all);

  // medians over seeds of the lengths
  for (int i = 0; i < o->seeds && s == OK; i++) {
    s = simulate_once(one, o, (uint64_t)i + 1);
    for (int w = 0; w < WAYS; w++) all[w][i] = one[w];
  }
  for (int w = 0; w < WAYS; w++) {
    char name[96];
    snprintf(name, sizeof name, way_names[w].name, o->workers, o->episodes);
    figure(f, name, double_median(all[w], o->seeds), way_names[w].unit);
    mem_free(all[w]);
  }
  return s;
}

static status farm_simulated_figures(const bench_options *o) {
  static const int customary[][2] = {{64, 1024}, {128, 1024}, {1024, 16384}};  // workers, episodes of a generation
  figures f = figures_open();
  status s = OK;
  bench_options one = *o;

  // assumptions first: figures mean nothing without them
  figure(&f, "lanes", o->lanes, "episodes that a worker steps at once");
  figure(&f, "knee", o->knee, "lanes from which on a core does all it can");

  // customary sizes, unless one is asked for
  for (size_t i = 0; i < sizeof customary / sizeof *customary && s == OK && !o->workers; i++) {
    one.workers = customary[i][0];
    one.episodes = customary[i][1];
    s = simulate_many(&f, &one);
  }
  if (o->workers) s = simulate_many(&f, o);

  figures_end(&f, o->json, s);
  return s;
}

static status farm_bench(app *a, const bench_options *o) {
  if (!o->simulate) return farm_measure(a, o);
  return farm_agree(a->f, farm_rank(a->f) == 0 ? farm_simulated_figures(o) : OK);
}

// --- the verb -------------------------------------------------------------------------------------------------------

static status count_of(int *value, app *a, int *next, int most) {
  const char *option = a->words[*next - 1];
  if (*next >= a->word_count) FAIL(USAGE, "%s needs a value; see dreamfarm --help", option);

  char *end;
  long n = strtol(a->words[(*next)++], &end, 10);
  if (*end || n < 1 || n > most)
    FAIL(USAGE, "%s %s: a whole number from 1 to %d is allowed", option, a->words[*next - 1], most);

  *value = (int)n;
  return OK;
}

static status ratio_of(double *value, app *a, int *next, double most) {
  const char *option = a->words[*next - 1];
  if (*next >= a->word_count) FAIL(USAGE, "%s needs a value; see dreamfarm --help", option);
  char *end;
  *value = strtod(a->words[(*next)++], &end);
  if (*end || !(*value >= 1 && *value <= most))
    FAIL(USAGE, "%s %s: a number from 1 to %g is allowed", option, a->words[*next - 1], most);
  return OK;
}

static status options_parse(bench_options *o, app *a) {
  static const char *const known[] = {"--simulate", "--json",  "--workers", "--candidates",
                                      "--episodes", "--seeds", "--lanes",   "--knee"};

  for (int i = 1; i < a->word_count;) {
    const char *word = a->words[i++];
    if (strcmp(word, "--simulate") == 0) o->simulate = true;
    else if (strcmp(word, "--json") == 0) o->json = true;
    else if (strcmp(word, "--workers") == 0) TRY(count_of(&o->workers, a, &i, 10000));
    else if (strcmp(word, "--candidates") == 0) TRY(count_of(&o->candidates, a, &i, 100000));
    else if (strcmp(word, "--episodes") == 0) TRY(count_of(&o->episodes, a, &i, 1000000));
    else if (strcmp(word, "--seeds") == 0) TRY(count_of(&o->seeds, a, &i, 1000));
    else if (strcmp(word, "--lanes") == 0) TRY(count_of(&o->lanes, a, &i, 4096));
    else if (strcmp(word, "--knee") == 0) TRY(ratio_of(&o->knee, a, &i, 64));
    else {
      const char *near = text_nearest(word, known, (int)(sizeof known / sizeof *known));
      FAIL(USAGE, "unknown option %s%s%s; see dreamfarm --help", word, near ? "; did you mean " : "", near ? near : "");
    }
  }

  // every candidate plays as many
  if (o->episodes % o->candidates)
    FAIL(USAGE, "--episodes %d is not a multiple of --candidates %d", o->episodes, o->candidates);
  return OK;
}

static status farm_subject(app *a) {
  bench_options o = {.candidates = 64, .episodes = 1024, .seeds = 31, .lanes = 64, .knee = KNEE};
  TRY(options_parse(&o, a));
  return farm_bench(a, &o);
}

static const struct { const char *name; status (*act)(app *a); } subjects[] = {
    {"farm", farm_subject},
    {"es", app_bench_es},
};
#define SUBJECTS ((int)(sizeof subjects / sizeof *subjects))

status app_bench(app *a) {
  const char *name = a->word_count ? a->words[0] : "";
  for (int i = 0; i < SUBJECTS; i++)
    if (strcmp(subjects[i].name, name) == 0) return subjects[i].act(a);

  // no such subject: they are few enough to name all
  text_buffer all = {0};
  for (int i = 0; i < SUBJECTS; i++) text_add(&all, "%s%s", i ? ", " : "", subjects[i].name);
  status s = status_fail(USAGE, "bench '%s': subjects are: %s", name, all.bytes);
  text_free(&all);
  return s;
}

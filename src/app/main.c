// dreamfarm: learn a world, evolve a controller inside it, judge it outside. The command line, and nothing else.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"

typedef struct verb {
  const char *name, *words;
  status (*act)(app *a);
  bool writes;  // stages of the run directory, which it therefore must have for itself
} verb;

static status train_all(app *a) {
  if (a->environment->pixels) TRY(app_train_vae(a));
  TRY(app_encode(a));
  return app_train_rnn(a);
}

static const verb verbs[] = {
    {"run", "all stages in order; skips what is complete, resumes what is not", app_run, true},
    {"collect", "real episodes by a baseline policy, into episodes/", app_collect, true},
    {"train", "V and M from the episodes: train-vae, encode, train-rnn", train_all, true},
    {"train-vae", "V, a variational autoencoder of the frames", app_train_vae, true},
    {"encode", "the episodes as V sees them, into latents/", app_encode, true},
    {"train-rnn", "M, a mixture density network on an LSTM", app_train_rnn, true},
    {"evolve", "the controller, by CMA-ES inside the dream; resumes from its checkpoint", app_evolve, true},
    {"evaluate", "the controller in the real environment, beside the baselines", app_evaluate, false},
    {"report", "pictures and curves, into report/", app_report, false},
    {"explain", "every constant of the search with formula and source, and how long a generation should take", app_explain, false},
    {"bench", "speeds and what they promise: bench farm; strategies compared: bench es", app_bench, false},
};
#define VERBS ((int)(sizeof verbs / sizeof *verbs))

static void print_help(void) {
  printf("usage: dreamfarm VERB [CONFIG.yaml] [--set KEY=VALUE]... [options]\n"
         "       dreamfarm launch [-n RANKS] -- VERB ...     on ranks, and again after what can be survived\n\nverbs\n");
  for (int i = 0; i < VERBS; i++) printf("  %-10s %s\n", verbs[i].name, verbs[i].words);
  printf("  %-10s the whole configuration with defaults, ranges and words, as YAML\n", "config");
  printf("  %-10s asks a running evolve, through control.yaml in run.directory: --set stop=true, generations=N, state=true\n", "control");
  printf("\noptions\n"
         "  --set KEY=VALUE        one knob, over the file's; may be repeated\n"
         "  --fresh                start a stage anew where a checkpoint of another configuration would be refused\n"
         "  --quiet                no progress lines\n"
         "  --version, --help\n"
         "evaluate\n"
         "  --policy NAME          only this baseline (random, hold-random, still, sweep:100, lookahead); may be repeated\n"
         "  --episodes N           same as --set evaluate.episodes=N\n"
         "  --controller mean|best same as --set evaluate.controller=...\n"
         "  --in dream|real        where; default real\n"
         "  --temperatures A,B,... in the dream, at each of these\n"
         "  --untrained            with M's weights random: what the learned M is worth\n"
         "explain\n"
         "  --ranks N              as if on so many; default: those it runs on\n"
         "  --json                 for machines\n"
         "bench farm\n"
         "  (none)                 under mpirun: rank 0's time for an empty episode, and the largest rate of them\n"
         "  --simulate             in virtual time: how much of an allocation is used, on published episode lengths\n"
         "  --workers N --candidates N --episodes N (a generation) --seeds N\n"
         "  --lanes N              that share a worker's core; default 64\n"
         "  --knee K               so many lanes at least get the best of a core, fewer cost as much; default 2.35\n"
         "  --json                 for machines\n"
         "bench es                 strategies on the classic functions: evaluations to the target, beside pycma's\n"
         "  --algorithm A,B,...    cma, sep-cma, lra-cma, lm-ma, openai, pgpe, one-plus-one, random; each may be followed by\n"
         "                         +ipop or +bipop (restarts), +positive (no negative weights), +bounds, +uh (uncertainty handling)\n"
         "  --function A,B,...     default: all; --n A,B,... 10; --seeds N 25; --popsize N the strategy's\n"
         "  --budget EVALUATIONS   of a run, default 10000 n; --target VALUE the function's own; --noise DEVIATION 0\n"
         "  --out DIRECTORY        the table and the curves, as CSV and SVG\n"
         "  --json --quiet\n"
         "launch [options] -- VERB ...\n"
         "  -n RANKS               default: the host file's slots, SLURM's tasks, or this machine's cores\n"
         "  --hostfile FILE        `name slots=N` a line; hosts that do not answer are left out\n"
         "  --agent \"ssh ...\"      how to reach them\n"
         "  --launcher PROGRAM     mpirun (Open MPI's or MPICH's) or srun; default mpirun\n"
         "  --mpirun \"...\"         more words for the launcher\n"
         "  --stall SECONDS        of silence after which rank 0 is taken to hang; default 20\n"
         "  --retries K            starts in a row without progress; default 5\n"
         "\nexit codes\n");
#define PRINT_STATUS(name, code, words) printf("  %3d  %s\n", code, words);
  STATUS_LIST(PRINT_STATUS)
#undef PRINT_STATUS
}

// --- arguments ----------------------------------------------------------------------------------------------------------

typedef struct arguments {
  int count;
  char **words;
  int next;
} arguments;

static status value_of(arguments *g, const char **value) {
  if (g->next >= g->count) FAIL(USAGE, "%s needs a value; see dreamfarm --help", g->words[g->next - 1]);
  *value = g->words[g->next++];
  return OK;
}

static status temperatures_parse(app *a, const char *text) {
  for (const char *at = text; *at;) {
    char *end;
    double t = strtod(at, &end);
    if (end == at || !(t > 0) || t > 100 || (*end && *end != ',') || a->temperature_count == APP_TEMPERATURES_MAX)
      FAIL(USAGE, "--temperatures %s: up to %d numbers above 0, separated by commas, are allowed", text, APP_TEMPERATURES_MAX);
    a->temperatures[a->temperature_count++] = t;
    at = *end ? end + 1 : end;
  }
  a->in_dream = true;
  return OK;
}

static status ranks_parse(app *a, const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (*end || n < 1 || n > 1000000) FAIL(USAGE, "--ranks %s: a whole number from 1 to 1000000 is allowed", text);
  a->ranks = (int)n;
  return OK;
}

static status set_knob(app *a, const char *key, const char *value) {
  text_buffer t = {0};
  text_add(&t, "%s=%s", key, value);
  status s = settings_set(&a->s, t.bytes);
  text_free(&t);
  return s;
}

static status option_parse(app *a, const char *word, arguments *g, bool *quiet) {
  const char *value;
  if (strcmp(word, "--fresh") == 0) return a->fresh = true, OK;
  if (strcmp(word, "--quiet") == 0) return *quiet = true, OK;
  if (strcmp(word, "--untrained") == 0) return a->untrained = true, OK;
  if (strcmp(word, "--json") == 0) return a->json = true, OK;
  if (strcmp(word, "--ranks") == 0) {
    TRY(value_of(g, &value));
    return ranks_parse(a, value);
  }
  if (strcmp(word, "--set") == 0) {
    TRY(value_of(g, &value));
    bool section = strcspn(value, ".") < strcspn(value, "=:");
    return a->controlling && !section ? control_set(&a->asked, value) : settings_set(&a->s, value);
  }
  if (strcmp(word, "--episodes") == 0) {
    TRY(value_of(g, &value));
    return set_knob(a, "evaluate.episodes", value);
  }
  if (strcmp(word, "--controller") == 0) {
    TRY(value_of(g, &value));
    return set_knob(a, "evaluate.controller", value);
  }
  if (strcmp(word, "--temperatures") == 0) {
    TRY(value_of(g, &value));
    return temperatures_parse(a, value);
  }
  if (strcmp(word, "--policy") == 0) {
    TRY(value_of(g, &value));
    if (a->policy_count == APP_POLICIES_MAX) FAIL(USAGE, "more than %d --policy", APP_POLICIES_MAX);
    a->policies[a->policy_count++] = value;
    return OK;
  }
  if (strcmp(word, "--in") == 0) {
    TRY(value_of(g, &value));
    if (strcmp(value, "dream") != 0 && strcmp(value, "real") != 0) FAIL(USAGE, "--in %s: dream or real are allowed", value);
    a->in_dream = value[0] == 'd';
    return OK;
  }
  static const char *const known[] = {"--fresh", "--quiet", "--untrained", "--set", "--episodes", "--controller", "--temperatures", "--policy", "--in", "--json", "--ranks", "--help", "--version"};
  const char *near = text_nearest(word, known, (int)(sizeof known / sizeof *known));
  FAIL(USAGE, "unknown option %s%s%s; see dreamfarm --help", word, near ? "; did you mean " : "", near ? near : "");
}

// The file first, so that --set goes over it wherever it stands on the line.
static status arguments_parse(app *a, arguments g, bool *quiet) {
  settings_default(&a->s);
  for (int pass = 0; pass < 2; pass++) {
    g.next = 2;
    app ignored = *a;
    bool seen = false;
    while (g.next < g.count) {
      const char *word = g.words[g.next++];
      if (word[0] == '-') TRY(option_parse(pass ? a : &ignored, word, &g, quiet));
      else if (seen) FAIL(USAGE, "two configuration files, the second is %s", word);
      else {
        seen = true;
        if (!pass) TRY(settings_load(&a->s, word));
      }
    }
  }
  TRY(settings_check(&a->s));
  a->environment = env_find(a->s.environment.name);
  if (!a->environment) {
    int count;
    const char *const *names = env_names(&count);
    text_buffer all = {0};
    for (int i = 0; i < count; i++) text_add(&all, "%s%s", i ? ", " : "", names[i]);
    status s = status_fail(BAD_CONFIG, "environment.name: found '%s', known are: %s", a->s.environment.name, all.bytes);
    text_free(&all);
    return s;
  }
  return OK;
}

static const verb *verb_find(const char *name) {
  for (int i = 0; i < VERBS; i++)
    if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
  return NULL;
}

static status unknown_verb(const char *name) {
  const char *names[VERBS + 2] = {"config", "control"};
  for (int i = 0; i < VERBS; i++) names[i + 2] = verbs[i].name;
  const char *near = text_nearest(name, names, VERBS + 2);
  FAIL(USAGE, "unknown verb '%s'%s%s; see dreamfarm --help", name, near ? "; did you mean " : "", near ? near : "");
}

status app_parse(app *a, int count, char **words, bool *quiet) {
  const verb *v = verb_find(words[1]);
  TRY(v ? OK : unknown_verb(words[1]));
  bool launched = !a->f;
  if (launched && (v->act == app_bench || v->act == app_explain)) FAIL(USAGE, "%s has no run that could be watched or resumed: start it with mpirun", v->name);
  return arguments_parse(a, (arguments){count, words, 2}, quiet);
}

static status print_config(const app *a) {
  text_buffer t = {0};
  settings_print(&a->s, &t, true);
  fputs(t.bytes, stdout);
  text_free(&t);
  return OK;
}

// What needs no ranks: help, version, the configuration's words.
static bool answer_alone(int count, char **words, status *result) {
  *result = OK;
  for (int i = 1; i < count; i++) {
    if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0) return print_help(), true;
    if (strcmp(words[i], "--version") == 0) return printf("dreamfarm %s\n", DREAMFARM_VERSION), true;
  }
  if (count < 2) {
    print_help();
    *result = USAGE;
    return true;
  }
  if (strcmp(words[1], "launch") == 0) {
    *result = app_launch(count, words);
    return true;
  }
  bool controls = strcmp(words[1], "control") == 0;
  if (!controls && strcmp(words[1], "config") != 0) return false;
  app a = {.controlling = controls};
  bool quiet;
  *result = arguments_parse(&a, (arguments){count, words, 2}, &quiet);
  if (*result == OK) *result = controls ? app_control(&a) : print_config(&a);
  if (*result != OK) fprintf(stderr, "dreamfarm: %s\n", status_message());
  return true;
}

static status act(app *a, int count, char **words) {
  bool quiet = false;
  const verb *v = verb_find(words[1]);
  if (v && v->act == app_bench) {  // has no configuration, reads its words itself
    a->words = words + 2;
    a->word_count = count - 2;
    return app_bench(a);
  }
  TRY(app_parse(a, count, words, &quiet));
  if (quiet) log_open(farm_rank(a->f), farm_size(a->f), true);
  if (v->act == app_explain) return app_explain(a);  // leaves nothing behind
  if (v->act == app_report) return app_report(a);    // makes no run where there is none
  TRY(farm_agree(a->f, farm_rank(a->f) == 0 ? dir_make(a->s.run.directory) : OK));
  TRY(farm_agree(a->f, farm_rank(a->f) == 0 && v->writes ? run_lock(a) : OK));
  TRY(preflight(a));
  return v->act(a);
}

// A scheduler's signal may reach some ranks only, and one of them is enough to be started again.
static status stop_status(const app *a, status s) {
  double asked = signals_by_scheduler();
  if (s != INTERRUPTED) return s;
  if (!farm_lossy(a->f)) farm_sum_double(a->f, &asked, 1);
  return asked > 0 ? RESUME_ME : s;
}

// OpenBLAS takes the kernels of the processor it finds, and each kind rounds in its own way: a search that goes on elsewhere would
// become another one. It makes that choice while it is loaded, so the program is started over, with kernels that round alike on every
// host. They are the quicker ones, too, where OpenBLAS does not know the processor. src/README.md has the figures.
static void blas_settle(char **words) {
  const char *common = num_blas_common();
  if (!common || getenv("OPENBLAS_CORETYPE") || strcmp(num_blas_kernels(), common) == 0) return;
  if (setenv("OPENBLAS_CORETYPE", common, 1) == 0) execv(path_own(), words);
}

int main(int count, char **words) {
  status result;
  if (answer_alone(count, words, &result)) return (int)result;
  signals_hold();
  blas_settle(words);
  app a = {0};
  signals_catch();
  heartbeat_open();
  num_open();
  if (farm_open(&a.f, &count, &words) != OK) {
    fprintf(stderr, "dreamfarm: %s\n", status_message());
    return BROKEN;
  }
  if (farm_rank(a.f) != 0) signals_serve();
  result = stop_status(&a, act(&a, count, words));
  if (result != OK && farm_rank(a.f) == 0) fprintf(stderr, "dreamfarm: %s\n", status_message());
  if (farm_rank(a.f) == 0) heartbeat_result(result);
  farm_close(a.f, (int)result);
  return (int)result;
}

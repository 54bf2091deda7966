// The verbs and their options.

#include <stdlib.h>
#include <string.h>

#include "verbs.h"

#define RUN_USAGE "CONFIG.yaml [--set KEY=VALUE]... [options]"

const verb verbs[VERBS] = {
    [VERB_RUN] = {.name = "run",
                  .words = "all stages in order; skips what is complete, resumes what is not",
                  .act = app_run,
                  .writes = true,
                  .usage = RUN_USAGE,
                  .examples = {"run configs/quickstart.yaml",
                               "run mine.yaml --set run.directory=runs/seed2 --set run.seed=2"}},
    [VERB_COLLECT] = {.name = "collect",
                      .words = "real episodes by a baseline policy, into episodes/",
                      .act = app_collect,
                      .writes = true,
                      .usage = RUN_USAGE,
                      .examples = {"collect mine.yaml", "collect mine.yaml --set collect.policy=random"}},
    [VERB_TRAIN] = {.name = "train",
                    .words = "V and M from the episodes: train-vae, encode, train-rnn",
                    .act = app_train,
                    .writes = true,
                    .usage = RUN_USAGE,
                    .examples = {"train mine.yaml", "train mine.yaml --fresh"}},
    [VERB_TRAIN_VAE] = {.name = "train-vae",
                        .words = "V, a variational autoencoder of the frames",
                        .act = app_train_vae,
                        .writes = true,
                        .usage = RUN_USAGE,
                        .examples = {"train-vae mine.yaml", "train-vae mine.yaml --set vae.epochs=20 --fresh"}},
    [VERB_ENCODE] = {.name = "encode",
                     .words = "the episodes as V sees them, into latents/",
                     .act = app_encode,
                     .writes = true,
                     .usage = RUN_USAGE,
                     .examples = {"encode mine.yaml", "encode mine.yaml --quiet"}},
    [VERB_TRAIN_RNN] = {.name = "train-rnn",
                        .words = "M, a mixture density network on an LSTM",
                        .act = app_train_rnn,
                        .writes = true,
                        .usage = RUN_USAGE,
                        .examples = {"train-rnn mine.yaml", "train-rnn mine.yaml --set rnn.epochs=40 --fresh"}},
    [VERB_EVOLVE] = {.name = "evolve",
                     .words = "the controller, by CMA-ES inside the dream; resumes from its checkpoint",
                     .act = app_evolve,
                     .writes = true,
                     .usage = RUN_USAGE,
                     .examples = {"evolve mine.yaml", "evolve mine.yaml --set evolve.generations=400"}},
    [VERB_FIDELITY] = {.name = "fidelity",
                       .words = "how far the dream is to be trusted: it and reality side by side",
                       .act = app_fidelity,
                       .writes = true,
                       .usage = RUN_USAGE,
                       .examples = {"fidelity mine.yaml", "fidelity mine.yaml --set fidelity.episodes=500 --fresh"}},
    [VERB_EVALUATE] = {.name = "evaluate",
                       .words = "the controller in the real environment, beside the baselines",
                       .act = app_evaluate,
                       .usage = RUN_USAGE,
                       .examples = {"evaluate mine.yaml --episodes 1000",
                                    "evaluate mine.yaml --temperatures 0.5,1,1.3"}},
    [VERB_REPORT] = {.name = "report",
                     .words = "pictures, films and curves, into report/",
                     .act = app_report,
                     .usage = RUN_USAGE,
                     .examples = {"report mine.yaml", "report mine.yaml --out elsewhere"}},
    [VERB_ENV] = {.name = "env",
                  .words = "what was understood of an environment: what it shows and wants, whether it is pure, its "
                           "speed, what baselines score, a strip of frames; without a name: those there are",
                  .usage = "[NAME | CONFIG.yaml] [--set KEY=VALUE]... [options]",
                  .examples = {"env pendulum", "env ./mine.so --set environment.frame_skip=2"}},
    [VERB_DATA] = {.name = "data",
                   .words = "what is in a folder of episodes, dreamfarm's or Minari's, and frames of it as a picture",
                   .usage = "DIRECTORY [options]",
                   .examples = {"data runs/quickstart/round-1/episodes",
                                "data ~/.minari/datasets/mine/random-v0 --keys state --json"}},
    [VERB_EXPLAIN] = {.name = "explain",
                      .words = "every constant of the search with formula and source, and how long a generation "
                               "should take",
                      .act = app_explain,
                      .usage = RUN_USAGE,
                      .examples = {"explain mine.yaml", "explain mine.yaml --ranks 64 --json"}},
    [VERB_BENCH] = {.name = "bench",
                    .words = "speeds and what they promise: bench farm; strategies compared: bench es",
                    .act = app_bench,
                    .usage = "farm|es [options]",
                    .examples = {"bench farm --simulate --workers 64", "bench es --algorithm cma,sep-cma --n 10"}},
    [VERB_CONFIG] = {.name = "config",
                     .words = "the whole configuration with defaults, ranges and words, as YAML",
                     .usage = "[CONFIG.yaml] [--set KEY=VALUE]...",
                     .examples = {"config > mine.yaml", "config mine.yaml --set run.seed=2"}},
    [VERB_CONTROL] = {.name = "control",
                      .words = "asks a running evolve, through control.yaml in run.directory",
                      .usage = "CONFIG.yaml --set stop=true | generations=N | state=true",
                      .examples = {"control mine.yaml --set state=true", "control mine.yaml --set generations=500"}},
    [VERB_LAUNCH] = {.name = "launch",
                     .words = "a verb on ranks, and again after what can be survived",
                     .usage = "[-n RANKS] [options] -- VERB ...",
                     .examples = {"launch -n 8 -- run mine.yaml", "launch --hostfile hosts -- run mine.yaml"}},
    [VERB_HELP] = {.name = "help",
                   .words = "the verbs and their options; as a man page; what bash completes",
                   .usage = "[VERB | --man | --completion]",
                   .examples = {"help evolve", "help --man > dreamfarm.1"}},
};

// --- options --------------------------------------------------------------------------------------------------------

static status take_set(app *a, const char *value) {
  bool section = strcspn(value, ".") < strcspn(value, "=:");
  return a->controlling && !section ? control_set(&a->asked, value) : settings_set(&a->s, value);
}

static status take_fresh(app *a, const char *value) {
  (void)value;
  a->run.fresh = true;
  return OK;
}

static status take_quiet(app *a, const char *value) {
  (void)value;
  a->quiet = true;
  return OK;
}

static status take_untrained(app *a, const char *value) {
  (void)value;
  a->untrained = true;
  return OK;
}

static status take_json(app *a, const char *value) {
  (void)value;
  a->json = true;
  return OK;
}

static status knob_set(app *a, const char *key, const char *value) {
  text_buffer t = {0};
  text_add(&t, "%s=%s", key, value);
  status s = settings_set(&a->s, t.bytes);
  text_free(&t);
  return s;
}

static status take_episodes(app *a, const char *value) { return knob_set(a, "evaluate.episodes", value); }
static status take_controller(app *a, const char *value) { return knob_set(a, "evaluate.controller", value); }

static status take_policy(app *a, const char *value) {
  if (a->policy_count == APP_POLICIES_MAX) FAIL(USAGE, "more than %d --policy", APP_POLICIES_MAX);
  a->policies[a->policy_count++] = value;
  return OK;
}

static status take_in(app *a, const char *value) {
  a->in_dream = strcmp(value, "dream") == 0;
  if (!a->in_dream && strcmp(value, "real") != 0) FAIL(USAGE, "--in %s: dream or real are allowed", value);
  return OK;
}

static status take_temperatures(app *a, const char *text) {
  for (const char *at = text; *at;) {
    char *end;
    double t = strtod(at, &end);
    if (end == at || !(t > 0) || t > 100 || (*end && *end != ',') || a->temperature_count == APP_TEMPERATURES_MAX)
      FAIL(USAGE, "--temperatures %s: up to %d numbers above 0, separated by commas, are allowed", text,
           APP_TEMPERATURES_MAX);
    // a number, then a comma or the end
    a->temperatures[a->temperature_count++] = t;
    at = *end ? end + 1 : end;
  }

  // temperatures are the dream's: reality has none
  a->in_dream = true;
  return OK;
}

static status whole_take(int *n, const char *option, const char *text) {
  char *end;
  long found = strtol(text, &end, 10);
  if (end == text || *end || found < 1 || found > 1000000)
    FAIL(USAGE, "%s %s: a whole number from 1 to 1000000 is allowed", option, text);
  *n = (int)found;
  return OK;
}

static status take_env_episodes(app *a, const char *text) { return whole_take(&a->episodes, "--episodes", text); }

static status take_keys(app *a, const char *value) {
  a->keys = value;
  return OK;
}

static status take_ranks(app *a, const char *text) { return whole_take(&a->ranks, "--ranks", text); }
static status take_round(app *a, const char *text) { return whole_take(&a->round, "--round", text); }

static status take_out(app *a, const char *value) {
  if (!*value || strlen(value) >= CONFIG_TEXT)
    FAIL(USAGE, "--out: a directory of 1 to %d bytes is wanted", CONFIG_TEXT - 1);
  a->run.out = value;
  return OK;
}

#define STAGES_BITS                                                                                          \
  (VERB_BIT(VERB_RUN) | VERB_BIT(VERB_COLLECT) | VERB_BIT(VERB_TRAIN) | VERB_BIT(VERB_TRAIN_VAE) |           \
   VERB_BIT(VERB_ENCODE) | VERB_BIT(VERB_TRAIN_RNN) | VERB_BIT(VERB_EVOLVE) | VERB_BIT(VERB_FIDELITY))
#define JUDGE_BIT VERB_BIT(VERB_EVALUATE)
#define LOOK_BITS (VERB_BIT(VERB_REPORT) | VERB_BIT(VERB_EXPLAIN))
#define DATA_BIT VERB_BIT(VERB_DATA)
#define ALONE_BITS (VERB_BIT(VERB_CONFIG) | VERB_BIT(VERB_CONTROL))
#define FARM .verbs = VERB_BIT(VERB_BENCH), .subject = "farm"
#define ES .verbs = VERB_BIT(VERB_BENCH), .subject = "es"
#define LAUNCH .verbs = VERB_BIT(VERB_LAUNCH)
#define HELP .verbs = VERB_BIT(VERB_HELP)

static const verb_option options[] = {
    {.name = "--set",
     .value = "KEY=VALUE",
     .words = "one knob, over the file's; may be repeated",
     .verbs = STAGES_BITS | JUDGE_BIT | LOOK_BITS | ALONE_BITS | VERB_BIT(VERB_ENV),
     .take = take_set},
    {.name = "--fresh",
     .words = "make anew what was made with other settings, or was begun; what it replaces is gone",
     .verbs = STAGES_BITS | JUDGE_BIT | VERB_BIT(VERB_CONFIG),
     .take = take_fresh},
    {.name = "--round",
     .value = "N",
     .words = "of the rounds of a run: the one to look at; of run: where it begins, which --fresh makes anew, with "
              "what follows from it",
     .verbs = VERB_BIT(VERB_RUN) | VERB_BIT(VERB_FIDELITY) | JUDGE_BIT | VERB_BIT(VERB_REPORT),
     .take = take_round},
    {.name = "--quiet",
     .words = "no progress lines",
     .verbs = STAGES_BITS | JUDGE_BIT | LOOK_BITS | ALONE_BITS,
     .take = take_quiet},
    {.name = "--policy",
     .value = "NAME",
     .words = "only this baseline (random, hold-random, still, sweep:100, lookahead); may be repeated",
     .verbs = JUDGE_BIT,
     .take = take_policy},
    {.name = "--episodes",
     .value = "N",
     .words = "same as --set evaluate.episodes=N",
     .verbs = JUDGE_BIT,
     .take = take_episodes},
    {.name = "--controller",
     .value = "mean|best",
     .words = "same as --set evaluate.controller=...",
     .verbs = JUDGE_BIT,
     .take = take_controller},
    {.name = "--in", .value = "dream|real", .words = "where; default real", .verbs = JUDGE_BIT, .take = take_in},
    {.name = "--temperatures",
     .value = "A,B,...",
     .words = "in the dream, at each of these",
     .verbs = JUDGE_BIT,
     .take = take_temperatures},
    {.name = "--untrained",
     .words = "with M's weights random: what the learned M is worth",
     .verbs = JUDGE_BIT,
     .take = take_untrained},
    {.name = "--out",
     .value = "DIRECTORY",
     .words = "write there, and nothing into run.directory, which may be read-only",
     .verbs = JUDGE_BIT | VERB_BIT(VERB_REPORT),
     .take = take_out},
    {.name = "--episodes",
     .value = "N",
     .words = "of each baseline; default 10",
     .verbs = VERB_BIT(VERB_ENV),
     .take = take_env_episodes},
    {.name = "--out",
     .value = "DIRECTORY",
     .words = "where the picture is written; default: here",
     .verbs = VERB_BIT(VERB_ENV),
     .take = take_out},
    {.name = "--ranks",
     .value = "N",
     .words = "as if on so many; default: those it runs on",
     .verbs = VERB_BIT(VERB_EXPLAIN),
     .take = take_ranks},
    {.name = "--json",
     .words = "for machines",
     .verbs = VERB_BIT(VERB_EXPLAIN) | VERB_BIT(VERB_ENV) | DATA_BIT,
     .take = take_json},
    {.name = "--keys",
     .value = "A,B,...",
     .words = "of several observations: which, as collect.keys would say it",
     .verbs = DATA_BIT,
     .take = take_keys},
    {.name = "--out",
     .value = "DIRECTORY",
     .words = "where frames.png is written; default: here",
     .verbs = DATA_BIT,
     .take = take_out},

    // These verbs read their own words; rows here are what help, the man page and completion know of them.
    {.name = "--simulate",
     .words = "in virtual time: how much of an allocation is used, on published episode lengths; without it, under "
              "mpirun: rank 0's time for an empty episode, and the largest rate of them",
     FARM},
    {.name = "--workers", .value = "N", .words = "default: 64, 128 and 1024", FARM},
    {.name = "--candidates", .value = "N", .words = "default 64", FARM},
    {.name = "--episodes", .value = "N", .words = "per generation, a multiple of --candidates; default 1024", FARM},
    {.name = "--seeds", .value = "N", .words = "default 31", FARM},
    {.name = "--lanes", .value = "N", .words = "that share a worker's core; default 64", FARM},
    {.name = "--knee",
     .value = "K",
     .words = "so many lanes at least get the best of a core, fewer cost as much; default 2.35",
     FARM},
    {.name = "--json", .words = "for machines", FARM},
    {.name = "--algorithm",
     .value = "A,B,...",
     .words = "cma, sep-cma, lra-cma, lm-ma, openai, pgpe, one-plus-one, random; each may be followed by +ipop or "
              "+bipop (restarts), +positive (no negative weights), +bounds, +uh (uncertainty handling); default cma",
     ES},
    {.name = "--function", .value = "A,B,...", .words = "default: all", ES},
    {.name = "--n", .value = "A,B,...", .words = "numbers of parameters; default 10", ES},
    {.name = "--seeds", .value = "N", .words = "default 25", ES},
    {.name = "--popsize", .value = "N", .words = "default: the strategy's", ES},
    {.name = "--budget", .value = "EVALUATIONS", .words = "of a run; default 10000 n", ES},
    {.name = "--target", .value = "VALUE", .words = "default: the function's own", ES},
    {.name = "--noise", .value = "DEVIATION", .words = "default 0", ES},
    {.name = "--out", .value = "DIRECTORY", .words = "the table and the curves, as CSV and SVG", ES},
    {.name = "--json", .words = "for machines", ES},
    {.name = "--quiet", .words = "no progress lines", ES},
    {.name = "-n",
     .value = "RANKS",
     .words = "default: the host file's slots, SLURM's tasks, or this machine's cores",
     LAUNCH},
    {.name = "--hostfile",
     .value = "FILE",
     .words = "a line per host, `name slots=N`; hosts that do not answer are left out",
     LAUNCH},
    {.name = "--agent", .value = "\"ssh ...\"", .words = "how to reach them", LAUNCH},
    {.name = "--launcher",
     .value = "PROGRAM",
     .words = "mpirun (Open MPI's or MPICH's) or srun; default mpirun",
     LAUNCH},
    {.name = "--mpirun", .value = "\"...\"", .words = "more words for the launcher", LAUNCH},
    {.name = "--stall",
     .value = "SECONDS",
     .words = "of silence after which rank 0 is taken to hang; default 20",
     LAUNCH},
    {.name = "--retries", .value = "K", .words = "starts in a row without progress; default 5", LAUNCH},
    {.name = "--man", .words = "as a man page, for man -l", HELP},
    {.name = "--completion", .words = "what bash completes, to be sourced by it", HELP},
};
#define OPTIONS ((int)(sizeof options / sizeof *options))

const verb_option *option_at(int i) { return i < OPTIONS ? &options[i] : NULL; }

const verb_option *option_first(const char *name) {
  for (int i = 0; i < OPTIONS; i++)
    if (strcmp(options[i].name, name) == 0) return &options[i];
  return NULL;
}

unsigned verb_bit(const verb *v) { return VERB_BIT((unsigned)(v - verbs)); }

const verb_option *option_find(const char *name, const verb *v) {
  for (int i = 0; i < OPTIONS; i++)
    if (strcmp(options[i].name, name) == 0 && (options[i].verbs & verb_bit(v))) return &options[i];
  return NULL;
}

static status option_elsewhere(const char *name, unsigned verbs_with, const verb *v) {
  text_buffer whose = {0};
  for (int k = 0; k < VERBS; k++)
    if (verbs_with & VERB_BIT(k)) text_add(&whose, "%s%s", whose.size ? ", " : "", verbs[k].name);

  // a known option at the wrong verb: saying whose it is helps more than a near word
  status s = status_fail(USAGE, "%s is an option of %s, not of %s; see dreamfarm %s --help", name, whose.bytes,
                         v->name, v->name);
  text_free(&whose);
  return s;
}

status option_unknown(const char *name, const verb *v) {
  const char *names[OPTIONS + 2] = {"--help", "--version"};
  int count = 2;
  unsigned others = 0;

  // this verb's options are what may have been meant; the same word at others is said as such
  for (int i = 0; i < OPTIONS; i++) {
    if (options[i].verbs & verb_bit(v)) names[count++] = options[i].name;
    if (strcmp(options[i].name, name) == 0) others |= options[i].verbs;
  }
  if (others) return option_elsewhere(name, others, v);

  const char *near = text_nearest(name, names, count);
  FAIL(USAGE, "unknown option %s%s%s; see dreamfarm %s --help", name, near ? "; did you mean " : "", near ? near : "",
       v->name);
}

// --- verbs ----------------------------------------------------------------------------------------------------------

const verb *verb_find(const char *name) {
  for (int i = 0; i < VERBS; i++)
    if (strcmp(verbs[i].name, name) == 0) return &verbs[i];
  return NULL;
}

status verb_unknown(const char *name) {
  const char *names[VERBS];
  for (int i = 0; i < VERBS; i++) names[i] = verbs[i].name;
  const char *near = text_nearest(name, names, VERBS);
  FAIL(USAGE, "unknown verb '%s'%s%s; see dreamfarm --help", name, near ? "; did you mean " : "", near ? near : "");
}

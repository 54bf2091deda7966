// The verbs, their options, and the help that is printed from both.

#include <stdlib.h>
#include <string.h>

#include "verbs.h"

#define RUN_USAGE "CONFIG.yaml [--set KEY=VALUE]... [options]"

const verb verbs[VERBS] = {
    [VERB_RUN] = {"run", "all stages in order; skips what is complete, resumes what is not", app_run, true, RUN_USAGE,
                  {"run configs/quickstart.yaml", "run mine.yaml --set run.directory=runs/seed2 --set run.seed=2"}},
    [VERB_COLLECT] = {"collect", "real episodes by a baseline policy, into episodes/", app_collect, true, RUN_USAGE,
                      {"collect mine.yaml", "collect mine.yaml --set collect.policy=random"}},
    [VERB_TRAIN] = {"train", "V and M from the episodes: train-vae, encode, train-rnn", app_train, true, RUN_USAGE,
                    {"train mine.yaml", "train mine.yaml --fresh"}},
    [VERB_TRAIN_VAE] = {"train-vae", "V, a variational autoencoder of the frames", app_train_vae, true, RUN_USAGE,
                        {"train-vae mine.yaml", "train-vae mine.yaml --set vae.epochs=20 --fresh"}},
    [VERB_ENCODE] = {"encode", "the episodes as V sees them, into latents/", app_encode, true, RUN_USAGE,
                     {"encode mine.yaml", "encode mine.yaml --quiet"}},
    [VERB_TRAIN_RNN] = {"train-rnn", "M, a mixture density network on an LSTM", app_train_rnn, true, RUN_USAGE,
                        {"train-rnn mine.yaml", "train-rnn mine.yaml --set rnn.epochs=40 --fresh"}},
    [VERB_EVOLVE] = {"evolve", "the controller, by CMA-ES inside the dream; resumes from its checkpoint", app_evolve, true,
                     RUN_USAGE, {"evolve mine.yaml", "evolve mine.yaml --set evolve.generations=400"}},
    [VERB_FIDELITY] = {"fidelity", "how far the dream is to be trusted: it and reality side by side", app_fidelity, true,
                       RUN_USAGE, {"fidelity mine.yaml", "fidelity mine.yaml --set fidelity.episodes=500 --fresh"}},
    [VERB_EVALUATE] = {"evaluate", "the controller in the real environment, beside the baselines", app_evaluate, false,
                       RUN_USAGE, {"evaluate mine.yaml --episodes 1000", "evaluate mine.yaml --temperatures 0.5,1,1.3"}},
    [VERB_REPORT] = {"report", "pictures and curves, into report/", app_report, false, RUN_USAGE,
                     {"report mine.yaml", "report mine.yaml --out elsewhere"}},
    [VERB_EXPLAIN] = {"explain", "every constant of the search with formula and source, and how long a generation should take",
                      app_explain, false, RUN_USAGE, {"explain mine.yaml", "explain mine.yaml --ranks 64 --json"}},
    [VERB_BENCH] = {"bench", "speeds and what they promise: bench farm; strategies compared: bench es", app_bench, false,
                    "farm|es [options]", {"bench farm --simulate --workers 64", "bench es --algorithm cma,sep-cma --n 10"}},
    [VERB_CONFIG] = {"config", "the whole configuration with defaults, ranges and words, as YAML", NULL, false,
                     "[CONFIG.yaml] [--set KEY=VALUE]...", {"config > mine.yaml", "config mine.yaml --set run.seed=2"}},
    [VERB_CONTROL] = {"control", "asks a running evolve, through control.yaml in run.directory", NULL, false,
                      "CONFIG.yaml --set stop=true | generations=N | state=true",
                      {"control mine.yaml --set state=true", "control mine.yaml --set generations=500"}},
    [VERB_LAUNCH] = {"launch", "a verb on ranks, and again after what can be survived", NULL, false,
                     "[-n RANKS] [options] -- VERB ...",
                     {"launch -n 8 -- run mine.yaml", "launch --hostfile hosts -- run mine.yaml"}},
};

static const char bench_words[] =
    "bench farm\n"
    "  (none)                 under mpirun: rank 0's time for an empty episode, and the largest rate of them\n"
    "  --simulate             in virtual time: how much of an allocation is used, on published episode lengths\n"
    "  --workers N --candidates N --episodes N (per generation) --seeds N\n"
    "  --lanes N              that share a worker's core; default 64\n"
    "  --knee K               so many lanes at least get the best of a core, fewer cost as much; default 2.35\n"
    "  --json                 for machines\n"
    "bench es                 strategies on the classic functions: evaluations to the target, beside pycma's\n"
    "  --algorithm A,B,...    cma, sep-cma, lra-cma, lm-ma, openai, pgpe, one-plus-one, random; each may be followed by\n"
    "                         +ipop or +bipop (restarts), +positive (no negative weights), +bounds, +uh (uncertainty handling)\n"
    "  --function A,B,...     default: all; --n A,B,... 10; --seeds N 25; --popsize N the strategy's\n"
    "  --budget EVALUATIONS   of a run, default 10000 n; --target VALUE the function's own; --noise DEVIATION 0\n"
    "  --out DIRECTORY        the table and the curves, as CSV and SVG\n"
    "  --json --quiet\n";
static const char launch_words[] =
    "  -n RANKS               default: the host file's slots, SLURM's tasks, or this machine's cores\n"
    "  --hostfile FILE        a line per host, `name slots=N`; hosts that do not answer are left out\n"
    "  --agent \"ssh ...\"      how to reach them\n"
    "  --launcher PROGRAM     mpirun (Open MPI's or MPICH's) or srun; default mpirun\n"
    "  --mpirun \"...\"         more words for the launcher\n"
    "  --stall SECONDS        of silence after which rank 0 is taken to hang; default 20\n"
    "  --retries K            starts in a row without progress; default 5\n";

// --- options ------------------------------------------------------------------------------------------------------------------

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
    a->temperatures[a->temperature_count++] = t;
    at = *end ? end + 1 : end;
  }
  a->in_dream = true;
  return OK;
}

static status take_ranks(app *a, const char *text) {
  char *end;
  long n = strtol(text, &end, 10);
  if (*end || n < 1 || n > 1000000) FAIL(USAGE, "--ranks %s: a whole number from 1 to 1000000 is allowed", text);
  a->ranks = (int)n;
  return OK;
}

static status take_out(app *a, const char *value) {
  if (!*value || strlen(value) >= CONFIG_TEXT) FAIL(USAGE, "--out: a directory of 1 to %d bytes is wanted", CONFIG_TEXT - 1);
  a->run.out = value;
  return OK;
}

#define STAGES_BITS                                                                                          \
  (VERB_BIT(VERB_RUN) | VERB_BIT(VERB_COLLECT) | VERB_BIT(VERB_TRAIN) | VERB_BIT(VERB_TRAIN_VAE) |           \
   VERB_BIT(VERB_ENCODE) | VERB_BIT(VERB_TRAIN_RNN) | VERB_BIT(VERB_EVOLVE) | VERB_BIT(VERB_FIDELITY))
#define JUDGE_BIT VERB_BIT(VERB_EVALUATE)
#define LOOK_BITS (VERB_BIT(VERB_REPORT) | VERB_BIT(VERB_EXPLAIN))
#define ALONE_BITS (VERB_BIT(VERB_CONFIG) | VERB_BIT(VERB_CONTROL))

static const verb_option options[] = {
    {"--set", "KEY=VALUE", "one knob, over the file's; may be repeated", STAGES_BITS | JUDGE_BIT | LOOK_BITS | ALONE_BITS,
     take_set},
    {"--fresh", NULL, "make anew what was made with other settings, or was begun; what it replaces is gone",
     STAGES_BITS | JUDGE_BIT | VERB_BIT(VERB_CONFIG), take_fresh},
    {"--quiet", NULL, "no progress lines", STAGES_BITS | JUDGE_BIT | LOOK_BITS | ALONE_BITS, take_quiet},
    {"--policy", "NAME", "only this baseline (random, hold-random, still, sweep:100, lookahead); may be repeated", JUDGE_BIT,
     take_policy},
    {"--episodes", "N", "same as --set evaluate.episodes=N", JUDGE_BIT, take_episodes},
    {"--controller", "mean|best", "same as --set evaluate.controller=...", JUDGE_BIT, take_controller},
    {"--in", "dream|real", "where; default real", JUDGE_BIT, take_in},
    {"--temperatures", "A,B,...", "in the dream, at each of these", JUDGE_BIT, take_temperatures},
    {"--untrained", NULL, "with M's weights random: what the learned M is worth", JUDGE_BIT, take_untrained},
    {"--out", "DIRECTORY", "write there, and nothing into run.directory, which may be read-only",
     JUDGE_BIT | VERB_BIT(VERB_REPORT), take_out},
    {"--ranks", "N", "as if on so many; default: those it runs on", VERB_BIT(VERB_EXPLAIN), take_ranks},
    {"--json", NULL, "for machines", VERB_BIT(VERB_EXPLAIN), take_json},
};
#define OPTIONS ((int)(sizeof options / sizeof *options))

static unsigned bit_of(const verb *v) { return VERB_BIT((unsigned)(v - verbs)); }

const verb_option *option_find(const char *name, const verb *v) {
  for (int i = 0; i < OPTIONS; i++)
    if (strcmp(options[i].name, name) == 0 && (options[i].verbs & bit_of(v))) return &options[i];
  return NULL;
}

status option_unknown(const char *name, const verb *v) {
  const char *names[OPTIONS + 2] = {"--help", "--version"}, *near;
  int count = 2;
  for (int i = 0; i < OPTIONS; i++) {
    if (options[i].verbs & bit_of(v)) names[count++] = options[i].name;
    if (strcmp(options[i].name, name) != 0) continue;
    text_buffer whose = {0};
    for (int k = 0; k < VERBS; k++)
      if (options[i].verbs & VERB_BIT(k)) text_add(&whose, "%s%s", whose.size ? ", " : "", verbs[k].name);
    status s = status_fail(USAGE, "%s is an option of %s, not of %s; see dreamfarm %s --help", name, whose.bytes, v->name, v->name);
    text_free(&whose);
    return s;
  }
  near = text_nearest(name, names, count);
  FAIL(USAGE, "unknown option %s%s%s; see dreamfarm %s --help", name, near ? "; did you mean " : "", near ? near : "", v->name);
}

// --- verbs --------------------------------------------------------------------------------------------------------------------

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

// --- help ---------------------------------------------------------------------------------------------------------------------

static void option_print(const verb_option *o) {
  char head[32];
  snprintf(head, sizeof head, "%s%s%s", o->name, o->value ? " " : "", o->value ? o->value : "");
  printf("  %-22s %s\n", head, o->words);
}

static void options_print(unsigned of, unsigned not_of) {
  for (int i = 0; i < OPTIONS; i++)
    if ((options[i].verbs & of) && !(options[i].verbs & not_of)) option_print(&options[i]);
}

void help_print(void) {
  printf("usage: dreamfarm VERB [CONFIG.yaml] [--set KEY=VALUE]... [options]\n"
         "       dreamfarm VERB --help\n\nverbs\n");
  for (int i = 0; i < VERBS; i++) printf("  %-10s %s\n", verbs[i].name, verbs[i].words);
  printf("\noptions of most verbs\n");
  options_print(STAGES_BITS, 0);
  printf("  %-22s %s\n", "--version, --help", "");
  printf("evaluate\n");
  options_print(JUDGE_BIT, STAGES_BITS);
  printf("report\n");
  options_print(VERB_BIT(VERB_REPORT), STAGES_BITS);
  printf("explain\n");
  options_print(VERB_BIT(VERB_EXPLAIN), STAGES_BITS);
  printf("%slaunch [options] -- VERB ...\n%s\nexit codes\n", bench_words, launch_words);
#define PRINT_STATUS(name, code, words) printf("  %3d  %s\n", code, words);
  STATUS_LIST(PRINT_STATUS)
#undef PRINT_STATUS
}

void help_print_verb(const verb *v) {
  printf("usage: dreamfarm %s %s\n\n%s\n\n", v->name, v->usage, v->words);
  if (v == &verbs[VERB_BENCH]) printf("%s", bench_words);
  else if (v == &verbs[VERB_LAUNCH]) printf("options\n%s", launch_words);
  else printf("options\n");
  options_print(bit_of(v), 0);
  printf("\nexamples\n");
  for (int i = 0; i < 2; i++) printf("  dreamfarm %s\n", v->examples[i]);
}

// dreamfarm: learn a world, evolve a controller inside it, judge it outside. The command line, and nothing else.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch.h"
#include "verbs.h"

static status print_config(const app *a) {
  text_buffer t = {0};
  settings_print(&a->s, &t, true);
  fputs(t.bytes, stdout);
  text_free(&t);
  return OK;
}

// Behind `--` stand the words of another verb.
static bool asks(int count, char **words, const char *one, const char *other) {
  for (int i = 1; i < count && strcmp(words[i], "--") != 0; i++)
    if (strcmp(words[i], one) == 0 || strcmp(words[i], other) == 0) return true;
  return false;
}

// --help behind a verb, or before all.
static status help(int count, char **words) {
  const verb *v = count > 2 ? verb_find(words[1]) : NULL;
  if (v) help_print_verb(v);
  else help_print();
  return count < 2 ? USAGE : OK;
}

// help [VERB | --man | --completion]
static status help_of(int count, char **words) {
  const char *word = count > 2 ? words[2] : "";
  if (count > 3) FAIL(USAGE, "help: one word at most is allowed, the second is %s", words[3]);

  if (!*word) help_print();
  else if (strcmp(word, "--man") == 0) manual_print();
  else if (strcmp(word, "--completion") == 0) completion_print();
  else if (*word == '-') return option_unknown(word, &verbs[VERB_HELP]);
  else if (verb_find(word)) help_print_verb(verb_find(word));
  else return verb_unknown(word);
  return OK;
}

static status said(status s) {
  if (s != OK) fprintf(stderr, "dreamfarm: %s\n", status_message());
  return s;
}

static status configured(int count, char **words, status (*act)(const app *a)) {
  app a = {0};
  status s = app_parse(&a, count, words);
  if (s == OK) s = act(&a);
  return said(s);
}

// What has no run could neither be watched nor resumed.
static status launched_understand(file_path *directory, int count, char **words) {
  static app a;
  const verb *v = verb_find(words[1]);
  if (v && (!v->act || v->act == app_bench || v->act == app_explain))
    FAIL(USAGE, "%s has no run that could be watched or resumed: start it with mpirun", v->name);
  TRY(app_parse(&a, count, words));
  *directory = path_join("", "%s", a.s.run.directory);
  return OK;
}

static status environment(const app *a) {
  num_open();
  return app_environment(a);
}

static status launch(int count, char **words) {
  if (farm_ranks_most() > 1) return launch_main(count, words, launched_understand);
  fprintf(stderr, "launch: this program has one rank, since it was built without MPI (make MPI=no): start the verb by "
                  "itself, dreamfarm run CONFIG.yaml, or build it with MPI\n");
  return USAGE;
}

// What needs no ranks: help, version, the configuration's words, launch.
static bool answer_alone(int count, char **words, status *result) {
  bool lacking = count < 2 || asks(count, words, "--help", "-h");
  const verb *v = count > 1 ? verb_find(words[1]) : NULL;

  // questions first: they are answered from any directory, and beside any run
  if (lacking) *result = help(count, words);
  else if (asks(count, words, "--version", "--version")) *result = printf("dreamfarm %s\n", DREAMFARM_VERSION) < 0;
  else if (v == &verbs[VERB_HELP]) *result = said(help_of(count, words));
  else if (v == &verbs[VERB_LAUNCH]) *result = launch(count, words);
  else if (v == &verbs[VERB_CONFIG]) *result = configured(count, words, print_config);
  else if (v == &verbs[VERB_ENV]) *result = configured(count, words, environment);
  else if (v == &verbs[VERB_DATA]) *result = said(app_data(count, words));
  else if (v == &verbs[VERB_CONTROL]) *result = configured(count, words, app_control);
  else return false;
  return true;
}

static status directory_find(const app *a, const verb *v) {
  const char *directory = a->s.run.directory;
  if (v->writes) return dir_make(directory);
  if (a->run.out) TRY(dir_make(a->run.out));
  if (!file_exists(directory) && !(v->act == app_evaluate && a->policy_count))
    FAIL(NO_IO, "run.directory: %s is not there; make a run first: dreamfarm run CONFIG.yaml", directory);
  return a->run.out ? OK : dir_make(directory);
}

static status act(app *a, int count, char **words) {
  const verb *v = verb_find(words[1]);
  if (v && v->act == app_bench) {  // has no configuration, reads its words itself
    a->words = words + 2;
    a->word_count = count - 2;
    return app_bench(a);
  }

  // from here on every rank knows the same settings; other people's environments may keep them waiting
  env_while_waiting(heartbeat_beat);
  TRY(app_parse(a, count, words));
  if (a->quiet) log_open(farm_rank(a->f), farm_size(a->f), true);
  if (v->act == app_explain) return app_explain(a);  // leaves nothing behind
  bool looks_on = v->act == app_evaluate || v->act == app_fidelity || v->act == app_report;
  if (a->s.run.rounds > 1 && v->act != app_run) TRY(rounds_choose(a, v->name, looks_on));

  bool master = farm_rank(a->f) == 0;

  // rank 0 makes and locks the directory; all hear whether it could, and then end together
  TRY(farm_agree(a->f, master ? directory_find(a, v) : OK));
  TRY(farm_agree(a->f, master && v->writes ? run_lock(&a->run) : OK));
  if (master && v->writes) run_sweep(&a->run);
  a->run.replaces = a->run.fresh || (v->writes && fresh_kept(&a->run));

  // hours of work begin only where all that they need was seen
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

// OpenBLAS takes the kernels of the processor it finds, and each kind rounds in its own way: a search that goes on
// elsewhere would become another one. It makes that choice while it is loaded, so the program is started over, with
// kernels that round alike on every host. They are the quicker ones, too, where OpenBLAS does not know the processor.
// docs/reproducibility.md has figures.
static void blas_settle(char **words) {
  const char *common = num_blas_common();
  if (!common || getenv("OPENBLAS_CORETYPE") || strcmp(num_blas_kernels(), common) == 0) return;
  if (setenv("OPENBLAS_CORETYPE", common, 1) == 0) execv(program_own(), words);
}

int main(int count, char **words) {
  status result;
  output_open();

  if (answer_alone(count, words, &result)) return (int)output_end(result);

  // until there is somebody to hear them, signals wait: the program may be started over here
  signals_hold();
  blas_settle(words);
  app a = {0};

  // this is the process that stays: what was held back is heard from here on
  signals_catch();
  heartbeat_open();
  status_on_end(heartbeat_result);
  if (heartbeat_job()) launch_rank(heartbeat_job());
  num_open();
  result = farm_open(&a.f, &count, &words);
  if (result != OK) {
    if (*status_message()) fprintf(stderr, "dreamfarm: %s\n", status_message());  // one rank has the words for all
    return (int)result;
  }

  // a worker does not end by itself: rank 0 ends the job
  if (farm_rank(a.f) != 0) signals_serve();
  result = stop_status(&a, act(&a, count, words));

  // one rank speaks, and its exit status is everybody's
  log_break();
  if (result != OK && farm_rank(a.f) == 0) fprintf(stderr, "dreamfarm: %s\n", status_message());
  if (farm_rank(a.f) == 0) result = output_end(result);
  if (farm_rank(a.f) == 0) heartbeat_result(result);
  farm_close(a.f, (int)result);
  return (int)result;
}

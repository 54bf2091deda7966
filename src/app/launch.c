// dreamfarm launch: the level around the job. Starts the ranks, watches rank 0's pulse and what it says when it leaves, ends
// what aborted, stalled or was left over, leaves out hosts that do not answer, and starts again: the verbs resume by
// themselves. Never starts MPI. Judges by what rank 0 wrote, since after a loss mpirun may never return.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "verbs.h"

enum { TOKENS_KEPT = 8 };
#define POLL_SECONDS 0.1
#define LEAVE_SECONDS 5.0    // that the launcher gets to end by itself once rank 0 has left
#define TERM_SECONDS 3.0     // and again after SIGTERM
#define STOP_SECONDS 100.0   // that the job gets to checkpoint when it was asked to stop; SLURM warns 120 s ahead
#define STOP_AGAIN_SECONDS 10.0
#define SWEEP_SECONDS 8.0    // that a host gets to answer
#define WAIT_MAX 30.0        // between two starts

typedef struct launch {
  const char *hostfile, *agent, *extra, *program;
  int ranks, retries;
  double stall;
  app a;
  char **words;              // the ranks' command: this program, verb, ...
  file_path directory, pulse, result;
  launcher with;
  hosts on;
  job_token tokens[TOKENS_KEPT];  // of the last starts, newest first
  int starts;
  pid_t child;               // the launcher; 0: ended
  int child_code;
  int asked;                 // the first signal that asked to stop, 0: none
  bool at_once;              // a second SIGINT
  bool began;                // the work itself, once
  bool forced;               // a launcher did not end by itself, or not well: other hosts may have been left with ranks
} launch;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void say(const char *format, ...) {
  char line[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  fprintf(stderr, "launch: %s\n", line);
}

// --- signals: taken between two looks, never in between -------------------------------------------------------------------------

static sigset_t watched(void) {
  sigset_t set;
  sigemptyset(&set);
  const int list[] = {SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGCHLD};
  for (size_t i = 0; i < sizeof list / sizeof *list; i++) sigaddset(&set, list[i]);
  return set;
}

static void rest(launch *l, double seconds) {
  sigset_t set = watched();
  struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  int which = sigtimedwait(&set, NULL, &t);
  if (which <= 0 || which == SIGCHLD) return;
  if (which == SIGINT && l->asked == SIGINT) l->at_once = true;
  if (!l->asked) l->asked = which;
}

static status stopped_status(const launch *l) { return l->asked == SIGINT ? INTERRUPTED : RESUME_ME; }

// --- start ----------------------------------------------------------------------------------------------------------------------

static _Noreturn void child_become(const ranks_order *o, const char *directory, pid_t parent) {
  sigset_t set = watched();
  setsid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // if this launch is killed, the launcher goes, and its ranks with it
  if (getppid() != parent) _exit(127);
  signal(SIGUSR1, SIG_DFL);  // slurm.sh has the two ignored until launch looks
  signal(SIGTERM, SIG_DFL);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  int nowhere = open("/dev/null", O_RDONLY);
  dup2(nowhere, STDIN_FILENO);
  launcher_environment(o, directory);
  char **words = launcher_words(o);
  execvp(words[0], words);
  fprintf(stderr, "launch: %s cannot be started: %s\n", words[0], strerror(errno));
  _exit(127);
}

// --fresh is for the first start that came to work: the next one goes on with what that one has done.
static void fresh_drop(launch *l) {
  char **to = l->words;
  for (char *const *word = l->words; *word; word++)
    if (strcmp(*word, "--fresh") != 0) *to++ = *word;
  *to = NULL;
}

static status start(launch *l) {
  if (l->began) fresh_drop(l);
  memmove(l->tokens + 1, l->tokens, sizeof l->tokens - sizeof *l->tokens);
  l->tokens[0] = job_token_new();
  l->starts++;
  pulse p = {.job = l->tokens[0], .host = "-", .patience = HEARTBEAT_START_SECONDS};
  TRY(pulse_write(&p, l->pulse.text));  // an earlier rank 0 that still lives reads this and leaves
  ranks_order o = {.with = &l->with, .ranks = l->ranks, .on = &l->on, .agent = l->agent, .extra = l->extra, .job = l->tokens[0], .words = l->words};
  pid_t parent = getpid();
  fflush(NULL);
  l->child = fork();
  if (l->child < 0) FAIL(BROKEN, "no process can be started: %s", strerror(errno));
  if (l->child == 0) child_become(&o, l->directory.text, parent);
  return OK;
}

// --- watch ----------------------------------------------------------------------------------------------------------------------

typedef struct watch {
  pulse p;
  bool spoke, began;       // rank 0 has spoken; its loops have begun
  bool seen_here;          // its process was seen on this host
  double silence, stop_left, told;
} watch;

typedef enum ending { GOES_ON, HAS_RESULT, LAUNCHER_ENDED, RANK_0_GONE, SILENT, STOPPED } ending;

static bool child_ended(launch *l) {
  int how;
  if (l->child && waitpid(l->child, &how, WNOHANG) == l->child) {
    l->child = 0;
    l->child_code = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
  }
  return !l->child;
}

static void pulse_take(const launch *l, watch *w) {
  pulse now;
  char here[256] = "";
  if (!pulse_read(&now, l->pulse.text) || strcmp(now.job.hex, l->tokens[0].hex) != 0) return;
  if (now.beats != w->p.beats) w->silence = 0;
  w->p = now;
  w->spoke = now.beats > 0;
  w->began |= w->spoke && now.patience <= 0;
  gethostname(here, sizeof here - 1);
  w->seen_here |= w->spoke && strcmp(now.host, here) == 0 && process_started(now.pid) == now.started;
}

static bool rank_0_gone(const watch *w) { return w->seen_here && process_started(w->p.pid) != w->p.started; }

// The launcher hands SIGUSR1 on to the ranks; rank 0, if it is here, gets it for certain.
static void ask_to_stop(launch *l, watch *w, double now) {
  if (now - w->told < STOP_AGAIN_SECONDS) return;
  w->told = now;
  if (l->child) kill(l->child, SIGUSR1);
  if (w->seen_here && !rank_0_gone(w)) kill((pid_t)w->p.pid, SIGUSR1);
}

static ending look(launch *l, watch *w, int *code) {
  bool ended = child_ended(l), gone = rank_0_gone(w);  // before the result, which is written before both
  if (result_read(l->result.text, l->tokens[0], code)) return HAS_RESULT;
  if (ended) return LAUNCHER_ENDED;
  if (gone) return RANK_0_GONE;
  if (l->at_once || (l->asked && (!w->spoke || w->stop_left <= 0))) return STOPPED;
  return w->silence > (w->p.patience > l->stall ? w->p.patience : l->stall) ? SILENT : GOES_ON;
}

static ending watch_job(launch *l, int *code) {
  watch w = {.stop_left = STOP_SECONDS, .told = -STOP_AGAIN_SECONDS};
  ending e;
  double before = time_now();
  while ((e = look(l, &w, code)) == GOES_ON) {
    rest(l, POLL_SECONDS);
    double now = time_now(), passed = now - before < 1 ? now - before : 1;  // while we ourselves stood still, nobody was silent
    before = now;
    w.silence += passed;
    pulse_take(l, &w);
    if (!l->asked) continue;
    w.stop_left -= passed;
    if (w.spoke) ask_to_stop(l, &w, now);
  }
  l->began |= w.began;
  if (e == SILENT) say("rank 0 has said nothing for %.0f s", w.silence);
  if (e == RANK_0_GONE) say("rank 0 (process %" PRId64 ") is gone", w.p.pid);
  if (e == LAUNCHER_ENDED) say("%s ended with %d before rank 0 had finished", l->with.program, l->child_code);
  return e;
}

// --- end ------------------------------------------------------------------------------------------------------------------------

static void child_wait(launch *l, double seconds) {
  for (double end = time_now() + seconds; !child_ended(l) && time_now() < end && !l->at_once;) rest(l, POLL_SECONDS);
}

// The launcher first, who may take its ranks along; then, on every host, whatever carries the token.
static void end_job(launch *l, bool in_peace) {
  if (in_peace) child_wait(l, LEAVE_SECONDS);
  l->forced |= !child_ended(l) || l->child_code != 0;
  if (!child_ended(l)) {
    kill(l->child, SIGTERM);
    child_wait(l, TERM_SECONDS);
  }
  if (!child_ended(l)) {
    kill(-l->child, SIGKILL);
    waitpid(l->child, NULL, 0);
    l->child = 0;
  }
  int left = processes_end(l->tokens, 1);
  if (left) say("ended %d process%s that had been left here", left, left == 1 ? "" : "es");
}

// --- hosts ----------------------------------------------------------------------------------------------------------------------

static int tokens_count(const launch *l) { return l->starts < TOKENS_KEPT ? l->starts : TOKENS_KEPT; }

static status hosts_ask(launch *l) {
  int answer = 0;
  if (!l->on.count) return OK;
  hosts_sweep(&l->on, l->agent, l->tokens, tokens_count(l), SWEEP_SECONDS);
  for (int i = 0; i < l->on.count; i++) {
    if (!l->on.list[i].answers) say("%s does not answer and is left out", l->on.list[i].name);
    answer += l->on.list[i].answers;
  }
  if (!answer) FAIL(NO_IO, "none of the %d hosts answers", l->on.count);
  return OK;
}

// --- progress: what a restart would not have to do again ---------------------------------------------------------------------------

static bool is_progress(const char *name) {
  size_t n = strlen(name);
  return (n > 12 && strcmp(name + n - 12, ".safetensors") == 0) || (n > 5 && strcmp(name + n - 5, ".hdf5") == 0) || strncmp(name, "journal", 7) == 0;
}

static void add_folder(text_buffer *t, const char *path, bool all) {
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    struct stat facts;
    file_path p = path_join(path, "%s", e->d_name);
    if ((!all && !is_progress(e->d_name)) || stat(p.text, &facts) != 0 || !S_ISREG(facts.st_mode)) continue;
    text_add(t, "%s %lld %lld.%09ld\n", e->d_name, (long long)facts.st_size, (long long)facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
  }
  if (d) closedir(d);
}

static hash progress_of(const launch *l) {
  text_buffer t = {0};
  static const char *const folders[] = {"episodes", "latents", "stages"};
  add_folder(&t, l->directory.text, false);
  for (int i = 0; i < 3; i++) add_folder(&t, path_join(l->directory.text, "%s", folders[i]).text, true);
  hash h = hash_bytes(t.bytes ? t.bytes : "", t.size);
  text_free(&t);
  return h;
}

// --- again and again ----------------------------------------------------------------------------------------------------------------

// True: *code is the end. False: worth another start.
static bool job_run(launch *l, status *code) {
  int said = 0;
  *code = hosts_ask(l);
  if (*code == OK) *code = start(l);
  if (*code != OK) return say("%s", status_message()), false;
  ending e = watch_job(l, &said);
  end_job(l, e == HAS_RESULT);
  if (e == HAS_RESULT && said != RESUME_ME && said != INTERRUPTED) return *code = (status)said, true;
  if (l->asked) return *code = stopped_status(l), true;
  if (e == HAS_RESULT && said == INTERRUPTED) return *code = INTERRUPTED, true;
  if (e == HAS_RESULT) say("the job wants to be started again");
  return false;
}

static void rest_before_start(launch *l, int failures) {
  double seconds = 1;
  for (int i = 1; i < failures && seconds < WAIT_MAX; i++) seconds *= 2;
  if (seconds > WAIT_MAX) seconds = WAIT_MAX;
  say("starts again in %.0f s (%d of %d without progress)", seconds, failures, l->retries);
  for (double end = time_now() + seconds; !l->asked && time_now() < end;) rest(l, POLL_SECONDS);
}

static status jobs_run(launch *l) {
  status code = OK;
  hash before = progress_of(l);
  for (int failures = 1; !job_run(l, &code); failures++) {
    hash now = progress_of(l);
    if (!hash_equal(now, before)) failures = 1;
    before = now;
    if (failures > l->retries) return say("gave up after %d starts without progress", failures), BROKEN;
    rest_before_start(l, failures);
    if (l->asked) return stopped_status(l);
  }
  return code;
}

// --- the command line ------------------------------------------------------------------------------------------------------------------

static status usage(const char *words, const char *found) {
  FAIL(USAGE, "%s '%s'; usage: dreamfarm launch [-n RANKS] [--hostfile FILE] [--agent \"ssh ...\"] [--launcher PROGRAM] [--mpirun \"extra words\"]"
              " [--stall SECONDS] [--retries K] -- VERB CONFIG.yaml ...", words, found);
}

static status option(launch *l, const char *word, const char *value) {
  char *end = (char *)(uintptr_t) "";
  if (strcmp(word, "-n") == 0) l->ranks = (int)strtol(value, &end, 10);
  else if (strcmp(word, "--stall") == 0) l->stall = strtod(value, &end);
  else if (strcmp(word, "--retries") == 0) l->retries = (int)strtol(value, &end, 10);
  else if (strcmp(word, "--hostfile") == 0) l->hostfile = value;
  else if (strcmp(word, "--agent") == 0) l->agent = value;
  else if (strcmp(word, "--launcher") == 0) l->program = value;
  else if (strcmp(word, "--mpirun") == 0) l->extra = value;
  else return usage("unknown option", word);
  if (*end || l->ranks < 0 || l->retries < 0 || !(l->stall > 0)) return usage("not a number that is allowed:", value);
  return OK;
}

// What has no run could neither be watched nor resumed.
static status launchable(const char *name) {
  const verb *v = verb_find(name);
  if (!v || (v->act && v->act != app_bench && v->act != app_explain)) return OK;  // app_parse names one that is unknown
  FAIL(USAGE, "%s has no run that could be watched or resumed: start it with mpirun", name);
}

static status options_read(launch *l, int count, char **words) {
  int i = 2;
  for (; i < count && strcmp(words[i], "--") != 0; i += 2) {
    if (i + 1 == count) return usage("needs a value:", words[i]);
    TRY(option(l, words[i], words[i + 1]));
  }
  if (i + 1 >= count) return usage("a verb after -- is missing, last is", words[count - 1]);
  l->words = words + i;
  l->words[0] = path_own();
  TRY(launchable(l->words[1]));
  return app_parse(&l->a, count - i, l->words);
}

// Under SLURM the allocation is the host list, and srun the way to its hosts.
static status place_find(launch *l) {
  const char *nodes = getenv("SLURM_JOB_NODELIST"), *tasks = getenv("SLURM_NTASKS");
  if (l->hostfile) TRY(hosts_read(&l->on, l->hostfile));
  else if (nodes) TRY(hosts_of_slurm(&l->on, nodes));
  if (!l->agent) l->agent = nodes && !l->hostfile ? "srun --overlap --mpi=none -Q -N1 -n1 -w" : "ssh -o BatchMode=yes";
  if (l->ranks) return OK;
  l->ranks = nodes && tasks ? atoi(tasks) : l->on.count ? hosts_slots(&l->on) : (int)sysconf(_SC_NPROCESSORS_ONLN);
  return OK;
}

static status run_directory(launch *l) {
  char *whole;
  TRY(dir_make(l->a.s.run.directory));
  if (!(whole = realpath(l->a.s.run.directory, NULL))) FAIL(NO_IO, "%s: has no full path", l->a.s.run.directory);
  l->directory = path_join(whole, "%s", "");
  l->pulse = path_join(whole, "%s", PULSE_FILE);
  l->result = path_join(whole, "%s", RESULT_FILE);
  free(whole);
  return OK;
}

static status prepare(launch *l, int count, char **words) {
  TRY(options_read(l, count, words));
  TRY(launcher_find(&l->with, l->program));
  TRY(place_find(l));
  return run_directory(l);
}

// Reached through the agent, from another host's launch: tokens on standard input.
static status sweep(void) {
  job_token tokens[TOKENS_KEPT];
  int count = 0;
  while (count < TOKENS_KEPT && scanf("%32s", tokens[count].hex) == 1) count += strlen(tokens[count].hex) == 32;
  processes_end(tokens, count);
  return OK;
}

status app_launch(int count, char **words) {
  if (count > 2 && strcmp(words[2], "--reach") == 0) launcher_agent(count - 3, words + 3);
  if (count > 2 && strcmp(words[2], "--sweep") == 0) return sweep();
  launch l = {.extra = "", .program = "mpirun", .retries = 5, .stall = 20};
  sigset_t set = watched();
  sigprocmask(SIG_BLOCK, &set, NULL);  // first of all: a batch script may hand a signal on at once
  status s = prepare(&l, count, words);
  if (s != OK) return say("%s", status_message()), s;
  s = jobs_run(&l);
  if (l.forced) hosts_sweep(&l.on, l.agent, l.tokens, tokens_count(&l), SWEEP_SECONDS);
  file_remove(l.pulse.text);
  file_remove(l.result.text);
  return s;
}

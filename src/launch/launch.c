// dreamfarm launch: the level around the job. Starts the ranks, watches rank 0's pulse and what it says when it leaves,
// ends what aborted, stalled or was left over, leaves out hosts that do not answer, and starts again: the verbs resume
// by themselves. Never starts MPI. Judges by what rank 0 wrote, since after a loss mpirun may never return.

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "parts.h"

enum { TOKENS_KEPT = 8 };
#define POLL_SECONDS 0.1
#define LEAVE_SECONDS 5.0    // that the launcher gets to end by itself once rank 0 has left
#define TERM_SECONDS 3.0     // and again after SIGTERM
#define STOP_SECONDS 100.0   // that the job gets to checkpoint when it was asked to stop; SLURM warns 120 s ahead
#define STOP_AGAIN_SECONDS 10.0
#define SWEEP_SECONDS 8.0    // that a host gets to answer
#define WAIT_MAX 30.0        // between two starts
#define LOCK_PATIENCE 5.0    // for an earlier launch that is about to end
#define LOSS_SECONDS 15.0    // of silence after the loss of a rank: more than a roll call of those that are left takes
#define MISSING_SECONDS 10.0 // after rank 0 has spoken; the others began with it
#define SEARCH_SECONDS 60.0  // from a start on, in which its ranks are looked for

typedef struct launch {
  launch_order order;
  file_path directory, pulse, result;
  dev_t directory_device;
  ino_t directory_number;
  int lock;                  // of the directory; -1: its file system has none
  bool blind;                // ranks cannot be told from this process, which has what they are known by
  bool terminal;
  sigset_t watched;
  job_token tokens[TOKENS_KEPT];  // of the last starts, newest first
  int starts;
  rank_process *found;       // (ranks) those of this start that run on this host
  pid_t child;               // the launcher; 0: ended
  int child_code;
  int asked;                 // the first signal that asked to stop, 0: none
  bool at_once;              // a second SIGINT
  bool began;                // the work itself, once
} launch;

// --- signals: taken between two looks, never in between ------------------------------------------------------------

// What was ignored at the start (nohup, a shell's background) stays ignored, but for the two by which a scheduler asks:
// a batch script has them ignored until they are watched.
static sigset_t launch_watched(void) {
  static const int list[] = {SIGTERM, SIGUSR1, SIGCHLD, SIGINT, SIGHUP, SIGTSTP};
  sigset_t set;
  sigemptyset(&set);

  for (int i = 0; i < 6; i++) {
    struct sigaction now;
    bool ignored = sigaction(list[i], NULL, &now) == 0 && now.sa_handler == SIG_IGN;
    if (i < 3 || !ignored) sigaddset(&set, list[i]);
  }
  return set;
}

// Open MPI hands both on to the ranks of all hosts.
static void launch_signal(const launch *l, int to_launcher, int to_ranks) {
  if (l->child && l->order.with.kind == LAUNCHER_OPEN_MPI) kill(l->child, to_launcher);
  for (int i = 0; l->child && l->found && i < l->order.ranks; i++) {
    const rank_process *r = &l->found[i];
    if (r->pid && process_started(r->pid) == r->started) kill((pid_t)r->pid, to_ranks);
  }
}

// The ranks are in a session of their own, so a terminal's Ctrl-Z reaches us alone.
static void launch_pause(const launch *l) {
  launch_signal(l, SIGTSTP, SIGSTOP);
  raise(SIGSTOP);
  launch_signal(l, SIGCONT, SIGCONT);
}

static void launch_rest(launch *l, double seconds) {
  struct timespec t = {(time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
  int which = sigtimedwait(&l->watched, NULL, &t);
  if (which <= 0 || which == SIGCHLD) return;
  if (which == SIGTSTP) return launch_pause(l);
  if (which == SIGINT && l->asked == SIGINT) l->at_once = true;
  if (!l->asked) l->asked = which;
}

static status launch_stopped(const launch *l) { return l->asked == SIGINT ? INTERRUPTED : RESUME_ME; }

// --- start ---------------------------------------------------------------------------------------------------------

// --fresh is for the first start that came to work, and remembers it: the next goes on with what that one has done.
static void launch_fresh_drop(launch *l) {
  char **to = l->order.words;
  for (char *const *word = l->order.words; *word; word++)
    if (strcmp(*word, "--fresh") != 0) *to++ = *word;
  *to = NULL;
}

static void launch_tokens_add(launch *l, job_token t) {
  memmove(l->tokens + 1, l->tokens, sizeof l->tokens - sizeof *l->tokens);
  l->tokens[0] = t;
  l->starts++;
}

static int launch_tokens(const launch *l) { return l->starts < TOKENS_KEPT ? l->starts : TOKENS_KEPT; }

// Also where nothing says which hosts the launcher will take, but it has nowhere to learn of others.
static bool launch_is_here(const launch *l) {
  static const char *const schedulers[] = {"SLURM_JOB_ID", "PE_HOSTFILE", "PBS_NODEFILE", "LSB_HOSTS",
                                           "LSB_DJOB_HOSTFILE", "OMPI_MCA_orte_default_hostfile"};
  static const char *const flags[] = {"-H", "-host", "--host", "-hostfile", "--hostfile", "-machinefile",
                                      "--machinefile", "-default-hostfile", "--default-hostfile",
                                      "orte_default_hostfile"};

  if (l->order.on.count) return hosts_all_here(&l->order.on);

  // The first of these is no sign where SLURM's allocation could not be told.
  for (size_t i = l->order.alone; i < sizeof schedulers / sizeof *schedulers; i++)
    if (getenv(schedulers[i])) return false;
  for (int i = 0; i < l->order.extra.count; i++)
    for (size_t k = 0; k < sizeof flags / sizeof *flags; k++)
      if (strcmp(l->order.extra.words[i], flags[k]) == 0) return false;
  return true;
}

// Its room has a link to this program, under a name that Open MPI's list of agents can hold.
static void launch_room(file_path *room, const job_token *t, bool here) {
  if (!room_make(room, t, !here)) return;
  file_path reach = path_join(room->text, "reach");
  if (symlink(program_own(), reach.text) != 0 && errno != EEXIST) room->text[0] = 0;
}

static status launch_ranks(launch *l, const ranks_order *o) {
  word_list words = launcher_words(o), environment = launcher_environment(o);

  // If this launch is killed, the launcher goes, and its ranks with it.
  program_order p = {
      .words = words.words,
      .environment = environment.words,
      .in = PROGRAM_NOWHERE,
      .out = STDOUT_FILENO,
      .err = STDERR_FILENO,
      .own_session = true,
      .dies_with_us = true,
  };

  status s = program_start(&l->child, &p);
  words_free(&words);
  words_free(&environment);
  return s;
}

static status launch_start(launch *l) {
  if (l->began && file_exists(path_join(l->directory.text, RUN_FRESH).text)) launch_fresh_drop(l);
  launch_tokens_add(l, job_token_new());
  mem_free(l->found);
  l->found = mem_take((size_t)l->order.ranks, sizeof *l->found);

  pulse p = {.job = l->tokens[0], .host = "-", .patience = HEARTBEAT_START_SECONDS};
  TRY(pulse_write(&p, l->pulse.text));  // an earlier rank 0 that still lives reads this and leaves

  file_path room;
  bool here = launch_is_here(l), slurm = getenv("SLURM_JOB_ID") && !l->order.alone;
  launch_room(&room, &l->tokens[0], here);
  ranks_order o = {
      .with = &l->order.with,
      .ranks = l->order.ranks,
      .on = &l->order.on,
      .here = here,
      .slurm = slurm,
      .terminal = l->terminal,
      .agent = l->order.agent,
      .extra = &l->order.extra,
      .directory = l->directory.text,
      .room = room.text,
      .job = l->tokens[0],
      .words = l->order.words,
  };
  return launch_ranks(l, &o);
}

// --- watch ---------------------------------------------------------------------------------------------------------

typedef struct watch {
  pulse p;
  bool here;               // all ranks are
  bool spoke, began;       // rank 0 has spoken; its loops have begun
  bool seen_here;          // its process was seen on this host
  double silence, stop_left, told;
  double age, spoken;      // seconds since the start, and since rank 0 spoke first
  double search, check;    // age at the next look for ranks, and at the next look at those found
  int found, lost;         // ranks on this host; the last that is gone, -1: none
} watch;

typedef enum ending {
  GOES_ON,
  HAS_RESULT,
  LAUNCHER_ENDED,
  RANK_0_GONE,
  SILENT,
  NO_RANKS,
  DIRECTORY_GONE,
  STOPPED
} ending;

static bool launch_child_ended(launch *l) {
  int how;
  if (l->child && waitpid(l->child, &how, WNOHANG) == l->child) {
    l->child = 0;
    l->child_code = WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
  }
  return !l->child;
}

static bool launch_directory_there(const launch *l) {
  struct stat facts;
  if (stat(l->directory.text, &facts) != 0) return errno != ENOENT && errno != ENOTDIR;
  return facts.st_dev == l->directory_device && facts.st_ino == l->directory_number;
}

static void watch_pulse(const launch *l, watch *w) {
  pulse now;
  char here[256] = "";
  if (!pulse_read(&now, l->pulse.text) || strcmp(now.job.hex, l->tokens[0].hex) != 0) return;

  // Any beat is a word; a beat that asks for no patience comes from a loop at work.
  if (now.beats != w->p.beats) w->silence = 0;
  w->p = now;
  w->spoke = now.beats > 0;
  w->began |= w->spoke && now.patience <= 0;

  // A process of that number here is another's unless it started when rank 0 says it did.
  gethostname(here, sizeof here - 1);
  w->seen_here |= w->spoke && strcmp(now.host, here) == 0 && process_started(now.pid) == now.started;
}

static bool watch_rank_0_gone(const watch *w) { return w->seen_here && process_started(w->p.pid) != w->p.started; }

// --- the ranks on this host: a collective with a dead one in it never ends, and nobody says so ---------------------

static void watch_lost(const launch *l, watch *w, int rank) {
  if (l->found[rank].pid) l->found[rank].started = 0;  // once
  w->lost = rank;
  w->silence = 0;
}

static bool watch_was_lost(const rank_process *r) { return r->pid && !r->started; }

static void watch_ranks_check(const launch *l, watch *w) {
  for (int i = 0; i < l->order.ranks; i++) {
    const rank_process *r = &l->found[i];
    if (r->pid && !watch_was_lost(r) && process_started(r->pid) != r->started) watch_lost(l, w, i);
  }

  // One that was gone before it was found.
  bool missing = w->here && w->found && w->found < l->order.ranks && w->spoken > MISSING_SECONDS;
  for (int i = 1; missing && w->lost < 0 && i < l->order.ranks; i++)
    if (!l->found[i].pid) watch_lost(l, w, i);
}

static void watch_ranks(const launch *l, watch *w) {
  if (l->blind) return;

  // Often while they appear, then seldom: each look reads all of /proc.
  if (w->found < l->order.ranks && w->age < SEARCH_SECONDS && w->age >= w->search) {
    w->found = processes_ranks(l->found, l->order.ranks, &l->tokens[0]);
    w->search = w->age + (w->age < MISSING_SECONDS ? 0.2 : 2);
  }

  if (w->age < w->check) return;
  watch_ranks_check(l, w);
  w->check = w->age + 0.5;
}

// What rank 0 asked for, unless it waits for the dead.
static double watch_patience(const launch *l, const watch *w) {
  double asked = w->p.patience > l->order.stall ? w->p.patience : l->order.stall;
  return w->lost >= 0 && asked > LOSS_SECONDS ? LOSS_SECONDS : asked;
}

// --- what has come of it -------------------------------------------------------------------------------------------

// The launcher hands SIGUSR1 on to the ranks; rank 0, if it is here, gets it for certain.
static void watch_ask_to_stop(launch *l, watch *w, double now) {
  if (now - w->told < STOP_AGAIN_SECONDS) return;
  w->told = now;
  if (l->child) kill(l->child, SIGUSR1);
  if (w->seen_here && !watch_rank_0_gone(w)) kill((pid_t)w->p.pid, SIGUSR1);
}

static ending watch_look(launch *l, watch *w, int *code) {
  bool ended = launch_child_ended(l), gone = watch_rank_0_gone(w);  // before the result, which is written before both

  if (result_read(l->result.text, l->tokens[0], code)) return HAS_RESULT;
  if (!launch_directory_there(l)) return DIRECTORY_GONE;
  if (ended) return LAUNCHER_ENDED;
  if (gone) return RANK_0_GONE;

  if (l->at_once || (l->asked && (!w->spoke || w->stop_left <= 0))) return STOPPED;

  // All ranks are to be here, and none has appeared: mpirun itself hangs, and would do so for ever.
  bool none = w->here && !l->blind && l->order.with.kind == LAUNCHER_OPEN_MPI && !w->spoke && !w->found;
  if (none && w->age > l->order.stall) return NO_RANKS;
  return w->silence > watch_patience(l, w) ? SILENT : GOES_ON;
}

static void watch_say(const launch *l, const watch *w, ending e) {
  const char *program = l->order.with.program;
  int64_t lost = w->lost >= 0 ? l->found[w->lost].pid : 0;

  if (e == SILENT && w->lost < 0) launch_say("rank 0 has said nothing for %.0f s", w->silence);
  if (e == SILENT && w->lost >= 0)
    launch_say("rank %d (process %" PRId64 ") is gone, and rank 0 has said nothing for %.0f s", w->lost, lost,
               w->silence);
  if (e == RANK_0_GONE) launch_say("rank 0 (process %" PRId64 ") is gone", w->p.pid);

  if (e == NO_RANKS)
    launch_say("%s has started no rank in %.0f s; what it said, if anything, is above", program, w->age);
  if (e == LAUNCHER_ENDED && !w->spoke)
    launch_say("%s ended with %d before rank 0 had begun: it could not start the job; what it said is above", program,
               l->child_code);
  if (e == LAUNCHER_ENDED && w->spoke)
    launch_say("%s ended with %d before rank 0 had finished", program, l->child_code);
}

static ending watch_job(launch *l, int *code) {
  watch w = {.here = launch_is_here(l), .stop_left = STOP_SECONDS, .told = -STOP_AGAIN_SECONDS, .lost = -1};

  ending e;
  double before = time_now();
  while ((e = watch_look(l, &w, code)) == GOES_ON) {
    launch_rest(l, POLL_SECONDS);

    // While we stood still ourselves (Ctrl-Z) nobody was silent: a long pause counts as a second.
    double now = time_now(), passed = now - before < 1 ? now - before : 1;
    before = now;
    w.silence += passed;
    w.age += passed;
    w.spoken += w.spoke ? passed : 0;

    watch_pulse(l, &w);
    watch_ranks(l, &w);

    // Asked again from time to time: not every launcher hands every signal on.
    if (!l->asked) continue;
    w.stop_left -= passed;
    if (w.spoke) watch_ask_to_stop(l, &w, now);
  }
  l->began |= w.began;
  watch_say(l, &w, e);
  return e;
}

// --- end -----------------------------------------------------------------------------------------------------------

static void launch_child_wait(launch *l, double seconds) {
  double end = time_now() + seconds;
  while (!launch_child_ended(l) && time_now() < end && !l->at_once) launch_rest(l, POLL_SECONDS);
}

static void launch_say_left(int left) {
  if (left) launch_say("ended %d process%s that had been left here", left, left == 1 ? "" : "es");
}

// The launcher first, who may take its ranks along; then, on every host, whatever carries the token.
static void launch_end_job(launch *l, bool in_peace) {
  if (in_peace) launch_child_wait(l, LEAVE_SECONDS);
  if (!launch_child_ended(l)) {
    kill(l->child, SIGTERM);
    launch_child_wait(l, TERM_SECONDS);
  }

  // Its whole group: a launcher that hangs may have started others.
  if (!launch_child_ended(l)) {
    kill(-l->child, SIGKILL);
    waitpid(l->child, NULL, 0);
    l->child = 0;
  }

  launch_say_left(processes_end(l->tokens, 1));
}

// --- hosts ---------------------------------------------------------------------------------------------------------

// Also this one: what an earlier launch left that was killed.
static status launch_hosts_ask(launch *l) {
  int answer = 0;
  launch_say_left(processes_end(l->tokens, launch_tokens(l)));

  if (!l->order.on.count) return OK;
  hosts_sweep(&l->order.on, l->order.agent, l->tokens, launch_tokens(l), SWEEP_SECONDS);

  for (int i = 0; i < l->order.on.count; i++) {
    if (!l->order.on.list[i].answers) launch_say("%s does not answer and is left out", l->order.on.list[i].name);
    answer += l->order.on.list[i].answers;
  }

  if (!answer) FAIL(NO_IO, "none of the %d hosts answers", l->order.on.count);
  return OK;
}

// --- progress: what a restart would not have to do again -----------------------------------------------------------

static bool launch_is_progress(const char *name) {
  size_t n = strlen(name);
  bool tensors = n > 12 && strcmp(name + n - 12, ".safetensors") == 0;
  bool episodes = n > 5 && strcmp(name + n - 5, ".hdf5") == 0;
  return tensors || episodes || strncmp(name, "journal", 7) == 0;
}

static void launch_folder_add(text_buffer *t, const char *path, bool all) {
  DIR *d = opendir(path);
  for (struct dirent *e; d && (e = readdir(d));) {
    struct stat facts;
    if (!all && !launch_is_progress(e->d_name)) continue;
    if (fstatat(dirfd(d), e->d_name, &facts, 0) != 0 || !S_ISREG(facts.st_mode)) continue;

    // Size and time will do: a hash would read gigabytes at every start.
    text_add(t, "%s %lld %lld.%09ld\n", e->d_name, (long long)facts.st_size, (long long)facts.st_mtim.tv_sec,
             facts.st_mtim.tv_nsec);
  }
  if (d) closedir(d);
}

static hash launch_progress(const launch *l) {
  text_buffer t = {0};
  static const char *const folders[] = {"episodes", "latents", "stages"};
  launch_folder_add(&t, l->directory.text, false);
  for (int i = 0; i < 3; i++) launch_folder_add(&t, path_join(l->directory.text, "%s", folders[i]).text, true);
  hash h = hash_bytes(t.bytes ? t.bytes : "", t.size);
  text_free(&t);
  return h;
}

// --- again and again -----------------------------------------------------------------------------------------------

static status launch_directory_gone(const launch *l) {
  FAIL(NO_IO, "%s was removed or replaced while the job was in it: there is nothing to go on with", l->directory.text);
}

static bool launch_job_gone(const launch *l, status *code) {
  *code = launch_directory_gone(l);
  launch_say("%s", status_message());
  return true;
}

// What rank 0 has left as its result counts for more than being asked to stop: it may have finished in the meantime.
static bool launch_is_over(const launch *l, ending e, int said, status *code) {
  bool result = e == HAS_RESULT;
  if (result && said != RESUME_ME && said != INTERRUPTED) *code = (status)said;
  else if (l->asked) *code = launch_stopped(l);
  else if (result && said == INTERRUPTED) *code = INTERRUPTED;
  else return false;
  return true;
}

// True: *code is the end. False: worth another start.
static bool launch_job(launch *l, status *code) {
  int said = 0;
  if (!launch_directory_there(l)) return launch_job_gone(l, code);
  *code = launch_hosts_ask(l);
  if (*code == OK) *code = launch_start(l);
  if (*code != OK) {
    launch_say("%s", status_message());
    return false;
  }

  ending e = watch_job(l, &said);
  launch_end_job(l, e == HAS_RESULT);
  if (e == DIRECTORY_GONE) return launch_job_gone(l, code);
  if (launch_is_over(l, e, said, code)) return true;
  if (e == HAS_RESULT) launch_say("the job wants to be started again");
  return false;
}

static void launch_wait(launch *l, int failures) {
  double seconds = 1;
  for (int i = 1; i < failures && seconds < WAIT_MAX; i++) seconds *= 2;
  if (seconds > WAIT_MAX) seconds = WAIT_MAX;
  launch_say("starts again in %.0f s (%d of %d without progress)", seconds, failures, l->order.retries);
  for (double end = time_now() + seconds; !l->asked && time_now() < end;) launch_rest(l, POLL_SECONDS);
}

static status launch_jobs(launch *l) {
  status code = OK;
  hash before = launch_progress(l);
  for (int failures = 1; !launch_job(l, &code); failures++) {
    // What moved the run on, however little, was no failure.
    hash now = launch_progress(l);
    if (!hash_equal(now, before)) failures = 1;
    before = now;

    if (failures > l->order.retries) {
      launch_say("gave up after %d starts without progress", failures);
      return BROKEN;
    }
    launch_wait(l, failures);
    if (l->asked) return launch_stopped(l);
  }
  return code;
}

// --- the directory -------------------------------------------------------------------------------------------------

// An earlier launch in this directory that was killed left a token in its pulse: what still carries it is ours to end.
static void launch_earlier(launch *l) {
  pulse earlier;
  if (l->lock < 0 || !pulse_read(&earlier, l->pulse.text) || !job_token_good(&earlier.job)) return;
  launch_tokens_add(l, earlier.job);
}

static status launch_directory(launch *l) {
  struct stat facts;
  TRY(dir_make(l->order.asked_for.text));
  char *whole = realpath(l->order.asked_for.text, NULL);
  if (!whole) FAIL(NO_IO, "%s: has no full path: %s", l->order.asked_for.text, strerror(errno));
  size_t length = strlen(whole);
  if (length <= RUN_DIRECTORY_MAX) l->directory = path_join("", "%s", whole);
  free(whole);

  if (length > RUN_DIRECTORY_MAX)
    FAIL(NO_IO, "run.directory: the full path of %s has %zu bytes, up to %d are allowed: work nearer to /",
         l->order.asked_for.text, length, RUN_DIRECTORY_MAX);
  if (stat(l->directory.text, &facts) != 0) FAIL(NO_IO, "%s: %s", l->directory.text, strerror(errno));

  // Remembered by its number: a directory of the same name may be another one later.
  l->directory_device = facts.st_dev;
  l->directory_number = facts.st_ino;
  l->pulse = path_join(l->directory.text, RUN_PULSE);
  l->result = path_join(l->directory.text, RUN_RESULT);
  file_path lock = path_join(l->directory.text, RUN_LAUNCH_LOCK);
  TRY(lock_take(&l->lock, lock.text, LOCK_PATIENCE, "another dreamfarm launch works in %s", l->directory.text));
  launch_earlier(l);
  return OK;
}

static status launch_prepare(launch *l, int count, char **words) {
  TRY(order_read(&l->order, count, words));
  return launch_directory(l);
}

// Reached through the agent, from another host's launch: tokens on standard input.
static status launch_sweep(void) {
  job_token tokens[TOKENS_KEPT];
  int count = 0;
  while (count < TOKENS_KEPT && scanf("%32s", tokens[count].hex) == 1) count += job_token_good(&tokens[count]);
  processes_end(tokens, count);
  return OK;
}

// Other hosts keep a job's room until they are asked.
static void launch_leave(launch *l) {
  for (int i = 0; i < launch_tokens(l); i++) rooms_remove(&l->tokens[i]);
  if (!launch_is_here(l)) hosts_sweep(&l->order.on, l->order.agent, l->tokens, launch_tokens(l), SWEEP_SECONDS);
  file_remove(l->pulse.text);
  file_remove(l->result.text);
}

status launch_main(int count, char **words, launch_understand *understand) {
  if (count > 2 && strcmp(words[2], "--reach") == 0) launcher_agent(count - 3, words + 3);
  if (count > 2 && strcmp(words[2], "--sweep") == 0) return launch_sweep();

  launch l = {.order = order_default(understand), .lock = -1, .watched = launch_watched()};
  sigprocmask(SIG_BLOCK, &l.watched, NULL);  // first of all: a batch script may hand a signal on at once
  l.blind = getenv("PMIX_RANK") || getenv("PMI_RANK");
  l.terminal = isatty(STDERR_FILENO);

  status s = launch_prepare(&l, count, words);
  if (s != OK) {
    launch_say("%s", status_message());
    return s;
  }

  s = launch_jobs(&l);
  launch_leave(&l);
  return s;
}

// The command line that starts the ranks: mpirun of Open MPI, Hydra's (MPICH), or srun, each with the flags under which a
// job was measured to survive the most.

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"

#define WORDS_MAX 256
#define AGENT_VARIABLE "DREAMFARM_AGENT"

status launcher_find(launcher *l, const char *program) {
  char command[PATH_MAX_LENGTH + 32], said[4096] = "";
  snprintf(command, sizeof command, "'%s' --version 2>&1", program);
  FILE *f = popen(command, "r");
  size_t got = f ? fread(said, 1, sizeof said - 1, f) : 0;
  said[got] = 0;
  int how = f ? pclose(f) : -1;
  l->program = program;
  if (strstr(said, "Open MPI") || strstr(said, "OpenRTE")) return l->kind = LAUNCHER_OPEN_MPI, OK;
  if (strstr(said, "HYDRA") || strstr(said, "Hydra")) return l->kind = LAUNCHER_HYDRA, OK;
  if (strncmp(said, "slurm", 5) == 0) return l->kind = LAUNCHER_SLURM, OK;
  FAIL(NO_IO, "'%s --version' %s; wanted mpirun of Open MPI or MPICH, or srun: see --launcher, PATH or 'module avail'", program,
       WIFEXITED(how) && WEXITSTATUS(how) == 127 ? "cannot be started" : "is none that is known");
}

// --- words --------------------------------------------------------------------------------------------------------------------

int words_split(char **words, int max, char *text) {
  int count = 0;
  for (char *save = NULL, *word = strtok_r(text, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save)) {
    CHECK(count < max, "more than %d words in what the launcher or the agent was given", max);
    words[count++] = word;
  }
  return count;
}

typedef struct word_list { char **words; int count; } word_list;  // lives as long as the process that becomes them

static void add(word_list *l, const char *word) {
  CHECK(l->count < WORDS_MAX - 1, "more than %d words", WORDS_MAX);
  l->words[l->count++] = strcpy(mem_take(strlen(word) + 1, 1), word);
}

static void add_all(word_list *l, const char *const *words) {
  for (; *words; words++) add(l, *words);
}

static void add_pair(word_list *l, const char *flag, const char *value) {
  add(l, flag);
  add(l, value);
}

static void add_mca(word_list *l, const char *key, const char *value) {
  add(l, "--mca");
  add_pair(l, key, value);
}

static void add_split(word_list *l, const char *text) {
  char *copy = strcpy(mem_take(strlen(text) + 1, 1), text);
  l->count += words_split(l->words + l->count, WORDS_MAX - 1 - l->count, copy);
}

static void add_ranks(word_list *l, int ranks) {
  char number[16];
  snprintf(number, sizeof number, "%d", ranks);
  if (ranks) add_pair(l, "-n", number);
}

// host:slots,host:slots
static void add_hosts(word_list *l, const char *flag, const hosts *h, bool with_slots) {
  text_buffer t = {0};
  for (int i = 0; i < h->count; i++) {
    if (!h->list[i].answers) continue;
    text_add(&t, "%s%s", t.size ? "," : "", h->list[i].name);
    if (with_slots) text_add(&t, ":%d", h->list[i].slots);
  }
  if (t.size) add_pair(l, flag, t.bytes);
  text_free(&t);
}

// --- each launcher --------------------------------------------------------------------------------------------------------------

// --enable-recovery: survivors of a lost rank or host go on. yield: there may be more ranks than cores. bind-to none:
// containers all see the same cores. single copy off: containers forbid it. keepalive: an outage of two minutes is
// survived, and a host cut off for longer ends its ranks by itself. The agent: see launcher_agent.
static void open_mpi(word_list *l, const ranks_order *o) {
  static const char *const always[] = {"--enable-recovery", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
                                       "--mca", "btl_vader_single_copy_mechanism", "none", "--mca", "oob_tcp_keepalive_time", "30",
                                       "--mca", "oob_tcp_keepalive_intvl", "10", "--mca", "oob_tcp_keepalive_probes", "9",
                                       "-x", JOB_VARIABLE, "-x", DIRECTORY_VARIABLE, "-x", "OPENBLAS_NUM_THREADS", NULL};
  add_all(l, always);
  add_mca(l, "dreamfarm_job", o->job.hex);  // Open MPI hands it to its daemons: they carry the token too
  if (getenv("SLURM_JOB_ID")) {
    add_mca(l, "plm_slurm_args", "--no-kill --kill-on-bad-exit=0");
  } else {
    add_mca(l, "plm_rsh_agent", o->words[0]);
    add_mca(l, "plm_rsh_args", "launch --reach");
    add_mca(l, "plm_rsh_no_tree_spawn", "1");
  }
  add_ranks(l, o->ranks);
  add_hosts(l, "--host", o->on, true);
}

static void hydra(word_list *l, const ranks_order *o) {
  add(l, "-disable-auto-cleanup");
  if (o->on->count && !strchr(o->agent, ' ')) add_pair(l, "-launcher-exec", o->agent);  // Hydra takes one word
  add_ranks(l, o->ranks);
  add_hosts(l, "-hosts", o->on, true);
}

static void slurm(word_list *l, const ranks_order *o) {
  static const char *const always[] = {"--mpi=pmix", "--no-kill", "--kill-on-bad-exit=0", "--overcommit", NULL};
  add_all(l, always);
  add_ranks(l, o->ranks);
  add_hosts(l, "--nodelist", o->on, false);
}

char **launcher_words(const ranks_order *o) {
  word_list l = {.words = mem_take(WORDS_MAX, sizeof *l.words)};
  add(&l, o->with->program);
  if (o->with->kind == LAUNCHER_OPEN_MPI) open_mpi(&l, o);
  if (o->with->kind == LAUNCHER_HYDRA) hydra(&l, o);
  if (o->with->kind == LAUNCHER_SLURM) slurm(&l, o);
  add_split(&l, o->extra);
  for (char *const *word = o->words; *word; word++) add(&l, *word);
  return l.words;
}

void launcher_environment(const ranks_order *o, const char *directory) {
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  setenv("OPENBLAS_NUM_THREADS", "1", 1);
  setenv(JOB_VARIABLE, o->job.hex, 1);
  setenv(DIRECTORY_VARIABLE, directory, 1);
  setenv(AGENT_VARIABLE, o->agent, 1);
}

// Open MPI takes the end of its remote shell for a failed start and ends the whole job; so its hand always ends well.
// HOST and the command come as words of this process.
_Noreturn void launcher_agent(int count, char **words) {
  const char *agent = getenv(AGENT_VARIABLE);
  word_list l = {.words = mem_take(WORDS_MAX, sizeof *l.words)};
  add_split(&l, agent ? agent : "ssh");
  for (int i = 0; i < count; i++) add(&l, words[i]);
  pid_t child = fork();
  if (child == 0) {
    execvp(l.words[0], l.words);
    fprintf(stderr, "launch: '%s' cannot be started\n", l.words[0]);
    _exit(127);
  }
  waitpid(child, NULL, 0);
  _exit(0);
}

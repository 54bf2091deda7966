// The command line that starts the ranks: mpirun of Open MPI, Hydra's (MPICH), or srun, each with the flags under which
// a job was measured to survive the most.

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

#define AGENT_VARIABLE "DREAMFARM_AGENT"

status launcher_find(launcher *l, const char *program) {
  char version[] = "--version", *words[] = {(char *)(uintptr_t)program, version, NULL};
  text_buffer said = {0};
  int code = 0;
  status s = program_read(&said, &code, words);
  const char *text = said.bytes ? said.bytes : "";
  bool open_mpi = strstr(text, "Open MPI") || strstr(text, "OpenRTE");
  bool hydra = strstr(text, "HYDRA") || strstr(text, "Hydra");
  bool slurm = strncmp(text, "slurm", 5) == 0;
  text_free(&said);

  l->program = program;
  l->kind = open_mpi ? LAUNCHER_OPEN_MPI : hydra ? LAUNCHER_HYDRA : LAUNCHER_SLURM;
  if (s == OK && (open_mpi || hydra || slurm)) return OK;
  if (s != OK) FAIL(NO_IO, "%s; see --launcher, PATH or 'module avail'", status_message());
  FAIL(NO_IO, "'%s --version' is none that is known; wanted mpirun of Open MPI or MPICH, or srun: see --launcher",
       program);
}

// --- words ---------------------------------------------------------------------------------------------------------

static void launcher_add_all(word_list *l, const char *const *words) {
  for (; *words; words++) words_add(l, *words);
}

static void launcher_add_pair(word_list *l, const char *flag, const char *value) {
  words_add(l, flag);
  words_add(l, value);
}

static void launcher_add_mca(word_list *l, const char *key, const char *value) {
  words_add(l, "--mca");
  launcher_add_pair(l, key, value);
}

// Unless the user says otherwise, by --mpirun or in the environment.
static void launcher_suggest_mca(word_list *l, const ranks_order *o, const char *key, const char *value) {
  char variable[128];
  snprintf(variable, sizeof variable, "OMPI_MCA_%s", key);
  bool said = getenv(variable) != NULL;
  for (int i = 0; i < o->extra->count; i++) said |= strcmp(o->extra->words[i], key) == 0;
  if (!said) launcher_add_mca(l, key, value);
}

static void launcher_add_ranks(word_list *l, int ranks) {
  char number[16];
  snprintf(number, sizeof number, "%d", ranks);
  if (ranks) launcher_add_pair(l, "-n", number);
}

// host:slots,host:slots
static void launcher_add_hosts(word_list *l, const char *flag, const hosts *h, bool with_slots) {
  text_buffer t = {0};
  for (int i = 0; i < h->count; i++) {
    if (!h->list[i].answers) continue;
    text_add(&t, "%s%s", t.size ? "," : "", h->list[i].name);
    if (with_slots) text_add(&t, ":%d", h->list[i].slots);
  }
  if (t.size) launcher_add_pair(l, flag, t.bytes);
  text_free(&t);
}

// --- each launcher -------------------------------------------------------------------------------------------------

// Its hand to other hosts is this program, by a path without blanks and colons, at which Open MPI splits. The daemons
// on other hosts want to find an agent, too, though they use none: the first of the list that is there.
static void open_mpi_reach(word_list *l, const ranks_order *o) {
  text_buffer agent = {0};
  text_add(&agent, "%s%s:ssh:rsh:env", *o->room ? o->room : o->words[0], *o->room ? "/reach" : "");
  launcher_add_mca(l, "plm_rsh_agent", agent.bytes);
  launcher_add_mca(l, "plm_rsh_args", "launch --reach");
  launcher_add_mca(l, "plm_rsh_no_tree_spawn", "1");
  text_free(&agent);
}

// Where all ranks are on one host nothing has to be heard from outside: no rank listens. mpirun itself always does.
static void open_mpi_here(word_list *l, const ranks_order *o) {
  if (access("/dev/shm", W_OK | X_OK) == 0) launcher_suggest_mca(l, o, "btl", "self,vader");
  launcher_suggest_mca(l, o, "oob_tcp_if_include", "127.0.0.0/8");
}

// --enable-recovery: survivors of a lost rank or host go on. yield: there may be more ranks than cores. bind-to none:
// containers all see the same cores. single copy off: containers forbid it. keepalive: an outage of two minutes is
// survived, and a host cut off for longer ends its ranks by itself. The agent: see launcher_agent.
static void open_mpi(word_list *l, const ranks_order *o) {
  static const char *const always[] = {
      "--enable-recovery", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
      "--mca", "btl_vader_single_copy_mechanism", "none", "--mca", "oob_tcp_keepalive_time", "30",
      "--mca", "oob_tcp_keepalive_intvl", "10", "--mca", "oob_tcp_keepalive_probes", "9",
      "-x", JOB_VARIABLE, "-x", DIRECTORY_VARIABLE, "-x", "OPENBLAS_NUM_THREADS", NULL};
  launcher_add_all(l, always);
  if (o->terminal) launcher_add_pair(l, "-x", TERMINAL_VARIABLE);
  launcher_add_mca(l, "dreamfarm_job", o->job.hex);  // Open MPI hands it to its daemons: they carry the token too

  if (o->slurm) launcher_add_mca(l, "plm_slurm_args", "--no-kill --kill-on-bad-exit=0");
  else open_mpi_reach(l, o);
  if (!o->slurm && getenv("SLURM_JOB_ID")) {
    launcher_suggest_mca(l, o, "ras", "^slurm");
    launcher_suggest_mca(l, o, "plm", "^slurm");
  }
  if (o->here) open_mpi_here(l, o);

  launcher_add_ranks(l, o->ranks);
  launcher_add_hosts(l, "--host", o->on, true);
}

static void hydra(word_list *l, const ranks_order *o) {
  words_add(l, "-disable-auto-cleanup");
  if (o->on->count && !strchr(o->agent, ' ')) launcher_add_pair(l, "-launcher-exec", o->agent);  // Hydra takes one word
  launcher_add_ranks(l, o->ranks);
  launcher_add_hosts(l, "-hosts", o->on, true);
}

static void slurm(word_list *l, const ranks_order *o) {
  static const char *const always[] = {"--mpi=pmix", "--no-kill", "--kill-on-bad-exit=0", "--overcommit", NULL};
  launcher_add_all(l, always);
  launcher_add_ranks(l, o->ranks);
  launcher_add_hosts(l, "--nodelist", o->on, false);
}

word_list launcher_words(const ranks_order *o) {
  word_list l = {0};
  words_add(&l, o->with->program);
  if (o->with->kind == LAUNCHER_OPEN_MPI) open_mpi(&l, o);
  if (o->with->kind == LAUNCHER_HYDRA) hydra(&l, o);
  if (o->with->kind == LAUNCHER_SLURM) slurm(&l, o);
  for (int i = 0; i < o->extra->count; i++) words_add(&l, o->extra->words[i]);
  for (char *const *word = o->words; *word; word++) words_add(&l, *word);
  return l;
}

static void launcher_set(word_list *l, const char *name, const char *value) {
  text_buffer pair = {0};
  text_add(&pair, "%s=%s", name, value);
  words_add(l, pair.bytes);
  text_free(&pair);
}

word_list launcher_environment(const ranks_order *o) {
  word_list l = {0};
  launcher_set(&l, "OMPI_ALLOW_RUN_AS_ROOT", "1");
  launcher_set(&l, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
  launcher_set(&l, "OPENBLAS_NUM_THREADS", "1");
  launcher_set(&l, JOB_VARIABLE, o->job.hex);
  launcher_set(&l, DIRECTORY_VARIABLE, o->directory);
  launcher_set(&l, AGENT_VARIABLE, o->agent);
  if (o->terminal) launcher_set(&l, TERMINAL_VARIABLE, "1");
  if (*o->room && !getenv("OMPI_MCA_orte_tmpdir_base")) launcher_set(&l, "OMPI_MCA_orte_tmpdir_base", o->room);
  return l;
}

// Open MPI takes the end of its remote shell for a failed start and ends the whole job; so its hand always ends well.
// HOST and the command come as words of this process.
_Noreturn void launcher_agent(int count, char **words) {
  const char *agent = getenv(AGENT_VARIABLE);
  word_list l = {0};
  int code;
  status s = words_split(&l, agent ? agent : "ssh", "--agent");
  for (int i = 0; i < count; i++) words_add(&l, words[i]);
  program_order p = {.words = l.words, .in = STDIN_FILENO, .out = STDOUT_FILENO, .err = STDERR_FILENO};
  if (s == OK && l.count > count) s = program_run(&code, &p);
  if (s != OK) fprintf(stderr, "launch: %s\n", status_message());
  _exit(0);
}

// What the files of `dreamfarm launch` share: the job's pulse, the processes of a job, the hosts, the command line that
// starts the ranks. None of them has started MPI.
#ifndef LAUNCH_PARTS_H
#define LAUNCH_PARTS_H

#include "launch.h"
#include "run.h"

// --- words and numbers ---------------------------------------------------------------------------------------------
typedef struct word_list {
  char **words;  // (count) and a NULL; owned. NULL while there are none
  int count, room;
} word_list;
void words_add(word_list *l, const char *word);  // a copy
// Adds the words of `text`, split at blanks as a shell does: 'a b', "a b" and a\ b are one word each. USAGE where a
// quote is never closed; `option` is named then.
status words_split(word_list *l, const char *text, const char *option);
void words_free(word_list *l);
// Decimal digits alone, and within the limits; otherwise false, and *out stays as it is.
bool number_whole(int *out, const char *text, int least, int most);
bool number_seconds(double *out, const char *text, double most);  // above 0

// --- the rooms of a job: directories whose names carry its token, for what Open MPI puts into /tmp and /dev/shm ----
// On the host of launch: makes the one for temporary files, below TMPDIR or /tmp; `apart`: other hosts have ranks too,
// so it is below /tmp. False: it cannot be made, and the job does without.
bool room_make(file_path *room, const job_token *t, bool apart);
void rooms_remove(const job_token *t);  // all that a job has on this host

// --- processes, by token -------------------------------------------------------------------------------------------
// Ends (SIGKILL) every process of this host that carries one of the tokens, but this one and those it descends from,
// and removes the rooms and the shared memory that they leave. Returns how many processes there were.
int processes_end(const job_token *tokens, int count);

// The ranks of a job that run on this host, by number; found where pid is not 0.
typedef struct rank_process {
  int64_t pid;
  uint64_t started;
} rank_process;
// Adds those not found before; returns how many are found.
int processes_ranks(rank_process *all, int ranks, const job_token *t);

// --- hosts ---------------------------------------------------------------------------------------------------------
typedef struct host {
  char name[256];
  int slots;
  bool here;    // this machine
  bool answers;
} host;
typedef struct hosts {
  host *list;   // (count) owned
  int count;    // 0: this machine alone, or whatever the launcher finds
  int room;
} hosts;
// `name`, `name slots=N`, `name slots=N max_slots=M` or `name:N` on a line; # comments. BAD_FILE with file and line.
status hosts_read(hosts *h, const char *path);
// SLURM_JOB_NODELIST, by scontrol. NO_IO: there is no scontrol.
status hosts_of_slurm(hosts *h, const char *node_list);
void hosts_free(hosts *h);
int hosts_slots(const hosts *h);
bool hosts_all_here(const hosts *h);
// Asks every other host, at the same time, through `agent HOST`, to end what carries one of the tokens; one that does
// not do so within `seconds` gets answers = false.
void hosts_sweep(hosts *h, const char *agent, const job_token *tokens, int count, double seconds);

// --- the command line that starts the ranks ------------------------------------------------------------------------
typedef struct launcher {
  const char *program;            // mpirun, srun, mpiexec.hydra, ...
  enum { LAUNCHER_OPEN_MPI, LAUNCHER_HYDRA, LAUNCHER_SLURM } kind;
} launcher;
status launcher_find(launcher *l, const char *program);  // by what its --version says; NO_IO: cannot be started
typedef struct ranks_order {
  const launcher *with;
  int ranks;                      // 0: the launcher's own default
  const hosts *on;                // those that answer
  bool here;                      // all ranks are on this host
  bool slurm;                     // an allocation of SLURM's is what they are on
  bool terminal;                  // what they say ends on a terminal
  const char *agent;              // as the user gave it
  const word_list *extra;         // the user's words for the launcher
  const char *directory;          // run.directory, as a full path
  const char *room;               // of this job; "": none
  job_token job;
  char *const *words;             // the program, its verb, ... NULL
} ranks_order;
// For program_start: what to start, and NAME=value for its environment. Both are the caller's to free.
word_list launcher_words(const ranks_order *o);
word_list launcher_environment(const ranks_order *o);
// `dreamfarm launch --reach`: mpirun's hand to other hosts. Does not return.
_Noreturn void launcher_agent(int count, char **words);

// --- what is asked for ---------------------------------------------------------------------------------------------
typedef struct launch_order {
  const char *hostfile, *agent, *program;  // borrowed
  word_list extra;               // words for the launcher
  int ranks, retries;
  double stall;                  // seconds of silence after which rank 0 is taken to hang
  launch_understand *understand;
  file_path asked_for;           // run.directory, as it was given
  char **words;                  // the ranks' command: this program, verb, ...
  launcher with;
  hosts on;
  bool alone;                    // SLURM's allocation cannot be told: this host only
} launch_order;
launch_order order_default(launch_understand *understand);
status order_read(launch_order *o, int count, char **words);

// A line of launch's own on stderr, over rank 0's progress.
void launch_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

// What the files of `dreamfarm launch` share: the job's pulse, the processes of a job, the hosts, the command line that
// starts the ranks. None of them has started MPI.
#ifndef LAUNCH_H
#define LAUNCH_H

#include "app.h"

// --- a job's token: one start of the ranks ------------------------------------------------------------------------------------
// Random, so that what carries it in its environment or on its command line can only belong to that start.
typedef struct job_token { char hex[33]; } job_token;
job_token job_token_new(void);
char *path_own(void);  // of this program; static

// --- processes, by token ---------------------------------------------------------------------------------------------------------
// Ends (SIGKILL) every process of this host that carries one of the tokens, but this one and those it descends from, and
// removes the shared memory they leave behind. Returns how many there were.
int processes_end(const job_token *tokens, int count);
// When the process started, in clock ticks since the machine did; 0: it is gone (a zombie is). With its pid it is an identity.
uint64_t process_started(int64_t pid);

// --- the pulse of rank 0, read ------------------------------------------------------------------------------------------------------
typedef struct pulse {
  job_token job;
  char host[256];
  int64_t pid;         // of rank 0
  uint64_t started;    // process_started there
  int64_t beats;
  double patience;     // seconds that rank 0 may be silent now
} pulse;
#define PULSE_FILE "heartbeat"
#define RESULT_FILE "result"
bool pulse_read(pulse *p, const char *path);  // false: missing, or being written
status pulse_write(const pulse *p, const char *path);
bool result_read(const char *path, job_token job, int *code);

// --- hosts ---------------------------------------------------------------------------------------------------------------------------
typedef struct host {
  char name[256];
  int slots;
  bool here;    // this machine
  bool answers;
} host;
typedef struct hosts {
  host *list;   // (count) owned
  int count;    // 0: this machine alone, or whatever the launcher finds
} hosts;
status hosts_read(hosts *h, const char *path);           // `name slots=N` or `name:N` a line, # comments
status hosts_of_slurm(hosts *h, const char *node_list);  // SLURM_JOB_NODELIST
int hosts_slots(const hosts *h);
// Asks every other host, at the same time, through `agent HOST`, to end what carries one of the tokens; one that does not
// do so within `seconds` gets answers = false.
void hosts_sweep(hosts *h, const char *agent, const job_token *tokens, int count, double seconds);

// --- the command line that starts the ranks --------------------------------------------------------------------------------------------
typedef struct launcher {
  const char *program;            // mpirun, srun, mpiexec.hydra, ...
  enum { LAUNCHER_OPEN_MPI, LAUNCHER_HYDRA, LAUNCHER_SLURM } kind;
} launcher;
status launcher_find(launcher *l, const char *program);  // by what its --version says; NO_IO: cannot be started
typedef struct ranks_order {
  const launcher *with;
  int ranks;                      // 0: the launcher's own default
  const hosts *on;                // those that answer
  const char *agent, *extra;      // extra: the user's words for the launcher, or ""
  job_token job;
  char **words;                   // the program, its verb, ... NULL
} ranks_order;
int words_split(char **words, int max, char *text);  // at blanks, in place; returns their number
char **launcher_words(const ranks_order *o);  // for execvp, in the process that becomes them
void launcher_environment(const ranks_order *o, const char *directory);
// `dreamfarm launch --agent`: mpirun's hand to other hosts. Does not return.
_Noreturn void launcher_agent(int count, char **words);

#endif

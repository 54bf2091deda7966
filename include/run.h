// A run on disk: its directory, the stages that made it, the pulse of the job at work in it, and its tables read back.
// One name for every file. Looks at base, data, config.
#ifndef RUN_H
#define RUN_H

#include "base.h"
#include "config.h"
#include "data.h"

// --- the directory -------------------------------------------------------------------------------------------------
typedef struct run_home {
  const settings *s;   // borrowed; s->run.directory is where it is
  const char *whole;   // borrowed; the directory of the run that this is a round of; NULL: it is a run of its own
  int round;           // from 1
  const struct run_home *before;  // borrowed: of the round before, from whose results this one begins; NULL: of none
  bool pixels;         // the environment shows pictures: the run has a V
  hash environment;    // of what the environment is made of, beside what the settings say of it; empty: of nothing
  bool fresh;          // what is made is made from its beginning: --fresh
  bool replaces;       // what was made with other settings is made anew, instead of refused: --fresh, now or before
  const char *out;     // borrowed; where a judgement and a report are written; NULL: into the directory
} run_home;

#define RUN_EPISODES "episodes"                       // folders
#define RUN_SOURCES "sources.json"                    // in the episodes' folder: whose they were
#define RUN_LATENTS "latents"
#define RUN_STAGES "stages"
#define RUN_REPORT "report"
#define RUN_CONFIG "config.yaml"
#define RUN_VAE "vae.safetensors"
#define RUN_VAE_CHECKPOINT "vae.checkpoint.safetensors"
#define RUN_VAE_ROWS "train_vae.csv"
#define RUN_RNN "rnn.safetensors"
#define RUN_RNN_CHECKPOINT "rnn.checkpoint.safetensors"
#define RUN_RNN_ROWS "train_rnn.csv"
#define RUN_RNN_MEMBERS "rnn.members"
#define RUN_CONTROLLER "controller.safetensors"
#define RUN_CONTROLLER_BEFORE "controller.previous.safetensors"
#define RUN_ROWS "run.csv"
#define RUN_ROUNDS "rounds.csv"
#define RUN_ROUNDS_STRIP "report/rounds-dream-and-real.png"
#define RUN_EVENTS "run.jsonl"
#define RUN_STATE "state.json"
#define RUN_JOURNAL "journal"
#define RUN_CONTROL "control.yaml"
#define RUN_CONTROL_DONE "control.done.yaml"
#define RUN_PROGRESS "progress.json"
#define RUN_FIDELITY "fidelity.json"
#define RUN_JUDGEMENT "evaluate.json"
#define RUN_PULSE "heartbeat"
#define RUN_RESULT "result"
#define RUN_FRESH "fresh"
#define RUN_LOCK "lock"
#define RUN_LAUNCH_LOCK "launch.lock"

file_path run_path(const run_home *r, const char *name);  // of that file in the directory
file_path run_whole(const run_home *r, const char *name);  // in the directory of the whole run, whatever the round
file_path run_out(const run_home *r, const char *name);   // of what a judgement or a report writes
// Held until the process ends: two at once would write over each other. Waits a little. BROKEN: another works there.
status run_lock(const run_home *r);
bool run_locked(const run_home *r);  // by another process
void run_sweep(const run_home *r);   // removes what a killed process left half-written; only under the lock

// A lock that the kernel lets go of when the process ends, however it ends, on the file at `path`, which is made where
// it is missing and is always ours; *fd stays open as long as the lock is to be held, by this process alone: none that
// it starts inherits it. While another holds the lock, waits `patience` seconds. `format`: who would hold it and where,
// as a whole clause ("another dreamfarm works in runs/x"); both what is said while waiting and the refusal begin with
// it. Errors: BROKEN, another holds it; NO_IO, the file cannot be opened. Where the file system has no locks (ENOLCK,
// ENOTSUP, ENOSYS, ...) a warning tells the reason, *fd is -1, and the status is OK.
status lock_take(int *fd, const char *path, double patience, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

// --- stages: what is complete is skipped, what was begun goes on, what was made with other settings is not touched -
typedef enum stage {
  STAGE_COLLECT, STAGE_VAE, STAGE_ENCODE, STAGE_RNN, STAGE_EVOLVE, STAGE_FIDELITY, STAGE_EVALUATE, STAGES
} stage;
typedef enum stage_standing {
  STAGE_NEW,       // nothing is there
  STAGE_BEGUN,     // with these settings, and goes on
  STAGE_OTHER,     // made with other settings: --fresh makes it anew
  STAGE_DAMAGED,   // complete once; a file is missing or changed, and is made again
  STAGE_COMPLETE
} stage_standing;
const char *stage_name(stage s);
// V's is left out where the observation is the latent, fidelity's where no episode is to be compared, and all but the
// search and its judgement where nothing is learnt.
bool stage_is_of(const run_home *r, stage s);
hash stage_identity(const run_home *r, stage s);   // of everything that decides its result
// Before anything is written: how stages first .. last stand, into standing[stage]. MISMATCH names every knob that is
// another than a stage was made with, both values, and files that are not ours; BAD_FILE what cannot be made again.
// Where the home replaces, these are STAGE_OTHER instead, but files that are not ours stay refused.
status stages_look(const run_home *r, stage first, stage last, stage_standing *standing);
status stage_begin(const run_home *r, stage s);    // all is ready; from here on its files are made with these settings
status stage_done(const run_home *r, stage s);     // remembers that it is complete, and what it left
status stage_forget(const run_home *r, stage s);   // its mark: where it has files, it is STAGE_OTHER
// A running stage is asked to go another way than its settings say: durable on return. It holds until these change.
status stage_length_ask(const run_home *r, stage s, int length);
int stage_length_asked(const run_home *r, stage s);  // 0: nothing was asked
status stages_stand(const run_home *r);            // at a run's end: all that was made is still there

// --fresh outlives the process that it was said to, for these settings, until that verb is through.
status fresh_keep(const run_home *r);
bool fresh_kept(const run_home *r);
status fresh_forget(const run_home *r);

// --- the pulse: rank 0 writes it wherever its loops look up, `launch` reads it -------------------------------------
// Random, so that what carries it in its environment, on its command line or in its name can only belong to that start.
typedef struct job_token { char hex[33]; } job_token;
job_token job_token_new(void);
bool job_token_good(const job_token *t);  // 32 hex digits

typedef struct pulse {
  job_token job;
  char host[256];
  int64_t pid;         // of rank 0
  uint64_t started;    // process_started there
  int64_t beats;
  double patience;     // seconds that rank 0 may be silent now
} pulse;
#define RUN_DIRECTORY_MAX (PATH_MAX_LENGTH - 128)  // bytes of its full path: files below it have names, too
bool pulse_read(pulse *p, const char *path);       // false: missing, or being written
status pulse_write(const pulse *p, const char *path);
bool result_read(const char *path, job_token job, int *code);

#define JOB_VARIABLE "DREAMFARM_JOB"              // in the ranks' environment: the job's token
#define DIRECTORY_VARIABLE "DREAMFARM_DIRECTORY"  // where the pulse and the result are written
#define HEARTBEAT_START_SECONDS 120               // from the start to the first loop
#define HEARTBEAT_LOAD_SECONDS 60                 // to load a dataset or a world, or to draw the report
#define HEARTBEAT_LEASE_SECONDS 150               // to wait for the answer of a rank that may be lost
// The token of the job that this process is a rank of; NULL: of none.
const char *heartbeat_job(void);
void heartbeat_open(void);                 // before MPI; without a job all of these do nothing
void heartbeat_beat(void);                 // wherever a loop of rank 0 looks up; within a second of the last it is free
void heartbeat_silence(double seconds);    // what follows may take so long before the next beat
void heartbeat_result(status s);           // rank 0, or one that ends the job, leaves with this code

// --- being asked to stop: long loops look at a flag between pieces of work -----------------------------------------
// SIGINT, SIGTERM, SIGUSR1, SIGHUP, SIGXCPU ask to stop at the next good moment; a second SIGINT ends at once, but for
// a worker. What was ignored at the start stays ignored.
void signals_hold(void);          // what comes from here on waits for signals_catch, also across an exec
void signals_catch(void);
void signals_serve(void);         // this rank is a worker: rank 0 ends the job
bool signals_asked(void);
void signals_stop(void);          // asks as the first SIGINT does
bool signals_by_scheduler(void);  // another than SIGINT came first: whoever sent it will start the job again

// --- a request: control.yaml in the directory, taken once ---------------------------------------------------------
// A file as it was; inode 0: there was none.
typedef struct request_file {
  uint64_t device, inode;
  int64_t size, seconds, nanoseconds;  // the last two of its change
} request_file;
typedef struct request_watch {
  request_file seen;      // at the last look
  double since, looked;   // it looks like that since then; the last look
} request_watch;          // zero at first
#define REQUEST_SETTLED_SECONDS 0.3  // so long a file must have stayed as it is, lest half of it be read
typedef enum request_news { REQUEST_NONE, REQUEST_TAKEN, REQUEST_REFUSED } request_news;
// Rank 0, as often as it likes. TAKEN: *c is what is asked, where `made` generations stand. REFUSED: status_message
// says why, and nothing is asked. Either way the file is control.done.yaml.
request_news request_look(request_watch *w, const run_home *r, int made, control *c);

// --- a stage at work, on rank 0 -----------------------------------------------------------------------------------
// How far it is goes to the terminal and, at most every two seconds and at its end, into progress.json.
typedef struct stage_work {
  const run_home *home;    // borrowed; NULL: not the run's own work, nobody is asked or told
  stage which;
  progress line;           // on the terminal; its total may change
  request_watch requests;
  double began, first;     // seconds; what was done at the first look
  double done, written;    // when progress.json was; INFINITY: it cannot be
  char note[160];
} stage_work;
stage_work work_open(const run_home *r, stage s, const char *label, const char *unit, double total);
void work_show(stage_work *w, double done, const char *note);   // note may be NULL
void work_close(stage_work *w, double done, const char *note);  // it is complete
// Wherever a loop looks up: beats, and takes a control.yaml of any stage but evolve, which has its own. False: it is
// asked to stop, by that or by a signal.
bool work_going(stage_work *w);

// --- tables read back ----------------------------------------------------------------------------------------------
// A CSV file with a head, as numbers. A last line without an end is still being written, and left out.
typedef struct table {
  int rows, columns;
  char (*names)[40];  // (columns), owned
  double *cells;      // (rows, columns), owned; NaN: nothing, or no number
} table;
status table_read(table *t, const char *path);  // NO_IO; a row that is too short ends with NaNs
void table_free(table *t);
int table_column(const table *t, const char *name);         // -1: none
double table_cell(const table *t, int row, int column);     // NaN where there is no such column

// The columns of run.csv, in its order; those from `sent` on stand in run.jsonl alone.
typedef enum row_column {
  ROW_GENERATION, ROW_BEST, ROW_MEDIAN, ROW_MEAN, ROW_HELD_OUT, ROW_REAL, ROW_RATIO, ROW_REAL_STEPS, ROW_SIGMA,
  ROW_CONDITION, ROW_EPISODES, ROW_STEPS, ROW_BROKEN, ROW_DESCENT, ROW_POPSIZE, ROW_DREAMS, ROW_NOISE,
  // Times, which no two runs have in common, are the last.
  ROW_SECONDS, ROW_BUSY, ROW_DREAM, ROW_CONTROLLER, ROW_MASTER, ROW_WAIT, ROW_SENT, ROW_REPEATED,
  ROW_COLUMNS,
  ROW_TIMES = ROW_SECONDS
} row_column;
typedef struct run_row { double of[ROW_COLUMNS]; } run_row;  // NaN: nothing
const char *row_name(row_column c);                // "generation"; static
void row_head(text_buffer *t);
void row_csv(const run_row *r, text_buffer *t);        // a line
void row_json(const run_row *r, text_buffer *t);       // a line
size_t row_results_size(const char *line);         // bytes of a line, or of the head, before its times
run_row row_read(const table *t, int number);          // NaN where there is no such column

// A judgement: each policy's mean and standard error.
#define SCORES_MAX 32
typedef struct score {
  char name[48];
  double mean, se, episodes;
} score;
typedef struct scores {
  int count, generation;  // of the controller that was judged
  score of[SCORES_MAX];
} scores;
status scores_read(scores *s, const char *path);  // a file that is not there has none; NO_IO, BAD_FILE

#endif

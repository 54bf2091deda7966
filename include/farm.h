// A fault-tolerant distributed map over fixed-size records, and the collectives that training needs. Looks at base.
// Knows no candidates and no worlds. MPI is seen by src/farm/mpi.c alone; src/farm/alone.c takes its place in a program
// that is built without (make MPI=no): one rank, all the rest alike, to the byte.
#ifndef FARM_H
#define FARM_H

#include "base.h"

typedef struct farm farm;

// Starts MPI, if there is one (also without mpirun: one rank), and the log. Every process opens one farm, first thing.
status farm_open(farm **f, int *argc, char ***argv);
// Collective when nothing was lost; after a loss leaves without MPI_Finalize. `code` becomes the exit code then.
void farm_close(farm *f, int code);
int farm_rank(const farm *f);
int farm_size(const farm *f);
const char *farm_host(const farm *f);  // borrowed
int farm_ranks_most(void);  // so many ranks this program could have: 1 where it was built without MPI

// --- the map --------------------------------------------------------------------------------------------------------
// Tasks form a rectangle: `groups` x `members`; task = group * members + member. A group's record is what its members
// share (a candidate's parameters); it travels once a chunk. Results are placed by task.
typedef enum farm_event_kind { FARM_WORKER_LOST, FARM_WORKER_BACK, FARM_TASK_POISONED } farm_event_kind;
typedef struct farm_event {
  farm_event_kind kind;
  int worker;         // of the first two, its rank
  int task, workers;  // of the last, and how many workers it took
} farm_event;

typedef struct farm_job {
  int groups, members;
  const void *records;     // (groups, record_bytes)   not owned
  size_t record_bytes;     // <= what farm_prepare was given
  size_t result_bytes;
  const void *shared;      // what all tasks need: reaches every worker once, before its first one. NULL: nothing.   not owned
  size_t shared_bytes;     // <= what farm_prepare was given; megabytes pass in pieces, between other messages
  const double *expected;  // (groups) expected cost of a member, any unit; NULL: all equal. Never changes a result

  // What is known already, from a journal say. Such tasks are never sent and count as finished.
  const unsigned char *known;  // (tasks) nonzero: `results` holds the answer; NULL: none is known

  // Who watches, on rank 0. `answered`: once for each task that was not known, as its first answer counts, poison's too.
  void (*answered)(void *watcher, int task, const void *result);    // NULL: nobody
  void (*happened)(void *watcher, const farm_event *event);         // NULL: nobody; otherwise it has the words for poison
  void *watcher;

  // A task that takes its workers down, one after the other, is poison. Before it is called that it has been alone on the
  // last of them, so that it alone can be guilty: the others that a lost worker held are no worse for it. Where workers
  // are lost without it as well, one more is needed.
  const void *poisoned;  // (result_bytes) the result it gets; NULL: the map ends with BROKEN and a sentence that names it
  int tries;             // workers a task may take down, the last one included, 1 to 8; 0: the customary 3
} farm_job;

// Who does the work: a crew steps many tasks at once (lanes). The farm calls it; it never calls the farm.
typedef struct farm_crew {
  void *self;
  // How many more tasks it would like to hold now (lanes free, plus a short queue of its own).
  int (*vacancies)(void *self);
  // Takes one task. The record is valid until every task begun with it has been finished, or given up.
  void (*begin)(void *self, int ticket, const void *record, int member);
  // One slice of work (milliseconds). Writes what was finished: tickets (max), results (max, result_bytes).
  // Returns their number. Called only while it holds tasks.
  int (*work)(void *self, int *tickets, void *results, int max);
  // Drops every task it holds (the master gave the job up).
  void (*drop)(void *self);
  double (*apart)(void *self);  // seconds of its work so far that the report counts apart; NULL: none
  int lanes;  // tasks it steps at once, what it holds beyond them waits; 0: all that it holds

  // For tasks that move on to another worker while they run. give NULL: none do.
  size_t state_bytes;
  // Gives up one task: returns its ticket, or -1 where none can move. *begun: the state (state_bytes) has been written too.
  int (*give)(void *self, void *state, bool *begun);
  // Takes a task that another crew gave up, from its state, which is valid during the call. The result is to be the same.
  void (*begin_from)(void *self, int ticket, const void *record, int member, const void *state);

  // What the job shares: once a job, on rank 0 and on every worker, before the first of its tasks. Valid until the job ends.
  void (*share)(void *self, const void *bytes, size_t size);  // NULL: not wanted
} farm_crew;

typedef struct farm_report {
  double seconds, busy;         // wall time; fraction of rank-seconds spent in crews' work
  int64_t sent, repeated;       // tasks handed out, of which again because they were, or may be, lost
  int64_t moved;                // and of which from one worker to another that had less to do
  int lost, returned;           // workers lost, and back again
  int poisoned;                 // tasks that got the job's `poisoned`
  double master;                // seconds of rank 0's processor for handing out and taking in
  double apart;                 // of busy, what the crews counted apart
} farm_report;

// The largest of what will be mapped.
typedef struct farm_sizes {
  size_t record_bytes, result_bytes;
  size_t state_bytes;  // of a crew; 0: no task moves
  size_t shared_bytes; // by a job
  int tasks;           // of a job
} farm_sizes;
// Sizes the message buffers, on every rank alike; what an earlier call said stays true. Nothing is allocated in a map after it.
void farm_prepare(farm *f, const farm_sizes *most);
// Rank 0: runs the job to its end, its own crew included. results (groups*members, result_bytes). `tick` (may be NULL)
// is called a few times a second with the number of finished tasks, earlier fillings included; when it returns false the job is given up: INTERRUPTED.
// When there were other ranks and all of them are lost, for good as it seems, rank 0 does not carry on alone: RESUME_ME.
// Poison without a result for it: BROKEN. After either, `results` holds what was answered till then.
status farm_map(farm *f, const farm_job *job, const farm_crew *crew, void *results, farm_report *report,
                bool (*tick)(void *self, int64_t finished), void *tick_self);
// Rank 0, inside `answered` or `tick`: groups group .. group+groups-1, all of whose members are answered, become fresh tasks
// with the records that now stand in job->records; `known` is no more looked at for them, and `answered` is called for each of
// their tasks again. Late answers to the filling before are never taken for one to this. A map ends when all is answered and
// nothing was reopened: so several searches can share an allocation, each going on while the others' last episodes run.
void farm_reopen(farm *f, int group, int groups);
// Other ranks: serve maps until rank 0 says farm_dismiss. Returns then.
// After a loss rank 0's dismissal ends the process here, since what follows would wait for the lost.
status farm_serve(farm *f, const farm_crew *crew);
void farm_dismiss(farm *f);
// A rank was lost: no collectives any more (farm_agree returns `mine`). After farm_dismiss: it is so still; if all that were
// lost came back, they go on as if nothing had been.
bool farm_lossy(const farm *f);

// --- the farm in virtual time ---------------------------------------------------------------------------------------
// The same schedule, master and workers, over simulated lines and a simulated clock, all from a seed and in this process
// alone: for tests with faults by the thousand, and for how well an allocation would be used. Zero is a good value of
// whatever is left out.
typedef struct farm_simulation {
  uint64_t seed;
  int workers;              // beside rank 0
  bool master_works;        // rank 0 has a crew too, as real ones below 32 ranks have
  int groups, members;
  const double *length;     // (groups*members) seconds of a core of speed 1 at its best that a task takes
  const double *expected;   // (groups) or NULL
  unsigned char *known;     // (groups*members) or NULL: in, as in farm_job; out: what was answered is added
  int lanes, queue;         // of a worker; 0: one lane, and one task waiting behind it. Lanes share its core
  size_t shared_bytes;      // as in farm_job; in pieces of 64 bytes here
  double knee;              // so many lanes at least are needed to get the best of a core: fewer cost as much; 0: 1
  bool stays;               // a task stays with the worker that began it
  double delay;             // seconds, of a message
  double message_seconds;   // rank 0's time for a message
  // What goes wrong. Of a worker: probabilities, at a time within the first `span` seconds, and of speeds the spread.
  double span, dies, stops, slows, late, spread;
  // Of a message: probabilities to vanish, to arrive twice, and to be under way for up to a hundred times as long.
  double vanishes, doubles, lags;
  double master_dies;       // seconds, 0: never. Then the outcome is RESUME_ME
  const unsigned char *kills;  // (groups*members) or NULL: nonzero where a task takes its worker down
  int tries;                // as in farm_job
  int fillings, block;      // so many times every group is filled, `block` groups at once as they are done; 0: once, one
  int jobs;                 // the same one after the other; the outcome is the last one's. 0: one
} farm_simulation;

typedef struct farm_simulated {
  double seconds;           // till the last answer
  double used;              // work done that counted / what all the workers' cores could have done till then
  farm_report report;
  int64_t messages, steps;
  int in_flight_max;        // messages under way at once
} farm_simulated;

// OK; RESUME_ME: all workers lost, or rank 0; BROKEN: a rule was broken, or there is no end to it: the sentence says what.
status farm_simulate(farm_simulated *out, const farm_simulation *what);

// How many of so many ranks play: all, or from 32 on all but rank 0, which then only hands out.
int farm_workers(int ranks);

// The same in closed form, to within some hundredths: the fraction of `workers` cores that will be at work, when so many
// tasks of such lengths (any unit) are handed out one by one in an order that knows nothing of them, and stay where they began:
// the last ones to end leave everybody else idle. Where running tasks move it is a lower bound.
double farm_use_expected(int64_t tasks, int workers, double mean, double sd, double longest);

// --- collectives: before any loss only ------------------------------------------------------------------------------
void farm_barrier(farm *f);
void farm_share(farm *f, void *bytes, size_t size);  // from rank 0 to all
void farm_gather(farm *f, void *all, const void *mine, size_t size);  // all (ranks, size) on rank 0; elsewhere NULL
// x = sum over ranks in rank order: the same bits on every rank, whatever the timing.
void farm_sum(farm *f, float *x, size_t n);
void farm_sum_double(farm *f, double *x, size_t n);
// OK if every rank brings OK; otherwise the first failing rank's status and sentence, everywhere.
status farm_agree(farm *f, status mine);

#endif

// What the files of this room share: a farm, the messages between its master and its workers, and each side's steps,
// which a loop drives over MPI and the simulator in virtual time.
#ifndef FARM_PARTS_H
#define FARM_PARTS_H

#include "farm.h"
#include "schedule.h"
#include "transport.h"

typedef struct peer {    // what rank 0 knows of a worker's ears
  int32_t heard_job;     // the job it last spoke of
  int32_t told_job;      // the job it was last told of
  double spoken_at;      // when anything was said to it
  double busy;           // its crew's seconds in this job
  int32_t slices, slices_sent;  // of what the job shares: it has; it was sent
  double sliced_at;      // when it had more of them than before
  bool present;          // answered the roll call
} peer;

typedef struct own_task { int32_t task, epoch; bool held; } own_task;

struct farm {
  transport *line;
  post post;
  int rank, size;
  bool silent;           // says nothing of losses (a simulated farm)
  schedule *plan;        // rank 0
  peer *peer;            // (size) rank 0
  bool lossy;            // a worker was lost once: no collectives any more
  double alone_since;    // when the last worker was lost; 0: there are some, or never were
  int32_t job;           // number of the current or last one
  size_t record_max, result_max;
  int32_t *epoch;        // (tasks_max) rank 0: how often a group was opened anew in this job
  int tasks_max;
  own_task *own;         // (OWN_TASKS) rank 0: behind the tickets of its own crew
  int own_next;          // where to look for a free one
  // Scratch, of use within one step only.
  char *message;         // (message_max) being put together
  size_t message_max;
  int *tickets;          // (RESULTS_MAX) what work() gives
  char *results;         // (RESULTS_MAX, result_max)
};

enum {
  RESULTS_MAX = 256,       // in a message
  OWN_TASKS = 8192,        // that rank 0's own crew may hold
  MASTER_ONLY_RANKS = 32,  // from so many ranks on, rank 0 only hands out: its own crew would make the others wait
  ALONE_SECONDS = 20,      // so long rank 0 waits for a lost worker to come back when all are lost
};
#define SLICE_BYTES ((size_t)65536)  // of what a job shares, in a message
#define NEWS_SECONDS 0.5            // between two signs of life
#define MASTER_SILENCE_SECONDS 600  // without a word from rank 0 a worker takes itself for an orphan and ends
#define PING_SECONDS 20             // between two words of rank 0 to a worker, in a job
#define RETELL_SECONDS 2            // after which a worker that still speaks of another job is told again

// --- from rank 0 -------------------------------------------------------------------------------------------------------
typedef enum order { ORDER_START, ORDER_SHARE, ORDER_TASKS, ORDER_END, ORDER_PING, ORDER_DISMISS } order;
typedef struct order_head {  // ORDER_TASKS: the group's record follows
  int32_t order, job;
  int32_t group, member, count, members;
  uint32_t record_bytes, result_bytes;
  int32_t lossy, epoch;      // ORDER_DISMISS; of the group
  uint64_t shared_bytes;     // ORDER_SHARE: of all; slice `member` of `count` follows
} order_head;

// --- to rank 0 ---------------------------------------------------------------------------------------------------------
// Only the state as it is, no counts of messages: a message that is lost, late or doubled leaves no trace in the next.
typedef struct news_head {  // `count` times {int32 task, int32 epoch, result} follow
  int32_t job, count;
  int32_t lanes, capacity;      // tasks the crew steps at once; would hold at most
  int32_t unanswered, slices;   // tasks of the job that are here, after these results; slices of what they share
  double busy;                  // seconds of work in this job so far
} news_head;
static inline size_t news_item_bytes(size_t result_bytes) { return 8 + (result_bytes + 7) / 8 * 8; }

// Sizes of scratch, for a farm whose record_max and result_max are set.
void farm_scratch(farm *f);
void farm_scratch_free(farm *f);

// --- rank 0's side of a job, step by step --------------------------------------------------------------------------------
typedef struct map_run {
  farm *f;
  const farm_job *job;
  const farm_crew *crew;
  char *results;
  bool (*tick)(void *self, int64_t finished);
  void *tick_self;
  double started, stepped, ticked;
  double clock;    // like the time, but what rank 0 itself slept through or worked in one go counts little
  int chore;       // the worker whose turn it is to be looked after
  int own_held;    // tasks in rank 0's own crew
  int32_t slices;  // of what the job shares
  bool own_crew;   // it works too
} map_run;
void map_begin(map_run *r);   // the fields up to tick_self are set
bool map_finished(const map_run *r);
status map_step(map_run *r, bool *active);
void map_end(map_run *r, farm_report *report);

// --- a worker's side, step by step -----------------------------------------------------------------------------------------
typedef struct service service;
service *service_open(farm *f, const farm_crew *crew);
bool service_step(service *s);        // true: something happened
bool service_dismissed(const service *s, bool *lossy);
void service_close(service *s);

// A nap that grows while nothing happens: ranks may outnumber cores.
typedef struct nap { int microseconds; } nap;
void nap_take(nap *n, bool something_happened);

#endif

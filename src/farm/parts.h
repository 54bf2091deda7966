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
  int32_t pushed, has;   // of the pieces of what the job shares: sent to it; there, without a gap
  double pushed_at;      // when one was sent, or seen to have arrived
  double busy, apart;    // its crew's seconds in this job, and which of them are counted apart
  bool present;          // answered the roll call
} peer;

enum { PARCELS = 64 };
typedef struct parcel { int task, filling; } parcel;  // a state of this task of the current job; -1: none

typedef struct map_run map_run;

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
  map_run *run;          // rank 0, in a map
  size_t record_max, result_max, state_max, shared_max;
  size_t piece_bytes;    // in which what is shared travels
  parcel parcels[PARCELS];  // rank 0: states on their way from one worker to another, the last few
  char *states;          // (PARCELS, state_max)
  unsigned next_parcel;
  // Scratch, of use within one step only.
  char *message;         // (message_max) being put together
  size_t message_max;
  int *tickets;          // (RESULTS_MAX) what work() gives
  char *results;         // (RESULTS_MAX, result_max)
};

enum {
  RESULTS_MAX = 256,       // in a message
  MASTER_ONLY_RANKS = 32,  // from so many ranks on, rank 0 only hands out: its own crew would make the others wait
  PIECE_BYTES = 16384,
  PIECES_PER_NEWS = 4,     // pieces that arrive before a worker says so
  ALONE_SECONDS = 20,      // so long rank 0 waits for a lost worker to come back when all are lost
};
#define NEWS_SECONDS 0.5            // between two signs of life
#define MASTER_SILENCE_SECONDS 600  // without a word from rank 0 a worker takes itself for an orphan and ends
#define PING_SECONDS 20             // between two words of rank 0 to a worker, in a job
#define RETELL_SECONDS 2            // after which a worker that still speaks of another job is told again

// --- from rank 0 ---------------------------------------------------------------------------------------------------
typedef enum order {
  ORDER_START,      // of a job
  ORDER_PIECE,      // of what the job shares
  ORDER_TASKS,
  ORDER_HAND_BACK,  // tasks, for another worker
  ORDER_END,        // of the job
  ORDER_PING,       // asks for a sign of life
  ORDER_DISMISS     // there will be no more jobs
} order;

// After ORDER_TASKS the group's record follows, and of a single task perhaps the state to continue from.
typedef struct order_head {
  int32_t order, job;
  int32_t group, member, count, members;
  int32_t filling, reserved;  // of the group
  uint32_t record_bytes, result_bytes, state_bytes;
  uint64_t shared_bytes;     // by the job
  uint32_t piece, piece_bytes;  // ORDER_PIECE: its number; bytes of each but the last one. It follows
  int32_t keep, request;     // ORDER_HAND_BACK: up to count tasks, but these many stay; the request's number
  int32_t lossy, unused;     // ORDER_DISMISS
} order_head;

// --- to rank 0 -----------------------------------------------------------------------------------------------------
// Only the state as it is, no counts of messages: a message that is lost, late or doubled leaves no trace in the next.
// `count` times {int32 task, int32 filling, result} follow, and a state where one comes back.
typedef struct news_head {
  int32_t job, count;
  int32_t lanes, capacity;      // tasks the crew steps at once; would hold at most
  int32_t unanswered;           // tasks of the job that are here, after these results
  int32_t gave;                 // the last request to hand tasks back that is done with
  int32_t keeps;                // what is here cannot be handed back
  int32_t back, filling;        // the task that comes back with these news; -1: none
  int32_t begun;                // it was begun: its state comes too
  int32_t has, reserved;        // pieces of what the job shares that are here, without a gap
  double busy, apart;           // seconds of work in this job so far; of them apart
} news_head;

static inline int pieces_of(size_t shared_bytes, size_t piece_bytes) {
  return shared_bytes ? (int)((shared_bytes - 1) / piece_bytes) + 1 : 0;
}

static inline size_t piece_size(size_t shared_bytes, size_t piece_bytes, int i) {
  size_t rest = shared_bytes - (size_t)i * piece_bytes;
  return rest < piece_bytes ? rest : piece_bytes;
}

static inline size_t news_item_bytes(size_t result_bytes) { return 8 + (result_bytes + 7) / 8 * 8; }

static inline double crew_apart(const farm_crew *c) { return c->apart ? c->apart(c->self) : 0; }

// Sizes of scratch, for a farm whose record_max and result_max are set.
void farm_scratch(farm *f);
void farm_scratch_free(farm *f);

// --- rank 0's side of a job, step by step --------------------------------------------------------------------------
struct map_run {
  farm *f;
  const farm_job *job;
  const farm_crew *crew;
  char *results;
  bool (*tick)(void *self, int64_t finished);
  void *tick_self;
  double started, stepped, ticked;
  double clock;    // like the time, but what rank 0 itself slept through or worked in one go counts little
  int chore;       // the worker whose turn it is to be looked after
  int pieces;      // of what the job shares
  int own_held;    // tasks in rank 0's own crew
  double own_apart;  // what that had counted apart before
  bool own_crew;   // it works too
  bool own_keeps;  // and cannot hand back what it holds
  int unfed;       // workers to be looked at since groups were reopened
};
void map_begin(map_run *r);   // the fields up to tick_self are set
double master_now(const farm *f);
void master_say(const farm *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool map_finished(const map_run *r);
status map_step(map_run *r, bool *active);
void map_end(map_run *r, farm_report *report);

// --- a worker's side, step by step ---------------------------------------------------------------------------------
typedef struct service service;
service *service_open(farm *f, const farm_crew *crew);
bool service_step(service *s);        // true: something happened
void service_close(service *s);

// A nap that grows while nothing happens: ranks may outnumber cores.
typedef struct nap { int microseconds; } nap;
void nap_take(nap *n, bool something_happened);

#endif

// What the files of this room share: a farm, and the messages between its master and its workers.
#ifndef FARM_PARTS_H
#define FARM_PARTS_H

#include "farm.h"
#include "schedule.h"
#include "transport.h"

struct farm {
  transport *line;
  int rank, size;
  schedule *plan;        // rank 0
  bool lossy;            // a worker was lost once: no collectives any more
  double alone_since;    // when the last worker was lost; 0: there are some, or never were
  int32_t job;           // number of the current or last one
  size_t record_max, result_max;
  char *message;         // (message_max) being put together
  size_t message_max;
  int *tickets;          // (results_max) what work() gives
  char *results;         // (results_max, result_max)
  double *busy;          // (size)  crews' seconds in this job, rank 0
  int32_t *heard_job;    // (size)  the job a worker last spoke of, rank 0
  int32_t *told_job;     // (size)  the job a worker was told of, rank 0
  int *tasks_sent;       // (size)  in this job, rank 0
};

enum {
  RESULTS_MAX = 256,       // in a message
  MASTER_ONLY_RANKS = 32,  // from so many ranks on, rank 0 only hands out: its own crew would make the others wait
  ALONE_SECONDS = 20,      // so long rank 0 waits for a lost worker to come back when all are lost
};
#define NEWS_SECONDS 0.5            // between two signs of life
#define MASTER_SILENCE_SECONDS 600  // without a word from rank 0 a worker takes itself for an orphan and ends
#define PING_SECONDS 20             // between two words of rank 0 to a worker, in a job

// --- from rank 0 -------------------------------------------------------------------------------------------------------
typedef enum order { ORDER_START, ORDER_TASKS, ORDER_END, ORDER_PING, ORDER_DISMISS } order;
typedef struct order_head {  // ORDER_TASKS: the group's record follows
  int32_t order, job;
  int32_t group, member, count, members;
  uint32_t record_bytes, result_bytes;
  int32_t lossy, reserved;   // ORDER_DISMISS
} order_head;

// --- to rank 0 ---------------------------------------------------------------------------------------------------------
typedef struct news_head {  // `count` times {int32 task, padding, result} follow
  int32_t job, count;
  int32_t received, vacancies;  // tasks of the job that have come in so far; how many more would be taken
  double busy;                  // seconds of work in this job so far
} news_head;
static inline size_t news_item_bytes(size_t result_bytes) { return 8 + (result_bytes + 7) / 8 * 8; }

// A nap that grows while nothing happens: ranks may outnumber cores.
typedef struct nap { int microseconds; } nap;
void nap_take(nap *n, bool something_happened);

#endif

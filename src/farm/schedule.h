// Who gets which tasks when: a pure state machine. It knows no MPI, no clock, no input or output, and allocates nothing
// after open and reserve. Events come in with the time at which they happened, chunks go out. No event costs more than
// the tasks it is about, whatever the number of workers and tasks.
#ifndef FARM_SCHEDULE_H
#define FARM_SCHEDULE_H

#include "base.h"

typedef struct schedule_chunk {
  int group, member, count;  // members member .. member+count-1
  bool again;                // it was handed out before: there may be a state to continue from
} schedule_chunk;

typedef struct schedule_limits {
  double lease_least, lease_most;  // seconds of silence after which a worker is presumed lost: within these,
  double lease_gaps;               // so many times the usual gap between two signs of life
  double limit_least, limit_most;  // seconds after which a task is taken back from a worker that speaks: within these,
  double limit_longest;            // so many times the longest that any task of this job took
  double patience;                 // a task out for so many mean task times may be given to a second worker
} schedule_limits;
extern const schedule_limits schedule_customary;

typedef struct schedule schedule;
// Worker 0 is the master itself: it is never lost, and what may be poison is kept from it while there are others.
schedule *schedule_open(int workers, schedule_limits limits);
void schedule_close(schedule *s);
void schedule_reserve(schedule *s, int tasks_max);  // the one place that allocates; before begin

typedef struct schedule_job {
  int groups, members;
  const double *expected;      // (groups) or NULL
  const unsigned char *known;  // (groups*members) or NULL: nonzero where a task counts as answered already
  int tries;                   // workers that poison takes, one more where others are lost without it; 0: three
} schedule_job;
enum { SCHEDULE_TRIES = 3, SCHEDULE_TRIES_MAX = 8 };

// A new job. Workers keep who they are and whether they are lost; all they held is forgotten.
void schedule_begin(schedule *s, const schedule_job *job, double now);
bool schedule_finished(const schedule *s);
int64_t schedule_accepted(const schedule *s);  // tasks answered so far; known, poisoned, of earlier fillings: all count

// Groups that are wholly answered become fresh once more. Answers to an earlier filling must be kept from here.
void schedule_reopen(schedule *s, int group, int groups);
int schedule_filling(const schedule *s, int group);  // counted from 0 in this job

// A sign of life, with what the worker says of itself.
typedef struct schedule_word {
  int lanes, capacity;  // tasks it steps at once; tasks it would hold at most
  int unanswered;       // tasks it holds, also those that have been given up here
  int gave;             // the last request to hand tasks back that it is through with
  bool keeps;           // it cannot hand back what it holds
} schedule_word;
void schedule_heard(schedule *s, int worker, schedule_word word, double now);
// The next chunk for a worker with room, or false. What is asked for is thereby sent.
bool schedule_next(schedule *s, int worker, double now, schedule_chunk *chunk);
// Where there is nothing to hand out, running tasks move on from a worker that has many. Whom to ask for the benefit of
// `poor`: to hand back up to `count` of its tasks, and to keep at least `keep`. False: nobody, now. One request at a
// time of a worker, and for a worker; one that is not answered is forgotten.
typedef struct schedule_request { int worker, count, keep, number; } schedule_request;
bool schedule_ask(schedule *s, int poor, double now, schedule_request *r);
int schedule_helps(const schedule *s, int worker);  // the worker for whose benefit it was asked, or -1
// A task comes back, begun or not. True: it will be handed out again, and may continue from its state. False: it goes
// on elsewhere, or is to start anew.
bool schedule_handed_back(schedule *s, int worker, int task, bool begun, double now);
// An answer, from whomever. True: the first for this task, it counts. False: a copy was faster; drop it.
bool schedule_answered(schedule *s, int worker, int task, double now);
// Takes back tasks that are out too long, and gives up workers whose lease ran out: their tasks are free again. Returns
// one such worker per call, or -1.
int schedule_expired(schedule *s, double now);
void schedule_lose(schedule *s, int worker, double now);  // at once
// A task that took `workers` workers down and was alone on the last; it counts as answered from now on. False: no more.
bool schedule_poisoned(schedule *s, int *task, int *workers);

bool schedule_is_lost(const schedule *s, int worker);
bool schedule_all_lost(const schedule *s);            // all but worker 0, and there were some
int schedule_holding(const schedule *s, int worker);  // tasks it was given and has not answered
double schedule_lease(const schedule *s);             // as learnt so far, seconds
double schedule_limit(const schedule *s);

typedef struct schedule_counts { int64_t sent, repeated, moved; int lost, returned, poisoned; } schedule_counts;
schedule_counts schedule_counted(const schedule *s);  // of this job

#endif

// Who gets which tasks when: a pure state machine. It knows no MPI, no clock, no input or output, and allocates nothing
// after open. Events come in with the time at which they happened, chunks go out.
#ifndef FARM_SCHEDULE_H
#define FARM_SCHEDULE_H

#include "base.h"

typedef struct schedule_chunk { int group, member, count; } schedule_chunk;  // members member .. member+count-1

typedef struct schedule_limits {
  double lease;        // seconds of silence after which a worker with tasks is presumed lost
  double patience;     // a task out for so many mean task times may be given to a second worker
} schedule_limits;
extern const schedule_limits schedule_customary;

typedef struct schedule schedule;
schedule *schedule_open(int workers, schedule_limits limits);
void schedule_close(schedule *s);
void schedule_reserve(schedule *s, int tasks_max);  // the one place that allocates; before begin

// A new job. Workers keep who they are and whether they are lost; all they held is forgotten. expected (groups) or NULL.
// known (groups*members) or NULL: nonzero where a task counts as answered already.
void schedule_begin(schedule *s, int groups, int members, const double *expected, const unsigned char *known);
bool schedule_finished(const schedule *s);
int64_t schedule_accepted(const schedule *s);  // tasks answered so far

// A sign of life: the worker would take `vacancies` more tasks than it knows of.
void schedule_heard(schedule *s, int worker, int vacancies, double now);
// The next chunk for a worker with vacancies, or false. What is asked for is thereby sent.
bool schedule_next(schedule *s, int worker, double now, schedule_chunk *chunk);
// An answer. True: the first for this task, it counts. False: a copy was faster; drop it.
bool schedule_answered(schedule *s, int worker, int task, double now);
// Gives up workers whose lease ran out: their tasks are free again. Returns one of them a call, or -1.
int schedule_expired(schedule *s, double now);
void schedule_lose(schedule *s, int worker);     // at once: the transport knows
bool schedule_is_lost(const schedule *s, int worker);
int schedule_holding(const schedule *s, int worker);  // tasks it has not answered

typedef struct schedule_counts { int64_t sent, repeated; int lost, returned; } schedule_counts;
schedule_counts schedule_counted(const schedule *s);  // of this job

#endif

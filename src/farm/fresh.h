// The tasks that nobody was given yet, the longest expected first. Knows no workers: it is told when a task goes out,
// comes back unanswered, and is answered. Nothing is allocated after fresh_reserve.
#ifndef FARM_FRESH_H
#define FARM_FRESH_H

#include "base.h"

typedef struct tally {  // of the tasks of a group, of a member, of all
  int answered, out;
  double spent;         // seconds, of the answered
  double sent_sum;      // over those that are out, of the times when they were sent
} tally;

typedef struct fresh_group {
  double brought;  // what the job expects, of a mean of 1
  tally t;
  int rank;        // among the ordered
} fresh_group;
typedef struct fresh_member {
  int next;        // the first ordered group where it is not handed out
  tally t;
} fresh_member;
typedef struct fresh_order { double expected; int group; } fresh_order;

typedef struct fresh_tasks {
  int groups, members;
  int64_t tasks, count;   // of the job; of them fresh
  unsigned char *fresh;   // (tasks) nonzero: nobody was given it
  fresh_group *group;     // (groups)
  fresh_order *order;     // (groups)  longest expected first
  int64_t ordered_at;     // after so many answers
  fresh_member *member;   // (members)
  tally whole;
  int turn;               // the member whose turn it is where nothing is learnt
  double longest;         // time from sending to answer
} fresh_tasks;

void fresh_reserve(fresh_tasks *f, int tasks_max);  // the one place that allocates
void fresh_free(fresh_tasks *f);

// A new job. expected (groups) or NULL; known (groups*members) or NULL: nonzero where a task is not fresh. groups or
// members may be 0.
void fresh_begin(fresh_tasks *f, int groups, int members, const double *expected, const unsigned char *known,
                 double now);
// All members of a group are fresh again. What was learnt of the group goes; of members and of all it stays.
void fresh_reopen(fresh_tasks *f, int group);

// The longest expected task, after `accepted` answers: only while count > 0.
void fresh_next(fresh_tasks *f, int64_t accepted, double now, int *group, int *member);
// How many of at most `most` members from this one on are fresh: neighbours, that fit one message. No more fresh then.
int fresh_take(fresh_tasks *f, int group, int member, int most);

void fresh_out(fresh_tasks *f, int task, int out, double sent_at);  // out 1: a worker has it since then; -1: no more
void fresh_took(fresh_tasks *f, int task, double seconds);          // it was answered, after so long

#endif

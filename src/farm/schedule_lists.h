// Private to the schedule: its state, and the lists that tasks, workers and copies stand on.
#ifndef FARM_SCHEDULE_LISTS_H
#define FARM_SCHEDULE_LISTS_H

#include "fresh.h"
#include "schedule.h"

enum { COPIES = 2, NOBODY = -1, BLAMED_MAX = SCHEDULE_TRIES_MAX + 1 };

// Where a task is. All but FRESH and DONE are lists, in the order in which their tasks came to them.
typedef enum place {
  FRESH,    // not handed out yet
  OUT,      // one worker has it
  TWICE,    // two have it
  MOVING,   // handed back, to continue elsewhere
  AGAIN,    // waits for another worker
  BLAMED,   // the same, but a worker was lost that held it
  SUSPECT,  // the same, and so many that it is to be alone on the next
  POISON,   // takes its workers down
  DONE,
  PLACES
} place;

typedef struct copy {
  int worker;         // who has it; NOBODY
  int before, after;  // among the worker's copies
  double sent_at;
} copy;

typedef struct task_state {
  place at;
  int before, after;  // on its list
  double since;       // on its list
  double lasted;      // MOVING: since it was begun
  copy copy[COPIES];
  int blames;         // workers lost that held it, the first so many
  int blamed[BLAMED_MAX];
} task_state;

typedef struct worker_state {
  bool lost;
  bool alone;           // holds a suspect: nothing beside it
  schedule_word word;   // its last
  int vacant;           // what it would still take
  int holding, copies;  // number and first of its copies (task * COPIES + slot)
  double heard_at;
  int before, after;    // among the living, least recently heard first
  // Handing back. A worker that may be asked stands on the list of those that hold as many tasks.
  int level, upper, lower;  // the list, NOBODY: on none; its neighbours there
  bool deaf;                  // did not answer the last request, and has not spoken since
  int request, helps;         // number of its last request; for whom it is under way, NOBODY
  int helper;                 // who was asked for its benefit, NOBODY
  double asked_at;            // that one
} worker_state;

typedef struct list { int first, last; } list;

struct schedule {
  schedule_limits limits;
  int workers, tasks_max, lost;
  worker_state *worker;  // (workers)
  int *rich;             // (tasks_max + 1)  by tasks held: the first of the workers that may be asked to hand some back
  int richest, requests; // no list above it has anybody; requests made, of all jobs
  list living;           // of workers, the first of all not among them
  double looked_at;      // in the last job, for the last time: since then nobody has listened
  int groups, members, tries;
  task_state *task;      // (tasks)
  list place[PLACES];    // of tasks
  int *filling;          // (groups)  times it was reopened
  fresh_tasks fresh;     // those never handed out, and what is learnt of all
  int64_t accepted, tasks, reopened;
  double gap;            // between two signs of life, a moving mean
  schedule_counts counts;
};

void schedule_task_move(schedule *s, int task, place to, double now);
void schedule_worker_unlink(schedule *s, int worker);
void schedule_worker_append(schedule *s, int worker);
void schedule_worker_rank(schedule *s, int worker);
void schedule_copy_give(schedule *s, int worker, int task, double now);
void schedule_copy_drop(schedule *s, int task, int slot);
void schedule_copies_drop(schedule *s, int task);

#endif

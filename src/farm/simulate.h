// Private to the simulated farm: what stands of it, and its processes' crews.
#ifndef FARM_SIMULATE_H
#define FARM_SIMULATE_H

#include <math.h>

#include "parts.h"

#define NEVER INFINITY

typedef struct record { int32_t group, filling, job, reserved; } record;
typedef struct task { int ticket, number, filling; double left; } task;  // left: core-seconds
typedef struct state { int32_t number, filling; double left; } state;    // of a task that moves

typedef struct letter {
  struct letter *next;  // in the inbox
  int from, to;
  bool vanishes, copied;  // copied: the second of two
  size_t size;
  char bytes[];
} letter;

typedef struct simulation simulation;
typedef struct process {
  simulation *m;
  farm f;
  service *s;             // not of rank 0
  farm_crew hands;
  task *lane, *waiting, *ended;  // (lanes + queue) each
  int running, queued, done;     // how many of these there are
  int shared_job;         // whose shared bytes it has; 0: none
  double advanced;        // till then its tasks have been run
  letter *first, *last;   // arrived
  letter *given;          // the caller of receive has it
  double speed, joins, dies, stops, wakes, slows;
  double wake;            // its next step
  double free_at;         // rank 0: after the messages it took in
  double last_arrival;    // of what was sent to it: without lags, order is kept
} process;

typedef struct event { double at; uint64_t number; int who; letter *arrives; } event;  // arrives NULL: a step of `who`

struct simulation {
  const farm_simulation *what;
  uint64_t luck;          // the state of the random stream
  double now, began;      // began: the job
  int size, lanes, capacity;
  double knee;            // lanes from which on a core does all it can
  process *p;             // (size)
  int *under_way;         // (2 * size) to worker, from worker
  event *heap;            // the soonest first
  int events, events_max;
  uint64_t numbers;
  map_run run;
  record *records;        // (groups)
  uint64_t *results;      // (tasks)
  int *answers, *due;     // (tasks) counted; how many there are to be
  int *unanswered;        // (groups) tasks of the current filling
  int fillings, block;
  int in_flight;
  unsigned char *shared;  // (shared_bytes)
  int job;                // counted from 1
  const char *mixed_up;   // what a crew found wrong; NULL: nothing
  farm_simulated *out;
};

uint64_t simulate_mixed(uint64_t x);  // its bits, mixed: what everything random and every answer is made of
uint64_t simulate_answer_of(int number, int filling);
unsigned char simulate_shared_byte(int job, size_t i);
farm_crew simulate_crew(process *p);  // borrows p
double simulate_crew_ends(const process *p);  // when its next task does, as things are; NEVER

#endif

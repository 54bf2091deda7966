// A process in Python that steps lanes of somebody else's environment: started, asked for one batch after the other,
// and ended. It knows no spaces; what a batch means is for gym.c and gym_child.py.
//
// Memory that both share, in this order: a head of int64s (enum gym_head), 4096 bytes; a text, 61440 bytes: what the
// child has to say; and from 65536 on, where the head says, the areas of gym_areas. They take turns by words of the
// head: so many batches were asked for, so many are done. Who waits looks at them for a short while, then says there
// that it sleeps; a byte over a socket, the child's standard input, wakes it.
#ifndef ENV_GYM_CHILD_H
#define ENV_GYM_CHILD_H

#include "env.h"

enum gym_head {
  GYM_LANES,
  GYM_COUNT,      // entries of the batch
  GYM_AT,         // the slot that is being worked on; -1: none
  GYM_TEXT_SIZE,  // 0: nothing is said
  GYM_ASKED, GYM_DONE,                // batches so far: the rank's to write, and the child's
  GYM_RANK_SLEEPS, GYM_CHILD_SLEEPS,  // 1: a byte wakes it
  GYM_BATCH, GYM_SEEDS, GYM_FLAGS, GYM_REWARDS, GYM_ACTIONS, GYM_OBSERVATIONS,  // where the areas begin
  GYM_HEAD
};
enum { GYM_RESET = 1, GYM_STEP = 2 };                         // what a slot is to do; both: in this order
enum { GYM_TERMINATED = 1, GYM_TRUNCATED = 2, GYM_FAILED = 4 };  // what came of it
enum { GYM_NUMBERS_MAX = 1024 };  // of an observation, and of an action: more than a world takes

typedef struct gym_areas {
  int64_t *head;        // (GYM_HEAD)
  char *text;
  int32_t *batch;       // (lanes, 2)  slot, and what it is to do
  uint32_t *seeds;      // (lanes)     by slot, as are all below
  int32_t *flags;       // (lanes)
  double *rewards;      // (lanes)
  char *actions;        // (lanes, action bytes)
  char *observations;   // (lanes, observation bytes)
} gym_areas;

typedef enum gym_end {
  GYM_RUNS,
  GYM_REFUSED,  // the configuration asks for what cannot be
  GYM_DIED,     // by itself, or it said something that it must not
  GYM_HUNG,     // and was ended
  GYM_ATE,      // more memory than it may, and was ended
} gym_end;

typedef struct gym_child {
  pid_t pid;            // 0: there is none
  int line, said, memory;
  void *map;
  size_t bytes;
  gym_areas at;
  double longest;       // seconds that a batch took so far
  int64_t batches;
  int64_t asked;        // batches of this child
  double look_from;     // when it is next worth while to look before sleeping
  size_t most, held;    // bytes of memory that it may hold, 0: any number; and did when it was last looked at,
  double looked;        // which was then,
  int looks;            // and so often before
  int64_t busy;         // the slot that the last one ended in; -1: in none
  char tail[2048];      // the end of what it printed
} gym_child;

// Starts one, and waits until it has described its environment, in at.text. Where it did not come so far the status
// says why, and there is none: BAD_CONFIG, NO_IO, BROKEN.
status gym_child_start(gym_child *c, const char *name, const env_options *o);
// Room for so many lanes; once. The status as above.
status gym_child_widen(gym_child *c, int lanes, size_t action_bytes, size_t observation_bytes);
// The batch that stands in shared memory. Anything but GYM_RUNS: there is none any more, and `words` says why.
gym_end gym_child_batch(gym_child *c, text_buffer *words);
void gym_child_end(gym_child *c);

// For tests: seconds that it may take to start, and for a batch until eight were made; and at least, from then on.
void gym_child_patience(double first, double least);

#endif

// The loop over epochs and batches, once for everything that is learnt by gradients.
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "parts.h"

// What is learnt: V, M, or what comes. All functions get `self`; those marked so are collective.
typedef struct lesson {
  const char *name;                         // in sentences: "V"
  void *self;
  const train_team *team;
  const train_watch *watch;
  const char *checkpoint;
  hash identity;
  bool anew;                                // a checkpoint that is there does not count
  int epochs;
  int64_t batches;                          // per epoch
  double samples;                           // per batch, over all ranks: what losses are means over
  int rows_per_epoch;
  bool whole_within;                        // a checkpoint is whole after every batch, not at an epoch's end alone
  double learning_rate, learning_rate_end;  // of Adam: exponentially from the first step to the last
  double clip;                              // per element of the summed gradient; 0: none

  // Goes to batch `first` of an epoch.
  status (*seek)(void *self, int epoch, int64_t first);
  // This rank's share of a batch: its gradient added to g (zeroed), its sums of losses into parts. A failure is told to
  // all, who leave.
  status (*batch)(void *self, float *g, float *parts);
  // The loss, from the means of parts. Pure.
  double (*loss)(const void *self, const double *means);
  // Collective: the held-out loss and its parts.
  void (*held_out)(void *self, train_row *row);

  learner l;
  double started, saved;                    // seconds
} lesson;

// Opens l: `size` weights, to be initialised by the caller, over which lesson_resume lays the checkpoint's.
void lesson_open(lesson *o, size_t size);
void lesson_close(lesson *o);
status lesson_resume(lesson *o);            // not collective
status lesson_learn(lesson *o);             // collective: all epochs that are left. INTERRUPTED leaves a checkpoint

#endif

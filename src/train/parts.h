// What the files of this room share: the optimiser's state on disk, the split of episodes, the training loop's rows.
#ifndef TRAIN_PARTS_H
#define TRAIN_PARTS_H

#include "train.h"

// --- rows ------------------------------------------------------------------------------------------------------------
typedef struct tally {  // sums since the last row
  double part[TRAIN_PARTS], count;
} tally;
double tally_mean(const tally *t, int part);

// --- weights with their optimiser ------------------------------------------------------------------------------------
typedef struct learner {
  arena *memory;
  size_t size;
  real *w, *m, *v;     // (size)
  float *g;            // (size + extra)  summed over ranks, with what else the ranks have to say
  int extra;
  int64_t step;        // updates made
  tally since_row;     // of the updates since the last row
  train_row *rows;     // (rows_room) owned; those told so far: a checkpoint has them all
  int rows_count, rows_room;
} learner;
learner learner_open(size_t size, int extra);
void learner_close(learner *l);
// Written by rank 0, read by all. Refuses another identity or rank count (MISMATCH), or damage (BAD_FILE).
status learner_save(const learner *l, const char *path, hash identity, int ranks);
// A missing file is OK: step stays 0. It is at most `most`.
status learner_load(learner *l, const char *path, hash identity, int ranks, int64_t most);
// Collective, once everything stands: tells the watch, and again the rows that the checkpoint knew.
status learner_begin(const learner *l, const train_team *team, const train_watch *watch);
double learner_seconds(const learner *l);  // that the rows so far took
void learner_row(learner *l, const train_row *row, const train_team *team, const train_watch *watch);

// The rate after `done` of `all` steps: exponentially from first to last.
double learning_rate_at(double first, double last, int64_t done, int64_t all);

// --- who learns from what --------------------------------------------------------------------------------------------
// Episodes by their numbers, in order; one that counts several times stands there as often.
typedef struct episode_list {
  uint32_t *of;        // (count), owned
  int count;
} episode_list;
// What an epoch shows: all but those held out; of several folders the last one's, the newest, `newest` times.
episode_list split_learnt(const dataset *d, double held_out, int newest);
// The last ones of each folder are held out: a share of it, but never all.
episode_list split_held(const dataset *d, double held_out);
// Those of the newest folder that are learnt from, once each, and as many before them as make `least`.
episode_list split_newest(const dataset *d, double held_out, int least);
void episode_list_free(episode_list *l);
// Rank r has those with number % size == r: episodes (list's count); returns how many.
int episode_list_of_rank(uint32_t *episodes, const episode_list *l, int rank, int size);
// This rank's part of a batch of `batch` in all.
static inline int share_of(int batch, const train_team *t) { return batch / t->size + (t->rank < batch % t->size); }

// --- frames of a dataset, shuffled, in windows that fit memory -------------------------------------------------------
status train_pictures_check(const dataset *d);  // MISMATCH where it does not hold V's pictures
typedef struct frame_stream frame_stream;
// Of episodes that are learnt from, and held out; the lists are borrowed.
frame_stream *frames_open(dataset *d, const episode_list *learnt, const episode_list *held, const train_team *team,
                          uint64_t seed);
void frames_close(frame_stream *f);
// Frames that every rank has at least, for this rank's share `b` of a batch: batches an epoch (the same on all ranks).
int64_t frames_batches(const frame_stream *f, int batch);
// Places the stream at the start of an epoch, `skip` frames into it.
status frames_seek(frame_stream *f, int epoch, int64_t skip);
status frames_next(frame_stream *f, real *images, int b);  // (b, 64, 64, 3) in [0, 1]
// A fixed sample of held-out frames of this rank, at most `max`; returns how many.
status frames_held_out(frame_stream *f, real *images, int max, int *count);

// --- which pixels move -----------------------------------------------------------------------------------------------
// A pixel counts 1 + share * min(50, d^2 / v) times: d its deviation from the mean frame, v the mean of all d^2. What a
// picture is known by, and what V forgets first, is often a few pixels of thousands.
typedef struct moving {
  real *mean;          // (64, 64, 3)
  real per_variance;   // 1 / v
} moving;
// Of `count` frames of this rank and those of the others: collective, the same everywhere.
void moving_measure(moving *m, const real *images, int count, const train_team *team);
void moving_weigh(const moving *m, real *weight, const real *images, int n, real share);  // both (n, 64, 64, 3)

// --- latents of a dataset --------------------------------------------------------------------------------------------
typedef struct latent_episode {
  int steps;
  const float *mu, *logvar;  // (steps+1, Z)
  const float *actions;      // (steps, A)
  const float *rewards;      // (steps)
  const uint8_t *terminated; // (steps)
} latent_episode;
typedef struct latents latents;
// Reads this rank's episodes of the files that train_encode wrote.
status latents_open(latents **l, const char *directory, const dataset *d, const char *vae_hash, int Z,
                    const train_team *team);
void latents_close(latents *l);
int latents_count(const latents *l);
const latent_episode *latents_episode(const latents *l, int episode);  // NULL where it is another rank's
// Standardises every latent in place: mu = (mu - offset) * scale.
void latents_standardise(latents *l, const float *offset, const float *scale);
#define LATENT_BLOCK 50  // episodes per file

#endif

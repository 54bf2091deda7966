// Episodes laid end to end on lanes, cut into chunks.
#ifndef TRAIN_STREAM_H
#define TRAIN_STREAM_H

#include "parts.h"

typedef struct stream_lane {
  uint32_t episode;
  int t;
  real *z;  // (Z)  of frame t
} stream_lane;

typedef struct stream {
  arena *memory;
  const latents *l;
  int Z, A, lanes, steps;
  uint32_t *order;                          // episodes in the order in which lanes take them
  uint32_t count, next, epoch;
  rng luck;
  stream_lane *lane;                        // (lanes)
  int ahead;                                // steps; 0: nobody asks what is
  real *x, *keep, *target, *reward, *done;  // a chunk, as in rnn_chunk
  real *soon, *sure;
} stream;

stream *stream_open(const latents *l, int Z, int A, int lanes, int steps, int most,  // episodes in a list, at most
                    int ahead);
void stream_close(stream *s);
// This rank's episodes of a list; count == 0 if there are none. Luck names the draws of z.
void stream_begin(stream *s, const episode_list *episodes, const train_team *team, rng luck, uint32_t epoch,
                  bool shuffle);
// The next chunk; after the last episode the first follows again. Valid until the next call.
rnn_chunk stream_chunk(stream *s);

#endif

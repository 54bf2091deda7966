// What is ahead, as the controller sees it: a second head of M.
#ifndef TRAIN_AHEAD_H
#define TRAIN_AHEAD_H

#include "parts.h"

typedef struct ahead_net ahead_net;
ahead_net *ahead_net_open(arena *memory, const world_shape *s, int rows);  // lives as long as the arena
// The loss over a chunk's rows that are sure. before (B,H): the state before the chunk; h (T,B,H): after each row.
// w, g as world_ahead_table says. With g: g and dh (T,B,H) += the gradient of scale * loss.
double ahead_net_learn(ahead_net *n, real *g, real *dh, const real *w, const rnn_chunk *k, const real *before,
                       const real *h, real scale);

#endif

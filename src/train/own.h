// M on its own samples while it learns: parallel scheduled sampling (Duckworth, Neelakantan, Goodrich, Kaiser & Bengio
// 2019). Shown nothing but real latents, M never learns to go on from what it has dreamt.
#ifndef TRAIN_OWN_H
#define TRAIN_OWN_H

#include "parts.h"

typedef struct own_inputs own_inputs;
// For chunks of `lanes` lanes on this rank, over `updates` in all.
own_inputs *own_inputs_open(const train_rnn_options *o, int rank, int lanes, int64_t updates);
void own_inputs_close(own_inputs *s);  // NULL is allowed
// Puts M's own samples in place of some of the chunk's inputs, as many as belong to update l->step. h, c (lanes, H) are
// the state before the chunk, and stay. What is drawn is a function of the seed, the rank and the update.
void own_inputs_mix(own_inputs *s, rnn_chunk *chunk, rnn_net *net, const learner *l, const real *h, const real *c);

#endif

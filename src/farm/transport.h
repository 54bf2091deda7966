// Messages between rank 0 and the others, and collectives, without saying how: mpi.c does, or alone.c for one rank.
// Nothing here blocks, but the collectives.
#ifndef FARM_TRANSPORT_H
#define FARM_TRANSPORT_H

#include "base.h"

typedef struct transport transport;
int transport_most(void);  // so many ranks there can be
status transport_open(transport **t, int *argc, char ***argv);
int transport_rank(const transport *t);
int transport_size(const transport *t);
const char *transport_host(const transport *t);  // borrowed

// The messages alone, as master and worker see them: these of MPI, or those of the simulator, with a clock to match.
typedef struct post {
  void *self;
  // Copies the message and sends it. False: this peer's buffers are all in use (it is slow, or dead); try later.
  bool (*send)(void *self, int to, const void *bytes, size_t size);
  bool (*can_send)(void *self, int to);
  // A message that has arrived, if any; valid until the next call.
  bool (*receive)(void *self, int *from, const void **bytes, size_t *size);
  double (*now)(void *self);  // seconds
} post;
post transport_post(transport *t);

// Buffers for messages of up to `bytes`; collective, between jobs only.
void transport_prepare(transport *t, size_t bytes);
// Waits until what was sent to `to` has left, at most so many seconds.
void transport_flush(transport *t, int to, double seconds);

// Ends it; after a loss leaves the process at once with `code`, since peers that are gone would be waited for.
void transport_close(transport *t, bool lossy, int code);

// --- collectives --------------------------------------------------------------------------------------------------------
void transport_barrier(transport *t);
void transport_share(transport *t, int from, void *bytes, size_t size);
void transport_gather(transport *t, void *all, const void *mine, size_t size);  // to rank 0
void transport_sum(transport *t, float *x, size_t n);          // in rank order
void transport_sum_double(transport *t, double *x, size_t n);
int transport_least(transport *t, int value);

#endif

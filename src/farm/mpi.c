// The transport over MPI-3.1: the only file that has seen it. Point to point only Isend, Irecv and Test, because a
// blocking call towards a dead rank never returns; collectives are for the time before any loss.

#include <limits.h>
#include <mpi.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launched.h"
#include "transport.h"

enum { TAG_MESSAGE = 1 };
enum { RECEIVE_BUFFERS = 8, SEND_BUFFERS = 4 };
#define BLOCK_NUMBERS ((size_t)1 << 20)  // of a sum at a time

typedef struct buffer {
  char *bytes;
  MPI_Request request;
  bool busy;
  uint64_t posted;  // when, among the receives: messages of one sender are matched in this order
} buffer;

struct transport {
  int rank, size;
  char host[MPI_MAX_PROCESSOR_NAME + 1];
  MPI_Comm messages;     // apart from the collectives
  size_t room;           // of a message
  buffer receive[RECEIVE_BUFFERS];
  uint64_t receives;     // posted so far
  int given;             // receive buffer whose message the caller has, -1: none
  buffer *send;          // (size, SEND_BUFFERS)
  char *scratch[2];      // of a sum
  size_t scratch_bytes;
};

static void mpi_abort_all(void) { MPI_Abort(MPI_COMM_WORLD, 1); }

static status mpi_start(int *argc, char ***argv) {
  char library[MPI_MAX_LIBRARY_VERSION_STRING];
  int provided, length, size;

  // alone, MPI is to open no daemon, port or network (launched.c)
  launched_before_mpi();
  int answer = MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
  launched_after_mpi();
  if (answer != MPI_SUCCESS) FAIL(BROKEN, "MPI cannot be started");

  // many programs of one rank instead of one of many: another MPI's launcher was used
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Get_library_version(library, &length);
  status s = launched_check(size, library);
  if (s != OK) MPI_Finalize();
  return s;
}

status transport_open(transport **out, int *argc, char ***argv) {
  int length;
  TRY(mpi_start(argc, argv));
  transport *t = mem_take(1, sizeof *t);
  MPI_Comm_rank(MPI_COMM_WORLD, &t->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &t->size);
  MPI_Get_processor_name(t->host, &length);

  // Errors are returned, not fatal: a lost rank must not take the others with it.
  MPI_Comm_dup(MPI_COMM_WORLD, &t->messages);
  MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
  MPI_Comm_set_errhandler(t->messages, MPI_ERRORS_RETURN);

  t->given = -1;
  check_on_failure(mpi_abort_all);
  *out = t;
  return OK;
}

int transport_most(void) { return INT_MAX; }
int transport_rank(const transport *t) { return t->rank; }
int transport_size(const transport *t) { return t->size; }
const char *transport_host(const transport *t) { return t->host; }

// --- messages ------------------------------------------------------------------------------------------------------

static void mpi_receive_post(transport *t, buffer *b) {
  MPI_Irecv(b->bytes, (int)t->room, MPI_BYTE, MPI_ANY_SOURCE, TAG_MESSAGE, t->messages, &b->request);
  b->busy = true;
  b->posted = ++t->receives;
}

static bool mpi_sent(buffer *b) {
  int done = 1;
  if (b->busy && MPI_Test(&b->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS) done = 0;
  if (done) b->busy = false;
  return done;
}

static buffer *mpi_oldest_after(transport *t, uint64_t posted) {
  buffer *oldest = NULL;
  for (int i = 0; i < RECEIVE_BUFFERS; i++) {
    buffer *b = &t->receive[i];
    if (b->busy && b->posted > posted && (!oldest || b->posted < oldest->posted)) oldest = b;
  }
  return oldest;
}

// In the order of arrival, which workers rely on: their orders all come from rank 0. Rank 0 itself may pass over a
// message that is stuck halfway, since its sender may have died; what it gets may come in any order.
static bool mpi_receive(void *self, int *from, const void **bytes, size_t *size) {
  transport *t = self;
  if (t->size == 1) return false;

  // The caller is done with the message it had: its buffer listens again.
  if (t->given >= 0) mpi_receive_post(t, &t->receive[t->given]);
  t->given = -1;
  for (buffer *b = mpi_oldest_after(t, 0); b; b = t->rank == 0 ? mpi_oldest_after(t, b->posted) : NULL) {
    MPI_Status status_;
    int done = 0, count = 0;
    if (MPI_Test(&b->request, &done, &status_) != MPI_SUCCESS || !done) continue;

    b->busy = false;
    t->given = (int)(b - t->receive);
    MPI_Get_count(&status_, MPI_BYTE, &count);
    *from = status_.MPI_SOURCE;
    *bytes = b->bytes;
    *size = (size_t)count;
    return true;
  }
  return false;
}

static void mpi_receives_cancel(transport *t) {
  for (int i = 0; i < RECEIVE_BUFFERS; i++) {
    buffer *b = &t->receive[i];
    // an Irecv without a partner would be completed by nobody
    if (b->busy) {
      MPI_Cancel(&b->request);
      MPI_Request_free(&b->request);
    }

    mem_free(b->bytes);
    *b = (buffer){0};
  }

  t->given = -1;
}

static void mpi_sends_free(transport *t) {
  for (int i = 0; t->send && i < t->size * SEND_BUFFERS; i++) {
    if (t->send[i].busy) MPI_Request_free(&t->send[i].request);
    mem_free(t->send[i].bytes);
  }
  mem_free(t->send);
  t->send = NULL;
}

static bool mpi_all_sent(transport *t) {
  for (int i = 0; i < t->size * SEND_BUFFERS; i++)
    if (t->send[i].busy && !mpi_sent(&t->send[i])) return false;
  return true;
}

// Until every rank's last message has arrived: receives and forgets, and says so once its own have left.
static void mpi_drain(transport *t) {
  MPI_Request barrier;
  int from, done = 0;
  bool posted = false;
  const void *bytes;
  size_t size;

  if (t->room == 0) return;

  // a barrier that does not block: others may still wait for this rank to take what they sent
  while (!done) {
    while (mpi_receive(t, &from, &bytes, &size)) continue;
    if (!posted && mpi_all_sent(t)) posted = MPI_Ibarrier(t->messages, &barrier) == MPI_SUCCESS;
    if (posted) MPI_Test(&barrier, &done, MPI_STATUS_IGNORE);
  }
}

void transport_prepare(transport *t, size_t bytes) {
  if (t->size == 1 || bytes <= t->room) return;
  CHECK(bytes < (size_t)1 << 30, "a message of %zu bytes", bytes);

  mpi_drain(t);
  mpi_receives_cancel(t);
  mpi_sends_free(t);

  t->room = bytes;
  t->send = mem_take((size_t)t->size * SEND_BUFFERS, sizeof *t->send);
  for (int i = 0; i < RECEIVE_BUFFERS; i++) {
    t->receive[i].bytes = mem_take(1, bytes);
    mpi_receive_post(t, &t->receive[i]);
  }

  // The others speak to rank 0 alone.
  for (int i = 0; i < t->size * SEND_BUFFERS; i++)
    if (t->rank == 0 || i / SEND_BUFFERS == 0) t->send[i].bytes = mem_take(1, bytes);

  // Nobody sends before all have room for it.
  MPI_Barrier(t->messages);
}

static buffer *mpi_free_buffer(transport *t, int to) {
  for (int i = 0; i < SEND_BUFFERS; i++)
    if (mpi_sent(&t->send[to * SEND_BUFFERS + i])) return &t->send[to * SEND_BUFFERS + i];
  return NULL;
}

static bool mpi_can_send(void *self, int to) { return mpi_free_buffer(self, to) != NULL; }

static bool mpi_send_copy(void *self, int to, const void *bytes, size_t size) {
  transport *t = self;
  CHECK(size <= t->room, "a message of %zu bytes, room for %zu", size, t->room);
  buffer *b = mpi_free_buffer(t, to);
  if (!b) return false;
  memcpy(b->bytes, bytes, size);
  b->busy = MPI_Isend(b->bytes, (int)size, MPI_BYTE, to, TAG_MESSAGE, t->messages, &b->request) == MPI_SUCCESS;
  return true;  // an error here is a peer that is gone: its lease will say so
}

static double mpi_now(void *self) {
  (void)self;
  return time_now();
}

post transport_post(transport *t) {
  return (post){
      .self = t,
      .send = mpi_send_copy,
      .can_send = mpi_can_send,
      .receive = mpi_receive,
      .now = mpi_now,
  };
}

void transport_flush(transport *t, int to, double seconds) {
  stopwatch p = stopwatch_begin(time_now());
  for (int i = 0; i < SEND_BUFFERS; i++)
    while (!mpi_sent(&t->send[to * SEND_BUFFERS + i]) && stopwatch_spent(&p, time_now()) < seconds) usleep(200);
}

void transport_close(transport *t, bool lossy, int code) {
  // MPI_Finalize would wait for the dead
  if (lossy) {
    fflush(NULL);
    _exit(code);
  }

  // nobody was lost: everybody leaves together, with no message on its way
  mpi_drain(t);
  mpi_receives_cancel(t);
  mpi_sends_free(t);
  MPI_Comm_free(&t->messages);

  // from here on a failed check must not call MPI
  check_on_failure(NULL);
  MPI_Finalize();
  for (int i = 0; i < 2; i++) mem_free(t->scratch[i]);
  mem_free(t);
}

// --- collectives ---------------------------------------------------------------------------------------------------

void transport_barrier(transport *t) {
  (void)t;
  MPI_Barrier(MPI_COMM_WORLD);
}

void transport_share(transport *t, int from, void *bytes, size_t size) {
  (void)t;
  CHECK(size < (size_t)1 << 30, "%zu bytes to share", size);
  MPI_Bcast(bytes, (int)size, MPI_BYTE, from, MPI_COMM_WORLD);
}

void transport_gather(transport *t, void *all, const void *mine, size_t size) {
  (void)t;
  CHECK(size < (size_t)1 << 20, "%zu bytes a rank to gather", size);
  MPI_Gather(mine, (int)size, MPI_BYTE, all, (int)size, MPI_BYTE, 0, MPI_COMM_WORLD);
}

int transport_least(transport *t, int value) {
  int least = value;
  MPI_Allreduce(&value, &least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
  (void)t;
  return least;
}

static void mpi_scratch_room(transport *t, size_t bytes) {
  if (bytes <= t->scratch_bytes) return;
  for (int i = 0; i < 2; i++) {
    mem_free(t->scratch[i]);
    t->scratch[i] = mem_take(1, bytes);
  }
  t->scratch_bytes = bytes;
}

// Every rank gets one slice of everybody's numbers, adds them up in rank order, and hands the sums to all.
#define SUM_BLOCK(name, number, mpi_number)                                                                        \
  static void name(transport *t, number *x, size_t n) {                                                            \
    int slice = (int)((n + (size_t)t->size - 1) / (size_t)t->size), padded = slice * t->size;                      \
    mpi_scratch_room(t, (size_t)padded * sizeof(number));                                                          \
    number *out = (number *)(void *)t->scratch[0], *in = (number *)(void *)t->scratch[1];                          \
    memcpy(out, x, n * sizeof(number));                                                                            \
    memset(out + n, 0, ((size_t)padded - n) * sizeof(number));                                                     \
    MPI_Alltoall(out, slice, mpi_number, in, slice, mpi_number, MPI_COMM_WORLD);                                   \
    for (int r = 1; r < t->size; r++)                                                                              \
      for (int i = 0; i < slice; i++) in[i] += in[(size_t)r * (size_t)slice + (size_t)i];                          \
    MPI_Allgather(in, slice, mpi_number, out, slice, mpi_number, MPI_COMM_WORLD);                                  \
    memcpy(x, out, n * sizeof(number));                                                                            \
  }
SUM_BLOCK(mpi_sum_floats, float, MPI_FLOAT)
SUM_BLOCK(mpi_sum_doubles, double, MPI_DOUBLE)

void transport_sum(transport *t, float *x, size_t n) {
  for (size_t from = 0; t->size > 1 && from < n; from += BLOCK_NUMBERS)
    mpi_sum_floats(t, x + from, n - from < BLOCK_NUMBERS ? n - from : BLOCK_NUMBERS);
}

void transport_sum_double(transport *t, double *x, size_t n) {
  for (size_t from = 0; t->size > 1 && from < n; from += BLOCK_NUMBERS)
    mpi_sum_doubles(t, x + from, n - from < BLOCK_NUMBERS ? n - from : BLOCK_NUMBERS);
}

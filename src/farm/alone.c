// The transport of a farm of one rank, for a program that is built without MPI: nobody to speak to, and a collective
// is over before it begins.

#include <string.h>
#include <unistd.h>

#include "launched.h"
#include "transport.h"

struct transport {
  char host[256];
};

int transport_most(void) { return 1; }

status transport_open(transport **out, int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  TRY(launched_check(1, NULL));
  transport *t = mem_take(1, sizeof *t);
  if (gethostname(t->host, sizeof t->host - 1) != 0) strcpy(t->host, "localhost");
  *out = t;
  return OK;
}

int transport_rank(const transport *t) { return (void)t, 0; }
int transport_size(const transport *t) { return (void)t, 1; }
const char *transport_host(const transport *t) { return t->host; }

// --- messages -------------------------------------------------------------------------------------------------------

static bool alone_send(void *self, int to, const void *bytes, size_t size) {
  (void)self;
  (void)bytes;
  CHECK(false, "a message of %zu bytes to rank %d, where there is one rank", size, to);
  return false;
}

static bool alone_can_send(void *self, int to) {
  (void)self;
  (void)to;
  return false;
}

static bool alone_receive(void *self, int *from, const void **bytes, size_t *size) {
  (void)self;
  (void)from;
  (void)bytes;
  (void)size;
  return false;
}

static double alone_now(void *self) {
  (void)self;
  return time_now();
}

post transport_post(transport *t) { return (post){t, alone_send, alone_can_send, alone_receive, alone_now}; }

void transport_prepare(transport *t, size_t bytes) {
  (void)t;
  (void)bytes;
}

void transport_flush(transport *t, int to, double seconds) {
  (void)t;
  (void)to;
  (void)seconds;
}

void transport_close(transport *t, bool lossy, int code) {
  (void)code;
  CHECK(!lossy, "a rank was lost, where there is one");
  mem_free(t);
}

// --- collectives ----------------------------------------------------------------------------------------------------

void transport_barrier(transport *t) { (void)t; }

void transport_share(transport *t, int from, void *bytes, size_t size) {
  (void)t;
  (void)bytes;
  CHECK(from == 0, "%zu bytes from rank %d, where there is one rank", size, from);
}

void transport_gather(transport *t, void *all, const void *mine, size_t size) {
  (void)t;
  memcpy(all, mine, size);
}

void transport_sum(transport *t, float *x, size_t n) {
  (void)t;
  (void)x;
  (void)n;
}

void transport_sum_double(transport *t, double *x, size_t n) {
  (void)t;
  (void)x;
  (void)n;
}

int transport_least(transport *t, int value) {
  (void)t;
  return value;
}

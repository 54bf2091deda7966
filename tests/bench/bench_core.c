// What this core can do, the measure of the rest: GFLOP/s of OpenBLAS's best sgemm, and GB/s read from memory of
// several sizes. `tests/bench/run` starts it once for each kind of core that OpenBLAS has kernels for, and takes the
// best.

#include <string.h>

#include "bench.h"

typedef struct stretch { const char *bytes; size_t size, found; } stretch;

// The C library's search for a byte that is not there reads as fast as the core can.
static void read_all(void *self) {
  stretch *s = self;
  s->found += memchr(s->bytes, 1, s->size) != NULL;
  __asm__ volatile("" ::: "memory");  // or one search would do for all calls
}

static void bandwidth_say(const char *name, size_t size) {
  char *bytes = mem_take(size, 1);
  memset(bytes, 2, size);
  stretch s = {.bytes = bytes, .size = size};
  bench_say(name, 1e-9 * (double)size / bench_seconds(read_all, &s, 0.02), "GB/s");
  CHECK(s.found == 0, "%zu", s.found);
  mem_free(bytes);
}

int main(void) {
  num_open();
  bench_say("sgemm_gflops", bench_best_sgemm(), "GFLOP/s");
  bandwidth_say("read_half_megabyte", 512 << 10);
  bandwidth_say("read_weights_megabytes", 6709000);  // as large as M at the Doom size
  bandwidth_say("read_quarter_gigabyte", 256 << 20);
  return 0;
}

// The measure of all: GFLOP/s of OpenBLAS's best sgemm on this core. `tests/bench/run` starts it once for each kind of
// core that OpenBLAS has kernels for and takes the best.

#include "bench.h"

int main(void) {
  num_open();
  bench_say("sgemm_gflops", bench_best_sgemm(), "GFLOP/s");
  return 0;
}

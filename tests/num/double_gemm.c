// test_gemm.c with real = double: the same blocks and edges around another heart.
#include "test_gemm.c"

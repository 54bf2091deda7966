// test_blas.c with real = double: num_gemm must then be dgemm.
#include "test_blas.c"

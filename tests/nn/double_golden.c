// The tests of test_golden.c once more, compiled in double, where nine golden digits must agree.
#include "test_golden.c"

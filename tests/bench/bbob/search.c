// What Python cannot easily say through es.h alone: a search's options, in one flat call. For bbob.py.

#include <math.h>

#include "es.h"
#include "num.h"

#pragma GCC visibility push(default)
// NULL: an option is wrong; es_message says how. Freed by es_close.
es *bbob_open(int restarts, int n, double sigma0, const double *x0, const double *lower, const double *upper,
              uint64_t seed, int64_t budget, double target);
#pragma GCC visibility pop

es *bbob_open(int restarts, int n, double sigma0, const double *x0, const double *lower, const double *upper,
              uint64_t seed, int64_t budget, double target) {
  es_limits limits = es_limits_pycma(n, 4 + (int)floor(3 * log(n)));
  if (restarts != ES_ONCE) limits.maxiter = 0;  // a limit of each descent, which they set themselves
  limits.ftarget = target, limits.maxfevals = budget;
  const es_options o = {.n = n,
                        .sigma0 = sigma0,
                        .x0 = x0,
                        .lower = lower,
                        .upper = upper,
                        .seed = seed,
                        .active = true,
                        .limits = &limits,
                        .restarts = (es_restarts)restarts};
  es *e;
  num_open();
  return es_open(&e, &o) == ES_OK ? e : NULL;
}

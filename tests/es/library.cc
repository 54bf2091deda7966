// For test_library.sh: the installed header in a C++ program, whose own names are those that a library might have taken.

#include <dreamfarm/es.h>

#include <cmath>
#include <cstdio>
#include <vector>

enum { OK = 7, USAGE, BROKEN, TRY };
typedef int real, status, packed;
struct hash { status FAIL; };
static int CHECK(real x) { return x; }

static_assert(DREAMFARM_VERSION_MAJOR * 10000 + DREAMFARM_VERSION_MINOR * 100 + DREAMFARM_VERSION_PATCH > 0, "a version");

int main() {
  const int n = 4;
  es_options options = {};
  options.kind = ES_SEP_CMA;
  options.n = n;
  options.sigma0 = 0.5;
  options.seed = 3;
  es *search = nullptr;
  if (es_open(&search, &options) != ES_OK) return std::fprintf(stderr, "%s\n", es_message()), 1;

  std::vector<double> fitness(static_cast<size_t>(es_popsize(search)));
  double best = INFINITY;
  while (!es_done(search) && best > 1e-8) {
    const double *x = es_ask(search);
    for (size_t k = 0; k < fitness.size(); k++) {
      fitness[k] = 0;
      for (int i = 0; i < n; i++) fitness[k] += std::pow(x[k * n + static_cast<size_t>(i)] - 1, 2);
    }
    es_tell(search, x, fitness.data());
    es_best(search, &best);
  }
  es_close(search);

  options.sigma0 = -1;  // a wrong option: a status and a sentence
  const hash mine = {OK};
  return best <= 1e-8 && es_open(&search, &options) == ES_BAD_CONFIG && CHECK(mine.FAIL) == 7 ? 0 : 2;
}

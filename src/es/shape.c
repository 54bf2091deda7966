// Rank shaping and mirrored samples (D. Brockhoff et al., "Mirrored Sampling and Sequential Selection for Evolution
// Strategies", PPSN 2010), for the strategies that follow an estimated gradient.

#include "shape.h"

void es_utilities(const es *e, double *utility) {
  int popsize = e->now.popsize;
  for (int first = 0, last; first < popsize; first = last + 1) {
    last = first;
    while (last + 1 < popsize && e->order[last + 1].fitness == e->order[first].fitness) last++;
    for (int k = first; k <= last; k++) utility[e->order[k].candidate] = 0.5 - 0.5 * (first + last) / (popsize - 1);
  }
}

void es_mirrored(const es *e, int k, const double *deviation, double *x) {
  enum { PIECE = 1024 };  // is scaled while the cache has it
  double sign = k % 2 ? -e->now.sigma : e->now.sigma;
  for (int first = 0; first < e->now.n; first += PIECE) {
    int end = first + PIECE < e->now.n ? first + PIECE : e->now.n;
    es_normals_piece(e, k / 2, first, end - first, x + first);
    for (int i = first; i < end; i++) x[i] = e->mean[i] + sign * (deviation ? deviation[i] : 1) * x[i];
  }
}

int es_even_popsize(int n) { return (es_popsize_by_n(n) + 1) / 2 * 2; }

// Rank shaping and mirrored samples, for the strategies that follow an estimated gradient.
#ifndef ES_SHAPE_H
#define ES_SHAPE_H

#include "parts.h"

// What each candidate is worth, (popsize), from 1/2 for the best to -1/2 for the worst; equal fitness shares its ranks,
// so that a plain gives no direction.
void es_utilities(const es *e, double *utility);
// x (n) = mean +- deviation z: candidates 2i and 2i + 1 are mirror images. deviation (n), NULL: all 1, times sigma.
void es_mirrored(const es *e, int k, const double *deviation, double *x);
int es_even_popsize(int n);  // 4 + floor(3 ln n), rounded up to even

#endif

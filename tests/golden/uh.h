// Made by make_uh.py with pycma 4.5.0. Do not edit.
#ifndef GOLDEN_UH_H
#define GOLDEN_UH_H

static const struct golden_uh { int popsize, count; double noise, changes; } golden_uh[] = {
  {8, 2, 0.0, -2},
  {8, 2, 0.3, -2},
  {10, 3, 1.0, 8.583333333},
  {10, 3, 30.0, 3.916666667},
  {64, 5, 0.1, -13.7},
  {64, 5, 1.0, 19.275},
  {15, 15, 0.5, -0.05}};

#endif

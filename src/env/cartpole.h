// The inside of cartpole_swingup, for its tests.
#ifndef ENV_CARTPOLE_H
#define ENV_CARTPOLE_H

#include "parts.h"

typedef struct cartpole {
  double x, x_dot, theta, theta_dot;  // m, m/s, rad (0 upright), rad/s
  int64_t steps;
} cartpole;

void cartpole_accelerations(double *x2, double *theta2, const cartpole *s, double force, double friction);
void cartpole_move(cartpole *s, double force, double friction, double dt);
double cartpole_energy(const cartpole *s);  // J; 0 with the pole level and all at rest
void cartpole_picture(uint8_t *rgb, int rows, int columns, const float *observation);  // env_kind's

#endif

// The inside of pendulum, mountaincar and acrobot, for their tests.
#ifndef ENV_CLASSICS_H
#define ENV_CLASSICS_H

#include "parts.h"

typedef struct pendulum {
  double theta, theta_dot;  // rad (0 upright), rad/s
  int64_t steps;
} pendulum;

typedef struct mountaincar {
  double x, v;              // place, and how far a step goes
  int64_t steps;
} mountaincar;

enum { ACROBOT_NUMBERS = 4 };
typedef struct acrobot {
  double s[ACROBOT_NUMBERS];  // theta1 (0: hanging), theta2 (0: straight on), and their speeds: rad, rad/s
  int64_t steps;
} acrobot;

#endif

// The inside of takecover, for its renderer, its planner and its tests. Doom's units: 1 tic = 1/35 s, +x towards the
// imps, +y to the player's left.
#ifndef ENV_TAKECOVER_H
#define ENV_TAKECOVER_H

#include "parts.h"

#define ROOM_BACK (-448.0)  // x of the wall behind the player
#define ROOM_FRONT 128.0    // x of the wall behind the imps
#define ROOM_WIDTH 768.0    // y from 0
#define ROOM_HEIGHT 104.0
#define PLAYER_X (-416.0)
#define PLAYER_RADIUS 16.0
#define IMP_X 64.0
#define IMP_RADIUS 20.0
#define BALL_RADIUS 6.0
#define BALL_SPEED 10.0  // a tic
#define WINDUP_TICS 16

// Imps are 40 apart in a row of 632: sixteen fit. A ball flies 88 tics at most and an imp throws one in 25 at best.
enum { TAKECOVER_IMPS = 16, TAKECOVER_BALLS = 64, TAKECOVER_CAP = 2100 };

typedef enum imp_pose { IMP_WALKS, IMP_WINDS_UP, IMP_HAS_THROWN } imp_pose;

typedef struct imp {
  double y;
  int wait;       // tics until it next does something
  int reaction;   // decisions before it may throw at all
  int movecount;  // decisions before it may throw again
  imp_pose pose;
} imp;

typedef struct ball {
  double x, y, vx, vy;
  int64_t shooter;  // index of the imp that threw it, which it does not hit
} ball;

typedef struct takecover {
  rng luck;
  double y, v;  // the player's place and speed, +y = left
  int health, tic, steps, hits;
  int imps, balls;
  imp imp[TAKECOVER_IMPS];
  ball ball[TAKECOVER_BALLS];
} takecover;

int takecover_direction(float action);  // +1 left, 0, -1 right
void takecover_observe(const void *state, void *observation);  // (64,64,3) uint8
int takecover_plan(const takecover *s);  // the direction that lives longest, on the true state

// One tic of the player's motion: thrust, walls, friction. Here because the planner walks it millions of times.
static inline void takecover_walk(double *y, double *v, int direction) {
  const double thrust = 0.75, friction = 0.90625, low = PLAYER_RADIUS, high = ROOM_WIDTH - PLAYER_RADIUS;
  *v += thrust * direction;
  *y += *v;
  if (*y < low || *y > high) {
    *y = *y < low ? low : high;
    *v = 0;
  }
  *v *= friction;
}

#endif

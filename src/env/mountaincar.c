// Mountain car: a car in a valley, too weak to drive up straight, must swing up to the flag. Moore, Efficient
// memory-based learning for robot control (1990). Equations, constants, rewards and caps: Gymnasium's
// MountainCarContinuous-v0, where fuel costs and the flag pays 100, and MountainCar-v0, where each step costs 1.

#include <string.h>

#include "classics.h"
#include "shapes.h"

#define LEFT (-1.2)      // a wall that takes the speed
#define RIGHT 0.6
#define FASTEST 0.07     // a step
#define SLOPE 0.0025     // gravity: what a step takes where it is steepest
#define POWER 0.0015     // of the engine at action 1
#define POWER_DISCRETE 0.001
#define FLAG 0.45
#define FLAG_DISCRETE 0.5
enum { CAP = 999, CAP_DISCRETE = 200 };

static void mountaincar_reset(void *state, rng luck) {
  mountaincar *s = state;
  memset(s, 0, sizeof *s);
  s->x = env_between(-0.6, -0.4, luck, 0);
}

// The ground is sin(3 x) high.
static void mountaincar_move(mountaincar *s, double push) {
  double sine, cosine;
  env_sincos(&sine, &cosine, 3 * s->x);

  s->v = env_limited(s->v + push - SLOPE * cosine, -FASTEST, FASTEST);
  s->x = env_limited(s->x + s->v, LEFT, RIGHT);
  if (s->x <= LEFT && s->v < 0) s->v = 0;
  s->steps++;
}

static env_outcome mountaincar_end(const mountaincar *s, double reward, bool there, int cap) {
  return (env_outcome){.reward = (float)reward, .terminated = there, .truncated = !there && s->steps >= cap};
}

static env_outcome mountaincar_step(void *state, const float *action) {
  mountaincar *s = state;
  double a = env_limited((double)action[0], -1, 1);
  mountaincar_move(s, a * POWER);
  bool there = s->x >= FLAG && s->v >= 0;
  return mountaincar_end(s, (there ? 100 : 0) - 0.1 * a * a, there, CAP);
}

static env_outcome mountaincar_step_discrete(void *state, const float *action) {
  mountaincar *s = state;
  mountaincar_move(s, env_third(action[0]) * POWER_DISCRETE);
  bool there = s->x >= FLAG_DISCRETE && s->v >= 0;
  return mountaincar_end(s, -1, there, CAP_DISCRETE);
}

static void mountaincar_observe(const void *state, void *observation) {
  const mountaincar *s = state;
  float *o = observation;
  o[0] = (float)s->x;
  o[1] = (float)s->v;
}

// --- its picture ----------------------------------------------------------------------------------------------------
static double mountaincar_height(double x) {
  double sine, cosine;
  env_sincos(&sine, &cosine, 3 * x);
  return 0.45 * sine;
}

static void mountaincar_pixel(double *rgb, point p, double pixel, const void *scene) {
  static const double ground[] = {150, 150, 150}, body[] = {0, 114, 178}, flag[] = {213, 94, 0};
  const point *car = scene;

  // the ground's distance is its height's: it is nowhere very steep
  shapes_blend(rgb, ground, p.y - mountaincar_height(p.x), pixel);
  double foot = mountaincar_height(FLAG);
  shapes_blend(rgb, flag, shapes_segment(p, (point){FLAG, foot}, (point){FLAG, foot + 0.25}) - 0.015, pixel);
  shapes_blend(rgb, body, shapes_disc(p, *car, 0.07), pixel);
}

// A dream's state may be anything: where it is no place in the valley, no car is shown.
static void mountaincar_picture(uint8_t *rgb, int rows, int columns, const float *observation) {
  double x = (double)observation[0];
  bool inside = x >= 2 * LEFT && x <= -2 * LEFT;
  point car = {inside ? x : 10, inside ? mountaincar_height(x) + 0.07 : 10};
  shapes_draw(rgb, rows, columns, (point){-0.3, 0.1}, 0.95, mountaincar_pixel, &car);
}

static const char *const mountaincar_components[] = {"place of the car (the flag: 0.45)", "speed, a step"};

#define MOUNTAINCAR_SPEC(called, said, steps)                                                                      \
  {.name = called, .words = said, .version = "1", .shape = {2, 1, 1}, .actions = 1, .cap = steps, .pure = true,     \
   .picture = mountaincar_picture, .components = mountaincar_components, .baselines = env_baselines_blind}

const env_kind env_mountaincar = {
    .spec = MOUNTAINCAR_SPEC("mountaincar",
                             "swing a weak car out of a valley, state (x, v); 100 at the flag, less the fuel", CAP),
    .state_bytes = sizeof(mountaincar),
    .reset = mountaincar_reset,
    .step = mountaincar_step,
    .observe = mountaincar_observe,
};

const env_kind env_mountaincar_discrete = {
    .spec = MOUNTAINCAR_SPEC("mountaincar_discrete",
                             "mountaincar with full throttle, back, ahead or none (within +-1/3); -1 a step",
                             CAP_DISCRETE),
    .state_bytes = sizeof(mountaincar),
    .reset = mountaincar_reset,
    .step = mountaincar_step_discrete,
    .observe = mountaincar_observe,
};

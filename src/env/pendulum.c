// Pendulum, the classic of swing-ups: a rod on a motor too weak to lift it in one go. Equations, constants, reward and
// 200 steps of 0.05 s: Gymnasium's Pendulum-v1, whose torque of +-2 is action +-1.

#include <string.h>

#include "classics.h"
#include "shapes.h"

#define GRAVITY 10.0
#define MASS 1.0
#define LENGTH 1.0       // a uniform rod, hinged at its end
#define TORQUE 2.0       // at action 1
#define FASTEST 8.0      // rad/s
#define TIME_STEP 0.05
enum { CAP = 200 };

static void pendulum_reset(void *state, rng luck) {
  pendulum *s = state;
  memset(s, 0, sizeof *s);
  s->theta = env_between(-ENV_PI, ENV_PI, luck, 0);
  s->theta_dot = env_between(-1, 1, luck, 1);
}

// theta'' = 3 g / (2 l) sin(theta) + 3 u / (m l^2); the angle moves with the speed from after the step.
static void pendulum_move(pendulum *s, double torque) {
  double sine, cosine;
  env_sincos(&sine, &cosine, s->theta);

  double speed = s->theta_dot;
  speed += (3 * GRAVITY / (2 * LENGTH) * sine + 3 / (MASS * LENGTH * LENGTH) * torque) * TIME_STEP;
  s->theta_dot = env_limited(speed, -FASTEST, FASTEST);
  s->theta += s->theta_dot * TIME_STEP;
}

// What is paid is what the state before the step costs.
static env_outcome pendulum_step(void *state, const float *action) {
  pendulum *s = state;
  double torque = TORQUE * env_limited((double)action[0], -1, 1), angle = env_angle_wrapped(s->theta);
  double cost = angle * angle + 0.1 * s->theta_dot * s->theta_dot + 0.001 * torque * torque;

  pendulum_move(s, torque);
  s->steps++;
  return (env_outcome){.reward = (float)-cost, .truncated = s->steps >= CAP};
}

static void pendulum_observe(const void *state, void *observation) {
  const pendulum *s = state;
  double sine, cosine;
  env_sincos(&sine, &cosine, s->theta);

  float *o = observation;
  o[0] = (float)cosine;
  o[1] = (float)sine;
  o[2] = (float)s->theta_dot;
}

// --- its picture ----------------------------------------------------------------------------------------------------
static void pendulum_pixel(double *rgb, point p, double pixel, const void *scene) {
  static const double rod[] = {213, 94, 0}, hinge[] = {40, 40, 40};
  const point *tip = scene;
  shapes_blend(rgb, rod, shapes_segment(p, (point){0, 0}, *tip) - 0.09, pixel);
  shapes_blend(rgb, hinge, shapes_disc(p, (point){0, 0}, 0.05), pixel);
}

static void pendulum_picture(uint8_t *rgb, int rows, int columns, const float *observation) {
  point tip = {-(double)observation[1], (double)observation[0]};
  shapes_draw(rgb, rows, columns, (point){0, 0}, shapes_half(1.3, rows, columns), pendulum_pixel, &tip);
}

static const char *const pendulum_components[] = {"cosine of the rod's angle (1: upright)", "sine of the rod's angle",
                                                  "angular speed in rad/s"};

const env_kind env_pendulum = {
    .spec = {.name = "pendulum",
             .words = "swing a rod up with a weak motor and hold it, state (cos, sin, theta'); each step costs its "
                      "angle, speed and torque",
             .version = "1",
             .shape = {3, 1, 1},
             .actions = 1,
             .cap = CAP,
             .pure = true,
             .picture = pendulum_picture,
             .components = pendulum_components,
             .baselines = env_baselines_blind},
    .state_bytes = sizeof(pendulum),
    .reset = pendulum_reset,
    .step = pendulum_step,
    .observe = pendulum_observe,
};

// Acrobot: two rods in a row, a motor between them; the end is to swing up. Sutton, Generalization in reinforcement
// learning (1996), with the equations of Sutton and Barto's book. Constants, Runge and Kutta's step of 0.2 s, -1 a step
// and 500 steps: Gymnasium's Acrobot-v1 ("book"). Three torques: -1, 0 (action within +-1/3), +1.

#include <string.h>

#include "classics.h"
#include "shapes.h"

// Both rods alike: 1 m, 1 kg, the centre of mass in the middle, 1 kg m^2 of inertia.
#define GRAVITY 9.8
#define CENTRE 0.5
#define INERTIA 1.0
#define TIME_STEP 0.2
#define FASTEST_1 (4 * ENV_PI)
#define FASTEST_2 (9 * ENV_PI)
enum { CAP = 500 };

static void acrobot_reset(void *state, rng luck) {
  acrobot *a = state;
  memset(a, 0, sizeof *a);
  for (int i = 0; i < ACROBOT_NUMBERS; i++) a->s[i] = env_between(-0.1, 0.1, luck, (uint32_t)i);
}

// rates (4) of a state s (4). With l = m = 1, c the centre, I the inertia, g gravity (cos(x - pi/2) = sin x):
//   d1 = c^2 + 1 + c^2 + 2 c cos t2 + 2 I,   d2 = c^2 + c cos t2 + I,   p2 = c g sin(t1 + t2)
//   p1 = -c w2^2 sin t2 - 2 c w2 w1 sin t2 + (c + 1) g sin t1 + p2
//   t2'' = (u + d2/d1 p1 - c w1^2 sin t2 - p2) / (c^2 + I - d2^2/d1),   t1'' = -(d2 t2'' + p1) / d1
static void acrobot_rates(double *rates, const double *s, double torque) {
  const double c = CENTRE, g = GRAVITY, w1 = s[2], w2 = s[3];
  double sine1, cosine1, sine2, cosine2, sine12, cosine12;
  env_sincos(&sine1, &cosine1, s[0]);
  env_sincos(&sine2, &cosine2, s[1]);
  env_sincos(&sine12, &cosine12, s[0] + s[1]);

  double d1 = c * c + 1 + c * c + 2 * c * cosine2 + 2 * INERTIA, d2 = c * c + c * cosine2 + INERTIA;
  double p2 = c * g * sine12;
  double p1 = -c * w2 * w2 * sine2 - 2 * c * w2 * w1 * sine2 + (c + 1) * g * sine1 + p2;

  rates[0] = w1;
  rates[1] = w2;
  rates[3] = (torque + d2 / d1 * p1 - c * w1 * w1 * sine2 - p2) / (c * c + INERTIA - d2 * d2 / d1);
  rates[2] = -(d2 * rates[3] + p1) / d1;
}

// at (4) = s + dt k
static void acrobot_along(double *at, const double *s, const double *k, double dt) {
  for (int i = 0; i < ACROBOT_NUMBERS; i++) at[i] = s[i] + dt * k[i];
}

static void acrobot_move(double *s, double torque) {
  double k1[ACROBOT_NUMBERS], k2[ACROBOT_NUMBERS], k3[ACROBOT_NUMBERS], k4[ACROBOT_NUMBERS], at[ACROBOT_NUMBERS];
  acrobot_rates(k1, s, torque);
  acrobot_along(at, s, k1, TIME_STEP / 2);
  acrobot_rates(k2, at, torque);
  acrobot_along(at, s, k2, TIME_STEP / 2);
  acrobot_rates(k3, at, torque);
  acrobot_along(at, s, k3, TIME_STEP);
  acrobot_rates(k4, at, torque);

  for (int i = 0; i < ACROBOT_NUMBERS; i++) s[i] += TIME_STEP / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
}

static env_outcome acrobot_step(void *state, const float *action) {
  acrobot *a = state;
  acrobot_move(a->s, env_third(action[0]));
  a->s[0] = env_angle_wrapped(a->s[0]);
  a->s[1] = env_angle_wrapped(a->s[1]);
  a->s[2] = env_limited(a->s[2], -FASTEST_1, FASTEST_1);
  a->s[3] = env_limited(a->s[3], -FASTEST_2, FASTEST_2);
  a->steps++;

  // the end is a rod's length above the hinge
  double sine, cosine1, cosine12;
  env_sincos(&sine, &cosine1, a->s[0]);
  env_sincos(&sine, &cosine12, a->s[0] + a->s[1]);
  bool up = -cosine1 - cosine12 > 1;
  return (env_outcome){.reward = up ? 0 : -1, .terminated = up, .truncated = !up && a->steps >= CAP};
}

static void acrobot_observe(const void *state, void *observation) {
  const acrobot *a = state;
  float *o = observation;
  for (int i = 0; i < 2; i++) {
    double sine, cosine;
    env_sincos(&sine, &cosine, a->s[i]);
    o[2 * i] = (float)cosine;
    o[2 * i + 1] = (float)sine;
    o[4 + i] = (float)a->s[2 + i];
  }
}

// --- its picture ----------------------------------------------------------------------------------------------------
typedef struct acrobot_pose { point elbow, end; } acrobot_pose;

static void acrobot_pixel(double *rgb, point p, double pixel, const void *scene) {
  static const double line[] = {150, 150, 150}, first[] = {0, 114, 178}, second[] = {213, 94, 0};
  static const double hinge[] = {40, 40, 40};
  const acrobot_pose *pose = scene;
  shapes_blend(rgb, line, shapes_segment(p, (point){-2.2, 1}, (point){2.2, 1}) - 0.02, pixel);
  shapes_blend(rgb, first, shapes_segment(p, (point){0, 0}, pose->elbow) - 0.09, pixel);
  shapes_blend(rgb, second, shapes_segment(p, pose->elbow, pose->end) - 0.09, pixel);
  shapes_blend(rgb, hinge, shapes_disc(p, (point){0, 0}, 0.06), pixel);
  shapes_blend(rgb, hinge, shapes_disc(p, pose->elbow, 0.06), pixel);
}

// The second angle counts from the first rod's direction: the direction of both is that of their sum.
static void acrobot_picture(uint8_t *rgb, int rows, int columns, const float *observation) {
  double c1 = (double)observation[0], s1 = (double)observation[1];
  double c2 = (double)observation[2], s2 = (double)observation[3];
  acrobot_pose pose = {.elbow = {s1, -c1}};
  pose.end = (point){s1 + (s1 * c2 + c1 * s2), -c1 - (c1 * c2 - s1 * s2)};
  shapes_draw(rgb, rows, columns, (point){0, 0}, shapes_half(2.3, rows, columns), acrobot_pixel, &pose);
}

static const char *const acrobot_components[] = {
    "cosine of the upper rod's angle (1: hanging)", "sine of the upper rod's angle",
    "cosine of the lower rod's angle to it (1: straight on)", "sine of the lower rod's angle to it",
    "angular speed of the upper rod in rad/s", "angular speed of the lower rod in rad/s"};

const env_kind env_acrobot = {
    .spec = {.name = "acrobot",
             .words = "swing the end of two rods above a line by the joint between them, state (cos, sin, cos, sin, "
                      "speeds); -1 a step",
             .version = "1",
             .shape = {6, 1, 1},
             .actions = 1,
             .cap = CAP,
             .pure = true,
             .picture = acrobot_picture,
             .components = acrobot_components,
             .baselines = env_baselines_blind},
    .state_bytes = sizeof(acrobot),
    .reset = acrobot_reset,
    .step = acrobot_step,
    .observe = acrobot_observe,
};

// Cart-pole swing-up, the hard continuous variant: the pole hangs, the motor is weak, the track is short. Equations of
// motion: Deisenroth, Efficient Reinforcement Learning using Gaussian Processes (2010), appendix C.2. Constants: Gal,
// McAllister & Rasmussen, Improving PILCO with Bayesian neural network dynamics models (2016). End of the track, reward
// and 1000 steps of 0.01 s: Ha's estool CartPoleSwingUp. The same with a hard start: EvoJAX's task CartPoleSwingUp,
// `harder`. It knows nothing of lanes or policies.

#include <math.h>
#include <string.h>

#include "cartpole.h"

#define GRAVITY 9.82
#define CART_MASS 0.5
#define POLE_MASS 0.5
#define POLE_LENGTH 0.6  // a uniform rod, hinged at its end
#define FRICTION 0.1     // of the cart, N s/m
#define FORCE 10.0       // at action 1
#define TIME_STEP 0.01
#define TRACK 2.4        // |x| beyond it ends the episode
#define NOISE 0.2        // standard deviation of the start, in each of the four numbers
enum { CAP = 1000 };

// --- motion ---------------------------------------------------------------------------------------------------------
// theta = 0 is upright, positive leans towards -x; m the pole's mass, M both, l the rod's length, u the force:
//   x''     = (-2 m l theta'^2 s + 3 m g s c + 4 (u - b x')) / (4 M - 3 m c^2)
//   theta'' = (-3 m l theta'^2 s c + 6 M g s + 6 (u - b x') c) / (l (4 M - 3 m c^2))
void cartpole_accelerations(double *x2, double *theta2, const cartpole *s, double force, double friction) {
  double sine, cosine, m = POLE_MASS, M = POLE_MASS + CART_MASS, l = POLE_LENGTH;
  env_sincos(&sine, &cosine, s->theta);

  // What pushes the cart, and what the swinging pole pulls at it.
  double push = force - friction * s->x_dot, swing = m * l * s->theta_dot * s->theta_dot * sine;
  double inertia = 4 * M - 3 * m * cosine * cosine;

  *x2 = (-2 * swing + 3 * m * GRAVITY * sine * cosine + 4 * push) / inertia;
  *theta2 = (-3 * swing * cosine + 6 * M * GRAVITY * sine + 6 * push * cosine) / (l * inertia);
}

double cartpole_energy(const cartpole *s) {
  double sine, cosine, m = POLE_MASS, l = POLE_LENGTH, w = s->theta_dot;
  env_sincos(&sine, &cosine, s->theta);
  // The rod's centre is at x - (l/2) sin(theta), (l/2) cos(theta) high.
  double vx = s->x_dot - l / 2 * cosine * w, vz = -l / 2 * sine * w;
  return CART_MASS / 2 * s->x_dot * s->x_dot + m / 2 * (vx * vx + vz * vz) + m * l * l / 24 * w * w +
         m * GRAVITY * l / 2 * cosine;
}

// Explicit Euler, as the source has it: positions move with the speeds from before the step.
void cartpole_move(cartpole *s, double force, double friction, double dt) {
  double x2, theta2;
  cartpole_accelerations(&x2, &theta2, s, force, friction);

  s->x += s->x_dot * dt;
  s->theta += s->theta_dot * dt;
  s->x_dot += x2 * dt;
  s->theta_dot += theta2 * dt;
}

// 1 upright in the middle, 0 hanging or at the end of the track.
static double reward_of(const cartpole *s) {
  double sine, upright, middle;
  env_sincos(&sine, &upright, s->theta);
  env_sincos(&sine, &middle, s->x / TRACK * (ENV_PI / 2));
  return (upright + 1) / 2 * middle;
}

// --- the environment ------------------------------------------------------------------------------------------------
static void cartpole_reset(void *state, rng luck) {
  double noise[4];
  rng_normals_double(noise, 4, luck, 0, 0);
  cartpole *s = state;

  // The pole hangs, near enough to rest.
  memset(s, 0, sizeof *s);
  s->x = NOISE * noise[0];
  s->x_dot = NOISE * noise[1];
  s->theta = ENV_PI + NOISE * noise[2];
  s->theta_dot = NOISE * noise[3];
}

// Anywhere on the track, the pole anywhere below its hinge, both at any speed up to 10.
static void cartpole_reset_hard(void *state, rng luck) {
  const double place = TRACK, speed = 10, angle = ENV_PI / 2;
  cartpole *s = state;

  memset(s, 0, sizeof *s);
  s->x = env_between(-place, place, luck, 0);
  s->x_dot = env_between(-speed, speed, luck, 1);
  s->theta = env_between(ENV_PI - angle, ENV_PI + angle, luck, 2);
  s->theta_dot = env_between(-speed, speed, luck, 3);
}

static env_outcome cartpole_step(void *state, const float *action) {
  cartpole *s = state;
  double a = (double)action[0];
  cartpole_move(s, FORCE * (a > -1 ? a < 1 ? a : 1 : -1), FRICTION, TIME_STEP);
  s->steps++;

  bool off = s->x < -TRACK || s->x > TRACK;
  return (env_outcome){.reward = (float)reward_of(s), .terminated = off, .truncated = !off && s->steps >= CAP};
}

static void cartpole_observe(const void *state, void *observation) {
  const cartpole *s = state;
  double sine, cosine;
  env_sincos(&sine, &cosine, s->theta);

  // The angle by its cosine and sine: whole turns are one state.
  float *o = observation;
  o[0] = (float)s->x;
  o[1] = (float)s->x_dot;
  o[2] = (float)cosine;
  o[3] = (float)sine;
  o[4] = (float)s->theta_dot;
}

static const char *const cartpole_components[] = {"position of the cart in m", "speed of the cart in m/s",
                                                  "cosine of the pole's angle (1: upright)", "sine of the pole's angle",
                                                  "angular speed of the pole in rad/s"};

#define CARTPOLE_SPEC(called, said)                                                                         \
  {.name = called, .words = said, .version = "1", .shape = {5, 1, 1}, .actions = 1, .cap = CAP, .pure = true, \
   .picture = cartpole_picture, .components = cartpole_components, .baselines = env_baselines_blind}

const env_kind env_cartpole_swingup = {
    .spec = CARTPOLE_SPEC("cartpole_swingup", "swing a hanging pole up and balance it, state (x, x', cos, sin, "
                                              "theta'); reward up to 1 a step"),
    .state_bytes = sizeof(cartpole),
    .reset = cartpole_reset,
    .step = cartpole_step,
    .observe = cartpole_observe,
};

const env_kind env_cartpole_swingup_hard = {
    .spec = CARTPOLE_SPEC("cartpole_swingup_hard", "cartpole_swingup from anywhere on the track, at speeds up to 10"),
    .state_bytes = sizeof(cartpole),
    .reset = cartpole_reset_hard,
    .step = cartpole_step,
    .observe = cartpole_observe,
};

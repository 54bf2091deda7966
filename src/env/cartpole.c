// Cart-pole swing-up, the hard continuous variant: the pole hangs, the motor is weak, the track is short. Equations of
// motion: Deisenroth, Efficient Reinforcement Learning using Gaussian Processes (2010), appendix C.2. Constants: Gal,
// McAllister & Rasmussen, Improving PILCO with Bayesian neural network dynamics models (2016). End of the track, reward
// and 1000 steps of 0.01 s: Ha's estool CartPoleSwingUp. It knows nothing of lanes or policies.

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
#define PI 3.14159265358979323846
enum { CAP = 1000 };

// --- sine and cosine -----------------------------------------------------------------------------------------------
// Our own, from + - * alone, so that an episode has the same bits wherever it runs: Taylor's series on [-pi/4, pi/4],
// the rest by symmetry. Errors stay below 3e-16 there, and below 1e-13 for the few hundred radians a pole can turn.
static double sine_near_0(double x) {
  double q = x * x;
  return x * (1 + q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q * (1.0 / 362880 + q * (-1.0 / 39916800 +
         q * (1.0 / 6227020800 + q * (-1.0 / 1307674368000))))))));
}

static double cosine_near_0(double x) {
  double q = x * x;
  return 1 + q * (-1.0 / 2 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 + q * (-1.0 / 3628800 +
         q * (1.0 / 479001600 + q * (-1.0 / 87178291200 + q * (1.0 / 20922789888000))))))));
}

void cartpole_sincos(double *sine, double *cosine, double x) {
  double turns = x * (2 / PI);
  double quarter = turns < 0 ? -(double)(int64_t)(0.5 - turns) : (double)(int64_t)(0.5 + turns);
  // pi/2 in two parts, the first short enough that its product with a small integer is exact.
  double r = x - quarter * 1.5707963267341256 - quarter * 6.077100506506192e-11;

  // A quarter turn swaps sine and cosine, with a sign.
  double s = sine_near_0(r), c = cosine_near_0(r);
  switch ((int64_t)quarter & 3) {
    case 0:
      *sine = s;
      *cosine = c;
      break;
    case 1:
      *sine = c;
      *cosine = -s;
      break;
    case 2:
      *sine = -s;
      *cosine = -c;
      break;
    default:
      *sine = -c;
      *cosine = s;
      break;
  }
}

// --- motion ---------------------------------------------------------------------------------------------------------
// theta = 0 is upright, positive leans towards -x; m the pole's mass, M both, l the rod's length, u the force:
//   x''     = (-2 m l theta'^2 s + 3 m g s c + 4 (u - b x')) / (4 M - 3 m c^2)
//   theta'' = (-3 m l theta'^2 s c + 6 M g s + 6 (u - b x') c) / (l (4 M - 3 m c^2))
void cartpole_accelerations(double *x2, double *theta2, const cartpole *s, double force, double friction) {
  double sine, cosine, m = POLE_MASS, M = POLE_MASS + CART_MASS, l = POLE_LENGTH;
  cartpole_sincos(&sine, &cosine, s->theta);

  // What pushes the cart, and what the swinging pole pulls at it.
  double push = force - friction * s->x_dot, swing = m * l * s->theta_dot * s->theta_dot * sine;
  double inertia = 4 * M - 3 * m * cosine * cosine;

  *x2 = (-2 * swing + 3 * m * GRAVITY * sine * cosine + 4 * push) / inertia;
  *theta2 = (-3 * swing * cosine + 6 * M * GRAVITY * sine + 6 * push * cosine) / (l * inertia);
}

double cartpole_energy(const cartpole *s) {
  double sine, cosine, m = POLE_MASS, l = POLE_LENGTH, w = s->theta_dot;
  cartpole_sincos(&sine, &cosine, s->theta);
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
  cartpole_sincos(&sine, &upright, s->theta);
  cartpole_sincos(&sine, &middle, s->x / TRACK * (PI / 2));
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
  s->theta = PI + NOISE * noise[2];
  s->theta_dot = NOISE * noise[3];
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
  cartpole_sincos(&sine, &cosine, s->theta);

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

const env_kind env_cartpole_swingup = {
    .spec = {.name = "cartpole_swingup",
             .words = "swing a hanging pole up and balance it, state (x, x', cos, sin, theta'); reward up to 1 a step",
             .version = "1",
             .pixels = false,
             .shape = {5, 1, 1},
             .actions = 1,
             .cap = CAP,
             .pure = true,
             .picture = cartpole_picture,
             .components = cartpole_components,
             .baselines = env_baselines_blind},
    .state_bytes = sizeof(cartpole),
    .reset = cartpole_reset,
    .step = cartpole_step,
    .observe = cartpole_observe,
};

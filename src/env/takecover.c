// Take Cover: dynamics of the Doom scenario on which World Models (Ha & Schmidhuber 2018) trains inside the dream. A
// player at one end of a room steps left and right; imps at the other end throw fireballs at where he stands. It knows
// nothing of pictures. Constants are those of the scenario and its engine at skill 4; where those leave freedom the
// choice is the one that reproduces the scores of the blind policies in the original, and says so.

#include "takecover.h"

#include <math.h>
#include <string.h>

enum {
  NO_OP_TICS = 14,     // the scenario starts the episode at tic 14
  SPAWN_TICS = 60,     // one more imp each
  SPAWN_LOW = 20, SPAWN_HIGH = 652,
  LOOK_TICS = 10,      // an imp stands this long before it first sees the player (its spawn state): with it "still"
                       // lives 142 tics, without it 131
  CHASE_TICS = 3,      // between two decisions of an imp
  REACTION = 8,        // decisions before its first throw
  RECOVER_TICS = 6,    // after a throw
  THROW_OF_256 = 56,   // chance at a decision: 256 - MinMissileChance, beyond 200 units
  HEALTH = 100, DAMAGE = 21, DAMAGE_SIDES = 8,  // 3 x the scenario's damage factor 7, times a die
};
// Boxes touch when both distances are below the sum of the radii.
#define HIT_PLAYER (PLAYER_RADIUS + BALL_RADIUS)
#define HIT_IMP (IMP_RADIUS + BALL_RADIUS)

// The draws of one tic. Every decision has its own number, so no draw depends on how many others were made.
enum { DRAW_THROW = 0, DRAW_MOVE = 64, DRAW_SPAWN = 128, DRAW_DAMAGE = 192 };

static int draw(const takecover *s, int what, int bound) {
  return (int)rng_below(s->luck, (uint32_t)s->tic, (uint32_t)what, (uint32_t)bound);
}

// --- imps -----------------------------------------------------------------------------------------------------------
static void imp_spawn(takecover *s, double y) {
  for (int i = 0; i < s->imps; i++)
    if (fabs(s->imp[i].y - y) < 2 * IMP_RADIUS) return;  // the place is taken: no imp this time, as in the scenario
  CHECK(s->imps < TAKECOVER_IMPS, "%d imps", s->imps);
  s->imp[s->imps++] = (imp){.y = y, .wait = LOOK_TICS + 1, .reaction = REACTION};
}

static void imp_throw(takecover *s, int i) {
  if (s->balls == TAKECOVER_BALLS) return;  // never seen: 13 were the most in 40,000 episodes
  double dx = PLAYER_X - IMP_X, dy = s->y - s->imp[i].y, distance = sqrt(dx * dx + dy * dy);
  double vx = BALL_SPEED * dx / distance, vy = BALL_SPEED * dy / distance;
  // The engine sets a new missile half a tic ahead of the hand that throws it.
  s->ball[s->balls++] = (ball){.x = IMP_X + vx / 2, .y = s->imp[i].y + vy / 2, .vx = vx, .vy = vy, .shooter = i};
}

// A decision: to wind up for a throw, or to count down as a walking monster would (these have speed 0).
static void imp_decide(takecover *s, int i) {
  imp *m = &s->imp[i];
  if (m->reaction > 0) m->reaction--;
  m->wait = CHASE_TICS;

  if (m->pose == IMP_HAS_THROWN) {  // the first decision after a throw never is another one
    m->pose = IMP_WALKS;
    m->movecount = draw(s, DRAW_MOVE + i, 16);
  } else if (m->movecount == 0 && m->reaction == 0 && draw(s, DRAW_THROW + i, 256) < THROW_OF_256) {
    m->pose = IMP_WINDS_UP;
    m->wait = WINDUP_TICS;
  } else if (--m->movecount < 0) {
    m->movecount = draw(s, DRAW_MOVE + i, 16);
  }
}

static void imp_tic(takecover *s, int i) {
  imp *m = &s->imp[i];
  if (--m->wait > 0) return;
  if (m->pose != IMP_WINDS_UP) {
    imp_decide(s, i);
    return;
  }

  // Wound up: the ball leaves.
  imp_throw(s, i);
  m->pose = IMP_HAS_THROWN;
  m->wait = RECOVER_TICS;
}

// --- fireballs ------------------------------------------------------------------------------------------------------
static bool ball_bursts_on_wall(const ball *b) {
  return b->x < ROOM_BACK + BALL_RADIUS || b->y < BALL_RADIUS || b->y > ROOM_WIDTH - BALL_RADIUS;
}

static bool ball_bursts_on_imp(const takecover *s, const ball *b) {
  if (fabs(b->x - IMP_X) >= HIT_IMP) return false;
  for (int i = 0; i < s->imps; i++)
    if (i != b->shooter && fabs(b->y - s->imp[i].y) < HIT_IMP) return true;
  return false;
}

static bool ball_hits_player(const takecover *s, const ball *b) {
  return fabs(b->x - PLAYER_X) < HIT_PLAYER && fabs(b->y - s->y) < HIT_PLAYER;
}

// Missiles faster than their radius move in two halves a tic, each with its own collision test. False: it is gone.
static bool ball_fly(takecover *s, ball *b) {
  for (int half = 0; half < 2; half++) {
    b->x += b->vx / 2;
    b->y += b->vy / 2;

    // The die is numbered by the hit, so that two in one tic are not the same.
    if (ball_hits_player(s, b)) {
      s->health -= DAMAGE * (1 + draw(s, DRAW_DAMAGE + s->hits, DAMAGE_SIDES));
      s->hits++;
      return false;
    }
    if (ball_bursts_on_wall(b) || ball_bursts_on_imp(s, b)) return false;
  }
  return true;
}

// --- player ---------------------------------------------------------------------------------------------------------
// World Models' thresholds: a scalar in (-1, 1), the outer thirds are the two buttons.
int takecover_direction(float action) { return action < -1.0f / 3 ? +1 : action > 1.0f / 3 ? -1 : 0; }

// --- the environment ------------------------------------------------------------------------------------------------
// The order within a tic is ours: imps think, the player walks, balls fly. Of the orders tried it agrees best with the
// sweeps, which are the most sensitive to half a tic.
static void tic(takecover *s, int direction) {
  s->tic++;
  for (int i = 0; i < s->imps; i++) imp_tic(s, i);

  takecover_walk(&s->y, &s->v, direction);

  // The last ball takes the place of one that is gone, and is looked at next.
  for (int i = 0; i < s->balls;)
    if (ball_fly(s, &s->ball[i])) i++;
    else s->ball[i] = s->ball[--s->balls];

  if (s->tic % SPAWN_TICS == 0) imp_spawn(s, SPAWN_LOW + draw(s, DRAW_SPAWN, SPAWN_HIGH - SPAWN_LOW + 1));
}

static void takecover_reset(void *state, rng luck) {
  takecover *s = state;
  memset(s, 0, sizeof *s);
  s->luck = luck;
  s->y = ROOM_WIDTH / 2;
  s->health = HEALTH;

  // The scenario opens with three imps, and the episode when they have stood a moment.
  const double start[] = {20, 278, 652};
  for (int i = 0; i < 3; i++) imp_spawn(s, start[i]);
  for (int i = 0; i < NO_OP_TICS; i++) tic(s, 0);
}

// One reward for each step lived through, the last one included.
static env_outcome takecover_step(void *state, const float *action) {
  takecover *s = state;
  tic(s, takecover_direction(action[0]));
  s->steps++;
  bool dead = s->health <= 0;
  return (env_outcome){.reward = 1, .terminated = dead, .truncated = !dead && s->steps >= TAKECOVER_CAP};
}

// --- policies -------------------------------------------------------------------------------------------------------
// Blind: left for a half-period, right for the next. Left first is what the published scores of the sweeps are of; the
// imps do not stand symmetrically.
static void takecover_sweep(ENV_ACT) {
  (void)actions, (void)state, (void)luck, (void)memory;
  action[0] = step / (int)p->number % 2 == 0 ? -1.0f : 1.0f;
}

static void takecover_lookahead(ENV_ACT) {
  (void)p, (void)actions, (void)step, (void)luck, (void)memory;
  action[0] = (float)-takecover_plan(state);
}

static const env_baseline takecover_baselines[] = {
    {.name = "random", .reported = "random", .act = env_act_random},
    {.name = "hold-random", .reported = "hold-random", .act = env_act_hold_random},
    {.name = "wander", .number = "LONGEST_HOLD", .act = env_act_wander},
    {.name = "still", .reported = "still", .act = env_act_still},
    {.name = "sweep", .number = "HALF_PERIOD", .reported = "sweep:100", .act = takecover_sweep},
    {.name = "lookahead", .privileged = true, .act = takecover_lookahead},
    {.name = NULL},
};

const env_kind env_takecover = {
    .spec = {.name = "takecover",
             .words = "Doom's Take Cover: step aside from fireballs, seen in 64x64 pixels; reward 1 a tic lived "
                      "through",
             .version = "1",
             .pixels = true,
             .shape = {64, 64, 3},
             .actions = 1,
             .cap = TAKECOVER_CAP,
             .pays_steps = true,
             .pure = true,
             .baselines = takecover_baselines},
    .state_bytes = sizeof(takecover),
    .reset = takecover_reset,
    .step = takecover_step,
    .observe = takecover_observe,
};

// Baseline policies: what a score is worth. They see nothing, or, with privileges, everything; none of them learns.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "takecover.h"

// --- the policies -----------------------------------------------------------------------------------------------------
static void act_still(const env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
                      float *action) {
  (void)p, (void)state, (void)step, (void)luck, (void)memory;
  for (int i = 0; i < k->actions; i++) action[i] = 0;
}

static void draw_action(float *action, int actions, rng luck, int step) {
  rng_uniforms(action, actions, luck, (uint32_t)step, 0);
  for (int i = 0; i < actions; i++) action[i] = 2 * action[i] - 1;
}

static void act_random(const env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
                       float *action) {
  (void)p, (void)state, (void)memory;
  draw_action(action, k->actions, luck, step);
}

// World Models' data collection: action U(-1,1) and repeat 1..10; both are drawn anew when the step number is a multiple
// of the repeat in force. (Not a countdown: a repeat of 10 may be replaced after one step.)
typedef struct hold { int32_t drawn, repeat; } hold;
_Static_assert(sizeof(hold) <= ENV_POLICY_MEMORY, "a lane brings no more");

static void act_hold_random(const env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
                            float *action) {
  (void)p, (void)state;
  hold *h = memory;
  if (h->repeat == 0 || step % h->repeat == 0) {
    uint32_t after_actions = (uint32_t)(k->actions + 3) / 4;
    *h = (hold){step, 1 + (int32_t)rng_below(luck, (uint32_t)step, after_actions, 10)};
  }
  draw_action(action, k->actions, luck, h->drawn);
}

// A random action held for 1 .. N steps, short and long holds alike (log-uniform): it stands still, creeps and crosses the
// whole room, so that a world model learnt from few episodes has seen what a controller may try.
static int hold_length(double longest, double u) {
  int length = 1;
  for (double bound = u * log2(longest); bound >= 1; bound--) length *= 2;
  return length;
}

static void act_wander(const env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
                       float *action) {
  (void)state;
  hold *h = memory;
  if (step >= h->drawn + h->repeat) {
    uint32_t after_actions = (uint32_t)(k->actions + 3) / 4;
    *h = (hold){step, hold_length(2 * p->number, rng_uniform(luck, (uint32_t)step, after_actions))};
  }
  draw_action(action, k->actions, luck, h->drawn);
}

// Blind: left for a half-period, right for the next. Left first is what the published scores of the sweeps are of; the
// imps do not stand symmetrically.
static void act_sweep(const env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
                      float *action) {
  (void)k, (void)state, (void)luck, (void)memory;
  action[0] = step / (int)p->number % 2 == 0 ? -1.0f : 1.0f;
}

static void act_lookahead(const env_policy *p, const env_kind *k, const void *state, int step, rng luck, void *memory,
                          float *action) {
  (void)p, (void)k, (void)step, (void)luck, (void)memory;
  action[0] = (float)-takecover_plan(state);
}

// --- their table ------------------------------------------------------------------------------------------------------
typedef struct policy_kind {
  const char *name, *environment;  // NULL: any
  bool number;                     // wants one
  void (*act)(const env_policy *, const env_kind *, const void *, int, rng, void *, float *);
} policy_kind;

static const policy_kind kinds[] = {
    {"random", NULL, false, act_random},
    {"hold-random", NULL, false, act_hold_random},
    {"wander", NULL, true, act_wander},
    {"still", NULL, false, act_still},
    {"sweep", "takecover", true, act_sweep},
    {"lookahead", "takecover", false, act_lookahead},
};
enum { KINDS = sizeof kinds / sizeof *kinds, NUMBER_MAX = 10000 };
#define KNOWN "random, hold-random, wander:LONGEST_HOLD, still, sweep:HALF_PERIOD, lookahead"

static const policy_kind *kind_of(const char *text, size_t length) {
  for (int i = 0; i < KINDS; i++)
    if (strlen(kinds[i].name) == length && memcmp(kinds[i].name, text, length) == 0) return &kinds[i];
  return NULL;
}

static bool read_number(double *number, const char *text) {
  char *end;
  *number = strtod(text, &end);
  return *text && !*end && *number >= 1 && *number <= NUMBER_MAX && *number == floor(*number);
}

status env_policy_parse(env_policy *p, const char *text, const env_kind *k) {
  const char *colon = strchr(text, ':');
  const policy_kind *found = kind_of(text, colon ? (size_t)(colon - text) : strlen(text));
  if (!found) FAIL(BAD_CONFIG, "policy \"%s\" is not known; there are: " KNOWN, text);
  if (found->environment && strcmp(found->environment, k->name) != 0)
    FAIL(BAD_CONFIG, "policy \"%s\" is for the environment %s and cannot act in %s", text, found->environment, k->name);
  if (!found->number && colon)
    FAIL(BAD_CONFIG, "policy \"%s\": %s takes no number; write \"%s\"", text, found->name, found->name);
  double number = 0;
  if (found->number && !(colon && read_number(&number, colon + 1)))
    FAIL(BAD_CONFIG, "policy \"%s\": %s needs a whole number from 1 to %d, as in \"%s:100\"", text, found->name,
         NUMBER_MAX, found->name);
  if (strlen(text) >= sizeof p->text) FAIL(BAD_CONFIG, "policy \"%s\" is written too long", text);
  *p = (env_policy){.act = found->act, .number = number};
  memcpy(p->text, text, strlen(text) + 1);
  return OK;
}

const char *const *env_baselines(const env_kind *k, int *count) {
  static const char *const of_takecover[] = {"random", "hold-random", "still", "sweep:100"};
  static const char *const of_any[] = {"random", "still"};
  bool is_takecover = strcmp(k->name, "takecover") == 0;
  *count = is_takecover ? 4 : 2;
  return is_takecover ? of_takecover : of_any;
}

// What the files of this room share. A family is a way to have environments: those that are built in, those of others.
// One that is built in is one file with one env_kind, and one line in the table in builtin.c.
#ifndef ENV_PARTS_H
#define ENV_PARTS_H

#include "env.h"

// --- a family: one file with one table, and one line in that of env.c ------------------------------------------------
typedef struct env_family {
  bool (*owns)(const char *name);  // by its form alone
  // Fills e->spec, but for `opened` and `options`, and e->self. e->lanes is known.
  status (*open)(env *e, const char *name, const env_options *o);
  void (*close)(void *self);

  // As their namesakes in env.h.
  void (*reset)(void *self, int lane, rng luck);
  void (*step)(void *self, const float *actions, env_outcome *outcomes, int n);
  void (*observe)(void *self, void *observations, int n);
  void (*move)(void *self, int to, int from);

  void (*copy)(void *self, int lane, const void *from, int of);  // NULL: an episode under way cannot be copied
  void *(*state)(void *self, int lane);      // what policies with privileges look into; NULL: nothing
  const char *(*failure)(const void *self);  // NULL: nothing is known
} env_family;
extern const env_family env_builtin, env_gym, env_plugin;

struct env {
  const env_family *family;
  env_spec spec;
  int lanes;
  void *self;  // the family's
};

// --- those that are built in ----------------------------------------------------------------------------------------
typedef struct env_kind {
  env_spec spec;
  size_t state_bytes;  // of one lane; plain memory, no pointers: an episode can be copied
  void (*reset)(void *state, rng luck);  // the state keeps the luck
  env_outcome (*step)(void *state, const float *action);
  void (*observe)(const void *state, void *observation);
} env_kind;

const env_kind *env_kind_find(const char *name);     // NULL: unknown
const env_kind *env_kind_at(int i);                  // 0 ..; NULL after the last
void *env_state(env *e, int lane);                   // for policies with privileges, and tests
// One kind more, in this process, from here on; NULL: none. For tests of what the table's kinds never do.
void env_kind_lend(const env_kind *k);

// --- policies that every environment has ----------------------------------------------------------------------------
#define ENV_ACT const env_policy *p, int actions, const void *state, int step, rng luck, void *memory, float *action
void env_act_random(ENV_ACT);
void env_act_hold_random(ENV_ACT);
void env_act_wander(ENV_ACT);
void env_act_still(ENV_ACT);
extern const env_baseline env_baselines_blind[];  // these four, of which random and still stand beside every score

// What environments that are made of equations share: the same bits wherever they run, from + - * / alone.
#define ENV_PI 3.14159265358979323846
void env_sincos(double *sine, double *cosine, double x);   // |x| up to some thousand radians
double env_limited(double x, double low, double high);     // low where it is no number
int env_third(float action);                               // of three buttons: -1 below -1/3, 1 above 1/3, else 0
double env_angle_wrapped(double x);                        // into [-pi, pi)
double env_between(double low, double high, rng luck, uint32_t draw);  // evenly, for a start: step 0 of the luck

#endif

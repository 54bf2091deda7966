// The real environments: data come from here and controllers are finally judged here. Looks at num.
// One of ours by its name, anybody's that speaks Gymnasium as gym:ID, or a plug-in in C by its path.
// Gymnasium's meaning of words: `terminated` = the task itself ended (death), `truncated` = a time limit cut it.
#ifndef ENV_H
#define ENV_H

#include "num.h"

// --- how it is opened -----------------------------------------------------------------------------------------------
enum env_actions { ENV_ACTIONS_LARGEST, ENV_ACTIONS_THRESHOLDS };

// What is said of an environment beside its name; those that are built in know frame_skip alone, and refuse the
// rest. Zero says nothing. Texts are borrowed, as long as anything lives that was opened or described by them.
typedef struct env_options {
  const char *python;       // gym: the interpreter; NULL: python3
  const char *arguments;    // keyword arguments, as JSON
  const char *wrappers;     // gym: module:Class, the innermost first, with commas between them
  const char *observation;  // gym: of a Dict the key, or keys with commas between them
  int frame_skip;           // steps of its own that an action is held; 0: 1
  int cap;                  // steps, each of an action, until truncation; 0: its own
  double reward_scale;      // times its rewards; 0: 1
  int crop[4];              // rows and columns cut off its pictures at the top, bottom, left and right
  bool grey;                // its pictures
  int lanes;                // gym: at once in a process, at most; 0: any number
  int memory;               // gym: MB that a process and what it starts may hold; 0: any number
  int actions;              // enum env_actions: of a Discrete space the largest of as many numbers, or, of three
                            // actions, thirds of one number: below -1/3 the last, between them the first
} env_options;

// --- what an environment is; known once it is open ------------------------------------------------------------------
typedef struct env_baseline env_baseline;
typedef struct env_spec {
  char name[64], version[32], words[160];
  bool pixels;          // observation is uint8 (rows, columns, channels), else float (observation_size)
  int shape[3];         // rows, columns, channels; {n, 1, 1} for a state observation
  int actions;          // a continuous vector in [-1, 1]; thresholds, if any, are the environment's own
  int cap;              // steps until truncation
  int lanes;            // at once, at most: each takes memory and time to begin; 0: any number
  bool pays_steps;      // the reward is 1 a step, whatever happens: a return is a number of steps
  bool copies;          // an episode under way can be copied, to go on twice
  bool pure;            // an episode is a function of its luck and the actions, wherever and however often it is played
  // Of a state observation, where it is not pixels; NULL: there is none. rgb (rows, columns, 3)
  void (*picture)(uint8_t *rgb, int rows, int columns, const float *observation);
  const char *const *components;  // (observation_size) what each number is, with its unit; where there is a picture
  const env_baseline *baselines;  // policies that can play it; one without a name ends them
  hash content;         // of what it is made of, where that may change under its name: a plug-in's file. Empty: nothing
  const char *opened;   // by which name, borrowed; and
  env_options options;  // how
} env_spec;
// Who waits for somebody else's environment calls this a few times a second, so that nobody takes him for dead. NULL:
// nothing, as at first.
void env_while_waiting(void (*call)(void));
size_t env_observation_size(const env_spec *s);   // elements
size_t env_observation_bytes(const env_spec *s);

// Of the environment that env_open would open so.
status env_describe(env_spec *s, const char *name, const env_options *o);
bool env_is_foreign(const char *name);    // by its form: somebody else's, which takes a process, or a file, to open
const char *const *env_names(int *count);  // of those that are built in; borrowed

// --- lanes: independent episodes of one environment -----------------------------------------------------------------
typedef struct env_outcome {
  float reward;
  bool terminated, truncated;
  bool broken;          // the environment itself failed: the episode says nothing, and is over
  bool innocent;        // but it was another lane's episode that it failed in
} env_outcome;

typedef struct env env;
// By its name; o NULL: nothing more is said. BAD_CONFIG: the name is not known, and which are; or what is said of it
// does not fit. NO_IO, BROKEN: somebody else's cannot be started.
status env_open(env **e, const char *name, const env_options *o, int lanes);
status env_open_again(env **e, const env_spec *s, int lanes);  // as s was opened or described
void env_close(env *e);                                 // NULL is allowed
const env_spec *env_spec_of(const env *e);              // borrowed
void env_reset(env *e, int lane, rng luck);             // luck names the episode
// Lanes 0 .. n-1 at once.  actions (n, A), outcomes (n); not after an episode's end
void env_step(env *e, const float *actions, env_outcome *outcomes, int n);
void env_observe(env *e, void *observations, int n);    // observations (n, ..)
void env_move(env *e, int to, int from);                // compaction; what was in `to` is gone
// What is under way in lane `of` of `from` goes on in `lane`, too, with the luck that it meets; of one and the same
// environment, where it copies.
void env_copy(env *e, int lane, const env *from, int of);
const char *env_failure(const env *e);                  // why the last one was broken; borrowed until the next is

// --- baseline policies: a controller's score means nothing without them ---------------------------------------------
// Written `name` or `name:number`. Every environment has random (uniform, drawn anew each step), hold-random (World
// Models' data collection), wander:LONGEST_HOLD (a random action for up to so many steps) and still; what else it has
// its table says (takecover: sweep:HALF_PERIOD, blind left and right; lookahead, which plans on the true state).
typedef struct env_policy {
  char text[40];
  const env_baseline *baseline;
  double number;
} env_policy;
#define ENV_POLICY_MEMORY 64  // bytes of memory a lane brings; zeroed at the episode's start
struct env_baseline {
  const char *name, *number;  // what its number means, in capitals; NULL: it has none
  const char *reported;       // as what it stands beside every score: "sweep:100"; NULL: it does not
  bool privileged;            // sees the true state; others get NULL
  void (*act)(const env_policy *p, int actions, const void *state, int step, rng luck, void *memory, float *action);
};
// BAD_CONFIG with the known names when `text` is none of them, or does not fit the environment.
status env_policy_parse(env_policy *p, const char *text, const env_spec *s);
// What it does at this step of a lane's episode.  action (A)
void env_policy_act(const env_policy *p, env *e, int lane, int step, rng luck, void *memory, float *action);
// The same without an environment: only of a policy that is not privileged, which may so act in a dream, too.
void env_policy_act_blind(const env_policy *p, int actions, int step, rng luck, void *memory, float *action);

#endif

// How far a dream is to be trusted: what happens in it, measured beside what happens in reality. Looks at base, num,
// es, farm, env, data, world, rollout, config, run, search; a world is seen by its minds alone.
#ifndef FIDELITY_H
#define FIDELITY_H

#include "base.h"
#include "config.h"
#include "env.h"
#include "farm.h"
#include "rollout.h"
#include "run.h"
#include "world.h"

// --- the hazard: deaths per step at risk, by steps since leaving reality --------------------------------------------
enum { FIDELITY_LAGS = 10, FIDELITY_LAG_MAX = 128 };
int fidelity_lag_bin(int lag);           // of lag 0 .. FIDELITY_LAG_MAX - 1: the steps before it
int fidelity_lag_first(int bin);         // the smallest lag in it
const char *fidelity_lag_name(int bin);  // "3-5"; static

// Of each bin. `deaths` is a sum of chances where these are known.
typedef struct fidelity_hazard { double steps[FIDELITY_LAGS], deaths[FIDELITY_LAGS]; } fidelity_hazard;
// An episode of `steps`; those beyond `cap` are not counted, and nobody died who was cut there.
void fidelity_hazard_add(fidelity_hazard *h, int steps, int cap);
typedef struct fidelity_rate { double mean, se; } fidelity_rate;  // a share and its standard error
// Deaths per step; NaN where nobody was at risk.
fidelity_rate fidelity_rate_of(double deaths, double steps);

// --- a dream beside reality -----------------------------------------------------------------------------------------
typedef struct fidelity_pair {  // steps survived
  char name[48];
  summary dream, real;
  double ratio, ratio_se;       // dream / real
} fidelity_pair;
void fidelity_pair_compare(fidelity_pair *p, const rollout_result *dream, const rollout_result *outside, int dreams,
                           int outsides);

// --- how two columns order the same things --------------------------------------------------------------------------
typedef struct fidelity_correlation {
  double value;      // Spearman's: of ranks, ties at their mean; NaN where one column is all the same
  double low, high;  // 95 %, by Fisher's transform with the variance 1.06 / (n - 3) of ranks; NaN below 4 pairs
} fidelity_correlation;
fidelity_correlation fidelity_correlate(const double *a, const double *b, int n);
// How far each column would be ordered alike if it were measured again: from its two halves, by Spearman and Brown's
// formula, 0 to 1. With less than that no other column can agree, however right it is. NaN where a half is all
// the same.
double fidelity_reliability(const double *half, const double *other, int n);

// --- open loop: the data's own actions, with and without eyes -------------------------------------------------------
enum { FIDELITY_SIGHTS = 6 };  // pictures are compared after 1, 2, 4, .. imagined steps
int fidelity_sight_lag(int sight);
// Sums over episodes. `open`: imagined on and on from a moment of reality; `taught`: one step, from the moment before.
typedef struct fidelity_watch {
  fidelity_hazard real, open, taught;
  double open_error[FIDELITY_SIGHTS], taught_error[FIDELITY_SIGHTS], error_scale[FIDELITY_SIGHTS];
  double seen_error, seen_scale;             // of what is seen, as it is shown again
  double deaths, told, told_early;           // told: the last step said so; early: one of the last three
  double alarms, alarms_right, alarms_near;  // right: the step was the last; near: one of the last three
  double blobs, blobs_seen;                  // small bright things, and of them those that are shown again
  double blobs_real[FIDELITY_SIGHTS], blobs_dreamt[FIDELITY_SIGHTS];
  double steps, real_deaths;                 // of the episodes whole
} fidelity_watch;

// --- small bright things --------------------------------------------------------------------------------------------
// What an ordinary picture is: by it things are seen that move, and errors are weighed.
typedef struct fidelity_ground {
  int size;             // numbers of an observation
  bool pixels;
  float *mean;          // (size)
  float *per_variance;  // (size)  1 / variance: a pixel's is that of all, another number's its own; 0: never moves
} fidelity_ground;
// Small bright things in a picture (WORLD_IMAGE, WORLD_IMAGE, 3) in [0, 1]: connected pixels that are brighter than the
// ground by far. Marks them in `of` (pixels): 0, or the number of the thing, from 1. Returns how many.
int fidelity_blobs(const fidelity_ground *g, const float *picture, uint8_t *of);
// Of so many, those that stand out from their surroundings in another picture at least half as much, within `near`
// pixels of where they are.
int fidelity_blobs_kept(const fidelity_ground *g, const float *picture, const uint8_t *of, int count,
                        const float *other, int near);
// squared deviation of `other` from `picture`, weighed by what moves; *scale: that of the ground itself
double fidelity_error(const fidelity_ground *g, const float *picture, const float *other, double *scale);

// --- choices: at real moments, what the dream would do, and what would have been right ------------------------------
// Each of some actions, the probes, is held for so long, in reality and in dreams of it: long enough to come to an end
// that is near, and shorter than what a dream knows.
enum { FIDELITY_HOLD = 30, FIDELITY_PROBES = 9 };
typedef struct fidelity_probe {
  double real, dream;  // returns; the dream's expected one
  bool died;           // in reality
} fidelity_probe;
// Sums over the moments of an episode. A moment matters where reality pays probes unlike, and not all of them die.
// Right are those that it pays most.
typedef struct fidelity_choice {
  double moments, matter, broken;  // broken: of those that matter, a dream broke
  double wrong, by_chance;         // the dream's favourite is not right; any probe is not
  double wrong_always[FIDELITY_PROBES];  // this one is not
  double lost, lost_by_chance;     // return, beside the best probe's, by the favourite, and by any probe
  double pairs, pairs_right;       // of probes that reality tells apart; and the dream alike, a half where it cannot
} fidelity_choice;
bool fidelity_probes_matter(const fidelity_probe *p, int n);
void fidelity_choice_count(fidelity_choice *c, const fidelity_probe *p, int n);  // of a moment that matters
typedef struct fidelity_choices {  // shares, with errors by episode; NaN where no moment matters
  const char *hindered;            // why nothing was measured; static. NULL: it was
  double moments, matter, broken;
  fidelity_rate wrong, by_chance;  // of the moments that matter
  fidelity_rate blind;             // wrong by the one probe that is wrong least often, whatever the moment
  fidelity_rate gain;              // blind - wrong
  fidelity_rate regret;            // lost / lost_by_chance: 0 always the best, 1 as by chance
  fidelity_rate order;             // pairs_right / pairs: 1 always, 0.5 by chance
} fidelity_choices;
fidelity_choices fidelity_choices_of(const fidelity_choice *c, int n, int probes);  // of n episodes

// --- all of it ------------------------------------------------------------------------------------------------------
enum { FIDELITY_POLICIES = 8, FIDELITY_CANDIDATES = 32 };
typedef struct fidelity_result {
  int episodes, generation;
  uint64_t seed;
  hash world;
  int count;
  fidelity_pair policies[FIDELITY_POLICIES];  // the controller first, then blind policies
  fidelity_hazard dreamt;                     // of the controller's dreams from real moments
  double real_deaths, real_steps;             // of the controller's real episodes
  fidelity_watch watch;
  int watched, held_out;                      // episodes, and how many of them were never trained on
  double sigma;                               // of the candidates
  double dream[FIDELITY_CANDIDATES], real[FIDELITY_CANDIDATES];
  double dream_reliability, real_reliability;
  fidelity_choices choices;
  fidelity_correlation correlation;
} fidelity_result;

typedef struct fidelity_job {  // borrowed
  const settings *s;
  const run_home *home;
  farm *f;
  const env_spec *environment;
  const world *w;                   // the same on every rank
  controller_shape controller;
  const float *parameters;          // of the controller, on rank 0
  int generation;                   // of it
  double sigma;                     // of the search
  rollout_place dream, dream_blind; // where dreams are played: another place than the dream's, to test the measure
} fidelity_job;
// Collective; *r is whole on rank 0. INTERRUPTED; RESUME_ME: a rank was lost on the way; NO_IO, BAD_FILE of the
// episodes.
status fidelity_measure(const fidelity_job *j, fidelity_result *r);
void fidelity_json(const fidelity_result *r, text_buffer *t);
void fidelity_print(const fidelity_result *r);  // a table, on standard output
// What is to be done about a dream that is not to be trusted, a sentence; 0 bytes: nothing.
void fidelity_warning(const fidelity_result *r, char *words, size_t size);
#endif

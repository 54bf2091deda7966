// What the files of this room share: a search, and what a strategy is to the door (es.c).
#ifndef ES_PARTS_H
#define ES_PARTS_H

#include "es.h"

// The accounts of restarts.
typedef struct es_ledger {
  int32_t policy, most_doublings;      // es_restarts
  int32_t descents, small_descents;    // begun
  int32_t small, over;                 // is the present one small? will no more be begun?
  int64_t small_cost, large_cost;      // evaluations; the first descent counts as small
} es_ledger;

// Everything that a checkpoint must hold besides the vectors; plain memory, written as it stands.
typedef struct es_numbers {
  int32_t kind, n, popsize, active, dialect, bounded, single, zero;
  uint64_t seed;
  int32_t generation, decomposed_at;  // tells so far; generation of the last eigendecomposition or snapshot (CMA-ES)
  int32_t factored, snapshots;        // is C large, and factored? of it, so far
  int32_t history_size, history_count;
  int32_t flat, improved_at;          // generations in a row without a slope; generation that found the best ever
  int64_t evaluations;
  double sigma, sigma0, learning_rate;
  double best;                        // fitness of the best ever told; infinite before
  double spread;                      // range of the last generation's fitness
  double noise, effort, most_effort;  // of uncertainty handling
  es_limits limits;
  es_ledger ledger;
} es_numbers;
_Static_assert(sizeof(es_numbers) == 16 * 4 + 10 * 8 + 9 * 8 + 4 * 4 + 6 * 4 + 2 * 8, "no padding: it has no value to save");

typedef struct ranked { double fitness; int candidate; } ranked;

// What one strategy is. `own` of a search is whatever its room() puts there. All its points are genotypes: es.c turns
// them into what the caller sees, and back (bounds.c).
typedef struct es_strategy {
  const char *name;
  int most_parameters, popsize_multiple, least_popsize;
  int (*popsize)(int n);                              // if none is asked for
  size_t (*doubles)(const es_numbers *now);           // of its own state, mean not counted
  size_t (*sampling)(const es_numbers *now);          // how many of them, the first, its candidates follow from; NULL: none
  void (*room)(es *e, double *state);                 // places its state and takes its scratch
  void (*begin)(es *e);                               // first values; the state is zero, the mean is set
  void (*candidate)(es *e, int k, double *x);         // (n) one candidate, a function of the state and k alone
  void (*candidates)(es *e, double *x);               // (popsize, n) all; NULL: one by one
  void (*tell)(es *e);                                // e->order and es_row are ready
  double (*condition)(const es *e);                   // NULL: 1
  double (*deviation)(const es *e, int i);            // of coordinate i, over sigma; NULL: 1
  double (*path)(const es *e, int i);                 // how the mean moved of late, over sigma; NULL: 0
  double (*longest)(const es *e);                     // axis of C, a deviation over sigma; NULL: 1
  void (*axis)(const es *e, int i, double *axis);     // (n) a principal axis of a standard deviation, over sigma; NULL: none
  void (*close)(es *e);                               // waits for what runs beside; NULL: nothing does
  bool (*sound)(const es *e);                         // can its state, all finite, be one that a tell left? NULL: yes
} es_strategy;
extern const es_strategy es_cma, es_sep_cma, es_lra_cma, es_lm_ma, es_openai, es_pgpe, es_one_plus_one, es_random;

struct es {
  arena *memory;
  const es_strategy *strategy;
  es_numbers now;
  // --- the state, one block of `state_doubles`: this is what save and load copy
  size_t state_doubles;
  double *state;
  double *mean;           // (n)  genotype
  double *best;           // (n)  the best ever told, as told
  double *lower, *upper;  // (n)  bounds; NULL without
  double *units;          // (n)  what a genotype's 1 is worth, 1 at most; NULL without bounds
  double *history;        // (history_size)   best fitness of the last generations, a ring
  double *bests, *medians;  // (tolstagnation)  of the last generations, rings; NULL without that limit
  void *own;              // the strategy's own
  es *descent;            // with restarts, who searches; saved behind the state. Mean is then x0, as given; there are no histories
  // --- scratch
  bool asked;
  bool alone;             // nothing may run beside
  bool only_samples;      // made by es_sample_load: knows not enough to be told
  double *x;              // (popsize, n)  what ask gave; NULL before the first
  double *genotypes;      // (popsize, n)  of x; NULL without bounds
  const double *told;     // (popsize, n)  while es_tell runs; NULL: what was asked
  double *row;            // (n)           of es_row
  double *shown;          // (n)           the mean within bounds; NULL without
  double *sorting;        // (tolstagnation)
  bool *injected;         // (popsize)     candidates that es_inject gave
  ranked *order;          // (popsize)     candidates from best to worst
  double *ranks;          // (2 popsize)   of es_rank_changes
  char *reason;           // (ES_REASON)   of es_done
  char *ended;            // (ES_REASON)   of the descent that the last tell ended, empty: it ended none
  double *last;           // (n)           its mean
};
#define ES_REASON 256

double *es_take(double **from, size_t count);           // the next piece of a block
const double *es_row(es *e, int k);                     // (n) candidate k's genotype as told, until the next call
void es_normals(const es *e, int draw, double *z);      // (n) N(0,1): a function of seed, generation, draw
void es_normals_piece(const es *e, int draw, int first, int count, double *z);  // (count) of them from the first on, which is even
double es_squares(const double *x, int n);              // sum of x_i^2

// es.c, for state.c
es *es_room(const es_numbers *now);                     // allocates everything for a search of such numbers
size_t es_doubles(const es_numbers *now);               // of its state
const es_strategy *es_strategy_of(int kind);            // NULL: there is none
status es_options_check(const es_options *o);
es_numbers es_numbers_first(const es_options *o);
bool es_all_positive(const double *x, size_t count);

// Numbers stay far enough from overflow and underflow that no square of them, nor a sum of squares, is lost.
#define ES_MOST_NUMBER 1e145   // of whatever a strategy keeps, in size
#define ES_MOST_X0 1e140
#define ES_MOST_SIGMA0 1e100   // of learning_rate, too
#define ES_LEAST_SIGMA0 1e-100
#define ES_LEAST_ROOM 1e-100   // between two bounds

// explain.c. Each strategy lists what it alone knows.
typedef struct es_listing { es_constant *list; int count; } es_listing;
void es_list(es_listing *l, const char *name, double value, const char *formula, const char *source);
void es_list_recombination(es_listing *l, const es_constants *c);            // weights; constants.c
void es_list_cma(es_listing *l, const es_numbers *now);                      // constants.c
void es_list_sep_cma(es_listing *l, const es_numbers *now);
void es_list_lra_cma(es_listing *l, const es_numbers *now);
void es_list_lm_ma(es_listing *l, const es_numbers *now);
void es_list_openai(es_listing *l, const es_numbers *now);
void es_list_pgpe(es_listing *l, const es_numbers *now);
void es_list_one_plus_one(es_listing *l, const es_numbers *now);
void es_list_limits(es_listing *l, const es_numbers *now);                   // done.c
void es_list_uncertainty(es_listing *l, const es_numbers *now);              // uncertainty.c

// done.c
void es_remember(es *e);                                // a told generation, for the limits
int es_history_size(int n, int popsize);
status es_limits_check(const es_limits *l);             // NULL is allowed
bool es_spent(const es *e);                             // can its numbers not be computed with? says so in e->reason

// restarts.c
void es_first_descent(es *e);
void es_next_descent(es *e);                            // after a tell: if the present one is done

// uncertainty.c
double es_rank_changes(const double *fitness, const double *again, int count, int popsize, double *sorting);  // sorting (2 popsize)
void es_treat(es *e, double changes);                   // sigma and effort grow, or effort shrinks

// bounds.c
status es_bounds_check(const es_options *o);
bool es_bounds_fit(double low, double high);            // may they be a coordinate's?
void es_bound(const es *e, double *x);                  // (n) genotype -> within bounds, in place
void es_unbound(const es *e, double *x);                // (n) within bounds -> a genotype of it, in place
void es_units_begin(es *e);                             // first steps are of sigma0, or a third of the coordinate's box
double es_unit_shrunk(const es *e, int i);              // coordinate i's unit over its first
double es_most_sigma(const es *e);                      // makes the longest deviation a third of the widest box
void es_units_fit(es *e);                               // after a tell: a deviation is a third of its box at most
void es_round(const es *e, double *x);                  // (n) to float where candidates are, but inwards; in place
void es_admit(const es *e, double *x);                  // (n) onto the bounds, where beyond, and es_round; in place

#endif

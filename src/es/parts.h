// What the files of this room share: a search, and what a strategy is to it. Each file calls only those below it:
//   es.c                      the door: a search with or without restarts
//   restarts.c                descents, one after the other
//   state.c, explain.c        what a search is in bytes, and in words
//   search.c                  one search
//   options.c                 what may be asked for
//   kinds.c                   the strategies by number
//   cma.c, pgpe.c, ...        a strategy, and what some share: csa.c, factor.c, shape.c
//   points.c, done.c, uncertainty.c, constants.c, bounds.c
// A new strategy is a file of its own with its table, and a line of ES_KIND_LIST.
#ifndef ES_PARTS_H
#define ES_PARTS_H

#include "base.h"
#include "es.h"
#include "num.h"

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
_Static_assert(sizeof(es_numbers) == 16 * 4 + 10 * 8 + 9 * 8 + 4 * 4 + 6 * 4 + 2 * 8,
               "no padding: it has no value to save");

typedef struct ranked { double fitness; int candidate; } ranked;

// What a search goes by, for people. Each strategy lists what it alone knows.
typedef struct es_listing { es_constant *list; int count; } es_listing;

static inline void es_list(es_listing *l, const char *name, double value, const char *formula, const char *source) {
  CHECK(l->count < ES_CONSTANTS_MAX, "%s: more than %d constants", name, ES_CONSTANTS_MAX);
  l->list[l->count++] = (es_constant){name, value, formula, source};
}

// What one strategy is. `own` of a search is whatever its room() puts there. All its points are genotypes: search.c
// turns them into what the caller sees, and back (bounds.c).
typedef struct es_strategy {
  const char *name;
  int most_parameters, popsize_multiple, least_popsize;
  int (*popsize)(int n);                              // if none is asked for
  size_t (*doubles)(const es_numbers *now);           // of its own state, mean not counted
  // how many of them, the first, its candidates follow from; NULL: none
  size_t (*sampling)(const es_numbers *now);
  void (*room)(es *e, double *state);                 // places its state and takes its scratch
  void (*begin)(es *e);                               // first values; the state is zero, the mean is set
  void (*candidate)(es *e, int k, double *x);         // (n) one candidate, a function of the state and k alone
  void (*candidates)(es *e, double *x);               // (popsize, n) all; NULL: one by one
  void (*tell)(es *e);                                // e->order and es_row are ready
  double (*condition)(const es *e);                   // NULL: 1
  double (*deviation)(const es *e, int i);            // of coordinate i, over sigma; NULL: 1
  double (*path)(const es *e, int i);                 // how the mean moved of late, over sigma; NULL: 0
  double (*longest)(const es *e);                     // axis of C, a deviation over sigma; NULL: 1
  // (n) a principal axis of a standard deviation, over sigma; NULL: none
  void (*axis)(const es *e, int i, double *axis);
  void (*close)(es *e);                               // waits for what runs beside; NULL: nothing does
  void (*list)(es_listing *l, const es_numbers *now); // its constants, for es_explain; NULL: none
  const char *popsize_formula;                        // as es_explain says it; NULL: 4 + floor(3 ln(n))
  bool (*sound)(const es *e);                         // can its state, all finite, be one that a tell left? NULL: yes
} es_strategy;

#define KIND_DECLARE(name, table, word) extern const es_strategy es_##table;
ES_KIND_LIST(KIND_DECLARE)
#undef KIND_DECLARE

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
  // with restarts, who searches; saved behind the state. Mean is then x0, as given; there are no histories
  es *descent;
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

// C's, of one search.
static inline double es_condition_of(const es *e) { return e->strategy->condition ? e->strategy->condition(e) : 1; }

// Numbers stay far enough from overflow and underflow that no square of them, nor a sum of squares, is lost.
#define ES_MOST_NUMBER 1e145   // of whatever a strategy keeps, in size
#define ES_MOST_X0 1e140
#define ES_MOST_SIGMA0 1e100   // of learning_rate, too
#define ES_LEAST_SIGMA0 1e-100
#define ES_LEAST_ROOM 1e-100   // between two bounds

// points.c
double *es_take(double **from, size_t count);           // the next piece of a block
const double *es_row(es *e, int k);                     // (n) candidate k's genotype as told, until the next call
const double *es_told_row(es *e, int k);                // (n) and as its evaluator saw it
void es_normals(const es *e, int draw, double *z);      // (n) N(0,1): a function of seed, generation, draw
// (count) of them from the first on, which is even
void es_normals_piece(const es *e, int draw, int first, int count, double *z);
double es_squares(const double *x, int n);              // sum of x_i^2
int es_ascending(const void *a, const void *b);         // of doubles, for qsort
bool es_all_positive(const double *x, size_t count);

// kinds.c
const es_strategy *es_strategy_of(int kind);            // NULL: there is none

// options.c
status es_options_check(const es_options *o);
es_numbers es_numbers_first(const es_options *o);       // of options that were checked

// search.c. Of one search: `e` is a descent, or a search without restarts.
es *es_room(const es_numbers *now);                     // allocates everything for a search of such numbers
size_t es_doubles(const es_numbers *now);               // of its state
es *es_search_open(const es_options *o);                // checked; with restarts, the first descent is still to begin
void es_search_close(es *e);                            // with its descent; NULL is allowed
const double *es_search_ask(es *e);
void es_search_candidate(es *e, int index, double *x);
status es_search_inject(es *e, int index, const double *x);
// again: NULL, or what the candidates to be evaluated twice were worth the second time
status es_search_tell(es *e, const double *x, const double *fitness, const double *again);
void es_best_keep(es *e, const double *x, double fitness);

// state.c
size_t es_search_sample_size(const es *e);
void es_search_sample_save(const es *e, void *bytes);

// constants.c
int es_popsize_by_n(int n);                             // 4 + floor(3 ln n)
void es_list_recombination(es_listing *l, const es_constants *c);  // weights
void es_list_cma(es_listing *l, const es_numbers *now);
void es_list_sep_cma(es_listing *l, const es_numbers *now);

// done.c
void es_remember(es *e);                                // a told generation, for the limits
int es_history_size(int n, int popsize);
status es_limits_check(const es_limits *l);             // NULL is allowed
// Each says so in e->reason.
bool es_enough(const es *e);                            // was what was asked for reached?
bool es_spent(const es *e);                             // can its numbers not be computed with?
const char *es_search_done(const es *e);                // es_done of one search
void es_list_limits(es_listing *l, const es_numbers *now);

// restarts.c
void es_first_descent(es *e);
// and begins the next, if it is done
status es_descent_tell(es *e, const double *x, const double *fitness, const double *again);
const char *es_descents_done(const es *e);              // es_done with restarts

// uncertainty.c
int es_twice_count(const es *e);                        // es_reevaluations of one search
// sorting (2 popsize)
double es_rank_changes(const double *fitness, const double *again, int count, int popsize, double *sorting);
void es_treat(es *e, double changes);                   // sigma and effort grow, or effort shrinks
void es_list_uncertainty(es_listing *l, const es_numbers *now);

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
// (n) genotype -> what the caller sees: es_bound and es_round; in place
void es_show(const es *e, double *x);
const double *es_mean_shown(const es *e);               // (n) es_mean of one search
void es_admit(const es *e, double *x);                  // (n) onto the bounds, where beyond, and es_round; in place

#endif

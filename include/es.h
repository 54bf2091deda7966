// Ask and tell: evolution strategies, as a library of its own. Looks at nothing, knows nothing of worlds, ranks or
// files of settings; all its names begin with es_, ES_ or DREAMFARM_ (and there is the type es). C11 and C++.
// Everything is double. The strategies MINIMISE. What a caller was given by its user is never a reason to end the
// program: wrong options, solutions and fitness give a status with a sentence (es_message), and change nothing.
// What only a program's author can get wrong (a pointer, an index of es_candidate) ends it; running out of memory, too.
// Vectors are of n numbers, matrices row by row; "borrowed" is what the search owns and its next tell may change.
#ifndef ES_H
#define ES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Of the whole program; the Makefile reads it here.
#define DREAMFARM_VERSION_MAJOR 0
#define DREAMFARM_VERSION_MINOR 1
#define DREAMFARM_VERSION_PATCH 0

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)  // the shared library shows what stands here, and nothing else
#endif

// What a call came to: 0, or what is wrong, with a sentence.
typedef int es_status;
enum {
  ES_OK = 0,
  ES_BROKEN = 1,      // this search cannot do that, or not any more
  ES_BAD_CONFIG = 3,  // an option, a solution or a fitness is not allowed
  ES_BAD_FILE = 4     // these bytes are no state, or a damaged one
};
const char *es_message(void);  // the sentence of this process's last failure; borrowed until the next one

typedef struct es es;

// Who searches: (enumerator ES_..., its table in src/es, the word by which configurations and command lines call it).
//   CMA           CMA-ES: a full covariance matrix; 3 n^2 numbers of memory, up to some thousand parameters
//   SEP_CMA       CMA-ES with a diagonal C (Ros and Hansen 2008): O(n popsize), blind to dependencies between
//   parameters LRA_CMA       CMA-ES that slows down its own learning until it hears a signal above the noise (Nomura,
//   Akimoto and Ono
//                 2023): noisy and rugged functions with a small popsize, for more generations; n^3 work in each
//   LM_MA         LM-MA-ES (Loshchilov et al. 2017): C's longest directions in O(n log n) memory; ten thousand
//   parameters
//                 and more, popsize well below n
//   OPENAI        OpenAI-ES (Salimans et al. 2017): mirrored samples, ranks, Adam; O(n) memory; even popsize
//   PGPE          PGPE with ClipUp (Toklu et al. 2020): that with deviations that adapt; O(n) memory; even popsize
//   ONE_PLUS_ONE  (1+1)-ES with the one-fifth rule: a plain baseline. Candidate 0 is always the parent, met by the same
//                 luck as its children (popsize - 1 of them, 1 by default), so that a lucky one does not stay for ever
//   RANDOM        samples around x0 and keeps the best as its mean: the plainest baseline
#define ES_KIND_LIST(X)                         \
  X(CMA, cma, "cma")                            \
  X(SEP_CMA, sep_cma, "sep-cma")                \
  X(LRA_CMA, lra_cma, "lra-cma")                \
  X(LM_MA, lm_ma, "lm-ma")                      \
  X(OPENAI, openai, "openai")                   \
  X(PGPE, pgpe, "pgpe")                         \
  X(ONE_PLUS_ONE, one_plus_one, "one-plus-one") \
  X(RANDOM, random, "random")

typedef enum es_kind {
#define ES_KIND_ENUM(name, table, word) ES_##name,
  ES_KIND_LIST(ES_KIND_ENUM)
#undef ES_KIND_ENUM
  ES_KINDS
} es_kind;
const char *es_kind_name(es_kind kind);  // "CMA-ES"; borrowed, static; "no strategy" where there is none
const char *es_kind_word(es_kind kind);  // "sep-cma"; borrowed, static; NULL where there is none

// Two sets of strategy constants are in honest use; they differ as src/es/constants.c says. 0 is the default.
typedef enum es_dialect { ES_PYCMA, ES_TUTORIAL } es_dialect;

// When to stop: pycma's list by pycma's names. Each is off at 0 (ftarget: at -INFINITY). Deviation is that of a
// coordinate, sigma sqrt(C_ii).
typedef struct es_limits {
  double ftarget;          // a fitness told is no larger; one of -INFINITY ends a search in any case
  int64_t maxfevals, maxiter;  // evaluations, generations
  // range of the bests of the last 10 + 30n/popsize (at most 10000) generations is below, and of the last one
  double tolfun;
  double tolfunhist;       // range of those bests alone is below, after 10 generations
  double tolx;             // times sigma0: all deviations and all steps of C's path are below
  double tolfacupx;        // times sigma0: a deviation is above
  double tolupsigma;       // times sigma0: sigma / largest axis of C is above: sigma creeps up while C shrinks
  double tolconditioncov;  // condition of C is above
  // generations (even): medians of bests and of medians are no better in the later half; not in the first 500
  int tolstagnation;
  int tolflatfitness;      // more generations in a row than these have a best three quarters that are all equal
  int noeffectaxis;        // 1: a tenth of a deviation along a principal axis changes no coordinate of the mean
  int noeffectcoord;       // 1: a fifth of a deviation does not change a coordinate of the mean
} es_limits;
// For noisy and capped fitness: what cannot come from luck, set so that it speaks late. Off are tolfunhist (the best
// return may stand at its cap for long while the mean still learns), tolflatfitness (the next generation meets other
// luck) and tolstagnation (noise hides slow progress).
es_limits es_limits_default(void);
// For a function without noise; what restarts need. popsize 0: CMA-ES's default.
es_limits es_limits_pycma(int n, int popsize);

// What to do when a descent ends by one of pycma's limits: begin another with a larger popsize. The schedule is a
// function of the seed and of what was told.
typedef enum es_restarts {
  ES_ONCE,   // nothing
  ES_IPOP,   // twice the popsize every time (Auger and Hansen 2005)
  // that, and between them, as long as these cost less, short descents with small popsizes and step sizes (Hansen
  // 2009, with pycma's accounts)
  ES_BIPOP
} es_restarts;

typedef struct es_options {
  es_kind kind;
  int n;             // number of parameters, >= 1
  int popsize;       // candidates per generation; 0: the strategy's default, 4 + floor(3 ln n) for CMA-ES
  double sigma0;     // initial step size, > 0 (1e-100 to 1e100)
  const double *x0;  // (n) initial mean, within bounds, up to 1e140 in size; NULL: zeros; copied
  uint64_t seed;
  bool active;       // negative weights (active CMA-ES)
  es_dialect dialect;
  // of OpenAI-ES (0: 0.1 sigma0) and PGPE (a step's length; 0: sigma0 sqrt(n) / 30, momentum at most
  // doubles it), in the parameters' unit
  double learning_rate;
  double most_effort;           // that uncertainty handling may ask for, 0: 1; see es_tell_twice
  const double *lower, *upper;  // (n) box constraints, -INFINITY and INFINITY are allowed; NULL: none; copied. Every
                                // candidate, mean and best is inside. By a smooth transformation near the bounds
                                // (src/es/bounds.c). Where a third of the room between two bounds is less than sigma0,
                                // that coordinate's first step is that third, and whatever else is measured in the
                                // parameters' unit is less by as much: wide and narrow boxes may stand side by side
  // NULL: es_limits_default(); copied. With restarts only ftarget, maxfevals and maxiter count, for
  // all descents together; each of them ends by es_limits_pycma
  const es_limits *limits;
  // the first descent is as without; others begin uniformly within bounds, or at x0 + sigma0 N(0,I)
  es_restarts restarts;
  int most_doublings;           // of the popsize, by restarts; 0: 9
  // CMA-ES of so many parameters and more makes candidates by C's Cholesky factor instead of its
  // eigenvectors, a twentieth of the work: the same search in law, not in its bits; 0: 128.
  // Not for fewer than ten: C may change faster than its factor follows
  int factored_from;
  // candidates are rounded to float: for a caller that evaluates floats, what was asked is what was
  // evaluated, and need not be kept to be told. Within bounds the mean is, too, and what
  // would be outside is rounded inwards; bounds with no float between them are refused
  bool single;
} es_options;

// The strategy constants of CMA-ES (Hansen's tutorial, arXiv:1604.00772), for tables and tests.
typedef struct es_constants {
  int n, popsize, mu;
  double mueff, mueff_minus;      // <- weights
  double c1, cmu, cc, cs, damps;  // <- n, mueff, dialect
  double chi_n;                   // <- n
  double alpha_mu, alpha_mueff, alpha_posdef;  // the bounds of negative_sum; the last is infinite for a diagonal C
  double negative_sum;            // sum of the negative weights
  double h_limit;                 // <- n, dialect: of sigma's path, above which C's path stalls (h_sigma)
  int eigen_gap;                  // generations between eigendecompositions, or snapshots of a C that is factored
} es_constants;
// weights (popsize) may be NULL.
es_constants es_constants_make(int n, int popsize, bool active, es_dialect dialect, double *weights);
// The same for a diagonal C, with pycma's rates for c1, cmu and cc; the dialects then differ in cs alone.
es_constants es_constants_separable(int n, int popsize, bool active, es_dialect dialect, double *weights);

// Everything constant that a search of these options goes by, for people: its size, what its strategy derives, when it
// stops. The values are those that es_open's search uses, not computed a second time.
typedef struct es_constant {
  const char *name;
  double value;
  const char *formula;  // in the names of others of the list; "" where the value is chosen
  const char *source;   // who chose so: a paper with its equation, pycma where it differs, or the options
} es_constant;          // its strings are static
#define ES_CONSTANTS_MAX 64
// list (ES_CONSTANTS_MAX), of which *count are written; each follows from those before it. ES_BAD_CONFIG on a wrong
// option.
es_status es_explain(es_constant *list, int *count, const es_options *options);

es_status es_open(es **e, const es_options *options);  // ES_BAD_CONFIG on a wrong option, and *e stays as it is
void es_close(es *e);                               // NULL is allowed
// May a C of 512 parameters and more that is factored (see factored_from) be so in a thread of its own, from es_ask
// until a tell that is fixed beforehand and waits for it if it must? True unless said otherwise, also of what was
// loaded; no bit depends on it. The thread calls nothing but BLAS and LAPACK, takes no signals, and is gone after
// es_close.
void es_use_thread(es *e, bool wanted);

// A generation's candidates, (popsize, n), borrowed until tell. Asking again without telling gives the same numbers.
const double *es_ask(es *e);
// One candidate of the generation, x (n), as es_ask gives it: a function of the state and its index. All strategies but
// CMA-ES make it without the others, in O(n) memory (LM-MA-ES: O(n log n)); a worker that holds the generation's
// es_sample_save needs to be told an index only.
void es_candidate(es *e, int index, double *x);
// Puts a solution of the caller's, x (n), in the place of an asked candidate: beyond a bound it is put on it, and it is
// rounded where candidates are. Whoever evaluates and tells must take what es_ask and es_candidate then give. Its step
// is shortened to what a candidate's may be (Hansen 2011, "Injecting External Solutions Into CMA-ES") by CMA-ES of
// either kind. Belongs to this generation: es_save does not keep it.
// ES_BAD_CONFIG, and nothing is injected: there is no such candidate, or x is not finite.
es_status es_inject(es *e, int index, const double *x);
// What was evaluated and what came of it. x (popsize, n) is what really was evaluated (an asked candidate rounded to
// float, say); NULL: what was asked. Beyond a bound it counts as on it, beyond 1e30 sigma from the mean as so far away.
// fitness (popsize), smaller is better. Only its order counts: INFINITY is for candidates that are worth nothing and
// ranks last, -INFINITY ranks first and ends the search (es_done). Equal fitness is ranked by index (by OpenAI-ES and
// PGPE: shares its ranks).
// ES_BAD_CONFIG: a fitness is NaN, or an x not finite. ES_BROKEN: sigma, C or mean have left the range that can be
// computed with (es_done says so, whichever limits are off), or the search may only be asked (es_sample_load). Either
// way nothing changed, and the generation is still to be told.
es_status es_tell(es *e, const double *x, const double *fitness);
// Uncertainty handling (UH-CMA-ES, Hansen et al. 2009), for noisy fitness. Candidates 0 .. es_reevaluations - 1 of the
// generation are evaluated a second time, with other luck; that they are known beforehand lets both evaluations run
// side by side. es_tell_twice takes both values, the second ones in `again` (es_reevaluations); where luck decides the
// ranks, sigma grows by 1 + 2 / (n + 10), and so does the effort that an evaluation is worth: episodes, say, that the
// caller averages over, from 1 to most_effort. Second evaluations count as evaluations.
int es_reevaluations(const es *e);
es_status es_tell_twice(es *e, const double *x, const double *fitness, const double *again);  // errors: as es_tell's
double es_effort(const es *e);
double es_noise(const es *e);  // smoothed: above 0, luck changes more ranks than selection can bear
// NULL, or a sentence why going on is useless (borrowed until the next tell). It begins with the limit's name.
const char *es_done(const es *e);

int es_generation(const es *e);       // tells so far
int64_t es_evaluations(const es *e);  // told so far
int es_popsize(const es *e);          // of the generation to come: restarts change it, in a tell
int es_descents(const es *e);         // begun so far; 1 without restarts
// With restarts: NULL, or the sentence with which the last tell ended a descent, and that descent's mean (n) (`mean`
// may be NULL). Borrowed until the next tell.
const char *es_ended(const es *e, const double **mean);
int es_size(const es *e);             // n
// (n) borrowed until the next tell; with restarts the present descent's: see es_best
const double *es_mean(const es *e);
// The best candidate ever told and its fitness (may be NULL), (n) borrowed until the next tell; under noise the
// luckiest. Within bounds, also if it was told from outside. Until one is told that is worth anything it is x0, with a
// fitness of INFINITY.
const double *es_best(const es *e, double *fitness);
double es_sigma(const es *e);         // of coordinates that no bounds made shorter steps
// of C, >= 1; from the last eigendecomposition, if C is factored from that of one snapshot in 32
double es_condition(const es *e);

// The whole state, exactly: a loaded es continues bit for bit. es_load refuses another size or version, what is
// damaged, and numbers that no search can have (NaN, say), whatever the checksum.
size_t es_state_size(const es *e);
void es_save(const es *e, void *bytes);                       // es_state_size bytes
es_status es_load(es **e, const void *bytes, size_t size);       // ES_BAD_FILE

// As much of it as candidates follow from, for those who only make them: beside the mean, nothing with OpenAI-ES and
// the (1+1)-ES, n doubles with sep-CMA-ES, PGPE and random search, n (4 + floor(3 ln n)) with LM-MA-ES, n (n + 1) with
// CMA-ES of a full C (n^2 where it is factored), and the bounds. What es_sample_load makes may be asked, but not told.
size_t es_sample_size(const es *e);
// Beforehand; 0: one candidate cannot be made without the others, or an option is wrong.
size_t es_sample_size_of(const es_options *o);
void es_sample_save(const es *e, void *bytes);                      // es_sample_size bytes
es_status es_sample_load(es **e, const void *bytes, size_t size);      // ES_BAD_FILE

// --- the classics: functions that strategies are compared on --------------------------------------------------------
typedef double es_function(const double *x, int n);  // n >= 2; the least value is 0
es_function es_sphere, es_ellipsoid, es_cigar, es_tablet, es_schwefel, es_rosenbrock, es_different_powers, es_ackley,
    es_rastrigin;

// With where a search begins, x0 + spread U(-1,1) in every coordinate, its sigma0, and the value that is good enough.
typedef struct es_classic {
  const char *name;  // "different-powers"
  es_function *f;
  double x0, spread, sigma0, target;
  // f sees coordinates that are mixed by a rotation; so does the start, which is therefore equally good
  bool rotated;
} es_classic;
const es_classic *es_classics(int *count);                                           // borrowed, static
void es_classic_start(const es_classic *c, double *x, int n, uint64_t seed);         // x (n)
double es_classic_value(const es_classic *c, const double *x, int n, double *scratch);  // x (n), scratch (n)
// Evaluations that pycma 4.4.0 needs by default to the target, whole generations; medians over 51 seeds at n = 5 and
// 10, 25 at 20, 11 at 40. 0: not known.
int es_classic_reference(const es_classic *c, int n, es_kind kind, bool active);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif

#endif

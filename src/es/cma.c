// CMA-ES with negative weights, cumulative step-size adaptation and lazy eigendecomposition (N. Hansen, "The CMA
// Evolution Strategy: A Tutorial", arXiv:1604.00772; equation numbers are its). Knows no objective.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"

#define MOST_PARAMETERS 32000  // what num_dsyev can decompose

// --- life ---------------------------------------------------------------------------------------------------------------

static double *take(double **from, size_t count) {
  double *piece = *from;
  *from += count;
  return piece;
}

void es_room_take(es *e) {
  size_t n = (size_t)e->now.n, popsize = (size_t)e->now.popsize, history = (size_t)e->now.history_size;
  e->weights = ARENA_NEW(e->memory, double, popsize);
  e->constants = es_constants_make(e->now.n, e->now.popsize, e->now.active, (es_dialect)e->now.dialect, e->weights);
  e->state_doubles = 4 * n + 2 * n * n + history + 1;
  double *next = e->state = ARENA_NEW(e->memory, double, e->state_doubles);
  e->mean = take(&next, n), e->ps = take(&next, n), e->pc = take(&next, n), e->D = take(&next, n);
  e->C = take(&next, n * n), e->B = take(&next, n * n);
  e->history = take(&next, history), e->spread = take(&next, 1);
  double **matrices[] = {&e->x, &e->z, &e->y, &e->part}, **vectors[] = {&e->step, &e->white, &e->across};
  for (int i = 0; i < 4; i++) *matrices[i] = ARENA_NEW(e->memory, double, popsize * n);
  for (int i = 0; i < 3; i++) *vectors[i] = ARENA_NEW(e->memory, double, n);
  e->order = ARENA_NEW(e->memory, ranked, popsize);
  e->reason = ARENA_NEW(e->memory, char, ES_REASON);
}

status es_options_check(const es_options *o) {
  if (o->n < 1 || o->n > MOST_PARAMETERS)
    FAIL(BAD_CONFIG, "CMA-ES: %d parameters; 1 to %d are allowed", o->n, MOST_PARAMETERS);
  if (o->popsize != 0 && (o->popsize < 3 || o->popsize > 1 << 20))
    FAIL(BAD_CONFIG, "CMA-ES: popsize is %d; 0 (by n) or 3 to 1048576 are allowed", o->popsize);
  if (!(o->sigma0 > 0) || !isfinite(o->sigma0))
    FAIL(BAD_CONFIG, "CMA-ES: sigma0 is %g; a number above 0 is allowed", o->sigma0);
  if (o->dialect != ES_PYCMA && o->dialect != ES_TUTORIAL)
    FAIL(BAD_CONFIG, "CMA-ES: dialect is %d; %d (pycma) and %d (tutorial) are allowed", (int)o->dialect, ES_PYCMA,
         ES_TUTORIAL);
  for (int i = 0; o->x0 && i < o->n; i++)
    if (!isfinite(o->x0[i])) FAIL(BAD_CONFIG, "CMA-ES: x0[%d] is %g; finite numbers are allowed", i, o->x0[i]);
  return OK;
}

status es_open(es **out, const es_options *o) {
  TRY(es_options_check(o));
  arena *memory = arena_open();
  es *e = ARENA_NEW(memory, es, 1);
  e->memory = memory;
  es_constants c = es_constants_make(o->n, o->popsize, o->active, o->dialect, NULL);
  e->now = (es_numbers){.n = o->n, .popsize = c.popsize, .active = o->active, .dialect = o->dialect, .seed = o->seed,
                        .history_size = 10 + (int)ceil(30.0 * o->n / c.popsize), .sigma = o->sigma0, .sigma0 = o->sigma0};
  es_room_take(e);
  if (o->x0) memcpy(e->mean, o->x0, (size_t)o->n * sizeof *e->mean);
  for (size_t i = 0, n = (size_t)o->n; i < n; i++) e->C[i * n + i] = e->B[i * n + i] = e->D[i] = 1;
  *out = e;
  return OK;
}

void es_close(es *e) {
  if (e) arena_close(e->memory);
}

int es_generation(const es *e) { return e->now.generation; }
int es_popsize(const es *e) { return e->now.popsize; }
int es_size(const es *e) { return e->now.n; }
const double *es_mean(const es *e) { return e->mean; }
double es_sigma(const es *e) { return e->now.sigma; }

double es_condition(const es *e) {  // D is ascending
  double ratio = e->D[e->now.n - 1] / e->D[0];
  return ratio * ratio;
}

// --- ask ----------------------------------------------------------------------------------------------------------------

// x_k = m + sigma B D z_k                                                                                   (38)-(40)
const double *es_ask(es *e) {
  if (e->asked) return e->x;
  int n = e->now.n, popsize = e->now.popsize;
  rng stream = rng_stream(e->now.seed, "es");
  for (int k = 0; k < popsize; k++) {
    double *z = e->z + (size_t)k * n;
    rng_normals_double(z, n, rng_episode(stream, (uint32_t)e->now.generation, (uint32_t)k), 0, 0);
    for (int i = 0; i < n; i++) z[i] *= e->D[i];
  }
  num_dgemm(false, true, popsize, n, n, e->now.sigma, e->z, n, e->B, n, 0, e->x, n);
  for (int k = 0; k < popsize; k++)
    for (int i = 0; i < n; i++) e->x[(size_t)k * n + i] += e->mean[i];
  e->asked = true;
  return e->x;
}

// --- tell ---------------------------------------------------------------------------------------------------------------

static void told_check(const es *e, const double *x, const double *fitness) {
  int n = e->now.n;
  for (int k = 0; k < e->now.popsize; k++) {
    CHECK(isfinite(fitness[k]), "fitness of candidate %d is %g", k, fitness[k]);
    const double *row = x + (size_t)k * n;
    for (int i = 0; i < n; i++) CHECK(isfinite(row[i]), "x[%d] of candidate %d is %g", i, k, row[i]);
  }
}

static int by_fitness(const void *a, const void *b) {
  const ranked *p = a, *q = b;
  if (p->fitness != q->fitness) return p->fitness < q->fitness ? -1 : 1;
  return p->candidate - q->candidate;
}

static void rank(es *e, const double *fitness) {
  for (int k = 0; k < e->now.popsize; k++) e->order[k] = (ranked){fitness[k], k};
  qsort(e->order, (size_t)e->now.popsize, sizeof *e->order, by_fitness);
}

// y_i:popsize = (x_i:popsize - m) / sigma, from what was told; step = sum over the better half of w_i y_i
static void steps(es *e, const double *x) {
  int n = e->now.n;
  memset(e->step, 0, (size_t)n * sizeof *e->step);
  for (int k = 0; k < e->now.popsize; k++) {
    const double *from = x + (size_t)e->order[k].candidate * n;
    double *y = e->y + (size_t)k * n;
    for (int i = 0; i < n; i++) y[i] = (from[i] - e->mean[i]) / e->now.sigma;
    for (int i = 0; k < e->constants.mu && i < n; i++) e->step[i] += e->weights[k] * y[i];
  }
}

// rows of out = C^-1/2 rows of y, but for the last rotation: D^-1 B^T y. Its length is that of C^-1/2 y.
static void whiten(es *e, double *out, const double *y, int rows) {
  int n = e->now.n;
  num_dgemm(false, false, rows, n, n, 1, y, n, e->B, n, 0, out, n);
  for (int k = 0; k < rows; k++)
    for (int i = 0; i < n; i++) out[(size_t)k * n + i] /= e->D[i];
}

static double squares(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

// ps <- (1-cs) ps + sqrt(cs (2-cs) mueff) C^-1/2 step                                                            (43)
static void sigma_path(es *e) {
  int n = e->now.n;
  double cs = e->constants.cs, gain = sqrt(cs * (2 - cs) * e->constants.mueff);
  whiten(e, e->across, e->step, 1);
  num_dgemm(false, true, 1, n, n, 1, e->across, n, e->B, n, 0, e->white, n);
  for (int i = 0; i < n; i++) e->ps[i] = (1 - cs) * e->ps[i] + gain * e->white[i];
}

// h_sigma stalls pc while ps is long, lest C grow too fast when sigma is far too small.
static bool path_is_short(const es *e) {
  double n = e->now.n, seen = 1 - pow(1 - e->constants.cs, 2.0 * (e->now.generation + 1));
  double length = squares(e->ps, e->now.n) / seen;
  if (e->now.dialect == ES_PYCMA) return length / n - 1 < 1 + 4 / (n + 1);
  return sqrt(length) < (1.4 + 2 / (n + 1)) * e->constants.chi_n;
}

// pc <- (1-cc) pc + h sqrt(cc (2-cc) mueff) step                                                                 (45)
static void covariance_path(es *e, bool h) {
  double cc = e->constants.cc, gain = h ? sqrt(cc * (2 - cc) * e->constants.mueff) : 0;
  for (int i = 0; i < e->now.n; i++) e->pc[i] = (1 - cc) * e->pc[i] + gain * e->step[i];
}

static void row_scale(double *row, double factor, const double *x, int n) {
  for (int i = 0; i < n; i++) row[i] = factor * x[i];
}

// Rows whose sum of outer products is c1 pc pc^T + cmu sum over w_k > 0 of w_k y_k y_k^T. Returns their number.
static int rows_to_add(es *e) {
  const es_constants *c = &e->constants;
  int n = e->now.n, rows = 0;
  for (int k = 0; k < c->mu; k++, rows++)
    row_scale(e->part + (size_t)rows * n, sqrt(c->cmu * e->weights[k]), e->y + (size_t)k * n, n);
  row_scale(e->part + (size_t)rows * n, sqrt(c->c1), e->pc, n);
  return rows + 1;
}

// The same for w_k < 0, each w_k times n / |C^-1/2 y_k|^2, so that no bad step, however long, can take more than its
// share of C (46). A told candidate that is the mean itself has no direction to unlearn.
static int rows_to_take(es *e) {
  int n = e->now.n, mu = e->constants.mu, rows = 0;
  whiten(e, e->z, e->y + (size_t)mu * n, e->now.popsize - mu);
  for (int k = mu; k < e->now.popsize; k++) {
    double length = squares(e->z + (size_t)(k - mu) * n, n);
    if (e->weights[k] == 0 || length == 0) continue;
    row_scale(e->part + (size_t)rows++ * n, sqrt(e->constants.cmu * -e->weights[k] * n / length), e->y + (size_t)k * n, n);
  }
  return rows;
}

// C <- (1 + c1 (1-h) cc (2-cc) - c1 - cmu sum w) C + c1 pc pc^T + cmu sum w_k y_k y_k^T                            (47)
static void covariance(es *e, bool h) {
  const es_constants *c = &e->constants;
  int n = e->now.n;
  double sum = 0;
  for (int k = 0; k < e->now.popsize; k++) sum += e->weights[k];
  double decay = 1 + c->c1 * (h ? 0 : c->cc * (2 - c->cc)) - c->c1 - c->cmu * sum;
  num_dsyrk(n, rows_to_add(e), 1, e->part, n, decay, e->C, n);
  if (!e->now.active) return;
  int rows = rows_to_take(e);
  if (rows > 0) num_dsyrk(n, rows, -1, e->part, n, 1, e->C, n);
}

// Every eigen_gap generations C = B diag(D^2) B^T anew; rounding must not make an eigenvalue negative.
static void decompose(es *e) {
  size_t n = (size_t)e->now.n;
  if (e->now.generation - e->now.decomposed_at < e->constants.eigen_gap) return;
  memcpy(e->B, e->C, n * n * sizeof *e->B);
  CHECK(num_dsyev(e->B, e->D, e->now.n) == OK, "%s", status_message());
  double least = 1e-30 * e->D[n - 1];
  for (size_t i = 0; i < n; i++) e->D[i] = sqrt(e->D[i] > least ? e->D[i] : least);
  e->now.decomposed_at = e->now.generation;
}

static void remember(es *e) {
  double best = e->order[0].fitness, worst = e->order[e->now.popsize - 1].fitness;
  e->history[e->now.history_count++ % e->now.history_size] = best;
  *e->spread = worst - best;
}

// sigma <- sigma exp(cs/damps (|ps| / E|N(0,I)| - 1)), by a factor of e at the most, as pycma does: told candidates
// that lie far from the asked ones must not throw sigma out of range in one generation.                          (44)
static void step_size(es *e) {
  const es_constants *c = &e->constants;
  e->now.sigma *= exp(fmin(1, c->cs / c->damps * (sqrt(squares(e->ps, e->now.n)) / c->chi_n - 1)));
}

void es_tell(es *e, const double *x, const double *fitness) {
  told_check(e, x, fitness);
  rank(e, fitness);
  steps(e, x);
  sigma_path(e);
  bool h = path_is_short(e);
  covariance_path(e, h);
  for (int i = 0; i < e->now.n; i++) e->mean[i] += e->now.sigma * e->step[i];                                  // (42)
  covariance(e, h);
  step_size(e);
  e->now.generation++;
  decompose(e);
  remember(e);
  e->asked = false;
}

// CMA-ES with negative weights, cumulative step-size adaptation (csa.c) and lazy eigendecomposition (N. Hansen, "The
// CMA Evolution Strategy: A Tutorial", arXiv:1604.00772; equation numbers are its). A large C is factored instead
// (factor.c). Knows no objective.

#include "cma.h"

#include <math.h>
#include <string.h>

#define SPECTRUM_GAP 32  // snapshots between eigenvalues, which cost ten times as much as the factor

// --- life -----------------------------------------------------------------------------------------------------------


static bool cma_is_large(const es *e) { return e->now.factored; }

size_t cma_doubles(const es_numbers *now) {
  size_t n = (size_t)now->n;
  return (now->factored ? 4 : 3) * n + 2 * n * n;
}

size_t cma_sampling(const es_numbers *now) {  // D and B, or L
  size_t n = (size_t)now->n;
  return now->factored ? n * n : n * (1 + n);
}

static void cma_large_room(cma *c, es *e, double **state) {
  size_t n = (size_t)e->now.n;
  c->L = es_take(state, n * n);
  c->D = es_take(state, n);
  c->diagonal = es_take(state, n);
}

void cma_room(cma *c, es *e, double **state) {
  size_t n = (size_t)e->now.n, popsize = (size_t)e->now.popsize;

  // what is drawn from comes first: those who only sample read no more (cma_sampling)
  if (cma_is_large(e)) {
    cma_large_room(c, e, state);
  } else {
    c->D = es_take(state, n);
    c->B = es_take(state, n * n);
  }

  // the rest of the state: paths and C
  csa_room(&c->paths, e, state);
  c->paths.constants = es_constants_make(e->now.n, e->now.popsize, e->now.active, (es_dialect)e->now.dialect,
                                         c->paths.weights);
  c->C = es_take(state, n * n);
  if (cma_is_large(e)) c->next = factor_room(e->memory, e->now.n, c->C, c->diagonal);

  // scratch, made anew in each generation
  c->z = ARENA_NEW(e->memory, double, popsize * n);
  c->part = ARENA_NEW(e->memory, double, popsize * n);
  c->white = ARENA_NEW(e->memory, double, n);
  c->across = ARENA_NEW(e->memory, double, n);
}

static void cma_room_own(es *e, double *state) {
  e->own = ARENA_NEW(e->memory, cma, 1);
  cma_room(cma_of(e), e, &state);
}

void cma_begin(es *e) {
  cma *c = cma_of(e);
  double *root = cma_is_large(e) ? c->L : c->B;
  for (size_t i = 0, n = (size_t)e->now.n; i < n; i++) c->C[i * n + i] = root[i * n + i] = c->D[i] = 1;
}

static void cma_large_close(es *e) {
  if (cma_is_large(e)) factor_reset(cma_of(e)->next);
}

// --- ask ------------------------------------------------------------------------------------------------------------

static bool cma_spectrum_is_due(const es *e) { return e->now.snapshots % SPECTRUM_GAP == 1; }

// Here, when the master has nothing to do but wait for the candidates' evaluation, the helper begins.
static void cma_large_begin_next(es *e) {
  if (e->now.snapshots > 0 && !e->alone && !e->only_samples) factor_start(cma_of(e)->next, cma_spectrum_is_due(e));
}

// x_k = m + sigma B D z_k                                                                                   (38)-(40)
static void cma_draw(es *e, double *x) {
  cma *c = cma_of(e);
  int n = e->now.n, popsize = e->now.popsize;

  // rows D z_k, z_k ~ N(0, I)
  for (int k = 0; k < popsize; k++) {
    double *z = c->z + (size_t)k * n;
    es_normals(e, k, z);
    for (int i = 0; i < n; i++) z[i] *= c->D[i];
  }

  // all candidates are rotated by B and stretched by sigma in one product
  num_dgemm(false, true, popsize, n, n, e->now.sigma, c->z, n, c->B, n, 0, x, n);
}

// x_k = m + sigma L z_k
static void cma_large_draw(es *e, double *x) {
  cma_large_begin_next(e);
  for (int k = 0; k < e->now.popsize; k++) es_normals(e, k, x + (size_t)k * e->now.n);
  num_dtrmm(e->now.popsize, e->now.n, e->now.sigma, cma_of(e)->L, x);
}

void cma_candidates(es *e, double *x) {
  int n = e->now.n;
  (cma_is_large(e) ? cma_large_draw : cma_draw)(e, x);
  for (int k = 0; k < e->now.popsize; k++)
    for (int i = 0; i < n; i++) x[(size_t)k * n + i] += e->mean[i];
}

// --- tell -----------------------------------------------------------------------------------------------------------

// rows of out = C^-1/2 rows of y, but for the last rotation: D^-1 B^T y, or L^-1 y. Its length is that of C^-1/2 y.
void cma_whiten(const es *e, double *out, const double *y, int rows) {
  const cma *c = cma_of(e);
  int n = e->now.n;

  // L^-1 y: one triangular solve for all rows
  if (cma_is_large(e)) {
    memcpy(out, y, (size_t)rows * (size_t)n * sizeof *out);
    num_dtrsm(rows, n, c->L, out);
    return;
  }

  // B^T y, a row each, then D^-1
  num_dgemm(false, false, rows, n, n, 1, y, n, c->B, n, 0, out, n);
  for (int k = 0; k < rows; k++)
    for (int i = 0; i < n; i++) out[(size_t)k * n + i] /= c->D[i];
}

static double cma_length(es *e, const double *y) {
  cma_whiten(e, cma_of(e)->across, y, 1);
  return sqrt(es_squares(cma_of(e)->across, e->now.n));
}

// L^-1 step needs no rotation: L changes little from one snapshot to the next.
static void cma_sigma_path(es *e) {
  cma *c = cma_of(e);
  int n = e->now.n;
  cma_whiten(e, c->across, c->paths.step, 1);
  if (!cma_is_large(e)) num_dgemm(false, true, 1, n, n, 1, c->across, n, c->B, n, 0, c->white, n);
  csa_sigma_path(&c->paths, e, cma_is_large(e) ? c->across : c->white);
}

static void cma_row_scale(double *row, double factor, const double *x, int n) {
  for (int i = 0; i < n; i++) row[i] = factor * x[i];
}

// Rows whose sum of outer products is c1 pc pc^T + cmu sum over w_k > 0 of w_k y_k y_k^T. Returns their number.
static int cma_rows_to_add(es *e) {
  cma *c = cma_of(e);
  const es_constants *k = &c->paths.constants;
  int n = e->now.n, rows = 0;
  for (; rows < k->mu; rows++)
    cma_row_scale(c->part + (size_t)rows * n, sqrt(k->cmu * c->paths.weights[rows]), c->paths.y + (size_t)rows * n, n);
  cma_row_scale(c->part + (size_t)rows * n, sqrt(k->c1), c->paths.pc, n);
  return rows + 1;
}

// The same for w_k < 0, each w_k times n / |C^-1/2 y_k|^2, so that no bad step, however long, can take more than its
// share of C (46). A told candidate that is the mean itself has no direction to unlearn.
static int cma_rows_to_take(es *e) {
  cma *c = cma_of(e);
  const double *weights = c->paths.weights;
  int n = e->now.n, mu = c->paths.constants.mu, rows = 0;

  // Mahalanobis lengths |C^-1/2 y_k| of the worse half
  cma_whiten(e, c->z, c->paths.y + (size_t)mu * n, e->now.popsize - mu);
  for (int k = mu; k < e->now.popsize; k++) {
    double square = es_squares(c->z + (size_t)(k - mu) * n, n);
    if (weights[k] == 0 || square == 0) continue;
    cma_row_scale(c->part + (size_t)rows++ * n, sqrt(c->paths.constants.cmu * -weights[k] * n / square),
                  c->paths.y + (size_t)k * n, n);
  }
  return rows;
}

// L is older than C. Where few parameters and large rates changed C much meanwhile, more may be taken than there is,
// since the bound (52) is one for C's own root: then nothing is taken.
static bool cma_large_is_positive(const cma *c, int n) {
  for (size_t i = 0; i < (size_t)n; i++)
    if (!(c->C[i * (size_t)n + i] > 0)) return false;
  return true;
}

// C <- (1 + c1 (1-h) cc (2-cc) - c1 - cmu sum w) C + c1 pc pc^T + cmu sum w_k y_k y_k^T                            (47)
static void cma_covariance(es *e, bool h) {
  cma *c = cma_of(e);
  const es_constants *k = &c->paths.constants;
  int n = e->now.n;
  double sum = 0;
  for (int i = 0; i < e->now.popsize; i++) sum += c->paths.weights[i];
  double decay = 1 + k->c1 * (h ? 0 : k->cc * (2 - k->cc)) - k->c1 - k->cmu * sum;

  (cma_is_large(e) ? num_dsyrk_upper : num_dsyrk)(n, cma_rows_to_add(e), 1, c->part, n, decay, c->C, n);
  if (!e->now.active) return;

  // the bad half is unlearned
  int rows = cma_rows_to_take(e);
  if (rows > 0) (cma_is_large(e) ? num_dsyrk_upper : num_dsyrk)(n, rows, -1, c->part, n, 1, c->C, n);
  if (rows > 0 && cma_is_large(e) && !cma_large_is_positive(c, n)) num_dsyrk_upper(n, rows, 1, c->part, n, 1, c->C, n);
}

// C = B diag(D^2) B^T anew; rounding must not make an eigenvalue negative.
static void cma_decompose(es *e) {
  cma *c = cma_of(e);
  size_t n = (size_t)e->now.n;
  memcpy(c->B, c->C, n * n * sizeof *c->B);
  CHECK(num_dsyev(c->B, c->D, e->now.n) == OK, "%s", status_message());

  double least = 1e-30 * c->D[n - 1];
  for (size_t i = 0; i < n; i++) c->D[i] = sqrt(c->D[i] > least ? c->D[i] : least);
}

// The snapshot's factor takes over, at a generation that has been fixed since it was taken.
static void cma_large_adopt(es *e) {
  cma *c = cma_of(e);
  size_t n = (size_t)e->now.n;
  factor_finish(c->next, cma_spectrum_is_due(e));
  for (size_t i = 0; i < n; i++) memcpy(c->L + i * n, c->next->L + i * n, (i + 1) * sizeof *c->L);
  if (cma_spectrum_is_due(e)) memcpy(c->D, c->next->D, n * sizeof *c->D);

  factor_reset(c->next);
}

static void cma_large_take_snapshot(es *e) {
  cma *c = cma_of(e);
  size_t n = (size_t)e->now.n;
  num_mirror(c->C, e->now.n, e->now.n);
  for (size_t i = 0; i < n; i++) c->diagonal[i] = c->C[i * n + i];
  e->now.snapshots++;
}

// Every eigen_gap generations. A large C's factor is that of a snapshot one gap old, so that there is time to make it.
static void cma_refresh(es *e) {
  int next = e->now.generation + 1;
  if (next - e->now.decomposed_at < cma_of(e)->paths.constants.eigen_gap) return;

  // B and D of this C at once, or L of the C one gap ago, and a snapshot for the next gap
  if (!cma_is_large(e)) cma_decompose(e);
  else {
    if (e->now.snapshots > 0) cma_large_adopt(e);
    cma_large_take_snapshot(e);
  }

  e->now.decomposed_at = next;
}

void cma_update(es *e) {
  csa *paths = &cma_of(e)->paths;

  // selection and recombination (41), then step-size control's path (43)
  csa_steps(paths, e, cma_length);
  cma_sigma_path(e);

  // the rank-one path (45) stalls while sigma's is long; then m (42), C (47) and sigma (44)
  bool h = csa_path_is_short(paths, e);
  csa_covariance_path(paths, e, paths->step, h);
  csa_mean(paths, e);
  cma_covariance(e, h);
  csa_step_size(paths, e);
}

static void cma_tell(es *e) {
  cma_update(e);
  cma_refresh(e);
  es_units_fit(e);
}

// --- its shape ------------------------------------------------------------------------------------------------------

double cma_condition(const es *e) {  // D is ascending
  double ratio = cma_of(e)->D[e->now.n - 1] / cma_of(e)->D[0];
  return ratio * ratio;
}
double cma_deviation(const es *e, int i) {  // rounding may leave a variance that is negative
  return sqrt(fmax(0, cma_of(e)->C[(size_t)i * e->now.n + i]));
}
double cma_path(const es *e, int i) { return cma_of(e)->paths.pc[i]; }
double cma_longest(const es *e) { return cma_of(e)->D[e->now.n - 1]; }
// If large, the axes are L's columns: no principal ones, but the distribution is as long along each of them as along
// any.
void cma_axis(const es *e, int i, double *out) {
  const cma *c = cma_of(e);
  size_t n = (size_t)e->now.n, at = (size_t)i;
  for (size_t j = 0; j < n; j++) out[j] = cma_is_large(e) ? c->L[j * n + at] : c->D[i] * c->B[j * n + at];
}

static double cma_largest_variance(const double *variances, size_t n, size_t stride) {
  double largest = 0;
  for (size_t i = 0; i < n; i++) largest = fmax(largest, variances[i * stride]);
  return largest;
}

// What is drawn from is positive, and no element of C or of the snapshot is larger than its largest variance by more
// than rounding makes it, so that each can be decomposed or factored.
bool cma_sound(const es *e) {
  const cma *c = cma_of(e);
  size_t n = (size_t)e->now.n;

  // before the first gap is over there is no snapshot
  bool large = cma_is_large(e), taken = large && e->now.snapshots > 0;
  double most = cma_largest_variance(c->C, n, n + 1), below = large ? cma_largest_variance(c->diagonal, n, 1) : most;
  if (!es_all_positive(c->D, n) || !(most > 0) || (taken && !(below > 0))) return false;

  // |c_ij| <= max c_ii holds for what is positive definite; twice that leaves room for rounding
  for (size_t i = 0; i < n; i++) {
    if (large && !(c->L[i * n + i] > 0 && fabs(c->diagonal[i]) <= 2 * below)) return false;
    for (size_t j = 0; j < n; j++)
      if (fabs(c->C[i * n + j]) > 2 * (j < i ? below : most)) return false;
  }
  return true;
}

const es_strategy es_cma = {.name = "CMA-ES",
                            .most_parameters = 32000,  // LAPACK counts an n x n matrix in an int
                            .popsize_multiple = 1,
                            .least_popsize = 3,
                            .popsize = es_popsize_by_n,
                            .doubles = cma_doubles,
                            .sampling = cma_sampling,
                            .room = cma_room_own,
                            .begin = cma_begin,
                            .candidates = cma_candidates,
                            .tell = cma_tell,
                            .list = es_list_cma,
                            .condition = cma_condition,
                            .deviation = cma_deviation,
                            .path = cma_path,
                            .longest = cma_longest,
                            .axis = cma_axis,
                            .close = cma_large_close,
                            .sound = cma_sound};

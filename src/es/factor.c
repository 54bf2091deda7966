// C = L L^T instead of C = B D^2 B^T, for C large: a candidate is m + sigma L z, a step of length |L^-1 y|, and the
// path of sigma goes the way of L^-1 (O. Krause, D. Arbones and C. Igel, "CMA-ES with Optimal Covariance Update and
// Storage Complexity", NIPS 2016). Costs a twentieth of the eigenvectors; the search is the same in law, and needs as
// many evaluations (tests/es/test_counts_factor.c). C's eigenvalues are wanted for its condition and its limits alone,
// now and then. All of it comes from a snapshot that nobody changes meanwhile, so that it makes no difference who makes
// it and when.

#include "factor.h"

#include <math.h>
#include <signal.h>
#include <string.h>

#include "num.h"

factoring *factor_room(arena *memory, int n, const double *C, const double *diagonal) {
  factoring *f = ARENA_NEW(memory, factoring, 1);
  *f = (factoring){.n = n, .C = C, .diagonal = diagonal, .stage = FACTOR_NONE};
  f->L = ARENA_NEW(memory, double, (size_t)n * (size_t)n);
  f->D = ARENA_NEW(memory, double, n);
  f->work = ARENA_NEW(memory, double, num_dsyev_values_work(n));
  return f;
}

// L becomes the snapshot, on and below the diagonal.
static void factor_copy(factoring *f, double more) {
  size_t n = (size_t)f->n;
  for (size_t i = 0; i < n; i++) {
    memcpy(f->L + i * n, f->C + i * n, i * sizeof *f->L);
    f->L[i * n + i] = f->diagonal[i] + more;
  }
}

static double factor_largest(const double *x, int n) {
  double found = 0;
  for (int i = 0; i < n; i++) found = fmax(found, x[i]);
  return found;
}

static bool factor_eigenvalues(factoring *f) {
  factor_copy(f, 0);
  if (!num_dsyev_values(f->L, f->D, f->n, f->work)) return false;
  double least = 1e-30 * f->D[f->n - 1];
  for (int i = 0; i < f->n; i++) f->D[i] = sqrt(fmax(f->D[i], least));
  return true;
}

// Rounding may leave a C of enormous condition that is not positive definite: then its shortest axes are made a little
// longer.
static bool factor_cholesky(factoring *f) {
  enum { TRIES = 22 };  // the last adds a hundred thousand times the largest variance
  double unit = 1e-15 * factor_largest(f->diagonal, f->n), more = 0;
  for (int i = 0; i < TRIES; i++, more = more > 0 ? 10 * more : unit) {
    factor_copy(f, more);
    if (num_dpotrf(f->L, f->n)) return true;
  }
  return false;
}

static void factor_make(factoring *f) { f->failed = (f->spectrum && !factor_eigenvalues(f)) || !factor_cholesky(f); }

static void *factor_make_beside(void *f) {
  factor_make(f);
  return NULL;
}

// Signals are for the thread that was there before.
void factor_start(factoring *f, bool spectrum) {
  if (f->stage != FACTOR_NONE || f->n < FACTOR_THREAD_FROM || !num_blas_in_threads()) return;

  sigset_t all, before;
  f->spectrum = spectrum;

  // a new thread inherits the mask: nothing is delivered to it
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  if (pthread_create(&f->thread, NULL, factor_make_beside, f) == 0) f->stage = FACTOR_RUNS;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void factor_wait(factoring *f) {
  if (f->stage == FACTOR_RUNS) CHECK(pthread_join(f->thread, NULL) == 0, "a thread cannot be waited for");
}

void factor_finish(factoring *f, bool spectrum) {
  factor_wait(f);

  // no helper began: made here, with the same result
  if (f->stage == FACTOR_NONE) {
    f->spectrum = spectrum;
    factor_make(f);
  }

  f->stage = FACTOR_MADE;
  CHECK(!f->failed, "a covariance matrix of %d parameters cannot be factored: its largest variance is %g", f->n,
        factor_largest(f->diagonal, f->n));
}

void factor_reset(factoring *f) {
  factor_wait(f);
  f->stage = FACTOR_NONE;
}

// The classic functions that evolution strategies are compared on, where a search on each begins and ends, and how many
// evaluations pycma 4.4.0 needs for that.

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "es.h"
#include "num.h"

#define ANGLE 1.0  // radians

double es_sphere(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += x[i] * x[i];
  return sum;
}

double es_ellipsoid(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += pow(1e6, (double)i / (n - 1)) * x[i] * x[i];
  return sum;
}

double es_cigar(const double *x, int n) {
  double sum = x[0] * x[0];
  for (int i = 1; i < n; i++) sum += 1e6 * x[i] * x[i];
  return sum;
}

double es_tablet(const double *x, int n) {
  double sum = 1e6 * x[0] * x[0];
  for (int i = 1; i < n; i++) sum += x[i] * x[i];
  return sum;
}

double es_schwefel(const double *x, int n) {
  double sum = 0, part = 0;
  for (int i = 0; i < n; i++) {
    part += x[i];
    sum += part * part;
  }
  return sum;
}

double es_rosenbrock(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i + 1 < n; i++) sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
  return sum;
}

double es_different_powers(const double *x, int n) {
  double sum = 0;
  for (int i = 0; i < n; i++) sum += pow(fabs(x[i]), 2 + 10.0 * i / (n - 1));
  return sum;
}

double es_ackley(const double *x, int n) {
  double waves = 0;
  for (int i = 0; i < n; i++) waves += cos(2 * M_PI * x[i]);
  return 20 * (1 - exp(-0.2 * sqrt(es_sphere(x, n) / n))) + exp(1) - exp(waves / n);
}

double es_rastrigin(const double *x, int n) {
  double sum = 10.0 * n;
  for (int i = 0; i < n; i++) sum += x[i] * x[i] - 10 * cos(2 * M_PI * x[i]);
  return sum;
}

// --- the problems ---------------------------------------------------------------------------------------------------

static const es_classic classics[] = {
    {"sphere", es_sphere, 1, 0, 1, 1e-9, false},
    {"ellipsoid", es_ellipsoid, 1, 0, 1, 1e-9, false},
    {"rotated-ellipsoid", es_ellipsoid, 1, 0, 1, 1e-9, true},
    {"cigar", es_cigar, 1, 0, 1, 1e-9, false},
    {"tablet", es_tablet, 1, 0, 1, 1e-9, false},
    {"schwefel", es_schwefel, 1, 0, 1, 1e-9, false},
    {"rosenbrock", es_rosenbrock, 0, 0, 0.1, 1e-9, false},
    {"different-powers", es_different_powers, 1, 0, 1, 1e-14, false},
    {"ackley", es_ackley, 0, 5, 2, 1e-8, false},
    {"rastrigin", es_rastrigin, 0, 5, 2, 1e-8, false},
    {"rotated-rastrigin", es_rastrigin, 0, 5, 2, 1e-8, true},
};

const es_classic *es_classics(int *count) {
  *count = sizeof classics / sizeof *classics;
  return classics;
}

// In the plane of each two neighbouring coordinates in turn, there and back: so every one is mixed with every other.
static void classic_rotate(double *x, int n, double angle) {
  double c = cos(angle), s = sin(angle);
  for (int turn = 0; turn < 2 * (n - 1); turn++) {
    double *pair = x + (turn < n - 1 ? turn : 2 * (n - 1) - 1 - turn), first = pair[0];
    pair[0] = c * first - s * pair[1];
    pair[1] = s * first + c * pair[1];
  }
}

void es_classic_start(const es_classic *c, double *x, int n, uint64_t seed) {
  rng luck = rng_stream(seed, "es classic");
  for (int i = 0; i < n; i++)
    x[i] = c->x0 + (c->spread > 0 ? c->spread * (2 * rng_uniform(luck, 0, (uint32_t)i) - 1) : 0);
  if (c->rotated) classic_rotate(x, n, -ANGLE);
}

double es_classic_value(const es_classic *c, const double *x, int n, double *scratch) {
  if (!c->rotated) return c->f(x, n);
  memcpy(scratch, x, (size_t)n * sizeof *x);
  classic_rotate(scratch, n, ANGLE);
  return c->f(scratch, n);
}

// --- pycma ----------------------------------------------------------------------------------------------------------

// 0: not known
typedef struct reference { const char *name; int n, cma, positive, separable; } reference;
static const reference references[] = {
    {"sphere", 5, 704, 728, 608},
    {"sphere", 10, 1480, 1480, 1200},
    {"sphere", 20, 2796, 2772, 2400},
    {"sphere", 40, 5295, 5295, 4725},
    {"ellipsoid", 5, 1448, 2024, 1080},
    {"ellipsoid", 10, 4090, 5680, 2250},
    {"ellipsoid", 20, 13008, 17904, 4668},
    {"ellipsoid", 40, 48945, 66030, 9810},
    {"rotated-ellipsoid", 5, 1448, 2024, 0},
    {"rotated-ellipsoid", 10, 4090, 5680, 0},
    {"rotated-ellipsoid", 20, 13008, 17904, 0},
    {"rotated-ellipsoid", 40, 48945, 66030, 0},
    {"cigar", 5, 1704, 2008, 1216},
    {"cigar", 10, 3990, 4310, 2450},
    {"cigar", 20, 8208, 8316, 4848},
    {"cigar", 40, 16080, 15990, 9435},
    {"tablet", 5, 1312, 2064, 1024},
    {"tablet", 10, 3110, 5390, 1910},
    {"tablet", 20, 7668, 0, 3516},
    {"rosenbrock", 5, 1736, 1984, 0},
    {"rosenbrock", 10, 5080, 5920, 0},
    {"rosenbrock", 20, 16476, 20040, 0},
    {"rosenbrock", 40, 61650, 0, 0},
    {"different-powers", 5, 1160, 2152, 0},
    {"different-powers", 10, 3230, 6300, 1590},
    {"different-powers", 20, 10188, 0, 3372},
};

int es_classic_reference(const es_classic *c, int n, es_kind kind, bool active) {
  for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
    const reference *r = &references[i];
    if (r->n != n || strcmp(r->name, c->name) != 0) continue;

    // pycma was counted for these strategies alone
    if (kind == ES_CMA) return active ? r->cma : r->positive;
    return kind == ES_SEP_CMA && active ? r->separable : 0;
  }
  return 0;
}

// The classic functions by their short names.
#ifndef FUNCTIONS_H
#define FUNCTIONS_H

#include <math.h>

#include "es.h"

typedef es_function function;

#define sphere es_sphere
#define ellipsoid es_ellipsoid
#define cigar es_cigar
#define tablet es_tablet
#define rosenbrock es_rosenbrock
#define different_powers es_different_powers
#define rastrigin es_rastrigin

#endif

// Tests for the strategies of many parameters: what they need of memory, LM-MA-ES against its definition, step sizes
// that do not drift on luck, and directions that are found.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "search.h"

// --- memory: first, because the peak of the process is looked at ----------------------------------------------------

static size_t peak_bytes(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (size_t)usage.ru_maxrss * 1024;
}

// A generation whose candidates are made one by one, twice: the second time by es_tell itself.
static void generation_one_by_one(es *e, double *x) {
  double fitness[MOST_CANDIDATES];
  for (int k = 0; k < es_popsize(e); k++) {
    es_candidate(e, k, x);
    fitness[k] = sphere(x, es_size(e));
  }
  es_tell(e, NULL, fitness);
}

static void test_memory_is_linear(void **state) {
  (void)state;
  enum { MANY = 200000 };
  static const struct { es_kind kind; size_t vectors, state_vectors, sample_vectors; } t[] = {
      {ES_OPENAI, 12, 4, 1}, {ES_PGPE, 14, 4, 2}, {ES_LM_MA, 60, 43, 41}};  // 4 + floor(3 ln n) = 40 directions
  double *x = mem_take(MANY, sizeof *x), *x0 = mem_take(MANY, sizeof *x0);
  for (int i = 0; i < MANY; i++) x0[i] = 1;
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    size_t before = peak_bytes(), vector = MANY * sizeof(double);
    const es_options o = {.kind = t[i].kind, .n = MANY, .popsize = 6, .sigma0 = 0.1, .x0 = x0, .seed = 1};
    es *e = open_or_fail(&o);
    double start = sphere(es_mean(e), MANY);
    generation_one_by_one(e, x);
    assert_true(sphere(es_mean(e), MANY) != start && es_generation(e) == 1);
    assert_true(es_state_size(e) < (t[i].state_vectors + 1) * vector);
    assert_in_range(es_sample_size(e), t[i].sample_vectors * vector, t[i].sample_vectors * vector + 1000);
    size_t grown = (peak_bytes() - before) / vector;
    printf("%s: %zu vectors of n at the peak\n", es_kind_name(t[i].kind), grown);
#ifndef __SANITIZE_ADDRESS__
    assert_true(grown <= t[i].vectors);
#endif
    es_close(e);
  }
  mem_free(x);
  mem_free(x0);
}

// --- LM-MA-ES as it is defined --------------------------------------------------------------------------------------

enum { LM_N = 60, LM_POPSIZE = 12, LM_M = 16 };  // 4 + floor(3 ln 60)

typedef struct naive { double mean[LM_N], ps[LM_N], v[LM_M][LM_N], sigma; } naive;

static void naive_draw(const naive *l, int g, int k, double *z, double *d) {
  rng_normals_double(z, LM_N, rng_episode(rng_stream(9, "es"), (uint32_t)g, (uint32_t)k), 0, 0);
  memcpy(d, z, LM_N * sizeof *d);
  for (int j = 0; j < LM_M && j < g; j++) {
    double c = pow(1.5, -j) / LM_N, along = 0;
    for (int i = 0; i < LM_N; i++) along += l->v[j][i] * d[i];
    for (int i = 0; i < LM_N; i++) d[i] = (1 - c) * d[i] + c * l->v[j][i] * along;
  }
}

static void naive_path(double *path, double c, double mueff, const double *z) {
  for (int i = 0; i < LM_N; i++) path[i] = (1 - c) * path[i] + sqrt(mueff * c * (2 - c)) * z[i];
}

static void naive_tell(naive *l, int g, const int *order) {
  double w[LM_POPSIZE], mean_z[LM_N] = {0}, mean_d[LM_N] = {0}, length = 0;
  es_constants c = es_constants_make(LM_N, LM_POPSIZE, false, ES_PYCMA, w);
  for (int k = 0; k < LM_POPSIZE / 2; k++) {
    double z[LM_N], d[LM_N];
    naive_draw(l, g, order[k], z, d);
    for (int i = 0; i < LM_N; i++) mean_z[i] += w[k] * z[i], mean_d[i] += w[k] * d[i];
  }
  double cs = 2.0 * LM_POPSIZE / LM_N;
  for (int i = 0; i < LM_N; i++) l->mean[i] += l->sigma * mean_d[i];
  naive_path(l->ps, cs, c.mueff, mean_z);
  for (int j = 0; j < LM_M; j++) naive_path(l->v[j], LM_POPSIZE / pow(4, j) / LM_N, c.mueff, mean_z);
  for (int i = 0; i < LM_N; i++) length += l->ps[i] * l->ps[i];
  l->sigma *= exp(cs * (sqrt(length) / c.chi_n - 1));
}

static void test_lm_ma_is_what_it_says(void **state) {
  (void)state;
  static naive l;
  for (int i = 0; i < LM_N; i++) l.mean[i] = 1;
  l.sigma = 0.5;
  const es_options o = {.kind = ES_LM_MA, .n = LM_N, .popsize = LM_POPSIZE, .sigma0 = l.sigma, .x0 = l.mean, .seed = 9};
  es *e = open_or_fail(&o);
  for (int g = 0; g < 60; g++) {
    double fitness[LM_POPSIZE], z[LM_N], d[LM_N];
    int order[LM_POPSIZE];
    const double *x = es_ask(e);
    for (int k = 0; k < LM_POPSIZE; k++) {
      naive_draw(&l, g, k, z, d);
      for (int i = 0; i < LM_N; i++) assert_true(fabs(l.mean[i] + l.sigma * d[i] - x[k * LM_N + i]) < 1e-8);
      fitness[k] = cigar(x + k * LM_N, LM_N);
    }
    for (int k = 0; k < LM_POPSIZE; k++) {
      int rank = 0;
      for (int j = 0; j < LM_POPSIZE; j++) rank += fitness[j] < fitness[k];
      order[rank] = k;
    }
    es_tell(e, x, fitness);
    naive_tell(&l, g, order);
    for (int i = 0; i < LM_N; i++) assert_true(fabs(es_mean(e)[i] - l.mean[i]) < 1e-8);
    assert_true(fabs(es_sigma(e) / l.sigma - 1) < 1e-8);
  }
  es_close(e);
}

// --- what they are for ----------------------------------------------------------------------------------------------

static int evaluations_to(es_kind kind, function *f, int n, double target, int most) {
  double x0[200], fitness[MOST_CANDIDATES], best = INFINITY;
  for (int i = 0; i < n; i++) x0[i] = 1;
  const es_options o = {.kind = kind, .n = n, .sigma0 = 1, .x0 = x0, .seed = 3};
  es *e = open_or_fail(&o);
  int count = 0;
  for (; best > target && count < most; count += es_popsize(e)) {
    const double *x = es_ask(e);
    for (int k = 0; k < es_popsize(e); k++) best = fmin(best, fitness[k] = f(x + k * n, n));
    es_tell(e, x, fitness);
  }
  es_close(e);
  return count;
}

static double tilted_cigar(const double *x, int n) {  // long along (1, 1, .., 1): no diagonal can know
  double sum = 0, squares = 0;
  for (int i = 0; i < n; i++) sum += x[i] + i * 1e-3, squares += (x[i] + i * 1e-3) * (x[i] + i * 1e-3);
  return 1e4 * (squares - sum * sum / n) + sum * sum / n;
}

static void test_lm_ma_finds_a_direction(void **state) {
  (void)state;
  int lm = evaluations_to(ES_LM_MA, tilted_cigar, 100, 1e-6, 200000),
      sep = evaluations_to(ES_SEP_CMA, tilted_cigar, 100, 1e-6, 200000);
  printf("tilted cigar 100: LM-MA-ES %d evaluations, sep-CMA-ES %d\n", lm, sep);
  assert_true(lm < 0.6 * sep);
}

// ln sigma on fitness that is luck alone, from generation 30 on, over seeds.
static void test_step_sizes_do_not_drift(void **state) {
  (void)state;
  enum { SEEDS = 150 };
  static const struct { es_kind kind; int n; double most; } t[] = {{ES_SEP_CMA, 20, 0.15}, {ES_LM_MA, 100, 0.15}};
  for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
    double sum = 0, squares = 0, fitness[MOST_CANDIDATES];
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
      const es_options o = {.kind = t[i].kind, .n = t[i].n, .sigma0 = 1, .seed = seed, .active = true};
      es *e = open_or_fail(&o);
      double start = 0;
      for (uint32_t g = 0; g < 90; g++) {
        if (g == 30) start = log(es_sigma(e));
        for (int k = 0; k < es_popsize(e); k++)
          fitness[k] = rng_uniform(rng_episode(rng_stream(seed, "luck"), g, (uint32_t)k), 0, 0);
        es_tell(e, es_ask(e), fitness);
      }
      double moved = log(es_sigma(e)) - start;
      sum += moved, squares += moved * moved;
      es_close(e);
    }
    double mean = sum / SEEDS, se = sqrt((squares / SEEDS - mean * mean) / SEEDS);
    printf("%s: ln sigma moves by %.4f +- %.4f\n", es_kind_name(t[i].kind), mean, se);
    assert_true(se < t[i].most / 2 && fabs(mean) < 4 * se);
  }
}

// On a plain the gradient strategies stay where they are; sigma of OpenAI-ES never changes.
static void test_a_plain_gives_no_direction(void **state) {
  (void)state;
  for (es_kind kind = ES_OPENAI; kind <= ES_PGPE; kind++) {
    const es_options o = {.kind = kind, .n = N, .sigma0 = 0.5, .x0 = ones, .seed = 3};
    es *e = open_or_fail(&o);
    double fitness[MOST_CANDIDATES] = {0};
    for (int g = 0; g < 20; g++) es_tell(e, NULL, fitness);
    assert_memory_equal(es_mean(e), ones, sizeof ones);
    assert_true(es_sigma(e) == 0.5 && es_condition(e) == 1);
    es_close(e);
  }
}

static const double threes[N] = {3, 3, 3, 3, 3, 3, 3, 3};

// The gradient strategies as they are defined, beside ours for some generations. utility[k] is worth of candidate k,
// from 1/2 to -1/2.
typedef struct follower { double mean[N], d[N], first[N], second[N], velocity[N], rate; } follower;

static void utilities(const double *fitness, double *utility, int popsize) {
  for (int k = 0; k < popsize; k++) {
    int better = 0;
    for (int j = 0; j < popsize; j++) better += fitness[j] < fitness[k];
    utility[k] = 0.5 - (double)better / (popsize - 1);
  }
}

static void follow_openai(follower *f, const double *utility, const double *z, int popsize, int g) {
  for (int i = 0; i < N; i++) {
    double gradient = 0;
    for (int k = 0; k < popsize; k++) gradient += utility[k] * z[k * N + i] / popsize;
    f->first[i] = 0.9 * f->first[i] + 0.1 * gradient;
    f->second[i] = 0.999 * f->second[i] + 0.001 * gradient * gradient;
    f->mean[i] += f->rate * f->first[i] / (1 - pow(0.9, g + 1)) / (sqrt(f->second[i] / (1 - pow(0.999, g + 1))) + 1e-8);
  }
}

static void follow_pgpe(follower *f, const double *utility, const double *z, int popsize, int g) {
  double gradient[N] = {0}, of_d[N] = {0};
  (void)g;
  for (int k = 0; k < popsize; k += 2)
    for (int i = 0; i < N; i++) {
      double y = f->d[i] * z[k * N + i];
      gradient[i] += (utility[k] - utility[k + 1]) / 2 * y;
      of_d[i] += (utility[k] + utility[k + 1]) / 2 * (y * y - f->d[i] * f->d[i]) / f->d[i] / (popsize / 2);
    }
  double length = sqrt(sphere(gradient, N));
  for (int i = 0; i < N; i++) f->velocity[i] = 0.9 * f->velocity[i] + f->rate * gradient[i] / length;
  double speed = sqrt(sphere(f->velocity, N));
  for (int i = 0; i < N; i++) {
    if (speed > 2 * f->rate) f->velocity[i] *= 2 * f->rate / speed;
    f->mean[i] += f->velocity[i];
    f->d[i] += fmin(fmax(0.1 * of_d[i], -0.2 * f->d[i]), 0.2 * f->d[i]);
  }
}

static void test_gradients_are_followed_as_defined(void **state) {
  (void)state;
  const double sigma0 = 0.5, rates[] = {0.1 * sigma0, sigma0 * sqrt(N) / 30};  // the defaults
  for (es_kind kind = ES_OPENAI; kind <= ES_PGPE; kind++) {
    const es_options o = {.kind = kind, .n = N, .popsize = 16, .sigma0 = sigma0, .x0 = ones, .seed = 3};
    es *e = open_or_fail(&o);
    follower f = {.rate = rates[kind - ES_OPENAI]};
    for (int i = 0; i < N; i++) f.mean[i] = f.d[i] = 1;
    for (int g = 0; g < 60; g++) {
      double z[16 * N], fitness[16], utility[16];
      const double *x = es_ask(e);
      for (int k = 0; k < 16; k++) {
        rng_normals_double(z + k * N, N, rng_episode(rng_stream(3, "es"), (uint32_t)g, (uint32_t)k / 2), 0, 0);
        for (int i = 0; k % 2 && i < N; i++) z[k * N + i] = -z[k * N + i];
        for (int i = 0; i < N; i++) assert_true(fabs(f.mean[i] + sigma0 * f.d[i] * z[k * N + i] - x[k * N + i]) < 1e-9);
        fitness[k] = tablet(x + k * N, N);
      }
      utilities(fitness, utility, 16);
      // PGPE's d and velocity are over sigma0 and in the parameters' unit
      (kind == ES_OPENAI ? follow_openai : follow_pgpe)(&f, utility, z, 16, g);
      es_tell(e, x, fitness);
      for (int i = 0; i < N; i++) assert_true(fabs(es_mean(e)[i] - f.mean[i]) < 1e-9);
    }
    es_close(e);
  }
}

static void test_mirror_images(void **state) {
  (void)state;
  for (es_kind kind = ES_OPENAI; kind <= ES_PGPE; kind++) {
    const es_options o = {.kind = kind, .n = N, .sigma0 = 0.5, .seed = 3},
                     odd = {.kind = kind, .n = N, .sigma0 = 0.5, .popsize = 7};
    es *e = open_or_fail(&o), *none;
    for (int g = 0; g < 5; g++) search_step_seen(e, sphere, threes, 1, as_is);
    const double *x = es_ask(e), *mean = es_mean(e);
    for (int k = 0; k < es_popsize(e); k += 2)
      for (int i = 0; i < N; i++) assert_true(fabs(x[k * N + i] + x[(k + 1) * N + i] - 2 * mean[i]) < 1e-12);
    es_close(e);
    assert_int_equal(es_open(&none, &odd), BAD_CONFIG);
    assert_non_null(strstr(status_message(), "even"));
  }
}

// PGPE learns which coordinates matter: its deviations shrink there.
static void test_pgpe_learns_deviations(void **state) {
  (void)state;
  const es_options o = {.kind = ES_PGPE, .n = N, .popsize = 40, .sigma0 = 0.5, .x0 = ones, .seed = 3};
  es *e = open_or_fail(&o);
  for (int g = 0; g < 150; g++) search_step(e, tablet);
  assert_true(es_condition(e) > 10);
  es_close(e);
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_memory_is_linear),
      cmocka_unit_test(test_lm_ma_is_what_it_says),
      cmocka_unit_test(test_lm_ma_finds_a_direction),
      cmocka_unit_test(test_step_sizes_do_not_drift),
      cmocka_unit_test(test_a_plain_gives_no_direction),
      cmocka_unit_test(test_gradients_are_followed_as_defined),
      cmocka_unit_test(test_mirror_images),
      cmocka_unit_test(test_pgpe_learns_deviations),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

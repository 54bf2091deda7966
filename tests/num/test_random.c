// The known answers of Philox4x32-10, the laws that streams promise, the same bits on every instruction set, and the
// moments and shape of what is drawn. Seeds are fixed, so a statistical test gives one answer for ever.
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "isas.h"

enum { MANY = 100000 };
static float floats[MANY], other[MANY];
static double doubles[MANY];
static uint32_t words[MANY];

// The three vectors that come with Random123 (kat_vectors, philox4x32 10).
static void known_answers(void **state) {
  (void)state;
  static const struct { uint32_t counter[4], key[2], words[4]; } known[] = {
      {{0}, {0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
      {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
      {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0},
       {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}};
  FOR_EACH_ISA(isa) {
    for (int i = 0; i < 3; i++) {
      const uint32_t *c = known[i].counter;
      rng r = {.key = {known[i].key[0], known[i].key[1]}, .generation = c[3], .episode = c[2]};
      uint32_t out[4];
      rng_words(out, 4, r, c[1], c[0]);
      assert_memory_equal(out, known[i].words, sizeof out);
      assert_true(rng_uniform(r, c[1], c[0]) == (known[i].words[0] + 0.5) / 4294967296.0);
    }
  }
}

// Word i is word i % 4 of block first + i / 4, however many are asked for, also where the block number wraps.
static void words_are_blocks(void **state) {
  (void)state;
  rng r = rng_episode(rng_stream(7, "blocks"), 3, 5);
  FOR_EACH_ISA(isa) {
    for (int n = 0; n <= 150; n++) {
      uint32_t first = 0xFFFFFFF0u + (uint32_t)n, some[151];
      some[n] = 12345;
      rng_words(some, n, r, 9, first);
      assert_int_equal(some[n], 12345);  // nothing beyond n
      for (int i = 0; i < n; i++) {
        uint32_t block[4];
        rng_words(block, 4, r, 9, first + (uint32_t)i / 4);
        assert_int_equal(some[i], block[i % 4]);
      }
    }
  }
}

static void prefixes_and_places(void **state) {
  (void)state;
  rng r = rng_stream(8, "prefix");
  rng_uniforms(floats, 400, r, 1, 0);
  rng_normals(other, 400, r, 1, 0);
  rng_normals_double(doubles, 400, r, 1, 0);
  FOR_EACH_ISA(isa) {
    for (int n = 1; n <= 140; n++) {
      float f[140];
      double d[140];
      uint32_t first = (uint32_t)n / 3;
      rng_uniforms(f, n, r, 1, first);
      assert_memory_equal(f, floats + 4 * first, sizeof *f * (size_t)n);
      rng_normals(f, n, r, 1, first);
      assert_memory_equal(f, other + 4 * first, sizeof *f * (size_t)n);
      rng_normals_double(d, n, r, 1, first);
      assert_memory_equal(d, doubles + 2 * first, sizeof *d * (size_t)n);
    }
  }
}

static void same_bits_everywhere(void **state) {
  (void)state;
  rng r = rng_stream(9, "bits");
  num_isa_use(NUM_PLAIN);
  rng_normals(other, MANY, r, 0, 0);
  FOR_EACH_ISA(isa) {
    rng_normals(floats, MANY, r, 0, 0);
    assert_memory_equal(floats, other, sizeof floats);
  }
  // And on every machine: these were computed once; a change of the recipe changes all dreams, so it must be meant.
  assert_string_equal(hash_bytes(floats, sizeof floats).hex, "957d993025a611efacb247c956d14e92");
  rng_uniforms(floats, MANY, r, 0, 0);
  assert_string_equal(hash_bytes(floats, sizeof floats).hex, "89dcc383f3e30d0546ea49bdb2300895");
  rng_normals_double(doubles, MANY, r, 0, 0);
  assert_string_equal(hash_bytes(doubles, sizeof doubles).hex, "2c7afdd6b1cd7f181221ab534425cace");
}

static void streams_are_separate(void **state) {
  (void)state;
  rng base = rng_episode(rng_stream(1, "dream"), 2, 3);
  rng others[] = {rng_episode(rng_stream(2, "dream"), 2, 3), rng_episode(rng_stream(1, "dreams"), 2, 3),
                  rng_episode(base, 3, 3), rng_episode(base, 2, 4), rng_episode(base, 3, 2),
                  rng_episode(rng_stream(1 + ((uint64_t)1 << 32), "dream"), 2, 3)};
  rng_normals(floats, MANY, base, 0, 0);
  for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
    double product = 0;
    rng_normals(other, MANY, others[i], 0, 0);
    for (int j = 0; j < MANY; j++) product += (double)floats[j] * other[j];
    assert_true(fabs(product) < 4 * sqrt(MANY));
  }
  rng_normals(other, MANY, base, 1, 0);
  assert_memory_not_equal(floats, other, sizeof floats);
  rng_normals(other, MANY, rng_episode(rng_stream(1, "dream"), 2, 3), 0, 0);
  assert_memory_equal(floats, other, sizeof floats);
}

static void uniforms(void **state) {
  (void)state;
  double mean = 0, variance = 0, lag = 0;
  rng_uniforms(floats, MANY, rng_stream(3, "uniforms"), 0, 0);
  for (int i = 0; i < MANY; i++) {
    assert_true(floats[i] > 0 && floats[i] < 1);
    mean += floats[i] - 0.5;
    variance += (floats[i] - 0.5) * (floats[i] - 0.5);
    if (i) lag += (floats[i] - 0.5) * (floats[i - 1] - 0.5);
  }
  double sd = sqrt(1.0 / 12 / MANY);
  assert_true(fabs(mean / MANY) < 3 * sd);
  assert_true(fabs(variance / MANY - 1.0 / 12) < 3 * sqrt(1.0 / 180 / MANY));
  assert_true(fabs(lag / MANY) < 3.0 / 12 / sqrt(MANY));
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// Moments within three standard errors, and Kolmogorov's distance below its 1 % point, 1.63 / sqrt(n).
static void normal_shape(double *z) {
  double m[5] = {0}, distance = 0, lag = 0;
  for (int i = 0; i < MANY; i++) {
    for (int k = 1; k <= 4; k++) m[k] += pow(z[i], k) / MANY;
    if (i) lag += z[i] * z[i - 1] / MANY;
  }
  double se = 1 / sqrt(MANY);
  assert_true(fabs(m[1]) < 3 * se && fabs(m[2] - 1) < 3 * sqrt(2) * se);
  assert_true(fabs(m[3]) < 3 * sqrt(15) * se && fabs(m[4] - 3) < 3 * sqrt(96) * se && fabs(lag) < 3 * se);
  qsort(z, MANY, sizeof *z, ascending);
  for (int i = 0; i < MANY; i++) {
    double p = 0.5 * erfc(-z[i] / sqrt(2));
    distance = fmax(distance, fmax(fabs(p - (double)i / MANY), fabs(p - (i + 1.0) / MANY)));
  }
  assert_true(distance < 1.63 / sqrt(MANY));
}

static void normals(void **state) {
  (void)state;
  rng_normals(floats, MANY, rng_stream(4, "normals"), 0, 0);
  for (int i = 0; i < MANY; i++) doubles[i] = (double)floats[i];
  normal_shape(doubles);
  rng_normals_double(doubles, MANY, rng_stream(5, "normals"), 0, 0);
  normal_shape(doubles);
}

// Box and Muller by libm in long double, from the same words. A small radius loses digits, where u is near 1.
static void normals_are_box_muller(void **state) {
  (void)state;
  const long double turn = 2 * acosl(-1);
  rng r = rng_stream(6, "words");
  rng_words(words, MANY, r, 0, 0);
  rng_normals(floats, MANY, r, 0, 0);
  rng_normals_double(doubles, MANY / 2, r, 0, 0);
  for (int i = 0; i < MANY; i += 2) {
    long double radius = sqrtl(-2 * logl((words[i] + 0.5L) / 0x1p32L)), angle = turn * words[i + 1] / 0x1p32L;
    long double bound = 1.5e-6L + 6e-8L / radius;
    assert_true(fabsl(floats[i] - radius * cosl(angle)) < bound && fabsl(floats[i + 1] - radius * sinl(angle)) < bound);
  }
  for (int i = 0; i < MANY; i += 4) {
    uint64_t a = (uint64_t)words[i] << 32 | words[i + 1], b = (uint64_t)words[i + 2] << 32 | words[i + 3];
    long double radius = sqrtl(-2 * logl(((a >> 11) + 0.5L) / 0x1p53L)), angle = turn * b / 0x1p64L;
    long double bound = 3e-15L + 3e-16L / radius;
    assert_true(fabsl(doubles[i / 2] - radius * cosl(angle)) < bound);
    assert_true(fabsl(doubles[i / 2 + 1] - radius * sinl(angle)) < bound);
  }
}

// Philox4x32-10 backwards: the block whose words these are. So any words at all can be made normals of.
static void block_of(uint32_t c[4], const uint32_t w[4], const uint32_t key[2]) {
  memcpy(c, w, 4 * sizeof *c);
  for (uint32_t round = 10; round-- > 0;) {
    uint32_t k0 = key[0] + round * 0x9E3779B9, k1 = key[1] + round * 0xBB67AE85;
    uint32_t first = c[3] * 0x991A7CDBu, third = c[1] * 0x6D7CAE67u;  // times the inverses of the multipliers
    c[1] = c[0] ^ (uint32_t)((uint64_t)third * 0xCD9E8D57 >> 32) ^ k0;
    c[3] = c[2] ^ (uint32_t)((uint64_t)first * 0xD2511F53 >> 32) ^ k1;
    c[0] = first;
    c[2] = third;
  }
}

// The stated bound, over the whole range of both words: radii from the largest to nothing, angles all the way round.
static void normals_are_within_their_bound(void **state) {
  (void)state;
  const uint32_t key[2] = {17, 4}, edges[] = {0,          1,          0x1FFFFFFF, 0x20000000, 0x3FFFFFFF,
                                              0x40000000, 0x60000000, 0x7FFFFFFF, 0x80000000, 0xC0000000,
                                              0xFFFFFF00, 0xFFFFFF7F, 0xFFFFFF80, 0xFFFFFFFE, 0xFFFFFFFF};
  enum { EDGES = sizeof edges / sizeof *edges, STEPS = 60000 };
  const long double turn = 2 * acosl(-1);
  for (uint32_t i = 0; i < STEPS + EDGES * EDGES; i++) {
    uint32_t w[4] = {i * 71583u, i * 2654435769u, ~(i * 12347u), i * 40503u + 7}, c[4], again[4];
    if (i >= STEPS) w[0] = w[2] = edges[(i - STEPS) / EDGES], w[1] = edges[(i - STEPS) % EDGES], w[3] = ~w[1];
    block_of(c, w, key);
    rng r = {.key = {key[0], key[1]}, .episode = c[2], .generation = c[3]};
    rng_words(again, 4, r, c[1], c[0]);
    assert_memory_equal(again, w, sizeof w);
    float z[4];
    rng_normals(z, 4, r, c[1], c[0]);
    for (int j = 0; j < 4; j += 2) {
      long double radius = sqrtl(-2 * logl((w[j] + 0.5L) / 0x1p32L)), angle = turn * w[j + 1] / 0x1p32L;
      long double bound = 2.4e-7L * radius + fminl(6e-8L / radius, radius);
      long double far = fmaxl(fabsl(z[j] - radius * cosl(angle)), fabsl(z[j + 1] - radius * sinl(angle)));
      if (!(far <= bound)) fail_msg("words %08x %08x: %Lg from exact, bound %Lg", w[j], w[j + 1], far, bound);
    }
  }
}

static void below(void **state) {
  (void)state;
  int counts[10] = {0};
  double chi2 = 0;
  rng r = rng_stream(10, "below");
  for (uint32_t i = 0; i < MANY; i++) {
    assert_int_equal(rng_below(r, 0, i, 1), 0);
    assert_true(rng_below(r, 1, i, UINT32_MAX) < UINT32_MAX);
    counts[rng_below(r, 2, i, 10)]++;
  }
  for (int i = 0; i < 10; i++) chi2 += pow(counts[i] - MANY / 10, 2) / (MANY / 10);
  assert_true(chi2 < 21.67);  // 1 % of chi squared with 9 degrees of freedom
}

static void shuffle(void **state) {
  (void)state;
  enum { N = 1000 };
  rng r = rng_stream(11, "shuffle");
  uint32_t items[N], again[N], seen[N] = {0}, fixed = 0;
  for (uint32_t i = 0; i < N; i++) items[i] = again[i] = i;
  rng_shuffle(items, N, r, 0);
  rng_shuffle(again, N, r, 0);
  assert_memory_equal(items, again, sizeof items);
  for (uint32_t i = 0; i < N; i++) {
    assert_true(items[i] < N);
    seen[items[i]]++;
    fixed += items[i] == i;
  }
  for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
  assert_true(fixed < 8);  // one is expected
  rng_shuffle(again, N, r, 1);
  assert_memory_not_equal(items, again, sizeof items);
  rng_shuffle(items, 0, r, 0);
}

// Each of the 6 orders of three, equally often.
static void shuffle_is_fair(void **state) {
  (void)state;
  int counts[27] = {0};
  double chi2 = 0;
  rng r = rng_stream(12, "orders");
  for (uint32_t i = 0; i < 6000; i++) {
    uint32_t three[] = {0, 1, 2};
    rng_shuffle(three, 3, r, i);
    counts[three[0] * 9 + three[1] * 3 + three[2]]++;
  }
  for (int i = 0; i < 27; i++)
    if (counts[i]) chi2 += pow(counts[i] - 1000, 2) / 1000;
  assert_true(chi2 < 15.09);  // 1 %, 5 degrees of freedom
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(known_answers),        cmocka_unit_test(words_are_blocks),
      cmocka_unit_test(prefixes_and_places),  cmocka_unit_test(same_bits_everywhere),
      cmocka_unit_test(streams_are_separate), cmocka_unit_test(uniforms),
      cmocka_unit_test(normals),              cmocka_unit_test(normals_are_box_muller),
      cmocka_unit_test(normals_are_within_their_bound),
      cmocka_unit_test(below),                cmocka_unit_test(shuffle),
      cmocka_unit_test(shuffle_is_fair)};
  num_open();
  return cmocka_run_group_tests(tests, NULL, NULL);
}

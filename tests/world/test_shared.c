// Tests for src/world/shared.c: a mapped world is the world, bit for bit, and a damaged file is refused.

#include "small_world.h"

static file_path packed_path(const small_world *s) { return path_join(s->directory, "packed"); }

static world *mapped_of(const small_world *s, const world *w) {
  world *mapped = NULL;
  if (world_share(w, packed_path(s).text) != OK || world_map(&mapped, packed_path(s).text) != OK)
    fail_msg("%s", status_message());
  return mapped;
}

// Steps of a dream, one number after the other.
static void dream_play(const world *w, float *z, int steps) {
  const dream_rules rules = {.temperature = 1.1f, .cap = 1000};
  int Z = world_shape_of(w)->Z;
  mind *m = mind_open(w, 1);
  mind_dream(m, 0, &rules, rng_stream(4, "a dream"));
  for (int t = 0; t < steps; t++) {
    dream_outcome out;
    float action = (float)(t % 3 - 1);
    mind_imagine(m, &action, &out, 1);
    memcpy(z + (size_t)t * Z, mind_features(m, 0), (size_t)Z * sizeof *z);
  }
  mind_close(m);
}

static void same_world(small_world s, num_precision precision) {
  enum { STEPS = 50 };
  bool pixels = s.shape.pixels;
  world *w = NULL;
  if (world_open_as(&w, pixels ? s.vae.text : NULL, s.rnn.text, &(world_options){.precision = precision}) != OK)
    fail_msg("%s", status_message());
  world *mapped = mapped_of(&s, w);
  float a[STEPS * 8], b[STEPS * 8];
  size_t bytes = STEPS * (size_t)s.shape.Z * sizeof *a;
  assert_string_equal(world_hash(mapped).hex, world_hash(w).hex);
  dream_play(w, a, STEPS);
  dream_play(mapped, b, STEPS);
  assert_memory_equal(a, b, bytes);

  static uint8_t image[WORLD_PIXELS];
  float state[8] = {1, 2, 3, 4, 5}, mu[2][8], logvar[2][8];
  for (int i = 0; i < WORLD_PIXELS; i++) image[i] = (uint8_t)(i * 31);
  const world *both[2] = {w, mapped};
  for (int i = 0; i < 2; i++) {
    world_eye *eye = world_eye_open(both[i], 1);
    world_eye_look(eye, mu[i], logvar[i], pixels ? (const void *)image : state, 1);
    world_eye_close(eye);
  }
  assert_memory_equal(mu[0], mu[1], (size_t)s.shape.Z * sizeof(float));
  assert_memory_equal(logvar[0], logvar[1], (size_t)s.shape.Z * sizeof(float));
  if (pixels) {
    float *pictures = mem_take(2 * WORLD_PIXELS, sizeof *pictures);
    world_imagine(w, pictures, a, 1);
    world_imagine(mapped, pictures + WORLD_PIXELS, a, 1);
    assert_memory_equal(pictures, pictures + WORLD_PIXELS, WORLD_PIXELS * sizeof *pictures);
    mem_free(pictures);
  }
  world_close(mapped);
  world_close(w);
  file_remove(packed_path(&s).text);
  small_world_remove(&s);
}

static void test_a_mapped_world_is_the_world(void **state) {
  (void)state;
  for (int precision = NUM_FP32; precision <= NUM_BF16; precision++)
    for (int pixels = 0; pixels < 2; pixels++) {
      same_world(small_world_write(pixels, 1), (num_precision)precision);
      same_world(small_world_joint(pixels, 3, 1), (num_precision)precision);
    }
}

// The head alone, in place: the rest stays as it is.
static void head_write(const char *path, const char *bytes, size_t size) {
  FILE *f = fopen(path, "r+b");
  assert_non_null(f);
  assert_int_equal(fwrite(bytes, 1, size, f), size);
  assert_int_equal(fclose(f), 0);
}

static void refused(const char *path, const char *bytes, size_t size) {
  world *w;
  assert_int_equal(file_write(path, bytes, size), OK);
  assert_int_equal(world_map(&w, path), BAD_FILE);
  assert_non_null(strstr(status_message(), path));
}

static void test_damage_is_refused(void **state) {
  (void)state;
  small_world s = small_world_write(true, 1);
  world *w = small_world_open(&s), *mapped;
  file_path path = packed_path(&s);
  char *bytes;
  size_t size;
  assert_int_equal(world_share(w, path.text), OK);
  assert_int_equal(file_read(&bytes, &size, path.text), OK);
  for (size_t at = 0; at < size; at += at < 400 ? 1 : size / 57) {
    if (at >= sizeof "dreamfarm-packed-1" && at < 24) continue;  // nobody reads what follows the name
    if (at >= 24 + 33 && at < 24 + 40) continue;                 // nor the check
    bytes[at] ^= 4;
    refused(path.text, bytes, size);
    bytes[at] ^= 4;
  }
  refused(path.text, bytes, size - 64);
  refused(path.text, bytes, 100);
  refused(path.text, "", 1);
  file_remove(path.text);
  assert_int_equal(world_map(&mapped, path.text), NO_IO);
  mem_free(bytes);
  world_close(w);
  small_world_remove(&s);
}

// Whoever changes a file may change its hash too: the head alone, every byte of it to several values.
static void test_a_head_with_the_right_hash_is_judged(void **state) {
  (void)state;
  enum { CHECK_AT = 24, SHAPE_AT = 64, HEAD = 256 };
  static const unsigned char values[] = {0, 1, 2, 0x7F, 0x80, 0xFF};
  small_world s = small_world_write(true, 1);
  world *w = small_world_open(&s), *mapped;
  file_path path = packed_path(&s);
  char *bytes;
  size_t size;
  assert_int_equal(world_share(w, path.text), OK);
  assert_int_equal(file_read(&bytes, &size, path.text), OK);
  int refusals = 0;
  for (size_t at = SHAPE_AT; at < HEAD; at++)
    for (size_t i = 0; i < sizeof values; i++) {
      char before = bytes[at];
      bytes[at] = (char)values[i];
      memcpy(bytes + CHECK_AT, hash_bytes(bytes + SHAPE_AT, size - SHAPE_AT).hex, sizeof(hash));
      head_write(path.text, bytes, HEAD);
      bytes[at] = before;
      if (world_map(&mapped, path.text) == OK) {
        world_close(mapped);
        continue;
      }
      refusals++;
      assert_non_null(strstr(status_message(), path.text));
    }
  assert_in_range(refusals, 150, 600);
  file_remove(path.text);
  mem_free(bytes);
  world_close(w);
  small_world_remove(&s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_mapped_world_is_the_world),
                                     cmocka_unit_test(test_damage_is_refused),
                                     cmocka_unit_test(test_a_head_with_the_right_hash_is_judged)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

// A world that has learned nothing, of any size: to measure with, before there is another one.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train.h"

enum { ORIGINS = 16 };
#define END_LOGIT (-30)        // its dreams hardly ever end, so that lanes stay full
#define LOG_SIGMA_FLOOR (-7)

static void weights_draw(real *m, const world_shape *s, uint64_t seed) {
  nn_table t = world_rnn_table(s);
  rnn_net_init(m, s, seed);
  m[t.tensor[RNN_HEAD_B].at + (size_t)world_head_done(s)] = (real)END_LOGIT;
}

static status random_write(const char *path, const world_shape *s, uint64_t seed) {
  size_t Z = (size_t)s->Z, belief = Z + 2 * (size_t)s->H;
  real *m = mem_take(world_rnn_table(s).size, sizeof *m);
  float *zeros = mem_take((2 * ORIGINS + 1) * Z + belief, sizeof *zeros), *scale = mem_take(Z, sizeof *scale);
  for (size_t i = 0; i < Z; i++) scale[i] = 1;
  weights_draw(m, s, seed);

  const world_origins o = {.count = ORIGINS, .mu = zeros, .logvar = zeros + ORIGINS * Z,
                           .offset = zeros + 2 * ORIGINS * Z, .scale = scale, .moments = 1, .moment = zeros,
                           .log_sigma_floor = LOG_SIGMA_FLOOR};
  status done = world_rnn_write(path, s, m, &o, "none");
  mem_free(m);
  mem_free(zeros);
  mem_free(scale);
  return done;
}

status train_random_world(world **w, const world_shape *shape, uint64_t seed) {
  const char *temporary = getenv("TMPDIR");
  file_path directory = path_join(temporary && *temporary ? temporary : "/tmp", "dreamfarm-XXXXXX");
  world_shape s = *shape;
  s.pixels = false;  // M alone, since no dream looks at V
  if (!mkdtemp(directory.text)) FAIL(NO_IO, "%s: cannot be made: %s", directory.text, strerror(errno));
  file_path rnn = path_join(directory.text, "rnn.safetensors");
  status made = random_write(rnn.text, &s, seed);
  if (made == OK) made = world_open(w, NULL, rnn.text);
  unlink(rnn.text);
  rmdir(directory.text);
  return made;
}

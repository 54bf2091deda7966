// The table of a network's parameters, and their first values (Glorot & Bengio 2010). Knows no network.

#include <string.h>

#include "parts.h"

size_t nn_table_add(nn_table *t, const char *name, int rank, const int *dim) {
  CHECK(t->count < NN_TENSORS_MAX, "no room for %s: a table holds %d tensors", name, NN_TENSORS_MAX);
  nn_tensor *p = &t->tensor[t->count];
  CHECK(strlen(name) < sizeof p->name, "the name %s has more than %zu characters", name, sizeof p->name - 1);
  CHECK(rank >= 1 && rank <= 4, "%s: rank %d, allowed 1 to 4", name, rank);
  CHECK(!nn_table_find(t, name), "%s is in the table already", name);

  // Its place is the end of the vector, its size the product of its dimensions.
  *p = (nn_tensor){.rank = rank, .at = t->size, .size = 1};
  memcpy(p->name, name, strlen(name));
  for (int i = 0; i < rank; i++) {
    CHECK(dim[i] >= 1, "%s: dimension %d is %d", name, i, dim[i]);
    p->dim[i] = dim[i];
    p->size *= (size_t)dim[i];
  }

  t->count++;
  t->size += p->size;
  return p->at;
}

const nn_tensor *nn_table_find(const nn_table *t, const char *name) {
  for (int i = 0; i < t->count; i++)
    if (strcmp(t->tensor[i].name, name) == 0) return &t->tensor[i];
  return NULL;
}

void nn_init_glorot(real *w, size_t n, int fan_in, int fan_out, rng r) {
  CHECK(fan_in >= 1 && fan_out >= 1, "fans %d and %d", fan_in, fan_out);

  // The generator makes 4 words per block, so weight i is word i % 4 of block i / 4.
  enum { BLOCK = 256, WORDS = 4 };
  float u[BLOCK * WORDS];
  double limit = sqrt(6.0 / ((double)fan_in + (double)fan_out));

  for (size_t from = 0; from < n; from += BLOCK * WORDS) {
    int count = (int)(n - from < BLOCK * WORDS ? n - from : BLOCK * WORDS);
    rng_uniforms(u, count, r, 0, (uint32_t)(from / WORDS));
    for (int i = 0; i < count; i++) w[from + (size_t)i] = (real)(limit * (2 * (double)u[i] - 1));
  }
}

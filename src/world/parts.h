// What the files of this room share: the world's weights, packed.
#ifndef WORLD_PARTS_H
#define WORLD_PARTS_H

#include "world.h"

struct world {
  arena *memory;
  world_shape shape;
  hash identity;
  packed conv[4];        // V's encoder
  packed latent;         // [mu | logvar]
  const float *decoder;  // V's parameters as trained, for pictures
  nn_table vae_table;
  num_precision precision;  // of M's weights and of what they are multiplied with
  packed lstm;           // rows [z | action | h], bias of the forget gate already + 1
  packed logits;         // (K-1,Z), of components 1 .. K-1, less component 0's
  packed components;     // the rest of the head, as world_component_column says
  world_origins origins;
  const void *mapping;   // of all these numbers, or NULL: they are in the arena
  size_t mapping_bytes;
};

#define LANES_AT_ONCE 48  // whose gates, and whatever else is made of them, stay in the second-level cache: whole tiles of every kernel

// A softmax knows only differences, so component 0 has no logits of its own.
static inline int world_logits(const world_shape *s) { return s->Z * (s->K - 1); }

// Whether a file may claim it (without M: H and K are not looked at); BAD_FILE by name. What it then needs fits size_t,
// not necessarily memory: compare it with the file's size first.
enum { WORLD_ORIGINS_MAX = 1 << 24 };
status world_shape_check(const world_shape *s, bool memory, const char *path);

// The head but for its logits is items, of each of which two columns are wanted once the logits have been drawn from: dimension z's
// mean (second = 0) and log sigma (1) of component k; and as item Z, component 0, what nothing is drawn for: the reward and the end.
static inline int world_items(const world_shape *s) { return s->Z + 1; }
bool world_picks(const world_shape *s);  // whether packed_pick knows so many components
int world_component_columns(const world_shape *s);
int world_component_column(const world_shape *s, int z, int second, int k);

// n rows of K floats, ld apart, as M's products want them: as they are, or rounded into narrow (n, K + K % 2).
typedef struct world_rows { const void *x; int ld; } world_rows;
world_rows world_rows_for(const world *w, uint16_t *narrow, const float *x, int ld, int K, int n);

#endif

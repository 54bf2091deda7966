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
  packed lstm;           // rows [z | action | h], bias of the forget gate already + 1
  packed head;
  world_origins origins;
  const void *mapping;   // of all these numbers, or NULL: they are in the arena
  size_t mapping_bytes;
};

#endif

// What the files of this room share: the table of a family, and the world's weights, packed.
#ifndef WORLD_PARTS_H
#define WORLD_PARTS_H

#include "world_mdn.h"

// --- a family of worlds: one file, one table; the door (mind.c) has looked at lanes and counts ----------------------
struct mind {  // the first member of every family's mind
  const world *w;
  int lanes;
};
typedef struct world_family {
  const char *name;
  world_senses (*senses)(const world *w);
  bool (*features)(world_features *f, const world *w, const char *which);  // false: no such word
  const char *words;                                                       // that there are, for a sentence
  void (*reconstruct)(const world *w, float *pictures, const void *observations, int n);

  mind *(*open)(const world *w, int lanes);
  void (*close)(mind *m);
  void (*begin)(mind *m, int lane, rng luck);
  void (*dream)(mind *m, int lane, const dream_rules *rules, rng luck);
  int (*dream_member)(const world *w, rng luck);
  void (*see)(mind *m, const void *observations, int n);
  void (*act)(mind *m, const float *actions, int n);
  void (*imagine)(mind *m, const float *actions, dream_outcome *outcomes, int n);
  const float *(*at)(const mind *m, int lane);  // features
  void (*move)(mind *m, int to, int from);
  size_t (*state_bytes)(const world *w);
  void (*save)(const mind *m, int lane, void *state);
  void (*load)(mind *m, int lane, const dream_rules *rules, rng luck, const void *state);
  void (*picture)(const mind *m, int lane, float *picture);
} world_family;
extern const world_family world_mdn;

// An M, as a mind multiplies with it.
typedef struct world_member {
  packed lstm;           // rows [z | action | h], bias of the forget gate already + 1
  packed logits;         // (K-1,draws), of components 1 .. K-1, less component 0's
  packed components;     // the rest of the head, as world_component_column says
  const float *moment;   // (origins.moments, Z + 2H)  its beliefs at the moments that all members know
} world_member;

struct world {
  arena *memory;
  const world_family *family;
  world_shape shape;
  hash identity;
  packed conv[4];        // V's encoder
  packed latent;         // [mu | logvar]
  const float *decoder;  // V's parameters as trained, for pictures
  nn_table vae_table;
  num_precision precision;  // of M's weights and of what they are multiplied with
  int members;           // at least 1 where there is an M
  world_member member[WORLD_MEMBERS_MAX];
  world_origins origins; // without moments, which are the members'
  const void *mapping;   // of all these numbers, or NULL: they are in the arena
  size_t mapping_bytes;
};

// Whose gates, and whatever else is made of them, stay in the second-level cache: whole tiles of every kernel.
#define LANES_AT_ONCE 48

// A softmax knows only differences, so component 0 has no logits of its own.
static inline int world_logits(const world_shape *s) { return world_draws(s) * (s->K - 1); }

// Whether a file may claim it (without M: H and K are not looked at); BAD_FILE by name. What it then needs fits size_t,
// not necessarily memory: compare it with the file's size first.
enum { WORLD_ORIGINS_MAX = 1 << 24 };
status world_shape_check(const world_shape *s, bool memory, const char *path);

// The head but for its logits is items, of each of which two columns are wanted once the logits have been drawn from:
// dimension z's mean (second = 0) and log sigma (1) of component k; and as item Z, component 0, what nothing is drawn
// for: the reward and the end.
static inline int world_items(const world_shape *s) { return s->Z + 1; }
bool world_picks(const world_shape *s);  // whether packed_pick knows so many components
int world_component_columns(const world_shape *s);
int world_component_column(const world_shape *s, int z, int second, int k);

// Into the world's packed weights (pack.c), from parameters as the networks' tables have them.
void world_pack_encoder(world *w, const float *vae);
void world_pack_rnn(world *w, world_member *m, float *rnn);  // which is changed

// n rows of K floats, ld apart, as M's products want them: as they are, or rounded into narrow (n, K + K % 2).
typedef struct world_rows { const void *x; int ld; } world_rows;
world_rows world_rows_for(const world *w, uint16_t *narrow, const float *x, int ld, int K, int n);

// --- M's head: what comes next, drawn (mdn_head.c) ------------------------------------------------------------------
typedef struct mdn_lane {
  rng luck;
  dream_rules rules;
  uint32_t step;   // actions so far
  float survival;  // the chance of having come so far; 1 but for DREAM_END_EXPECTED
  int member;      // which of the world's makes what happens
} mdn_lane;
typedef struct mdn_head mdn_head;
mdn_head *mdn_head_open(const world *w, int lanes);  // LANES_AT_ONCE at most are drawn at once
void mdn_head_close(mdn_head *d);                    // NULL is allowed
// beliefs (n, ld) [z | h | ..]: z is drawn anew from h, as the member says, by the luck of the lane at its step.
// n <= LANES_AT_ONCE
void mdn_head_draw(mdn_head *d, const world_member *m, float *beliefs, int ld, mdn_lane *lanes, dream_outcome *outcomes,
                   int n);

#endif

// A learned world (weights, const once open), and the minds that live in it: every number that moves. Looks at base,
// num, nn, data. Outside, a mind is seen by its features (F floats) and moved by actions (A floats), and nobody asks
// what it is made of; that is its family's affair (world_mdn.h: a VAE and an MDN-RNN, as in World Models).
#ifndef WORLD_H
#define WORLD_H

#include "base.h"
#include "num.h"

#define WORLD_IMAGE 64
#define WORLD_PIXELS (WORLD_IMAGE * WORLD_IMAGE * 3)

// --- worlds ---------------------------------------------------------------------------------------------------------
typedef struct world world;
// vae_path is ignored (may be NULL) where the observation is the latent. Weights are packed once. BAD_FILE, NO_IO,
// MISMATCH when V and M do not belong together.
status world_open(world **w, const char *vae_path, const char *rnn_path);
// V alone, before there is an M: it sees and reconstructs, but nothing lives in it.
status world_open_eye(world **w, const char *vae_path);
// None that was learnt: minds in it see the observation, floats, and nothing can be dreamt. Its one word is:
#define WORLD_OBSERVATION "observation"
world *world_open_plain(int observation, int actions);
void world_close(world *w);
hash world_hash(const world *w);
enum { WORLD_MEMBERS_MAX = 16 };
// Another world of the same files, with a hash of its own. Neither pointer is kept.
typedef struct world_options {
  num_precision precision;         // NUM_BF16: M's weights, and what they are multiplied with, rounded to bf16
  int members;                     // Ms: rnn_path and, beside it, rnn-2, rnn-3 ... (path_numbered); 0: one. MISMATCH
                                   // where they were not learnt alike
  const uint64_t *untrained_seed;  // or NULL: M has fresh random weights instead of the learned ones, the ablation
} world_options;
status world_open_as(world **w, const char *vae_path, const char *rnn_path, const world_options *o);

// What M learnt to see ahead (rnn.ahead): by how much each action raises the logit that the episode ends soon, as a sum
// over the features of whoever acts and a constant.  slope (A, F+1), row by row; features beyond z and h add nothing.
// NO_IO; BAD_FILE where it learnt no such thing, or for another number of actions.
status world_ahead_read(float *slope, const char *rnn_path, int A, int F);

// The packed weights in one file, of which the ranks of a node share one copy. Its hash is verified when it is mapped.
status world_share(const world *w, const char *path);  // NO_IO
status world_map(world **w, const char *path);         // NO_IO, BAD_FILE; all numbers are in the mapping, no copies

// What it was learnt from, and so what may be shown to it and asked of it.
typedef struct world_senses {
  bool pixels;      // observations are uint8 (WORLD_IMAGE, WORLD_IMAGE, 3), else float (observation)
  int observation;  // numbers of one
  int actions;      // A; 0: V alone
} world_senses;
world_senses world_senses_of(const world *w);

// What of a mind may be looked at. `which`, controller.features: one of the words that the family has. Of two words one
// is a prefix of the other, and so are the floats.
enum { WORLD_FEATURES_MAX = 4 };
typedef struct world_features {
  int F;                     // floats
  int parts;                 // which it is made of, in this order
  struct {
    const char *name, *words;
    int size;                // floats
  } part[WORLD_FEATURES_MAX];
} world_features;
status world_features_of(world_features *f, const world *w, const char *which);  // BAD_CONFIG, with the words there are

// What it makes of observations, without luck: seen, and shown again.  observations (n, ..) as world_senses says;
// pictures (n, observation): floats, in [0, 1] where they are pixels.
void world_reconstruct(const world *w, float *pictures, const void *observations, int n);

// --- minds: n lanes, each with a belief -----------------------------------------------------------------------------
// What a mind comes to believe is a function of (world, rules, luck, what it saw and did): not of its lane, nor of who
// is in the others. After opening, nothing is allocated but by the first mind_see and the first mind_imagine.
enum dream_end {
  DREAM_END_THRESHOLD,  // where an end is likelier than not, as the world was trained to say it
  DREAM_END_SAMPLED,    // with the chance that the world gives it, calibrated
  DREAM_END_EXPECTED    // never by chance: a step pays the chance of having come so far, and below 0.02 it is over
};
typedef struct dream_rules {
  float temperature;   // tau: mixture logits / tau, noise * sqrt(tau)
  float first;         // share of the dreams that begin with an episode's first frame; the others, in the midst of one
  int cap;             // steps until truncation
  int end;             // enum dream_end
  bool reward_head;    // the reward that the world says instead of 1 a step
} dream_rules;
typedef struct dream_outcome {
  float reward;
  bool terminated, truncated;
  bool broken;         // a number stopped being finite; the lane must not go on
} dream_outcome;

typedef struct mind mind;
mind *mind_open(const world *w, int lanes);  // the world is not owned
void mind_close(mind *m);                    // NULL is allowed
// A real episode: nothing seen yet.
void mind_begin(mind *m, int lane, rng luck);
// A dream: a beginning from data, an episode's first frame or a moment of it with all that was remembered there.
void mind_dream(mind *m, int lane, const dream_rules *rules, rng luck);

// Which of the world's Ms, from 0, makes what happens in a dream by this luck; 0 where there is one.
int world_dream_member(const world *w, rng luck);

// Lanes 0 .. n-1 at once. Awake, an episode is see, act, see, act ...; a dream is imagine, imagine ...
void mind_see(mind *m, const void *observations, int n);  // belief <- belief, observation (n, ..)
void mind_act(mind *m, const float *actions, int n);      // belief <- belief, action (n, A)
// Both, without eyes: what comes next is drawn from what the world believes.  outcomes (n)
void mind_imagine(mind *m, const float *actions, dream_outcome *outcomes, int n);

const float *mind_features(const mind *m, int lane);  // (F) of the longest word; borrowed until the lane moves
void mind_move(mind *m, int to, int from);            // compaction
// A lane between two steps, to go on in any mind of the same world, and in as many lanes as one likes; one that was
// awake may dream on. The rules and the luck are not in it. `rules` may be NULL for a lane that will not imagine.
size_t mind_state_bytes(const world *w);
void mind_save(const mind *m, int lane, void *state);
void mind_load(mind *m, int lane, const dream_rules *rules, rng luck, const void *state);
// What it thinks it sees, as world_reconstruct shows it.  picture (observation)
void mind_picture(const mind *m, int lane, float *picture);

#endif

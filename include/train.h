// How a world comes to be: everything with a gradient. Looks at base, num, nn, data, world; the ranks that train
// together are seen through function pointers alone. The same weights, bit for bit, for a given rank count and seed.
#ifndef TRAIN_H
#define TRAIN_H

#include "data.h"
#include "nn.h"
#include "world_mdn.h"

// --- who trains together, and who watches ----------------------------------------------------------------------------
typedef struct train_team {  // all functions are collective
  int rank, size;
  void *self;
  void (*sum)(void *self, float *x, size_t n);          // in rank order, the same bits everywhere
  void (*sum_double)(void *self, double *x, size_t n);
  status (*agree)(void *self, status mine);             // OK only if all say OK
} train_team;

#define TRAIN_PARTS 4
typedef struct train_row {       // one row of train.csv; parts mean what train_vae_parts / train_rnn_parts say
  int epoch;                     // from 1
  int64_t step;
  double loss, part[TRAIN_PARTS];                // training data, mean since the last row
  double held_out, held_out_part[TRAIN_PARTS];   // held-out episodes; NaN where there are none
  double seconds;
} train_row;
extern const char *const train_vae_parts[TRAIN_PARTS];  // "" ends the list
extern const char *const train_rnn_parts[TRAIN_PARTS], *const train_rnn_ahead_parts[TRAIN_PARTS];

typedef struct train_watch {  // called on rank 0 only, except `alive` and `stop`
  void *self;
  // Nothing has been written yet, and nothing can be refused any more. Rows told before this are void: those that a
  // checkpoint knew are told again. Its failure ends training. May be NULL.
  status (*begin)(void *self);
  void (*row)(void *self, const train_row *row);
  void (*progress)(void *self, double done, double total, double loss);
  bool (*stop)(void *self);   // any rank's true ends training at the next checkpoint: INTERRUPTED
  void (*alive)(void *self);  // on every rank, in loops without progress; may be NULL
} train_watch;

// --- V ---------------------------------------------------------------------------------------------------------------
typedef struct train_vae_options {
  world_shape shape;        // Z and channels matter
  int epochs, batch;        // batch over all ranks
  int frames;               // an epoch shows at most; 0: all
  double learning_rate, learning_rate_end;  // reached exponentially at the last step
  double kl_tolerance;      // nats per latent dimension, on a sample's summed KL
  double weight_moving;     // how much more a pixel counts that moves (moving.c); 0: all count alike
  double held_out;          // fraction of the episodes, the last ones of each folder
  int newest;               // how many times as often as others an epoch shows those of the last of several folders
  uint64_t seed;
  const char *from;         // a V to begin from, of the same shape; NULL: random weights
  const char *result;       // vae.safetensors
  const char *checkpoint;
  bool anew;                // a checkpoint that is there does not count
  hash identity;            // of everything that decides the result; a checkpoint of another one is refused (MISMATCH)
} train_vae_options;
status train_vae(const train_vae_options *o, dataset *d, const train_team *team, const train_watch *watch);

// --- the dataset as latents: (mu, logvar) of every frame, in files of `block` episodes -------------------------------
// vae_path NULL: the observation itself, logvar -infinity. Files that are there and fit are kept.
status train_encode(const char *vae_path, dataset *d, const char *directory, const train_team *team,
                    const train_watch *watch);

// --- M ---------------------------------------------------------------------------------------------------------------
typedef struct train_rnn_options {
  world_shape shape;
  int epochs, batch, steps;            // lanes over all ranks; chunk length
  double learning_rate, learning_rate_end;
  double clip;                         // per element of the gradient
  double log_sigma_floor;
  double done_weight, reward_weight;
  double own_samples;                  // share of the inputs that are M's own samples, once all are ramped up; 0: none
  int own_passes;                      // in which they are drawn, each on the samples of the one before
  double own_from;                     // fraction of the updates before the first
  int ahead;                           // within how many steps an end is ahead; 0: M does not learn it
  double held_out;
  uint64_t seed;
  uint64_t moments_seed;               // which moments dreams begin at: the same ones for all members of a world
  const char *latents;                 // directory train_encode wrote
  const char *from;                    // an M to begin from, of the same shape; NULL: random weights
  int newest;                          // as above; the moments that dreams begin at are of that folder
  const char *result, *checkpoint;
  bool anew;                           // a checkpoint that is there does not count
  char vae_hash[33];                   // of V's file, "none" without V
  hash identity;
} train_rnn_options;
status train_rnn(const train_rnn_options *o, const dataset *d, const train_team *team, const train_watch *watch);

// --- a world of that size that has learned nothing, to measure dreams with; it sees nothing, and no file of it stays 
status train_random_world(world **w, const world_shape *s, uint64_t seed);  // NO_IO

// --- one step of each network, forward and back; checked in double by the tests --------------------------------------
typedef struct vae_net vae_net;
typedef struct vae_loss { double reconstruction, kl, kl_floored; } vae_loss;  // sums over the batch
vae_net *vae_net_open(const world_shape *s, int batch);
void vae_net_close(vae_net *n);
// images (B,64,64,3) in [0,1], noise (B,Z), weight (B,64,64,3) of each pixel (NULL: 1). Loss of a sample = sum of
// weighted squared pixel errors + max(KL, kl_floor). g (NULL: evaluation only) += gradient of scale * sum over the
// batch.  B <= batch
vae_loss vae_net_learn(vae_net *n, real *g, const real *w, const real *images, const real *weight, const real *noise,
                       int B, real kl_floor, real scale);
void vae_net_init(real *w, const world_shape *s, uint64_t seed);

typedef struct rnn_net rnn_net;
typedef struct rnn_loss { double z, done, reward, ahead; } rnn_loss;  // sums over T*B; z: mean over Z of -log p
typedef struct rnn_chunk {  // time-major
  const real *x;       // (T,B,Z+A)   latent and action
  const real *keep;    // (T,B)       0 at an episode's first step
  const real *target;  // (T,B,Z)     the next latent
  const real *reward;  // (T,B)
  const real *done;    // (T,B)
  const real *soon;    // (T,B)       whether the episode ends by itself within o.ahead steps; NULL: nobody asks
  const real *sure;    // (T,B)       whether the action was kept until then, or until that end
  int T, B;
} rnn_chunk;
typedef struct rnn_rules { real log_sigma_floor, done_factor, reward_weight; } rnn_rules;
rnn_net *rnn_net_open(const world_shape *s, int T, int B);
void rnn_net_close(rnn_net *n);
// h, c (B,H) are the state before the chunk, and after it on return. g as in vae_net_learn. Where the chunk says what
// is soon, w and g go on with what world_ahead_table says.
rnn_loss rnn_net_learn(rnn_net *n, real *g, const real *w, const rnn_chunk *chunk, real *h, real *c, rnn_rules rules,
                       real scale);
// What M would itself have put in place of the latents it is shown: own (T,B,Z), the next latent drawn at every row of
// the chunk, temperature 1. h, c (B,H) are the state before the chunk, and stay. Row r of lane b draws by luck at step
// r * B + b.
void rnn_net_draw(rnn_net *n, real *own, const real *w, const rnn_chunk *chunk, const real *h, const real *c,
                  real log_sigma_floor, rng luck);
// The chunk without a loss: h, c move as above. belief (count, Z+2H) of some of its rows: the latent, and the state
// before it was shown.
void rnn_net_beliefs(rnn_net *n, real *belief, const real *w, const rnn_chunk *chunk, real *h, real *c,
                     const int *rows, int count);
void rnn_net_init(real *w, const world_shape *s, uint64_t seed);

#endif

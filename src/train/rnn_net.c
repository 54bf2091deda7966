// One chunk of M, forward and back: LSTM, then a head of mixtures, reward and end (World Models' MDN-RNN with a reward
// head added). Back-propagation is truncated at the chunk; the state is carried. Knows no data, no optimiser.

#include <math.h>
#include <string.h>

#include "ahead.h"

// That go through the head and its losses: long enough for the products, short enough for the caches.
#define ROWS_AT_ONCE ((size_t)1024)

struct rnn_net {
  arena *memory;
  world_shape s;
  nn_table t;
  int T, B;
  nn_lstm_tape tape;
  real *head, *dhead;  // (ROWS_AT_ONCE,head)
  real *moves;         // (ROWS_AT_ONCE,Z)  how far each latent moves, where that is what M says
  real *dh;            // (T,B,H)
  real *work;
  ahead_net *ahead;
};

rnn_net *rnn_net_open(const world_shape *s, int T, int B) {
  arena *memory = arena_open();
  rnn_net *n = ARENA_NEW(memory, rnn_net, 1);
  size_t rows = (size_t)T * (size_t)B, H = (size_t)s->H, head = (size_t)world_head_size(s);
  *n = (rnn_net){.memory = memory, .s = *s, .t = world_rnn_table(s), .T = T, .B = B};

  n->tape = (nn_lstm_tape){.gates = ARENA_NEW(memory, real, rows * 4 * H),
                           .c = ARENA_NEW(memory, real, rows * H),
                           .h = ARENA_NEW(memory, real, rows * H),
                           .tanhc = ARENA_NEW(memory, real, rows * H)};

  n->head = ARENA_NEW(memory, real, ROWS_AT_ONCE * head);
  n->dhead = ARENA_NEW(memory, real, ROWS_AT_ONCE * head);
  if (s->change) n->moves = ARENA_NEW(memory, real, ROWS_AT_ONCE * (size_t)s->Z);
  n->dh = ARENA_NEW(memory, real, rows * H);
  n->work = ARENA_NEW(memory, real, nn_lstm_work(T, B, s->Z + s->A, s->H));
  n->ahead = ahead_net_open(memory, s, T * B);
  return n;
}

void rnn_net_close(rnn_net *n) {
  if (n) arena_close(n->memory);
}

static const real *rnn_at(const rnn_net *n, const real *w, int tensor) { return w + n->t.tensor[tensor].at; }
static real *rnn_grad(const rnn_net *n, real *g, int tensor) { return g + n->t.tensor[tensor].at; }

// From what M was shown, be it its own sample, to what came.
static const real *rnn_moves(rnn_net *n, const rnn_chunk *k, size_t from, int rows) {
  int Z = n->s.Z, I = Z + n->s.A;
  for (int row = 0; row < rows; row++) {
    const real *was = k->x + (from + row) * I, *is = k->target + (from + row) * Z;
    for (int i = 0; i < Z; i++) n->moves[(size_t)row * Z + i] = is[i] - was[i];
  }
  return n->moves;
}

static void rnn_losses(rnn_net *n, rnn_loss *loss, const rnn_chunk *k, size_t from, int rows, rnn_rules r, real scale) {
  const world_shape *s = &n->s;
  const real *z = s->change ? rnn_moves(n, k, from, rows) : k->target + from * s->Z;
  const real *paid = k->reward + from, *ended = k->done + from;
  real *head = n->head, *dhead = n->dhead;
  int ld = world_head_size(s), reward = world_head_reward(s), done = world_head_done(s);

  real reward_scale = scale * r.reward_weight;

  // Each writes its own columns of dhead, which together are all of them.
  nn_mixture_loss *mixture_loss = s->joint ? nn_mdn_joint_loss : nn_mdn_loss;
  loss->z += mixture_loss(dhead, head, ld, z, NULL, rows, s->Z, s->K, r.log_sigma_floor, scale);
  loss->reward += nn_square_loss(dhead + reward, head + reward, ld, paid, NULL, rows, reward_scale);
  loss->done += nn_bce_loss(dhead + done, head + done, ld, ended, NULL, rows, r.done_factor, scale);
}

// The head on all rows, forward and, with g, back: then n->dh holds the gradient of h.
static rnn_loss rnn_head_learn(rnn_net *n, real *g, const real *w, const rnn_chunk *k, rnn_rules rules, real scale) {
  int H = n->s.H, O = world_head_size(&n->s);
  rnn_loss loss = {0};
  size_t all = (size_t)k->T * k->B;
  // Rows do not know each other here, so they can go through in pieces.
  for (size_t from = 0; from < all; from += ROWS_AT_ONCE) {
    int rows = (int)(all - from < ROWS_AT_ONCE ? all - from : ROWS_AT_ONCE);
    const real *h = n->tape.h + from * H;
    nn_dense(n->head, h, rnn_at(n, w, RNN_HEAD), rnn_at(n, w, RNN_HEAD_B), rows, H, O);
    rnn_losses(n, &loss, k, from, rows, rules, scale);
    if (!g) continue;

    nn_dense_back(n->dh + from * H, rnn_grad(n, g, RNN_HEAD), rnn_grad(n, g, RNN_HEAD_B), n->dhead, h,
                  rnn_at(n, w, RNN_HEAD), rows, H, O);
  }
  return loss;
}

// The state after the chunk's last step is the one before the next chunk.
static void rnn_state_move(const rnn_net *n, const rnn_chunk *k, real *h, real *c) {
  size_t last = (size_t)(k->T - 1) * k->B * n->s.H, state = (size_t)k->B * n->s.H;
  memcpy(h, n->tape.h + last, state * sizeof *h);
  memcpy(c, n->tape.c + last, state * sizeof *c);
}

rnn_loss rnn_net_learn(rnn_net *n, real *g, const real *w, const rnn_chunk *k, real *h, real *c, rnn_rules rules,
                       real scale) {
  const world_shape *s = &n->s;
  int I = s->Z + s->A, H = s->H;

  CHECK(k->T <= n->T && k->B <= n->B, "chunk %d x %d, room for %d x %d", k->T, k->B, n->T, n->B);

  nn_lstm(n->tape, k->x, k->keep, h, c, rnn_at(n, w, RNN_LSTM), rnn_at(n, w, RNN_LSTM_B), k->T, k->B, I, H, n->work);
  rnn_loss loss = rnn_head_learn(n, g, w, k, rules, scale);
  size_t own = n->t.size;  // parameters; those of what is ahead follow
  if (k->soon) loss.ahead = ahead_net_learn(n->ahead, g ? g + own : NULL, n->dh, w + own, k, h, n->tape.h, scale);

  if (g)
    nn_lstm_back(NULL, rnn_grad(n, g, RNN_LSTM), rnn_grad(n, g, RNN_LSTM_B), n->dh, n->tape, k->x, k->keep, h, c,
                 rnn_at(n, w, RNN_LSTM), k->T, k->B, I, H, n->work);

  rnn_state_move(n, k, h, c);
  return loss;
}

// What was known before row `row`: nothing at an episode's first step, else what the row before it left.
static void rnn_belief(const rnn_net *n, real *belief, const rnn_chunk *k, const real *h, const real *c, int row) {
  int Z = n->s.Z, H = n->s.H, before = row - k->B;
  const real *was_h = before < 0 ? h + (size_t)row * H : n->tape.h + (size_t)before * H;
  const real *was_c = before < 0 ? c + (size_t)row * H : n->tape.c + (size_t)before * H;
  memcpy(belief, k->x + (size_t)row * (Z + n->s.A), Z * sizeof *belief);

  for (int i = 0; i < H; i++) {
    belief[Z + i] = k->keep[row] * was_h[i];
    belief[Z + H + i] = k->keep[row] * was_c[i];
  }
}

void rnn_net_beliefs(rnn_net *n, real *belief, const real *w, const rnn_chunk *k, real *h, real *c, const int *rows,
                     int count) {
  int I = n->s.Z + n->s.A, H = n->s.H;
  nn_lstm(n->tape, k->x, k->keep, h, c, rnn_at(n, w, RNN_LSTM), rnn_at(n, w, RNN_LSTM_B), k->T, k->B, I, H, n->work);
  for (int i = 0; i < count; i++) rnn_belief(n, belief + (size_t)i * (n->s.Z + 2 * H), k, h, c, rows[i]);
  rnn_state_move(n, k, h, c);
}

// --- M's own samples ------------------------------------------------------------------------------------------------

// A component by its share.  logit (K)
static int rnn_component_draw(const real *logit, int K, float uniform) {
  double top = (double)logit[0], sum = 0, share[WORLD_MIXTURES_MAX];
  for (int k = 1; k < K; k++)
    if ((double)logit[k] > top) top = (double)logit[k];
  for (int k = 0; k < K; k++) {
    share[k] = exp((double)logit[k] - top);
    sum += share[k];
  }

  // The last takes what rounding leaves.
  int drawn = 0;
  for (double left = (double)uniform * sum - share[0]; left >= 0 && drawn < K - 1; left -= share[drawn]) drawn++;
  return drawn;
}

static real rnn_latent_draw(real mu, real log_sigma, real floor, float normal) {
  real s = log_sigma < floor ? floor : log_sigma;
  return mu + (real)exp((double)s) * (real)normal;
}

static void rnn_row_draw(const world_shape *s, real *z, const real *was, const real *head, real floor, rng luck,
                         uint32_t row) {
  int K = s->K, drawn = 0;
  float uniform[WORLD_LATENT_MAX], normal[WORLD_LATENT_MAX];
  rng_uniforms(uniform, s->Z, luck, row, 0);
  rng_normals(normal, s->Z, luck, row, (uint32_t)(s->Z + 3) / 4);

  // Joint: what was drawn for the first holds for all.
  for (int i = 0; i < s->Z; i++) {
    if (i < world_draws(s)) drawn = rnn_component_draw(head + (size_t)i * K, K, uniform[i]);
    real mu = head[world_head_component(s, i, 0, drawn)], log_sigma = head[world_head_component(s, i, 1, drawn)];
    z[i] = rnn_latent_draw(s->change ? was[i] + mu : mu, log_sigma, floor, normal[i]);
  }
}

void rnn_net_draw(rnn_net *n, real *own, const real *w, const rnn_chunk *k, const real *h, const real *c, real floor,
                  rng luck) {
  const world_shape *s = &n->s;
  int I = s->Z + s->A, H = s->H, O = world_head_size(s);
  size_t all = (size_t)k->T * k->B;
  nn_lstm(n->tape, k->x, k->keep, h, c, rnn_at(n, w, RNN_LSTM), rnn_at(n, w, RNN_LSTM_B), k->T, k->B, I, H, n->work);

  for (size_t from = 0; from < all; from += ROWS_AT_ONCE) {
    int rows = (int)(all - from < ROWS_AT_ONCE ? all - from : ROWS_AT_ONCE);
    nn_dense(n->head, n->tape.h + from * H, rnn_at(n, w, RNN_HEAD), rnn_at(n, w, RNN_HEAD_B), rows, H, O);
    for (int r = 0; r < rows; r++)
      rnn_row_draw(s, own + (from + r) * s->Z, k->x + (from + r) * I, n->head + (size_t)r * O, floor, luck,
                   (uint32_t)(from + r));
  }
}

void rnn_net_init(real *w, const world_shape *s, uint64_t seed) {
  nn_table t = world_rnn_table(s);
  memset(w, 0, t.size * sizeof *w);
  nn_init_glorot(w + t.tensor[RNN_LSTM].at, t.tensor[RNN_LSTM].size, s->Z + s->A + s->H, 4 * s->H,
                 rng_stream(seed, "lstm weights"));
  nn_init_glorot(w + t.tensor[RNN_HEAD].at, t.tensor[RNN_HEAD].size, s->H, world_head_size(s),
                 rng_stream(seed, "head weights"));
}

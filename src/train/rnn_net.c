// One chunk of M, forward and back: LSTM, then a head of mixtures, reward and end (World Models' MDN-RNN with a reward
// head added). Back-propagation is truncated at the chunk; the state is carried. Knows no data, no optimiser.

#include <string.h>

#include "train.h"

// That go through the head and its losses: long enough for the products, short enough for the caches.
#define ROWS_AT_ONCE ((size_t)1024)

struct rnn_net {
  arena *memory;
  world_shape s;
  nn_table t;
  int T, B;
  nn_lstm_tape tape;
  real *head, *dhead;  // (ROWS_AT_ONCE,head)
  real *dh;            // (T,B,H)
  real *work;
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
  n->dh = ARENA_NEW(memory, real, rows * H);
  n->work = ARENA_NEW(memory, real, nn_lstm_work(T, B, s->Z + s->A, s->H));
  return n;
}

void rnn_net_close(rnn_net *n) {
  if (n) arena_close(n->memory);
}

static const real *rnn_at(const rnn_net *n, const real *w, int tensor) { return w + n->t.tensor[tensor].at; }
static real *rnn_grad(const rnn_net *n, real *g, int tensor) { return g + n->t.tensor[tensor].at; }

static void rnn_losses(rnn_net *n, rnn_loss *loss, const rnn_chunk *k, size_t from, int rows, rnn_rules r, real scale) {
  const world_shape *s = &n->s;
  const real *z = k->target + from * s->Z, *paid = k->reward + from, *ended = k->done + from;
  real *head = n->head, *dhead = n->dhead;
  int ld = world_head_size(s), reward = world_head_reward(s), done = world_head_done(s);

  real reward_scale = scale * r.reward_weight;

  // Each writes its own columns of dhead, which together are all of them.
  loss->z += nn_mdn_loss(dhead, head, ld, z, NULL, rows, s->Z, s->K, r.log_sigma_floor, scale);
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

rnn_loss rnn_net_learn(rnn_net *n, real *g, const real *w, const rnn_chunk *k, real *h, real *c, rnn_rules rules,
                       real scale) {
  const world_shape *s = &n->s;
  int I = s->Z + s->A, H = s->H;

  CHECK(k->T <= n->T && k->B <= n->B, "chunk %d x %d, room for %d x %d", k->T, k->B, n->T, n->B);

  nn_lstm(n->tape, k->x, k->keep, h, c, rnn_at(n, w, RNN_LSTM), rnn_at(n, w, RNN_LSTM_B), k->T, k->B, I, H, n->work);
  rnn_loss loss = rnn_head_learn(n, g, w, k, rules, scale);

  if (g)
    nn_lstm_back(NULL, rnn_grad(n, g, RNN_LSTM), rnn_grad(n, g, RNN_LSTM_B), n->dh, n->tape, k->x, k->keep, h, c,
                 rnn_at(n, w, RNN_LSTM), k->T, k->B, I, H, n->work);

  // The state after the chunk's last step is the one before the next chunk.
  size_t last = (size_t)(k->T - 1) * k->B * H, state = (size_t)k->B * H;
  memcpy(h, n->tape.h + last, state * sizeof *h);
  memcpy(c, n->tape.c + last, state * sizeof *c);
  return loss;
}

void rnn_net_init(real *w, const world_shape *s, uint64_t seed) {
  nn_table t = world_rnn_table(s);
  memset(w, 0, t.size * sizeof *w);
  nn_init_glorot(w + t.tensor[RNN_LSTM].at, t.tensor[RNN_LSTM].size, s->Z + s->A + s->H, 4 * s->H,
                 rng_stream(seed, "lstm weights"));
  nn_init_glorot(w + t.tensor[RNN_HEAD].at, t.tensor[RNN_HEAD].size, s->H, world_head_size(s),
                 rng_stream(seed, "head weights"));
}

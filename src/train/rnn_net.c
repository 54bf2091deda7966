// One chunk of M, forward and back: LSTM, then a head of mixtures, reward and end (World Models' MDN-RNN with a reward
// head added). Back-propagation is truncated at the chunk; the state is carried. Knows no data, no optimiser.

#include <string.h>

#include "train.h"

struct rnn_net {
  arena *memory;
  world_shape s;
  nn_table t;
  int T, B;
  nn_lstm_tape tape;
  real *head, *dhead;  // (T,B,head)
  real *dh;            // (T,B,H)
  real *work;
};

rnn_net *rnn_net_open(const world_shape *s, int T, int B) {
  arena *memory = arena_open();
  rnn_net *n = ARENA_NEW(memory, rnn_net, 1);
  size_t rows = (size_t)T * (size_t)B, H = (size_t)s->H, head = (size_t)world_head_size(s);
  *n = (rnn_net){.memory = memory, .s = *s, .t = world_rnn_table(s), .T = T, .B = B};
  n->tape = (nn_lstm_tape){.gates = ARENA_NEW(memory, real, rows * 4 * H), .c = ARENA_NEW(memory, real, rows * H),
                           .h = ARENA_NEW(memory, real, rows * H), .tanhc = ARENA_NEW(memory, real, rows * H)};
  n->head = ARENA_NEW(memory, real, rows * head);
  n->dhead = ARENA_NEW(memory, real, rows * head);
  n->dh = ARENA_NEW(memory, real, rows * H);
  n->work = ARENA_NEW(memory, real, nn_lstm_work(T, B, s->Z + s->A, s->H));
  return n;
}

void rnn_net_close(rnn_net *n) {
  if (n) arena_close(n->memory);
}

static const real *at(const rnn_net *n, const real *w, int tensor) { return w + n->t.tensor[tensor].at; }
static real *grad(const rnn_net *n, real *g, int tensor) { return g + n->t.tensor[tensor].at; }

static rnn_loss losses(rnn_net *n, const rnn_chunk *k, rnn_rules r, real scale) {
  const world_shape *s = &n->s;
  int rows = k->T * k->B, ld = world_head_size(s), reward = world_head_reward(s), done = world_head_done(s);
  rnn_loss loss;
  loss.z = nn_mdn_loss(n->dhead, n->head, ld, k->target, NULL, rows, s->Z, s->K, r.log_sigma_floor, scale);
  loss.reward = nn_square_loss(n->dhead + reward, n->head + reward, ld, k->reward, NULL, rows, scale * r.reward_weight);
  loss.done = nn_bce_loss(n->dhead + done, n->head + done, ld, k->done, NULL, rows, r.done_factor, scale);
  return loss;
}

rnn_loss rnn_net_learn(rnn_net *n, real *g, const real *w, const rnn_chunk *k, real *h, real *c, rnn_rules rules,
                       real scale) {
  const world_shape *s = &n->s;
  int rows = k->T * k->B, I = s->Z + s->A, H = s->H, O = world_head_size(s);
  CHECK(k->T <= n->T && k->B <= n->B, "chunk %d x %d, room for %d x %d", k->T, k->B, n->T, n->B);
  nn_lstm(n->tape, k->x, k->keep, h, c, at(n, w, RNN_LSTM), at(n, w, RNN_LSTM_B), k->T, k->B, I, H);
  nn_dense(n->head, n->tape.h, at(n, w, RNN_HEAD), at(n, w, RNN_HEAD_B), rows, H, O);
  rnn_loss loss = losses(n, k, rules, scale);
  if (g) {
    nn_dense_back(n->dh, grad(n, g, RNN_HEAD), grad(n, g, RNN_HEAD_B), n->dhead, n->tape.h, at(n, w, RNN_HEAD), rows, H, O);
    nn_lstm_back(NULL, grad(n, g, RNN_LSTM), grad(n, g, RNN_LSTM_B), n->dh, n->tape, k->x, k->keep, h, c,
                 at(n, w, RNN_LSTM), k->T, k->B, I, H, n->work);
  }
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
  nn_init_glorot(w + t.tensor[RNN_HEAD].at, t.tensor[RNN_HEAD].size, s->H, world_head_size(s), rng_stream(seed, "head weights"));
}

// The LSTM of World Models (Ha & Schmidhuber 2018; Hochreiter & Schmidhuber 1997; forget gate after Gers et al. 2000,
// its bias one higher): gates i j f o,  c' = c sigmoid(f + 1) + sigmoid(i) tanh(j),  h' = tanh(c') sigmoid(o).
// The weights are laid out once for all steps; what does not wait for the previous step (all weight gradients) is done
// for many steps at once.

#include <string.h>

#include "parts.h"

#define ROWS_AT_ONCE 1024  // steps x batch in one product: enough for its full rate, little enough for the caches

typedef struct lstm {  // one call's sizes
  int T, B, I, H, steps;  // steps: whose weight gradients are made at once
} lstm;

static int lstm_steps_at_once(int T, int B) { return int_min(T, int_max(1, ROWS_AT_ONCE / B)); }

static lstm lstm_of(int T, int B, int I, int H) {
  CHECK(T >= 1 && B >= 1 && I >= 1 && H >= 1, "T %d, B %d, I %d, H %d", T, B, I, H);
  return (lstm){.T = T, .B = B, .I = I, .H = H, .steps = lstm_steps_at_once(T, B)};
}

// Elements of so many steps' gates, and states.
static size_t lstm_gates(const lstm *l, int steps) { return (size_t)steps * (size_t)l->B * 4 * (size_t)l->H; }
static size_t lstm_states(const lstm *l, int steps) { return (size_t)steps * (size_t)l->B * (size_t)l->H; }

// The state before step t.
static const real *lstm_before(const lstm *l, const real *state, const real *first, int t) {
  return t ? state + lstm_states(l, t - 1) : first;
}

// masked (B,H) = keep (B) * state (B,H)
NN_CLONES static void lstm_mask(real *restrict masked, const real *restrict state, const real *restrict keep, int B,
                                int H) {
  for (int b = 0; b < B; b++)
    for (int k = 0; k < H; k++) masked[(size_t)b * H + k] = keep[b] * state[(size_t)b * H + k];
}

// --- forward --------------------------------------------------------------------------------------------------------

typedef struct lstm_forward {  // in `work`
  num_factor wx, wh;  // (I,4H) (H,4H)
  real *bias;         // (4H)  the forget gate's one higher
} lstm_forward;

static size_t lstm_forward_work(int I, int H) {
  return num_factor_size(I, 4 * H) + num_factor_size(H, 4 * H) + 4 * (size_t)H;
}

static lstm_forward lstm_forward_of(const lstm *l, const real *w, const real *b, real *work) {
  int I = l->I, H = l->H, G = 4 * H;
  lstm_forward f = {.wx = num_factor_make(work, false, w, G, I, G)};
  work += num_factor_size(I, G);
  f.wh = num_factor_make(work, false, w + (size_t)I * G, G, H, G);
  f.bias = work + num_factor_size(H, G);

  // a forget bias of 1 (Jozefowicz et al. 2015), kept out of the weights as TensorFlow does
  for (int k = 0; k < G; k++) f.bias[k] = k / H == 2 ? b[k] + 1 : b[k];
  return f;
}

// c = keep c_before f + i j
NN_CLONES static void lstm_cell(real *restrict c, const real *restrict gates, const real *restrict c_before, real keep,
                                int H) {
  const real *i = gates, *j = i + H, *f = j + H;
  for (int k = 0; k < H; k++) c[k] = keep * c_before[k] * f[k] + i[k] * j[k];
}

// h = tanh(c) o
NN_CLONES static void lstm_output(real *restrict h, const real *restrict tanhc, const real *restrict o, int H) {
  for (int k = 0; k < H; k++) h[k] = tanhc[k] * o[k];
}

static void lstm_step(const lstm *l, const lstm_forward *f, nn_lstm_tape tape, const real *x, const real *keep,
                      const real *h0, const real *c0, int t) {
  int B = l->B, H = l->H, G = 4 * H;
  real *gates = tape.gates + lstm_gates(l, t);
  real *c = tape.c + lstm_states(l, t), *h = tape.h + lstm_states(l, t);
  real *tanhc = tape.tanhc + lstm_states(l, t);
  const real *c_before = lstm_before(l, tape.c, c0, t);

  // gates = b + x wx + (keep h) wh; the place of the new h holds the masked old one until it is known.
  lstm_mask(h, lstm_before(l, tape.h, h0, t), keep, B, H);
  nn_rows_fill(gates, f->bias, (size_t)B, G);
  num_gemm_factor(false, B, x, l->I, &f->wx, true, gates, G);
  num_gemm_factor(false, B, h, H, &f->wh, true, gates, G);

  // Activations and cell, lane by lane.
  for (int b = 0; b < B; b++, gates += G, c += H, h += H, tanhc += H, c_before += H) {
    REAL_SIGMOID(gates, gates, H);
    REAL_TANH(gates + H, gates + H, H);
    REAL_SIGMOID(gates + 2 * H, gates + 2 * H, 2 * H);
    lstm_cell(c, gates, c_before, keep[b], H);
    REAL_TANH(tanhc, c, H);
    lstm_output(h, tanhc, gates + 3 * H, H);
  }
}

void nn_lstm(nn_lstm_tape tape, const real *x, const real *keep, const real *h0, const real *c0, const real *w,
             const real *b, int T, int B, int I, int H, real *work) {
  lstm l = lstm_of(T, B, I, H);
  lstm_forward f = lstm_forward_of(&l, w, b, work);
  for (int t = 0; t < T; t++) lstm_step(&l, &f, tape, x + (size_t)t * B * I, keep + (size_t)t * B, h0, c0, t);
}

// --- backward -------------------------------------------------------------------------------------------------------

typedef struct lstm_backward {  // in `work`
  num_factor wh;   // (4H,H)         transposed
  real *laid_out;  // (steps,B,4H)   dgates once more, as a factor
  real *dgates;    // (steps,B,4H)   of the pre-activations
  real *h;         // (steps,B,H)    keep * h before each step
  real *dc;        // (B,H)          what the later step asks of c
  real *dh;        // (B,H)          what the later step asks of h
} lstm_backward;

static size_t lstm_backward_work(const lstm *l) {
  size_t factors = num_factor_size(4 * l->H, l->H) + num_factor_size(l->steps * l->B, 4 * l->H);
  return factors + lstm_gates(l, l->steps) + lstm_states(l, l->steps) + 2 * lstm_states(l, 1);
}

size_t nn_lstm_work(int T, int B, int I, int H) {
  lstm l = lstm_of(T, B, I, H);
  size_t there = lstm_forward_work(I, H), back = lstm_backward_work(&l);
  return there > back ? there : back;
}

static lstm_backward lstm_backward_of(const lstm *l, const real *w, real *work) {
  int G = 4 * l->H;
  lstm_backward s = {.wh = num_factor_make(work, true, w + (size_t)l->I * G, G, G, l->H)};
  s.laid_out = work + num_factor_size(G, l->H);
  s.dgates = s.laid_out + num_factor_size(l->steps * l->B, G);
  s.h = s.dgates + lstm_gates(l, l->steps);
  s.dc = s.h + lstm_states(l, l->steps);
  s.dh = s.dc + lstm_states(l, 1);

  // After the last step nobody asks for anything; dh stands right behind dc.
  memset(s.dc, 0, 2 * lstm_states(l, 1) * sizeof *s.dc);
  return s;
}

// dh is completed by what the later step asks, dc is replaced by what this step asks of the earlier one. Gates are
// activated, so that the derivatives are s' = s (1 - s) and tanh' = 1 - tanh^2.
NN_CLONES static void lstm_cell_back(real *restrict dgates, real *restrict dh, real *restrict dc,
                                     const real *restrict dh_later, const real *restrict keep_later,
                                     const real *restrict gates, const real *restrict tanhc,
                                     const real *restrict c_before, const real *restrict keep, int B, int H) {
  for (int b = 0; b < B; b++) {
    const real *i = gates + (size_t)b * 4 * H, *j = i + H, *f = j + H, *o = f + H;
    real *di = dgates + (size_t)b * 4 * H, *dj = di + H, *df = dj + H, *d_o = df + H;
    real later = keep_later ? keep_later[b] : 0;

    for (int k = 0; k < H; k++) {
      size_t at = (size_t)b * H + k;
      real g = dh[at] + later * dh_later[at], tc = tanhc[at];
      real gc = dc[at] + g * o[k] * (1 - tc * tc);  // of c', by way of h' and of the later step's c
      dh[at] = g;

      // gates in the order i, j, f, o of the forward pass
      di[k] = gc * j[k] * (i[k] * (1 - i[k]));
      dj[k] = gc * i[k] * (1 - j[k] * j[k]);
      df[k] = gc * (keep[b] * c_before[at]) * (f[k] * (1 - f[k]));
      d_o[k] = g * tc * (o[k] * (1 - o[k]));
      dc[at] = gc * f[k] * keep[b];
    }
  }
}

// What step t asks of its gates, and of the h and c before it. The first step asks h of nobody.
static void lstm_step_back(const lstm *l, const lstm_backward *s, real *dgates, real *dh, nn_lstm_tape tape,
                           const real *keep, const real *c0, int t) {
  int B = l->B, H = l->H;
  const real *later = t + 1 < l->T ? keep + (size_t)(t + 1) * B : NULL;
  lstm_cell_back(dgates, dh + lstm_states(l, t), s->dc, s->dh, later, tape.gates + lstm_gates(l, t),
                 tape.tanhc + lstm_states(l, t), lstm_before(l, tape.c, c0, t), keep + (size_t)t * B, B, H);
  if (t) num_gemm_factor(false, B, dgates, 4 * H, &s->wh, false, s->dh, H);
}

// Of the steps from `from` on, whose dgates and h are known: dw += [x h]^T dgates, db += the rows of dgates.
static void lstm_weights_back(const lstm *l, const lstm_backward *s, real *dw, real *db, const real *x, int rows) {
  int G = 4 * l->H;
  num_factor dgates = num_factor_make(s->laid_out, false, s->dgates, G, rows, G);
  num_gemm_factor(true, l->I, x, l->I, &dgates, true, dw, G);
  num_gemm_factor(true, l->H, s->h, l->H, &dgates, true, dw + (size_t)l->I * G, G);
  nn_rows_add(db, s->dgates, (size_t)rows, G);
}

void nn_lstm_back(real *dx, real *dw, real *db, real *dh, nn_lstm_tape tape, const real *x, const real *keep,
                  const real *h0, const real *c0, const real *w, int T, int B, int I, int H, real *work) {
  lstm l = lstm_of(T, B, I, H);
  lstm_backward s = lstm_backward_of(&l, w, work);
  int G = 4 * H;

  for (int to = T; to > 0; to -= l.steps) {
    int from = int_max(0, to - l.steps);
    int rows = (to - from) * B;

    // One step after another, backwards: each waits for the later one.
    for (int t = to - 1; t >= from; t--) {
      lstm_step_back(&l, &s, s.dgates + lstm_gates(&l, t - from), dh, tape, keep, c0, t);
      lstm_mask(s.h + lstm_states(&l, t - from), lstm_before(&l, tape.h, h0, t), keep + (size_t)t * B, B, H);
    }

    // What waits for nobody, for all of these steps at once.
    lstm_weights_back(&l, &s, dw, db, x + (size_t)from * B * I, rows);
    if (dx) num_gemm(false, true, rows, I, G, s.dgates, G, w, G, false, dx + (size_t)from * B * I, I);
  }
}

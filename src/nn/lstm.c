// The LSTM of World Models (Ha & Schmidhuber 2018; Hochreiter & Schmidhuber 1997; forget gate after Gers et al. 2000, its
// bias one higher): gates i j f o,  c' = c sigmoid(f + 1) + sigmoid(i) tanh(j),  h' = tanh(c') sigmoid(o).
// What does not wait for the previous step (inputs into gates; all weight gradients) is done for many steps in one gemm.

#include <string.h>

#include "parts.h"

#define ROWS_AT_ONCE 1024  // steps x batch in one gemm: enough for its full rate, little enough for the caches

typedef struct lstm {  // one call's sizes and the two halves of the weights
  int T, B, I, H, steps;  // steps: how many go through one gemm
  const real *wx, *wh;    // (I,4H) (H,4H)
} lstm;

static int steps_at_once(int T, int B) { return smaller(T, greater(1, ROWS_AT_ONCE / B)); }

static lstm lstm_of(const real *w, int T, int B, int I, int H) {
  CHECK(T >= 1 && B >= 1 && I >= 1 && H >= 1, "T %d, B %d, I %d, H %d", T, B, I, H);
  return (lstm){T, B, I, H, steps_at_once(T, B), w, w + (size_t)I * 4 * (size_t)H};
}

static size_t gates_of(const lstm *l, int steps) { return (size_t)steps * (size_t)l->B * 4 * (size_t)l->H; }
static size_t state_of(const lstm *l, int steps) { return (size_t)steps * (size_t)l->B * (size_t)l->H; }
static const real *before(const lstm *l, const real *state, const real *first, int t) {
  return t ? state + state_of(l, t - 1) : first;
}

// masked (B,H) = keep (B) * state (B,H)
NN_CLONES static void mask(real *restrict masked, const real *restrict state, const real *restrict keep, int B, int H) {
  for (int b = 0; b < B; b++)
    for (int k = 0; k < H; k++) masked[(size_t)b * H + k] = keep[b] * state[(size_t)b * H + k];
}

// --- forward ----------------------------------------------------------------------------------------------------------------

static void add_one(real *x, int n) {
  for (int i = 0; i < n; i++) x[i] += 1;
}

// gates = b + x wx, and the forget gate's extra one
static void gates_from_input(const lstm *l, real *gates, const real *x, const real *b, int steps) {
  int rows = steps * l->B, G = 4 * l->H;
  nn_rows_fill(gates, b, (size_t)rows, G);
  for (int r = 0; r < rows; r++) add_one(gates + (size_t)r * G + 2 * l->H, l->H);
  num_gemm(false, false, rows, G, l->I, x, l->I, l->wx, G, true, gates, G);
}

static void activate(real *gates, int B, int H) {
  for (int b = 0; b < B; b++, gates += (size_t)4 * H) {
    REAL_SIGMOID(gates, gates, H);
    REAL_TANH(gates + H, gates + H, H);
    REAL_SIGMOID(gates + 2 * H, gates + 2 * H, 2 * H);
  }
}

// c = keep c_before f + i j
NN_CLONES static void cell(real *restrict c, const real *restrict gates, const real *restrict c_before,
                           const real *restrict keep, int B, int H) {
  for (int b = 0; b < B; b++) {
    const real *i = gates + (size_t)b * 4 * H, *j = i + H, *f = j + H;
    for (int k = 0; k < H; k++) {
      size_t at = (size_t)b * H + k;
      c[at] = keep[b] * c_before[at] * f[k] + i[k] * j[k];
    }
  }
}

NN_CLONES static void output(real *restrict h, const real *restrict gates, const real *restrict tanhc, int B, int H) {
  for (int b = 0; b < B; b++) {
    const real *o = gates + ((size_t)b * 4 + 3) * H;
    for (int k = 0; k < H; k++) h[(size_t)b * H + k] = tanhc[(size_t)b * H + k] * o[k];
  }
}

static void step(const lstm *l, nn_lstm_tape tape, const real *keep, const real *h0, const real *c0, int t) {
  int B = l->B, H = l->H, G = 4 * H;
  real *gates = tape.gates + gates_of(l, t), *c = tape.c + state_of(l, t), *h = tape.h + state_of(l, t);
  real *tanhc = tape.tanhc + state_of(l, t);
  mask(h, before(l, tape.h, h0, t), keep, B, H);  // the place of the new h holds the masked old one until it is known
  num_gemm(false, false, B, G, H, h, H, l->wh, G, true, gates, G);
  activate(gates, B, H);
  cell(c, gates, before(l, tape.c, c0, t), keep, B, H);
  REAL_TANH(tanhc, c, B * H);
  output(h, gates, tanhc, B, H);
}

void nn_lstm(nn_lstm_tape tape, const real *x, const real *keep, const real *h0, const real *c0, const real *w,
             const real *b, int T, int B, int I, int H) {
  lstm l = lstm_of(w, T, B, I, H);
  for (int from = 0; from < T; from += l.steps) {
    int to = smaller(T, from + l.steps);
    gates_from_input(&l, tape.gates + gates_of(&l, from), x + (size_t)from * B * I, b, to - from);
    for (int t = from; t < to; t++) step(&l, tape, keep + (size_t)t * B, h0, c0, t);
  }
}

// --- backward -----------------------------------------------------------------------------------------------------------------

typedef struct scratch {
  real *dgates;  // (steps,B,4H)  of the pre-activations
  real *h;       // (steps,B,H)   keep * h before each step
  real *dc;      // (B,H)         what the later step asks of c
  real *dh;      // (B,H)         what the later step asks of h
} scratch;

size_t nn_lstm_work(int T, int B, int I, int H) {
  (void)I;
  return ((size_t)steps_at_once(T, B) * 5 + 2) * (size_t)B * (size_t)H;
}

static scratch scratch_of(const lstm *l, real *work) {
  scratch s = {.dgates = work};
  s.h = s.dgates + gates_of(l, l->steps);
  s.dc = s.h + state_of(l, l->steps);
  s.dh = s.dc + state_of(l, 1);
  memset(s.dc, 0, 2 * state_of(l, 1) * sizeof *s.dc);
  return s;
}

// dh is completed by what the later step asks, dc is replaced by what this step asks of the earlier one.
NN_CLONES static void cell_back(real *restrict dgates, real *restrict dh, real *restrict dc, const real *restrict dh_later,
                                const real *restrict keep_later, const real *restrict gates, const real *restrict tanhc,
                                const real *restrict c_before, const real *restrict keep, int B, int H) {
  for (int b = 0; b < B; b++) {
    const real *i = gates + (size_t)b * 4 * H, *j = i + H, *f = j + H, *o = f + H;
    real *di = dgates + (size_t)b * 4 * H, *dj = di + H, *df = dj + H, *d_o = df + H;
    real later = keep_later ? keep_later[b] : 0;
    for (int k = 0; k < H; k++) {
      size_t at = (size_t)b * H + k;
      real g = dh[at] + later * dh_later[at], tc = tanhc[at];
      real gc = dc[at] + g * o[k] * (1 - tc * tc);
      dh[at] = g;
      di[k] = gc * j[k] * (i[k] * (1 - i[k]));
      dj[k] = gc * i[k] * (1 - j[k] * j[k]);
      df[k] = gc * (keep[b] * c_before[at]) * (f[k] * (1 - f[k]));
      d_o[k] = g * tc * (o[k] * (1 - o[k]));
      dc[at] = gc * f[k] * keep[b];
    }
  }
}

static void step_back(const lstm *l, scratch s, real *dgates, real *dh, nn_lstm_tape tape, const real *keep, const real *c0,
                      int t) {
  int B = l->B, H = l->H, G = 4 * H;
  const real *later = t + 1 < l->T ? keep + (size_t)(t + 1) * B : NULL;
  cell_back(dgates, dh + state_of(l, t), s.dc, s.dh, later, tape.gates + gates_of(l, t), tape.tanhc + state_of(l, t),
            before(l, tape.c, c0, t), keep + (size_t)t * B, B, H);
  if (t) num_gemm(false, true, B, H, G, dgates, G, l->wh, G, false, s.dh, H);
}

void nn_lstm_back(real *dx, real *dw, real *db, real *dh, nn_lstm_tape tape, const real *x, const real *keep,
                  const real *h0, const real *c0, const real *w, int T, int B, int I, int H, real *work) {
  lstm l = lstm_of(w, T, B, I, H);
  scratch s = scratch_of(&l, work);
  int G = 4 * H;
  for (int to = T; to > 0; to -= l.steps) {
    int from = greater(0, to - l.steps), rows = (to - from) * B;
    for (int t = to - 1; t >= from; t--) {
      step_back(&l, s, s.dgates + gates_of(&l, t - from), dh, tape, keep, c0, t);
      mask(s.h + state_of(&l, t - from), before(&l, tape.h, h0, t), keep + (size_t)t * B, B, H);
    }
    const real *inputs = x + (size_t)from * B * I;
    num_gemm(true, false, I, G, rows, inputs, I, s.dgates, G, true, dw, G);
    num_gemm(true, false, H, G, rows, s.h, H, s.dgates, G, true, dw + (size_t)I * G, G);
    nn_rows_add(db, s.dgates, (size_t)rows, G);
    if (dx) num_gemm(false, true, rows, I, G, s.dgates, G, l.wx, G, false, dx + (size_t)from * B * I, I);
  }
}

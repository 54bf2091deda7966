// Layers as plain functions on arrays of real, forward and back, and Adam. Looks at num. Knows no networks, no files.
// Outputs first, inputs next, sizes last. Backward functions ADD to parameter gradients and WRITE input gradients;
// an input gradient may be NULL when it is not wanted.
// Letters: B batch, T steps, Z latent, H hidden, A action, K mixtures, I in, O out; images are (B, rows, columns,
// channels), S = rows = columns.
#ifndef NN_H
#define NN_H

#include "num.h"

// --- parameters: one flat vector and a table of names and shapes ----------------------------------------------------
typedef struct nn_tensor {
  char name[40];
  int rank, dim[4];
  size_t at, size;  // in elements
} nn_tensor;
#define NN_TENSORS_MAX 32
typedef struct nn_table {
  int count;
  size_t size;  // elements of the whole vector
  nn_tensor tensor[NN_TENSORS_MAX];
} nn_table;
size_t nn_table_add(nn_table *t, const char *name, int rank, const int *dim);  // returns its place in the vector
const nn_tensor *nn_table_find(const nn_table *t, const char *name);           // NULL if absent

// Glorot-uniform: U(-a, a) with a = sqrt(6 / (fan_in + fan_out)). Draws are a function of (r, index).
void nn_init_glorot(real *w, size_t n, int fan_in, int fan_out, rng r);

// --- dense ---------------------------------------------------------------------------------------------------------
// x (B,I)  w (I,O)  b (O)  y (B,O)
void nn_dense(real *y, const real *x, const real *w, const real *b, int B, int I, int O);
void nn_dense_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, int B, int I, int O);

// --- activations: back takes the OUTPUT y ---------------------------------------------------------------------------
void nn_relu(real *y, const real *x, size_t n);
void nn_relu_back(real *dx, const real *dy, const real *y, size_t n);
void nn_sigmoid(real *y, const real *x, size_t n);
void nn_sigmoid_back(real *dx, const real *dy, const real *y, size_t n);

// --- convolutions (valid, square, stride 2) by im2col and gemm ------------------------------------------------------
typedef struct nn_conv_shape {
  int S, C;  // input rows = columns, channels
  int k;     // kernel rows = columns
  int F;     // output channels
} nn_conv_shape;
int nn_conv_out(nn_conv_shape s);                // (S - k)/2 + 1
int nn_deconv_out(nn_conv_shape s);              // (S - 1)*2 + k
size_t nn_conv_work(nn_conv_shape s, int B);     // elements of `work` below, which is the caller's memory
size_t nn_deconv_work(nn_conv_shape s, int B);
// x (B,S,S,C)  w (k,k,C,F)  b (F)  y (B,out,out,F)
void nn_conv(real *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B, real *work);
void nn_conv_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, nn_conv_shape s, int B,
                  real *work);
// Transposed convolution. x (B,S,S,C)  w (C,k,k,F)  b (F)  y (B,out,out,F)
void nn_deconv(real *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B, real *work);
void nn_deconv_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, nn_conv_shape s, int B,
                    real *work);
// The patches of x as rows: cols (B*out*out, k*k*C). Inference uses it with packed weights (float only).
void nn_im2col(real *cols, const real *x, nn_conv_shape s, int B);

// --- LSTM over a sequence -------------------------------------------------------------------------------------------
// World Models' cell: gates in the order i j f o, c' = c sigmoid(f + 1) + sigmoid(i) tanh(j), h' = tanh(c') sigmoid(o).
// w (I+H, 4H), rows of x first; b (4H). Time-major: x (T,B,I), keep (T,B) multiplies (c,h) before the step
// (0 at an episode's first step, 1 otherwise).
typedef struct nn_lstm_tape {  // what the forward pass leaves for the backward pass; caller's memory
  real *gates;  // (T,B,4H)  activated i j f o
  real *c;      // (T,B,H)   after the step
  real *h;      // (T,B,H)   after the step; the layer's output
  real *tanhc;  // (T,B,H)
} nn_lstm_tape;
void nn_lstm(nn_lstm_tape tape, const real *x, const real *keep, const real *h0, const real *c0, const real *w,
             const real *b, int T, int B, int I, int H, real *work);  // h0, c0 (B,H)
// dh (T,B,H) is the gradient of the output; it is overwritten. Truncated at the sequence's start (h0, c0 are
// constants).
void nn_lstm_back(real *dx, real *dw, real *db, real *dh, nn_lstm_tape tape, const real *x, const real *keep,
                  const real *h0, const real *c0, const real *w, int T, int B, int I, int H, real *work);
size_t nn_lstm_work(int T, int B, int I, int H);  // elements of `work`, forward and back

// --- losses: return the weighted SUM over rows in double, and write the gradient of scale * sum ---------------------
// weight (B) says how much a row counts (0: not at all); NULL counts every row once.
// Mixture density (Bishop 1994; World Models): an independent K-component mixture for each of Z dimensions.
// out (B, ld) holds at each row [logits (Z,K) | mu (Z,K) | logsigma (Z,K) | ...]; logsigma is floored at
// `floor` (gradient 0 below it). The sum is over rows of the MEAN over Z of -log p(target).  target (B,Z)
typedef double nn_mixture_loss(real *dout, const real *out, int ld, const real *target, const real *weight, int B,
                               int Z, int K, real floor, real scale);
nn_mixture_loss nn_mdn_loss;
// One mixture whose K components are Gaussians over all Z dimensions together: a row of out holds
// [logits (K) | of each of K: mu (Z) | logsigma (Z) | ...]. The sum is over rows of -log p(target) / Z. dout must not
// be out.
nn_mixture_loss nn_mdn_joint_loss;
// Binary cross-entropy on a logit, `factor` times where the target is 1. logit, dlogit have stride ld; target (B).
double nn_bce_loss(real *dlogit, const real *logit, int ld, const real *target, const real *weight, int B, real factor,
                   real scale);
// Half squared error, 0.5 (y - target)^2. y, dy have stride ld; target (B).
double nn_square_loss(real *dy, const real *y, int ld, const real *target, const real *weight, int B, real scale);

// --- Adam (Kingma & Ba 2015) --------------------------------------------------------------------------------------
typedef struct nn_adam { double lr, beta1, beta2, epsilon; } nn_adam;  // customary: 1e-3 0.9 0.999 1e-8
void nn_adam_step(real *w, real *m, real *v, const real *g, size_t n, nn_adam a, int64_t t);  // t = 1, 2, ...
void nn_clip_elements(real *g, size_t n, real limit);
double nn_norm(const real *g, size_t n);

#endif

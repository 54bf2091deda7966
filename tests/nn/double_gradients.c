// Tests for src/nn, compiled in double: every backward function against central differences of its forward function,
// the adjoint identity of the convolutions, and what keep cuts in a sequence. Each check is shown a wrong gradient,
// too.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "nn.h"

#define TOLERANCE 1e-7
#define STEP 1e-3
#define PROBES_MAX 200

static arena *memory;
static int setup(void **state) { return (void)state, memory = arena_open(), 0; }
static int teardown(void **state) { return (void)state, arena_close(memory), 0; }

static real *zeros(size_t n) { return ARENA_NEW(memory, real, n); }
static real *normals(size_t n, double scale) {
  static uint32_t draw;
  double *d = ARENA_NEW(memory, double, n);
  rng_normals_double(d, (int)n, rng_stream(11, "gradients"), draw++, 0);
  real *x = zeros(n);
  for (size_t i = 0; i < n; i++) x[i] = (real)(scale * d[i]);
  return x;
}

// --- the checker ----------------------------------------------------------------------------------------------------

typedef struct variable {
  const char *name;
  real *x, *g;  // (n)  the value, and where `back` puts its gradient
  size_t n;
  bool adds;    // a parameter: its gradient is added, an input's is written
} variable;

typedef struct problem {
  double (*loss)(void *self);
  void (*back)(void *self);  // after loss
  void *self;
  int count;
  variable v[4];
} problem;

static double loss_at(const problem *p, real *x, double step) {
  real kept = *x;
  *x = kept + (real)step;
  double loss = p->loss(p->self);
  *x = kept;
  return loss;
}

// Central difference of fourth order: its error falls with STEP^4, so that STEP need not be small and rounding stays
// out.
static double slope(const problem *p, real *x) {
  double near = loss_at(p, x, STEP) - loss_at(p, x, -STEP), far = loss_at(p, x, 2 * STEP) - loss_at(p, x, -2 * STEP);
  return (8 * near - far) / (12 * STEP);
}

static size_t probes(const variable *v) { return v->n < PROBES_MAX ? v->n : PROBES_MAX; }
static size_t probe(const variable *v, size_t i) { return i * v->n / probes(v); }  // spread over the whole array

static double largest(const real *g, size_t n) {
  double top = 0;
  for (size_t i = 0; i < n; i++) top = fmax(top, fabs((double)g[i]));
  return top;
}

// The worst error of g, relative to |g| plus a thousandth of the largest.
static double worst_error(const variable *v, const double *slopes) {
  double top = largest(v->g, v->n), worst = 0;
  assert_true(top > 0);
  for (size_t i = 0; i < probes(v); i++) {
    double g = (double)v->g[probe(v, i)];
    worst = fmax(worst, fabs(slopes[i] - g) / (fabs(g) + 1e-3 * top));
  }
  return worst;
}

static void solve_gradients(problem *p) {
  for (int i = 0; i < p->count; i++)
    for (size_t j = 0; j < p->v[i].n; j++) p->v[i].g[j] = p->v[i].adds ? (real)0.5 : (real)NAN;
  p->loss(p->self);
  p->back(p->self);
  for (int i = 0; i < p->count; i++)
    for (size_t j = 0; j < p->v[i].n && p->v[i].adds; j++) p->v[i].g[j] -= (real)0.5;
}

static void check_problem(problem p) {
  solve_gradients(&p);
  for (int i = 0; i < p.count; i++) {
    variable *v = &p.v[i];
    double *slopes = ARENA_NEW(memory, double, probes(v));
    for (size_t j = 0; j < probes(v); j++) slopes[j] = slope(&p, v->x + probe(v, j));
    double worst = worst_error(v, slopes);
    if (!(worst < TOLERANCE)) fail_msg("%s: relative error %g", v->name, worst);
    real *wrong = v->g + probe(v, probes(v) / 2), right = *wrong;  // the check must see one number a little wrong
    *wrong += (real)(10 * TOLERANCE * largest(v->g, v->n));
    assert_true(worst_error(v, slopes) > TOLERANCE);
    *wrong = right;
  }
}

static double dot(const real *a, const real *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

// --- dense and activations ------------------------------------------------------------------------------------------

typedef struct dense_case {
  int B, I, O;
  real *x, *w, *b, *y, *r, *dx, *dw, *db, *dy;
} dense_case;

static double dense_loss(void *self) {
  dense_case *c = self;
  nn_dense(c->y, c->x, c->w, c->b, c->B, c->I, c->O);
  nn_sigmoid(c->y, c->y, (size_t)c->B * c->O);
  return dot(c->y, c->r, (size_t)c->B * c->O);
}
static void dense_back(void *self) {
  dense_case *c = self;
  nn_sigmoid_back(c->dy, c->r, c->y, (size_t)c->B * c->O);
  nn_dense_back(c->dx, c->dw, c->db, c->dy, c->x, c->w, c->B, c->I, c->O);
}

static void check_dense(int B, int I, int O) {
  size_t x = (size_t)B * I, w = (size_t)I * O, y = (size_t)B * O;
  dense_case c = {B,        I,             O,        normals(x, 1), normals(w, 0.3), normals(O, 1),
                  zeros(y), normals(y, 1), zeros(x), zeros(w),      zeros(O),        zeros(y)};
  check_problem((problem){dense_loss, dense_back, &c, 3,
                          {{"x", c.x, c.dx, x, false}, {"w", c.w, c.dw, w, true}, {"b", c.b, c.db, O, true}}});
}

static void test_dense(void **state) {
  (void)state;
  check_dense(3, 4, 5);
  check_dense(1, 1, 1);
  check_dense(130, 3, 7);   // more rows than the sum of a bias takes at once
  check_dense(70, 2, 130);  // more columns than it takes at once
}

typedef struct relu_case {
  size_t n;
  real *x, *y, *r, *dx;
} relu_case;
static double relu_loss(void *self) {
  relu_case *c = self;
  nn_relu(c->y, c->x, c->n);
  return dot(c->y, c->r, c->n);
}
static void relu_back(void *self) {
  relu_case *c = self;
  nn_relu_back(c->dx, c->r, c->y, c->n);
}
static void test_relu(void **state) {
  (void)state;
  relu_case c = {101, normals(101, 1), zeros(101), normals(101, 1), zeros(101)};
  for (size_t i = 0; i < c.n; i++)
    if (fabs((double)c.x[i]) < 1e-2) c.x[i] = 1;  // away from the kink
  check_problem((problem){relu_loss, relu_back, &c, 1, {{"x", c.x, c.dx, c.n, false}}});
}

// --- convolutions ---------------------------------------------------------------------------------------------------

typedef struct conv_case {
  bool transposed;
  nn_conv_shape s;
  int B;
  size_t in, out, weights;
  real *x, *w, *b, *y, *r, *dx, *dw, *db, *work;
} conv_case;

static void conv_forward(real *y, const conv_case *c, const real *x) {
  (c->transposed ? nn_deconv : nn_conv)(y, x, c->w, c->b, c->s, c->B, c->work);
}
static double conv_loss(void *self) {
  conv_case *c = self;
  conv_forward(c->y, c, c->x);
  return dot(c->y, c->r, c->out);
}
static void conv_back(void *self) {
  conv_case *c = self;
  (c->transposed ? nn_deconv_back : nn_conv_back)(c->dx, c->dw, c->db, c->r, c->x, c->w, c->s, c->B, c->work);
}

static conv_case conv_case_of(bool transposed, nn_conv_shape s, int B) {
  size_t side = (size_t)(transposed ? nn_deconv_out(s) : nn_conv_out(s));
  conv_case c = {.transposed = transposed, .s = s, .B = B};
  c.in = (size_t)B * s.S * s.S * s.C, c.out = (size_t)B * side * side * s.F, c.weights = (size_t)s.k * s.k * s.C * s.F;
  c.x = normals(c.in, 1), c.w = normals(c.weights, 1), c.b = normals(s.F, 1), c.y = zeros(c.out),
  c.r = normals(c.out, 1);
  c.dx = zeros(c.in), c.dw = zeros(c.weights), c.db = zeros(s.F);
  c.work = zeros(transposed ? nn_deconv_work(s, B) : nn_conv_work(s, B));
  return c;
}

// Sides, channels, kernels: pixels that no window reads (S - k odd), runs shorter and longer than a vector, one place
// only.
static const nn_conv_shape shapes[] = {{7, 2, 4, 3}, {6, 3, 4, 2},  {5, 1, 1, 2},  {4, 1, 2, 1},
                                       {3, 5, 3, 2}, {11, 3, 6, 4}, {8, 30, 4, 2}, {1, 6, 1, 5}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static void check_conv(bool transposed, nn_conv_shape s, int B) {
  conv_case c = conv_case_of(transposed, s, B);
  check_problem(
      (problem){conv_loss, conv_back, &c, 3,
                {{"x", c.x, c.dx, c.in, false}, {"w", c.w, c.dw, c.weights, true}, {"b", c.b, c.db, s.F, true}}});
}

static void test_conv(void **state) {
  (void)state;
  for (size_t i = 0; i < SHAPES; i++) check_conv(false, shapes[i], 1 + (int)i % 3);
}

static void test_deconv(void **state) {
  (void)state;
  for (size_t i = 0; i < SHAPES; i++) check_conv(true, shapes[i], 1 + (int)i % 3);
  check_conv(true, (nn_conv_shape){1, 4, 5, 3}, 2);
  check_conv(true, (nn_conv_shape){3, 2, 5, 3}, 2);
  check_conv(true, (nn_conv_shape){4, 2, 6, 3}, 2);
}

// So large that the images go through in several slices: each is worked alone, too, and the gradients of weights must
// add up.
static void check_slices(bool transposed, nn_conv_shape s) {
  enum { B = 5 };
  conv_case all = conv_case_of(transposed, s, B);
  size_t work = transposed ? nn_deconv_work(s, B) : nn_conv_work(s, B),
         one = transposed ? nn_deconv_work(s, 1) : nn_conv_work(s, 1);
  assert_true(work < B * one && work > one);
  conv_loss(&all);
  conv_back(&all);
  conv_case each = all;
  each.B = 1, each.dw = zeros(all.weights), each.db = zeros(s.F), each.y = zeros(all.out), each.dx = zeros(all.in);
  for (int b = 0; b < B; b++) {
    conv_case image = each;
    image.x += b * (all.in / B), image.dx += b * (all.in / B), image.y += b * (all.out / B),
    image.r += b * (all.out / B);
    conv_forward(image.y, &image, image.x);
    conv_back(&image);
  }
  for (size_t i = 0; i < all.out; i++) assert_true(fabs((double)(all.y[i] - each.y[i])) < 1e-9);
  for (size_t i = 0; i < all.in; i++) assert_true(fabs((double)(all.dx[i] - each.dx[i])) < 1e-9);
  for (size_t i = 0; i < all.weights; i++) assert_true(fabs((double)(all.dw[i] - each.dw[i])) < 1e-8);
  for (int i = 0; i < s.F; i++) assert_true(fabs((double)(all.db[i] - each.db[i])) < 1e-8);
}

static void test_slices(void **state) {
  (void)state;
  check_slices(false, (nn_conv_shape){40, 6, 6, 1});
  check_slices(true, (nn_conv_shape){18, 1, 6, 6});
}

// <conv(x), y> = <x, conv'(y)>, where conv' is the gradient, and where it is the transposed convolution with that
// kernel.
static void test_adjoint(void **state) {
  (void)state;
  nn_conv_shape s = {12, 3, 4, 5};
  conv_case c = conv_case_of(false, s, 2);
  memset(c.b, 0, s.F * sizeof *c.b);
  double forward = conv_loss(&c);
  conv_back(&c);
  assert_true(fabs(forward) > 1);
  assert_true(fabs(forward - dot(c.x, c.dx, c.in)) < 1e-11 * fabs(forward));
  conv_case t = conv_case_of(true, (nn_conv_shape){nn_conv_out(s), s.F, s.k, s.C}, 2);
  memset(t.b, 0, s.C * sizeof *t.b);
  assert_int_equal(t.out, c.in);
  for (int place = 0; place < s.k * s.k * s.C; place++)
    for (int f = 0; f < s.F; f++) t.w[f * s.k * s.k * s.C + place] = c.w[place * s.F + f];
  conv_forward(t.y, &t, c.r);
  assert_true(fabs(forward - dot(c.x, t.y, c.in)) < 1e-11 * fabs(forward));
  t.w[7] += (real)0.01;  // another kernel is not the adjoint
  conv_forward(t.y, &t, c.r);
  assert_true(fabs(forward - dot(c.x, t.y, c.in)) > 1e-7 * fabs(forward));
}

// --- LSTM -----------------------------------------------------------------------------------------------------------

typedef struct lstm_case {
  int T, B, I, H;
  nn_lstm_tape tape;
  real *x, *keep, *h0, *c0, *w, *b, *r, *dh, *dx, *dw, *db, *work;
  size_t inputs, states, weights;
} lstm_case;

static void lstm_forward(const lstm_case *c) {
  nn_lstm(c->tape, c->x, c->keep, c->h0, c->c0, c->w, c->b, c->T, c->B, c->I, c->H, c->work);
}
static double lstm_loss(void *self) {
  lstm_case *c = self;
  lstm_forward(c);
  return dot(c->tape.h, c->r, c->states);
}
static void lstm_back(void *self) {
  lstm_case *c = self;
  memcpy(c->dh, c->r, c->states * sizeof *c->dh);
  nn_lstm_back(c->dx, c->dw, c->db, c->dh, c->tape, c->x, c->keep, c->h0, c->c0, c->w, c->T, c->B, c->I, c->H, c->work);
}

static lstm_case lstm_case_of(int T, int B, int I, int H) {
  lstm_case c = {.T = T, .B = B, .I = I, .H = H};
  size_t rows = (size_t)T * B;
  c.inputs = rows * I, c.states = rows * H, c.weights = (size_t)(I + H) * 4 * H;
  c.tape = (nn_lstm_tape){zeros(4 * c.states), zeros(c.states), zeros(c.states), zeros(c.states)};
  c.x = normals(c.inputs, 1), c.keep = zeros(rows), c.h0 = normals((size_t)B * H, 0.5),
  c.c0 = normals((size_t)B * H, 1);
  c.w = normals(c.weights, 0.4), c.b = normals((size_t)4 * H, 0.3), c.r = normals(c.states, 1), c.dh = zeros(c.states);
  c.dx = zeros(c.inputs), c.dw = zeros(c.weights), c.db = zeros((size_t)4 * H),
  c.work = zeros(nn_lstm_work(T, B, I, H));
  for (size_t i = 0; i < rows; i++) c.keep[i] = 1;
  return c;
}

static void check_lstm(lstm_case *c) {
  check_problem((problem){lstm_loss, lstm_back, c, 3,
                          {{"x", c->x, c->dx, c->inputs, false},
                           {"w", c->w, c->dw, c->weights, true},
                           {"b", c->b, c->db, (size_t)4 * c->H, true}}});
}

static void test_lstm(void **state) {
  (void)state;
  lstm_case c = lstm_case_of(5, 3, 4, 6);
  check_lstm(&c);
  c.keep[0 * 3 + 1] = 0, c.keep[2 * 3 + 0] = 0, c.keep[3 * 3 + 0] = 0, c.keep[4 * 3 + 2] = (real)0.25;
  check_lstm(&c);
  c = lstm_case_of(1, 1, 1, 1);
  check_lstm(&c);
}

// More rows than go through one gemm: several chunks, the last one short, with episodes that begin at their seams.
static void test_lstm_chunks(void **state) {
  (void)state;
  lstm_case c = lstm_case_of(8, 300, 2, 3);
  assert_true(nn_lstm_work(8, 300, 2, 3) < nn_lstm_work(3, 300, 2, 3) * 3 / 2);
  for (int b = 0; b < c.B; b += 7) c.keep[3 * c.B + b] = c.keep[6 * c.B + b + 1] = 0;
  check_lstm(&c);
}

// keep = 0 at step 3 of lane 1: from there on the lane is as if it had begun there, and nothing later reaches what was
// before.
static void test_keep_cuts(void **state) {
  (void)state;
  enum { T = 6, B = 3, I = 4, H = 5, AT = 3, LANE = 1 };
  lstm_case c = lstm_case_of(T, B, I, H);
  c.keep[AT * B + LANE] = 0;
  memset(c.r, 0, (size_t)AT * B * H * sizeof *c.r);  // only what comes later is asked for
  lstm_loss(&c);
  lstm_back(&c);
  for (int t = 0; t < AT; t++)
    for (int i = 0; i < I; i++) {
      assert_true(c.dx[(t * B + LANE) * I + i] == 0);
      assert_true(c.dx[(t * B + 0) * I + i] != 0);
    }
  lstm_case fresh = c;
  fresh.T = T - AT, fresh.x += (size_t)AT * B * I, fresh.keep += (size_t)AT * B;
  fresh.tape = (nn_lstm_tape){zeros((size_t)T * B * 4 * H), zeros(c.states), zeros(c.states), zeros(c.states)};
  fresh.h0 = zeros((size_t)B * H), fresh.c0 = zeros((size_t)B * H);
  lstm_forward(&fresh);
  const real *all = c.tape.h + (size_t)AT * B * H;
  for (int k = 0; k < H; k++) {
    assert_true(fabs((double)(all[LANE * H + k] - fresh.tape.h[LANE * H + k])) < 1e-14);
    assert_true(fabs((double)(all[0 * H + k] - fresh.tape.h[0 * H + k])) > 1e-6);  // the other lanes remember
  }
}

// A sequence cut in two, the state carried over: the same outputs. (The gradient is cut there, which is what truncation
// means.)
static void test_carried_state(void **state) {
  (void)state;
  enum { T = 6, B = 2, I = 3, H = 4, AT = 4 };
  lstm_case whole = lstm_case_of(T, B, I, H), part = whole;
  lstm_forward(&whole);
  part.tape = (nn_lstm_tape){zeros(4 * whole.states), zeros(whole.states), zeros(whole.states), zeros(whole.states)};
  part.T = T - AT, part.x += (size_t)AT * B * I;
  part.h0 = whole.tape.h + (size_t)(AT - 1) * B * H, part.c0 = whole.tape.c + (size_t)(AT - 1) * B * H;
  lstm_forward(&part);
  for (int i = 0; i < (T - AT) * B * H; i++)
    assert_true(fabs((double)(part.tape.h[i] - whole.tape.h[(size_t)AT * B * H + i])) < 1e-14);
}

// The input's gradient is not needed where the input is data.
static void test_no_input_gradient(void **state) {
  (void)state;
  lstm_case c = lstm_case_of(3, 2, 3, 4);
  lstm_loss(&c);
  lstm_back(&c);
  real *dw = c.dw;
  c.dx = NULL, c.dw = zeros(c.weights), c.db = zeros((size_t)4 * c.H);
  lstm_back(&c);
  assert_memory_equal(dw, c.dw, c.weights * sizeof *dw);
  conv_case v = conv_case_of(false, shapes[0], 2);
  conv_back(&v);
  dw = v.dw, v.dx = NULL, v.dw = zeros(v.weights);
  conv_back(&v);
  assert_memory_equal(dw, v.dw, v.weights * sizeof *dw);
}

// --- losses ---------------------------------------------------------------------------------------------------------

typedef struct loss_case {
  int B, Z, K, ld;
  real *out, *dout, *target, *weight;
  real floor, factor, scale;
  nn_mixture_loss *mixture;
} loss_case;

static double mdn_loss(void *self) {
  loss_case *c = self;
  return (double)c->scale *
         c->mixture(NULL, c->out, c->ld, c->target, c->weight, c->B, c->Z, c->K, c->floor, c->scale);
}
static void mdn_back(void *self) {
  loss_case *c = self;
  for (size_t i = 0; i < (size_t)c->B * c->ld; i++) c->dout[i] = 0;  // what lies behind the mixtures is not written
  c->mixture(c->dout, c->out, c->ld, c->target, c->weight, c->B, c->Z, c->K, c->floor, c->scale);
}

static void check_mixture(nn_mixture_loss *mixture, int B, int Z, int K, int ld, bool weighted) {
  size_t n = (size_t)B * ld;
  loss_case c = {.B = B,
                 .Z = Z,
                 .K = K,
                 .ld = ld,
                 .out = normals(n, 0.7),
                 .dout = zeros(n),
                 .target = normals((size_t)B * Z, 1),
                 .floor = (real)-0.9,
                 .scale = (real)0.37,
                 .mixture = mixture};
  for (size_t i = 0; i < n; i++)
    if (fabs((double)(c.out[i] - c.floor)) < 1e-2) c.out[i] = -2;  // away from the kink
  if (weighted) {
    c.weight = zeros(B);
    for (int b = 0; b < B; b++) c.weight[b] = (real)(b % 3) / 2;
  }
  check_problem((problem){mdn_loss, mdn_back, &c, 1, {{"out", c.out, c.dout, n, false}}});
}

static void check_mdn(int B, int Z, int K, int ld, bool weighted) { check_mixture(nn_mdn_loss, B, Z, K, ld, weighted); }

static void test_mdn(void **state) {
  (void)state;
  check_mdn(4, 3, 5, 45, false);
  check_mdn(7, 4, 3, 39, true);
  check_mdn(2, 1, 1, 3, false);
  check_mdn(3, 70, 20, 4203, true);    // a row in several pieces
  check_mdn(400, 4, 2, 25, true);      // several rows a piece
  check_mdn(1, 9, 64, 3 * 9 * 64, false);
}

static void check_joint(int B, int Z, int K, int more, bool weighted) {
  check_mixture(nn_mdn_joint_loss, B, Z, K, K + 2 * K * Z + more, weighted);
}

static void test_joint(void **state) {
  (void)state;
  check_joint(4, 3, 5, 0, false);
  check_joint(7, 20, 3, 2, true);
  check_joint(2, 1, 1, 0, false);
  check_joint(2, 1100, 2, 3, true);  // a component in several pieces
  check_joint(3, 9, 64, 0, false);
}

// Of one dimension, and of one component, there is only one mixture.
static void test_joint_is_each_where_they_are_one(void **state) {
  (void)state;
  enum { B = 6, K = 4, Z = 5 };
  real *target = normals(B * Z, 1), *one = normals(B * 3 * K, 1), *other = zeros(B * 3 * K);
  for (int b = 0; b < B; b++)
    for (int k = 0; k < K; k++) {
      const real *from = one + (size_t)b * 3 * K;
      real *to = other + (size_t)b * 3 * K;
      to[k] = from[k], to[K + 2 * k] = from[K + k], to[K + 2 * k + 1] = from[2 * K + k];
    }
  double each = nn_mdn_loss(NULL, one, 3 * K, target, NULL, B, 1, K, -7, 1);
  assert_true(fabs(nn_mdn_joint_loss(NULL, other, 3 * K, target, NULL, B, 1, K, -7, 1) - each) < 1e-12 * fabs(each));

  // [logits (Z) | mu (Z) | logsigma (Z)] and [logit | mu (Z) | logsigma (Z)]
  real *rows = normals(B * 3 * Z, 1);
  each = nn_mdn_loss(NULL, rows, 3 * Z, target, NULL, B, Z, 1, -7, 1);
  const real *last = rows + (B - 1) * 3 * Z + Z - 1, *last_target = target + (B - 1) * Z;  // with no room behind it
  double joint = nn_mdn_joint_loss(NULL, rows + Z - 1, 3 * Z, target, NULL, B - 1, Z, 1, -7, 1) +
                 nn_mdn_joint_loss(NULL, last, 2 * Z + 1, last_target, NULL, 1, Z, 1, -7, 1);
  assert_true(fabs(joint - each) < 1e-12 * fabs(each));
}

// What a row without weight holds does not matter.
static void test_joint_rows_without_weight(void **state) {
  (void)state;
  enum { Z = 3, K = 2, LD = K + 2 * K * Z + 1 };
  real *out = normals(2 * LD, 1), *target = normals(2 * Z, 1), *dout = normals(2 * LD, 1), *kept = zeros(2 * LD);
  const real weight[2] = {0, 1};
  for (int i = 0; i < LD; i++) out[i] = NAN;
  memcpy(kept, dout, 2 * LD * sizeof *kept);
  assert_true(isfinite(nn_mdn_joint_loss(dout, out, LD, target, weight, 2, Z, K, -7, 1)));
  for (int i = 0; i < LD - 1; i++) assert_true(dout[i] == 0);
  for (int b = 0; b < 2; b++) assert_true(dout[b * LD + LD - 1] == kept[b * LD + LD - 1]);  // not its column
}

static double bce_loss(void *self) {
  loss_case *c = self;
  return (double)c->scale * nn_bce_loss(NULL, c->out, c->ld, c->target, c->weight, c->B, c->factor, c->scale);
}
static void bce_back(void *self) {
  loss_case *c = self;
  for (size_t i = 0; i < (size_t)c->B * c->ld; i++) c->dout[i] = 0;
  nn_bce_loss(c->dout, c->out, c->ld, c->target, c->weight, c->B, c->factor, c->scale);
}
static double square_loss(void *self) {
  loss_case *c = self;
  return (double)c->scale * nn_square_loss(NULL, c->out, c->ld, c->target, c->weight, c->B, c->scale);
}
static void square_back(void *self) {
  loss_case *c = self;
  for (size_t i = 0; i < (size_t)c->B * c->ld; i++) c->dout[i] = 0;
  nn_square_loss(c->dout, c->out, c->ld, c->target, c->weight, c->B, c->scale);
}

static void test_rows(void **state) {
  (void)state;
  enum { B = 9, LD = 3 };
  loss_case c = {.B = B,
                 .ld = LD,
                 .out = normals(B * LD, 2),
                 .dout = zeros(B * LD),
                 .target = normals(B, 1),
                 .weight = zeros(B),
                 .factor = 10,
                 .scale = (real)0.2};
  for (int b = 0; b < B; b++) c.weight[b] = (real)(b % 3), c.target[b] = b % 2;
  check_problem((problem){bce_loss, bce_back, &c, 1, {{"logit", c.out, c.dout, B * LD, false}}});
  c.target[4] = (real)0.3;
  check_problem((problem){bce_loss, bce_back, &c, 1, {{"logit", c.out, c.dout, B * LD, false}}});
  check_problem((problem){square_loss, square_back, &c, 1, {{"y", c.out, c.dout, B * LD, false}}});
  c.weight = NULL;
  check_problem((problem){bce_loss, bce_back, &c, 1, {{"logit", c.out, c.dout, B * LD, false}}});
  check_problem((problem){square_loss, square_back, &c, 1, {{"y", c.out, c.dout, B * LD, false}}});
}

int main(void) {
  num_open();
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_dense),          cmocka_unit_test(test_relu),         cmocka_unit_test(test_conv),
      cmocka_unit_test(test_deconv),         cmocka_unit_test(test_slices),       cmocka_unit_test(test_adjoint),
      cmocka_unit_test(test_lstm),           cmocka_unit_test(test_lstm_chunks),  cmocka_unit_test(test_keep_cuts),
      cmocka_unit_test(test_carried_state),  cmocka_unit_test(test_no_input_gradient), cmocka_unit_test(test_mdn),
      cmocka_unit_test(test_rows),           cmocka_unit_test(test_joint),
      cmocka_unit_test(test_joint_is_each_where_they_are_one), cmocka_unit_test(test_joint_rows_without_weight),
  };
  return cmocka_run_group_tests(tests, setup, teardown);
}

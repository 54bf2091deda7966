// Convolutions and transposed convolutions (valid, stride 2, channels last) as patches times a matrix. Each is the other's
// adjoint: one gathers patches, the other scatters them (Dumoulin & Visin 2016, chapter 4). Images go through in slices, so
// that the patches between gather and gemm stay in the caches.

#include <string.h>

#include "parts.h"

#define STRIDE 2
#define SLICE_ELEMENTS ((size_t)1 << 18)  // patches of a slice: 1 MB of float

// Windows over an image: (side, side, channels) read at (out, out) places, k*k*channels elements each.
typedef struct window {
  int side, channels, k, out;
} window;

static size_t row_elements(window p) { return (size_t)p.k * (size_t)p.channels; }
static size_t patch_elements(window p) { return (size_t)p.k * row_elements(p); }
static size_t image_elements(window p) { return (size_t)p.side * (size_t)p.side * (size_t)p.channels; }
static int places(window p) { return p.out * p.out; }
static size_t cols_elements(window p) { return (size_t)places(p) * patch_elements(p); }

int nn_conv_out(nn_conv_shape s) { return (s.S - s.k) / STRIDE + 1; }
int nn_deconv_out(nn_conv_shape s) { return (s.S - 1) * STRIDE + s.k; }

static window conv_window(nn_conv_shape s) {
  CHECK(s.S >= s.k && s.k >= 1 && s.C >= 1 && s.F >= 1, "side %d, kernel %d, channels %d to %d", s.S, s.k, s.C, s.F);
  return (window){.side = s.S, .channels = s.C, .k = s.k, .out = nn_conv_out(s)};
}

// The windows lie over the OUTPUT image; the input has one pixel a place.
static window deconv_window(nn_conv_shape s) {
  CHECK(s.S >= 1 && s.k >= 1 && s.C >= 1 && s.F >= 1, "side %d, kernel %d, channels %d to %d", s.S, s.k, s.C, s.F);
  return (window){.side = nn_deconv_out(s), .channels = s.F, .k = s.k, .out = s.S};
}

static int slice_images(window p, int B) {
  size_t images = SLICE_ELEMENTS / cols_elements(p);
  return images < 1 ? 1 : images < (size_t)B ? (int)images : B;
}

// In `work`: the weights, laid out once if there are several slices, and the patches of a slice.
static size_t factor_elements(int K, int N) {
  size_t there = num_factor_size(K, N), transposed = num_factor_size(N, K);
  return there > transposed ? there : transposed;
}

size_t nn_conv_work(nn_conv_shape s, int B) {
  window p = conv_window(s);
  return factor_elements((int)patch_elements(p), s.F) + (size_t)slice_images(p, B) * cols_elements(p);
}

size_t nn_deconv_work(nn_conv_shape s, int B) {
  window p = deconv_window(s);
  return factor_elements(s.C, (int)patch_elements(p)) + (size_t)slice_images(p, B) * cols_elements(p);
}

// --- gather and scatter ---------------------------------------------------------------------------------------------------
// A window's row is one contiguous run of k*channels elements, in the image as in the patch.

#define PIECE 4  // elements that one instruction moves on any machine

// Short runs are copied in pieces, the last one overlapping: a call of memcpy would cost more than its work.
static inline void run_copy(real *restrict to, const real *restrict from, size_t n) {
  if (n > 96 || n < PIECE) {
    memcpy(to, from, n * sizeof *to);
    return;
  }
  for (size_t i = 0; i + PIECE <= n; i += PIECE) memcpy(to + i, from + i, PIECE * sizeof *to);
  memcpy(to + n - PIECE, from + n - PIECE, PIECE * sizeof *to);
}

static void gather(real *restrict cols, const real *restrict image, window p) {
  size_t run = row_elements(p), line = (size_t)p.side * (size_t)p.channels;
  for (int oy = 0; oy < p.out; oy++)
    for (int ox = 0; ox < p.out; ox++) {
      const real *from = image + (size_t)(STRIDE * oy) * line + (size_t)(STRIDE * ox * p.channels);
      for (int ky = 0; ky < p.k; ky++, cols += run, from += line) run_copy(cols, from, run);
    }
}

NN_CLONES static void scatter(real *restrict image, const real *restrict cols, window p) {
  size_t run = row_elements(p), line = (size_t)p.side * (size_t)p.channels;
  for (int oy = 0; oy < p.out; oy++)
    for (int ox = 0; ox < p.out; ox++) {
      real *to = image + (size_t)(STRIDE * oy) * line + (size_t)(STRIDE * ox * p.channels);
      for (int ky = 0; ky < p.k; ky++, cols += run, to += line)
        for (size_t i = 0; i < run; i++) to[i] += cols[i];
    }
}

static void gather_images(real *cols, const real *x, window p, int B) {
  for (int b = 0; b < B; b++) gather(cols + (size_t)b * cols_elements(p), x + (size_t)b * image_elements(p), p);
}

static void scatter_images(real *x, const real *cols, window p, int B) {
  for (int b = 0; b < B; b++) scatter(x + (size_t)b * image_elements(p), cols + (size_t)b * cols_elements(p), p);
}

void nn_im2col(real *cols, const real *x, nn_conv_shape s, int B) { gather_images(cols, x, conv_window(s), B); }

// The weights w, or w^T, as the right factor of every slice's product.
typedef struct weights {
  bool transposed, laid_out;
  const real *w;
  int ld, K, N;
  num_factor factor;
} weights;

static weights weights_of(real *work, bool transposed, const real *w, int ld, int K, int N, bool slices) {
  weights f = {.transposed = transposed, .laid_out = slices, .w = w, .ld = ld, .K = K, .N = N};
  if (slices) f.factor = num_factor_make(work, transposed, w, ld, K, N);
  return f;
}

static void weights_apply(const weights *f, int M, const real *a, bool add, real *c) {
  if (f->laid_out) num_gemm_factor(false, M, a, f->K, &f->factor, add, c, f->N);
  else num_gemm(false, f->transposed, M, f->N, f->K, a, f->K, f->w, f->ld, add, c, f->N);
}

// --- convolution: rows of patches (places, k*k*C) times w (k*k*C, F) ----------------------------------------------------------

void nn_conv(real *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B, real *work) {
  window p = conv_window(s);
  int slice = slice_images(p, B), K = (int)patch_elements(p);
  weights by = weights_of(work, false, w, s.F, K, s.F, slice < B);
  real *cols = work + factor_elements(K, s.F);
  nn_rows_fill(y, b, (size_t)B * (size_t)places(p), s.F);
  for (int from = 0; from < B; from += slice) {
    int images = smaller(slice, B - from), rows = images * places(p);
    gather_images(cols, x + (size_t)from * image_elements(p), p, images);
    weights_apply(&by, rows, cols, true, y + (size_t)from * (size_t)places(p) * (size_t)s.F);
  }
}

void nn_conv_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, nn_conv_shape s, int B,
                  real *work) {
  window p = conv_window(s);
  int slice = slice_images(p, B), K = (int)patch_elements(p);
  real *cols = work + factor_elements(K, s.F);
  weights by = {0};
  if (dx) {
    by = weights_of(work, true, w, s.F, s.F, K, slice < B);
    memset(dx, 0, (size_t)B * image_elements(p) * sizeof *dx);
  }
  nn_rows_add(db, dy, (size_t)B * (size_t)places(p), s.F);
  for (int from = 0; from < B; from += slice) {
    int images = smaller(slice, B - from), rows = images * places(p);
    const real *g = dy + (size_t)from * (size_t)places(p) * (size_t)s.F;
    gather_images(cols, x + (size_t)from * image_elements(p), p, images);
    num_gemm(true, false, K, s.F, rows, cols, K, g, s.F, true, dw, s.F);  // dw += patches^T dy
    if (!dx) continue;
    weights_apply(&by, rows, g, false, cols);  // dpatches = dy w^T
    scatter_images(dx + (size_t)from * image_elements(p), cols, p, images);
  }
}

// --- transposed convolution: pixels (places, C) times w (C, k*k*F) are patches of the output ------------------------------------

void nn_deconv(real *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B, real *work) {
  window p = deconv_window(s);
  int slice = slice_images(p, B), N = (int)patch_elements(p);
  weights by = weights_of(work, false, w, N, s.C, N, slice < B);
  real *cols = work + factor_elements(s.C, N);
  nn_rows_fill(y, b, (size_t)B * (size_t)p.side * (size_t)p.side, s.F);
  for (int from = 0; from < B; from += slice) {
    int images = smaller(slice, B - from), rows = images * places(p);
    const real *pixels = x + (size_t)from * (size_t)places(p) * (size_t)s.C;
    weights_apply(&by, rows, pixels, false, cols);
    scatter_images(y + (size_t)from * image_elements(p), cols, p, images);
  }
}

void nn_deconv_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, nn_conv_shape s, int B,
                    real *work) {
  window p = deconv_window(s);
  int slice = slice_images(p, B), N = (int)patch_elements(p);
  real *cols = work + factor_elements(s.C, N);
  weights by = {0};
  if (dx) by = weights_of(work, true, w, N, N, s.C, slice < B);
  nn_rows_add(db, dy, (size_t)B * (size_t)p.side * (size_t)p.side, s.F);
  for (int from = 0; from < B; from += slice) {
    int images = smaller(slice, B - from), rows = images * places(p);
    size_t at = (size_t)from * (size_t)places(p) * (size_t)s.C;
    gather_images(cols, dy + (size_t)from * image_elements(p), p, images);
    num_gemm(true, false, s.C, N, rows, x + at, s.C, cols, N, true, dw, N);                  // dw += x^T dpatches
    if (dx) weights_apply(&by, rows, cols, false, dx + at);  // dx  = dpatches w^T
  }
}

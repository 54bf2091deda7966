// Convolutions and transposed convolutions (valid, stride 2, channels last) as patches times a matrix. Each is the
// other's adjoint: one gathers patches, the other scatters them (Dumoulin & Visin 2016, chapter 4). Images go through
// in slices, so that the patches between gather and gemm stay in the caches.

#include <string.h>

#include "parts.h"

#define STRIDE 2
#define SLICE_ELEMENTS ((size_t)1 << 18)  // patches of a slice: 1 MB of float

// Windows over an image: (side, side, channels) read at (out, out) places, k*k*channels elements each.
typedef struct conv_window {
  int side, channels, k, out;
} conv_window;

static size_t conv_row_elements(conv_window p) { return (size_t)p.k * (size_t)p.channels; }
static size_t conv_patch_elements(conv_window p) { return (size_t)p.k * conv_row_elements(p); }
static size_t conv_image_elements(conv_window p) { return (size_t)p.side * (size_t)p.side * (size_t)p.channels; }
static int conv_places(conv_window p) { return p.out * p.out; }
static size_t conv_cols_elements(conv_window p) { return (size_t)conv_places(p) * conv_patch_elements(p); }

int nn_conv_out(nn_conv_shape s) { return (s.S - s.k) / STRIDE + 1; }
int nn_deconv_out(nn_conv_shape s) { return (s.S - 1) * STRIDE + s.k; }

static conv_window conv_window_of(nn_conv_shape s) {
  CHECK(s.S >= s.k && s.k >= 1 && s.C >= 1 && s.F >= 1, "side %d, kernel %d, channels %d to %d", s.S, s.k, s.C, s.F);
  return (conv_window){.side = s.S, .channels = s.C, .k = s.k, .out = nn_conv_out(s)};
}

// The windows lie over the OUTPUT image; the input has one pixel per place.
static conv_window deconv_window_of(nn_conv_shape s) {
  CHECK(s.S >= 1 && s.k >= 1 && s.C >= 1 && s.F >= 1, "side %d, kernel %d, channels %d to %d", s.S, s.k, s.C, s.F);
  return (conv_window){.side = nn_deconv_out(s), .channels = s.F, .k = s.k, .out = s.S};
}

static int conv_slice_images(conv_window p, int B) {
  size_t images = SLICE_ELEMENTS / conv_cols_elements(p);
  return images < 1 ? 1 : images < (size_t)B ? (int)images : B;
}

// In `work`: the weights, laid out once if there are several slices, and the patches of a slice.
static size_t conv_factor_elements(int K, int N) {
  size_t there = num_factor_size(K, N), transposed = num_factor_size(N, K);
  return there > transposed ? there : transposed;
}

size_t nn_conv_work(nn_conv_shape s, int B) {
  conv_window p = conv_window_of(s);
  size_t patches = (size_t)conv_slice_images(p, B) * conv_cols_elements(p);
  return conv_factor_elements((int)conv_patch_elements(p), s.F) + patches;
}

size_t nn_deconv_work(nn_conv_shape s, int B) {
  conv_window p = deconv_window_of(s);
  size_t patches = (size_t)conv_slice_images(p, B) * conv_cols_elements(p);
  return conv_factor_elements(s.C, (int)conv_patch_elements(p)) + patches;
}

// --- gather and scatter ---------------------------------------------------------------------------------------------
// A window's row is one contiguous run of k*channels elements, in the image as in the patch.

#define PIECE 4  // elements that one instruction moves on any machine

// Short runs are copied in pieces, the last one overlapping: a call of memcpy would cost more than its work.
static inline void conv_run_copy(real *restrict to, const real *restrict from, size_t n) {
  if (n > 96 || n < PIECE) {
    memcpy(to, from, n * sizeof *to);
    return;
  }

  for (size_t i = 0; i + PIECE <= n; i += PIECE) memcpy(to + i, from + i, PIECE * sizeof *to);
  memcpy(to + n - PIECE, from + n - PIECE, PIECE * sizeof *to);
}

// cols (out*out, k*k*channels) = the windows of one image, in order.
static void conv_gather(real *restrict cols, const real *restrict image, conv_window p) {
  size_t run = conv_row_elements(p), line = (size_t)p.side * (size_t)p.channels;
  for (int oy = 0; oy < p.out; oy++)
    for (int ox = 0; ox < p.out; ox++) {
      const real *from = image + (size_t)(STRIDE * oy) * line + (size_t)(STRIDE * ox * p.channels);
      for (int ky = 0; ky < p.k; ky++, cols += run, from += line) conv_run_copy(cols, from, run);
    }
}

// image += the windows cols, which overlap: the adjoint of conv_gather.
NN_CLONES static void conv_scatter(real *restrict image, const real *restrict cols, conv_window p) {
  size_t run = conv_row_elements(p), line = (size_t)p.side * (size_t)p.channels;
  for (int oy = 0; oy < p.out; oy++)
    for (int ox = 0; ox < p.out; ox++) {
      real *to = image + (size_t)(STRIDE * oy) * line + (size_t)(STRIDE * ox * p.channels);
      for (int ky = 0; ky < p.k; ky++, cols += run, to += line)
        for (size_t i = 0; i < run; i++) to[i] += cols[i];
    }
}

static void conv_gather_images(real *cols, const real *x, conv_window p, int B) {
  for (int b = 0; b < B; b++)
    conv_gather(cols + (size_t)b * conv_cols_elements(p), x + (size_t)b * conv_image_elements(p), p);
}

static void conv_scatter_images(real *x, const real *cols, conv_window p, int B) {
  for (int b = 0; b < B; b++)
    conv_scatter(x + (size_t)b * conv_image_elements(p), cols + (size_t)b * conv_cols_elements(p), p);
}

void nn_im2col(real *cols, const real *x, nn_conv_shape s, int B) {
  conv_gather_images(cols, x, conv_window_of(s), B);
}

// --- weights --------------------------------------------------------------------------------------------------------

// The weights w, or w^T, as the right factor of every slice's product.
typedef struct conv_weights {
  bool transposed, laid_out;
  const real *w;
  int ld, K, N;
  num_factor factor;
} conv_weights;

// Laying out pays where several slices use them.
static conv_weights conv_weights_of(real *work, bool transposed, const real *w, int ld, int K, int N, bool slices) {
  conv_weights f = {.transposed = transposed, .laid_out = slices, .w = w, .ld = ld, .K = K, .N = N};
  if (slices) f.factor = num_factor_make(work, transposed, w, ld, K, N);
  return f;
}

static void conv_weights_apply(const conv_weights *f, int M, const real *a, bool add, real *c) {
  if (f->laid_out) num_gemm_factor(false, M, a, f->K, &f->factor, add, c, f->N);
  else num_gemm(false, f->transposed, M, f->N, f->K, a, f->K, f->w, f->ld, add, c, f->N);
}

// --- convolution: rows of patches (places, k*k*C) times w (k*k*C, F) ------------------------------------------------

void nn_conv(real *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B, real *work) {
  conv_window p = conv_window_of(s);
  int slice = conv_slice_images(p, B);
  int K = (int)conv_patch_elements(p);
  conv_weights by = conv_weights_of(work, false, w, s.F, K, s.F, slice < B);
  real *cols = work + conv_factor_elements(K, s.F);

  // y = b, then y += patches w.
  nn_rows_fill(y, b, (size_t)B * (size_t)conv_places(p), s.F);
  for (int from = 0; from < B; from += slice) {
    int images = int_min(slice, B - from);
    int rows = images * conv_places(p);
    conv_gather_images(cols, x + (size_t)from * conv_image_elements(p), p, images);
    conv_weights_apply(&by, rows, cols, true, y + (size_t)from * (size_t)conv_places(p) * (size_t)s.F);
  }
}

void nn_conv_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, nn_conv_shape s, int B,
                  real *work) {
  conv_window p = conv_window_of(s);
  int slice = conv_slice_images(p, B);
  int K = (int)conv_patch_elements(p);
  real *cols = work + conv_factor_elements(K, s.F);

  // Windows overlap, so what they ask of a pixel is added up.
  conv_weights by = {0};
  if (dx) {
    by = conv_weights_of(work, true, w, s.F, s.F, K, slice < B);
    memset(dx, 0, (size_t)B * conv_image_elements(p) * sizeof *dx);
  }

  nn_rows_add(db, dy, (size_t)B * (size_t)conv_places(p), s.F);
  for (int from = 0; from < B; from += slice) {
    int images = int_min(slice, B - from);
    int rows = images * conv_places(p);
    const real *g = dy + (size_t)from * (size_t)conv_places(p) * (size_t)s.F;

    // dw += patches^T dy
    conv_gather_images(cols, x + (size_t)from * conv_image_elements(p), p, images);
    num_gemm(true, false, K, s.F, rows, cols, K, g, s.F, true, dw, s.F);
    if (!dx) continue;

    // dpatches = dy w^T, in the place of the patches, which are used up.
    conv_weights_apply(&by, rows, g, false, cols);
    conv_scatter_images(dx + (size_t)from * conv_image_elements(p), cols, p, images);
  }
}

// --- transposed convolution: pixels (places, C) times w (C, k*k*F) are patches of the output ------------------------

void nn_deconv(real *y, const real *x, const real *w, const real *b, nn_conv_shape s, int B, real *work) {
  conv_window p = deconv_window_of(s);
  int slice = conv_slice_images(p, B);
  int N = (int)conv_patch_elements(p);
  conv_weights by = conv_weights_of(work, false, w, N, s.C, N, slice < B);
  real *cols = work + conv_factor_elements(s.C, N);

  // y = b, then y += the patches x w where they lie.
  nn_rows_fill(y, b, (size_t)B * (size_t)p.side * (size_t)p.side, s.F);
  for (int from = 0; from < B; from += slice) {
    int images = int_min(slice, B - from);
    int rows = images * conv_places(p);
    const real *pixels = x + (size_t)from * (size_t)conv_places(p) * (size_t)s.C;
    conv_weights_apply(&by, rows, pixels, false, cols);
    conv_scatter_images(y + (size_t)from * conv_image_elements(p), cols, p, images);
  }
}

void nn_deconv_back(real *dx, real *dw, real *db, const real *dy, const real *x, const real *w, nn_conv_shape s, int B,
                    real *work) {
  conv_window p = deconv_window_of(s);
  int slice = conv_slice_images(p, B);
  int N = (int)conv_patch_elements(p);
  real *cols = work + conv_factor_elements(s.C, N);
  conv_weights by = {0};
  if (dx) by = conv_weights_of(work, true, w, N, N, s.C, slice < B);

  nn_rows_add(db, dy, (size_t)B * (size_t)p.side * (size_t)p.side, s.F);
  for (int from = 0; from < B; from += slice) {
    int images = int_min(slice, B - from);
    int rows = images * conv_places(p);
    size_t at = (size_t)from * (size_t)conv_places(p) * (size_t)s.C;

    // dw += x^T dpatches,  dx = dpatches w^T
    conv_gather_images(cols, dy + (size_t)from * conv_image_elements(p), p, images);
    num_gemm(true, false, s.C, N, rows, x + at, s.C, cols, N, true, dw, N);
    if (dx) conv_weights_apply(&by, rows, cols, false, dx + at);
  }
}

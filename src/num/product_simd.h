// The heart of num_gemm: a tile of TILE_ROWS x TILE_VECTORS sums stays in registers while a and a panel of b stream past. Each sum is
// one chain of fused multiply-adds over k, whatever the tile's size; it may start from what stands in c.

// rows and vectors are constants wherever this is inlined, so that the sums become registers. Element (r, k) of a is a[r*row + k*step].
static inline __attribute__((always_inline)) void product_tile(const int rows, const int vectors, float *c, size_t ldc, bool add,
                                                               const float *panel, int K, size_t width, const float *a,
                                                               size_t row, size_t step) {
  vf sum[TILE_ROWS][TILE_VECTORS], b[TILE_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = add ? vf_load(c + (size_t)r * ldc + v * V_WIDTH) : vf_all(0);
  }
  for (int k = 0; k < K; k++, panel += width, a += step) {
    UNROLL for (int v = 0; v < vectors; v++) b[v] = vf_load(panel + v * V_WIDTH);
    UNROLL for (int r = 0; r < rows; r++) {
      vf all = vf_all(a[(size_t)r * row]);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = V_FMA(all, b[v], sum[r][v]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) vf_store(c + (size_t)r * ldc + v * V_WIDTH, sum[r][v]);
  }
}

#define ROWS(r) \
  case r: if (r <= TILE_ROWS) product_tile(r <= TILE_ROWS ? r : 1, vectors, c, ldc, add, panel, K, width, a, row, step); break;
static inline __attribute__((always_inline)) void product_rows(int rows, const int vectors, float *c, size_t ldc, bool add,
                                                               const float *panel, int K, size_t width, const float *a,
                                                               size_t row, size_t step) {
  switch (rows) { ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) }
}
#undef ROWS

#define COLUMN(v)                                                                                                              \
  static void product_column_##v(float *c, size_t ldc, bool add, const float *panel, int K, size_t width, const float *a,      \
                                 size_t row, size_t step, int M) {                                                             \
    for (int m = 0; m < M; m += TILE_ROWS)                                                                                     \
      product_rows(M - m < TILE_ROWS ? M - m : TILE_ROWS, v, c + (size_t)m * ldc, ldc, add, panel, K, width,                   \
                   a + (size_t)m * row, row, step);                                                                            \
  }
typedef void product_column(float *c, size_t ldc, bool add, const float *panel, int K, size_t width, const float *a, size_t row,
                            size_t step, int M);
// Only as many vectors as a cut panel may leave: 16 columns are one, two or four vectors.
#if V_WIDTH == 16
COLUMN(1) COLUMN(2) COLUMN(3)
static product_column *const product_columns[] = {product_column_1, product_column_2, product_column_3};
#elif V_WIDTH == 8
COLUMN(2)
static product_column *const product_columns[] = {product_column_2};
#else
COLUMN(4)
static product_column *const product_columns[] = {product_column_4};
#endif
#undef COLUMN

static void product(float *c, size_t ldc, bool add, const float *panel, int K, int width, const float *a, size_t row, size_t step, int M) {
  enum { COLUMNS = TILE_VECTORS * V_WIDTH };
  for (int n = 0; n < width; n += COLUMNS) {
    int columns = width - n < COLUMNS ? width - n : COLUMNS;
    product_columns[columns / PANEL_STEP - 1](c + n, ldc, add, panel + n, K, (size_t)width, a, row, step, M);
  }
}

// The heart of num_gemm: a tile of TILE_ROWS x TILE_VECTORS sums stays in registers while a and panels of b stream
// past. Each sum is one chain of fused multiply-adds over k, whatever the tile's size; it may start from what stands in
// c.

// rows and vectors are constants wherever this is inlined, so that the sums become registers. Element (r, k) of a is
// a[r*row + k*step]. Panels stand `apart` floats from each other.
V_INLINE void product_tile(const int rows, const int vectors, float *c, size_t ldc, bool add, const float *panel, int K,
                           size_t apart, const float *a, size_t row, size_t step) {
  vf sum[TILE_ROWS][TILE_VECTORS], b[TILE_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = add ? vf_load(c + (size_t)r * ldc + v * V_WIDTH) : vf_all(0);
  }

  // Each k: a row of the panels is loaded once, and met by a column of a.
  UNROLL_WORDS for (int k = 0; k < K; k++) {
    UNROLL for (int v = 0; v < vectors; v++) b[v] = vf_load(panel + VECTOR_AT(v, apart));
    UNROLL for (int r = 0; r < rows; r++) {
      vf all = vf_all(a[(size_t)r * row]);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = V_FMA(all, b[v], sum[r][v]);
    }
    panel += PANEL;
    a += step;
  }

  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) vf_store(c + (size_t)r * ldc + v * V_WIDTH, sum[r][v]);
  }
}

// The rows at an edge are fewer; each number of them has its own loop.
#define ROWS(r)                                                                                           \
  case r:                                                                                                 \
    if (r <= TILE_ROWS)                                                                                   \
      product_tile(r <= TILE_ROWS ? r : 1, vectors, c, ldc, add, panel, K, apart, a, row, step);          \
    break;
V_INLINE void product_rows(int rows, const int vectors, float *c, size_t ldc, bool add, const float *panel, int K,
                           size_t apart, const float *a, size_t row, size_t step) {
  switch (rows) { ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) }
}
#undef ROWS

#define COLUMN(panels)                                                                                               \
  static void product_column_##panels(float *c, size_t ldc, bool add, const float *panel, int K, size_t apart,       \
                                      const float *a, size_t row, size_t step, int M) {                              \
    for (int m = 0; m < M; m += TILE_ROWS)                                                                           \
      product_rows(M - m < TILE_ROWS ? M - m : TILE_ROWS, panels * (PANEL / V_WIDTH), c + (size_t)m * ldc, ldc, add, \
                   panel, K, apart, a + (size_t)m * row, row, step);                                                 \
  }
typedef void product_column(float *c, size_t ldc, bool add, const float *panel, int K, size_t apart, const float *a,
                            size_t row, size_t step, int M);
COLUMN(1)
#if TILE_PANELS == 3
COLUMN(2) COLUMN(3)
static product_column *const product_columns[] = {product_column_1, product_column_2, product_column_3};
#else
static product_column *const product_columns[] = {product_column_1};
#endif
#undef COLUMN

static void product_panels(float *c, size_t ldc, bool add, const float *panels, int count, size_t apart, int K,
                           const float *a, size_t row, size_t step, int M) {
  for (int p = 0; p < count; p += TILE_PANELS) {
    int some = count - p < TILE_PANELS ? count - p : TILE_PANELS;
    product_columns[some - 1](c + p * PANEL, ldc, add, panels + (size_t)p * apart, K, apart, a, row, step, M);
  }
}

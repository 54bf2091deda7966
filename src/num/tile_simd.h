// The heart of the packed product: a tile of TILE_ROWS x TILE_VECTORS sums stays in registers while x and one panel
// of weights stream past. Each sum is one chain of fused multiply-adds over k, whatever the tile's size.

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 8")
#endif

// rows and vectors are constants wherever this is inlined, so that the sums become registers.
static inline __attribute__((always_inline)) void tile_apply(const int rows, const int vectors, const float *panel,
                                                             int K, int width, float *y, int ldy, const float *x,
                                                             int ldx) {
  vf sum[TILE_ROWS][TILE_VECTORS], w[TILE_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = vf_load(panel + v * V_WIDTH);
  }
  for (int k = 0; k < K; k++) {
    panel += width;
    UNROLL for (int v = 0; v < vectors; v++) w[v] = vf_load(panel + v * V_WIDTH);
    UNROLL for (int r = 0; r < rows; r++) {
      vf a = vf_all(x[(size_t)r * (size_t)ldx + (size_t)k]);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = V_FMA(a, w[v], sum[r][v]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) vf_store(y + (size_t)r * (size_t)ldy + v * V_WIDTH, sum[r][v]);
  }
}

typedef void tile_function(const float *panel, int K, int width, float *y, int ldy, const float *x, int ldx);

#define TILE(rows, vectors)                                                                                      \
  static void tile_##rows##_##vectors(const float *panel, int K, int width, float *y, int ldy, const float *x,  \
                                      int ldx) {                                                                 \
    tile_apply(rows, vectors, panel, K, width, y, ldy, x, ldx);                                                  \
  }
#define TILE_COLUMN(X, v) X(1, v) X(2, v) TILE_COLUMN_6(X, v) TILE_COLUMN_8(X, v)
#if TILE_ROWS >= 6
#define TILE_COLUMN_6(X, v) X(3, v) X(4, v) X(5, v) X(6, v)
#else
#define TILE_COLUMN_6(X, v)
#endif
#if TILE_ROWS >= 8
#define TILE_COLUMN_8(X, v) X(7, v) X(8, v)
#else
#define TILE_COLUMN_8(X, v)
#endif
#define TILE_NAME(rows, vectors) tile_##rows##_##vectors,

// Only as many vectors as a cut panel may leave: 16 columns are one, two or four vectors.
#if V_WIDTH == 16
TILE_COLUMN(TILE, 1) TILE_COLUMN(TILE, 2) TILE_COLUMN(TILE, 3)
static tile_function *const tiles[][TILE_ROWS] = {
    {TILE_COLUMN(TILE_NAME, 1)}, {TILE_COLUMN(TILE_NAME, 2)}, {TILE_COLUMN(TILE_NAME, 3)}};
#elif V_WIDTH == 8
TILE_COLUMN(TILE, 2)
static tile_function *const tiles[][TILE_ROWS] = {{TILE_COLUMN(TILE_NAME, 2)}};
#else
TILE_COLUMN(TILE, 4)
static tile_function *const tiles[][TILE_ROWS] = {{TILE_COLUMN(TILE_NAME, 4)}};
#endif

static void panel_apply(const float *panel, int K, int width, float *y, int ldy, const float *x, int ldx, int M) {
  enum { COLUMNS = TILE_VECTORS * V_WIDTH };
  for (int c = 0; c < width; c += COLUMNS) {
    int columns = width - c < COLUMNS ? width - c : COLUMNS;
    tile_function *const *by_rows = tiles[columns / PANEL_STEP - 1];
    for (int m = 0; m < M; m += TILE_ROWS) {
      int rows = M - m < TILE_ROWS ? M - m : TILE_ROWS;
      by_rows[rows - 1](panel + c, K, width, y + (size_t)m * (size_t)ldy + c, ldy, x + (size_t)m * (size_t)ldx, ldx);
    }
  }
}

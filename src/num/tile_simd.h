// The heart of the packed product: a tile of TILE_ROWS x TILE_VECTORS sums stays in registers while x and one panel
// of weights stream past. Each sum is one chain over k, whatever the tile's size. Included once a precision, which says
// how names end (OF), how a word of x becomes a vector (V_WORD) and what a step of the chain is (V_STEP).

// rows and vectors are constants wherever this is inlined, so that the sums become registers.
static inline __attribute__((always_inline)) void OF(tile)(const int rows, const int vectors, const float *panel,
                                                           int words, int width, float *y, int ldy, const void *x,
                                                           int ldx) {
  vf sum[TILE_ROWS][TILE_VECTORS], w[TILE_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = vf_load(panel + v * V_WIDTH);
  }
  for (int k = 0; k < words; k++) {
    panel += width;
    UNROLL for (int v = 0; v < vectors; v++) w[v] = vf_load(panel + v * V_WIDTH);
    UNROLL for (int r = 0; r < rows; r++) {
      vf a = V_WORD(x, (size_t)r * (size_t)ldx + (size_t)k);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = V_STEP(a, w[v], sum[r][v]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) vf_store(y + (size_t)r * (size_t)ldy + v * V_WIDTH, sum[r][v]);
  }
}

#define TILE(rows, vectors)                                                                                          \
  static NOT_INLINED void OF(tile_##rows##_##vectors)(const float *panel, int words, int width, float *y, int ldy,   \
                                                      const void *x, int ldx) {                                      \
    OF(tile)(rows, vectors, panel, words, width, y, ldy, x, ldx);                                                    \
  }
#define TILE_NAME(rows, vectors) OF(tile_##rows##_##vectors),

// Only as many vectors as a cut panel may leave: 16 columns are one, two or four vectors.
#if V_WIDTH == 16
TILE_COLUMN(TILE, 1) TILE_COLUMN(TILE, 2) TILE_COLUMN(TILE, 3)
static tile_function *const OF(tiles)[][TILE_ROWS] = {
    {TILE_COLUMN(TILE_NAME, 1)}, {TILE_COLUMN(TILE_NAME, 2)}, {TILE_COLUMN(TILE_NAME, 3)}};
#elif V_WIDTH == 8
TILE_COLUMN(TILE, 2)
static tile_function *const OF(tiles)[][TILE_ROWS] = {{TILE_COLUMN(TILE_NAME, 2)}};
#else
TILE_COLUMN(TILE, 4)
static tile_function *const OF(tiles)[][TILE_ROWS] = {{TILE_COLUMN(TILE_NAME, 4)}};
#endif
#undef TILE
#undef TILE_NAME

static void OF(panel)(const float *panel, int words, int width, float *y, int ldy, const void *x, int ldx, int M) {
  enum { COLUMNS = TILE_VECTORS * V_WIDTH };
  unsigned mode = STEP_BEGIN();
  for (int c = 0; c < width; c += COLUMNS) {
    int columns = width - c < COLUMNS ? width - c : COLUMNS;
    tile_function *const *by_rows = OF(tiles)[columns / PANEL_STEP - 1];
    for (int m = 0; m < M; m += TILE_ROWS) {
      int rows = M - m < TILE_ROWS ? M - m : TILE_ROWS;
      by_rows[rows - 1](panel + c, words, width, y + (size_t)m * (size_t)ldy + c, ldy,
                        (const char *)x + 4 * (size_t)m * (size_t)ldx, ldx);
    }
  }
  STEP_END(mode);
}

// Rows stand side by side in a vector here, and every one looks up the weight of its own choice: of an item's columns
// [first (choices) | second (choices)] two steps a row are made instead of 2 x choices. A vector of weights is read from
// where it stays inside the panel.
static inline __attribute__((always_inline)) void OF(pick_tile)(const int items, const int vectors, const float *panel, int at,
                                                                int words, int choices, float *first, float *second,
                                                                const void *x, const int32_t *choice) {
  vf sum[PICK_ITEMS][PICK_VECTORS][2], a[PICK_VECTORS];
  vi index[PICK_ITEMS][PICK_VECTORS];
  int from[PICK_ITEMS];
  UNROLL for (int i = 0; i < items; i++) {
    int column = at + i * 2 * choices, last = PANEL - V_WIDTH - choices;
    from[i] = column < last ? column : last;
    UNROLL for (int v = 0; v < vectors; v++) {
      memcpy(&index[i][v], choice + i * PICK_ROWS + v * V_WIDTH, sizeof(vi));
      index[i][v] += column - from[i];
      sum[i][v][0] = V_LOOKUP(panel + from[i], index[i][v]);
      sum[i][v][1] = V_LOOKUP(panel + from[i] + choices, index[i][v]);
    }
  }
  for (int k = 0; k < words; k++) {
    panel += PANEL;
    UNROLL for (int v = 0; v < vectors; v++) memcpy(&a[v], (const char *)x + 4 * (k * PICK_ROWS + v * V_WIDTH), sizeof(vf));
    UNROLL for (int i = 0; i < items; i++) {
      UNROLL for (int v = 0; v < vectors; v++) {
        sum[i][v][0] = V_STEP(a[v], V_LOOKUP(panel + from[i], index[i][v]), sum[i][v][0]);
        sum[i][v][1] = V_STEP(a[v], V_LOOKUP(panel + from[i] + choices, index[i][v]), sum[i][v][1]);
      }
    }
  }
  UNROLL for (int i = 0; i < items; i++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      vf_store(first + i * PICK_ROWS + v * V_WIDTH, sum[i][v][0]);
      vf_store(second + i * PICK_ROWS + v * V_WIDTH, sum[i][v][1]);
    }
  }
}

#define PICK(items, vectors)                                                                                         \
  static NOT_INLINED void OF(pick_##items##_##vectors)(const float *panel, int at, int words, int choices,           \
                                                       float *first, float *second, const void *x,                   \
                                                       const int32_t *choice) {                                      \
    OF(pick_tile)(items, vectors, panel, at, words, choices, first, second, x, choice);                              \
  }
#define PICK_NAME(items, vectors) OF(pick_##items##_##vectors),
#define PICK_COLUMN(X, v) X(1, v) X(2, v) X(3, v) X(4, v)
PICK_COLUMN(PICK, 1)
#if PICK_VECTORS == 2
PICK_COLUMN(PICK, 2)
#endif
static pick_function *const OF(picks)[PICK_VECTORS][PICK_ITEMS] = {
    {PICK_COLUMN(PICK_NAME, 1)},
#if PICK_VECTORS == 2
    {PICK_COLUMN(PICK_NAME, 2)},
#endif
};
#undef PICK
#undef PICK_NAME
#undef PICK_COLUMN

static void OF(pick)(const float *panel, int words, int items, int choices, float *first, float *second, const void *x,
                     const int32_t *choice, int M) {
  unsigned mode = STEP_BEGIN();
  for (int i = 0; i < items; i += PICK_ITEMS) {
    int some = items - i < PICK_ITEMS ? items - i : PICK_ITEMS;
    for (int m = 0; m < M; m += PICK_VECTORS * V_WIDTH) {
      int at = i * PICK_ROWS + m, vectors = M - m <= V_WIDTH ? 1 : PICK_VECTORS;
      OF(picks)[vectors - 1][some - 1](panel, i * 2 * choices, words, choices, first + at, second + at,
                                       (const char *)x + 4 * (size_t)m, choice + at);
    }
  }
  STEP_END(mode);
}

#undef OF
#undef V_WORD
#undef V_STEP
#undef STEP_BEGIN
#undef STEP_END

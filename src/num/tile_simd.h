// The heart of the packed product: a tile of TILE_ROWS x TILE_VECTORS sums stays in registers while x and the panels of
// weights stream past. Each sum is one chain over k, whatever the tile's size. Included once per precision, which says
// how names end (OF), how a word of x becomes a vector (V_WORD) and what a step of the chain is (V_STEP).

// rows, vectors and fetch are constants wherever these are inlined, so that the sums become registers. Panels stand
// `apart` floats from each other.
V_INLINE void OF(tile_chains)(const int rows, const int vectors, const bool fetch, vf sum[TILE_ROWS][TILE_VECTORS],
                              const float *panel, int words, size_t apart, size_t ahead, const void *x, int ldx) {
  vf w[TILE_VECTORS];

  UNROLL_WORDS for (int k = 0; k < words; k++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      w[v] = vf_load(panel + VECTOR_AT(v, apart));
      if (fetch && v * V_WIDTH % PANEL == 0) PREFETCH(panel + VECTOR_AT(v, apart) + ahead);
    }

    UNROLL for (int r = 0; r < rows; r++) {
      vf a = V_WORD(x, (size_t)r * (size_t)ldx + (size_t)k);
      UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = V_STEP(a, w[v], sum[r][v]);
    }
    panel += PANEL;
  }
}

// The weights that are wanted next stand `ahead` of those that are used, or are here already if it is 0.
V_INLINE void OF(tile)(const int rows, const int vectors, const float *panel, int words, size_t apart, size_t ahead,
                       float *y, int ldy, const void *x, int ldx) {
  vf sum[TILE_ROWS][TILE_VECTORS];

  // The bias stands before the weights.
  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) sum[r][v] = vf_load(panel + VECTOR_AT(v, apart));
  }

  if (ahead) OF(tile_chains)(rows, vectors, true, sum, panel + PANEL, words, apart, ahead, x, ldx);
  else OF(tile_chains)(rows, vectors, false, sum, panel + PANEL, words, apart, ahead, x, ldx);

  UNROLL for (int r = 0; r < rows; r++) {
    UNROLL for (int v = 0; v < vectors; v++) vf_store(y + (size_t)r * (size_t)ldy + v * V_WIDTH, sum[r][v]);
  }
}

#define TILE(rows, panels)                                                                                       \
  static NOT_INLINED void OF(tile_##rows##_##panels)(const float *panel, int words, size_t apart, size_t ahead,  \
                                                     float *y, int ldy, const void *x, int ldx) {                \
    OF(tile)(rows, panels * (PANEL / V_WIDTH), panel, words, apart, ahead, y, ldy, x, ldx);                      \
  }
#define TILE_NAME(rows, panels) OF(tile_##rows##_##panels),
TILE_COLUMN(TILE, 1)
#if TILE_PANELS == 3
TILE_COLUMN(TILE, 2) TILE_COLUMN(TILE, 3)
#endif
static tile_function *const OF(tiles)[TILE_PANELS][TILE_ROWS] = {
    {TILE_COLUMN(TILE_NAME, 1)},
#if TILE_PANELS == 3
    {TILE_COLUMN(TILE_NAME, 2)}, {TILE_COLUMN(TILE_NAME, 3)},
#endif
};
#undef TILE
#undef TILE_NAME

// The first rows fetch the next panels into the second-level cache; the others have them all there.
static void OF(tile_panels)(const float *panels, int count, int words, float *y, int ldy, const void *x, int ldx,
                            int M) {
  size_t apart = ((size_t)words + 1) * PANEL;
  unsigned mode = STEP_BEGIN();

  for (int p = 0; p < count; p += TILE_PANELS) {
    int some = count - p < TILE_PANELS ? count - p : TILE_PANELS;
    tile_function *const *by_rows = OF(tiles)[some - 1];

    for (int m = 0; m < M; m += TILE_ROWS) {
      int rows = M - m < TILE_ROWS ? M - m : TILE_ROWS;
      by_rows[rows - 1](panels + (size_t)p * apart, words, apart, m == 0 && p + some < count ? (size_t)some * apart : 0,
                        y + (size_t)m * (size_t)ldy + p * PANEL, ldy,
                        (const char *)x + 4 * (size_t)m * (size_t)ldx, ldx);
    }
  }

  STEP_END(mode);
}

// Rows stand side by side in a vector here, and every one looks up the weight of its own choice: of an item's columns
// [first | second] two steps per row are made instead of PANEL. few: no choice is V_FEW or more. What is wanted next
// stands `ahead`, as in a tile.
V_INLINE void OF(pick_tile)(const int items, const int vectors, const bool few, const float *panel, int words,
                            size_t ahead, float *first, float *second, const void *x, const int32_t *choice) {
  size_t apart = ((size_t)words + 1) * PANEL;
  vf sum[PICK_ITEMS][PICK_VECTORS][2], a[PICK_VECTORS];
  vi index[PICK_ITEMS][PICK_VECTORS][2];

  // Where each row looks, and the bias there.
  UNROLL for (int i = 0; i < items; i++) {
    UNROLL for (int v = 0; v < vectors; v++) {
      vi chosen;
      memcpy(&chosen, choice + i * PICK_ROWS + v * V_WIDTH, sizeof chosen);
      if (few) chosen = V_INDEX_FEW(chosen);
      UNROLL for (int s = 0; s < 2; s++) {
        index[i][v][s] = PICK_INDEX(chosen, s);
        sum[i][v][s] = PICK_LOOKUP(panel + (size_t)i * apart + PICK_HALF(s), index[i][v][s]);
      }
    }
  }

  for (int k = 0; k < words; k++) {
    panel += PANEL;
    UNROLL for (int i = 0; i < items; i++) PREFETCH(panel + (size_t)i * apart + ahead);
    UNROLL for (int v = 0; v < vectors; v++)
      memcpy(&a[v], (const char *)x + 4 * BLOCKED(v * V_WIDTH, words, k), sizeof(vf));

    UNROLL for (int i = 0; i < items; i++) {
      UNROLL for (int v = 0; v < vectors; v++) {
        UNROLL for (int s = 0; s < 2; s++) {
          vf w = PICK_LOOKUP(panel + (size_t)i * apart + PICK_HALF(s), index[i][v][s]);
          sum[i][v][s] = V_STEP(a[v], w, sum[i][v][s]);
        }
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

#define PICK(items, vectors, few)                                                                                 \
  static NOT_INLINED void OF(pick_##items##_##vectors##_##few)(const float *panel, int words, size_t ahead,       \
                                                               float *first, float *second, const void *x,        \
                                                               const int32_t *choice) {                           \
    OF(pick_tile)(items, vectors, few, panel, words, ahead, first, second, x, choice);                            \
  }
#define PICK_NAME(items, vectors, few) OF(pick_##items##_##vectors##_##few),
PICK_ALL(PICK, 0)
#if V_FEW > 0
PICK_ALL(PICK, 1)
#endif
static pick_function *const OF(picks)[][PICK_VECTORS * PICK_ITEMS] = {
    {PICK_ALL(PICK_NAME, 0)},
#if V_FEW > 0
    {PICK_ALL(PICK_NAME, 1)},
#endif
};
#undef PICK
#undef PICK_NAME

static void OF(pick)(const float *panels, int items, int choices, int words, float *first, float *second, const void *x,
                     const int32_t *choice, int M) {
  size_t apart = ((size_t)words + 1) * PANEL;
  unsigned mode = STEP_BEGIN();
  pick_function *const *picks = OF(picks)[choices <= V_FEW];

  for (int i = 0; i < items; i += PICK_ITEMS) {
    int some = items - i < PICK_ITEMS ? items - i : PICK_ITEMS;

    for (int m = 0; m < M; m += PICK_VECTORS * V_WIDTH) {
      int at = i * PICK_ROWS + m;
      int left = (M - m + V_WIDTH - 1) / V_WIDTH;
      int vectors = left < PICK_VECTORS ? left : PICK_VECTORS;
      picks[(vectors - 1) * PICK_ITEMS + some - 1](panels + (size_t)i * apart, words,
                                                   m == 0 && i + some < items ? (size_t)some * apart : 0,
                                                   first + at, second + at,
                                                   (const char *)x + 4 * BLOCKED(m, words, 0), choice + at);
    }
  }

  STEP_END(mode);
}

#undef OF
#undef V_WORD
#undef V_STEP
#undef STEP_BEGIN
#undef STEP_END

// A matrix of words the other way round, in squares of V_WIDTH: row r is interleaved with row r + V_WIDTH/2, for all r,
// as many times as the square can be halved.

V_INLINE void transpose_square(const int rows, const int columns, float *out, size_t ldo, const float *in, size_t ldi) {
  vf a[V_WIDTH], b[V_WIDTH];

  UNROLL for (int r = 0; r < V_WIDTH; r++) a[r] = r < rows ? vf_load_some(in + (size_t)r * ldi, columns) : vf_all(0);
  UNROLL for (int side = V_WIDTH; side > 1; side /= 2) {
    UNROLL for (int r = 0; r < V_WIDTH / 2; r++) V_INTERLEAVE(b[2 * r], b[2 * r + 1], a[r], a[r + V_WIDTH / 2]);
    UNROLL for (int r = 0; r < V_WIDTH; r++) a[r] = b[r];
  }

  UNROLL for (int c = 0; c < V_WIDTH; c++)
    if (c < columns) vf_store_some(out + (size_t)c * ldo, a[c], rows);
}

static NOT_INLINED void transpose_square_whole(float *out, size_t ldo, const float *in, size_t ldi) {
  transpose_square(V_WIDTH, V_WIDTH, out, ldo, in, ldi);
}

static NOT_INLINED void transpose_square_some(int rows, int columns, float *out, size_t ldo, const float *in,
                                              size_t ldi) {
  transpose_square(rows, columns, out, ldo, in, ldi);
}

static void transpose_words(float *out, int ldo, const float *in, int ldi, int rows, int columns) {
  for (int r = 0; r < rows; r += V_WIDTH)
    for (int c = 0; c < columns; c += V_WIDTH) {
      float *o = out + (size_t)c * (size_t)ldo + r;
      const float *i = in + (size_t)r * (size_t)ldi + c;
      if (rows - r >= V_WIDTH && columns - c >= V_WIDTH) transpose_square_whole(o, (size_t)ldo, i, (size_t)ldi);
      else
        transpose_square_some(int_min(rows - r, V_WIDTH), int_min(columns - c, V_WIDTH), o, (size_t)ldo, i,
                              (size_t)ldi);
    }
}

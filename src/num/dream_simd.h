// What a dream does to each lane between the products: the LSTM's cell, and the draw of a component. `some` is how many
// of a vector's elements are there: V_WIDTH but at the end.

static inline __attribute__((always_inline)) void cell_units(float *c, float *h, const float *gates, int H, int some) {
  size_t next = (size_t)H;
  vf i = vf_load_some(gates, some), j = vf_load_some(gates + next, some), f = vf_load_some(gates + 2 * next, some);
  vf cell = vf_load_some(c, some) * v_sigmoid(f) + v_sigmoid(i) * v_tanh(j);
  vf_store_some(c, cell, some);
  vf_store_some(h, v_tanh(cell) * v_sigmoid(vf_load_some(gates + 3 * next, some)), some);
}

static void lstm_cell(float *c, float *h, const float *gates, int H) {
  int u = 0;
  for (; u + V_WIDTH <= H; u += V_WIDTH) cell_units(c + u, h + u, gates + u, H, V_WIDTH);
  if (u < H) cell_units(c + u, h + u, gates + u, H, H - u);
}

// weights = exp((logits - top) / temperature): the softmax but for its sum, which u is measured with instead. Drawn is the
// first at which the weights' running sum passes u of the whole: one further for each that leaves a rest.
static inline __attribute__((always_inline)) void draw_some(int32_t *drawn, float *weights, const float *logits, const float *uniforms,
                                                            int n, int choices, float temperature, int some) {
  size_t next = (size_t)n;
  vf top = vf_load_some(logits, some), sum = {0};
  for (int k = 1; k < choices; k++) top = V_MAX(vf_load_some(logits + (size_t)k * next, some), top);
  for (int k = 0; k < choices; k++) {
    vf w = v_exp((vf_load_some(logits + (size_t)k * next, some) - top) / temperature);
    vf_store_some(weights + (size_t)k * next, w, some);
    sum += w;
  }
  vf rest = vf_load_some(uniforms, some) * sum;
  vi at = vi_all(choices - 1);
  for (int k = 0; k < choices - 1; k++) {
    rest -= vf_load_some(weights + (size_t)k * next, some);
    at += rest < 0.0f;
  }
  memcpy(drawn, &at, sizeof *drawn * (size_t)some);
}

static void draw(int32_t *drawn, float *weights, const float *logits, const float *uniforms, int n, int choices, float temperature) {
  int i = 0;
  for (; i + V_WIDTH <= n; i += V_WIDTH) draw_some(drawn + i, weights + i, logits + i, uniforms + i, n, choices, temperature, V_WIDTH);
  if (i < n) draw_some(drawn + i, weights + i, logits + i, uniforms + i, n, choices, temperature, n - i);
}

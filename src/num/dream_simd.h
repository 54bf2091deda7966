// What a dream does to each lane between the products: the LSTM's cell, and the draw of a component. `some` is how many
// of a vector's elements are there: V_WIDTH but at the end.

static inline __attribute__((always_inline)) void cell_units(float *c, const float *gates, size_t next, int some) {
  vf i = vf_load_some(gates, some), j = vf_load_some(gates + next, some), f = vf_load_some(gates + 2 * next, some);
  vf_store_some(c, vf_load_some(c, some) * v_sigmoid(f) + v_sigmoid(i) * v_tanh(j), some);
}

static inline __attribute__((always_inline)) void hidden_units(float *h, const float *c, const float *output, int some) {
  vf_store_some(h, v_tanh(vf_load_some(c, some)) * v_sigmoid(vf_load_some(output, some)), some);
}

// In two passes: h waits for c', and the processor cannot look far enough ahead to do something else meanwhile.
static void lstm_cell(float *c, float *h, const float *gates, int H) {
  size_t next = (size_t)H;
  int whole = H / V_WIDTH * V_WIDTH;
  for (int u = 0; u < whole; u += V_WIDTH) cell_units(c + u, gates + u, next, V_WIDTH);
  if (whole < H) cell_units(c + whole, gates + whole, next, H - whole);
  for (int u = 0; u < whole; u += V_WIDTH) hidden_units(h + u, c + u, gates + 3 * next + u, V_WIDTH);
  if (whole < H) hidden_units(h + whole, c + whole, gates + 3 * next + whole, H - whole);
}

// weights = exp((logits - top) / temperature): the softmax but for its sum, which u is measured with instead. Drawn is the
// first at which the weights' running sum passes u of the whole: one further for each that leaves a rest. cold is 1 / temperature.
static inline __attribute__((always_inline)) void draw_some(int32_t *drawn, float *weights, const float *logits, const float *uniforms,
                                                            int n, int choices, float cold, int some) {
  size_t next = (size_t)n;
  vf top = {0};
  for (int k = 1; k < choices; k++) top = V_MAX(vf_load_some(logits + (size_t)(k - 1) * next, some), top);
  vf sum = v_exp(top * -cold);
  vf_store_some(weights, sum, some);
  for (int k = 1; k < choices; k++) {
    vf w = v_exp((vf_load_some(logits + (size_t)(k - 1) * next, some) - top) * cold);
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
  const float cold = 1 / temperature;
  int i = 0;
  for (; i + V_WIDTH <= n; i += V_WIDTH) draw_some(drawn + i, weights + i, logits + i, uniforms + i, n, choices, cold, V_WIDTH);
  if (i < n) draw_some(drawn + i, weights + i, logits + i, uniforms + i, n, choices, cold, n - i);
}

// What a dream does to each lane between the products: the LSTM's cell, the draw of a component, and the draw from it.
// `some` is how many of a vector's elements are there: V_WIDTH but at the end.

// e^-x = 2^(x rate), within 40 powers of two either way, so that three of them can be multiplied: sigmoid and tanh are
// 0 or 1 there to 1e-12. x rate = n + r with |r| <= 1/2; 2^r is Taylor's, its rest below (ln(2)/2)^8/8! = 6e-9. Other
// than v_exp's its error grows with x (the last digits of rate), as the result falls: what is made of it here is within
// 3e-7 nevertheless.
#define FALL -0x1.715476p+0f  // -log2(e)
static inline vf v_fall(vf x, float rate) {
  const vf shift = vf_all(0x1.8p23f), most = vf_all(-40 / rate);

  // To the nearest integer n and the rest r.
  vf a = V_MAX(-most, V_MIN(most, x));
  vf shifted = V_FMA(a, vf_all(rate), shift), n = shifted - shift;
  vf r = V_FMA(a, vf_all(rate), -n);

  vf q = vf_all(0x1.ffcbfcp-17f);                // ln(2)^7 / 7!
  q = V_FMA(q, r, vf_all(0x1.430912p-13f));      // ln(2)^6 / 6!
  q = V_FMA(q, r, vf_all(0x1.5d87fep-10f));
  q = V_FMA(q, r, vf_all(0x1.3b2ab6p-7f));
  q = V_FMA(q, r, vf_all(0x1.c6b08ep-5f));
  q = V_FMA(q, r, vf_all(0x1.ebfbe0p-3f));
  q = V_FMA(q, r, vf_all(0x1.62e430p-1f));
  q = V_FMA(q, r, vf_all(1.0f));

  return V_SCALE(q, n, (vi)shifted - (vi)shift);
}

// sigmoid(x) = 1 / (1 + e^-x), tanh(x) = (1 - e^-2x) / (1 + e^-2x): over a common denominator there is one division,
// not three.
V_INLINE void dream_cell_units(float *c, const float *gates, size_t next, int some) {
  vf i = v_fall(vf_load_some(gates, some), FALL) + 1.0f;
  vf f = v_fall(vf_load_some(gates + 2 * next, some), FALL) + 1.0f;
  vf j = v_fall(vf_load_some(gates + next, some), 2 * FALL), ij = i * (j + 1.0f);
  vf_store_some(c, V_FMA(vf_load_some(c, some), ij, (1.0f - j) * f) / (ij * f), some);
}

V_INLINE void dream_hidden_units(float *h, const float *c, const float *output, int some) {
  vf o = v_fall(vf_load_some(output, some), FALL) + 1.0f;
  vf t = v_fall(vf_load_some(c, some), 2 * FALL);
  vf_store_some(h, (1.0f - t) / ((t + 1.0f) * o), some);
}

// In two passes: h waits for c', and the processor cannot look far enough ahead to do something else meanwhile.
static void dream_lstm_cell(float *c, float *h, const float *gates, int H) {
  size_t next = (size_t)H;
  int whole = H / V_WIDTH * V_WIDTH;

  for (int u = 0; u < whole; u += V_WIDTH) dream_cell_units(c + u, gates + u, next, V_WIDTH);
  if (whole < H) dream_cell_units(c + whole, gates + whole, next, H - whole);

  for (int u = 0; u < whole; u += V_WIDTH) dream_hidden_units(h + u, c + u, gates + 3 * next + u, V_WIDTH);
  if (whole < H) dream_hidden_units(h + whole, c + whole, gates + 3 * next + whole, H - whole);
}

// weights = exp((logits - top) / temperature): the softmax but for its sum, which u is measured with instead. Drawn is
// the first at which the weights' running sum passes u of the whole: one further for each that leaves a rest. cold is
// 1 / temperature.
V_INLINE void dream_draw_some(int32_t *drawn, float *weights, const float *logits, const float *uniforms, int n,
                              int choices, float cold, int some) {
  size_t next = (size_t)n;

  // The largest logit; that of choice 0 is 0.
  vf top = {0};
  for (int k = 1; k < choices; k++) top = V_MAX(vf_load_some(logits + (size_t)(k - 1) * next, some), top);

  vf sum = v_exp(top * -cold);
  vf_store_some(weights, sum, some);
  for (int k = 1; k < choices; k++) {
    vf w = v_exp((vf_load_some(logits + (size_t)(k - 1) * next, some) - top) * cold);
    vf_store_some(weights + (size_t)k * next, w, some);
    sum += w;
  }

  // The last choice takes what rounding leaves, so nothing is subtracted for it.
  vf rest = vf_load_some(uniforms, some) * sum;
  vi at = vi_all(choices - 1);
  for (int k = 0; k < choices - 1; k++) {
    rest -= vf_load_some(weights + (size_t)k * next, some);
    at += rest < 0.0f;
  }
  memcpy(drawn, &at, sizeof *drawn * (size_t)some);
}

static void dream_draw(int32_t *drawn, float *weights, const float *logits, const float *uniforms, int n, int choices,
                       float temperature) {
  const float cold = 1 / temperature;
  int i = 0;
  for (; i + V_WIDTH <= n; i += V_WIDTH)
    dream_draw_some(drawn + i, weights + i, logits + i, uniforms + i, n, choices, cold, V_WIDTH);
  if (i < n) dream_draw_some(drawn + i, weights + i, logits + i, uniforms + i, n, choices, cold, n - i);
}

// All ones where z is not finite.
V_INLINE vi dream_gauss_some(float *z, const float *mean, const float *log_sigma, const float *normals, float least,
                             float noise, int some) {
  vf sigma = v_exp(V_MAX(vf_load_some(log_sigma, some), vf_all(least)));
  vf drawn = vf_load_some(mean, some) + sigma * vf_load_some(normals, some) * noise;
  vf_store_some(z, drawn, some);
  return drawn - drawn != 0.0f;  // inf - inf and NaN - NaN are no numbers
}

static bool dream_gauss(float *z, const float *mean, const float *log_sigma, const float *normals, int n, float least,
                        float noise) {
  vi lost = {0};
  int i = 0;
  for (; i + V_WIDTH <= n; i += V_WIDTH)
    lost |= dream_gauss_some(z + i, mean + i, log_sigma + i, normals + i, least, noise, V_WIDTH);
  if (i < n) lost |= dream_gauss_some(z + i, mean + i, log_sigma + i, normals + i, least, noise, n - i);

  int32_t any = 0;
  for (int v = 0; v < V_WIDTH; v++) any |= lost[v];
  return !any;
}

// Philox4x32-10 (Salmon et al., SC'11), V_WIDTH / 2 blocks at a time, and what is made of its words. Each block
// occupies a 64-bit element of four vectors; only the low halves mean something: the multiplication reads no more.

// Two vectors of words: the even ones (words 0 and 2 of each block in turn) and the odd ones (1 and 3).
typedef struct philox_pair { vu even, odd; } philox_pair;

static inline philox_pair philox_blocks(const uint32_t counter[4], const uint32_t key[2]) {
  vl c0 = vl_all(counter[0]), c1 = vl_all(counter[1]), c2 = vl_all(counter[2]), c3 = vl_all(counter[3]);
  for (uint64_t i = 0; i < V_WIDTH / 2; i++) c0[i] += i;
  uint32_t k0 = key[0], k1 = key[1];

  for (int round = 0; round < 10; round++) {
    vl p0 = V_MUL32(c0, vl_all(0xD2511F53)), p1 = V_MUL32(c2, vl_all(0xCD9E8D57));
    c0 = (p1 >> 32) ^ c1 ^ vl_all(k0);
    c2 = (p0 >> 32) ^ c3 ^ vl_all(k1);
    c1 = p1;
    c3 = p0;
    k0 += 0x9E3779B9;
    k1 += 0xBB67AE85;
  }

  // Words 0 and 2 of a block into one element, 1 and 3 into another.
  const vl low = vl_all(UINT32_MAX);
  return (philox_pair){(vu)((c0 & low) | c2 << 32), (vu)((c1 & low) | c3 << 32)};
}

// (0, 1]: (w + 1/2) / 2^32, rounded once; only words within 2^-25 of the top become 1.
static inline vf v_unit(vu w) {
  vf low = V_FMA(vf_from_int((vi)(w & 0xFFFF)), vf_all(0x1p-32f), vf_all(0x1p-33f));
  return V_FMA(vf_from_int((vi)(w >> 16)), vf_all(0x1p-16f), low);
}

static inline void pair_words(vf out[2], philox_pair p) { V_INTERLEAVE(out[0], out[1], (vf)p.even, (vf)p.odd); }

// (0, 1): the upper 23 bits and one half more are exactly a float.
static inline vf v_uniform(vf w) { return vf_from_int((vi)((vu)w >> 9)) * 0x1p-23f + 0x1p-24f; }

static inline void pair_uniforms(vf out[2], philox_pair p) {
  pair_words(out, p);
  out[0] = v_uniform(out[0]);
  out[1] = v_uniform(out[1]);
}

// Box and Muller (1958): an even word is a radius r, its odd neighbour an angle. Within 2.4e-7 r + min(6e-8 / r, r) of
// exact: 2e-6 at most but for r < 0.05, where u is so near 1 that its own rounding shows, and never more than 2.5e-4.
static inline void pair_normals(vf out[2], philox_pair p) {
  vf sine, cosine, radius = V_SQRT(v_log(v_unit(p.even)) * -2.0f);
  v_sin_cos_turn(&sine, &cosine, p.odd);
  V_INTERLEAVE(out[0], out[1], radius * cosine, radius * sine);
}

// 2 V_WIDTH numbers per turn; the last turn through a padded copy.
#define FILL(name, type)                                                                          \
  static void philox_##name(type *out, int n, const uint32_t counter[4], const uint32_t key[2]) { \
    uint32_t c[4];                                                                                \
    vf pair[2];                                                                                   \
    memcpy(c, counter, sizeof c);                                                                 \
    for (int i = 0; i < n; i += 2 * V_WIDTH, c[0] += V_WIDTH / 2) {                               \
      pair_##name(pair, philox_blocks(c, key));                                                   \
      int left = n - i;                                                                           \
      if (left >= 2 * V_WIDTH) memcpy(out + i, pair, sizeof pair);                                \
      else memcpy(out + i, pair, sizeof *out * (size_t)left);                                     \
    }                                                                                             \
  }
FILL(words, uint32_t)
FILL(uniforms, float)
FILL(normals, float)
#undef FILL

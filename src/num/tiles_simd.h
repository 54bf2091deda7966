// The tiles of both precisions, and what they share.

#include "pairs_simd.h"

#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#define UNROLL_WORDS _Pragma("unroll 4")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define UNROLL_WORDS _Pragma("GCC unroll 4")
#endif
#define NOT_INLINED __attribute__((noinline))

#define PREFETCH(p) __builtin_prefetch(p, 0, 2)
#define TILE_PANELS (TILE_VECTORS * V_WIDTH / PANEL)
#define VECTOR_AT(v, apart) ((size_t)((v) * V_WIDTH / PANEL) * (apart) + (size_t)((v) * V_WIDTH % PANEL))
typedef void tile_function(const float *panel, int words, size_t apart, size_t ahead, float *y, int ldy, const void *x,
                           int ldx);
typedef void pick_function(const float *panel, int words, size_t ahead, float *first, float *second, const void *x,
                           const int32_t *choice);

// Where row m's word k stands in rows of words that are laid out in blocks of PICK_BLOCK rows.
#define BLOCKED(m, words, k)                                       \
  ((size_t)((m) / PICK_BLOCK * PICK_BLOCK) * (size_t)(words) +     \
   (size_t)((k) * PICK_BLOCK + (m) % PICK_BLOCK))

// A vector that holds a whole item finds its second half by index, a shorter one by address.
#define PICK_WHOLE (V_WIDTH == PANEL)
#define PICK_HALF(s) (PICK_WHOLE ? 0 : (s) * PACKED_CHOICES_MAX)
#define PICK_INDEX(index, s) (PICK_WHOLE ? (index) + (s) * PACKED_CHOICES_MAX : (index))
#define PICK_LOOKUP(p, index) (few ? V_LOOKUP_FEW(p, index) : V_LOOKUP(p, index))

// X for each number of items and of vectors that a tile of picks may have.
#if PICK_ITEMS == 4
#define PICK_COLUMN(X, v, few) X(1, v, few) X(2, v, few) X(3, v, few) X(4, v, few)
#else
#define PICK_COLUMN(X, v, few) X(1, v, few) X(2, v, few)
#endif
#if PICK_VECTORS == 3
#define PICK_ALL(X, few) PICK_COLUMN(X, 1, few) PICK_COLUMN(X, 2, few) PICK_COLUMN(X, 3, few)
#elif PICK_VECTORS == 2
#define PICK_ALL(X, few) PICK_COLUMN(X, 1, few) PICK_COLUMN(X, 2, few)
#else
#define PICK_ALL(X, few) PICK_COLUMN(X, 1, few)
#endif

// X for each number of rows that a tile may have.
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

static inline vf v_float(const void *x, size_t i) { return vf_all(((const float *)x)[i]); }

static inline vf v_pair(const void *x, size_t i) {
  uint32_t word;
  memcpy(&word, (const char *)x + 4 * i, sizeof word);
  return (vf)vu_all(word);
}

#define OF(name) name##_fp32
#define V_WORD v_float
#define V_STEP V_FMA
#define STEP_BEGIN() 0
#define STEP_END(mode) ((void)(mode))
#include "tile_simd.h"

#define OF(name) name##_bf16
#define V_WORD v_pair
#define V_STEP V_PAIR_FMA
#define STEP_BEGIN pairs_flush_begin
#define STEP_END pairs_flush_end
#include "tile_simd.h"

// The algorithms, written once over vectors: vector maths, Philox, normals, the LSTM's cell, and the tiles of the
// packed products. Everything is +, *, /, sqrt, fma and integer operations in a fixed order, each of which IEEE 754
// rounds in one way only, so every instruction set gives the same bits. (The bits of a NaN are the exception: which
// operand's payload survives is the processor's business.)

#include "maths_simd.h"
#include "philox_simd.h"
#include "normals_simd.h"
#include "dream_simd.h"
#include "tiles_simd.h"
#include "product_simd.h"
#include "transpose_simd.h"

static const num_kernels kernels = {
    .isa = V_ISA,
    .exp = each_exp,
    .tanh = each_tanh,
    .sigmoid = each_sigmoid,
    .dot = maths_dot,
    .bf16 = each_bf16,
    .lstm_cell = dream_lstm_cell,
    .draw = dream_draw,
    .gauss = dream_gauss,
    .words = philox_words,
    .uniforms = philox_uniforms,
    .normals = philox_normals,
    .normals_double = philox_normals_double,
    .panels = {tile_panels_fp32, tile_panels_bf16},
    .pick = {pick_fp32, pick_bf16},
    .transpose = transpose_words,
    .product = product_panels,
};

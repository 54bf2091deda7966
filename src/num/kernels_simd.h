// The algorithms, written once over vectors: vector maths, Philox, normals, and the tile of the packed product.
// Everything is +, *, /, sqrt, fma and integer operations in a fixed order, each of which IEEE 754 rounds in one way
// only, so every instruction set gives the same bits. (The bits of a NaN are the exception: which operand's payload
// survives is the processor's business. vec_ functions return the NaN that came in.)

#include "maths_simd.h"
#include "philox_simd.h"
#include "normals_simd.h"
#include "tile_simd.h"

static const num_kernels kernels = {
    .isa = V_ISA,
    .exp = each_exp,
    .tanh = each_tanh,
    .sigmoid = each_sigmoid,
    .words = philox_words,
    .uniforms = philox_uniforms,
    .normals = philox_normals,
    .normals_double = philox_normals_double,
    .panel = panel_apply,
};

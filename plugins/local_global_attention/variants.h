// The kernels that exist. Each line is one: its name in the module and the template arguments of its shape. Mixed ones
// take halves and give int8.
#pragma once

// X(name, int8, int8Out, headSize, warps, tilesPerWarp, tileKeys, fullKeys, maskedKeys, stages, queriesStay, minBlocks),
// see tiled.cuh
#if defined(INTENTD_TUNING)
#define INTENTD_TILED_OF(X, P, I, O, D)                                                                                \
    X(P##_w4m1k64f32m32s2, I, O, D, 4, 1, 64, 32, 32, 2, false, 4)                                                     \
    X(P##_w4m1k64f32m16s2, I, O, D, 4, 1, 64, 32, 16, 2, false, 4)                                                     \
    X(P##_w4m1k32f32m16s3q, I, O, D, 4, 1, 32, 32, 16, 3, true, 5)                                                     \
    X(P##_w2m1k32f32m16s3, I, O, D, 2, 1, 32, 32, 16, 3, false, 8)                                                     \
    X(P##_w8m1k64f32m16s2, I, O, D, 8, 1, 64, 32, 16, 2, false, 2)                                                     \
    X(P##_w8m1k64f32m16s3, I, O, D, 8, 1, 64, 32, 16, 3, false, 2)                                                     \
    X(P##_w2m2k64f32m32s2, I, O, D, 2, 2, 64, 32, 32, 2, false, 4)                                                     \
    X(P##_w2m2k32f32m16s3, I, O, D, 2, 2, 32, 32, 16, 3, false, 4)                                                     \
    X(P##_w2m2k32f32m16s3q, I, O, D, 2, 2, 32, 32, 16, 3, true, 6)                                                     \
    X(P##_w4m2k64f32m32s2, I, O, D, 4, 2, 64, 32, 32, 2, false, 2)                                                     \
    X(P##_w4m2k64f32m16s2, I, O, D, 4, 2, 64, 32, 16, 2, false, 2)                                                     \
    X(P##_w4m2k64f32m16s3, I, O, D, 4, 2, 64, 32, 16, 3, false, 2)                                                     \
    X(P##_w4m2k32f32m16s4, I, O, D, 4, 2, 32, 32, 16, 4, false, 2)                                                     \
    X(P##_w4m2k64f32m16s2q, I, O, D, 4, 2, 64, 32, 16, 2, true, 3)                                                     \
    X(P##_w4m2k32f32m16s3q, I, O, D, 4, 2, 32, 32, 16, 3, true, 3)                                                     \
    X(P##_w4m2k64f16m16s2, I, O, D, 4, 2, 64, 16, 16, 2, false, 3)                                                     \
    X(P##_w8m2k64f32m16s2, I, O, D, 8, 2, 64, 32, 16, 2, false, 1)
#define INTENTD_TILED(X)                                                                                               \
    INTENTD_TILED_OF(X, tiled_half_64, false, false, 64)                                                               \
    INTENTD_TILED_OF(X, tiled_half_32, false, false, 32)                                                               \
    INTENTD_TILED_OF(X, tiled_int8_64, true, true, 64)                                                                 \
    INTENTD_TILED_OF(X, tiled_mixed_64, false, true, 64)                                                               \
    X(tiled_int8_32_w4m1k64f32m16s2, true, true, 32, 4, 1, 64, 32, 16, 2, false, 4)                                    \
    X(tiled_half_128_w4m1k64f32m16s2, false, false, 128, 4, 1, 64, 32, 16, 2, false, 2)                                \
    X(tiled_int8_128_w4m1k64f32m16s2, true, true, 128, 4, 1, 64, 32, 16, 2, false, 2)                                  \
    X(tiled_mixed_32_w4m1k64f32m16s2, false, true, 32, 4, 1, 64, 32, 16, 2, false, 4)                                  \
    X(tiled_mixed_128_w4m1k64f32m16s2, false, true, 128, 4, 1, 64, 32, 16, 2, false, 2)
#else
#define INTENTD_TILED(X)                                                                                               \
    X(tiled_half_32_w4m1k64f32m16s2, false, false, 32, 4, 1, 64, 32, 16, 2, false, 4)                                  \
    X(tiled_half_64_w4m1k64f32m16s2, false, false, 64, 4, 1, 64, 32, 16, 2, false, 4)                                  \
    X(tiled_half_128_w4m1k64f32m16s2, false, false, 128, 4, 1, 64, 32, 16, 2, false, 2)                                \
    X(tiled_int8_32_w4m1k64f32m16s2, true, true, 32, 4, 1, 64, 32, 16, 2, false, 4)                                    \
    X(tiled_int8_64_w4m1k64f32m16s2, true, true, 64, 4, 1, 64, 32, 16, 2, false, 4)                                    \
    X(tiled_int8_128_w4m1k64f32m16s2, true, true, 128, 4, 1, 64, 32, 16, 2, false, 2)                                  \
    X(tiled_mixed_32_w4m1k64f32m16s2, false, true, 32, 4, 1, 64, 32, 16, 2, false, 4)                                  \
    X(tiled_mixed_64_w4m1k64f32m16s2, false, true, 64, 4, 1, 64, 32, 16, 2, false, 4)                                  \
    X(tiled_mixed_128_w4m1k64f32m16s2, false, true, 128, 4, 1, 64, 32, 16, 2, false, 2)
#endif

// X(name, int8, int8Out, headSize, warps, keys), see short.cuh
#if defined(INTENTD_TUNING)
#define INTENTD_SHORT_OF(X, P, I, O, D)                                                                                \
    X(P##_w1k16, I, O, D, 1, 16)                                                                                       \
    X(P##_w4k16, I, O, D, 4, 16)                                                                                       \
    X(P##_w1k32, I, O, D, 1, 32)                                                                                       \
    X(P##_w2k32, I, O, D, 2, 32)                                                                                       \
    X(P##_w4k32, I, O, D, 4, 32)
#else
#define INTENTD_SHORT_OF(X, P, I, O, D)                                                                                \
    X(P##_w1k16, I, O, D, 1, 16)                                                                                       \
    X(P##_w1k32, I, O, D, 1, 32)                                                                                       \
    X(P##_w4k32, I, O, D, 4, 32)
#endif
#define INTENTD_SHORT(X)                                                                                               \
    INTENTD_SHORT_OF(X, short_half_32, false, false, 32)                                                               \
    INTENTD_SHORT_OF(X, short_half_64, false, false, 64)                                                               \
    INTENTD_SHORT_OF(X, short_int8_32, true, true, 32)                                                                 \
    INTENTD_SHORT_OF(X, short_int8_64, true, true, 64)                                                                 \
    INTENTD_SHORT_OF(X, short_mixed_32, false, true, 32)                                                               \
    INTENTD_SHORT_OF(X, short_mixed_64, false, true, 64)                                                               \
    X(short_half_128_w1k16, false, false, 128, 1, 16)                                                                  \
    X(short_int8_128_w1k16, true, true, 128, 1, 16)                                                                    \
    X(short_mixed_128_w1k16, false, true, 128, 1, 16)

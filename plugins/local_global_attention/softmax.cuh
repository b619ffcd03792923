// Online softmax: what a warp keeps for its queries, and what one chunk of keys does to it.
#pragma once

#include "planner.h"
#include "primitives.cuh"

namespace intentd::attention {

__device__ __forceinline__ float minusInfinity() { return __int_as_float(static_cast<int>(0xff800000u)); }

/// Sizes of a head stored in halves or int8. A step of the tensor cores along the head is 32 bytes either way.
template <bool kInt8, int kHeadSize>
struct Head {
    static constexpr bool int8 = kInt8;
    static constexpr int size = kHeadSize;
    static constexpr int bytes = kInt8 ? kHeadSize : 2 * kHeadSize;
    static constexpr int chunks = bytes / 16;
    static constexpr int steps = bytes / 32;
    static constexpr int outTiles = kHeadSize / 8;
};

/// Running state of kTiles x 16 queries in a warp. Of each 16, a lane has rows lane / 4 and lane / 4 + 8.
template <class H, int kTiles>
struct SoftmaxState {
    float out[kTiles][H::outTiles][4];
    float sum[kTiles][4]; // as a fragment whose columns are all the same
    float max[kTiles][2]; // of raw products, possibly a little under the true one: see rescale

    __device__ __forceinline__ void clear() {
#pragma unroll
        for (int m = 0; m < kTiles; m++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
#pragma unroll
                for (int n = 0; n < H::outTiles; n++) out[m][n][e] = 0.0f;
                sum[m][e] = 0.0f;
            }
            max[m][0] = max[m][1] = minusInfinity();
        }
    }
};

/// Products of kTiles x 16 queries with kKeys keys, in floats.
template <class H, int kTiles, int kKeys, class Queries, class Keys>
__device__ __forceinline__ void multiplyKeys(float (&s)[kTiles][kKeys / 8][4], const Queries& queries, const Keys& keys) {
    int sums[kTiles][kKeys / 8][4];
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
            for (int e = 0; e < 4; e++) {
                // Sums start at the bits of 1.5 * 2^23, so that they end as the bits of that float plus the sum.
                sums[m][n][e] = 0x4b400000;
                s[m][n][e] = 0.0f;
            }
        }
    }
#pragma unroll
    for (int k = 0; k < H::steps; k++) {
        u32 query[kTiles][4];
#pragma unroll
        for (int m = 0; m < kTiles; m++) queries.fragment(query[m], m, k);
#pragma unroll
        for (int group = 0; group < kKeys / 16; group++) {
            u32 key[4]; // of keys 0..7, then of 8..15
            keys.keyFragment(key, group, k);
#pragma unroll
            for (int m = 0; m < kTiles; m++) {
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    const int n = 2 * group + half;
                    if constexpr (H::int8) {
                        multiplyInt8(sums[m][n], query[m], key[2 * half], key[2 * half + 1]);
                    } else {
                        multiplyHalf(s[m][n], query[m], key[2 * half], key[2 * half + 1]);
                    }
                }
            }
        }
    }
    if constexpr (H::int8) {
#pragma unroll
        for (int m = 0; m < kTiles; m++) {
#pragma unroll
            for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
                for (int e = 0; e < 4; e++) s[m][n][e] = __int_as_float(sums[m][n][e]) - 12582912.0f;
            }
        }
    }
}

/// Bit j: whether query i sees key firstKey + j.
__device__ __forceinline__ u32 visibleBits(const Pattern& pattern, int i, int firstKey) {
    const bool global = i < pattern.globals;
    const int begin = global ? 0 : i - pattern.window;
    const int end = global ? pattern.length : smaller(pattern.length, i + pattern.window + 1);
    return (lowBits(end - firstKey) & ~lowBits(begin - firstKey)) | lowBits(pattern.globals - firstKey);
}

template <int kTiles, int kKeys>
__device__ __forceinline__ void maskScores(float (&s)[kTiles][kKeys / 8][4], const Pattern& pattern, int firstRow,
                                           int firstKey) {
    static_assert(kKeys <= 32, "a row's mask is one register");
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int i = firstRow + m * 16 + h * 8 + laneIndex() / 4;
            const u32 bits = visibleBits(pattern, i, firstKey) >> (laneIndex() % 4 * 2);
#pragma unroll
            for (int n = 0; n < kKeys / 8; n++) {
#pragma unroll
                for (int e = 0; e < 2; e++) {
                    if ((bits & (1u << (n * 8 + e))) == 0) s[m][n][2 * h + e] = minusInfinity();
                }
            }
        }
    }
}

/// Raises the running maxima where this chunk exceeds them by more than a factor of 2^8 in weight (halves hold 2^8
/// easily), for the whole warp at once: mostly only the first chunk does.
template <class H, int kTiles, int kKeys>
__device__ __forceinline__ void rescale(SoftmaxState<H, kTiles>& state, const float (&s)[kTiles][kKeys / 8][4],
                                        float scoreFactor) {
    float highest[kTiles][2];
    bool raise = false;
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            float x = fmaxf(s[m][0][2 * h], s[m][0][2 * h + 1]);
#pragma unroll
            for (int n = 1; n < kKeys / 8; n++) x = fmaxf(x, fmaxf(s[m][n][2 * h], s[m][n][2 * h + 1]));
            highest[m][h] = x;
            raise |= (x - state.max[m][h]) * scoreFactor > 8.0f;
        }
    }
    if (!__any_sync(0xffffffffu, raise)) return;
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const float raised = fmaxf(state.max[m][h], quadMax(highest[m][h]));
            const float anchor = raised == minusInfinity() ? 0.0f : raised;
            const float factor = exp2Fast((state.max[m][h] - anchor) * scoreFactor);
            state.max[m][h] = raised;
            state.sum[m][2 * h] *= factor;
            state.sum[m][2 * h + 1] *= factor;
#pragma unroll
            for (int n = 0; n < H::outTiles; n++) {
                state.out[m][n][2 * h] *= factor;
                state.out[m][n][2 * h + 1] *= factor;
            }
        }
    }
}

/// out += weights * values, for 16 keys.
template <class H, int kTiles, class Keys>
__device__ __forceinline__ void multiplyValues(SoftmaxState<H, kTiles>& state, const u32 (&weights)[kTiles][4],
                                               const Keys& keys, int group) {
#pragma unroll
    for (int c = 0; c < H::chunks; c += 2) {
        u32 fragment[4]; // keys 0..7 and 8..15 of chunk c, then of chunk c + 1
        keys.valueFragment(fragment, group, c);
#pragma unroll
        for (int i = 0; i < 2; i++) {
            if constexpr (H::int8) { // a chunk is 16 numbers: the even ones are one tile, the odd ones the next
                u32 even0, odd0, even1, odd1;
                widenInt8(fragment[2 * i], even0, odd0);
                widenInt8(fragment[2 * i + 1], even1, odd1);
#pragma unroll
                for (int m = 0; m < kTiles; m++) {
                    multiplyHalf(state.out[m][2 * (c + i)], weights[m], even0, even1);
                    multiplyHalf(state.out[m][2 * (c + i) + 1], weights[m], odd0, odd1);
                }
            } else {
#pragma unroll
                for (int m = 0; m < kTiles; m++) {
                    multiplyHalf(state.out[m][c + i], weights[m], fragment[2 * i], fragment[2 * i + 1]);
                }
            }
        }
    }
    constexpr u32 kOnes = 0x3c003c00u; // sums come from the tensor cores too, of the same rounded weights
#pragma unroll
    for (int m = 0; m < kTiles; m++) multiplyHalf(state.sum[m], weights[m], kOnes, kOnes);
}

/// Takes kKeys keys from `firstKey` on into the state of the queries from `firstRow` on.
template <bool kMasked, int kKeys, class H, int kTiles, class Queries, class Keys>
__device__ __forceinline__ void attendChunk(SoftmaxState<H, kTiles>& state, const Queries& queries, const Keys& keys,
                                            const Pattern& pattern, int firstRow, int firstKey, float scoreFactor) {
    float s[kTiles][kKeys / 8][4];
    multiplyKeys<H, kTiles, kKeys>(s, queries, keys);
    if constexpr (kMasked) maskScores<kTiles, kKeys>(s, pattern, firstRow, firstKey);
    rescale<H, kTiles, kKeys>(state, s, scoreFactor);
    float shift[kTiles][2];
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            shift[m][h] = state.max[m][h] == minusInfinity() ? 0.0f : -state.max[m][h] * scoreFactor;
        }
    }
#pragma unroll
    for (int group = 0; group < kKeys / 16; group++) {
        u32 weights[kTiles][4];
#pragma unroll
        for (int m = 0; m < kTiles; m++) {
#pragma unroll
            for (int half = 0; half < 2; half++) {
                float(&x)[4] = s[m][2 * group + half];
#pragma unroll
                for (int e = 0; e < 4; e++) x[e] = exp2Fast(fmaf(x[e], scoreFactor, shift[m][e / 2]));
                weights[m][2 * half] = packHalves(x[0], x[1]);
                weights[m][2 * half + 1] = packHalves(x[2], x[3]);
            }
        }
        multiplyValues(state, weights, keys, group);
    }
}

} // namespace intentd::attention

// Tiles of keys and values in shared memory: asynchronous copies in, fragments out, no bank conflicts.
#pragma once

#include "softmax.cuh"
#include "work.cuh"

namespace intentd::attention {

/// 16-byte chunk c of a row lies at c xor this, so that eight rows' same chunk covers all banks.
template <int kChunks>
__device__ __forceinline__ int swizzle(int row) {
    if constexpr (kChunks >= 8) return row & 7;
    if constexpr (kChunks == 4) return (row >> 1) & 3;
    return (row >> 2) & 1;
}

/// Rows `row` and on of a tile, as the fragments of the tensor cores; `row` is a multiple of 16.
template <class H>
struct SharedKeys {
    u32 keys;
    u32 values;
    int row;

    __device__ __forceinline__ void keyFragment(u32 (&r)[H::chunks], int tile) const {
        const int lane = laneIndex();
        const u32 start = keys + (row + tile * 8 + (lane & 7)) * H::bytes;
        const int mask = swizzle<H::chunks>(lane & 7);
        if constexpr (H::chunks == 2) {
            loadMatrices(r, start + (((lane >> 3 & 1) ^ mask) << 4));
        } else {
#pragma unroll
            for (int c = 0; c < H::chunks; c += 4) {
                loadMatrices(reinterpret_cast<u32(&)[4]>(r[c]), start + (((c + (lane >> 3)) ^ mask) << 4));
            }
        }
    }

    __device__ __forceinline__ void valueFragment(u32 (&r)[4], int group, int chunk) const {
        const int lane = laneIndex();
        const u32 start = values + (row + group * 16 + (lane & 15)) * H::bytes;
        loadMatricesTransposed(r, start + (((chunk + (lane >> 4)) ^ swizzle<H::chunks>(lane & 7)) << 4));
    }
};

/// Where a head's keys and values lie in global memory.
struct KeySource {
    const char* keys;
    const char* values;
    long long keyStride;
    long long valueStride;
};

template <class H>
__device__ __forceinline__ KeySource keySource(const KernelParams& p, const Work& work) {
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    return {static_cast<const char*>(p.key) + firstToken * p.queryKeyStride + work.head * H::bytes,
            static_cast<const char*>(p.value) + firstToken * p.valueStride + work.head * H::bytes, p.queryKeyStride,
            p.valueStride};
}

/// Starts the copy of `kRows` keys and values from `first` on; those at `end` and after become zeros.
template <class H, int kRows, int kThreads>
__device__ __forceinline__ void copyTile(u32 keys, u32 values, const KeySource& source, int first, int end) {
    constexpr int kPieces = kRows * H::chunks;
#pragma unroll
    for (int i = 0; i < ceilDivide(kPieces, kThreads); i++) {
        const int piece = i * kThreads + static_cast<int>(threadIdx.x);
        if (kPieces % kThreads != 0 && piece >= kPieces) break;
        const int row = piece / H::chunks;
        const int chunk = piece % H::chunks;
        const u32 place = row * H::bytes + ((chunk ^ swizzle<H::chunks>(row)) << 4);
        const bool present = first + row < end;
        const long long token = present ? first + row : 0;
        copyAsync(keys + place, source.keys + token * source.keyStride + chunk * 16, present);
        copyAsync(values + place, source.values + token * source.valueStride + chunk * 16, present);
    }
}

} // namespace intentd::attention

// Rows of a head in shared memory: asynchronous copies in, fragments out, no bank conflicts.
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

/// Where chunk `chunk` of row `row` lies, in bytes from the first row.
template <class H>
__device__ __forceinline__ u32 placeOf(int row, int chunk) {
    return row * H::bytes + ((chunk ^ swizzle<H::chunks>(row)) << 4);
}

/// Keys and values from one row of a tile on, as fragments; that row is a multiple of 16.
template <class H>
struct SharedKeys {
    u32 keys;
    u32 values;

    /// Keys 0..7 and 8..15 of a group of 16, two registers each, at step `step` along the head.
    __device__ __forceinline__ void keyFragment(u32 (&r)[4], int group, int step) const {
        const int lane = laneIndex();
        const int row = (lane & 7) + (lane >> 4) * 8;
        loadMatrices(r, keys + group * 16 * H::bytes + placeOf<H>(row, 2 * step + (lane >> 3 & 1)));
    }

    /// Values of a group of 16 keys: chunk `chunk`, two registers, and the next.
    __device__ __forceinline__ void valueFragment(u32 (&r)[4], int group, int chunk) const {
        const int lane = laneIndex();
        loadMatricesTransposed(r, values + group * 16 * H::bytes + placeOf<H>(lane & 15, chunk + (lane >> 4)));
    }
};

/// A warp's queries in shared memory, read anew for each chunk of keys.
template <class H>
struct SharedQueries {
    u32 queries;

    __device__ __forceinline__ void fragment(u32 (&r)[4], int tile, int step) const {
        const int lane = laneIndex();
        loadMatrices(r, queries + tile * 16 * H::bytes + placeOf<H>(lane & 15, 2 * step + (lane >> 4)));
    }
};

/// A warp's queries in registers.
template <class H, int kTiles>
struct RegisterQueries {
    u32 queries[kTiles][H::steps][4];

    __device__ __forceinline__ void load(const SharedQueries<H>& from) {
#pragma unroll
        for (int m = 0; m < kTiles; m++) {
#pragma unroll
            for (int k = 0; k < H::steps; k++) from.fragment(queries[m][k], m, k);
        }
    }

    __device__ __forceinline__ void fragment(u32 (&r)[4], int tile, int step) const {
#pragma unroll
        for (int i = 0; i < 4; i++) r[i] = queries[tile][step][i];
    }
};

/// Starts the copy of kRows rows of a head, `stride` bytes apart, by kThreads threads of which this is `thread`; rows
/// from `present` on become zeros and are not read.
template <class H, int kRows, int kThreads>
__device__ __forceinline__ void copyRows(u32 shared, const char* rows, int stride, int present, int thread) {
    constexpr int kStep = kThreads / H::chunks; // rows from one of a thread's pieces to the next
    static_assert(kThreads % H::chunks == 0 && kRows % kStep == 0, "threads share rows evenly");
    const int row = thread / H::chunks;
    const int chunk = thread % H::chunks;
    const char* source = rows + static_cast<long long>(row) * stride + chunk * 16;
    if (present >= kRows) {
#pragma unroll
        for (int i = 0; i < kRows; i += kStep) {
            copyAsync(shared + placeOf<H>(row + i, chunk), source + static_cast<long long>(i) * stride);
        }
    } else {
#pragma unroll
        for (int i = 0; i < kRows; i += kStep) {
            copyAsync(shared + placeOf<H>(row + i, chunk), source + static_cast<long long>(i) * stride,
                      row + i < present);
        }
    }
}

} // namespace intentd::attention

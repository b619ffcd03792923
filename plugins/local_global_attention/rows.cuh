// Rows of a head between global memory and the fragments of the tensor cores.
//
// A fragment gives each row to four lanes; lane t of them holds bytes 4t..4t + 3 of every 16-byte chunk. That is so for
// queries (m16n8k16 in halves and m16n8k32 in int8 alike), for keys, for values before transposing and for the output.
#pragma once

#include "primitives.cuh"

namespace intentd::attention {

/// Loads this lane's part of a row: chunk c in r[c]. `row` differs between quads; not present gives zeros.
template <int kChunks>
__device__ __forceinline__ void loadRow(u32 (&r)[kChunks], const char* row, bool present) {
    const int lane = laneIndex() & 3;
    if constexpr (kChunks % 4 == 0) {
#pragma unroll
        for (int c = 0; c < kChunks; c += 4) {
            uint4 v = make_uint4(0, 0, 0, 0);
            if (present) v = __ldg(reinterpret_cast<const uint4*>(row + (c + lane) * 16));
            r[c] = v.x, r[c + 1] = v.y, r[c + 2] = v.z, r[c + 3] = v.w;
        }
    } else {
#pragma unroll
        for (int c = 0; c < kChunks; c++) {
            r[c] = present ? __ldg(reinterpret_cast<const u32*>(row + c * 16 + lane * 4)) : 0u;
        }
    }
}

/// Brings what `loadRow` fetched into fragment order. Apart, so that several loads are under way at once.
template <int kChunks>
__device__ __forceinline__ void arrangeRow(u32 (&r)[kChunks]) {
    if constexpr (kChunks % 4 == 0) {
#pragma unroll
        for (int c = 0; c < kChunks; c += 4) transposeQuad(r[c], r[c + 1], r[c + 2], r[c + 3]);
    }
}

/// The inverse of both: stores fragment-ordered chunks. All lanes of the warp must call it.
template <int kChunks>
__device__ __forceinline__ void storeRow(u32 (&r)[kChunks], char* row, bool present) {
    const int lane = laneIndex() & 3;
    arrangeRow(r);
    if constexpr (kChunks % 4 == 0) {
#pragma unroll
        for (int c = 0; c < kChunks; c += 4) {
            const uint4 v = make_uint4(r[c], r[c + 1], r[c + 2], r[c + 3]);
            if (present) *reinterpret_cast<uint4*>(row + (c + lane) * 16) = v;
        }
    } else {
#pragma unroll
        for (int c = 0; c < kChunks; c++) {
            if (present) *reinterpret_cast<u32*>(row + c * 16 + lane * 4) = r[c];
        }
    }
}

} // namespace intentd::attention

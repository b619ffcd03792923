// From a warp's state to the output: directly, or through partial results that the last block of a head adds up.
#pragma once

#include "rows.cuh"
#include "shared_tiles.cuh"

namespace intentd::attention {

/// First token of this head in a row of the output. Out is the head as the output holds it.
template <class Out>
__device__ __forceinline__ char* outputOf(const KernelParams& p, const Work& work) {
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    return static_cast<char*>(p.output) + firstToken * p.outputStride + work.head * Out::bytes;
}

/// Four bytes of a 16-byte chunk from the pairs of columns that a lane's quad has: its own in the low half are columns
/// 2t and 2t + 1 of 16, in the high half 8 + 2t and 9 + 2t; what comes are columns 4t to 4t + 3.
__device__ __forceinline__ u32 gatherColumns(u32 pairs) {
    const int lane = laneIndex();
    const int from = (lane & ~3) | (2 * lane & 3);
    const u32 first = shuffleFrom(pairs, from);
    const u32 second = shuffleFrom(pairs, from + 1);
    return (lane & 2) == 0 ? (first & 0xffffu) | second << 16 : first >> 16 | (second & 0xffff0000u);
}

/// The means of a lane's row in one tile, as stored: chunk c in chunks[c]. All lanes of the warp call it.
template <class Out, class H, int kTiles>
__device__ __forceinline__ void packRow(u32 (&chunks)[Out::chunks], const SoftmaxState<H, kTiles>& state, int m, int h,
                                        float outputFactor) {
    const float factor = outputFactor * reciprocal(state.sum[m][2 * h]);
#pragma unroll
    for (int c = 0; c < Out::chunks; c++) {
        if constexpr (Out::int8) {
            const float* first = &state.out[m][2 * c][2 * h];
            const float* second = &state.out[m][2 * c + 1][2 * h];
            if constexpr (H::int8) { // even columns in one tile, odd ones in the other
                chunks[c] = roundToInt8(first[0] * factor) | roundToInt8(second[0] * factor) << 8 |
                            roundToInt8(first[1] * factor) << 16 | roundToInt8(second[1] * factor) << 24;
            } else {
                chunks[c] = gatherColumns(roundToInt8(first[0] * factor) | roundToInt8(first[1] * factor) << 8 |
                                          roundToInt8(second[0] * factor) << 16 | roundToInt8(second[1] * factor) << 24);
            }
        } else {
            chunks[c] = packHalves(state.out[m][c][2 * h] * factor, state.out[m][c][2 * h + 1] * factor);
        }
    }
}

/// Writes the kTiles x 16 rows from `firstRow` on that lie in `written`, those outside `computed` as zeros. They pass
/// through `staging`, the warp's own shared memory, to leave in whole lines.
template <class Out, class H, int kTiles>
__device__ __forceinline__ void storeOutput(const SoftmaxState<H, kTiles>& state, const KernelParams& p,
                                            const Work& work, u32 staging, int firstRow, Span written, Span computed) {
    const int lane = laneIndex();
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            u32 chunks[Out::chunks];
            packRow<Out>(chunks, state, m, h, p.outputFactor);
#pragma unroll
            for (int c = 0; c < Out::chunks; c++) {
                storeShared(staging + placeOf<Out>(m * 16 + h * 8 + lane / 4, c) + lane % 4 * 4, chunks[c]);
            }
        }
    }
    __syncwarp();
    constexpr int kStep = 32 / Out::chunks;
    const int chunk = lane % Out::chunks;
    char* place = outputOf<Out>(p, work) + static_cast<long long>(firstRow) * p.outputStride + chunk * 16;
#pragma unroll
    for (int i = 0; i < kTiles * 16; i += kStep) {
        const int row = i + lane / Out::chunks;
        const int token = firstRow + row;
        uint4 v = loadShared(staging + placeOf<Out>(row, chunk));
        if (token < computed.begin || token >= computed.end) v = make_uint4(0, 0, 0, 0);
        if (token < written.begin || token >= written.end) continue;
        *reinterpret_cast<uint4*>(place + static_cast<long long>(row) * p.outputStride) = v;
    }
}

/// Writes zeros to the tokens of `rows`, by all threads of the block.
template <class Out>
__device__ __forceinline__ void storeZeros(const KernelParams& p, const Work& work, Span rows, int threads) {
    const int chunk = static_cast<int>(threadIdx.x) % Out::chunks;
    char* place = outputOf<Out>(p, work) + chunk * 16;
    for (int i = rows.begin + static_cast<int>(threadIdx.x) / Out::chunks; i < rows.end; i += threads / Out::chunks) {
        *reinterpret_cast<uint4*>(place + static_cast<long long>(i) * p.outputStride) = make_uint4(0, 0, 0, 0);
    }
}

__device__ __forceinline__ float* partialOf(const KernelParams& p, const Work& work, int split, int query,
                                            int headSize) {
    const long long head = static_cast<long long>(work.row) * p.heads + work.head;
    return p.partials + ((head * p.splits + split) * p.globals + query) * (headSize + kPartialExtra);
}

/// Writes this split's sums, maximum and weight for the warp's global rows.
template <class H, int kTiles>
__device__ __forceinline__ void storePartial(const SoftmaxState<H, kTiles>& state, const KernelParams& p,
                                             const Work& work, int firstRow) {
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int i = firstRow + m * 16 + h * 8 + laneIndex() / 4;
            if (i >= work.queries.end) continue;
            float* partial = partialOf(p, work, work.split, i, H::size);
#pragma unroll
            for (int n = 0; n < H::outTiles; n++) {
                const float2 pair = make_float2(state.out[m][n][2 * h], state.out[m][n][2 * h + 1]);
                *reinterpret_cast<float2*>(partial + n * 8 + laneIndex() % 4 * 2) = pair;
            }
            if (laneIndex() % 4 == 0) {
                *reinterpret_cast<float2*>(partial + H::size) = make_float2(state.max[m][h], state.sum[m][2 * h]);
            }
        }
    }
}

/// Whether this block is the last of its head to have written its partial results; then it sees them all. Every thread
/// calls it.
__device__ __forceinline__ bool lastOfHead(const KernelParams& p, const Work& work, int tileQueries) {
    static __shared__ bool last;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        const int blocks = usedSplits(p, work.pattern.length) * ceilDivide(work.pattern.globals, tileQueries);
        unsigned int* counter = p.counters + static_cast<long long>(work.row) * p.heads + work.head;
        last = atomicAdd(counter, 1u) == static_cast<unsigned int>(blocks - 1);
        if (last) *counter = 0;
    }
    __syncthreads();
    __threadfence();
    return last;
}

/// Position in the head of column `column` of fragment tile `tile`: int8 values come with even and odd ones apart.
template <class H>
__device__ __forceinline__ int headPosition(int tile, int column) {
    return H::int8 ? tile / 2 * 16 + 2 * column + tile % 2 : tile * 8 + column;
}

/// Adds up the partial results of a head's global rows, in the order of the splits whichever block does it.
template <class Out, class H>
__device__ __forceinline__ void combine(const KernelParams& p, const Work& work, int threads) {
    const int splits = usedSplits(p, work.pattern.length);
    const long long splitStride = static_cast<long long>(p.globals) * (H::size + kPartialExtra);
    char* head = outputOf<Out>(p, work);
    for (int index = threadIdx.x; index < work.pattern.globals * H::size; index += threads) {
        const int query = index / H::size;
        const int column = index % H::size;
        const float* partial = partialOf(p, work, 0, query, H::size);
        float max = minusInfinity();
#pragma unroll 4
        for (int s = 0; s < splits; s++) max = fmaxf(max, __ldcg(partial + s * splitStride + H::size));
        float out = 0.0f;
        float sum = 0.0f;
#pragma unroll 4
        for (int s = 0; s < splits; s++) {
            const float factor = exp2Fast((__ldcg(partial + s * splitStride + H::size) - max) * p.scoreFactor);
            out = fmaf(factor, __ldcg(partial + s * splitStride + column), out);
            sum = fmaf(factor, __ldcg(partial + s * splitStride + H::size + 1), sum);
        }
        const float value = out * (p.outputFactor * reciprocal(sum));
        char* place = head + static_cast<long long>(query) * p.outputStride;
        const int position = headPosition<H>(column / 8, column % 8);
        if constexpr (Out::int8) {
            place[position] = static_cast<char>(roundToInt8(value));
        } else {
            reinterpret_cast<unsigned short*>(place)[position] =
                static_cast<unsigned short>(packHalves(value, 0.0f) & 0xffffu);
        }
    }
}

} // namespace intentd::attention

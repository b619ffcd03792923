// From a warp's state to the output: directly, or through partial results that the last block of a head adds up.
#pragma once

#include "softmax.cuh"
#include "work.cuh"

namespace intentd::attention {

/// Position in the head of column `column` of fragment tile `tile`: int8 values come with even and odd ones apart.
template <class H>
__device__ __forceinline__ int headPosition(int tile, int column) {
    return H::int8 ? tile / 2 * 16 + 2 * column + tile % 2 : tile * 8 + column;
}

/// Writes the kTiles x 16 rows from `firstRow` on that lie in `written`; those outside `computed` as zeros.
template <class H, int kTiles>
__device__ __forceinline__ void storeOutput(const QueryState<H, kTiles>& state, const KernelParams& p, const Work& work,
                                            int firstRow, Span written, Span computed) {
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    char* head = static_cast<char*>(p.output) + firstToken * p.outputStride + work.head * H::bytes;
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int i = firstRow + m * 16 + h * 8 + laneIndex() / 4;
            const bool valid = i >= computed.begin && i < computed.end;
            const float factor = p.outputFactor / quadSum(state.sum[m][h]);
            u32 chunks[H::chunks];
#pragma unroll
            for (int c = 0; c < H::chunks; c++) {
                if constexpr (H::int8) {
                    const float* even = &state.out[m][2 * c][2 * h];
                    const float* odd = &state.out[m][2 * c + 1][2 * h];
                    chunks[c] = roundToInt8(even[0] * factor) | roundToInt8(odd[0] * factor) << 8 |
                                roundToInt8(even[1] * factor) << 16 | roundToInt8(odd[1] * factor) << 24;
                } else {
                    chunks[c] = packHalves(state.out[m][c][2 * h] * factor, state.out[m][c][2 * h + 1] * factor);
                }
                if (!valid) chunks[c] = 0;
            }
            storeRow(chunks, head + static_cast<long long>(i) * p.outputStride, i >= written.begin && i < written.end);
        }
    }
}

__device__ __forceinline__ float* partialOf(const KernelParams& p, const Work& work, int split, int query,
                                            int headSize) {
    const long long head = static_cast<long long>(work.row) * p.heads + work.head;
    return p.partials + ((head * p.splits + split) * p.globals + query) * (headSize + kPartialExtra);
}

/// Writes this split's sums, maximum and weight for the warp's global rows.
template <class H, int kTiles>
__device__ __forceinline__ void storePartial(const QueryState<H, kTiles>& state, const KernelParams& p,
                                             const Work& work, int firstRow) {
#pragma unroll
    for (int m = 0; m < kTiles; m++) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int i = firstRow + m * 16 + h * 8 + laneIndex() / 4;
            const float sum = quadSum(state.sum[m][h]);
            if (i >= work.queries.end) continue;
            float* partial = partialOf(p, work, work.split, i, H::size);
#pragma unroll
            for (int n = 0; n < H::outTiles; n++) {
                const float2 pair = make_float2(state.out[m][n][2 * h], state.out[m][n][2 * h + 1]);
                *reinterpret_cast<float2*>(partial + n * 8 + laneIndex() % 4 * 2) = pair;
            }
            if (laneIndex() % 4 == 0) {
                *reinterpret_cast<float2*>(partial + H::size) = make_float2(state.max[m][h], sum);
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

/// Adds up the partial results of a head's global rows, in the order of the splits whichever block does it.
template <class H>
__device__ __forceinline__ void combine(const KernelParams& p, const Work& work, int threads) {
    const int splits = usedSplits(p, work.pattern.length);
    const long long splitStride = static_cast<long long>(p.globals) * (H::size + kPartialExtra);
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    char* head = static_cast<char*>(p.output) + firstToken * p.outputStride + work.head * H::bytes;
    for (int index = threadIdx.x; index < work.pattern.globals * H::size; index += threads) {
        const int query = index / H::size;
        const int column = index % H::size;
        const float* partial = partialOf(p, work, 0, query, H::size);
        float max = minusInfinity();
#pragma unroll 8
        for (int s = 0; s < splits; s++) max = fmaxf(max, __ldcg(partial + s * splitStride + H::size));
        float out = 0.0f;
        float sum = 0.0f;
#pragma unroll 8
        for (int s = 0; s < splits; s++) {
            const float factor = exp2Fast((__ldcg(partial + s * splitStride + H::size) - max) * p.scoreFactor);
            out = fmaf(factor, __ldcg(partial + s * splitStride + column), out);
            sum = fmaf(factor, __ldcg(partial + s * splitStride + H::size + 1), sum);
        }
        const float value = out * (p.outputFactor / sum);
        char* place = head + static_cast<long long>(query) * p.outputStride;
        const int position = headPosition<H>(column / 8, column % 8);
        if constexpr (H::int8) {
            place[position] = static_cast<char>(roundToInt8(value));
        } else {
            reinterpret_cast<unsigned short*>(place)[position] =
                static_cast<unsigned short>(packHalves(value, 0.0f) & 0xffffu);
        }
    }
}

} // namespace intentd::attention

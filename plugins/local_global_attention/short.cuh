// The kernel for sequences of a few tiles: a warp has 16 queries of a head and reads keys straight into fragments. No
// shared memory and no barrier, all loads under way at once: latency is what counts here.
#pragma once

#include "finish.cuh"

namespace intentd::attention {

/// kWarps independent warps a block; kKeys keys in registers at once.
template <bool kInt8, bool kInt8Out, int kHeadSize, int kWarps, int kKeys>
struct Short {
    using H = Head<kInt8, kHeadSize>;
    using Out = Head<kInt8Out, kHeadSize>;
    static constexpr int warps = kWarps;
    static constexpr int keys = kKeys;
};

/// 16 queries in the warp's registers.
template <class H>
struct DirectQueries {
    u32 rows[2][H::chunks];

    __device__ __forceinline__ void load(const char* query, int stride, int first, int end) {
#pragma unroll
        for (int h = 0; h < 2; h++) {
            const int i = first + h * 8 + laneIndex() / 4;
            loadRow(rows[h], query + static_cast<long long>(i) * stride, i < end);
        }
    }

    __device__ __forceinline__ void arrange() {
        arrangeRow(rows[0]);
        arrangeRow(rows[1]);
    }

    __device__ __forceinline__ void fragment(u32 (&r)[4], int, int step) const {
#pragma unroll
        for (int i = 0; i < 4; i++) r[i] = rows[i % 2][2 * step + i / 2];
    }
};

/// kKeys keys and values in the warp's registers.
template <class H, int kKeys>
struct DirectKeys {
    u32 keys[kKeys / 8][H::chunks];
    u32 values[kKeys / 8][H::chunks];

    __device__ __forceinline__ void load(const char* key, int keyStride, const char* value, int valueStride, int first,
                                         int end) {
#pragma unroll
        for (int n = 0; n < kKeys / 8; n++) {
            const int j = first + n * 8 + laneIndex() / 4;
            loadRow(keys[n], key + static_cast<long long>(j) * keyStride, j < end);
        }
#pragma unroll
        for (int n = 0; n < kKeys / 8; n++) {
            const int j = first + n * 8 + laneIndex() / 4;
            loadRow(values[n], value + static_cast<long long>(j) * valueStride, j < end);
        }
    }

    /// Brings what came into fragment order; values past the length count as zeros, whatever they hold.
    __device__ __forceinline__ void arrange(int first, int length) {
#pragma unroll
        for (int n = 0; n < kKeys / 8; n++) {
            arrangeRow(keys[n]);
            arrangeRow(values[n]);
            const bool present = first + n * 8 + laneIndex() / 4 < length;
#pragma unroll
            for (int c = 0; c < H::chunks; c++) values[n][c] = transposeMatrix(present ? values[n][c] : 0u);
        }
    }

    __device__ __forceinline__ void keyFragment(u32 (&r)[4], int group, int step) const {
#pragma unroll
        for (int i = 0; i < 4; i++) r[i] = keys[2 * group + i / 2][2 * step + i % 2];
    }

    __device__ __forceinline__ void valueFragment(u32 (&r)[4], int group, int chunk) const {
#pragma unroll
        for (int i = 0; i < 4; i++) r[i] = values[2 * group + i % 2][chunk + i / 2];
    }
};

/// Writes a warp's 16 rows from `firstRow` on, those from `end` on as zeros.
template <class Out, class H>
__device__ __forceinline__ void storeDirect(const SoftmaxState<H, 1>& state, const KernelParams& p, const Work& work,
                                            int firstRow, int end) {
#pragma unroll
    for (int h = 0; h < 2; h++) {
        const int i = firstRow + h * 8 + laneIndex() / 4;
        u32 chunks[Out::chunks];
        packRow<Out>(chunks, state, 0, h, p.outputFactor);
#pragma unroll
        for (int c = 0; c < Out::chunks; c++) chunks[c] = i < end ? chunks[c] : 0u;
        storeRow(chunks, outputOf<Out>(p, work) + static_cast<long long>(i) * p.outputStride, i < p.sequence);
    }
}

/// Block (head group, tile, row): the warps of a block take heads side by side.
template <class C>
__device__ __forceinline__ void attendShort(const KernelParams& p) {
    using H = typename C::H;
    Work work;
    work.head = blockIdx.x * C::warps + static_cast<int>(threadIdx.x) / 32;
    work.row = p.firstRow + blockIdx.z;
    if (work.head >= p.heads) return;
    const int firstRow = blockIdx.y * 16;

    // Loads that need no length go first: the length itself has to come from memory.
    const int length = __ldg(p.lengths + work.row);
    const Sources sources = sourcesOf<H>(p, work);
    const bool single = p.sequence <= C::keys;
    DirectQueries<H> queries;
    DirectKeys<H, C::keys> keys;
    if (single) keys.load(sources.key, p.queryKeyStride, sources.value, p.valueStride, 0, p.sequence);
    queries.load(sources.query, p.queryKeyStride, firstRow, p.sequence);
    queries.arrange();
    SoftmaxState<H, 1> state;
    state.clear();

    work.pattern = rowPattern(length, p.sequence, p.windowEachSide, p.globals);
    const Span rows = {firstRow, smaller(firstRow + 16, work.pattern.length)};
    const KeyTiles tiles = keyTiles(work.pattern, rows, C::keys);
    for (int step = 0; step < tileCount(tiles); step++) {
        const int first = tileAt(tiles, step) * C::keys;
        if (!single) {
            keys.load(sources.key, p.queryKeyStride, sources.value, p.valueStride, first, work.pattern.length);
        }
        keys.arrange(first, work.pattern.length);
        attendChunk<true, C::keys>(state, queries, keys, work.pattern, firstRow, first, p.scoreFactor);
    }
    storeDirect<typename C::Out>(state, p, work, firstRow, rows.end);
}

} // namespace intentd::attention

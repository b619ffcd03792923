// The kernel for sequences of a few tiles: a warp has 16 queries of a head and reads keys straight into fragments. No
// shared memory and no barrier, all loads under way at once: latency is what counts here.
#pragma once

#include "finish.cuh"
#include "shared_tiles.cuh"

namespace intentd::attention {

/// kWarps independent warps a block; kKeys keys in registers at once.
template <bool kInt8, int kHeadSize, int kWarps, int kKeys>
struct Short {
    using H = Head<kInt8, kHeadSize>;
    static constexpr int warps = kWarps;
    static constexpr int threads = kWarps * 32;
    static constexpr int keys = kKeys;
};

/// kKeys keys and values in the warp's registers.
template <class H, int kKeys>
struct RegisterKeys {
    u32 keys[kKeys / 8][H::chunks];
    u32 values[kKeys / 8][H::chunks];

    __device__ __forceinline__ void load(const KeySource& source, int first, int end) {
#pragma unroll
        for (int n = 0; n < kKeys / 8; n++) {
            const int j = first + n * 8 + laneIndex() / 4;
            loadRow(keys[n], source.keys + j * source.keyStride, j < end);
        }
#pragma unroll
        for (int n = 0; n < kKeys / 8; n++) {
            const int j = first + n * 8 + laneIndex() / 4;
            loadRow(values[n], source.values + j * source.valueStride, j < end);
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

    __device__ __forceinline__ void keyFragment(u32 (&r)[H::chunks], int tile) const {
#pragma unroll
        for (int c = 0; c < H::chunks; c++) r[c] = keys[tile][c];
    }

    __device__ __forceinline__ void valueFragment(u32 (&r)[4], int group, int chunk) const {
#pragma unroll
        for (int i = 0; i < 4; i++) r[i] = values[2 * group + i % 2][chunk + i / 2];
    }
};

template <class C>
__device__ __forceinline__ void attendShort(const KernelParams& p) {
    using H = typename C::H;
    const int index = blockIdx.x * C::warps + static_cast<int>(threadIdx.x) / 32;
    const int tile = index % p.queryTiles;
    Work work;
    work.head = index / p.queryTiles % p.heads;
    work.row = index / p.queryTiles / p.heads;
    if (work.row >= p.batch) return;
    const int firstRow = tile * 16;
    const KeySource source = keySource<H>(p, work);
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    const char* query = static_cast<const char*>(p.query) + firstToken * p.queryKeyStride + work.head * H::bytes;

    // Loads that need no length go first: the length itself has to come from memory.
    const int length = __ldg(p.lengths + work.row);
    const bool single = p.sequence <= C::keys;
    RegisterKeys<H, C::keys> keys;
    QueryState<H, 1> state;
    if (single) keys.load(source, 0, p.sequence);
    state.loadQueries(query, p.queryKeyStride, firstRow, p.sequence);
    state.clear();

    work.pattern = rowPattern(length, p.sequence, p.windowEachSide, p.globals);
    const Span queries = {firstRow, smaller(firstRow + 16, work.pattern.length)};
    const KeyTiles tiles = keyTiles(work.pattern, queries, C::keys);
    for (int step = 0; step < tileCount(tiles); step++) {
        const int first = tileAt(tiles, step) * C::keys;
        if (!single) keys.load(source, first, work.pattern.length);
        keys.arrange(first, work.pattern.length);
        attendChunk<true, C::keys>(state, keys, work.pattern, firstRow, first, p.scoreFactor);
    }
    storeOutput(state, p, work, firstRow, {0, p.sequence}, queries);
}

} // namespace intentd::attention

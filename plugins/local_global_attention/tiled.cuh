// The kernel for sequences of more than a few tiles: a block has a tile of queries, keys and values stream by.
#pragma once

#include "finish.cuh"

namespace intentd::attention {

/// kWarps warps of kTiles x 16 queries each; tiles of kTileKeys keys, kStages of them in shared memory. A warp takes
/// kFullKeys keys at once where all its queries see them, kMaskedKeys where only some do, and skips what none sees.
template <bool kInt8, bool kInt8Out, int kHeadSize, int kWarps, int kTiles, int kTileKeys, int kFullKeys, int kMaskedKeys, int kStages,
          bool kQueriesStay>
struct Tiled {
    using H = Head<kInt8, kHeadSize>;
    using Out = Head<kInt8Out, kHeadSize>;
    static constexpr int tilesPerWarp = kTiles;
    static constexpr int threads = kWarps * 32;
    static constexpr int warpQueries = kTiles * 16;
    static constexpr int tileQueries = kWarps * kTiles * 16;
    static constexpr int tileKeys = kTileKeys;
    static constexpr int fullKeys = kFullKeys;
    static constexpr int maskedKeys = kMaskedKeys;
    static constexpr int stages = kStages;
    static constexpr bool queriesStay = kQueriesStay; // in shared memory, to save registers
    static constexpr int tileBytes = kTileKeys * H::bytes;
    static constexpr int queryBytes = tileQueries * H::bytes; // before the tiles of keys; later the output's staging
    static constexpr int sharedBytes = queryBytes + kStages * 2 * tileBytes;
};

/// Starts the copy of the tile visited at `step`, if there is one, into `slot`. One group of copies either way.
template <class C>
__device__ __forceinline__ void copyStep(u32 slot, const Sources& sources, const KernelParams& p, const Work& work,
                                         int step) {
    if (step < tileCount(work.tiles)) {
        // A tile visited for its global keys alone needs no others.
        const int end = step < work.tiles.globalEnd ? work.pattern.globals : work.pattern.length;
        const int first = tileAt(work.tiles, step) * C::tileKeys;
        using H = typename C::H;
        copyRows<H, C::tileKeys, C::threads>(slot, sources.key + static_cast<long long>(first) * p.queryKeyStride,
                                             p.queryKeyStride, end - first, threadIdx.x);
        copyRows<H, C::tileKeys, C::threads>(slot + C::tileBytes,
                                             sources.value + static_cast<long long>(first) * p.valueStride,
                                             p.valueStride, end - first, threadIdx.x);
    }
    commitCopies();
}

/// A warp's part of the tile in `slot`, whose first key is `firstKey`.
template <class C, class Queries>
__device__ __forceinline__ void attendTile(SoftmaxState<typename C::H, C::tilesPerWarp>& state, const Queries& queries,
                                           u32 slot, const Pattern& pattern, const View& view, int firstRow,
                                           int firstKey, float scoreFactor) {
    using H = typename C::H;
#pragma unroll 1
    for (int row = 0; row < C::tileKeys; row += C::fullKeys) {
        const int key = firstKey + row;
        const Cover seen = cover(view, {key, key + C::fullKeys});
        if (seen == Cover::kNone) continue;
        const u32 keys = slot + row * H::bytes;
        if (seen == Cover::kFull) {
            const SharedKeys<H> chunk{keys, keys + C::tileBytes};
            attendChunk<false, C::fullKeys>(state, queries, chunk, pattern, firstRow, key, scoreFactor);
            continue;
        }
#pragma unroll 1
        for (int part = 0; part < C::fullKeys; part += C::maskedKeys) {
            if (cover(view, {key + part, key + part + C::maskedKeys}) == Cover::kNone) continue;
            const SharedKeys<H> chunk{keys + part * H::bytes, keys + part * H::bytes + C::tileBytes};
            attendChunk<true, C::maskedKeys>(state, queries, chunk, pattern, firstRow, key + part, scoreFactor);
        }
    }
}

/// Takes all of a block's tiles into its warps' states, while the copies of the next run.
template <class C, class Queries>
__device__ __forceinline__ void attendTiles(SoftmaxState<typename C::H, C::tilesPerWarp>& state, const Queries& queries,
                                            u32 slots, const Sources& sources, const KernelParams& p, const Work& work,
                                            Span rows, int firstRow) {
    const View view = viewOf(work.pattern, rows);
    const int count = tileCount(work.tiles);
    int slot = 0;
    int next = C::stages - 1;
#pragma unroll 1
    for (int step = 0; step < count; step++) {
        waitCopies<C::stages - 2>();
        __syncthreads();
        copyStep<C>(slots + next * 2 * C::tileBytes, sources, p, work, step + C::stages - 1);
        attendTile<C>(state, queries, slots + slot * 2 * C::tileBytes, work.pattern, view, firstRow,
                      tileAt(work.tiles, step) * C::tileKeys, p.scoreFactor);
        slot = slot + 1 == C::stages ? 0 : slot + 1;
        next = next + 1 == C::stages ? 0 : next + 1;
    }
}

template <class C>
__device__ __forceinline__ void finishTile(const SoftmaxState<typename C::H, C::tilesPerWarp>& state,
                                           const KernelParams& p, const Work& work, u32 staging, int firstRow,
                                           Span rows) {
    using Out = typename C::Out;
    if (!work.global()) {
        const int begin = p.globalTiles > 0 ? work.pattern.globals : 0;
        storeOutput<Out>(state, p, work, staging, firstRow, {begin, p.sequence}, rows);
    } else if (usedSplits(p, work.pattern.length) == 1) {
        storeOutput<Out>(state, p, work, staging, firstRow, rows, rows);
    } else {
        storePartial(state, p, work, firstRow);
        if (lastOfHead(p, work, C::tileQueries)) combine<Out, typename C::H>(p, work, C::threads);
    }
}

template <class C>
__device__ __forceinline__ void attendTiled(const KernelParams& p) {
    extern __shared__ __align__(128) char sharedMemory[];
    using H = typename C::H;
    const Work work = takeWork(p, C::tileQueries, C::tileKeys);
    if (work.empty() || tileCount(work.tiles) == 0) {
        const int begin = larger(work.firstQuery, p.globalTiles > 0 ? work.pattern.globals : 0);
        const Span rows = {begin, smaller(work.firstQuery + C::tileQueries, p.sequence)};
        if (!work.global()) storeZeros<typename C::Out>(p, work, rows, C::threads);
        return;
    }
    const int warp = static_cast<int>(threadIdx.x) / 32;
    const int firstRow = work.firstQuery + warp * C::warpQueries;
    const Span rows = {larger(firstRow, work.queries.begin), smaller(firstRow + C::warpQueries, work.queries.end)};
    const u32 slots = sharedAddress(sharedMemory) + C::queryBytes;
    const u32 staging = sharedAddress(sharedMemory) + warp * C::warpQueries * H::bytes;

    const Sources sources = sourcesOf<H>(p, work);
    copyRows<H, C::warpQueries, 32>(staging, sources.query + static_cast<long long>(firstRow) * p.queryKeyStride,
                                    p.queryKeyStride, rows.end - firstRow, laneIndex());
    commitCopies();
#pragma unroll
    for (int step = 0; step < C::stages - 1; step++) {
        copyStep<C>(slots + step * 2 * C::tileBytes, sources, p, work, step);
    }
    SoftmaxState<H, C::tilesPerWarp> state;
    state.clear();
    waitCopies<C::stages - 1>(); // the warp's own queries
    __syncwarp();
    const SharedQueries<H> shared{staging};
    if constexpr (C::queriesStay) {
        attendTiles<C>(state, shared, slots, sources, p, work, rows, firstRow);
    } else {
        RegisterQueries<H, C::tilesPerWarp> queries;
        queries.load(shared);
        attendTiles<C>(state, queries, slots, sources, p, work, rows, firstRow);
    }
    __syncwarp(); // every lane has read the queries that the output replaces
    finishTile<C>(state, p, work, staging, firstRow, rows);
}

} // namespace intentd::attention

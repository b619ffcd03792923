// The kernel for sequences of more than a few tiles: a block has a tile of queries, keys and values stream by.
#pragma once

#include "finish.cuh"
#include "shared_tiles.cuh"

namespace intentd::attention {

/// kWarps warps of kTiles x 16 queries each; tiles of kTileKeys keys, kStages of them in shared memory, of which a warp
/// takes kChunkKeys at once (and skips, masks or does not mask each such chunk by itself).
template <bool kInt8, int kHeadSize, int kWarps, int kTiles, int kTileKeys, int kChunkKeys, int kStages>
struct Tiled {
    using H = Head<kInt8, kHeadSize>;
    static constexpr int tilesPerWarp = kTiles;
    static constexpr int threads = kWarps * 32;
    static constexpr int warpQueries = kTiles * 16;
    static constexpr int tileQueries = kWarps * kTiles * 16;
    static constexpr int tileKeys = kTileKeys;
    static constexpr int chunkKeys = kChunkKeys;
    static constexpr int stages = kStages;
    static constexpr int tileBytes = kTileKeys * H::bytes;
    static constexpr int sharedBytes = kStages * 2 * tileBytes;
};

/// Starts the copy of the tile visited at `step`, if there is one. One group of copies either way.
template <class C>
__device__ __forceinline__ void copyStep(u32 shared, const KeySource& source, const Work& work, int step) {
    if (step < tileCount(work.tiles)) {
        const u32 keys = shared + step % C::stages * 2 * C::tileBytes;
        // A tile visited for its global keys alone needs no others.
        const int end = step < work.tiles.globalEnd ? work.pattern.globals : work.pattern.length;
        copyTile<typename C::H, C::tileKeys, C::threads>(keys, keys + C::tileBytes, source,
                                                         tileAt(work.tiles, step) * C::tileKeys, end);
    }
    commitCopies();
}

/// A warp's part of a tile: the chunks that its own queries see.
template <class C>
__device__ __forceinline__ void attendTile(QueryState<typename C::H, C::tilesPerWarp>& state, u32 shared,
                                           const Work& work, Span queries, int firstRow, int step, float scoreFactor) {
    const u32 keys = shared + step % C::stages * 2 * C::tileBytes;
    const int firstKey = tileAt(work.tiles, step) * C::tileKeys;
#pragma unroll 1
    for (int row = 0; row < C::tileKeys; row += C::chunkKeys) {
        const SharedKeys<typename C::H> chunk{keys, keys + C::tileBytes, row};
        const int key = firstKey + row;
        const Cover seen = cover(work.pattern, queries, {key, key + C::chunkKeys});
        if (seen == Cover::kFull) {
            attendChunk<false, C::chunkKeys>(state, chunk, work.pattern, firstRow, key, scoreFactor);
        } else if (seen == Cover::kPartial) {
            attendChunk<true, C::chunkKeys>(state, chunk, work.pattern, firstRow, key, scoreFactor);
        }
    }
}

template <class C>
__device__ __forceinline__ void attendTiled(const KernelParams& p) {
    extern __shared__ __align__(128) char sharedMemory[];
    using H = typename C::H;
    const u32 shared = sharedAddress(sharedMemory);
    const Work work = takeWork(p, blockIdx.x, C::tileQueries, C::tileKeys);
    const int count = tileCount(work.tiles);
    if (work.global() && (count == 0 || work.queries.begin >= work.queries.end)) return;

    const KeySource source = keySource<H>(p, work);
#pragma unroll
    for (int step = 0; step < C::stages - 1; step++) copyStep<C>(shared, source, work, step);

    const int firstRow = work.firstQuery + static_cast<int>(threadIdx.x) / 32 * C::warpQueries;
    const Span queries = {larger(firstRow, work.queries.begin), smaller(firstRow + C::warpQueries, work.queries.end)};
    QueryState<H, C::tilesPerWarp> state;
    state.clear();
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    const char* query = static_cast<const char*>(p.query) + firstToken * p.queryKeyStride + work.head * H::bytes;
    state.loadQueries(query, p.queryKeyStride, firstRow, queries.end);

    for (int step = 0; step < count; step++) {
        waitCopies<C::stages - 2>();
        __syncthreads();
        copyStep<C>(shared, source, work, step + C::stages - 1);
        if (queries.begin < queries.end) attendTile<C>(state, shared, work, queries, firstRow, step, p.scoreFactor);
    }

    if (!work.global()) {
        const int begin = p.globalTiles > 0 ? work.pattern.globals : 0;
        storeOutput(state, p, work, firstRow, {begin, p.sequence}, queries);
    } else if (usedSplits(p, work.pattern.length) == 1) {
        storeOutput(state, p, work, firstRow, queries, queries);
    } else {
        storePartial(state, p, work, firstRow);
        if (lastOfHead(p, work, C::tileQueries)) combine<H>(p, work, C::threads);
    }
}

} // namespace intentd::attention

// What one block does: a tile of queries, or a part of the keys for a tile of global queries.
#pragma once

#include "params.h"
#include "planner.h"

namespace intentd::attention {

struct Work {
    int row;
    int head;
    int split;      // of the keys for global queries; -1 for an ordinary tile of queries
    int firstQuery; // of the tile
    Pattern pattern;
    Span queries; // those of the tile that this block computes
    KeyTiles tiles;

    __device__ __forceinline__ bool global() const { return split >= 0; }
    __device__ __forceinline__ bool empty() const { return queries.begin >= queries.end; }
};

/// Parts of the keys that hold any, for a row's length.
__device__ __forceinline__ int usedSplits(const KernelParams& p, int length) { return ceilDivide(length, p.splitKeys); }

/// The work of block (head, item, row): the parts for global rows come before the ordinary tiles.
__device__ __forceinline__ Work takeWork(const KernelParams& p, int tileQueries, int tileKeys) {
    Work work;
    work.head = blockIdx.x;
    work.row = p.firstRow + blockIdx.z;
    const int item = blockIdx.y;
    const int globalItems = p.globalTiles * p.splits;
    work.pattern = rowPattern(__ldg(p.lengths + work.row), p.sequence, p.windowEachSide, p.globals);
    const Pattern& pattern = work.pattern;
    if (item < globalItems) {
        work.split = item % p.splits;
        work.firstQuery = item / p.splits * tileQueries;
        work.queries = {work.firstQuery, smaller(work.firstQuery + tileQueries, pattern.globals)};
        const int firstKey = work.split * p.splitKeys;
        const int endKey = smaller(pattern.length, firstKey + p.splitKeys);
        work.tiles = {0, firstKey / tileKeys, larger(firstKey / tileKeys, ceilDivide(endKey, tileKeys))};
    } else {
        work.split = -1;
        work.firstQuery = (item - globalItems) * tileQueries;
        // Global rows that are apart are not this tile's.
        const int begin = p.globalTiles > 0 ? larger(work.firstQuery, pattern.globals) : work.firstQuery;
        work.queries = {begin, smaller(work.firstQuery + tileQueries, pattern.length)};
        work.tiles = keyTiles(pattern, work.queries, tileKeys);
    }
    return work;
}

/// Where a row's and head's query, key and value lie in global memory.
struct Sources {
    const char* query;
    const char* key;
    const char* value;
};

template <class H>
__device__ __forceinline__ Sources sourcesOf(const KernelParams& p, const Work& work) {
    const long long firstToken = static_cast<long long>(work.row) * p.sequence;
    const long long queryKey = firstToken * p.queryKeyStride + work.head * H::bytes;
    return {static_cast<const char*>(p.query) + queryKey, static_cast<const char*>(p.key) + queryKey,
            static_cast<const char*>(p.value) + firstToken * p.valueStride + work.head * H::bytes};
}

} // namespace intentd::attention

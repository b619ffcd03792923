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
};

/// Parts of the keys that hold any, for a row's length.
__device__ __forceinline__ int usedSplits(const KernelParams& p, int length) { return ceilDivide(length, p.splitKeys); }

/// Work `index` of all: global parts come before the ordinary tiles of their row, as they may take longest.
__device__ __forceinline__ Work takeWork(const KernelParams& p, int index, int tileQueries, int tileKeys) {
    Work work;
    const int globalItems = p.globalTiles * p.splits;
    const int items = globalItems + p.queryTiles;
    int item;
    if (p.order == kTileHeadRow) {
        item = index % items;
        work.head = index / items % p.heads;
        work.row = index / items / p.heads;
    } else {
        work.head = index % p.heads;
        const int rest = index / p.heads;
        item = p.order == kHeadTileRow ? rest % items : rest / p.batch;
        work.row = p.order == kHeadTileRow ? rest / items : rest % p.batch;
    }
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

} // namespace intentd::attention

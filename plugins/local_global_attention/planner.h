// Which keys a token sees, and which tiles of keys a span of queries needs. One definition for host and device.
#pragma once

#if defined(__CUDACC__)
#define INTENTD_HOST_DEVICE __host__ __device__ __forceinline__
#else
#define INTENTD_HOST_DEVICE inline
#endif

namespace intentd::attention {

/// What one row of a batch lets its tokens see. `window` is not negative, `globals` not above `length`.
struct Pattern {
    int length;
    int window;
    int globals;
};

/// Positions begin to end - 1; empty where end <= begin.
struct Span {
    int begin;
    int end;
};

enum class Cover { kNone, kPartial, kFull };

/// The tiles a span of queries visits, in ascending order: [0, globalEnd), then [begin, end).
struct KeyTiles {
    int globalEnd;
    int begin;
    int end;
};

INTENTD_HOST_DEVICE constexpr int smaller(int a, int b) { return a < b ? a : b; }
INTENTD_HOST_DEVICE constexpr int larger(int a, int b) { return a > b ? a : b; }
INTENTD_HOST_DEVICE constexpr int ceilDivide(int a, int b) { return (a + b - 1) / b; }

/// The pattern of one row: a length outside 0..sequence is the nearest of the two, a negative window sees all.
INTENTD_HOST_DEVICE constexpr Pattern rowPattern(int length, int sequence, int windowEachSide, int globalTokens) {
    const int clipped = larger(0, smaller(length, sequence));
    const int window = windowEachSide < 0 ? sequence : smaller(windowEachSide, sequence);
    return {clipped, window, smaller(globalTokens, clipped)};
}

/// The definition: query i sees key j.
INTENTD_HOST_DEVICE constexpr bool visible(const Pattern& pattern, int i, int j) {
    const int distance = i < j ? j - i : i - j;
    const bool inside = i < pattern.length && j < pattern.length;
    return inside && (distance <= pattern.window || i < pattern.globals || j < pattern.globals);
}

/// The keys that query i sees besides the global ones, as a span.
INTENTD_HOST_DEVICE constexpr Span visibleSpan(const Pattern& pattern, int i) {
    if (i < pattern.globals) return {0, pattern.length};
    return {larger(0, i - pattern.window), smaller(pattern.length, i + pattern.window + 1)};
}

/// What a span of queries sees together: every question about a span of keys is a few comparisons on it.
struct View {
    Span any; // keys that some query sees, besides the global ones
    Span all; // keys that every query sees, global ones below `all.begin` aside
    int globals;
};

INTENTD_HOST_DEVICE constexpr View viewOf(const Pattern& pattern, Span queries) {
    const int queryEnd = smaller(queries.end, pattern.length);
    if (queryEnd <= queries.begin) return {{0, 0}, {0, 0}, 0};
    // A global query sees everything; the others' farthest keys decide.
    const int plainBegin = larger(queries.begin, pattern.globals);
    const bool anyGlobal = queries.begin < pattern.globals;
    const Span any = anyGlobal ? Span{0, pattern.length}
                               : Span{larger(0, queries.begin - pattern.window),
                                      smaller(pattern.length, queryEnd + pattern.window)};
    if (plainBegin >= queryEnd) return {any, {0, pattern.length}, pattern.globals};
    const int begin = queryEnd - 1 - pattern.window;
    const Span all = {begin <= pattern.globals ? 0 : begin, smaller(pattern.length, plainBegin + pattern.window + 1)};
    return {any, all, pattern.globals};
}

/// Whether none, some or all pairs of the view's queries and these keys are visible. Queries past the length do not
/// count; keys do.
INTENTD_HOST_DEVICE constexpr Cover cover(const View& view, Span keys) {
    const bool near = keys.begin < view.any.end && keys.end > view.any.begin;
    if (!near && keys.begin >= view.globals) return Cover::kNone;
    const bool all = (keys.begin >= view.all.begin && keys.end <= view.all.end) || keys.end <= view.globals;
    return all ? Cover::kFull : Cover::kPartial;
}

/// The tiles of `tileKeys` keys in which a span of queries sees anything; exactly those.
INTENTD_HOST_DEVICE constexpr KeyTiles keyTiles(const Pattern& pattern, Span queries, int tileKeys) {
    const int queryEnd = smaller(queries.end, pattern.length);
    if (queryEnd <= queries.begin) return {0, 0, 0};
    if (queries.begin < pattern.globals) return {0, 0, ceilDivide(pattern.length, tileKeys)};
    const int globalEnd = ceilDivide(pattern.globals, tileKeys);
    const int begin = larger(0, queries.begin - pattern.window) / tileKeys;
    const int end = ceilDivide(smaller(pattern.length, queryEnd + pattern.window), tileKeys);
    if (begin <= globalEnd) return {0, 0, larger(end, globalEnd)};
    return {globalEnd, begin, end};
}

INTENTD_HOST_DEVICE constexpr int tileCount(const KeyTiles& tiles) { return tiles.globalEnd + tiles.end - tiles.begin; }

/// The tile visited at a step of 0..tileCount - 1.
INTENTD_HOST_DEVICE constexpr int tileAt(const KeyTiles& tiles, int step) {
    return step < tiles.globalEnd ? step : tiles.begin + step - tiles.globalEnd;
}

} // namespace intentd::attention

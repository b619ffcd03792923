// Holds the tile planner against the definition, exhaustively for small sizes: every length, window and number of global
// tokens, every tile of queries, every tile of keys. Prints the first contradictions; exit code 1 where there are any.
#include <cstdio>

#include "planner.h"

using namespace intentd::attention;

namespace {

constexpr int kSequence = 22;
int contradictions = 0;
long checked = 0;

void expect(bool holds, const char* what, const Pattern& pattern, Span queries, Span keys) {
    checked++;
    if (holds || ++contradictions > 10) return;
    std::printf("%s: length %d window %d globals %d queries %d..%d keys %d..%d\n", what, pattern.length, pattern.window,
                pattern.globals, queries.begin, queries.end, keys.begin, keys.end);
}

/// By the words of the definition.
bool sees(const Pattern& pattern, int i, int j) {
    if (i >= pattern.length || j >= pattern.length) return false;
    const int distance = i > j ? i - j : j - i;
    return distance <= pattern.window || i < pattern.globals || j < pattern.globals;
}

Cover defined(const Pattern& pattern, Span queries, Span keys) {
    bool any = false;
    bool all = true;
    for (int i = queries.begin; i < queries.end && i < pattern.length; i++) {
        for (int j = keys.begin; j < keys.end; j++) {
            any = any || sees(pattern, i, j);
            all = all && sees(pattern, i, j);
        }
    }
    return !any ? Cover::kNone : all ? Cover::kFull : Cover::kPartial;
}

void checkTiles(const Pattern& pattern, Span queries, int tileKeys) {
    const View view = viewOf(pattern, queries);
    const KeyTiles tiles = keyTiles(pattern, queries, tileKeys);
    int step = 0;
    for (int tile = 0; tile * tileKeys < kSequence; tile++) {
        const Span keys = {tile * tileKeys, (tile + 1) * tileKeys};
        const Cover wanted = defined(pattern, queries, keys);
        expect(cover(view, keys) == wanted, "cover", pattern, queries, keys);
        const bool visited = step < tileCount(tiles) && tileAt(tiles, step) == tile;
        expect(visited == (wanted != Cover::kNone), "visited", pattern, queries, keys);
        step += visited;
    }
    expect(step == tileCount(tiles), "tiles out of order or past the end", pattern, queries, {0, kSequence});
}

void checkPattern(const Pattern& pattern) {
    for (int i = 0; i < kSequence; i++) {
        const Span span = visibleSpan(pattern, i);
        for (int j = 0; j < kSequence; j++) {
            const bool wanted = sees(pattern, i, j);
            expect(visible(pattern, i, j) == wanted, "visible", pattern, {i, i + 1}, {j, j + 1});
            const bool inSpan = (j >= span.begin && j < span.end) || j < pattern.globals;
            expect(i >= pattern.length || inSpan == wanted, "visibleSpan", pattern, {i, i + 1}, {j, j + 1});
        }
    }
    for (int begin = 0; begin < kSequence; begin++) {
        for (int size = 1; size <= 9; size++) {
            for (int tileKeys = 1; tileKeys <= 8; tileKeys++) checkTiles(pattern, {begin, begin + size}, tileKeys);
        }
    }
}

} // namespace

int main() {
    for (int length = -1; length <= kSequence + 1; length++) {
        for (int window = -1; window <= kSequence + 1; window++) {
            for (int globals = 0; globals <= kSequence; globals++) {
                const Pattern pattern = rowPattern(length, kSequence, window, globals);
                const bool clipped = pattern.length >= 0 && pattern.length <= kSequence && pattern.window >= 0 &&
                                     pattern.globals <= pattern.length;
                expect(clipped, "rowPattern", pattern, {0, 0}, {0, 0});
                checkPattern(pattern);
            }
        }
    }
    std::printf("{\"checked\": %ld, \"contradictions\": %d}\n", checked, contradictions);
    return contradictions == 0 ? 0 : 1;
}

#include "launch_plan.h"

#include <cstring>

#include "params.h"
#include "planner.h"
#include "variants.h"

namespace intentd::attention {

namespace {

constexpr DataType typeOf(bool int8, bool int8Out) {
    return int8 ? DataType::kInt8 : int8Out ? DataType::kHalfToInt8 : DataType::kHalf;
}

/// As Tiled::sharedBytes.
constexpr std::size_t sharedBytesOf(bool int8, int head, int queries, int tileKeys, int stages) {
    return static_cast<std::size_t>(head) * (int8 ? 1 : 2) * (queries + 2 * tileKeys * stages);
}

/// Up to this many tokens a global row reads so little that parting it costs more than it saves.
constexpr int kLongestWhole = 512;
constexpr int kSplitKeys = 256;
/// Bounds global rows times splits, and so the workspace, whatever the number of global tokens.
constexpr int kMostPartials = 1024;
constexpr int kLongestShort = 64;

int findVariant(DataType type, int headSize, bool isShort, const char* ending) {
    const std::size_t length = std::strlen(ending);
    for (int i = 0; i < kVariantCount; i++) {
        const Variant& variant = kVariants[i];
        if (variant.type != type || variant.headSize != headSize || variant.isShort != isShort) continue;
        const std::size_t size = std::strlen(variant.name);
        if (size >= length && std::strcmp(variant.name + size - length, ending) == 0) return i;
    }
    return -1;
}

int chooseVariant(const AttentionShape& shape, DataType type) {
    if (shape.sequence > kLongestShort) return findVariant(type, shape.headSize, false, "_w4m1k64f32m16s2");
    return findVariant(type, shape.headSize, true, shape.sequence <= 16 || shape.headSize == 128 ? "_w1k16" : "_w4k32");
}

} // namespace

#define INTENTD_TILED_ENTRY(name, int8, out8, head, warps, tiles, tileKeys, fullKeys, maskedKeys, stages, stay, least) \
    {#name, typeOf(int8, out8), head, false, (warps) * 32, (warps) * (tiles) * 16, tileKeys,                           \
     sharedBytesOf(int8, head, (warps) * (tiles) * 16, tileKeys, stages)},
#define INTENTD_SHORT_ENTRY(name, int8, out8, head, warps, keys)                                                       \
    {#name, typeOf(int8, out8), head, true, (warps) * 32, 16, keys, 0},

const Variant kVariants[] = {INTENTD_TILED(INTENTD_TILED_ENTRY) INTENTD_SHORT(INTENTD_SHORT_ENTRY)};
const int kVariantCount = static_cast<int>(sizeof(kVariants) / sizeof(kVariants[0]));

GlobalSplit globalSplit(const AttentionShape& shape, const Tuning& tuning) noexcept {
    const int globals = smaller(shape.globalTokens, shape.sequence);
    const bool dense = shape.windowEachSide < 0 || shape.windowEachSide >= shape.sequence;
    const int wanted = tuning.splitKeys < 0 ? kSplitKeys : tuning.splitKeys;
    const int whole = tuning.splitKeys < 0 ? kLongestWhole : 0;
    if (globals == 0 || dense || wanted == 0 || shape.sequence <= whole) return {1, shape.sequence};
    const int most = larger(1, kMostPartials / globals);
    const int splits = smaller(most, ceilDivide(shape.sequence, wanted));
    if (splits == 1) return {1, shape.sequence};
    const int keys = ceilDivide(ceilDivide(shape.sequence, splits), 64) * 64;
    return {ceilDivide(shape.sequence, keys), keys};
}

LaunchPlan planLaunch(const AttentionShape& shape, DataType type, const Tuning& tuning) noexcept {
    LaunchPlan plan{};
    plan.variant = tuning.variant >= 0 ? tuning.variant : chooseVariant(shape, type);
    const Variant& variant = kVariants[plan.variant];
    plan.queryTiles = ceilDivide(shape.sequence, variant.tileQueries);
    const GlobalSplit split = variant.isShort ? GlobalSplit{1, shape.sequence} : globalSplit(shape, tuning);
    plan.splits = split.splits;
    plan.splitKeys = split.splitKeys;
    plan.globalTiles = split.splits == 1 ? 0 : ceilDivide(smaller(shape.globalTokens, shape.sequence), variant.tileQueries);
    const bool fits = variant.type == type && variant.headSize == shape.headSize;
    const int warps = variant.threads / 32;
    plan.grid.heads = !fits ? 0 : variant.isShort ? ceilDivide(shape.heads, warps) : shape.heads;
    plan.grid.items = plan.queryTiles + plan.globalTiles * plan.splits;
    return plan;
}

KernelParams kernelParams(const Attention& call, const LaunchPlan& plan) noexcept {
    const AttentionShape& shape = call.shape;
    const bool int8 = call.type == DataType::kInt8;
    const int hidden = shape.heads * shape.headSize;
    const int hiddenBytes = hidden * (int8 ? 1 : 2);
    const char* queryKey = static_cast<const char*>(call.queryKey);
    constexpr float kLog2E = 1.4426950408889634f;
    KernelParams p{};
    p.query = queryKey;
    p.key = queryKey + hiddenBytes;
    p.value = call.packed ? queryKey + 2 * static_cast<std::ptrdiff_t>(hiddenBytes) : call.value;
    p.lengths = call.lengths;
    p.output = call.output;
    p.batch = shape.batch;
    p.sequence = shape.sequence;
    p.heads = shape.heads;
    p.windowEachSide = shape.windowEachSide;
    p.globals = shape.globalTokens < shape.sequence ? shape.globalTokens : shape.sequence;
    p.queryKeyStride = hiddenBytes * (call.packed ? 3 : 2);
    p.valueStride = hiddenBytes * (call.packed ? 3 : 1);
    p.outputStride = hidden * (call.type == DataType::kHalf ? 2 : 1);
    p.queryTiles = plan.queryTiles;
    p.globalTiles = plan.globalTiles;
    p.splits = plan.splits;
    p.splitKeys = plan.splitKeys;
    p.scoreFactor = call.scale * kLog2E * (int8 ? call.inputScale * call.inputScale : 1.0f);
    p.outputFactor = (int8 ? call.inputScale : 1.0f) / (call.type == DataType::kHalf ? 1.0f : call.outputScale);
    return p;
}

bool attentionSupports(DataType type, std::int32_t headSize) noexcept {
    const bool known = type == DataType::kHalf || type == DataType::kInt8 || type == DataType::kHalfToInt8;
    return known && (headSize == 32 || headSize == 64 || headSize == 128);
}

std::size_t attentionWorkspaceBytes(const AttentionShape& shape) noexcept {
    const GlobalSplit split = globalSplit(shape);
    if (split.splits == 1) return 0;
    const std::size_t floats = static_cast<std::size_t>(shape.headSize + kPartialExtra);
    const std::size_t rows = static_cast<std::size_t>(split.splits) * smaller(shape.globalTokens, shape.sequence);
    const std::size_t counters = attentionCounterCount(shape) * sizeof(std::uint32_t);
    const std::size_t heads = static_cast<std::size_t>(shape.batch) * shape.heads;
    return heads * rows * floats * sizeof(float) + (counters + 15) / 16 * 16;
}

std::size_t attentionCounterCount(const AttentionShape& shape) noexcept {
    return static_cast<std::size_t>(shape.batch) * shape.heads;
}

} // namespace intentd::attention

// From the sizes of a call to the kernel and grid that run it. No CUDA here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel.h"
#include "params.h"

namespace intentd::attention {

/// A line of variants.h.
struct Variant {
    const char* name;
    DataType type;
    int headSize;
    bool isShort; // a warp of its own for each 16 queries, nothing shared
    int threads;
    int tileQueries;
    int tileKeys;
    std::size_t sharedBytes;
};

extern const Variant kVariants[];
extern const int kVariantCount;

struct LaunchPlan {
    int variant; // index into kVariants
    int queryTiles;
    int globalTiles; // 0: the global rows are computed with their tile
    int splits;
    int splitKeys;
    struct {
        int heads; // blocks side by side: heads, or groups of them; 0 where the variant is not for this shape
        int items; // tiles of queries, and before them the parts of the global rows' work
    } grid;        // times the batch
};

/// What a measurement may force; negative values leave the choice to the plan.
struct Tuning {
    int variant = -1;
    int splitKeys = -1; // 0: never apart
};

/// Keys in each part of a global row's work, and how many parts: 1 where the row stays with its tile.
struct GlobalSplit {
    int splits;
    int splitKeys;
};
GlobalSplit globalSplit(const AttentionShape& shape, const Tuning& tuning = {}) noexcept;

/// The plan for a shape that `attentionSupports`.
LaunchPlan planLaunch(const AttentionShape& shape, DataType type, const Tuning& tuning = {}) noexcept;

/// What the kernel is told: all but the workspace.
KernelParams kernelParams(const Attention& call, const LaunchPlan& plan) noexcept;

/// launchAttention with parts of the plan forced.
cudaError_t launchAttentionTuned(const Attention& attention, const Tuning& tuning, cudaStream_t stream) noexcept;

} // namespace intentd::attention

// A C ABI over the attention kernel's launcher, for Python's ctypes: no TensorRT, no Node.js.
#include "launch_plan.h"

using intentd::attention::Attention;
using intentd::attention::AttentionShape;
using intentd::attention::kVariants;
using intentd::attention::Tuning;

extern "C" {

int attention_prepare() { return intentd::attention::prepareAttention(); }

std::size_t attention_workspace_bytes(const AttentionShape* shape) {
    return intentd::attention::attentionWorkspaceBytes(*shape);
}

/// Parts of the keys that the plan makes of the global rows' work.
int attention_splits(const AttentionShape* shape, int splitKeys) {
    return intentd::attention::globalSplit(*shape, Tuning{-1, splitKeys}).splits;
}

/// Negative arguments leave the choice to the plan.
int attention_launch(const Attention* call, int variant, int splitKeys, void* stream) {
    return launchAttentionTuned(*call, Tuning{variant, splitKeys}, static_cast<cudaStream_t>(stream));
}

int attention_chosen(const AttentionShape* shape, int type) {
    return planLaunch(*shape, static_cast<intentd::attention::DataType>(type)).variant;
}

int attention_variants() { return intentd::attention::kVariantCount; }
const char* attention_variant_name(int i) { return kVariants[i].name; }
int attention_variant_type(int i) { return static_cast<int>(kVariants[i].type); }
int attention_variant_head_size(int i) { return kVariants[i].headSize; }
int attention_variant_short(int i) { return kVariants[i].isShort; }
int attention_variant_tile_queries(int i) { return kVariants[i].tileQueries; }
}

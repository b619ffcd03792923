// The node's attributes: read from an ONNX node or a plan, checked, and written into a plan.
#pragma once

#include <array>
#include <cstdint>

#include <NvInferRuntime.h>

namespace intentd::attention {

/// As the node has them; README.md says what each means.
struct Attributes {
    std::int32_t heads = 0;
    std::int32_t windowEachSide = 0;
    std::int32_t globalTokens = 0;
    float scale = 0;
    std::int32_t packed = 0;
    float inputScale = 0;  // 0: the node has none, its inputs are FP16
    float outputScale = 0; // 0: the node has none, its output is FP16
};

/// The attributes that a node may have, with their types: what the parser looks for.
const nvinfer1::PluginFieldCollection& nodeFields() noexcept;

/// Throws PluginError that names the attribute: missing, unknown, of another type, out of range.
Attributes attributesOfNode(const nvinfer1::PluginFieldCollection& fields);

/// The same from a plan. Throws PluginError where another format, or a field this library does not know, is in it.
Attributes attributesOfPlan(const nvinfer1::PluginFieldCollection& fields);

/// The fields of a plan; they point into it, so it neither moves nor is copied.
class PlanFields {
public:
    explicit PlanFields(const Attributes& attributes) noexcept;
    PlanFields(const PlanFields&) = delete;
    PlanFields& operator=(const PlanFields&) = delete;

    const nvinfer1::PluginFieldCollection& collection() const { return collection_; }

private:
    Attributes attributes_;
    std::array<nvinfer1::PluginField, 8> fields_;
    nvinfer1::PluginFieldCollection collection_;
};

} // namespace intentd::attention

// The TensorRT plugin LocalGlobalAttention: a shell around kernel.h. README.md says what it computes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <NvInferRuntime.h>

#include "pluginAttributes.h"
#include "pluginDevice.h"

namespace intentd::attention {

constexpr const char* pluginName = "LocalGlobalAttention";
constexpr const char* pluginVersion = "1";
constexpr const char* pluginNamespace = "";

class LocalGlobalAttention final : public nvinfer1::IPluginV3,
                                   public nvinfer1::IPluginV3OneCore,
                                   public nvinfer1::IPluginV3OneBuild,
                                   public nvinfer1::IPluginV3OneRuntime {
public:
    /// `name` is the node's, for messages.
    LocalGlobalAttention(std::string name, const Attributes& attributes);

    // IPluginV3
    nvinfer1::IPluginCapability* getCapabilityInterface(nvinfer1::PluginCapabilityType type) noexcept override;
    nvinfer1::IPluginV3* clone() noexcept override;

    // IPluginV3OneCore
    const char* getPluginName() const noexcept override { return pluginName; }
    const char* getPluginVersion() const noexcept override { return pluginVersion; }
    const char* getPluginNamespace() const noexcept override { return pluginNamespace; }

    // IPluginV3OneBuild
    std::int32_t configurePlugin(const nvinfer1::DynamicPluginTensorDesc* in, std::int32_t nbInputs,
        const nvinfer1::DynamicPluginTensorDesc* out, std::int32_t nbOutputs) noexcept override;
    std::int32_t getOutputDataTypes(nvinfer1::DataType* outputTypes, std::int32_t nbOutputs,
        const nvinfer1::DataType* inputTypes, std::int32_t nbInputs) const noexcept override;
    std::int32_t getOutputShapes(const nvinfer1::DimsExprs* inputs, std::int32_t nbInputs,
        const nvinfer1::DimsExprs* shapeInputs, std::int32_t nbShapeInputs, nvinfer1::DimsExprs* outputs,
        std::int32_t nbOutputs, nvinfer1::IExprBuilder& exprBuilder) noexcept override;
    bool supportsFormatCombination(std::int32_t pos, const nvinfer1::DynamicPluginTensorDesc* inOut,
        std::int32_t nbInputs, std::int32_t nbOutputs) noexcept override;
    std::int32_t getNbOutputs() const noexcept override { return 1; }
    std::size_t getWorkspaceSize(const nvinfer1::DynamicPluginTensorDesc* inputs, std::int32_t nbInputs,
        const nvinfer1::DynamicPluginTensorDesc* outputs, std::int32_t nbOutputs) const noexcept override;
    const char* getMetadataString() noexcept override { return metadata_.c_str(); }

    // IPluginV3OneRuntime
    std::int32_t onShapeChange(const nvinfer1::PluginTensorDesc* in, std::int32_t nbInputs,
        const nvinfer1::PluginTensorDesc* out, std::int32_t nbOutputs) noexcept override;
    std::int32_t enqueue(const nvinfer1::PluginTensorDesc* inputDesc, const nvinfer1::PluginTensorDesc* outputDesc,
        const void* const* inputs, void* const* outputs, void* workspace, cudaStream_t stream) noexcept override;
    nvinfer1::IPluginV3* attachToContext(nvinfer1::IPluginResourceContext* context) noexcept override;
    const nvinfer1::PluginFieldCollection* getFieldsToSerialize() noexcept override;

private:
    std::string name_;
    std::string metadata_;
    Attributes attributes_;
    PlanFields planFields_;
    Counters counters_;
};

} // namespace intentd::attention

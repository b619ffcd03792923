// Makes plugins from ONNX nodes and from plans.
#pragma once

#include <NvInferRuntime.h>

namespace intentd::attention {

class LocalGlobalAttentionCreator final : public nvinfer1::IPluginCreatorV3One {
public:
    /// Null, and an error in the log, where a field is missing, unknown or out of range.
    nvinfer1::IPluginV3* createPlugin(const char* name, const nvinfer1::PluginFieldCollection* fields,
        nvinfer1::TensorRTPhase phase) noexcept override;
    const nvinfer1::PluginFieldCollection* getFieldNames() noexcept override;
    const char* getPluginName() const noexcept override;
    const char* getPluginVersion() const noexcept override;
    const char* getPluginNamespace() const noexcept override;
};

} // namespace intentd::attention

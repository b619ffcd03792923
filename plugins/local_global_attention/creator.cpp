#include "creator.h"

#include "plugin.h"
#include "pluginLog.h"

namespace intentd::attention {

nvinfer1::IPluginV3* LocalGlobalAttentionCreator::createPlugin(const char* name,
    const nvinfer1::PluginFieldCollection* fields, nvinfer1::TensorRTPhase phase) noexcept
{
    const char* shown = name ? name : "";
    return guarded(shown, static_cast<nvinfer1::IPluginV3*>(nullptr), [&] {
        if (!fields) throw PluginError("was given no attributes");
        const bool build = phase == nvinfer1::TensorRTPhase::kBUILD;
        return new LocalGlobalAttention(shown, build ? attributesOfNode(*fields) : attributesOfPlan(*fields));
    });
}

const nvinfer1::PluginFieldCollection* LocalGlobalAttentionCreator::getFieldNames() noexcept
{
    return &nodeFields();
}

const char* LocalGlobalAttentionCreator::getPluginName() const noexcept
{
    return pluginName;
}

const char* LocalGlobalAttentionCreator::getPluginVersion() const noexcept
{
    return pluginVersion;
}

const char* LocalGlobalAttentionCreator::getPluginNamespace() const noexcept
{
    return pluginNamespace;
}

} // namespace intentd::attention

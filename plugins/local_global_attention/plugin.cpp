#include "plugin.h"

#include <array>
#include <cstdio>

#include "kernel.h"
#include "pluginLog.h"
#include "pluginTensors.h"

namespace intentd::attention {
namespace {

constexpr std::int32_t success = 0;
constexpr std::int32_t failure = -1;

using Dimensions = std::vector<nvinfer1::Dims>;

/// Of the largest shape of the profile.
Dimensions largest(const nvinfer1::DynamicPluginTensorDesc* tensors, std::int32_t count)
{
    Dimensions dimensions;
    for (std::int32_t i = 0; i < count; ++i) dimensions.push_back(tensors[i].max);
    return dimensions;
}

Dimensions present(const nvinfer1::PluginTensorDesc* tensors, std::int32_t count)
{
    Dimensions dimensions;
    for (std::int32_t i = 0; i < count; ++i) dimensions.push_back(tensors[i].dims);
    return dimensions;
}

/// As far as they are constants; -1 where not.
Dimensions known(const nvinfer1::DimsExprs* tensors, std::int32_t count)
{
    Dimensions dimensions;
    for (std::int32_t i = 0; i < count; ++i) {
        nvinfer1::Dims dims{};
        dims.nbDims = tensors[i].nbDims;
        for (std::int32_t axis = 0; axis < dims.nbDims; ++axis)
            dims.d[axis] = tensors[i].d[axis]->isConstant() ? tensors[i].d[axis]->getConstantValue() : -1;
        dimensions.push_back(dims);
    }
    return dimensions;
}

std::string exact(float number)
{
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "%.9g", static_cast<double>(number));
    return text.data();
}

/// For the engine inspector, which puts it between quotes of its JSON as it is: no quotes in it.
std::string metadataOf(const Attributes& attributes)
{
    std::string text = "heads " + std::to_string(attributes.heads) + ", windowEachSide "
                       + std::to_string(attributes.windowEachSide) + ", globalTokens "
                       + std::to_string(attributes.globalTokens) + ", scale " + exact(attributes.scale) + ", packed "
                       + std::to_string(attributes.packed);
    if (attributes.inputScale > 0) text += ", inputScale " + exact(attributes.inputScale);
    if (attributes.outputScale > 0) text += ", outputScale " + exact(attributes.outputScale);
    return text;
}

} // namespace

LocalGlobalAttention::LocalGlobalAttention(std::string name, const Attributes& attributes)
    : name_(std::move(name))
    , metadata_(metadataOf(attributes))
    , attributes_(attributes)
    , planFields_(attributes)
{
}

nvinfer1::IPluginCapability* LocalGlobalAttention::getCapabilityInterface(
    nvinfer1::PluginCapabilityType type) noexcept
{
    switch (type) {
    case nvinfer1::PluginCapabilityType::kCORE: return static_cast<nvinfer1::IPluginV3OneCore*>(this);
    case nvinfer1::PluginCapabilityType::kBUILD: return static_cast<nvinfer1::IPluginV3OneBuild*>(this);
    case nvinfer1::PluginCapabilityType::kRUNTIME: return static_cast<nvinfer1::IPluginV3OneRuntime*>(this);
    }
    return nullptr;
}

nvinfer1::IPluginV3* LocalGlobalAttention::clone() noexcept
{
    return guarded(name_.c_str(), static_cast<nvinfer1::IPluginV3*>(nullptr),
        [&] { return new LocalGlobalAttention(name_, attributes_); });
}

std::int32_t LocalGlobalAttention::configurePlugin(const nvinfer1::DynamicPluginTensorDesc* in,
    std::int32_t nbInputs, const nvinfer1::DynamicPluginTensorDesc*, std::int32_t) noexcept
{
    return guarded(name_.c_str(), failure, [&] {
        checkInputs(attributes_, largest(in, nbInputs));
        return success;
    });
}

std::int32_t LocalGlobalAttention::getOutputDataTypes(nvinfer1::DataType* outputTypes, std::int32_t nbOutputs,
    const nvinfer1::DataType* inputTypes, std::int32_t nbInputs) const noexcept
{
    return guarded(name_.c_str(), failure, [&] {
        checkTypes(attributes_, {inputTypes, inputTypes + nbInputs});
        if (nbOutputs != 1) throw PluginError(std::to_string(nbOutputs) + " outputs, expected 1");
        outputTypes[0] = outputType(kernelType(attributes_, inputTypes[0]));
        return success;
    });
}

std::int32_t LocalGlobalAttention::getOutputShapes(const nvinfer1::DimsExprs* inputs, std::int32_t nbInputs,
    const nvinfer1::DimsExprs*, std::int32_t, nvinfer1::DimsExprs* outputs, std::int32_t nbOutputs,
    nvinfer1::IExprBuilder& exprBuilder) noexcept
{
    return guarded(name_.c_str(), failure, [&] {
        checkInputs(attributes_, known(inputs, nbInputs));
        if (nbOutputs != 1) throw PluginError(std::to_string(nbOutputs) + " outputs, expected 1");
        outputs[0] = inputs[0];
        outputs[0].d[2] = exprBuilder.operation(nvinfer1::DimensionOperation::kFLOOR_DIV, *inputs[0].d[2],
            *exprBuilder.constant(attributes_.packed ? 3 : 2));
        return success;
    });
}

bool LocalGlobalAttention::supportsFormatCombination(std::int32_t pos,
    const nvinfer1::DynamicPluginTensorDesc* inOut, std::int32_t nbInputs, std::int32_t nbOutputs) noexcept
{
    if (nbInputs != inputCount(attributes_) || nbOutputs != 1) return false;
    const nvinfer1::PluginTensorDesc& tensor = inOut[pos].desc;
    if (tensor.format != nvinfer1::TensorFormat::kLINEAR) return false;
    if (pos == nbInputs - 1) return tensor.type == nvinfer1::DataType::kINT32; // lengths
    return guarded(name_.c_str(), false, [&] {
        const nvinfer1::DataType first = inOut[0].desc.type;
        const bool known = first == nvinfer1::DataType::kHALF
                           || (first == nvinfer1::DataType::kINT8 && attributes_.inputScale > 0);
        return known && tensor.type == (pos < nbInputs ? first : outputType(kernelType(attributes_, first)));
    });
}

std::size_t LocalGlobalAttention::getWorkspaceSize(const nvinfer1::DynamicPluginTensorDesc* inputs,
    std::int32_t nbInputs, const nvinfer1::DynamicPluginTensorDesc*, std::int32_t) const noexcept
{
    return guarded(name_.c_str(), std::size_t{0},
        [&] { return attentionWorkspaceBytes(shapeOf(attributes_, largest(inputs, nbInputs))); });
}

std::int32_t LocalGlobalAttention::onShapeChange(const nvinfer1::PluginTensorDesc* in, std::int32_t nbInputs,
    const nvinfer1::PluginTensorDesc*, std::int32_t) noexcept
{
    return guarded(name_.c_str(), failure, [&] {
        const AttentionShape shape = shapeOf(attributes_, present(in, nbInputs));
        expectSuccess(prepareAttention(), "cannot load its kernels");
        counters_.reserve(attentionCounterCount(shape));
        return success;
    });
}

std::int32_t LocalGlobalAttention::enqueue(const nvinfer1::PluginTensorDesc* inputDesc,
    const nvinfer1::PluginTensorDesc*, const void* const* inputs, void* const* outputs, void* workspace,
    cudaStream_t stream) noexcept
{
    return guarded(name_.c_str(), failure, [&] {
        const std::int32_t count = inputCount(attributes_);
        Attention attention{};
        attention.shape = shapeOf(attributes_, present(inputDesc, count));
        attention.type = kernelType(attributes_, inputDesc[0].type);
        attention.packed = attributes_.packed != 0;
        attention.scale = attributes_.scale;
        attention.inputScale = attributes_.inputScale;
        attention.outputScale = attributes_.outputScale;
        attention.queryKey = inputs[0];
        attention.value = attention.packed ? nullptr : inputs[1];
        attention.lengths = static_cast<const std::int32_t*>(inputs[count - 1]);
        attention.output = outputs[0];
        attention.workspace = workspace;
        attention.counters = counters_.get();
        expectSuccess(launchAttention(attention, stream), "cannot launch");
        return success;
    });
}

nvinfer1::IPluginV3* LocalGlobalAttention::attachToContext(nvinfer1::IPluginResourceContext*) noexcept
{
    return guarded(name_.c_str(), static_cast<nvinfer1::IPluginV3*>(nullptr), [&] {
        expectSuccess(prepareAttention(), "cannot load its kernels"); // here, where nothing is being captured
        return new LocalGlobalAttention(name_, attributes_);
    });
}

const nvinfer1::PluginFieldCollection* LocalGlobalAttention::getFieldsToSerialize() noexcept
{
    return &planFields_.collection();
}

} // namespace intentd::attention

#include "pluginTensors.h"

#include <string>

#include "pluginLog.h"

namespace intentd::attention {
namespace {

std::string sizes(const nvinfer1::Dims& dims)
{
    std::string text = "[";
    for (std::int32_t i = 0; i < dims.nbDims; ++i) text += (i ? ", " : "") + std::to_string(dims.d[i]);
    return text + "]";
}

/// Columns of the first input: query and key, and value where it is packed.
std::int64_t columnsPerHidden(const Attributes& attributes)
{
    return attributes.packed ? 3 : 2;
}

void checkFirst(const Attributes& attributes, const nvinfer1::Dims& first)
{
    const std::string called = attributes.packed ? "input 0 (query, key, value)" : "input 0 (query, key)";
    const std::int64_t parts = columnsPerHidden(attributes);
    if (first.nbDims != 3)
        throw PluginError(called + " is " + sizes(first) + ", expected [batch, sequence, " + std::to_string(parts)
                          + " * hidden]");
    if (first.d[1] > longestSequence)
        throw PluginError(called + " is " + sizes(first) + ", expected a sequence of at most "
                          + std::to_string(longestSequence));
    const std::int64_t columns = first.d[2];
    if (columns < 0) return;
    const std::int64_t headColumns = parts * attributes.heads;
    const std::int64_t headSize = columns / headColumns;
    const bool supported = attentionSupports(DataType::kHalf, static_cast<std::int32_t>(headSize));
    if (columns % headColumns != 0 || !supported)
        throw PluginError(called + " is " + sizes(first) + " with " + std::to_string(attributes.heads)
                          + " heads, expected a last dimension of " + std::to_string(parts)
                          + " * heads * head size, and a head size of 32, 64 or 128");
}

bool fits(std::int64_t left, std::int64_t right)
{
    return left < 0 || right < 0 || left == right;
}

void checkValue(const nvinfer1::Dims& first, const nvinfer1::Dims& value)
{
    const bool fitting = value.nbDims == 3 && fits(value.d[0], first.d[0]) && fits(value.d[1], first.d[1])
                         && fits(value.d[2] < 0 ? -1 : 2 * value.d[2], first.d[2]);
    if (!fitting)
        throw PluginError("input 1 (value) is " + sizes(value) + " beside a query, key of " + sizes(first)
                          + ", expected the same batch and sequence, and half the columns");
}

void checkCount(const Attributes& attributes, std::size_t count)
{
    if (count != static_cast<std::size_t>(inputCount(attributes)))
        throw PluginError(std::to_string(count) + " inputs with packed " + std::to_string(attributes.packed)
                          + (attributes.packed ? ", expected 2: query-key-value, lengths"
                                               : ", expected 3: query-key, value, lengths"));
}

} // namespace

std::int32_t inputCount(const Attributes& attributes) noexcept
{
    return attributes.packed ? 2 : 3;
}

DataType kernelType(const Attributes& attributes, nvinfer1::DataType type)
{
    const bool onlyOutput = attributes.outputScale > 0 && !(attributes.inputScale > 0);
    if (type == nvinfer1::DataType::kHALF) return onlyOutput ? DataType::kHalfToInt8 : DataType::kHalf;
    if (type != nvinfer1::DataType::kINT8)
        throw PluginError("a tensor of TensorRT's data type " + std::to_string(static_cast<int>(type))
                          + ", expected FP16 (1), or INT8 (2) with inputScale and outputScale");
    if (!(attributes.inputScale > 0)) throw PluginError("INT8 inputs need the attributes inputScale and outputScale");
    return DataType::kInt8;
}

nvinfer1::DataType outputType(DataType type) noexcept
{
    return type == DataType::kHalf ? nvinfer1::DataType::kHALF : nvinfer1::DataType::kINT8;
}

void checkTypes(const Attributes& attributes, const std::vector<nvinfer1::DataType>& types)
{
    checkCount(attributes, types.size());
    kernelType(attributes, types.front());
    if (!attributes.packed && types[1] != types[0])
        throw PluginError("input 1 (value) is of another type than input 0 (query, key)");
    if (types.back() != nvinfer1::DataType::kINT32) throw PluginError("lengths are not INT32");
}

void checkInputs(const Attributes& attributes, const std::vector<nvinfer1::Dims>& inputs)
{
    checkCount(attributes, inputs.size());
    const nvinfer1::Dims& first = inputs.front();
    checkFirst(attributes, first);
    if (!attributes.packed) checkValue(first, inputs[1]);
    const nvinfer1::Dims& lengths = inputs.back();
    if (lengths.nbDims != 1 || !fits(lengths.d[0], first.d[0]))
        throw PluginError("lengths are " + sizes(lengths) + " beside input 0 of " + sizes(first)
                          + ", expected [batch]");
}

AttentionShape shapeOf(const Attributes& attributes, const std::vector<nvinfer1::Dims>& inputs)
{
    checkInputs(attributes, inputs);
    const nvinfer1::Dims& first = inputs.front();
    AttentionShape shape{};
    shape.batch = static_cast<std::int32_t>(first.d[0]);
    shape.sequence = static_cast<std::int32_t>(first.d[1]);
    shape.heads = attributes.heads;
    shape.headSize = static_cast<std::int32_t>(first.d[2] / (columnsPerHidden(attributes) * attributes.heads));
    shape.windowEachSide = attributes.windowEachSide;
    shape.globalTokens = attributes.globalTokens;
    return shape;
}

} // namespace intentd::attention

// What the plugin's tensors must be: number, types, dimensions.
#pragma once

#include <cstdint>
#include <vector>

#include <NvInferRuntime.h>

#include "kernel.h"
#include "pluginAttributes.h"

namespace intentd::attention {

/// Longest sequence a call may have.
constexpr std::int64_t longestSequence = 8192;

/// Inputs of the node: query-key, value, lengths; or packed, lengths.
std::int32_t inputCount(const Attributes& attributes) noexcept;

/// The kernel's type for inputs of `type`: an output is INT8 where the node has an outputScale and either no inputScale
/// or INT8 inputs. Throws PluginError: not FP16, nor INT8 of a node with both scales.
DataType kernelType(const Attributes& attributes, nvinfer1::DataType type);

/// TensorRT's type of the kernel's output.
nvinfer1::DataType outputType(DataType type) noexcept;

/// Throws PluginError that names the input: types of the inputs, lengths last.
void checkTypes(const Attributes& attributes, const std::vector<nvinfer1::DataType>& types);

/// Throws PluginError that names the input: how many there are, how many dimensions, which sizes. A dimension of -1
/// is not known yet and fits.
void checkInputs(const Attributes& attributes, const std::vector<nvinfer1::Dims>& inputs);

/// What one call computes, from known dimensions that `checkInputs` holds against.
AttentionShape shapeOf(const Attributes& attributes, const std::vector<nvinfer1::Dims>& inputs);

} // namespace intentd::attention

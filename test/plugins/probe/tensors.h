// Tensors as commands write them: types, formats, sizes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <NvInferRuntime.h>

#include "text.h"

namespace probe {

inline nvinfer1::DataType typeOf(const std::string& name)
{
    static const std::map<std::string, nvinfer1::DataType> types = {{"float", nvinfer1::DataType::kFLOAT},
        {"half", nvinfer1::DataType::kHALF}, {"int8", nvinfer1::DataType::kINT8},
        {"int32", nvinfer1::DataType::kINT32}, {"bf16", nvinfer1::DataType::kBF16},
        {"int64", nvinfer1::DataType::kINT64}};
    return types.at(name);
}

inline nvinfer1::TensorFormat formatOf(const std::string& name)
{
    static const std::map<std::string, nvinfer1::TensorFormat> formats
        = {{"linear", nvinfer1::TensorFormat::kLINEAR}, {"chw4", nvinfer1::TensorFormat::kCHW4},
            {"chw32", nvinfer1::TensorFormat::kCHW32}, {"hwc8", nvinfer1::TensorFormat::kHWC8}};
    return formats.at(name);
}

/// "16x256x768"
inline nvinfer1::Dims dimsOf(const std::string& text)
{
    nvinfer1::Dims dims{};
    for (const std::string& size : split(text, 'x')) dims.d[dims.nbDims++] = std::stoll(size);
    return dims;
}

/// FP16 and linear, lengths last and INT32, all of them as large as they get.
inline std::vector<nvinfer1::DynamicPluginTensorDesc> tensorsOf(const Words& shapes)
{
    std::vector<nvinfer1::DynamicPluginTensorDesc> tensors(shapes.size());
    for (std::size_t i = 0; i < shapes.size(); ++i) {
        const bool lengths = i + 1 == shapes.size();
        tensors[i].max = tensors[i].opt = tensors[i].min = tensors[i].desc.dims = dimsOf(shapes[i]);
        tensors[i].desc.type = lengths ? nvinfer1::DataType::kINT32 : nvinfer1::DataType::kHALF;
    }
    return tensors;
}

} // namespace probe

// Plugin fields written as "heads:i=12" and "scale:f=0.125", and back.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include <NvInferRuntime.h>

#include "text.h"

namespace probe {

/// Owns what its fields point at.
class Fields {
public:
    void add(const std::string& written)
    {
        const std::size_t colon = written.find(':');
        const std::size_t equals = written.find('=');
        if (colon == std::string::npos || equals != colon + 2) throw std::runtime_error("no field: " + written);
        const std::string value = written.substr(equals + 1);
        switch (written[colon + 1]) {
        case 'i': add(written.substr(0, colon), nvinfer1::PluginFieldType::kINT32, std::int32_t(std::stol(value))); break;
        case 'l': add(written.substr(0, colon), nvinfer1::PluginFieldType::kINT64, std::int64_t(std::stoll(value))); break;
        case 'f': add(written.substr(0, colon), nvinfer1::PluginFieldType::kFLOAT32, std::stof(value)); break;
        default: throw std::runtime_error("no type: " + written);
        }
    }

    /// A copy of fields that somebody else owns, as a plan carries them.
    void add(const nvinfer1::PluginFieldCollection& others)
    {
        for (std::int32_t i = 0; i < others.nbFields; ++i) {
            const nvinfer1::PluginField& field = others.fields[i];
            if (field.type == nvinfer1::PluginFieldType::kINT32)
                add(field.name, field.type, *static_cast<const std::int32_t*>(field.data));
            else
                add(field.name, field.type, *static_cast<const float*>(field.data));
        }
    }

    nvinfer1::PluginFieldCollection collection() const
    {
        return {static_cast<std::int32_t>(fields_.size()), fields_.data()};
    }

    /// Names and values, as `{"heads":12}`.
    static std::string json(const nvinfer1::PluginFieldCollection& collection)
    {
        std::string text = "{";
        for (std::int32_t i = 0; i < collection.nbFields; ++i) {
            const nvinfer1::PluginField& field = collection.fields[i];
            text += (i ? "," : "") + quoted(field.name) + ":";
            text += field.type == nvinfer1::PluginFieldType::kINT32
                        ? std::to_string(*static_cast<const std::int32_t*>(field.data))
                        : std::to_string(*static_cast<const float*>(field.data));
        }
        return text + "}";
    }

private:
    template <typename Value>
    void add(const std::string& name, nvinfer1::PluginFieldType type, Value value)
    {
        const std::string& kept = names_.emplace_back(name);
        std::string& bytes = values_.emplace_back(sizeof value, '\0');
        std::memcpy(bytes.data(), &value, sizeof value);
        fields_.emplace_back(kept.c_str(), bytes.data(), type, 1);
    }

    std::deque<std::string> names_;
    std::deque<std::string> values_;
    std::vector<nvinfer1::PluginField> fields_;
};

} // namespace probe

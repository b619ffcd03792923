#include "pluginAttributes.h"

#include <cmath>
#include <cstring>
#include <map>
#include <string>

#include "pluginLog.h"

namespace intentd::attention {
namespace {

using nvinfer1::PluginField;
using nvinfer1::PluginFieldCollection;
using nvinfer1::PluginFieldType;

/// Of the fields in a plan; raised whenever what they are, or what they mean, changes.
constexpr std::int32_t planFormat = 1;

constexpr const char* formatField = "format";

/// Hands out fields by name, and knows which were asked for.
class FieldReader {
public:
    explicit FieldReader(const PluginFieldCollection& fields)
    {
        for (std::int32_t i = 0; i < fields.nbFields; ++i) {
            const PluginField& field = fields.fields[i];
            if (!fields_.emplace(field.name, &field).second) throw PluginError(called(field.name) + " is there twice");
        }
    }

    bool has(const char* name) const { return fields_.count(name) > 0; }

    std::int32_t integer(const char* name, std::int32_t least)
    {
        const auto value = take<std::int32_t>(name, PluginFieldType::kINT32, "one 32-bit integer");
        if (value < least)
            throw PluginError(called(name) + " is " + std::to_string(value) + ", expected " + std::to_string(least)
                              + " or more");
        return value;
    }

    float positive(const char* name)
    {
        const auto value = take<float>(name, PluginFieldType::kFLOAT32, "one 32-bit float");
        if (!std::isfinite(value) || value <= 0)
            throw PluginError(called(name) + " is " + std::to_string(value) + ", expected a number above 0");
        return value;
    }

    void expectNothingElse() const
    {
        if (!fields_.empty()) throw PluginError(called(fields_.begin()->first) + " is not known");
    }

private:
    static std::string called(const std::string& name) { return "attribute " + name; }

    template <typename Value>
    Value take(const char* name, PluginFieldType type, const char* expected)
    {
        const auto found = fields_.find(name);
        if (found == fields_.end()) throw PluginError(called(name) + " is missing");
        const PluginField& field = *found->second;
        if (field.type != type || field.length != 1 || !field.data)
            throw PluginError(called(name) + " is of type " + std::to_string(static_cast<int>(field.type)) + ", length "
                              + std::to_string(field.length) + ", expected " + expected);
        Value value;
        std::memcpy(&value, field.data, sizeof value);
        fields_.erase(found);
        return value;
    }

    std::map<std::string, const PluginField*> fields_;
};

Attributes attributesOf(FieldReader& reader)
{
    Attributes attributes;
    attributes.heads = reader.integer("heads", 1);
    attributes.windowEachSide = reader.integer("windowEachSide", -1);
    attributes.globalTokens = reader.integer("globalTokens", 0);
    attributes.scale = reader.positive("scale");
    attributes.packed = reader.integer("packed", 0);
    if (attributes.packed > 1)
        throw PluginError("attribute packed is " + std::to_string(attributes.packed) + ", expected 0 or 1");
    if (reader.has("inputScale") && !reader.has("outputScale"))
        throw PluginError("attribute inputScale is there without outputScale: INT8 goes in, so INT8 comes out");
    if (reader.has("outputScale")) attributes.outputScale = reader.positive("outputScale");
    if (reader.has("inputScale")) attributes.inputScale = reader.positive("inputScale");
    reader.expectNothingElse();
    return attributes;
}

} // namespace

const PluginFieldCollection& nodeFields() noexcept
{
    static constexpr std::int32_t count = 7;
    static const std::array<PluginField, count> fields = {
        PluginField("heads", nullptr, PluginFieldType::kINT32, 1),
        PluginField("windowEachSide", nullptr, PluginFieldType::kINT32, 1),
        PluginField("globalTokens", nullptr, PluginFieldType::kINT32, 1),
        PluginField("scale", nullptr, PluginFieldType::kFLOAT32, 1),
        PluginField("packed", nullptr, PluginFieldType::kINT32, 1),
        PluginField("inputScale", nullptr, PluginFieldType::kFLOAT32, 1),
        PluginField("outputScale", nullptr, PluginFieldType::kFLOAT32, 1),
    };
    static const PluginFieldCollection collection{count, fields.data()};
    return collection;
}

Attributes attributesOfNode(const PluginFieldCollection& fields)
{
    FieldReader reader(fields);
    return attributesOf(reader);
}

Attributes attributesOfPlan(const PluginFieldCollection& fields)
{
    FieldReader reader(fields);
    const std::int32_t format = reader.integer(formatField, 0);
    if (format != planFormat)
        throw PluginError("the plan is of format " + std::to_string(format) + ", this library reads format "
                          + std::to_string(planFormat) + ": build the engine again with this library");
    return attributesOf(reader);
}

PlanFields::PlanFields(const Attributes& attributes) noexcept
    : attributes_(attributes)
    , fields_{
          PluginField(formatField, &planFormat, PluginFieldType::kINT32, 1),
          PluginField("heads", &attributes_.heads, PluginFieldType::kINT32, 1),
          PluginField("windowEachSide", &attributes_.windowEachSide, PluginFieldType::kINT32, 1),
          PluginField("globalTokens", &attributes_.globalTokens, PluginFieldType::kINT32, 1),
          PluginField("scale", &attributes_.scale, PluginFieldType::kFLOAT32, 1),
          PluginField("packed", &attributes_.packed, PluginFieldType::kINT32, 1),
          PluginField("outputScale", &attributes_.outputScale, PluginFieldType::kFLOAT32, 1),
          PluginField("inputScale", &attributes_.inputScale, PluginFieldType::kFLOAT32, 1),
      }
    // Scales that a node lacks are not in its plan; none has that of the input alone.
    , collection_{static_cast<std::int32_t>(fields_.size()) - (attributes.outputScale > 0 ? 0 : 1)
                      - (attributes.inputScale > 0 ? 0 : 1),
          fields_.data()}
{
}

} // namespace intentd::attention

// Dimensions as a network that is being built has them: constants and named unknowns, without TensorRT's library.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include <NvInferRuntime.h>

namespace probe {

/// One dimension: a constant, or an unknown whose text says how it is computed.
class Expression final : public nvinfer1::IDimensionExpr, private nvinfer1::apiv::VDimensionExpr {
public:
    explicit Expression(std::int64_t constant) : constant_(true), value_(constant), text_(std::to_string(constant))
    {
        mImpl = this;
    }
    explicit Expression(std::string text) : text_(std::move(text)) { mImpl = this; }

    const std::string& text() const { return text_; }

    bool isConstant() const override { return constant_; }
    std::int64_t getConstantValue() const override { return value_; }
    bool isSizeTensor() const override { return false; }

private:
    bool constant_ = false;
    std::int64_t value_ = 0;
    std::string text_;
};

class Expressions final : public nvinfer1::IExprBuilder, private nvinfer1::apiv::VExprBuilder {
public:
    Expressions() { mImpl = this; }

    const Expression* unknown(const std::string& name) { return &made_.emplace_back(name); }

    const nvinfer1::IDimensionExpr* constant(std::int64_t value) override { return &made_.emplace_back(value); }

    const nvinfer1::IDimensionExpr* operation(nvinfer1::DimensionOperation op,
        const nvinfer1::IDimensionExpr& first, const nvinfer1::IDimensionExpr& second) override
    {
        if (op == nvinfer1::DimensionOperation::kFLOOR_DIV && first.isConstant() && second.isConstant())
            return constant(first.getConstantValue() / second.getConstantValue());
        return unknown("(" + text(first) + " " + symbol(op) + " " + text(second) + ")");
    }

    const nvinfer1::IDimensionExpr* declareSizeTensor(
        std::int32_t, const nvinfer1::IDimensionExpr&, const nvinfer1::IDimensionExpr&) override
    {
        return nullptr;
    }

    static const std::string& text(const nvinfer1::IDimensionExpr& expression)
    {
        return static_cast<const Expression&>(expression).text();
    }

private:
    static std::string symbol(nvinfer1::DimensionOperation op)
    {
        return op == nvinfer1::DimensionOperation::kFLOOR_DIV ? "/" : "operation " + std::to_string(static_cast<int>(op));
    }

    std::deque<Expression> made_; // their addresses stay
};

} // namespace probe

// What the plugin says when something is wrong, and the wall that keeps exceptions inside it.
#pragma once

#include <exception>
#include <stdexcept>

#include <NvInferRuntime.h>

namespace intentd::attention {

/// What is wrong with a node, a plan, a tensor or a GPU, in one sentence.
class PluginError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Where messages go from now on: TensorRT's own logger. Null: standard error.
void setLoggerFinder(nvinfer1::ILoggerFinder* finder) noexcept;

/// Logs "LocalGlobalAttention NAME: MESSAGE" as an error.
void logError(const char* name, const char* message) noexcept;

/// Runs `body`; what it throws is logged, and `failure` returned. TensorRT's overrides are noexcept: what escapes
/// one would end the process.
template <typename Result, typename Body>
Result guarded(const char* name, Result failure, Body body) noexcept
{
    try {
        return body();
    } catch (const std::exception& error) {
        logError(name, error.what());
    } catch (...) {
        logError(name, "failed with something that is no std::exception");
    }
    return failure;
}

} // namespace intentd::attention

#include "pluginLog.h"

#include <array>
#include <atomic>
#include <cstdio>

namespace intentd::attention {
namespace {

std::atomic<nvinfer1::ILoggerFinder*> loggerFinder{nullptr};

nvinfer1::ILogger* findLogger() noexcept
{
    nvinfer1::ILoggerFinder* finder = loggerFinder.load();
    try {
        return finder ? finder->findLogger() : nullptr;
    } catch (...) {
        return nullptr; // the message is worth more than why the logger was not found
    }
}

} // namespace

void setLoggerFinder(nvinfer1::ILoggerFinder* finder) noexcept
{
    loggerFinder.store(finder);
}

void logError(const char* name, const char* message) noexcept
{
    std::array<char, 1024> line; // no allocation: memory may be what has run out
    std::snprintf(line.data(), line.size(), "LocalGlobalAttention %s: %s", name, message);
    if (nvinfer1::ILogger* logger = findLogger())
        logger->log(nvinfer1::ILogger::Severity::kERROR, line.data());
    else
        std::fprintf(stderr, "%s\n", line.data());
}

} // namespace intentd::attention

// What TensorRT's registry looks up when it loads the library: the only two symbols that leave it.

#include <cstdint>

#include <NvInferRuntime.h>

#include "creator.h"
#include "pluginLog.h"

#define INTENTD_EXPORT extern "C" __attribute__((visibility("default")))

INTENTD_EXPORT void setLoggerFinder(nvinfer1::ILoggerFinder* finder)
{
    intentd::attention::setLoggerFinder(finder);
}

INTENTD_EXPORT nvinfer1::IPluginCreatorInterface* const* getCreators(std::int32_t& count)
{
    static intentd::attention::LocalGlobalAttentionCreator creator;
    static nvinfer1::IPluginCreatorInterface* const creators[] = {&creator};
    count = 1;
    return creators;
}

#include "pluginDevice.h"

#include <algorithm>
#include <string>

#include "kernel.h"
#include "pluginLog.h"

namespace intentd::attention {
namespace {

/// 16 KiB: most engines never need a second block.
constexpr std::size_t leastCounters = 4096;

const char* meaningOf(cudaError_t error)
{
    switch (error) {
    case cudaErrorInvalidValue: return "sizes or addresses that the kernel cannot take";
    case cudaErrorMemoryAllocation: return "the GPU is out of memory";
    case cudaErrorInsufficientDriver: return "no CUDA driver (libcuda.so.1), or one that is too old";
    case cudaErrorNoDevice: return "no GPU";
    case cudaErrorNoKernelImageForDevice: return "a GPU older than compute capability 8.0";
    case cudaErrorDeviceUninitialized: return "no CUDA context on this thread";
    default: return "see the CUDA documentation";
    }
}

} // namespace

void expectSuccess(cudaError_t error, const char* what)
{
    if (error == cudaSuccess) return;
    throw PluginError(std::string(what) + ": CUDA error " + std::to_string(static_cast<int>(error)) + ", "
                      + meaningOf(error));
}

Counters::~Counters()
{
    for (std::uint32_t* block : blocks_) freeAttentionCounters(block);
}

void Counters::reserve(std::size_t count)
{
    if (count <= capacity_) return;
    const std::size_t wanted = std::max(count, leastCounters);
    blocks_.reserve(blocks_.size() + 1);
    std::uint32_t* block = nullptr;
    expectSuccess(allocateAttentionCounters(wanted, &block), "cannot allocate its counters");
    blocks_.push_back(block);
    capacity_ = wanted;
}

} // namespace intentd::attention

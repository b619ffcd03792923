// What the plugin holds on the GPU, and the GPU's errors in words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <driver_types.h>

namespace intentd::attention {

/// Throws PluginError with `what` and what the error means, unless it is success.
void expectSuccess(cudaError_t error, const char* what);

/// Zeroed counters for the calls of one execution context, which follow one another. What was handed out once stays
/// until the end: a captured graph may hold it.
class Counters {
public:
    Counters() = default;
    Counters(const Counters&) = delete;
    Counters& operator=(const Counters&) = delete;
    ~Counters();

    /// At least `count` of them; null where count is 0. Allocates only when it never had as many. Throws PluginError.
    void reserve(std::size_t count);
    std::uint32_t* get() const { return blocks_.empty() ? nullptr : blocks_.back(); }

private:
    std::vector<std::uint32_t*> blocks_;
    std::size_t capacity_ = 0;
};

} // namespace intentd::attention

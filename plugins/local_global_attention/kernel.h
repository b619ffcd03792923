// Local + global sparse attention on the GPU: what the plugin's shell calls. No TensorRT, no Node.js header.
#pragma once

#include <cstddef>
#include <cstdint>

#include <driver_types.h> // cudaError_t, cudaStream_t: types only, the CUDA runtime is not linked

namespace intentd::attention {

/// Of inputs and output alike, or of the inputs and then of the output.
enum class DataType : std::int32_t { kHalf = 0, kInt8 = 1, kHalfToInt8 = 2 };

/// What fixes the work apart from the data: sizes of [batch, sequence, heads * headSize] and the pattern.
struct AttentionShape {
    std::int32_t batch;
    std::int32_t sequence;       // 1 to 8,192
    std::int32_t heads;
    std::int32_t headSize;       // 32, 64 or 128
    std::int32_t windowEachSide; // -1 dense, 0 self only
    std::int32_t globalTokens;   // the first so many see, and are seen by, every token
};

/// One call. Token i sees j if |i - j| <= windowEachSide, or i or j is global; nothing past a row's length.
struct Attention {
    AttentionShape shape;
    DataType type;
    bool packed;               // queryKey is [B, S, 3 * hidden] = query, key, value, and value is not read
    float scale;               // the factor on query . key, as 1 / sqrt(headSize)
    float inputScale;          // int8 in: real = inputScale * stored, for query, key and value; half: not read
    float outputScale;         // int8 out: stored = round(real / outputScale), to even, within -128..127; half: not read
    const void* queryKey;      // device, [B, S, 2 * hidden] = query of all heads, then key of all heads; 16-byte aligned
    const void* value;         // device, [B, S, hidden], 16-byte aligned; null when packed
    const std::int32_t* lengths; // device, [B]; outside 0..sequence they are taken as the nearest of the two
    void* output;              // device, [B, S, hidden], 16-byte aligned; zero past each row's length
    void* workspace;           // device, attentionWorkspaceBytes(shape), 16-byte aligned, any content; may be null if 0 bytes
    std::uint32_t* counters;   // device, attentionCounterCount(shape) zeros, zero again afterwards; or null, which
                               // costs one small memset in the stream where global rows are split
};

/// Whether a kernel exists for this type and head size.
bool attentionSupports(DataType type, std::int32_t headSize) noexcept;

/// Device bytes of `workspace`: at most linear in batch and in sequence, growing with both. 0 where nothing is split.
std::size_t attentionWorkspaceBytes(const AttentionShape& shape) noexcept;

/// Number of 32-bit counters one call needs.
std::size_t attentionCounterCount(const AttentionShape& shape) noexcept;

/// Loads the kernels of the current context's device and sets their attributes; cheap when that is done already.
/// Call it before stream capture. cudaErrorInsufficientDriver: no libcuda or too old; cudaErrorNoKernelImageForDevice:
/// a GPU older than compute capability 8.0.
cudaError_t prepareAttention() noexcept;

/// Zeroed counters that one caller keeps for its calls, which must follow one another (one execution context).
cudaError_t allocateAttentionCounters(std::size_t count, std::uint32_t** counters) noexcept;
cudaError_t freeAttentionCounters(std::uint32_t* counters) noexcept;

/// Enqueues the attention on `stream`; asynchronous, allocates nothing, safe under capture once prepared.
/// cudaErrorInvalidValue: sizes or pointers that the comments above rule out.
cudaError_t launchAttention(const Attention& attention, cudaStream_t stream) noexcept;

} // namespace intentd::attention

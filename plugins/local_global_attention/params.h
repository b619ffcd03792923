// What a kernel is launched with, as the host fills it and the device reads it.
#pragma once

namespace intentd::attention {

struct KernelParams {
    const void* query;
    const void* key;
    const void* value;
    const int* lengths;
    void* output;
    float* partials;        // [batch, heads, splits, globals, headSize + kPartialExtra], written only where splits > 1
    unsigned int* counters; // [batch, heads]
    int batch;
    int sequence;
    int heads;
    int windowEachSide;
    int globals;
    int queryKeyStride; // bytes from one token to the next
    int valueStride;
    int outputStride;
    int queryTiles;  // of the sequence
    int globalTiles; // of the global rows when they are apart, or 0
    int splits;      // parts of the keys for each of the global tiles
    int splitKeys;   // keys a part
    int firstRow;    // of the batch, of this launch
    float scoreFactor;  // turns a product of stored numbers into a power of two's exponent
    float outputFactor; // turns a mean of stored values into the stored output
};

/// After its head's sums a partial holds the maximum, the sum of weights and two floats of padding.
constexpr int kPartialExtra = 4;

} // namespace intentd::attention

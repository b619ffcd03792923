#pragma once

#include <NvInfer.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cuda_raii/memory.h"
#include "cuda_raii/stream.h"
#include "engine/tensors.h"

namespace intentd {

/** How tokens, lengths and embeddings of one shape lie in the input and the output block, in bytes. */
struct Layout {
  Layout(const Shape& shape, int hidden);
  size_t lengthsAt;
  size_t inputBytes;
  size_t outputBytes;
};

/** The blocks that all buckets of an engine share, for one of them runs at a time. */
struct Blocks {
  DeviceMemory input;
  DeviceMemory output;
  PinnedMemory pinnedInput;
  PinnedMemory pinnedOutput;
};

/** A batch as it comes in: `tokens` `[size, sequence]`, `lengths` `[size]`, row-major. */
struct Batch {
  std::vector<int32_t> tokens;
  std::vector<int32_t> lengths;
  Shape shape;
};

/**
 * One shape that runs without any allocation: its own execution context, so that a captured graph stays true, and
 * with `graph` everything from copying in to copying out launched as one.
 */
class Bucket {
 public:
  Bucket(nvinfer1::ICudaEngine& engine, const Tensors& tensors, const Shape& shape, int profile, const Blocks& blocks,
         const Stream& stream);

  const Shape& shape() const noexcept { return shape_; }
  /** Activation memory that this shape needs. */
  size_t activationBytes() const;
  /** Gives the activation memory, runs once, and captures if asked for. */
  void prepare(const DeviceMemory& activations, size_t bytes, bool graph);

  /** Writes a batch that fits into the pinned input; rows and columns that it lacks are padding of length 0. */
  void fill(const Batch& batch);
  /** Fills it with utterances of full length. */
  void fillFully();
  /** Copies in, computes, copies out and waits. Gives the GPU's µs. */
  double run();
  /** The first `rows` embeddings, `[rows, hidden]`, of the run before. */
  void read(int rows, float* embeddings) const;

 private:
  void enqueue();
  int32_t* pinnedTokens() const noexcept;
  int32_t* pinnedLengths() const noexcept;

  Shape shape_;
  int hidden_;
  Layout layout_;
  const Blocks& blocks_;
  const Stream& stream_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
  Event start_;
  Event end_;
  Graph graph_;
  std::string rangeName_;
};

}  // namespace intentd

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda_raii/memory.h"
#include "cuda_raii/stream.h"
#include "engine/profile_context.h"
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
 * One shape that runs without any allocation in the context of its profile; with a graph everything from copying in to
 * copying out is launched as one.
 */
class Bucket {
 public:
  Bucket(ProfileContext& context, const Shape& shape, int hidden, const Blocks& blocks, const Stream& stream);

  const Shape& shape() const noexcept { return shape_; }
  /** Activation memory that this shape needs. */
  size_t activationBytes() { return context_.activationBytes(shape_, addresses()); }
  /** Has everything allocated that a run needs. */
  void runOnce();
  /** From now on a run replays a graph. After every bucket of the context ran once, and before other work. */
  void capture();

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
  Addresses addresses() const noexcept;
  int32_t* pinnedTokens() const noexcept;
  int32_t* pinnedLengths() const noexcept;

  ProfileContext& context_;
  Shape shape_;
  int hidden_;
  Layout layout_;
  const Blocks& blocks_;
  const Stream& stream_;
  Event start_;
  Event end_;
  Graph graph_;
  std::string rangeName_;
};

}  // namespace intentd

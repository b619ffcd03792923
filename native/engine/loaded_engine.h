#pragma once

#include <NvInfer.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/bucket.h"
#include "engine/builder.h"

namespace intentd {

/**
 * A deserialized engine with everything that its buckets need, made once. Made, run and destroyed on one thread;
 * what is const may be asked from any.
 */
class LoadedEngine {
 public:
  /**
   * @param plan a serialized engine that was verified: it is executable code.
   * @throws Error `BAD_ENGINE`, `BAD_ARGUMENT` for a bucket outside every profile, `OUT_OF_MEMORY`, `CUDA`
   */
  LoadedEngine(const Bytes& plan, const std::vector<Shape>& buckets, bool graphs);

  /** Embeddings `[size, hidden]` of a batch that {@link fits}. Gives the GPU's µs. */
  double infer(const Batch& batch, float* embeddings);
  /** The GPU's µs of each of `repeats` runs of a bucket of exactly that shape. */
  std::vector<double> warmUp(const Shape& bucket, int repeats);

  bool fits(const Shape& batch) const noexcept { return nearest(batch) != nullptr; }
  bool hasBucket(const Shape& bucket) const noexcept;
  /** e.g. `1x16, 1x32, 4x16` */
  std::string bucketsInWords() const;
  int hidden() const noexcept { return tensors_.hidden; }
  size_t planBytes() const noexcept { return planBytes_; }
  /** What loading took of the device's memory by the driver's count. */
  size_t deviceBytes() const noexcept { return deviceBytes_; }
  size_t activationBytes() const noexcept { return activationBytes_; }
  const std::vector<Profile>& profiles() const noexcept { return profiles_; }
  /** What TensorRT's inspector says of the layers, JSON. */
  std::string layers() const;

 private:
  Bucket* nearest(const Shape& batch) const noexcept;
  int profileFor(const Shape& bucket) const;
  void makeBlocks(const std::vector<Shape>& buckets);
  void makeContexts(const std::vector<Shape>& buckets);

  // In the order in which they depend on one another: destroyed from the last to the first.
  std::unique_ptr<nvinfer1::IRuntime> runtime_;
  std::unique_ptr<nvinfer1::ICudaEngine> engine_;
  Stream stream_;
  Blocks blocks_;
  DeviceMemory activations_;
  Tensors tensors_;
  std::map<int, std::unique_ptr<ProfileContext>> contexts_;
  std::vector<std::unique_ptr<Bucket>> buckets_;

  std::vector<Profile> profiles_;
  size_t planBytes_;
  size_t activationBytes_ = 0;
  size_t deviceBytes_ = 0;
};

}  // namespace intentd

#pragma once

#include <NvInfer.h>

#include <memory>

#include "cuda_raii/memory.h"
#include "cuda_raii/stream.h"
#include "engine/tensors.h"

namespace intentd {

/** Where a shape's tensors lie on the device. */
struct Addresses {
  void* tokens;
  void* lengths;
  void* embedding;
};

/**
 * The execution context of one profile, which all shapes of the profile share: making one takes TensorRT a tenth of a
 * second and several MB. Graphs that were captured in it stay true when it goes on to another shape, for everything
 * they refer to is allocated before the first of them is captured: activations, and what TensorRT and the plugin grow
 * with a shape, by running every shape once.
 */
class ProfileContext {
 public:
  /** @throws Error `BAD_ENGINE`, `OUT_OF_MEMORY` */
  ProfileContext(nvinfer1::ICudaEngine& engine, const Tensors& tensors, int profile, const Stream& stream);

  /** Goes on to a shape, if it is another one. @throws Error `BAD_ENGINE` */
  void take(const Shape& shape, const Addresses& addresses);
  /** Activation memory that a shape needs. The context is of that shape then. */
  size_t activationBytes(const Shape& shape, const Addresses& addresses);
  /** For all shapes from now on. */
  void give(const DeviceMemory& activations, size_t bytes) noexcept;
  /** @throws Error `CUDA` */
  void enqueue(const Stream& stream);

 private:
  const Tensors& tensors_;
  std::unique_ptr<nvinfer1::IExecutionContext> context_;
  Shape shape_{0, 0};
  size_t needed_ = 0;
  void* activations_ = nullptr;
  size_t activationBytes_ = 0;
};

}  // namespace intentd

#include "engine/profile_context.h"

#include <string>

#include "engine/log.h"

namespace intentd {

ProfileContext::ProfileContext(nvinfer1::ICudaEngine& engine, const Tensors& tensors, int profile, const Stream& stream)
    : tensors_(tensors) {
  const uint64_t mark = Log::instance().mark();
  context_.reset(engine.createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
  if (!context_) throw failure(Code::badEngine, "TensorRT gives no execution context", mark);
  if (!context_->setOptimizationProfileAsync(profile, stream.get())) {
    throw failure(Code::badEngine, "TensorRT refuses the profile " + std::to_string(profile), mark);
  }
  finish(stream);
}

void ProfileContext::take(const Shape& shape, const Addresses& addresses) {
  if (shape.batch == shape_.batch && shape.sequence == shape_.sequence) return;
  const uint64_t mark = Log::instance().mark();
  shape_ = {0, 0};
  if (!context_->setInputShape(tensors_.tokens.c_str(), tokensShape(shape)) ||
      !context_->setInputShape(tensors_.lengths.c_str(), lengthsShape(shape)) ||
      !context_->setTensorAddress(tensors_.tokens.c_str(), addresses.tokens) ||
      !context_->setTensorAddress(tensors_.lengths.c_str(), addresses.lengths) ||
      !context_->setTensorAddress(tensors_.embedding.c_str(), addresses.embedding)) {
    throw failure(Code::badEngine, "TensorRT refuses the shape " + inWords(shape), mark);
  }
  const size_t needed = context_->updateDeviceMemorySizeForShapes();
  const std::string errors = Log::instance().errorsSince(mark);  // 0 bytes may be right: only the log tells.
  if (!errors.empty()) throw failure(Code::badEngine, "TensorRT cannot size " + inWords(shape), mark);
  if (activationBytes_ != 0) context_->setDeviceMemoryV2(activations_, static_cast<int64_t>(activationBytes_));
  needed_ = needed;
  shape_ = shape;
}

size_t ProfileContext::activationBytes(const Shape& shape, const Addresses& addresses) {
  take(shape, addresses);
  return needed_;
}

void ProfileContext::give(const DeviceMemory& activations, size_t bytes) noexcept {
  activations_ = pointer(activations);
  activationBytes_ = bytes;
  shape_ = {0, 0};
}

void ProfileContext::enqueue(const Stream& stream) {
  const uint64_t mark = Log::instance().mark();
  if (!context_->enqueueV3(stream.get())) throw failure(Code::cuda, "TensorRT does not run " + inWords(shape_), mark);
}

}  // namespace intentd

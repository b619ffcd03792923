#include "engine/bucket.h"

#include <algorithm>
#include <cstring>

#include "engine/log.h"
#include "engine/nvtx.h"

namespace intentd {
namespace {

constexpr size_t alignment = 256;  // IExecutionContext::setTensorAddress

std::unique_ptr<nvinfer1::IExecutionContext> makeContext(nvinfer1::ICudaEngine& engine, uint64_t mark) {
  std::unique_ptr<nvinfer1::IExecutionContext> context(
      engine.createExecutionContext(nvinfer1::ExecutionContextAllocationStrategy::kUSER_MANAGED));
  if (!context) throw failure(Code::badEngine, "TensorRT gives no execution context", mark);
  return context;
}

}  // namespace

Layout::Layout(const Shape& shape, int hidden) {
  const size_t batch = static_cast<size_t>(shape.batch);
  const size_t tokens = batch * static_cast<size_t>(shape.sequence) * sizeof(int32_t);
  lengthsAt = (tokens + alignment - 1) / alignment * alignment;
  inputBytes = lengthsAt + batch * sizeof(int32_t);
  outputBytes = batch * static_cast<size_t>(hidden) * sizeof(float);
}

Bucket::Bucket(nvinfer1::ICudaEngine& engine, const Tensors& tensors, const Shape& shape, int profile,
               const Blocks& blocks, const Stream& stream)
    : shape_(shape),
      hidden_(tensors.hidden),
      layout_(shape, tensors.hidden),
      blocks_(blocks),
      stream_(stream),
      start_(makeEvent()),
      end_(makeEvent()),
      rangeName_("intentd infer " + inWords(shape)) {
  const uint64_t mark = Log::instance().mark();
  context_ = makeContext(engine, mark);
  if (!context_->setOptimizationProfileAsync(profile, stream.get()) ||
      !context_->setInputShape(tensors.tokens.c_str(), tokensShape(shape)) ||
      !context_->setInputShape(tensors.lengths.c_str(), lengthsShape(shape)) ||
      !context_->setTensorAddress(tensors.tokens.c_str(), pointer(blocks.input)) ||
      !context_->setTensorAddress(tensors.lengths.c_str(), pointer(blocks.input, layout_.lengthsAt)) ||
      !context_->setTensorAddress(tensors.embedding.c_str(), pointer(blocks.output))) {
    throw failure(Code::badEngine, "TensorRT refuses the shape " + inWords(shape), mark);
  }
  finish(stream);
}

size_t Bucket::activationBytes() const {
  const uint64_t mark = Log::instance().mark();
  const size_t bytes = context_->updateDeviceMemorySizeForShapes();
  const std::string errors = Log::instance().errorsSince(mark);  // 0 bytes may be right: only the log tells.
  if (!errors.empty()) throw failure(Code::badEngine, "TensorRT cannot size " + inWords(shape_), mark);
  return bytes;
}

void Bucket::prepare(const DeviceMemory& activations, size_t bytes, bool graph) {
  context_->setDeviceMemoryV2(pointer(activations), static_cast<int64_t>(bytes));
  fillFully();
  run();
  if (graph) graph_ = captureGraph(stream_, [this] { enqueue(); });
}

void Bucket::fill(const Batch& batch) {
  const NvtxRange range("intentd fill");
  std::memset(blocks_.pinnedInput.get(), 0, layout_.inputBytes);
  for (int row = 0; row < batch.shape.batch; row++) {
    const int32_t* from = batch.tokens.data() + static_cast<size_t>(row) * batch.shape.sequence;
    std::copy_n(from, batch.shape.sequence, pinnedTokens() + static_cast<size_t>(row) * shape_.sequence);
  }
  std::copy_n(batch.lengths.data(), batch.shape.batch, pinnedLengths());
}

void Bucket::fillFully() {
  std::memset(blocks_.pinnedInput.get(), 0, layout_.inputBytes);
  std::fill_n(pinnedLengths(), shape_.batch, shape_.sequence);
}

double Bucket::run() {
  const NvtxRange range(rangeName_.c_str());
  {
    const NvtxRange launching("intentd launch");
    record(start_, stream_);
    if (graph_) {
      check(driver().cuGraphLaunch(graph_.get(), stream_.get()), "Launching a CUDA graph");
    } else {
      enqueue();
    }
    record(end_, stream_);
  }
  const NvtxRange waiting("intentd wait");
  finish(stream_);
  return elapsedUs(start_, end_);
}

void Bucket::read(int rows, float* embeddings) const {
  const NvtxRange range("intentd read");
  std::memcpy(embeddings, blocks_.pinnedOutput.get(), static_cast<size_t>(rows) * hidden_ * sizeof(float));
}

void Bucket::enqueue() {
  const Driver& cuda = driver();
  check(cuda.cuMemcpyHtoDAsync(blocks_.input.get(), blocks_.pinnedInput.get(), layout_.inputBytes, stream_.get()),
        "Copying tokens to the GPU");
  const uint64_t mark = Log::instance().mark();
  if (!context_->enqueueV3(stream_.get())) throw failure(Code::cuda, "TensorRT does not run " + inWords(shape_), mark);
  check(cuda.cuMemcpyDtoHAsync(blocks_.pinnedOutput.get(), blocks_.output.get(), layout_.outputBytes, stream_.get()),
        "Copying embeddings from the GPU");
}

int32_t* Bucket::pinnedTokens() const noexcept { return reinterpret_cast<int32_t*>(blocks_.pinnedInput.get()); }

int32_t* Bucket::pinnedLengths() const noexcept {
  return reinterpret_cast<int32_t*>(blocks_.pinnedInput.get() + layout_.lengthsAt);
}

}  // namespace intentd

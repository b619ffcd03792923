#include "engine/bucket.h"

#include <algorithm>
#include <cstring>

#include "engine/nvtx.h"

namespace intentd {
namespace {

constexpr size_t alignment = 256;  // IExecutionContext::setTensorAddress

}  // namespace

Layout::Layout(const Shape& shape, int hidden) {
  const size_t batch = static_cast<size_t>(shape.batch);
  const size_t tokens = batch * static_cast<size_t>(shape.sequence) * sizeof(int32_t);
  lengthsAt = (tokens + alignment - 1) / alignment * alignment;
  inputBytes = lengthsAt + batch * sizeof(int32_t);
  outputBytes = batch * static_cast<size_t>(hidden) * sizeof(float);
}

Bucket::Bucket(ProfileContext& context, const Shape& shape, int hidden, const Blocks& blocks, const Stream& stream)
    : context_(context),
      shape_(shape),
      hidden_(hidden),
      layout_(shape, hidden),
      blocks_(blocks),
      stream_(stream),
      start_(makeEvent()),
      end_(makeEvent()),
      rangeName_("intentd infer " + inWords(shape)) {}

void Bucket::runOnce() {
  fillFully();
  run();
}

void Bucket::capture() {
  runOnce();  // What TensorRT puts off until a shape's first run is no part of the graph.
  graph_ = captureGraph(stream_, [this] { enqueue(); });
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
      context_.take(shape_, addresses());
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
  context_.enqueue(stream_);
  check(cuda.cuMemcpyDtoHAsync(blocks_.pinnedOutput.get(), blocks_.output.get(), layout_.outputBytes, stream_.get()),
        "Copying embeddings from the GPU");
}

Addresses Bucket::addresses() const noexcept {
  return {pointer(blocks_.input), pointer(blocks_.input, layout_.lengthsAt), pointer(blocks_.output)};
}

int32_t* Bucket::pinnedTokens() const noexcept { return reinterpret_cast<int32_t*>(blocks_.pinnedInput.get()); }

int32_t* Bucket::pinnedLengths() const noexcept {
  return reinterpret_cast<int32_t*>(blocks_.pinnedInput.get() + layout_.lengthsAt);
}

}  // namespace intentd

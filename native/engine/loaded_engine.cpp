#include "engine/loaded_engine.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "cuda_raii/device.h"
#include "engine/log.h"
#include "engine/nvtx.h"
#include "engine/tensorrt_library.h"

namespace intentd {
namespace {

/** How much a shape computes. */
int64_t tokensOf(const Shape& shape) noexcept { return static_cast<int64_t>(shape.batch) * shape.sequence; }

std::unique_ptr<nvinfer1::ICudaEngine> deserialize(nvinfer1::IRuntime& runtime, const Bytes& plan) {
  const uint64_t mark = Log::instance().mark();
  std::unique_ptr<nvinfer1::ICudaEngine> engine(runtime.deserializeCudaEngine(plan.data(), plan.size()));
  if (!engine) throw failure(Code::badEngine, "TensorRT does not take this engine", mark);
  return engine;
}

/** Tells the log, for debugging, how long each stage of a load took. */
class Stages {
 public:
  void done(const std::string& stage) {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> ms = now - since_;
    since_ = now;
    char text[32];
    std::snprintf(text, sizeof text, "%.1f ms", ms.count());
    Log::instance().debug("Loading an engine: " + stage + " took " + text);
  }

 private:
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now();
};

uint64_t freeBytesNow() {
  useDevice();
  return freeDeviceBytes();
}

}  // namespace

LoadedEngine::LoadedEngine(const Bytes& plan, const std::vector<Shape>& buckets, bool graphs) : planBytes_(plan.size()) {
  const NvtxRange range("intentd load");
  Stages stages;
  const TensorRt& tensorrt = TensorRt::open();
  const uint64_t before = freeBytesNow();
  stages.done("opening TensorRT and the GPU");
  runtime_ = tensorrt.makeRuntime();
  engine_ = deserialize(*runtime_, plan);
  stages.done("deserializing");
  tensors_ = tensorsOf(*engine_);
  profiles_ = profilesOf(*engine_, tensors_);
  stream_ = makeStream();
  makeBlocks(buckets);
  makeContexts(buckets);
  stages.done(std::to_string(buckets.size()) + " shapes in " + std::to_string(contexts_.size()) + " contexts");
  activations_ = allocateDeviceMemory(activationBytes_);
  for (const auto& context : contexts_) context.second->give(activations_, activationBytes_);
  for (const auto& bucket : buckets_) bucket->runOnce();
  stages.done("running each once");
  if (graphs) {
    for (const auto& bucket : buckets_) bucket->capture();
    stages.done("capturing their graphs");
  }
  const uint64_t after = freeDeviceBytes();
  deviceBytes_ = before > after ? before - after : 0;
}

double LoadedEngine::infer(const Batch& batch, float* embeddings) {
  Bucket* const bucket = nearest(batch.shape);
  if (bucket == nullptr) throw Error(Code::badArgument, "No bucket takes " + inWords(batch.shape) + ".");
  bucket->fill(batch);
  const double us = bucket->run();
  bucket->read(batch.shape.batch, embeddings);
  return us;
}

std::vector<double> LoadedEngine::warmUp(const Shape& shape, int repeats) {
  Bucket* const bucket = nearest(shape);
  if (bucket == nullptr) throw Error(Code::badArgument, "No bucket takes " + inWords(shape) + ".");
  bucket->fillFully();
  std::vector<double> us(static_cast<size_t>(repeats));
  for (double& one : us) one = bucket->run();
  return us;
}

bool LoadedEngine::hasBucket(const Shape& shape) const noexcept {
  return std::any_of(buckets_.begin(), buckets_.end(), [&](const auto& bucket) {
    return bucket->shape().batch == shape.batch && bucket->shape().sequence == shape.sequence;
  });
}

std::string LoadedEngine::bucketsInWords() const {
  std::string words;
  for (const auto& bucket : buckets_) words += (words.empty() ? "" : ", ") + inWords(bucket->shape());
  return words;
}

std::string LoadedEngine::layers() const {
  const uint64_t mark = Log::instance().mark();
  const std::unique_ptr<nvinfer1::IEngineInspector> inspector(engine_->createEngineInspector());
  const char* json = inspector ? inspector->getEngineInformation(nvinfer1::LayerInformationFormat::kJSON) : nullptr;
  if (json == nullptr) throw failure(Code::badEngine, "TensorRT's inspector says nothing", mark);
  return json;
}

Bucket* LoadedEngine::nearest(const Shape& batch) const noexcept {
  Bucket* best = nullptr;
  for (const auto& bucket : buckets_) {
    const Shape& shape = bucket->shape();
    if (shape.batch < batch.batch || shape.sequence < batch.sequence) continue;
    if (best == nullptr || tokensOf(shape) < tokensOf(best->shape())) best = bucket.get();
  }
  return best;
}

/** The narrowest profile that takes the bucket: it was tuned nearest to it. */
int LoadedEngine::profileFor(const Shape& bucket) const {
  int best = -1;
  for (int i = 0; i < static_cast<int>(profiles_.size()); i++) {
    if (!holds(profiles_[i], bucket)) continue;
    if (best < 0 || tokensOf(profiles_[i].max) < tokensOf(profiles_[best].max)) best = i;
  }
  if (best < 0) throw Error(Code::badArgument, "The bucket " + inWords(bucket) + " lies within no profile of the engine.");
  return best;
}

void LoadedEngine::makeContexts(const std::vector<Shape>& buckets) {
  for (const Shape& shape : buckets) {
    const int profile = profileFor(shape);
    std::unique_ptr<ProfileContext>& context = contexts_[profile];
    if (!context) context = std::make_unique<ProfileContext>(*engine_, tensors_, profile, stream_);
    buckets_.push_back(std::make_unique<Bucket>(*context, shape, tensors_.hidden, blocks_, stream_));
    activationBytes_ = std::max(activationBytes_, buckets_.back()->activationBytes());
  }
}

void LoadedEngine::makeBlocks(const std::vector<Shape>& buckets) {
  size_t inputBytes = 0;
  size_t outputBytes = 0;
  for (const Shape& shape : buckets) {
    const Layout layout(shape, tensors_.hidden);
    inputBytes = std::max(inputBytes, layout.inputBytes);
    outputBytes = std::max(outputBytes, layout.outputBytes);
  }
  blocks_ = {allocateDeviceMemory(inputBytes), allocateDeviceMemory(outputBytes), allocatePinnedMemory(inputBytes),
             allocatePinnedMemory(outputBytes)};
}

}  // namespace intentd

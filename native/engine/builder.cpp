#include "engine/builder.h"

#include <chrono>

#include "cuda_raii/device.h"
#include "engine/log.h"
#include "engine/nvtx.h"
#include "engine/tensorrt_library.h"

namespace intentd {
namespace {

using nvinfer1::OptProfileSelector;

/** Precisions are the graph's own: TensorRT 11 knows no other network, 10 has to be told. */
constexpr uint32_t networkFlags() {
#if NV_TENSORRT_MAJOR < 11
  return 1U << static_cast<uint32_t>(nvinfer1::NetworkDefinitionCreationFlag::kSTRONGLY_TYPED);
#else
  return 0;
#endif
}

void parse(nvonnxparser::IParser& parser, const Bytes& onnx, uint64_t mark) {
  if (parser.parse(onnx.data(), onnx.size())) return;
  std::string words;
  for (int i = 0; i < parser.getNbErrors(); i++) {
    const nvonnxparser::IParserError* error = parser.getError(i);
    if (error == nullptr) continue;
    words += std::string(words.empty() ? "" : "; ") + error->desc();
    if (error->node() >= 0) words += " (node " + std::to_string(error->node()) + " " + error->nodeName() + ", " + error->nodeOperator() + ")";
  }
  throw failure(Code::parseFailed, "TensorRT's parser refuses the ONNX: " + words, mark);
}

void addProfile(nvinfer1::IBuilder& builder, nvinfer1::IBuilderConfig& config, const Tensors& tensors,
                const Profile& profile, uint64_t mark) {
  nvinfer1::IOptimizationProfile* const added = builder.createOptimizationProfile();
  const auto set = [&](OptProfileSelector which, const Shape& shape) {
    return added->setDimensions(tensors.tokens.c_str(), which, tokensShape(shape)) &&
           added->setDimensions(tensors.lengths.c_str(), which, lengthsShape(shape));
  };
  if (added == nullptr || !set(OptProfileSelector::kMIN, profile.min) || !set(OptProfileSelector::kOPT, profile.opt) ||
      !set(OptProfileSelector::kMAX, profile.max) || config.addOptimizationProfile(added) < 0) {
    throw failure(Code::buildFailed, "TensorRT refuses the profile " + inWords(profile.min) + " to " + inWords(profile.max), mark);
  }
}

/** The cache of earlier timings, or an empty one where that is of another TensorRT or GPU. */
std::unique_ptr<nvinfer1::ITimingCache> useTimingCache(nvinfer1::IBuilderConfig& config, const std::optional<Bytes>& known,
                                                       uint64_t mark) {
  if (known && !known->empty()) {
    std::unique_ptr<nvinfer1::ITimingCache> cache(config.createTimingCache(known->data(), known->size()));
    if (cache && config.setTimingCache(*cache, false)) return cache;
    Log::instance().warn("The timing cache is not this TensorRT's and GPU's: timing starts from nothing.");
  }
  std::unique_ptr<nvinfer1::ITimingCache> cache(config.createTimingCache(nullptr, 0));
  if (!cache || !config.setTimingCache(*cache, false)) throw failure(Code::buildFailed, "TensorRT takes no timing cache", mark);
  return cache;
}

void configure(nvinfer1::IBuilderConfig& config, const BuildRequest& request) {
  config.setMemoryPoolLimit(nvinfer1::MemoryPoolType::kWORKSPACE, request.workspaceBytes);
  config.setBuilderOptimizationLevel(request.builderLevel);
  if (request.sparse) config.setFlag(nvinfer1::BuilderFlag::kSPARSE_WEIGHTS);
  if (request.detailedProfiling) config.setProfilingVerbosity(nvinfer1::ProfilingVerbosity::kDETAILED);
}

Bytes copyOf(const std::unique_ptr<nvinfer1::IHostMemory>& memory) {
  const auto* from = static_cast<const uint8_t*>(memory->data());
  return Bytes(from, from + memory->size());
}

}  // namespace

BuildResult buildEngine(const BuildRequest& request, const ProgressSink& progress, const std::atomic<bool>& cancelled) {
  const NvtxRange range("intentd build");
  const auto start = std::chrono::steady_clock::now();
  const TensorRt& tensorrt = TensorRt::open();
  useDevice();
  const uint64_t mark = Log::instance().mark();

  const auto builder = tensorrt.makeBuilder();
  const std::unique_ptr<nvinfer1::INetworkDefinition> network(builder->createNetworkV2(networkFlags()));
  const std::unique_ptr<nvinfer1::IBuilderConfig> config(builder->createBuilderConfig());
  if (!network || !config) throw failure(Code::buildFailed, "TensorRT gives no network", mark);
  const auto parser = tensorrt.makeParser(*network);
  parse(*parser, request.onnx, mark);
  const Tensors tensors = tensorsOf(*network);

  configure(*config, request);
  for (const Profile& profile : request.profiles) addProfile(*builder, *config, tensors, profile, mark);
  const auto cache = useTimingCache(*config, request.timingCache, mark);
  const uint64_t building = Log::instance().mark();
  BuildProgress monitor(progress, cancelled);
  config->setProgressMonitor(&monitor);

  if (cancelled.load()) throw Error(Code::cancelled, "The build was cancelled.");
  const std::unique_ptr<nvinfer1::IHostMemory> plan(builder->buildSerializedNetwork(*network, *config));
  if (cancelled.load()) throw Error(Code::cancelled, "The build was cancelled.");
  if (!plan) throw failure(Code::buildFailed, "TensorRT built no engine", building);
  const std::unique_ptr<nvinfer1::IHostMemory> timings(cache->serialize());
  if (!timings) throw failure(Code::buildFailed, "TensorRT does not write its timing cache", building);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  return {copyOf(plan), copyOf(timings), took.count()};
}

}  // namespace intentd

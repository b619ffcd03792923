#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "engine/build_progress.h"
#include "engine/tensors.h"

namespace intentd {

using Bytes = std::vector<uint8_t>;

struct BuildRequest {
  Bytes onnx;
  std::vector<Profile> profiles;
  bool sparse;
  size_t workspaceBytes;
  int builderLevel;
  std::optional<Bytes> timingCache;
  bool detailedProfiling;
};

struct BuildResult {
  Bytes plan;
  Bytes timingCache;
  double buildMs;
};

/**
 * Turns ONNX into a serialized engine, on the calling thread.
 *
 * @throws Error `PARSE_FAILED`, `BUILD_FAILED`, `OUT_OF_MEMORY`, `CANCELLED`, and what opening TensorRT and CUDA throws.
 */
BuildResult buildEngine(const BuildRequest& request, const ProgressSink& progress, const std::atomic<bool>& cancelled);

}  // namespace intentd

#pragma once

#include <NvInfer.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>

namespace intentd {

/** One step of a phase; phases nest, depth 0 is the whole. */
struct Progress {
  std::string phase;
  int step;
  int steps;
  int depth;
};

/** Called on TensorRT's threads. */
using ProgressSink = std::function<void(const Progress&)>;

/** Tells of the build's steps and ends it at the next one when `cancelled` is set. */
class BuildProgress : public nvinfer1::IProgressMonitor {
 public:
  BuildProgress(ProgressSink sink, const std::atomic<bool>& cancelled) : sink_(std::move(sink)), cancelled_(cancelled) {}

  void phaseStart(const char* phase, const char* parent, int32_t steps) noexcept override;
  bool stepComplete(const char* phase, int32_t step) noexcept override;
  void phaseFinish(const char* phase) noexcept override;

 private:
  struct Phase {
    int steps;
    int depth;
  };
  void tell(const std::string& name, const Phase& phase, int step);

  ProgressSink sink_;
  const std::atomic<bool>& cancelled_;
  std::mutex mutex_;
  std::map<std::string, Phase> phases_;
};

}  // namespace intentd

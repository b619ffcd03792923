// Stands in for TensorRT's builder: ten steps of 5 ms, told and cancelled as TensorRT's own are.

#include "engine/builder.h"

#include <chrono>
#include <string>
#include <thread>

#include "engine/log.h"

namespace intentd {

BuildResult buildEngine(const BuildRequest& request, const ProgressSink& progress, const std::atomic<bool>& cancelled) {
  const std::string graph(request.onnx.begin(), request.onnx.end());
  const uint64_t mark = Log::instance().mark();
  if (graph == "bad") {
    Log::instance().log(nvinfer1::ILogger::Severity::kERROR, "a word of the parser's");
    throw failure(Code::parseFailed, "The stand-in refuses the ONNX", mark);
  }
  BuildProgress monitor(progress, cancelled);
  monitor.phaseStart("build", nullptr, 10);
  monitor.phaseStart("tactics", "build", 1);
  for (int step = 0; step < 10; step++) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (!monitor.stepComplete("build", step)) throw Error(Code::cancelled, "The build was cancelled.");
  }
  monitor.phaseFinish("tactics");
  monitor.phaseFinish("build");
  return {request.onnx, {1, 2, 3}, 50};
}

}  // namespace intentd
